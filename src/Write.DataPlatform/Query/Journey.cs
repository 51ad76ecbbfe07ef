using System.Collections.Immutable;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Query;

/// <summary>A metric that follows entities from event to event: a funnel or a retention.</summary>
/// <param name="Metric">The metric.</param>
/// <param name="Events">Its measures' rows in the order of <see cref="Metric.MeasureInputs"/>, each with its fact's leaf.</param>
internal sealed record JourneyNode(Metric Metric, ImmutableArray<(int LeafIndex, MeasureState State)> Events) : MetricNode
{
    /// <summary>The key that the metric adds to the query's own.</summary>
    public string Key => Metric.Name + (Metric is FunnelMetric ? "__step" : "__period");

    public string KeyLabel => Metric is RetentionMetric retention ? retention.Period switch { TimeGrain.Day => "Days later", TimeGrain.Week => "Weeks later", _ => "Months later" } : "Step";

    /// <summary>The columns of its values.</summary>
    public ImmutableArray<JourneyColumn> Columns => Metric is FunnelMetric
        ?
        [
            new(Metric.Name, Metric.Label, Metric.Unit, Metric.Format, ColumnKind.Int64),
            new(Metric.Name + "__from_previous", "From the previous step", null, "0.0%", ColumnKind.Double),
            new(Metric.Name + "__from_first", "From the first step", null, "0.0%", ColumnKind.Double),
            new(Metric.Name + "__drop_off", "Lost since the previous step", Metric.Unit, Metric.Format, ColumnKind.Int64),
            new(Metric.Name + "__median_seconds", "Median time from the first step", "seconds", "#,0", ColumnKind.Double),
            new(Metric.Name + "__p90_seconds", "90th percentile of the time from the first step", "seconds", "#,0", ColumnKind.Double),
        ]
        :
        [
            new(Metric.Name, Metric.Label, Metric.Unit, Metric.Format, ColumnKind.Int64),
            new(Metric.Name + "__cohort", "Size of the cohort", Metric.Unit, Metric.Format, ColumnKind.Int64),
            new(Metric.Name + "__rate", "Share of the cohort", null, "0.0%", ColumnKind.Double),
        ];
}

/// <summary>A column of a funnel or retention.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Label">For people.</param>
/// <param name="Unit">For people.</param>
/// <param name="Format">A number format.</param>
/// <param name="Kind">Its type.</param>
internal sealed record JourneyColumn(string Name, string? Label, string? Unit, string? Format, ColumnKind Kind);

/// <summary>How a <see cref="JourneyNode"/> is computed: one statement of the lake, whose few rows a group become the answer's in the finish.</summary>
/// <param name="Node">The metric.</param>
/// <param name="Leaves">The facts' leaves; the first has the first event and the query's group-by.</param>
/// <param name="Range">The query's range, in which the first event lies.</param>
/// <param name="Where">The query's filter, as it is written, which the first event passes.</param>
internal abstract record Journey(JourneyNode Node, ImmutableArray<Leaf> Leaves, ResolvedRange Range, Filter? Where)
{
    /// <summary>The answer's column that puts the rows of a group in order; not shown.</summary>
    public const string Order = "__order";

    protected const string Entity = "__entity";
    protected const string Time = "__time";
    protected static readonly SqlLiteral Zero = new(0L);
    protected static readonly SqlLiteral One = new(1L);

    protected ImmutableArray<string> Keys => [.. Leaves[0].GroupBy.Select(g => g.Column)];

    /// <param name="node">The metric.</param>
    /// <param name="leaves">The leaves of its events.</param>
    /// <param name="range">The query's range.</param>
    /// <param name="upToToday">The range as far as today.</param>
    /// <param name="query">The query.</param>
    /// <param name="report">Takes the code, the text and the place of what cannot be computed.</param>
    public static Journey Of(JourneyNode node, ImmutableArray<Leaf> leaves, ResolvedRange range, ResolvedRange upToToday, MetricQuery query, Action<string, string, string> report)
    {
        var name = node.Metric.Name;
        if (query.Metrics.Length > 1)
        {
            report(QueryProblems.MetricStandsAlone, $"{name} adds the key {node.Key}, which other metrics do not have; ask for it alone.", "metrics");
        }

        if (query.GroupBy.Any(field => field.ToString() == node.Key))
        {
            report(QueryProblems.Duplicate, $"{node.Key} is the key that {name} adds, and is grouped by.", "groupBy");
        }

        foreach (var (isAsked, option) in new[] { (query.Compare is not null, "compare"), (query.Fill, "fill"), (query.Totals, "totals"), (!query.Modifiers.IsDefaultOrEmpty, "metrics") })
        {
            if (isAsked)
            {
                report(QueryProblems.OptionNotSupported, $"{option} is not computed for {name}, which follows entities from event to event.", option);
            }
        }

        if (node.Metric is not FunnelMetric funnel)
        {
            return new Retention(node, leaves, range, query.Where, range.To is null ? null : upToToday.To);
        }

        var isInstant = Leaf.IsInstant(leaves[0].AggTime);
        if (leaves.FirstOrDefault(l => Leaf.IsInstant(l.AggTime) != isInstant) is { } other)
        {
            report(
                QueryProblems.TimesDoNotMeet,
                $"{name} orders events of {leaves[0].Fact.Name} and {other.Fact.Name}, of which one is known by the instant and the other by the date: which came first within a day cannot be told.",
                "metrics");
        }
        else if (!isInstant && funnel.Window?.Grain < TimeGrain.Day)
        {
            report(QueryProblems.GrainTooFine, $"{name} has a window of {funnel.Window}, and its events are known by the date only.", "metrics");
        }

        return new Funnel(node, leaves, range, query.Where);
    }

    /// <summary>The lake's statement.</summary>
    public abstract SqlSelect Compile();

    /// <summary>The answer's rows with <see cref="Order"/>, out of the lake's.</summary>
    /// <param name="writer">The finish's writer.</param>
    /// <param name="keys">The query's group-by columns.</param>
    /// <param name="source">What stands after FROM for the lake's rows.</param>
    public abstract string Answer(SqlWriter writer, IReadOnlyList<string> keys, string source);

    /// <summary><see cref="Order"/> of a value of the key that the metric adds.</summary>
    public abstract long OrderOf(object? key);

    /// <summary>1 where a condition holds, else 0.</summary>
    protected static SqlExpression Flag(params IEnumerable<SqlExpression> conditions) => SqlExpression.And(conditions.Where(c => c is not SqlLiteral { Value: true })) switch
    {
        SqlLiteral { Value: true } => One,
        SqlLiteral { Value: false } => Zero,
        var condition => new SqlCase([(condition, One)], Zero),
    };

    /// <summary>What an event has to meet to be the first.</summary>
    protected IEnumerable<SqlExpression> First(LeafExpressions events) =>
        [.. events.InRange(Range), .. Where is null ? [] : new[] { events.Condition(Leaves[0].StateFilters[Where]) }];

    /// <summary>The columns of a relation as they are, and more.</summary>
    protected static SqlSelect Extend(SqlRelation relation, IEnumerable<string> columns, params IEnumerable<SqlProjection> more) =>
        new([.. columns.Select(c => new SqlProjection(Column(c), c)), .. more], relation, "e");

    protected static SqlColumn Column(string name) => new("e", name);

    protected static SqlRelation Union(ImmutableArray<SqlSelect> parts) => parts.Length == 1 ? parts[0] : new SqlUnionAll(parts);

    protected static string Quote(string identifier) => DuckDbDialect.Instance.Quote(identifier);
}
