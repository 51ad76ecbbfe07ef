using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Api.Tests.EndToEnd;

/// <summary>A server that is stopped and started again.</summary>
public sealed class RestartTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_restart_refreshes_nothing_again()
    {
        await using var server = new SmallServer();
        await server.StartAsync(Role.All);
        var first = await EndedAsync(server, 1);
        Assert.Equal([RunState.Succeeded], first.Select(r => r.State));
        Assert.Equal(["2026-01", "2026-02", "2026-03"], first[0].Partitions.Select(p => p.Period).Order(StringComparer.Ordinal));
        var versions = await VersionsAsync(server);
        var before = server.ExpectedByMonth();
        await server.StopAsync();

        await server.StartAsync(Role.All);
        var runs = await EndedAsync(server, 2);
        var second = Assert.Single(runs, r => r.Id != first[0].Id);
        Assert.Equal((RunState.Succeeded, RunTrigger.Startup), (second.State, second.Trigger));
        Assert.Empty(second.Partitions);
        Assert.Equal(0, second.OmittedPartitions);
        Assert.Equal(versions, await VersionsAsync(server));
        Assert.Equal(before, SmallServer.Rows((await server.ByMonthAsync("gold")).Body));
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/health/ready")).Status);
        await server.StopAsync();

        // What changed while it was down, and that alone.
        server.WriteMonth("2026-02-01", 3);
        await server.StartAsync(Role.All);
        var third = Assert.Single(await EndedAsync(server, 3), r => r.Id != first[0].Id && r.Id != second.Id);
        Assert.Equal(["2026-02"], third.Partitions.Select(p => p.Period));
        Assert.Equal(server.ExpectedByMonth(), SmallServer.Rows((await server.ByMonthAsync("gold")).Body));
    }

    private static async Task<List<RefreshRun>> EndedAsync(SmallServer server, int count)
    {
        for (var tries = 0; ; tries++)
        {
            List<RefreshRun> runs = [];
            await foreach (var run in server.Services.GetRequiredService<RunLedger>().ListAsync(SmallServer.Table, cancellationToken: Cancel))
            {
                runs.Add(run);
            }

            if (runs.Count >= count && runs.All(r => r.IsOver))
            {
                return runs;
            }

            Assert.True(tries < 600, $"{runs.Count} runs, not ended.");
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Cancel);
        }
    }

    private static async Task<List<string>> VersionsAsync(SmallServer server) =>
        [.. (await server.Services.GetRequiredService<GoldTables>().GetManifestAsync(SmallServer.Table, null, fresh: true, Cancel)).Partitions.Values.Select(p => $"{p.Period} {p.Version}")];
}
