using CsCheck;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Query;

/// <summary>Page by page the same rows as at once, and cursors that nobody else can use.</summary>
public sealed class PagingTests(GoldWorlds worlds) : IClassFixture<GoldWorlds>
{
    private static readonly long Cases = RandomCases.Of(150, weight: 10);

    private static readonly MetricQuery ByCountry = new() { Metrics = ["visits", "seconds"], GroupBy = [FieldName.Parse("visit__country")], Limit = 1 };

    [Fact]
    public async Task Pages_of_any_size_are_the_answer_of_brute_force()
    {
        var model = (await worlds.GetAsync(0)).World.Model;
        var near = GoldDefinitions.Of(model).ByTable.Values.Select(d => QueryGen.Near(d.Table, [.. d.Dimensions, .. d.Attributes], model.Calendar)).ToArray();
        var paged = 0;
        await Gen.Select(Gen.Int[0, 3], Gen.Frequency((1, Gen.OneOf(near)), (1, QueryGen.Any)), From(QuerySource.Auto, QuerySource.Lake), Gen.Int[0, 1_000]).CheckAsync(
            async drawn =>
            {
                var (number, query, source, dice) = drawn;
                var world = await worlds.GetAsync(number);
                query = query with { Limit = null, Source = source };
                var expected = new BruteForce(world.World, EngineWorld.Now).Answer(query);
                var count = expected.Rows.Count;
                // Of few rows all sizes are tried, of many rows one that gives at most a dozen pages.
                foreach (var size in count <= 6 ? Enumerable.Range(1, count + 1) : [Math.Max(1, count / 12) + (dice % count)])
                {
                    var (answer, pages) = await PagedAsync(world, query with { Limit = size });
                    Assert.Equal(Math.Max(1, (count + size - 1) / size), pages);
                    Answers.Same(expected, answer, $"pages of {size}", query.OrderBy);
                    Interlocked.Add(ref paged, pages - 1);
                }
            },
            Cases,
            print: c => $"world {c.Item1}: {QueryGen.Print(c.Item2)} source {c.Item3} dice {c.Item4}");
        Assert.True(paged > Cases, $"Only {paged} cursors were followed.");
    }

    [Fact]
    public async Task Values_without_a_metric_have_pages_too()
    {
        var world = await worlds.GetAsync(0);
        var query = new MetricQuery { GroupBy = [FieldName.Parse("visit__country"), FieldName.Parse("visit__device")], OrderBy = [new QueryOrder("visit__device", true)] };
        var (answer, pages) = await PagedAsync(world, query with { Limit = 2 });
        var rows = world.World.Tables["visits"].Select(r => (Country: (string?)r["country"], Device: (string?)r["device"])).Distinct()
            .OrderBy(r => r.Device is null).ThenByDescending(r => r.Device, StringComparer.Ordinal).ThenBy(r => r.Country is null).ThenBy(r => r.Country, StringComparer.Ordinal);
        Assert.Equal(rows, answer.Rows.Select(r => ((string?)r[0], (string?)r[1])));
        Assert.Equal((answer.Rows.Count + 1) / 2, pages);
    }

    [Fact]
    public async Task A_relative_range_ends_where_it_did_on_the_first_page()
    {
        await using var world = await GoldWorlds.CreateEmptyAsync(1);
        var query = ByCountry with { TimeRange = new ToDateTimeRange(TimeGrain.Year), GroupBy = [FieldName.Parse("metric_time__month")] };
        var expected = new BruteForce(world.World, EngineWorld.Now).Answer(query with { Limit = null });
        var first = await world.ServeAsync(query);
        world.Clock.Advance(TimeSpan.FromDays(400));
        var second = await world.ServeAsync(query with { Cursor = first.Next });
        Answers.Same(expected with { Rows = [.. expected.Rows.Take(2)] }, EngineWorld.Of(second) with { Rows = [.. first.Rows, .. second.Rows] });
    }

    [Fact]
    public async Task Cut_altered_and_foreign_cursors_are_refused()
    {
        var world = await worlds.GetAsync(0);
        var next = (await world.ServeAsync(ByCountry)).Next!;
        for (var length = 0; length < next.Length; length += 7)
        {
            await RefusedAsync(world, ByCountry with { Cursor = next[..length] }, QueryProblems.BadCursor);
        }

        for (var at = 0; at < next.Length; at += 5)
        {
            await RefusedAsync(world, ByCountry with { Cursor = next[..at] + (next[at] == 'A' ? 'B' : 'A') + next[(at + 1)..] }, QueryProblems.BadCursor);
        }

        foreach (var text in new[] { "", " ", "next", "!!", next + "A", next + "=", " " + next, next + next, new string('A', 200), "Ω" })
        {
            await RefusedAsync(world, ByCountry with { Cursor = text }, QueryProblems.BadCursor);
        }

        // Signed by the key of another installation.
        var empty = new ConfigurationBuilder().AddInMemoryCollection([new("DataPlatform:Data", Directory.CreateTempSubdirectory("wdp-seal-").FullName)]).Build();
        var forged = new CursorSeal(empty, NullLogger<CursorSeal>.Instance).Write(world.Get<CursorSeal>().Read(next));
        await RefusedAsync(world, ByCountry with { Cursor = forged }, QueryProblems.BadCursor);
        Directory.Delete(empty["DataPlatform:Data"]!, recursive: true);
    }

    [Fact]
    public void Servers_side_by_side_share_a_key_by_its_setting()
    {
        static CursorSeal Server(string key) => new(new ConfigurationBuilder().AddInMemoryCollection([new(CursorSeal.Setting, key)]).Build(), NullLogger<CursorSeal>.Instance);
        var sealedText = Server("correct horse battery staple, and more").Seal([1, 2, 3]);
        Assert.Equal([1, 2, 3], Server("correct horse battery staple, and more").Open(sealedText)!);
        Assert.Null(Server("correct horse battery staple, and less").Open(sealedText));
    }

    [Fact]
    public async Task A_cursor_is_of_one_query_and_one_tenant()
    {
        var world = await worlds.GetAsync(0);
        var asked = ByCountry with { Tenant = "acme" };
        var next = (await world.ServeAsync(asked)).Next;
        Assert.NotNull(next);
        var field = FieldName.Parse("visit__country");
        MetricQuery[] others =
        [
            asked with { Tenant = "globex" },
            asked with { Tenant = null },
            asked with { Metrics = ["visits"] },
            asked with { GroupBy = [FieldName.Parse("visit__device")] },
            asked with { Limit = 2 },
            asked with { OrderBy = [new QueryOrder("visits", true)] },
            asked with { Where = new ComparisonFilter(field, FilterOperator.IsSet, []) },
            asked with { Having = new ComparisonFilter(FieldName.Parse("visits"), FilterOperator.Gt, [1L]) },
            asked with { TimeRange = new ToDateTimeRange(TimeGrain.Year) },
            asked with { TimeZone = TimeZoneInfo.Utc },
            asked with { Totals = true },
            asked with { Fill = true },
            asked with { Source = QuerySource.Lake },
        ];
        foreach (var other in others)
        {
            await RefusedAsync(world, other with { Cursor = next }, QueryProblems.CursorOfOtherQuery);
        }

        Assert.NotEmpty((await world.ServeAsync(asked with { Cursor = next })).Rows);
    }

    [Fact]
    public async Task A_refused_cursor_and_misspelt_names_are_told_together()
    {
        var refused = await Assert.ThrowsAsync<QueryException>(async () => await (await worlds.GetAsync(0)).ServeAsync(ByCountry with { Metrics = ["vists"], Cursor = "next" }));
        Assert.Equal([(QueryProblems.BadCursor, "cursor"), (QueryProblems.UnknownMetric, "metrics[0]")], refused.Problems.Select(p => (p.Code, p.Path)));
    }

    [Fact]
    public async Task A_refresh_between_pages_ends_them()
    {
        await using var world = await GoldWorlds.CreateEmptyAsync(0);
        var (from, to) = (new DateOnly(2024, 2, 1), new DateOnly(2024, 3, 1));
        var query = ByCountry with { TimeRange = new AbsoluteTimeRange(TimePoint.FromDate(from), TimePoint.FromDate(to)), Source = QuerySource.Gold };
        await world.PublishAsync("visits_daily", null, "2024-02", from, to, isFirst: false, isLast: false);
        var first = await world.ServeAsync(query);
        Assert.Equal("gold", Assert.Single(first.Served.By));
        var second = await world.ServeAsync(query with { Cursor = first.Next });
        Assert.NotEqual(first.Rows[0][0], Assert.Single(second.Rows)[0]);
        await world.PublishAsync("visits_daily", null, "2024-03", to, to.AddMonths(1), isFirst: false, isLast: false);
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        var refused = await RefusedAsync(world, query with { Cursor = first.Next }, QueryProblems.CursorExpired);
        Assert.True(refused.IsUnanswerable);
        Assert.NotEmpty((await world.ServeAsync(query)).Rows);
    }

    [Fact]
    public void A_cursor_keeps_every_kind_of_value()
    {
        object?[] values = ["", "É\n日本", null, true, false, long.MinValue, long.MaxValue, 0.1 + 0.2, double.NaN, double.NegativeInfinity, -0.0, 79228162514264337593543950335m, 1.10m, DateOnly.MinValue, new DateTime(2024, 2, 29, 23, 59, 59, DateTimeKind.Utc).AddTicks(9_999_990)];
        var cursor = new Cursor("q", "m", "s", EngineWorld.Now, [.. values]);
        Assert.Equal(values, Cursor.FromBytes(cursor.ToBytes())!.After.ToArray());
    }

    /// <summary>A query's pages as one answer, and how many there were.</summary>
    internal static async Task<(OracleAnswer Answer, int Pages)> PagedAsync(EngineWorld world, MetricQuery query)
    {
        var page = await world.ServeAsync(query);
        var rows = page.Rows.ToList();
        var pages = 1;
        for (; page.Next is { } next; pages++)
        {
            page = await world.ServeAsync(query with { Cursor = next });
            Assert.InRange(page.Rows.Count, 1, query.Limit!.Value);
            rows.AddRange(page.Rows);
        }

        return (EngineWorld.Of(page) with { Rows = rows }, pages);
    }

    private static async Task<QueryException> RefusedAsync(EngineWorld world, MetricQuery query, string code)
    {
        var refused = await Assert.ThrowsAsync<QueryException>(() => world.ServeAsync(query));
        Assert.Equal((code, "cursor"), (Assert.Single(refused.Problems).Code, refused.Problems[0].Path));
        return refused;
    }

    private static Gen<T> From<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);
}
