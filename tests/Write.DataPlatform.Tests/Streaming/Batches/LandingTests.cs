using Write.DataPlatform.Lake;
using Write.DataPlatform.Streaming;
using Write.DataPlatform.Streaming.Batches;
using Write.DataPlatform.Tests.Gold;

namespace Write.DataPlatform.Tests.Streaming.Batches;

/// <summary>What a shard leaves in the lake's folder.</summary>
public sealed class LandingTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_a_killed_worker_left_half_written_is_removed_and_no_other_shards()
    {
        await using var world = new BatchWorld(BatchWorld.Lean);
        await world.StartAsync();
        string Half(string shard) => Path.Combine(world.Files.Path, "visits", $".{LandedFile.Prefix(BatchWorld.Stream, ShardBatcher.NameOf(shard, "half"))}0.landing");
        foreach (var shard in new[] { "0", "1" })
        {
            await File.WriteAllTextAsync(Half(shard), "PAR1", Cancel);
        }

        await using var batcher = await world.BeginAsync("0", "half", 1);
        var now = world.Time.GetUtcNow();
        await batcher.ProcessAsync(new ShardBatch([BatchWorld.Record("0", 1, now, new Sent(1, now.UtcDateTime, "FR", null, 1, 1, null).Json())], TimeSpan.Zero), Cancel);
        await batcher.StopAsync(Cancel);
        Assert.False(File.Exists(Half("0")));
        Assert.True(File.Exists(Half("1")));
        Assert.Single(Directory.GetFiles(world.Files.Path, LandedFile.Prefix(BatchWorld.Stream, ShardBatcher.NameOf("0", "half")) + "*.parquet", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Files_that_became_one_stay_for_their_readers_however_the_clock_is_set()
    {
        await using var world = new BatchWorld(BatchWorld.Lean, configure: settings => settings["DataPlatform:MicroBatches:LandInterval"] = "00:00:00");
        await world.StartAsync();
        await using var batcher = await world.BeginAsync("0", "clock", 1);
        var (sequence, start) = (0, world.Time.GetUtcNow());
        async Task SendAsync() =>
            await batcher.ProcessAsync(new ShardBatch([BatchWorld.Record("0", ++sequence, start, new Sent(sequence, start.UtcDateTime, "FR", null, 1, 1, null).Json())], TimeSpan.Zero), Cancel);

        while (sequence < Landing.CompactFiles + 2)
        {
            await SendAsync();
        }

        var files = Directory.GetFiles(Path.Combine(world.Files.Path, "visits"), "landed.*");
        var merged = files.Except(LandedFile.WithoutCovered(files, f => f)).ToList();
        Assert.True(merged.Count >= Landing.CompactFiles);

        // Ahead no time went by, and back it did.
        world.Time.Skew = TimeSpan.FromDays(1);
        await SendAsync();
        Assert.All(merged, file => Assert.True(File.Exists(file)));

        world.Time.Skew = TimeSpan.FromHours(-2);
        world.Time.Advance(TimeSpan.FromSeconds(31));
        await SendAsync();
        Assert.All(merged, file => Assert.False(File.Exists(file)));
    }

    /// <summary>What came after the last look is not late because a process was stopped then.</summary>
    [Fact]
    public async Task A_stop_closes_a_quiet_shards_windows_up_to_the_last_look()
    {
        await using var world = new BatchWorld(BatchWorld.Lean, configure: settings => settings["DataPlatform:MicroBatches:LandInterval"] = "00:05:00");
        await world.StartAsync();
        await using var batcher = await world.BeginAsync("0", "quiet", 1);
        var sent = world.Time.GetUtcNow();
        await batcher.ProcessAsync(new ShardBatch([BatchWorld.Record("0", 1, sent, new Sent(1, sent.UtcDateTime, "FR", null, 1, 1, null).Json())], TimeSpan.Zero), Cancel);
        for (var i = 0; i < 58; i++)
        {
            world.Time.Advance(TimeSpan.FromSeconds(5));
            await batcher.ProcessAsync(new ShardBatch([], TimeSpan.Zero), Cancel);
        }

        // The stream cannot be read, and then the process is stopped.
        var looked = world.Time.GetUtcNow();
        world.Time.Advance(TimeSpan.FromMinutes(10));
        var left = await batcher.StopAsync(Cancel);
        Assert.InRange(left!.Watermark!.Value, sent + TimeSpan.FromMinutes(1), looked - TimeSpan.FromMinutes(2));
    }

    [Fact]
    public async Task A_lake_that_is_away_is_not_made_a_second_time()
    {
        await using var world = new BatchWorld(BatchWorld.Lean, configure: settings => settings["DataPlatform:MicroBatches:LandInterval"] = "00:00:00");
        await world.StartAsync();
        await using var batcher = await world.BeginAsync("0", "away", 1);
        var now = world.Time.GetUtcNow();
        Task SendAsync(int number) => batcher.ProcessAsync(new ShardBatch([BatchWorld.Record("0", number, now, new Sent(number, now.UtcDateTime, "FR", null, 1, 1, null).Json())], TimeSpan.Zero), Cancel);
        await SendAsync(1);
        string lake = world.Files.Path, away = lake + ".away";
        Directory.Move(lake, away);
        await Assert.ThrowsAnyAsync<Exception>(() => SendAsync(2));
        Assert.False(Directory.Exists(lake));
        Directory.Move(away, lake);

        // Whoever takes the shard over has the event still, and the lake both.
        await using var next = await world.BeginAsync("0", "away", 2);
        await next.ProcessAsync(new ShardBatch([BatchWorld.Record("0", 2, now, new Sent(2, now.UtcDateTime, "FR", null, 1, 1, null).Json())], TimeSpan.Zero), Cancel);
        await next.StopAsync(Cancel);
        Assert.Equal(2, Directory.GetFiles(lake, LandedFile.Prefix(BatchWorld.Stream, ShardBatcher.NameOf("0", "away")) + "*.parquet", SearchOption.AllDirectories).Length);
    }

    [Fact]
    public void A_partitions_folder_is_made_within_a_table_that_is_there()
    {
        using var folder = new TempFolder();
        var table = folder.File("visits");
        Directory.CreateDirectory(table);
        PartitionFolder.Make(table, "");
        PartitionFolder.Make(table, "year=2026/month=2026-11");
        PartitionFolder.Make(table, "year=2026/month=2026-12");
        PartitionFolder.Make(table, "year=2026/month=2026-12");
        Assert.Equal(["month=2026-11", "month=2026-12"], Directory.GetDirectories(Path.Combine(table, "year=2026")).Select(Path.GetFileName).Order(StringComparer.Ordinal));

        Assert.Throws<DirectoryNotFoundException>(() => PartitionFolder.Make(folder.File("views"), "day=2026-11-29"));
        Assert.False(Directory.Exists(folder.File("views")));
        File.WriteAllText(folder.File("visits/day"), "");
        Assert.ThrowsAny<IOException>(() => PartitionFolder.Make(table, "day/hour=1"));
    }

    [Fact]
    public async Task A_table_that_goes_away_at_any_moment_is_not_made_again()
    {
        using var folder = new TempFolder();
        string table = folder.File("lake/visits"), away = folder.File("away");
        Directory.CreateDirectory(table);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var making = Task.Run(() =>
        {
            for (var i = 0; !end.IsCancellationRequested; i++)
            {
                try
                {
                    PartitionFolder.Make(table, $"month={i % 50}/day={i}");
                }
                catch (DirectoryNotFoundException)
                {
                    // It is away.
                }
            }
        }, Cancel);
        for (var i = 0; i < 2_000; i++)
        {
            Directory.Move(folder.File("lake"), away);
            Assert.False(Directory.Exists(folder.File("lake")));
            Directory.Move(away, folder.File("lake"));
        }

        await end.CancelAsync();
        await making;
    }
}
