using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Gold;

/// <summary>The columns of a gold table as DuckDB has them.</summary>
internal static class GoldColumns
{
    /// <summary>The time column, always the first: a DATE from day grain up, else a TIMESTAMP in UTC.</summary>
    public const string Bucket = "bucket";

    /// <summary>The columns of a query.</summary>
    /// <exception cref="InvalidOperationException">A column has a type that gold does not keep, or the first is not the time column.</exception>
    public static async Task<ImmutableArray<ResultColumn>> DescribeAsync(DuckDbSession session, string sql, CancellationToken cancellationToken)
    {
        var described = await session.QueryAsync(
            new SqlStatement($"DESCRIBE {sql}"),
            reader =>
            {
                var found = new List<(string Name, string Type)>();
                while (reader.Read())
                {
                    found.Add((reader.GetString(0), reader.GetString(1)));
                }

                return found;
            },
            cancellationToken);

        var columns = described.Select(column => (column.Name, column.Type, Parsed: Parse(column.Type))).ToList();
        var wrong = columns.Where(column => column.Parsed is null).Select(column => $"{column.Name} is {column.Type}").ToList();
        if (columns[0] is not { Name: Bucket, Parsed.Kind: ColumnKind.Date or ColumnKind.Timestamp })
        {
            wrong.Insert(0, $"the first column is {columns[0].Name} {columns[0].Type} and not {Bucket} DATE or TIMESTAMP");
        }

        return wrong.Count == 0
            ? [.. columns.Select(column => new ResultColumn(column.Name, column.Parsed!.Value))]
            : throw new InvalidOperationException($"Gold cannot keep these columns, cast them: {string.Join("; ", wrong)}.");
    }

    /// <summary>The columns' names, quoted, as a list.</summary>
    public static string List(ImmutableArray<ResultColumn> columns) => string.Join(", ", columns.Select(column => Quote(column.Name)));

    public static string Quote(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    /// <summary>Parquet files as a list literal.</summary>
    public static string Files(IEnumerable<string> files) => $"[{string.Join(", ", files.Select(Literal))}]";

    public static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    /// <summary>A type that gold keeps, by DuckDB's name; null for any other.</summary>
    public static ColumnType? Parse(string type)
    {
        if (type.StartsWith("DECIMAL(", StringComparison.Ordinal) && type.EndsWith(')'))
        {
            var digits = type[8..^1].Split(',');
            return digits.Length == 2
                && byte.TryParse(digits[0], NumberStyles.None, CultureInfo.InvariantCulture, out var precision)
                && byte.TryParse(digits[1], NumberStyles.None, CultureInfo.InvariantCulture, out var scale)
                ? new ColumnType(ColumnKind.Decimal, precision, scale)
                : null;
        }

        return type switch
        {
            "VARCHAR" => new ColumnType(ColumnKind.String),
            "BOOLEAN" => new ColumnType(ColumnKind.Boolean),
            "BIGINT" => new ColumnType(ColumnKind.Int64),
            "DOUBLE" => new ColumnType(ColumnKind.Double),
            "DATE" => new ColumnType(ColumnKind.Date),
            "TIMESTAMP" => new ColumnType(ColumnKind.Timestamp),
            _ => null,
        };
    }
}
