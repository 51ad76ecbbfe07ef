using Write.DataPlatform.Gold;
using Write.DataPlatform.Refresh;

namespace Write.DataPlatform.Tests.Refresh;

/// <summary>What is noted of runs of whole tables, by which their freshness is told.</summary>
public sealed class WholeRunTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Only_a_run_of_the_whole_table_that_did_all_is_noted()
    {
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync();
        await worker.RunAsync(new RefreshRange(ScriptedLake.Date("2026-02-01"), ScriptedLake.Date("2026-03-01"), Full: true));
        Assert.Empty(await worker.Ledger.LastWholeAsync(Cancel));
        world.Time.Advance(TimeSpan.FromMinutes(1));
        var whole = await worker.RunAsync();
        world.Time.Advance(TimeSpan.FromMinutes(1));
        var nothing = await worker.RunAsync();
        Assert.Empty(nothing.Partitions);
        Assert.True(nothing.StartedAt > whole.StartedAt);
        Assert.Equal(nothing.StartedAt, (await worker.Ledger.LastWholeAsync(Cancel))[RefreshModel.Daily]);

        world.Time.Advance(TimeSpan.FromMinutes(1));
        world.Files.WriteText("visits/month=2026-02-01/broken.parquet", "no parquet");
        Assert.Equal(RunState.Failed, (await worker.RunAsync()).State);
        Assert.Equal(nothing.StartedAt, (await worker.Ledger.LastWholeAsync(Cancel))[RefreshModel.Daily]);
    }

    [Fact]
    public async Task A_run_that_is_told_to_have_ended_well_is_noted_before()
    {
        await using var world = new RefreshWorld();
        var dead = await world.WorkerAsync();
        dead.Store.AfterTryPut = item => dead.Store.IsDead |= item.Sk.StartsWith("whole#", StringComparison.Ordinal);
        var run = await dead.RunAsync();
        var worker = await world.WorkerAsync();
        Assert.Equal(run.StartedAt, (await worker.Ledger.LastWholeAsync(Cancel))[RefreshModel.Daily]);
        Assert.Equal(RunState.Running, (await worker.Ledger.GetAsync(run.Id, Cancel))!.State);
        Assert.Equal(world.Expected(), await worker.RowsAsync());
    }

    [Fact]
    public async Task A_run_that_cannot_be_noted_did_not_end_well()
    {
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync();
        worker.Store.BeforeTryPut = item =>
        {
            if (item.Sk.StartsWith("whole#", StringComparison.Ordinal))
            {
                throw new GoldStoreException("No.", isTransient: false);
            }
        };
        Assert.Equal((RunState.Failed, "No."), await worker.RunAsync() is var run ? (run.State, run.Error) : default);
        Assert.Equal(world.Expected(), await worker.RowsAsync());
    }
}
