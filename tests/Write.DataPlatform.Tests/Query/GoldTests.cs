using System.Collections.Concurrent;
using CsCheck;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Query;

/// <summary>The same number from gold, from the lake and from both.</summary>
public sealed class GoldTests(GoldWorlds worlds, ITestOutputHelper output) : IClassFixture<GoldWorlds>
{
    private static readonly HashSet<string> Misses =
    [
        "measure_not_stored", "dimension_not_stored", "not_additive", "grain", "time_zone", "filter", "range", "unaligned_range", "tenant", "no_table",
    ];

    private static readonly int FirstWorld = int.Parse(Environment.GetEnvironmentVariable("WDP_WORLD") ?? "0", null);

    [Fact]
    public async Task Gold_lake_and_both_give_equal_rows_or_gold_refuses()
    {
        var any = await worlds.GetAsync(FirstWorld);
        var near = GoldDefinitions.Of(any.World.Model).ByTable.Values.Select(d => QueryGen.Near(d.Table, [.. d.Dimensions, .. d.Attributes])).ToArray();
        var served = new ConcurrentBag<string>();
        await Gen.Select(Gen.Int[0, 3], Gen.Frequency((9, Gen.OneOf(near)), (1, QueryGen.Any))).SampleAsync(
            async (number, query) =>
            {
                var world = await worlds.GetAsync(FirstWorld + number);
                var expected = new BruteForce(world.World, EngineWorld.Now).Answer(query);
                var both = await world.ServeAsync(query with { Source = QuerySource.Auto });
                Answers.Same(expected, EngineWorld.Of(both), string.Join(" + ", both.Served.By.Concat(both.Served.Tables.Select(t => t.Name))));
                served.Add(string.Join('+', both.Served.By));
                foreach (var table in both.Served.Tables)
                {
                    served.Add(table.Name);
                }

                if (both.Served.By.SequenceEqual(["gold"]))
                {
                    // What auto served by gold alone, gold must serve.
                    Answers.Same(expected, EngineWorld.Of(await world.ServeAsync(query with { Source = QuerySource.Gold })));
                }
                else
                {
                    var refused = await Assert.ThrowsAsync<QueryException>(() => world.ServeAsync(query with { Source = QuerySource.Gold }));
                    Assert.All(refused.Problems, p => Assert.True(p.Code == "not_in_gold" && Misses.Contains(p.Message.Split(':')[0]), p.ToString()));
                    Assert.All(both.Served.Misses, m => Assert.Contains(m.Code, Misses));
                    Assert.NotEmpty(both.Served.Misses);
                }
            },
            iter: long.Parse(Environment.GetEnvironmentVariable("WDP_CASES") ?? "1000", null),
            threads: 2,
            print: c => $"world {FirstWorld + c.Item1}: {QueryGen.Print(c.Item2)}");
        var counts = served.CountBy(s => s).ToDictionary();
        output.WriteLine(string.Join(", ", counts.OrderBy(c => c.Key).Select(c => $"{c.Key} {c.Value}")));

        // Nothing is proved of what was never served.
        Assert.All(["gold", "lake", "gold+lake", .. GoldDefinitions.Of(any.World.Model).ByTable.Keys], name => Assert.True(counts.GetValueOrDefault(name) > 0, $"{name} served no query."));
    }
}
