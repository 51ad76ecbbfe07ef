using System.Diagnostics;
using System.Globalization;

namespace Write.DataPlatform.Api.Tests.OData;

/// <summary>The feed read by OData's own library, of the version that Power Query has, with its headers.</summary>
[Collection(typeof(ServerCollection))]
public sealed class LibraryClientTests(ServerFixture server)
{
    private const string Client = "Write.DataPlatform.ODataClient";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    [Theory]
    [InlineData("strict")]
    [InlineData("lenient")]
    public async Task Every_page_of_a_set_is_read(string mode)
    {
        var lines = await RunAsync($"{server.Client.BaseAddress}odata", "visits_daily", "visits", mode);
        var count = await server.TextAsync("/odata/visits_daily/$count");
        var visits = (long)server.Sql("SELECT count(*) FROM {visits}")[0][0]!;
        Assert.Contains("visits_daily", lines[0], StringComparison.Ordinal);
        Assert.Equal(lines[0].Replace("model ", "", StringComparison.Ordinal), lines[1].Replace("document ", "", StringComparison.Ordinal));
        var figures = lines[2].Split(' ');
        Assert.Equal([count, visits.ToString(CultureInfo.InvariantCulture)], [figures[1], figures[4]]);
        Assert.True(int.Parse(figures[2], CultureInfo.InvariantCulture) > 1);
        Assert.NotEqual("0", figures[3]);
        Assert.Equal("error 400 bad_request True", lines[3]);
    }

    private static async Task<string[]> RunAsync(params string[] arguments)
    {
        var assembly = Path.Combine(AppContext.BaseDirectory.Replace("Write.DataPlatform.Api.Tests", Client, StringComparison.Ordinal), Client + ".dll");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        stop.CancelAfter(Patience);
        using var process = Process.Start(new ProcessStartInfo("dotnet", ["exec", assembly, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        try
        {
            var (output, error) = (process.StandardOutput.ReadToEndAsync(stop.Token), process.StandardError.ReadToEndAsync(stop.Token));
            await process.WaitForExitAsync(stop.Token);
            Assert.True(process.ExitCode == 0, await error);
            return (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }
}
