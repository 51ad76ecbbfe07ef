using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Gold.Tail;

namespace Write.DataPlatform.Streaming.Batches;

/// <summary>What a shard's successor must know so that it decides as its predecessor did: all of it as of one record.</summary>
/// <remarks>
/// That record is the last one that is in the lake (or was counted, where another lands). What follows is read again and decided again from here, which gives the same; what
/// comes before fills the windows that are open yet and is nothing new.
/// </remarks>
internal sealed record BatchState
{
    /// <summary>The record; null before the first.</summary>
    public string? Taken { get; init; }

    /// <summary>The record up to which the next file for the lake goes; null for none. Known before the file is written, so that whoever writes it writes the same.</summary>
    public string? Landing { get; init; }

    /// <summary>The latest event time, none ahead of its arrival (UTC).</summary>
    public DateTimeOffset? Watermark { get; init; }

    /// <summary>Windows that end here or before are closed (UTC).</summary>
    public DateTimeOffset? Sealed { get; init; }

    /// <summary>Event time up to which all that was counted is in the lake (UTC).</summary>
    public DateTimeOffset? Landed { get; init; }

    /// <summary>From when on tables' windows are there.</summary>
    public ImmutableSortedDictionary<string, TailCoverage> Tables { get; init; } = ImmutableSortedDictionary<string, TailCoverage>.Empty;

    public long Events { get; init; }

    public long Duplicates { get; init; }

    public long DeadLetters { get; init; }

    public bool IsEnded { get; init; }

    /// <summary>Of how many events windows' pieces are, by the windows' start.</summary>
    public ImmutableArray<ChunkSize> Chunks { get; init; } = [];

    /// <summary>From where a successor must read at the latest.</summary>
    public required string Position { get; init; }

    /// <summary>The fence of the lease under which it was written.</summary>
    public long Fence { get; init; }

    /// <summary>What was sealed at earlier moments, the latest first.</summary>
    public ImmutableArray<SealedAt> Earlier { get; init; } = [];

    [JsonIgnore]
    public SequenceNumber? TakenAt => Taken is null ? null : SequenceNumber.Parse(Taken);

    [JsonIgnore]
    public SequenceNumber? LandingTo => Landing is null ? null : SequenceNumber.Parse(Landing);

    /// <summary>A table that is new, or other than it was, is counted whole from the windows on that are open; of a shard that is read from its start on, from ever; of one whose first records were left out, from those on that can be none of them.</summary>
    /// <param name="plan">The tables.</param>
    /// <param name="next">Event time after which nothing can have come yet.</param>
    /// <param name="maxFuture">How far ahead of its arrival an event may be.</param>
    public ImmutableSortedDictionary<string, TailCoverage> CoverageOf(StreamPlan plan, DateTimeOffset next, TimeSpan maxFuture)
    {
        ShardPosition.TryParse(Position, out var position);
        var since = TakenAt is null && position?.Kind == PositionKind.At ? next : Sealed ?? position?.Kind switch
        {
            PositionKind.TrimHorizon => DateTimeOffset.MinValue,
            PositionKind.Time => position.Time + maxFuture,
            _ => DateTimeOffset.MaxValue,
        };
        return plan.Tables.ToImmutableSortedDictionary(
            d => d.Table.Name,
            d => Tables.GetValueOrDefault(d.Table.Name) is { } known && known.Definition == TailMeaning.OfAll(d, plan.Stream) ? known : new TailCoverage(TailMeaning.OfAll(d, plan.Stream), since),
            StringComparer.Ordinal);
    }

    /// <summary>A window's pieces are of one size for ever: another is for windows that nobody can have begun, and that are begun by nobody who does not know it.</summary>
    /// <param name="events">The size from now on.</param>
    /// <param name="window">The windows' length.</param>
    /// <param name="from">The first start of such a window.</param>
    public ImmutableArray<ChunkSize> ChunksOf(int events, TimeSpan window, DateTimeOffset from) =>
        Chunks.IsDefaultOrEmpty ? [new ChunkSize(DateTimeOffset.MinValue, events)]
            : Chunks[^1].Events == events ? Chunks
            : [.. Chunks.Where((_, i) => i == Chunks.Length - 1 || !(Chunks[i + 1].From <= Sealed - window)), new ChunkSize(from, events)];
}

/// <summary>Of how many events the pieces of windows are.</summary>
/// <param name="From">The first start of such a window.</param>
/// <param name="Events">How many.</param>
internal sealed record ChunkSize(DateTimeOffset From, int Events);

/// <summary>Keeps shards' states, each written only by who holds the shard's lease.</summary>
internal sealed class BatchStates(IGoldStore store, string stream, string shard)
{
    private long? _revision;

    /// <summary>The state that a predecessor left; null if there was none.</summary>
    /// <exception cref="GoldStoreException">The store failed, or holds a state that is damaged.</exception>
    public async Task<BatchState?> ReadAsync(CancellationToken cancellationToken = default)
    {
        var item = await store.GetAsync(GoldKeys.StreamState(stream), GoldKeys.Escape(shard), cancellationToken);
        _revision = item?.Revision;
        try
        {
            return item is null ? null : JsonSerializer.Deserialize(item.Body.Span, BatchJson.Default.BatchState);
        }
        catch (JsonException exception)
        {
            throw new GoldStoreException($"The state of shard {shard} of {stream} is damaged: {exception.Message}", isTransient: false, exception);
        }
    }

    /// <summary>Writes the state, unless another has since.</summary>
    /// <exception cref="GoldStoreException">The store failed, or another worker has the shard.</exception>
    public async Task WriteAsync(BatchState state, CancellationToken cancellationToken = default)
    {
        var next = (_revision ?? 0) + 1;
        var body = JsonSerializer.SerializeToUtf8Bytes(state, BatchJson.Default.BatchState);
        if (!await store.TryPutAsync(new GoldItem(GoldKeys.StreamState(stream), GoldKeys.Escape(shard), next, body), _revision, cancellationToken))
        {
            throw new GoldStoreException($"Another worker counts shard {shard} of {stream} now.", isTransient: true);
        }

        _revision = next;
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(BatchState))]
[JsonSerializable(typeof(DeadLetter))]
internal sealed partial class BatchJson : JsonSerializerContext;
