using System.Collections.Immutable;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query;

/// <summary>The one question that every front door asks: metrics by dimensions over time.</summary>
public sealed record MetricQuery
{
    /// <summary>The metrics' names; none lists the distinct values of <see cref="GroupBy"/>.</summary>
    public ImmutableArray<string> Metrics { get; init; } = [];

    /// <summary>What is computed from metrics' values over all groups. A metric named here alone is given as well, after <see cref="Metrics"/>.</summary>
    public ImmutableArray<MetricModifier> Modifiers { get; init; } = [];

    /// <summary>Every metric of the answer.</summary>
    internal ImmutableArray<string> AllMetrics => [.. Metrics, .. Modifiers.Select(m => m.Metric).Distinct().Except(Metrics)];

    /// <summary>Where one of <see cref="AllMetrics"/> is written: at its own place, or only in a modifier.</summary>
    internal string PathOf(int metric)
    {
        var place = metric < Metrics.Length
            ? Enumerable.Range(0, metric + Modifiers.Length + 1).Where(p => Modifiers.All(m => m.Position != p)).ElementAt(metric)
            : Modifiers.First(m => m.Metric == AllMetrics[metric]).Position;
        return $"metrics[{place}]";
    }

    /// <summary>The fields to group by, in MetricFlow's spelling.</summary>
    public ImmutableArray<FieldName> GroupBy { get; init; } = [];

    /// <summary>Which rows count, before aggregation.</summary>
    public Filter? Where { get; init; }

    /// <summary>Which groups are shown, after aggregation; its fields are metrics (and <c>__previous</c>, <c>__delta</c>, <c>__ratio</c> columns) or group-by fields.</summary>
    public Filter? Having { get; init; }

    /// <summary>When; null for all time.</summary>
    public TimeRange? TimeRange { get; init; }

    /// <summary>The zone that cuts buckets and reads dates; the model's if null.</summary>
    public TimeZoneInfo? TimeZone { get; init; }

    /// <summary>What to compare with.</summary>
    public Comparison? Compare { get; init; }

    /// <summary>The order; ties are broken by the group-by columns in their own order.</summary>
    public ImmutableArray<QueryOrder> OrderBy { get; init; } = [];

    /// <summary>The most rows to give; null for all.</summary>
    public int? Limit { get; init; }

    /// <summary>Where the page before ended, as its answer said; null for the first page.</summary>
    public string? Cursor { get; init; }

    /// <summary>Whether the least and the greatest value of the one field are asked for, instead of all values.</summary>
    public bool MinMax { get; init; }

    /// <summary>Whether every bucket of the time range appears for every combination of dimension values.</summary>
    public bool Fill { get; init; }

    /// <summary>Whether the totals over all groups are given as well.</summary>
    public bool Totals { get; init; }

    /// <summary>Who may answer.</summary>
    public QuerySource Source { get; init; }

    /// <summary>The tenant whose rows are asked for; null for all rows. Set by policy, never taken from a tenant's own request.</summary>
    public string? Tenant { get; init; }

    /// <summary>The names that exist for who asks, and a role's rows; null for all. Set by policy, never taken from a request.</summary>
    internal QueryScope? Scope { get; init; }
}

/// <summary>A column computed from a metric's values over all groups, before <c>having</c> and <c>limit</c>.</summary>
/// <param name="Metric">The metric's name.</param>
/// <param name="As">What the column says.</param>
/// <param name="Within">The fields, each grouped by, whose values each have a total or a ranking of their own; none for one over all.</param>
/// <param name="Position">Where it stands among the written metrics.</param>
public sealed record MetricModifier(string Metric, ModifierKind As, ImmutableArray<FieldName> Within, int Position);

/// <summary>What is computed from a metric's values.</summary>
public enum ModifierKind
{
    /// <summary>The value as a share of what the metric is for all groups of the partition together.</summary>
    PercentOfTotal,

    /// <summary>One more than how many groups of the partition have a greater value; nulls come last.</summary>
    Rank,

    /// <summary>What the metric is for all times up to the row's.</summary>
    RunningTotal,
}

/// <summary>Who may answer a query.</summary>
public enum QuerySource
{
    /// <summary>Gold where it covers, the lake for the rest.</summary>
    Auto,

    /// <summary>Gold alone, or an error that says what is missing.</summary>
    Gold,

    /// <summary>The lake alone.</summary>
    Lake,
}

/// <summary>One key of an order.</summary>
/// <param name="Field">A column of the answer.</param>
/// <param name="Descending">Whether the greatest comes first. Nulls come last either way.</param>
public sealed record QueryOrder(string Field, bool Descending);

/// <summary>When: one of an absolute range, the last so long, or from a grain's start to now.</summary>
public abstract record TimeRange;

/// <summary>From, included, to, excluded; null is open. Dates and times without an offset are in the query's zone.</summary>
/// <param name="From">The start.</param>
/// <param name="To">The end.</param>
public sealed record AbsoluteTimeRange(TimePoint? From, TimePoint? To) : TimeRange;

/// <summary>
/// The last N calendar units up to and including the current, unfinished one: <c>P12M</c> in November gives December to November,
/// <c>P30D</c> ends with today.
/// </summary>
/// <param name="Length">How many of which unit; positive.</param>
public sealed record LastTimeRange(CalendarPeriod Length) : TimeRange;

/// <summary>From the start of the current grain to the end of today: <c>year</c> is the year to date.</summary>
/// <param name="Grain">Day or coarser.</param>
public sealed record ToDateTimeRange(TimeGrain Grain) : TimeRange;

/// <summary>A date, a local time or an instant, as a caller writes it.</summary>
/// <param name="Local">The date and time on the clock of the query's zone, or, with <paramref name="Offset"/>, of that offset.</param>
/// <param name="Offset">The offset from UTC, if it was given.</param>
public readonly record struct TimePoint(DateTime Local, TimeSpan? Offset)
{
    /// <summary>Midnight of a date in the query's zone.</summary>
    public static TimePoint FromDate(DateOnly date) => new(date.ToDateTime(TimeOnly.MinValue), null);

    /// <inheritdoc />
    public override string ToString() =>
        Offset is { } offset
            ? new DateTimeOffset(Local, offset).ToString("O", System.Globalization.CultureInfo.InvariantCulture)
            : Local.ToString(Local.TimeOfDay == TimeSpan.Zero ? "yyyy-MM-dd" : "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF", System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>What each value is compared with: the same metrics over an earlier range.</summary>
/// <param name="To">Which range.</param>
/// <param name="Offset">For <see cref="ComparisonKind.Offset"/>: how far back.</param>
/// <param name="AlignToDate">Whether the earlier range is cut where the current one's data ends.</param>
public sealed record Comparison(ComparisonKind To, CalendarPeriod? Offset = null, bool AlignToDate = false);

/// <summary>Which earlier range.</summary>
public enum ComparisonKind
{
    /// <summary>The range of the same length just before.</summary>
    PreviousPeriod,

    /// <summary>The same calendar range a year before (ISO weeks when the grain is week).</summary>
    PreviousYear,

    /// <summary>The range a given length before.</summary>
    Offset,
}
