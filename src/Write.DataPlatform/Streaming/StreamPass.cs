using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Streaming;

/// <summary>
/// Reads shards for a moment, where no worker runs all the time: takes a shard's lease, goes on from its checkpoint, writes what was counted and the checkpoint, and gives
/// the lease back. Processors, leases and checkpoints are those of <see cref="StreamWorker"/>, so both count the same, and either may follow the other.
/// </summary>
/// <remarks>
/// Records of windows that are open yet are read again by every pass, for they are kept nowhere else. A stream that brings more between two passes than a pass can
/// read needs a worker.
/// </remarks>
internal sealed partial class StreamPass(IEventStreams streams, Leases leases, IOptions<StreamOptions> options, TimeProvider time, ILogger<StreamPass> logger)
{
    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(10);

    private readonly string _id = $"{ProcessIdentity.Current}/{Guid.NewGuid():N}";

    /// <summary>Reads one shard, its parents before it.</summary>
    /// <param name="consumer">For whom.</param>
    /// <param name="shardId">The shard.</param>
    /// <param name="given">The first and the last of records that it must read at least; null for what there is.</param>
    /// <param name="linger">How long it is read on when nothing is left, so that a quiet stream's windows are closed.</param>
    /// <param name="stop">Ends it: what was read is written.</param>
    /// <returns>The last record whose being taken is written; null for none in this pass.</returns>
    /// <exception cref="StreamException">The stream failed, has no such shard, or another holds it until the end of the time.</exception>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<SequenceNumber?> RunAsync(StreamConsumer consumer, string shardId, (SequenceNumber First, SequenceNumber Last)? given, TimeSpan linger, CancellationToken stop = default)
    {
        var stream = streams.Get(consumer.Source);
        var identity = await stream.GetIdentityAsync(stop);
        var shards = (await stream.ListShardsAsync(stop)).ToDictionary(s => s.Id, StringComparer.Ordinal);
        try
        {
            return (await RunAsync(consumer, stream, identity, shards, shardId, given, linger, stop)).Last;
        }
        catch (ShardHeldException held)
        {
            throw new StreamException(StreamErrorCodes.Unavailable, held.Message, isTransient: true);
        }
    }

    /// <summary>
    /// Reads the shards of a stream, one after the other, each up to what there is and, so that a quiet one's windows are closed, a while beyond; the time over, the rest has
    /// its turn in another pass, for their order is drawn. Shards that another holds are left to it.
    /// </summary>
    /// <param name="consumer">For whom.</param>
    /// <param name="linger">How long a shard must be quiet. One to which records come while it is read is not.</param>
    /// <param name="stop">Ends it: what was read is written.</param>
    /// <exception cref="StreamException">The stream failed.</exception>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task RunAllAsync(StreamConsumer consumer, TimeSpan linger, CancellationToken stop = default)
    {
        var stream = streams.Get(consumer.Source);
        var identity = await stream.GetIdentityAsync(stop);
        var prefix = StreamCheckpoints.Prefix(consumer.Name, consumer.Source, identity);
        var states = await leases.ListAsync(StreamCheckpoints.Prefix(consumer.Name, consumer.Source), stop).ToListAsync(stop);
        var shards = (await stream.ListShardsAsync(stop)).ToDictionary(s => s.Id, StringComparer.Ordinal);
        var gone = states.Where(l => !l.Name.StartsWith(prefix, StringComparison.Ordinal) || !shards.ContainsKey(l.Name[prefix.Length..]));
        foreach (var name in await StreamCheckpoints.ForgetAsync(leases, consumer, identity, gone, stop))
        {
            LogForgotten(consumer.Name, name);
        }

        var order = shards.Keys.ToArray();
        Random.Shared.Shuffle(order);

        // A lease that a killed process left is free once it stood still for its duration. Where the first that was waited for did not, a worker is at the shards.
        var patience = options.Value.LeaseDuration + TimeSpan.FromSeconds(2);
        foreach (var shard in order)
        {
            if (stop.IsCancellationRequested)
            {
                return;
            }

            try
            {
                await RunAsync(consumer, stream, identity, shards, shard, null, linger, stop, patience);
            }
            catch (ShardHeldException held)
            {
                patience = held.IsByAnother ? TimeSpan.Zero : patience;
            }
        }
    }

    private async Task<(SequenceNumber? Last, bool IsEnd)> RunAsync(
        StreamConsumer consumer, IEventStream stream, string identity, Dictionary<string, StreamShard> shards, string shardId, (SequenceNumber First, SequenceNumber Last)? given, TimeSpan? linger, CancellationToken stop, TimeSpan? patience = null)
    {
        if (!shards.TryGetValue(shardId, out var shard))
        {
            throw new StreamException(StreamErrorCodes.NotFound, $"The stream '{consumer.Source}' has no shard '{shardId}'.", isTransient: false);
        }

        foreach (var parent in shard.Parents.Where(shards.ContainsKey))
        {
            // Its events come before those of its children; and since there are children, it has an end.
            if (await RunAsync(consumer, stream, identity, shards, parent, null, linger: null, stop, patience) is { IsEnd: false })
            {
                throw new ShardHeldException(isByAnother: false, $"The shard '{shardId}' of '{consumer.Source}' has its turn when '{parent}', of which it is a part, is read to its end.");
            }
        }

        await using var lease = await TakeAsync(consumer, identity, shard, given?.First, patience ?? Timeout.InfiniteTimeSpan, stop);
        var saved = StreamCheckpoints.Read(lease.Content ?? default) ?? new ShardCheckpoint(ShardPosition.TrimHorizon);
        var through = given?.Last;
        if (saved.Position.Kind == PositionKind.End)
        {
            // All of it was taken before.
            return (through, true);
        }

        if (through is { } wanted && saved.Position is { Kind: PositionKind.After } at && at.Sequence.Number >= wanted.Number)
        {
            // Another pass took it, and nothing may ever follow that would tell so.
            return (wanted, false);
        }

        await using var processor = await consumer.StartAsync(new ShardContext(consumer.Name, stream.Name, identity, shard, saved, lease.Fence, lease.Lost), stop);
        await using var reader = await stream.OpenAsync(shard.Id, saved.Position, stop);
        var (checkpoint, last, isSkipped) = await ReadAsync(consumer, processor, reader, lease, through, saved.Position.Kind == PositionKind.Time, linger, stop);

        // What was read is put away even where the time is over.
        using var late = new CancellationTokenSource(StopPatience, time);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(lease.Lost, late.Token);
        checkpoint = await processor.StopAsync(ending.Token) ?? checkpoint;
        if (checkpoint is null)
        {
            return (isSkipped ? last : null, false);
        }

        if (!await lease.TrySaveAsync(StreamCheckpoints.Write(checkpoint, StreamCheckpoints.ReadSince(lease.Content ?? default)), CancellationToken.None))
        {
            throw new StreamException(StreamErrorCodes.Unavailable, $"Another took the shard '{shardId}' of '{consumer.Source}' meanwhile.", isTransient: true);
        }

        StreamMetrics.Checkpointed(consumer.Name, stream.Name, shardId);
        return (last, checkpoint.Position.Kind == PositionKind.End);
    }

    /// <summary>Reads a shard up to a record and until it is quiet for a while, or, without such a while, to its end. If earlier records are skipped, the record may be one of them.</summary>
    private async Task<(ShardCheckpoint? Checkpoint, SequenceNumber? Last, bool IsSkipped)> ReadAsync(
        StreamConsumer consumer, IShardProcessor processor, IShardReader reader, Lease lease, SequenceNumber? through, bool skips, TimeSpan? linger, CancellationToken stop)
    {
        ShardCheckpoint? checkpoint = null;
        SequenceNumber? last = null;
        long? quietSince = null;
        var wasAtTip = false;
        while (!stop.IsCancellationRequested)
        {
            ShardBatch batch;
            try
            {
                batch = await reader.ReadAsync(cancellationToken: stop);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                break;
            }

            StreamMetrics.Read(consumer.Name, consumer.Source, batch, lease.Name);
            checkpoint = await processor.ProcessAsync(batch, lease.Lost) ?? checkpoint;
            last = batch.Records.IsEmpty ? last : batch.Records[^1].Sequence;
            if (checkpoint?.Position.Kind == PositionKind.End)
            {
                // Nothing comes behind it, whatever was asked for.
                return (checkpoint, through ?? last, false);
            }

            // A packed record is one: what is asked for by its number alone is had with its last part.
            var isReached = through is not { } wanted || (last is { } at && at.Number >= wanted.Number);
            if (batch.IsUnanswered)
            {
                continue;
            }

            var isTip = batch.Records.IsEmpty && batch.Behind == TimeSpan.Zero && !batch.IsEnd;
            if (isTip && skips && last is null && !isReached)
            {
                // It came before the moment from which on records count.
                return (checkpoint, through, true);
            }

            quietSince = isTip ? quietSince ?? time.GetTimestamp() : null;

            // Records behind the last there was: they came while it was read, and others will. Their windows are closed by the records that follow.
            var isLive = wasAtTip && !batch.Records.IsEmpty;
            wasAtTip |= batch.Behind == TimeSpan.Zero;
            if (isReached && linger is { } quiet && (isLive || (through is not null && quiet == TimeSpan.Zero) || (quietSince is { } since && time.GetElapsedTime(since) >= quiet)))
            {
                break;
            }
        }

        return (checkpoint, last, false);
    }

    /// <exception cref="ShardHeldException">Another held it all the time.</exception>
    private async Task<Lease> TakeAsync(StreamConsumer consumer, string identity, StreamShard shard, SequenceNumber? given, TimeSpan patience, CancellationToken stop)
    {
        var began = time.GetTimestamp();
        var name = StreamCheckpoints.Prefix(consumer.Name, consumer.Source, identity) + shard.Id;
        var content = await FirstAsync(StreamCheckpoints.Prefix(consumer.Name, consumer.Source, identity), shard, given, stop);
        try
        {
            while (true)
            {
                // One that a killed invocation left is free once its counter has stood still for its duration.
                if (await leases.TryAcquireAsync(new LeaseRequest(name, _id, options.Value.LeaseDuration, content), stop) is { } lease)
                {
                    return lease;
                }

                LogHeld(consumer.Name, shard.Id);
                if (patience != Timeout.InfiniteTimeSpan && time.GetElapsedTime(began) >= patience)
                {
                    throw Held();
                }

                await Task.Delay(AskAgain, time, stop);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            throw Held();
        }

        ShardHeldException Held() => new(isByAnother: true, $"Another holds the shard '{shard.Id}' of '{consumer.Source}'.");
    }

    /// <summary>Where a shard begins that nobody has begun.</summary>
    private async Task<byte[]> FirstAsync(string prefix, StreamShard shard, SequenceNumber? given, CancellationToken stop)
    {
        var now = time.GetUtcNow();
        if (options.Value.Start != StreamStart.Latest)
        {
            return StreamCheckpoints.Write(new ShardCheckpoint(ShardPosition.TrimHorizon), now);
        }

        // When the consumer was here for the first time: a shard that was made since is read from its beginning, and another from the records on that it was called for.
        var known = await leases.ListAsync(prefix, stop).ToListAsync(stop);
        var since = known.Min(lease => StreamCheckpoints.ReadSince(lease.Content));
        var position = given is { } first && !shard.Parents.Any(parent => known.Exists(lease => lease.Name == prefix + parent)) ? ShardPosition.At(first) : ShardPosition.Since(since ?? now);
        return StreamCheckpoints.Write(new ShardCheckpoint(position), since ?? now);
    }

    /// <summary>A shard cannot be read now; nothing is wrong with it.</summary>
    private sealed class ShardHeldException(bool isByAnother, string message) : Exception(message)
    {
        /// <summary>Whether another has it; else it is its parent's turn.</summary>
        public bool IsByAnother { get; } = isByAnother;
    }

    [LoggerMessage(6142, LogLevel.Warning, "{Consumer}: {Lease} was not read to its end, and the stream has it no more")]
    private partial void LogForgotten(string consumer, string lease);

    [LoggerMessage(6141, LogLevel.Information, "{Consumer}: shard {Shard} is held by another; it is asked for again")]
    private partial void LogHeld(string consumer, string shard);
}
