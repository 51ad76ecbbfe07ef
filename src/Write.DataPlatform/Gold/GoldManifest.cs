using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Write.DataPlatform.Gold;

/// <summary>Which version of every partition of a gold table is live, for one tenant.</summary>
/// <param name="Table">The gold table.</param>
/// <param name="Tenant">The tenant of an external table; null for an internal one.</param>
/// <param name="Revision">Rises by one at every flip; 0 is a table that was never written.</param>
/// <param name="Partitions">The live partitions by period.</param>
internal sealed record GoldManifest(string Table, string? Tenant, long Revision, ImmutableSortedDictionary<string, GoldPartition> Partitions);

/// <summary>One live partition.</summary>
internal sealed record GoldPartition
{
    /// <summary>The period's name, which sorts by time: <c>2026</c>, <c>2026-Q1</c>, <c>2026-01</c>, <c>2026-01-05</c>.</summary>
    public required string Period { get; init; }

    /// <summary>The first date, in the table's time zone.</summary>
    public required DateOnly From { get; init; }

    /// <summary>The date after the last.</summary>
    public required DateOnly To { get; init; }

    /// <summary>The name of this version, never used twice.</summary>
    public required string Version { get; init; }

    /// <summary>The first revision that has this version; null if it is older than this was written down.</summary>
    public long? Since { get; init; }

    /// <summary>The hash of what the rows are by definition; another hash than the model's makes the partition stale.</summary>
    public required string DefinitionHash { get; init; }

    /// <summary>The lake's version when the rows were read, or null if it has none.</summary>
    public string? LakeVersion { get; init; }

    /// <summary>Whether the lake had no event before <see cref="From"/> when the rows were read, so that what is not here is nowhere.</summary>
    public bool IsFirst { get; init; }

    /// <summary>Whether the lake had no event at <see cref="To"/> or after it when the rows were read.</summary>
    public bool IsLast { get; init; }

    /// <summary>Rows in all segments.</summary>
    public required long Rows { get; init; }

    /// <summary>Bytes in all segments.</summary>
    public required long Bytes { get; init; }

    /// <summary>XxHash3 of the segments in order, as 16 hex digits.</summary>
    public required string Checksum { get; init; }

    /// <summary>The latest event inside, in UTC, or null if there is none.</summary>
    public DateTimeOffset? Watermark { get; init; }

    /// <summary>
    /// By semantic model, the instant (UTC) from which on its events are left to its stream: those before it are here, those at it or after are not, though the lake may
    /// have had some. A model that is not named has all events that the lake had.
    /// </summary>
    public ImmutableSortedDictionary<string, DateTimeOffset>? Cuts { get; init; }

    /// <summary>When the lake was read.</summary>
    public required DateTimeOffset RefreshedAt { get; init; }

    /// <summary>
    /// Event time (UTC) up to which the lake had all that streams brought it, where it is before <see cref="RefreshedAt"/>; the least there is if nobody knew. Null if it is not
    /// before, or if streams go on behind <see cref="Cuts"/>.
    /// </summary>
    public DateTimeOffset? Landed { get; init; }

    /// <summary>Event time (UTC) up to which it has everything that came, as far as that was known when the lake was read.</summary>
    [JsonIgnore]
    public DateTimeOffset Reach => Landed ?? RefreshedAt;

    /// <summary>The run that wrote it.</summary>
    public required string RunId { get; init; }

    /// <summary>The lake's name for the query that gave the rows.</summary>
    public string? SourceQueryId { get; init; }

    /// <summary>The segments in order of time.</summary>
    public required ImmutableArray<GoldSegment> Segments { get; init; }
}

/// <summary>One immutable piece of a partition: a zstd Parquet file in one item.</summary>
/// <param name="Number">Its place, from 0.</param>
/// <param name="Rows">Its rows.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="MinTime">The first bucket inside, as stored.</param>
/// <param name="MaxTime">The last bucket inside, as stored.</param>
internal sealed record GoldSegment(int Number, long Rows, int Bytes, DateTime MinTime, DateTime MaxTime);
