using System.Globalization;
using System.Text.Json.Nodes;
using Write.DataPlatform.StandIns;

namespace Write.DataPlatform.Api.Tests.OData;

/// <summary>The feed read by clients that others wrote in JavaScript: what each finds is what the lake's files say.</summary>
[Collection(typeof(ServerCollection))]
public sealed class NpmClientTests(ServerFixture server)
{
    private static readonly string[] Devices = ["desktop", "mobile", "null", "tablet", "tv"];

    private static readonly bool IsInstalled = Directory.Exists(Path.Combine(StandIn.Folder, "node_modules", "@odata2ts"));

    [Fact]
    public async Task O_js_reads_pages_aggregates_batches_and_errors()
    {
        var found = await RunAsync("odata/o.mjs");
        await CheckAsync(found);
        Assert.Equal([3, 3], found["batch"]!.AsArray().Select(n => (int)n!));
        Assert.Equal("bad_request", (string?)found["error"]!["code"]);
        Assert.Equal(400, (int)found["error"]!["status"]!);
    }

    [Fact]
    public async Task Odata_client_reads_pages_aggregates_batches_and_errors()
    {
        var found = await RunAsync("odata/client.mjs");
        await CheckAsync(found);
        Assert.Equal([3, 2], found["batch"]!.AsArray().Select(n => (int)n!));
        Assert.Equal((int)found["rows"]!, (int)found["count"]!);
        Assert.Contains("nope", (string)found["error"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_typed_client_made_of_the_model_compiles_and_reads()
    {
        var found = await RunAsync("odata/typed.mjs");
        await CheckRowsAsync(found);
        Assert.Equal((long)server.Sql(French("count(*)"))[0][0]!, (long)found["counted"]!);
        Assert.Equal(Devices, found["devices"]!.AsArray().Select(d => (string)d!));
        Assert.Equal(5, (int)found["countries"]!);
        Assert.Equal(400, (int)found["error"]!["status"]!);
        Assert.Contains("-1", (string)found["error"]!["message"]!, StringComparison.Ordinal);
    }

    private async Task CheckAsync(JsonNode found)
    {
        var (_, document) = await FeedClient.GetAsync(server.Client, "/odata");
        Assert.Equal(document["value"]!.AsArray().Select(s => (string)s!["name"]!), found["sets"]!.AsArray().Select(s => (string)s!));
        await CheckRowsAsync(found);
        var devices = server.Sql("SELECT coalesce(device, 'null'), count(*) FROM {visits} GROUP BY 1 ORDER BY 1");
        Assert.Equal(devices.Select(d => $"{d[0]} {d[1]}"), found["devices"]!.AsObject().OrderBy(d => d.Key, StringComparer.Ordinal).Select(d => $"{d.Key} {d.Value}"));
        Assert.Equal((long)found["visits"]!, (long)found["months"]!);
    }

    private async Task CheckRowsAsync(JsonNode found)
    {
        Assert.Equal(await server.TextAsync("/odata/visits_daily/$count"), ((long)found["rows"]!).ToString(CultureInfo.InvariantCulture));
        Assert.Equal((long)server.Sql("SELECT count(*) FROM {visits}")[0][0]!, (long)found["visits"]!);
        Assert.True((int)found["pages"]! > 1, "There is one page alone.");
        Assert.Equal((long)server.Sql(French("sum(n)::BIGINT"))[0][0]!, (long)found["french"]!);
        Assert.True((bool)found["one"]!);
    }

    /// <summary>The days and devices of French visitors with two visits or more.</summary>
    private static string French(string aggregate) =>
        $"SELECT {aggregate} FROM (SELECT count(*) AS n FROM {{visits}} WHERE country = 'FR' GROUP BY CAST(timezone('Europe/Berlin', timezone('UTC', occurred_at)) AS DATE), device HAVING count(*) >= 2)";

    private async Task<JsonNode> RunAsync(string script)
    {
        Assert.SkipUnless(StandIn.Missing is null && (IsInstalled || Environment.GetEnvironmentVariable("CI") == "true"), "the clients are not installed: run tests/stand-ins/install.sh");
        var (code, output) = await StandIn.RunAsync(script, $"{server.Client.BaseAddress}odata");
        Assert.True(code == 0, output);
        return JsonNode.Parse(output)!;
    }
}
