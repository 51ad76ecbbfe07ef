using System.Globalization;
using Write.DataPlatform.Api.Commands;

namespace Write.DataPlatform.Chaos;

/// <summary>A run: a server, those who send and read, what disturbs them, and the account at the end.</summary>
internal static class ChaosRun
{
    private const int SendersAtOnce = 2;
    private const int ReadersAtOnce = 3;
    private const int HistoryEvents = 2_000;
    private const int LeastAnswersAMinute = 5;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    /// <summary>Runs.</summary>
    /// <returns>What was done and what did not hold.</returns>
    public static async Task<Findings> RunAsync(Terminal terminal, double minutes, int seed, IReadOnlyList<string> only, bool keeps, CancellationToken cancellationToken)
    {
        var time = TimeProvider.System;
        var findings = new Findings(terminal, time);
        var clock = OperatingSystem.IsLinux() ? Directory.Exists("/usr/lib") ? Directory.EnumerateFiles("/usr/lib", "libfaketimeMT.so.1", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 2, IgnoreInaccessible = true }).FirstOrDefault() : null : null;
        if (clock is null)
        {
            findings.LeftOut.Add("clock jumps: libfaketime is not installed (on Debian: apt-get install libfaketime)");
        }

        await using var place = await Place.CreateAsync(cancellationToken);
        if (place.NoDisk is { } why)
        {
            findings.LeftOut.Add($"full disks: no small disk can be mounted, for which root's rights are needed ({why})");
        }

        terminal.Say(string.Create(CultureInfo.InvariantCulture, $"seed {seed}, {minutes} minutes, in {place.Root}"));
        var random = new Random(seed);
        await using var server = new Server(place, findings, time, clock);
        var ledger = new Ledger(findings);
        var asker = new Asker(server, findings);
        var senders = new Senders(server, ledger, findings, time);
        var keys = new KeyHolder(server, findings, asker, time);
        var readers = new Readers(server, ledger, findings, asker, time);
        var faults = new Faults(server, place, ledger, findings, asker, time, clock is not null);
        faults.SetClock(0);
        await place.MakeLakeAsync(senders.History(new Random(random.Next()), HistoryEvents), cancellationToken);
        if (!await server.StartAsync(mayFail: false, cancellationToken))
        {
            place.IsKept = true;
            return findings;
        }

        foreach (var tenant in Place.Tenants)
        {
            readers.Keys.Add(tenant, (await keys.MakeAsync(tenant, cancellationToken)).Key);
        }

        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var sending = Enumerable.Range(0, SendersAtOnce).Select(_ => senders.RunAsync(new Random(random.Next()), end.Token, stop.Token)).ToList();
        var asking = Enumerable.Range(0, ReadersAtOnce).Select(_ => readers.RunAsync(new Random(random.Next()), end.Token)).Append(keys.RunAsync(new Random(random.Next()), end.Token)).ToList();
        try
        {
            await faults.RunAsync(new Random(random.Next()), TimeSpan.FromMinutes(minutes), only, cancellationToken);
        }
        finally
        {
            await end.CancelAsync();
        }

        stop.CancelAfter(Patience);
        try
        {
            await Task.WhenAll([.. sending, .. asking]);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            findings.Break("not healed", "Events are not taken though nothing disturbs any more.");
        }

        if (findings.Done.GetValueOrDefault("answers") is var answers && answers < LeastAnswersAMinute * minutes)
        {
            findings.Break("not healed", $"Only {answers} requests were answered in {minutes} minutes: that all held would say nothing.");
        }

        findings.Count("events accepted", ledger.Of(Fate.Accepted).Count - HistoryEvents);
        findings.Count("events in doubt", ledger.Of(Fate.Unknown).Count);
        await new Settlement(server, place, ledger, findings, asker, readers, time).RunAsync(cancellationToken);
        await keys.CheckAsync(new Random(seed), cancellationToken);
        place.IsKept = keeps || findings.Broken.Count > 0;
        if (place.IsKept)
        {
            terminal.Say($"kept: {place.Root} (server.log, disk)");
        }

        return findings;
    }
}
