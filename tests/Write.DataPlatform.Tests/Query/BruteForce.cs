using System.Globalization;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Query;

/// <summary>One lake row: its values by column.</summary>
internal sealed class Row : Dictionary<string, object?>;

/// <summary>What the oracle answers: columns, rows in order, and the totals of the metric columns.</summary>
internal sealed record OracleAnswer(List<string> Columns, List<object?[]> Rows, object?[]? Totals);

/// <summary>
/// Answers a query from raw rows, group by group, with loops and dictionaries: slow, plain, and with nothing of the engine's in it.
/// </summary>
/// <param name="world">The model with its rows and the C# twins of its SQL expressions.</param>
/// <param name="now">Where relative ranges end.</param>
internal sealed class BruteForce(World world, DateTimeOffset now)
{
    private MetricModel Model => world.Model;

    public OracleAnswer Answer(MetricQuery query)
    {
        var zone = query.TimeZone ?? Model.TimeZone;
        var time = new OracleTime(zone, Model.Calendar, now);
        var run = new Evaluation(world, query, time, time.Range(query.TimeRange));
        var columns = query.GroupBy.Select(g => g.ToString()).ToList();
        var rows = run.Rows(query.GroupBy);
        foreach (var metric in query.Metrics)
        {
            columns.AddRange(query.Compare is null ? [metric] : [metric, metric + "__previous", metric + "__delta", metric + "__ratio"]);
        }

        if (query.Having is { } having)
        {
            rows = [.. rows.Where(row => new OracleFilter(
                field => row[columns.IndexOf(field.ToString())],
                (field, value) => columns.IndexOf(field.ToString()) is var i && i < query.GroupBy.Length
                    ? World.Constant(row[i], value!, null)
                    : World.Number(value!)).Test(having) == true)];
        }

        var order = query.OrderBy.Select(o => (Index: columns.IndexOf(o.Field), o.Descending)).Concat(query.GroupBy.Select((_, i) => (Index: i, Descending: false))).ToList();
        rows.Sort((a, b) => order.Select(o => Compare(a[o.Index], b[o.Index], o.Descending)).FirstOrDefault(c => c != 0));
        object?[]? totals = query.Totals ? [.. query.GroupBy.Select(_ => (object?)null), .. run.Rows([]).Single()] : null;
        return new OracleAnswer(columns, query.Limit is { } limit ? [.. rows.Take(limit)] : rows, totals);
    }

    private static int Compare(object? a, object? b, bool descending) =>
        a is null || b is null || !descending ? OracleOrder.Compare(a, b) : OracleOrder.Compare(b, a);
}

/// <summary>One query's groups and values.</summary>
internal sealed class Evaluation(World world, MetricQuery query, OracleTime time, OracleRange range)
{
    private readonly HashSet<Key> _groups = [];
    private IReadOnlyList<FieldName> _groupBy = [];

    // Of a comparison up to today neither side has a moment after it.
    private readonly OracleRange _moments = query.Compare is { AlignToDate: true } ? time.UpToToday(range) : range;

    /// <summary>Group-by values, then metric columns, in no order.</summary>
    public List<object?[]> Rows(IReadOnlyList<FieldName> groupBy)
    {
        _groupBy = groupBy;
        _groups.Clear();
        var shift = CompareShift();
        var current = query.Metrics.Select(m => Values(world.Model.Metrics[m], null, [])).ToList();
        var earlier = query.Compare is { AlignToDate: true } ? new Evaluation(world, query, time, time.UpToToday(range)) { _groupBy = groupBy } : this;
        var previous = shift is null ? null : query.Metrics.Select(m => earlier.Values(world.Model.Metrics[m], null, [shift])).ToList();
        _groups.UnionWith([.. earlier._groups]);
        if (groupBy.Count == 0)
        {
            _groups.Add(new Key([]));
        }

        Fill();
        return [.. _groups.Select(key =>
        {
            var row = new List<object?>(key.Values);
            for (var i = 0; i < current.Count; i++)
            {
                var value = current[i](key);
                row.Add(value);
                if (previous is not null)
                {
                    var before = previous[i](key);
                    var delta = value is null || before is null ? null : World.Subtract(value, before);
                    row.AddRange([before, delta, delta is null ? null : World.Divide(delta, before)]);
                }
            }

            return row.ToArray();
        })];
    }

    private OracleShift? CompareShift() => query.Compare switch
    {
        null => null,
        { To: ComparisonKind.PreviousPeriod } => range.Length(),
        { To: ComparisonKind.Offset, Offset: { } offset } => new OracleShift(offset),
        _ when query.GroupBy.Any(g => g.IsMetricTime && g.Grain == TimeGrain.Week) =>
            world.Model.Calendar.WeekStart == DayOfWeek.Monday
                ? new OracleShift(new CalendarPeriod(1, TimeGrain.Year), IsIsoYear: true)
                : new OracleShift(new CalendarPeriod(52, TimeGrain.Week)),
        _ => new OracleShift(new CalendarPeriod(1, TimeGrain.Year)),
    };

    private void Fill()
    {
        var at = _groupBy.ToList().FindIndex(g => g.IsMetricTime);
        if (!query.Fill || at < 0)
        {
            return;
        }

        var grain = Grain(_groupBy[at], null);
        foreach (var group in _groupBy.Count == 1 ? [new Key([null])] : _groups.ToList())
        {
            foreach (var bucket in time.Spine(range, grain))
            {
                var values = group.Values.ToArray();
                values[at] = bucket;
                _groups.Add(new Key(values));
            }
        }
    }

    /// <summary>A metric's value by group; the shifts move its events forward, one after the other.</summary>
    private Func<Key, object?> Values(Metric metric, Filter? outer, IReadOnlyList<OracleShift> shift, TimeGrain? atStartOf = null)
    {
        var filter = Filter.And(outer, metric.Filter);
        switch (metric)
        {
            case SimpleMetric simple when atStartOf is { } grain:
                return Values(simple.Measure, filter, shift, new Accumulated(null, null, grain, default));
            case SimpleMetric simple:
                return Values(simple.Measure, filter, shift);
            case CumulativeMetric cumulative:
                return Values(cumulative.Measure, filter, shift, new Accumulated(cumulative.Window, cumulative.GrainToDate, null, cumulative.PeriodAggregation));
            case ConversionMetric { IsRate: true } rate:
                var (converted, based) = (Values(rate with { IsRate = false }, outer, shift, atStartOf), Values(rate.BaseMeasure, filter, shift));
                return key => World.Divide(converted(key), based(key));
            case ConversionMetric conversion:
                return Values(conversion, filter, shift);
            case RatioMetric ratio:
                var (numerator, denominator) = (Values(ratio.Numerator, filter, shift, atStartOf), Values(ratio.Denominator, filter, shift, atStartOf));
                return key => World.Divide(numerator(key), denominator(key));
            case DerivedMetric derived:
                var inputs = derived.Metrics.ToDictionary(m => m.NameInExpression, m => Values(m, filter, shift, atStartOf));
                return key => world.Derived[derived.Name](name => inputs[name](key));
            default:
                throw new NotSupportedException();
        }
    }

    private Func<Key, object?> Values(MetricInput input, Filter? outer, IReadOnlyList<OracleShift> shift, TimeGrain? atStartOf) =>
        Values(
            world.Model.Metrics[input.Metric],
            Filter.And(outer, input.Filter),
            input.OffsetWindow is { } window ? [new OracleShift(window), .. shift] : shift,
            input.OffsetToGrain ?? atStartOf);

    private Func<Key, object?> Values(MeasureInput input, Filter? outer, IReadOnlyList<OracleShift> shift)
    {
        var measure = world.Model.Measures[input.Measure];
        var fact = world.Model.SemanticModels[measure.SemanticModel];
        var aggTime = fact.Dimensions[measure.AggTimeDimension];
        var tenant = query.Tenant is null ? null : world.Model.Tenants[query.Tenant].Where;
        var filter = Filter.And(outer, input.Filter, query.Where, tenant);
        var counts = new List<(Key Key, object? Value, object? Moment, Key Window)>();
        foreach (var row in world.Tables[fact.Table])
        {
            var stored = world.Evaluate(aggTime.Expr, row);
            var counted = shift.Aggregate(stored, (at, by) => at is null ? null : at is DateOnly day ? OracleTime.Shift(day, by) : time.Shift((DateTime)at, by));
            if (!Holds(counted) || (filter is not null && Condition(f => IsCounted(fact, aggTime, f) ? counted : world.Value(fact, row, f, stored, query.Tenant)).Test(filter) != true))
            {
                continue;
            }

            var key = new Key([.. _groupBy.Select(g => Bucketed(IsCounted(fact, aggTime, g) ? counted : world.Value(fact, row, g, stored, query.Tenant), g, IsCounted(fact, aggTime, g) ? aggTime : world.Dimension(fact, g)))]);
            counts.Add((key, world.Evaluate(measure.Expr, row), Moment(fact, measure, row), Window(fact, measure, aggTime, row, key)));
        }

        if (measure.NonAdditive is { } nonAdditive)
        {
            counts = [.. counts.Where(c => c.Moment is not null).GroupBy(c => c.Window).SelectMany(window =>
            {
                var chosen = nonAdditive.WindowChoiceMax ? window.Max(c => c.Moment) : window.Min(c => c.Moment);
                return window.Where(c => c.Moment!.Equals(chosen));
            })];
        }

        var groups = counts.GroupBy(c => c.Key).ToDictionary(g => g.Key, g => g.Select(c => c.Value).ToList());
        _groups.UnionWith(groups.Keys);
        if (input.JoinToTimeSpine)
        {
            AddMoments(fact, aggTime, groups.Keys);
        }

        return key => OracleAggregation.Of(measure, groups.GetValueOrDefault(key)) ?? (input.FillNullsWith is { } fill ? fill
            : query.Fill && measure.Aggregation is Aggregation.Count or Aggregation.CountDistinct or Aggregation.ApproxCountDistinct ? 0L
            : null);
    }

    /// <summary>Conversion by conversion: the latest event of the same entity before it, of all that the query counts.</summary>
    private Func<Key, object?> Values(ConversionMetric metric, Filter? outer, IReadOnlyList<OracleShift> shift)
    {
        var (measure, baseMeasure) = (world.Model.Measures[metric.ConversionMeasure.Measure], world.Model.Measures[metric.BaseMeasure.Measure]);
        var (fact, later) = (world.Model.SemanticModels[baseMeasure.SemanticModel], world.Model.SemanticModels[measure.SemanticModel]);
        var (aggTime, laterTime) = (fact.Dimensions[baseMeasure.AggTimeDimension], later.Dimensions[measure.AggTimeDimension]);
        var tenant = query.Tenant is null ? null : world.Model.Tenants[query.Tenant].Where;
        var filter = Filter.And(outer, metric.BaseMeasure.Filter, query.Where, tenant);
        var laterFilter = Filter.And(metric.ConversionMeasure.Filter, tenant);
        var isByInstant = aggTime.Granularity < TimeGrain.Day && laterTime.Granularity < TimeGrain.Day;
        var home = new OracleTime(world.Model.TimeZone, world.Model.Calendar, default);
        IComparable When(object stored) => isByInstant || stored is DateOnly ? (IComparable)stored : DateOnly.FromDateTime(home.ToLocal((DateTime)stored));
        var events = new List<(Key Group, object Entity, IComparable When, object? Order)>();
        foreach (var row in world.Tables[fact.Table])
        {
            var stored = world.Evaluate(aggTime.Expr, row);
            var counted = shift.Aggregate(stored, (at, by) => at is null ? null : at is DateOnly day ? OracleTime.Shift(day, by) : time.Shift((DateTime)at, by));
            object? Of(FieldName f) => IsCounted(fact, aggTime, f) ? counted : world.Value(fact, row, f, stored, query.Tenant);
            if (Holds(counted) && world.Evaluate(fact.Entities[metric.Entity].Expr, row) is { } entity && (filter is null || Condition(Of).Test(filter) == true))
            {
                var group = new Key([.. _groupBy.Select(g => Bucketed(Of(g), g, IsCounted(fact, aggTime, g) ? aggTime : world.Dimension(fact, g)))]);
                events.Add((group, entity, When(stored!), row["visit_id"]));
            }
        }

        var groups = new Dictionary<Key, List<object?>>();
        foreach (var row in world.Tables[later.Table])
        {
            if (world.Evaluate(laterTime.Expr, row) is not { } stored || world.Evaluate(later.Entities[metric.Entity].Expr, row) is not { } entity
                || (laterFilter is not null && Condition(f => world.Value(later, row, f, stored, query.Tenant)).Test(laterFilter) != true))
            {
                continue;
            }

            var at = When(stored);
            IComparable? Earliest() => metric.Window is not { } window ? null
                : at is DateOnly day ? OracleTime.Shift(day, new OracleShift(window.Negate()))
                : window.Grain >= TimeGrain.Day ? OracleTime.Shift(DateOnly.FromDateTime((DateTime)at), new OracleShift(window.Negate())).ToDateTime(TimeOnly.FromDateTime((DateTime)at), DateTimeKind.Utc)
                : ((DateTime)at).AddSeconds(-window.Count);
            var possible = events.Where(e => e.Entity.Equals(entity) && e.When.CompareTo(at) <= 0 && (Earliest() is not { } early || e.When.CompareTo(early) > 0))
                .OrderByDescending(e => e.When).ThenBy(e => e.Order).ToList();
            if (possible.Count > 0)
            {
                groups.TryAdd(possible[0].Group, []);
                groups[possible[0].Group].Add(world.Evaluate(measure.Expr, row));
            }
        }

        _groups.UnionWith(groups.Keys);
        return key => OracleAggregation.Of(measure, groups.GetValueOrDefault(key)) ?? (metric.ConversionMeasure.FillNullsWith is { } fill ? fill
            : query.Fill && measure.Aggregation is Aggregation.Count or Aggregation.CountDistinct ? 0L
            : null);
    }

    /// <summary>The groups of moments that no row has: their times, and null for all else.</summary>
    private void AddMoments(SemanticModel fact, Dimension aggTime, IEnumerable<Key> groups)
    {
        var times = _groupBy.Select((g, i) => (Field: g, Index: i)).Where(g => IsCounted(fact, aggTime, g.Field)).ToList();
        if (times.Count == 0)
        {
            return;
        }

        static IEnumerable<Filter> All(Filter? filter) => filter is AndFilter and ? and.Filters.SelectMany(All) : filter is null ? [] : [filter];
        var own = All(query.Where).ToList();
        var seen = groups.Select(g => new Key([.. times.Select(t => g.Values[t.Index])])).ToHashSet();
        foreach (DateOnly moment in time.Spine(range, TimeGrain.Day))
        {
            var counted = Counted(aggTime, moment);
            if (seen.Contains(new Key([.. times.Select(t => Bucketed(counted, t.Field, aggTime))]))
                || own.Where(f => f.Fields.Any() && f.Fields.All(n => IsCounted(fact, aggTime, n) || _groupBy.Contains(n))).Any(f => Condition(n => IsCounted(fact, aggTime, n) ? counted : null).Test(f) != true))
            {
                continue;
            }

            _groups.Add(new Key([.. _groupBy.Select(g => IsCounted(fact, aggTime, g) ? Bucketed(counted, g, aggTime) : null)]));
        }
    }

    /// <summary>A day or longer as its first moment, as the aggregation time is stored.</summary>
    private object Counted(Dimension aggTime, DateOnly moment) => aggTime.Granularity < TimeGrain.Day ? time.ToUtc(moment.ToDateTime(TimeOnly.MinValue)) : moment;

    /// <summary>A value at each moment, day by day or bucket by bucket as stored, out of the rows of other buckets; for a coarser group the first, the last or the mean of its moments.</summary>
    private Func<Key, object?> Values(MeasureInput input, Filter? outer, IReadOnlyList<OracleShift> shift, Accumulated how)
    {
        var measure = world.Model.Measures[input.Measure];
        var fact = world.Model.SemanticModels[measure.SemanticModel];
        var aggTime = fact.Dimensions[measure.AggTimeDimension];
        var filter = Filter.And(outer, input.Filter, query.Where, query.Tenant is null ? null : world.Model.Tenants[query.Tenant].Where);
        var basis = aggTime.Granularity!.Value > TimeGrain.Day ? aggTime.Granularity.Value : TimeGrain.Day;
        var grains = _groupBy.Where(g => IsCounted(fact, aggTime, g)).Select(g => Grain(g, aggTime)).ToList();
        var finest = grains.Min();
        var rows = world.Tables[fact.Table].Select(r => (Row: r, Stored: world.Evaluate(aggTime.Expr, r))).Where(r => r.Stored is not null && IsBefore(r.Stored, shift))
            .Select(r => (Value: world.Evaluate(measure.Expr, r.Row), Fields: new Dictionary<FieldName, object?>(), r.Row, r.Stored, Bucket: r.Stored is DateOnly date ? time.Bucket(date, basis) : (DateOnly)time.Bucket((DateTime)r.Stored!, basis))).ToList();
        var (first, end) = (DateOnly.FromDateTime(_moments.FromLocal!.Value), DateOnly.FromDateTime(_moments.ToLocal!.Value));
        first = how.AtStartOf is null ? time.Bucket(first, basis) : grains.Max(g => time.Bucket(first, g));
        var values = new Dictionary<Key, SortedDictionary<DateOnly, object?>>();
        var latest = new Dictionary<Key, DateOnly>();
        for (var moment = time.Bucket(shift.Count == 0 ? first : first.AddDays(-800), basis); moment < (shift.Count == 0 ? end : end.AddDays(60)); moment = Next(moment, basis))
        {
            var shifted = time.Bucket(shift.Aggregate(moment, OracleTime.Shift), basis);
            if (shifted < first || shifted >= end || (how.AtStartOf is not null && grains.All(g => time.Bucket(shifted, g) != shifted)))
            {
                continue;
            }

            var counted = Counted(aggTime, shifted);
            var groups = new Dictionary<Key, List<object?>>();
            foreach (var (value, fields, row, stored, bucket) in rows)
            {
                object? Of(FieldName f)
                {
                    if (IsCounted(fact, aggTime, f))
                    {
                        return counted;
                    }

                    if (!fields.TryGetValue(f, out var known))
                    {
                        fields[f] = known = world.Value(fact, row, f, stored, query.Tenant);
                    }

                    return known;
                }

                if (how.Counts(bucket, moment, time) && (filter is null || Condition(Of).Test(filter) == true))
                {
                    var group = new Key([.. _groupBy.Select(g => Bucketed(Of(g), g, IsCounted(fact, aggTime, g) ? aggTime : world.Dimension(fact, g)))]);
                    groups.TryAdd(group, []);
                    groups[group].Add(value);
                }
            }

            foreach (var (group, found) in groups)
            {
                var landing = new Key([.. group.Values, shifted]);
                values.TryAdd(group, []);
                if (latest.TryGetValue(landing, out var earlier))
                {
                    values[group].Remove(earlier);
                }

                latest[landing] = moment;
                values[group][moment] = OracleAggregation.Of(measure, found);
            }
        }

        _groups.UnionWith(values.Keys);
        var isCoarser = how.AtStartOf is null && _groupBy.Where(g => IsCounted(fact, aggTime, g)).All(g => g.Part is not null || Grain(g, aggTime) > basis);
        return key => (values.TryGetValue(key, out var at)
                ? !isCoarser || how.Period is PeriodAggregation.Last ? at.Values.Last()
                : how.Period is PeriodAggregation.First ? at.Values.First()
                : at.Values.All(v => v is null) ? null
                : at.Values.Where(v => v is not null).Average(v => Convert.ToDouble(v, CultureInfo.InvariantCulture))
                : null)
            ?? (input.FillNullsWith is { } fill ? fill : query.Fill && measure.Aggregation is Aggregation.Count or Aggregation.CountDistinct or Aggregation.ApproxCountDistinct ? 0L : null);
    }

    private static DateOnly Next(DateOnly date, TimeGrain grain) => grain == TimeGrain.Month ? date.AddMonths(1) : date.AddDays(1);

    /// <summary>What comes after the range's end is not known in it.</summary>
    private bool IsBefore(object stored, IReadOnlyList<OracleShift> shift)
    {
        var counted = shift.Aggregate(stored, (at, by) => at is DateOnly day ? OracleTime.Shift(day, by) : time.Shift((DateTime)at, by));
        return counted is DateOnly date ? date < DateOnly.FromDateTime(_moments.ToLocal!.Value) : (DateTime)counted < _moments.To!.Value;
    }

    /// <summary>When a row of a semi-additive measure was taken, to the second.</summary>
    private object? Moment(SemanticModel fact, Measure measure, Row row) =>
        measure.NonAdditive is not { } nonAdditive ? null
            : world.Evaluate(fact.Dimensions[nonAdditive.Name].Expr, row) is DateTime time ? time.AddTicks(-(time.Ticks % TimeSpan.TicksPerSecond))
            : world.Evaluate(fact.Dimensions[nonAdditive.Name].Expr, row);

    /// <summary>What has a first or last moment of its own: each bucket of the time asked for, and each value of the window's groupings.</summary>
    private Key Window(SemanticModel fact, Measure measure, Dimension aggTime, Row row, Key key) =>
        new([
            .. _groupBy.Select((g, i) => IsCounted(fact, aggTime, g) || (measure.NonAdditive is { Name: var name } && g.Path is [var entity, var element] && entity == fact.PrimaryEntity && element == name) ? key.Values[i] : null),
            .. measure.NonAdditive?.WindowGroupings.Select(g => world.Evaluate(fact.Entities[g].Expr, row)) ?? [],
        ]);

    private bool Holds(object? counted) => counted switch
    {
        null => false,
        DateOnly date => range.Holds(date),
        _ => range.Holds((DateTime)counted),
    };

    private OracleFilter Condition(Func<FieldName, object?> valueOf) => new(
        field => Filtered(valueOf(field), field),
        (field, value) => field is { Grain: null, Part: null } && valueOf(field) is DateTime
            ? time.Instant(World.Point(value!))
            : World.Constant(Filtered(valueOf(field), field), value!, time));

    /// <summary>The metrics' own time, under its own name too, is the one at which an event counts.</summary>
    private static bool IsCounted(SemanticModel fact, Dimension aggTime, FieldName field) =>
        field.Path is [FieldName.MetricTime] || (field.Path is [var entity, var element] && entity == fact.PrimaryEntity && element == aggTime.Name);

    /// <summary>A field with a grain is compared by its bucket's start, on the zone's clock.</summary>
    private object? Filtered(object? value, FieldName field) => value is not null && field.Part is { } part ? Part(value, part) : (value, field.Grain) switch
    {
        (null, _) or (_, null) => value,
        (DateOnly date, { } grain) => time.Bucket(date, grain),
        (DateTime utc, >= TimeGrain.Day) => time.Bucket(utc, field.Grain.Value),
        (DateTime utc, { } grain) => time.ToLocal((DateTime)time.Bucket(utc, grain)),
        _ => value,
    };

    private long Part(object value, DatePart part)
    {
        var date = value is DateTime utc ? DateOnly.FromDateTime(time.ToLocal(utc)) : (DateOnly)value;
        return part switch
        {
            DatePart.Year => date.Year,
            DatePart.Quarter => ((date.Month - 1) / 3) + 1,
            DatePart.Month => date.Month,
            DatePart.Day => date.Day,
            DatePart.Doy => date.DayOfYear,
            _ => date.DayOfWeek == DayOfWeek.Sunday ? 7 : (int)date.DayOfWeek,
        };
    }

    private object? Bucketed(object? value, FieldName field, Dimension? dimension) => value is not null && field.Part is { } part ? Part(value, part) : value switch
    {
        DateOnly date when dimension is not null => time.Bucket(date, Grain(field, dimension)),
        DateTime utc => time.Bucket(utc, Grain(field, dimension)),
        _ => value,
    };

    /// <summary>A time field without a grain is cut by days, or by what is stored if that is coarser, in every fact of the query.</summary>
    private TimeGrain Grain(FieldName field, Dimension? dimension)
    {
        if (field.Grain is { } grain)
        {
            return grain;
        }

        if (field.Part is { } part)
        {
            return part switch { DatePart.Year => TimeGrain.Year, DatePart.Quarter => TimeGrain.Quarter, DatePart.Month => TimeGrain.Month, _ => TimeGrain.Day };
        }

        var stored = field.IsMetricTime
            ? query.Metrics.SelectMany(m => world.AggTimes(world.Model.Metrics[m])).Max(d => d.Granularity!.Value)
            : dimension!.Granularity!.Value;
        return stored > TimeGrain.Day ? stored : TimeGrain.Day;
    }
}
