using System.Collections.Immutable;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;

namespace Write.DataPlatform.Query;

/// <summary>First pass: gives every name of a query its meaning and reports every mistake at once.</summary>
internal sealed class QueryResolver
{
    /// <summary>The most buckets a filled or compared answer may walk along.</summary>
    public const int MaxBuckets = 100_000;

    /// <summary>How deep filters by metrics may stand in each other.</summary>
    private const int MaxDepth = 4;

    private readonly MetricModel _model;
    private readonly MetricQuery _query;
    private readonly FieldTypes _types;
    // What the model's own files write, and what the caller does, for whom not all names need exist.
    private readonly FieldBinder _binder;
    private readonly FieldBinder _asked;
    private readonly UnknownFields _unknown;
    private readonly TimeZoneInfo _zone;
    private readonly ResolvedRange _range;
    private readonly ResolvedRange _rangeUpToToday;
    private readonly ImmutableArray<string> _metrics;
    private readonly List<QueryProblem> _problems = [];
    private readonly DateTimeOffset _now;
    private readonly int _depth;

    private QueryResolver(MetricModel model, MetricQuery query, FieldTypes types, DateTimeOffset now, int depth = 0)
    {
        (_now, _depth) = (now, depth);
        _model = model;
        _query = query;
        _types = types;
        _binder = new FieldBinder(model);
        _asked = query.Scope?.Members is { IsAll: false } members ? new FieldBinder(model, members) : _binder;
        _unknown = new UnknownFields(model, _asked);
        _metrics = query.AllMetrics;
        _zone = query.TimeZone ?? model.TimeZone;
        _range = ResolvedRange.Resolve(query.TimeRange, _zone, model.Calendar, now);
        _rangeUpToToday = _range.UpToToday(_zone, now);
    }

    /// <exception cref="QueryException">The query has mistakes.</exception>
    public static ResolvedQuery Resolve(MetricModel model, MetricQuery query, FieldTypes types, DateTimeOffset now) =>
        new QueryResolver(model, query, types, now).Resolve();

    private ResolvedQuery Resolve()
    {
        if (_range.IsEmpty)
        {
            Report(QueryProblems.EmptyTimeRange, $"The time range {_range} is empty: it ends where or before it starts.", "timeRange");
        }

        if (_query.MinMax && !_metrics.IsEmpty)
        {
            Report(QueryProblems.MinMaxNeedsOneField, "The least and the greatest value are those of one field, without a metric.", "metrics");
        }

        var builder = new LeafBuilder(_model);
        var times = MetricTimes.Of(_model, _binder, _query);
        var shift = ComparisonResolver.Resolve(_model, _query, times, _range, _rangeUpToToday, (code, message, path) => Report(code, message, path));
        var metrics = ImmutableArray.CreateBuilder<MetricColumn>();
        for (var i = 0; i < _metrics.Length; i++)
        {
            var (name, path) = (_metrics[i], _query.PathOf(i));
            if (_metrics.IndexOf(name) < i)
            {
                Report(QueryProblems.Duplicate, $"{name} is asked for twice.", path);
            }
            else if (!_asked.HasMetric(name))
            {
                Report(QueryProblems.UnknownMetric, $"There is no metric {name}.", path, Suggestion.For(name, _asked.Metrics));
            }
            else if (_model.Metrics[name] is var metric && builder.Add(metric, null, path) is { } current)
            {
                metrics.Add(new MetricColumn(metric, current, shift is null ? null : builder.Add(metric, shift, path)));
            }
        }

        _problems.AddRange(builder.Problems.Distinct());
        var followed = metrics.Select(m => m.Current).OfType<JourneyNode>().FirstOrDefault();
        var tenant = TenantFilter();
        var drafts = _metrics.IsEmpty ? new ValueLister(_model, _asked, _binder, _query, tenant, _problems).Drafts() : builder.Drafts;
        var spines = new SpineResolver(_model, _range, _zone);
        var leaves = drafts.Select(draft => Bind(draft, tenant, spines)).ToImmutableArray();
        CheckUnboundNames(drafts);
        var keys = Keys(leaves, followed, times);
        var asked = new AnswerColumns(_query, keys, _zone, _problems);
        var modifiers = new ModifierResolver(_query, keys, leaves, asked.Named, _problems);
        var columns = modifiers.Resolve(metrics.ToImmutable());
        asked.Check(columns);
        asked.CheckFill(_range, times.Mixed);
        var journey = followed is null ? null : Journey.Of(followed, leaves, _range, _rangeUpToToday, _query, (code, message, path) => Report(code, message, path));
        if (_query.Totals && leaves.Any(l => l.Spine is not null))
        {
            Report(QueryProblems.NoTotals, "A metric that accumulates over time has a value at each moment and none over all of them.", "totals");
        }

        var having = asked.Having();
        _problems.Sort((a, b) => string.CompareOrdinal(a.Path, b.Path));
        if (_problems.Count > 0)
        {
            throw new QueryException([.. _problems.Distinct()], _problems.All(p => QueryProblems.IsUnanswerable(p.Code)));
        }

        return new ResolvedQuery
        {
            Query = _query with { OrderBy = [.. _query.OrderBy.Select(o => o with { Field = asked.Named(o.Field) })] },
            Model = _model,
            Zone = _zone,
            Range = _range,
            Keys = keys,
            Metrics = columns,
            Shares = modifiers.Shares,
            Leaves = journey is not null ? [leaves[0] with { Journey = journey }] : WithTimeSpine([.. leaves, .. modifiers.ShareLeaves()], spines),
            Having = having,
        };
    }

    private static ImmutableArray<Leaf> WithTimeSpine(ImmutableArray<Leaf> leaves, SpineResolver spines) =>
        spines.TimeSpine(leaves) is { } timeSpine ? [.. leaves.Select(l => l with { TimeSpine = timeSpine }), timeSpine] : leaves;

    private Leaf Bind(LeafDraft draft, Filter? tenant, SpineResolver spines)
    {
        var leaf = draft.Role is LeafRole.Later ? Bind(draft, tenant, spines, [], null) : Bind(draft, tenant, spines, _query.GroupBy, _query.Where);
        if (draft.Conversion is not { Metric: var metric })
        {
            return leaf;
        }

        var measure = _model.Measures[metric.ConversionMeasure.Measure];
        var fact = _model.SemanticModels[measure.SemanticModel];
        var events = new LeafDraft(0, fact, fact.Dimensions[measure.AggTimeDimension], null);
        events.Paths.UnionWith(draft.Paths);
        var conversion = new Conversion(
            Bind(events, tenant, spines, [], null, metric.ConversionMeasure.Filter, isInRange: false),
            measure,
            metric.Entity,
            metric.Window,
            [.. metric.ConstantProperties.Select(p => (Expr(draft.Fact, p.Base), Expr(fact, p.Conversion)))],
            [.. draft.Fact.Entities.Values.Where(e => e.Type == EntityType.Primary).Select(e => e.Expr), .. draft.Fact.Dimensions.Values.Select(d => d.Expr)]);
        if (metric.Window is { Grain: < TimeGrain.Day } window && !conversion.IsByInstant(leaf))
        {
            Report(QueryProblems.GrainTooFine, $"{metric.Name} has a window of {window}, and its events are known by the day only.", draft.Paths.Min!);
        }

        // A conversion comes after its event and within the window; two days more let dates and instants meet.
        var to = metric.Window is { Grain: >= TimeGrain.Day } length && leaf.Range.To is { } end ? TimeBound.FromDate(Calendar.Add(end.Date, length).AddDays(3), _zone) : (TimeBound?)null;
        var range = new ResolvedRange(leaf.Range.From is { } from ? TimeBound.FromDate(from.Date.AddDays(-2), _zone) : null, to);
        return leaf with { Conversion = conversion with { Events = conversion.Events with { Range = range, Target = range } } };

        static string Expr(SemanticModel model, string property) =>
            property.Split("__")[^1] is var name && model.Dimensions.TryGetValue(name, out var dimension) ? dimension.Expr : model.Entities[name].Expr;
    }

    private Leaf Bind(LeafDraft draft, Filter? tenant, SpineResolver spines, ImmutableArray<FieldName> asked, Filter? condition, Filter? own = null, bool isInRange = true)
    {
        var bindings = ImmutableDictionary.CreateBuilder<FieldName, FieldBinding>();
        var known = new Dictionary<(FieldName Name, bool IsAsked), FieldBinding>();
        FieldBinding? Binding(FieldName name, string path, bool isAsked)
        {
            isAsked &= _asked != _binder;
            if (!known.TryGetValue((name, isAsked), out var binding))
            {
                if ((binding = Bind(draft, name, path, isAsked ? _asked : _binder)) is null)
                {
                    return null;
                }

                known[(name, isAsked)] = binding;
                if (bindings.TryGetValue(name, out var other) && other.Key != binding.Key)
                {
                    // For who does not see one of two fields the name may be the other's. A policy must never be put to the wrong one.
                    Report(QueryProblems.AmbiguousField, $"{name} can mean several fields here.", path);
                }

                bindings[name] = binding;
            }

            return binding;
        }

        var groupBy = ImmutableArray.CreateBuilder<GroupField>();
        for (var i = 0; i < asked.Length; i++)
        {
            var name = asked[i];
            if (Binding(name, $"groupBy[{i}]", isAsked: true) is { } binding)
            {
                groupBy.Add(new GroupField(name.ToString(), binding, Grain(name, binding, $"groupBy[{i}]")));
            }
        }

        Filter Convert(Filter filter, string path, bool isWritten = false)
        {
            foreach (var (name, place) in isWritten ? FilterValues.Places(filter, path) : filter.Fields.Select(f => (f, path)))
            {
                if (Binding(name, place, isWritten) is { } binding)
                {
                    Grain(name, binding, place);
                }
            }

            var values = new FilterValues(
                name => bindings.TryGetValue(name, out var binding) ? binding.Metric is not null ? ColumnKind.Double : binding.IsTime ? TimeKind(name, binding) : _types.Of(binding) : null, _zone);
            var converted = values.Convert(filter, path);
            _problems.AddRange(values.Problems);
            return converted;
        }

        var where = condition is { } filter ? Convert(filter, "where", isWritten: true) : null;
        // A metric's own filter keeps its written form as the state's name, because gold tables know their states by it.
        var stateFilters = draft.States.Select(s => s.Filter).OfType<Filter>().Distinct().ToImmutableDictionary(f => f, f => Convert(f, draft.Paths.Min!));
        if (draft.Role is LeafRole.Followed && where is not null)
        {
            stateFilters = stateFilters.SetItem(condition!, where);
            where = null;
        }

        // A value at a moment after today would look over days that have not come.
        var target = draft.Shift is { IsUpToToday: true } || (draft.How is not null && _query.Compare is { AlignToDate: true }) ? _rangeUpToToday : _range;
        var range = draft.Shift is { } shift ? target.Before(shift, _zone) : target;
        if (isInRange && !Leaf.IsInstant(draft.AggTime) && (_range.From is { IsMidnight: false } || _range.To is { IsMidnight: false }))
        {
            Report(
                QueryProblems.RangeNeedsDates,
                $"{draft.Fact.Name} is counted by the date {draft.AggTime.Name}, which has no time of day; the time range must start and end at midnight.",
                "timeRange");
        }

        if (!Leaf.IsInstant(draft.AggTime) && draft.Shift is { IsElapsedTime: true } elapsed && draft.How is null)
        {
            Report(
                QueryProblems.RangeNeedsDates,
                $"{draft.Fact.Name} is counted by the date {draft.AggTime.Name}, which cannot be moved by {elapsed}.",
                "compare");
        }

        var leaf = new Leaf
        {
            Types = _types,
            Index = draft.Index,
            Fact = draft.Fact,
            AggTime = draft.AggTime,
            Shift = draft.Shift,
            KeepsUnmatched = draft.States.Count == 0 && tenant is null,
            Range = range,
            Target = target,
            Zone = _zone,
            ModelZone = _model.TimeZone,
            Calendar = _model.Calendar,
            GroupBy = groupBy.ToImmutable(),
            Where = Filter.And(where, Filter.And(own, draft.Conversion?.Filter) is { } inner ? Convert(inner, draft.Paths.Min!) : null, tenant is null ? null : Convert(tenant, "tenant")),
            States = [.. draft.States],
            StateFilters = stateFilters,
            Bindings = bindings.ToImmutable(),
        };
        void Refuse(string code, string message) => Report(code, $"{Metrics(draft)} {message}", draft.Paths.Min!);
        if (draft.JoinedToTimeSpine is not null)
        {
            leaf = spines.JoinTimeSpine(leaf, where, Refuse);
        }
        else if (draft.How is null)
        {
            leaf = spines.MeetTimeSpine(leaf);
        }

        // Where a name is unknown that is told already, and the moments cannot be.
        var names = FilterText.Conjuncts(leaf.Where).Concat(leaf.StateFilters.Values).SelectMany(f => f.Fields);
        return draft.How is { } how && leaf.GroupBy.Length == asked.Length && names.All(leaf.Bindings.ContainsKey)
            ? spines.Accumulate(leaf, how, Refuse)
            : leaf;
    }

    private FieldBinding? Bind(LeafDraft draft, FieldName name, string path, FieldBinder binder)
    {
        var (whole, custom) = binder.Cut(name);
        if (whole.IsMetricTime && binder.HasMetricTime)
        {
            return new FieldBinding { Name = name, Hops = [], Owner = draft.Fact, Element = draft.AggTime.Name, Expr = draft.AggTime.Expr, Dimension = draft.AggTime, Custom = custom };
        }

        var found = binder.Bind(draft.Listed ?? draft.Fact, whole, out var fanOut);
        switch (found.Length)
        {
            case 1:
                if (found[0] is { Dimension: null, Lookup: null } && whole.Element != found[0].Element && binder.MetricOf(whole) is { } metric)
                {
                    return Metric(metric, whole, path) is { } inner ? found[0] with { Name = name, Metric = inner } : null;
                }

                return found[0] with { Name = name, Custom = custom, Hops = draft.Listed is { } listed ? [JoinHop.Cross(listed), .. found[0].Hops] : found[0].Hops };
            case 0:
                _problems.Add(_unknown.Explain(name, draft.Listed ?? draft.Fact, fanOut, Metrics(draft), path));
                return null;
            default:
                Report(
                    QueryProblems.AmbiguousField,
                    $"{name} is reachable from {draft.Fact.Name} in several ways: {string.Join(", ", found.Select(f => f.Owner.Name))}.",
                    path);
                return null;
        }
    }

    /// <summary>A metric by an entity, over all time, of the same tenant.</summary>
    private ResolvedQuery? Metric(Metric metric, FieldName name, string path)
    {
        if (_depth == MaxDepth)
        {
            Report(QueryProblems.MetricTypeNotSupported, $"{name} filters by a metric that filters by a metric, and so on: more than {MaxDepth} deep, or in a circle.", path);
            return null;
        }

        if (metric is FunnelMetric or RetentionMetric)
        {
            Report(QueryProblems.MetricTypeNotSupported, $"{name} filters by {metric.Name}, which has several rows a group and no one value.", path);
            return null;
        }

        try
        {
            var query = new MetricQuery { Metrics = [metric.Name], GroupBy = [new FieldName(name.Path[..^1], null)], TimeZone = _zone, Tenant = _query.Tenant, Scope = _query.Scope is { } scope ? scope with { Members = MemberView.Of(_model, null) } : null };
            return new QueryResolver(_model, query, _types, _now, _depth + 1).Resolve();
        }
        catch (QueryException exception)
        {
            _problems.AddRange(exception.Problems.Select(p => p with { Path = path, Message = $"{name}: {p.Message}" }));
            return null;
        }
    }

    private string Metrics(LeafDraft draft) =>
        string.Join(", ", _metrics.Where((_, i) => draft.Paths.Contains(_query.PathOf(i))));

    private TimeGrain? Grain(FieldName name, FieldBinding binding, string path)
    {
        if (!binding.IsTime)
        {
            if (name != name.ToWhole() || binding.Custom is not null)
            {
                Report(QueryProblems.NotATimeDimension, $"{name} has a grain, but {binding.Element} is not a time dimension.", path, $"Write {_binder.Cut(name).Whole}.");
            }

            return null;
        }

        var stored = binding.Dimension!.Granularity ?? TimeGrain.Day;
        var asked = name.Grain ?? binding.Custom?.Spine.Grain ?? LeafExpressions.GrainOf(name.Part, _model.Calendar);
        if (asked < stored)
        {
            Report(QueryProblems.GrainTooFine, $"{name} asks for a finer grain than {binding.Element} has in {binding.Owner.Name}, which is {stored.ToString().ToLowerInvariant()}.", path);
        }

        return asked ?? (name.IsMetricTime ? MetricCatalog.Of(_model).DefaultGrain(_metrics) : stored > TimeGrain.Day ? stored : TimeGrain.Day);
    }

    private static ColumnKind? TimeKind(FieldName name, FieldBinding binding) =>
        name.Part is not null ? ColumnKind.Int64
        : binding.Custom is not null ? null
        : name.Grain is { } grain
            ? grain < TimeGrain.Day ? ColumnKind.Timestamp : ColumnKind.Date
            : Leaf.IsInstant(binding.Dimension!) ? ColumnKind.Timestamp : ColumnKind.Date;

    private Filter? TenantFilter()
    {
        if (_query.Tenant is not { } name)
        {
            return _query.Scope?.Rows;
        }

        if (_model.Tenants.TryGetValue(name, out var tenant))
        {
            return Filter.And(tenant.Where, _query.Scope?.Rows);
        }

        Report(QueryProblems.UnknownTenant, $"There is no tenant {name}.", "tenant", Suggestion.For(name, _model.Tenants.Keys));
        return null;
    }

    /// <summary>Where no metric is known, the other names can still be looked up in the whole model, so that all mistakes come at once.</summary>
    private void CheckUnboundNames(IReadOnlyList<LeafDraft> drafts)
    {
        if (drafts.Count > 0)
        {
            return;
        }

        var names = _query.GroupBy.Select((name, i) => (Name: name, Path: $"groupBy[{i}]"))
            .Concat(_query.Where is null ? [] : FilterValues.Places(_query.Where, "where").Select(f => (Name: f.Field, f.Path)));
        foreach (var (name, path) in names.Where(n => !n.Name.IsMetricTime || !_asked.HasMetricTime))
        {
            if (name.IsMetricTime || _model.SemanticModels.Values.All(fact => _asked.Bind(fact, _asked.Cut(name).Whole, out _).IsEmpty))
            {
                _problems.Add(_unknown.Explain(name, path));
            }
        }
    }

    private ImmutableArray<KeyColumn> Keys(ImmutableArray<Leaf> leaves, JourneyNode? followed, MetricTimes times)
    {
        for (var i = 0; i < _query.GroupBy.Length; i++)
        {
            if (_query.GroupBy.IndexOf(_query.GroupBy[i]) < i)
            {
                Report(QueryProblems.Duplicate, $"{_query.GroupBy[i]} is grouped by twice.", $"groupBy[{i}]");
            }
        }

        for (var i = 0; i < _metrics.Length; i++)
        {
            if (_query.GroupBy.Any(name => name.ToString() == _metrics[i]))
            {
                Report(QueryProblems.Duplicate, $"{_metrics[i]} is asked for as a metric and as a field.", _query.PathOf(i));
            }
        }

        return
        [
            .. _query.GroupBy.Select(name =>
            {
                var fields = leaves.SelectMany(l => l.Columns).Where(g => g.Column == name.ToString()).ToList();
                var grain = fields.Where(f => f.IsBucket).Max(f => f.Grain);
                return new KeyColumn(name.ToString(), grain, name.IsMetricTime, name.IsMetricTime || fields.Count == 0 || fields[0].Binding.Lookup is not null ? null : fields[0].Binding.Dimension?.Label)
                {
                    FullName = FullName(name, grain, fields),
                    IsTime = times.Names.Contains(name),
                    FollowsFromTime = fields.Exists(f => !f.IsBucket) && leaves.Any(l => l.Columns.Any(f => f.Column == name.ToString() && l.IsAggTime(f.Binding))),
                    Kind = grain is { } cut ? cut < TimeGrain.Day ? ColumnKind.Timestamp : ColumnKind.Date
                        : fields.Count == 0 || fields[0].Binding.Custom is not null ? null
                        : fields[0].Binding.IsTime ? TimeKind(name, fields[0].Binding)
                        : _types.Of(fields[0].Binding),
                };
            }),
            .. followed is null ? [] : new[] { new KeyColumn(followed.Key, null, false, followed.KeyLabel) { FullName = followed.Key, Kind = followed.Metric is FunnelMetric ? ColumnKind.String : ColumnKind.Int64 } },
        ];
    }

    private static string FullName(FieldName name, TimeGrain? grain, List<GroupField> fields)
    {
        var asked = fields is [{ Binding.Custom: not null }, ..] ? name.Path[..^1] : name.Path;
        // From several facts a name may have several beginnings; then it has none.
        var path = fields.Select(f => f.Binding.Path).DistinctBy(p => string.Join("__", p)).ToList() is [{ Length: var length } only] && length > asked.Length ? only[..^asked.Length].AddRange(name.Path) : name.Path;
        return new FieldName(path, grain, name.Part).ToString();
    }

    private void Report(string code, string message, string path, string? suggestion = null) =>
        _problems.Add(new QueryProblem(code, message, path, suggestion));
}
