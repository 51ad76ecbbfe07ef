using System.Globalization;
using System.Numerics;
using System.Text;
using Write.DataPlatform.AthenaStandIn.Protocol;

namespace Write.DataPlatform.AthenaStandIn;

/// <summary>DuckDB's types and values as Athena names and prints them.</summary>
internal static class AthenaTypes
{
    /// <summary>A result's column, of a type as DESCRIBE gives it.</summary>
    public static AthenaColumn Column(string name, string type) => type switch
    {
        "BOOLEAN" => new(name, "boolean", 0, 0),
        "TINYINT" => new(name, "tinyint", 3, 0),
        "SMALLINT" => new(name, "smallint", 5, 0),
        "INTEGER" => new(name, "integer", 10, 0),
        "BIGINT" or "HUGEINT" or "UBIGINT" or "UINTEGER" or "USMALLINT" or "UTINYINT" => new(name, "bigint", 19, 0),
        "FLOAT" => new(name, "float", 17, 0),
        "DOUBLE" => new(name, "double", 17, 0),
        "DATE" => new(name, "date", 0, 0),
        "TIMESTAMP" => new(name, "timestamp", 3, 0),
        "TIMESTAMP WITH TIME ZONE" => new(name, "timestamp with time zone", 3, 0),
        "TIME" => new(name, "time", 3, 0),
        "BLOB" => new(name, "varbinary", 0x3FFFFFFF, 0),
        "\"NULL\"" => new(name, "unknown", 0, 0),
        _ when type.StartsWith("DECIMAL(", StringComparison.Ordinal) && type["DECIMAL(".Length..^1].Split(',') is [var precision, var scale] =>
            new(name, "decimal", int.Parse(precision, CultureInfo.InvariantCulture), int.Parse(scale, CultureInfo.InvariantCulture)),
        _ when type.EndsWith("[]", StringComparison.Ordinal) => new(name, "array", 0, 0),
        _ when type.StartsWith("STRUCT(", StringComparison.Ordinal) => new(name, "row", 0, 0),
        _ when type.StartsWith("MAP(", StringComparison.Ordinal) => new(name, "map", 0, 0),
        _ => new(name, "varchar", int.MaxValue, 0),
    };

    /// <summary>The type as a table's metadata has it.</summary>
    public static string Hive(string type) => type switch
    {
        "INTEGER" => "int",
        "VARCHAR" => "string",
        "BLOB" => "binary",
        "TIMESTAMP" => "timestamp",
        _ when type.EndsWith("[]", StringComparison.Ordinal) => $"array<{Hive(type[..^2])}>",
        _ when type.StartsWith("DECIMAL(", StringComparison.Ordinal) => type.ToLowerInvariant().Replace(" ", "", StringComparison.Ordinal),
        _ => Column("", type).Type,
    };

    /// <summary>What stands for a column in the SELECT whose values are printed or unloaded.</summary>
    public static string Read(string column, string type, bool asText) => type switch
    {
        "HUGEINT" or "UBIGINT" => $"CAST({column} AS BIGINT)",
        "UINTEGER" or "USMALLINT" or "UTINYINT" => $"CAST({column} AS BIGINT)",
        _ when asText && (type.StartsWith("DECIMAL(", StringComparison.Ordinal) || type.EndsWith("[]", StringComparison.Ordinal) || type.StartsWith("STRUCT(", StringComparison.Ordinal)
            || type.StartsWith("MAP(", StringComparison.Ordinal)) => $"CAST({column} AS VARCHAR)",
        _ => column,
    };

    /// <summary>A value as the service prints it; null for NULL.</summary>
    public static string? Print(object? value) => value switch
    {
        null or DBNull => null,
        bool flag => flag ? "true" : "false",
        double number => Java(number, number.ToString("E16", CultureInfo.InvariantCulture), number.ToString("R", CultureInfo.InvariantCulture)),
        float number => Java(number, number.ToString("E8", CultureInfo.InvariantCulture), number.ToString("R", CultureInfo.InvariantCulture)),
        DateOnly date => date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        DateTime { Kind: DateTimeKind.Utc } time => time.ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture) + " UTC",
        DateTime time => time.ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture),
        TimeOnly time => time.ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture),
        BigInteger number when number < long.MinValue || number > long.MaxValue => throw new QueryFailedException($"NUMERIC_VALUE_OUT_OF_RANGE: bigint addition overflow: {number}"),
        Stream bytes => Hex(bytes),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture),
    };

    /// <summary>As Java's Double.toString: plain from a thousandth to ten millions, else with an exponent.</summary>
    private static string Java(double number, string scientific, string shortest)
    {
        if (double.IsNaN(number))
        {
            return "NaN";
        }

        if (double.IsInfinity(number))
        {
            return number > 0 ? "Infinity" : "-Infinity";
        }

        if (number == 0)
        {
            return double.IsNegative(number) ? "-0.0" : "0.0";
        }

        var digits = new string([.. shortest.Split('E')[0].Where(char.IsAsciiDigit)]).TrimStart('0').TrimEnd('0');
        var exponent = int.Parse(scientific[(scientific.IndexOf('E', StringComparison.Ordinal) + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var text = new StringBuilder(number < 0 ? "-" : "");
        if (exponent is >= -3 and < 7)
        {
            return exponent < 0
                ? text.Append("0.").Append('0', -exponent - 1).Append(digits).ToString()
                : text.Append(digits.Length <= exponent + 1 ? digits.PadRight(exponent + 1, '0') + ".0" : digits[..(exponent + 1)] + "." + digits[(exponent + 1)..]).ToString();
        }

        return text.Append(digits[0]).Append('.').Append(digits.Length > 1 ? digits[1..] : "0").Append('E').Append(exponent.ToString(CultureInfo.InvariantCulture)).ToString();
    }

    /// <summary>A double's shortest text as Trino casts it: 37.7 is 3.77E1.</summary>
    public static string Scientific(string shortest)
    {
        var sign = shortest.StartsWith('-') ? "-" : "";
        var text = shortest.TrimStart('-');
        if (text is "nan" or "inf" or "0.0")
        {
            return text switch { "nan" => "NaN", "inf" => sign + "Infinity", _ => sign + "0E0" };
        }

        var parts = text.Split('e');
        var whole = parts[0].Split('.')[0];
        var all = parts[0].Replace(".", "", StringComparison.Ordinal);
        var digits = all.TrimStart('0').TrimEnd('0');
        var exponent = whole.Length - 1 - (all.Length - all.TrimStart('0').Length) + (parts.Length > 1 ? int.Parse(parts[1], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) : 0);
        return $"{sign}{digits[0]}.{(digits.Length > 1 ? digits[1..] : "0")}E{exponent.ToString(CultureInfo.InvariantCulture)}";
    }

    private static string Hex(Stream bytes)
    {
        using var buffer = new MemoryStream();
        bytes.CopyTo(buffer);
        return string.Join(' ', buffer.ToArray().Select(b => b.ToString("x2", CultureInfo.InvariantCulture)));
    }
}
