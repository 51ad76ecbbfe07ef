using System.Collections.Immutable;

namespace Write.DataPlatform.Model;

/// <summary>A lake table with the entities, dimensions and measures read from it (MetricFlow's semantic model).</summary>
public sealed record SemanticModel
{
    /// <summary>The unique name.</summary>
    public required string Name { get; init; }

    /// <summary>What it is.</summary>
    public string? Description { get; init; }

    /// <summary>The lake table, with its schema if one is given: <c>visits</c> or <c>web.visits</c>.</summary>
    public required string Table { get; init; }

    /// <summary>The entities, by name.</summary>
    public required ImmutableSortedDictionary<string, Entity> Entities { get; init; }

    /// <summary>The dimensions, by name.</summary>
    public required ImmutableSortedDictionary<string, Dimension> Dimensions { get; init; }

    /// <summary>The measures, by name.</summary>
    public required ImmutableSortedDictionary<string, Measure> Measures { get; init; }

    /// <summary>The entity that prefixes this model's dimensions: its primary entity, or <c>primary_entity</c> where it has none.</summary>
    public required string? PrimaryEntity { get; init; }

    /// <summary>Where it is written.</summary>
    public required SourcePosition Source { get; init; }
}

/// <summary>What an entity's column is to its table.</summary>
public enum EntityType
{
    /// <summary>One row a value, every value present.</summary>
    Primary,

    /// <summary>One row a value, nulls allowed.</summary>
    Unique,

    /// <summary>Any number of rows a value.</summary>
    Foreign,

    /// <summary>One row a value at a time, between the validity dimensions (slowly changing, type 2).</summary>
    Natural,
}

/// <summary>A join key.</summary>
/// <param name="Name">The name.</param>
/// <param name="Type">What it is to its table.</param>
/// <param name="Expr">The SQL expression over the table's columns.</param>
/// <param name="Source">Where it is written.</param>
public sealed record Entity(string Name, EntityType Type, string Expr, SourcePosition Source);

/// <summary>What kind of values a dimension holds.</summary>
public enum DimensionType
{
    /// <summary>Anything to group by.</summary>
    Categorical,

    /// <summary>A date or an instant.</summary>
    Time,
}

/// <summary>Something to group and filter by.</summary>
public sealed record Dimension
{
    /// <summary>The name, unique within its semantic model.</summary>
    public required string Name { get; init; }

    /// <summary>Categorical or time.</summary>
    public required DimensionType Type { get; init; }

    /// <summary>The SQL expression over the table's columns.</summary>
    public required string Expr { get; init; }

    /// <summary>The label for people.</summary>
    public string? Label { get; init; }

    /// <summary>What it is.</summary>
    public string? Description { get; init; }

    /// <summary>
    /// For a time dimension, the granularity of the stored values. <see cref="TimeGrain.Day"/> and coarser columns are calendar
    /// dates that no time zone moves; finer ones are instants, stored in UTC.
    /// </summary>
    public TimeGrain? Granularity { get; init; }

    /// <summary>Whether the table is partitioned by this column.</summary>
    public bool IsPartition { get; init; }

    /// <summary>
    /// For a partition column, the time dimension whose UTC bucket of <see cref="Granularity"/> it holds, so that time ranges are pushed
    /// down to it; null if it is not known to hold one.
    /// </summary>
    public string? Partitions { get; init; }

    /// <summary>Whether it starts the row's validity (slowly changing dimensions, type 2; included).</summary>
    public bool IsValidityStart { get; init; }

    /// <summary>Whether it ends the row's validity (excluded; null is open).</summary>
    public bool IsValidityEnd { get; init; }

    /// <summary>Where it is written.</summary>
    public required SourcePosition Source { get; init; }
}

/// <summary>How a measure's rows become one value; MetricFlow's names.</summary>
public enum Aggregation
{
    /// <summary>The sum of the values.</summary>
    Sum,

    /// <summary>How many values are not null.</summary>
    Count,

    /// <summary>How many different values there are, exactly.</summary>
    CountDistinct,

    /// <summary>The least value.</summary>
    Min,

    /// <summary>The greatest value.</summary>
    Max,

    /// <summary>The mean of the values that are not null.</summary>
    Average,

    /// <summary>How many values are true.</summary>
    SumBoolean,

    /// <summary>The median (continuous).</summary>
    Median,

    /// <summary>A percentile, see <see cref="Measure.Percentile"/>.</summary>
    Percentile,

    /// <summary>How many different values there are, by a mergeable sketch (ours, not MetricFlow's).</summary>
    ApproxCountDistinct,
}

/// <summary>Something to aggregate.</summary>
public sealed record Measure
{
    /// <summary>The name, unique within the whole model.</summary>
    public required string Name { get; init; }

    /// <summary>The semantic model it belongs to.</summary>
    public required string SemanticModel { get; init; }

    /// <summary>How it is aggregated.</summary>
    public required Aggregation Aggregation { get; init; }

    /// <summary>The SQL expression over the table's columns.</summary>
    public required string Expr { get; init; }

    /// <summary>The time dimension of the same semantic model that places its rows in time.</summary>
    public required string AggTimeDimension { get; init; }

    /// <summary>For <see cref="Aggregation.Percentile"/>: which (0 to 1).</summary>
    public double? Percentile { get; init; }

    /// <summary>For a percentile: an element of the set instead of an interpolation.</summary>
    public bool UseDiscretePercentile { get; init; }

    /// <summary>For a percentile: an estimate is enough.</summary>
    public bool UseApproximatePercentile { get; init; }

    /// <summary>Set if the measure must not be summed over a time dimension.</summary>
    public NonAdditiveDimension? NonAdditive { get; init; }

    /// <summary>What it is.</summary>
    public string? Description { get; init; }

    /// <summary>Where it is written.</summary>
    public required SourcePosition Source { get; init; }
}

/// <summary>MetricFlow's <c>non_additive_dimension</c>: take the rows at the first or last moment, then aggregate.</summary>
/// <param name="Name">The time dimension.</param>
/// <param name="WindowChoiceMax">Whether the last moment counts (<c>window_choice: max</c>) and not the first.</param>
/// <param name="WindowGroupings">Entities whose own first or last moment counts.</param>
public sealed record NonAdditiveDimension(string Name, bool WindowChoiceMax, ImmutableArray<string> WindowGroupings);
