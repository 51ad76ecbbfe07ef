using System.Collections.Immutable;

namespace Write.DataPlatform.Streaming;

/// <summary>
/// A stream of events in shards. Records of one partition key go to one shard; a shard keeps their order. A record may come more than once: a producer that
/// heard no answer puts it again.
/// </summary>
/// <remarks>
/// May be used at once by many threads, and by many processes where the stream allows it. Members throw <see cref="StreamException"/> when the stream refuses or
/// fails.
/// </remarks>
public interface IEventStream
{
    /// <summary>The most bytes of one record's data and partition key (in UTF-8) together.</summary>
    const int MaxRecordBytes = 1_048_576;

    /// <summary>The most characters of a partition key; it has at least one.</summary>
    const int MaxPartitionKeyLength = 256;

    /// <summary>Its name.</summary>
    string Name { get; }

    /// <summary>
    /// Tells this stream from an earlier one of the same name, whose shards and numbers may be spelt alike: a stream that was deleted and made anew has another.
    /// </summary>
    Task<string> GetIdentityAsync(CancellationToken cancellationToken = default);

    /// <summary>All shards whose records are kept, open and closed, in the order of their ids.</summary>
    Task<ImmutableArray<StreamShard>> ListShardsAsync(CancellationToken cancellationToken = default);

    /// <summary>A reader of one shard from a position on. It is one caller's alone.</summary>
    Task<IShardReader> OpenAsync(string shardId, ShardPosition from, CancellationToken cancellationToken = default);

    /// <summary>
    /// Appends records. What is accepted survives a crash of the process and, with the settings' default, of the machine. Each is accepted or refused for itself.
    /// Records of one partition key keep their order among those that are accepted in one call.
    /// </summary>
    /// <returns>One result a record, in their order.</returns>
    /// <exception cref="StreamException">None was accepted, or (from a network's failure) it is not known which were.</exception>
    Task<ImmutableArray<PutResult>> PutAsync(IReadOnlyList<PutRecord> records, CancellationToken cancellationToken = default);
}

/// <summary>Reads one shard in order.</summary>
public interface IShardReader : IAsyncDisposable
{
    /// <summary>
    /// The next records: waits a moment if there are none yet, and then gives an empty batch. After <see cref="ShardBatch.IsEnd"/> every further one is empty and
    /// the end, too. After an exception the same reader may be asked again and loses nothing.
    /// </summary>
    /// <param name="maxRecords">The most records of the stream to read; packed ones may hold more.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    Task<ShardBatch> ReadAsync(int maxRecords = 10_000, CancellationToken cancellationToken = default);
}

/// <summary>A shard.</summary>
/// <param name="Id">Its id, unique in its stream.</param>
/// <param name="Parents">The shards it was made of by a split (one) or a merge (two); their records come before its own. They may be gone from the list.</param>
/// <param name="IsClosed">Whether nothing is appended any more, because it was split or merged.</param>
public sealed record StreamShard(string Id, ImmutableArray<string> Parents, bool IsClosed);

/// <summary>Records of one shard that follow on each other.</summary>
/// <param name="Records">They, in their order; may be empty though more are to come.</param>
/// <param name="Behind">How long before now the last one arrived, as the stream says; zero at the shard's tip.</param>
/// <param name="IsEnd">Whether the shard is closed and this was its last batch.</param>
/// <param name="HasGap">Whether records right before these were removed by retention before they could be read: they are lost to this reader.</param>
public sealed record ShardBatch(ImmutableArray<StreamRecord> Records, TimeSpan Behind, bool IsEnd = false, bool HasGap = false)
{
    /// <summary>When the stream was looked at (UTC): a record that is neither here nor in an earlier batch came later, if this is the shard's tip. Null if the reader does not say.</summary>
    public DateTimeOffset? LookedAt { get; init; }

    /// <summary>Whether the stream gave no answer, for it is asked too often: what it has is not known.</summary>
    public bool IsUnanswered { get; init; }
}

/// <summary>A record as it is read.</summary>
/// <param name="ShardId">Its shard.</param>
/// <param name="Sequence">Its place there.</param>
/// <param name="PartitionKey">What chose the shard.</param>
/// <param name="ArrivedAt">When the stream accepted it, UTC, by the stream's clock; does not always rise.</param>
/// <param name="Data">The content.</param>
public sealed record StreamRecord(string ShardId, SequenceNumber Sequence, string PartitionKey, DateTimeOffset ArrivedAt, ReadOnlyMemory<byte> Data);

/// <summary>A record to append.</summary>
/// <param name="PartitionKey">Records of one key keep their order; 1 to 256 characters.</param>
/// <param name="Data">The content.</param>
public sealed record PutRecord(string PartitionKey, ReadOnlyMemory<byte> Data);

/// <summary>What became of a record: accepted with its place, or refused with an error.</summary>
/// <param name="ShardId">The shard, if it was accepted.</param>
/// <param name="Sequence">Its place there, if it was accepted.</param>
/// <param name="Error">Why it was refused; null if it was accepted.</param>
public sealed record PutResult(string? ShardId, SequenceNumber? Sequence, StreamError? Error)
{
    /// <summary>Whether it is in the stream.</summary>
    public bool IsAccepted => Error is null;
}

/// <summary>Why a record was refused.</summary>
/// <param name="Code">A code of <see cref="StreamErrorCodes"/>.</param>
/// <param name="Message">What is wrong.</param>
/// <param name="IsTransient">Whether the same record may be accepted later.</param>
public sealed record StreamError(string Code, string Message, bool IsTransient);
