using System.Collections.Concurrent;
using System.Globalization;
using CsCheck;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Refresh;

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
        var model = (await worlds.GetAsync(FirstWorld)).World.Model;
        var near = GoldDefinitions.Of(model).ByTable.Values.Select(d => QueryGen.Near(d.Table, [.. d.Dimensions, .. d.Attributes], model.Calendar)).ToArray();
        var served = new ConcurrentBag<string>();
        await Gen.Select(Gen.Int[0, 3], Gen.Frequency((9, Gen.OneOf(near)), (1, QueryGen.Any))).CheckAsync(
            async drawn =>
            {
                var (number, query) = drawn;
                var answer = await CheckAsync(await worlds.GetAsync(FirstWorld + number), query);
                served.Add(string.Join('+', answer.Served.By));
            },
            RandomCases.Of(2000),
            print: c => $"world {FirstWorld + c.Item1}: {QueryGen.Print(c.Item2)}");
        var counts = served.CountBy(s => s).ToDictionary();
        output.WriteLine(string.Join(", ", counts.OrderBy(c => c.Key).Select(c => $"{c.Key} {c.Value}")));

        // Nothing is proved of who never answered.
        Assert.All(["gold", "lake", "gold+lake"], by => Assert.True(counts.GetValueOrDefault(by) > 0, $"{by} answered no query."));
    }

    [Fact]
    public async Task Every_table_answers_its_own_question()
    {
        // Not every world has rows of every fact.
        var unanswered = GoldDefinitions.Of((await worlds.GetAsync(0)).World.Model).ByTable.Keys.ToHashSet();
        for (var number = 0; unanswered.Count > 0; number += 4)
        {
            Assert.True(number < 20, "No world has rows of " + string.Join(", ", unanswered));
            var world = await worlds.GetAsync(number);
            var model = world.World.Model;
            foreach (var definition in GoldDefinitions.Of(model).ByTable.Values.Where(d => unanswered.Contains(d.Table.Name)))
            {
                var table = definition.Table;
                var first = PartitionPeriod.Containing(table.From ?? new DateOnly(2023, 11, 15), table.Partition, model.Calendar);
                var last = PartitionPeriod.Containing(new DateOnly(2024, 8, 10), table.Partition, model.Calendar);
                var answer = await CheckAsync(world, new MetricQuery
                {
                    Metrics = table.Metrics,
                    GroupBy = [.. table.GroupBy, new FieldName([FieldName.MetricTime], table.Grain)],
                    TimeRange = new AbsoluteTimeRange(TimePoint.FromDate(first.From), TimePoint.FromDate(last.To)),
                    TimeZone = table.TimeZone,
                    Where = table.Where,
                    Tenant = table.Audience == Audience.External ? "acme" : null,
                });
                Assert.True(answer.Served.By.SequenceEqual(["gold"]), $"{table.Name}: {string.Join(", ", answer.Served.Misses)}");
                if (answer.Rows.Count > 0)
                {
                    unanswered.Remove(table.Name);
                }
            }
        }
    }

    [Fact]
    public async Task Gold_is_made_anew_when_the_zone_that_validity_is_read_in_changes()
    {
        // Both zones had the same clock in 2000, which the definition's own statement is of.
        var model = (await worlds.GetAsync(0)).World.Model;
        var table = model.GoldTables["tiers_hourly"];
        string Hash(string zone) => GoldDefinition.Create(model with { TimeZone = TimeZoneInfo.FindSystemTimeZoneById(zone) }, table).Hash;
        Assert.Equal(Hash("Europe/Istanbul"), Hash("Europe/Istanbul"));
        Assert.NotEqual(Hash("Europe/Helsinki"), Hash("Europe/Istanbul"));
    }

    [Fact]
    public async Task Gold_does_not_filter_a_semi_additive_measure()
    {
        // The last moment of a day is that of all countries in gold, and that of one country in the answer.
        var answer = await CheckAsync(await worlds.GetAsync(0), new MetricQuery
        {
            Metrics = ["last_seconds"],
            GroupBy = [FieldName.Parse("visit__country"), new FieldName([FieldName.MetricTime], TimeGrain.Day)],
            TimeRange = new AbsoluteTimeRange(TimePoint.FromDate(new DateOnly(2023, 11, 1)), TimePoint.FromDate(new DateOnly(2024, 8, 1))),
            Where = new ComparisonFilter(FieldName.Parse("visit__country"), FilterOperator.In, ["DE", "FR"]),
        });
        Assert.NotEmpty(answer.Rows);
        Assert.Equal(["lake"], answer.Served.By);
        Assert.Contains(answer.Served.Misses, m => m is { Table: "last_daily", Code: "not_additive" });
    }

    /// <summary>Where the clock is changed two hours land on one: distinct visitors of both are not those of either.</summary>
    [Theory]
    [InlineData("Europe/Berlin", "2023-10-29")]
    [InlineData("Europe/Berlin", "2024-03-30")]
    [InlineData("America/New_York", "2023-11-05")]
    [InlineData("America/New_York", "2024-03-09")]
    [InlineData("Australia/Lord_Howe", "2024-04-06")]
    public async Task Hours_are_moved_over_a_change_of_the_clock(string zone, string day)
    {
        var date = DateOnly.Parse(day, CultureInfo.InvariantCulture);
        for (var number = 0; number < 4; number++)
        {
            foreach (var metric in new[] { "visitors", "visits", "about_visitors" })
            {
                foreach (var (compare, from) in new[] { (new Comparison(ComparisonKind.PreviousPeriod), 1), (new Comparison(ComparisonKind.Offset, new CalendarPeriod(24, TimeGrain.Hour)), 0), (new Comparison(ComparisonKind.Offset, new CalendarPeriod(24, TimeGrain.Hour)), 1) })
                {
                    var answer = await CheckAsync(await worlds.GetAsync(number), new MetricQuery
                    {
                        Metrics = [metric],
                        GroupBy = [FieldName.Parse("visit__country"), new FieldName([FieldName.MetricTime], TimeGrain.Hour)],
                        TimeRange = new AbsoluteTimeRange(TimePoint.FromDate(date.AddDays(from)), TimePoint.FromDate(date.AddDays(from + 1))),
                        TimeZone = TimeZoneInfo.FindSystemTimeZoneById(zone),
                        Compare = compare,
                    });

                    // Whether two visitors of one country came in those very hours is the data's matter; gold cannot know.
                    Assert.True(metric != "visitors" || compare.To == ComparisonKind.Offset || answer.Served.Misses.Any(m => m is { Table: "visits_hourly", Code: "not_additive" or "time_zone" }), string.Join(", ", answer.Served.Misses));
                }
            }
        }
    }

    /// <summary>Auto gives what brute force gives; gold gives the same, or refuses with a miss that is known.</summary>
    internal static async Task<MetricAnswer> CheckAsync(EngineWorld world, MetricQuery query)
    {
        var expected = new BruteForce(world.World, EngineWorld.Now).Answer(query);
        var both = await world.ServeAsync(query with { Source = QuerySource.Auto });
        Answers.Same(expected, EngineWorld.Of(both), string.Join(" + ", both.Served.By.Concat(both.Served.Tables.Select(t => t.Name))), query.OrderBy);
        if (both.Served.By.SequenceEqual(["gold"]))
        {
            // What auto took from gold alone, gold must give.
            Answers.Same(expected, EngineWorld.Of(await world.ServeAsync(query with { Source = QuerySource.Gold })), "gold", query.OrderBy);
        }
        else
        {
            var refused = await Assert.ThrowsAsync<QueryException>(() => world.ServeAsync(query with { Source = QuerySource.Gold }));
            Assert.All(refused.Problems, p => Assert.True(p.Code == "not_in_gold" && Misses.Contains(p.Message.Split(':')[0]), p.ToString()));
            Assert.All(both.Served.Misses, m => Assert.Contains(m.Code, Misses));
            Assert.NotEmpty(both.Served.Misses);
        }

        return both;
    }
}
