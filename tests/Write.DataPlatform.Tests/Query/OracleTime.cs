using System.Globalization;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Query;

/// <summary>How far the oracle moves the past forward: a calendar period, or a year of ISO weeks.</summary>
internal sealed record OracleShift(CalendarPeriod Period, bool IsIsoYear = false);

/// <summary>Time as the rules tell it, one value at a time, by <see cref="TimeZoneInfo"/> and <see cref="DateOnly"/> alone.</summary>
internal sealed class OracleTime(TimeZoneInfo zone, ModelCalendar calendar, DateTimeOffset now)
{
    public DateTime ToLocal(DateTime utc) => DateTime.SpecifyKind(TimeZoneInfo.ConvertTimeFromUtc(DateTime.SpecifyKind(utc, DateTimeKind.Utc), zone), DateTimeKind.Unspecified);

    /// <summary>Of a time that the clock shows twice the first; one that it leaves out counts on from before.</summary>
    public DateTime ToUtc(DateTime local)
    {
        local = DateTime.SpecifyKind(local, DateTimeKind.Unspecified);
        var offset = zone.IsAmbiguousTime(local) ? zone.GetAmbiguousTimeOffsets(local).Max()
            : zone.IsInvalidTime(local) ? zone.GetUtcOffset(local.AddDays(-1))
            : zone.GetUtcOffset(local);
        return DateTime.SpecifyKind(local - offset, DateTimeKind.Utc);
    }

    /// <summary>The bucket of an instant: a date for days and coarser, else the UTC instant at which it starts.</summary>
    public object Bucket(DateTime utc, TimeGrain grain)
    {
        if (grain >= TimeGrain.Day)
        {
            return Bucket(DateOnly.FromDateTime(ToLocal(utc)), grain);
        }

        var local = ToLocal(utc);
        var into = grain switch
        {
            TimeGrain.Hour => new TimeSpan(0, 0, local.Minute, local.Second).Ticks + (local.Ticks % TimeSpan.TicksPerSecond),
            TimeGrain.Minute => new TimeSpan(0, 0, 0, local.Second).Ticks + (local.Ticks % TimeSpan.TicksPerSecond),
            _ => local.Ticks % TimeSpan.TicksPerSecond,
        };
        return DateTime.SpecifyKind(utc.AddTicks(-into), DateTimeKind.Utc);
    }

    public DateOnly Bucket(DateOnly date, TimeGrain grain)
    {
        switch (grain)
        {
            case TimeGrain.Week:
                while (date.DayOfWeek != calendar.WeekStart)
                {
                    date = date.AddDays(-1);
                }

                return date;
            case TimeGrain.Month:
                return new DateOnly(date.Year, date.Month, 1);
            case TimeGrain.Quarter:
            case TimeGrain.Year:
                var first = new DateOnly(date.Year - 1, calendar.FiscalYearStartMonth, 1);
                while (first.AddMonths(grain == TimeGrain.Year ? 12 : 3) <= date)
                {
                    first = first.AddMonths(grain == TimeGrain.Year ? 12 : 3);
                }

                return first;
            default:
                return date;
        }
    }

    public static DateOnly Shift(DateOnly date, OracleShift shift)
    {
        if (shift.IsIsoYear)
        {
            var day = date.ToDateTime(TimeOnly.MinValue);
            var (year, week) = (ISOWeek.GetYear(day), ISOWeek.GetWeekOfYear(day));
            return DateOnly.FromDateTime(ISOWeek.ToDateTime(year + 1, Math.Min(week, 52), day.DayOfWeek));
        }

        var (count, grain) = (shift.Period.Count, shift.Period.Grain);
        return grain switch
        {
            TimeGrain.Day => date.AddDays(count),
            TimeGrain.Week => date.AddDays(7 * count),
            TimeGrain.Month => date.AddMonths(count),
            TimeGrain.Quarter => date.AddMonths(3 * count),
            TimeGrain.Year => date.AddYears(count),
            _ => throw new InvalidOperationException("Dates are not shifted by hours."),
        };
    }

    /// <summary>The instant at which an event counts.</summary>
    public DateTime Shift(DateTime utc, OracleShift shift)
    {
        switch (shift.Period.Grain)
        {
            case TimeGrain.Second when !shift.IsIsoYear:
                return utc.AddSeconds(shift.Period.Count);
            case TimeGrain.Minute when !shift.IsIsoYear:
                return utc.AddMinutes(shift.Period.Count);
            case TimeGrain.Hour when !shift.IsIsoYear:
                return utc.AddHours(shift.Period.Count);
            default:
                var local = ToLocal(utc);
                return ToUtc(Shift(DateOnly.FromDateTime(local), shift).ToDateTime(TimeOnly.FromDateTime(local)));
        }
    }

    public OracleRange Range(TimeRange? range)
    {
        var today = DateOnly.FromDateTime(ToLocal(now.UtcDateTime));
        switch (range)
        {
            case null:
                return new OracleRange(null, null, null, null);
            case AbsoluteTimeRange absolute:
                var (from, to) = (Instant(absolute.From), Instant(absolute.To));
                return new OracleRange(from, to, from is null ? null : ToLocal(from.Value), to is null ? null : ToLocal(to.Value));
            case LastTimeRange { Length: var length } when length.Grain >= TimeGrain.Day:
                var current = Bucket(today, length.Grain);
                var first = Shift(current, new OracleShift(new CalendarPeriod(1 - length.Count, length.Grain)));
                return Dates(first, Shift(current, new OracleShift(new CalendarPeriod(1, length.Grain))));
            case LastTimeRange { Length: var length }:
                var unit = length.Grain switch { TimeGrain.Hour => TimeSpan.FromHours(1), TimeGrain.Minute => TimeSpan.FromMinutes(1), _ => TimeSpan.FromSeconds(1) };
                var local = ToLocal(now.UtcDateTime);
                var end = now.UtcDateTime + unit - TimeSpan.FromTicks(local.Ticks % unit.Ticks);
                return new OracleRange(end - (length.Count * unit), end, ToLocal(end - (length.Count * unit)), ToLocal(end));
            case ToDateTimeRange toDate:
                return Dates(Bucket(today, toDate.Grain), today.AddDays(1));
            default:
                throw new InvalidOperationException();
        }
    }

    /// <summary>The range, cut at the midnight that follows now.</summary>
    public OracleRange UpToToday(OracleRange range)
    {
        var midnight = DateOnly.FromDateTime(ToLocal(now.UtcDateTime)).AddDays(1).ToDateTime(TimeOnly.MinValue);
        return range.To is { } to && to <= ToUtc(midnight) ? range : range with { To = ToUtc(midnight), ToLocal = midnight };
    }

    /// <summary>Every bucket that has a moment inside the range.</summary>
    public List<object> Spine(OracleRange range, TimeGrain grain)
    {
        var buckets = new List<object>();
        if (grain >= TimeGrain.Day)
        {
            var last = DateOnly.FromDateTime(range.ToLocal!.Value.AddTicks(-1));
            for (var date = DateOnly.FromDateTime(range.FromLocal!.Value); date <= last; date = date.AddDays(1))
            {
                Add(Bucket(date, grain));
            }

            return buckets;
        }

        // A quarter of an hour divides every offset there is today.
        var step = grain switch { TimeGrain.Hour => TimeSpan.FromMinutes(15), TimeGrain.Minute => TimeSpan.FromMinutes(1), _ => TimeSpan.FromSeconds(1) };
        for (var time = range.From!.Value; time < range.To!.Value; time = (DateTime)Bucket(time, grain) + step > time ? (DateTime)Bucket(time, grain) + step : time + step)
        {
            Add(Bucket(time, grain));
        }

        // The last step may have gone past the end from within the bucket before.
        Add(Bucket(range.To!.Value.AddTicks(-1), grain));
        return buckets;

        void Add(object bucket)
        {
            if (buckets.Count == 0 || !buckets[^1].Equals(bucket))
            {
                buckets.Add(bucket);
            }
        }
    }

    public DateTime? Instant(TimePoint? point) => point switch
    {
        null => null,
        { Offset: { } offset } p => DateTime.SpecifyKind(p.Local - offset, DateTimeKind.Utc),
        { } p => ToUtc(p.Local),
    };

    private OracleRange Dates(DateOnly from, DateOnly to)
    {
        var (start, end) = (from.ToDateTime(TimeOnly.MinValue), to.ToDateTime(TimeOnly.MinValue));
        return new OracleRange(ToUtc(start), ToUtc(end), start, end);
    }
}

/// <summary>Half-open, in UTC and on the zone's clock; null is open.</summary>
internal sealed record OracleRange(DateTime? From, DateTime? To, DateTime? FromLocal, DateTime? ToLocal)
{
    public bool Holds(DateTime utc) => (From is null || utc >= From) && (To is null || utc < To);

    public bool Holds(DateOnly date) =>
        (FromLocal is null || date >= DateOnly.FromDateTime(FromLocal.Value)) && (ToLocal is null || date < DateOnly.FromDateTime(ToLocal.Value));

    public bool IsWholeDays => FromLocal is not { TimeOfDay.Ticks: not 0 } && ToLocal is not { TimeOfDay.Ticks: not 0 };

    /// <summary>The shift of the range of the same length just before: whole months if it has them, else days, else seconds.</summary>
    public OracleShift Length()
    {
        if (!IsWholeDays)
        {
            return new OracleShift(new CalendarPeriod((int)(To!.Value - From!.Value).TotalSeconds, TimeGrain.Second));
        }

        var (from, to) = (DateOnly.FromDateTime(FromLocal!.Value), DateOnly.FromDateTime(ToLocal!.Value));
        return from.Day == 1 && to.Day == 1
            ? new OracleShift(new CalendarPeriod((12 * to.Year) + to.Month - (12 * from.Year) - from.Month, TimeGrain.Month))
            : new OracleShift(new CalendarPeriod(to.DayNumber - from.DayNumber, TimeGrain.Day));
    }
}
