using System.Collections.Immutable;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query;

/// <summary>A column that a query groups by, as one leaf sees it.</summary>
/// <param name="Column">The column's name in the answer.</param>
/// <param name="Binding">What it means from the leaf's fact.</param>
/// <param name="Grain">The bucket, for a time field.</param>
internal sealed record GroupField(string Column, FieldBinding Binding, TimeGrain? Grain);

/// <summary>
/// One fact table's states by the query's group-by columns, over one range, under one filter. All of a query's leaves have the same columns,
/// so that they meet in one GROUP BY; see FinishCompiler.
/// </summary>
internal sealed record Leaf
{
    public required int Index { get; init; }

    public required SemanticModel Fact { get; init; }

    /// <summary>The time dimension that <see cref="Range"/> restricts; <see cref="NoTime"/> if values are listed that belong to no time.</summary>
    public required Dimension AggTime { get; init; }

    /// <summary>Set if past events count as present ones.</summary>
    public required TimeShift? Shift { get; init; }

    /// <summary>The events' own range, before the shift.</summary>
    public required ResolvedRange Range { get; init; }

    /// <summary>The range after the shift; tested on the shifted time where whole days are not exact.</summary>
    public required ResolvedRange Target { get; init; }

    public required TimeZoneInfo Zone { get; init; }

    /// <summary>The zone in which an event has the date that dates of validity are compared with, whatever zone the query is in.</summary>
    public required TimeZoneInfo ModelZone { get; init; }

    public required DayOfWeek WeekStart { get; init; }

    public required ImmutableArray<GroupField> GroupBy { get; init; }

    /// <summary>The query's and the tenant's condition.</summary>
    public required Filter? Where { get; init; }

    public required ImmutableArray<MeasureState> States { get; init; }

    /// <summary>The states' filters as they are written, each with the form whose values have the fields' types.</summary>
    public required ImmutableDictionary<Filter, Filter> StateFilters { get; init; }

    /// <summary>What every field of <see cref="Where"/> and of the states' filters means from this fact.</summary>
    public required ImmutableDictionary<FieldName, FieldBinding> Bindings { get; init; }

    /// <summary>Stands for the aggregation time of a leaf that has none, whose rows all count whenever they happened.</summary>
    public static Dimension NoTime { get; } = new() { Name = "", Type = DimensionType.Time, Expr = "NULL", Source = new SourcePosition("", 0, 0) };

    public bool HasTime => AggTime != NoTime;

    /// <summary>Whether it lists the values of its columns and computes nothing.</summary>
    public bool IsListing => States.IsEmpty;

    /// <summary>Whether values are listed that find no partner in a join. Never for a tenant, whose condition they could not be put to.</summary>
    public bool KeepsUnmatched { get; init; }

    /// <summary>The name of a state's column among the columns of all leaves.</summary>
    public string Column(MeasureState state) => $"l{Index}_{state.Name}";

    public bool IsAggTime(FieldBinding binding) => binding.Hops.IsEmpty && binding.Owner.Name == Fact.Name && binding.Element == AggTime.Name && binding.IsTime;

    /// <summary>Whether the stored times are instants, which a zone moves, and not dates.</summary>
    public static bool IsInstant(Dimension time) => (time.Granularity ?? TimeGrain.Day) < TimeGrain.Day;
}
