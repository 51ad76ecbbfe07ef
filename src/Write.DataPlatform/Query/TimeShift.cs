using System.Globalization;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Query;

/// <summary>
/// Moves the past onto the present, so that a comparison or an offset meets its bucket: an event at t counts at <c>t + Period</c>,
/// clamped to the month's end. Moving events and not buckets is what keeps the 29th to 31st: each lands somewhere, once.
/// </summary>
/// <param name="Period">How far forward.</param>
/// <param name="ByIsoYear">To the same ISO week of the next year instead (week 53 to week 52).</param>
/// <param name="Then">What moves it on: an offset inside another offset or inside a comparison.</param>
internal sealed record TimeShift(CalendarPeriod Period, bool ByIsoYear = false, TimeShift? Then = null)
{
    /// <summary>Set if this step moves by periods that a time spine cuts: to the day of the same number there, or the last; <see cref="Period"/> is then none.</summary>
    public OwnPeriod? Own { get; init; }

    /// <summary>Whether it is a metric's own offset, whose moments MetricFlow takes from the time spine, and no comparison.</summary>
    public bool IsOffset { get; init; }

    /// <summary>A metric's offset by periods that a time spine cuts.</summary>
    public static TimeShift By(OwnPeriod own) => new(new CalendarPeriod(0, TimeGrain.Day)) { Own = own, IsOffset = true };

    /// <summary>A metric's offset by the calendar.</summary>
    public static TimeShift By(CalendarPeriod offset) => new(offset) { IsOffset = true };

    /// <summary>Whether any step is by <see cref="OwnPeriod"/>, so that only the time spine in the lake knows where a date lands.</summary>
    public bool IsOwn => Steps.Any(s => s.Own is not null);

    /// <summary>Whether only what lands before the end of today counts.</summary>
    public bool UpToToday { get; init; }

    /// <summary>Whether any step of it is <see cref="UpToToday"/>.</summary>
    public bool IsUpToToday => Steps.Any(s => s.UpToToday);

    public static TimeShift NextIsoYear { get; } = new(new CalendarPeriod(1, TimeGrain.Year), ByIsoYear: true);

    /// <summary>Whether the shift is in instants and not in calendar dates.</summary>
    public bool IsElapsedTime => Steps.All(s => s.Period.Grain < TimeGrain.Day);

    /// <summary>Whether it moves by the clock and by the calendar, which no one rule answers.</summary>
    public bool IsMixed => !IsElapsedTime && Steps.Any(s => s.Period.Grain < TimeGrain.Day);

    public IEnumerable<TimeGrain> Grains => Steps.Select(s => s.Period.Grain);

    public bool HasIsoYear => Steps.Any(s => s.ByIsoYear);

    /// <summary>How many seconds a shift in elapsed time moves.</summary>
    public long Seconds => Steps.Sum(s => s.Period.Count * (long)Calendar.Fixed(s.Period.Grain).TotalSeconds);

    private IEnumerable<TimeShift> Steps
    {
        get
        {
            for (var step = this; step is not null; step = step.Then)
            {
                yield return step;
            }
        }
    }

    public TimeShift FollowedBy(TimeShift? next) => next is null ? this : this with { Then = Then is null ? next : Then.FollowedBy(next) };

    /// <summary>Whether two buckets can land on one, so that values that cannot be merged must be computed after the shift.</summary>
    /// <param name="grain">The buckets' grain.</param>
    /// <param name="zone">The zone on whose clock buckets within a day are moved: where it is changed, an hour is there twice, or another takes the place of one that is not.</param>
    public bool CanMerge(TimeGrain grain, TimeZoneInfo zone) => Steps.Any(s =>
        s.ByIsoYear || s.Own is not null || (s.Period.Grain >= TimeGrain.Month && grain < TimeGrain.Month) || (s.Period.Grain >= TimeGrain.Day && grain < TimeGrain.Day && !ZoneRules.IsUtc(zone)));

    /// <summary>A date or a time on the clock after the shift.</summary>
    /// <param name="local">It before.</param>
    /// <param name="days">How many days a date moves by periods of the model's own.</param>
    public SqlExpression Apply(SqlExpression local, Func<OwnPeriod, SqlExpression, SqlExpression>? days)
    {
        foreach (var step in Steps)
        {
            local = step.Own is { } own
                ? new SqlAddDays(local, (days ?? throw new InvalidOperationException($"{own} is cut by a time spine, which is in the lake alone."))(own, new SqlCast(local, ColumnKind.Date)))
                : step.ByIsoYear ? new SqlNextIsoYear(local) : new SqlAddPeriod(local, step.Period);
        }

        return local;
    }

    public DateOnly Apply(DateOnly date) => Steps.Aggregate(date, (at, step) => step.Move(at));

    /// <summary>The first date that lands on or after another.</summary>
    public DateOnly FirstLandingAtOrAfter(DateOnly target)
    {
        var date = Steps.Reverse().Aggregate(target, (at, step) => (step.ByIsoYear ? at.AddDays(-7 * 53) : new TimeShift(step.Period.Negate()).Move(at)).AddDays(-14));
        while (Apply(date) < target)
        {
            date = date.AddDays(1);
        }

        return date;
    }

    /// <summary>The date after the last that lands before another. Weeks 52 and 53 land on one week, so it may lie after the first that lands on or after it.</summary>
    public DateOnly AfterLastLandingBefore(DateOnly target)
    {
        if (!HasIsoYear)
        {
            return FirstLandingAtOrAfter(target);
        }

        var date = Steps.Reverse().Aggregate(target, (at, step) => (step.ByIsoYear ? at.AddDays(-7 * 51) : new TimeShift(step.Period.Negate()).Move(at)).AddDays(14));
        while (Apply(date) >= target)
        {
            date = date.AddDays(-1);
        }

        return date.AddDays(1);
    }

    /// <summary>Whether a bound of the range that dates land in is exact only if it is tested on the shifted time.</summary>
    public bool NeedsExactTest(TimeBound target) =>
        !IsElapsedTime && (IsOwn || !target.IsMidnight || (HasIsoYear && (Then is not null || target.Date.DayOfWeek != DayOfWeek.Monday)));

    /// <inheritdoc />
    public override string ToString() => string.Join(" and ", Steps.Select(s => s.ByIsoYear ? "an ISO year" : s.Own?.ToString() ?? s.Period.ToString()));

    private DateOnly Move(DateOnly date)
    {
        if (ByIsoYear)
        {
            var day = date.ToDateTime(TimeOnly.MinValue);
            var weeks = ISOWeek.GetWeekOfYear(day) == 53 ? 52 : ISOWeek.GetWeeksInYear(ISOWeek.GetYear(day));
            return date.AddDays(7 * weeks);
        }

        return Period.Grain switch
        {
            TimeGrain.Day => date.AddDays(Period.Count),
            TimeGrain.Week => date.AddDays(7 * Period.Count),
            TimeGrain.Month => date.AddMonths(Period.Count),
            TimeGrain.Quarter => date.AddMonths(3 * Period.Count),
            TimeGrain.Year => date.AddYears(Period.Count),
            _ => throw new InvalidOperationException("A shift in elapsed time moves no dates."),
        };
    }
}

/// <summary>A length in periods that a column of a time spine of days cuts.</summary>
/// <param name="Count">How many.</param>
/// <param name="Granularity">The column.</param>
internal sealed record OwnPeriod(int Count, CustomGranularity Granularity)
{
    /// <summary>The column of the days that move.</summary>
    public const string Key = "key";

    /// <summary>The column of how far they move.</summary>
    public const string Days = "days";

    /// <summary>
    /// How far each day of the time spine moves: to the day of the same number in the period so many later, or to its last one. Periods are in the order of
    /// their first days; the days of the last ones move nowhere and are left out.
    /// </summary>
    public SqlSelect Moves()
    {
        static SqlColumn Of(string source, string name) => new(source, name);
        var days = new SqlSelect(
            [
                new SqlProjection(Of("d", Key), Key),
                new SqlProjection(Of("d", "period"), "period"),
                new SqlProjection(SqlOver.RowNumber([Of("d", "period")], [new SqlOrder(Of("d", Key), Descending: false)]), "number"),
            ],
            new SqlSelect(
                [new SqlProjection(new SqlCast(new SqlText(Granularity.Spine.Column), ColumnKind.Date), Key), new SqlProjection(new SqlText(Granularity.Column), "period")],
                new SqlTable(Granularity.Spine.Name),
                "s")
            {
                Where = [new SqlIsNull(new SqlText(Granularity.Column), Negated: true)],
                // A day that stands there twice moves once.
                GroupByCount = 2,
            },
            "d");
        var periods = new SqlSelect(
            [
                new SqlProjection(Of("g", "period"), "period"),
                new SqlProjection(Of("g", "length"), "length"),
                new SqlProjection(SqlOver.RowNumber([], [new SqlOrder(Of("g", "first"), Descending: false)]), "ordinal"),
            ],
            new SqlSelect(
                [
                    new SqlProjection(Of("n", "period"), "period"),
                    new SqlProjection(new SqlCall("max", Of("n", "number")), "length"),
                    new SqlProjection(new SqlCall("min", Of("n", Key)), "first"),
                ],
                days,
                "n")
            {
                GroupByCount = 1,
            },
            "g");
        return new SqlSelect(
            [new SqlProjection(Of("a", Key), Key), new SqlProjection(new SqlPeriodsBetween(TimeGrain.Day, Of("a", Key), Of("b", Key)), Days)],
            days,
            "a")
        {
            Joins =
            [
                new SqlJoin(periods, "p", new SqlBinary("=", Of("a", "period"), Of("p", "period")), JoinKind.Inner),
                new SqlJoin(periods, "q", new SqlBinary("=", Of("q", "ordinal"), new SqlBinary("+", Of("p", "ordinal"), new SqlLiteral((long)Count))), JoinKind.Inner),
                new SqlJoin(
                    days,
                    "b",
                    SqlExpression.And([new SqlBinary("=", Of("b", "period"), Of("q", "period")), new SqlBinary("=", Of("b", "number"), new SqlCall("least", Of("a", "number"), Of("q", "length")))]),
                    JoinKind.Inner),
            ],
        };
    }

    /// <summary>For example <c>1 fiscal_month</c>.</summary>
    public override string ToString() => $"{Count} {Granularity.Column}";
}
