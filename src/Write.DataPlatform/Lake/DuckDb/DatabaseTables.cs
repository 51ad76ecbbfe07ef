using System.Collections.Frozen;
using System.Globalization;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Lake.DuckDb;

/// <summary>The tables and views of a DuckDB database file, which nobody can change while it is open for reading.</summary>
internal sealed class DatabaseTables(string file) : ILakeTables
{
    private const string DefaultSchema = "main";

    private readonly StatementTables _names = new();
    private FrozenSet<string>? _tables;

    public string Database => file;

    public string? Folder => null;

    public async Task<string> PrepareAsync(DuckDbSession session, string sql, string key, CancellationToken cancellationToken)
    {
        foreach (var (name, mayBeCte) in await _names.OfAsync(session, sql, key, cancellationToken))
        {
            if (!mayBeCte && !await HasAsync(session, name, cancellationToken))
            {
                throw Missing(name);
            }
        }

        return "";
    }

    public async Task<bool> HasAsync(DuckDbSession session, string table, CancellationToken cancellationToken)
    {
        _tables ??= await session.QueryAsync(
            new SqlStatement("SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE NOT internal AND database_name = current_database() UNION ALL SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE NOT internal AND database_name = current_database()"),
            reader =>
            {
                var names = new List<string>();
                while (reader.Read())
                {
                    names.Add(reader.GetString(0));
                }

                return names.ToFrozenSet(StringComparer.OrdinalIgnoreCase);
            },
            cancellationToken);
        return _tables.Contains(table.Contains('.', StringComparison.Ordinal) ? table : DefaultSchema + "." + table);
    }

    /// <summary>The file as it is now, whatever part is asked for.</summary>
    public void Forget(string table, long before)
    {
        // A database tells its tables itself.
    }

    public string? Version(string table, string? partitionColumn, DateOnly? from, DateOnly? to)
    {
        var found = new FileInfo(file);
        return found.Exists
            ? string.Create(CultureInfo.InvariantCulture, $"{found.Length}-{found.LastWriteTimeUtc.Ticks}")
            : throw new LakeException($"The database '{file}' is no longer there.", isTransient: false) { IsMissing = true };
    }

    public void Dispose()
    {
    }

    private LakeException Missing(string table)
    {
        var names = _tables!.Select(t => t.StartsWith(DefaultSchema + ".", StringComparison.OrdinalIgnoreCase) ? t[(DefaultSchema.Length + 1)..] : t).Order(StringComparer.Ordinal).Take(20);
        return new LakeException($"The lake has no table '{table}'; its database '{file}' has: {string.Join(", ", names)}.", isTransient: false) { IsMissing = true };
    }
}
