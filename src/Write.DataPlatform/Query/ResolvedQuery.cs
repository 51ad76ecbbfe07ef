using System.Collections.Immutable;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query;

/// <summary>A query whose every name is known and every rule kept.</summary>
internal sealed record ResolvedQuery
{
    public required MetricQuery Query { get; init; }

    public required MetricModel Model { get; init; }

    public required TimeZoneInfo Zone { get; init; }

    public required ResolvedRange Range { get; init; }

    /// <summary>The group-by columns of the answer in order.</summary>
    public required ImmutableArray<KeyColumn> Keys { get; init; }

    public required ImmutableArray<MetricColumn> Metrics { get; init; }

    public required ImmutableArray<Leaf> Leaves { get; init; }

    /// <summary>What percents are of.</summary>
    public ImmutableArray<Share> Shares { get; init; } = [];

    /// <summary>Whether it is the plan of a query's totals, which the modifiers have none of.</summary>
    public bool AreTotals { get; init; }

    /// <summary>The query's having, its values in the columns' types.</summary>
    public required Filter? Having { get; init; }

    /// <summary>The values in <see cref="Order"/> of the last row given already; null for none.</summary>
    public ImmutableArray<object?>? After { get; init; }

    /// <summary>The columns that order the rows; no two rows are equal in all of them.</summary>
    public ImmutableArray<QueryOrder> Order =>
        [.. Query.OrderBy.DistinctBy(o => o.Field), .. Keys.Where(k => Query.OrderBy.All(o => o.Field != k.Name)).Select(k => new QueryOrder(k.Name, Descending: false))];

    /// <summary>The key that compare and fill walk along, if there is one.</summary>
    public KeyColumn? TimeKey => Keys.FirstOrDefault(k => k.IsTime);
}

/// <summary>A group-by column.</summary>
/// <param name="Name">Its name in the answer.</param>
/// <param name="Grain">The bucket, for a time field.</param>
/// <param name="IsMetricTime">Whether it is <c>metric_time</c>.</param>
/// <param name="Label">For people.</param>
internal sealed record KeyColumn(string Name, TimeGrain? Grain, bool IsMetricTime, string? Label)
{
    /// <summary>Whether it is the time of every metric, as <c>metric_time</c> or under its own name.</summary>
    public bool IsTime { get; init; }

    /// <summary>Whether it is no bucket of a metric's time and yet follows from it: a part of its date, or a granularity of the model's own.</summary>
    public bool FollowsFromTime { get; init; }

    /// <summary>The type of its values; null if it is not known.</summary>
    public ColumnKind? Kind { get; init; }

    /// <summary>The name with the whole path to the element and with the grain, as MetricFlow names the column.</summary>
    public required string FullName { get; init; }

    /// <summary>The columns of its least and its greatest value.</summary>
    public (string Min, string Max) Ends => EndsOf(Name);

    /// <summary>The same by their full names.</summary>
    public (string Min, string Max) FullEnds => EndsOf(FullName);

    private static (string Min, string Max) EndsOf(string name) => (name + "__min", name + "__max");
}

/// <summary>A metric of the answer.</summary>
/// <param name="Metric">The metric.</param>
/// <param name="Current">Its value.</param>
/// <param name="Previous">What it is compared with.</param>
internal sealed record MetricColumn(Metric Metric, MetricNode Current, MetricNode? Previous)
{
    public ImmutableArray<ModifierColumn> Modifiers { get; init; } = [];

    public string PreviousName => Metric.Name + "__previous";

    public string DeltaName => Metric.Name + "__delta";

    public string RatioName => Metric.Name + "__ratio";

    public IEnumerable<string> Names =>
        Current is JourneyNode journey ? journey.Columns.Select(c => c.Name)
        : (Previous is null ? [Metric.Name] : new[] { Metric.Name, PreviousName, DeltaName, RatioName }).Concat(Modifiers.Select(m => m.Name));
}
