using System.Collections.Concurrent;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Lake.DuckDb;

/// <summary>A view for every lake table that a statement names, over the list of its files as it is now.</summary>
/// <remarks>
/// A list of files binds five times as fast as a pattern with <c>union_by_name</c>, and files of other partitions are not even opened.
/// That needs equal columns in all files, so the files' schemas are compared when they are first seen; only tables whose files differ pay for the union.
/// </remarks>
internal sealed class LakeViews(LakeFolder folder) : ILakeTables
{
    private readonly StatementTables _names = new();
    private readonly ConcurrentDictionary<string, string> _made = new(StringComparer.OrdinalIgnoreCase);
    private readonly SemaphoreSlim _making = new(1);
    private readonly ParquetSchemas _schemas = new();

    public string? Database => null;

    public string Folder => folder.Path;

    public Task<bool> HasAsync(DuckDbSession session, string table, CancellationToken cancellationToken) =>
        Task.FromResult(folder.Find(table) is not null || (Directory.Exists(folder.Path) ? false : throw folder.Missing(table)));

    public void Forget(string table, long before) => folder.Forget(table, before);

    public string? Version(string table, string? partitionColumn, DateOnly? from, DateOnly? to)
    {
        var found = folder.Find(table) ?? throw folder.Missing(table);
        return partitionColumn is null ? found.Version : found.VersionOf(partitionColumn, from, to);
    }

    /// <summary>Makes the views that a statement needs; the stamp changes with the tables' files.</summary>
    public async Task<string> PrepareAsync(DuckDbSession session, string sql, string key, CancellationToken cancellationToken)
    {
        var stamp = "";
        foreach (var (name, mayBeCte) in await _names.OfAsync(session, sql, key, cancellationToken))
        {
            if (folder.Find(name) is { } table)
            {
                stamp += await EnsureAsync(session, table, cancellationToken) + ";";
            }
            else if (!mayBeCte)
            {
                throw folder.Missing(name);
            }
        }

        return stamp;
    }

    /// <summary>The view's name in SQL, quoted.</summary>
    public static string Quote(string table) => string.Join('.', table.Split('.').Select(DuckDbDialect.Instance.Quote));

    private async Task<string> EnsureAsync(DuckDbSession session, LakeTable table, CancellationToken cancellationToken)
    {
        if (_made.TryGetValue(table.Name, out var version) && version == table.Version)
        {
            return version;
        }

        await _making.WaitAsync(cancellationToken);
        try
        {
            // Another caller may have made it from a newer listing meanwhile; a view never goes back.
            table = folder.Find(table.Name) ?? throw folder.Missing(table.Name);
            if (_made.TryGetValue(table.Name, out version) && version == table.Version)
            {
                return version;
            }

            if (table.Files.IsEmpty)
            {
                throw new LakeException($"The lake table '{table.Name}' has no files yet, so its columns are not known.", isTransient: false) { IsMissing = true };
            }

            var source = await SourceAsync(session, table, cancellationToken);
            if (table.Name.Split('.') is [var schema, _])
            {
                await session.ExecuteAsync($"CREATE SCHEMA IF NOT EXISTS {Quote(schema)}", cancellationToken);
            }

            await session.ExecuteAsync($"CREATE OR REPLACE VIEW {Quote(table.Name)} AS SELECT * FROM {source}", cancellationToken);
            _made[table.Name] = table.Version;
            return table.Version;
        }
        finally
        {
            _making.Release();
        }
    }

    private async Task<string> SourceAsync(DuckDbSession session, LakeTable table, CancellationToken cancellationToken)
    {
        var hive = table.IsHive ? "true" : "false";
        if (table.Format == LakeFormat.Parquet)
        {
            var (files, areEqual) = await _schemas.CompareAsync(session, table, cancellationToken);
            return $"read_parquet({List(files)}, hive_partitioning={hive}, union_by_name={(areEqual ? "false" : "true")})";
        }

        // Text files have no types: they are taken from every value there is, once for each set of files, not from a sample of each query.
        var list = List(table.Files.Select(file => file.Path));
        var (function, parameter) = table.Format == LakeFormat.Csv ? ("read_csv", "types") : ("read_json", "columns");
        var options = $"{list}, hive_partitioning={hive}, union_by_name=true";
        var types = await session.QueryAsync(
            new SqlStatement($"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM {function}({options}, sample_size=-1{(table.Format == LakeFormat.Json ? ", maximum_sample_files=2147483647" : "")}))"),
            reader =>
            {
                List<string> columns = [];
                while (reader.Read())
                {
                    if (table.Files[0].HiveValue(reader.GetString(0)) is null)
                    {
                        columns.Add($"{Text(reader.GetString(0))}: {Text(reader.GetString(1))}");
                    }
                }

                return string.Join(", ", columns);
            },
            cancellationToken);
        return $"{function}({options}, {parameter}={{{types}}})";
    }

    private static string List(IEnumerable<string> files) => "[" + string.Join(", ", files.Select(Text)) + "]";

    private static string Text(string value) => "'" + value.Replace("'", "''", StringComparison.Ordinal) + "'";

    public void Dispose() => _making.Dispose();
}
