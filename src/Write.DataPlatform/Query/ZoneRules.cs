using System.Collections.Concurrent;
using System.Collections.Immutable;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Query;

/// <summary>
/// Turns UTC into local time and back inside SQL by the zone's own transitions, written as a CASE over the range that is queried.
/// Every engine then cuts the same buckets, whatever version of the zone database it has, and DuckDB does it many times faster than by zone name.
/// An open bound stands for 1970 or 2070, as do bounds before 1900 or after 2100.
/// </summary>
internal static class ZoneRules
{
    /// <summary>More branches are found by halves.</summary>
    private const int MaxBranches = 4;

    /// <summary>So many have room wherever a local time stands.</summary>
    private const int ShortYears = 12;

    private static readonly (DateTime From, DateTime To) Open = (new DateTime(1970, 1, 1), new DateTime(2070, 1, 1));

    private static readonly (DateTime From, DateTime To) Modern = (new DateTime(1990, 1, 1), new DateTime(2041, 1, 1));

    private static readonly ConcurrentDictionary<(string Zone, int Year), ImmutableArray<Transition>> Years = new();

    /// <summary>
    /// A UTC timestamp on the zone's clock; the bounds enclose every value. Where they are open or far apart, that of a time before 1990 or after 2040 is told by the zone's name,
    /// and so it is for all times where the statement has no room for so many transitions.
    /// </summary>
    /// <param name="utc">The timestamp.</param>
    /// <param name="zone">The zone.</param>
    /// <param name="fromUtc">Where values begin, if that is known.</param>
    /// <param name="toUtc">Where they end, exclusive, if that is known.</param>
    /// <param name="isRepeated">Whether it becomes part of an expression that says it for each of many branches, in which more than a few years have no room.</param>
    public static SqlExpression ToLocal(SqlExpression utc, TimeZoneInfo zone, DateTime? fromUtc, DateTime? toUtc, bool isRepeated = false)
    {
        if (IsUtc(zone))
        {
            return utc;
        }

        if (IsKnown(fromUtc, toUtc) && toUtc!.Value.Year - fromUtc!.Value.Year < ShortYears)
        {
            return ByTransitions(utc, zone, fromUtc.Value, toUtc.Value, isLocal: false);
        }

        var (byName, (from, to)) = (new SqlAtZone(utc, Iana(zone)), Within(fromUtc, toUtc, Modern));
        return isRepeated || from >= to ? byName : byName with
        {
            Rules = new SqlCase(
                [(new SqlBinary("<", utc, new SqlLiteral(Modern.From)), byName), (new SqlBinary(">=", utc, new SqlLiteral(Modern.To)), byName)],
                ByTransitions(utc, zone, from, to, isLocal: false)),
        };
    }

    /// <summary>
    /// A timestamp on the zone's clock in UTC. Of a time that comes twice the first is meant; one that is left out counts on from the time before.
    /// Before and after what open bounds stand for, the clock is taken not to change.
    /// </summary>
    public static SqlExpression ToUtc(SqlExpression local, TimeZoneInfo zone, DateTime? fromUtc, DateTime? toUtc)
    {
        if (IsUtc(zone))
        {
            return local;
        }

        var (from, to) = Known(fromUtc, toUtc, Open);
        return ByTransitions(local, zone, from, to, isLocal: true);
    }

    /// <summary>The start, in UTC, of the hour, minute or second that a UTC timestamp lies in on the zone's clock.</summary>
    public static SqlExpression TruncateUtc(SqlExpression utc, TimeGrain grain, TimeZoneInfo zone, DateTime? fromUtc, DateTime? toUtc)
    {
        SqlExpression Truncate(TimeSpan offset) =>
            new SqlAddSeconds(new SqlTruncate(grain, new SqlAddSeconds(utc, (long)offset.TotalSeconds), ModelCalendar.Iso), -(long)offset.TotalSeconds);
        if (IsUtc(zone))
        {
            return Truncate(TimeSpan.Zero);
        }

        var (from, to) = Known(fromUtc, toUtc, Open);
        var offsets = Offsets(zone, from, to, isLocal: false);
        return offsets.Length > 1 && offsets.All(o => IsWhole(o.Offset, grain)) ? Truncate(TimeSpan.Zero) : Choose(utc, offsets, Truncate);
    }

    /// <summary>The instant of a time on the zone's clock, by the rule of <see cref="ToUtc(SqlExpression, TimeZoneInfo, DateTime?, DateTime?)"/>.</summary>
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

    /// <summary>Whether the clock only changes by whole hours between the bounds, so that hours an hour apart are its hours; an open bound stands for 1990 or 2040 here.</summary>
    public static bool KeepsHours(TimeZoneInfo zone, DateTime? fromUtc, DateTime? toUtc)
    {
        var (from, to) = Known(fromUtc, toUtc, Modern);
        return IsUtc(zone) || Transitions(zone, from, to).All(t => IsWhole(t.After - t.Before, TimeGrain.Hour));
    }

    /// <summary>Whether every offset between the bounds is a whole number of buckets of a grain within a day, so that they are the same in the zone and in UTC; of open bounds that is not known.</summary>
    public static bool HasWhole(TimeGrain grain, TimeZoneInfo zone, DateTime? fromUtc, DateTime? toUtc) =>
        IsUtc(zone) || (IsKnown(fromUtc, toUtc) && Offsets(zone, fromUtc!.Value, toUtc!.Value, isLocal: false).All(o => IsWhole(o.Offset, grain)));

    public static bool IsUtc(TimeZoneInfo zone) => zone.BaseUtcOffset == TimeSpan.Zero && !zone.SupportsDaylightSavingTime && zone.Id is "UTC" or "Etc/UTC";

    private static bool IsWhole(TimeSpan offset, TimeGrain grain) => offset.Ticks % Calendar.Fixed(grain).Ticks == 0;

    /// <summary>Whether a range has bounds, between which transitions are looked for.</summary>
    private static bool IsKnown(DateTime? fromUtc, DateTime? toUtc) => fromUtc is { Year: >= 1900 } && toUtc is { Year: < 2100 };

    private static (DateTime From, DateTime To) Known(DateTime? fromUtc, DateTime? toUtc, (DateTime From, DateTime To) open) =>
        IsKnown(fromUtc, toUtc) ? (fromUtc!.Value, toUtc!.Value) : Within(fromUtc, toUtc, open);

    /// <summary>What a range and another have in common; empty, from after to, for nothing.</summary>
    private static (DateTime From, DateTime To) Within(DateTime? fromUtc, DateTime? toUtc, (DateTime From, DateTime To) other) =>
        (fromUtc > other.From ? fromUtc.Value : other.From, toUtc < other.To ? toUtc.Value : other.To);

    private static SqlExpression ByTransitions(SqlExpression time, TimeZoneInfo zone, DateTime fromUtc, DateTime toUtc, bool isLocal) =>
        Choose(time, Offsets(zone, fromUtc, toUtc, isLocal), offset => new SqlAddSeconds(time, (isLocal ? -1 : 1) * (long)offset.TotalSeconds));

    /// <summary>What an offset makes of a time, by the offset that holds at it.</summary>
    private static SqlExpression Choose(SqlExpression time, ImmutableArray<(DateTime Until, TimeSpan Offset)> offsets, Func<TimeSpan, SqlExpression> make)
    {
        SqlExpression Before((DateTime Until, TimeSpan Offset) piece) => new SqlBinary("<", time, new SqlLiteral(piece.Until));
        if (offsets.Length > MaxBranches + 1)
        {
            var middle = offsets.Length / 2;
            return new SqlCase([(Before(offsets[middle - 1]), Choose(time, offsets[..middle], make))], Choose(time, offsets[middle..], make));
        }

        var last = make(offsets[^1].Offset);
        return offsets.Length == 1 ? last : new SqlCase([.. offsets[..^1].Select(piece => (Before(piece), make(piece.Offset)))], last);
    }

    /// <summary>The offsets of a range in their order, each with the time before which it holds, of the last all that follows; on the zone's clock, the old one holds until the later of both readings of the transition.</summary>
    private static ImmutableArray<(DateTime Until, TimeSpan Offset)> Offsets(TimeZoneInfo zone, DateTime fromUtc, DateTime toUtc, bool isLocal)
    {
        var transitions = Transitions(zone, fromUtc, toUtc);
        var last = transitions.Length == 0 ? zone.GetUtcOffset(DateTime.SpecifyKind(fromUtc, DateTimeKind.Utc)) : transitions[^1].After;
        return [.. transitions.Select(t => (isLocal ? Clamp(t.Utc, t.Before > t.After ? t.Before : t.After) : t.Utc, t.Before)), (DateTime.MaxValue, last)];
    }

    private static ImmutableArray<Transition> Transitions(TimeZoneInfo zone, DateTime fromUtc, DateTime toUtc) =>
        [.. Enumerable.Range(fromUtc.Year, Math.Max(0, toUtc.Year - fromUtc.Year + 1))
            .SelectMany(year => Years.GetOrAdd((zone.Id, year), static (key, zone) => Find(zone, key.Year), zone))
            .Where(t => t.Utc > fromUtc && t.Utc < toUtc)];

    private static ImmutableArray<Transition> Find(TimeZoneInfo zone, int year)
    {
        var found = ImmutableArray.CreateBuilder<Transition>();
        var end = new DateTime(year + 1, 1, 1, 0, 0, 0, DateTimeKind.Utc);
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
