using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Api.Sample;

namespace Write.DataPlatform.Api.Tests.Swagger;

[Collection(typeof(ServerCollection))]
public sealed class OpenApiTests(ServerFixture server)
{
    private const string Address = "/swagger/v1/swagger.json";

    /// <summary>Set to 1 to write the snapshot anew, after a change that is meant.</summary>
    private const string Regenerate = "WDP_UPDATE_SNAPSHOTS";

    [Fact]
    public async Task The_document_is_the_committed_one()
    {
        var path = Path.Combine(Root(), "tests", "Write.DataPlatform.Api.Tests", "Snapshots", "openapi.json");
        var actual = (await server.TextAsync(Address)).ReplaceLineEndings("\n").TrimEnd() + "\n";
        if (Environment.GetEnvironmentVariable(Regenerate) == "1")
        {
            await File.WriteAllTextAsync(path, actual, TestContext.Current.CancellationToken);
        }

        Assert.Equal(await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken), actual);
    }

    [Fact]
    public async Task The_document_is_valid()
    {
        var result = OpenApiDocument.Parse(await server.TextAsync(Address), "json");
        Assert.Empty(result.Diagnostic!.Errors);
        Assert.All(result.Document!.Paths.SelectMany(p => p.Value.Operations!.Values), o => Assert.False(string.IsNullOrEmpty(o.Summary)));
        var ids = result.Document.Paths.SelectMany(p => p.Value.Operations!.Values).Select(o => o.OperationId).ToList();
        Assert.Equal(ids.Count, ids.Distinct().Count());
    }

    [Fact]
    public async Task Every_route_is_described_and_nothing_else()
    {
        var document = JsonNode.Parse(await server.TextAsync(Address))!;
        var described = document["paths"]!.AsObject().SelectMany(p => p.Value!.AsObject().Select(o => $"{o.Key.ToUpperInvariant()} {p.Key}")).Where(r => !r.StartsWith("GET /v1/insights/", StringComparison.Ordinal)).Order();
        var mapped = server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            // The feed describes itself, at /odata/$metadata, and the Model Context Protocol its tools. Whatever takes GET takes HEAD.
            .Where(e => e.Metadata.GetMetadata<IExcludeFromDescriptionMetadata>() is null)
            .SelectMany(e => e.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Where(m => m != "HEAD").Select(m => $"{m} /{e.RoutePattern.RawText!.Trim('/')}")).Where(r => r != "GET /v1/insights/{name}").Order();
        Assert.Equal(mapped, described);
    }

    [Fact]
    public async Task Names_that_are_alike_but_for_a_hyphen_are_two()
    {
        await using var small = new SmallServer();
        const string Insight = "query: { metrics: [visits], group_by: [visit__country], time_range: { last: P30D } }";
        await File.AppendAllTextAsync(small.ModelFile, $"insights:\n  - {{ name: top-10, {Insight} }}\n  - {{ name: top10, {Insight} }}\n", TestContext.Current.CancellationToken);
        await small.StartAsync();
        var (status, document) = await small.GetAsync(Address);
        Assert.Equal(System.Net.HttpStatusCode.OK, status);
        Assert.Equal(["InsightTop10Answer", "InsightTop10Answer_", "InsightTop10Row", "InsightTop10Row_"], document["components"]!["schemas"]!.AsObject().Select(s => s.Key).Where(k => k.StartsWith("InsightTop", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task An_insights_answer_fits_its_schema()
    {
        var document = JsonNode.Parse(await server.TextAsync(Address))!;
        foreach (var name in new[] { "kpi-year-on-year", "top-shows", "audience-by-country", "conversion", "purchase-funnel", "returning-visitors" })
        {
            var rows = Resolved(document["paths"]!["/v1/insights/" + name]!["get"]!["responses"]!["200"]!["content"]!["application/json"]!["schema"]!)["properties"]!["rows"]!;
            var schema = Resolved(rows["items"]!)["properties"]!.AsObject();
            var (_, answer) = await server.GetAsync("/v1/insights/" + name);
            Assert.NotEmpty(answer["rows"]!.AsArray());
            Assert.Equal(schema.Select(p => p.Key), answer["columns"]!.AsArray().Select(c => (string)c!["name"]!));
            Assert.All(answer["rows"]!.AsArray().SelectMany(r => r!.AsObject()), cell => Assert.Empty(SchemaJudge.Misfits(document, cell.Value, schema[cell.Key]!, $"{name}: {cell.Key}")));
        }

        JsonNode Resolved(JsonNode schema) => document["components"]!["schemas"]![((string)schema["$ref"]!).Split('/')[^1]]!;
    }

    /// <summary>It is made once for all who see the same, whatever they write around its address, and each spelling is the same document.</summary>
    [Fact]
    public async Task The_document_is_made_once()
    {
        async Task<(System.Net.HttpStatusCode Status, string Body, bool IsKept)> GetAsync(string path, string? host = null)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.Host = host;
            using var response = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
            return (response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), response.Headers.Age is not null);
        }

        var (_, first, _) = await GetAsync(Address);
        Assert.Equal((System.Net.HttpStatusCode.OK, first, true), await GetAsync(Address));
        Assert.Equal((System.Net.HttpStatusCode.OK, first, true), await GetAsync(Address + "?made=up"));
        Assert.Equal((System.Net.HttpStatusCode.OK, first, true), await GetAsync(Address.ToUpperInvariant().Replace("V1", "v1", StringComparison.Ordinal)));
        await GetAsync(Address.Replace(".json", ".yaml", StringComparison.Ordinal));
        var (status, yaml, isKept) = await GetAsync(Address.Replace(".json", ".yaml", StringComparison.Ordinal));
        Assert.Equal((System.Net.HttpStatusCode.OK, true), (status, isKept));
        Assert.StartsWith("openapi:", yaml, StringComparison.Ordinal);

        // Who comes by another name is no operator here, and sees another document, which is kept for the next such.
        await GetAsync(Address, "one.example");
        Assert.Equal((System.Net.HttpStatusCode.OK, true), await GetAsync(Address, "two.example") is var (shown, _, kept) ? (shown, kept) : default);

        // What is not there is said as everywhere, and not kept.
        for (var i = 0; i < 2; i++)
        {
            var (missing, body, again) = await GetAsync("/swagger/v2/swagger.json");
            Assert.Equal((System.Net.HttpStatusCode.NotFound, false, "not_found"), (missing, again, (string?)JsonNode.Parse(body)!["code"]));
        }
    }

    [Fact]
    public async Task A_changed_model_changes_the_document()
    {
        var folder = Directory.CreateTempSubdirectory("wdp-swagger-").FullName;
        var models = Path.Combine(folder, "models");
        foreach (var file in Directory.EnumerateFiles(SampleLake.ModelsDirectory, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(models, Path.GetRelativePath(SampleLake.ModelsDirectory, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        var (app, client) = await ServerFixture.StartAsync(Path.Combine(folder, "data"), Role.Api, ("DataPlatform:Models", models));
        try
        {
            Assert.DoesNotContain("brand-new", await client.GetStringAsync(Address, TestContext.Current.CancellationToken), StringComparison.Ordinal);
            await File.WriteAllTextAsync(
                Path.Combine(models, "more.yaml"), "insights:\n  - { name: brand-new, query: { metrics: [visits] }, parameters: [{ name: device, field: visit__device, values: [mobile, tv], default: tv, required: false }] }\n", TestContext.Current.CancellationToken);
            Assert.True(app.Services.GetRequiredService<DataPlatform.Model.ModelStore>().Reload());
            var document = JsonNode.Parse(await client.GetStringAsync(Address, TestContext.Current.CancellationToken))!;
            var parameter = document["paths"]!["/v1/insights/brand-new"]!["get"]!["parameters"]![0]!;
            Assert.Equal("""{"enum":["mobile","tv"],"type":"string","default":"tv"}""", parameter["schema"]!.ToJsonString());

            // What is internal is not shown to strangers.
            using var request = new HttpRequestMessage(HttpMethod.Get, Address) { Headers = { { "Via", "1.1 proxy" } } };
            using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);
            var seen = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            Assert.DoesNotContain("brand-new", seen, StringComparison.Ordinal);
            Assert.Contains("top-shows", seen, StringComparison.Ordinal);
        }
        finally
        {
            client.Dispose();
            await app.StopAsync(TestContext.Current.CancellationToken);
            await app.DisposeAsync();
            Directory.Delete(folder, recursive: true);
        }
    }

    internal static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Write.DataPlatform.sln")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("The tests run outside the repository.");
        }

        return folder.FullName;
    }
}
