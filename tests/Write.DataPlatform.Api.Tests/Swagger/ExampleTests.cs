using System.Text.Json.Nodes;
using Write.DataPlatform.Api.Swagger;

namespace Write.DataPlatform.Api.Tests.Swagger;

/// <summary>The document's examples, and what the server gives, beside the document's schemas.</summary>
[Collection(typeof(ServerCollection))]
public sealed class ExampleTests(ServerFixture server)
{
    private const string Json = "application/json";

    [Fact]
    public async Task Every_body_has_an_example_that_fits()
    {
        var document = await DocumentAsync();
        var problems = new List<string>();
        var ids = new HashSet<string>();
        foreach (var (path, operation) in Operations(document))
        {
            ids.Add((string)operation["operationId"]!);
            var bodies = operation["responses"]!.AsObject().Where(r => r.Key.StartsWith('2') || r.Key == "400").Select(r => (r.Key, r.Value!["content"]?[r.Key == "400" ? "application/problem+json" : Json])).Append(("body", operation["requestBody"]?["content"]?[Json]));
            foreach (var (what, body) in bodies.Where(b => b.Item2 is not null))
            {
                var example = body!["example"];
                problems.AddRange(example is null ? [$"{path} {what}: no example"] : SchemaJudge.Misfits(document, example, body["schema"]!, $"{path} {what}"));
            }
        }

        Assert.Empty(problems);
        Assert.Empty(Examples.Names.Except([.. ids, "Job", "Problem"]));
    }

    [Fact]
    public async Task What_is_answered_fits()
    {
        var document = await DocumentAsync();
        var problems = new List<string>();
        using (await server.Client.PostAsync("/v1/keys", new StringContent("""{ "name": "fits", "tenant": "acme" }""", null, Json), TestContext.Current.CancellationToken))
        {
        }

        var run = (string)(await server.GetAsync("/v1/runs")).Body["runs"]![0]!["id"]!;
        foreach (var (path, address) in new[]
        {
            ("/v1/insights", ""), ("/v1/caller", ""), ("/v1/saved-queries", ""), ("/v1/saved-queries/{name}", "/v1/saved-queries/devices_by_month"), ("/v1/query", "/v1/query?metrics=visits&groupBy=visit__country&totals=true"),
            ("/v1/queries", ""), ("/v1/metrics", ""), ("/v1/metrics/{name}", "/v1/metrics/bounce_rate"), ("/v1/dimensions", ""), ("/v1/dimensions/{name}/values", "/v1/dimensions/visit__country/values"), ("/v1/gold", ""),
            ("/v1/gold/{table}", "/v1/gold/visits_daily"), ("/v1/runs", ""), ("/v1/runs/{id}", "/v1/runs/" + run), ("/v1/streams", ""), ("/v1/alerts", ""), ("/v1/alerts/{name}", "/v1/alerts/bounce-rate-high"), ("/v1/reports", ""),
            ("/v1/keys", ""), ("/v1/audit", ""), ("/health", ""), ("/health/live", ""), ("/health/ready", ""), ("/v1/insights/kpi-year-on-year", ""),
        })
        {
            var (status, answer) = await server.GetAsync(address.Length > 0 ? address : path);
            Assert.True(status == System.Net.HttpStatusCode.OK, $"{path}: {answer.ToJsonString()}");
            problems.AddRange(SchemaJudge.Misfits(document, answer, document["paths"]![path]!["get"]!["responses"]!["200"]!["content"]![Json]!["schema"]!, path));
        }

        Assert.Empty(problems.Distinct());
    }

    /// <summary>A misfit of each kind is seen.</summary>
    [Theory]
    [InlineData("""{ "id": 5 }""")]
    [InlineData("""{ "state": null }""")]
    [InlineData("""{ "state": "happy" }""")]
    [InlineData("""{ "unknown": 1 }""")]
    [InlineData("""{ "metrics": "visits" }""")]
    [InlineData("""{ "metrics": [1] }""")]
    [InlineData("""{ "startedAt": "yesterday" }""")]
    public async Task A_misfit_is_seen(string text)
    {
        var document = await DocumentAsync();
        Assert.Single(SchemaJudge.Misfits(document, JsonNode.Parse(text), document["components"]!["schemas"]!["Job"]!, "Job"));
    }

    private async Task<JsonNode> DocumentAsync() => JsonNode.Parse(await server.TextAsync("/swagger/v1/swagger.json"))!;

    private static IEnumerable<(string Path, JsonNode Operation)> Operations(JsonNode document) =>
        document["paths"]!.AsObject().SelectMany(p => p.Value!.AsObject().Select(o => ($"{o.Key} {p.Key}", o.Value!)));
}
