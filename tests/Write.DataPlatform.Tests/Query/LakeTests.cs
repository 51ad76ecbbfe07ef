using System.Collections.Concurrent;
using CsCheck;
using Write.DataPlatform.Lake;

namespace Write.DataPlatform.Tests.Query;

/// <summary>Worlds made once for all tests: the same number, the same rows.</summary>
public sealed class Worlds : IAsyncLifetime
{
    private readonly ConcurrentDictionary<int, Lazy<Task<EngineWorld>>> _worlds = new();

    internal Task<EngineWorld> GetAsync(int number) => _worlds.GetOrAdd(number, n => new Lazy<Task<EngineWorld>>(() => CreateAsync(n))).Value;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var world in _worlds.Values.Where(w => w.Value.IsCompletedSuccessfully))
        {
            await (await world.Value).DisposeAsync();
        }
    }

    internal static Task<EngineWorld> CreateAsync(int number, Func<string, ILake>? lakeOf = null)
    {
        var files = (number % 4) switch
        {
            0 => WorldModel.Files(),
            1 => WorldModel.Files("America/New_York", "sunday", yearStart: 4),
            2 => WorldModel.Files("UTC"),
            _ => WorldModel.Files("Asia/Kolkata", "saturday", yearStart: 12),
        };
        return EngineWorld.CreateAsync(files, new WorldData(number).Make(), WorldModel.Tables, lakeOf);
    }
}

public sealed class LakeTests(Worlds worlds) : IClassFixture<Worlds>
{
    /// <summary>Set to look at other rows than every day's.</summary>
    private static readonly int FirstWorld = int.Parse(Environment.GetEnvironmentVariable("WDP_WORLD") ?? "0", null);

    [Fact]
    public Task Random_queries_equal_brute_force() =>
        Gen.Select(Gen.Int[0, 11], QueryGen.Any).CheckAsync(
            async drawn =>
            {
                var (world, query) = drawn;
                var engine = await worlds.GetAsync(FirstWorld + world);
                Answers.Same(new BruteForce(engine.World, EngineWorld.Now).Answer(query), await engine.AnswerAsync(query), order: query.OrderBy);
            },
            RandomCases.Of(1500),
            print: c => $"world {FirstWorld + c.Item1}: {QueryGen.Print(c.Item2)}");
}
