using Write.DataPlatform.Lake;
using Write.DataPlatform.Streaming;
using Write.DataPlatform.Streaming.Batches;

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
}
