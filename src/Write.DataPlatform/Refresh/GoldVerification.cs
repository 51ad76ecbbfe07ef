using System.Collections.Immutable;

namespace Write.DataPlatform.Refresh;

/// <summary>How gold compares with the lake.</summary>
/// <param name="Table">The gold table.</param>
/// <param name="Partitions">Its partitions, in order of time and tenant.</param>
/// <param name="Differences">The first differences.</param>
internal sealed record GoldVerification(string Table, ImmutableArray<VerifiedPartition> Partitions, ImmutableArray<CellDifference> Differences)
{
    /// <summary>All differences, listed or not.</summary>
    public long DifferenceCount => Partitions.Sum(p => p.Differences);

    /// <summary>Whether no partition says anything else than the lake; partitions that gold knows to be behind say nothing.</summary>
    public bool IsGood => Partitions.All(p => p.State is VerifiedState.Equal or VerifiedState.Stale or VerifiedState.Missing);
}

/// <summary>What was found out about a partition.</summary>
internal enum VerifiedState
{
    /// <summary>Every cell is what the lake gives.</summary>
    Equal,

    /// <summary>Cells differ though nothing says that they should.</summary>
    Differs,

    /// <summary>The next refresh replaces it, so it was not compared.</summary>
    Stale,

    /// <summary>It is not built.</summary>
    Missing,

    /// <summary>Its segments cannot be read.</summary>
    Damaged,
}

/// <summary>One partition of one tenant.</summary>
/// <param name="Tenant">The tenant; null for an internal table.</param>
/// <param name="Period">The period.</param>
/// <param name="State">What was found out.</param>
/// <param name="Reason">Why it was not compared, or what is broken.</param>
/// <param name="Rows">Rows stored.</param>
/// <param name="Differences">Differing cells, and rows that only one side has.</param>
internal sealed record VerifiedPartition(string? Tenant, string Period, VerifiedState State, string? Reason, long Rows, long Differences);

/// <summary>A cell that gold and the lake give differently, or a row that only one of them has. Values are texts; null is null.</summary>
/// <param name="Tenant">The tenant; null for an internal table.</param>
/// <param name="Period">The partition.</param>
/// <param name="Key">The row's bucket and dimensions.</param>
/// <param name="Column">The column; null if the whole row is on one side only.</param>
/// <param name="Gold">The stored value; of a whole row whether gold has it.</param>
/// <param name="Lake">The lake's value; of a whole row whether the lake has it.</param>
internal sealed record CellDifference(string? Tenant, string Period, ImmutableArray<KeyCell> Key, string? Column, string? Gold, string? Lake);

/// <summary>One part of a row's key.</summary>
/// <param name="Column">The column.</param>
/// <param name="Value">The value as text; null is null.</param>
internal sealed record KeyCell(string Column, string? Value);
