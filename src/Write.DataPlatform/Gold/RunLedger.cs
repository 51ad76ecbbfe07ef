using System.Globalization;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Options;

namespace Write.DataPlatform.Gold;

/// <summary>The book of refresh runs in the gold store, which every process reads and the runner writes.</summary>
internal sealed class RunLedger(IGoldStore store, IOptions<GoldOptions> options, TimeProvider timeProvider)
{
    private const string Prefix = "run#";
    private const string WholePrefix = "whole#";
    private const int PlainBytes = 4096;
    private const int MaxError = 2000;
    private const byte BrotliMark = 1;

    /// <summary>A name for a new run, later than all before.</summary>
    public string NewId() => string.Create(CultureInfo.InvariantCulture, $"{timeProvider.GetUtcNow():yyyyMMdd'T'HHmmssfff}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}");

    /// <summary>Enters a run.</summary>
    /// <exception cref="InvalidOperationException">There is a run of that name.</exception>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task CreateAsync(RefreshRun run, CancellationToken cancellationToken = default)
    {
        if (!await store.TryPutAsync(Item(run, 1), null, cancellationToken))
        {
            throw new InvalidOperationException($"There is a run {run.Id} already.");
        }
    }

    /// <summary>Changes a run, again from what is stored if another changed it meanwhile.</summary>
    /// <param name="id">The run.</param>
    /// <param name="change">Gives the changed run, or the same one for no change; it may be called several times.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The run as it is now, or null if there is none of that name.</returns>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<RefreshRun?> UpdateAsync(string id, Func<RefreshRun, RefreshRun> change, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            var item = await store.GetAsync(GoldKeys.Runs, Key(id), cancellationToken);
            if (item is null)
            {
                return null;
            }

            var run = Decode(item);
            var changed = change(run);
            if (ReferenceEquals(changed, run) || await store.TryPutAsync(Item(changed, item.Revision + 1), item.Revision, cancellationToken))
            {
                return changed;
            }
        }
    }

    /// <summary>One run, or null.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<RefreshRun?> GetAsync(string id, CancellationToken cancellationToken = default) =>
        await store.GetAsync(GoldKeys.Runs, Key(id), cancellationToken) is { } item ? Decode(item) : null;

    /// <summary>Runs, the newest first.</summary>
    /// <param name="table">Only this table's; null for all.</param>
    /// <param name="limit">At most so many.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async IAsyncEnumerable<RefreshRun> ListAsync(string? table = null, int limit = 100, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var left = limit;
        await foreach (var item in store.QueryAsync(GoldKeys.Runs, Prefix, descending: true, cancellationToken))
        {
            if (left == 0)
            {
                yield break;
            }

            var run = Decode(item);
            if (table is null || run.Table == table)
            {
                left--;
                yield return run;
            }
        }
    }

    /// <summary>Asks a run to stop; its runner looks at <see cref="RefreshRun.CancelRequested"/> as it goes.</summary>
    /// <returns>The run, or null if there is none; one that is over stays as it is.</returns>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public Task<RefreshRun?> RequestCancelAsync(string id, CancellationToken cancellationToken = default) =>
        UpdateAsync(id, run => run.IsOver || run.CancelRequested ? run : run with { CancelRequested = true }, cancellationToken);

    /// <summary>Notes that a run of a whole table did all that it was to. What is noted is kept when the run is not any more, and a run that began before it changes nothing.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public Task NoteWholeAsync(RefreshRun run, CancellationToken cancellationToken = default) => NoteAsync(run.Table, run.StartedAt, cancellationToken);

    /// <summary>Notes that nothing is left of a table: as long as there may be runs from before it is as one that was never refreshed.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public Task NoteDroppedAsync(string table, CancellationToken cancellationToken = default) => NoteAsync(table, null, cancellationToken);

    /// <summary>When the last run of each whole table that did all began; null for one that was dropped since. Of a table that is not in it nothing is noted, but there may be runs.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<IReadOnlyDictionary<string, DateTimeOffset?>> LastWholeAsync(CancellationToken cancellationToken = default)
    {
        var last = new Dictionary<string, DateTimeOffset?>(StringComparer.Ordinal);
        await foreach (var item in store.QueryAsync(GoldKeys.Runs, WholePrefix, cancellationToken: cancellationToken))
        {
            if (DecodeWhole(item) is { } whole)
            {
                last[GoldKeys.Unescape(item.Sk[WholePrefix.Length..])] = whole.StartedAt;
            }
        }

        return last;
    }

    private async Task NoteAsync(string table, DateTimeOffset? startedAt, CancellationToken cancellationToken)
    {
        var key = WholePrefix + GoldKeys.Escape(table);
        var body = JsonSerializer.SerializeToUtf8Bytes(new WholeRun(startedAt), RunJson.Default.WholeRun);
        while (true)
        {
            var now = timeProvider.GetUtcNow();
            var item = await store.GetAsync(GoldKeys.Runs, key, cancellationToken);

            // A time to come is a clock's that was wrong, and would be the last for as long.
            if (startedAt is { } at && item is not null && DecodeWhole(item)?.StartedAt is { } before && before >= at && before <= now)
            {
                return;
            }

            if (await store.TryPutAsync(new GoldItem(GoldKeys.Runs, key, (item?.Revision ?? 0) + 1, body, startedAt is null ? now + options.Value.RunRetention : null), item?.Revision, cancellationToken))
            {
                return;
            }
        }
    }

    /// <summary>What is noted of a table; null if it cannot be read, which the next run makes good.</summary>
    private static WholeRun? DecodeWhole(GoldItem item)
    {
        try
        {
            return JsonSerializer.Deserialize(item.Body.Span, RunJson.Default.WholeRun);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private GoldItem Item(RefreshRun run, long revision) =>
        new(GoldKeys.Runs, Key(run.Id), revision, Encode(run), timeProvider.GetUtcNow() + options.Value.RunRetention);

    private static string Key(string id) => Prefix + GoldKeys.Escape(id);

    private static byte[] Encode(RefreshRun run)
    {
        run = run with { Error = Shorten(run.Error), Partitions = [.. run.Partitions.Select(partition => partition.Error?.Length > MaxError ? partition with { Error = Shorten(partition.Error) } : partition)] };
        var body = Pack(run);
        while (body.Length > IGoldStore.MaxBodyBytes)
        {
            // What ended well is known from the manifest; what is left after that is halved.
            var kept = run.Partitions.RemoveAll(partition => partition.State is RunPartitionState.Succeeded or RunPartitionState.Skipped);
            kept = kept.Length < run.Partitions.Length ? kept : kept[..(kept.Length / 2)];
            run = run with { Partitions = kept, OmittedPartitions = run.OmittedPartitions + run.Partitions.Length - kept.Length };
            body = Pack(run);
        }

        return body;
    }

    private static string? Shorten(string? error) => error?.Length > MaxError ? error[..MaxError] + "…" : error;

    private static byte[] Pack(RefreshRun run)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(run, RunJson.Default.RefreshRun);
        if (json.Length <= PlainBytes)
        {
            return json;
        }

        using var stream = new MemoryStream();
        stream.WriteByte(BrotliMark);
        using (var brotli = new BrotliStream(stream, CompressionLevel.Fastest))
        {
            brotli.Write(json);
        }

        return stream.ToArray();
    }

    private static RefreshRun Decode(GoldItem item)
    {
        try
        {
            using var stream = new MemoryStream(item.Body.ToArray());
            if (item.Body.Length > 0 && item.Body.Span[0] == BrotliMark)
            {
                stream.Position = 1;
                using var brotli = new BrotliStream(stream, CompressionMode.Decompress);
                return JsonSerializer.Deserialize(brotli, RunJson.Default.RefreshRun)!;
            }

            return JsonSerializer.Deserialize(stream, RunJson.Default.RefreshRun)!;
        }
        catch (Exception exception) when (exception is JsonException or InvalidDataException or InvalidOperationException)
        {
            throw new GoldStoreException($"The run '{item.Sk}' is damaged: {exception.Message}", isTransient: false, exception);
        }
    }
}

/// <summary>What is noted of a whole table.</summary>
/// <param name="StartedAt">When the last run that did all began; null for a table that was dropped.</param>
internal sealed record WholeRun(DateTimeOffset? StartedAt);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UseStringEnumConverter = true)]
[JsonSerializable(typeof(RefreshRun))]
[JsonSerializable(typeof(WholeRun))]
internal sealed partial class RunJson : JsonSerializerContext;
