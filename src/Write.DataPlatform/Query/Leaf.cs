using System.Collections.Immutable;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query;

/// <summary>A column that a query groups by, as one leaf sees it.</summary>
/// <param name="Column">The column's name in the answer.</param>
/// <param name="Binding">What it means from the leaf's fact.</param>
/// <param name="Grain">The bucket, for a time field.</param>
internal sealed record GroupField(string Column, FieldBinding Binding, TimeGrain? Grain)
{
    /// <summary>Whether it is the bucket itself, and not a part of its date or what a time spine says of it.</summary>
    public bool IsBucket => Binding is { Name.Part: null, Custom: null };
}

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

    public required ModelCalendar Calendar { get; init; }

    public required ImmutableArray<GroupField> GroupBy { get; init; }

    /// <summary>The query's and the tenant's condition.</summary>
    public required Filter? Where { get; init; }

    public required ImmutableArray<MeasureState> States { get; init; }

    /// <summary>The states' filters as they are written, each with the form whose values have the fields' types.</summary>
    public required ImmutableDictionary<Filter, Filter> StateFilters { get; init; }

    /// <summary>What every field of <see cref="Where"/> and of the states' filters means from this fact.</summary>
    public required ImmutableDictionary<FieldName, FieldBinding> Bindings { get; init; }

    /// <summary>The types of the facts' and their partners' columns, as far as they are known.</summary>
    public FieldTypes Types { get; init; } = FieldTypes.Unknown;

    /// <summary>Set if values follow from events of other buckets than their own; the leaf then gathers events in the spine's basis.</summary>
    public Spine? Spine { get; init; }

    /// <summary>Whether a moment without events appears, with null for what is not its time.</summary>
    public bool JoinsTimeSpine { get; init; }

    /// <summary>Whether only the buckets count that the model's time spine has, because an offset moved events into buckets within a day.</summary>
    public bool MeetsTimeSpine { get; init; }

    /// <summary>What such a moment must meet: the query's conditions on time and on columns that are grouped by, which are null; not a tenant's, whose rows it has none of.</summary>
    public Filter? OnMoments { get; init; }

    /// <summary>Set if the rows are those of conversions, each at the base event that it goes to.</summary>
    public Conversion? Conversion { get; init; }

    /// <summary>Whether it is the model's time spine itself, which gives its first and last moment or, with a key, its moments.</summary>
    public bool IsTimeSpine { get; init; }

    /// <summary>The first and last moment of the model's own time spine, which bounds moments where the query does not.</summary>
    public Leaf? TimeSpine { get; init; }

    /// <summary>Set if it computes a share alone: the index among <see cref="ResolvedQuery.Shares"/>.</summary>
    public int? Share { get; init; }

    /// <summary>Stands for the aggregation time of a leaf that has none, whose rows all count whenever they happened.</summary>
    public static Dimension NoTime { get; } = new() { Name = "", Type = DimensionType.Time, Expr = "NULL", Source = new SourcePosition("", 0, 0) };

    public bool HasTime => AggTime != NoTime;

    /// <summary>Whether it lists the values of its columns and computes nothing.</summary>
    public bool IsListing => States.IsEmpty && !IsTimeSpine;

    /// <summary>Whether values are listed that find no partner in a join. Never for a tenant, whose condition they could not be put to.</summary>
    public bool KeepsUnmatched { get; init; }

    /// <summary>Set if entities are followed through events, of which this leaf has the first.</summary>
    public Journey? Journey { get; init; }

    /// <summary>The name of a state's column among the columns of all leaves.</summary>
    public string Column(MeasureState state) => $"l{Index}_{state.Name}";

    /// <summary>The query's group-by columns as this leaf gives them, at moments or by its own rows.</summary>
    public IEnumerable<GroupField> Columns => Spine is null ? GroupBy : GroupBy.Skip(1).Concat(Spine.Keys);

    /// <summary>The leaf as its spine's moments see it.</summary>
    public Leaf OfMoments => this with { Shift = Spine!.Shift, Range = Spine.Range, Target = Spine.Target };

    /// <summary>Whether a condition is about when an event counts: about nothing else, not at all, or (null) about both.</summary>
    public bool? IsAboutAggTime(Filter condition)
    {
        var times = condition.Fields.Select(f => IsAggTime(Bindings[f])).Distinct().ToList();
        return times.Count switch { 0 => false, 1 => times[0], _ => null };
    }

    public bool IsAggTime(FieldBinding binding) => binding.Hops.IsEmpty && binding.Owner.Name == Fact.Name && binding.Element == AggTime.Name && binding.IsTime;

    /// <summary>Whether the stored times are instants, which a zone moves, and not dates.</summary>
    public static bool IsInstant(Dimension time) => (time.Granularity ?? TimeGrain.Day) < TimeGrain.Day;
}
