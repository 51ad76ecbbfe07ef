using System.Diagnostics.Metrics;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Streaming;
using Write.DataPlatform.Tests.Gold;

namespace Write.DataPlatform.Tests.Streaming;

public class StreamWorkerTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Workers_share_shards_fairly_as_they_come_and_go()
    {
        await using var world = New(6);
        world.Start();
        await world.UntilAsync(() => Counts(world) == "6", "one has all");
        world.Start();
        await world.UntilAsync(() => Counts(world) == "3 3", "two have three each");
        world.Start();
        await world.UntilAsync(() => Counts(world) == "2 2 2", "three have two each");
        var stopping = world.Workers[0].StopAsync();
        await world.UntilAsync(() => stopping.IsCompleted && Counts(world) == "0 3 3", "what one gave back is shared");
        Assert.Empty(world.Wrongs);
    }

    [Fact]
    public async Task The_shards_of_a_worker_that_died_are_taken_over_within_thirty_seconds()
    {
        await using var world = New(4);
        var dying = world.Start();
        await PutAsync(world, 40);
        await world.UntilAsync(() => dying.Shards.Count() == 4, "it has all");
        var heir = world.Start();
        await world.UntilAsync(() => Counts(world) == "2 2", "both have two");
        dying.Kill();

        // Thirty seconds of the clock, in each of which the other one gets to work.
        var died = world.Clock.GetUtcNow();
        while (world.Clock.GetUtcNow() < died.AddSeconds(30))
        {
            await world.StepAsync(TimeSpan.FromSeconds(1));
            while (heir.Worker.LastLook < world.Clock.GetUtcNow() - world.Options.LookInterval)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, Cancel);
            }
        }

        Assert.Equal(4, heir.Shards.Count());
        await FinishAsync(world, 40);
    }

    [Fact]
    public async Task A_worker_that_stops_hands_over_at_once()
    {
        await using var world = New(3);
        var first = world.Start();
        await PutAsync(world, 30);
        await world.UntilAsync(() => first.Shards.Count() == 3, "it has all");
        await world.UntilAsync(async () => (await world.ProgressAsync()).Count(shard => shard.Checkpoint.Position.Kind == PositionKind.At) > 0, "a checkpoint is written");
        var stopping = first.StopAsync();
        await world.UntilAsync(() => stopping.IsCompleted, "it stopped");
        Assert.All(await world.ProgressAsync(), shard => Assert.Null(shard.Owner));
        var second = world.Start();
        while (second.Worker.LastLook is null)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, Cancel);
        }

        // The clock stood still, so no lease can have run out.
        Assert.Equal(3, second.Shards.Count());
        await FinishAsync(world, 30);
    }

    [Fact]
    public async Task A_worker_that_lost_its_lease_cannot_move_the_checkpoint()
    {
        await using var gold = new GoldFixture();
        var (before, after) = (NewLeases(gold), NewLeases(gold));
        var request = new LeaseRequest("stream/c/s/1/shard", "other machine/1/1/a", TimeSpan.FromSeconds(15), "0"u8.ToArray());
        var paused = (await before.TryAcquireAsync(request, Cancel))!;
        Assert.True(await paused.TrySaveAsync("1"u8.ToArray(), Cancel));
        Assert.Null(await after.TryAcquireAsync(request with { Owner = "b" }, Cancel));
        var state = Assert.Single(await after.ListAsync("stream/", Cancel).ToArrayAsync(Cancel));
        Assert.Equal(("stream/c/s/1/shard", "other machine/1/1/a", false, "1"), (state.Name, state.Owner, state.IsFree, Text(state.Content)));
        var thief = (await after.TryAcquireAsync(request with { Owner = "b", StealAt = state.Counter }, Cancel))!;
        Assert.True(thief.Fence > paused.Fence);
        Assert.Equal("1", Text(thief.Content!.Value));
        Assert.True(await thief.TrySaveAsync("2"u8.ToArray(), Cancel));
        Assert.False(paused.Lost.IsCancellationRequested);
        Assert.False(await paused.TrySaveAsync("3"u8.ToArray(), Cancel));
        Assert.True(paused.Lost.IsCancellationRequested);
        await paused.DisposeAsync();
        Assert.Equal("2", Text((await after.ListAsync("stream/", Cancel).SingleAsync(Cancel)).Content));

        // What is given back keeps its content and is free at once.
        await thief.DisposeAsync();
        state = await after.ListAsync("", Cancel).SingleAsync(Cancel);
        Assert.Equal((null, true, "2"), (state.Owner, state.IsFree, Text(state.Content)));
        var third = (await before.TryAcquireAsync(request with { Owner = "c" }, Cancel))!;
        Assert.True(third.Fence > thief.Fence);
        Assert.False(await before.TryRemoveAsync(state, Cancel));
        await third.DisposeAsync();
        Assert.True(await before.TryRemoveAsync(await before.ListAsync("stream/", Cancel).SingleAsync(Cancel), Cancel));
    }

    [Fact]
    public async Task A_checkpoint_whose_answer_was_lost_is_not_undone_by_the_next_renewal()
    {
        await using var gold = new GoldFixture();
        var lease = (await NewLeases(gold).TryAcquireAsync(new LeaseRequest("a", null, TimeSpan.FromSeconds(15), "0"u8.ToArray()), Cancel))!;
        var isFirst = true;
        gold.Store.AfterTryPut = _ =>
        {
            var isLost = isFirst;
            isFirst = false;
            return isLost ? Task.FromException(new GoldStoreException("reset", isTransient: true)) : Task.CompletedTask;
        };
        await Assert.ThrowsAsync<GoldStoreException>(() => lease.TrySaveAsync("1"u8.ToArray(), Cancel));
        var counter = lease.Counter;
        gold.Clock.Advance(TimeSpan.FromSeconds(5));
        while (lease.Counter < counter + 2)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, Cancel);
        }

        Assert.Equal("1", Text(lease.Content!.Value));
        Assert.True(await lease.TrySaveAsync("2"u8.ToArray(), Cancel));
        await lease.DisposeAsync();
        Assert.Equal("2", Text((await NewLeases(gold).ListAsync("a", Cancel).SingleAsync(Cancel)).Content));
    }

    [Fact]
    public async Task A_worker_cut_off_from_the_store_stops_and_another_goes_on()
    {
        await using var world = New(2);
        var cut = world.Start();
        await PutAsync(world, 20);
        await world.UntilAsync(() => cut.Shards.Count() == 2, "it has all");
        cut.IsCutOff = true;
        var heir = world.Start();
        await world.UntilAsync(() => heir.Shards.Count() == 2 && !cut.Shards.Any(), "the other has all, and it none");
        await PutAsync(world, 20, 20);
        cut.IsCutOff = false;
        await world.UntilAsync(() => Counts(world) == "1 1", "they share");
        await FinishAsync(world, 40);
    }

    [Fact]
    public async Task Children_wait_for_all_their_parents()
    {
        await using var world = New(2);
        var stream = (SimulatedStream)world.Stream;
        await PutAsync(world, 30);
        stream.Split(0);
        await PutAsync(world, 30, 30);
        stream.Merge(0);
        stream.Merge(0);
        await PutAsync(world, 30, 60);
        world.Start();
        world.Start();
        await FinishAsync(world, 90);
        var progress = (await world.ProgressAsync()).ToDictionary(shard => shard.ShardId, shard => shard.Checkpoint.Position.Kind == PositionKind.End);
        Assert.Equal((await stream.ListShardsAsync(Cancel)).ToDictionary(shard => shard.Id, shard => shard.IsClosed), progress);
    }

    [Fact]
    public async Task A_processor_that_fails_is_begun_again_from_its_checkpoint()
    {
        await using var world = New(1);
        var worker = world.Start();
        await PutAsync(world, 30);
        worker.Failures = 3;
        await FinishAsync(world, 30);
        Assert.Equal(-1, Math.Sign(worker.Failures));
    }

    [Fact]
    public async Task A_stream_that_fails_is_told_and_read_on()
    {
        await using var world = New(1);
        var worker = world.Start();
        await PutAsync(world, 10);
        await world.UntilAsync(() => worker.Shards.Any(), "it reads");
        ((SimulatedStream)world.Stream).Failure = new StreamException(StreamErrorCodes.Unavailable, "the stream is away", isTransient: true);
        await world.UntilAsync(() => worker.Worker.Status is { Problem: "the stream is away" } status && status.Lag > TimeSpan.FromSeconds(30), "the lag grows");
        ((SimulatedStream)world.Stream).Failure = null;
        await world.UntilAsync(() => worker.Worker.Status is { Problem: null } status && status.Lag == TimeSpan.Zero, "it is at the tip");
        await FinishAsync(world, 10);
    }

    [Fact]
    public async Task A_stream_made_anew_is_read_from_its_beginning_and_the_old_ones_checkpoints_go()
    {
        await using var world = New(1);
        world.Start();
        await PutAsync(world, 10);
        await world.UntilAsync(async () => (await world.ProgressAsync()).Any(shard => shard.Checkpoint.Position.Kind == PositionKind.At), "a checkpoint is written");
        ((SimulatedStream)world.Stream).Remake();
        world.Clock.Advance(TimeSpan.FromSeconds(20));
        await PutAsync(world, 10, 100);
        world.Clock.Advance(TimeSpan.FromSeconds(20));
        await PutMarkersAsync(world);
        await world.UntilAsync(() => Enumerable.Range(100, 10).All(id => world.Sunk.Any(record => Id(record) == id)), "the new one's records are there");
        await world.UntilAsync(async () => await world.Store.ListAsync("lease", "", Cancel).CountAsync(Cancel) == 1, "one lease is left");
    }

    [Fact]
    public async Task Latest_begins_with_what_arrives_from_the_first_start_on()
    {
        await using var world = New(2, options => options.Start = StreamStart.Latest);
        await PutAsync(world, 20);
        world.Clock.Advance(TimeSpan.FromSeconds(20));
        var worker = world.Start();
        await world.UntilAsync(() => worker.Shards.Count() == 2, "it has all");
        var stopping = worker.StopAsync();
        await world.UntilAsync(() => stopping.IsCompleted, "it stopped");

        // While nobody was there.
        ((SimulatedStream)world.Stream).Split(0);
        await PutAsync(world, 20, 20);
        world.Clock.Advance(TimeSpan.FromSeconds(20));
        world.Start();
        await PutMarkersAsync(world);
        await world.UntilAsync(() => world.Sunk.Count(record => Id(record) is >= 20 and < 40) == 20, "what came since is there");
        Assert.DoesNotContain(world.Sunk, record => Id(record) is >= 0 and < 20);
    }

    [Fact]
    public async Task What_a_worker_does_is_measured()
    {
        List<(string Name, double Value, string Tags)> seen = [];
        using var listener = new MeterListener { InstrumentPublished = (instrument, self) => { if (instrument.Meter.Name == StreamMetrics.MeterName) { self.EnableMeasurementEvents(instrument); } } };
        void Saw(string name, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var text = string.Join(' ', tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}"));
            lock (seen)
            {
                seen.Add((name, value, text));
            }
        }

        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Saw(instrument.Name, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Saw(instrument.Name, value, tags));
        listener.Start();
        await using var world = New(1);
        await PutAsync(world, 20);
        world.Start();
        await FinishAsync(world, 20);
        await world.UntilAsync(() => { lock (seen) { return seen.Any(s => s.Name == "wdp.stream.checkpoints"); } }, "a checkpoint is counted");
        lock (seen)
        {
            var mine = seen.Where(s => s.Tags == "consumer=test stream=simulated shard=shard-000").ToList();
            Assert.Contains(mine, s => s.Name == "wdp.stream.iterator_age");
            Assert.True(mine.Where(s => s.Name == "wdp.stream.records").Sum(s => s.Value) >= 20);
            Assert.True(mine.Where(s => s.Name == "wdp.stream.bytes").Sum(s => s.Value) >= 30);
        }
    }

    internal static StreamWorld New(int shards, Action<StreamOptions>? configure = null)
    {
        var options = new StreamOptions { LeaseDuration = TimeSpan.FromSeconds(15), LookInterval = TimeSpan.FromSeconds(3), CheckpointInterval = TimeSpan.FromSeconds(2) };
        configure?.Invoke(options);
        return new StreamWorld(time => new SimulatedStream(time, shards), options);
    }

    /// <summary>Puts records with the ids from one on.</summary>
    internal static async Task PutAsync(StreamWorld world, int count, int from = 0)
    {
        var results = await world.Stream.PutAsync([.. Enumerable.Range(from, count).Select(id => new PutRecord($"key-{id % 23}", Encoding.UTF8.GetBytes($"{id}")))], Cancel);
        Assert.All(results, result => Assert.True(result.IsAccepted, result.Error?.Message));
    }

    /// <summary>Puts records of a later window into every shard, so that what came before is written.</summary>
    internal static async Task PutMarkersAsync(StreamWorld world)
    {
        var results = await world.Stream.PutAsync([.. Enumerable.Range(0, 400).Select(i => new PutRecord($"marker-{i}", "-1"u8.ToArray()))], Cancel);
        Assert.All(results, result => Assert.True(result.IsAccepted, result.Error?.Message));
    }

    internal static int Id(StreamRecord record) => int.Parse(record.Data.Span, System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Waits until every id is in the sink, and checks that each is there once, and those of a key in order.</summary>
    internal static async Task FinishAsync(StreamWorld world, int count)
    {
        await world.StepAsync(TimeSpan.FromSeconds(11));
        await PutMarkersAsync(world);
        await world.UntilAsync(() => world.Sunk.Count(record => Id(record) >= 0) >= count, $"all {count} are there");
        Check(world, count);
    }

    internal static void Check(StreamWorld world, int count)
    {
        Assert.Empty(world.Wrongs);
        var sunk = world.Ordered.Where(record => Id(record) >= 0).ToList();
        Assert.Equal(Enumerable.Range(0, count), sunk.Select(Id).Order());
        Assert.All(sunk.GroupBy(record => record.PartitionKey), key => Assert.Equal(key.Select(Id).Order(), key.Select(Id)));
    }

    private static string Text(ReadOnlyMemory<byte> content) => Encoding.UTF8.GetString(content.Span);

    private static string Counts(StreamWorld world) => string.Join(' ', world.Workers.Select(worker => worker.Shards.Count()));

    private static Leases NewLeases(GoldFixture gold) => new(gold.Store, gold.Options, gold.Clock, NullLogger<Leases>.Instance);
}
