using System.Text;
using Write.DataPlatform.Streaming;

namespace Write.DataPlatform.Tests.Streaming;

/// <summary>What every stream does.</summary>
public abstract class EventStreamContract
{
    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A stream of this test's own with some shards.</summary>
    private protected abstract Task<IEventStream> NewAsync(int shards);

    /// <summary>Deletes a stream and makes one of the same name.</summary>
    private protected abstract Task<IEventStream> RemakeAsync(IEventStream stream);

    [Fact]
    public async Task Records_come_back_whole_and_those_of_a_key_in_order()
    {
        var stream = await NewAsync(3);
        var put = Enumerable.Range(0, 200).Select(i => new PutRecord($"key {i % 17} ü", Encoding.UTF8.GetBytes($"{{\"id\":{i}}}"))).ToList();
        var accepted = new List<PutResult>();
        foreach (var chunk in put.Chunk(70))
        {
            accepted.AddRange(await stream.PutAsync(chunk, Cancel));
        }

        Assert.All(accepted, result => Assert.True(result.IsAccepted, result.Error?.Message));
        var shards = await stream.ListShardsAsync(Cancel);
        Assert.Equal(3, shards.Length);
        Assert.All(shards, shard => Assert.True(shard.Parents.IsEmpty && !shard.IsClosed));
        var read = await ReadAllAsync(stream);
        Assert.Equal(put.Count, read.Count);
        foreach (var (record, result) in put.Zip(accepted))
        {
            var found = Assert.Single(read, r => r.ShardId == result.ShardId && r.Sequence == result.Sequence);
            Assert.Equal((record.PartitionKey, Encoding.UTF8.GetString(record.Data.Span)), (found.PartitionKey, Encoding.UTF8.GetString(found.Data.Span)));
            Assert.InRange(TimeProvider.System.GetUtcNow() - found.ArrivedAt, TimeSpan.FromMinutes(-5), TimeSpan.FromMinutes(10));
        }

        Assert.All(read.GroupBy(r => r.ShardId), shard => Assert.Equal(shard.Select(r => r.Sequence).Order(), shard.Select(r => r.Sequence)));
        Assert.All(read.GroupBy(r => r.PartitionKey), key => Assert.Single(key.Select(r => r.ShardId).Distinct()));
        Assert.All(read.GroupBy(r => r.PartitionKey), key => Assert.Equal(put.Where(p => p.PartitionKey == key.Key).Select(p => p.Data.ToArray()), key.Select(r => r.Data.ToArray())));
    }

    [Fact]
    public async Task A_shard_is_read_from_any_position()
    {
        var stream = await NewAsync(1);
        var shard = (await stream.ListShardsAsync(Cancel)).Single().Id;
        var first = await PutAsync(stream, "a", "b", "c");
        await Task.Delay(TimeSpan.FromMilliseconds(1200), TimeProvider.System, Cancel);
        var arrived = (await ReadAsync(stream, shard, ShardPosition.TrimHorizon, 3))[^1].ArrivedAt;
        await PutAsync(stream, "d", "e");
        Assert.Equal("a b c d e", Text(await ReadAsync(stream, shard, ShardPosition.TrimHorizon, 5)));
        Assert.Equal("b c d e", Text(await ReadAsync(stream, shard, ShardPosition.At(first[1]), 4)));
        Assert.Equal("c d e", Text(await ReadAsync(stream, shard, ShardPosition.After(first[1]), 3)));
        Assert.Equal("d e", Text(await ReadAsync(stream, shard, ShardPosition.Since(arrived.AddMilliseconds(600)), 2)));
        await using (var ahead = await stream.OpenAsync(shard, ShardPosition.Since(TimeProvider.System.GetUtcNow().AddSeconds(5)), Cancel))
        {
            Assert.Empty((await ahead.ReadAsync(cancellationToken: Cancel)).Records);
        }

        await using var end = await stream.OpenAsync(shard, ShardPosition.End, Cancel);
        var batch = await end.ReadAsync(cancellationToken: Cancel);
        Assert.True(batch is { IsEnd: true, Records.IsEmpty: true });
    }

    [Fact]
    public async Task At_the_tip_batches_are_empty_until_records_come()
    {
        var stream = await NewAsync(1);
        var shard = (await stream.ListShardsAsync(Cancel)).Single().Id;
        await using var reader = await stream.OpenAsync(shard, ShardPosition.TrimHorizon, Cancel);
        var batch = await reader.ReadAsync(cancellationToken: Cancel);
        Assert.Equal((0, TimeSpan.Zero, false, false), (batch.Records.Length, batch.Behind, batch.IsEnd, batch.HasGap));
        await PutAsync(stream, "a", "b");
        Assert.Equal("a b", Text(await ReadAsync(reader, 2)));
        await PutAsync(stream, "c");
        Assert.Equal("c", Text(await ReadAsync(reader, 1)));
        Assert.Equal(TimeSpan.Zero, (await reader.ReadAsync(cancellationToken: Cancel)).Behind);
    }

    [Fact]
    public async Task A_bad_record_is_refused_for_itself()
    {
        var stream = await NewAsync(2);
        var results = await stream.PutAsync(
            [
                new PutRecord("a", "1"u8.ToArray()),
                new PutRecord("", "2"u8.ToArray()),
                new PutRecord("b", new byte[IEventStream.MaxRecordBytes]),
                new PutRecord(new string('k', 257), "3"u8.ToArray()),
                new PutRecord("c", new byte[IEventStream.MaxRecordBytes - 1]),
                new PutRecord(new string('k', 256), Array.Empty<byte>()),
            ],
            Cancel);
        Assert.Equal(
            [null, StreamErrorCodes.PartitionKeyInvalid, StreamErrorCodes.RecordTooLarge, StreamErrorCodes.PartitionKeyInvalid, null, null],
            results.Select(result => result.Error?.Code));
        Assert.All(results, result => Assert.Equal(result.IsAccepted, result is { ShardId: not null, Sequence: not null }));
        Assert.Equal([0, 1, IEventStream.MaxRecordBytes - 1], (await ReadAllAsync(stream)).Select(record => record.Data.Length).Order());
        Assert.Empty(await stream.PutAsync([], Cancel));
    }

    [Fact]
    public async Task More_than_one_call_takes_is_put()
    {
        var stream = await NewAsync(4);
        var records = Enumerable.Range(0, 1100).Select(i => new PutRecord($"k{i}", new byte[i % 10 == 0 ? 60_000 : 10])).ToList();
        var results = await stream.PutAsync(records, Cancel);
        Assert.All(results, result => Assert.True(result.IsAccepted, result.Error?.Message));
        Assert.Equal(records.Count, results.Select(result => (result.ShardId, result.Sequence)).Distinct().Count());
        Assert.Equal(records.Sum(record => (long)record.Data.Length), (await ReadAllAsync(stream)).Sum(record => (long)record.Data.Length));
    }

    [Fact]
    public async Task A_stream_made_anew_is_another()
    {
        var stream = await NewAsync(1);
        await PutAsync(stream, "a");
        var identity = await stream.GetIdentityAsync(Cancel);
        Assert.Equal(identity, await stream.GetIdentityAsync(Cancel));
        var remade = await RemakeAsync(stream);
        Assert.Equal(stream.Name, remade.Name);
        Assert.NotEqual(identity, await remade.GetIdentityAsync(Cancel));
        Assert.Empty(await ReadAllAsync(remade));
    }

    [Fact]
    public async Task A_shard_that_is_not_there_is_told()
    {
        var stream = await NewAsync(1);
        var exception = await Assert.ThrowsAsync<StreamException>(async () =>
        {
            await using var reader = await stream.OpenAsync("shardId-000000000099", ShardPosition.TrimHorizon, Cancel);
            await reader.ReadAsync(cancellationToken: Cancel);
        });
        Assert.Equal(StreamErrorCodes.NotFound, exception.Code);
    }

    private protected static async Task<List<SequenceNumber>> PutAsync(IEventStream stream, params string[] data)
    {
        List<SequenceNumber> sequences = [];
        foreach (var text in data)
        {
            var result = (await stream.PutAsync([new PutRecord("key", Encoding.UTF8.GetBytes(text))], Cancel)).Single();
            sequences.Add(result.Sequence ?? throw new InvalidOperationException(result.Error!.Message));
        }

        return sequences;
    }

    private protected static async Task<List<StreamRecord>> ReadAsync(IEventStream stream, string shard, ShardPosition from, int count)
    {
        await using var reader = await stream.OpenAsync(shard, from, Cancel);
        return await ReadAsync(reader, count);
    }

    private protected static async Task<List<StreamRecord>> ReadAsync(IShardReader reader, int count)
    {
        List<StreamRecord> records = [];
        while (records.Count < count)
        {
            var batch = await reader.ReadAsync(cancellationToken: Cancel);
            Assert.False(batch.HasGap);
            records.AddRange(batch.Records);
        }

        return records;
    }

    /// <summary>All that is in a stream now, shard by shard.</summary>
    private protected static async Task<List<StreamRecord>> ReadAllAsync(IEventStream stream)
    {
        List<StreamRecord> records = [];
        foreach (var shard in await stream.ListShardsAsync(Cancel))
        {
            await using var reader = await stream.OpenAsync(shard.Id, ShardPosition.TrimHorizon, Cancel);
            ShardBatch batch;
            do
            {
                batch = await reader.ReadAsync(cancellationToken: Cancel);
                Assert.False(batch.HasGap);
                records.AddRange(batch.Records);
            }
            while (!batch.IsEnd && (batch.Records.Length > 0 || batch.Behind > TimeSpan.Zero));
        }

        return records;
    }

    private protected static string Text(IEnumerable<StreamRecord> records) => string.Join(' ', records.Select(record => Encoding.UTF8.GetString(record.Data.Span)));
}
