using System.Collections.Immutable;
using Microsoft.Win32.SafeHandles;

namespace Write.DataPlatform.Streaming.Local;

/// <summary>Reads one partition of a log, in any process, while it is written.</summary>
internal sealed class LogReader(string shardId, string folder, ShardPosition from, TimeProvider time) : IShardReader
{
    private const int MaxBatchBytes = 2 * 1024 * 1024;

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private SafeFileHandle? _commitFile;
    private SafeFileHandle? _file;
    private LogScanner? _scanner;
    private LogSegment? _segment;
    private LogSegment? _next;
    private ulong _least;
    private bool _hasGap;

    public async Task<ShardBatch> ReadAsync(int maxRecords = 10_000, CancellationToken cancellationToken = default)
    {
        if (from.Kind == PositionKind.End)
        {
            await Task.Delay(Patience, time, cancellationToken);
            return new ShardBatch([], TimeSpan.Zero, IsEnd: true);
        }

        var started = time.GetTimestamp();
        while (true)
        {
            ShardBatch batch;
            try
            {
                batch = Read(Math.Max(maxRecords, 1));
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                throw new StreamException(StreamErrorCodes.Unavailable, $"The log's files in '{folder}' cannot be read: {exception.Message}", isTransient: true, exception);
            }

            if (batch.Records.Length > 0 || batch.HasGap || time.GetElapsedTime(started) >= Patience)
            {
                return batch;
            }

            await Task.Delay(Poll, time, cancellationToken);
        }
    }

    public ValueTask DisposeAsync()
    {
        _file?.Dispose();
        _commitFile?.Dispose();
        return ValueTask.CompletedTask;
    }

    private ShardBatch Read(int maxRecords)
    {
        var records = ImmutableArray.CreateBuilder<StreamRecord>();
        var (bytes, arrivedAt) = (0, 0L);
        var lookedAt = time.GetUtcNow();
        if (Commit() is not { } commit || (_segment is null && !Begin()))
        {
            return new ShardBatch([], TimeSpan.Zero) { LookedAt = lookedAt };
        }

        while (true)
        {
            var limit = Limit(commit);
            while (records.Count < maxRecords && bytes < MaxBatchBytes && _scanner!.Offset < limit)
            {
                if (!_scanner.TryRead(limit, _least, out var record, out var source))
                {
                    // It was accepted, so the disk or somebody damaged it.
                    _hasGap = true;
                    _scanner.TrySkipDamage(limit, _least);
                    continue;
                }

                _least = record.Sequence + 1;
                if (!IsBefore(record))
                {
                    arrivedAt = record.ArrivedAt;
                    bytes += source.Length;
                    records.Add(new StreamRecord(
                        shardId, new SequenceNumber(record.Sequence), record.Key(source), DateTimeOffset.FromUnixTimeMilliseconds(record.ArrivedAt), record.Data(source)));
                }
            }

            if (_scanner!.Offset < limit || !MoveOn(commit))
            {
                // What is accepted meanwhile is as young as the tip.
                var isAtTip = _scanner.Offset >= limit;
                var behind = isAtTip ? TimeSpan.Zero : time.GetUtcNow() - DateTimeOffset.FromUnixTimeMilliseconds(arrivedAt);
                (var hasGap, _hasGap) = (_hasGap, false);
                return new ShardBatch(records.DrainToImmutable(), behind > TimeSpan.Zero ? behind : TimeSpan.Zero, HasGap: hasGap) { LookedAt = lookedAt };
            }
        }
    }

    private bool IsBefore(LogRecord record) => from.Kind switch
    {
        PositionKind.At => record.Sequence < from.Sequence.Number,
        PositionKind.After => record.Sequence <= from.Sequence.Number,
        PositionKind.Time => record.ArrivedAt < from.Time.ToUnixTimeMilliseconds(),
        _ => false,
    };

    private LogCommit? Commit()
    {
        if (_commitFile is null)
        {
            var path = LogCommit.PathIn(folder);
            if (!File.Exists(path))
            {
                return null;
            }

            _commitFile = LogSegment.Open(path);
        }

        return LogCommit.Read(_commitFile);
    }

    /// <summary>Opens the file that holds the first record to read.</summary>
    private bool Begin()
    {
        var segments = LogSegment.List(folder);
        if (segments.Count == 0)
        {
            return false;
        }

        var first = segments[0];
        var start = from.Kind switch
        {
            PositionKind.At or PositionKind.After => segments.LastOrDefault(segment => segment.Base <= from.Sequence.Number),
            PositionKind.Time => segments.LastOrDefault(segment => segment.CreatedAt <= from.Time.ToUnixTimeMilliseconds()),
            _ => null,
        } ?? first;
        _hasGap = from.Kind switch
        {
            PositionKind.At => first.Base > from.Sequence.Number,
            PositionKind.After => first.Base > from.Sequence.Number && first.PreviousLast > from.Sequence.Number,
            _ => false,
        };
        return TryOpen(start);
    }

    private bool TryOpen(LogSegment segment)
    {
        SafeFileHandle file;
        try
        {
            file = LogSegment.Open(segment.PathIn(folder));
        }
        catch (FileNotFoundException)
        {
            // Retention was faster; the next call looks again.
            return false;
        }

        _file?.Dispose();
        _file = file;
        _scanner = new LogScanner(file, LogSegment.HeaderLength);
        _segment = segment;
        _next = null;
        _least = segment.Base;
        return true;
    }

    /// <summary>Where the accepted records of the open file end.</summary>
    private long Limit(LogCommit commit)
    {
        var length = RandomAccess.GetLength(_file!);
        if (commit.Base <= _segment!.Base)
        {
            return Math.Min(length, commit.Base == _segment.Base ? commit.Length : 0);
        }

        _next ??= LogSegment.List(folder).Find(segment => segment.Base > _segment.Base);
        return _next?.PreviousBase == _segment.Base ? Math.Min(length, _next.PreviousLength) : length;
    }

    /// <summary>Opens the next file, if the open one is done for good.</summary>
    private bool MoveOn(LogCommit commit)
    {
        if (commit.Base <= _segment!.Base || _next is null)
        {
            return false;
        }

        var isGap = _next.PreviousLast >= _least;
        if (!TryOpen(_next))
        {
            _next = null;
            return false;
        }

        _hasGap |= isGap;
        return true;
    }
}
