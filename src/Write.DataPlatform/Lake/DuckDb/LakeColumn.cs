using System.Globalization;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Lake.DuckDb;

/// <summary>How a column of a DuckDB type becomes one of the <see cref="ColumnKind"/>s.</summary>
/// <param name="Column">The column as given to the caller.</param>
/// <param name="NeedsCast">Whether the engine's type is another one.</param>
internal sealed record LakeColumn(ResultColumn Column, bool NeedsCast)
{
    /// <exception cref="LakeException">The type has no kind.</exception>
    public static LakeColumn Of(string name, string type) =>
        TryOf(name, type)
        ?? throw new LakeException($"Column '{name}' has the type {type}, which has no place in an answer; cast it in the model.", isTransient: false);

    /// <summary>Null if the type has no kind.</summary>
    public static LakeColumn? TryOf(string name, string type)
    {
        (ColumnKind Kind, bool Cast)? found = type switch
        {
            "VARCHAR" => (ColumnKind.String, false),
            "UUID" or "JSON" => (ColumnKind.String, true),
            _ when type.StartsWith("ENUM(", StringComparison.Ordinal) => (ColumnKind.String, true),
            "BOOLEAN" => (ColumnKind.Boolean, false),
            "BIGINT" => (ColumnKind.Int64, false),
            "TINYINT" or "SMALLINT" or "INTEGER" or "UTINYINT" or "USMALLINT" or "UINTEGER" => (ColumnKind.Int64, true),
            "UBIGINT" or "HUGEINT" or "UHUGEINT" => (ColumnKind.Int64, true),
            "DOUBLE" => (ColumnKind.Double, false),
            "FLOAT" => (ColumnKind.Double, true),
            "DATE" => (ColumnKind.Date, false),
            "TIMESTAMP" => (ColumnKind.Timestamp, false),
            "TIMESTAMP WITH TIME ZONE" or "TIMESTAMP_S" or "TIMESTAMP_MS" or "TIMESTAMP_NS" => (ColumnKind.Timestamp, true),
            _ when type.StartsWith("DECIMAL(", StringComparison.Ordinal) => (ColumnKind.Decimal, false),
            _ => null,
        };
        if (found is not var (kind, cast))
        {
            return null;
        }

        if (kind != ColumnKind.Decimal)
        {
            return new LakeColumn(new ResultColumn(name, new ColumnType(kind)), cast);
        }

        var digits = type["DECIMAL(".Length..^1].Split(',');
        return new LakeColumn(
            new ResultColumn(name, new ColumnType(kind, byte.Parse(digits[0], CultureInfo.InvariantCulture), byte.Parse(digits[1], CultureInfo.InvariantCulture))), false);
    }
}
