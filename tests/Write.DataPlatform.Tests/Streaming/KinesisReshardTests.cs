using Write.DataPlatform.Streaming;
using Write.DataPlatform.Streaming.Kinesis;

namespace Write.DataPlatform.Tests.Streaming;

/// <summary>Shards of kinesalite are split and merged while records come and workers read, of which one dies.</summary>
public class KinesisReshardTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private protected virtual bool IsKinesisLocal => false;

    [Fact]
    public async Task Resharding_under_load_loses_nothing_and_keeps_the_order_of_every_key()
    {
        var client = await KinesisWire.ClientAsync(IsKinesisLocal);
        var name = $"stream-{Guid.NewGuid():N}";
        await KinesisStreamTests.CreateAsync(client, name, 2);
        var kinesis = new KinesisOptions { PollInterval = TimeSpan.FromMilliseconds(200) };
        var options = new StreamOptions { LeaseDuration = TimeSpan.FromSeconds(2), LookInterval = TimeSpan.FromMilliseconds(200), CheckpointInterval = TimeSpan.FromMilliseconds(300) };
        await using var world = new StreamWorld(time => new KinesisStream(() => client, name, kinesis, time), options, TimeProvider.System, window: TimeSpan.FromMilliseconds(500));
        world.Start();
        var dying = world.Start();
        var count = 0;
        using var enough = new CancellationTokenSource();
        var load = Task.Run(
            async () =>
            {
                while (!enough.IsCancellationRequested)
                {
                    await StreamWorkerTests.PutAsync(world, 20, count);
                    count += 20;
                    await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Cancel);
                }
            },
            Cancel);
        await KinesisStreamTests.SplitAsync(client, name, "shardId-000000000000");
        await PauseAsync();
        await KinesisStreamTests.SplitAsync(client, name, "shardId-000000000001");
        dying.Kill();
        await PauseAsync();
        world.Start();
        await KinesisStreamTests.MergeAsync(client, name, "shardId-000000000003", "shardId-000000000004");
        await PauseAsync();
        await enough.CancelAsync();
        await load;
        await PauseAsync();
        var steps = 0;
        await world.UntilAsync(
            async () =>
            {
                // Again and again: on a slow machine a window may have been open still when the first markers came.
                if (steps++ % 200 == 0)
                {
                    await StreamWorkerTests.PutMarkersAsync(world);
                }

                return world.Sunk.Count(record => StreamWorkerTests.Id(record) >= 0) >= count;
            },
            $"all {count} are there",
            seconds: 2000);
        StreamWorkerTests.Check(world, count);
        var progress = await world.ProgressAsync();
        Assert.Equal(4, progress.Count(shard => shard.Checkpoint.Position.Kind == PositionKind.End));
    }

    private static Task PauseAsync() => Task.Delay(TimeSpan.FromMilliseconds(700), TimeProvider.System, Cancel);
}

/// <summary>The same on kinesis-local.</summary>
public sealed class KinesisLocalReshardTests : KinesisReshardTests
{
    private protected override bool IsKinesisLocal => true;
}
