using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Api.Tests.Commands;
using Write.DataPlatform.Streaming;

namespace Write.DataPlatform.Api.Tests.Streaming;

/// <summary>Events over HTTP: in, counted, told of, and what is wrong with them.</summary>
public sealed class EventTests
{
    private const string Query = """{"metrics":["visits","seconds"],"groupBy":["visit__country"],"timeRange":{"toDate":"day"},"orderBy":[{"field":"visit__country"}],"source":"gold"}""";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_event_is_in_the_answers_of_gold_once_and_stays_when_the_refresh_takes_it_over()
    {
        await using var server = new SmallServer();
        await StartAsync(server);

        // Gold and the stream must have met once.
        var now = Now(server);
        await PostAsync(server, Event(1, now, "FR", 5));
        await PostAsync(server, Event(1, now, "FR", 5));
        var answer = await UntilAsync(server, Query, a => a["rows"]!.AsArray().Count > 0 && By(a).Contains("tail"));
        Assert.Equal("""[{"visit__country":"FR","visits":1,"seconds":5}]""", answer["rows"]!.ToJsonString());

        // Another, with some beside it that are wrong.
        now = Now(server);
        var (status, body) = await PostAsync(server, Event(2, now, "DE", 7), """{"id":"x"}""", """{"id":3}""", Event(4, now.AddDays(1), null, null), """{"id":5,"started_at":"1970-01-01T00:00:00Z"}""");
        Assert.Equal(HttpStatusCode.Accepted, status);
        Assert.Equal((1, 4), ((int)body["accepted"]!, (int)body["refused"]!));
        Assert.Equal([(1, "wrong_type"), (2, "no_time"), (3, "future"), (4, "ancient")], body["errors"]!.AsArray().Select(e => ((int)e!["index"]!, (string)e["code"]!)));
        answer = await UntilAsync(server, Query, a => a["rows"]!.AsArray().Count == 2);
        var expected = """[{"visit__country":"DE","visits":1,"seconds":7},{"visit__country":"FR","visits":1,"seconds":5}]""";
        Assert.Equal(expected, answer["rows"]!.ToJsonString());
        Assert.NotNull(answer["served"]!["asOf"]);

        var (_, explained) = await server.PostAsync("/v1/query/explain", Query);
        Assert.Contains("tail", explained["leaves"]![0]!["pieces"]!.AsArray().Select(p => (string)p!["by"]!));

        // The files are the lake's, and the refresh counts the same from them.
        await UntilAsync(server, Query.Replace("\"gold\"", "\"lake\"", StringComparison.Ordinal), a => a["rows"]!.ToJsonString() == expected);
        await server.RefreshAsync();
        (_, answer) = await server.PostAsync("/v1/query", Query);
        Assert.Equal(expected, answer["rows"]!.ToJsonString());

        var (_, streams) = await server.GetAsync("/v1/streams");
        Assert.Equal((2, 1), ((int)streams["streams"]![0]!["events"]!, (int)streams["streams"]![0]!["duplicates"]!));
        var (_, health) = await server.GetAsync("/health");
        Assert.Contains("stream:visits", health["checks"]!.AsArray().Select(c => (string)c!["name"]!));
        Assert.Contains("wdp_stream_put_records", await server.Client.GetStringAsync("/metrics", Cancel), StringComparison.Ordinal);
        await server.StopAsync();
    }

    [Fact]
    public async Task Bodies_that_are_no_events_are_refused_as_a_whole_or_by_index()
    {
        await using var server = new SmallServer();
        await StartAsync(server, Role.Api);
        Assert.Equal((HttpStatusCode.NotFound, "unknown_stream"), await CodeAsync(server, "visit", "[]"));
        Assert.Equal((HttpStatusCode.BadRequest, "bad_events"), await CodeAsync(server, "visits", "[{]"));
        Assert.Equal((HttpStatusCode.BadRequest, "bad_events"), await CodeAsync(server, "visits", "nonsense\n1\n\"x\""));
        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "too_many_events"), await CodeAsync(server, "visits", "[" + string.Join(',', Enumerable.Repeat("{}", 10_001)) + "]"));
        using (var large = new HttpRequestMessage(HttpMethod.Post, "/v1/events/visits") { Content = Json("[\"" + new string('x', 8_000_001) + "\"]") })
        {
            // Told before it sends.
            large.Headers.ExpectContinue = true;
            using var refused = await server.Client.SendAsync(large, Cancel);
            Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "body_too_large"), (refused.StatusCode, (string)JsonNode.Parse(await refused.Content.ReadAsStringAsync(Cancel))!["code"]!));
        }

        var (status, body) = await PostAsync(server);
        Assert.Equal((HttpStatusCode.Accepted, 0), (status, (int)body["accepted"]!));
        var text = new string('x', 1_000_000);
        (status, body) = await PostAsync(server, $$"""{"id":1,"started_at":"2026-01-01T00:00:00Z","country":"{{text}}"}""", Event(2, Now(server), null, null));
        Assert.Equal((HttpStatusCode.Accepted, 1, "too_large"), (status, (int)body["accepted"]!, (string)body["errors"]![0]!["code"]!));

        // A producer's key sends and sees nothing; an analyst's sees and sends nothing.
        foreach (var (role, sends, sees) in new[] { ("producer", HttpStatusCode.Accepted, HttpStatusCode.Forbidden), ("analyst", HttpStatusCode.Forbidden, HttpStatusCode.OK) })
        {
            var (_, made) = await server.PostAsync("/v1/keys", $$"""{"name":"x","role":"{{role}}"}""");
            using var send = new HttpRequestMessage(HttpMethod.Post, "/v1/events/visits") { Content = Json("[" + Event(3, Now(server), "FR", 1) + "]") };
            using var see = new HttpRequestMessage(HttpMethod.Get, "/v1/metrics");
            send.Headers.Add("X-Api-Key", (string)made["key"]!);
            see.Headers.Add("X-Api-Key", (string)made["key"]!);
            using var sent = await server.Client.SendAsync(send, Cancel);
            using var seen = await server.Client.SendAsync(see, Cancel);
            Assert.Equal((sends, sees), (sent.StatusCode, seen.StatusCode));
        }

        await server.StopAsync();
    }

    [Fact]
    public async Task What_is_poison_stops_nothing_and_is_sent_again_by_command()
    {
        // Commands know the machine's clock alone.
        await using var server = new SmallServer { Configure = services => services.AddSingleton(TimeProvider.System) };
        await StartAsync(server);
        var now = Now(server);
        var stream = server.Services.GetRequiredService<IEventStreams>().Get("visits");
        (string Data, string? Reason)[] records =
        [
            (Event(1, now, "FR", 1), null),
            ("{", "invalid_json"),
            ("[1]", "invalid_json"),
            ("""{"id":"x","started_at":"2026-01-01T00:00:00Z"}""", "wrong_type"),
            ($$"""{"id":2,"started_at":"{{now:O}}","country":"{{new string('x', 1_000_000)}}"}""", "too_large"),
            ("""{"id":3}""", "no_time"),
            (Event(4, now.AddSeconds(8), "DE", 1), "future"),
            ("""{"id":5,"started_at":"0001-01-01T00:00:00Z"}""", "ancient"),
            ($$"""{"id":6,"started_at":"{{now:O}}","country":"FR","seconds":1,"what":{"is":["unknown"]} }""", null),
        ];

        // Straight into the stream: HTTP would refuse them.
        var put = await stream.PutAsync([.. records.Select(r => new PutRecord("key", Encoding.UTF8.GetBytes(r.Data)))], Cancel);
        Assert.All(put, result => Assert.True(result.IsAccepted, result.Error?.Message));
        var lake = Query.Replace("\"gold\"", "\"lake\"", StringComparison.Ordinal);
        await UntilAsync(server, lake, a => a["rows"]!.ToJsonString() == """[{"visit__country":"FR","visits":2,"seconds":2}]""");
        var (_, body) = await server.GetAsync("/v1/streams/visits/dead-letters");
        Assert.Equal(records.Select(r => r.Reason).OfType<string>().Order(), body["deadLetters"]!.AsArray().Select(l => (string)l!["reason"]!).Order());

        string[] settings = ["--json", "--data", server.Data, $"--DataPlatform:Models={server.Models}", $"--DataPlatform:Lake:Path={server.Lake}", "--Serilog:MinimumLevel:Default=Fatal"];
        var (code, output, error) = await CommandTests.RunAsync("", ["streams", "replay", "visits", .. settings]);
        Assert.Equal((1, ""), (code, output));
        Assert.StartsWith("error: ", error, StringComparison.Ordinal);
        await server.StopAsync();
        (code, _, error) = await CommandTests.RunAsync("", ["streams", "replay", "visit", .. settings]);
        Assert.Equal(2, code);
        Assert.Contains("'visits'", error, StringComparison.Ordinal);
        await Task.Delay(TimeSpan.FromSeconds(6), TimeProvider.System, Cancel);
        Assert.Equal("""{"replayed":1,"kept":0}""", await RunAsync("replay", "--reason", "future"));
        Assert.Equal("""{"replayed":0,"kept":0}""", await RunAsync("replay", "--reason", "future"));
        Assert.DoesNotContain("future", await RunAsync("dead-letters"), StringComparison.Ordinal);

        // What was not kept whole stays; the rest is as wrong as it was.
        Assert.Equal("""{"replayed":5,"kept":1}""", await RunAsync("replay"));
        await BeginAsync(server, Role.All);
        await UntilAsync(server, lake, a => a["rows"]!.ToJsonString() == """[{"visit__country":"DE","visits":1,"seconds":1},{"visit__country":"FR","visits":2,"seconds":2}]""");
        (_, body) = await server.GetAsync("/v1/streams/visits/dead-letters");
        Assert.Equal(6, body["deadLetters"]!.AsArray().Count);

        async Task<string> RunAsync(string command, params string[] more)
        {
            (code, output, error) = await CommandTests.RunAsync("", ["streams", command, "visits", .. more, .. settings]);
            Assert.Equal((0, ""), (code, error));
            return output.Trim();
        }
    }

    [Fact]
    public async Task Events_that_a_full_disk_refuses_are_to_be_sent_again()
    {
        await using var server = new SmallServer { Configure = services => services.AddSingleton<IEventStreams, FullStream>() };
        await StartAsync(server, Role.Api);
        using var content = Json($$"""[{{Event(1, Now(server), "FR", 5)}},{"id":"x"}]""");
        using var response = await server.Client.PostAsync("/v1/events/visits", content, Cancel);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.NotNull(response.Headers.RetryAfter);
        Assert.Equal(StreamErrorCodes.Full, (string)JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!["code"]!);
    }

    private static async Task StartAsync(SmallServer server, Role role = Role.All)
    {
        await File.AppendAllTextAsync(server.ModelFile, "\nstreams:\n  - { name: visits, semantic_model: visits, window: 1s, allowed_lateness: 1s, tables: [visits_daily] }\n", Cancel);
        await BeginAsync(server, role);
    }

    private static async Task BeginAsync(SmallServer server, Role role) =>
        await server.StartAsync(
            role,
            ("DataPlatform:MicroBatches:MaxFuture", "00:00:03"),
            ("DataPlatform:MicroBatches:IdleAfter", "00:00:00.2"),
            ("DataPlatform:MicroBatches:LandInterval", "00:00:01"),
            ("DataPlatform:Stream:Local:Partitions", "2"),
            ("DataPlatform:Stream:Local:Flush", "Never"));

    private static DateTime Now(SmallServer server) => server.Services.GetRequiredService<TimeProvider>().GetUtcNow().UtcDateTime;

    private static string Event(int id, DateTime at, string? country, int? seconds) => new JsonObject
    {
        ["id"] = id,
        ["started_at"] = at.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture),
        ["country"] = country,
        ["seconds"] = seconds,
    }.ToJsonString();

    private static Task<(HttpStatusCode Status, JsonNode Body)> PostAsync(SmallServer server, params string[] events) => server.PostAsync("/v1/events/visits", "[" + string.Join(',', events) + "]");

    private static async Task<(HttpStatusCode, string)> CodeAsync(SmallServer server, string stream, string body)
    {
        var (status, problem) = await server.PostAsync("/v1/events/" + stream, body);
        return (status, (string)problem["code"]!);
    }

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    private static List<string> By(JsonNode answer) => [.. answer["served"]!["by"]!.AsArray().Select(b => (string)b!)];

    private static async Task<JsonNode> UntilAsync(SmallServer server, string query, Func<JsonNode, bool> isReady)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            var (status, answer) = await server.PostAsync("/v1/query", query);
            if (status == HttpStatusCode.OK && isReady(answer))
            {
                return answer;
            }

            Assert.False(patience.IsCancellationRequested, $"It took longer than {Patience}; the last answer: {answer.ToJsonString()}");
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, Cancel);
        }
    }

    /// <summary>A stream without room.</summary>
    private sealed class FullStream : IEventStreams, IEventStream
    {
        public string Name => "visits";

        public IEventStream Get(string name) => this;

        public Task<string> GetIdentityAsync(CancellationToken cancellationToken = default) => Task.FromResult("full");

        public Task<ImmutableArray<StreamShard>> ListShardsAsync(CancellationToken cancellationToken = default) => Task.FromResult<ImmutableArray<StreamShard>>([]);

        public Task<IShardReader> OpenAsync(string shardId, ShardPosition from, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public Task<ImmutableArray<PutResult>> PutAsync(IReadOnlyList<PutRecord> records, CancellationToken cancellationToken = default) =>
            Task.FromResult<ImmutableArray<PutResult>>([.. records.Select(_ => new PutResult(null, null, new StreamError(StreamErrorCodes.Full, "There is no room.", IsTransient: true)))]);
    }
}
