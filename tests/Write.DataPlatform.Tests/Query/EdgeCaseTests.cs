using System.Globalization;
using System.Text;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Query;

/// <summary>Where calendars bite, with answers that were worked out by hand.</summary>
public sealed class EdgeCaseTests(EdgeWorld world) : IClassFixture<EdgeWorld>
{
    /// <summary>Question, then the rows: cells by <c>|</c>, rows by <c>;</c>, null as <c>-</c>.</summary>
    public static TheoryData<string, string, string> Cases { get; } = new()
    {
        {
            "the day that Berlin's clocks go forward has 23 hours",
            """{"metrics":["visits"],"groupBy":["metric_time__day"],"where":{"field":"visit__country","op":"equals","values":["spring"]},"timeZone":"Europe/Berlin"}""",
            "2024-03-30|1; 2024-03-31|23; 2024-04-01|1"
        },
        {
            "the day that they go back has 25",
            """{"metrics":["visits"],"groupBy":["metric_time__day"],"where":{"field":"visit__country","op":"equals","values":["autumn"]},"timeZone":"Europe/Berlin"}""",
            "2024-10-26|1; 2024-10-27|25; 2024-10-28|1"
        },
        {
            "two to four o'clock on that day are three hours",
            """
            {"metrics":["visits"],"groupBy":["metric_time__hour"],"where":{"field":"visit__country","op":"equals","values":["autumn"]},"timeZone":"Europe/Berlin",
             "timeRange":{"from":"2024-10-27T02:00:00","to":"2024-10-27T04:00:00"},"fill":true}
            """,
            "2024-10-27T00:00:00|1; 2024-10-27T01:00:00|1; 2024-10-27T02:00:00|1"
        },
        {
            "an offset tells the second two o'clock from the first",
            """
            {"metrics":["visits"],"where":{"field":"visit__country","op":"equals","values":["autumn"]},"timeZone":"Europe/Berlin",
             "timeRange":{"from":"2024-10-27T02:00:00+01:00","to":"2024-10-27T04:00:00+01:00"}}
            """,
            "2"
        },
        {
            "an hour that the clock leaves out is no hour",
            """
            {"metrics":["visits"],"groupBy":["metric_time__hour"],"where":{"field":"visit__country","op":"equals","values":["spring"]},"timeZone":"Europe/Berlin",
             "timeRange":{"from":"2024-03-31T01:00:00","to":"2024-03-31T04:00:00"},"fill":true}
            """,
            "2024-03-31T00:00:00|1; 2024-03-31T01:00:00|1"
        },
        {
            "days of India start at half past six in the evening",
            """{"metrics":["visits"],"groupBy":["metric_time__day"],"where":{"field":"visit__country","op":"equals","values":["india"]},"timeZone":"Asia/Kolkata"}""",
            "2024-06-01|1; 2024-06-02|1"
        },
        {
            "and its hours at half past",
            """{"metrics":["visits"],"groupBy":["metric_time__hour"],"where":{"field":"visit__country","op":"equals","values":["india"]},"timeZone":"Asia/Kolkata"}""",
            "2024-06-01T17:30:00|1; 2024-06-01T18:30:00|1"
        },
        {
            "Samoa had no 30 December 2011",
            """{"metrics":["visits"],"groupBy":["metric_time__day"],"where":{"field":"visit__country","op":"equals","values":["samoa"]},"timeZone":"Pacific/Apia","timeRange":{"from":"2011-12-01","to":"2012-02-01"}}""",
            "2011-12-29|1; 2011-12-31|1"
        },
        {
            "29 February counts a year later on the 28th, beside the 28th's own",
            """
            {"metrics":["visits"],"groupBy":["metric_time__day"],"where":{"field":"visit__country","op":"equals","values":["leap"]},"timeZone":"UTC",
             "timeRange":{"from":"2025-02-01","to":"2025-03-01"},"compare":{"to":"previousYear"}}
            """,
            "2025-02-28|1|3|-2|-0.6666666666666666"
        },
        {
            "29 February has no day of the year before",
            """
            {"metrics":["visits"],"groupBy":["metric_time__day"],"where":{"field":"visit__country","op":"equals","values":["leap"]},"timeZone":"UTC",
             "timeRange":{"from":"2024-02-01","to":"2024-03-01"},"compare":{"to":"previousYear"}}
            """,
            "2024-02-28|1|1|0|0; 2024-02-29|2|-|-|-"
        },
        {
            "the 29th to 31st of January count on 28 February",
            """
            {"metrics":["visits"],"groupBy":["metric_time__day"],"where":{"field":"visit__country","op":"equals","values":["clamp"]},"timeZone":"UTC",
             "timeRange":{"from":"2026-02-01","to":"2026-03-01"},"compare":{"to":{"offset":"P1M"}}}
            """,
            "2026-02-28|1|3|-2|-0.6666666666666666"
        },
        {
            "a metric's own offset clamps in the same way",
            """
            {"metrics":["visits","visits_growth"],"groupBy":["metric_time__month"],"where":{"field":"visit__country","op":"equals","values":["clamp"]},"timeZone":"UTC",
             "timeRange":{"from":"2026-02-01","to":"2026-04-01"}}
            """,
            "2026-02-01|1|-0.6666666666666666; 2026-03-01|-|-"
        },
        {
            "ISO week 53 counts in week 52 of the next year",
            """
            {"metrics":["visits"],"groupBy":["metric_time__week"],"where":{"field":"visit__country","op":"equals","values":["weeks"]},"timeZone":"UTC",
             "timeRange":{"from":"2021-12-27","to":"2022-01-03"},"compare":{"to":"previousYear"},"totals":true}
            """,
            "2021-12-27|1|3|-2|-0.6666666666666666; -|1|3|-2|-0.6666666666666666"
        },
        {
            "a range that ends within week 52 has as much of weeks 52 and 53",
            """
            {"metrics":["visits"],"groupBy":["metric_time__week"],"where":{"field":"visit__country","op":"equals","values":["weeks"]},"timeZone":"UTC",
             "timeRange":{"from":"2021-12-01","to":"2022-01-01"},"compare":{"to":"previousYear"}}
            """,
            "2021-12-27|1|3|-2|-0.6666666666666666"
        },
        {
            "and one that starts after the day that they have is without them",
            """
            {"metrics":["visits"],"groupBy":["metric_time__week"],"where":{"field":"visit__country","op":"equals","values":["weeks"]},"timeZone":"UTC",
             "timeRange":{"from":"2021-12-30","to":"2022-01-03"},"compare":{"to":"previousYear"},"fill":true}
            """,
            "2021-12-27|0|0|0|-"
        },
        {
            "totals of what cannot be merged compare by ISO weeks too",
            """
            {"metrics":["visitors"],"groupBy":["metric_time__week"],"where":{"field":"visit__country","op":"equals","values":["weeks"]},"timeZone":"UTC",
             "timeRange":{"from":"2021-12-27","to":"2022-01-03"},"compare":{"to":"previousYear"},"totals":true}
            """,
            "2021-12-27|1|2|-1|-0.5; -|1|2|-1|-0.5"
        },
        {
            "the period before two whole months is two whole months",
            """
            {"metrics":["visits"],"groupBy":["metric_time__month"],"where":{"field":"visit__country","op":"equals","values":["leap"]},"timeZone":"UTC",
             "timeRange":{"from":"2024-03-01","to":"2024-05-01"},"compare":{"to":"previousPeriod"},"fill":true}
            """,
            "2024-03-01|0|0|0|-; 2024-04-01|0|3|-3|-1"
        },
        {
            "no rows and no group-by are one row of nulls",
            """{"metrics":["visits","visitors","seconds","bounce_rate","seconds_or_zero"],"where":{"field":"visit__country","op":"equals","values":["nowhere"]}}""",
            "-|-|-|-|0"
        },
        {
            "no rows and a group-by are no row",
            """{"metrics":["visits"],"groupBy":["visit__country","metric_time__day"],"timeRange":{"from":"2024-01-01","to":"2024-01-02"},"fill":true,"where":{"field":"visit__country","op":"equals","values":["nowhere"]}}""",
            ""
        },
        {
            "no rows and time alone are every bucket when filled",
            """{"metrics":["visits","seconds"],"groupBy":["metric_time__day"],"timeRange":{"from":"2024-01-01","to":"2024-01-03"},"fill":true,"where":{"field":"visit__country","op":"equals","values":["nowhere"]}}""",
            "2024-01-01|0|-; 2024-01-02|0|-"
        },
        {
            "rows of nulls alone count as rows and sum to null",
            """
            {"metrics":["visits","scored","visitors","bounces","seconds","mean_seconds","median_seconds","most_seconds","seconds_or_zero"],"groupBy":["visit__country"],
             "where":{"field":"visit__country","op":"equals","values":["nulls"]}}
            """,
            "nulls|2|0|0|0|-|-|-|-|0"
        },
        {
            "null is a group of its own, and the last",
            """{"metrics":["visits"],"groupBy":["visit__country"],"timeRange":{"from":"2022-05-01","to":"2022-05-02"},"timeZone":"UTC"}""",
            "nulls|2; -|1"
        },
        {
            "facts meet on their keys, null on null",
            """{"metrics":["visits","orders","revenue"],"groupBy":["visit__country"],"timeRange":{"from":"2022-05-01","to":"2022-05-02"},"timeZone":"UTC"}""",
            "nulls|2|1|10.5; -|1|2|10.51"
        },
        {
            "a share of totals divides the totals",
            """{"metrics":["orders_per_visit"],"groupBy":["visit__country"],"timeRange":{"from":"2022-05-01","to":"2022-05-02"},"timeZone":"UTC","totals":true}""",
            "nulls|0.5; -|2; -|1"
        },
        {
            "the median of decimals is not rounded to their digits",
            """{"metrics":["median_amount"],"timeRange":{"from":"2022-05-01","to":"2022-05-02"},"timeZone":"UTC","where":{"field":"order__voucher","op":"equals","values":["pair"]}}""",
            "5.255"
        },
        {
            "a month-to-date range ends with today",
            """{"metrics":["visits"],"where":{"field":"visit__country","op":"equals","values":["autumn"]},"timeZone":"Europe/Berlin","timeRange":{"toDate":"month"}}""",
            "26"
        },
        {
            "the last two days are yesterday and today",
            """{"metrics":["visits"],"groupBy":["metric_time__day"],"where":{"field":"visit__country","op":"equals","values":["autumn"]},"timeZone":"Europe/Berlin","timeRange":{"last":"P2D"}}""",
            "2024-10-26|1; 2024-10-27|25"
        },
        {
            "an instant in a filter is that instant, whatever the clock shows",
            """
            {"metrics":["visits"],"timeZone":"Europe/Berlin","where":{"and":[{"field":"visit__country","op":"equals","values":["autumn"]},
             {"field":"visit__at","op":"gte","values":["2024-10-27T01:30:00Z"]},{"field":"visit__at","op":"lt","values":["2024-10-27T02:30:00Z"]}]}}
            """,
            "1"
        },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Case(string name, string query, string expected)
    {
        var answer = await world.World.AnswerAsync(MetricQueryReader.Read(Encoding.UTF8.GetBytes(query)) with { Source = QuerySource.Lake });
        Assert.True(expected == Text(answer), $"{name}: expected {expected}\nactual {Text(answer)}");
    }

    /// <summary>An hour there has half an hour once a year, which hours filled in UTC would miss.</summary>
    [Fact]
    public async Task Hours_are_not_filled_over_a_change_of_half_an_hour()
    {
        var query = MetricQueryReader.Read(Encoding.UTF8.GetBytes("""{"metrics":["visits"],"groupBy":["metric_time__hour"],"timeRange":{"from":"2024-04-06","to":"2024-04-08"},"timeZone":"Australia/Lord_Howe","fill":true}"""));
        var refused = await Assert.ThrowsAsync<QueryException>(() => world.World.AnswerAsync(query));
        Assert.Equal("grain_too_fine", Assert.Single(refused.Problems).Code);
        await world.World.AnswerAsync(query with { Fill = false });
        await world.World.AnswerAsync(query with { TimeRange = new AbsoluteTimeRange(TimePoint.FromDate(new DateOnly(2024, 4, 8)), TimePoint.FromDate(new DateOnly(2024, 4, 10))) });
    }

    [Theory]
    [InlineData("2024-01-01", "2024-01-01")]
    [InlineData("2024-01-02", "2024-01-01")]
    [InlineData("2024-03-31T02:10:00", "2024-03-31T03:05:00")] // the first is no time on that day and stands for 03:10
    public async Task An_empty_range_is_refused(string from, string to)
    {
        var query = new MetricQuery { Metrics = ["visits"], TimeRange = new AbsoluteTimeRange(Point(from), Point(to)), TimeZone = TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin") };
        var refused = await Assert.ThrowsAsync<QueryException>(() => world.World.AnswerAsync(query));
        Assert.Equal("empty_time_range", Assert.Single(refused.Problems).Code);

        static TimePoint Point(string text) => new(DateTime.Parse(text, CultureInfo.InvariantCulture), null);
    }

    internal static string Text(OracleAnswer answer) =>
        string.Join("; ", answer.Rows.Concat(answer.Totals is null ? [] : [answer.Totals]).Select(r => string.Join('|', r.Select(Text))));

    private static string Text(object? value) => value switch
    {
        null => "-",
        DateOnly date => date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        DateTime time => time.ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };
}

/// <summary>A few rows for each case, told apart by their country.</summary>
public class EdgeWorld : IAsyncLifetime
{
    private long _visits;
    private long _orders;

    internal EngineWorld World { get; private set; } = null!;

    private protected virtual int YearStart => 1;

    public async ValueTask InitializeAsync()
    {
        var hours = (DateTime from, int count) => Enumerable.Range(0, count).Select(h => from.AddHours(h));
        var tables = WorldModel.Tables.Keys.ToDictionary(t => t, _ => new List<Row>());
        tables["visits"] =
        [
            .. hours(At("2024-03-30T22:30:00"), 25).Select(t => Visit("spring", t)),
            .. hours(At("2024-10-26T21:30:00"), 27).Select(t => Visit("autumn", t)),
            .. Visits("india", "2024-06-01T18:29:59", "2024-06-01T18:30:00"),
            .. Visits("samoa", "2011-12-30T09:59:59", "2011-12-30T10:00:00"),
            .. Visits("leap", "2023-02-28T12:00:00", "2024-02-28T12:00:00", "2024-02-29T00:00:00", "2024-02-29T23:59:59", "2025-02-28T12:00:00"),
            .. Visits("clamp", "2026-01-29T12:00:00", "2026-01-30T12:00:00", "2026-01-31T12:00:00", "2026-02-28T12:00:00"),
            .. Visits("weeks", "2020-12-30T12:00:00", "2020-12-23T12:00:00", "2020-12-23T13:00:00", "2021-12-29T12:00:00"),
            Visit("nulls", At("2022-05-01T10:00:00"), isNull: true),
            Visit("nulls", At("2022-05-01T11:00:00"), isNull: true),
            Visit(null, At("2022-05-01T12:00:00")),
        ];
        var (first, last) = (tables["visits"][^3]["visit_id"], tables["visits"][^1]["visit_id"]);
        tables["shop.orders"] = [Order(first, 10.50m, null), Order(last, 3.25m, "pair"), Order(null, 7.26m, "pair"), Order(first, 99m, "pair", "2022-05-02T00:00:00")];
        World = await EngineWorld.CreateAsync(WorldModel.Files(yearStart: YearStart), tables, WorldModel.Tables);
    }

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return World.DisposeAsync();
    }

    private static DateTime At(string text) => DateTime.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal);

    private IEnumerable<Row> Visits(string country, params string[] times) => times.Select(t => Visit(country, At(t)));

    private Row Visit(string? country, DateTime time, bool isNull = false)
    {
        var row = Empty("visits");
        row["visit_id"] = ++_visits;
        row["country"] = country;
        row["started_at"] = time;
        row["month"] = new DateOnly(time.Year, time.Month, 1);
        row["seconds"] = isNull ? null : 60L;

        // The same one at noon, others at other hours.
        row["visitor_id"] = isNull ? null : "v" + time.Hour;
        return row;
    }

    private Row Order(object? visit, decimal? amount, string? voucher, string time = "2022-05-01T15:00:00")
    {
        var row = Empty("shop.orders");
        row["order_id"] = ++_orders;
        row["visit_id"] = visit;
        row["placed_at"] = At(time);
        row["amount"] = amount;
        row["voucher"] = voucher;
        return row;
    }

    private static Row Empty(string table)
    {
        var row = new Row();
        foreach (var (name, _) in WorldModel.Tables[table])
        {
            row[name] = null;
        }

        return row;
    }
}
