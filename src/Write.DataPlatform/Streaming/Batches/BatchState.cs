using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
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

    /// <summary>From when on tables' windows are there.</summary>
    public ImmutableSortedDictionary<string, TailCoverage> Tables { get; init; } = ImmutableSortedDictionary<string, TailCoverage>.Empty;

    public long Events { get; init; }

    public long Duplicates { get; init; }

    public long DeadLetters { get; init; }

    public bool IsEnded { get; init; }

    [JsonIgnore]
    public SequenceNumber? TakenAt => Taken is null ? null : SequenceNumber.Parse(Taken);

    [JsonIgnore]
    public SequenceNumber? LandingTo => Landing is null ? null : SequenceNumber.Parse(Landing);

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, BatchJson.Default.BatchState);

    public static BatchState Of(ReadOnlyMemory<byte> bytes) => bytes.IsEmpty ? new BatchState() : JsonSerializer.Deserialize(bytes.Span, BatchJson.Default.BatchState)!;
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(BatchState))]
[JsonSerializable(typeof(DeadLetter))]
internal sealed partial class BatchJson : JsonSerializerContext;
