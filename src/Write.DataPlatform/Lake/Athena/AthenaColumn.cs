using System.Globalization;
using System.Text.RegularExpressions;
using Write.DataPlatform.Lake.Athena.Client;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Lake.Athena;

/// <summary>How a column of one of Athena's types becomes one of the <see cref="ColumnKind"/>s.</summary>
/// <param name="Name">Its name.</param>
/// <param name="TypeName">Athena's type, such as <c>decimal(10,2)</c>.</param>
/// <param name="Type">Its kind; null if it has none.</param>
internal sealed partial record AthenaColumn(string Name, string TypeName, ColumnType? Type)
{
    private static readonly string[] Moments = [.. Enumerable.Range(0, 8).Select(digits => "yyyy-MM-dd HH:mm:ss" + (digits == 0 ? "" : "." + new string('f', digits)))];

    /// <summary>The column as given to the caller.</summary>
    /// <exception cref="LakeException">Its type has no kind.</exception>
    public ResultColumn Result => Type is { } type
        ? new ResultColumn(Name, type)
        : throw new LakeException($"Column '{Name}' has the type {TypeName}, which has no place in an answer; cast it in the model.", isTransient: false);

    /// <summary>Whether UNLOAD writes the type to Parquet without loss once it is cast by <see cref="Cast"/>; it keeps milliseconds alone.</summary>
    public bool CanUnload => Type is { } type && (type.Kind != ColumnKind.Timestamp || MomentDigits <= 3);

    private int MomentDigits { get; init; }

    /// <summary>A column of a result.</summary>
    public static AthenaColumn Of(ColumnInfo info)
    {
        var name = info.Name ?? "";
        var type = (info.Type ?? "").Trim().ToLowerInvariant();
        return type switch
        {
            "decimal" => Of(name, $"decimal({info.Precision ?? 38},{info.Scale ?? 0})"),
            "timestamp" or "timestamp with time zone" => Of(name, type) with { MomentDigits = info.Precision ?? 3 },
            _ => Of(name, type),
        };
    }

    /// <summary>A column of a table of the catalog or of a result, by the name of its type in Hive or Trino.</summary>
    public static AthenaColumn Of(string name, string typeName)
    {
        var type = typeName.Trim().ToLowerInvariant();
        var parts = TypeParts().Match(type);
        ColumnType? kind = parts.Groups["name"].Value switch
        {
            "varchar" or "char" or "string" or "json" or "uuid" or "unknown" => new ColumnType(ColumnKind.String),
            "boolean" => new ColumnType(ColumnKind.Boolean),
            "tinyint" or "smallint" or "int" or "integer" or "bigint" => new ColumnType(ColumnKind.Int64),
            "real" or "float" or "double" or "double precision" => new ColumnType(ColumnKind.Double),
            "date" => new ColumnType(ColumnKind.Date),
            "timestamp" or "timestamp with time zone" or "timestamp without time zone" or "timestamp with local time zone" when Digits("first", 3) is not null => new ColumnType(ColumnKind.Timestamp),
            "decimal" when (Digits("first", 10), Digits("second", 0)) is ({ } precision, { } scale) => new ColumnType(ColumnKind.Decimal, precision, scale),
            _ => null,
        };
        return new AthenaColumn(name, type, kind) { MomentDigits = kind?.Kind == ColumnKind.Timestamp ? Digits("first", 3)!.Value : 0 };

        byte? Digits(string group, byte without) =>
            parts.Groups[group] is not { Success: true } digits ? without : byte.TryParse(digits.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    /// <summary>The expression, of this column's type, in the type that every engine has for its kind.</summary>
    public string Cast(string expression) => Result.Type.Kind switch
    {
        ColumnKind.String when TypeName == "json" => $"json_format({expression})",
        ColumnKind.String when TypeName is "varchar" or "string" => expression,
        ColumnKind.String => $"CAST({expression} AS VARCHAR)",
        ColumnKind.Int64 when TypeName == "bigint" => expression,
        ColumnKind.Int64 => $"CAST({expression} AS BIGINT)",
        ColumnKind.Double when TypeName == "double" => expression,
        ColumnKind.Double => $"CAST({expression} AS DOUBLE)",
        ColumnKind.Timestamp when TypeName.EndsWith("with time zone", StringComparison.Ordinal) => $"CAST(at_timezone({expression}, 'UTC') AS TIMESTAMP)",
        _ => expression,
    };

    /// <summary>A value in the CLR type of the column's kind; a text of a column without a kind stays one.</summary>
    /// <exception cref="LakeException">The value has no place in that type.</exception>
    public object Parse(string text)
    {
        try
        {
            return Type?.Kind switch
            {
                null or ColumnKind.String => text,
                ColumnKind.Boolean => bool.Parse(text),
                ColumnKind.Int64 => long.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture),
                ColumnKind.Double when TypeName is "real" or "float" => (double)float.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture),
                ColumnKind.Double => double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture),
                ColumnKind.Decimal => ParseDecimal(text),
                ColumnKind.Date => DateOnly.ParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture),
                _ => ParseMoment(text),
            };
        }
        catch (Exception exception) when (exception is FormatException or OverflowException or ArgumentException)
        {
            throw new LakeException($"A value of column '{Name}' ({TypeName}) does not fit: '{(text.Length <= 100 ? text : text[..100] + "…")}'. {exception.Message}", isTransient: false, exception);
        }
    }

    private static decimal ParseDecimal(string text)
    {
        var value = decimal.Parse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);
        var point = text.IndexOf('.', StringComparison.Ordinal);
        return point < 0 || text.AsSpan(point + 1).TrimEnd('0').Length <= value.Scale
            ? value
            : throw new OverflowException("It has more digits than a decimal of .NET, which would round it.");
    }

    private static DateTime ParseMoment(string text)
    {
        // "2026-11-01 10:11:12.123" or, with a zone, "2026-11-01 10:11:12.123 Europe/Berlin", "… UTC", "… +02:00". What is below a microsecond is cut.
        var space = text.IndexOf(' ', StringComparison.Ordinal);
        var end = space < 0 ? -1 : text.IndexOf(' ', space + 1);
        var local = end < 0 ? text : text[..end];
        if (local.IndexOf('.', StringComparison.Ordinal) is > 0 and var point && local.Length > point + 7)
        {
            local = local[..(point + 7)];
        }

        var time = DateTime.ParseExact(local, Moments, CultureInfo.InvariantCulture, DateTimeStyles.None);
        return DateTime.SpecifyKind(end < 0 ? time : ToUtc(time, text[(end + 1)..]), DateTimeKind.Utc);
    }

    private static DateTime ToUtc(DateTime local, string zone)
    {
        if (zone is "UTC" or "Z" or "GMT")
        {
            return local;
        }

        if (zone is ['+' or '-', ..])
        {
            var offset = TimeSpan.ParseExact(zone.AsSpan(1), @"hh\:mm", CultureInfo.InvariantCulture);
            return zone[0] == '+' ? local - offset : local + offset;
        }

        if (!TimeZoneInfo.TryFindSystemTimeZoneById(zone, out var found))
        {
            throw new FormatException($"The time zone '{zone}' is not known here; cast the column to a timestamp in UTC in the model.");
        }

        return found.IsAmbiguousTime(local)
            ? throw new FormatException($"Clocks in {zone} show this time twice; cast the column to a timestamp in UTC in the model.")
            : TimeZoneInfo.ConvertTimeToUtc(local, found);
    }

    [GeneratedRegex(@"^(?<name>[a-z ]+?)\s*(\((?<first>\d+)(\s*,\s*(?<second>\d+))?\)(?<zone>.*))?$")]
    private static partial Regex TypeParts();
}
