using System.Collections.Immutable;
using System.Globalization;
using System.IO.Hashing;
using System.Text;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Gold.Tail;

/// <summary>Gives relations over segments of a tail on the serving DuckDB: one table for each list of segments, made when it is first asked for.</summary>
internal sealed class TailEngine(TailStore tails, ServingDuckDb serving, GoldTempFolder temp)
{
    /// <summary>The column that tells a row's stream.</summary>
    public const string StreamColumn = "_stream";

    /// <summary>The column that tells the start of a row's window, in UTC.</summary>
    public const string WindowColumn = "_window";

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Table, string? Tenant), Entry> _entries = [];
    private int _tables;

    /// <summary>What tells one list of segments from another.</summary>
    public static string TagOf(IEnumerable<TailSegment> segments)
    {
        var hash = new XxHash3();
        foreach (var segment in segments)
        {
            hash.Append(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{segment.Key.Sk}@{segment.Revision};")));
        }

        return hash.GetCurrentHashAsUInt64().ToString("x16", CultureInfo.InvariantCulture);
    }

    /// <summary>A relation over the rows of segments of one definition; null if they have none.</summary>
    /// <exception cref="GoldStoreException">The store failed, or a segment is gone (transient: list anew).</exception>
    public async Task<TailRelation?> AcquireAsync(string table, string? tenant, ImmutableArray<TailSegment> segments, CancellationToken cancellationToken = default)
    {
        Entry entry;
        lock (_lock)
        {
            if (!_entries.TryGetValue((table, tenant), out entry!))
            {
                _entries.Add((table, tenant), entry = new Entry(temp.Create()));
            }
        }

        var tag = TagOf(segments);
        await entry.Loading.WaitAsync(cancellationToken);
        try
        {
            if (entry.Newest?.Tag != tag)
            {
                var made = await MakeAsync(entry, tag, table, tenant, segments, cancellationToken);
                Table? old;
                lock (_lock)
                {
                    (old, entry.Newest) = (entry.Newest, made);
                }

                await ReleaseAsync(old);
            }

            lock (_lock)
            {
                entry.Newest!.References++;
                return entry.Newest.Columns.IsEmpty ? null : new TailRelation(this, entry.Newest);
            }
        }
        finally
        {
            entry.Loading.Release();
        }
    }

    internal async Task ReleaseAsync(Table? table)
    {
        lock (_lock)
        {
            if (table is null || --table.References > 0 || table.Columns.IsEmpty)
            {
                return;
            }
        }

        await using var session = await serving.Instance.OpenAsync();
        await session.ExecuteAsync($"DROP TABLE IF EXISTS {table.Name}");
    }

    private async Task<Table> MakeAsync(Entry entry, string tag, string table, string? tenant, ImmutableArray<TailSegment> segments, CancellationToken cancellationToken)
    {
        var missing = segments.Where(s => !entry.Files.TryGetValue(s.Key, out var file) || file.Revision < s.Revision).ToList();
        if (missing.Count > 0)
        {
            foreach (var (key, (revision, rows)) in await tails.GetAsync(table, tenant, missing, cancellationToken))
            {
                var path = rows.IsEmpty ? null : Path.Combine(entry.Folder, string.Create(CultureInfo.InvariantCulture, $"{++entry.Written}.parquet"));
                if (path is not null)
                {
                    try
                    {
                        await File.WriteAllBytesAsync(path, rows.ToArray(), cancellationToken);
                    }
                    catch (IOException exception)
                    {
                        throw new GoldStoreException($"A window of a tail could not be written to the temporary folder: {exception.Message}", isTransient: true, exception);
                    }
                }

                entry.Forget(key);
                entry.Files[key] = (revision, path);
            }
        }

        var live = segments.Select(s => s.Key).ToHashSet();
        entry.Files.Keys.Where(k => !live.Contains(k)).ToList().ForEach(entry.Forget);
        var files = segments.Select(s => (s.Key, entry.Files[s.Key].Path)).Where(f => f.Path is not null).ToList();
        var name = string.Create(CultureInfo.InvariantCulture, $"tail_{Interlocked.Increment(ref _tables)}");
        if (files.Count == 0)
        {
            return new Table(tag, name, []);
        }

        var streams = string.Join(", ", files.Select(f => GoldColumns.Literal(f.Key.Stream)));
        var windows = string.Join(", ", files.Select(f => string.Create(CultureInfo.InvariantCulture, $"'{f.Key.Window:yyyy-MM-dd HH:mm:ss}'")));
        await using var session = await serving.Instance.OpenAsync(cancellationToken);
        await session.ExecuteAsync(
            $"CREATE TABLE {name} AS SELECT list_extract([{streams}], file_index::BIGINT + 1) AS {StreamColumn}, list_extract([{windows}], file_index::BIGINT + 1)::TIMESTAMP AS {WindowColumn}, * "
            + $"FROM read_parquet({GoldColumns.Files(files.Select(f => f.Path!))}, union_by_name = true)",
            cancellationToken);
        var columns = await session.QueryAsync(
            new SqlStatement($"SELECT column_name FROM (DESCRIBE {name})"),
            reader =>
            {
                var names = new List<string>();
                while (reader.Read())
                {
                    names.Add(reader.GetString(0));
                }

                return names;
            },
            cancellationToken);
        return new Table(tag, name, [.. columns.Skip(2)]);
    }

    private sealed class Entry(string folder)
    {
        public string Folder { get; } = folder;

        public SemaphoreSlim Loading { get; } = new(1);

        public Dictionary<TailKey, (long Revision, string? Path)> Files { get; } = [];

        public int Written { get; set; }

        public Table? Newest { get; set; }

        public void Forget(TailKey key)
        {
            if (Files.Remove(key, out var file) && file.Path is { } path)
            {
                File.Delete(path);
            }
        }
    }

    /// <summary>Decoded segments.</summary>
    internal sealed class Table(string tag, string name, ImmutableArray<string> columns)
    {
        public string Tag { get; } = tag;

        public string Name { get; } = name;

        public ImmutableArray<string> Columns { get; } = columns;

        /// <summary>Who uses it: the cache is one.</summary>
        public int References { get; set; } = 1;
    }
}

/// <summary>Rows of a tail to query, held until it is disposed.</summary>
internal sealed class TailRelation(TailEngine engine, TailEngine.Table table) : IAsyncDisposable
{
    /// <summary>What stands after FROM on a session of <see cref="ServingDuckDb"/>.</summary>
    public string Sql => table.Name;

    /// <summary>Its columns beside <see cref="TailEngine.StreamColumn"/> and <see cref="TailEngine.WindowColumn"/>.</summary>
    public ImmutableArray<string> Columns => table.Columns;

    public async ValueTask DisposeAsync() => await engine.ReleaseAsync(table);
}
