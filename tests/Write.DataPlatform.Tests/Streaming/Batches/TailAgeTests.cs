using Write.DataPlatform.Streaming;

namespace Write.DataPlatform.Tests.Streaming.Batches;

/// <summary>What readers remember of a tail for a moment: how far it is counted, and which windows it has.</summary>
public sealed class TailAgeTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Both are remembered from moments of their own; windows that are older than the progress would lack what the answer says it has.</summary>
    [Fact]
    public async Task An_answer_has_the_events_before_the_moment_that_it_names()
    {
        await using var world = new BatchWorld(BatchWorld.Lean, configure: settings => settings["DataPlatform:Gold:ManifestMaxAge"] = "00:00:10");
        await world.StartAsync();
        var day = DateOnly.FromDateTime(world.Time.GetUtcNow().UtcDateTime);
        await using var batcher = await world.BeginAsync("0", "age", 1);
        var sequence = 0;
        async Task SendAsync()
        {
            var now = world.Time.GetUtcNow();
            await batcher.ProcessAsync(
                new ShardBatch([BatchWorld.Record("0", ++sequence, now, new Sent(sequence, now.UtcDateTime, "FR", null, 1, 1, null).Json())], TimeSpan.Zero) { LookedAt = now }, Cancel);
        }

        for (var i = 0; i < 6; i++)
        {
            await SendAsync();
            world.Time.Advance(TimeSpan.FromMinutes(1));
        }

        await world.RefreshAsync("visits_daily", day, day);
        world.Time.Advance(TimeSpan.FromSeconds(11));
        await world.Tails.GetProgressAsync(BatchWorld.Stream, cancellationToken: Cancel);
        world.Time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(6L, (await world.AskAsync(["visits"], [], day, day.AddDays(1))).Rows[0][0]);
        await SendAsync();
        var sent = world.Time.GetUtcNow();
        world.Time.Advance(TimeSpan.FromSeconds(6));
        var answer = await world.AskAsync(["visits"], [], day, day.AddDays(1));
        Assert.Equal((true, 7L), (answer.Served.By.Contains("tail") && answer.Served.AsOf >= sent.AddMinutes(-1), (long)answer.Rows[0][0]!));
    }

    /// <summary>An index may be behind its table: how far a shard has counted is told when its new windows are in the list that readers go by, and not at all if they do not come.</summary>
    [Fact]
    public async Task What_is_told_to_be_counted_is_in_the_list()
    {
        await using var world = new BatchWorld(BatchWorld.Lean);
        await world.StartAsync();
        await using var batcher = await world.BeginAsync("0", "listed", 1);
        async Task<(bool IsTold, bool IsDone)> SendAsync(int number)
        {
            world.Time.Advance(TimeSpan.FromMinutes(1));
            var now = world.Time.GetUtcNow();
            var sending = batcher.ProcessAsync(new ShardBatch([BatchWorld.Record("0", number, now, new Sent(number, now.UtcDateTime, "FR", null, 1, 1, null).Json())], TimeSpan.Zero) { LookedAt = now }, Cancel);
            while (!sending.IsCompleted)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, Cancel);
                world.Time.Advance(TimeSpan.FromMilliseconds(100));
            }

            var done = sending.IsCompletedSuccessfully;
            return ((await world.Tails.GetProgressAsync(BatchWorld.Stream, fresh: true, Cancel)).Counted(world.Time.GetUtcNow()) >= now, done);
        }

        var looks = 0;
        Assert.Equal((true, true), await SendAsync(1));
        world.Store.IsUnlisted = sk => sk.Contains("tail", StringComparison.Ordinal) && ++looks < 5;
        Assert.Equal((true, true), await SendAsync(2));
        Assert.True(looks >= 5);
        world.Store.IsUnlisted = sk => sk.Contains("tail", StringComparison.Ordinal);
        Assert.Equal((false, false), await SendAsync(3));
    }
}
