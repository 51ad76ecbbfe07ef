using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;

namespace Write.DataPlatform.Api.Tests.Rest;

[Collection(typeof(ServerCollection))]
public sealed class InsightRouteTests(ServerFixture server)
{
    [Fact]
    public async Task The_insights_are_listed_with_their_parameters()
    {
        var (status, body) = await server.GetAsync("/v1/insights");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(["audience-by-country", "conversion", "kpi-year-on-year", "purchase-funnel", "returning-visitors", "top-shows"], body["insights"]!.AsArray().Select(i => (string)i!["name"]!));
        var kpi = body["insights"]![2]!;
        Assert.Equal("/v1/insights/kpi-year-on-year", (string)kpi["href"]!);
        Assert.Equal(["country", "device", "from", "to"], kpi["parameters"]!.AsArray().Select(p => (string)p!["name"]!));
    }

    [Fact]
    public async Task The_year_on_year_insight_equals_hand_written_sql()
    {
        var (status, body) = await server.GetAsync("/v1/insights/kpi-year-on-year?country=FR,DE");
        Assert.Equal(HttpStatusCode.OK, status);
        var expected = server.Sql(
            """
            WITH months AS (
              SELECT date_trunc('month', timezone('Europe/Berlin', occurred_at::TIMESTAMPTZ))::DATE AS m, count(*) AS n, avg(CASE WHEN is_bounce THEN 1 ELSE 0 END) AS bounced
              FROM {visits} WHERE country IN ('FR', 'DE') GROUP BY 1)
            SELECT strftime(a.m, '%Y-%m-%d'), a.n, b.n, a.n - b.n, (a.n - b.n) / b.n::DOUBLE, a.bounced
            FROM months a LEFT JOIN months b ON b.m = a.m - INTERVAL 1 YEAR
            WHERE a.m >= DATE '2025-04-01' AND a.m < DATE '2026-04-01' ORDER BY 1
            """);
        Assert.Equal(12, expected.Count);
        Assert.Equal(
            expected.Select(r => string.Join('|', r.Select(Text))),
            body["rows"]!.AsArray().Select(r => string.Join('|', new[] { "metric_time__month", "visits", "visits__previous", "visits__delta", "visits__ratio", "bounce_rate" }.Select(c => Text(Value(r![c]))))));
    }

    [Fact]
    public async Task An_operator_sees_what_a_tenant_would()
    {
        var expected = server.Sql(
            """
            SELECT count(*) FROM {visits}
            WHERE customer = 'acme' AND timezone('Europe/Berlin', occurred_at::TIMESTAMPTZ) >= TIMESTAMP '2026-01-01' AND timezone('Europe/Berlin', occurred_at::TIMESTAMPTZ) < TIMESTAMP '2026-02-01'
            """);
        var (_, body) = await server.GetAsync("/v1/insights/kpi-year-on-year?tenant=acme&from=2026-01-01&to=2026-02-01");
        Assert.Equal((long)expected[0][0]!, (long)Assert.Single(body["rows"]!.AsArray())!["visits"]!);

        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/insights/kpi-year-on-year?from=2026-01-01&to=2026-02-01") { Headers = { { "X-Tenant", "acme" } } };
        using var response = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        var viewed = JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
        Assert.Equal(body["rows"]!.ToJsonString(), viewed["rows"]!.ToJsonString());
    }

    [Theory]
    [InlineData("/v1/insights/kpi-year-on-yaer", HttpStatusCode.NotFound, "unknown_insight", null, "Did you mean 'kpi-year-on-year'?")]
    [InlineData("/v1/insights/top-shows?limt=1", HttpStatusCode.BadRequest, "unknown_parameter", "limt", "Did you mean 'limit'?")]
    [InlineData("/v1/insights/top-shows?limit=0", HttpStatusCode.BadRequest, "out_of_range", "limit", null)]
    [InlineData("/v1/insights/kpi-year-on-year?from=2026-04-01&to=2026-03-01", HttpStatusCode.BadRequest, "empty_time_range", "timeRange", null)]
    [InlineData("/v1/insights/kpi-year-on-year?tenant=acne", HttpStatusCode.BadRequest, "unknown_tenant", "tenant", "Did you mean 'acme'?")]
    public async Task A_mistake_is_a_problem_with_a_suggestion(string path, HttpStatusCode status, string code, string? where, string? suggestion)
    {
        var (actual, body) = await server.GetAsync(path);
        Assert.Equal(status, actual);
        var error = Assert.Single(body["errors"]!.AsArray())!;
        Assert.Equal((code, where, suggestion), ((string)error["code"]!, (string?)error["path"], (string?)error["suggestion"]));
    }

    [Fact]
    public async Task An_answer_at_hand_is_not_sent_again()
    {
        const string path = "/v1/insights/kpi-year-on-year";
        using var first = await server.Client.GetAsync(path, TestContext.Current.CancellationToken);
        var tag = first.Headers.ETag;
        Assert.NotNull(tag);

        foreach (var known in new[] { tag.Tag, "W/" + tag.Tag, "\"other\", " + tag.Tag, "*" })
        {
            using var again = new HttpRequestMessage(HttpMethod.Get, path);
            again.Headers.TryAddWithoutValidation("If-None-Match", known);
            using var response = await server.Client.SendAsync(again, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.NotModified, response.StatusCode);
            Assert.Equal(tag, response.Headers.ETag);
            Assert.Empty(await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
        }

        // Another format, other parameters or another tenant are another answer.
        foreach (var other in new[] { path + "?format=csv", path + "?country=FR", path + "?tenant=acme" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, other) { Headers = { IfNoneMatch = { new EntityTagHeaderValue(tag.Tag) } } };
            using var response = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.NotEqual(tag, response.Headers.ETag);
        }
    }

    private static object? Value(JsonNode? node) => node is null ? null : node.GetValueKind() == System.Text.Json.JsonValueKind.Number ? (double)node : (string?)node;

    private static string Text(object? value) => value switch
    {
        null => "",
        string text => text,
        _ => Math.Round(Convert.ToDouble(value, CultureInfo.InvariantCulture), 9).ToString(CultureInfo.InvariantCulture),
    };
}
