using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Write.DataPlatform.StandIns;
using Write.DataPlatform.Streaming;
using Write.DataPlatform.Streaming.Kinesis;
using Write.DataPlatform.Streaming.Kinesis.Client;

namespace Write.DataPlatform.Tests.Streaming;

/// <summary>Kinesis as kinesalite plays it.</summary>
public class KinesisStreamTests : EventStreamContract
{
    private static readonly KinesisOptions Options = new() { PollInterval = TimeSpan.FromMilliseconds(200) };

    private protected virtual bool IsKinesisLocal => false;

    [Fact]
    public async Task Shards_know_their_parents_and_end()
    {
        var (client, stream) = await MakeAsync(2);
        await PutAsync(stream, "a", "b");
        await SplitAsync(client, stream.Name, "shardId-000000000000");
        await PutAsync(stream, "c");
        await MergeAsync(client, stream.Name, "shardId-000000000003", "shardId-000000000001");
        await PutAsync(stream, "d");
        var shards = await stream.ListShardsAsync(Cancel);
        Assert.Equal(
            ["0 True", "1 True", "2< 0 False", "3< 0 True", "4< 1 3 False"],
            shards.Select(shard => $"{Number(shard.Id)}{(shard.Parents.IsEmpty ? "" : "< " + string.Join(' ', shard.Parents.Select(Number).Order()))} {shard.IsClosed}"));
        Assert.Equal("a b c d", Text((await ReadAllAsync(stream)).OrderBy(record => record.Data.Span[0])));
        await using var reader = await stream.OpenAsync(shards[0].Id, ShardPosition.TrimHorizon, Cancel);
        ShardBatch batch;
        do
        {
            batch = await reader.ReadAsync(cancellationToken: Cancel);
        }
        while (!batch.IsEnd);
        Assert.True(await reader.ReadAsync(cancellationToken: Cancel) is { IsEnd: true, Records.IsEmpty: true });
    }

    [Fact]
    public async Task Packed_records_are_unpacked_and_read_on_from_their_middle()
    {
        var (_, stream) = await MakeAsync(1);
        var (exitCode, output) = await StandIn.RunAsync("kinesis-aggregate.mjs", """[["a","one"],["b","two"],["c ü","three"],["a","four"]]""");
        Assert.True(exitCode == 0, output);
        var packed = JsonDocument.Parse(output).RootElement.EnumerateArray().Single();
        await PutAsync(stream, "before");
        await stream.PutAsync([new PutRecord(packed.GetProperty("partitionKey").GetString()!, packed.GetProperty("data").GetBytesFromBase64())], Cancel);
        await PutAsync(stream, "after");
        var read = await ReadAllAsync(stream);
        Assert.Equal("before one two three four after", Text(read));
        Assert.Equal(["key", "a", "b", "c ü", "a", "key"], read.Select(record => record.PartitionKey));
        Assert.Equal([0, 0, 1, 2, 3, 0], read.Select(record => record.Sequence.Sub));
        Assert.Single(read[1..5].Select(record => record.Sequence.Number).Distinct());
        var shard = read[0].ShardId;
        Assert.Equal("three four after", Text(await ReadAsync(stream, shard, ShardPosition.At(read[3].Sequence), 3)));
        Assert.Equal("four after", Text(await ReadAsync(stream, shard, ShardPosition.After(read[3].Sequence), 2)));
        Assert.Equal("after", Text(await ReadAsync(stream, shard, ShardPosition.After(read[4].Sequence), 1)));
    }

    private protected override async Task<IEventStream> NewAsync(int shards) => (await MakeAsync(shards)).Stream;

    private protected override async Task<IEventStream> RemakeAsync(IEventStream stream)
    {
        var client = await KinesisWire.ClientAsync(IsKinesisLocal);
        await client.DeleteStreamAsync(new DeleteStreamRequest { StreamName = stream.Name }, Cancel);
        while (true)
        {
            try
            {
                await client.DescribeStreamSummaryAsync(new DescribeStreamSummaryRequest { StreamName = stream.Name }, Cancel);
            }
            catch (ResourceNotFoundException)
            {
                break;
            }

            await PauseAsync();
        }

        // The streams' time of creation is told in seconds.
        await Task.Delay(TimeSpan.FromMilliseconds(1100), TimeProvider.System, Cancel);
        await CreateAsync(client, stream.Name, 1);
        return new KinesisStream(() => client, stream.Name, Options, TimeProvider.System);
    }

    internal static async Task SplitAsync(AmazonKinesisClient client, string stream, string shard)
    {
        var range = (await client.ListShardsAsync(new ListShardsRequest { StreamName = stream }, Cancel)).Shards!.Single(s => s.ShardId == shard).HashKeyRange!;
        var middle = (System.Numerics.BigInteger.Parse(range.StartingHashKey!, CultureInfo.InvariantCulture) + System.Numerics.BigInteger.Parse(range.EndingHashKey!, CultureInfo.InvariantCulture)) / 2;
        await client.SplitShardAsync(new SplitShardRequest { StreamName = stream, ShardToSplit = shard, NewStartingHashKey = middle.ToString(CultureInfo.InvariantCulture) }, Cancel);
        await UntilActiveAsync(client, stream);
    }

    internal static async Task MergeAsync(AmazonKinesisClient client, string stream, string shard, string adjacent)
    {
        await client.MergeShardsAsync(new MergeShardsRequest { StreamName = stream, ShardToMerge = shard, AdjacentShardToMerge = adjacent }, Cancel);
        await UntilActiveAsync(client, stream);
    }

    internal static async Task<AmazonKinesisClient> CreateAsync(AmazonKinesisClient client, string stream, int shards)
    {
        await client.CreateStreamAsync(new CreateStreamRequest { StreamName = stream, ShardCount = shards }, Cancel);
        await UntilActiveAsync(client, stream);
        return client;
    }

    private static async Task UntilActiveAsync(AmazonKinesisClient client, string stream)
    {
        do
        {
            await PauseAsync();
        }
        while ((await client.DescribeStreamSummaryAsync(new DescribeStreamSummaryRequest { StreamName = stream }, Cancel)).StreamDescriptionSummary!.StreamStatus != "ACTIVE");
    }

    private static Task PauseAsync() => Task.Delay(TimeSpan.FromMilliseconds(30), TimeProvider.System, Cancel);

    private static int Number(string shardId) => int.Parse(shardId[^12..], CultureInfo.InvariantCulture);

    private async Task<(AmazonKinesisClient Client, KinesisStream Stream)> MakeAsync(int shards)
    {
        var client = await KinesisWire.ClientAsync(IsKinesisLocal);
        var name = $"stream-{Guid.NewGuid():N}";
        await CreateAsync(client, name, shards);
        return (client, new KinesisStream(() => client, name, Options, TimeProvider.System));
    }
}

/// <summary>The same on kinesis-local.</summary>
public sealed class KinesisLocalStreamTests : KinesisStreamTests
{
    private protected override bool IsKinesisLocal => true;
}

/// <summary>What goes wrong on the way.</summary>
public sealed class KinesisFaultTests
{
    private static readonly KinesisOptions Options = new() { PollInterval = TimeSpan.FromMilliseconds(200), PutAttempts = 3 };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_iterator_that_expired_costs_nothing()
    {
        await using var wire = await KinesisWire.StartAsync();
        var stream = await NewAsync(wire);
        await PutAsync(stream, "a", "b");
        await using var reader = await stream.OpenAsync("shardId-000000000000", ShardPosition.TrimHorizon, Cancel);
        Assert.Equal(["a", "b"], await ReadAsync(reader, 2));
        await PutAsync(stream, "c");
        wire.Next("GetRecords", KinesisWire.Error("ExpiredIteratorException"));
        Assert.Equal(["c"], await ReadAsync(reader, 1));
        Assert.Equal(["TRIM_HORIZON", "AFTER_SEQUENCE_NUMBER"], wire.Calls.Where(call => call.Operation == "GetShardIterator").Select(call => (string?)call.Body["ShardIteratorType"]));
    }

    [Fact]
    public async Task Throttled_reads_wait_and_lose_nothing()
    {
        await using var wire = await KinesisWire.StartAsync();
        var stream = await NewAsync(wire);
        await PutAsync(stream, "a");
        await using var reader = await stream.OpenAsync("shardId-000000000000", ShardPosition.TrimHorizon, Cancel);
        var busy = KinesisWire.Error("ProvisionedThroughputExceededException");
        wire.Next("GetRecords", busy, busy, busy);
        var nothing = await reader.ReadAsync(cancellationToken: Cancel);
        Assert.Empty(nothing.Records);
        Assert.True(nothing.Behind > TimeSpan.Zero, "It is not known whether this is the tip.");
        Assert.Equal(["a"], await ReadAsync(reader, 1));
    }

    [Fact]
    public async Task A_failed_read_may_be_asked_again()
    {
        await using var wire = await KinesisWire.StartAsync();
        var stream = await NewAsync(wire);
        await PutAsync(stream, "a", "b");
        await using var reader = await stream.OpenAsync("shardId-000000000000", ShardPosition.TrimHorizon, Cancel);
        Assert.Equal(["a"], (await reader.ReadAsync(1, Cancel)).Records.Select(record => Encoding.UTF8.GetString(record.Data.Span)));
        var down = KinesisWire.Error("InternalFailureException", 500);
        wire.Next("GetRecords", down, down, down);
        var exception = await Assert.ThrowsAsync<StreamException>(() => reader.ReadAsync(cancellationToken: Cancel));
        Assert.Equal((StreamErrorCodes.Unavailable, true), (exception.Code, exception.IsTransient));
        Assert.Equal(["b"], await ReadAsync(reader, 1));
    }

    [Fact]
    public async Task Only_the_records_that_failed_are_put_again()
    {
        await using var wire = await KinesisWire.StartAsync();
        var stream = await NewAsync(wire);
        wire.Next("PutRecords", request => (200, new JsonObject
        {
            ["FailedRecordCount"] = 1,
            ["Records"] = new JsonArray(
                new JsonObject { ["SequenceNumber"] = "1", ["ShardId"] = "shardId-000000000000" },
                new JsonObject { ["ErrorCode"] = "ProvisionedThroughputExceededException", ["ErrorMessage"] = "slow down" },
                new JsonObject { ["SequenceNumber"] = "3", ["ShardId"] = "shardId-000000000000" }),
        }));
        var results = await stream.PutAsync([Record("a"), Record("b"), Record("c")], Cancel);
        Assert.All(results, result => Assert.True(result.IsAccepted));
        Assert.Equal([3, 1], wire.Calls.Where(call => call.Operation == "PutRecords").Select(call => ((JsonArray)call.Body["Records"]!).Count));
        await using var reader = await stream.OpenAsync("shardId-000000000000", ShardPosition.TrimHorizon, Cancel);
        Assert.Equal(["b"], await ReadAsync(reader, 1));

        JsonObject Busy(JsonObject request) => new()
        {
            ["FailedRecordCount"] = 1,
            ["Records"] = new JsonArray(new JsonObject { ["ErrorCode"] = "ProvisionedThroughputExceededException", ["ErrorMessage"] = "slow down" }),
        };
        wire.Next("PutRecords", request => (200, Busy(request)), request => (200, Busy(request)), request => (200, Busy(request)));
        var refused = Assert.Single(await stream.PutAsync([Record("d")], Cancel));
        Assert.Equal((StreamErrorCodes.Throttled, true), (refused.Error!.Code, refused.Error.IsTransient));
    }

    [Fact]
    public async Task A_call_that_fails_refuses_its_records_and_not_those_of_others()
    {
        await using var wire = await KinesisWire.StartAsync();
        var stream = await NewAsync(wire);
        wire.Next("PutRecords", KinesisWire.Error("KMSDisabledException"));
        var results = await stream.PutAsync([.. Enumerable.Range(0, 501).Select(i => Record($"{i}"))], Cancel);
        Assert.Equal(500, results.Count(result => result.Error is { Code: StreamErrorCodes.Unavailable, IsTransient: false }));
        Assert.True(results[500].IsAccepted);
    }

    [Fact]
    public async Task A_stream_that_is_not_there_is_told()
    {
        await using var wire = await KinesisWire.StartAsync();
        var client = wire.Client();
        var stream = new KinesisStream(() => client, "nowhere", Options, TimeProvider.System);
        Assert.Equal(StreamErrorCodes.NotFound, (await Assert.ThrowsAsync<StreamException>(() => stream.GetIdentityAsync(Cancel))).Code);
        Assert.Equal(StreamErrorCodes.NotFound, Assert.Single(await stream.PutAsync([Record("a")], Cancel)).Error!.Code);
    }

    private static async Task<KinesisStream> NewAsync(KinesisWire wire)
    {
        var client = wire.Client();
        var name = $"stream-{Guid.NewGuid():N}";
        await KinesisStreamTests.CreateAsync(client, name, 1);
        return new KinesisStream(() => client, name, Options, TimeProvider.System);
    }

    private static PutRecord Record(string text) => new("key", Encoding.UTF8.GetBytes(text));

    private static async Task PutAsync(KinesisStream stream, params string[] texts)
    {
        foreach (var text in texts)
        {
            Assert.True(Assert.Single(await stream.PutAsync([Record(text)], Cancel)).IsAccepted);
        }
    }

    private static async Task<List<string>> ReadAsync(IShardReader reader, int count)
    {
        List<string> read = [];
        while (read.Count < count)
        {
            read.AddRange((await reader.ReadAsync(cancellationToken: Cancel)).Records.Select(record => Encoding.UTF8.GetString(record.Data.Span)));
        }

        return read;
    }
}
