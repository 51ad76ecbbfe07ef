using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Options;

namespace Write.DataPlatform.Gold.Tail;

/// <summary>Which part of a stream's tail a segment is.</summary>
/// <param name="Definition">The hash of the table's definition.</param>
/// <param name="Stream">The stream.</param>
/// <param name="Window">The window's start, in UTC, in whole seconds.</param>
/// <param name="Shard">The shard.</param>
/// <param name="Chunk">Which of the shard's chunks of the window, from 0: a hot window has several.</param>
internal readonly record struct TailKey(string Definition, string Stream, DateTime Window, string Shard, int Chunk)
{
    private const string Format = "yyyyMMdd'T'HHmmss";

    public string Sk => string.Create(
        CultureInfo.InvariantCulture, $"{GoldKeys.TailPrefix}{GoldKeys.Escape(Definition)}#{GoldKeys.Escape(Stream)}#{Window.ToString(Format, CultureInfo.InvariantCulture)}#{GoldKeys.Escape(Shard)}#{Chunk:0000000}");

    public static TailKey? Parse(string sk) =>
        sk.Split('#') is ["tail", var definition, var stream, var window, var shard, var chunk]
        && DateTime.TryParseExact(window, Format, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var start)
        && int.TryParse(chunk, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? new TailKey(GoldKeys.Unescape(definition), GoldKeys.Unescape(stream), start, GoldKeys.Unescape(shard), number)
            : null;
}

/// <summary>A stored segment of a tail.</summary>
/// <param name="Key">Which.</param>
/// <param name="Revision">Rises with the events it counts; equal revisions are equal rows.</param>
internal sealed record TailSegment(TailKey Key, long Revision);

/// <summary>What streams have counted and no refresh covers yet: states by window and shard beside the gold tables' partitions, and how far the shards are.</summary>
/// <remarks>
/// A segment is a function of the first events of its chunk, and its revision rises with their number. A larger one replaces a smaller one and never the reverse, whoever writes it:
/// a worker that lost its shard, or that reads records again, cannot take anything away.
/// </remarks>
internal sealed class TailStore(IGoldStore store, IOptions<GoldOptions> options, TimeProvider time)
{
    /// <summary>How long a window is kept if no refresh covers it.</summary>
    public static readonly TimeSpan Retention = TimeSpan.FromDays(3);

    private const string Floor = "floor";
    private const byte Whole = 0;
    private const byte InParts = 1;
    private const int PartBytes = IGoldStore.MaxBodyBytes - 1024;
    private const int MaxParts = 64;
    private const int PartIdBytes = 8;
    private const int ListedAtOnce = 8;
    private static readonly TimeSpan ListedWithin = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ListedPoll = TimeSpan.FromMilliseconds(50);

    private readonly ConcurrentDictionary<string, (long At, ImmutableArray<TailSegment> Segments)> _lists = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, (long At, StreamProgress Progress)> _progress = new(StringComparer.Ordinal);

    // New keys that the store's lists may not have yet.
    private readonly ConcurrentDictionary<(string Pk, string Sk), bool> _unlisted = new();

    /// <summary>A table's segments in order of definition, stream and time, at most <see cref="GoldOptions.ManifestMaxAge"/> old.</summary>
    /// <param name="table">The gold table.</param>
    /// <param name="tenant">The tenant, or null for an internal table.</param>
    /// <param name="fresh">Whether the store is asked even if it was a moment ago.</param>
    /// <param name="progress">What is said to be counted: the segments have it, for they are written before it is said. Null for nothing.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<ImmutableArray<TailSegment>> ListAsync(string table, string? tenant, bool fresh = false, StreamProgress? progress = null, CancellationToken cancellationToken = default)
    {
        var pk = GoldKeys.Table(table, tenant);
        if (!fresh && _lists.TryGetValue(pk, out var known) && time.GetElapsedTime(known.At) < options.Value.ManifestMaxAge && known.At >= (progress?.ReadAt ?? long.MinValue))
        {
            return known.Segments;
        }

        var at = time.GetTimestamp();
        var found = ImmutableArray.CreateBuilder<TailSegment>();
        await foreach (var key in store.ListAsync(pk, GoldKeys.TailPrefix, cancellationToken))
        {
            if (TailKey.Parse(key.Sk) is { } parsed)
            {
                found.Add(new TailSegment(parsed, key.Revision));
            }
        }

        var segments = found.ToImmutable();
        _lists[pk] = (at, segments);
        return segments;
    }

    /// <summary>Writes a segment unless one of the same or more events is stored.</summary>
    /// <param name="table">The gold table.</param>
    /// <param name="tenant">The tenant, or null for an internal table.</param>
    /// <param name="segment">Which, and its revision.</param>
    /// <param name="rows">A Parquet file; empty for no rows.</param>
    /// <param name="expected">The revision that is thought to be stored; null for none.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="GoldStoreException">The store failed, or the rows are too large.</exception>
    public async Task PutAsync(string table, string? tenant, TailSegment segment, ReadOnlyMemory<byte> rows, long? expected, CancellationToken cancellationToken = default)
    {
        var pk = GoldKeys.Table(table, tenant);
        var sk = segment.Key.Sk;
        var expires = new DateTimeOffset(segment.Key.Window, TimeSpan.Zero) + Retention;
        if (expires < time.GetUtcNow() + Retention)
        {
            expires = time.GetUtcNow() + Retention;
        }

        byte[] body;
        if (rows.Length < PartBytes)
        {
            body = [Whole, .. rows.Span];
        }
        else
        {
            var parts = (rows.Length + PartBytes - 1) / PartBytes;
            if (parts > MaxParts)
            {
                throw new GoldStoreException($"A window of {table} has {rows.Length} bytes of states in {segment.Key.Shard}; {MaxParts * (long)PartBytes} are allowed. Use shorter windows or fewer dimensions.", isTransient: false);
            }

            if ((await store.GetAsync(pk, sk, cancellationToken))?.Revision >= segment.Revision)
            {
                return;
            }

            // No two writers write the same parts: of one of them alone the whole file is told.
            var id = Guid.NewGuid().ToByteArray()[..PartIdBytes];
            for (var i = 0; i < parts; i++)
            {
                var at = i * PartBytes;
                await store.PutAsync([new GoldItem(pk, Part(sk, segment.Revision, id, i), segment.Revision, rows.Slice(at, Math.Min(PartBytes, rows.Length - at)), expires)], cancellationToken);
            }

            body = [InParts, (byte)parts, .. id];
        }

        var item = new GoldItem(pk, sk, segment.Revision, body, expires);
        while (!await store.TryPutAsync(item, expected, cancellationToken))
        {
            expected = (await store.GetAsync(pk, sk, cancellationToken))?.Revision;
            if (expected >= segment.Revision)
            {
                return;
            }
        }

        if (expected is null && store.ListsLate)
        {
            _unlisted[(pk, sk)] = true;
        }
    }

    /// <summary>Waits until the store lists the new segments that were written here: before that no progress may say that they are there.</summary>
    /// <exception cref="GoldStoreException">The store failed, or its lists are too far behind (transient).</exception>
    public Task ListedAsync(CancellationToken cancellationToken = default) => _unlisted.IsEmpty ? Task.CompletedTask : Parallel.ForEachAsync(
        _unlisted.Keys,
        new ParallelOptions { MaxDegreeOfParallelism = ListedAtOnce, CancellationToken = cancellationToken },
        async (key, token) =>
        {
            var began = time.GetTimestamp();
            while (!await store.ListAsync(key.Pk, key.Sk, token).AnyAsync(listed => listed.Sk == key.Sk, token))
            {
                if (time.GetElapsedTime(began) <= ListedWithin)
                {
                    await Task.Delay(ListedPoll, time, token);
                }
                else if (await store.GetAsync(key.Pk, key.Sk, token) is not null)
                {
                    throw new GoldStoreException($"The gold store's index is more than {ListedWithin} behind its table; what was counted meanwhile is not told.", isTransient: true);
                }
                else
                {
                    // It was covered and removed.
                    break;
                }
            }

            _unlisted.TryRemove(key, out _);
        });

    /// <summary>Segments' Parquet files, some of them newer than asked for; empty for one without rows.</summary>
    /// <exception cref="GoldStoreException">The store failed, or a segment is gone (transient: list anew).</exception>
    public async Task<IReadOnlyDictionary<TailKey, (long Revision, ReadOnlyMemory<byte> Rows)>> GetAsync(
        string table, string? tenant, IReadOnlyCollection<TailSegment> segments, CancellationToken cancellationToken = default)
    {
        var pk = GoldKeys.Table(table, tenant);
        var found = new Dictionary<TailKey, (long, ReadOnlyMemory<byte>)>();
        await foreach (var item in store.GetManyAsync(pk, [.. segments.Select(s => s.Key.Sk)], cancellationToken))
        {
            found[TailKey.Parse(item.Sk)!.Value] = (item.Revision, await RowsAsync(item, cancellationToken));
        }

        foreach (var (key, revision) in segments)
        {
            // A replica may be behind what was listed.
            if (!found.TryGetValue(key, out var stored) || stored.Item1 < revision)
            {
                var item = await store.GetAsync(pk, key.Sk, cancellationToken);
                found[key] = item is not null ? (item.Revision, await RowsAsync(item, cancellationToken)) : throw Gone(table);
            }
        }

        return found;
    }

    /// <summary>Removes segments that are covered.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task DeleteAsync(string table, string? tenant, IReadOnlyCollection<TailSegment> segments, CancellationToken cancellationToken = default)
    {
        var pk = GoldKeys.Table(table, tenant);
        foreach (var batch in segments.Chunk(24))
        {
            var parts = new List<string>();
            foreach (var segment in batch)
            {
                await foreach (var key in store.ListAsync(pk, GoldKeys.TailPartPrefix + segment.Key.Sk + "#", cancellationToken))
                {
                    parts.Add(key.Sk);
                }
            }

            await store.DeleteAsync(pk, [.. batch.Select(s => s.Key.Sk), .. parts], cancellationToken);
        }
    }

    /// <summary>How far a stream's shards are, at most <see cref="GoldOptions.ManifestMaxAge"/> old.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<StreamProgress> GetProgressAsync(string stream, bool fresh = false, CancellationToken cancellationToken = default)
    {
        if (!fresh && _progress.TryGetValue(stream, out var known) && time.GetElapsedTime(known.At) < options.Value.ManifestMaxAge)
        {
            return known.Progress;
        }

        var at = time.GetTimestamp();
        var begun = (await FloorAsync(stream, cancellationToken)).Floor.Shards;
        var shards = ImmutableArray.CreateBuilder<CountedShard>();
        await foreach (var item in store.QueryAsync(GoldKeys.StreamProgress(stream), "", cancellationToken: cancellationToken))
        {
            shards.Add(JsonSerializer.Deserialize(item.Body.Span, TailJson.Default.CountedShard)!);
        }

        var progress = new StreamProgress(shards.ToImmutable()) { IsSilent = begun.Except(shards.Select(s => s.Shard)).Any(), LandingDelay = options.Value.LandingDelay, ReadAt = time.GetTimestamp() };
        _progress[stream] = (at, progress);
        return progress;
    }

    /// <summary>Writes how far a shard is, unless it was told to be further.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task PutProgressAsync(string stream, CountedShard progress, CancellationToken cancellationToken = default)
    {
        var (pk, sk) = (GoldKeys.StreamProgress(stream), GoldKeys.Escape(progress.Shard));
        while (true)
        {
            var stored = await store.GetAsync(pk, sk, cancellationToken);
            var before = stored is null ? null : JsonSerializer.Deserialize(stored.Body.Span, TailJson.Default.CountedShard);
            if (before is not null && (before.LostTo is not null || before.Sealed > progress.Sealed || (before.IsEnded && !progress.IsEnded)))
            {
                return;
            }

            var body = JsonSerializer.SerializeToUtf8Bytes(progress, TailJson.Default.CountedShard);
            if (await store.TryPutAsync(new GoldItem(pk, sk, (stored?.Revision ?? 0) + 1, body), stored?.Revision, cancellationToken))
            {
                return;
            }
        }
    }

    /// <summary>Lets a shard begin: from here on no cut is made without looking at how far it is.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="shard">The shard.</param>
    /// <param name="isOld">Says of other shards whether their stream is another one now.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Event time (UTC) before which gold has, or leaves to the next refresh, whatever the shard brings; null if nothing was cut yet.</returns>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<DateTimeOffset?> BeginAsync(string stream, string shard, Func<string, bool> isOld, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            var (floor, revision) = await FloorAsync(stream, cancellationToken);
            var next = floor with { Shards = [.. floor.Shards.Where(s => !isOld(s)), shard] };
            if (next.Shards.SetEquals(floor.Shards) || await TryPutFloorAsync(stream, next, revision, cancellationToken))
            {
                return next.At;
            }
        }
    }

    /// <summary>Lets a shard be gone: cuts are made without it.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task LeaveAsync(string stream, string shard, CancellationToken cancellationToken = default)
    {
        StreamFloor floor;
        long? revision;
        do
        {
            (floor, revision) = await FloorAsync(stream, cancellationToken);
        }
        while (floor.Shards.Contains(shard) && !await TryPutFloorAsync(stream, floor with { Shards = floor.Shards.Remove(shard) }, revision, cancellationToken));
    }

    /// <summary>Enters what a shard that is gone has lost, in the place of how far it was.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task LoseAsync(string stream, CountedShard lost, CancellationToken cancellationToken = default)
    {
        var (pk, sk) = (GoldKeys.StreamProgress(stream), GoldKeys.Escape(lost.Shard));
        var body = JsonSerializer.SerializeToUtf8Bytes(lost, TailJson.Default.CountedShard);
        long? revision;
        do
        {
            revision = (await store.GetAsync(pk, sk, cancellationToken))?.Revision;
        }
        while (!await store.TryPutAsync(new GoldItem(pk, sk, (revision ?? 0) + 1, body), revision, cancellationToken));
    }

    /// <summary>Enters that gold is cut at a moment, if nobody has begun whom the progress does not show.</summary>
    /// <returns>False if a shard has.</returns>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<bool> TryCutAsync(string stream, DateTimeOffset cut, StreamProgress progress, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            var (floor, revision) = await FloorAsync(stream, cancellationToken);
            if (!floor.Shards.IsSubsetOf(progress.Shards.Where(s => s.LostTo is null).Select(s => s.Shard)))
            {
                return false;
            }

            if (floor.At >= cut || await TryPutFloorAsync(stream, floor with { At = cut }, revision, cancellationToken))
            {
                return true;
            }
        }
    }

    /// <summary>Event time (UTC) before which gold will never again be cut; null if it never was.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<DateTimeOffset?> GetFloorAsync(string stream, CancellationToken cancellationToken = default) => (await FloorAsync(stream, cancellationToken)).Floor.At;

    private async Task<(StreamFloor Floor, long? Revision)> FloorAsync(string stream, CancellationToken cancellationToken) =>
        await store.GetAsync(GoldKeys.StreamFloor(stream), Floor, cancellationToken) is { } item
            ? (JsonSerializer.Deserialize(item.Body.Span, TailJson.Default.StreamFloor)!, item.Revision)
            : (new StreamFloor(null, []), null);

    private Task<bool> TryPutFloorAsync(string stream, StreamFloor floor, long? revision, CancellationToken cancellationToken) => store.TryPutAsync(
        new GoldItem(GoldKeys.StreamFloor(stream), Floor, (revision ?? 0) + 1, JsonSerializer.SerializeToUtf8Bytes(floor, TailJson.Default.StreamFloor)), revision, cancellationToken);

    /// <summary>Forgets shards, whose stream is another one now.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public Task ForgetAsync(string stream, IReadOnlyCollection<string> shards, CancellationToken cancellationToken = default) =>
        store.DeleteAsync(GoldKeys.StreamProgress(stream), [.. shards.Select(GoldKeys.Escape)], cancellationToken);

    private static string Part(string sk, long revision, ReadOnlySpan<byte> id, int part) =>
        string.Create(CultureInfo.InvariantCulture, $"{GoldKeys.TailPartPrefix}{sk}#{revision}#{(id.IsEmpty ? "" : Convert.ToHexStringLower(id) + "#")}{part:000}");

    private static GoldStoreException Gone(string table) => new($"A window of the stream's tail of {table} is gone; look again.", isTransient: true);

    private async Task<ReadOnlyMemory<byte>> RowsAsync(GoldItem item, CancellationToken cancellationToken)
    {
        if (item.Body.Span[0] == Whole)
        {
            return item.Body[1..];
        }

        using var whole = new MemoryStream();
        for (var i = 0; i < item.Body.Span[1]; i++)
        {
            var part = await store.GetAsync(item.Pk, Part(item.Sk, item.Revision, item.Body.Span[2..], i), cancellationToken) ?? throw Gone(item.Pk);
            whole.Write(part.Body.Span);
        }

        return whole.ToArray();
    }
}
