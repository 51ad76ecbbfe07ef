using System.Diagnostics;
using System.Text.Json.Nodes;
using Write.DataPlatform.Api.Commands;

namespace Write.DataPlatform.Api.Tests.Alerts;

/// <summary>Alerts and reports by command, and by a server that is killed while it delivers.</summary>
public sealed class AlertCommandTests : IAsyncDisposable
{
    private readonly SmallServer _files = new();
    private readonly List<Process> _started = [];
    private Receiver? _receiver;

    public AlertCommandTests() => File.AppendAllText(_files.ModelFile, AlertWorld.Rules);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _started)
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
            process.Dispose();
        }

        if (_receiver is not null)
        {
            await _receiver.DisposeAsync();
        }

        await _files.DisposeAsync();
    }

    [Fact]
    public async Task Rules_are_listed_tested_and_sent()
    {
        _receiver = await Receiver.StartAsync();
        var (code, output, error) = await RunAsync("alerts", "list");
        Assert.Equal((ExitCode.Done, ""), (code, error));
        foreach (var name in new[] { "too-many", "of-acme", "of-insight", "late", "daily-visits", "picture" })
        {
            Assert.Contains(name, output, StringComparison.Ordinal);
        }

        (code, output, _) = await RunAsync("alerts", "list", "--json");
        Assert.Equal(ExitCode.Done, code);
        Assert.Equal((4, 2, "ops"), (JsonNode.Parse(output)!["alerts"]!.AsArray().Count, JsonNode.Parse(output)!["reports"]!.AsArray().Count, (string)JsonNode.Parse(output)!["reports"]![0]!["channel"]!));

        // Of yesterday there are no visits: less than one.
        (code, output, error) = await RunAsync("alerts", "test", "of-acme");
        Assert.Equal((ExitCode.Done, ""), (code, error));
        Assert.StartsWith("of-acme: firing", output, StringComparison.Ordinal);
        (code, output, _) = await RunAsync("alerts", "test", "of-acme", "--json");
        Assert.Equal((ExitCode.Done, "firing"), (code, (string)JsonNode.Parse(output)!["status"]!));
        (code, _, error) = await RunAsync("alerts", "test", "of-acme", "--deliver");
        Assert.Equal(ExitCode.Failed, code);
        Assert.Contains("Not delivered: The alert has no channel.", error, StringComparison.Ordinal);
        Assert.Empty(_receiver.All);

        (code, _, error) = await RunAsync("alerts", "test", "too-many", "--deliver");
        Assert.Equal(ExitCode.Done, code);
        var message = Assert.Single(_receiver.Taken);
        Assert.Equal(("alert.test", true), (message.Type, message.IsSigned));
        Assert.Contains($"Delivered as {message.Id}.", error, StringComparison.Ordinal);

        Assert.Equal(ExitCode.Done, (await RunAsync("reports", "send", "picture")).Code);
        Assert.StartsWith("<svg", _receiver.Taken[^1].Body, StringComparison.Ordinal);
        _receiver.Answers.Enqueue(404);
        (code, _, error) = await RunAsync("reports", "send", "daily-visits");
        Assert.Equal(ExitCode.Failed, code);
        Assert.Contains("Not delivered: The receiver answered 404.", error, StringComparison.Ordinal);
        (code, _, error) = await RunAsync("reports", "send", "daily-visit");
        Assert.Equal(ExitCode.BadUsage, code);
        Assert.Contains("daily-visits", error, StringComparison.Ordinal);

        // What cannot be evaluated fails.
        Directory.Delete(_files.Lake, recursive: true);
        (code, output, error) = await RunAsync("alerts", "test", "too-many");
        Assert.Equal(ExitCode.Failed, code);
        Assert.StartsWith("too-many: error", output, StringComparison.Ordinal);
        Assert.Contains("lake_failed", error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Failed, (await RunAsync("reports", "send", "picture")).Code);
    }

    [Fact]
    public async Task A_server_that_is_killed_while_it_delivers_loses_nothing()
    {
        _receiver = await Receiver.StartAsync();
        File.AppendAllText(Path.Combine(_files.Models, "more.yaml"), """
            alerts:
              - { name: none-yesterday, metric: visits, condition: { below: 1 }, schedule: "* * * * *", channel: ops }
            """);
        _receiver.Gate = new TaskCompletionSource();
        using var killed = Serve();
        await AlertWorld.UntilAsync(() => Task.FromResult(!_receiver.All.IsEmpty), "Nothing is sent.");
        killed.Kill();
        await killed.WaitForExitAsync(Cancel);
        var first = _receiver.All.First();

        // It had it, and could not say so: it comes again, the same.
        (_receiver.Gate, var count) = (null, _receiver.All.Count);
        _started.Add(Serve());
        await AlertWorld.UntilAsync(() => Task.FromResult(_receiver.All.Skip(count).Any(m => m.Id == first.Id)), "What was not taken does not come again.");
        var again = _receiver.All.Skip(count).First(m => m.Id == first.Id);
        Assert.Equal((first.Body, first.Type, true), (again.Body, again.Type, again.IsSigned));
        await AlertWorld.UntilAsync(async () => (int)(await ListedAsync())["waiting"]! == 0, "It waits yet.");
        Assert.Equal(count + 1, _receiver.All.Count);

        async Task<JsonNode> ListedAsync() => JsonNode.Parse((await RunAsync("alerts", "list", "--json")).Output)!["alerts"]!.AsArray().Single(a => (string)a!["name"]! == "none-yesterday")!;
    }

    private string[] Settings =>
    [
        "--data", _files.Data, "--models", _files.Models, $"--DataPlatform:Lake:Path={_files.Lake}",
        $"--DataPlatform:Alerts:Channels:ops:Url={_receiver!.Url}", $"--DataPlatform:Alerts:Channels:ops:Secret={Receiver.Secret}",
    ];

    private Process Serve()
    {
        var start = new ProcessStartInfo(
            "dotnet",
            [typeof(CommandLine).Assembly.Location, "serve", "--role", "worker", "--urls", "http://127.0.0.1:0", .. Settings, "--DataPlatform:Stream:Kind=None", "--DataPlatform:Alerts:StartDelay=00:00:00"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var process = Process.Start(start)!;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private async Task<(int Code, string Output, string Error)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await CommandLine.RunAsync([.. args, .. Settings], new Terminal(TextReader.Null, output, error, isOutputPlain: true, isErrorPlain: true), Cancel);
        return (code, output.ToString(), error.ToString());
    }
}
