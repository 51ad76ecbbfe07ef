using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Api.Health;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Api.Tests.Health;

/// <summary>How old a table is, beside many runs of others.</summary>
public sealed class GoldStatusTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_run_that_found_nothing_to_do_counts_however_often_others_ran_since()
    {
        await using var server = await StartAsync();
        await server.RefreshAsync();
        server.Advance(TimeSpan.FromHours(5));
        var nothing = await server.RefreshAsync();
        Assert.Empty(nothing.Partitions);
        await OthersAsync(server);
        Assert.Equal(nothing.StartedAt, (await TableAsync(server)).RefreshedAt);
    }

    [Fact]
    public async Task A_table_with_a_partition_that_fails_is_not_fresh_however_often_it_was_tried()
    {
        await using var server = await StartAsync();
        var whole = await server.RefreshAsync();
        server.Advance(TimeSpan.FromHours(5));
        server.WriteMonth("2026-01-01", 2);
        await File.WriteAllTextAsync(server.MonthFile("2026-02-01"), "no parquet", Cancel);
        var failed = await server.RefreshAsync();
        Assert.Equal([RunPartitionState.Failed, RunPartitionState.Succeeded], failed.Partitions.Select(p => p.State).Distinct().OrderDescending());
        await OthersAsync(server, SmallServer.Table);
        Assert.Equal(whole.StartedAt, (await TableAsync(server)).RefreshedAt);
    }

    [Fact]
    public async Task What_ran_before_runs_were_noted_is_known_by_its_runs()
    {
        await using var server = await StartAsync();
        var whole = await server.RefreshAsync();
        await server.Services.GetRequiredService<IGoldStore>().DeleteAsync(GoldKeys.Runs, ["whole#" + SmallServer.Table], Cancel);
        await OthersAsync(server);
        Assert.Equal(whole.StartedAt, (await TableAsync(server)).RefreshedAt);
    }

    private static async Task<SmallServer> StartAsync()
    {
        var server = new SmallServer { Configure = services => services.AddSingleton<TimeProvider>(new ServerFixture.ShiftedClock(new DateTime(2026, 3, 10, 15, 0, 1))) };
        await server.StartAsync();
        return server;
    }

    private static async Task<GoldTableStatus> TableAsync(SmallServer server) =>
        Assert.Single(await server.Services.GetRequiredService<GoldStatus>().GetAsync(server.Services.GetRequiredService<ModelStore>().Current, Cancel));

    /// <summary>More runs than were ever looked at: of another table, or failed ones of the same.</summary>
    private static async Task OthersAsync(SmallServer server, string table = "another")
    {
        var ledger = server.Services.GetRequiredService<RunLedger>();
        for (var i = 0; i < 250; i++)
        {
            server.Advance(TimeSpan.FromMinutes(5));
            var now = server.Services.GetRequiredService<TimeProvider>().GetUtcNow();
            var state = table == SmallServer.Table ? RunState.Failed : RunState.Succeeded;
            await ledger.CreateAsync(new RefreshRun { Id = ledger.NewId(), Table = table, Trigger = RunTrigger.Schedule, State = state, StartedAt = now, Basis = now }, Cancel);
        }
    }
}
