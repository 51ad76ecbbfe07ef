using System.Collections.Immutable;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Gold;

/// <summary>Gives relations over gold partitions on the serving DuckDB, and remembers their rows within a bound.</summary>
/// <remarks>
/// A partition's version never changes, so what is remembered is never stale. Partitions that are asked for the first time are read from the store, each table's
/// by one reader at a time, and served as Parquet files at once; in the background they then become compressed tables, and the few tables that refreshes leave behind
/// become one again. Nothing here is needed for correctness: what is lost is read again.
/// </remarks>
internal sealed partial class GoldEngine(
    GoldTables tables, ServingDuckDb serving, GoldTempFolder temp, IOptions<GoldOptions> options, ILogger<GoldEngine> logger) : IAsyncDisposable
{
    private const int MaxTables = 4;
    private const int ChunkBytes = 256 << 10;

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Table, string? Tenant, string Definition), Entry> _entries = [];
    private readonly HashSet<Task> _background = [];
    private readonly CancellationTokenSource _stop = new();
    private long _uses;
    private int _databases;

    private long Budget => (long)options.Value.CacheMegabytes << 20;

    /// <summary>A relation over the rows of some partitions of a manifest: those rows and no others.</summary>
    /// <param name="manifest">The manifest.</param>
    /// <param name="partitions">At least one of its partitions; all have one definition hash.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="GoldStoreException">As of <see cref="GoldTables.GetSegmentsAsync"/>.</exception>
    public async Task<GoldRelation> AcquireAsync(GoldManifest manifest, IReadOnlyList<GoldPartition> partitions, CancellationToken cancellationToken = default)
    {
        if (partitions.Count == 0 || partitions.Any(partition => partition.DefinitionHash != partitions[0].DefinitionHash))
        {
            throw new ArgumentException("At least one partition is needed, and all must have one definition.", nameof(partitions));
        }

        var entry = EntryOf(manifest, partitions[0].DefinitionHash);
        if (TryCover(entry, partitions, out _) is { } known)
        {
            return known;
        }

        await entry.Loading.WaitAsync(cancellationToken);
        try
        {
            while (true)
            {
                if (TryCover(entry, partitions, out var missing) is { } relation)
                {
                    return relation;
                }

                var chunk = await LoadAsync(manifest, missing, cancellationToken);
                lock (_lock)
                {
                    // This reader's hold keeps the chunk even if it alone is over the bound.
                    chunk.LastUsed = ++_uses;
                    chunk.References++;
                    entry.Chunks.Add(chunk);
                }

                var covered = TryCover(entry, partitions, out _);
                Release([chunk]);
                Evict();
                if (covered is not null)
                {
                    return covered;
                }
            }
        }
        finally
        {
            entry.Loading.Release();
        }
    }

    /// <summary>Waits until no work goes on in the background.</summary>
    internal async Task SettleAsync()
    {
        while (true)
        {
            Task[] running;
            lock (_lock)
            {
                running = [.. _background];
            }

            if (running.Length == 0)
            {
                return;
            }

            await Task.WhenAll(running);
        }
    }

    /// <summary>What is remembered: chunks of files, tables, and their bytes.</summary>
    internal (int Files, int Tables, long Bytes) Remembered
    {
        get
        {
            lock (_lock)
            {
                var chunks = _entries.Values.SelectMany(entry => entry.Chunks).ToList();
                return (chunks.OfType<FileChunk>().Count(), chunks.OfType<TableChunk>().Count(), chunks.Sum(chunk => chunk.Bytes));
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        List<GoldChunk> chunks;
        lock (_lock)
        {
            chunks = [.. _entries.Values.SelectMany(entry => entry.Chunks)];
            _entries.Clear();
        }

        Release(chunks);
        await SettleAsync();
        _stop.Dispose();
    }

    /// <summary>Takes back what a reader held. Files are decoded only then: the first answer has the processor for itself.</summary>
    internal void Release(Entry entry, ImmutableArray<GoldChunk> chunks)
    {
        Release(chunks);
        if (chunks.Any(chunk => chunk is FileChunk))
        {
            Promote(entry);
        }
    }

    private void Release(IEnumerable<GoldChunk> chunks)
    {
        lock (_lock)
        {
            foreach (var chunk in chunks)
            {
                if (--chunk.References == 0)
                {
                    Background(() => chunk.DropAsync(serving.Instance));
                }
            }
        }
    }

    private Entry EntryOf(GoldManifest manifest, string definition)
    {
        lock (_lock)
        {
            var key = (manifest.Table, manifest.Tenant, definition);
            if (!_entries.TryGetValue(key, out var entry))
            {
                _entries.Add(key, entry = new Entry());
            }

            if (entry.Newest is null || entry.Newest.Revision < manifest.Revision)
            {
                // What no live partition is in will hardly be asked for again.
                entry.Newest = manifest;
                Forget(entry, entry.Chunks.Where(chunk => !chunk.Partitions.Any(entry.IsLive)));
            }

            return entry;
        }
    }

    /// <summary>A relation over chunks at hand, or null and what they lack.</summary>
    private GoldRelation? TryCover(Entry entry, IReadOnlyList<GoldPartition> partitions, out List<GoldPartition> missing)
    {
        lock (_lock)
        {
            missing = [];
            var places = new List<(GoldChunk Chunk, SortedSet<int> Places)>();
            foreach (var partition in partitions)
            {
                // Tables are read faster than files; a partition that is being promoted may be in both.
                var chunk = entry.Chunks.Where(chunk => chunk.PlaceOf(partition.Version) is not null).MinBy(chunk => chunk is TableChunk ? 0 : 1);
                if (chunk is null)
                {
                    missing.Add(partition);
                    continue;
                }

                var at = places.FindIndex(found => found.Chunk == chunk);
                if (at < 0)
                {
                    at = places.Count;
                    places.Add((chunk, []));
                }

                places[at].Places.Add(chunk.PlaceOf(partition.Version)!.Value);
            }

            if (missing.Count > 0)
            {
                return null;
            }

            foreach (var (chunk, _) in places)
            {
                chunk.References++;
                chunk.LastUsed = ++_uses;
            }

            var columns = places[0].Chunk.Columns;
            var list = GoldColumns.List(columns);
            var sql = string.Join(" UNION ALL ", places.Select(found => $"SELECT {list} FROM {found.Chunk.From([.. found.Places])}"));
            return new GoldRelation(this, entry, [.. places.Select(found => found.Chunk)], $"({sql})", columns);
        }
    }

    private async Task<GoldChunk> LoadAsync(GoldManifest manifest, List<GoldPartition> partitions, CancellationToken cancellationToken)
    {
        var ordered = partitions.DistinctBy(partition => partition.Version).OrderBy(partition => partition.From).ThenBy(partition => partition.Period, StringComparer.Ordinal).ToImmutableArray();
        var folder = temp.Create();
        try
        {
            var files = ImmutableArray.CreateBuilder<ImmutableArray<string>>(ordered.Length);
            await foreach (var (_, segments) in tables.GetSegmentsAsync(manifest, ordered, cancellationToken))
            {
                var paths = segments.Select((_, number) => Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{files.Count}-{number}.parquet"))).ToImmutableArray();
                for (var number = 0; number < paths.Length; number++)
                {
                    await File.WriteAllBytesAsync(paths[number], segments[number], cancellationToken);
                }

                files.Add(paths);
            }

            await using var session = await serving.Instance.OpenAsync(cancellationToken);
            var firsts = GoldColumns.Files(files.Select(f => f[0]));

            // DuckDB takes the types of the first file and reads the others as those: a fraction would become a whole number where the lake's column was one before.
            var types = files.Count == 1 ? 1 : await session.ScalarAsync<long>(
                $"SELECT count(DISTINCT types) FROM (SELECT list((name, duckdb_type) ORDER BY column_id) AS types FROM parquet_schema({firsts}) GROUP BY file_name)", cancellationToken);
            var reading = types == 1 ? "" : ", union_by_name = true";
            var columns = await GoldColumns.DescribeAsync(session, $"SELECT * FROM read_parquet({(types == 1 ? GoldColumns.Files([files[0][0]]) : firsts)}{reading})", cancellationToken);
            return new FileChunk(folder, columns, ordered, files.ToImmutable(), reading, ordered.Sum(partition => partition.Bytes) + ChunkBytes);
        }
        catch (IOException exception)
        {
            ProcessFolder.Delete(folder);
            throw new GoldStoreException($"Gold segments could not be written to the temporary folder: {exception.Message}", isTransient: true, exception);
        }
        catch
        {
            ProcessFolder.Delete(folder);
            throw;
        }
    }

    /// <summary>Starts to turn an entry's files, and its tables if they are many, into one table, unless that is going on.</summary>
    private void Promote(Entry entry)
    {
        lock (_lock)
        {
            if (!entry.Promoting && !_stop.IsCancellationRequested)
            {
                entry.Promoting = true;
                Background(async () =>
                {
                    try
                    {
                        while (await PromoteOnceAsync(entry))
                        {
                        }
                    }
                    catch (Exception exception)
                    {
                        if (!_stop.IsCancellationRequested)
                        {
                            LogNotPromoted(exception);
                        }

                        lock (_lock)
                        {
                            entry.Promoting = false;
                        }
                    }
                });
            }
        }
    }

    private async Task<bool> PromoteOnceAsync(Entry entry)
    {
        List<GoldChunk> sources;
        ImmutableArray<GoldPartition> partitions;
        long bytes;
        lock (_lock)
        {
            sources = [.. entry.Chunks.OfType<FileChunk>()];
            var present = entry.Chunks.OfType<TableChunk>().ToList();
            if (sources.Count > 0 && present.Count + 1 > MaxTables)
            {
                sources.AddRange(present);
            }

            partitions = [.. sources.SelectMany(chunk => chunk.Partitions).Where(entry.IsLive).DistinctBy(partition => partition.Version).OrderBy(partition => partition.From).ThenBy(partition => partition.Period, StringComparer.Ordinal)];

            // Decoded, compressed rows take about twice their Parquet.
            bytes = partitions.Sum(partition => 2 * partition.Bytes) + ChunkBytes;
            if (partitions.IsEmpty || bytes > Budget)
            {
                entry.Promoting = false;
                return false;
            }

            sources.ForEach(chunk => chunk.References++);
        }

        try
        {
            var table = await DecodeAsync(sources, partitions, bytes);
            lock (_lock)
            {
                if (_stop.IsCancellationRequested)
                {
                    Release([table]);
                    entry.Promoting = false;
                    return false;
                }

                table.LastUsed = ++_uses;
                entry.Chunks.Add(table);
                Forget(entry, sources.Where(entry.Chunks.Contains));
            }

            Evict();
            return true;
        }
        finally
        {
            Release(sources);
        }
    }

    private async Task<TableChunk> DecodeAsync(List<GoldChunk> sources, ImmutableArray<GoldPartition> partitions, long bytes)
    {
        var columns = sources[0].Columns;
        var list = GoldColumns.List(columns);
        var left = partitions.Select((partition, place) => (partition.Version, place)).ToDictionary(pair => pair.Version, pair => pair.place, StringComparer.Ordinal);
        var selects = new List<string>();
        foreach (var source in sources)
        {
            // The place here becomes the place there; versions that another source gave already, or that are no longer live, have none.
            var moved = source.Partitions.Select(partition => left.Remove(partition.Version, out var place) ? place.ToString(CultureInfo.InvariantCulture) : "NULL").ToList();
            var all = Enumerable.Range(0, source.Partitions.Length).ToArray();
            selects.Add(
                $"SELECT * FROM (SELECT list_extract([{string.Join(", ", moved)}]::INTEGER[], ({source.PlaceExpression}) + 1) AS {TableChunk.PlaceColumn}, {list} FROM {source.From(all)}) WHERE {TableChunk.PlaceColumn} IS NOT NULL");
        }

        // One source is in order of time as it is.
        var sql = string.Join(" UNION ALL ", selects) + (sources.Count > 1 ? $" ORDER BY {TableChunk.PlaceColumn}, {GoldColumns.Bucket}" : "");
        var database = string.Create(CultureInfo.InvariantCulture, $"gold{Interlocked.Increment(ref _databases)}");
        await using var session = await serving.Instance.OpenAsync(_stop.Token);
        await session.ExecuteAsync($"ATTACH ':memory:' AS {database} (COMPRESS)", _stop.Token);
        try
        {
            await session.ExecuteAsync($"CREATE TABLE {database}.main.t AS {sql}", _stop.Token);
            await session.ExecuteAsync($"CHECKPOINT {database}", _stop.Token);

            // Where the sources' types differ, the table's are those that hold all.
            columns = await GoldColumns.DescribeAsync(session, $"SELECT {list} FROM {database}.main.t", _stop.Token);
        }
        catch
        {
            await session.ExecuteAsync($"DETACH {database}", CancellationToken.None);
            throw;
        }

        return new TableChunk(database, columns, partitions, bytes);
    }

    private void Evict()
    {
        lock (_lock)
        {
            var chunks = _entries.Values.SelectMany(entry => entry.Chunks.Select(chunk => (entry, chunk))).OrderBy(pair => pair.chunk.LastUsed).ToList();
            var bytes = chunks.Sum(pair => pair.chunk.Bytes);
            foreach (var (entry, chunk) in chunks.TakeWhile(_ => bytes > Budget))
            {
                bytes -= chunk.Bytes;
                Forget(entry, [chunk]);
            }
        }
    }

    private void Forget(Entry entry, IEnumerable<GoldChunk> chunks)
    {
        var forgotten = chunks.ToList();
        forgotten.ForEach(chunk => entry.Chunks.Remove(chunk));
        Release(forgotten);
    }

    private void Background(Func<Task> work)
    {
        var task = Task.Run(async () =>
        {
            try
            {
                await work();
            }
            catch (Exception exception)
            {
                LogBackgroundFailed(exception);
            }
        });
        lock (_lock)
        {
            _background.Add(task);
        }

        task.ContinueWith(
            ended =>
            {
                lock (_lock)
                {
                    _background.Remove(ended);
                }
            },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }

    [LoggerMessage(3111, LogLevel.Warning, "Gold segments could not be decoded into memory; they are served from files")]
    private partial void LogNotPromoted(Exception exception);

    [LoggerMessage(3112, LogLevel.Error, "Work on the gold cache failed")]
    private partial void LogBackgroundFailed(Exception exception);

    /// <summary>What is remembered of one table, tenant and definition.</summary>
    internal sealed class Entry
    {
        public SemaphoreSlim Loading { get; } = new(1);

        public List<GoldChunk> Chunks { get; } = [];

        public GoldManifest? Newest { get; set; }

        public bool Promoting { get; set; }

        public bool IsLive(GoldPartition partition) => Newest!.Partitions.GetValueOrDefault(partition.Period)?.Version == partition.Version;
    }
}

/// <summary>Rows to query, held until it is disposed.</summary>
internal sealed class GoldRelation : IDisposable
{
    private readonly GoldEngine _engine;
    private readonly GoldEngine.Entry _entry;
    private ImmutableArray<GoldChunk> _chunks;

    internal GoldRelation(GoldEngine engine, GoldEngine.Entry entry, ImmutableArray<GoldChunk> chunks, string sql, ImmutableArray<ResultColumn> columns)
    {
        _engine = engine;
        _entry = entry;
        _chunks = chunks;
        Sql = sql;
        Columns = columns;
    }

    /// <summary>What stands after FROM, in parentheses, on a session of <see cref="ServingDuckDb"/>. Its order is not defined.</summary>
    public string Sql { get; }

    /// <summary>Its columns; the first is <c>bucket</c>.</summary>
    public ImmutableArray<ResultColumn> Columns { get; }

    /// <summary>Lets go of the rows; no query may be using them any more.</summary>
    public void Dispose()
    {
        var chunks = _chunks;
        _chunks = [];
        _engine.Release(_entry, chunks);
    }
}
