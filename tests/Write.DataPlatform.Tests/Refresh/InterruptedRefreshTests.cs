using Write.DataPlatform.Gold;
using Write.DataPlatform.Refresh;

namespace Write.DataPlatform.Tests.Refresh;

/// <summary>Full refreshes that were cut off, and the ticks that come after them.</summary>
public sealed class InterruptedRefreshTests
{
    /// <summary>A tick is a refresh whatever it goes on with: the table counts as fresh after it.</summary>
    [Fact]
    public async Task What_changed_since_a_full_refresh_was_cut_off_is_read_by_the_one_that_goes_on()
    {
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync(options => options.MaxPartitions = 1);
        await worker.RunAsync();
        world.Time.Advance(TimeSpan.FromMinutes(1));
        using var shutdown = new CancellationTokenSource();
        world.Lake.BeforeExport = (number, _, _) => number == 5 ? shutdown.CancelAsync() : Task.CompletedTask;
        Assert.Equal(["2026-03"], (await worker.RunAsync(new RefreshRange(Full: true), shutdown: shutdown)).Partitions.Where(p => p.State == RunPartitionState.Succeeded).Select(p => p.Period));
        world.Time.Advance(TimeSpan.FromMinutes(1));
        world.AddVisits("2026-03-01", 30, "PT");
        var tick = await worker.RunAsync(trigger: RunTrigger.Schedule);
        Assert.Equal((RunState.Succeeded, true), (tick.State, tick.Full));
        Assert.Equal(["2026-03", "2026-02", "2026-01"], tick.Partitions.Select(p => p.Period));
        Assert.Equal(world.Expected(), await worker.RowsAsync());
    }

    [Fact]
    public async Task A_full_refresh_of_a_range_that_was_cut_off_takes_no_ticks_place()
    {
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync(options => options.MaxPartitions = 1);
        await worker.RunAsync();
        world.Time.Advance(TimeSpan.FromMinutes(1));
        var range = new RefreshRange(ScriptedLake.Date("2026-01-01"), ScriptedLake.Date("2026-03-01"), Full: true);
        using var shutdown = new CancellationTokenSource();
        world.Lake.BeforeExport = (number, _, _) => number == 5 ? shutdown.CancelAsync() : Task.CompletedTask;
        var cut = await worker.RunAsync(range, shutdown: shutdown);
        Assert.Equal(RunState.Interrupted, cut.State);
        world.Time.Advance(TimeSpan.FromMinutes(1));
        world.AddVisits("2026-03-01", 30, "PT");
        var tick = await worker.RunAsync(trigger: RunTrigger.Schedule);
        Assert.Equal((RunState.Succeeded, false, null), (tick.State, tick.Full, tick.RequestedFrom));
        Assert.Equal(world.Expected(), await worker.RowsAsync());
        var again = await worker.RunAsync(range);
        Assert.Equal((cut.Basis, RunState.Succeeded), (again.Basis, again.State));
        Assert.Equal(["2026-01"], again.Partitions.Select(p => p.Period));
    }
}
