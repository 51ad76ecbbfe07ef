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

    /// <summary>Whether two dates can land on one, so that values that cannot be merged must be computed after the shift.</summary>
    public bool CanMerge(TimeGrain grain) => Steps.Any(s => s.ByIsoYear || (s.Period.Grain >= TimeGrain.Month && grain < TimeGrain.Month));

    public SqlExpression Apply(SqlExpression local)
    {
        foreach (var step in Steps)
        {
            local = step.ByIsoYear ? new SqlNextIsoYear(local) : new SqlAddPeriod(local, step.Period);
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
        !IsElapsedTime && (!target.IsMidnight || (HasIsoYear && (Then is not null || target.Date.DayOfWeek != DayOfWeek.Monday)));

    /// <inheritdoc />
    public override string ToString() => string.Join(" and ", Steps.Select(s => s.ByIsoYear ? "an ISO year" : s.Period.ToString()));

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
