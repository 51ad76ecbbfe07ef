using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;

namespace Write.DataPlatform.Api.Tests.Serving;

/// <summary>The Model Context Protocol's endpoint, by the protocol's own client and by hand; what it says is what the routes say.</summary>
[Collection(typeof(ServerCollection))]
public sealed class McpTests(ServerFixture server)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_protocols_client_lists_and_calls_the_tools()
    {
        await using var client = await ConnectAsync(null);
        var tools = await client.ListToolsAsync(cancellationToken: Cancel);
        Assert.Equal(["explain", "list_dimensions", "list_metrics", "list_values", "query"], tools.Select(t => t.Name).Order());
        Assert.All(tools, t => Assert.False(string.IsNullOrEmpty(t.Description)));
        Assert.All(tools, t => Assert.True(t.ProtocolTool.Annotations?.ReadOnlyHint));

        Assert.Equal(await server.TextAsync("/v1/metrics"), (await CallAsync(client, "list_metrics", [])).Text);
        Assert.Equal(await server.TextAsync("/v1/metrics/visits"), (await CallAsync(client, "list_metrics", new() { ["name"] = "visits" })).Text);
        Assert.Equal(await server.TextAsync("/v1/dimensions?metrics=visits,page_views"), (await CallAsync(client, "list_dimensions", new() { ["metrics"] = new[] { "visits", "page_views" } })).Text);
        Assert.Equal(
            await server.TextAsync("/v1/dimensions/visit__country/values?search=R&limit=3"),
            (await CallAsync(client, "list_values", new() { ["dimension"] = "visit__country", ["search"] = "R", ["limit"] = 3 })).Text);

        const string query = """{"metrics":["visits"],"groupBy":["visit__country"],"timeRange":{"from":"2026-01-01","to":"2026-02-01"}}""";
        var (isError, text) = await CallAsync(client, "query", new() { ["query"] = JsonNode.Parse(query) });
        Assert.False(isError);
        var expected = server.Sql("SELECT country, count(*) FROM {visits} WHERE occurred_at >= TIMESTAMP '2025-12-31 23:00:00' AND occurred_at < TIMESTAMP '2026-01-31 23:00:00' GROUP BY 1 ORDER BY 1 NULLS LAST").Select(r => $"{r[0]} {r[1]}").Order(StringComparer.Ordinal);
        Assert.Equal(expected, JsonNode.Parse(text)!["rows"]!.AsArray().Select(r => $"{r!["visit__country"]} {r["visits"]}").Order(StringComparer.Ordinal));
        // Nobody reads all rows in a talk, unless he asks for them.
        const string byDay = """{"metrics":["visits"],"groupBy":["metric_time__day","visit__country"],"orderBy":["metric_time__day","visit__country"]}""";
        var (_, cut) = await CallAsync(client, "query", new() { ["query"] = JsonNode.Parse(byDay) });
        Assert.Equal(1_000, JsonNode.Parse(cut)!["rows"]!.AsArray().Count);
        Assert.NotNull(JsonNode.Parse(cut)!["next"]);
        var more = JsonNode.Parse(byDay)!;
        more["limit"] = 1_500;
        Assert.Equal(1_500, JsonNode.Parse((await CallAsync(client, "query", new() { ["query"] = more })).Text)!["rows"]!.AsArray().Count);
        Assert.Contains("\"leaves\"", (await CallAsync(client, "explain", new() { ["query"] = JsonNode.Parse(query) })).Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("query", """{"query":{"metrics":["vists"]}}""", "unknown_metric")]
    [InlineData("query", """{"query":{"metrics":["visits"],"limt":1}}""", "bad_query")]
    [InlineData("query", """{"query":"visits"}""", "bad_query")]
    [InlineData("query", """{"query":null}""", "bad_query")]
    [InlineData("list_metrics", """{"name":"vists"}""", "unknown_metric")]
    [InlineData("list_metrics", """{"name":"../keys"}""", "unknown_metric")]
    [InlineData("list_values", """{"dimension":"visit__contry"}""", "unknown_dimension")]
    [InlineData("list_values", """{"dimension":"visit__country","limit":0}""", "bad_query")]
    [InlineData("list_dimensions", """{"metrics":["visits&tenant=acme"]}""", "unknown_metric")]
    public async Task Mistakes_are_told_in_the_words_of_the_routes(string tool, string arguments, string code)
    {
        await using var client = await ConnectAsync(null);
        var (isError, text) = await CallAsync(client, tool, JsonSerializer.Deserialize<Dictionary<string, object?>>(arguments)!);
        Assert.True(isError, text);
        Assert.Contains($"\"{code}\"", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tenants_key_sees_its_rows_alone_and_no_plans()
    {
        var key = (string)(await server.PostAsync("/v1/keys", """{"name":"mcp","tenant":"acme"}""")).Body["key"]!;
        await using var client = await ConnectAsync(key);
        var (_, text) = await CallAsync(client, "query", new() { ["query"] = JsonNode.Parse("""{"metrics":["visits"]}""") });
        Assert.Equal(server.Sql("SELECT count(*) FROM {visits} WHERE customer = 'acme'")[0][0], (long)JsonNode.Parse(text)!["rows"]![0]!["visits"]!);
        var (isError, refused) = await CallAsync(client, "explain", new() { ["query"] = JsonNode.Parse("""{"metrics":["visits"]}""") });
        Assert.True(isError);
        Assert.Equal("forbidden", (string)JsonNode.Parse(refused)!["code"]!);
    }

    /// <summary>An operator may look through a tenant's eyes in the address or in a header, as at the routes.</summary>
    [Theory]
    [InlineData("/mcp?tenant=acme", null)]
    [InlineData("/mcp", "acme")]
    public async Task An_operator_looks_through_a_tenants_eyes(string address, string? header)
    {
        await using var client = await ConnectAsync(null, address, header);
        var (_, text) = await CallAsync(client, "query", new() { ["query"] = JsonNode.Parse("""{"metrics":["visits"]}""") });
        Assert.Equal(server.Sql("SELECT count(*) FROM {visits} WHERE customer = 'acme'")[0][0], (long)JsonNode.Parse(text)!["rows"]![0]!["visits"]!);
        await using var nobodys = await ConnectAsync(null, "/mcp?tenant=nobody");
        var (isError, refused) = await CallAsync(nobodys, "query", new() { ["query"] = JsonNode.Parse("""{"metrics":["visits"]}""") });
        Assert.True(isError);
        Assert.Contains("unknown_tenant", refused, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nobody_without_a_key_gets_in()
    {
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => ConnectAsync("wdp_0123456789abcdef_nothing"));
        using var request = Initialize();
        request.Headers.TryAddWithoutValidation("X-Forwarded-For", "192.0.2.1");
        using var response = await server.Client.SendAsync(request, Cancel);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.NotEmpty(response.Headers.WwwAuthenticate);
    }

    [Fact]
    public async Task It_is_spoken_by_hand_too()
    {
        using var request = Initialize();
        using var response = await server.Client.SendAsync(request, Cancel);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var text = await response.Content.ReadAsStringAsync(Cancel);
        Assert.Contains("write-data-platform", text, StringComparison.Ordinal);
    }

    private static HttpRequestMessage Initialize() => new(HttpMethod.Post, "/mcp")
    {
        Content = new StringContent("""{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"hand","version":"1"}}}""", Encoding.UTF8, "application/json"),
        Headers = { Accept = { new MediaTypeWithQualityHeaderValue("application/json"), new MediaTypeWithQualityHeaderValue("text/event-stream") } },
    };

    private async Task<McpClient> ConnectAsync(string? key, string address = "/mcp", string? tenant = null)
    {
        var headers = new Dictionary<string, string?> { ["Authorization"] = key is null ? null : "Bearer " + key, ["X-Tenant"] = tenant };
        var options = new HttpClientTransportOptions
        {
            Endpoint = new Uri(server.Client.BaseAddress!, address),
            TransportMode = HttpTransportMode.StreamableHttp,
            AdditionalHeaders = headers.Where(h => h.Value is not null).ToDictionary(h => h.Key, h => h.Value!),
        };
        return await McpClient.CreateAsync(new HttpClientTransport(options), cancellationToken: Cancel);
    }

    private static async Task<(bool IsError, string Text)> CallAsync(McpClient client, string tool, Dictionary<string, object?> arguments)
    {
        var result = await client.CallToolAsync(tool, arguments, cancellationToken: Cancel);
        return (result.IsError is true, string.Concat(result.Content.OfType<TextContentBlock>().Select(c => c.Text)));
    }
}
