using System.Diagnostics;
using System.Globalization;
using Write.DataPlatform.Api.Tests.Documentation;

namespace Write.DataPlatform.Api.Tests.Clients;

/// <summary>The programs of docs/clients.md, run as they stand there.</summary>
[Collection(typeof(ServerCollection))]
public sealed class ProgramTests(ServerFixture server)
{
    [Theory]
    [InlineData("python", "/usr/bin/python3", "import pandas", "-c")]
    [InlineData("r", "Rscript", "1", "-e")]
    public async Task A_program_of_the_page_runs(string language, string interpreter, string probe, string option)
    {
        // What CI installs is there, or it fails.
        var isThere = (await RunAsync(interpreter, option, probe)).ExitCode == 0;
        Assert.SkipUnless(isThere || Environment.GetEnvironmentVariable("CI") == "true", $"{interpreter} with what docs/clients.md needs is not installed; .ci/run installs it.");
        var program = DocPage.Read("docs/clients.md").Blocks.Single(b => b.Language == language && b.WhyNotRun is null).Text;
        var (code, output) = await RunAsync(interpreter, option, program);
        Assert.True(code == 0, output);
        var expected = server.Sql("SELECT count(*) FROM {visits} WHERE occurred_at >= '2024-12-31 23:00' AND occurred_at < '2025-12-31 23:00'").Single()[0];
        Assert.Equal(Convert.ToString(expected, CultureInfo.InvariantCulture), output.Trim());
    }

    private async Task<(int ExitCode, string Output)> RunAsync(string interpreter, params string[] arguments)
    {
        var start = new ProcessStartInfo(interpreter) { RedirectStandardOutput = true, RedirectStandardError = true };
        Array.ForEach(arguments, start.ArgumentList.Add);
        start.Environment["WDP_URL"] = server.Client.BaseAddress!.GetLeftPart(UriPartial.Authority);
        start.Environment.Remove("WDP_KEY");
        try
        {
            using var process = Process.Start(start)!;
            var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            return (process.ExitCode, process.ExitCode == 0 ? output : output + await error);
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            return (-1, exception.Message);
        }
    }
}
