using System.Collections.Immutable;
using System.Globalization;
using System.Xml;
using Microsoft.OData.Edm;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Rows;

namespace Write.DataPlatform.Api.OData;

/// <summary>Constants as OData writes them.</summary>
internal static class Literals
{
    private static readonly DateTime Latest = new(9999, 12, 31, 23, 59, 59, DateTimeKind.Utc);

    /// <summary>A constant of the parser; a number by its own text, for the parser made it what the other side is.</summary>
    public static RowConstant Of(object? value, string? text) => value switch
    {
        null => new RowConstant(null, new RowType(RowKind.Null)),
        string word => Text(word),
        bool flag => new RowConstant(flag, RowType.Boolean),
        byte or sbyte or short or int or long or float or double or decimal when text is not null && Number(text) is { } number => number,
        byte or sbyte or short or int or long => new RowConstant(Convert.ToInt64(value, CultureInfo.InvariantCulture), RowType.Int64),
        float or double => new RowConstant(Convert.ToDouble(value, CultureInfo.InvariantCulture), RowType.Double),
        decimal number => Decimal(number),
#pragma warning disable CS0618 // the parser still gives its own types, which its next version replaces by the others
        Date date => new RowConstant(new DateOnly(date.Year, date.Month, date.Day), new RowType(RowKind.Date)),
        TimeOfDay time => new RowConstant(new TimeOnly(time.Ticks), new RowType(RowKind.TimeOfDay)),
#pragma warning restore CS0618
        DateOnly date => new RowConstant(date, new RowType(RowKind.Date)),
        DateTimeOffset time => Instant(time),
        TimeOnly time => new RowConstant(time, new RowType(RowKind.TimeOfDay)),
        TimeSpan span => new RowConstant(span, new RowType(RowKind.Duration)),
        _ => throw Refusal.Unsupported($"This feed has no values such as {QueryForm.Short(text ?? value.ToString() ?? "")}."),
    };

    /// <summary>The constants of a list: <c>(1,2)</c> or <c>['a','b']</c>.</summary>
    public static ImmutableArray<RowExpression> List(string text)
    {
        var inner = text.Trim();
        if (inner.Length < 2 || inner[0] is not ('(' or '['))
        {
            throw Refusal.Bad($"'{QueryForm.Short(text)}' is no list.");
        }

        var isJson = inner[0] == '[';
        inner = inner[1..^1].Trim();
        return inner.Length == 0 ? [] : [.. Splitter.Split(inner, ',').Select(RowExpression (item) => Read(item.Trim(), isJson))];
    }

    /// <summary>One constant by its text.</summary>
    public static RowConstant Read(string text, bool isJson = false)
    {
        if (text.Length >= 2 && text[0] == '\'' && text[^1] == '\'')
        {
            return Text(text[1..^1].Replace("''", "'", StringComparison.Ordinal));
        }

        if (isJson && text.Length >= 2 && text[0] == '"')
        {
            try
            {
                return Text(System.Text.Json.JsonSerializer.Deserialize<string>(text)!);
            }
            catch (System.Text.Json.JsonException)
            {
                throw Refusal.Bad($"'{QueryForm.Short(text)}' is no text.");
            }
        }

        try
        {
            return text switch
            {
                "null" => new RowConstant(null, new RowType(RowKind.Null)),
                "true" or "false" => new RowConstant(text == "true", RowType.Boolean),
                _ when Number(text) is { } number => number,
                _ when DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date) => new RowConstant(date, new RowType(RowKind.Date)),
                _ when text.Contains('T', StringComparison.OrdinalIgnoreCase) && text.Length > 10 && text[4] == '-' => Instant(XmlConvert.ToDateTimeOffset(text.ToUpperInvariant())),
                _ when text.StartsWith("duration'", StringComparison.OrdinalIgnoreCase) && text.EndsWith('\'') => new RowConstant(XmlConvert.ToTimeSpan(text["duration'".Length..^1]), new RowType(RowKind.Duration)),
                _ => new RowConstant(TimeOnly.Parse(text, CultureInfo.InvariantCulture), new RowType(RowKind.TimeOfDay)),
            };
        }
        catch (Exception exception) when (exception is FormatException or OverflowException or ArgumentException)
        {
            throw Refusal.Bad($"'{QueryForm.Short(text)}' is no value.");
        }
    }

    /// <summary>A number, whole, decimal or floating, whichever it is written as; null if it is none.</summary>
    public static RowConstant? Number(string text)
    {
        if (text.Length == 0 || !(char.IsAsciiDigit(text[^1]) || "fFdDmMlL".Contains(text[^1], StringComparison.Ordinal)))
        {
            return text switch
            {
                "INF" => new RowConstant(double.PositiveInfinity, RowType.Double),
                "-INF" => new RowConstant(double.NegativeInfinity, RowType.Double),
                "NaN" => new RowConstant(double.NaN, RowType.Double),
                _ => null,
            };
        }

        var suffix = char.ToLowerInvariant(text[^1]);
        var digits = char.IsAsciiDigit(suffix) ? text : text[..^1];
        if (suffix is not ('f' or 'd') && !digits.Contains('e', StringComparison.OrdinalIgnoreCase))
        {
            if (suffix != 'm' && long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole))
            {
                return new RowConstant(whole, RowType.Int64);
            }

            // Beyond 28 digits a decimal would be rounded without a word.
            if (digits.Count(char.IsAsciiDigit) <= 28 && decimal.TryParse(digits, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            {
                return Decimal(number);
            }
        }

        return double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out var floating) && double.IsFinite(floating) ? new RowConstant(floating, RowType.Double) : null;
    }

    public static RowConstant Instant(DateTimeOffset time)
    {
        var utc = time.UtcDateTime;
        return new RowConstant(utc > Latest ? Latest : new DateTime(utc.Ticks / TimeSpan.TicksPerMicrosecond * TimeSpan.TicksPerMicrosecond, DateTimeKind.Utc), new RowType(RowKind.Timestamp));
    }

    private static RowConstant Text(string value) => new(value, RowType.String);

    private static RowConstant Decimal(decimal number)
    {
        int scale = number.Scale;
        var digits = decimal.Truncate(Math.Abs(number)).ToString(CultureInfo.InvariantCulture).Length;
        return new RowConstant(number, RowType.Decimal(Math.Min(38, digits + scale), scale));
    }
}
