using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Write.DataPlatform.Streaming;

namespace Write.DataPlatform.Tests.Streaming;

/// <summary>A stream in memory by a test's own clock, whose shards can be split and merged at any moment.</summary>
internal sealed class SimulatedStream(TimeProvider time, int shards) : IEventStream
{
    private const int Hashes = 1 << 16;

    private readonly Lock _lock = new();
    private readonly List<SimulatedShard> _shards =
        [.. Enumerable.Range(0, shards).Select(i => new SimulatedShard(i, [], Hashes * i / shards, Hashes * (i + 1) / shards))];

    private string _identity = "1";
    private long _last;

    public string Name => "simulated";

    /// <summary>Throws it in every call while it is set.</summary>
    public volatile StreamException? Failure;

    public Task<string> GetIdentityAsync(CancellationToken cancellationToken = default) => Task.FromResult(Locked(() => _identity));

    public Task<ImmutableArray<StreamShard>> ListShardsAsync(CancellationToken cancellationToken = default) => Task.FromResult(Locked(() => _shards
        .Select(shard => new StreamShard(shard.Id, [.. shard.Parents.Select(SimulatedShard.IdOf)], shard.IsClosed)).ToImmutableArray()));

    public Task<IShardReader> OpenAsync(string shardId, ShardPosition from, CancellationToken cancellationToken = default) => Task.FromResult<IShardReader>(new Reader(this, shardId, from));

    public Task<ImmutableArray<PutResult>> PutAsync(IReadOnlyList<PutRecord> records, CancellationToken cancellationToken = default) =>
        Task.FromResult(Locked(() => records.Select(record => Refusal(record) ?? Put(record)).ToImmutableArray()));

    /// <summary>Forgets a shard with all that is in it.</summary>
    public void Drop(int which) => Locked(() =>
    {
        _shards.RemoveAt(which);
        return true;
    });

    /// <summary>Splits an open shard, or does nothing if there is none to split.</summary>
    public void Split(int which) => Locked(() =>
    {
        var open = _shards.Where(shard => !shard.IsClosed && shard.To - shard.From >= 2).ToList();
        if (open.Count is > 0 and < 12)
        {
            var shard = open[which % open.Count];
            shard.IsClosed = true;
            var middle = (shard.From + shard.To) / 2;
            _shards.Add(new SimulatedShard(_shards.Count, [shard.Number], shard.From, middle));
            _shards.Add(new SimulatedShard(_shards.Count, [shard.Number], middle, shard.To));
        }

        return true;
    });

    /// <summary>Merges an open shard with its neighbour, if it has one.</summary>
    public void Merge(int which) => Locked(() =>
    {
        var open = _shards.Where(shard => !shard.IsClosed).OrderBy(shard => shard.From).ToList();
        if (open.Count > 1)
        {
            var (left, right) = (open[which % (open.Count - 1)], open[which % (open.Count - 1) + 1]);
            left.IsClosed = right.IsClosed = true;
            _shards.Add(new SimulatedShard(_shards.Count, [left.Number, right.Number], left.From, right.To));
        }

        return true;
    });

    /// <summary>Deletes it, and makes another of the same name.</summary>
    public void Remake() => Locked(() =>
    {
        _identity += "'";
        _shards.Clear();
        _shards.Add(new SimulatedShard(0, [], 0, Hashes));
        return true;
    });

    private static PutResult? Refusal(PutRecord record) =>
        record.PartitionKey.Length is 0 or > IEventStream.MaxPartitionKeyLength ? new PutResult(null, null, new StreamError(StreamErrorCodes.PartitionKeyInvalid, "key", false))
        : record.Data.Length + Encoding.UTF8.GetByteCount(record.PartitionKey) > IEventStream.MaxRecordBytes ? new PutResult(null, null, new StreamError(StreamErrorCodes.RecordTooLarge, "size", false))
        : null;

    private PutResult Put(PutRecord record)
    {
        var hash = Encoding.UTF8.GetBytes(record.PartitionKey).Aggregate(17, (h, b) => unchecked(h * 31 + b) & 0x7FFFFFF) * 7919L % Hashes;
        var shard = _shards.Single(shard => !shard.IsClosed && shard.From <= hash && hash < shard.To);
        _last += 1 + _last % 3;
        var stored = new StreamRecord(shard.Id, new SequenceNumber(_last), record.PartitionKey, time.GetUtcNow(), record.Data);
        shard.Records.Add(stored);
        return new PutResult(shard.Id, stored.Sequence, null);
    }

    private T Locked<T>(Func<T> act)
    {
        lock (_lock)
        {
            return Failure is { } failure ? throw failure : act();
        }
    }

    private sealed class SimulatedShard(int number, ImmutableArray<int> parents, int from, int to)
    {
        public int Number => number;

        public string Id => IdOf(number);

        public ImmutableArray<int> Parents => parents;

        public int From => from;

        public int To => to;

        public bool IsClosed { get; set; }

        public List<StreamRecord> Records { get; } = [];

        public static string IdOf(int number) => string.Create(CultureInfo.InvariantCulture, $"shard-{number:000}");
    }

    private sealed class Reader(SimulatedStream stream, string shardId, ShardPosition from) : IShardReader
    {
        private int _next = -1;

        public async Task<ShardBatch> ReadAsync(int maxRecords = 10_000, CancellationToken cancellationToken = default)
        {
            var batch = Read(Math.Min(maxRecords, 7));
            if (batch.Records.IsEmpty)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(500), stream.Time, cancellationToken);
                batch = Read(Math.Min(maxRecords, 7));
            }

            return batch;
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;

        private ShardBatch Read(int max) => stream.Locked(() =>
        {
            if (from.Kind == PositionKind.End)
            {
                return new ShardBatch([], TimeSpan.Zero, IsEnd: true);
            }

            var shard = stream._shards.Find(shard => shard.Id == shardId) ?? throw new StreamException(StreamErrorCodes.NotFound, $"No shard {shardId}.", isTransient: true);
            if (_next < 0)
            {
                _next = shard.Records.FindIndex(record => from.Kind switch
                {
                    PositionKind.At => record.Sequence >= from.Sequence,
                    PositionKind.After => record.Sequence > from.Sequence,
                    PositionKind.Time => record.ArrivedAt >= from.Time,
                    _ => true,
                });
                _next = _next < 0 ? shard.Records.Count : _next;
            }

            var records = shard.Records.Skip(_next).Take(max).ToImmutableArray();
            _next += records.Length;
            var isAtTip = _next == shard.Records.Count;
            var behind = isAtTip || records.IsEmpty ? TimeSpan.Zero : stream.Time.GetUtcNow() - records[^1].ArrivedAt;
            return new ShardBatch(records, isAtTip ? TimeSpan.Zero : behind > TimeSpan.Zero ? behind : TimeSpan.FromMilliseconds(1), isAtTip && shard.IsClosed);
        });
    }

    private TimeProvider Time => time;
}

/// <summary>The simulated stream does what every stream does.</summary>
public sealed class SimulatedStreamTests : EventStreamContract
{
    private protected override Task<IEventStream> NewAsync(int shards) => Task.FromResult<IEventStream>(new SimulatedStream(TimeProvider.System, shards));

    private protected override Task<IEventStream> RemakeAsync(IEventStream stream)
    {
        ((SimulatedStream)stream).Remake();
        return Task.FromResult(stream);
    }
}
