using System.Globalization;
using System.Text;
using System.Text.Json;
using DuckDB.NET.Data;
using Write.DataPlatform.AthenaStandIn.Protocol;
using Write.DataPlatform.AthenaStandIn.Sql;

namespace Write.DataPlatform.AthenaStandIn;

/// <summary>Runs Trino's SQL over the catalogue's Parquet files, in an embedded DuckDB.</summary>
internal sealed class Engine : IDisposable
{
    private readonly Catalog _catalog;
    private readonly OutputStore _store;
    private readonly int _unloadFiles;
    private readonly DuckDBConnection _root;
    private readonly Dictionary<string, string> _views = new(StringComparer.OrdinalIgnoreCase);
    private readonly Lock _lock = new();

    public Engine(Catalog catalog, OutputStore store, int unloadFiles)
    {
        (_catalog, _store, _unloadFiles) = (catalog, store, unloadFiles);
        _root = new DuckDBConnection("DataSource=:memory:;threads=2;memory_limit=1GB");
        _root.Open();
        Execute(_root, "SET GLOBAL TimeZone = 'UTC'; SET GLOBAL integer_division = true; SET GLOBAL default_null_order = 'nulls_last'");
        foreach (var database in catalog.Databases.Append(TrinoMacros.Schema))
        {
            Execute(_root, $"CREATE SCHEMA IF NOT EXISTS {CatalogTable.Quote(database)}");
        }

        _root.RegisterScalarFunction<string, string>("trino_scientific", (readers, writer, count) =>
        {
            for (ulong i = 0; i < count; i++)
            {
                if (readers[0].IsValid(i))
                {
                    writer.WriteValue(AthenaTypes.Scientific(readers[0].GetValue<string>(i)), i);
                }
                else
                {
                    writer.WriteNull(i);
                }
            }
        });
        foreach (var macro in TrinoMacros.All)
        {
            Execute(_root, macro);
        }
    }

    /// <summary>Runs a statement to its end.</summary>
    /// <exception cref="QueryFailedException">It cannot be run.</exception>
    public async Task RunAsync(QueryExecution execution, Func<long, bool> mayScan)
    {
        var cancellation = execution.Cancellation.Token;
        var statement = TrinoStatement.Parse(execution.Query, execution.Parameters);
        await using var connection = Open();
        var translated = Translate(statement.Select, execution.Database);
        var tables = Prepare(translated.Tables);
        execution.BytesScanned = Scanned(connection, translated.Sql, tables);
        if (!mayScan(execution.BytesScanned))
        {
            return;
        }

        var columns = Columns(connection, translated.Sql);
        if (statement.UnloadTo is { } target)
        {
            await UnloadAsync(connection, execution, translated.Sql, columns, target, cancellation);
            return;
        }

        var result = Result(connection, translated.Sql, columns, cancellation);
        if (execution.OutputLocation is { } location)
        {
            await _store.WriteAsync(location, Encoding.UTF8.GetBytes(Csv(result)), cancellation);
        }

        execution.Result = result;
    }

    /// <summary>Runs a SELECT, whose result goes nowhere else.</summary>
    /// <exception cref="TrinoSyntaxException">It is not Trino's SQL.</exception>
    /// <exception cref="QueryFailedException">It cannot be run.</exception>
    public QueryResult Query(string sql, string database, CancellationToken cancellationToken = default)
    {
        using var connection = Open();
        var translated = Translate(sql, database);
        Prepare(translated.Tables);
        return Result(connection, translated.Sql, Columns(connection, translated.Sql), cancellationToken);
    }

    /// <summary>The columns of a table.</summary>
    public IReadOnlyList<(string Name, string Type)> Describe(CatalogTable table)
    {
        using var connection = Open();
        Ensure(table);
        return Columns(connection, $"SELECT * FROM {table.View}");
    }

    public void Dispose() => _root.Dispose();

    private static TrinoTranslation Translate(string sql, string database)
    {
        try
        {
            return TrinoTranslator.Translate(sql, database);
        }
        catch (TrinoFunctionException exception)
        {
            throw new QueryFailedException("FUNCTION_NOT_FOUND: " + exception.Message);
        }
    }

    private static QueryResult Result(DuckDBConnection connection, string sql, IReadOnlyList<(string Name, string Type)> columns, CancellationToken cancellationToken) => new(
        [.. columns.Select(c => AthenaTypes.Column(c.Name, c.Type))], Rows(connection, Shaped(sql, columns, asText: true), cancellationToken), HasHeader: true);

    private List<CatalogTable> Prepare(IEnumerable<(string Database, string Name)> names)
    {
        List<CatalogTable> tables = [];
        foreach (var (schema, name) in names)
        {
            if (!_catalog.HasDatabase(schema))
            {
                throw new QueryFailedException($"SCHEMA_NOT_FOUND: line 1:1: Schema '{schema}' does not exist");
            }

            var table = _catalog.Find(schema, name)
                ?? throw new QueryFailedException($"TABLE_NOT_FOUND: line 1:1: Table 'awsdatacatalog.{schema}.{name}' does not exist. You may need to manually clean the data at location");
            Ensure(table);
            tables.Add(table);
        }

        return tables;
    }

    /// <summary>Makes the table's view, over its files as they are now. A timestamp has milliseconds, as Athena reads it.</summary>
    private void Ensure(CatalogTable table)
    {
        lock (_lock)
        {
            var files = string.Join(", ", table.Files.Select(f => "'" + f.Replace("'", "''", StringComparison.Ordinal) + "'"));
            var source = $"read_parquet([{files}], hive_partitioning={(table.Partitions.Length > 0 ? "true" : "false")}, union_by_name=true)";
            var stamp = string.Join(';', table.Files.Select(f => f + File.GetLastWriteTimeUtc(f).Ticks.ToString(CultureInfo.InvariantCulture)));
            if (_views.GetValueOrDefault(table.View) == stamp)
            {
                return;
            }

            var columns = Columns(_root, $"SELECT * FROM {source}").Select(c => (Name: CatalogTable.Quote(c.Name), c.Type));
            var select = columns.Select(c => c.Type.StartsWith("TIMESTAMP", StringComparison.Ordinal)
                ? $"trino.milliseconds(CAST({c.Name} AS TIMESTAMP)) AS {c.Name.ToLowerInvariant()}"
                : $"{c.Name} AS {c.Name.ToLowerInvariant()}");
            Execute(_root, $"CREATE OR REPLACE VIEW {table.View} AS SELECT {string.Join(", ", select)} FROM {source}");
            _views[table.View] = stamp;
        }
    }

    private async Task UnloadAsync(
        DuckDBConnection connection, QueryExecution execution, string sql, IReadOnlyList<(string Name, string Type)> columns, string target, CancellationToken cancellation)
    {
        if (columns.GroupBy(c => c.Name, StringComparer.OrdinalIgnoreCase).FirstOrDefault(g => g.Count() > 1) is { } twice)
        {
            throw new QueryFailedException($"DUPLICATE_COLUMN_NAME: line 1:1: Column name '{twice.Key}' specified more than once");
        }

        if (columns.FirstOrDefault(c => AthenaTypes.Column(c.Name, c.Type).Type is "unknown" or "time" or "timestamp with time zone") is { Name: not null } refused)
        {
            throw new QueryFailedException($"NOT_SUPPORTED: Unsupported Hive type: {AthenaTypes.Column("", refused.Type).Type} of column {refused.Name}");
        }

        if (await _store.HasAnyAsync(target, cancellation))
        {
            throw new QueryFailedException($"HIVE_PATH_ALREADY_EXISTS: Target directory for table already exists: {target}");
        }

        var work = Directory.CreateTempSubdirectory("wdp-unload-").FullName;
        try
        {
            Execute(connection, $"CREATE TEMP TABLE unloaded AS {Shaped(sql, columns, asText: false)}", cancellation);
            var rows = Convert.ToInt64(Scalar(connection, "SELECT count(*) FROM unloaded"), CultureInfo.InvariantCulture);
            List<string> written = [];
            var prefix = target.TrimEnd('/') + "/" + execution.Submitted.ToString("yyyyMMdd_HHmmss", CultureInfo.InvariantCulture) + "_00000_stand_";
            for (var i = 0; i < Math.Min(rows, _unloadFiles); i++)
            {
                var file = Path.Combine(work, i.ToString(CultureInfo.InvariantCulture));
                Execute(connection, $"COPY (SELECT * FROM unloaded WHERE rowid % {_unloadFiles} = {i}) TO '{file}' (FORMAT parquet, COMPRESSION zstd)", cancellation);
                var uri = prefix + Guid.NewGuid();
                await _store.WriteAsync(uri, await File.ReadAllBytesAsync(file, cancellation), cancellation);
                written.Add(uri);
            }

            if (execution.OutputLocation is { } location)
            {
                var manifest = location[..^".csv".Length] + "-manifest.csv";
                await _store.WriteAsync(manifest, Encoding.UTF8.GetBytes(string.Concat(written.Select(w => w + "\n"))), cancellation);
                execution.Manifest = manifest;
            }

            execution.Result = QueryResult.Empty;
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    /// <summary>The bytes of the files that a statement's plan reads; files that its partitions rule out are not opened.</summary>
    private static long Scanned(DuckDBConnection connection, string sql, List<CatalogTable> tables)
    {
        var (read, all) = (0L, 0L);
        void Visit(JsonElement node)
        {
            if (node.TryGetProperty("extra_info", out var info) && info.TryGetProperty("Scanning Files", out var files) && files.GetString()!.Split('/') is [var some, var total])
            {
                read += long.Parse(some, CultureInfo.InvariantCulture);
                all += long.Parse(total, CultureInfo.InvariantCulture);
            }

            foreach (var child in node.GetProperty("children").EnumerateArray())
            {
                Visit(child);
            }
        }

        using var command = connection.CreateCommand();
        command.CommandText = "EXPLAIN (FORMAT json) " + sql;
        try
        {
            using var reader = command.ExecuteReader();
            reader.Read();
            using var plan = JsonDocument.Parse(reader.GetString(1));
            foreach (var node in plan.RootElement.EnumerateArray())
            {
                Visit(node);
            }
        }
        catch (DuckDBException exception)
        {
            throw Failed(exception);
        }

        var bytes = tables.Sum(t => t.Bytes);
        return all == 0 ? bytes : bytes * read / all;
    }

    private static List<(string Name, string Type)> Columns(DuckDBConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = $"SELECT column_name, column_type FROM (DESCRIBE {sql}\n)";
        try
        {
            using var reader = command.ExecuteReader();
            List<(string, string)> columns = [];
            while (reader.Read())
            {
                columns.Add((reader.GetString(0), reader.GetString(1)));
            }

            return columns;
        }
        catch (DuckDBException exception)
        {
            throw Failed(exception);
        }
    }

    private static string Shaped(string sql, IReadOnlyList<(string Name, string Type)> columns, bool asText)
    {
        var reads = columns.Select((c, i) => AthenaTypes.Read("c" + i, c.Type, asText) + " AS " + CatalogTable.Quote(c.Name));
        return $"SELECT {string.Join(", ", reads)} FROM ({sql}\n) AS shaped({string.Join(", ", columns.Select((_, i) => "c" + i))})";
    }

    private static List<string?[]> Rows(DuckDBConnection connection, string sql, CancellationToken cancellationToken)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var registration = cancellationToken.Register(command.Cancel);
        try
        {
            using var reader = command.ExecuteReader();
            List<string?[]> rows = [];
            while (reader.Read())
            {
                var row = new string?[reader.FieldCount];
                for (var i = 0; i < row.Length; i++)
                {
                    row[i] = reader.IsDBNull(i) ? null : AthenaTypes.Print(reader.GetValue(i));
                }

                rows.Add(row);
            }

            return rows;
        }
        catch (DuckDBException exception)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw Failed(exception);
        }
    }

    private static string Csv(QueryResult result)
    {
        var text = new StringBuilder();
        void Line(IEnumerable<string?> values) =>
            text.AppendJoin(',', values.Select(v => v is null ? "" : "\"" + v.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"")).Append('\n');
        Line(result.Columns.Select(c => c.Name));
        foreach (var row in result.Rows)
        {
            Line(row);
        }

        return text.ToString();
    }

    private static QueryFailedException Failed(DuckDBException exception) => new("GENERIC_USER_ERROR: line 1:1: " + exception.Message.Split('\n')[0]);

    private DuckDBConnection Open()
    {
        var connection = _root.Duplicate();
        connection.Open();
        return connection;
    }

    private static object? Scalar(DuckDBConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar();
    }

    private static void Execute(DuckDBConnection connection, string sql, CancellationToken cancellationToken = default)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var registration = cancellationToken.Register(command.Cancel);
        try
        {
            command.ExecuteNonQuery();
        }
        catch (DuckDBException exception) when (cancellationToken.CanBeCanceled)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw Failed(exception);
        }
    }
}
