using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Lake.Athena.Client;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Lake.Athena;

/// <summary>Leaves results of any size as local Parquet files: Athena writes them to S3 itself where it can, and else its rows are written here.</summary>
internal sealed partial class AthenaExporter(AthenaQueries queries, S3Files files, LakeOptions options)
{
    private const int FilesAtOnce = 4;

    private static readonly TimeSpan LongestClean = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<string, ImmutableArray<AthenaColumn>> _shapes = new();
    private S3Location? _location;

    /// <param name="sql">A SELECT without placeholders.</param>
    /// <param name="directory">An empty folder.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="LakeException">Athena could not answer; the folder holds nothing of use.</exception>
    public async Task<LakeExport> ExportAsync(string sql, string directory, CancellationToken cancellationToken = default)
    {
        Directory.CreateDirectory(directory);
        try
        {
            var shape = await ShapeAsync(sql, cancellationToken);
            ImmutableArray<ResultColumn> columns = [.. shape.Select(column => column.Result)];
            var twice = columns.GroupBy(column => column.Name, StringComparer.OrdinalIgnoreCase).FirstOrDefault(same => same.Count() > 1);
            if (twice is not null)
            {
                throw new LakeException($"Two columns are called '{twice.Key}', which no file can hold.", isTransient: false);
            }

            return shape.All(column => column.CanUnload) && await LocationAsync(cancellationToken) is { } location
                ? await UnloadAsync(sql, shape, columns, location, directory, cancellationToken)
                : await CopyAsync(sql, shape, columns, directory, cancellationToken);
        }
        catch (Exception exception)
        {
            // The catalog may have changed a type since the statement was described.
            _shapes.Clear();
            foreach (var file in Directory.EnumerateFiles(directory))
            {
                File.Delete(file);
            }

            throw cancellationToken.IsCancellationRequested ? new OperationCanceledException(exception.Message, exception, cancellationToken) : AthenaErrors.From(exception);
        }
    }

    /// <summary>The columns of a statement, asked of Athena without reading a row, once for all partitions of a refresh: moments change no type.</summary>
    private async Task<ImmutableArray<AthenaColumn>> ShapeAsync(string sql, CancellationToken cancellationToken)
    {
        var key = Moment().Replace(sql, "$1 ''");
        if (_shapes.TryGetValue(key, out var known))
        {
            return known;
        }

        if (_shapes.Count >= 1000)
        {
            _shapes.Clear();
        }

        var query = await queries.RunAsync($"SELECT * FROM ({sql}\n) AS described LIMIT 0", options.QueryTimeout, cancellationToken);
        await using var result = await AthenaResult.OpenAsync(queries, query, cancellationToken);
        return _shapes[key] = result.Columns;
    }

    /// <summary>Where UNLOAD may write; null if results are Athena's own.</summary>
    private async Task<S3Location?> LocationAsync(CancellationToken cancellationToken)
    {
        if (_location is null)
        {
            var text = options.Athena.OutputLocation;
            if (text.Length == 0)
            {
                var group = await queries.Retries.ExecuteAsync(
                    async token => await queries.Client.GetWorkGroupAsync(new GetWorkGroupRequest { WorkGroup = options.Athena.Workgroup }, token), cancellationToken);
                text = group.WorkGroup?.Configuration?.ResultConfiguration?.OutputLocation ?? "";
            }

            _location = S3Location.TryParse(text);
        }

        return _location?.AsFolder();
    }

    private async Task<LakeExport> UnloadAsync(
        string sql, ImmutableArray<AthenaColumn> shape, ImmutableArray<ResultColumn> columns, S3Location location, string directory, CancellationToken cancellationToken)
    {
        // A folder of its own, as UNLOAD wants none that holds anything, and as it says what to remove.
        var folder = location.Folder("exports").Folder(Guid.NewGuid().ToString("N"));
        var names = string.Join(", ", Enumerable.Range(0, shape.Length).Select(i => "c" + i.ToString(CultureInfo.InvariantCulture)));
        var casts = shape.Select((column, i) => $"{column.Cast("c" + i.ToString(CultureInfo.InvariantCulture))} AS \"{column.Name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"");
        QueryExecution? query = null;
        try
        {
            query = await queries.RunAsync(
                $"UNLOAD (SELECT {string.Join(", ", casts)} FROM ({sql}\n) AS shaped ({names})) TO {AthenaLiterals.Of(folder.ToString())} WITH (format = 'PARQUET', compression = 'ZSTD')",
                options.QueryTimeout, cancellationToken);
            var written = await WrittenAsync(query, folder, cancellationToken);
            string[] paths = [.. written.Select((_, i) => Path.Combine(directory, $"rows-{i.ToString("D5", CultureInfo.InvariantCulture)}.parquet"))];
            await Parallel.ForEachAsync(
                Enumerable.Range(0, paths.Length), new ParallelOptions { MaxDegreeOfParallelism = FilesAtOnce, CancellationToken = cancellationToken },
                async (i, token) => await files.DownloadAsync(folder.Bucket, written[i], paths[i], token));
            await using var database = new DuckDbInstance(Settings);
            await using var session = await database.OpenAsync(cancellationToken);
            var rows = paths.Length == 0 ? 0 : await session.ScalarAsync<long>(
                $"SELECT CAST(coalesce(sum(num_rows), 0) AS BIGINT) FROM parquet_file_metadata([{string.Join(", ", paths.Select(Literal))}])", cancellationToken);
            return paths.Length == 0
                ? await WriteAsync(Empty(), shape, columns, directory, query, cancellationToken)
                : new LakeExport([.. paths], columns, rows, query.QueryExecutionId!, AthenaQueries.Scanned(query));
        }
        finally
        {
            await CleanAsync(folder, query?.Statistics?.DataManifestLocation);
        }
    }

    /// <summary>The files that are the result: those of the manifest, because a task that Athena tried twice may have left others beside them.</summary>
    private async Task<List<S3File>> WrittenAsync(QueryExecution query, S3Location folder, CancellationToken cancellationToken)
    {
        var found = (await files.ListAsync(folder, cancellationToken)).Where(file => file.Bytes > 0).ToList();
        if (S3Location.TryParse(query.Statistics?.DataManifestLocation) is not { } manifest)
        {
            return found;
        }

        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            await files.DownloadAsync(manifest.Bucket, await files.FindAsync(manifest, cancellationToken), path, cancellationToken);
            var listed = (await File.ReadAllLinesAsync(path, cancellationToken)).Select(line => S3Location.TryParse(line.Trim().Trim('"'))).OfType<S3Location>().ToHashSet();
            var result = found.Where(file => listed.Contains(folder with { Key = file.Key })).ToList();
            return result.Count == listed.Count ? result : throw new LakeException($"Athena's export has {listed.Count} files, of which {result.Count} are there.", isTransient: true);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>Runs the statement as it is and writes its rows here: from the result file if there is one, which is faster than pages.</summary>
    private async Task<LakeExport> CopyAsync(string sql, ImmutableArray<AthenaColumn> shape, ImmutableArray<ResultColumn> columns, string directory, CancellationToken cancellationToken)
    {
        var query = await queries.RunAsync(sql, options.QueryTimeout, cancellationToken);
        if (S3Location.TryParse(query.ResultConfiguration?.OutputLocation) is { } result && result.Key.EndsWith(".csv", StringComparison.Ordinal))
        {
            var path = Path.Combine(directory, "result.csv");
            await files.DownloadAsync(result.Bucket, await files.FindAsync(result, cancellationToken), path, cancellationToken);
            LakeExport export;
            using (var reader = new StreamReader(path))
            {
                export = await WriteAsync(AthenaCsv.ReadAsync(reader, cancellationToken).Skip(1), shape, columns, directory, query, cancellationToken);
            }

            File.Delete(path);
            await CleanAsync(result, null);
            return export;
        }

        await using var pages = await AthenaResult.OpenAsync(queries, query, cancellationToken);
        return await WriteAsync(pages.ReadAsync(cancellationToken), shape, columns, directory, query, cancellationToken);
    }

    private static async Task<LakeExport> WriteAsync(
        IAsyncEnumerable<string?[]> rows, ImmutableArray<AthenaColumn> shape, ImmutableArray<ResultColumn> columns, string directory, QueryExecution query, CancellationToken cancellationToken)
    {
        var spill = Path.Combine(directory, "spill");
        await using var removed = new RemovedFolder(spill);
        await using var database = new DuckDbInstance(Settings with { TempDirectory = spill });
        await using var session = await database.OpenAsync(cancellationToken);
        await session.ExecuteAsync(
            $"CREATE TABLE rows ({string.Join(", ", columns.Select(column => $"{DuckDbDialect.Instance.Quote(column.Name)} {column.Type.DuckDbName}"))})", cancellationToken);
        var count = 0L;
        using (var appender = session.Connection.CreateAppender("rows"))
        {
            await foreach (var texts in rows.WithCancellation(cancellationToken))
            {
                if (texts.Length != shape.Length)
                {
                    throw new LakeException($"Athena gave a row of {texts.Length} values for {shape.Length} columns.", isTransient: false);
                }

                var row = appender.CreateRow();
                foreach (var value in AthenaLakeRows.Parse(shape, texts))
                {
                    row.Append(value);
                }

                row.EndRow();
                count++;
            }
        }

        var file = Path.Combine(directory, "rows.parquet");
        await session.ExecuteAsync($"COPY rows TO {Literal(file)} (FORMAT parquet, COMPRESSION zstd)", cancellationToken);
        return new LakeExport([file], columns, count, query.QueryExecutionId!, AthenaQueries.Scanned(query));
    }

    /// <summary>Removes all objects whose keys start so, after failures too; what cannot be removed is left to the bucket's lifecycle rule.</summary>
    private async Task CleanAsync(S3Location start, string? manifest)
    {
        using var clock = new CancellationTokenSource(LongestClean);
        try
        {
            var keys = (await files.ListAsync(start, clock.Token)).Select(file => file.Key).ToList();
            await files.DeleteAsync(start.Bucket, keys, clock.Token);
            if (S3Location.TryParse(manifest) is { } list)
            {
                await files.DeleteAsync(list.Bucket, [list.Key], clock.Token);
            }
        }
        catch (Exception)
        {
        }
    }

    private static DuckDbSettings Settings { get; } = new() { Name = "exports", MaxSessions = 1, Threads = 1, MemoryMegabytes = 512 };

    private static async IAsyncEnumerable<string?[]> Empty()
    {
        await Task.CompletedTask;
        yield break;
    }

    private static string Literal(string path) => "'" + path.Replace("'", "''", StringComparison.Ordinal) + "'";

    /// <summary>What the database spilled, removed after it is closed.</summary>
    private sealed class RemovedFolder(string path) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            if (Directory.Exists(path))
            {
                Directory.Delete(path, recursive: true);
            }

            return ValueTask.CompletedTask;
        }
    }

    [GeneratedRegex("\\b(DATE|TIMESTAMP) '[0-9 :.-]*'")]
    private static partial Regex Moment();
}
