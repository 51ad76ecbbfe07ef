using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Write.DataPlatform.Streaming.Kinesis.Client;

namespace Write.DataPlatform.Streaming.Kinesis;

/// <summary>A stream of Kinesis.</summary>
/// <remarks>Records of one partition key keep their order unless Kinesis throttles some of them, which are then put again behind the others.</remarks>
internal sealed class KinesisStream(Func<IAmazonKinesis> client, string name, KinesisOptions options, TimeProvider time) : IEventStream
{
    private const int MaxPutRecords = 500;
    private const int MaxPutBytes = 5 * 1024 * 1024;

    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(5);

    // An account may ask 20 times a second.
    private static readonly TimeSpan IdentityAge = TimeSpan.FromSeconds(30);

    private Tuple<string, long>? _identity;

    public string Name => name;

    public async Task<string> GetIdentityAsync(CancellationToken cancellationToken = default)
    {
        if (_identity is { } known && time.GetElapsedTime(known.Item2) < IdentityAge)
        {
            return known.Item1;
        }

        var response = await CallAsync(c => c.DescribeStreamSummaryAsync(new DescribeStreamSummaryRequest { StreamName = name }, cancellationToken), cancellationToken);
        var stream = response.StreamDescriptionSummary;
        _identity = stream?.StreamCreationTimestamp is { } created && stream.StreamStatus != "CREATING"
            ? Tuple.Create(new DateTimeOffset(created, TimeSpan.Zero).ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture), time.GetTimestamp())
            : throw new StreamException(StreamErrorCodes.Unavailable, $"The stream '{name}' is being made.", isTransient: true);
        return _identity.Item1;
    }

    public async Task<ImmutableArray<StreamShard>> ListShardsAsync(CancellationToken cancellationToken = default)
    {
        List<Shard> shards = [];
        var request = new ListShardsRequest { StreamName = name };
        do
        {
            var page = await CallAsync(c => c.ListShardsAsync(request, cancellationToken), cancellationToken);
            shards.AddRange(page.Shards ?? []);
            request = new ListShardsRequest { NextToken = page.NextToken };
        }
        while (request.NextToken is { Length: > 0 });
        return [.. shards.Select(Shard).OrderBy(shard => shard.Id, StringComparer.Ordinal)];
    }

    public Task<IShardReader> OpenAsync(string shardId, ShardPosition from, CancellationToken cancellationToken = default) =>
        Task.FromResult<IShardReader>(new KinesisShardReader(this, shardId, from, options.PollInterval, time));

    public async Task<ImmutableArray<PutResult>> PutAsync(IReadOnlyList<PutRecord> records, CancellationToken cancellationToken = default)
    {
        var results = new PutResult?[records.Count];
        List<int> open = [];
        for (var i = 0; i < records.Count; i++)
        {
            results[i] = PutCheck.Refuse(records[i]);
            if (results[i] is null)
            {
                open.Add(i);
            }
        }

        var delay = FirstDelay;
        for (var attempt = 1; open.Count > 0; attempt++)
        {
            List<int> again = [];
            foreach (var request in Requests(records, open))
            {
                await PutAsync(records, request, results, again, cancellationToken);
            }

            open = again;
            if (open.Count == 0 || attempt >= options.PutAttempts)
            {
                break;
            }

            await Task.Delay(delay * (0.5 + Random.Shared.NextDouble()), time, cancellationToken);
            delay = TimeSpan.FromTicks(Math.Min(delay.Ticks * 2, LongestDelay.Ticks));
        }

        return StreamMetrics.Put(name, results);
    }

    /// <summary>A call, whose errors are <see cref="StreamException"/>s.</summary>
    internal async Task<T> CallAsync<T>(Func<IAmazonKinesis, Task<T>> call, CancellationToken cancellationToken)
    {
        try
        {
            return await call(client());
        }
        catch (ExpiredIteratorException)
        {
            throw;
        }
        catch (Exception exception) when (KinesisErrors.IsOfCall(exception, cancellationToken))
        {
            throw KinesisErrors.From(name, exception);
        }
    }

    private static StreamShard Shard(Shard shard) => new(
        shard.ShardId!,
        [.. new[] { shard.ParentShardId, shard.AdjacentParentShardId }.Where(parent => parent is { Length: > 0 }).Select(parent => parent!)],
        shard.SequenceNumberRange?.EndingSequenceNumber is { Length: > 0 });

    private static IEnumerable<List<int>> Requests(IReadOnlyList<PutRecord> records, List<int> indexes)
    {
        List<int> request = [];
        var bytes = 0;
        foreach (var index in indexes)
        {
            var size = records[index].Data.Length + Encoding.UTF8.GetByteCount(records[index].PartitionKey);
            if (request.Count == MaxPutRecords || bytes + size > MaxPutBytes)
            {
                yield return request;
                (request, bytes) = ([], 0);
            }

            request.Add(index);
            bytes += size;
        }

        yield return request;
    }

    private async Task PutAsync(IReadOnlyList<PutRecord> records, List<int> indexes, PutResult?[] results, List<int> again, CancellationToken cancellationToken)
    {
        PutRecordsResponse response;
        try
        {
            var request = new PutRecordsRequest
            {
                StreamName = name,
                Records = indexes.ConvertAll(i => new PutRecordsRequestEntry { PartitionKey = records[i].PartitionKey, Data = records[i].Data }),
            };
            response = await CallAsync(c => c.PutRecordsAsync(request, cancellationToken), cancellationToken);
        }
        catch (StreamException exception)
        {
            // What was accepted before stays accepted, so this is told of these records alone.
            Refuse(indexes, new StreamError(exception.Code, exception.Message, exception.IsTransient), exception.Code == StreamErrorCodes.Throttled);
            return;
        }

        for (var i = 0; i < indexes.Count; i++)
        {
            var entry = response.Records is { } answers && i < answers.Count ? answers[i] : new PutRecordsResultEntry { ErrorCode = "none", ErrorMessage = "Kinesis gave no answer for this record." };
            if (entry.ErrorCode is { Length: > 0 } code)
            {
                Refuse([indexes[i]], new StreamError(KinesisErrors.IsThrottle(code) ? StreamErrorCodes.Throttled : StreamErrorCodes.Unavailable, $"{code}: {entry.ErrorMessage}", IsTransient: true), isTriedAgain: true);
            }
            else
            {
                results[indexes[i]] = new PutResult(entry.ShardId, SequenceNumber.Parse(entry.SequenceNumber!), null);
            }
        }

        void Refuse(List<int> refused, StreamError error, bool isTriedAgain)
        {
            foreach (var index in refused)
            {
                results[index] = new PutResult(null, null, error);
            }

            if (isTriedAgain)
            {
                again.AddRange(refused);
            }
        }
    }
}
