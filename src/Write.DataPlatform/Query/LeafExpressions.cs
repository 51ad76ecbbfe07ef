using Write.DataPlatform.Model;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Query;

/// <summary>Spells a leaf's fields, buckets and conditions over some source of its rows.</summary>
/// <param name="leaf">The leaf.</param>
/// <param name="stored">The stored value of a field.</param>
/// <param name="isInstant">Whether the source's aggregation time is an instant; a gold table of days holds dates instead.</param>
/// <param name="custom">What a granularity of the model's own makes of a bucket of its time spine; null where there is no time spine to ask.</param>
/// <param name="days">How many days a date moves by periods of the model's own; null where there is no time spine to ask.</param>
internal sealed class LeafExpressions(
    Leaf leaf, Func<FieldBinding, SqlExpression> stored, bool isInstant, Func<CustomGranularity, SqlExpression, SqlExpression>? custom = null, Func<OwnPeriod, SqlExpression, SqlExpression>? days = null)
{
    public SqlExpression Key(GroupField field) => field.Grain is { } grain ? Cut(field.Binding, Bucket(field.Binding, grain)) : stored(field.Binding);

    /// <summary>The grain whose buckets tell a part of a date; a fiscal year or quarter does not tell the calendar's.</summary>
    public static TimeGrain? GrainOf(DatePart? part, ModelCalendar calendar) => part switch
    {
        null => null,
        DatePart.Year when calendar.MonthsAfterCalendar(TimeGrain.Year) == 0 => TimeGrain.Year,
        DatePart.Quarter when calendar.MonthsAfterCalendar(TimeGrain.Quarter) == 0 => TimeGrain.Quarter,
        DatePart.Year or DatePart.Quarter => TimeGrain.Month,
        DatePart.Month => TimeGrain.Month,
        _ => TimeGrain.Day,
    };

    /// <summary>The conditions that keep the aggregation time in a range of events.</summary>
    public IEnumerable<SqlExpression> InRange(ResolvedRange range)
    {
        if (!leaf.HasTime)
        {
            yield break;
        }

        var time = AggTime();
        if (range is { From: null, To: null })
        {
            // An event without a time is in no range, so it is not in all of time either; gold could not place it.
            yield return new SqlIsNull(time, Negated: true);
        }

        if (range.From is { } from)
        {
            yield return new SqlBinary(">=", time, Bound(from));
        }

        if (range.To is { } to)
        {
            yield return new SqlBinary("<", time, Bound(to));
        }

        foreach (var test in leaf.Shift is { IsOwn: true } ? [] : Lands())
        {
            yield return test;
        }
    }

    /// <summary>That a shifted time lies in the range, where whole days before the shift do not say so exactly.</summary>
    public IEnumerable<SqlExpression> Lands()
    {
        if (leaf.Shift is { } shift)
        {
            var binding = AggTimeBinding();
            if (shift.IsOwn)
            {
                yield return new SqlIsNull(isInstant ? Local(binding) : Shifted(binding, Stored(binding)), Negated: true);
            }

            foreach (var (bound, op) in new[] { (leaf.Target.From, ">="), (leaf.Target.To, "<") })
            {
                if (bound is { } inside && shift.NeedsExactTest(inside))
                {
                    yield return isInstant
                        ? new SqlBinary(op, Local(binding), new SqlLiteral(inside.Local))
                        : new SqlBinary(op, Shifted(binding, Stored(binding)), new SqlLiteral(inside.Date));
                }
            }
        }
    }

    public SqlExpression Condition(Filter filter) => FilterExpressions.Of(filter, Field);

    public SqlExpression Condition(MeasureState state) => Condition(leaf.StateFilters[state.Filter!]);

    /// <summary>The aggregation time as stored: a UTC timestamp or a date.</summary>
    public SqlExpression AggTime() => Stored(AggTimeBinding());

    /// <summary>A time dimension of the fact itself, as fine as it is declared.</summary>
    public SqlExpression Moment(Dimension dimension)
    {
        var stored = Stored(new FieldBinding { Name = new FieldName([dimension.Name], null), Hops = [], Owner = leaf.Fact, Element = dimension.Name, Expr = dimension.Expr, Dimension = dimension });
        return dimension.Granularity is { } grain and not TimeGrain.Day ? new SqlTruncate(grain, stored, leaf.Calendar) : stored;
    }

    /// <summary>When the event happened, before any shift: in UTC, or the date on the model's clock.</summary>
    public SqlExpression EventTime(bool asInstant)
    {
        var time = AggTime();
        return (isInstant, asInstant) switch
        {
            (true, false) => new SqlCast(ZoneRules.ToLocal(time, leaf.ModelZone, leaf.Range.From?.Utc, leaf.Range.To?.Utc), ColumnKind.Date),
            // The range is of dates, whose midnights on the model's clock may lie a day from those on the query's.
            (false, true) => ZoneRules.ToUtc(
                new SqlCast(time, ColumnKind.Timestamp), leaf.ModelZone, leaf.Range.From?.Utc.AddDays(-2), leaf.Range.To?.Utc.AddDays(2)),
            _ => time,
        };
    }

    /// <summary>The bucket in which an event counts.</summary>
    public SqlExpression AggBucket(TimeGrain grain) => Bucket(AggTimeBinding(), grain);

    private FieldBinding AggTimeBinding() => new()
    {
        Name = new FieldName([FieldName.MetricTime], null),
        Hops = [],
        Owner = leaf.Fact,
        Element = leaf.AggTime.Name,
        Expr = leaf.AggTime.Expr,
        Dimension = leaf.AggTime,
    };

    private SqlExpression Field(FieldName name)
    {
        var binding = leaf.Bindings[name];
        if (!binding.IsTime)
        {
            return stored(binding);
        }

        if (name.Part is not null || binding.Custom is not null)
        {
            return Cut(binding, Bucket(binding, binding.Custom?.Spine.Grain ?? GrainOf(name.Part, leaf.Calendar)!.Value));
        }

        if (leaf.IsAggTime(binding) && !isInstant && Leaf.IsInstant(leaf.AggTime) && (name.Grain is null || name.Grain < TimeGrain.Day))
        {
            // A moment of days stands for its midnight on the query's clock.
            var midnight = new SqlCast(Shifted(binding, Stored(binding)), ColumnKind.Timestamp);
            return name.Grain is null ? ToUtc(binding, midnight) : midnight;
        }

        if (name.Grain is not { } grain)
        {
            // An instant is compared as one: on the clock, the hour that comes twice would be one hour.
            return !IsInstant(binding) ? Shifted(binding, Stored(binding)) : IsCalendarShifted(binding) ? ToUtc(binding, Local(binding)) : Utc(binding);
        }

        // Values are read on the query's clock, so buckets within a day are compared there too.
        return grain < TimeGrain.Day ? new SqlTruncate(grain, Local(binding), leaf.Calendar) : Bucket(binding, grain);
    }

    private SqlExpression Cut(FieldBinding binding, SqlExpression bucket) =>
        binding.Name.Part is { } part ? new SqlDatePart(part, bucket)
        : binding.Custom is { } own ? (custom ?? throw new InvalidOperationException($"{binding.Name} is cut by a time spine, which is in the lake alone."))(own, bucket)
        : bucket;

    private SqlExpression Bucket(FieldBinding binding, TimeGrain grain)
    {
        if (!IsInstant(binding))
        {
            var date = Shifted(binding, Stored(binding));
            return grain == TimeGrain.Day && date is SqlCast ? date : new SqlCast(grain == TimeGrain.Day ? date : new SqlTruncate(grain, date, leaf.Calendar), ColumnKind.Date);
        }

        if (grain >= TimeGrain.Day)
        {
            var local = Local(binding);
            return new SqlCast(grain == TimeGrain.Day ? local : new SqlTruncate(grain, local, leaf.Calendar), ColumnKind.Date);
        }

        if (IsCalendarShifted(binding))
        {
            return ToUtc(binding, new SqlTruncate(grain, Local(binding), leaf.Calendar));
        }

        var (fromUtc, toUtc) = Bounds(binding, afterShift: true);
        return ZoneRules.TruncateUtc(Utc(binding), grain, leaf.Zone, fromUtc, toUtc);
    }

    private SqlExpression ToUtc(FieldBinding binding, SqlExpression local)
    {
        var (fromUtc, toUtc) = Bounds(binding, afterShift: true);
        return ZoneRules.ToUtc(local, leaf.Zone, fromUtc, toUtc);
    }

    /// <summary>On the query's clock, after the shift.</summary>
    private SqlExpression Local(FieldBinding binding)
    {
        if (!IsCalendarShifted(binding))
        {
            var (fromUtc, toUtc) = Bounds(binding, afterShift: true);
            return ZoneRules.ToLocal(Utc(binding), leaf.Zone, fromUtc, toUtc);
        }

        var before = Bounds(binding, afterShift: false);
        return leaf.Shift!.Apply(ZoneRules.ToLocal(Utc(binding), leaf.Zone, before.FromUtc, before.ToUtc, isRepeated: true), days);
    }

    /// <summary>In UTC, after a shift in elapsed time.</summary>
    private SqlExpression Utc(FieldBinding binding) =>
        leaf.Shift is { IsElapsedTime: true, Seconds: var seconds } && leaf.IsAggTime(binding)
            ? new SqlAddSeconds(Stored(binding), seconds)
            : Stored(binding);

    private SqlExpression Shifted(FieldBinding binding, SqlExpression date) => IsCalendarShifted(binding) ? leaf.Shift!.Apply(date, days) : date;

    private bool IsCalendarShifted(FieldBinding binding) => leaf.Shift is { IsElapsedTime: false } && leaf.IsAggTime(binding);

    private bool IsInstant(FieldBinding binding) => leaf.IsAggTime(binding) ? isInstant : Leaf.IsInstant(binding.Dimension!);

    private SqlExpression Stored(FieldBinding binding) => new SqlCast(stored(binding), IsInstant(binding) ? ColumnKind.Timestamp : ColumnKind.Date);

    private SqlLiteral Bound(TimeBound bound) =>
        new(isInstant ? DateTime.SpecifyKind(bound.Utc, DateTimeKind.Unspecified) : bound.Date);

    /// <summary>What encloses a field's values; only the aggregation time is bounded by the query.</summary>
    private (DateTime? FromUtc, DateTime? ToUtc) Bounds(FieldBinding binding, bool afterShift)
    {
        if (!leaf.IsAggTime(binding))
        {
            return (null, null);
        }

        var range = afterShift ? leaf.Target : leaf.Range;
        return (range.From?.Utc, range.To?.Utc);
    }
}
