using System.Collections.Immutable;
using System.Globalization;
using System.IO.Hashing;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;

namespace Write.DataPlatform.Streaming.Local;

/// <summary>A stream in files of this computer: one folder, of which each partition has one of its own. One process writes at a time; any number reads.</summary>
internal sealed class LocalStream(string name, string folder, LocalLogOptions options, TimeProvider time, ILogger<LocalStream> logger) : IEventStream, IAsyncDisposable
{
    private const int MaxAppendBytes = 1024 * 1024;

    private readonly SemaphoreSlim _gate = new(1);
    private LogDescription? _description;
    private FileStream? _lock;
    private ImmutableArray<LogWriter> _writers = [];
    private bool _isClosed;

    public string Name => name;

    /// <summary>Is called with each writer that is made; for tests of a disk that fails.</summary>
    internal Action<LogWriter>? WriterMade { get; set; }

    public Task<string> GetIdentityAsync(CancellationToken cancellationToken = default) => Task.FromResult(Describe().Id);

    public Task<ImmutableArray<StreamShard>> ListShardsAsync(CancellationToken cancellationToken = default) =>
        Task.FromResult(Enumerable.Range(0, Describe().Partitions).Select(partition => new StreamShard(ShardId(partition), [], IsClosed: false)).ToImmutableArray());

    public Task<IShardReader> OpenAsync(string shardId, ShardPosition from, CancellationToken cancellationToken = default) =>
        Enumerable.Range(0, Describe().Partitions).Any(partition => ShardId(partition) == shardId)
            ? Task.FromResult<IShardReader>(new LogReader(shardId, Path.Combine(folder, shardId), from, time))
            : throw new StreamException(StreamErrorCodes.NotFound, $"The log '{name}' has no shard '{shardId}'.", isTransient: false);

    public async Task<ImmutableArray<PutResult>> PutAsync(IReadOnlyList<PutRecord> records, CancellationToken cancellationToken = default)
    {
        var writers = await WritersAsync(cancellationToken);
        var results = new PutResult?[records.Count];
        var parts = writers.Select(_ => new List<int>()).ToArray();
        for (var i = 0; i < records.Count; i++)
        {
            results[i] = PutCheck.Refuse(records[i]);
            if (results[i] is null)
            {
                parts[(int)(XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(records[i].PartitionKey)) % (ulong)writers.Length)].Add(i);
            }
        }

        await Task.WhenAll(parts.Select((indexes, partition) => AppendAsync(writers[partition], ShardId(partition), records, indexes, results, cancellationToken)));
        return StreamMetrics.Put(name, results);
    }

    public async ValueTask DisposeAsync()
    {
        await _gate.WaitAsync();
        try
        {
            _isClosed = true;
            await CloseAsync();
        }
        finally
        {
            _gate.Release();
        }
    }

    private static string ShardId(int partition) => string.Create(CultureInfo.InvariantCulture, $"partition-{partition:000}");

    private static async Task AppendAsync(
        LogWriter writer, string shardId, IReadOnlyList<PutRecord> records, List<int> indexes, PutResult?[] results, CancellationToken cancellationToken)
    {
        StreamError? error = null;
        for (var start = 0; start < indexes.Count;)
        {
            var end = start;
            for (var bytes = 0; end < indexes.Count && bytes < MaxAppendBytes; end++)
            {
                bytes += records[indexes[end]].Data.Length;
            }

            var part = indexes[start..end];
            start = end;
            try
            {
                // After a refusal nothing more of the partition is tried, for the order's sake.
                var sequences = error is null ? await writer.AppendAsync(part.ConvertAll(i => records[i]), cancellationToken) : [];
                for (var i = 0; i < part.Count; i++)
                {
                    results[part[i]] = error is null ? new PutResult(shardId, new SequenceNumber(sequences[i]), null) : new PutResult(null, null, error);
                }
            }
            catch (StreamException exception)
            {
                error = new StreamError(exception.Code, exception.Message, exception.IsTransient);
                part.ForEach(i => results[i] = new PutResult(null, null, error));
            }
        }
    }

    /// <summary>The log's description, made at its first use.</summary>
    private LogDescription Describe()
    {
        if (_description is { } known)
        {
            return known;
        }

        var path = Path.Combine(folder, "log.json");
        try
        {
            if (!File.Exists(path))
            {
                Directory.CreateDirectory(folder);
                var draft = Path.Combine(folder, $"log.{Guid.NewGuid():N}.tmp");
                using (var file = new FileStream(draft, FileMode.CreateNew))
                {
                    JsonSerializer.Serialize(file, new LogDescription(Guid.NewGuid().ToString("N"), options.Partitions), LogJson.Default.LogDescription);
                    file.Flush(flushToDisk: true);
                }

                try
                {
                    File.Move(draft, path);
                }
                catch (IOException) when (File.Exists(path))
                {
                    // Another process made it a moment before.
                    File.Delete(draft);
                }
            }

            var read = JsonSerializer.Deserialize(File.ReadAllBytes(path), LogJson.Default.LogDescription);
            return _description = read is { Partitions: >= 1 and <= 256, Id.Length: > 0 } ? read : throw new JsonException("It has no id or no partitions.");
        }
        catch (JsonException exception)
        {
            throw new StreamException(StreamErrorCodes.Damaged, $"'{path}' does not describe a log: {exception.Message}", isTransient: false, exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new StreamException(StreamErrorCodes.Unavailable, $"The log in '{folder}' cannot be opened: {exception.Message}", isTransient: true, exception);
        }
    }

    private async Task<ImmutableArray<LogWriter>> WritersAsync(CancellationToken cancellationToken)
    {
        if (_writers is { Length: > 0 } open)
        {
            return open;
        }

        await _gate.WaitAsync(cancellationToken);
        try
        {
            if (_isClosed)
            {
                throw new StreamException(StreamErrorCodes.Unavailable, "The log is closed.", isTransient: false);
            }

            if (_writers.Length == 0)
            {
                var partitions = Describe().Partitions;
                _lock = Lock();
                var writers = ImmutableArray.CreateBuilder<LogWriter>(partitions);
                try
                {
                    for (var partition = 0; partition < partitions; partition++)
                    {
                        var writer = new LogWriter(ShardId(partition), Path.Combine(folder, ShardId(partition)), options, time, logger);
                        WriterMade?.Invoke(writer);
                        writers.Add(writer);
                    }
                }
                catch
                {
                    _writers = writers.DrainToImmutable();
                    await CloseAsync();
                    throw;
                }

                _writers = writers.MoveToImmutable();
            }

            return _writers;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new StreamException(StreamErrorCodes.Unavailable, $"The log in '{folder}' cannot be opened for writing: {exception.Message}", isTransient: true, exception);
        }
        finally
        {
            _gate.Release();
        }
    }

    private FileStream Lock()
    {
        var path = Path.Combine(folder, "writer.lock");
        try
        {
            // The operating system frees it with the process, however that ends.
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException exception) when (exception.HResult is 11 or 35 or unchecked((int)0x80070020)) // EAGAIN of Linux, of macOS, a sharing violation of Windows
        {
            throw new StreamException(
                StreamErrorCodes.Locked, $"Another process writes the log in '{folder}' (it holds '{path}'): put events through that one, or stop it.", isTransient: true, exception);
        }
    }

    private async Task CloseAsync()
    {
        foreach (var writer in _writers)
        {
            await writer.DisposeAsync();
        }

        _writers = [];
        if (_lock is not null)
        {
            await _lock.DisposeAsync();
            _lock = null;
        }
    }
}

/// <summary>What a log is, in its file <c>log.json</c>.</summary>
internal sealed record LogDescription(string Id, int Partitions);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(LogDescription))]
internal sealed partial class LogJson : JsonSerializerContext;
