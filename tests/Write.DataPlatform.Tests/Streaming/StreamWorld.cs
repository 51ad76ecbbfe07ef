using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Streaming;
using Write.DataPlatform.Tests.Gold;

namespace Write.DataPlatform.Tests.Streaming;

/// <summary>
/// Workers over one stream and one gold store, which are cut off, killed and stopped. Their processors put the records of each window of arrival into a sink that
/// checks what it is given: a window of a shard is written again only with the same content.
/// </summary>
internal sealed class StreamWorld : IAsyncDisposable
{
    public const string Consumer = "test";

    private readonly GoldFixture _gold = new();
    private readonly List<TestWorker> _workers = [];
    private readonly ConcurrentDictionary<(string Shard, long Window), ImmutableArray<StreamRecord>> _sink = new();
    private readonly ConcurrentDictionary<string, (long Revision, ShardPosition Position)> _positions = new();
    private readonly ConcurrentQueue<string> _wrongs = new();

    public StreamWorld(Func<TimeProvider, IEventStream> stream, StreamOptions? options = null, TimeProvider? time = null, TimeSpan? window = null)
    {
        Window = (long)(window ?? TimeSpan.FromSeconds(10)).TotalMilliseconds;
        Time = time ?? _gold.Clock;
        Stream = stream(Time);
        Options = options ?? new StreamOptions { LeaseDuration = TimeSpan.FromSeconds(15), LookInterval = TimeSpan.FromSeconds(3), CheckpointInterval = TimeSpan.FromSeconds(2) };
    }

    public FakeTimeProvider Clock => _gold.Clock;

    public TimeProvider Time { get; }

    public IEventStream Stream { get; }

    public StreamOptions Options { get; }

    /// <summary>The length of the sink's windows in milliseconds.</summary>
    public long Window { get; }

    public IGoldStore Store => _gold.Store;

    public IReadOnlyList<TestWorker> Workers => _workers;

    /// <summary>What was broken of what must hold at every moment.</summary>
    public IEnumerable<string> Wrongs => _wrongs;

    /// <summary>What the sink has.</summary>
    public IEnumerable<StreamRecord> Sunk => _sink.Values.SelectMany(records => records);

    /// <summary>What the sink has, shard by shard and window by window.</summary>
    public IEnumerable<StreamRecord> Ordered => _sink.OrderBy(part => part.Key.Shard, StringComparer.Ordinal).ThenBy(part => part.Key.Window).SelectMany(part => part.Value);

    public TestWorker Start()
    {
        var worker = new TestWorker(this);
        _workers.Add(worker);
        return worker;
    }

    public Task<ImmutableArray<ShardProgress>> ProgressAsync() => ProgressAsync(Stream);

    public async Task<ImmutableArray<ShardProgress>> ProgressAsync(IEventStream stream) =>
        await new StreamCheckpoints(NewLeases(Store)).ListAsync(Consumer, stream.Name, await stream.GetIdentityAsync());

    /// <summary>Lets the clock and the workers go on, step by step, until something is so.</summary>
    public async Task UntilAsync(Func<Task<bool>> condition, string what, int seconds = 600)
    {
        for (var step = 0; !await condition(); step++)
        {
            Assert.True(step < seconds * 2, $"After {seconds} seconds: {what}, and the sink has {Sunk.Count()}. {string.Join(' ', _workers.Select(worker => worker.ToString()))}");
            await StepAsync(TimeSpan.FromMilliseconds(500));
        }
    }

    public Task UntilAsync(Func<bool> condition, string what, int seconds = 600) => UntilAsync(() => Task.FromResult(condition()), what, seconds);

    public async Task StepAsync(TimeSpan step)
    {
        TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
        if (Time == Clock)
        {
            Clock.Advance(step);
        }

        await Task.Delay(TimeSpan.FromMilliseconds(Time == Clock ? 1 : 20), TimeProvider.System);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var worker in _workers)
        {
            worker.IsCutOff = false;
        }

        var stopped = Task.WhenAll(_workers.Select(worker => worker.StopAsync()));
        while (!stopped.IsCompleted)
        {
            await StepAsync(TimeSpan.FromSeconds(1));
        }

        await _gold.DisposeAsync();
    }

    private Leases NewLeases(IGoldStore store) => new(store, _gold.Options, Time, NullLogger<Leases>.Instance);

    private void Sink(string shard, long window, ImmutableArray<StreamRecord> records) => _sink.AddOrUpdate((shard, window), records, (key, before) =>
    {
        if (!before.Select(record => record.Sequence).SequenceEqual(records.Select(record => record.Sequence)))
        {
            _wrongs.Enqueue($"{key} was {before.Length} records and became {records.Length}");
        }

        return records;
    });

    /// <summary>A checkpoint goes only forward, whoever writes it.</summary>
    private void Saw(GoldItem item)
    {
        if (Leases.Read(item)?.Content is not { } content || StreamCheckpoints.Read(content) is not { } checkpoint)
        {
            return;
        }

        _positions.AddOrUpdate(item.Sk, (item.Revision, checkpoint.Position), (key, before) =>
        {
            var (older, newer) = before.Revision < item.Revision ? (before.Position, checkpoint.Position) : (checkpoint.Position, before.Position);
            if (Rank(older).CompareTo(Rank(newer)) > 0)
            {
                _wrongs.Enqueue($"The checkpoint of {key} went from {older} back to {newer}");
            }

            return before.Revision < item.Revision ? (item.Revision, checkpoint.Position) : before;
        });

        static (int, SequenceNumber, int) Rank(ShardPosition position) => position.Kind switch
        {
            PositionKind.End => (2, default, 0),
            PositionKind.At or PositionKind.After => (1, position.Sequence, position.Kind == PositionKind.At ? 0 : 1),
            _ => (0, default, 0),
        };
    }

    /// <summary>One worker as a process of its own would be.</summary>
    public sealed class TestWorker : IDisposable
    {
        private readonly StreamWorld _world;
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _running;

        public TestWorker(StreamWorld world)
        {
            _world = world;
            var store = new CuttableStore(world.Store, this);
            Worker = new StreamWorker(
                new StreamConsumer(Consumer, world.Stream.Name, StartAsync), world.Stream, world.NewLeases(store), world.Options, world.Time, NullLogger.Instance);
            _running = Task.Run(() => Worker.RunAsync(_stop.Token));
        }

        public StreamWorker Worker { get; }

        /// <summary>Whether the gold store cannot be reached by it.</summary>
        public volatile bool IsCutOff;

        /// <summary>Whether it is dead: it does nothing any more.</summary>
        public volatile bool IsDead;

        /// <summary>How many of its next batches fail.</summary>
        public int Failures;

        public bool IsStopped => _running.IsCompleted;

        public IEnumerable<string> Shards => Worker.Status.Shards.Select(shard => shard.ShardId);

        /// <summary>Asks it to stop, and waits.</summary>
        public async Task StopAsync()
        {
            await _stop.CancelAsync();
            await _running;
        }

        /// <summary>Ends it as a power cut would.</summary>
        public void Kill()
        {
            (IsCutOff, IsDead) = (true, true);
            _stop.Cancel();
        }

        public void Dispose() => _stop.Dispose();

        public override string ToString() => $"[{(IsDead ? "dead " : IsStopped ? "stopped " : IsCutOff ? "cut off " : "")}{string.Join(' ', Shards)} {Worker.Status.Problem}]";

        private async Task<IShardProcessor> StartAsync(ShardContext context, CancellationToken cancellationToken)
        {
            // A shard begins behind its parents.
            var progress = await _world.ProgressAsync();
            foreach (var parent in context.Shard.Parents)
            {
                if (progress.SingleOrDefault(shard => shard.ShardId == parent)?.Checkpoint.Position.Kind != PositionKind.End)
                {
                    _world._wrongs.Enqueue($"{context.Shard.Id} was begun before its parent {parent} was done");
                }
            }

            return new Processor(_world, this, context);
        }

        private sealed class CuttableStore(IGoldStore inner, TestWorker worker) : IGoldStore
        {
            public Task InitializeAsync(CancellationToken cancellationToken = default) => inner.InitializeAsync(cancellationToken);

            public Task<GoldItem?> GetAsync(string pk, string sk, CancellationToken cancellationToken = default) => Through(() => inner.GetAsync(pk, sk, cancellationToken));

            public IAsyncEnumerable<GoldItem> GetManyAsync(string pk, IReadOnlyCollection<string> sks, CancellationToken cancellationToken = default) => throw new NotSupportedException();

            public async IAsyncEnumerable<GoldItem> QueryAsync(
                string pk, string skPrefix, bool descending = false, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
            {
                await Through(() => Task.FromResult(true));
                await foreach (var item in inner.QueryAsync(pk, skPrefix, descending, cancellationToken))
                {
                    yield return item;
                }
            }

            public IAsyncEnumerable<GoldKey> ListAsync(string pk, string skPrefix, CancellationToken cancellationToken = default) => throw new NotSupportedException();

            public Task<bool> TryPutAsync(GoldItem item, long? expectedRevision, CancellationToken cancellationToken = default) => Through(async () =>
            {
                var done = await inner.TryPutAsync(item, expectedRevision, cancellationToken);
                if (done)
                {
                    worker._world.Saw(item);
                }

                return done;
            });

            public Task PutAsync(IReadOnlyCollection<GoldItem> items, CancellationToken cancellationToken = default) => throw new NotSupportedException();

            public Task DeleteAsync(string pk, IReadOnlyCollection<string> sks, CancellationToken cancellationToken = default) => throw new NotSupportedException();

            public Task<bool> TryDeleteAsync(string pk, string sk, long expectedRevision, CancellationToken cancellationToken = default) =>
                Through(() => inner.TryDeleteAsync(pk, sk, expectedRevision, cancellationToken));

            private Task<T> Through<T>(Func<Task<T>> call) => worker.IsCutOff ? Task.FromException<T>(new GoldStoreException("cut off", isTransient: true)) : call();
        }
    }

    /// <summary>Windows by the time of arrival, written when a later one begins.</summary>
    private sealed class Processor(StreamWorld world, TestWorker worker, ShardContext context) : IShardProcessor
    {
        private readonly List<StreamRecord> _open = [];
        private SequenceNumber? _last;

        public Task<ShardCheckpoint?> ProcessAsync(ShardBatch batch, CancellationToken cancellationToken = default)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (worker.IsDead)
            {
                throw new OperationCanceledException();
            }

            if (batch.Records.Length > 0 && Interlocked.Decrement(ref worker.Failures) >= 0)
            {
                throw new InvalidOperationException("as the test wants");
            }

            foreach (var record in batch.Records)
            {
                if (record.ShardId != context.Shard.Id || record.Sequence <= _last)
                {
                    world._wrongs.Enqueue($"{record.Sequence} came behind {_last} in {context.Shard.Id}");
                }

                if (_open.Count > 0 && WindowOf(record) != WindowOf(_open[0]))
                {
                    Flush();
                }

                _open.Add(record);
                _last = record.Sequence;
            }

            if (batch.IsEnd)
            {
                Flush();
                return Checkpoint(ShardPosition.End);
            }

            return _open.Count > 0 ? Checkpoint(ShardPosition.At(_open[0].Sequence)) : Task.FromResult<ShardCheckpoint?>(null);
        }

        public Task<ShardCheckpoint?> StopAsync(CancellationToken cancellationToken = default) =>
            worker.IsDead || _open.Count == 0 ? Task.FromResult<ShardCheckpoint?>(null) : Checkpoint(ShardPosition.At(_open[0].Sequence));

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;

        private long WindowOf(StreamRecord record) => record.ArrivedAt.ToUnixTimeMilliseconds() / world.Window;

        private static Task<ShardCheckpoint?> Checkpoint(ShardPosition position) =>
            Task.FromResult<ShardCheckpoint?>(new ShardCheckpoint(position, State: Encoding.UTF8.GetBytes(position.Kind.ToString())));

        private void Flush()
        {
            if (_open.Count > 0)
            {
                world.Sink(context.Shard.Id, WindowOf(_open[0]), [.. _open]);
                _open.Clear();
            }
        }
    }
}
