using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Query;

/// <summary>Moments within a day are the rows of a time spine, whatever gaps it has.</summary>
public sealed class MomentTests : IAsyncLifetime
{
    // Any table with a time will do as a spine: here the hours in which somebody visited.
    private const string More = """
        time_spines:
          - { node_relation: { alias: visits }, primary_column: { name: started_at, time_granularity: second } }
        metrics:
          - { name: orders_every_moment, type: simple, type_params: { measure: { name: order_rows, join_to_timespine: true, fill_nulls_with: 0 } } }
          - { name: orders_at_day_start, type: derived, type_params: { expr: o, metrics: [{ name: orders, alias: o, offset_to_grain: day }] } }
          - { name: orders_at_hour_start, type: derived, type_params: { expr: o, metrics: [{ name: orders, alias: o, offset_to_grain: hour }] } }
          - { name: orders_5h_before, type: derived, type_params: { expr: o, metrics: [{ name: orders, alias: o, offset_window: 5 hours }] } }
          - { name: orders_ever, type: cumulative, type_params: { measure: order_rows } }
          - { name: orderers_3h, type: cumulative, type_params: { measure: voucher_count, cumulative_type_params: { window: 90 hours } } }
        """;

    private EngineWorld _world = null!;

    public async ValueTask InitializeAsync() => _world = await EngineWorld.CreateAsync([.. WorldModel.Files("UTC"), ("more.yaml", More)], new WorldData(7).Make(), WorldModel.Tables);

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Theory]
    [InlineData(null, null)]
    [InlineData("2024-01-01", "2025-01-01")]
    public async Task Hours(string? from, string? to)
    {
        var answer = await _world.AnswerAsync(new MetricQuery
        {
            Metrics = ["orders_ever", "orderers_3h", "orders_every_moment"],
            GroupBy = [new FieldName([FieldName.MetricTime], TimeGrain.Hour)],
            TimeRange = from is null ? null : new AbsoluteTimeRange(TimePoint.FromDate(DateOnly.Parse(from, null)), TimePoint.FromDate(DateOnly.Parse(to!, null))),
            Source = QuerySource.Lake,
        });
        bool Holds(DateTime time) => from is null || (time >= DateTime.Parse(from, null) && time < DateTime.Parse(to!, null));
        var orders = _world.World.Tables["shop.orders"].Where(r => r["placed_at"] is not null).Select(r => (Hour: Hour(r["placed_at"]), Id: r["order_id"], Voucher: r["voucher"])).ToList();
        var moments = _world.World.Tables["visits"].Where(r => r["started_at"] is not null).Select(r => Hour(r["started_at"])).Where(Holds).Distinct().Order().ToList();
        var expected = moments.Concat(orders.Select(o => o.Hour).Where(Holds)).Distinct().Order().Select(hour =>
        {
            var isMoment = moments.Contains(hour);
            var past = orders.Where(o => o.Hour <= hour && isMoment && (to is null || o.Hour < DateTime.Parse(to, null))).ToList();
            var window = past.Where(o => o.Hour > hour.AddHours(-90)).ToList();
            return new object?[]
            {
                hour,
                past.Count == 0 ? null : (long)past.Count(o => o.Id is not null),
                window.Count == 0 ? null : (long)window.Select(o => o.Voucher).Where(v => v is not null).Distinct().Count(),
                (long)orders.Count(o => o.Hour == hour && o.Id is not null),
            };
        }).ToList();
        Assert.True(expected.Count > 20, "There is nothing to compare.");
        Answers.Same(new OracleAnswer(answer.Columns, expected, null), answer);
    }

    /// <summary>An offset within a day lands in the time spine's hours alone; from day grain up in every day.</summary>
    [Fact]
    public async Task Offsets()
    {
        var spine = Moments.ToHashSet();
        var landed = Orders.ConvertAll(o => (Hour: o.Hour.AddHours(5), o.Id));
        Assert.Contains(landed, o => !spine.Contains(o.Hour));
        await SameAsync("orders_5h_before", landed.Where(o => spine.Contains(o.Hour)).GroupBy(o => o.Hour).Select(g => new object?[] { g.Key, g.LongCount(o => o.Id is not null) }), "UTC");
        await SameAsync("orders_5h_before", landed.GroupBy(o => o.Hour.Date).Select(g => new object?[] { DateOnly.FromDateTime(g.Key), g.LongCount(o => o.Id is not null) }), "UTC", TimeGrain.Day);
    }

    /// <summary>At the start of a day on the query's clock, which has 23 to 25 hours, and of an hour, which every hour is.</summary>
    [Theory]
    [InlineData("UTC")]
    [InlineData("Europe/Berlin")]
    [InlineData("Asia/Kolkata")]
    public async Task At_the_start_of_a_grain_within_a_day(string zoneId)
    {
        var zone = TimeZoneInfo.FindSystemTimeZoneById(zoneId);
        // Where hours are cut on the query's clock, those of India start at half past.
        DateTime Cut(object? utc) => zoneId == "Asia/Kolkata" ? Hour(((DateTime)utc!).AddMinutes(30)).AddMinutes(-30) : Hour(utc);
        DateTime Day(DateTime utc) => TimeZoneInfo.ConvertTimeFromUtc(utc, zone).Date;
        var orders = _world.World.Tables["shop.orders"].Where(r => r["placed_at"] is not null).Select(r => (Hour: Cut(r["placed_at"]), Id: r["order_id"])).ToList();
        var moments = _world.World.Tables["visits"].Where(r => r["started_at"] is not null).Select(r => Cut(r["started_at"])).Distinct().ToList();
        Task CountedAsync(string metric, Func<DateTime, DateTime, bool> counts) => SameAsync(
            metric,
            moments.Select(m => (Moment: m, Orders: orders.Where(o => counts(o.Hour, m)).ToList())).Where(m => m.Orders.Count > 0).Select(m => new object?[] { m.Moment, m.Orders.LongCount(o => o.Id is not null) }),
            zoneId);
        await CountedAsync("orders_at_day_start", (order, moment) => Day(order) == Day(moment) && Day(order.AddHours(-1)) != Day(order));
        await CountedAsync("orders_at_hour_start", (order, moment) => order == moment);
    }

    private List<(DateTime Hour, object? Id)> Orders => [.. _world.World.Tables["shop.orders"].Where(r => r["placed_at"] is not null).Select(r => (Hour(r["placed_at"]), r["order_id"]))];

    private List<DateTime> Moments => [.. _world.World.Tables["visits"].Where(r => r["started_at"] is not null).Select(r => Hour(r["started_at"])).Distinct().Order()];

    private async Task SameAsync(string metric, IEnumerable<object?[]> expected, string zone, TimeGrain grain = TimeGrain.Hour)
    {
        var answer = await _world.AnswerAsync(new MetricQuery
        {
            Metrics = [metric], GroupBy = [new FieldName([FieldName.MetricTime], grain)], TimeZone = TimeZoneInfo.FindSystemTimeZoneById(zone), Source = QuerySource.Lake,
        });
        List<object?[]> rows = [.. expected.OrderBy(r => r[0])];
        Assert.NotEmpty(rows);
        Answers.Same(new OracleAnswer(answer.Columns, rows, null), answer);
    }

    private static DateTime Hour(object? time) => (DateTime)time! is var at ? new DateTime(at.Year, at.Month, at.Day, at.Hour, 0, 0, DateTimeKind.Utc) : default;
}
