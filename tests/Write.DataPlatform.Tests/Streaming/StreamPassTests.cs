using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Streaming;
using Write.DataPlatform.Tests.Gold;

namespace Write.DataPlatform.Tests.Streaming;

/// <summary>Passes over a stream that has records before, between and behind them.</summary>
public sealed class StreamPassTests : IAsyncDisposable
{
    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(6);

    private readonly GoldFixture _gold = new();
    private readonly ConcurrentQueue<(string Shard, string Event)> _seen = new();
    private readonly SimulatedStream _stream;
    private readonly PausingStream _pausing;
    private readonly Leases _leases;

    public StreamPassTests()
    {
        _stream = new SimulatedStream(Clock, 2);
        _pausing = new PausingStream(_stream, Clock);
        _leases = new Leases(_gold.Store, _gold.Options, Clock, NullLogger<Leases>.Instance);
    }

    private FakeTimeProvider Clock => _gold.Clock;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _gold.DisposeAsync();

    [Fact]
    public async Task A_quiet_shard_is_read_for_a_while_and_one_that_is_not_is_left_to_its_records()
    {
        await PutAsync("a", "b", "c", "d");
        var began = Clock.GetUtcNow();
        await WithTimeAsync(PassAsync(Cancel));
        Assert.Equal(4, Records());
        Assert.InRange(Clock.GetUtcNow() - began, 2 * Linger, TimeSpan.FromMinutes(1));

        // Records without a pause end a pass, which nothing else does.
        _pausing.OnRead = () => _stream.PutAsync([.. Enumerable.Range(0, 8).Select(i => new PutRecord("k" + i, Encoding.UTF8.GetBytes("live")))], Cancel);
        await WithTimeAsync(PassAsync(Cancel));
        Assert.True(Records() > 4);
    }

    /// <summary>Also where the parent seems to be at its tip before its end is told.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_shards_children_are_read_behind_its_end(bool seemsQuiet)
    {
        await PutAsync("a", "b", "c", "d", "e", "f");
        _stream.Split(0);
        _stream.Split(1);
        await PutAsync("g", "h", "i", "j", "k", "l");
        _pausing.EmptyFirst = seemsQuiet;
        await WithTimeAsync(PassAsync(Cancel));
        Assert.Equal(12, Records());
        var shards = (await _stream.ListShardsAsync(Cancel)).ToDictionary(s => s.Id);
        var order = _seen.ToList();
        foreach (var shard in shards.Values.Where(s => order.Exists(e => e.Shard == s.Id)))
        {
            Assert.All(shard.Parents, parent => Assert.True(order.FindIndex(e => e == (parent, "end")) < order.FindIndex(e => e.Shard == shard.Id), $"{shard.Id} before the end of {parent}"));
        }
    }

    [Fact]
    public async Task A_child_waits_for_a_parent_that_another_reads_and_others_do_not()
    {
        await PutAsync("a", "b", "c", "d", "e", "f");
        _stream.Split(0);
        await PutAsync("g", "h", "i", "j", "k", "l");
        var shards = await _stream.ListShardsAsync(Cancel);
        var parent = shards.Single(s => s.IsClosed).Id;
        var name = StreamCheckpoints.Prefix("test", _stream.Name, await _stream.GetIdentityAsync(Cancel)) + parent;
        await using (await _leases.TryAcquireAsync(new LeaseRequest(name, "another", TimeSpan.FromHours(1)), Cancel))
        {
            await WithTimeAsync(PassAsync(Cancel));
        }

        var held = shards.Where(s => s.Id == parent || s.Parents.Contains(parent)).Select(s => s.Id).ToHashSet();
        Assert.NotEmpty(_seen);
        Assert.DoesNotContain(_seen, e => held.Contains(e.Shard));
        await WithTimeAsync(PassAsync(Cancel));
        Assert.Equal(12, Records());
    }

    [Fact]
    public async Task Time_that_is_over_is_no_failure_and_what_was_read_is_put_away()
    {
        await PutAsync("a", "b", "c", "d");
        using var stop = new CancellationTokenSource();
        var pass = PassAsync(stop.Token);
        while (Records() == 0)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, Cancel);
        }

        await stop.CancelAsync();
        await WithTimeAsync(pass);
        Assert.InRange(Records(), 1, 3);
        await WithTimeAsync(PassAsync(Cancel));
        Assert.Equal(4, Records());
    }

    /// <summary>Where only what comes from now on counts, a shard that was made since is read from its beginning, and so are the records that a first pass was called for.</summary>
    [Fact]
    public async Task The_latest_is_what_came_since_the_first_pass()
    {
        await PutAsync("old");
        Clock.Advance(TimeSpan.FromSeconds(1));
        await WithTimeAsync(PassAsync(Cancel, StreamStart.Latest));
        Assert.Equal(0, Records());
        await PutAsync("a", "b", "c", "d");
        _stream.Split(0);
        _stream.Split(1);
        await PutAsync("e", "f", "g", "h");
        Clock.Advance(TimeSpan.FromMinutes(1));
        await WithTimeAsync(PassAsync(Cancel, StreamStart.Latest));
        Assert.Equal(8, Records());
    }

    [Fact]
    public async Task A_first_pass_of_the_latest_reads_what_it_is_called_for()
    {
        await PutAsync("old");
        var given = (await _stream.PutAsync([new PutRecord("k", "1"u8.ToArray()), new PutRecord("k", "2"u8.ToArray())], Cancel)).ToList();
        Clock.Advance(TimeSpan.FromSeconds(1));
        var taken = Pass(StreamStart.Latest).RunAsync(Consumer, given[0].ShardId!, (given[0].Sequence!.Value, given[1].Sequence!.Value), TimeSpan.Zero, Cancel);
        await WithTimeAsync(taken);
        Assert.Equal((given[1].Sequence, 2), (await taken, Records()));
    }

    /// <summary>What came before a tick that was the first is not counted, and not waited for.</summary>
    [Fact]
    public async Task What_was_there_before_the_latest_is_not_waited_for()
    {
        var given = (await _stream.PutAsync([new PutRecord("k", "1"u8.ToArray())], Cancel)).Single();
        Clock.Advance(TimeSpan.FromSeconds(1));
        await WithTimeAsync(PassAsync(Cancel, StreamStart.Latest));
        var taken = Pass(StreamStart.Latest).RunAsync(Consumer, given.ShardId!, (given.Sequence!.Value, given.Sequence.Value), TimeSpan.Zero, Cancel);
        await WithTimeAsync(taken);
        Assert.Equal((given.Sequence, 0), (await taken, Records()));
    }

    /// <summary>Nothing is kept of shards that the stream has no more, once their consumer says so.</summary>
    [Fact]
    public async Task A_shard_that_is_gone_is_told_until_it_may_go()
    {
        await PutAsync("a", "b", "c", "d");
        await WithTimeAsync(PassAsync(Cancel));
        _stream.Drop(0);
        var told = new List<GoneShard>();
        var may = false;
        var consumer = Consumer with { ForgetAsync = (shard, _) => { told.Add(shard); return Task.FromResult(may); } };
        for (var i = 0; i < 3; i++)
        {
            await WithTimeAsync(Pass(StreamStart.TrimHorizon).RunAllAsync(consumer, Linger, Cancel));
            may = true;
        }

        Assert.Equal(2, told.Count);
        Assert.All(told, shard => Assert.Equal(("1", false), (shard.Identity, shard.IsRead)));
        Assert.Single(await _leases.ListAsync("stream/", Cancel).ToListAsync(Cancel));
    }

    private int Records() => _seen.Count(e => e.Event.StartsWith("record", StringComparison.Ordinal));

    private StreamConsumer Consumer => new("test", _stream.Name, (context, _) => Task.FromResult<IShardProcessor>(new Processor(this, context)));

    private Task PassAsync(CancellationToken stop, StreamStart start = StreamStart.TrimHorizon) => Pass(start).RunAllAsync(Consumer, Linger, stop);

    private StreamPass Pass(StreamStart start) => new(
        new OneStream(_pausing), _leases, Options.Create(new StreamOptions { LeaseDuration = TimeSpan.FromMinutes(2), Start = start }), Clock, NullLogger<StreamPass>.Instance);

    private async Task PutAsync(params string[] keys) =>
        Assert.All(await _stream.PutAsync([.. keys.Select(k => new PutRecord(k, Encoding.UTF8.GetBytes(k)))], Cancel), r => Assert.True(r.IsAccepted));

    /// <summary>Lets the clock go on until something has ended.</summary>
    private async Task WithTimeAsync(Task work)
    {
        for (var steps = 0; !work.IsCompleted; steps++)
        {
            Assert.True(steps < 4_000, "It does not end.");
            Clock.Advance(TimeSpan.FromMilliseconds(250));
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, Cancel);
        }

        await work;
    }

    /// <summary>Takes every record at once, and says what it saw.</summary>
    private sealed class Processor(StreamPassTests test, ShardContext context) : IShardProcessor
    {
        private ShardCheckpoint? _last;

        public Task<ShardCheckpoint?> ProcessAsync(ShardBatch batch, CancellationToken cancellationToken = default)
        {
            foreach (var record in batch.Records)
            {
                test._seen.Enqueue((context.Shard.Id, "record " + record.Sequence));
                _last = new ShardCheckpoint(ShardPosition.After(record.Sequence));
            }

            if (batch.IsEnd)
            {
                test._seen.Enqueue((context.Shard.Id, "end"));
                _last = new ShardCheckpoint(ShardPosition.End);
            }

            return Task.FromResult(_last);
        }

        public Task<ShardCheckpoint?> StopAsync(CancellationToken cancellationToken = default) => Task.FromResult(_last);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class OneStream(IEventStream stream) : IEventStreams
    {
        public IEventStream Get(string name) => stream;
    }

    /// <summary>A stream whose closed shards may say first that nothing is there, and to which records come while it is read.</summary>
    private sealed class PausingStream(IEventStream inner, TimeProvider time) : IEventStream
    {
        public bool EmptyFirst { get; set; }

        public Func<Task>? OnRead { get; set; }

        public string Name => inner.Name;

        private TimeProvider Time => time;

        public Task<string> GetIdentityAsync(CancellationToken cancellationToken = default) => inner.GetIdentityAsync(cancellationToken);

        public Task<ImmutableArray<StreamShard>> ListShardsAsync(CancellationToken cancellationToken = default) => inner.ListShardsAsync(cancellationToken);

        public Task<ImmutableArray<PutResult>> PutAsync(IReadOnlyList<PutRecord> records, CancellationToken cancellationToken = default) => inner.PutAsync(records, cancellationToken);

        public async Task<IShardReader> OpenAsync(string shardId, ShardPosition from, CancellationToken cancellationToken = default) =>
            new Reader(this, await inner.OpenAsync(shardId, from, cancellationToken), (await inner.ListShardsAsync(cancellationToken)).Single(s => s.Id == shardId).IsClosed);

        private sealed class Reader(PausingStream stream, IShardReader inner, bool isClosed) : IShardReader
        {
            // Twice the quiet time, half a second each.
            private int _empty = stream.EmptyFirst && isClosed ? 24 : 0;

            public async Task<ShardBatch> ReadAsync(int maxRecords = 10_000, CancellationToken cancellationToken = default)
            {
                if (stream.OnRead is { } act)
                {
                    await act();
                }

                if (_empty-- > 0)
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(500), stream.Time, cancellationToken);
                    return new ShardBatch([], TimeSpan.Zero);
                }

                return await inner.ReadAsync(maxRecords, cancellationToken);
            }

            public ValueTask DisposeAsync() => inner.DisposeAsync();
        }
    }
}
