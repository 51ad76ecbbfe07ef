using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Amazon.DynamoDBv2;
using Amazon.Runtime;
using Microsoft.Extensions.Logging.Abstractions;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Gold.DynamoDb;
using Write.DataPlatform.StandIns;

namespace Write.DataPlatform.Tests.Gold;

/// <summary>What a network and a busy table do to the store, between it and dynalite.</summary>
public sealed class DynamoDbFaultTests : IAsyncLifetime
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(1.5);

    private readonly string _table = $"faults-{Guid.NewGuid():N}";
    private readonly DynamoDbNetwork _network = new();
    private AmazonDynamoDBClient _client = null!;
    private DynamoDbGoldStore _store = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(StandIn.Missing is not null, StandIn.Missing ?? "");
        var config = new AmazonDynamoDBConfig { ServiceURL = (await StandIn.DynamoDbAsync()).ToString() };
        DynamoDbAttempts.Configure(config, Timeout, _network);
        _client = new AmazonDynamoDBClient(new BasicAWSCredentials("key", "secret"), config);
        _store = Store(_client);
        await _store.InitializeAsync(Cancel);
    }

    public ValueTask DisposeAsync()
    {
        _client?.Dispose();
        _network.Dispose();
        return ValueTask.CompletedTask;
    }

    public static TheoryData<string> Passing => ["ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded", "InternalServerError", "reset", "cut", "slow", "nonsense"];

    [Theory]
    [MemberData(nameof(Passing))]
    public async Task WhatPassesIsTriedAgain(string fault)
    {
        // Two of three requests fail, or one of two where each failure takes its time; each kind of call gets through.
        var count = 0;
        _network.Fault = async (call, send) => Interlocked.Increment(ref count) % (fault == "slow" ? 2 : 3) != 0 ? await FailAsync(fault, call) : await send();
        await _store.PutAsync([Item("a", 1), Item("b", 1), Item("c", 1)], Cancel);
        Assert.True(await _store.TryPutAsync(Item("d", 1), null, Cancel));
        Assert.Equal("a", Text(await _store.GetAsync("p", "a", Cancel)));
        Assert.Equal(["a", "b"], await _store.GetManyAsync("p", ["a", "b"], Cancel).Select(item => item.Sk).Order().ToArrayAsync(Cancel));
        Assert.Equal(["a", "b", "c", "d"], await _store.ListAsync("p", "", Cancel).Select(key => key.Sk).ToArrayAsync(Cancel));
        await _store.DeleteAsync("p", ["a", "b"], Cancel);
        _network.Fault = null;
        Assert.Equal(["c", "d"], await _store.QueryAsync("p", "", false, Cancel).Select(item => item.Sk).ToArrayAsync(Cancel));
    }

    [Theory]
    [MemberData(nameof(Passing))]
    public async Task WhatDoesNotPassInTimeIsTransient(string fault)
    {
        _network.Fault = (call, _) => FailAsync(fault, call);
        var error = await Assert.ThrowsAsync<GoldStoreException>(() => _store.GetAsync("p", "a", Cancel));
        Assert.True(error.IsTransient, error.Message);
        Assert.Contains(_table, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ExpiredTokenException", "aws sso login")]
    [InlineData("UnrecognizedClientException", "AWS_ACCESS_KEY_ID")]
    [InlineData("InvalidSignatureException", "clock")]
    [InlineData("MissingAuthenticationTokenException", "AWS_PROFILE")]
    [InlineData("AccessDeniedException", "may not be used by this role")]
    [InlineData("ResourceNotFoundException", "--create")]
    [InlineData("ValidationException", "told by the test")]
    public async Task WhatDoesNotPassSaysWhatToDo(string code, string expected)
    {
        _network.Fault = (_, _) => Task.FromResult(DynamoDbNetwork.Error(code));
        foreach (var call in new Func<Task>[]
        {
            () => _store.GetAsync("p", "a", Cancel), () => _store.PutAsync([Item("a", 1)], Cancel), () => _store.TryPutAsync(Item("a", 1), null, Cancel),
            () => _store.GetManyAsync("p", ["a"], Cancel).ToArrayAsync(Cancel).AsTask(), () => _store.ListAsync("p", "", Cancel).ToArrayAsync(Cancel).AsTask(),
        })
        {
            var before = _network.Requests;
            var error = await Assert.ThrowsAsync<GoldStoreException>(call);
            Assert.False(error.IsTransient, error.Message);
            Assert.Contains(expected, error.Message, StringComparison.Ordinal);
            Assert.Equal(1, _network.Requests - before);
        }
    }

    [Fact]
    public async Task WithoutARegionOrCredentialsItIsSaidWhatIsMissing()
    {
        var noRegion = await Assert.ThrowsAsync<GoldStoreException>(() => Store(() => new AmazonDynamoDBClient(new BasicAWSCredentials("a", "b"), new AmazonDynamoDBConfig())).GetAsync("p", "s", Cancel));
        Assert.Contains("AWS_REGION", noRegion.Message, StringComparison.Ordinal);
        Assert.False(noRegion.IsTransient);

        var noUrl = await Assert.ThrowsAsync<GoldStoreException>(() => Store(() => new AmazonDynamoDBClient(new BasicAWSCredentials("a", "b"), new AmazonDynamoDBConfig { ServiceURL = "nonsense" })).GetAsync("p", "s", Cancel));
        Assert.Contains("ServiceURL", noUrl.Message, StringComparison.Ordinal);
        Assert.False(noUrl.IsTransient);

        using var nobody = new AmazonDynamoDBClient(new NobodysCredentials(), new AmazonDynamoDBConfig { ServiceURL = "http://127.0.0.1:9" });
        var noCredentials = await Assert.ThrowsAsync<GoldStoreException>(() => Store(() => nobody).GetAsync("p", "s", Cancel));
        Assert.Contains("AWS_PROFILE", noCredentials.Message, StringComparison.Ordinal);
        Assert.False(noCredentials.IsTransient);
    }

    [Fact]
    public async Task ABatchIsWrittenWholeThoughOneItemAtATimeIsTaken()
    {
        // As a throttled table does: of each batch the first item is taken, the rest comes back.
        var batches = 0;
        _network.Fault = async (call, send) =>
        {
            if (call.Operation != "BatchWriteItem" || call.Body["RequestItems"]![_table]!.AsArray() is not { Count: > 1 } requests)
            {
                return await send();
            }

            batches++;
            var rest = requests.Skip(1).Select(request => request!.DeepClone()).ToArray();
            using var response = await SendAsync(call, new JsonObject { ["RequestItems"] = new JsonObject { [_table] = new JsonArray(requests[0]!.DeepClone()) } });
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            return DynamoDbNetwork.Json(HttpStatusCode.OK, new JsonObject { ["UnprocessedItems"] = new JsonObject { [_table] = new JsonArray(rest) } });
        };
        string[] keys = ["a", "b", "c", "d", "e"];
        await _store.PutAsync([.. keys.Select(key => Item(key, 1))], Cancel);
        Assert.Equal(4, batches);
        Assert.Equal(keys, await _store.ListAsync("p", "", Cancel).Select(key => key.Sk).ToArrayAsync(Cancel));
        await _store.DeleteAsync("p", keys, Cancel);
        Assert.Empty(await _store.ListAsync("p", "", Cancel).ToArrayAsync(Cancel));
    }

    [Fact]
    public async Task ItemsThatAReplicaDoesNotHaveYetAreReadFromTheLeader()
    {
        await _store.PutAsync([Item("a", 1), Item("b", 1), Item("c", 1)], Cancel);
        List<bool> asked = [];
        _network.Fault = async (call, send) =>
        {
            var request = call.Body["RequestItems"]![_table]!;
            asked.Add(request["ConsistentRead"]?.GetValue<bool>() ?? false);
            if (asked[^1])
            {
                Assert.Equal(2, request["Keys"]!.AsArray().Count);
                return await send();
            }

            using var response = await send();
            var answer = JsonNode.Parse(await response.Content.ReadAsStringAsync(call.Cancellation))!;
            var items = answer["Responses"]![_table]!.AsArray().Where(item => item!["sk"]!["S"]!.GetValue<string>() != "b").Select(item => item!.DeepClone()).ToArray();
            answer["Responses"]![_table] = new JsonArray(items);
            return DynamoDbNetwork.Json(HttpStatusCode.OK, answer);
        };
        Assert.Equal(["a", "b", "c"], await _store.GetManyAsync("p", ["a", "b", "c", "none"], Cancel).Select(item => item.Sk).Order().ToArrayAsync(Cancel));
        Assert.Equal([false, true], asked);
    }

    [Fact]
    public async Task AWriteWhoseAnswerIsLostIsNotItsOwnRival()
    {
        LoseAnswers(call => call.Operation == "PutItem", 1);
        Assert.True(await _store.TryPutAsync(Item("a", 1), null, Cancel));
        LoseAnswers(call => call.Operation == "PutItem", 1);
        Assert.True(await _store.TryPutAsync(Item("a", 2), 1, Cancel));
        _network.Fault = null;
        Assert.Equal(2, (await _store.GetAsync("p", "a", Cancel))!.Revision);

        // Another's write is a rival's, be an answer lost or not.
        LoseAnswers(call => call.Operation == "PutItem", 1);
        Assert.False(await _store.TryPutAsync(Item("a", 2), 1, Cancel));
    }

    [Fact]
    public async Task WhereNobodyKnowsWhetherAWriteWasMadeThatIsSaid()
    {
        await _store.TryPutAsync(Item("a", 1), null, Cancel);
        var rival = Store(_client);
        var isFirst = true;
        _network.Fault = async (call, send) =>
        {
            if (call.Operation != "PutItem" || !isFirst)
            {
                return await send();
            }

            // Written, the answer lost, and another goes on from it before the next attempt.
            isFirst = false;
            (await send()).Dispose();
            Assert.True(await rival.TryPutAsync(Item("a", 3), 2, Cancel));
            throw new HttpRequestException("reset");
        };
        var error = await Assert.ThrowsAsync<GoldStoreException>(() => _store.TryPutAsync(Item("a", 2), 1, Cancel));
        Assert.True(error.IsTransient);
        Assert.Contains("unknown", error.Message, StringComparison.Ordinal);

        _network.Fault = null;
        LoseAnswers(call => call.Operation == "DeleteItem", 1);
        error = await Assert.ThrowsAsync<GoldStoreException>(() => _store.TryDeleteAsync("p", "a", 3, Cancel));
        Assert.True(error.IsTransient);
        Assert.False(await _store.TryDeleteAsync("p", "a", 3, Cancel));
    }

    [Fact]
    public async Task FortyRacersOnABadNetworkCountExactly()
    {
        // A third of all answers is lost after the work was done, a third of the rest is an error before it.
        var random = new Random(1);
        _network.Fault = async (call, send) =>
        {
            double chance;
            lock (random)
            {
                chance = random.NextDouble();
            }

            if (chance < 0.33)
            {
                (await send()).Dispose();
                throw new HttpRequestException("reset");
            }

            return chance < 0.55 ? await FailAsync(chance < 0.44 ? "ThrottlingException" : "InternalServerError", call) : await send();
        };
        ConcurrentBag<long> won = [];
        var unknown = 0;
        for (var round = 0; round < 6; round++)
        {
            await Task.WhenAll(Enumerable.Range(0, 40).Select(async _ =>
            {
                try
                {
                    var current = await _store.GetAsync("p", "n", Cancel);
                    var next = (current?.Revision ?? 0) + 1;
                    if (await _store.TryPutAsync(Item("n", next), current?.Revision, Cancel))
                    {
                        won.Add(next);
                    }
                }
                catch (GoldStoreException exception)
                {
                    Assert.True(exception.IsTransient, exception.Message);
                    Interlocked.Increment(ref unknown);
                }
            }));
        }

        _network.Fault = null;
        var last = (await _store.GetAsync("p", "n", Cancel))!.Revision;
        Assert.Equal(won.Count, won.Distinct().Count());
        Assert.InRange(won.Count, 5, last);
        Assert.True(last - won.Count <= unknown, $"{last} writes were made, {won.Count} were told, {unknown} were unknown.");
    }

    [Fact]
    public async Task OneTenantsWorkTouchesItsOwnItemsAlone()
    {
        using var folder = new TempFolder();
        var file = folder.File("segment");
        await File.WriteAllBytesAsync(file, new byte[5_000], Cancel);
        var tables = new GoldTables(_store, Microsoft.Extensions.Options.Options.Create(new GoldOptions { ManifestMaxAge = TimeSpan.Zero }), TimeProvider.System);
        string? live = null;
        for (var tenant = 0; tenant < 40; tenant++)
        {
            var version = (await PublishAsync(tenant, null)).Manifest.Partitions["2026-01"].Version;
            live = tenant == 20 ? version : live;
        }

        ConcurrentBag<string> touched = [];
        _network.Fault = (call, send) =>
        {
            // Every key in the request, wherever it stands, and the key of a query.
            foreach (var pk in Descend(call.Body).Where(n => n.Parent is JsonObject parent && n.GetPropertyName() is "pk" or ":pk").Select(n => n["S"]!.GetValue<string>()))
            {
                touched.Add(pk);
            }

            return send();
        };
        var written = await CountAsync(async () => Assert.True((await PublishAsync(20, live)).Published));
        var read = await CountAsync(async () =>
        {
            var manifest = await tables.GetManifestAsync("visits", "tenant-20", fresh: true, Cancel);
            Assert.Single(await tables.GetSegmentsAsync(manifest, [.. manifest.Partitions.Values], Cancel).ToArrayAsync(Cancel));
        });
        Assert.Equal(["visits#tenant-20"], touched.Distinct());

        // The manifest is read twice and written, the segment written: five units of segment, one or two of manifest.
        Assert.InRange(written.Requests, 3, 4);
        Assert.InRange(written.WriteUnits, 6, 8);
        Assert.Equal((2, 2), (read.Requests, read.ReadUnits));

        Task<PublishResult> PublishAsync(int tenant, string? expected) => tables.PublishAsync(
            "visits",
            $"tenant-{tenant}",
            new GoldPartitionDraft
            {
                Period = "2026-01", From = new DateOnly(2026, 1, 1), To = new DateOnly(2026, 2, 1), DefinitionHash = "1", RefreshedAt = TimeProvider.System.GetUtcNow(), RunId = "1",
                Segments = [new SegmentFile(file, 1, 5_000, default, default)],
            },
            expected,
            Cancel);

        static async Task<GoldUsage> CountAsync(Func<Task> work)
        {
            var usage = GoldUsage.Begin();
            await work();
            return usage;
        }

        static IEnumerable<JsonNode> Descend(JsonNode node) => node switch
        {
            JsonObject parts => parts.Select(p => p.Value).OfType<JsonNode>().SelectMany(child => Descend(child).Prepend(child)),
            JsonArray items => items.OfType<JsonNode>().SelectMany(child => Descend(child).Prepend(child)),
            _ => [],
        };
    }

    private static async Task<HttpResponseMessage> FailAsync(string fault, DynamoDbCall call)
    {
        switch (fault)
        {
            case "reset":
                throw new HttpRequestException("The connection was reset.", new IOException("reset"));
            case "slow":
                await Task.Delay(TimeSpan.FromSeconds(30), TimeProvider.System, call.Cancellation);
                throw new InvalidOperationException("It waited to the end.");
            case "cut":
                return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(new CutStream()), RequestMessage = call.Request };
            case "nonsense":
                return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent("""{"Item": {"r": {"N""", Encoding.UTF8, "application/x-amz-json-1.0") };
            default:
                return DynamoDbNetwork.Error(fault, fault == "InternalServerError" ? HttpStatusCode.InternalServerError : HttpStatusCode.BadRequest);
        }
    }

    private DynamoDbGoldStore Store(Func<IAmazonDynamoDB> connect) =>
        new(connect, new DynamoDbGoldOptions { Table = _table, Create = true, RequestTimeout = Timeout }, TimeProvider.System, NullLogger<DynamoDbGoldStore>.Instance);

    private DynamoDbGoldStore Store(AmazonDynamoDBClient client) => Store(() => client);

    /// <summary>Some requests are carried out and their answers lost.</summary>
    private void LoseAnswers(Func<DynamoDbCall, bool> which, int howMany) => _network.Fault = async (call, send) =>
    {
        var response = await send();
        if (which(call) && Interlocked.Decrement(ref howMany) >= 0)
        {
            response.Dispose();
            throw new HttpRequestException("The connection was reset.", new IOException("reset"));
        }

        return response;
    };

    private async Task<HttpResponseMessage> SendAsync(DynamoDbCall call, JsonObject body)
    {
        using var client = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, call.Request.RequestUri) { Content = new StringContent(body.ToJsonString(), Encoding.UTF8) };
        request.Content.Headers.ContentType = new("application/x-amz-json-1.0");
        foreach (var name in new[] { "X-Amz-Target", "X-Amz-Date", "Authorization" })
        {
            if (call.Request.Headers.TryGetValues(name, out var values))
            {
                request.Headers.TryAddWithoutValidation(name, values);
            }
        }

        return await client.SendAsync(request, call.Cancellation);
    }

    private static GoldItem Item(string sk, long revision) => new("p", sk, revision, Encoding.UTF8.GetBytes(sk));

    private static string? Text(GoldItem? item) => item is null ? null : Encoding.UTF8.GetString(item.Body.Span);

    /// <summary>A body that ends in the middle.</summary>
    private sealed class CutStream : MemoryStream
    {
        public override int Read(byte[] buffer, int offset, int count) => throw new IOException("The response ended prematurely.");

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => throw new IOException("The response ended prematurely.");

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => throw new IOException("The response ended prematurely.");
    }

    private sealed class NobodysCredentials : AWSCredentials
    {
        public override ImmutableCredentials GetCredentials() => throw new AmazonClientException("Failed to resolve AWS credentials.");
    }
}
