using System.Buffers;
using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Write.DataPlatform.Streaming.Local;

/// <summary>Writes one partition: takes what waits, appends it in one piece, makes it lasting, lets readers see it and only then says that it is accepted.</summary>
internal sealed partial class LogWriter : IAsyncDisposable
{
    private const int MaxBatchBytes = 4 * 1024 * 1024;
    private const int MaxWaiting = 64;
    private const int EpochBits = 32;

    private static readonly TimeSpan CleanInterval = TimeSpan.FromMinutes(1);

    private readonly string _shardId;
    private readonly string _folder;
    private readonly LocalLogOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Channel<Append> _waiting = Channel.CreateBounded<Append>(new BoundedChannelOptions(MaxWaiting) { SingleReader = true });
    private readonly ArrayBufferWriter<byte> _buffer = new();
    private readonly SafeFileHandle _commitFile;
    private readonly Task _loop;
    private SafeFileHandle? _file;
    private LogCommit _commit;
    private ulong _last;
    private bool _isNew = true;
    private bool _mustRoll = true;
    private bool _isDirty;
    private long _flushed;

    /// <summary>Opens a partition and repairs what a crash left.</summary>
    public LogWriter(string shardId, string folder, LocalLogOptions options, TimeProvider time, ILogger logger)
    {
        (_shardId, _folder, _options, _time, _logger) = (shardId, folder, options, time, logger);
        Directory.CreateDirectory(folder);
        _commitFile = File.OpenHandle(LogCommit.PathIn(folder), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        try
        {
            (_commit, _last) = LogRecovery.Run(folder, _commitFile, logger);
        }
        catch
        {
            _commitFile.Dispose();
            throw;
        }

        _flushed = time.GetTimestamp();
        _loop = Task.Run(RunAsync);
    }

    /// <summary>Stands between the writer and the disk in tests of a disk that fails.</summary>
    internal Func<SafeFileHandle, ReadOnlyMemory<byte>, long, ValueTask> Write { get; set; } = (file, bytes, offset) => RandomAccess.WriteAsync(file, bytes, offset);

    /// <summary>Appends records; all of them are accepted, or none.</summary>
    /// <exception cref="StreamException">None is accepted.</exception>
    public async Task<ulong[]> AppendAsync(IReadOnlyList<PutRecord> records, CancellationToken cancellationToken)
    {
        var append = new Append(records, new TaskCompletionSource<ulong[]>(TaskCreationOptions.RunContinuationsAsynchronously));
        try
        {
            await _waiting.Writer.WriteAsync(append, cancellationToken);
        }
        catch (ChannelClosedException)
        {
            throw new StreamException(StreamErrorCodes.Unavailable, "The log is being closed.", isTransient: true);
        }

        return await append.Done.Task;
    }

    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await _loop;
        _file?.Dispose();
        _commitFile.Dispose();
    }

    private async Task RunAsync()
    {
        List<Append> batch = [];
        var wait = _waiting.Reader.WaitToReadAsync().AsTask();
        while (true)
        {
            try
            {
                var patience = _isDirty && _options.Flush == FlushPolicy.Interval ? _options.FlushInterval : CleanInterval;
                if (!await wait.WaitAsync(patience, _time))
                {
                    break;
                }
            }
            catch (TimeoutException)
            {
                Idle();
                continue;
            }

            var bytes = 0L;
            while (bytes < MaxBatchBytes && _waiting.Reader.TryRead(out var append))
            {
                batch.Add(append);
                bytes += append.Bytes;
            }

            await AppendAsync(batch);
            batch.Clear();
            wait = _waiting.Reader.WaitToReadAsync().AsTask();
        }

        Idle();
    }

    private async Task AppendAsync(List<Append> batch)
    {
        try
        {
            if (_mustRoll || _commit.Length >= (long)_options.SegmentMegabytes << 20)
            {
                Roll();
            }

            var now = Math.Max(_time.GetUtcNow().ToUnixTimeMilliseconds(), _commit.ArrivedAt);
            var next = _commit.Next;
            var accepted = batch.ConvertAll(append => Encode(append.Records, now, ref next));
            await Write(_file!, _buffer.WrittenMemory, _commit.Length);
            _isDirty = true;
            if (_options.Flush == FlushPolicy.Always || (_options.Flush == FlushPolicy.Interval && _time.GetElapsedTime(_flushed) >= _options.FlushInterval))
            {
                Flush();
            }

            Publish(_commit with { Length = _commit.Length + _buffer.WrittenCount, Next = next, ArrivedAt = now });
            _last = next - 1;
            for (var i = 0; i < batch.Count; i++)
            {
                batch[i].Done.SetResult(accepted[i]);
            }
        }
        catch (Exception exception)
        {
            Fail(batch, exception);
        }
        finally
        {
            _buffer.ResetWrittenCount();
        }
    }

    private ulong[] Encode(IReadOnlyList<PutRecord> records, long now, ref ulong next)
    {
        var sequences = new ulong[records.Count];
        for (var i = 0; i < records.Count; i++)
        {
            var record = records[i];
            var span = _buffer.GetSpan(LogFormat.LengthOf(Encoding.UTF8.GetMaxByteCount(record.PartitionKey.Length), record.Data.Length));
            _buffer.Advance(LogFormat.Write(span, sequences[i] = next++, now, record.PartitionKey, record.Data.Span));
        }

        return sequences;
    }

    /// <summary>Nobody has seen what was written behind the committed length; a new file says that it does not count.</summary>
    private void Fail(List<Append> batch, Exception exception)
    {
        _mustRoll = true;
        try
        {
            if (_file is not null)
            {
                RandomAccess.SetLength(_file, _commit.Length);
            }
        }
        catch (Exception again) when (again is IOException or UnauthorizedAccessException)
        {
            // It only takes room.
        }

        var isFull = IsFull(exception);
        LogFailed(exception, _folder, batch.Sum(append => append.Records.Count));
        var refusal = new StreamException(
            isFull ? StreamErrorCodes.Full : StreamErrorCodes.Unavailable,
            isFull ? $"No room is left for the log in '{_folder}'; make room, and put the records again." : $"The log in '{_folder}' cannot be written: {exception.Message}",
            isTransient: true,
            exception);
        batch.ForEach(append => append.Done.TrySetException(refusal));
    }

    /// <summary>Whether an error is that of a full disk, quota or file-size limit, of Linux and macOS (errno) or Windows.</summary>
    private static bool IsFull(Exception exception) =>
        exception is IOException && exception.HResult is 28 or 27 or 69 or 122 or unchecked((int)0x80070070) or unchecked((int)0x80070027);

    private void Flush()
    {
        RandomAccess.FlushToDisk(_file!);
        _isDirty = false;
        _flushed = _time.GetTimestamp();
    }

    private void Publish(LogCommit commit)
    {
        RandomAccess.Write(_commitFile, commit.ToBytes(), 0);
        _commit = commit;
    }

    private void Idle()
    {
        try
        {
            FlushWhatIsDirty();

            // A file whose records are all too old is followed by another, so that it can go.
            if (_commit.Length > LogSegment.HeaderLength && _commit.ArrivedAt < _time.GetUtcNow().Subtract(_options.Retention).ToUnixTimeMilliseconds())
            {
                Roll();
            }

            Clean();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            _mustRoll = true;
            LogFailed(exception, _folder, 0);
        }
    }

    /// <summary>Begins a new file. Its numbers go on; those of a writer that came before are never used again, whatever a power cut took from it.</summary>
    private void Roll()
    {
        FlushWhatIsDirty();
        if (_file is not null && _commit.Length == LogSegment.HeaderLength)
        {
            // Nothing was accepted in it yet: it serves again.
            RandomAccess.SetLength(_file, LogSegment.HeaderLength);
            _mustRoll = false;
            return;
        }

        var first = _isNew && _commit.Next > 1 ? ((_commit.Next >> EpochBits) + 1) << EpochBits : _commit.Next;
        var segment = new LogSegment(first, _commit.Base, _commit.Length, _last, Math.Max(_time.GetUtcNow().ToUnixTimeMilliseconds(), _commit.ArrivedAt));
        var path = segment.PathIn(_folder);
        var file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        try
        {
            RandomAccess.Write(file, segment.ToBytes(), 0);
            if (_options.Flush != FlushPolicy.Never)
            {
                RandomAccess.FlushToDisk(file);
            }

            Publish(_commit with { Base = first, Length = LogSegment.HeaderLength, Next = first });
        }
        catch
        {
            file.Dispose();
            File.Delete(path);
            throw;
        }

        _file?.Dispose();
        (_file, _mustRoll, _isDirty, _isNew) = (file, false, false, false);
        Clean();
    }

    private void FlushWhatIsDirty()
    {
        if (_isDirty && _options.Flush != FlushPolicy.Never)
        {
            Flush();
        }
    }

    /// <summary>Removes files whose records are all too old, and the oldest while there is too much.</summary>
    private void Clean()
    {
        var segments = LogSegment.List(_folder);
        var limit = _time.GetUtcNow().Subtract(_options.Retention).ToUnixTimeMilliseconds();
        var sizes = segments.ConvertAll(segment => new FileInfo(segment.PathIn(_folder)).Length);
        var total = sizes.Sum();
        for (var i = 0; i < segments.Count - 1 && segments[i].Base != _commit.Base; i++)
        {
            // The file that is begun will grow.
            var isTooMuch = total > (long)(_options.MaxMegabytes - _options.SegmentMegabytes) << 20;
            if (segments[i + 1].CreatedAt >= limit && !isTooMuch)
            {
                break;
            }

            File.Delete(segments[i].PathIn(_folder));
            total -= sizes[i];
            LogRemoved(_shardId, segments[i].Base, isTooMuch ? "the log is too large" : "it is too old");
        }
    }

    [LoggerMessage(6102, LogLevel.Information, "{Shard}: the log's file {File} was removed, because {Reason}")]
    private partial void LogRemoved(string shard, ulong file, string reason);

    [LoggerMessage(6101, LogLevel.Error, "The log in {Folder} could not be written; {Records} records were refused")]
    private partial void LogFailed(Exception exception, string folder, int records);

    private sealed record Append(IReadOnlyList<PutRecord> Records, TaskCompletionSource<ulong[]> Done)
    {
        public long Bytes { get; } = Records.Sum(record => (long)record.Data.Length);
    }
}
