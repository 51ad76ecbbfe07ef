using System.Collections.Immutable;

namespace Write.DataPlatform.Gold;

/// <summary>A partition on its way into the gold store: all of <see cref="GoldPartition"/> that its writer knows.</summary>
internal sealed record GoldPartitionDraft
{
    /// <inheritdoc cref="GoldPartition.Period" />
    public required string Period { get; init; }

    /// <inheritdoc cref="GoldPartition.From" />
    public required DateOnly From { get; init; }

    /// <inheritdoc cref="GoldPartition.To" />
    public required DateOnly To { get; init; }

    /// <inheritdoc cref="GoldPartition.DefinitionHash" />
    public required string DefinitionHash { get; init; }

    /// <inheritdoc cref="GoldPartition.LakeVersion" />
    public string? LakeVersion { get; init; }

    /// <inheritdoc cref="GoldPartition.Watermark" />
    public DateTimeOffset? Watermark { get; init; }

    /// <inheritdoc cref="GoldPartition.Cuts" />
    public ImmutableSortedDictionary<string, DateTimeOffset>? Cuts { get; init; }

    /// <inheritdoc cref="GoldPartition.Landed" />
    public DateTimeOffset? Landed { get; init; }

    /// <inheritdoc cref="GoldPartition.RefreshedAt" />
    public required DateTimeOffset RefreshedAt { get; init; }

    /// <inheritdoc cref="GoldPartition.RunId" />
    public required string RunId { get; init; }

    /// <inheritdoc cref="GoldPartition.IsFirst" />
    public bool IsFirst { get; init; }

    /// <inheritdoc cref="GoldPartition.IsLast" />
    public bool IsLast { get; init; }

    /// <inheritdoc cref="GoldPartition.SourceQueryId" />
    public string? SourceQueryId { get; init; }

    /// <summary>The segments in order of time; none for a period without rows.</summary>
    public required IReadOnlyList<SegmentFile> Segments { get; init; }
}

/// <summary>A segment in a local file.</summary>
/// <param name="Path">The Parquet file.</param>
/// <param name="Rows">Its rows.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="MinTime">The first bucket inside.</param>
/// <param name="MaxTime">The last bucket inside.</param>
internal sealed record SegmentFile(string Path, long Rows, int Bytes, DateTime MinTime, DateTime MaxTime);

/// <summary>How publishing a partition ended.</summary>
/// <param name="Published">False if the period's live version was no longer the expected one: another writer was first, and nothing of this draft is left.</param>
/// <param name="Manifest">The manifest as it is now.</param>
internal sealed record PublishResult(bool Published, GoldManifest Manifest);

/// <summary>One partition's segments, whole and checked.</summary>
/// <param name="Partition">The partition.</param>
/// <param name="Segments">The Parquet files in order.</param>
internal sealed record PartitionSegments(GoldPartition Partition, IReadOnlyList<ReadOnlyMemory<byte>> Segments);
