using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Api.Tests.EndToEnd;

/// <summary>Every metric of the sample's model at every grain, from the lake and from gold, against statements written by hand over the raw files.</summary>
[Collection(typeof(ServerCollection))]
public sealed class SampleMetricsTests(ServerFixture server)
{
    // A Monday and the first of a quarter; the end is the day after the lake's last.
    private const string From = "2024-07-01";
    private const string To = "2026-03-16";

    private static readonly string[] Days = ["day", "week", "month", "quarter", "year"];

    // `b` is the bucket of a row. A statement in two parts has a full join by hand, for a bucket may be missing on one side.
    private static readonly Dictionary<string, string> Statements = new()
    {
        ["visits"] = "SELECT b, count(*) FROM [visits] GROUP BY b",
        ["unique_visitors"] = "SELECT b, count(DISTINCT visitor_id) FROM [visits] GROUP BY b",
        ["approximate_visitors"] = """
            SELECT b, CAST(round(4096 * 4096 / (2 * ln(2)) / (z + (SELECT 4096 * (x + sum(2.0 ** (k - 1) * x ** (2.0 ** k))) FROM range(1, 25) AS s(k)))) AS BIGINT)
            FROM (
                SELECT b, sum(2.0 ** -rank) AS z, 1 - count(*) / 4096 AS x
                FROM (
                    SELECT b, h & 4095, max(53 - length(bin(h >> 12))) AS rank
                    FROM (SELECT b, ('0x' || left(md5(visitor_id::VARCHAR), 16))::UBIGINT AS h FROM [visits]) GROUP BY ALL)
                GROUP BY b)
            """,
        ["bounces"] = "SELECT b, count(*) FILTER (is_bounce) FROM [visits] GROUP BY b",
        ["bounce_rate"] = "SELECT b, count(*) FILTER (is_bounce)::DOUBLE / count(*) FROM [visits] GROUP BY b",
        ["average_visit_seconds"] = "SELECT b, sum(duration_seconds)::DOUBLE / count(duration_seconds) FROM [visits] GROUP BY b",
        ["page_views"] = "SELECT b, count(*) FROM [page_views] GROUP BY b",
        ["pages_per_visit"] = Over("SELECT b, count(*) AS v FROM [page_views] GROUP BY b"),
        ["watches"] = "SELECT b, count(*) FROM [watches] GROUP BY b",
        ["watch_seconds"] = "SELECT b, sum(seconds) FROM [watches] GROUP BY b",
        ["completed_watches"] = "SELECT b, count(*) FILTER (completed) FROM [watches] GROUP BY b",
        ["completion_rate"] = "SELECT b, count(*) FILTER (completed)::DOUBLE / count(*) FROM [watches] GROUP BY b",
        ["watch_seconds_per_visit"] = Over("SELECT b, sum(seconds) AS v FROM [watches] GROUP BY b"),
        ["offer_views"] = "SELECT b, count(*) FROM [steps] WHERE step = 'view_offer' GROUP BY b",
        ["purchases"] = "SELECT b, count(*) FROM [steps] WHERE step = 'purchase' GROUP BY b",
        ["subscription_purchases"] = "SELECT b, count(*) FROM [steps] WHERE step = 'purchase' AND kind = 'subscription' GROUP BY b",
        ["revenue"] = "SELECT b, sum(amount) FROM [steps] GROUP BY b",
        ["conversion_rate"] = """
            SELECT coalesce(p.b, o.b), p.n / nullif(o.n, 0)::DOUBLE
            FROM (SELECT b, count(*) AS n FROM [steps] WHERE step = 'purchase' GROUP BY b) p
            FULL JOIN (SELECT b, count(*) AS n FROM [steps] WHERE step = 'view_offer' GROUP BY b) o ON o.b = p.b
            """,
        ["revenue_per_visit"] = Over("SELECT b, sum(amount) AS v FROM [steps] GROUP BY b"),
    };

    // What customers_daily holds.
    private static readonly string[] OfTenants =
    [
        "visits", "bounce_rate", "page_views", "pages_per_visit", "watch_seconds", "watches", "completion_rate",
        "offer_views", "purchases", "revenue", "conversion_rate", "revenue_per_visit",
    ];

    public static TheoryData<string> Metrics => [.. Statements.Keys];

    public static TheoryData<string> TenantMetrics => [.. OfTenants];

    [Fact]
    public void No_metric_of_the_model_is_left_out()
    {
        var model = server.Services.GetRequiredService<ModelStore>().Current;
        Assert.Equal(model.Metrics.Keys.Order(StringComparer.Ordinal), Statements.Keys.Concat(SampleJourneysTests.Metrics).Order(StringComparer.Ordinal));
        Assert.Equal(model.GoldTables["customers_daily"].Metrics, OfTenants);
    }

    [Theory]
    [MemberData(nameof(Metrics))]
    public async Task The_lake_equals_hand_written_sql(string metric)
    {
        foreach (var grain in (string[])["hour", .. Days])
        {
            var (status, body) = await AskAsync(metric, grain, "lake");
            Assert.True(status == HttpStatusCode.OK, body.ToJsonString());
            AssertEqual(Expected(metric, grain), body, metric, grain);
        }
    }

    [Theory]
    [MemberData(nameof(Metrics))]
    public async Task Gold_equals_hand_written_sql(string metric)
    {
        var model = server.Services.GetRequiredService<ModelStore>().Current;
        var held = model.GoldTables.Values.Any(t => t.Name is "visits_daily" or "audience_daily" && t.Metrics.Contains(metric));
        var served = new List<string>();
        foreach (var grain in (string[])["hour", .. Days])
        {
            var (status, body) = await AskAsync(metric, grain, "gold");
            if (status == HttpStatusCode.UnprocessableEntity)
            {
                Assert.All(body["errors"]!.AsArray(), e => Assert.Equal("not_in_gold", (string)e!["code"]!));
                continue;
            }

            Assert.True(status == HttpStatusCode.OK, body.ToJsonString());
            Assert.Equal(["gold"], body["served"]!["by"]!.AsArray().Select(b => (string)b!));
            AssertEqual(Expected(metric, grain), body, metric, grain);
            served.Add(grain);
        }

        Assert.DoesNotContain("hour", served);
        if (held)
        {
            Assert.Equal(Days, served);
        }
    }

    [Theory]
    [MemberData(nameof(TenantMetrics))]
    public async Task A_tenant_sees_its_own_rows(string metric)
    {
        foreach (var grain in Days)
        {
            foreach (var source in (string[])["gold", "lake"])
            {
                var (status, body) = await AskAsync(metric, grain, source, "?tenant=acme");
                Assert.True(status == HttpStatusCode.OK, $"{grain} {source} {body.ToJsonString()}");
                Assert.Equal([source], body["served"]!["by"]!.AsArray().Select(b => (string)b!));
                AssertEqual(Expected(metric, grain, " AND customer = 'acme'"), body, metric, $"{grain} {source}");
            }
        }
    }

    [Fact]
    public async Task Every_kpi_year_on_year_equals_hand_written_sql()
    {
        var (status, body) = await server.GetAsync("/v1/insights/kpi-year-on-year");
        Assert.Equal(HttpStatusCode.OK, status);
        var rows = body["rows"]!.AsArray();
        Assert.Equal(12, rows.Count);
        foreach (var metric in (string[])["visits", "page_views", "watch_seconds", "bounce_rate", "pages_per_visit"])
        {
            var now = Rows(metric, "month", "2025-04-01", "2026-04-01");
            var before = Rows(metric, "month", "2024-04-01", "2025-04-01").ToDictionary(r => Shift(r.Bucket), r => r.Value);
            Assert.Equal(now.Select(r => r.Bucket), rows.Select(r => (string)r!["metric_time__month"]!));
            foreach (var (row, (month, value)) in rows.Zip(now))
            {
                var previous = before[month];
                AssertNumber(value, row![metric], $"{metric} {month}");
                AssertNumber(previous, row[metric + "__previous"], $"{metric} {month} previous");
                AssertNumber(value - previous, row[metric + "__delta"], $"{metric} {month} delta");
                AssertNumber((value - previous) / previous, row[metric + "__ratio"], $"{metric} {month} ratio");
            }
        }
    }

    private static string Shift(string month) => $"{int.Parse(month[..4], CultureInfo.InvariantCulture) + 1}{month[4..]}";

    private static string Over(string numerator) => $"""
        SELECT coalesce(n.b, d.b), n.v / nullif(d.v, 0)::DOUBLE
        FROM ({numerator}) n FULL JOIN (SELECT b, count(*) AS v FROM [visits] GROUP BY b) d ON d.b = n.b
        """;

    private Task<(HttpStatusCode Status, JsonNode Body)> AskAsync(string metric, string grain, string source, string address = "") =>
        server.PostAsync("/v1/query" + address, $$"""{"metrics":["{{metric}}"],"groupBy":["metric_time__{{grain}}"],"timeRange":{"from":"{{From}}","to":"{{To}}"},"source":"{{source}}"}""");

    private List<(string Bucket, double? Value)> Expected(string metric, string grain, string filter = "") => Rows(metric, grain, From, To, filter);

    private List<(string Bucket, double? Value)> Rows(string metric, string grain, string from, string to, string filter = "")
    {
        // An hour is told as an instant, the others as the day that they begin.
        var bucket = grain == "hour" ? "date_trunc('hour', occurred_at)" : $"date_trunc('{grain}', here)";
        var format = grain == "hour" ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%d";
        var sql = Statements[metric];
        foreach (var table in (string[])["visits", "page_views", "watches", "steps"])
        {
            sql = sql.Replace($"[{table}]", $$"""
                (SELECT *, {{bucket}} AS b FROM (SELECT *, timezone('Europe/Berlin', timezone('UTC', occurred_at)) AS here FROM {{{table}}})
                 WHERE here >= TIMESTAMP '{{from}}' AND here < TIMESTAMP '{{to}}'{{filter}})
                """, StringComparison.Ordinal);
        }

        return [.. server.Sql($"SELECT strftime(b, '{format}'), v::DOUBLE FROM ({sql}) AS t(b, v) ORDER BY 1").Select(r => ((string)r[0]!, (double?)r[1]))];
    }

    private static void AssertEqual(List<(string Bucket, double? Value)> expected, JsonNode body, string metric, string where)
    {
        Assert.NotEmpty(expected);
        Assert.Contains(expected, r => r.Value > 0);
        var column = (string)body["columns"]![0]!["name"]!;
        var rows = body["rows"]!.AsArray().OrderBy(r => (string)r![column]!, StringComparer.Ordinal).ToList();
        Assert.Equal(expected.Select(r => r.Bucket), rows.Select(r => (string)r![column]!));
        foreach (var (row, (bucket, value)) in rows.Zip(expected))
        {
            AssertNumber(value, row![metric], $"{metric} {where} {bucket}");
        }
    }

    private static void AssertNumber(double? expected, JsonNode? actual, string where)
    {
        var number = actual is null ? (double?)null : actual.GetValue<JsonElement>().GetDouble();
        Assert.True(
            expected is null ? number is null : number is not null && Math.Abs(number.Value - expected.Value) <= 1e-9 * Math.Max(1, Math.Abs(expected.Value)),
            string.Create(CultureInfo.InvariantCulture, $"{where}: expected {expected?.ToString(CultureInfo.InvariantCulture) ?? "null"}, got {number?.ToString(CultureInfo.InvariantCulture) ?? "null"}"));
    }
}
