using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.Streaming.Kinesis.Client;

namespace Write.DataPlatform.Streaming.Kinesis;

/// <summary>Reads one shard at a pace that Kinesis allows, and unpacks what producers packed.</summary>
internal sealed class KinesisShardReader(KinesisStream stream, string shardId, ShardPosition from, TimeSpan pollInterval, TimeProvider time) : IShardReader
{
    private const int MaxRecords = 10_000;

    // Of the 5 calls a second that a shard takes, some are left to others.
    private static readonly TimeSpan CatchUpInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan FirstBackOff = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestBackOff = TimeSpan.FromSeconds(10);

    private string? _iterator;
    private string? _last;
    private bool _isEnd = from.Kind == PositionKind.End;
    private bool _isFirst = true;
    private int _throttled;
    private TimeSpan _behind;
    private long _answeredAt = time.GetTimestamp();
    private long? _asked;
    private TimeSpan _pause;

    public async Task<ShardBatch> ReadAsync(int maxRecords = MaxRecords, CancellationToken cancellationToken = default)
    {
        await PaceAsync(cancellationToken);
        if (_isEnd)
        {
            _pause = pollInterval;
            return new ShardBatch([], TimeSpan.Zero, IsEnd: true);
        }

        try
        {
            var lookedAt = time.GetUtcNow();
            var response = await GetAsync(Math.Clamp(maxRecords, 1, MaxRecords), cancellationToken);
            _throttled = 0;
            _answeredAt = time.GetTimestamp();
            return Take(response) with { LookedAt = lookedAt };
        }
        catch (StreamException exception) when (exception.Code == StreamErrorCodes.Throttled)
        {
            var longest = FirstBackOff * Math.Pow(2, Math.Min(_throttled++, 8));
            _pause = (longest < LongestBackOff ? longest : LongestBackOff) * (0.5 + Random.Shared.NextDouble() / 2);
            StreamMetrics.Throttled(stream.Name, shardId);

            // What came since the last answer is not known: nobody may take this for the tip.
            return new ShardBatch([], _behind + time.GetElapsedTime(_answeredAt) + TimeSpan.FromMilliseconds(1)) { IsUnanswered = true };
        }
        catch (StreamException)
        {
            // Whether the iterator is still good is not known.
            _iterator = null;
            throw;
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async Task PaceAsync(CancellationToken cancellationToken)
    {
        if (_asked is { } asked && _pause - time.GetElapsedTime(asked) is var left && left > TimeSpan.Zero)
        {
            await Task.Delay(left, time, cancellationToken);
        }

        _asked = time.GetTimestamp();
        _pause = pollInterval;
    }

    private async Task<GetRecordsResponse> GetAsync(int limit, CancellationToken cancellationToken)
    {
        for (var isFresh = false; ; isFresh = true)
        {
            _iterator ??= await IteratorAsync(cancellationToken);
            var request = new GetRecordsRequest { ShardIterator = _iterator, Limit = limit };
            try
            {
                return await stream.CallAsync(c => c.GetRecordsAsync(request, cancellationToken), cancellationToken);
            }
            catch (ExpiredIteratorException exception)
            {
                _iterator = null;
                if (isFresh)
                {
                    throw KinesisErrors.From(stream.Name, exception);
                }
            }
        }
    }

    private async Task<string> IteratorAsync(CancellationToken cancellationToken)
    {
        var request = new GetShardIteratorRequest { StreamName = stream.Name, ShardId = shardId };
        if (_last is not null)
        {
            (request.ShardIteratorType, request.StartingSequenceNumber) = ("AFTER_SEQUENCE_NUMBER", _last);
        }
        else if (from.Kind is PositionKind.At or PositionKind.After)
        {
            // The record itself, even to read on behind it: it may be a packed one that is half done.
            (request.ShardIteratorType, request.StartingSequenceNumber) = ("AT_SEQUENCE_NUMBER", from.Sequence.Number.ToString(CultureInfo.InvariantCulture));
        }
        else if (from.Kind == PositionKind.Time)
        {
            (request.ShardIteratorType, request.Timestamp) = ("AT_TIMESTAMP", from.Time.UtcDateTime);
        }
        else
        {
            request.ShardIteratorType = "TRIM_HORIZON";
        }

        GetShardIteratorResponse response;
        try
        {
            response = await stream.CallAsync(c => c.GetShardIteratorAsync(request, cancellationToken), cancellationToken);
        }
        catch (StreamException exception) when (request.Timestamp is not null && exception.InnerException is InvalidArgumentException)
        {
            // Kinesis' clock has not come to that moment: all that is there is older.
            (request.ShardIteratorType, request.Timestamp) = ("LATEST", null);
            response = await stream.CallAsync(c => c.GetShardIteratorAsync(request, cancellationToken), cancellationToken);
        }

        return response.ShardIterator ?? throw new StreamException(StreamErrorCodes.Unavailable, $"Kinesis gave no iterator of '{shardId}'.", isTransient: true);
    }

    private ShardBatch Take(GetRecordsResponse response)
    {
        var records = ImmutableArray.CreateBuilder<StreamRecord>();
        var hasGap = false;
        foreach (var record in response.Records ?? [])
        {
            var number = SequenceNumber.Parse(record.SequenceNumber!);
            if (_isFirst)
            {
                _isFirst = false;
                hasGap = from.Kind is PositionKind.At or PositionKind.After && number.Number != from.Sequence.Number;
            }

            _last = record.SequenceNumber;
            var arrived = new DateTimeOffset(record.ApproximateArrivalTimestamp ?? time.GetUtcNow().UtcDateTime, TimeSpan.Zero);
            var data = record.Data ?? default;
            if (KplAggregate.TryRead(data, out var packed))
            {
                for (var i = 0; i < packed.Count; i++)
                {
                    Add(new StreamRecord(shardId, number with { Sub = i }, packed[i].PartitionKey, arrived, packed[i].Data));
                }
            }
            else
            {
                Add(new StreamRecord(shardId, number, record.PartitionKey ?? "", arrived, data));
            }
        }

        _iterator = response.NextShardIterator;
        _isEnd = _iterator is null;
        _behind = TimeSpan.FromMilliseconds(response.MillisBehindLatest ?? 0);
        _pause = _behind > TimeSpan.Zero ? CatchUpInterval : pollInterval;
        return new ShardBatch(records.DrainToImmutable(), _behind, _isEnd, hasGap);

        void Add(StreamRecord record)
        {
            var isBefore = from.Kind switch
            {
                PositionKind.At => record.Sequence < from.Sequence,
                PositionKind.After => record.Sequence <= from.Sequence,
                _ => false,
            };
            if (!isBefore)
            {
                records.Add(record);
            }
        }
    }
}
