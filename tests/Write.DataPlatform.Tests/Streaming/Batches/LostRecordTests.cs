using Write.DataPlatform.Gold;
using Write.DataPlatform.Gold.Tail;
using Write.DataPlatform.Query;
using Write.DataPlatform.Streaming;
using Write.DataPlatform.Streaming.Batches;

namespace Write.DataPlatform.Tests.Streaming.Batches;

/// <summary>Records that a stream does not give: not now, or never again.</summary>
public sealed class LostRecordTests
{
    private static readonly TimeSpan MaxFuture = TimeSpan.FromMinutes(5);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A reader that is throttled is behind, by what it does not know: what came meanwhile must not be late.</summary>
    [Fact]
    public async Task Windows_stay_open_while_it_is_not_known_what_came()
    {
        await using var world = new BatchWorld(BatchWorld.Lean);
        await world.StartAsync();
        var day = DateOnly.FromDateTime(world.Time.GetUtcNow().UtcDateTime);
        await using var batcher = await world.BeginAsync("0", "throttled", 1);
        await batcher.ProcessAsync(Batch(world, 1), Cancel);
        var missed = Batch(world, 2);
        for (var i = 0; i < 40; i++)
        {
            world.Time.Advance(TimeSpan.FromSeconds(15));
            await batcher.ProcessAsync(new ShardBatch([], TimeSpan.FromSeconds(15 * (i + 1))) { IsUnanswered = true }, Cancel);
        }

        Assert.True((await world.Tails.GetProgressAsync(BatchWorld.Stream, fresh: true, Cancel)).Counted(world.Time.GetUtcNow()) < world.Time.GetUtcNow().AddMinutes(-9));
        await batcher.ProcessAsync(missed, Cancel);
        await batcher.StopAsync(Cancel);
        Assert.Equal(0, (await world.Tails.GetProgressAsync(BatchWorld.Stream, fresh: true, Cancel)).Shards.Single().DeadLetters);
        Assert.Equal(2L, (await world.AskAsync(["visits"], [], day, day.AddDays(1), QuerySource.Lake)).Rows[0][0]);
    }

    /// <summary>An answer in between says of all the time since the last that nothing came.</summary>
    [Fact]
    public async Task A_quiet_stream_that_often_does_not_answer_is_closed_by_the_clock()
    {
        await using var world = new BatchWorld(BatchWorld.Lean);
        await world.StartAsync();
        await using var batcher = await world.BeginAsync("0", "quiet", 1);
        await batcher.ProcessAsync(Batch(world, 1), Cancel);
        for (var i = 0; i < 80; i++)
        {
            world.Time.Advance(TimeSpan.FromSeconds(3));
            await batcher.ProcessAsync(i % 2 == 0 ? new ShardBatch([], TimeSpan.FromSeconds(3)) { IsUnanswered = true } : new ShardBatch([], TimeSpan.Zero) { LookedAt = world.Time.GetUtcNow() }, Cancel);
        }

        var progress = await world.Tails.GetProgressAsync(BatchWorld.Stream, fresh: true, Cancel);
        Assert.True(progress.Sealed(world.Time.GetUtcNow()) > world.Time.GetUtcNow().AddMinutes(-4), $"{progress.Sealed(world.Time.GetUtcNow()):O}");
    }

    /// <summary>A shard that is begun at a record has left others out, which may be of the same windows.</summary>
    [Fact]
    public async Task A_shard_that_begins_in_its_midst_is_whole_from_later_windows_on()
    {
        await using var world = new BatchWorld(BatchWorld.Lean);
        await world.StartAsync();
        var began = world.Time.GetUtcNow();
        await using var batcher = await world.BeginAsync("0", "midst", 1, new ShardCheckpoint(ShardPosition.At(new SequenceNumber(7))));
        for (var i = 7; i < 20; i++)
        {
            await batcher.ProcessAsync(Batch(world, i), Cancel);
            world.Time.Advance(TimeSpan.FromMinutes(1));
        }

        Assert.Equal(began + MaxFuture, await SinceAsync(world));
    }

    /// <summary>Of windows that lost records may have belonged to nobody says that they are whole, also if no record tells of the gap, or one that came much earlier.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_gap_lasts_until_its_last_record_can_have_come(bool hasRecords)
    {
        await using var world = new BatchWorld(BatchWorld.Lean);
        await world.StartAsync();
        await using var batcher = await world.BeginAsync("0", "gap", 1);
        var first = Batch(world, 1);
        await batcher.ProcessAsync(first, Cancel);
        world.Time.Advance(TimeSpan.FromHours(1));
        var lookedAt = world.Time.GetUtcNow();
        await batcher.ProcessAsync((hasRecords ? new ShardBatch([Batch(world, 2, lookedAt.AddMinutes(-59)).Records[0], Batch(world, 3).Records[0]], TimeSpan.Zero) : new ShardBatch([], TimeSpan.Zero)) with { HasGap = true, LookedAt = lookedAt }, Cancel);
        world.Time.Advance(TimeSpan.FromMinutes(2));
        await batcher.ProcessAsync(Batch(world, 4), Cancel);
        Assert.Equal(lookedAt + MaxFuture, (await SinceAsync(world))!.Value);
    }

    /// <summary>A shard that the stream dropped before it was read to its end keeps neither cuts nor health for ever, and its windows are not taken for whole.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_shard_that_the_stream_has_no_more_holds_nothing_back(bool isRead)
    {
        await using var world = new BatchWorld(BatchWorld.Lean);
        await world.StartAsync();
        var gone = await world.BeginAsync("0", "split", 1);
        await gone.ProcessAsync(Batch(world, 1) with { IsEnd = isRead }, Cancel);
        await gone.StopAsync(Cancel);
        await gone.DisposeAsync();
        var stopped = world.Time.GetUtcNow();

        // A list may lack a shard for a moment.
        Assert.False(await world.Batches.ForgetAsync(BatchWorld.Stream, new GoneShard("0", "split", isRead), Cancel));
        world.Time.Advance(TimeSpan.FromDays(2));
        await using var child = await world.BeginAsync("1", "split", 1);
        var sequence = 0;
        for (var i = 0; i < 12; i++)
        {
            await child.ProcessAsync(Batch(world, ++sequence + 100), Cancel);
            world.Time.Advance(TimeSpan.FromMinutes(1));
        }

        var before = await world.Tails.GetProgressAsync(BatchWorld.Stream, fresh: true, Cancel);
        Assert.Equal(isRead, before.Counted(world.Time.GetUtcNow()) > stopped.AddDays(1));
        Assert.True(await world.Batches.ForgetAsync(BatchWorld.Stream, new GoneShard("0", "split", isRead), Cancel));
        Assert.True(await world.Batches.ForgetAsync(BatchWorld.Stream, new GoneShard("0", "split", isRead), Cancel));
        var forgotten = world.Time.GetUtcNow();
        var after = await world.Tails.GetProgressAsync(BatchWorld.Stream, fresh: true, Cancel);
        Assert.True(after.Counted(forgotten) > stopped.AddDays(1));
        Assert.True(await world.Tails.TryCutAsync(BatchWorld.Stream, after.Sealed(forgotten)!.Value, after, Cancel));
        Assert.Equal(isRead ? 1 : 2, after.Shards.Length);
        Assert.Equal(isRead ? null : forgotten + MaxFuture, await SinceAsync(world) is var since && since > forgotten ? since : null);
        Assert.Null(await new BatchStates(world.Get<IGoldStore>(), BatchWorld.Stream, ShardBatcher.NameOf("0", "split")).ReadAsync(Cancel));

        // What is lost is of no interest when no window of that time is kept any more.
        world.Time.Advance(TailStore.Retention + MaxFuture + TimeSpan.FromMinutes(1));
        await world.Batches.ForgetOthersAsync(BatchWorld.Stream, "split", Cancel);
        Assert.Single((await world.Tails.GetProgressAsync(BatchWorld.Stream, fresh: true, Cancel)).Shards);
    }

    /// <summary>Where another lands them, late events are the refresh's alone.</summary>
    [Theory]
    [InlineData("Off", 0)]
    [InlineData("Auto", 1)]
    public async Task Late_events_are_kept_for_the_lake_alone(string landing, long kept)
    {
        await using var world = new BatchWorld(BatchWorld.Lean, configure: settings => settings["DataPlatform:MicroBatches:Landing"] = landing);
        await world.StartAsync();
        world.Files.Write("visits/other.parquet", "SELECT 1::BIGINT AS id, TIMESTAMP '2026-01-01' AS at, 'FR' AS country, NULL::VARCHAR AS customer, 1::BIGINT AS visitor, 1::INTEGER AS seconds, NULL::DECIMAL(10, 2) AS amount");
        await using var batcher = await world.BeginAsync("0", "late", 1);
        var late = Batch(world, 2);
        world.Time.Advance(TimeSpan.FromMinutes(20));
        await batcher.ProcessAsync(Batch(world, 1), Cancel);
        await batcher.ProcessAsync(late with { Records = [late.Records[0] with { Sequence = new SequenceNumber(3) }] }, Cancel);
        Assert.Equal(1, (await world.Tails.GetProgressAsync(BatchWorld.Stream, fresh: true, Cancel)).Shards.Single().DeadLetters);
        await using var session = await world.Batches.Instance.OpenAsync(Cancel);
        Assert.Equal(kept, await session.ScalarAsync<long>($"SELECT CAST(coalesce(sum(estimated_size), 0) AS BIGINT) FROM duckdb_tables() WHERE table_name = '{BatchRows.LateTable}'", Cancel));
    }

    /// <summary>Of two writers of one revision the first one's file is told, whole.</summary>
    [Fact]
    public async Task A_large_window_is_one_writers()
    {
        await using var world = new BatchWorld(BatchWorld.Lean);
        await world.StartAsync();
        var segment = new TailSegment(new TailKey("hash", BatchWorld.Stream, new DateTime(2026, 3, 14, 12, 0, 0, DateTimeKind.Utc), "0~1", 0), 7);
        byte[] Rows(byte of, int parts) => [.. Enumerable.Repeat(of, parts * (IGoldStore.MaxBodyBytes - 1024) - 10)];
        async Task<byte[]> StoredAsync() => (await world.Tails.GetAsync("visits_daily", null, [segment], Cancel)).Values.Single().Rows.ToArray();
        await world.Tails.PutAsync("visits_daily", null, segment, Rows(1, 3), null, Cancel);
        Assert.Equal(Rows(1, 3), await StoredAsync());
        await world.Tails.PutAsync("visits_daily", null, segment, Rows(2, 2), null, Cancel);
        Assert.Equal(Rows(1, 3), await StoredAsync());
        segment = segment with { Revision = 8 };
        await world.Tails.PutAsync("visits_daily", null, segment, Rows(3, 2), 7, Cancel);
        Assert.Equal(Rows(3, 2), await StoredAsync());
        await world.Tails.DeleteAsync("visits_daily", null, [segment], Cancel);
        Assert.Empty(await world.Get<IGoldStore>().ListAsync(GoldKeys.Table("visits_daily", null), GoldKeys.TailPartPrefix, Cancel).ToListAsync(Cancel));
    }

    private static async Task<DateTimeOffset?> SinceAsync(BatchWorld world)
    {
        var definition = world.Plan.Tables.Single();
        var progress = await world.Tails.GetProgressAsync(BatchWorld.Stream, fresh: true, Cancel);
        return progress.Since("visits_daily", TailMeaning.OfAll(definition, world.Plan.Stream), world.Time.GetUtcNow());
    }

    private static ShardBatch Batch(BatchWorld world, int number, DateTimeOffset? at = null)
    {
        var arrived = at ?? world.Time.GetUtcNow();
        return new ShardBatch([BatchWorld.Record("0", number, arrived, new Sent(number, arrived.UtcDateTime, "FR", null, 1, 1, null).Json())], TimeSpan.Zero) { LookedAt = world.Time.GetUtcNow() };
    }
}
