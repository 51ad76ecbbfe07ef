using Write.DataPlatform.Gold;
using Write.DataPlatform.Gold.Tail;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Query;
using Write.DataPlatform.Refresh;
using Write.DataPlatform.Streaming;

namespace Write.DataPlatform.Tests.Streaming.Batches;

/// <summary>An answer has every event from before the <c>asOf</c> that it tells, whoever gives it.</summary>
public sealed class AnswerReachTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>What a stream has taken and not landed yet the lake does not have.</summary>
    [Fact]
    public async Task The_lake_reaches_to_what_has_landed()
    {
        await using var world = new BatchWorld(BatchWorld.Lean);
        await world.StartAsync();
        await using var batcher = await world.BeginAsync("0", "lake", 1);
        await batcher.ProcessAsync(Batch(world, "0", 1), Cancel);
        var landed = world.Time.GetUtcNow();
        world.Time.Advance(TimeSpan.FromSeconds(5));
        var taken = world.Time.GetUtcNow();
        await batcher.ProcessAsync(Batch(world, "0", 2), Cancel);
        world.Time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal((1L, landed), await AskAsync(world, QuerySource.Lake));
        await batcher.StopAsync(Cancel);
        var (visits, asOf) = await AskAsync(world, QuerySource.Lake);
        Assert.Equal((2L, true), (visits, asOf >= taken && asOf <= world.Time.GetUtcNow()));
    }

    /// <summary>Another worker's files may be newer than the list of them here, and its progress says that they are there.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Files_are_listed_after_the_progress_that_tells_of_them(bool isRefresh)
    {
        await using var world = new BatchWorld(BatchWorld.Lean, configure: settings => settings["DataPlatform:Lake:ScanInterval"] = "00:01:00");
        await world.StartAsync();
        var day = DateOnly.FromDateTime(world.Time.GetUtcNow().UtcDateTime);
        await using var batcher = await world.BeginAsync("0", "listed", 1);
        for (var i = 1; i <= 8; i++)
        {
            await batcher.ProcessAsync(Batch(world, "0", i), Cancel);
            world.Time.Advance(TimeSpan.FromMinutes(1));
        }

        await batcher.StopAsync(Cancel);
        var hidden = Directory.GetFiles(Path.Combine(world.Files.Path, "visits"), "*.parquet").Where(f => !f.EndsWith("seed.parquet", StringComparison.Ordinal)).ToList();
        hidden.ForEach(f => File.Move(f, f + ".elsewhere"));
        world.Get<ILake>().Forget("visits");
        Assert.Null((await world.AskAsync(["visits"], [], day, day.AddDays(1), QuerySource.Lake)).Rows[0][0]);
        world.Time.Advance(TimeSpan.FromSeconds(5));
        hidden.ForEach(f => File.Move(f + ".elsewhere", f));
        if (isRefresh)
        {
            await world.RefreshAsync("visits_daily", day, day);
        }

        Assert.Equal(8L, (await world.AskAsync(["visits"], [], day, day.AddDays(1), isRefresh ? QuerySource.Gold : QuerySource.Lake)).Rows[0][0]);
    }

    /// <summary>Without a cut gold has what had landed, of the shard that is behind as of the others.</summary>
    [Fact]
    public async Task Gold_alone_reaches_to_what_the_last_shard_had_landed()
    {
        await using var world = new BatchWorld(BatchWorld.Lean);
        await world.StartAsync();
        var day = DateOnly.FromDateTime(world.Time.GetUtcNow().UtcDateTime);
        await using var slow = await world.BeginAsync("1", "shards", 1);
        await slow.ProcessAsync(Batch(world, "1", 1), Cancel);
        var landed = world.Time.GetUtcNow();
        await using var quick = await world.BeginAsync("0", "shards", 1);
        for (var i = 2; i <= 20; i++)
        {
            world.Time.Advance(TimeSpan.FromMinutes(1));
            await quick.ProcessAsync(Batch(world, "0", i), Cancel);
        }

        await world.RefreshAsync("visits_daily", day, day);
        Assert.Null((await world.Get<GoldTables>().GetManifestAsync("visits_daily", null, fresh: true, Cancel)).Partitions.Values.Single().Cuts);
        Assert.Equal((20L, landed), await AskAsync(world, QuerySource.Gold));
    }

    /// <summary>A day that was read at noon and failed since does not reach as far as the days after it; a later query of its morning does.</summary>
    [Fact]
    public async Task A_partition_that_was_read_before_its_end_reaches_to_its_last_event()
    {
        await using var world = new BatchWorld(BatchWorld.Lean);
        await world.StartAsync();
        var day = DateOnly.FromDateTime(world.Time.GetUtcNow().UtcDateTime);
        Write(world, "first", 1, $"{day:yyyy-MM-dd} 11:30:00");
        await world.RefreshAsync("visits_daily", day, day);
        world.Time.Advance(TimeSpan.FromDays(1));
        Write(world, "second", 2, $"{day:yyyy-MM-dd} 18:00:00", $"{day.AddDays(1):yyyy-MM-dd} 11:45:00");
        await world.RefreshAsync("visits_daily", day.AddDays(1), day.AddDays(1));
        async Task<(long, string)> Ask(DateOnly from, DateOnly to)
        {
            var answer = await world.AskAsync(["visits"], [], from, to, QuerySource.Gold);
            return ((long)answer.Rows[0][0]!, $"{answer.Served.AsOf!.Value.UtcDateTime:MM-dd HH:mm}");
        }

        Assert.Equal((1, "03-14 11:30"), await Ask(day, day.AddDays(1)));
        Assert.Equal((2, "03-14 11:30"), await Ask(day, day.AddDays(2)));
        Assert.Equal((1, "03-15 11:45"), await Ask(day.AddDays(1), day.AddDays(2)));
        await world.RefreshAsync("visits_daily", day, day);
        Assert.Equal((2, "03-15 11:45"), await Ask(day, day.AddDays(1)));
    }

    /// <summary>What the lake has forgotten is never read again, and has all that it will ever have.</summary>
    [Fact]
    public async Task Days_that_the_lake_has_forgotten_hold_no_answer_back()
    {
        await using var world = new BatchWorld(BatchWorld.Lean);
        await world.StartAsync();
        var day = DateOnly.FromDateTime(world.Time.GetUtcNow().UtcDateTime);
        Write(world, "first", 1, $"{day:yyyy-MM-dd} 11:30:00");
        await world.RefreshAsync("visits_daily", day, day);
        world.Time.Advance(TimeSpan.FromDays(1));
        File.Delete(Path.Combine(world.Files.Path, "visits", "first.parquet"));
        Write(world, "second", 2, $"{day.AddDays(1):yyyy-MM-dd} 11:45:00");
        await world.RefreshAsync("visits_daily", day.AddDays(1), day.AddDays(1), isFirst: true);
        var answer = await world.AskAsync(["visits"], [], day, day.AddDays(2), QuerySource.Gold);
        Assert.Equal((2L, day.AddDays(1).ToDateTime(new TimeOnly(11, 45))), ((long)answer.Rows[0][0]!, answer.Served.AsOf!.Value.UtcDateTime));
    }

    /// <summary>A quiet stream has landed all there is, however long its windows are.</summary>
    [Fact]
    public async Task A_quiet_stream_holds_the_lake_back_no_longer_than_a_landing()
    {
        await using var world = new BatchWorld(BatchWorld.Lean.Replace("window: 1m", "window: 15m", StringComparison.Ordinal));
        await world.StartAsync();
        await using var batcher = await world.BeginAsync("0", "window", 1);
        await batcher.ProcessAsync(Batch(world, "0", 1), Cancel);
        for (var i = 0; i < 30; i++)
        {
            world.Time.Advance(TimeSpan.FromSeconds(10));
            await batcher.ProcessAsync(new ShardBatch([], TimeSpan.Zero) { LookedAt = world.Time.GetUtcNow() }, Cancel);
        }

        Assert.True((await AskAsync(world, QuerySource.Lake)).AsOf >= world.Time.GetUtcNow().AddSeconds(-20));
    }

    /// <summary>A day that was read without a cut before its end, and today with one: together they reach as far as the first, which is read again as soon as the lake has all of it.</summary>
    [Fact]
    public async Task Yesterday_without_a_cut_is_seen_to()
    {
        await using var world = new BatchWorld(BatchWorld.Lean, now: new DateTimeOffset(2026, 3, 14, 22, 40, 0, TimeSpan.Zero));
        await world.StartAsync();
        var day = new DateOnly(2026, 3, 14);
        await using var batcher = await world.BeginAsync("0", "yesterday", 1);
        await batcher.ProcessAsync(Batch(world, "0", 1), Cancel);
        var landed = world.Time.GetUtcNow();

        // For half an hour nobody reads the stream, over midnight in Berlin.
        var missed = new List<StreamRecord>();
        for (var i = 2; i <= 30; i++)
        {
            world.Time.Advance(TimeSpan.FromMinutes(1));
            missed.AddRange(Batch(world, "0", i).Records);
        }

        await world.RefreshAsync("visits_daily", day, day);
        await batcher.ProcessAsync(new ShardBatch([.. missed], TimeSpan.Zero) { LookedAt = world.Time.GetUtcNow() }, Cancel);
        world.Time.Advance(TimeSpan.FromSeconds(30));
        await batcher.ProcessAsync(new ShardBatch([], TimeSpan.Zero) { LookedAt = world.Time.GetUtcNow() }, Cancel);
        await batcher.StopAsync(Cancel);
        await world.RefreshAsync("visits_daily", day.AddDays(1), day.AddDays(1));
        var answer = await world.AskAsync(["visits"], [], day, day.AddDays(2), QuerySource.Gold);
        Assert.Contains("tail", answer.Served.By);
        Assert.Equal(landed, answer.Served.AsOf);
        await world.Get<TailKeeper>().LookAsync(Cancel);
        var asked = await world.Get<RunLedger>().ListAsync(cancellationToken: Cancel).FirstAsync(Cancel);
        Assert.Equal((day, day.AddDays(2)), (asked.RequestedFrom, asked.RequestedTo));
        while (!asked.IsOver)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Cancel);
            asked = (await world.Get<RunLedger>().GetAsync(asked.Id, Cancel))!;
        }

        answer = await world.AskAsync(["visits"], [], day, day.AddDays(2), QuerySource.Gold);
        Assert.Equal((30L, true), ((long)answer.Rows[0][0]!, answer.Served.AsOf > world.Time.GetUtcNow().AddMinutes(-2)));
    }

    /// <summary>While a successor reads again, its new tables' windows are not whole yet, and what its predecessor said of the old ones stays true.</summary>
    [Fact]
    public async Task Who_reads_again_says_nothing_new()
    {
        await using var world = new BatchWorld(BatchWorld.Lean, configure: settings => settings["DataPlatform:MicroBatches:WriteInterval"] = "00:00:00.1");
        await world.StartAsync();
        var batches = new List<ShardBatch>();
        await using (var before = await world.BeginAsync("0", "again", 1))
        {
            for (var i = 1; i <= 3; i++)
            {
                world.Time.Advance(TimeSpan.FromSeconds(10));
                batches.Add(Batch(world, "0", i));
                await before.ProcessAsync(batches[^1], Cancel);
            }

            await before.StopAsync(Cancel);
        }

        var told = (await world.Tails.GetProgressAsync(BatchWorld.Stream, fresh: true, Cancel)).Shards.Single();
        await using var after = await world.BeginAsync("0", "again", 2);
        world.Time.Advance(TimeSpan.FromSeconds(10));
        await after.ProcessAsync(batches[0] with { Behind = TimeSpan.FromSeconds(30), LookedAt = null }, Cancel);
        world.Time.Advance(TimeSpan.FromSeconds(10));
        await after.ProcessAsync(batches[1] with { Behind = TimeSpan.FromSeconds(30), LookedAt = null }, Cancel);
        Assert.Equal(told.At, (await world.Tails.GetProgressAsync(BatchWorld.Stream, fresh: true, Cancel)).Shards.Single().At);
        await after.ProcessAsync(batches[2], Cancel);
        Assert.True((await world.Tails.GetProgressAsync(BatchWorld.Stream, fresh: true, Cancel)).Shards.Single().At > told.At);
    }

    /// <summary>Of a shard that has begun and not spoken nobody knows what it brings.</summary>
    [Fact]
    public async Task A_shard_that_has_begun_in_silence_is_waited_for()
    {
        await using var world = new BatchWorld(BatchWorld.Lean);
        await world.StartAsync();
        await using var first = await world.BeginAsync("0", "silent", 1);
        await first.ProcessAsync(Batch(world, "0", 1), Cancel);
        Assert.NotNull((await world.Tails.GetProgressAsync(BatchWorld.Stream, fresh: true, Cancel)).Counted(world.Time.GetUtcNow()));
        await using var child = await world.BeginAsync("1", "silent", 1);
        var silent = await world.Tails.GetProgressAsync(BatchWorld.Stream, fresh: true, Cancel);
        Assert.Null(silent.Counted(world.Time.GetUtcNow()));
        Assert.Null((await AskAsync(world, QuerySource.Lake)).AsOf);
        Assert.Null(silent.Since("visits_daily", TailMeaning.OfAll(world.Plan.Tables.Single(), world.Plan.Stream), world.Time.GetUtcNow()));
        await child.ProcessAsync(Batch(world, "1", 2), Cancel);
        Assert.NotNull((await world.Tails.GetProgressAsync(BatchWorld.Stream, fresh: true, Cancel)).Counted(world.Time.GetUtcNow()));
    }

    /// <summary>What a silent shard brings is of these days: those long over are not read again because of it.</summary>
    [Fact]
    public async Task Days_that_are_long_over_wait_for_no_silent_shard()
    {
        await using var world = new BatchWorld(BatchWorld.Lean);
        await world.StartAsync();
        var day = DateOnly.FromDateTime(world.Time.GetUtcNow().UtcDateTime);
        Write(world, "past", 1000, $"{day.AddDays(-10):yyyy-MM-dd} 10:00:00", $"{day.AddDays(-1):yyyy-MM-dd} 10:00:00");
        await using var first = await world.BeginAsync("0", "long", 1);
        await first.ProcessAsync(Batch(world, "0", 1), Cancel);
        await using var silent = await world.BeginAsync("1", "long", 1);
        await world.RefreshAsync("visits_daily", day.AddDays(-10), day.AddDays(-10));
        await world.RefreshAsync("visits_daily", day.AddDays(-1), day.AddDays(-1));
        Assert.NotNull((await world.AskAsync(["visits"], [], day.AddDays(-10), day.AddDays(-9), QuerySource.Gold)).Served.AsOf);
        Assert.Null((await world.AskAsync(["visits"], [], day.AddDays(-1), day, QuerySource.Gold)).Served.AsOf);
    }

    /// <summary>One id at two times is two events: in one window, late in one landing, and late beside what the lake has.</summary>
    [Fact]
    public async Task An_event_of_another_time_is_another_event()
    {
        await using var world = new BatchWorld(BatchWorld.Lean);
        await world.StartAsync();
        var sequence = 0;
        StreamRecord Of(long id, DateTimeOffset at) => BatchWorld.Record("0", ++sequence, world.Time.GetUtcNow(), new Sent(id, at.UtcDateTime, "FR", null, 1, 1, null).Json());
        await using var batcher = await world.BeginAsync("0", "times", 1);
        var start = world.Time.GetUtcNow();
        await batcher.ProcessAsync(new ShardBatch([Of(7, start), Of(7, start.AddSeconds(20)), Of(7, start)], TimeSpan.Zero) { LookedAt = start }, Cancel);
        world.Time.Advance(TimeSpan.FromMinutes(20));
        await batcher.ProcessAsync(new ShardBatch([Of(1, world.Time.GetUtcNow())], TimeSpan.Zero) { LookedAt = world.Time.GetUtcNow() }, Cancel);
        await batcher.StopAsync(Cancel);
        await batcher.ProcessAsync(
            new ShardBatch([Of(7, start.AddMinutes(1)), Of(7, start.AddMinutes(2)), Of(7, start), Of(7, start.AddSeconds(20)), Of(7, start.AddMinutes(2))], TimeSpan.Zero) { LookedAt = world.Time.GetUtcNow() }, Cancel);
        await batcher.StopAsync(Cancel);
        Assert.Equal(5L, (await AskAsync(world, QuerySource.Lake)).Visits);
    }

    /// <summary>A worker that has another model yet, or again, leaves the windows of the others' alone.</summary>
    [Fact]
    public async Task Windows_of_another_meaning_are_removed_only_when_every_shard_counts_by_this_one()
    {
        await using var world = new BatchWorld(BatchWorld.Lean);
        await world.StartAsync();
        var table = world.Plan.Tables.Single();
        var other = new TailKey("another-60", BatchWorld.Stream, world.Time.GetUtcNow().UtcDateTime, "0", 0);
        await world.Tails.PutAsync("visits_daily", null, new TailSegment(other, 1), new byte[] { 1 }, null, Cancel);
        async Task<bool> IsThereAsync()
        {
            for (var i = 0; i < 3; i++)
            {
                await world.Get<TailKeeper>().RetireAsync(Cancel);
                world.Time.Advance(TimeSpan.FromMinutes(1));
            }

            return (await world.Tails.ListAsync("visits_daily", null, fresh: true, cancellationToken: Cancel)).Any(s => s.Key == other);
        }

        Assert.True(await IsThereAsync());
        await using var batcher = await world.BeginAsync("0", "meaning", 1);
        await batcher.ProcessAsync(Batch(world, "0", 1), Cancel);
        Assert.NotNull((await world.Tails.GetProgressAsync(BatchWorld.Stream, fresh: true, Cancel)).Since(table.Table.Name, TailMeaning.OfAll(table, world.Plan.Stream), world.Time.GetUtcNow()));
        Assert.False(await IsThereAsync());
    }

    private static async Task<(long Visits, DateTimeOffset? AsOf)> AskAsync(BatchWorld world, QuerySource source)
    {
        var day = DateOnly.FromDateTime(world.Time.GetUtcNow().UtcDateTime);
        var answer = await world.AskAsync(["visits"], [], day, day.AddDays(1), source);
        return ((long)answer.Rows[0][0]!, answer.Served.AsOf);
    }

    private static void Write(BatchWorld world, string name, long id, params string[] times) => world.Files.Write(
        $"visits/{name}.parquet",
        string.Join(" UNION ALL ", times.Select((at, i) => $"SELECT {id + (i * 100)}::BIGINT AS id, TIMESTAMP '{at}' AS at, 'FR' AS country, NULL::VARCHAR AS customer, 1::BIGINT AS visitor, 1::INTEGER AS seconds, NULL::DECIMAL(10, 2) AS amount")));

    private static ShardBatch Batch(BatchWorld world, string shard, int number)
    {
        var now = world.Time.GetUtcNow();
        return new ShardBatch([BatchWorld.Record(shard, number, now, new Sent(number, now.UtcDateTime, "FR", null, 1, 1, null).Json())], TimeSpan.Zero) { LookedAt = now };
    }
}
