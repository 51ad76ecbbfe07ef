using System.Globalization;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Api.Charts;

/// <summary>Numbers and times in the few letters that a picture has room for.</summary>
internal static class ChartText
{
    private const double Large = 10_000;
    private const double Minute = 60;
    private const double Hour = 3_600;

    private static readonly (double Size, string Suffix)[] Sizes = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];

    /// <summary>A value as its column's format says; large ones in thousands and millions, seconds in hours.</summary>
    public static string Value(double? value, AnswerColumn column)
    {
        if (value is not { } number)
        {
            return "–";
        }

        var size = Math.Abs(number);
        if (column.Format is { } percent && percent.Contains('%', StringComparison.Ordinal))
        {
            return number.ToString("0.#%", CultureInfo.InvariantCulture);
        }

        if (UnitOf(size, column) is > 1 and var unit)
        {
            return Short(number / unit) + (unit == Hour ? " h" : " min");
        }

        return size >= Large || column.Format is null ? Short(number) : number.ToString(column.Format, CultureInfo.InvariantCulture);
    }

    /// <summary>A mark on an axis: no more digits than it needs.</summary>
    public static string Mark(double value, AnswerColumn column) =>
        column.Format is { } format && format.Contains('%', StringComparison.Ordinal) ? value.ToString("0.##%", CultureInfo.InvariantCulture)
        : IsTime(column) ? Value(value, column)
        : Short(value);

    /// <summary>The seconds of the unit in which times of a size are read; 1 for what is no time.</summary>
    public static double UnitOf(double size, AnswerColumn column) => !IsTime(column) ? 1 : size >= 2 * Hour ? Hour : size >= 2 * Minute ? Minute : 1;

    private static bool IsTime(AnswerColumn column) => column.Unit is "s" or "seconds";

    public static string Change(double? value, double? previous)
    {
        if (value is not { } now || previous is not { } then || then == 0)
        {
            return "";
        }

        var ratio = (now - then) / then;
        return ratio.ToString(Math.Abs(ratio) >= 10 ? "+#,0%;−#,0%" : "+0.0%;−0.0%;±0.0%", CultureInfo.InvariantCulture);
    }

    public static string Share(double? value) => value?.ToString("0.#%", CultureInfo.InvariantCulture) ?? "–";

    /// <summary>A bucket's name; instants in a zone.</summary>
    public static string Bucket(object? at, TimeGrain grain, TimeZoneInfo zone)
    {
        var start = at switch
        {
            DateOnly date => date.ToDateTime(TimeOnly.MinValue),
            DateTime instant => TimeZoneInfo.ConvertTimeFromUtc(DateTime.SpecifyKind(instant, DateTimeKind.Utc), zone),
            _ => DateTime.MinValue,
        };
        return grain switch
        {
            TimeGrain.Year => start.ToString("yyyy", CultureInfo.InvariantCulture),
            TimeGrain.Quarter => string.Create(CultureInfo.InvariantCulture, $"Q{(start.Month + 2) / 3} {start:yyyy}"),
            TimeGrain.Month => start.ToString("MMM yy", CultureInfo.InvariantCulture),
            TimeGrain.Week or TimeGrain.Day => start.ToString("d MMM", CultureInfo.InvariantCulture),
            _ => start.ToString("HH:mm", CultureInfo.InvariantCulture),
        };
    }

    public static string Name(object? value) => value switch
    {
        null => "not known",
        "" => "(empty)",
        string text => text,
        _ => Rest.AnswerJson.Text(value),
    };

    public static string Title(AnswerColumn column) => (column.Label ?? column.Name.Replace('_', ' ')) + (column.Unit is { } unit && column.Format?.Contains('%', StringComparison.Ordinal) is not true && !IsTime(column) && column.Label?.Contains(unit, StringComparison.OrdinalIgnoreCase) is not true ? $", {unit}" : "");

    private static string Short(double value)
    {
        var size = Math.Abs(value);
        foreach (var (least, suffix) in Sizes)
        {
            if (size >= least && size >= Large)
            {
                return (value / least).ToString("0.#", CultureInfo.InvariantCulture) + suffix;
            }
        }

        return value.ToString(size switch { >= 100 => "#,0", >= 10 => "0.#", >= 1 => "0.##", _ => "0.###" }, CultureInfo.InvariantCulture);
    }
}
