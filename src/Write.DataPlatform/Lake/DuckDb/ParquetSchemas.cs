using System.Collections.Concurrent;
using DuckDB.NET.Data;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Lake.DuckDb;

/// <summary>The columns of Parquet files, each file's read once.</summary>
/// <remarks>
/// DuckDB takes the columns of the first file and reads the others as those: a number after a text silently becomes text, a column that only later files
/// have is not there. So the files are compared before.
/// </remarks>
internal sealed class ParquetSchemas
{
    private readonly ConcurrentDictionary<LakeFile, IReadOnlyDictionary<string, string>> _columns = new();

    /// <summary>The table's files with one that can be read in front, and whether all have the same columns.</summary>
    /// <exception cref="LakeException">A column has types that do not go together.</exception>
    public async Task<(IReadOnlyList<string> Files, bool AreEqual)> CompareAsync(DuckDbSession session, LakeTable table, CancellationToken cancellationToken)
    {
        var unknown = table.Files.Where(file => !_columns.ContainsKey(file)).ToList();
        if (unknown.Count > 0)
        {
            try
            {
                await ReadAsync(session, unknown, cancellationToken);
            }
            catch (DuckDBException exception) when (!LakeErrors.From(exception).IsTransient)
            {
                // A broken file fails the queries that read it, not the others.
                foreach (var file in unknown)
                {
                    try
                    {
                        await ReadAsync(session, [file], cancellationToken);
                    }
                    catch (DuckDBException inner) when (!LakeErrors.From(inner).IsTransient)
                    {
                    }
                }
            }
        }

        List<string> good = [];
        List<string> broken = [];
        Dictionary<string, (string Type, string Path)> seen = [];
        var areEqual = true;
        var count = -1;
        foreach (var file in table.Files)
        {
            if (!_columns.TryGetValue(file, out var columns))
            {
                broken.Add(file.Path);
                continue;
            }

            good.Add(file.Path);
            areEqual &= count == -1 || count == columns.Count;
            count = columns.Count;
            foreach (var (name, type) in columns)
            {
                if (!seen.TryGetValue(name, out var first))
                {
                    areEqual &= good.Count == 1;
                    seen.Add(name, (type, file.Path));
                }
                else if (first.Type != type)
                {
                    areEqual = false;
                    if (Family(first.Type) != Family(type))
                    {
                        throw new LakeException(
                            $"Column '{name}' of the lake table '{table.Name}' is {first.Type} in '{first.Path}' and {type} in '{file.Path}'.", isTransient: false);
                    }
                }
            }
        }

        Forget(table);
        return ([.. good, .. broken], areEqual);
    }

    private async Task ReadAsync(DuckDbSession session, List<LakeFile> files, CancellationToken cancellationToken)
    {
        var byPath = files.ToDictionary(file => file.Path);
        var list = string.Join(", ", files.Select(file => "'" + file.Path.Replace("'", "''", StringComparison.Ordinal) + "'"));
        var read = await session.QueryAsync(
            new SqlStatement($"SELECT file_name, name, coalesce(duckdb_type, 'nested'), coalesce(num_children, 0) FROM parquet_schema([{list}]) ORDER BY file_name, column_id"),
            reader =>
            {
                Dictionary<string, Dictionary<string, string>> columns = [];
                var inner = 0L;
                while (reader.Read())
                {
                    var children = reader.GetInt64(3);
                    if (!columns.TryGetValue(reader.GetString(0), out var file))
                    {
                        columns.Add(reader.GetString(0), new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase));
                        inner = 0;
                    }
                    else if (inner > 0)
                    {
                        inner += children - 1;
                    }
                    else
                    {
                        file[reader.GetString(1)] = reader.GetString(2);
                        inner = children;
                    }
                }

                return columns;
            },
            cancellationToken);
        foreach (var (path, columns) in read)
        {
            _columns[byPath[path]] = columns;
        }
    }

    /// <summary>Types of one family widen without loss of meaning; a text never becomes a number.</summary>
    private static string Family(string type) => type switch
    {
        "TINYINT" or "SMALLINT" or "INTEGER" or "BIGINT" or "HUGEINT" or "UTINYINT" or "USMALLINT" or "UINTEGER" or "UBIGINT" or "UHUGEINT" or "FLOAT" or "DOUBLE" => "number",
        _ when type.StartsWith("DECIMAL", StringComparison.Ordinal) => "number",
        "DATE" => "time",
        _ when type.StartsWith("TIMESTAMP", StringComparison.Ordinal) => "time",
        _ => type,
    };

    private void Forget(LakeTable table)
    {
        // Files that were written anew leave their old entry behind.
        if (_columns.Count > 100_000)
        {
            foreach (var file in _columns.Keys.Except(table.Files))
            {
                _columns.TryRemove(file, out _);
            }
        }
    }
}
