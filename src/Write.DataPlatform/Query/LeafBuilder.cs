using System.Collections.Immutable;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query;

/// <summary>Collects the states that metrics need, one draft a (fact, aggregation time, shift), and gives the tree that computes each metric from them.</summary>
internal sealed class LeafBuilder(MetricModel model)
{
    private readonly List<LeafDraft> _drafts = [];

    public IReadOnlyList<LeafDraft> Drafts => _drafts;

    /// <summary>Why some metric cannot be computed; empty if all can.</summary>
    public List<QueryProblem> Problems { get; } = [];

    public MetricNode? Add(Metric metric, TimeShift? shift, string path) => Add(metric, null, shift, path);

    private MetricNode? Add(Metric metric, Filter? outer, TimeShift? shift, string path)
    {
        var filter = Filter.And(outer, metric.Filter);
        switch (metric)
        {
            case SimpleMetric simple:
                return Add(simple.Measure, filter, shift, path);
            case RatioMetric ratio:
                var numerator = Add(ratio.Numerator, filter, shift, path);
                var denominator = Add(ratio.Denominator, filter, shift, path);
                return numerator is null || denominator is null ? null : new RatioNode(numerator, denominator);
            case DerivedMetric derived:
                var inputs = derived.Metrics.Select(input => (input.NameInExpression, Node: Add(input, filter, shift, path))).ToList();
                return inputs.All(i => i.Node is not null)
                    ? new DerivedNode(derived.Expr, inputs.ToImmutableDictionary(i => i.NameInExpression, i => i.Node!, StringComparer.OrdinalIgnoreCase))
                    : null;
            default:
                Problems.Add(new QueryProblem(
                    QueryProblems.MetricTypeNotSupported, $"{metric.Name} is a {TypeName(metric)} metric, which this version reads but does not compute.", path));
                return null;
        }
    }

    private MetricNode? Add(MetricInput input, Filter? outer, TimeShift? shift, string path)
    {
        if (input.OffsetToGrain is not null || (input.OffsetWindow is not null && shift is not null))
        {
            Problems.Add(new QueryProblem(
                QueryProblems.MetricTypeNotSupported,
                input.OffsetToGrain is not null
                    ? $"{input.Metric} is used with offset_to_grain, which this version reads but does not compute."
                    : $"{input.Metric} is used with an offset inside another offset or a comparison, which this version does not compute.",
                path));
            return null;
        }

        var own = input.OffsetWindow is { } window ? new TimeShift(window) : shift;
        return Add(model.Metrics[input.Metric], Filter.And(outer, input.Filter), own, path);
    }

    private MeasureNode? Add(MeasureInput input, Filter? outer, TimeShift? shift, string path)
    {
        var measure = model.Measures[input.Measure];
        if (measure.Aggregation == Aggregation.ApproxCountDistinct)
        {
            Problems.Add(new QueryProblem(
                QueryProblems.MetricTypeNotSupported,
                $"{measure.Name} is an approximate distinct count, which this version reads but does not compute.",
                path));
            return null;
        }

        var fact = model.SemanticModels[measure.SemanticModel];
        var draft = _drafts.Find(d => d.Fact.Name == fact.Name && d.AggTime.Name == measure.AggTimeDimension && d.Shift == shift);
        if (draft is null)
        {
            draft = new LeafDraft(_drafts.Count, fact, fact.Dimensions[measure.AggTimeDimension], shift);
            _drafts.Add(draft);
        }

        var filter = Filter.And(outer, input.Filter);
        draft.Paths.Add(path);
        return new MeasureNode(
            draft.Index,
            [.. MeasureState.For(measure.Aggregation).Select(kind => draft.State(measure, kind, filter))],
            measure.Aggregation,
            input.FillNullsWith);
    }

    private static string TypeName(Metric metric) => metric.GetType().Name.Replace("Metric", "", StringComparison.Ordinal).ToLowerInvariant();
}

/// <summary>A leaf before its group-by columns, range and filter are known.</summary>
internal sealed class LeafDraft(int index, SemanticModel fact, Dimension aggTime, TimeShift? shift)
{
    private readonly List<MeasureState> _states = [];

    public int Index { get; } = index;

    /// <summary>Where fields are looked for, if that is not the fact itself: every row of it meets every row of the fact.</summary>
    public SemanticModel? Listed { get; init; }

    public SemanticModel Fact { get; } = fact;

    public Dimension AggTime { get; } = aggTime;

    public TimeShift? Shift { get; } = shift;

    /// <summary>Where in the query the metrics stand that need it.</summary>
    public SortedSet<string> Paths { get; } = new(StringComparer.Ordinal);

    public IReadOnlyList<MeasureState> States => _states;

    public MeasureState State(Measure measure, StateKind kind, Filter? filter)
    {
        var state = new MeasureState(Fact, measure, kind, filter);
        var known = _states.Find(s => s.Name == state.Name);
        if (known is null)
        {
            _states.Add(state);
        }

        return known ?? state;
    }
}
