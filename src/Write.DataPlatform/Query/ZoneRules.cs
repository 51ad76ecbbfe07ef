using System.Collections.Concurrent;
using System.Collections.Immutable;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Query;

/// <summary>
/// Turns UTC into local time and back inside SQL by the zone's own transitions, written as a CASE over the range that is queried.
/// Every engine then cuts the same buckets, whatever version of the zone database it has, and DuckDB does it many times faster than by zone name.
/// </summary>
internal static class ZoneRules
{
    /// <summary>Beyond so many years the CASE would be longer than it is quick.</summary>
    private const int MaxYears = 12;

    private static readonly ConcurrentDictionary<(string Zone, int Year), ImmutableArray<Transition>> Years = new();

    /// <summary>A UTC timestamp on the zone's clock; the bounds enclose every value.</summary>
    public static SqlExpression ToLocal(SqlExpression utc, TimeZoneInfo zone, DateTime? fromUtc, DateTime? toUtc)
    {
        if (IsUtc(zone))
        {
            return utc;
        }

        return fromUtc is { } from && toUtc is { } to && to.Year - from.Year < MaxYears
            ? ByTransitions(utc, zone, from, to, isLocal: false)
            : new SqlAtZone(utc, Iana(zone));
    }

    /// <summary>
    /// A timestamp on the zone's clock in UTC. Of a time that comes twice the first is meant; one that is left out counts on from the time before.
    /// </summary>
    public static SqlExpression ToUtc(SqlExpression local, TimeZoneInfo zone, DateTime fromUtc, DateTime toUtc) =>
        IsUtc(zone) ? local : ByTransitions(local, zone, fromUtc, toUtc, isLocal: true);

    /// <summary>The start, in UTC, of the hour, minute or second that a UTC timestamp lies in on the zone's clock. Open bounds stand for 1970 and 2070.</summary>
    public static SqlExpression TruncateUtc(SqlExpression utc, TimeGrain grain, TimeZoneInfo zone, DateTime? fromUtc, DateTime? toUtc)
    {
        var (from, to) = (fromUtc ?? new DateTime(1970, 1, 1), toUtc ?? new DateTime(2070, 1, 1));
        SqlExpression Truncate(TimeSpan offset) =>
            new SqlAddSeconds(new SqlTruncate(grain, new SqlAddSeconds(utc, (long)offset.TotalSeconds), ModelCalendar.Iso), -(long)offset.TotalSeconds);
        var transitions = IsUtc(zone) ? [] : Transitions(zone, from, to);
        return transitions.Length == 0 || transitions.All(t => t.Before.Ticks % Calendar.Fixed(grain).Ticks == 0 && t.After.Ticks % Calendar.Fixed(grain).Ticks == 0)
            ? Truncate(transitions.Length > 0 ? TimeSpan.Zero : zone.GetUtcOffset(DateTime.SpecifyKind(from, DateTimeKind.Utc)))
            : new SqlCase(
                [.. transitions.Select(t => ((SqlExpression)new SqlBinary("<", utc, new SqlLiteral(t.Utc)), Truncate(t.Before)))],
                Truncate(transitions[^1].After));
    }

    /// <summary>The instant of a time on the zone's clock, by the rule of <see cref="ToUtc(SqlExpression, TimeZoneInfo, DateTime, DateTime)"/>.</summary>
    public static DateTime ToUtc(DateTime local, TimeZoneInfo zone)
    {
        var unspecified = DateTime.SpecifyKind(local, DateTimeKind.Unspecified);
        var offset = zone.IsAmbiguousTime(unspecified)
            ? zone.GetAmbiguousTimeOffsets(unspecified).Max()
            : zone.IsInvalidTime(unspecified)
                ? zone.GetUtcOffset(unspecified.AddHours(-3))
                : zone.GetUtcOffset(unspecified);
        return DateTime.SpecifyKind(Clamp(unspecified, -offset), DateTimeKind.Utc);
    }

    /// <summary>An instant on the zone's clock.</summary>
    public static DateTime ToLocal(DateTime utc, TimeZoneInfo zone) =>
        Clamp(DateTime.SpecifyKind(utc, DateTimeKind.Unspecified), zone.GetUtcOffset(DateTime.SpecifyKind(utc, DateTimeKind.Utc)));

    /// <summary>Whether the clock only changes by whole hours between the bounds, so that hours an hour apart are its hours; as far as years can be looked at.</summary>
    public static bool KeepsHours(TimeZoneInfo zone, DateTime? fromUtc, DateTime? toUtc) =>
        IsUtc(zone) || fromUtc is not { } from || toUtc is not { } to || to.Year - from.Year >= MaxYears
        || Transitions(zone, from, to).All(t => (t.After - t.Before).Ticks % TimeSpan.TicksPerHour == 0);

    /// <summary>Whether every offset between the bounds is a whole number of buckets of a grain within a day, so that they are the same in the zone and in UTC.</summary>
    public static bool HasWhole(TimeGrain grain, TimeZoneInfo zone, DateTime? fromUtc, DateTime? toUtc)
    {
        if (IsUtc(zone))
        {
            return true;
        }

        return fromUtc is { } from && toUtc is { } to && to.Year - from.Year < MaxYears
            && Transitions(zone, from, to).Select(t => t.Before).Append(zone.GetUtcOffset(to)).All(o => o.Ticks % Calendar.Fixed(grain).Ticks == 0);
    }

    public static bool IsUtc(TimeZoneInfo zone) => zone.BaseUtcOffset == TimeSpan.Zero && !zone.SupportsDaylightSavingTime && zone.Id is "UTC" or "Etc/UTC";

    private static SqlExpression ByTransitions(SqlExpression time, TimeZoneInfo zone, DateTime fromUtc, DateTime toUtc, bool isLocal)
    {
        var sign = isLocal ? -1 : 1;
        var transitions = Transitions(zone, fromUtc, toUtc);
        var last = transitions.Length == 0 ? zone.GetUtcOffset(DateTime.SpecifyKind(fromUtc, DateTimeKind.Utc)) : transitions[^1].After;
        var otherwise = new SqlAddSeconds(time, sign * (long)last.TotalSeconds);
        if (transitions.Length == 0)
        {
            return otherwise;
        }

        // On the zone's clock the old offset holds until the later of both readings of the transition.
        return new SqlCase(
            [.. transitions.Select(t => (
                (SqlExpression)new SqlBinary("<", time, new SqlLiteral(isLocal ? Clamp(t.Utc, t.Before > t.After ? t.Before : t.After) : t.Utc)),
                (SqlExpression)new SqlAddSeconds(time, sign * (long)t.Before.TotalSeconds)))],
            otherwise);
    }

    private static ImmutableArray<Transition> Transitions(TimeZoneInfo zone, DateTime fromUtc, DateTime toUtc) =>
        [.. Enumerable.Range(fromUtc.Year, toUtc.Year - fromUtc.Year + 1)
            .SelectMany(year => Years.GetOrAdd((zone.Id, year), static (key, zone) => Find(zone, key.Year), zone))
            .Where(t => t.Utc > fromUtc && t.Utc < toUtc)];

    private static ImmutableArray<Transition> Find(TimeZoneInfo zone, int year)
    {
        var found = ImmutableArray.CreateBuilder<Transition>();
        var end = year == 9999 ? DateTime.MaxValue : new DateTime(year + 1, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        var time = new DateTime(year, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        while (time < end)
        {
            var next = end - time > TimeSpan.FromDays(1) ? time.AddDays(1) : end;
            if (zone.GetUtcOffset(time) != zone.GetUtcOffset(next))
            {
                found.Add(Narrow(zone, time, next));
            }

            time = next;
        }

        return found.ToImmutable();
    }

    private static Transition Narrow(TimeZoneInfo zone, DateTime before, DateTime after)
    {
        while (after - before > TimeSpan.FromSeconds(1))
        {
            var middle = before + TimeSpan.FromSeconds((long)(after - before).TotalSeconds / 2);
            (before, after) = zone.GetUtcOffset(middle) == zone.GetUtcOffset(before) ? (middle, after) : (before, middle);
        }

        return new Transition(DateTime.SpecifyKind(after, DateTimeKind.Unspecified), zone.GetUtcOffset(before), zone.GetUtcOffset(after));
    }

    private static string Iana(TimeZoneInfo zone) =>
        zone.HasIanaId ? zone.Id : TimeZoneInfo.TryConvertWindowsIdToIanaId(zone.Id, out var id) ? id : zone.Id;

    private static DateTime Clamp(DateTime time, TimeSpan offset) =>
        new(Math.Clamp(time.Ticks + offset.Ticks, DateTime.MinValue.Ticks, DateTime.MaxValue.Ticks));

    private readonly record struct Transition(DateTime Utc, TimeSpan Before, TimeSpan After);
}
