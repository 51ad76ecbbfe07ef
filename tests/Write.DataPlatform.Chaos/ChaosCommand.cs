using System.CommandLine;
using System.Text.Json;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Api.Rest;

namespace Write.DataPlatform.Chaos;

/// <summary>The command line.</summary>
internal static class ChaosCommand
{
    public static async Task<int> RunAsync(string[] args)
    {
        var terminal = Terminal.OfProcess();
        var minutes = new Option<double>("--minutes") { Description = "How long it is disturbed; to heal it takes up to two minutes more", HelpName = "N", DefaultValueFactory = _ => 10 };
        var seed = new Option<int>("--seed") { Description = "What is done and when; the same seed disturbs in the same way", HelpName = "N", DefaultValueFactory = _ => Random.Shared.Next(1, 1_000_000) };
        var report = new Option<string?>("--report") { Description = "Also writes what was done and found to a file (JSON)", HelpName = "FILE" };
        var keep = new Option<bool>("--keep") { Description = "Keeps the server's log and data though all held" };
        var only = new Option<string[]>("--only") { Description = "Disturbs in these ways alone: " + string.Join(", ", Faults.Names), HelpName = "NAME", AllowMultipleArgumentsPerToken = true };
        only.AcceptOnlyFromAmong([.. Faults.Names]);
        var run = new Command("run", "Disturbs a server for a while, with senders and readers at it, and holds every number against a ledger. 0: all held, 1: something did not.") { minutes, seed, only, report, keep };
        run.SetAction(async (parse, cancellationToken) =>
        {
            var (chosen, duration) = (parse.GetValue(seed), parse.GetValue(minutes));
            var findings = await ChaosRun.RunAsync(terminal, duration, chosen, parse.GetValue(only) ?? [], parse.GetValue(keep), cancellationToken);
            findings.Show(chosen, duration);
            if (parse.GetValue(report) is { } file)
            {
                var told = new { at = TimeProvider.System.GetUtcNow(), seed = chosen, minutes = duration, done = findings.Done, leftOut = findings.LeftOut, broken = findings.Broken.Select(b => new { b.Kind, b.Count, b.First }) };
                await File.WriteAllTextAsync(file, JsonSerializer.Serialize(told, AnswerJson.Options), cancellationToken);
            }

            return findings.Broken.Count == 0 ? 0 : 1;
        });
        var root = new RootCommand("Breaks whatever can break under a running server, and looks whether any number it serves is wrong.") { run };
        return await root.Parse(args).InvokeAsync();
    }
}
