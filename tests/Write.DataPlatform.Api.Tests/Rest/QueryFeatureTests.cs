using System.Net;
using System.Text.Json.Nodes;

namespace Write.DataPlatform.Api.Tests.Rest;

/// <summary>Pages, modifiers and saved queries over HTTP, with statements by hand as the oracle.</summary>
[Collection(typeof(ServerCollection))]
public sealed class QueryFeatureTests(ServerFixture server)
{
    private const string ByCountry = "SELECT country, count(*) FROM {visits} GROUP BY 1 ORDER BY 2 DESC, 1 NULLS LAST";

    [Fact]
    public async Task Pages_of_a_body_follow_each_other()
    {
        const string query = """{"metrics":["visits"],"groupBy":["visit__country"],"orderBy":["-visits"],"limit":3""";
        var rows = new List<(string?, long)>();
        var (cursor, pages) = ("null", 0);
        for (; cursor is not null; pages++)
        {
            var (status, body) = await server.PostAsync("/v1/query", query + ",\"cursor\":" + cursor + "}");
            Assert.Equal(HttpStatusCode.OK, status);
            rows.AddRange(body["rows"]!.AsArray().Select(r => ((string?)r!["visit__country"], (long)r["visits"]!)));
            cursor = body["next"]?.ToJsonString();
        }

        Assert.Equal(server.Sql(ByCountry).Select(r => ((string?)r[0], (long)r[1]!)), rows);
        Assert.Equal((rows.Count + 2) / 3, pages);
    }

    [Theory]
    [InlineData("GET", "/v1/query?metrics=visits&groupBy=visit__country&orderBy=-visits&limit=4&format=csv", null)]
    [InlineData("POST", "/v1/query?format=csv", """{"metrics":["visits"],"groupBy":["visit__country"],"orderBy":["-visits"],"limit":4}""")]
    public async Task Links_lead_through_pages_of_csv(string method, string address, string? body)
    {
        var cells = new List<string>();
        for (string? next = address; next is not null;)
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), next) { Content = body is null ? null : new StringContent(body, System.Text.Encoding.UTF8, "application/json") };
            using var response = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
            var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            Assert.True(response.IsSuccessStatusCode, text);
            cells.AddRange(CsvCells.Parse(text).Skip(1).Select(r => string.Join('|', r)));
            next = response.Headers.TryGetValues("Link", out var links) ? links.Single() : null;
            Assert.True(next is null || (next.StartsWith("</v1/query?", StringComparison.Ordinal) && next.EndsWith(">; rel=\"next\"", StringComparison.Ordinal)), next);
            next = next?[1..next.IndexOf('>', StringComparison.Ordinal)];
        }

        Assert.Equal(server.Sql(ByCountry).Select(r => $"{r[0]}|{r[1]}"), cells);
    }

    [Fact]
    public async Task Insights_have_pages()
    {
        var (_, first) = await server.GetAsync("/v1/insights/top-shows");
        var cursor = (string?)first["next"];
        if (cursor is not null)
        {
            var (status, second) = await server.GetAsync("/v1/insights/top-shows?cursor=" + cursor);
            Assert.Equal(HttpStatusCode.OK, status);
            Assert.NotEqual(first["rows"]![0]!.ToJsonString(), second["rows"]![0]!.ToJsonString());
        }

        var (refused, body) = await server.GetAsync("/v1/insights/top-shows?cursor=next");
        Assert.Equal((HttpStatusCode.BadRequest, "bad_cursor"), (refused, (string)body["errors"]![0]!["code"]!));
    }

    [Fact]
    public async Task A_tenants_cursor_is_no_other_tenants()
    {
        const string query = "/v1/query?metrics=visits&groupBy=visit__country&limit=1&tenant=";
        var (_, page) = await server.GetAsync(query + "acme");
        var (status, body) = await server.GetAsync(query + "globex&cursor=" + page["next"]);
        Assert.Equal((HttpStatusCode.BadRequest, "cursor_of_other_query"), (status, (string)body["errors"]![0]!["code"]!));
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync(query + "acme&cursor=" + page["next"])).Status);
    }

    [Fact]
    public async Task Modifiers_are_columns()
    {
        var (status, body) = await server.GetAsync("/v1/query?metrics=visits,visits:percentOfTotal:visit__device,visits:rank&groupBy=visit__device,visit__is_bounce&orderBy=visits__rank");
        Assert.Equal(HttpStatusCode.OK, status);
        var expected = server.Sql("SELECT device, is_bounce, count(*) AS n, count(*) / sum(count(*)) OVER (PARTITION BY device), rank() OVER (ORDER BY count(*) DESC) AS r FROM {visits} GROUP BY 1, 2 ORDER BY r, 1 NULLS LAST, 2 NULLS LAST");
        Assert.Equal(["visit__device", "visit__is_bounce", "visits", "visits__percent_of_total", "visits__rank"], body["columns"]!.AsArray().Select(c => (string)c!["name"]!));
        Assert.Equal(
            expected.Select(r => ((string?)r[0], (bool?)r[1], Convert.ToInt64(r[2], null), Convert.ToDouble(r[3], null), Convert.ToInt64(r[4], null))),
            body["rows"]!.AsArray().Select(r => ((string?)r!["visit__device"], (bool?)r["visit__is_bounce"], (long)r["visits"]!, (double)r["visits__percent_of_total"]!, (long)r["visits__rank"]!)));
    }

    [Theory]
    [InlineData("""{"metrics":[{"metric":"visits","as":"procentOfTotal"},{"as":"rank"},{"metric":"visits"},{"metric":"vists","as":"rank"},{"metric":"visits","as":"runningTotal","within":["visit__country"]},{"metric":"visits","as":"rank","wihtin":[]}]}""",
        "metrics[0].as unknown_value, metrics[1].metric missing_property, metrics[2].as missing_property, metrics[4].within conflicting_properties, metrics[5].wihtin unknown_property, metrics unknown_metric")]
    [InlineData("""{"metrics":["visits",{"metric":"visits","as":"rank","within":["visit__contry"]}],"groupBy":["visit__country"],"orderBy":["visits__rnk"]}""",
        "metrics[1].within[0] unknown_field, orderBy[0].field unknown_field")]
    public async Task Mistakes_in_modifiers_come_back_at_once(string query, string problems)
    {
        var (status, body) = await server.PostAsync("/v1/query", query);
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Equal(problems, string.Join(", ", body["errors"]!.AsArray().Select(e => $"{e!["path"]} {e["code"]}")));
    }

    [Fact]
    public async Task A_saved_query_is_answered_as_it_is_written()
    {
        var (_, all) = await server.GetAsync("/v1/saved-queries");
        Assert.Equal(["devices_by_month /v1/saved-queries/devices_by_month"], all["savedQueries"]!.AsArray().Select(q => $"{q!["name"]} {q["href"]}"));
        var rows = new JsonArray();
        string? cursor = "";
        while (cursor is not null)
        {
            var (status, body) = await server.GetAsync("/v1/saved-queries/devices_by_month" + (cursor.Length == 0 ? "" : "?cursor=" + cursor));
            Assert.Equal(HttpStatusCode.OK, status);
            foreach (var row in body["rows"]!.AsArray())
            {
                rows.Add(row!.DeepClone());
            }

            cursor = (string?)body["next"];
        }

        var expected = server.Sql("SELECT strftime(date_trunc('month', timezone('Europe/Berlin', occurred_at::TIMESTAMPTZ)), '%Y-%m-%d') AS m, device, count(*) FROM {visits} WHERE country IS NOT NULL GROUP BY 1, 2 ORDER BY 1 DESC, 2 NULLS LAST");
        Assert.True(expected.Count > 20);
        Assert.Equal(expected.Select(r => $"{r[0]} {r[1]} {r[2]}"), rows.Select(r => $"{r!["metric_time__month"]} {r["visit__device"]} {r["visits"]}"));
    }

    [Theory]
    [InlineData("/v1/saved-queries/device_by_month", 404, "unknown_saved_query", "devices_by_month")]
    [InlineData("/v1/saved-queries/devices_by_month?limit=3", 400, "unknown_parameter", "cursor")]
    public async Task A_saved_query_that_is_not_and_a_parameter_that_it_has_not_are_refused(string path, int status, string code, string meant)
    {
        var (actual, body) = await server.GetAsync(path);
        Assert.Equal((status, code), ((int)actual, (string)body["errors"]![0]!["code"]!));
        Assert.Contains(meant, (string)body["errors"]![0]!["suggestion"]!, StringComparison.Ordinal);
    }
}
