using System.Collections.Concurrent;
using CsCheck;
using Write.DataPlatform.Tests.Lake.Athena;

namespace Write.DataPlatform.Tests.Query;

/// <summary>Worlds whose lake takes Athena's SQL alone, made once.</summary>
public sealed class AthenaWorlds : IAsyncLifetime
{
    private readonly ConcurrentDictionary<(bool Journeys, int Number), Lazy<Task<EngineWorld>>> _worlds = new();

    internal Task<EngineWorld> GetAsync(int number) =>
        _worlds.GetOrAdd((false, number), _ => new Lazy<Task<EngineWorld>>(() => Worlds.CreateAsync(number, path => new TrinoLake(path, "shop")))).Value;

    internal Task<EngineWorld> JourneysAsync(int number) =>
        _worlds.GetOrAdd((true, number), _ => new Lazy<Task<EngineWorld>>(() => JourneyWorlds.CreateAsync(number, path => new TrinoLake(path)))).Value;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var world in _worlds.Values.Where(w => w.Value.IsCompletedSuccessfully))
        {
            await (await world.Value).DisposeAsync();
        }
    }
}

/// <summary>The same questions by Athena's SQL, run as Trino would: see <c>TrinoTranslator</c> for what that proves.</summary>
public sealed class AthenaTests(AthenaWorlds worlds) : IClassFixture<AthenaWorlds>
{
    private static readonly int FirstWorld = int.Parse(Environment.GetEnvironmentVariable("WDP_WORLD") ?? "0", null);

    [Fact]
    public Task Random_queries_equal_brute_force() =>
        Gen.Select(Gen.Int[0, 7], QueryGen.Any).CheckAsync(
            async drawn =>
            {
                var (world, query) = drawn;
                var engine = await worlds.GetAsync(FirstWorld + world);
                Answers.Same(new BruteForce(engine.World, EngineWorld.Now).Answer(query), await engine.AnswerAsync(query), order: query.OrderBy);
            },
            RandomCases.Of(300, weight: 5),
            print: c => $"world {FirstWorld + c.Item1}: {QueryGen.Print(c.Item2)}");

    [Fact]
    public Task Random_funnels_and_retentions_equal_brute_force() =>
        Gen.Select(Gen.Int[0, JourneyWorlds.Count - 1], Gen.Int[0, 10_000_000]).CheckAsync(
            async drawn =>
            {
                var (number, question) = drawn;
                var world = await worlds.JourneysAsync(number);
                var @case = JourneyWorld.Case(question);
                var (expected, actual) = (new JourneyOracle(world.World.Tables, world.World.Model.Calendar, @case).Answer(), await world.AnswerAsync(@case.Query));
                Answers.Same(ToMilliseconds(expected, actual), actual);
            },
            RandomCases.Of(300, weight: 5),
            print: c => $"world {c.Item1}, question {c.Item2}: {JourneyWorld.Case(c.Item2).Metric} {QueryGen.Print(JourneyWorld.Case(c.Item2).Query)}");

    /// <summary>Trino tells the time between two events in milliseconds, and some of these are a microsecond apart.</summary>
    private static OracleAnswer ToMilliseconds(OracleAnswer expected, OracleAnswer actual)
    {
        for (var row = 0; row < Math.Min(expected.Rows.Count, actual.Rows.Count); row++)
        {
            for (var column = 0; column < expected.Columns.Count; column++)
            {
                if (expected.Columns[column].EndsWith("_seconds", StringComparison.Ordinal)
                    && expected.Rows[row][column] is double seconds && actual.Rows[row][column] is double told && Math.Abs(seconds - told) <= 0.001)
                {
                    expected.Rows[row][column] = told;
                }
            }
        }

        return expected;
    }
}
