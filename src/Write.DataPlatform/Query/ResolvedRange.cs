using System.Globalization;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query;

/// <summary>A moment on the query's clock and in UTC.</summary>
internal readonly record struct TimeBound(DateTime Local, DateTime Utc)
{
    public bool IsMidnight => Local.TimeOfDay == TimeSpan.Zero;

    public DateOnly Date => DateOnly.FromDateTime(Local);

    public static TimeBound FromLocal(DateTime local, TimeZoneInfo zone) => new(local, ZoneRules.ToUtc(local, zone));

    public static TimeBound FromUtc(DateTime utc, TimeZoneInfo zone) => new(ZoneRules.ToLocal(utc, zone), DateTime.SpecifyKind(utc, DateTimeKind.Utc));

    public static TimeBound FromDate(DateOnly date, TimeZoneInfo zone) => FromLocal(date.ToDateTime(TimeOnly.MinValue), zone);

    public override string ToString() =>
        Local.ToString(IsMidnight ? "yyyy-MM-dd" : "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture);
}

/// <summary>Half-open; a null bound is open.</summary>
internal sealed record ResolvedRange(TimeBound? From, TimeBound? To)
{
    public static ResolvedRange All { get; } = new(null, null);

    public bool IsBounded => From is not null && To is not null;

    public bool IsEmpty => From is { } from && To is { } to && from.Utc >= to.Utc;

    /// <summary>What a caller wrote, as a range on the clock of the query's zone.</summary>
    public static ResolvedRange Resolve(TimeRange? range, TimeZoneInfo zone, ModelCalendar calendar, DateTimeOffset now)
    {
        switch (range)
        {
            case null:
                return All;
            case AbsoluteTimeRange absolute:
                return new ResolvedRange(Bound(absolute.From, zone), Bound(absolute.To, zone));
            case LastTimeRange { Length: var length } when length.Grain < TimeGrain.Day:
                // On the zone's clock, whose hours begin within UTC's where its offset is no whole number of them.
                var offset = zone.GetUtcOffset(now);
                var end = Calendar.Truncate(now.UtcDateTime + offset, length.Grain) - offset + Calendar.Fixed(length.Grain);
                return new ResolvedRange(
                    TimeBound.FromUtc(end - (length.Count * Calendar.Fixed(length.Grain)), zone), TimeBound.FromUtc(end, zone));
            case LastTimeRange { Length: var length }:
                var current = calendar.Truncate(Today(zone, now), length.Grain);
                return new ResolvedRange(
                    TimeBound.FromDate(Calendar.Add(current, new CalendarPeriod(1 - length.Count, length.Grain)), zone),
                    TimeBound.FromDate(Calendar.Add(current, new CalendarPeriod(1, length.Grain)), zone));
            case ToDateTimeRange toDate:
                var today = Today(zone, now);
                return new ResolvedRange(
                    TimeBound.FromDate(calendar.Truncate(today, toDate.Grain), zone), TimeBound.FromDate(today.AddDays(1), zone));
            default:
                throw new ArgumentOutOfRangeException(nameof(range));
        }
    }

    /// <summary>The range without what comes after today.</summary>
    public ResolvedRange UpToToday(TimeZoneInfo zone, DateTimeOffset now) =>
        TimeBound.FromDate(Today(zone, now).AddDays(1), zone) is var end && (To is not { } to || end.Utc < to.Utc) ? this with { To = end } : this;

    /// <summary>The range of events that a shift moves into this one.</summary>
    public ResolvedRange Before(TimeShift shift, TimeZoneInfo zone) => shift.IsOwn ? All : new(Before(From, shift, zone, isEnd: false), Before(To, shift, zone, isEnd: true));

    /// <summary>The start of the first bucket and the moment that no bucket reaches: on the clock from day grain up, else in UTC; null where it is open.</summary>
    public (DateTime? Start, DateTime? End) Buckets(TimeGrain grain, ModelCalendar calendar)
    {
        if (grain >= TimeGrain.Day)
        {
            return (From is { } first ? calendar.Truncate(first.Date, grain).ToDateTime(TimeOnly.MinValue) : null, To?.Local);
        }

        DateTime? start = null;
        if (From is { } from)
        {
            var offset = from.Local - DateTime.SpecifyKind(from.Utc, DateTimeKind.Unspecified);
            start = DateTime.SpecifyKind(Calendar.Truncate(from.Local, grain) - offset, DateTimeKind.Unspecified);
        }

        return (start, To is { } to ? DateTime.SpecifyKind(to.Utc, DateTimeKind.Unspecified) : null);
    }

    public override string ToString() => $"[{From?.ToString() ?? "…"}, {To?.ToString() ?? "…"})";

    private static TimeBound? Before(TimeBound? bound, TimeShift shift, TimeZoneInfo zone, bool isEnd)
    {
        if (bound is not { } time)
        {
            return null;
        }

        if (shift.IsElapsedTime)
        {
            return TimeBound.FromUtc(time.Utc.AddSeconds(-shift.Seconds), zone);
        }

        // Where whole days are not exact, the shifted time itself is tested too.
        var date = isEnd && !time.IsMidnight ? time.Date.AddDays(1) : time.Date;
        return TimeBound.FromDate(isEnd ? shift.AfterLastLandingBefore(date) : shift.FirstLandingAtOrAfter(date), zone);
    }

    private static TimeBound? Bound(TimePoint? point, TimeZoneInfo zone) => point switch
    {
        null => null,
        { Offset: { } offset } p => TimeBound.FromUtc(new DateTimeOffset(p.Local, offset).UtcDateTime, zone),
        { } p => TimeBound.FromLocal(p.Local, zone),
    };

    private static DateOnly Today(TimeZoneInfo zone, DateTimeOffset now) => DateOnly.FromDateTime(ZoneRules.ToLocal(now.UtcDateTime, zone));
}

/// <summary>Dates by calendar.</summary>
internal static class Calendar
{
    public static TimeSpan Fixed(TimeGrain grain) => grain switch
    {
        TimeGrain.Millisecond => TimeSpan.FromMilliseconds(1),
        TimeGrain.Second => TimeSpan.FromSeconds(1),
        TimeGrain.Minute => TimeSpan.FromMinutes(1),
        TimeGrain.Hour => TimeSpan.FromHours(1),
        _ => throw new ArgumentOutOfRangeException(nameof(grain), grain, "Days and longer have no fixed length."),
    };

    /// <summary>How many seconds a bucket has at least; of days and longer those of a day.</summary>
    public static double Seconds(TimeGrain grain) => grain < TimeGrain.Day ? Fixed(grain).TotalSeconds : 86_400;

    public static DateTime Truncate(DateTime time, TimeGrain grain) => new(time.Ticks - (time.Ticks % Fixed(grain).Ticks), time.Kind);

    public static DateOnly Add(DateOnly date, CalendarPeriod period) => new TimeShift(period).Apply(date);
}
