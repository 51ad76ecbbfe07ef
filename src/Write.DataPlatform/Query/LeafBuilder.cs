using System.Collections.Immutable;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query;

/// <summary>Collects the states that metrics need, one draft a (fact, aggregation time, shift, accumulation), and gives the tree that computes each metric from them.</summary>
internal sealed class LeafBuilder(MetricModel model)
{
    private readonly List<LeafDraft> _drafts = [];

    public IReadOnlyList<LeafDraft> Drafts => _drafts;

    /// <summary>Why some metric cannot be computed; empty if all can.</summary>
    public List<QueryProblem> Problems { get; } = [];

    public MetricNode? Add(Metric metric, TimeShift? shift, string path) =>
        metric is FunnelMetric or RetentionMetric ? Follow(metric, path) : Add(metric, new Use(null, shift, null, path));

    /// <summary>The events of a metric that follows entities: a fact each, the first of which takes the query's own group-by, range and filter.</summary>
    private JourneyNode Follow(Metric metric, string path)
    {
        var events = ImmutableArray.CreateBuilder<(int, MeasureState)>();
        foreach (var input in metric.MeasureInputs)
        {
            var measure = model.Measures[input.Measure];
            var draft = _drafts.Find(d => d.Role is not LeafRole.Measured && d.Fact.Name == measure.SemanticModel && d.AggTime.Name == measure.AggTimeDimension);
            if (draft is null)
            {
                var fact = model.SemanticModels[measure.SemanticModel];
                draft = new LeafDraft(_drafts.Count, fact, fact.Dimensions[measure.AggTimeDimension], null, null, null) { Role = events.Count == 0 ? LeafRole.Followed : LeafRole.Later };
                _drafts.Add(draft);
            }

            draft.Paths.Add(path);
            events.Add((draft.Index, draft.State(measure, StateKind.Rows, Filter.And(metric.Filter, input.Filter))));
        }

        return new JourneyNode(metric, events.ToImmutable());
    }

    private MetricNode? Add(Metric metric, Use use)
    {
        use = use with { Filter = Filter.And(use.Filter, metric.Filter) };
        switch (metric)
        {
            case SimpleMetric simple:
                return Add(simple.Measure, use, use.AtStartOf is { } grain ? new Accumulation(null, null, grain, default) : null);
            case RatioMetric ratio:
                var numerator = Add(ratio.Numerator, use);
                var denominator = Add(ratio.Denominator, use);
                return numerator is null || denominator is null ? null : new RatioNode(numerator, denominator);
            case DerivedMetric derived:
                var inputs = derived.Metrics.Select(input => (input.NameInExpression, Node: Add(input, use))).ToList();
                return inputs.All(i => i.Node is not null)
                    ? new DerivedNode(derived.Expr, inputs.ToImmutableDictionary(i => i.NameInExpression, i => i.Node!, StringComparer.OrdinalIgnoreCase))
                    : null;
            case CumulativeMetric cumulative when use.AtStartOf is null:
                return Add(cumulative.Measure, use, new Accumulation(cumulative.Window, cumulative.GrainToDate, null, cumulative.PeriodAggregation));
            case ConversionMetric conversion when use.AtStartOf is null:
                var converted = Convert(conversion, use);
                var based = conversion.IsRate ? Add(conversion.BaseMeasure, use, null) : null;
                return !conversion.IsRate || converted is null ? converted : based is null ? null : new RatioNode(converted, based);
            case CumulativeMetric or ConversionMetric:
                return Refuse($"{metric.Name} has a value for whole ranges of time, and offset_to_grain of such a metric is not computed.", use);
            case FunnelMetric or RetentionMetric:
                return Refuse($"{metric.Name} is a {TypeName(metric)} metric, which has several rows a group and is no input of another metric.", use);
            default:
                return Refuse($"{metric.Name} is a {TypeName(metric)} metric, which this version reads but does not compute.", use);
        }
    }

    private MetricNode? Add(MetricInput input, Use use)
    {
        if (input.OffsetToGrain is not null && use.AtStartOf is not null)
        {
            return Refuse($"{input.Metric} is used with offset_to_grain inside another offset_to_grain, which is not computed.", use);
        }

        if ((input.OffsetWindow is not null || input.CustomOffset is not null) && use.AtStartOf is not null)
        {
            return Refuse($"{input.Metric} is used with offset_window inside an offset_to_grain, which is not computed.", use);
        }

        var offset = input.OffsetWindow is { } window ? TimeShift.By(window) : null;
        if (input.CustomOffset is { } own)
        {
            var granularity = CustomGranularity.Of(model.Granularity(own))!;
            if (granularity.Spine.Grain != TimeGrain.Day)
            {
                return Refuse($"{input.Metric} is used with an offset of {own}, and periods that are not cut by a time spine of days move nothing.", use);
            }

            offset = TimeShift.By(new OwnPeriod(own.Count, granularity));
        }

        return Add(model.Metrics[input.Metric], use with
        {
            Filter = Filter.And(use.Filter, input.Filter),
            Shift = offset is null ? use.Shift : offset.FollowedBy(use.Shift),
            AtStartOf = input.OffsetToGrain ?? use.AtStartOf,
        });
    }

    private MetricNode? Add(MeasureInput input, Use use, Accumulation? how)
    {
        var measure = model.Measures[input.Measure];
        if (how is not null && measure.NonAdditive is not null)
        {
            return Refuse($"{measure.Name} is semi-additive: it has a value at a moment and does not accumulate.", use);
        }

        if (use.Shift is { IsMixed: true })
        {
            return Refuse($"{measure.Name} would be moved by {use.Shift}: a shift by the clock and one by the calendar together are not computed.", use);
        }

        var fact = model.SemanticModels[measure.SemanticModel];
        var filter = Filter.And(use.Filter, input.Filter);
        // Which moments have no rows is a matter of one measure alone.
        var alone = input.JoinToTimeSpine ? measure.Name + FilterText.Of(filter) : null;
        var draft = _drafts.Find(d => d.Fact.Name == fact.Name && d.AggTime.Name == measure.AggTimeDimension && d.Shift == use.Shift && d.How == how && d.JoinedToTimeSpine == alone && d.Conversion is null);
        if (draft is null)
        {
            draft = new LeafDraft(_drafts.Count, fact, fact.Dimensions[measure.AggTimeDimension], use.Shift, how, alone);
            _drafts.Add(draft);
        }

        draft.Paths.Add(use.Path);
        return new MeasureNode(
            draft.Index,
            [.. MeasureState.For(measure).Select(kind => draft.State(measure, kind, filter))],
            measure.Aggregation,
            input.FillNullsWith);
    }

    private MetricNode? Convert(ConversionMetric metric, Use use)
    {
        var (events, measure) = (model.Measures[metric.BaseMeasure.Measure], model.Measures[metric.ConversionMeasure.Measure]);
        if (measure.NonAdditive is not null || MeasureState.For(measure) is [StateKind.Sketch or StateKind.Quantiles])
        {
            return Refuse($"{measure.Name} has no value for single conversions.", use);
        }

        if (use.Shift is { IsMixed: true })
        {
            return Refuse($"{metric.Name} would be moved by {use.Shift}: a shift by the clock and one by the calendar together are not computed.", use);
        }

        var fact = model.SemanticModels[events.SemanticModel];
        var asked = new AskedConversion(metric, Filter.And(use.Filter, metric.BaseMeasure.Filter));
        var draft = new LeafDraft(_drafts.Count, fact, fact.Dimensions[events.AggTimeDimension], use.Shift) { Conversion = asked };
        if (_drafts.Find(d => d.Conversion is { } other && d.Shift == use.Shift && ReferenceEquals(other.Metric, metric) && Equals(other.Filter, asked.Filter)) is { } known)
        {
            draft = known;
        }
        else
        {
            _drafts.Add(draft);
        }

        draft.Paths.Add(use.Path);
        return new MeasureNode(
            draft.Index,
            [.. MeasureState.For(measure).Select(kind => draft.State(measure, kind, null))],
            measure.Aggregation,
            metric.ConversionMeasure.FillNullsWith);
    }

    private MetricNode? Refuse(string message, Use use)
    {
        Problems.Add(new QueryProblem(QueryProblems.MetricTypeNotSupported, message, use.Path));
        return null;
    }

    private static string TypeName(Metric metric) => metric.GetType().Name.Replace("Metric", "", StringComparison.Ordinal).ToLowerInvariant();

    /// <summary>How a metric is used: the filters and offsets around it, and where in the query it stands.</summary>
    private sealed record Use(Filter? Filter, TimeShift? Shift, TimeGrain? AtStartOf, string Path);
}

/// <summary>A conversion metric and the filter of its base events.</summary>
internal sealed record AskedConversion(ConversionMetric Metric, Filter? Filter);

/// <summary>What a leaf's rows are for.</summary>
internal enum LeafRole
{
    /// <summary>They are grouped and measured.</summary>
    Measured,

    /// <summary>They are events by which entities are followed, the first of them among these; the query's own filter stands among its state filters.</summary>
    Followed,

    /// <summary>They are such events, and none of the first.</summary>
    Later,
}

/// <summary>A leaf before its group-by columns, range and filter are known.</summary>
internal sealed class LeafDraft(int index, SemanticModel fact, Dimension aggTime, TimeShift? shift, Accumulation? how = null, string? joinedToTimeSpine = null)
{
    private readonly List<MeasureState> _states = [];

    public int Index { get; } = index;

    /// <summary>Where fields are looked for, if that is not the fact itself: every row of it meets every row of the fact.</summary>
    public SemanticModel? Listed { get; init; }

    public SemanticModel Fact { get; } = fact;

    public Dimension AggTime { get; } = aggTime;

    public TimeShift? Shift { get; } = shift;

    public Accumulation? How { get; } = how;

    public LeafRole Role { get; init; }

    /// <summary>The one measure that the draft is for, if its moments without rows are to appear.</summary>
    public string? JoinedToTimeSpine { get; } = joinedToTimeSpine;

    public AskedConversion? Conversion { get; init; }

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
