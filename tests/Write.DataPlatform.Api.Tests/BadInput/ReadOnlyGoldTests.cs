using System.ComponentModel;
using System.Diagnostics;
using System.Net;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Api.Tests.BadInput;

/// <summary>A gold store that nobody may write, root neither.</summary>
public sealed class ReadOnlyGoldTests
{
    [Fact]
    public async Task A_read_only_store_is_told_once_and_what_runs_goes_on_serving()
    {
        await using var server = new SmallServer();
        await server.StartAsync();
        Assert.Equal(RunState.Succeeded, (await server.RefreshAsync()).State);
        var before = server.ExpectedByMonth();
        server.WriteMonth(SmallServer.Months[1], 2);
        Assert.Equal(before, SmallServer.Rows((await server.ByMonthAsync("gold")).Body));
        if (!await ProtectAsync(server, true))
        {
            Assert.Skip("Needs a file system and the right to make files immutable (chattr +i).");
        }

        try
        {
            var error = await Assert.ThrowsAsync<GoldStoreException>(() => server.RefreshAsync());
            AssertTold(error.Message);
            Assert.Matches("read-only|may only be read", error.Message);
            var (status, problem) = await server.PostAsync($"/v1/gold/{SmallServer.Table}/refresh", "");
            Assert.Contains((int)status, new[] { 500, 503 });
            AssertTold((string)problem["detail"]!);
            Assert.Equal(before, SmallServer.Rows((await server.ByMonthAsync("gold")).Body));
            Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/health/ready")).Status);
        }
        finally
        {
            await ProtectAsync(server, false);
        }

        // Mended without a restart; nothing of the refused work is left to be in its way.
        Assert.Equal(["2026-02"], (await server.RefreshAsync()).Partitions.Select(p => p.Period));
        Assert.Equal(server.ExpectedByMonth(), SmallServer.Rows((await server.ByMonthAsync("gold")).Body));

        await server.StopAsync();
        Assert.True(await ProtectAsync(server, true));
        try
        {
            var refused = await Assert.ThrowsAsync<StartupException>(() => server.StartAsync());
            AssertTold(Assert.Single(refused.Problems));
            Assert.Contains("read-only", refused.Message, StringComparison.Ordinal);
        }
        finally
        {
            await ProtectAsync(server, false);
        }

        await server.StartAsync();
        Assert.Equal(server.ExpectedByMonth(), SmallServer.Rows((await server.ByMonthAsync("gold")).Body));

        void AssertTold(string message)
        {
            Assert.Contains(Path.Combine(server.Data, "gold.db"), message, StringComparison.Ordinal);
            Assert.DoesNotContain("   at ", message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', message);
        }
    }

    private static async Task<bool> ProtectAsync(SmallServer server, bool on)
    {
        var done = true;
        foreach (var file in Directory.GetFiles(server.Data, "gold.db*"))
        {
            done &= OperatingSystem.IsLinux() && await RunAsync("chattr", on ? "+i" : "-i", file);
        }

        return done || (on && await ProtectAsync(server, false) && false);
    }

    private static async Task<bool> RunAsync(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            await process.WaitForExitAsync(CancellationToken.None);
            return process.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
