using System.Collections.Concurrent;
using CsCheck;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Query;
using Write.DataPlatform.Refresh;

namespace Write.DataPlatform.Tests.Query;

/// <summary>Random queries answered from what the refresh itself published, periods and ends as it chose them.</summary>
public sealed class RefreshedGoldTests(ITestOutputHelper output)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task What_a_refresh_publishes_answers_as_brute_force_does(int number)
    {
        await using var world = await GoldWorlds.CreateEmptyAsync(number);
        var model = world.World.Model;
        var definitions = GoldDefinitions.Of(model).ByTable.Values.ToList();
        var partitions = 0;
        foreach (var definition in definitions)
        {
            var run = await world.Get<RefreshService>().RunAsync(definition.Table.Name, new RefreshRange(), RunTrigger.Manual, null, Cancel);
            Assert.True(run.State == RunState.Succeeded, run.Error + string.Join("; ", run.Partitions.Select(p => p.Error)));
            partitions += run.Partitions.Length;
        }

        Assert.True(partitions > 20, $"{partitions} partitions.");

        var near = definitions.Select(d => QueryGen.Near(d.Table, [.. d.Dimensions, .. d.Attributes], model.Calendar)).ToArray();
        var served = new ConcurrentBag<(string By, bool HasRows, IEnumerable<string> Tables)>();
        await Gen.Frequency((9, Gen.OneOf(near)), (1, QueryGen.Any)).CheckAsync(
            async query =>
            {
                var answer = await GoldTests.CheckAsync(world, query);
                served.Add((string.Join('+', answer.Served.By), answer.Rows.Count > 0, [.. answer.Served.Tables.Select(t => t.Name)]));
            },
            300,
            print: query => $"world {number}: {QueryGen.Print(query)}");
        output.WriteLine(string.Join(", ", served.CountBy(s => s.By).OrderBy(c => c.Key).Select(c => $"{c.Key} {c.Value}")));
        Assert.True(served.Count(s => s is { By: "gold", HasRows: true }) > 10, "Gold alone answered few queries with rows.");
        Assert.True(served.SelectMany(s => s.Tables).Distinct().Count() > 3, "Few tables were asked.");
    }
}
