using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Lake.DuckDb;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Streaming.Batches;

/// <summary>The rows of one shard's open windows, in a database of their own, where the lake's own statements run over them. They spill to disk beyond its memory.</summary>
internal sealed class BatchRows : IAsyncDisposable
{
    /// <summary>The column that numbers rows in the shard's order.</summary>
    public const string Number = "_n";

    /// <summary>The table of events that came after their windows were closed.</summary>
    public const string LateTable = "late_rows";

    private const string Parquet = "FORMAT parquet, COMPRESSION zstd, WRITE_BLOOM_FILTER false";

    private static int _databases;

    private readonly DuckDbSession _session;
    private readonly StreamPlan _plan;
    private readonly ImmutableArray<EventColumn> _columns;
    private readonly JoinedRows _joined;
    private readonly string _database;
    private readonly string _folder;
    private readonly Dictionary<string, string> _shapes = [];
    private int _files;

    private BatchRows(DuckDbSession session, StreamPlan plan, ImmutableArray<EventColumn> columns, JoinedRows joined, string database, string folder) =>
        (_session, _plan, _columns, _joined, _database, _folder) = (session, plan, columns, joined, database, folder);

    /// <summary>The columns that are written to the lake; the others follow from the event time.</summary>
    public IEnumerable<EventColumn> Columns => _columns;

    public static async Task<BatchRows> OpenAsync(
        DuckDbInstance instance, StreamPlan plan, ImmutableArray<EventColumn> columns, ILake lake, string folder, TimeProvider time, CancellationToken cancellationToken)
    {
        var session = await instance.OpenAsync(cancellationToken);
        try
        {
            var database = string.Create(CultureInfo.InvariantCulture, $"shard_{Interlocked.Increment(ref _databases)}");
            await session.ExecuteAsync($"ATTACH ':memory:' AS {database}", cancellationToken);
            await session.ExecuteAsync($"USE {database}", cancellationToken);
            var rows = new BatchRows(session, plan, columns, new JoinedRows(session, plan, lake, time), database, folder);
            if (plan.Fact.Table.Split('.') is [var schema, _])
            {
                await session.ExecuteAsync($"CREATE SCHEMA IF NOT EXISTS {LakeViews.Quote(schema)}", cancellationToken);
            }

            await rows.CreateAsync(LateTable, cancellationToken);
            return rows;
        }
        catch
        {
            await session.DisposeAsync();
            throw;
        }
    }

    public Task CreateAsync(string table, CancellationToken cancellationToken = default) =>
        _session.ExecuteAsync($"CREATE TABLE {table} ({Number} BIGINT, {string.Join(", ", _columns.Select(c => GoldColumns.Quote(c.Name) + " " + c.HeldType))})", cancellationToken);

    public Task DropAsync(string table, CancellationToken cancellationToken = default) => _session.ExecuteAsync($"DROP TABLE IF EXISTS {table}", cancellationToken);

    public Task AppendAsync(string table, EventRows rows, CancellationToken cancellationToken = default) =>
        rows.Count == 0 ? Task.CompletedTask : Task.Run(
            () =>
            {
                using var appender = new ColumnAppender(_session, _database, "main", table);
                rows.AppendTo(appender);
                appender.Close();
            },
            cancellationToken);

    /// <summary>Lets statements over the lake's tables see a chunk's rows and those that they join to.</summary>
    /// <exception cref="LakeException">The lake could not give the rows.</exception>
    public async Task ShowAsync(WindowChunk chunk, CancellationToken cancellationToken = default)
    {
        await _session.ExecuteAsync($"CREATE OR REPLACE VIEW {LakeViews.Quote(_plan.Fact.Table)} AS SELECT {LakeColumns()} FROM {_database}.main.{chunk.Table}", cancellationToken);
        await _joined.LoadAsync(chunk.IsFull, cancellationToken);
    }

    /// <summary>The states of the shown chunk's rows for a gold table, as Parquet by tenant (empty for an internal table); tenants without rows are not there.</summary>
    public async Task<IReadOnlyDictionary<string, byte[]>> StatesAsync(GoldDefinition definition, DateTime window, CancellationToken cancellationToken = default)
    {
        var from = new DateTimeOffset(window, TimeSpan.Zero);
        var statement = definition.CompileEvents(DuckDbDialect.Instance, _plan.Fact.Name, from, from + _plan.Stream.Window);
        await _session.ExecuteAsync(statement with { Text = $"CREATE OR REPLACE TEMP TABLE states AS {statement.Text}" }, cancellationToken);
        if (!_shapes.TryGetValue(definition.Table.Name, out var shape))
        {
            _shapes[definition.Table.Name] = shape = await ShapeAsync(cancellationToken);
        }

        var shaped = $"(SELECT {shape} FROM states)";
        var found = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        if (definition.Table.Audience == Audience.Internal)
        {
            if (await _session.ScalarAsync<long>("SELECT count(*) FROM states", cancellationToken) > 0)
            {
                found[""] = await EncodeAsync(definition.CompileStore(shaped, _plan.Fact.Name), cancellationToken);
            }

            return found;
        }

        var keys = (await TextsAsync($"SELECT DISTINCT {GoldDefinition.TenantKey} FROM states WHERE {GoldDefinition.TenantKey} IS NOT NULL", cancellationToken)).ToHashSet(StringComparer.Ordinal);
        foreach (var (tenant, key) in definition.TenantKeys.Where(t => keys.Contains(t.Value)))
        {
            found[tenant] = await EncodeAsync(
                definition.CompileStore($"(SELECT * FROM {shaped} AS shaped WHERE {GoldDefinition.TenantKey} = {GoldColumns.Literal(key)})", _plan.Fact.Name), cancellationToken);
        }

        return found;
    }

    /// <summary>What rows of a table with numbers in (after, to] have of columns, as text; null for null.</summary>
    public async Task<List<string?[]>> ReadAsync(string table, IReadOnlyList<string> expressions, long after, long to, CancellationToken cancellationToken = default) =>
        await _session.QueryAsync(
            new SqlStatement(string.Create(
                CultureInfo.InvariantCulture, $"SELECT {string.Join(", ", expressions.Select(e => $"CAST({e} AS VARCHAR)"))} FROM {table} WHERE {Number} > {after} AND {Number} <= {to} ORDER BY {Number}")),
            reader =>
            {
                var rows = new List<string?[]>();
                while (reader.Read())
                {
                    rows.Add([.. Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? null : reader.GetString(i))]);
                }

                return rows;
            },
            cancellationToken);

    public Task DeleteAsync(string table, string condition, CancellationToken cancellationToken = default) => _session.ExecuteAsync($"DELETE FROM {table} WHERE {condition}", cancellationToken);

    /// <summary>Copies rows of some tables, with numbers in (after, to], to a Parquet file.</summary>
    public async Task<long> CopyAsync(
        IEnumerable<string> tables, string columns, string? condition, string file, long after, long to, CancellationToken cancellationToken = default)
    {
        var selects = tables.Select(table => string.Create(CultureInfo.InvariantCulture, $"SELECT * FROM {table} WHERE {Number} > {after} AND {Number} <= {to}"));
        return await _session.ExecuteAsync(
            $"COPY (SELECT {columns} FROM ({string.Join(" UNION ALL ", selects)}) {(condition is null ? "" : "WHERE " + condition)} ORDER BY {GoldColumns.Quote(_plan.TimeColumn)}, {Number}) TO {GoldColumns.Literal(file)} ({Parquet})",
            cancellationToken);
    }

    /// <summary>Makes one Parquet file of several.</summary>
    public Task MergeAsync(IEnumerable<string> files, string file, CancellationToken cancellationToken = default) =>
        _session.ExecuteAsync(
            $"COPY (SELECT * FROM read_parquet({GoldColumns.Files(files)}, hive_partitioning = false, union_by_name = true) ORDER BY {GoldColumns.Quote(_plan.TimeColumn)}) TO {GoldColumns.Literal(file)} ({Parquet})", cancellationToken);

    /// <summary>The distinct values of an expression over tables' rows with numbers in (after, to], as text.</summary>
    public Task<List<string>> ValuesAsync(IEnumerable<string> tables, string expression, long after, long to, CancellationToken cancellationToken = default)
    {
        var selects = tables.Select(table => string.Create(CultureInfo.InvariantCulture, $"SELECT {expression} AS v FROM {table} WHERE {Number} > {after} AND {Number} <= {to}"));
        return TextsAsync($"SELECT DISTINCT CAST(v AS VARCHAR) FROM ({string.Join(" UNION ALL ", selects)}) ORDER BY 1", cancellationToken);
    }

    /// <summary>A column as the lake has it, from its held form.</summary>
    public static string LakeValue(EventColumn column)
    {
        var name = GoldColumns.Quote(column.Name);
        return column.Type is null ? $"CAST(CAST({name} AS JSON) AS {column.DuckDbType})"
            : column.HeldType == column.DuckDbType ? name
            : $"CAST({name} AS {column.DuckDbType})";
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await _session.ExecuteAsync("USE memory");
            await _session.ExecuteAsync($"DETACH {_database}");
        }
        finally
        {
            await _session.DisposeAsync();
        }
    }

    /// <summary>The lake table's columns, those that it is partitioned by with them.</summary>
    private string LakeColumns()
    {
        var columns = _columns.Select(c => $"{LakeValue(c)} AS {GoldColumns.Quote(c.Name)}").ToList();
        foreach (var (name, grain) in _plan.Partitions.Where(p => !_columns.Any(c => c.Name.Equals(p.Key, StringComparison.OrdinalIgnoreCase))))
        {
            columns.Add($"CAST(date_trunc('{grain.ToString().ToLowerInvariant()}', {GoldColumns.Quote(_plan.TimeColumn)}) AS DATE) AS {GoldColumns.Quote(name)}");
        }

        return string.Join(", ", columns);
    }

    private async Task<string> ShapeAsync(CancellationToken cancellationToken) =>
        await _session.QueryAsync(
            new SqlStatement("SELECT column_name, column_type FROM (DESCRIBE states)"),
            reader =>
            {
                var columns = new List<string>();
                while (reader.Read())
                {
                    var column = LakeColumn.Of(reader.GetString(0), reader.GetString(1));
                    var name = GoldColumns.Quote(column.Column.Name);
                    columns.Add(column.NeedsCast ? $"CAST({name} AS {column.Column.Type.DuckDbName}) AS {name}" : name);
                }

                return string.Join(", ", columns);
            },
            cancellationToken);

    private async Task<byte[]> EncodeAsync(string sql, CancellationToken cancellationToken)
    {
        var file = Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"{_database}-{++_files}.parquet"));
        try
        {
            await _session.ExecuteAsync($"COPY ({sql}) TO {GoldColumns.Literal(file)} ({Parquet})", cancellationToken);
            return await File.ReadAllBytesAsync(file, cancellationToken);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private Task<List<string>> TextsAsync(string sql, CancellationToken cancellationToken) =>
        _session.QueryAsync(
            new SqlStatement(sql),
            reader =>
            {
                var found = new List<string>();
                while (reader.Read())
                {
                    if (!reader.IsDBNull(0))
                    {
                        found.Add(reader.GetString(0));
                    }
                }

                return found;
            },
            cancellationToken);
}
