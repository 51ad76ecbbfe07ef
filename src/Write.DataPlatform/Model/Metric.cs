using System.Collections.Immutable;

namespace Write.DataPlatform.Model;

/// <summary>A number that the business knows by name.</summary>
public abstract record Metric
{
    /// <summary>The unique name.</summary>
    public required string Name { get; init; }

    /// <summary>The label for people.</summary>
    public string? Label { get; init; }

    /// <summary>What it means.</summary>
    public string? Description { get; init; }

    /// <summary>The unit for people, such as <c>seconds</c> or <c>EUR</c>.</summary>
    public string? Unit { get; init; }

    /// <summary>Who answers for the definition, such as a team; for people.</summary>
    public string? Owner { get; init; }

    /// <summary>A .NET (and Excel) number format such as <c>#,0</c>.</summary>
    public string? Format { get; init; }

    /// <summary>The grain of <c>metric_time</c> where a query names none; day, or what is stored if that is coarser, if null.</summary>
    public TimeGrain? TimeGranularity { get; init; }

    /// <summary>The metric's own filter, which applies to every input.</summary>
    public Filter? Filter { get; init; }

    /// <summary>Where it is written.</summary>
    public required SourcePosition Source { get; init; }

    /// <summary>The metrics it is computed from, directly.</summary>
    public virtual IEnumerable<MetricInput> Inputs => [];

    /// <summary>The measures it is computed from, directly.</summary>
    public virtual IEnumerable<MeasureInput> MeasureInputs => [];
}

/// <summary>A measure as a metric uses it.</summary>
/// <param name="Measure">The measure's name.</param>
/// <param name="Filter">A filter of this use alone.</param>
/// <param name="JoinToTimeSpine">Whether buckets with no rows appear.</param>
/// <param name="FillNullsWith">The value for a group with no rows; null leaves it null.</param>
public sealed record MeasureInput(string Measure, Filter? Filter = null, bool JoinToTimeSpine = false, long? FillNullsWith = null);

/// <summary>A metric as another metric uses it.</summary>
/// <param name="Metric">The metric's name.</param>
/// <param name="Alias">Its name inside the expression; the metric's own if null.</param>
/// <param name="Filter">A filter of this use alone.</param>
/// <param name="OffsetWindow">The value that long ago.</param>
/// <param name="OffsetToGrain">The value at the start of this grain.</param>
/// <param name="CustomOffset">The value that many periods of the model's own ago, instead of <paramref name="OffsetWindow"/>.</param>
public sealed record MetricInput(
    string Metric, string? Alias = null, Filter? Filter = null, CalendarPeriod? OffsetWindow = null, TimeGrain? OffsetToGrain = null, CustomPeriod? CustomOffset = null)
{
    /// <summary>The name that stands for it inside an expression.</summary>
    public string NameInExpression => Alias ?? Metric;
}

/// <summary>One measure.</summary>
public sealed record SimpleMetric : Metric
{
    /// <summary>The measure.</summary>
    public required MeasureInput Measure { get; init; }

    /// <inheritdoc />
    public override IEnumerable<MeasureInput> MeasureInputs => [Measure];
}

/// <summary>One metric over another, as a double; division by zero gives null.</summary>
public sealed record RatioMetric : Metric
{
    /// <summary>What is divided.</summary>
    public required MetricInput Numerator { get; init; }

    /// <summary>By what.</summary>
    public required MetricInput Denominator { get; init; }

    /// <inheritdoc />
    public override IEnumerable<MetricInput> Inputs => [Numerator, Denominator];
}

/// <summary>An SQL expression over other metrics' values; <c>/</c> divides as doubles.</summary>
public sealed record DerivedMetric : Metric
{
    /// <summary>The expression; identifiers are the inputs' <see cref="MetricInput.NameInExpression"/>.</summary>
    public required string Expr { get; init; }

    /// <summary>The inputs.</summary>
    public required ImmutableArray<MetricInput> Metrics { get; init; }

    /// <inheritdoc />
    public override IEnumerable<MetricInput> Inputs => Metrics;
}

/// <summary>Which of the values inside a coarser bucket stands for it.</summary>
public enum PeriodAggregation
{
    /// <summary>The first.</summary>
    First,

    /// <summary>The last.</summary>
    Last,

    /// <summary>The mean.</summary>
    Average,
}

/// <summary>A measure accumulated over time.</summary>
public sealed record CumulativeMetric : Metric
{
    /// <summary>The measure.</summary>
    public required MeasureInput Measure { get; init; }

    /// <summary>The trailing window (t − window, t]; null for all time or <see cref="GrainToDate"/>.</summary>
    public CalendarPeriod? Window { get; init; }

    /// <summary>Accumulates from the start of this grain.</summary>
    public TimeGrain? GrainToDate { get; init; }

    /// <summary>How a coarser bucket is made.</summary>
    public PeriodAggregation PeriodAggregation { get; init; } = PeriodAggregation.First;

    /// <inheritdoc />
    public override IEnumerable<MeasureInput> MeasureInputs => [Measure];
}

/// <summary>How many base events led to a conversion event of the same entity.</summary>
public sealed record ConversionMetric : Metric
{
    /// <summary>The base events.</summary>
    public required MeasureInput BaseMeasure { get; init; }

    /// <summary>The conversions.</summary>
    public required MeasureInput ConversionMeasure { get; init; }

    /// <summary>The entity both share.</summary>
    public required string Entity { get; init; }

    /// <summary>Whether the result is the rate and not the number of conversions.</summary>
    public bool IsRate { get; init; } = true;

    /// <summary>How long after the base event a conversion counts; null for ever.</summary>
    public CalendarPeriod? Window { get; init; }

    /// <summary>Properties that must be equal in both events: base, conversion.</summary>
    public ImmutableArray<(string Base, string Conversion)> ConstantProperties { get; init; } = [];

    /// <inheritdoc />
    public override IEnumerable<MeasureInput> MeasureInputs => [BaseMeasure, ConversionMeasure];
}

/// <summary>Ordered steps of one entity, within a window from the first (ours).</summary>
public sealed record FunnelMetric : Metric
{
    /// <summary>The entity that goes through the steps.</summary>
    public required string Entity { get; init; }

    /// <summary>The steps in order: a name and the measure whose events are the step.</summary>
    public required ImmutableArray<(string Name, MeasureInput Measure)> Steps { get; init; }

    /// <summary>Events that end a passage.</summary>
    public ImmutableArray<MeasureInput> Exclusions { get; init; } = [];

    /// <summary>From the first step to the last; null for ever.</summary>
    public CalendarPeriod? Window { get; init; }

    /// <summary>Whether no other event may lie between steps.</summary>
    public bool IsStrict { get; init; }

    /// <inheritdoc />
    public override IEnumerable<MeasureInput> MeasureInputs => [.. Steps.Select(s => s.Measure), .. Exclusions];
}

/// <summary>Who of a cohort comes back (ours).</summary>
public sealed record RetentionMetric : Metric
{
    /// <summary>The entity that comes back.</summary>
    public required string Entity { get; init; }

    /// <summary>The events that make a cohort.</summary>
    public required MeasureInput CohortMeasure { get; init; }

    /// <summary>The events that count as coming back.</summary>
    public required ImmutableArray<MeasureInput> ReturnMeasures { get; init; }

    /// <summary>Day, week or month.</summary>
    public TimeGrain Period { get; init; } = TimeGrain.Day;

    /// <summary>Whether only an entity's first occurrence makes a cohort.</summary>
    public bool FirstOccurrenceOnly { get; init; } = true;

    /// <inheritdoc />
    public override IEnumerable<MeasureInput> MeasureInputs => [CohortMeasure, .. ReturnMeasures];
}
