using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Dapper;
using Microsoft.Data.Sqlite;

namespace Write.DataPlatform.Gold.Sqlite;

/// <summary>The gold store in one SQLite file, which several processes of one machine may use at once.</summary>
/// <remarks>
/// SQLite blocks its caller, so all work runs on worker threads; writes of one process wait in a line of their own instead of polling for the file's lock.
/// A query is read page by page, never under a long read transaction, which would keep the write-ahead log from being emptied.
/// </remarks>
internal sealed class SqliteGoldStore : IGoldStore, IDisposable
{
    private const int Format = 1;
    private const int Busy = 5;
    private const int Locked = 6;
    private const int ReadOnly = 8;
    private const int CacheKilobytes = 512;
    private const int PageItems = 32;
    private const int KeyPageItems = 1000;
    private const int TransactionBytes = 16 << 20;
    private const int VacuumPages = 4096;
    private const string Visible = "(expires_at is null or expires_at > @now)";

    private const string Upsert =
        """
        insert into items (pk, sk, revision, expires_at, body) values (@pk, @sk, @revision, @expires, @body)
        on conflict (pk, sk) do update set revision = excluded.revision, expires_at = excluded.expires_at, body = excluded.body
        """;

    // What was seen longer ago may be over: a lock is tried for again.
    private static readonly TimeSpan Recent = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan PurgeInterval = TimeSpan.FromMinutes(1);

    private readonly string _path;
    private readonly string _connectionString;
    private readonly TimeProvider _timeProvider;
    private readonly SemaphoreSlim _writes = new(1);
    private bool _initialized;

    // Since when another process keeps the file locked, and when one in turn last saw it so; null for that the last one got through.
    private (long Since, long Seen)? _locked;
    private DateTimeOffset _purgedAt;

    /// <param name="path">The file; its folder is made if it is not there.</param>
    /// <param name="timeProvider">The clock of expiry.</param>
    public SqliteGoldStore(string path, TimeProvider timeProvider)
    {
        _path = Path.GetFullPath(path);
        _timeProvider = timeProvider;
        _connectionString = new SqliteConnectionStringBuilder { DataSource = _path, Mode = SqliteOpenMode.ReadWriteCreate }.ToString();
    }

    /// <summary>The most pages the file may have, for tests of a full disk; 0 for no limit.</summary>
    internal int MaxPages { get; init; }

    /// <summary>How long another process's lock is waited for.</summary>
    internal TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);

    private string IsBusy => string.Create(CultureInfo.InvariantCulture, $"is busy: another process kept it locked for over {Patience.TotalSeconds} s");

    public Task InitializeAsync(CancellationToken cancellationToken = default) =>
        InTurnAsync(patience => _initialized = _initialized || Initialize(patience), cancellationToken);

    public async Task<GoldItem?> GetAsync(string pk, string sk, CancellationToken cancellationToken = default)
    {
        GoldKeys.Validate(pk, sk);
        var row = await ReadAsync(
            connection => connection.QuerySingleOrDefault<Row>(
                $"select sk, revision, expires_at as ExpiresAt, body from items where pk = @pk and sk = @sk and {Visible}", new { pk, sk, now = Now() }),
            cancellationToken);
        return row?.ToItem(pk);
    }

    public async IAsyncEnumerable<GoldItem> GetManyAsync(
        string pk, IReadOnlyCollection<string> sks, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        foreach (var sk in sks)
        {
            GoldKeys.Validate(pk, sk);
        }

        foreach (var page in sks.Distinct(StringComparer.Ordinal).Chunk(PageItems))
        {
            var rows = await ReadAsync(
                connection => connection.Query<Row>(
                    $"select sk, revision, expires_at as ExpiresAt, body from items where pk = @pk and sk in @page and {Visible}", new { pk, page, now = Now() }).AsList(),
                cancellationToken);
            foreach (var row in rows)
            {
                yield return row.ToItem(pk);
            }
        }
    }

    public async IAsyncEnumerable<GoldItem> QueryAsync(
        string pk, string skPrefix, bool descending = false, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var row in PagesAsync(pk, skPrefix, descending, "body", PageItems, cancellationToken))
        {
            yield return row.ToItem(pk);
        }
    }

    public async IAsyncEnumerable<GoldKey> ListAsync(string pk, string skPrefix, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var row in PagesAsync(pk, skPrefix, false, "length(body) as Bytes", KeyPageItems, cancellationToken))
        {
            yield return new GoldKey(row.Sk, row.Revision, row.Bytes);
        }
    }

    public Task<bool> TryPutAsync(GoldItem item, long? expectedRevision, CancellationToken cancellationToken = default)
    {
        item.Validate();
        var sql = expectedRevision is null
            ? Upsert + " where expires_at <= @now"
            : $"update items set revision = @revision, expires_at = @expires, body = @body where pk = @pk and sk = @sk and revision = @expected and {Visible}";
        return WriteAsync((connection, _) => connection.Execute(sql, Parameters(item, expectedRevision)) == 1, cancellationToken);
    }

    public async Task PutAsync(IReadOnlyCollection<GoldItem> items, CancellationToken cancellationToken = default)
    {
        foreach (var item in items)
        {
            item.Validate();
        }

        // Several transactions keep the write-ahead log small and let other writers in between.
        var batch = new List<GoldItem>();
        var bytes = 0L;
        foreach (var item in items)
        {
            batch.Add(item);
            bytes += item.Body.Length;
            if (bytes >= TransactionBytes)
            {
                await PutBatchAsync(batch, cancellationToken);
                batch.Clear();
                bytes = 0;
            }
        }

        await PutBatchAsync(batch, cancellationToken);
    }

    public Task DeleteAsync(string pk, IReadOnlyCollection<string> sks, CancellationToken cancellationToken = default)
    {
        foreach (var sk in sks)
        {
            GoldKeys.Validate(pk, sk);
        }

        return sks.Count == 0
            ? Task.CompletedTask
            : WriteAsync((connection, _) => connection.Execute("delete from items where pk = @pk and sk = @sk", sks.Select(sk => new { pk, sk })), cancellationToken, vacuum: true);
    }

    public Task<bool> TryDeleteAsync(string pk, string sk, long expectedRevision, CancellationToken cancellationToken = default)
    {
        GoldKeys.Validate(pk, sk);
        return WriteAsync(
            (connection, _) => connection.Execute(
                $"delete from items where pk = @pk and sk = @sk and revision = @expectedRevision and {Visible}", new { pk, sk, expectedRevision, now = Now() }) == 1,
            cancellationToken);
    }

    public void Dispose()
    {
        // Closing the last connection folds the write-ahead log into the file.
        ClearPool();
        _writes.Dispose();
    }

    private void ClearPool()
    {
        using var connection = new SqliteConnection(_connectionString);
        SqliteConnection.ClearPool(connection);
    }

    private async IAsyncEnumerable<Row> PagesAsync(
        string pk, string skPrefix, bool descending, string what, int limit, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        GoldKeys.ValidatePrefix(pk, skPrefix);
        var after = KeyAfterPrefix(skPrefix);
        string? last = null;
        var sql = $"select sk, revision, expires_at as ExpiresAt, {what} from items where pk = @pk and sk >= @skPrefix"
            + (after is null ? "" : " and sk < @after");
        while (true)
        {
            var page = await ReadAsync(
                connection => connection.Query<Row>(
                    $"{sql}{(last is null ? "" : descending ? " and sk < @last" : " and sk > @last")} and {Visible} order by sk {(descending ? "desc" : "asc")} limit {limit}",
                    new { pk, skPrefix, after, last, now = Now() }).AsList(),
                cancellationToken);
            foreach (var row in page)
            {
                yield return row;
            }

            if (page.Count < limit)
            {
                yield break;
            }

            last = page[^1].Sk;
        }
    }

    /// <summary>The least key greater than every key with this prefix, or null if there is none. UTF-8 sorts by code point.</summary>
    private static string? KeyAfterPrefix(string prefix)
    {
        var runes = prefix.EnumerateRunes().ToList();
        while (runes.Count > 0)
        {
            var value = runes[^1].Value;
            runes.RemoveAt(runes.Count - 1);
            if (value < 0x10FFFF)
            {
                runes.Add(new Rune(value == 0xD7FF ? 0xE000 : value + 1));
                return string.Concat(runes);
            }
        }

        return null;
    }

    private Task PutBatchAsync(List<GoldItem> batch, CancellationToken cancellationToken) =>
        batch.Count == 0
            ? Task.CompletedTask
            : WriteAsync(
                (connection, token) =>
                {
                    foreach (var item in batch)
                    {
                        token.ThrowIfCancellationRequested();
                        connection.Execute(Upsert, Parameters(item, null));
                    }

                    return batch.Count;
                },
                cancellationToken);

    private async Task<T> ReadAsync<T>(Func<SqliteConnection, T> read, CancellationToken cancellationToken)
    {
        if (!_initialized)
        {
            await InitializeAsync(cancellationToken);
        }

        return await Task.Run(
            () => Guard(() =>
            {
                using var connection = Open(Patience);
                return read(connection);
            }),
            cancellationToken);
    }

    private async Task<T> WriteAsync<T>(Func<SqliteConnection, CancellationToken, T> write, CancellationToken cancellationToken, bool vacuum = false)
    {
        if (!_initialized)
        {
            await InitializeAsync(cancellationToken);
        }

        return await InTurnAsync(
            patience =>
            {
                using var connection = Open(patience);
                T result;
                using (var transaction = connection.BeginTransaction(deferred: false))
                {
                    result = write(connection, cancellationToken);
                    transaction.Commit();
                }

                Maintain(connection, vacuum);
                return result;
            },
            cancellationToken);
    }

    /// <summary>One of this process at a time. Who stood in line while the file was locked has waited for the lock already; else the last of a line would wait once for each before it.</summary>
    private async Task<T> InTurnAsync<T>(Func<TimeSpan, T> work, CancellationToken cancellationToken)
    {
        // SQLite waits by the machine's clock.
        var asked = Stopwatch.GetTimestamp();
        await _writes.WaitAsync(cancellationToken);
        try
        {
            return await Task.Run(
                () =>
                {
                    var begun = Stopwatch.GetTimestamp();
                    var locked = _locked is { } known && Stopwatch.GetElapsedTime(known.Seen, begun) < Recent ? _locked : null;
                    var waited = locked is { } l ? Stopwatch.GetElapsedTime(Math.Max(l.Since, asked), begun) : TimeSpan.Zero;
                    if (waited >= Patience)
                    {
                        throw Failed(IsBusy, isTransient: true, null);
                    }

                    _locked = null;
                    try
                    {
                        return Guard(() => work(Patience - waited));
                    }
                    catch (GoldStoreException exception) when (exception.InnerException is SqliteException { SqliteErrorCode: Busy or Locked })
                    {
                        _locked = (locked?.Since ?? begun, Stopwatch.GetTimestamp());
                        throw;
                    }
                },
                cancellationToken);
        }
        finally
        {
            _writes.Release();
        }
    }

    private bool Initialize(TimeSpan patience)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
        using var connection = Open(patience);

        // The first two only count before the first table is made. Large pages suit items of 300 KB.
        connection.Execute("pragma page_size = 16384; pragma auto_vacuum = incremental; pragma journal_mode = wal");
        using var transaction = connection.BeginTransaction(deferred: false);
        var format = connection.ExecuteScalar<long>("pragma user_version");
        if (format > Format)
        {
            throw new GoldStoreException($"The gold store '{_path}' was written by a newer version of this program (format {format}, this one knows {Format}).", isTransient: false);
        }

        // The body comes last: keys can be listed without reading it.
        connection.Execute(
            $"""
            create table if not exists items (
                id integer primary key, pk text not null, sk text not null, revision integer not null, expires_at integer, body blob not null, unique (pk, sk));
            create index if not exists items_expires on items (expires_at) where expires_at is not null;
            pragma user_version = {Format};
            """);
        transaction.Commit();
        return true;
    }

    /// <param name="patience">How long it waits for another process's lock.</param>
    private SqliteConnection Open(TimeSpan patience)
    {
        // Its library tries again by whole seconds what SQLite has given up waiting for.
        var connection = new SqliteConnection(_connectionString) { DefaultTimeout = Math.Max(1, (int)patience.TotalSeconds) };
        try
        {
            connection.Open();

            // FULL: a flip that was reported survives a power cut, not only a killed process.
            // Every pooled connection has a cache of its own; the system keeps the file's pages for all of them.
            connection.Execute(
                $"pragma busy_timeout = {(int)patience.TotalMilliseconds}; pragma synchronous = full; pragma journal_size_limit = 67108864; pragma cache_size = -{CacheKilobytes}"
                + (MaxPages > 0 ? $"; pragma max_page_count = {MaxPages}" : ""));
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private void Maintain(SqliteConnection connection, bool vacuum)
    {
        try
        {
            if (Purge(connection) || vacuum)
            {
                Vacuum(connection);
            }
        }
        catch (SqliteException)
        {
            // The write before it is committed and must not be reported as failed; the next one tries again.
        }
    }

    private bool Purge(SqliteConnection connection)
    {
        var now = _timeProvider.GetUtcNow();
        if (now - _purgedAt < PurgeInterval)
        {
            return false;
        }

        _purgedAt = now;
        return connection.Execute("delete from items where id in (select id from items where expires_at <= @now limit 1000)", new { now = Now() }) > 0;
    }

    /// <summary>Gives free pages back to the disk, some at a time, once they are a good part of the file; before that they are reused.</summary>
    private static void Vacuum(SqliteConnection connection)
    {
        var free = connection.ExecuteScalar<long>("pragma freelist_count");
        if (free >= 64 && free * 4 >= connection.ExecuteScalar<long>("pragma page_count"))
        {
            // It frees one page a step, so the rows it does not have must be read.
            using var reader = connection.ExecuteReader($"pragma incremental_vacuum({VacuumPages})");
            while (reader.Read())
            {
            }
        }
    }

    private T Guard<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (SqliteException exception)
        {
            if (exception.SqliteErrorCode == ReadOnly)
            {
                // SQLite opens what it may not write for reading; such a connection would stay so once the file may be written again.
                ClearPool();
            }

            var (what, isTransient) = exception.SqliteErrorCode switch
            {
                Busy or Locked => (IsBusy, true),
                13 => ("is full: there is no space left for it on the disk", true),
                10 => ("could not be read or written: the disk failed, is full, or may only be read now", true),
                11 or 26 => ("is damaged, or is not a gold store", false),
                ReadOnly => ("cannot be written: the file or its folder is read-only", false),
                3 or 23 => ("cannot be used: permission denied", false),
                14 => ("cannot be opened: the file or its folder is not there or not allowed", false),
                _ => ("failed", false),
            };
            throw Failed($"{what} ({exception.Message})", isTransient, exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Failed($"cannot be opened: {exception.Message}", isTransient: false, exception);
        }
    }

    private GoldStoreException Failed(string what, bool isTransient, Exception? exception) => new($"The gold store '{_path}' {what}", isTransient, exception);

    private long Now() => _timeProvider.GetUtcNow().ToUnixTimeMilliseconds();

    private object Parameters(GoldItem item, long? expected)
    {
        var whole = MemoryMarshal.TryGetArray(item.Body, out var segment) && segment.Offset == 0 && segment.Array!.Length == segment.Count;
        return new
        {
            pk = item.Pk,
            sk = item.Sk,
            revision = item.Revision,
            expires = item.ExpiresAt?.ToUnixTimeMilliseconds(),
            body = whole ? segment.Array : item.Body.ToArray(),
            expected,
            now = Now(),
        };
    }

    private sealed class Row
    {
        public string Sk { get; init; } = "";

        public long Revision { get; init; }

        public long? ExpiresAt { get; init; }

        public byte[] Body { get; init; } = [];

        public long Bytes { get; init; }

        public GoldItem ToItem(string pk) =>
            new(pk, Sk, Revision, Body, ExpiresAt is { } at ? DateTimeOffset.FromUnixTimeMilliseconds(at) : null);
    }
}
