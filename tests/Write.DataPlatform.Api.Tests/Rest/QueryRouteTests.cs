using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Write.DataPlatform.Api.Rest;

namespace Write.DataPlatform.Api.Tests.Rest;

[Collection(typeof(ServerCollection))]
public sealed class QueryRouteTests(ServerFixture server)
{
    private const string Query =
        """{"metrics":["visits","revenue"],"groupBy":["visit__country"],"where":{"field":"visit__device","op":"in","values":["mobile","tablet"]},"timeRange":{"from":"2026-01-01","to":"2026-03-01"},"orderBy":[{"field":"visits","descending":true}],"limit":5,"totals":true}""";

    [Fact]
    public async Task A_query_in_the_body_and_in_the_address_give_the_same()
    {
        var (status, posted) = await server.PostAsync("/v1/query", Query);
        Assert.Equal(HttpStatusCode.OK, status);
        var (_, got) = await server.GetAsync(
            "/v1/query?metrics=visits,revenue&groupBy=visit__country&from=2026-01-01&to=2026-03-01&orderBy=-visits&limit=5&totals=true&where="
            + Uri.EscapeDataString("""{"field":"visit__device","op":"in","values":["mobile","tablet"]}"""));
        Assert.Equal(5, posted["rows"]!.AsArray().Count);
        foreach (var part in new[] { "columns", "rows", "totals" })
        {
            Assert.Equal(posted[part]!.ToJsonString(), got[part]!.ToJsonString());
        }
    }

    [Fact]
    public async Task An_answer_has_the_contracts_shape()
    {
        var (_, body) = await server.PostAsync("/v1/query", Query);
        Assert.Equal(["columns", "rows", "totals", "served", "next"], body.AsObject().Select(p => p.Key));
        Assert.Equal(["visit__country:string", "visits:int64", "revenue:decimal"], body["columns"]!.AsArray().Select(c => $"{c!["name"]}:{c["type"]}"));
        Assert.Equal(["visit__country", "visits", "revenue"], body["rows"]![0]!.AsObject().Select(p => p.Key));
        Assert.Equal(["visits", "revenue"], body["totals"]!.AsObject().Select(p => p.Key));
        Assert.Equal(["by", "tables", "asOf", "misses", "bytesScanned"], body["served"]!.AsObject().Select(p => p.Key));
        var all = server.Sql("SELECT count(*) FROM {visits} WHERE device IN ('mobile', 'tablet') AND timezone('Europe/Berlin', occurred_at::TIMESTAMPTZ) >= TIMESTAMP '2026-01-01' AND timezone('Europe/Berlin', occurred_at::TIMESTAMPTZ) < TIMESTAMP '2026-03-01'");
        Assert.Equal((long)all[0][0]!, (long)body["totals"]!["visits"]!);
    }

    [Fact]
    public async Task Gold_and_lake_give_equal_rows()
    {
        const string query = "/v1/query?metrics=visits,bounce_rate&groupBy=metric_time__month,visit__country&from=2025-06-01&to=2026-03-01&source=";
        var (_, gold) = await server.GetAsync(query + "gold");
        var (_, lake) = await server.GetAsync(query + "lake");
        Assert.Equal("gold", (string)Assert.Single(gold["served"]!["by"]!.AsArray())!);
        Assert.Equal("lake", (string)Assert.Single(lake["served"]!["by"]!.AsArray())!);
        Assert.True(gold["rows"]!.AsArray().Count > 50);
        Assert.Equal(lake["rows"]!.ToJsonString(), gold["rows"]!.ToJsonString());
    }

    [Fact]
    public async Task Csv_has_the_cells_of_json()
    {
        const string query = "/v1/query?metrics=visits,revenue,bounce_rate&groupBy=metric_time__week,visit__show__title&last=P2M";
        var (_, json) = await server.GetAsync(query);
        var csv = CsvCells.Parse(await server.TextAsync(query + "&format=csv"));
        Assert.Equal(json["columns"]!.AsArray().Select(c => (string)c!["name"]!), csv[0]);
        Assert.Equal(
            json["rows"]!.AsArray().Select(r => string.Join("¦", r!.AsObject().Select(c => c.Value is null ? null : c.Value.GetValueKind() == System.Text.Json.JsonValueKind.String ? (string?)c.Value : c.Value.ToJsonString()))),
            csv.Skip(1).Select(r => string.Join("¦", r)));
        Assert.True(csv.Count > 100);
    }

    [Fact]
    public async Task Forty_mistakes_come_back_at_once()
    {
        var conditions = string.Join(",", Enumerable.Range(0, 36).Select(i => $$"""{"field":"visit__country","op":"equals{{i}}","values":[1]}"""));
        var (status, body) = await server.PostAsync("/v1/query", $$$"""{"metrics":[1],"limit":"x","sorce":"gold","timeRange":{"last":"1 month"},"where":{"or":[{{{conditions}}}]}}""");
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Equal(40, body["errors"]!.AsArray().Count);
        Assert.Equal("bad_query", (string)body["code"]!);
    }

    [Fact]
    public async Task Names_that_do_not_exist_are_all_told()
    {
        var (status, body) = await server.PostAsync("/v1/query", """{"metrics":["vists"],"groupBy":["visit__contry"],"timeRange":{"last":"P1M"}}""");
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Equal(["unknown_dimension groupBy[0]", "unknown_metric metrics[0]"], body["errors"]!.AsArray().Select(e => $"{e!["code"]} {e["path"]}").Order());
    }

    [Fact]
    public async Task A_query_that_cannot_be_answered_correctly_is_422()
    {
        var (status, body) = await server.PostAsync("/v1/query", """{"metrics":["visits"],"groupBy":["visit__customer"],"source":"gold"}""");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, status);
        Assert.Equal("unanswerable_query", (string)body["code"]!);
        Assert.All(body["errors"]!.AsArray(), e => Assert.Equal("not_in_gold", (string)e!["code"]!));
    }

    [Fact]
    public async Task Explain_tells_who_answers()
    {
        var (status, body) = await server.PostAsync("/v1/query/explain", """{"metrics":["visits"],"groupBy":["visit__customer"]}""");
        Assert.Equal(HttpStatusCode.OK, status);
        var leaf = Assert.Single(body["leaves"]!.AsArray())!;
        Assert.Equal("visits", (string)leaf["semanticModel"]!);
        Assert.Contains("SELECT", (string)leaf["pieces"]![0]!["sql"]!, StringComparison.Ordinal);
        Assert.NotEmpty(leaf["misses"]!.AsArray());
        Assert.Contains("SELECT", (string)body["finishSql"]!, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("""{"metrics":[""", "application/json", 400, "bad_query")]
    [InlineData("metrics=visits", "application/x-www-form-urlencoded", 415, "unsupported_media_type")]
    [InlineData("", "application/json", 400, "bad_query")]
    public async Task A_body_that_is_no_query_is_refused(string text, string type, int status, string code)
    {
        using var content = new StringContent(text, Encoding.UTF8, type);
        using var response = await server.Client.PostAsync("/v1/query", content, TestContext.Current.CancellationToken);
        var body = JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
        Assert.Equal((status, code), ((int)response.StatusCode, (string)body["code"]!));
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
        Assert.Equal(32, ((string)body["traceId"]!).Length);
    }

    [Fact]
    public async Task A_body_that_is_too_large_is_refused()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/query") { Content = new StringContent(new string(' ', RestServices.MaxBodyBytes + 1), Encoding.UTF8, "application/json") };
        // As curl does for such a body: asked first, the server refuses without reading, where a client that just sends may find the line cut.
        request.Headers.ExpectContinue = true;
        using var response = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        var body = JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "body_too_large"), (response.StatusCode, (string)body["code"]!));
    }

    [Theory]
    [InlineData("application/xml", 406)]
    [InlineData("text/html, application/xhtml+xml, */*;q=0.8", 200)]
    [InlineData("text/csv;q=0.5, application/json;q=0.4", 200)]
    [InlineData("application/json;q=0, text/plain", 406)]
    public async Task Accept_is_honoured(string accept, int status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/query?metrics=visits&last=P1M");
        request.Headers.TryAddWithoutValidation("Accept", accept);
        using var response = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(status, (int)response.StatusCode);
        if (status == 200)
        {
            Assert.Equal(accept.StartsWith("text/csv", StringComparison.Ordinal) ? "text/csv" : "application/json", response.Content.Headers.ContentType!.MediaType);
        }
    }

    [Theory]
    [InlineData("GET", "/v1/nothing", 404, "not_found")]
    [InlineData("DELETE", "/v1/insights", 405, "method_not_allowed")]
    [InlineData("GET", "/v1/metrics/vists", 404, "unknown_metric")]
    [InlineData("GET", "/v1/dimensions/visit__contry/values", 404, "unknown_dimension")]
    [InlineData("GET", "/v1/gold/visits_dayly", 404, "unknown_table")]
    [InlineData("POST", "/v1/gold/visits_dayly/refresh", 404, "unknown_table")]
    [InlineData("POST", "/v1/gold/visits_daily/refresh?from=soon", 400, "bad_query")]
    [InlineData("GET", "/v1/runs/none", 404, "unknown_run")]
    [InlineData("POST", "/v1/runs/none/cancel", 404, "unknown_run")]
    [InlineData("GET", "/v1/runs?limit=0", 400, "bad_query")]
    [InlineData("GET", "/v1/query?metrics=visits&format=xml", 406, "not_acceptable")]
    public async Task Refusals_are_problems(string method, string path, int status, string code)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        using var response = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        var body = JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
        Assert.Equal((status, code, status), ((int)response.StatusCode, (string)body["code"]!, (int)body["status"]!));
    }
}
