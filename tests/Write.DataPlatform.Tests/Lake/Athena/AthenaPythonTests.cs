using System.Diagnostics;
using System.Text.Json;
using Write.DataPlatform.AthenaStandIn;
using Write.DataPlatform.StandIns;

namespace Write.DataPlatform.Tests.Lake.Athena;

/// <summary>The stand-in as AWS's own Python client sees it; Debian has it as python3-boto3.</summary>
public sealed class AthenaPythonTests
{
    private static readonly string Python = File.Exists("/usr/bin/python3") ? "/usr/bin/python3" : "python3";

    [Fact]
    public async Task Boto3_runs_queries_pages_through_them_and_knows_the_errors()
    {
        if (await RunAsync("-c", "import boto3") is not { ExitCode: 0 })
        {
            const string Reason = "python3-boto3 is not installed: apt-get install python3-boto3";
            Assert.False(Environment.GetEnvironmentVariable("CI") == "true", Reason);
            Assert.Skip(Reason);
        }

        var folder = Directory.CreateTempSubdirectory("wdp-athena-").FullName;
        await using var server = await AthenaServer.StartAsync(
            new AthenaStandInOptions { LakePath = folder, OutputPath = Path.Combine(folder, "s3") }, cancellationToken: TestContext.Current.CancellationToken);
        var answer = await AskAsync(server, "SELECT n AS id, IF(n % 2 = 0, CAST(n AS VARCHAR)) AS even, DECIMAL '1.50' AS price FROM UNNEST(sequence(1, 25)) AS t(n) ORDER BY 1", 10);
        Assert.Equal("SUCCEEDED", answer.GetProperty("state").GetString());
        Assert.Equal([["id", "bigint"], ["even", "varchar"], ["price", "decimal"]], answer.GetProperty("columns").EnumerateArray().Select(c => c.EnumerateArray().Select(t => t.GetString()).ToArray()));
        var pages = answer.GetProperty("pages").EnumerateArray().Select(p => p.EnumerateArray().Select(r => r.EnumerateArray().Select(c => c.GetString()).ToArray()).ToList()).ToList();
        Assert.Equal([10, 10, 6], pages.Select(p => p.Count));
        Assert.Equal(["id", "even", "price"], pages[0][0]);
        Assert.Equal(["1", null, "1.50"], pages[0][1]);
        Assert.Equal(["24", "24", "1.50"], pages[2][4]);
        Assert.Equal("InvalidRequestException", answer.GetProperty("unknown").GetString());

        var failed = await AskAsync(server, "SELECT id FROM no_such_table", 10);
        Assert.Equal("FAILED", failed.GetProperty("state").GetString());
        Assert.NotEmpty(failed.GetProperty("reason").GetString()!);
        Directory.Delete(folder, recursive: true);
    }

    private static async Task<JsonElement> AskAsync(AthenaServer server, string sql, int size)
    {
        var (code, output) = await RunAsync(Path.Combine(StandIn.Folder, "athena_client.py"), server.Url.ToString(), sql, size.ToString(null, null));
        Assert.True(code == 0, output);
        return JsonDocument.Parse(output).RootElement;
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(Python, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var error = process.StandardError.ReadToEndAsync(CancellationToken.None);
            var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            return (process.ExitCode, process.ExitCode == 0 ? output : await error);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return (-1, "There is no python3.");
        }
    }
}
