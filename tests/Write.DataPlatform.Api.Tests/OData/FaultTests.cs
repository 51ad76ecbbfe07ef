using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Write.DataPlatform.Api.OData;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.StandIns;

namespace Write.DataPlatform.Api.Tests.OData;

/// <summary>What goes wrong on the way: a store that is away, too many requests, a query that fails in the middle, a client that goes.</summary>
[Collection(typeof(ServerCollection))]
public sealed class FaultTests(ServerFixture server)
{
    /// <summary>A number that .NET's decimal holds once and not twice, so that rows of one visit can be written and rows of more cannot.</summary>
    private const string FailsLate = "$compute=visits%20mul%209999999999999999999999999999%20mul%204%20as%20x";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_failure_behind_the_first_bytes_breaks_the_body()
    {
        var received = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var app = await StartAsync(context => FeedStream.SendAsync(FeedRequest.Read(context), new PayloadFormat(MetadataLevel.Minimal, false), null, async (pipe, cancellation) =>
        {
            await pipe.WriteAsync(Encoding.ASCII.GetBytes("{\"value\":[" + string.Concat(Enumerable.Repeat("{\"visits\":1},", 20_000))), cancellation);
            await received.Task.WaitAsync(Patience, TimeProvider.System, cancellation);
            throw new InvalidOperationException("The query failed.");
        }));
        var raw = await RawAsync(new Uri(app.Urls.Single()).Port, "/odata/x", received.TrySetResult);
        Assert.StartsWith("HTTP/1.1 200 OK", raw, StringComparison.Ordinal);
        Assert.Contains("Transfer-Encoding: chunked", raw, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("{\"visits\":1}", raw, StringComparison.Ordinal);
        Assert.False(raw.EndsWith("0\r\n\r\n", StringComparison.Ordinal), "The body ends as if it were whole.");
        Assert.DoesNotContain("]}", raw, StringComparison.Ordinal);

        // A client is told of it by its own library, too.
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => client.GetStringAsync("/odata/x", Cancel));
    }

    /// <summary>The same query may fail before the first bytes are sent or behind them, as the machine has it.</summary>
    [Fact]
    public async Task A_query_that_fails_late_is_a_status_or_a_broken_body_and_never_a_whole_one()
    {
        var raw = await RawAsync(server.Client.BaseAddress!.Port, $"/odata/visits_daily?{FailsLate}&$filter=visits%20ge%201&$orderby=visits");
        if (raw.StartsWith("HTTP/1.1 200 OK", StringComparison.Ordinal))
        {
            Assert.False(raw.EndsWith("0\r\n\r\n", StringComparison.Ordinal), "The body ends as if it were whole.");
        }
        else
        {
            Assert.StartsWith("HTTP/1.1 400 Bad Request", raw, StringComparison.Ordinal);
            Assert.Contains("\"code\":\"bad_request\"", raw, StringComparison.Ordinal);
            Assert.DoesNotContain("\"value\"", raw, StringComparison.Ordinal);
        }

        // Before them it is a status, and within a batch it is one always.
        var (status, body) = await FeedClient.GetAsync(server.Client, $"/odata/visits_daily?{FailsLate}&$orderby=visits%20desc");
        Assert.Equal((HttpStatusCode.BadRequest, "bad_request"), (status, (string?)body["error"]!["code"]));
        var (_, batch) = await server.PostAsync("/odata/$batch", $$"""{"requests":[{"id":"1","method":"get","url":"visits_daily?{{FailsLate}}&$filter=visits ge 1&$orderby=visits"}]}""");
        Assert.Equal(400, (int)batch["responses"]![0]!["status"]!);
        Assert.NotNull(batch["responses"]![0]!["body"]!["error"]);
    }

    [Fact]
    public async Task A_whole_body_ends_as_one()
    {
        var raw = await RawAsync(server.Client.BaseAddress!.Port, "/odata/visits_daily?$filter=visits%20ge%201&$orderby=visits");
        Assert.EndsWith("]}\r\n0\r\n\r\n", raw, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_goes_away_ends_the_work()
    {
        var ended = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var app = await StartAsync(context => FeedStream.SendAsync(FeedRequest.Read(context), new PayloadFormat(MetadataLevel.Minimal, false), null, async (pipe, cancellation) =>
        {
            // As a query that never ends.
            try
            {
                while (!cancellation.IsCancellationRequested)
                {
                    await pipe.WriteAsync(new byte[1024], CancellationToken.None);
                    await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, CancellationToken.None);
                }
            }
            finally
            {
                ended.TrySetResult(cancellation.IsCancellationRequested);
            }
        }));
        using (var client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) })
        using (var response = await client.GetAsync("/odata/x", HttpCompletionOption.ResponseHeadersRead, Cancel))
        await using (var body = await response.Content.ReadAsStreamAsync(Cancel))
        {
            await body.ReadExactlyAsync(new byte[1], Cancel);
            Assert.False(ended.Task.IsCompleted);
        }

        Assert.True(await ended.Task.WaitAsync(Patience, TimeProvider.System, Cancel));
    }

    /// <summary>Clients that go away in the middle of their pages leave the sessions to others, of which there are few.</summary>
    [Fact]
    public async Task Clients_that_go_away_leave_nothing_behind()
    {
        for (var i = 0; i < 40; i++)
        {
            using var response = await server.Client.GetAsync("/odata/visits_daily?$orderby=bounce_rate,row_key", HttpCompletionOption.ResponseHeadersRead, Cancel);
            await using var body = await response.Content.ReadAsStreamAsync(Cancel);
            await body.ReadExactlyAsync(new byte[1], Cancel);
        }

        Assert.Single(await FeedClient.RowsAsync(server.Client, "/odata/visits_daily?$top=1"));
    }

    /// <summary>Power Query waits as long as it is told and asks again, three times.</summary>
    [Fact]
    public async Task Too_many_requests_are_told_when_to_come_again()
    {
        var left = 2;
        await using var app = await StartAsync(async context =>
        {
            if (Interlocked.Decrement(ref left) >= 0)
            {
                throw new ProblemException(new Problem(429, "too_many_requests", "Too many requests.") { Headers = [("Retry-After", "2")] });
            }

            await context.Response.WriteAsync("{}", Cancel);
        });
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
        var waits = new List<TimeSpan?>();
        for (var tries = 0; tries < 4; tries++)
        {
            using var response = await FeedClient.SendAsync(client, "/odata/visits_daily", ("Accept", FeedClient.PowerQueryAccept), ("OData-MaxVersion", "4.0"));
            Assert.Equal(["4.0"], response.Headers.GetValues("OData-Version"));
            if (response.StatusCode == HttpStatusCode.OK)
            {
                break;
            }

            Assert.Equal(HttpStatusCode.TooManyRequests, response.StatusCode);
            Assert.Equal("too_many_requests", (string?)JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!["error"]!["code"]);
            waits.Add(response.Headers.RetryAfter!.Delta);
        }

        Assert.Equal([TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(2)], waits);
    }

    [Fact]
    public async Task A_store_that_is_away_is_503_and_the_import_goes_on_when_it_is_back()
    {
        Assert.SkipWhen(StandIn.Missing is not null, StandIn.Missing ?? "");
        var folder = Directory.CreateTempSubdirectory("wdp-feed-").FullName;
        var what = string.Create(CultureInfo.InvariantCulture, $"dynamodb={FreePort()},{folder}");
        var dynamo = await StandIn.StartAsync(what, Cancel);
        try
        {
            await using var small = new SmallServer();
            await small.StartAsync(settings: [("DataPlatform:Gold:Kind", "DynamoDb"), ("DataPlatform:Gold:DynamoDb:Create", "true"), ("AWS:ServiceURL", dynamo.Url.ToString()), ("DataPlatform:Gold:DynamoDb:Table", "wdp-" + Guid.NewGuid().ToString("N"))]);
            await small.RefreshAsync();
            var (_, page) = await FeedClient.GetAsync(small.Client, "/odata/visits_daily", ("Prefer", "odata.maxpagesize=100"));
            var next = (string)page["@odata.nextLink"]!;

            await dynamo.DisposeAsync();
            foreach (var path in new[] { "/odata", "/odata/$metadata", "/odata/visits_daily?$top=1000", next, "/odata/visits_daily/$count" })
            {
                using var response = await FeedClient.SendAsync(small.Client, path, ("Accept", FeedClient.PowerQueryAccept));
                Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
                Assert.True(response.Headers.RetryAfter?.Delta > TimeSpan.Zero);
                Assert.Equal(["4.0"], response.Headers.GetValues("OData-Version"));
                Assert.Equal("gold_unavailable", (string?)JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!["error"]!["code"]);
            }

            dynamo = await StandIn.StartAsync(what, Cancel);
            await small.HealthAsync("gold", c => (string)c["status"]! == "Healthy");
            var rest = await FeedClient.AllAsync(small.Client, next, 100);
            var rows = page["value"]!.AsArray().Select(r => r!).Concat(rest).ToList();
            Assert.Equal(rows.Count, rows.Select(r => (string)r["row_key"]!).Distinct().Count());
            Assert.Equal(3 * 1_200, rows.Sum(r => (long)r["visits"]!));
        }
        finally
        {
            await dynamo.DisposeAsync();
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The feed's edge before some handler, on a socket of its own.</summary>
    private static async Task<WebApplication> StartAsync(RequestDelegate handler)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        app.UseMiddleware<ErrorEdge>();
        app.UseMiddleware<ODataEdge>();
        app.Run(handler);
        await app.StartAsync(Cancel);
        return app;
    }

    /// <summary>Everything that comes over the wire for one request, head and chunks.</summary>
    private static async Task<string> RawAsync(int port, string path, Func<bool>? began = null)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port, Cancel);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {FeedClient.PowerQueryAccept}\r\nConnection: close\r\n\r\n"), Cancel);
        using var all = new MemoryStream();
        var buffer = new byte[16 * 1024];
        try
        {
            while (await stream.ReadAsync(buffer, Cancel) is > 0 and var read)
            {
                all.Write(buffer, 0, read);
                began?.Invoke();
            }
        }
        catch (IOException)
        {
            // The connection was reset: what came before it counts.
        }

        return Encoding.UTF8.GetString(all.ToArray());
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
