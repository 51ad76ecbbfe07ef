using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Write.DataPlatform.Gold;

/// <summary>What started a run.</summary>
internal enum RunTrigger
{
    Schedule,
    Manual,
    Startup,

    /// <summary>A changed model.</summary>
    Model,
}

/// <summary>How far a run is.</summary>
internal enum RunState
{
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,

    /// <summary>Its process ended before it did.</summary>
    Interrupted,
}

/// <summary>How far a run is with one partition.</summary>
internal enum RunPartitionState
{
    Pending,
    Running,
    Succeeded,
    Skipped,
    Failed,
}

/// <summary>One refresh of one gold table.</summary>
internal sealed record RefreshRun
{
    /// <summary>Its name, which sorts by the time it was made.</summary>
    public required string Id { get; init; }

    /// <summary>The gold table.</summary>
    public required string Table { get; init; }

    /// <summary>What started it.</summary>
    public required RunTrigger Trigger { get; init; }

    /// <summary>The first date asked for; null for the table's own range.</summary>
    public DateOnly? RequestedFrom { get; init; }

    /// <summary>The date after the last asked for; null for the table's own range.</summary>
    public DateOnly? RequestedTo { get; init; }

    /// <summary>Whether it was of the whole table; a run of a range leaves the rest as old as it was.</summary>
    [JsonIgnore]
    public bool IsWhole => RequestedFrom is null && RequestedTo is null;

    /// <summary>Whether partitions are refreshed that did not change, too.</summary>
    public bool Full { get; init; }

    /// <summary>How far it is.</summary>
    public required RunState State { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>When it ended; null until then.</summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>The process that works on it.</summary>
    public string? Owner { get; init; }

    /// <summary>Partitions refreshed at this instant or later are not refreshed only because all are (<see cref="Full"/>).</summary>
    public required DateTimeOffset Basis { get; init; }

    /// <summary>The partitions, as far as they fit: those that ended well are the first to be left out.</summary>
    public ImmutableArray<RunPartition> Partitions { get; init; } = [];

    /// <summary>How many partitions were left out of <see cref="Partitions"/>.</summary>
    public int OmittedPartitions { get; init; }

    /// <summary>Read units that its work used of a gold store that is paid by use; null if there is none. Known at the end.</summary>
    public double? ReadUnits { get; init; }

    /// <summary>Write units that its work used of a gold store that is paid by use; null if there is none. Known at the end.</summary>
    public double? WriteUnits { get; init; }

    /// <summary>Whether somebody asked it to stop.</summary>
    public bool CancelRequested { get; init; }

    /// <summary>Why it failed.</summary>
    public string? Error { get; init; }

    /// <summary>Whether it is over.</summary>
    [JsonIgnore]
    public bool IsOver => State is not (RunState.Queued or RunState.Running);

    /// <summary>This run with one partition's progress put in the place of what it had for the same period and tenant, or added.</summary>
    public RefreshRun With(RunPartition partition)
    {
        for (var at = 0; at < Partitions.Length; at++)
        {
            if (Partitions[at].Period == partition.Period && Partitions[at].Tenant == partition.Tenant)
            {
                return this with { Partitions = Partitions.SetItem(at, partition) };
            }
        }

        return this with { Partitions = Partitions.Add(partition) };
    }
}

/// <summary>A run's progress with one partition.</summary>
internal sealed record RunPartition
{
    /// <summary>The period.</summary>
    public required string Period { get; init; }

    /// <summary>The tenant; null in an internal table.</summary>
    public string? Tenant { get; init; }

    /// <summary>How far it is.</summary>
    public required RunPartitionState State { get; init; }

    /// <summary>How often it was begun.</summary>
    public int Attempts { get; init; }

    /// <summary>Rows stored.</summary>
    public long Rows { get; init; }

    /// <summary>Bytes stored.</summary>
    public long Bytes { get; init; }

    /// <summary>Bytes the lake read.</summary>
    public long BytesScanned { get; init; }

    /// <summary>Why the last attempt failed, or why it was skipped.</summary>
    public string? Error { get; init; }

    /// <summary>When the last attempt began.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>When it ended.</summary>
    public DateTimeOffset? EndedAt { get; init; }
}
