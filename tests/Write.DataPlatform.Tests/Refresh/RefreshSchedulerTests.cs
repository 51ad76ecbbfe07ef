using Write.DataPlatform.Gold;
using Write.DataPlatform.Lake;

namespace Write.DataPlatform.Tests.Refresh;

public sealed class RefreshSchedulerTests
{
    private const string Hourly = ", refresh: { cron: '0 * * * *', time_zone: Europe/Berlin }";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_refreshes_at_the_start_and_by_cron()
    {
        await using var world = new RefreshWorld(RefreshModel.Text(extra: Hourly));
        var worker = await world.WorkerAsync();
        await worker.Scheduler.StartAsync(Cancel);
        var first = await RunsAsync(world, worker, 1);
        Assert.Equal((RunTrigger.Startup, RunState.Succeeded), (first[0].Trigger, first[0].State));
        Assert.Equal(world.Expected(), await worker.RowsAsync());
        Assert.NotNull(worker.Scheduler.LastLook);
        Assert.Equal(new DateTimeOffset(2026, 3, 15, 13, 0, 0, TimeSpan.Zero), worker.Scheduler.NextRun(RefreshModel.Daily));

        world.AddVisits("2026-03-01", 10);
        world.Time.SetUtcNow(new DateTimeOffset(2026, 3, 15, 12, 59, 59, TimeSpan.Zero));
        Assert.Single(await worker.Ledger.ListAsync(null, 10, Cancel).ToListAsync(Cancel));
        Assert.Equal(RunTrigger.Schedule, (await RunsAsync(world, worker, 2))[0].Trigger);
        Assert.Equal(world.Expected(), await worker.RowsAsync());
        await worker.Scheduler.StopAsync(Cancel);
    }

    [Fact]
    public async Task Cron_is_read_on_the_zones_clock()
    {
        await using var world = new RefreshWorld(RefreshModel.Text(extra: ", refresh: { cron: '30 2 * * *', time_zone: Europe/Berlin }"));
        var worker = await world.WorkerAsync();
        await worker.Scheduler.StartAsync(Cancel);
        await RunsAsync(world, worker, 1);
        Assert.Equal(new DateTimeOffset(2026, 3, 16, 1, 30, 0, TimeSpan.Zero), worker.Scheduler.NextRun(RefreshModel.Daily));

        // On 29 March half past two does not come; the run is made at three.
        world.Time.SetUtcNow(new DateTimeOffset(2026, 3, 28, 12, 0, 0, TimeSpan.Zero));
        await RunsAsync(world, worker, 2);
        Assert.Equal(new DateTimeOffset(2026, 3, 29, 1, 0, 0, TimeSpan.Zero), worker.Scheduler.NextRun(RefreshModel.Daily));
        await worker.Scheduler.StopAsync(Cancel);
    }

    [Fact]
    public async Task Ticks_that_were_missed_become_one_run()
    {
        await using var world = new RefreshWorld(RefreshModel.Text(extra: ", refresh: { cron: '* * * * *' }"));
        var worker = await world.WorkerAsync();
        await worker.Scheduler.StartAsync(Cancel);
        await RunsAsync(world, worker, 1);
        world.Time.Advance(TimeSpan.FromMinutes(-1) + TimeSpan.FromHours(5));
        var runs = await RunsAsync(world, worker, 2);
        Assert.InRange(runs.Count, 2, 3);
        await worker.Scheduler.StopAsync(Cancel);
    }

    [Fact]
    public async Task A_clock_that_was_ahead_stops_nothing()
    {
        await using var world = new RefreshWorld(RefreshModel.Text(extra: Hourly));
        var worker = await world.WorkerAsync();
        await worker.Scheduler.StartAsync(Cancel);
        await RunsAsync(world, worker, 1);
        var back = worker.Scheduler.NextRun(RefreshModel.Daily)!.Value - new TimeSpan(6, 0, 30);
        world.Time.AdjustTime(back);
        Assert.Contains(await RunsAsync(world, worker, 2), run => run.Trigger == RunTrigger.Schedule);
        Assert.True(world.Time.GetUtcNow() < back + TimeSpan.FromMinutes(5));
        await worker.Scheduler.StopAsync(Cancel);
    }

    [Fact]
    public async Task A_changed_model_refreshes_at_once_and_new_tables_too()
    {
        await using var world = new RefreshWorld(RefreshModel.Text(extra: Hourly));
        var worker = await world.WorkerAsync();
        await worker.Scheduler.StartAsync(Cancel);
        await RunsAsync(world, worker, 1);
        world.Write(RefreshModel.Text(extra: Hourly + ", where: \"{{ Dimension('visit__country') }} = 'DE'\"", more: "  - { name: other, metrics: [visits], group_by: [visit__customer], grain: day, partition: month, refresh: { cron: '0 * * * *' } }\n"));
        var runs = await RunsAsync(world, worker, 3);
        Assert.Equal([("other", RunTrigger.Model), (RefreshModel.Daily, RunTrigger.Model)], runs.Take(2).Select(r => (r.Table, r.Trigger)).Order());
        Assert.All(runs, r => Assert.Equal(RunState.Succeeded, r.State));
        Assert.Equal(world.Expected("country = 'DE'"), await worker.RowsAsync());
        Assert.Equal(3, (await worker.VersionsAsync(table: "other")).Count);
        Assert.True(world.Time.GetUtcNow() < new DateTimeOffset(2026, 3, 15, 13, 0, 0, TimeSpan.Zero));
        await worker.Scheduler.StopAsync(Cancel);
    }

    [Fact]
    public async Task One_tables_failure_stops_no_other_and_tables_without_cron_wait_for_a_hand()
    {
        await using var world = new RefreshWorld(RefreshModel.Text(
            extra: Hourly,
            more: "  - { name: good, metrics: [visits], group_by: [visit__customer], grain: day, partition: month, refresh: { cron: '0 * * * *' } }\n  - { name: by_hand, metrics: [visits], group_by: [visit__customer], grain: day, partition: month }\n"));
        world.Lake.BeforeExport = (_, sql, _) => sql.Contains("seconds", StringComparison.Ordinal) ? throw new LakeException("Never.", isTransient: false) : Task.CompletedTask;
        var worker = await world.WorkerAsync();
        await worker.Scheduler.StartAsync(Cancel);
        var runs = await RunsAsync(world, worker, 2);
        Assert.Equal([("good", RunState.Succeeded), (RefreshModel.Daily, RunState.Failed)], runs.Select(r => (r.Table, r.State)).OrderBy(r => r.Table));
        Assert.Null(worker.Scheduler.NextRun("by_hand"));
        Assert.NotNull(worker.Scheduler.NextRun(RefreshModel.Daily));

        // What failed is tried again at its next tick.
        world.Lake.BeforeExport = (_, _, _) => Task.CompletedTask;
        world.Time.SetUtcNow(worker.Scheduler.NextRun(RefreshModel.Daily)!.Value);
        await RunsAsync(world, worker, 4);
        Assert.Equal(world.Expected(), await worker.RowsAsync());
        await worker.Scheduler.StopAsync(Cancel);
    }

    [Fact]
    public async Task Stopping_interrupts_what_runs_and_gives_all_back()
    {
        await using var world = new RefreshWorld(RefreshModel.Text(extra: Hourly));
        var worker = await world.WorkerAsync();
        var inside = new TaskCompletionSource();
        world.Lake.BeforeExport = async (_, _, token) =>
        {
            inside.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
        };
        await worker.Scheduler.StartAsync(Cancel);
        await inside.Task.WaitAsync(TimeSpan.FromSeconds(30), TimeProvider.System, Cancel);
        await worker.Scheduler.StopAsync(Cancel);
        Assert.Equal(RunState.Interrupted, (await worker.Ledger.ListAsync(null, 10, Cancel).SingleAsync(Cancel)).State);
        await using var lease = await worker.Leases.TryAcquireAsync(RefreshModel.Daily + "#2026-03", null, Cancel);
        Assert.NotNull(lease);
    }

    [Fact]
    public async Task Tables_that_no_model_names_for_a_day_are_dropped()
    {
        await using var world = new RefreshWorld(RefreshModel.Text(more: "  - { name: other, metrics: [visits], group_by: [visit__customer], grain: day, partition: month }\n"));
        var worker = await world.WorkerAsync();
        await worker.RunAsync();
        await worker.RunAsync(table: "other");
        world.Write(RefreshModel.Text());
        await worker.Service.DropForgottenAsync(Cancel);
        world.Time.Advance(TimeSpan.FromHours(23));
        await worker.Service.DropForgottenAsync(Cancel);
        Assert.Equal(3, (await worker.VersionsAsync(table: "other")).Count);
        Assert.NotNull((await worker.Ledger.LastWholeAsync(Cancel))["other"]);
        world.Time.Advance(TimeSpan.FromHours(2));
        await worker.Service.DropForgottenAsync(Cancel);
        Assert.Empty(await worker.VersionsAsync(table: "other"));

        // If it came back there would be nothing of it, whatever its runs in the ledger did.
        Assert.Null((await worker.Ledger.LastWholeAsync(Cancel))["other"]);
        Assert.NotNull((await worker.Ledger.LastWholeAsync(Cancel))[RefreshModel.Daily]);
        Assert.Equal(3, (await worker.VersionsAsync()).Count);
    }

    /// <summary>The ended runs, the newest first, once there are so many and none is at work.</summary>
    private static Task<List<RefreshRun>> RunsAsync(RefreshWorld world, RefreshWorker worker, int count) => world.PassTimeAsync(WaitAsync(worker, count));

    private static async Task<List<RefreshRun>> WaitAsync(RefreshWorker worker, int count)
    {
        while (true)
        {
            var runs = await worker.Ledger.ListAsync(null, 100, Cancel).ToListAsync(Cancel);
            if (runs.Count >= count && runs.All(run => run.IsOver))
            {
                return runs;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Cancel);
        }
    }
}
