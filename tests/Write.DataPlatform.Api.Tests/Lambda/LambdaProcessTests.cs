using System.Diagnostics;
using System.Text.Json.Nodes;
using Write.DataPlatform.Api.Commands;

namespace Write.DataPlatform.Api.Tests.Lambda;

/// <summary>The executable itself, started as Lambda starts it.</summary>
public sealed class LambdaProcessTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_executable_takes_invocations_where_Lambda_runs_it()
    {
        await using var files = new SmallServer();
        await using var runtime = new RuntimeEmulator();
        await runtime.StartAsync();
        using var process = Start(runtime, files, files.Models);
        try
        {
            var answer = JsonNode.Parse((await runtime.InvokeAsync(LambdaWorld.Request("http-api-2", "/health/live").ToJsonString())).Body)!;
            Assert.Equal(200, (int)answer["statusCode"]!);
            answer = JsonNode.Parse((await runtime.InvokeAsync(LambdaWorld.Request("http-api-2", "/v1/metrics").ToJsonString())).Body)!;
            Assert.Equal(401, (int)answer["statusCode"]!);
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync(Cancel);
        }
    }

    [Fact]
    public async Task A_start_that_fails_is_told_with_what_is_wrong()
    {
        await using var files = new SmallServer();
        await using var runtime = new RuntimeEmulator();
        await runtime.StartAsync();
        using var process = Start(runtime, files, Path.Combine(files.Models, "nothing"));
        var told = JsonNode.Parse(await runtime.FailedStart)!;
        await process.WaitForExitAsync(Cancel);
        Assert.Equal(ExitCode.Failed, process.ExitCode);
        Assert.Equal("WriteDataPlatform.StartupException", (string)told["errorType"]!);
        Assert.Contains("nothing", (string)told["errorMessage"]!, StringComparison.Ordinal);
    }

    private static Process Start(RuntimeEmulator runtime, SmallServer files, string models)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in new[] { typeof(CommandLine).Assembly.Location, "serve", "--role", "api", "--data", files.Data, "--models", models, "--DataPlatform:Stream:Kind=None" })
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["AWS_LAMBDA_RUNTIME_API"] = runtime.Address;
        start.Environment["DataPlatform__Lake__Path"] = files.Lake;
        var process = Process.Start(start)!;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }
}
