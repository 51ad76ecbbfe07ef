using System.Collections.Concurrent;
using CsCheck;
using Write.DataPlatform.Lake;

namespace Write.DataPlatform.Tests.Query;

/// <summary>Worlds of funnels and retentions, made once.</summary>
public sealed class JourneyWorlds : IAsyncLifetime
{
    internal const int Count = 10;

    private readonly ConcurrentDictionary<int, Lazy<Task<EngineWorld>>> _worlds = new();

    internal Task<EngineWorld> GetAsync(int number) => _worlds.GetOrAdd(
        number, n => new Lazy<Task<EngineWorld>>(() => CreateAsync(n))).Value;

    internal static Task<EngineWorld> CreateAsync(int number, Func<string, ILake>? lakeOf = null) =>
        EngineWorld.CreateAsync(JourneyWorld.Model(number % 2 == 0 ? "monday" : "sunday"), JourneyWorld.Rows(number), JourneyWorld.Tables, lakeOf);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var world in _worlds.Values.Where(w => w.Value.IsCompletedSuccessfully))
        {
            await (await world.Value).DisposeAsync();
        }
    }
}

public sealed class JourneyTests(JourneyWorlds worlds) : IClassFixture<JourneyWorlds>
{
    [Fact]
    public async Task Random_funnels_and_retentions_equal_brute_force()
    {
        var cases = RandomCases.Of(2000);
        var (finished, fell, cameBack, skipped) = (0, 0, 0, 0);
        await Gen.Select(Gen.Int[0, JourneyWorlds.Count - 1], Gen.Int[0, 10_000_000]).CheckAsync(
            async drawn =>
            {
                var (number, question) = drawn;
                var world = await worlds.GetAsync(number);
                var @case = JourneyWorld.Case(question);
                var expected = new JourneyOracle(world.World.Tables, world.World.Model.Calendar, @case).Answer();
                Answers.Same(expected, await world.AnswerAsync(@case.Query));

                // What the questions must come upon, or they prove nothing.
                var value = expected.Columns.IndexOf(@case.Query.Metrics[0]);
                if (@case.Metric is FunnelOf funnel)
                {
                    Interlocked.Add(ref finished, expected.Rows.Count(r => r[value - 1] is string s && s == $"step {10 - funnel.Steps.Length}" && r[value] is > 0L));
                    Interlocked.Add(ref fell, expected.Rows.Count(r => r[value + 3] is > 0L));
                }
                else
                {
                    Interlocked.Add(ref cameBack, expected.Rows.Count(r => r[value - 1] is > 0L && r[value] is > 0L));
                    Interlocked.Add(ref skipped, expected.Rows.Count(r => r[value] is 0L));
                }
            },
            cases,
            print: c => $"world {c.Item1}, question {c.Item2}: {JourneyWorld.Case(c.Item2).Metric} {QueryGen.Print(JourneyWorld.Case(c.Item2).Query)}");
        Assert.All(new[] { finished, fell, cameBack, skipped }, count => Assert.True(count > cases / 10, $"only {count}"));
    }

    /// <summary>The steps of a funnel are in an order that is not that of their names, and pages keep it, whichever way round.</summary>
    [Fact]
    public async Task Pages_of_any_size_are_the_answer_of_brute_force()
    {
        var cases = RandomCases.Of(100, weight: 10);
        var paged = 0;
        await Gen.Select(Gen.Int[0, JourneyWorlds.Count - 1], Gen.Int[0, 10_000_000], Gen.Int[0, 1_000]).CheckAsync(
            async drawn =>
            {
                var (number, question, dice) = drawn;
                var world = await worlds.GetAsync(number);
                var @case = JourneyWorld.Case(question);
                var query = @case.Query with { Limit = null };
                var expected = new JourneyOracle(world.World.Tables, world.World.Model.Calendar, @case with { Query = query }).Answer();
                var size = Math.Max(1, expected.Rows.Count / 12) + (dice % Math.Max(1, expected.Rows.Count));
                var (answer, pages) = await PagingTests.PagedAsync(world, query with { Limit = size });
                Answers.Same(expected, answer, $"pages of {size}");
                Assert.Equal(Math.Max(1, (expected.Rows.Count + size - 1) / size), pages);
                Interlocked.Add(ref paged, pages - 1);
            },
            cases,
            print: c => $"world {c.Item1}, question {c.Item2}, dice {c.Item3}: {JourneyWorld.Case(c.Item2).Metric} {QueryGen.Print(JourneyWorld.Case(c.Item2).Query)}");
        Assert.True(paged > cases / 2, $"Only {paged} cursors were followed.");
    }
}
