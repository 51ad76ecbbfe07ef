using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Write.DataPlatform.Api.Tests.EndToEnd;

/// <summary>The sample's funnel and retention against statements written by hand over the raw files.</summary>
[Collection(typeof(ServerCollection))]
public sealed class SampleJourneysTests(ServerFixture server)
{
    public static readonly string[] Metrics = ["purchase_funnel", "returning_visitors"];

    [Theory]
    [InlineData("", "")]
    [InlineData("?tenant=acme", "WHERE customer = 'acme'")]
    public async Task The_funnel_equals_hand_written_sql(string address, string tenant)
    {
        var expected = server.Sql($$"""
            WITH s AS (SELECT visitor_id AS who, visit_id, occurred_at AS moment, step FROM {steps} {{tenant}}),
            one AS (
                SELECT v.device, s.who, s.moment FROM s LEFT JOIN {visits} AS v ON v.visit_id = s.visit_id
                WHERE s.step = 'view_offer' AND s.moment >= TIMESTAMP '2025-12-31 23:00' AND s.moment < TIMESTAMP '2026-01-31 23:00'),
            two AS (SELECT *, (SELECT min(s.moment) FROM s WHERE s.who = one.who AND s.step = 'choose' AND s.moment >= one.moment) AS at2 FROM one),
            three AS (SELECT *, (SELECT min(s.moment) FROM s WHERE s.who = two.who AND s.step = 'checkout' AND s.moment >= two.at2) AS at3 FROM two),
            chain AS (SELECT *, (SELECT min(s.moment) FROM s WHERE s.who = three.who AND s.step = 'purchase' AND s.moment >= three.at3) AS at4 FROM three),
            reached AS (SELECT *, CASE WHEN at4 < moment + INTERVAL 24 HOUR THEN 4 WHEN at3 < moment + INTERVAL 24 HOUR THEN 3 WHEN at2 < moment + INTERVAL 24 HOUR THEN 2 ELSE 1 END AS n FROM chain),
            best AS (SELECT device, who, max(n) AS n FROM reached GROUP BY ALL),
            numbers AS (SELECT unnest(['offer', 'choice', 'checkout', 'purchase']) AS name, unnest([1, 2, 3, 4]) AS i)
            SELECT device, name, count(*) FILTER (n >= i), count(*) FILTER (n >= i)::DOUBLE / count(*)
            FROM best, numbers GROUP BY device, name, i ORDER BY device NULLS LAST, i
            """);
        var (status, body) = await server.PostAsync(
            "/v1/query" + address, """{"metrics":["purchase_funnel"],"groupBy":["visit__device"],"timeRange":{"from":"2026-01-01","to":"2026-02-01"}}""");
        Assert.True(status == HttpStatusCode.OK, body.ToJsonString());
        AssertEqual(expected, body, "visit__device", "purchase_funnel__step", "purchase_funnel", "purchase_funnel__from_first");
        Assert.Contains(expected, r => r[1] is "purchase" && (long)r[2]! > 0);
    }

    [Fact]
    public async Task The_retention_equals_hand_written_sql()
    {
        var expected = server.Sql("""
            WITH months AS (SELECT visitor_id AS who, date_trunc('month', timezone('Europe/Berlin', timezone('UTC', occurred_at))) AS month FROM {visits} WHERE occurred_at < TIMESTAMP '2026-02-28 23:00'),
            firsts AS (SELECT who, min(month) AS month FROM months WHERE who IS NOT NULL GROUP BY who HAVING min(month) >= '2025-10-01'),
            grid AS (SELECT who, month, unnest(range(0, date_diff('month', month, DATE '2026-02-01') + 1)) AS n FROM firsts),
            met AS (SELECT g.month, g.n, g.who, count(m.who) > 0 AS came FROM grid g LEFT JOIN months m ON m.who = g.who AND m.month = g.month + to_months(g.n::INTEGER) GROUP BY ALL)
            SELECT strftime(month, '%Y-%m-%d'), n, count(*) FILTER (came), count(*), count(*) FILTER (came)::DOUBLE / count(*) FROM met GROUP BY month, n ORDER BY month, n
            """);
        var (status, body) = await server.PostAsync(
            "/v1/query", """{"metrics":["returning_visitors"],"groupBy":["metric_time__month"],"timeRange":{"from":"2025-10-01","to":"2026-03-01"}}""");
        Assert.True(status == HttpStatusCode.OK, body.ToJsonString());
        AssertEqual(expected, body, "metric_time__month", "returning_visitors__period", "returning_visitors", "returning_visitors__cohort", "returning_visitors__rate");
        Assert.Contains(expected, r => (long)r[1]! > 0 && (long)r[2]! > 0);
    }

    [Fact]
    public async Task Steps_are_ordered_filtered_and_written_as_csv()
    {
        const string query = """{"metrics":["purchase_funnel"],"timeRange":{"from":"2026-01-01","to":"2026-02-01"},"having":{"field":"purchase_funnel__step","op":"notEquals","values":["choice"]},"orderBy":[{"field":"purchase_funnel__step","descending":true}],"limit":2}""";
        var (_, body) = await server.PostAsync("/v1/query", query);
        Assert.Equal(["purchase", "checkout"], body["rows"]!.AsArray().Select(r => (string)r!["purchase_funnel__step"]!));
        Assert.Equal(["string", "int64", "double", "double", "int64", "double", "double"], body["columns"]!.AsArray().Select(c => (string)c!["type"]!));
        Assert.Equal("Visitors on the way to a purchase", (string)body["columns"]![1]!["label"]!);
        Assert.Equal("not_additive", (string)body["served"]!["misses"]![0]!["code"]!);
    }

    [Theory]
    [InlineData("""{"metrics":["purchase_funnel","visits"]}""", "metric_stands_alone")]
    [InlineData("""{"metrics":["purchase_funnel"],"timeRange":{"last":"P1M"},"compare":{"to":"previousYear"}}""", "option_not_supported")]
    [InlineData("""{"metrics":["returning_visitors"],"totals":true}""", "option_not_supported")]
    [InlineData("""{"metrics":["returning_visitors"],"groupBy":["metric_time__day"],"timeRange":{"last":"P1M"},"fill":true}""", "option_not_supported")]
    [InlineData("""{"metrics":["purchase_funnel"],"source":"gold"}""", "not_in_gold")]
    public async Task What_is_not_computed_is_refused(string query, string code)
    {
        var (status, body) = await server.PostAsync("/v1/query", query);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, status);
        Assert.Equal(code, (string)Assert.Single(body["errors"]!.AsArray())!["code"]!);
    }

    private static void AssertEqual(List<object?[]> expected, JsonNode body, params string[] columns)
    {
        Assert.NotEmpty(expected);
        var rows = body["rows"]!.AsArray();
        Assert.Equal(expected.Count, rows.Count);
        foreach (var (row, values) in rows.Zip(expected))
        {
            foreach (var (column, value) in columns.Zip(values))
            {
                var actual = row![column]?.GetValue<JsonElement>();
                var same = (value, actual) switch
                {
                    (null, null) => true,
                    (string text, { ValueKind: JsonValueKind.String } cell) => cell.GetString() == text,
                    (not null and not string, { ValueKind: JsonValueKind.Number } cell) => Math.Abs(Convert.ToDouble(value, CultureInfo.InvariantCulture) - cell.GetDouble()) <= 1e-9,
                    _ => false,
                };
                Assert.True(same, $"{column}: expected {value ?? "null"} in {row.ToJsonString()}");
            }
        }
    }
}
