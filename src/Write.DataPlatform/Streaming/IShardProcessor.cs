using System.Collections.Immutable;
using Microsoft.Extensions.Primitives;

namespace Write.DataPlatform.Streaming;

/// <summary>Takes the records of one shard, in order, while a worker holds the shard's lease.</summary>
/// <remarks>
/// <para>The worker calls one member at a time. It reads from the checkpoint of the processor before (<see cref="ShardContext.Checkpoint"/>), so records behind that
/// checkpoint come again: what is written must be a function of the records alone, keyed so that writing it again changes nothing.</para>
/// <para>The checkpoint that a member returns is written after it has returned, by one conditional write that fails unless this worker still holds the lease. If
/// it fails, the processor is disposed of and another worker's goes on. So: first the sink, then the checkpoint.</para>
/// <para>An exception ends the processor; the worker starts another from the last written checkpoint, later and later.</para>
/// </remarks>
public interface IShardProcessor : IAsyncDisposable
{
    /// <summary>
    /// Takes the next records; the worker reads no more until it returns, which bounds the memory. Comes with empty batches, too, about every second while the
    /// shard is quiet. With <see cref="ShardBatch.IsEnd"/> nothing more will come: finish what is open and return a checkpoint at <see cref="ShardPosition.End"/>,
    /// now or with one of the empty batches that follow; only then are the shard's children begun.
    /// </summary>
    /// <returns>What may be written as the checkpoint; null to leave it as it is.</returns>
    Task<ShardCheckpoint?> ProcessAsync(ShardBatch batch, CancellationToken cancellationToken = default);

    /// <summary>The worker gives the lease back of its own will (it stops): the last chance to write what is worth writing. It is not called when the lease was lost.</summary>
    /// <returns>What may be written as the checkpoint; null to leave it as it is.</returns>
    Task<ShardCheckpoint?> StopAsync(CancellationToken cancellationToken = default);
}

/// <summary>How far a shard is done.</summary>
/// <param name="Position">
/// From where a successor must read: <see cref="ShardPosition.At"/> the earliest record of the oldest open window, <see cref="ShardPosition.After"/> the last record
/// where no window is open, or <see cref="ShardPosition.End"/>.
/// </param>
/// <param name="Watermark">Event time, UTC, before which everything that was taken is in the sink; null if nothing is yet.</param>
/// <param name="State">
/// What a successor must know besides the records from <paramref name="Position"/> on so that it decides as this processor did; at most 64 KB, the processor's own
/// format.
/// </param>
public sealed record ShardCheckpoint(ShardPosition Position, DateTimeOffset? Watermark = null, ReadOnlyMemory<byte> State = default)
{
    /// <summary>The most bytes of <see cref="State"/>.</summary>
    public const int MaxStateBytes = 65_536;
}

/// <summary>The shard that a processor is for.</summary>
/// <param name="Consumer">Who reads.</param>
/// <param name="Source">The stream's name.</param>
/// <param name="Identity">The stream's <see cref="IEventStream.GetIdentityAsync">identity</see>.</param>
/// <param name="Shard">The shard.</param>
/// <param name="Checkpoint">The last written checkpoint; its position says where the first batch begins. On the very first start it is that of the settings.</param>
/// <param name="Fence">Rises with every holder of the shard's lease: what a later holder writes has a larger one.</param>
/// <param name="Lost">Is cancelled when another may hold the lease: write nothing more.</param>
public sealed record ShardContext(
    string Consumer, string Source, string Identity, StreamShard Shard, ShardCheckpoint Checkpoint, long Fence, CancellationToken Lost);

/// <summary>Something that reads a stream. Two of different names read the same stream independently.</summary>
/// <param name="Name">Its name; checkpoints are kept by it.</param>
/// <param name="Source">The name of the stream it reads.</param>
/// <param name="StartAsync">Makes the processor of one shard.</param>
public sealed record StreamConsumer(string Name, string Source, Func<ShardContext, CancellationToken, Task<IShardProcessor>> StartAsync)
{
    /// <summary>Is told of a shard that the stream has no more, until it has said that its checkpoint can go.</summary>
    public Func<GoneShard, CancellationToken, Task<bool>>? ForgetAsync { get; init; }
}

/// <summary>A shard that a stream has forgotten.</summary>
/// <param name="Id">The shard.</param>
/// <param name="Identity">Tells its stream from others that had its name.</param>
/// <param name="IsRead">Whether it was read to its end; else its last records are lost.</param>
public sealed record GoneShard(string Id, string Identity, bool IsRead);

/// <summary>Which consumers there are, in this process.</summary>
public interface IStreamConsumers
{
    /// <summary>They. One that is equal to an earlier one goes on; one that differs is stopped and started anew.</summary>
    ImmutableArray<StreamConsumer> Current { get; }

    /// <summary>Tells once that they changed.</summary>
    IChangeToken GetChangeToken();
}
