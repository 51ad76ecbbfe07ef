using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Data.Common;
using System.Text.RegularExpressions;
using DuckDB.NET.Data;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Lake.DuckDb;

/// <summary>A lake of Parquet, CSV or JSON files in a folder, or of the tables of a DuckDB database file.</summary>
/// <remarks>
/// The database may read the lake's folder or file and write its own work folder, and nothing else: the settings are locked before the first statement.
/// </remarks>
internal sealed partial class DuckDbLake : ILake, IAsyncDisposable
{
    // By the file's own name, a schema of the same name would be ambiguous.
    private const string Attached = "attached_lake";

    private readonly LakeOptions _options;
    private readonly TimeProvider _time;
    private readonly ILakeTables _tables;
    private readonly string _work;
    private readonly ConcurrentDictionary<string, ImmutableArray<LakeColumn>> _shapes = new();
    private readonly Lazy<Task<DuckDbInstance>> _instance;

    public DuckDbLake(LakeOptions options, TimeProvider time)
    {
        _options = options;
        _time = time;
        _tables = options.Database.Length > 0 ? new DatabaseTables(options.Database) : new LakeViews(new LakeFolder(options.Path, options.ScanInterval, time));
        _work = Path.Combine(Path.GetFullPath(options.WorkPath), "lake-" + Guid.NewGuid().ToString("N"));
        _instance = new Lazy<Task<DuckDbInstance>>(() => Task.Run(StartAsync));
    }

    public SqlDialect Dialect => DuckDbDialect.Instance;

    public async Task<LakeRows> QueryAsync(SqlStatement statement, CancellationToken cancellationToken = default)
    {
        var (session, clock) = await OpenAsync(cancellationToken);
        DuckDBCommand? command = null;
        try
        {
            using var linked = clock.Link(cancellationToken);
            var shape = await ShapeAsync(session, statement, linked.Token);
            command = session.Connection.CreateCommand();
            command.CommandText = Shaped(statement.Text, shape);
            command.UseStreamingMode = true;
            foreach (var value in statement.Parameters)
            {
                command.Parameters.Add(new DuckDBParameter(value ?? DBNull.Value));
            }

            DbDataReader reader;
            using (clock.Interrupt(command, cancellationToken))
            {
                reader = await Task.Run(DbDataReader () => command.ExecuteReader(), cancellationToken);
            }

            return new DuckDbLakeRows([.. shape.Select(column => column.Column)], NewQueryId(), session, command, reader, clock);
        }
        catch (Exception exception)
        {
            var explained = clock.Explain(exception, cancellationToken);
            if (command is not null)
            {
                await command.DisposeAsync();
            }

            await session.DisposeAsync();
            clock.Dispose();
            throw explained;
        }
    }

    public Task<LakeExport> ExportAsync(SqlStatement statement, string directory, CancellationToken cancellationToken = default) =>
        RunAsync(
            async (session, token) =>
            {
                var shape = await ShapeAsync(session, statement, token);
                var queryId = NewQueryId();
                var work = Path.Combine(_work, queryId + ".parquet");
                try
                {
                    // DuckDB may write the work folder alone; within one file system the move that follows costs nothing.
                    var rows = await session.ExecuteAsync(
                        statement with { Text = $"COPY ({Shaped(statement.Text, shape)}\n) TO '{work.Replace("'", "''", StringComparison.Ordinal)}' (FORMAT parquet, COMPRESSION zstd)" }, token);
                    Directory.CreateDirectory(directory);
                    var file = Path.Combine(directory, "rows.parquet");
                    File.Move(work, file, overwrite: false);
                    return new LakeExport([file], [.. shape.Select(column => column.Column)], rows, queryId, 0);
                }
                finally
                {
                    File.Delete(work);
                }
            },
            cancellationToken);

    public async Task<ImmutableArray<ResultColumn>?> DescribeAsync(string table, CancellationToken cancellationToken = default)
    {
        return await RunAsync<ImmutableArray<ResultColumn>?>(
            async (session, token) =>
            {
                if (!await _tables.HasAsync(session, table, token))
                {
                    return null;
                }

                var statement = new SqlStatement($"SELECT * FROM {LakeViews.Quote(table)}");
                await _tables.PrepareAsync(session, statement.Text, statement.Text, token);
                // A nested column has no kind, and nothing is wrong with a table that has one: expressions may reach inside.
                var types = await TypesAsync(session, statement, token);
                return types.Select(column => LakeColumn.TryOf(column.Name, column.Type)?.Column).OfType<ResultColumn>().ToImmutableArray();
            },
            cancellationToken);
    }

    public Task<string?> GetVersionAsync(
        string table, string? partitionColumn, DateOnly? from, DateOnly? to, CancellationToken cancellationToken = default) =>
        Task.Run(() => _tables.Version(table, partitionColumn, from, to), cancellationToken);

    /// <inheritdoc />
    public void Forget(string table, long before = long.MaxValue) => _tables.Forget(table, before);

    public async ValueTask DisposeAsync()
    {
        if (_instance.IsValueCreated)
        {
            await ((Task)_instance.Value).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_instance.Value.IsCompletedSuccessfully)
            {
                await _instance.Value.Result.DisposeAsync();
            }

            Directory.Delete(_work, recursive: true);
        }

        _tables.Dispose();
    }

    private async Task<DuckDbInstance> StartAsync()
    {
        Directory.CreateDirectory(_work);
        RemoveLeftovers();
        var instance = new DuckDbInstance(new DuckDbSettings
        {
            Name = "lake",
            MaxSessions = _options.MaxQueries,
            Threads = _options.Threads,
            MemoryMegabytes = _options.MemoryMegabytes,
            TempDirectory = Path.Combine(_work, "spill"),
            MaxTempMegabytes = _options.MaxSpillMegabytes,
        });
        try
        {
            await PrepareAsync(instance);
            return instance;
        }
        catch
        {
            await instance.DisposeAsync();
            throw;
        }
    }

    private async Task PrepareAsync(DuckDbInstance instance)
    {
        await using var session = await instance.OpenAsync();
        static string Folder(string path) => "'" + path.Replace("'", "''", StringComparison.Ordinal) + "/'";
        if (_tables.Database is { } file)
        {
            await session.ExecuteAsync($"ATTACH '{file.Replace("'", "''", StringComparison.Ordinal)}' AS {Attached} (TYPE duckdb, READ_ONLY)");
        }

        await session.ExecuteAsync(
            "SET GLOBAL parquet_metadata_cache = true;"
            + $"SET GLOBAL allowed_directories = [{string.Join(", ", new[] { _tables.Folder, _work }.OfType<string>().Select(Folder))}];"
            + "SET GLOBAL enable_external_access = false;"
            + "SET GLOBAL lock_configuration = true");
    }

    /// <summary>Removes what processes that were killed left in the work folder, once it is sure that they are gone.</summary>
    private void RemoveLeftovers()
    {
        foreach (var folder in new DirectoryInfo(Path.GetDirectoryName(_work)!).EnumerateDirectories("lake-*"))
        {
            if (folder.FullName != _work && _time.GetUtcNow() - folder.LastWriteTimeUtc > TimeSpan.FromDays(2))
            {
                try
                {
                    folder.Delete(recursive: true);
                }
                catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
                {
                }
            }
        }
    }

    private async Task<(DuckDbSession Session, QueryClock Clock)> OpenAsync(CancellationToken cancellationToken)
    {
        try
        {
            var instance = await _instance.Value.WaitAsync(cancellationToken);
            var session = await instance.OpenAsync(cancellationToken);
            if (_tables.Database is not null)
            {
                await session.ExecuteAsync("USE " + Attached, cancellationToken);
            }

            return (session, new QueryClock(_options.QueryTimeout, _time));
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            throw LakeErrors.From(exception);
        }
    }

    private async Task<T> RunAsync<T>(Func<DuckDbSession, CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        var (session, clock) = await OpenAsync(cancellationToken);
        await using (session)
        using (clock)
        using (var linked = clock.Link(cancellationToken))
        {
            try
            {
                return await work(session, linked.Token);
            }
            catch (Exception exception)
            {
                throw clock.Explain(exception, cancellationToken);
            }
        }
    }

    private async Task<ImmutableArray<LakeColumn>> ShapeAsync(DuckDbSession session, SqlStatement statement, CancellationToken cancellationToken)
    {
        // Which moments a statement is about changes neither its tables nor its types, so all partitions of a refresh share one description.
        var text = Moment().Replace(statement.Text, "$1 ''");
        var stamp = await _tables.PrepareAsync(session, statement.Text, text, cancellationToken);
        var key = string.Join('\u0001', statement.Parameters.Select(value => value?.GetType().Name).Prepend(text).Prepend(stamp));
        if (!_shapes.TryGetValue(key, out var shape))
        {
            if (_shapes.Count >= 1000)
            {
                _shapes.Clear();
            }

            shape = [.. (await TypesAsync(session, statement, cancellationToken)).Select(column => LakeColumn.Of(column.Name, column.Type))];
            _shapes[key] = shape;
        }

        return shape;
    }

    private static Task<List<(string Name, string Type)>> TypesAsync(DuckDbSession session, SqlStatement statement, CancellationToken cancellationToken) =>
        session.QueryAsync(
            statement with { Text = $"SELECT column_name, column_type FROM (DESCRIBE {statement.Text.TrimEnd().TrimEnd(';')}\n)" },
            reader =>
            {
                List<(string, string)> types = [];
                while (reader.Read())
                {
                    types.Add((reader.GetString(0), reader.GetString(1)));
                }

                return types;
            },
            cancellationToken);

    /// <summary>The statement with every column cast to its kind's type; the order of its rows stays.</summary>
    private static string Shaped(string sql, ImmutableArray<LakeColumn> shape)
    {
        var text = sql.TrimEnd().TrimEnd(';');
        if (!shape.Any(column => column.NeedsCast))
        {
            return text;
        }

        var names = Enumerable.Range(0, shape.Length).Select(i => "c" + i);
        var casts = shape.Select((column, i) =>
            (column.NeedsCast ? $"CAST(c{i} AS {column.Column.Type.DuckDbName})" : "c" + i) + " AS " + DuckDbDialect.Instance.Quote(column.Column.Name));
        return $"SELECT {string.Join(", ", casts)} FROM ({text}\n) AS shaped({string.Join(", ", names)})";
    }

    [GeneratedRegex("\\b(DATE|TIMESTAMP) '[0-9 :.-]*'")]
    private static partial Regex Moment();

    private static string NewQueryId() => Guid.NewGuid().ToString("N");
}
