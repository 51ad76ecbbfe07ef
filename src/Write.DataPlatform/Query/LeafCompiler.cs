using System.Collections.Immutable;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Query;

/// <summary>
/// A leaf as one SELECT over the lake: each table in a subquery of its own, which spells the elements over that table's columns alone,
/// then joins by entity, then one GROUP BY.
/// </summary>
internal sealed class LeafCompiler
{
    private static readonly SqlColumn Moment = SpineCompiler.Moment;

    private readonly Leaf _leaf;
    private readonly List<Source> _sources = [];
    private readonly List<SqlJoin> _lookups = [];
    private readonly Dictionary<string, SqlColumn> _attributes = new(StringComparer.Ordinal);
    private readonly Dictionary<(OwnPeriod Own, SqlExpression Date), SqlColumn> _moves = [];
    private readonly LeafExpressions _events;
    private readonly LeafExpressions _expressions;

    private LeafCompiler(Leaf leaf)
    {
        _leaf = leaf;
        _sources.Add(new Source("t0", "", leaf.Fact, null, null));
        _events = new LeafExpressions(leaf, Stored, Leaf.IsInstant(leaf.AggTime), Custom, Days);
        _expressions = leaf.Spine is { IsInLake: true } spine
            ? new LeafExpressions(leaf.OfMoments, binding => leaf.IsAggTime(binding) ? Moment : Stored(binding), spine.Basis < TimeGrain.Day, Custom)
            : _events;
    }

    /// <summary>The leaf's keys and states over a range of events.</summary>
    /// <param name="leaf">The leaf.</param>
    /// <param name="range">The events' range; it lies inside the leaf's.</param>
    /// <param name="withWatermark">Whether a last column gives the latest event's instant.</param>
    public static SqlSelect Compile(Leaf leaf, ResolvedRange range, bool withWatermark = false) =>
        leaf.Journey is { } journey ? journey.Compile() : leaf is { IsTimeSpine: true, GroupBy.IsEmpty: true } ? CompileSpan(leaf) : new LeafCompiler(leaf).Compile(range, withWatermark);

    /// <summary>The leaf's rows as they are, for those that have an entity.</summary>
    /// <param name="leaf">The leaf, whose range the rows lie in.</param>
    /// <param name="entity">An entity of its fact.</param>
    /// <param name="columns">The columns, given the entity and what spells the leaf's expressions.</param>
    public static SqlSelect CompileEvents(Leaf leaf, string entity, Func<SqlExpression, LeafExpressions, ImmutableArray<SqlProjection>> columns)
    {
        var compiler = new LeafCompiler(leaf);
        var key = compiler._sources[0].Column("key_" + entity, leaf.Fact.Entities[entity].Expr);
        var rows = compiler.Rows(columns(key, compiler._events), leaf.Range);
        return rows with { Where = rows.Where.Insert(0, new SqlIsNull(key, Negated: true)) };
    }

    /// <summary>The first and the last event's instant or date.</summary>
    public static SqlSelect CompileSpan(Leaf leaf)
    {
        var compiler = new LeafCompiler(leaf);
        SqlProjection Moment(string function, string name) =>
            new(new SqlCast(new SqlCall(function, compiler._events.AggTime()), ColumnKind.Timestamp), name);
        return new SqlSelect([Moment("min", "first"), Moment("max", "last")], compiler.Subquery(compiler._sources[0], []), "t0");
    }

    private SqlSelect Compile(ResolvedRange range, bool withWatermark)
    {
        if (_leaf.States.Any(s => s.IsSemiAdditive))
        {
            return CompileInTwo(range, withWatermark);
        }

        if (_leaf.Conversion is { } conversion)
        {
            return Converted(conversion, range);
        }

        var columns = ImmutableArray.CreateBuilder<SqlProjection>();
        columns.AddRange(_leaf.GroupBy.Select(field => new SqlProjection(field.Column == Spine.Column && _leaf.Spine!.IsInLake ? Moment : _expressions.Key(field), field.Column)));
        columns.AddRange(_leaf.States.Select(state => new SqlProjection(
            state.FromRows(state.Measure is { } measure ? Measure(measure) : null, state.Filter is null ? null : _expressions.Condition(state)),
            _leaf.Column(state))));
        if (withWatermark)
        {
            columns.Add(new SqlProjection(new SqlCall("max", EventInstant()), GoldDefinition.Watermark));
        }

        return Rows(columns.ToImmutable(), range, AtMoments(range)) with { GroupByCount = _leaf.GroupBy.Length };
    }

    /// <summary>The inner SELECT gives each conversion with the events that it may go to, latest first; the outer one groups the first of each.</summary>
    private SqlSelect Converted(Conversion conversion, ResolvedRange range)
    {
        var isByInstant = conversion.IsByInstant(_leaf);
        var conversions = new LeafCompiler(conversion.Events).Rows(conversion, isByInstant);
        SqlColumn Of(string name) => new("c", name);
        var (time, converted) = (_events.EventTime(isByInstant), Of("time"));
        var pairs = new List<SqlExpression>
        {
            new SqlBinary("=", _sources[0].Column("key_" + conversion.Entity, _leaf.Fact.Entities[conversion.Entity].Expr), Of("entity")),
            new SqlBinary("<=", time, converted),
        };
        if (conversion.Window is { } window)
        {
            pairs.Add(new SqlBinary(">", time, new SqlAddPeriod(converted, window.Negate())));
        }

        pairs.AddRange(conversion.Properties.Select((p, i) => new SqlBinary("=", _sources[0].Column("property_" + i, p.Event), Of("property_" + i))));
        var latest = SqlOver.RowNumber(
            [Of("id")], [new SqlOrder(time, Descending: true), .. conversion.Order.Select((expr, i) => new SqlOrder(_sources[0].Column("order_" + i, expr), Descending: false))]);
        var rows = Rows(
            [.. _leaf.GroupBy.Select(field => new SqlProjection(_expressions.Key(field), field.Column)), new SqlProjection(Of("value"), "__value"), new SqlProjection(latest, "__rank")],
            range,
            new SqlJoin(conversions, "c", SqlExpression.And(pairs), JoinKind.Inner));
        return new SqlSelect(
            [
                .. _leaf.GroupBy.Select(field => new SqlProjection(new SqlColumn("r", field.Column), field.Column)),
                .. _leaf.States.Select(state => new SqlProjection(state.FromRows(new SqlColumn("r", "__value"), null), _leaf.Column(state))),
            ],
            rows,
            "r")
        {
            Where = [new SqlBinary("=", new SqlColumn("r", "__rank"), new SqlLiteral(1L))],
            GroupByCount = _leaf.GroupBy.Length,
        };
    }

    /// <summary>The rows that are conversions, each with a number of its own.</summary>
    private SqlSelect Rows(Conversion conversion, bool isByInstant)
    {
        var source = _sources[0];
        return Rows(
            [
                new SqlProjection(SqlOver.RowNumber([], []), "id"),
                new SqlProjection(source.Column("key_" + conversion.Entity, source.Model.Entities[conversion.Entity].Expr), "entity"),
                new SqlProjection(_events.EventTime(isByInstant), "time"),
                new SqlProjection(Measure(conversion.Measure), "value"),
                .. conversion.Properties.Select((p, i) => new SqlProjection(source.Column("property_" + i, p.Conversion), "property_" + i)),
            ],
            _leaf.Range);
    }

    /// <summary>
    /// A semi-additive measure counts the rows of the first or last moment alone, and which moment that is only the rows together tell: the inner SELECT
    /// gives rows and marks those of the moment, the outer one groups them.
    /// </summary>
    private SqlSelect CompileInTwo(ResolvedRange range, bool withWatermark)
    {
        var rows = new List<SqlProjection>();
        SqlColumn Row(string name, SqlExpression expression)
        {
            if (!rows.Exists(r => r.Name == name))
            {
                rows.Add(new SqlProjection(expression, name));
            }

            return new SqlColumn("r", name);
        }

        var columns = _leaf.GroupBy.Select(field => new SqlProjection(Row(field.Column, _expressions.Key(field)), field.Column)).ToList();
        var conditions = new List<SqlExpression?>();
        foreach (var state in _leaf.States)
        {
            var value = state is { Measure: { } measure, Kind: not StateKind.Rows } ? Row("__value_" + measure.Name, Measure(measure)) : null;
            var condition = state.IsSemiAdditive || state.Filter is not null
                ? Row("__counts_" + state.RowsBehind.Name, state.IsSemiAdditive ? AtMoment(state) : _expressions.Condition(state))
                : null;
            columns.Add(new SqlProjection(state.FromRows(value, condition), _leaf.Column(state)));
            conditions.Add(condition);
        }

        if (withWatermark)
        {
            columns.Add(new SqlProjection(new SqlCall("max", Row(GoldDefinition.Watermark, EventInstant())), GoldDefinition.Watermark));
        }

        return new SqlSelect([.. columns], Rows([.. rows], range), "r")
        {
            // A group that has no row of the moment is none.
            Where = conditions.Contains(null) ? [] : [SqlExpression.Or(conditions.OfType<SqlExpression>().Distinct())],
            GroupByCount = _leaf.GroupBy.Length,
        };
    }

    /// <summary>That a row passes the state's filter and is of the first or last moment among those that do, within its bucket, window groupings and tenant.</summary>
    private SqlExpression AtMoment(MeasureState state)
    {
        var nonAdditive = state.Measure!.NonAdditive!;
        var moment = _expressions.Moment(_leaf.Fact.Dimensions[nonAdditive.Name]);
        var condition = state.Filter is null ? null : _expressions.Condition(state);
        ImmutableArray<SqlExpression> within =
        [
            .. _leaf.GroupBy
                .Where(g => g.Column == GoldDefinition.TenantKey || _leaf.IsAggTime(g.Binding) || (g.Binding.Hops.IsEmpty && g.Binding.IsTime && g.Binding.Element == nonAdditive.Name))
                .Select(_expressions.Key),
            .. nonAdditive.WindowGroupings.Select(g => _sources[0].Column("key_" + g, _leaf.Fact.Entities[g].Expr)),
        ];
        var chosen = new SqlOver(new SqlCall(nonAdditive.WindowChoiceMax ? "max" : "min", condition is null ? moment : new SqlCase([(condition, moment)], null)), within);
        var isChosen = new SqlBinary("=", moment, chosen);
        return condition is null ? isChosen : SqlExpression.And([condition, isChosen]);
    }

    private SqlCast EventInstant() => new(_events.AggTime(), ColumnKind.Timestamp);

    /// <summary>The moments that each event counts at, where they are met in the lake.</summary>
    private SqlJoin? AtMoments(ResolvedRange range)
    {
        if (_leaf.Spine is not { IsInLake: true } spine)
        {
            return null;
        }

        var moments = _leaf.TimeSpine is { GroupBy.IsEmpty: false } rows && spine.Basis < TimeGrain.Day
            ? SpineCompiler.Within(spine.Range, spine.Basis, _leaf.Calendar, Compile(rows, ResolvedRange.All))
            : (SqlRelation)SpineCompiler.MomentsOf(
                spine.Range, spine.Basis, _leaf.Calendar, _leaf.TimeSpine is { } table ? CompileSpan(table) : new LeafCompiler(_leaf).FirstAndLast(spine.Basis, range));
        var counts = spine.How.Counts(
            spine.Basis, _events.AggBucket(spine.Basis), Moment, (time, grain) => new LeafExpressions(_leaf, _ => time, spine.Basis < TimeGrain.Day).AggBucket(grain));
        return new SqlJoin(moments, Moment.Source!, counts, JoinKind.Inner);
    }

    private SqlSelect FirstAndLast(TimeGrain grain, ResolvedRange range) =>
        Rows([new SqlProjection(new SqlCall("min", _events.AggBucket(grain)), "first"), new SqlProjection(new SqlCall("max", _events.AggBucket(grain)), "last")], range);

    /// <summary>Columns over the rows of a range that count, joined to what they name.</summary>
    private SqlSelect Rows(ImmutableArray<SqlProjection> columns, ResolvedRange range, SqlJoin? moments = null)
    {
        var where = ImmutableArray.CreateBuilder<SqlExpression>();
        if (moments is not null && _leaf.Spine?.Mixed is { } mixed)
        {
            where.Add(_expressions.Condition(mixed));
        }

        if (_leaf.Where is { } filter)
        {
            where.Add(_expressions.Condition(filter));
        }

        if (_leaf.IsListing && range is not { From: null, To: null })
        {
            // What found no partner has no time, so it is in no range.
            where.AddRange(_expressions.InRange(range));
        }

        if (_leaf.Shift is { IsOwn: true })
        {
            where.AddRange(_events.Lands());
        }

        // The first and last row are told without moments, so a filter that asks for the moment cannot be met there.
        var isTold = _leaf.Spine is not { IsInLake: true } || moments is not null || _leaf.StateFilters.Values.All(f => _leaf.IsAboutAggTime(f) is false);
        if (isTold && _leaf.States.Length > 0 && _leaf.States.All(s => s.Filter is not null))
        {
            where.Add(SqlExpression.Or(_leaf.States.DistinctBy(s => s.Filter).Select(_expressions.Condition)));
        }

        var inRange = new LeafExpressions(_leaf, binding => new SqlText(binding.Expr), Leaf.IsInstant(_leaf.AggTime)).InRange(range).Concat(Partitions(range));
        return new SqlSelect(columns, Subquery(_sources[0], [.. inRange]), "t0")
        {
            Joins =
            [
                .. _sources.Skip(1).Select(s => new SqlJoin(Subquery(s, []), s.Alias, s.On!, _leaf.KeepsUnmatched && !s.IsCross ? JoinKind.Full : JoinKind.Left)),
                .. moments is null ? [] : new[] { moments },
                .. _lookups,
            ],
            Where = where.ToImmutable(),
        };
    }

    /// <summary>What the range means for the columns that the table is partitioned by, so that files outside it are never opened.</summary>
    private IEnumerable<SqlExpression> Partitions(ResolvedRange range)
    {
        foreach (var partition in _leaf.Fact.Dimensions.Values.Where(d => d.IsPartition && d.Partitions == _leaf.AggTime.Name))
        {
            var column = new SqlCast(new SqlText(partition.Expr), ColumnKind.Date);
            var isInstant = Leaf.IsInstant(_leaf.AggTime);
            if (range.From is { } from)
            {
                var date = isInstant ? DateOnly.FromDateTime(from.Utc) : from.Date;
                yield return new SqlBinary(">=", column, new SqlLiteral(ModelCalendar.Iso.Truncate(date, partition.Granularity ?? TimeGrain.Day)));
            }

            if (range.To is { } to)
            {
                var last = isInstant ? to.Utc.AddTicks(-1) : to.Local.AddTicks(-1);
                yield return new SqlBinary("<=", column, new SqlLiteral(DateOnly.FromDateTime(last)));
            }
        }
    }

    private SqlColumn Measure(Measure measure) => _sources[0].Column("value_" + measure.Name, measure.Expr);

    private SqlExpression Stored(FieldBinding binding)
    {
        var source = _sources[0];
        foreach (var hop in binding.Hops)
        {
            source = Join(source, hop);
        }

        var kind = binding.Dimension is null ? "key_" : "dim_";
        var element = source.Column(kind + binding.Element, binding.Expr) with { Kind = _leaf.Types.OfElement(binding) };
        if (_attributes.TryGetValue(binding.Key, out var attribute))
        {
            return attribute;
        }

        if (binding.Metric is { } metric)
        {
            var name = "k" + _lookups.Count;
            _lookups.Add(new SqlJoin(MetricByEntity.Compile(metric), name, new SqlBinary("=", element, new SqlColumn(name, "key")), _leaf.KeepsUnmatched ? JoinKind.Full : JoinKind.Left));
            return _attributes[binding.Key] = new SqlColumn(name, "value");
        }

        if (binding.Lookup is not { } lookup)
        {
            return element;
        }

        var alias = "k" + _lookups.Count;
        var column = lookup.Attributes.IndexOf(binding.Name.Element);
        _lookups.Add(new SqlJoin(
            new SqlValues(["key", "value"], [.. lookup.Rows.Select(r => ImmutableArray.Create(r.Key, r.Values[column]))]),
            alias,
            new SqlBinary("=", new SqlCast(element, ColumnKind.String), new SqlColumn(alias, "key"))));
        return _attributes[binding.Key] = new SqlColumn(alias, "value") { Kind = ColumnKind.String };
    }

    /// <summary>What a time spine says of one of its buckets.</summary>
    private SqlColumn Custom(CustomGranularity granularity, SqlExpression bucket)
    {
        var alias = "k" + _lookups.Count;
        var kind = granularity.Spine.Grain < TimeGrain.Day ? ColumnKind.Timestamp : ColumnKind.Date;
        var spine = new SqlSelect(
            [new SqlProjection(new SqlCast(new SqlText(granularity.Spine.Column), kind), "key"), new SqlProjection(new SqlText(granularity.Column), "value")],
            new SqlTable(granularity.Spine.Name),
            "s");
        _lookups.Add(new SqlJoin(spine, alias, new SqlBinary("=", bucket, new SqlColumn(alias, "key"))));
        return new SqlColumn(alias, "value");
    }

    /// <summary>How many days a date moves by periods that a time spine cuts.</summary>
    private SqlColumn Days(OwnPeriod own, SqlExpression date)
    {
        if (!_moves.TryGetValue((own, date), out var days))
        {
            var alias = "k" + _lookups.Count;
            _lookups.Add(new SqlJoin(own.Moves(), alias, new SqlBinary("=", date, new SqlColumn(alias, OwnPeriod.Key))));
            _moves[(own, date)] = days = new SqlColumn(alias, OwnPeriod.Days);
        }

        return days;
    }

    private Source Join(Source from, JoinHop hop)
    {
        var path = from.Path + "/" + hop.Entity + ">" + hop.Target.Name;
        if (_sources.Find(s => s.Path == path) is { } known)
        {
            return known;
        }

        if (hop.IsCross)
        {
            var crossed = new Source("t" + _sources.Count, path, hop.Target, new SqlLiteral(true), from) { IsCross = true };
            _sources.Add(crossed);
            return crossed;
        }

        var left = from.Column("key_" + hop.Entity, from.Model.Entities[hop.Entity].Expr);
        var joined = new Source("t" + _sources.Count, path, hop.Target, null, from);
        var key = hop.Target.Entities[hop.Entity];
        var equal = new SqlBinary("=", left, joined.Column("key_" + hop.Entity, key.Expr));
        joined.On = SqlExpression.And([equal, .. key.Type == EntityType.Natural ? Valid(joined) : [], .. SamePartition(from, joined)]);
        _sources.Add(joined);
        return joined;
    }

    /// <summary>Of two tables that are partitioned by a dimension of one name, rows of the same partition belong together, as MetricFlow has it.</summary>
    private static IEnumerable<SqlExpression> SamePartition(Source left, Source joined) =>
        joined.Model.Dimensions.Values
            .Where(d => d is { IsPartition: true, Partitions: null })
            .Select(d => (Joined: d, Nearest: left.Way.FirstOrDefault(s => s.Model.Dimensions.GetValueOrDefault(d.Name) is { IsPartition: true, Partitions: null })))
            .Where(d => d.Nearest is not null)
            .Select(d => new SqlBinary("=", d.Nearest!.Column("dim_" + d.Joined.Name, d.Nearest.Model.Dimensions[d.Joined.Name].Expr), joined.Column("dim_" + d.Joined.Name, d.Joined.Expr)));

    /// <summary>That a row was valid when the event happened: from its start, included, to its end, excluded; without an end, still.</summary>
    private IEnumerable<SqlExpression> Valid(Source joined)
    {
        foreach (var dimension in joined.Model.Dimensions.Values.Where(d => d.IsValidityStart || d.IsValidityEnd))
        {
            var isInstant = Leaf.IsInstant(dimension);
            var bound = new SqlCast(joined.Column("dim_" + dimension.Name, dimension.Expr), isInstant ? ColumnKind.Timestamp : ColumnKind.Date);
            var moment = _events.EventTime(isInstant);
            yield return dimension.IsValidityStart
                ? new SqlBinary("<=", bound, moment)
                : SqlExpression.Or([new SqlIsNull(bound, Negated: false), new SqlBinary("<", moment, bound)]);
        }
    }

    private SqlSelect Subquery(Source source, ImmutableArray<SqlExpression> where) =>
        new(
            source.Columns.Count == 0
                ? [new SqlProjection(new SqlLiteral(1L), "one")]
                : [.. source.Columns.Select(c => new SqlProjection(new SqlText(c.Value), c.Key))],
            new SqlTable(source.Model.Table),
            "s")
        {
            Where = where,
        };

    private sealed class Source(string alias, string path, SemanticModel model, SqlExpression? on, Source? from)
    {
        public string Alias { get; } = alias;

        public string Path { get; } = path;

        public SemanticModel Model { get; } = model;

        public SqlExpression? On { get; set; } = on;

        public bool IsCross { get; init; }

        /// <summary>This source and those that it was joined from, nearest first.</summary>
        public IEnumerable<Source> Way => from is null ? [this] : from.Way.Prepend(this);

        public SortedDictionary<string, string> Columns { get; } = new(StringComparer.Ordinal);

        public SqlColumn Column(string name, string expr)
        {
            Columns[name] = expr;
            return new SqlColumn(Alias, name);
        }
    }
}
