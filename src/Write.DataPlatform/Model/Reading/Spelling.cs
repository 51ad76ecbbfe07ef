using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml;

namespace Write.DataPlatform.Model.Reading;

/// <summary>How durations, periods, rates and names of values are spelt in the model's files.</summary>
internal static partial class Spelling
{
    /// <summary>A fixed length of time: <c>3d</c>, <c>1h</c>, <c>15m</c>, <c>30s</c>, <c>2w</c> or ISO 8601 without months and years.</summary>
    public static TimeSpan? Duration(string text)
    {
        try
        {
            if (ShortDuration().Match(text) is { Success: true } match)
            {
                var count = long.Parse(match.Groups[1].ValueSpan, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
                var seconds = match.Groups[2].ValueSpan switch { "w" => 7 * 86_400, "d" => 86_400, "h" => 3_600, "m" => 60, _ => 1L };
                return TimeSpan.FromTicks(checked(count * seconds * TimeSpan.TicksPerSecond));
            }

            return IsoDuration().IsMatch(text) ? XmlConvert.ToTimeSpan(text) : null;
        }
        catch (Exception exception) when (exception is OverflowException or FormatException)
        {
            return null;
        }
    }

    /// <summary>A calendar length: <c>7 days</c>, <c>1 month</c>, <c>7d</c>, <c>P1M</c>; null for anything else, milliseconds among it.</summary>
    public static CalendarPeriod? Period(string text)
    {
        var match = LongPeriod().Match(text);
        if (match.Success && int.TryParse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture, out var count))
        {
            var unit = match.Groups[2].Value.ToLowerInvariant();
            return (Grain(unit) ?? (unit.EndsWith('s') ? Grain(unit[..^1]) : null)) is { } grain and not TimeGrain.Millisecond ? new CalendarPeriod(count, grain) : null;
        }

        match = ShortPeriod().Match(text);
        if (!match.Success || !int.TryParse(match.Groups["count"].ValueSpan, CultureInfo.InvariantCulture, out count))
        {
            return null;
        }

        return (match.Groups["iso"].Value, match.Groups["time"].Success, match.Groups["unit"].Value) switch
        {
            ("P", false, "D") or ("", false, "d") => new CalendarPeriod(count, TimeGrain.Day),
            ("P", false, "W") or ("", false, "w") => new CalendarPeriod(count, TimeGrain.Week),
            ("P", false, "M") => new CalendarPeriod(count, TimeGrain.Month),
            ("P", false, "Y") or ("", false, "y") => new CalendarPeriod(count, TimeGrain.Year),
            ("P", true, "H") or ("", false, "h") => new CalendarPeriod(count, TimeGrain.Hour),
            ("P", true, "M") or ("", false, "m") => new CalendarPeriod(count, TimeGrain.Minute),
            ("P", true, "S") or ("", false, "s") => new CalendarPeriod(count, TimeGrain.Second),
            _ => null,
        };
    }

    /// <summary>A number of a unit that is no grain, which must be one of the model's custom granularities: <c>1 fiscal_month</c>; null for anything else.</summary>
    public static CustomPeriod? CustomPeriod(string text) =>
        CustomPeriodText().Match(text) is { Success: true } match && Period(text) is null && !IsGrainName(match.Groups[2].Value.TrimEnd('s'))
            ? new CustomPeriod(int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture), match.Groups[2].Value)
            : null;

    /// <summary>A rate a second: <c>50/s</c>, <c>3000/m</c>, <c>10000/h</c> or a plain number of a second.</summary>
    public static double? Rate(string text)
    {
        var parts = text.Split('/', 2, StringSplitOptions.TrimEntries);
        double? seconds = parts.Length == 1 ? 1 : parts[1] switch { "s" => 1, "m" => 60, "h" => 3600, _ => null };
        return seconds is { } length && double.TryParse(parts[0], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count) && count > 0 && double.IsFinite(count)
            ? count / length
            : null;
    }

    /// <summary>A grain by its name in any case.</summary>
    public static TimeGrain? Grain(string text) => Values<TimeGrain>.ByName.TryGetValue(text, out var grain) ? grain : null;

    /// <summary>Whether the text names a grain of MetricFlow's, the ones finer than a millisecond included.</summary>
    public static bool IsGrainName(string text) => Grain(text) is not null || IsTooFine(text);

    /// <summary>Whether the text names a grain finer than the platform's finest.</summary>
    public static bool IsTooFine(string text) => text.ToLowerInvariant() is "nanosecond" or "microsecond";

    /// <summary>An enum's values by their snake_case names, in any case.</summary>
    public static class Values<T> where T : struct, Enum
    {
        public static readonly Dictionary<string, T> ByName = Enum.GetValues<T>()
            .ToDictionary(v => JsonNamingPolicy.SnakeCaseLower.ConvertName(v.ToString()), v => v, StringComparer.OrdinalIgnoreCase);
    }

    [GeneratedRegex(@"^\s*(\d{1,9})\s+([A-Za-z_][A-Za-z0-9_]*)\s*$")]
    private static partial Regex CustomPeriodText();

    [GeneratedRegex(@"^(-?\d{1,18})\s*([wdhms])$")]
    private static partial Regex ShortDuration();

    [GeneratedRegex(@"^-?P(\d{1,9}D)?(T(\d{1,9}H)?(\d{1,9}M)?(\d{1,9}(\.\d{1,7})?S)?)?$")]
    private static partial Regex IsoDuration();

    [GeneratedRegex(@"^\s*(-?\d{1,9})\s+([A-Za-z]{1,40})\s*$")]
    private static partial Regex LongPeriod();

    [GeneratedRegex(@"^(?<iso>P?)(?<time>T)?(?<count>\d{1,9})(?<unit>[A-Za-z])$")]
    private static partial Regex ShortPeriod();
}
