using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Calendar = Write.DataPlatform.Query.Calendar;

namespace Write.DataPlatform.Api.Alerts;

/// <summary>The period that an alert judges, and where the ones before it begin.</summary>
/// <param name="Grain">The length.</param>
/// <param name="From">Its start.</param>
/// <param name="To">Its end, not included.</param>
/// <param name="First">The start of the first period that is asked for.</param>
internal sealed record JudgedPeriod(TimeGrain Grain, TimeBound From, TimeBound To, TimeBound First)
{
    /// <summary>The value of <c>metric_time</c> in its rows.</summary>
    public object Bucket => Grain < TimeGrain.Day ? From.Utc : From.Date;

    public AbsoluteTimeRange Range => new(Point(First), Point(To));

    public override string ToString() => $"{From} to {To}";

    /// <summary>The period to judge at a moment.</summary>
    /// <param name="alert">The rule.</param>
    /// <param name="grain">The period's length.</param>
    /// <param name="zone">The zone that cuts periods.</param>
    /// <param name="calendar">Where weeks, quarters and years start.</param>
    /// <param name="now">The moment.</param>
    public static JudgedPeriod Of(Alert alert, TimeGrain grain, TimeZoneInfo zone, ModelCalendar calendar, DateTimeOffset now)
    {
        var before = alert.Condition is { Against: AlertReference.Baseline, Periods: var periods } ? periods : 0;
        var isOver = alert.Period == AlertPeriod.Complete;
        var moment = (isOver ? now - alert.Delay : now).UtcDateTime;
        if (grain < TimeGrain.Day)
        {
            var length = Calendar.Fixed(grain);
            var offset = zone.GetUtcOffset(moment);
            var start = Calendar.Truncate(moment + offset, grain) - offset - (isOver ? length : TimeSpan.Zero);
            return new JudgedPeriod(grain, TimeBound.FromUtc(start, zone), TimeBound.FromUtc(start + length, zone), TimeBound.FromUtc(start - (before * length), zone));
        }

        var current = calendar.Truncate(DateOnly.FromDateTime(ZoneRules.ToLocal(moment, zone)), grain);
        var from = isOver ? Calendar.Add(current, new CalendarPeriod(-1, grain)) : current;
        var to = Calendar.Add(from, new CalendarPeriod(1, grain));
        return new JudgedPeriod(grain, TimeBound.FromDate(from, zone), TimeBound.FromDate(to, zone), TimeBound.FromDate(Calendar.Add(from, new CalendarPeriod(-before, grain)), zone));
    }

    /// <summary>Why what is known does not do to judge the period; null if it does.</summary>
    /// <param name="alert">The rule.</param>
    /// <param name="asOf">How far the data reaches; null if nobody knows.</param>
    public string? Gap(Alert alert, DateTimeOffset? asOf)
    {
        if (asOf is not { } end)
        {
            return "Nobody knows how far the data reaches yet.";
        }

        var gap = alert.AllowedGap ?? (Grain < TimeGrain.Day ? Calendar.Fixed(Grain) / 10 : TimeSpan.FromHours(1));
        var needed = alert.Period == AlertPeriod.Current ? From.Utc : To.Utc - gap;
        return end.UtcDateTime < needed ? string.Create(CultureInfo.InvariantCulture, $"The data ends at {end.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}, which is before the period {this} {(alert.Period == AlertPeriod.Current ? "begins" : "is over")}.") : null;
    }

    /// <summary>
    /// Why the period has no single one a year before: of a leap day, a 53rd week and an hour that the clock left out there is none, and what it would have been is counted beside its neighbour. Null if it has.
    /// </summary>
    /// <param name="zone">The zone that cuts periods.</param>
    /// <param name="calendar">Where weeks start: only those from Monday on are held against the week of the same number.</param>
    public string? NoYearBefore(TimeZoneInfo zone, ModelCalendar calendar)
    {
        var day = From.Date;
        var thursday = day.AddDays(3).ToDateTime(TimeOnly.MinValue);
        var hasNone = Grain switch
        {
            TimeGrain.Week => calendar.WeekStart == DayOfWeek.Monday
                && ISOWeek.GetWeekOfYear(thursday) is var week && (week == 53 || (week == 52 && ISOWeek.GetWeeksInYear(ISOWeek.GetYear(thursday) - 1) == 53)),
            > TimeGrain.Day => false,
            _ => (day.Month == 2 && (day.Day == 29 || (day.Day == 28 && DateTime.IsLeapYear(day.Year - 1))))
                || (Grain < TimeGrain.Day && (IsOdd(From.Utc, zone) || IsOdd(To.Utc.AddMinutes(-1), zone))),
        };
        return hasNone ? $"The period {this} has no single period a year before it." : null;
    }

    /// <summary>Whether the clock says a time twice or leaves it out, now or a year before; or leaves one out just before, whose like a year ago then counts in its place.</summary>
    private static bool IsOdd(DateTime utc, TimeZoneInfo zone)
    {
        var local = ZoneRules.ToLocal(utc, zone);
        var before = local.AddYears(-1);
        var leap = zone.GetUtcOffset(utc) - zone.GetUtcOffset(utc.AddHours(-3));
        return zone.IsAmbiguousTime(local) || zone.IsInvalidTime(local - leap) || zone.IsAmbiguousTime(before) || zone.IsInvalidTime(before);
    }

    private TimePoint Point(TimeBound bound) => Grain < TimeGrain.Day ? new TimePoint(DateTime.SpecifyKind(bound.Utc, DateTimeKind.Unspecified), TimeSpan.Zero) : TimePoint.FromDate(bound.Date);
}

/// <summary>Holds a value against what was before it.</summary>
internal static class AlertJudge
{
    /// <summary>The verdict.</summary>
    /// <param name="condition">The rule's condition.</param>
    /// <param name="key">The group.</param>
    /// <param name="value">The judged period's value; null if it has none.</param>
    /// <param name="earlier">The earlier value, or the values of the periods before; nulls have none, and what was not counted is left out.</param>
    public static Judgement Judge(AlertCondition condition, ImmutableArray<string?> key, double? value, IReadOnlyCollection<double?> earlier)
    {
        Judgement NoData(string why) => new(key, Verdict.NoData, value, null, null, why);
        if (value is not { } current)
        {
            return NoData("The period has no value.");
        }

        if (condition.Against == AlertReference.Value)
        {
            return Decide(condition, key, current, null, current);
        }

        var known = earlier.OfType<double>().ToList();
        double reference;
        double? deviation = null;
        if (condition.Against == AlertReference.Baseline)
        {
            var needed = Math.Max(2, (condition.Periods + 1) / 2);
            if (known.Count < needed)
            {
                return NoData($"{known.Count} of the {condition.Periods} periods before have a value; {needed} are needed.");
            }

            reference = known.Average();
            deviation = Math.Sqrt(known.Sum(v => (v - reference) * (v - reference)) / (known.Count - 1));
        }
        else if (known is not [var only])
        {
            return NoData(earlier.Count == 0 ? "Nothing was counted in the earlier period." : "The earlier period has no value.");
        }
        else
        {
            reference = only;
        }

        var distance = current - reference;
        if (condition.By == AlertMeasure.Percent && reference == 0 && distance != 0)
        {
            return new Judgement(key, Verdict.NoData, value, reference, null, "No percentage can be told of zero.");
        }

        // Of values that were all alike every other one is infinitely far away. What rounding leaves of them is none.
        var isFlat = deviation <= 1e-12 * Math.Abs(reference);
        var measure = condition.By switch
        {
            AlertMeasure.Absolute => distance,
            _ when Math.Abs(distance) <= 1e-12 * Math.Abs(reference) => 0,
            AlertMeasure.Percent => distance / Math.Abs(reference) * 100,
            _ => isFlat ? double.CopySign(double.PositiveInfinity, distance) : distance / deviation!.Value,
        };
        return Decide(condition, key, current, reference, measure);
    }

    /// <summary>What a condition says, in words.</summary>
    public static string Text(AlertCondition condition)
    {
        string Limit(double limit) => condition.Against == AlertReference.Value ? Number(limit) : condition.By switch
        {
            AlertMeasure.Percent => $"{limit.ToString("+0.####;-0.####;0", CultureInfo.InvariantCulture)} %",
            AlertMeasure.Deviations => $"{limit.ToString("+0.####;-0.####;0", CultureInfo.InvariantCulture)} standard deviations",
            _ => limit.ToString("+0.####;-0.####;0", CultureInfo.InvariantCulture),
        };
        var limits = string.Join(" or ", new[] { condition.Above is { } above ? $"above {Limit(above)}" : null, condition.Below is { } below ? $"below {Limit(below)}" : null }.OfType<string>());
        return condition.Against switch
        {
            AlertReference.PreviousPeriod => $"{limits} against the period before",
            AlertReference.PreviousYear => $"{limits} against the year before",
            AlertReference.Baseline => $"{limits} against the {condition.Periods} periods before",
            _ => limits,
        };
    }

    private static Judgement Decide(AlertCondition condition, ImmutableArray<string?> key, double value, double? reference, double measure)
    {
        var isBroken = measure > condition.Above || measure < condition.Below;
        var unit = condition.Against == AlertReference.Value ? "" : condition.By switch { AlertMeasure.Percent => " %", AlertMeasure.Deviations => " standard deviations", _ => "" };
        var detail = reference is { } r ? $"{Number(value)} against {Number(r)}: {(double.IsFinite(measure) ? Number(measure) : "infinitely many")}{unit}" : Number(value);
        return new Judgement(key, isBroken ? Verdict.Broken : Verdict.Ok, value, reference, double.IsFinite(measure) ? measure : null, detail);
    }

    private static string Number(double value) => value.ToString("#,0.####", CultureInfo.InvariantCulture);
}
