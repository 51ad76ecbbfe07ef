using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Write.DataPlatform.Model;

/// <summary>How much an alert matters.</summary>
public enum Severity
{
    /// <summary>Worth a look.</summary>
    Info,

    /// <summary>Somebody should act soon.</summary>
    Warning,

    /// <summary>Somebody should act now.</summary>
    Critical,
}

/// <summary>What an alert's value is held against.</summary>
public enum AlertReference
{
    /// <summary>Nothing: the value itself is judged.</summary>
    Value,

    /// <summary>The period just before.</summary>
    PreviousPeriod,

    /// <summary>The same period a year before; of weeks the same ISO week.</summary>
    PreviousYear,

    /// <summary>Mean and sample standard deviation of the periods before.</summary>
    Baseline,
}

/// <summary>In what the distance from a reference is measured.</summary>
public enum AlertMeasure
{
    /// <summary>In the metric's own unit.</summary>
    Absolute,

    /// <summary>In percent of the reference's magnitude.</summary>
    Percent,

    /// <summary>In standard deviations of the baseline.</summary>
    Deviations,
}

/// <summary>Which period an alert judges.</summary>
public enum AlertPeriod
{
    /// <summary>The last one that is over, if the data reaches to its end.</summary>
    Complete,

    /// <summary>The one that is not over; it is compared with the same part of an earlier one.</summary>
    Current,
}

/// <summary>When a value is a matter for alarm: above or below a limit, both exclusive.</summary>
/// <param name="Above">Alarm above this; null for never.</param>
/// <param name="Below">Alarm below this; null for never.</param>
/// <param name="Against">What the value is held against.</param>
/// <param name="By">In what the distance is measured; of no meaning for <see cref="AlertReference.Value"/>.</param>
/// <param name="Periods">How many periods make the baseline.</param>
public sealed record AlertCondition(double? Above, double? Below, AlertReference Against, AlertMeasure By, int Periods);

/// <summary>How old data may be.</summary>
/// <param name="GoldTable">The gold table whose last refresh is looked at.</param>
/// <param name="Stream">The stream whose lag is looked at.</param>
/// <param name="OlderThan">Alarm beyond this; null for the table's own objective, or the streams' greatest lag.</param>
public sealed record FreshnessTarget(string? GoldTable, string? Stream, TimeSpan? OlderThan);

/// <summary>A rule that is evaluated by a schedule and tells of what breaks it.</summary>
public sealed record Alert
{
    /// <summary>The unique name, in kebab-case; it is the route's last part.</summary>
    public required string Name { get; init; }

    /// <summary>What it means and what to do.</summary>
    public string? Description { get; init; }

    /// <summary>How much it matters.</summary>
    public Severity Severity { get; init; } = Severity.Warning;

    /// <summary>The metric judged; null for the insight's only one, or for freshness.</summary>
    public string? Metric { get; init; }

    /// <summary>The insight whose question is asked; null if the alert has its own.</summary>
    public string? Insight { get; init; }

    /// <summary>The insight's parameters.</summary>
    public ImmutableSortedDictionary<string, ImmutableArray<string>> Parameters { get; init; } = ImmutableSortedDictionary<string, ImmutableArray<string>>.Empty;

    /// <summary>Which rows count.</summary>
    public Filter? Where { get; init; }

    /// <summary>Dimensions whose every combination of values is judged by itself.</summary>
    public ImmutableArray<FieldName> GroupBy { get; init; } = [];

    /// <summary>The length of the period; null for the insight's own or a day.</summary>
    public TimeGrain? Grain { get; init; }

    /// <summary>The zone that cuts periods; the model's if null.</summary>
    public TimeZoneInfo? TimeZone { get; init; }

    /// <summary>Which period is judged.</summary>
    public AlertPeriod Period { get; init; }

    /// <summary>How long after its end a period counts as over.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>How long before the period's end the data may end; null for an hour, and for periods below a day for a tenth.</summary>
    public TimeSpan? AllowedGap { get; init; }

    /// <summary>What must be fresh; null if a metric is judged.</summary>
    public FreshnessTarget? Freshness { get; init; }

    /// <summary>The condition; null for freshness.</summary>
    public AlertCondition? Condition { get; init; }

    /// <summary>When it is evaluated.</summary>
    public required Schedule Schedule { get; init; }

    /// <summary>How many evaluations in a row must break the rule before it is told.</summary>
    public int For { get; init; } = 1;

    /// <summary>The tenant whose rows are judged, and whose keys see it; null for the whole company.</summary>
    public string? Tenant { get; init; }

    /// <summary>The configured channel that is told; null for nobody.</summary>
    public string? Channel { get; init; }

    /// <summary>Where it is written.</summary>
    public required SourcePosition Source { get; init; }
}

/// <summary>The formats of reports.</summary>
public enum ReportFormat
{
    /// <summary>Comma-separated values with a header.</summary>
    Csv,

    /// <summary>A picture.</summary>
    Svg,

    /// <summary>The contract's JSON.</summary>
    Json,
}

/// <summary>An answer that is sent by a schedule.</summary>
public sealed record Report
{
    /// <summary>The unique name, in kebab-case.</summary>
    public required string Name { get; init; }

    /// <summary>What it is.</summary>
    public string? Description { get; init; }

    /// <summary>The insight that is asked; null if the report has a query.</summary>
    public string? Insight { get; init; }

    /// <summary>The insight's parameters.</summary>
    public ImmutableSortedDictionary<string, ImmutableArray<string>> Parameters { get; init; } = ImmutableSortedDictionary<string, ImmutableArray<string>>.Empty;

    /// <summary>The metric query in the HTTP contract's JSON form (camelCase keys); null if an insight is asked.</summary>
    public JsonObject? Query { get; init; }

    /// <summary>The format.</summary>
    public ReportFormat Format { get; init; }

    /// <summary>When it is sent.</summary>
    public required Schedule Schedule { get; init; }

    /// <summary>The tenant whose rows it holds, and whose keys see it; null for the whole company.</summary>
    public string? Tenant { get; init; }

    /// <summary>The configured channel it is sent to.</summary>
    public required string Channel { get; init; }

    /// <summary>Where it is written.</summary>
    public required SourcePosition Source { get; init; }
}
