using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Write.DataPlatform.Api.Commands;

namespace Write.DataPlatform.Chaos;

/// <summary>The account at the end: nothing disturbs any more, all must heal by itself, and every number must be exact.</summary>
internal sealed class Settlement(Server server, Place place, Ledger ledger, Findings findings, Asker asker, Readers readers, TimeProvider time)
{
    private static readonly TimeSpan Heals = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Waits until all is exact, and looks again after a restart.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        findings.Say("all is put right; the numbers must become exact");
        var started = time.GetTimestamp();
        await ReplayAsync(started, cancellationToken);
        await ExactAsync(started, ["auto", "lake", "gold"], cancellationToken);
        findings.Say(string.Create(CultureInfo.InvariantCulture, $"exact after {time.GetElapsedTime(started).TotalSeconds:0} s"));
        foreach (var tenant in Place.Tenants)
        {
            await EachOnceAsync(tenant, cancellationToken);
        }

        await ListenersAsync(cancellationToken);
        foreach (var tenant in Place.Tenants)
        {
            await WrittenAsync("CSV", tenant, readers.CsvAsync, isRefreshed: false, cancellationToken);
            await WrittenAsync("the feed", tenant, readers.FeedAsync, isRefreshed: true, cancellationToken);
        }

        await ScalesAsync(cancellationToken);
        await VerifyAsync(cancellationToken);
        await server.StopAsync(cancellationToken);
        if (await server.StartAsync(mayFail: false, cancellationToken))
        {
            await ExactAsync(time.GetTimestamp(), ["auto", "gold"], cancellationToken);
        }
    }

    /// <summary>What was refused for its time because the clock was wrong is sent again, as an operator does.</summary>
    private async Task ReplayAsync(long started, CancellationToken cancellationToken)
    {
        while (time.GetElapsedTime(started) < Heals)
        {
            if (await asker.AskAsync(new HttpRequestMessage(HttpMethod.Post, $"/v1/streams/{Place.Stream}/dead-letters/replay?reason=future"), null, [HttpStatusCode.OK], cancellationToken) is { } answer)
            {
                findings.Count("dead letters sent again", (long)JsonNode.Parse(answer.Body)!["replayed"]!);
                return;
            }

            await Task.Delay(Pause, time, cancellationToken);
        }

        findings.Break("not healed", "Dead letters cannot be sent again.");
    }

    private async Task ExactAsync(long started, string[] sources, CancellationToken cancellationToken)
    {
        var wrong = await WrongAsync(sources, cancellationToken);
        while (wrong.Count > 0)
        {
            if (time.GetElapsedTime(started) > Heals)
            {
                foreach (var problem in wrong)
                {
                    findings.Break("not exact", problem);
                }

                return;
            }

            await Task.Delay(Pause, time, cancellationToken);
            wrong = await WrongAsync(sources, cancellationToken);
        }
    }

    private async Task<List<string>> WrongAsync(string[] sources, CancellationToken cancellationToken)
    {
        var wrong = new List<string>();
        foreach (var source in sources)
        {
            foreach (var (question, columns) in Place.Tenants.Select(t => (readers.Hours(t, source), Readers.HourColumns)).Append((readers.Days(source), Readers.DayColumns)))
            {
                var reading = await readers.AskAsync(question, source, columns, cancellationToken);
                findings.Count("numbers checked", reading?.Groups.Count ?? 0);
                if (reading is null)
                {
                    wrong.Add($"{question.Name} has no answer.");
                }
                else if (!ledger.IsExact(question, reading.Groups, out var problem))
                {
                    wrong.Add($"{problem} Served by {reading.By} as of {reading.AsOf:HH:mm:ss}.");
                }
            }
        }

        return wrong;
    }

    /// <summary>The lake has each event by its number.</summary>
    private async Task EachOnceAsync(string tenant, CancellationToken cancellationToken)
    {
        var body = new JsonObject { ["metrics"] = new JsonArray("plays"), ["groupBy"] = new JsonArray("play"), ["source"] = "lake", ["limit"] = 1_000_000 };
        if (await asker.AskAsync(Asker.Post("/v1/query", body, readers.Keys[tenant]), tenant, [HttpStatusCode.OK], cancellationToken) is not { } answer)
        {
            findings.Break("not healed", "The lake's events have no answer.");
            return;
        }

        var counts = JsonNode.Parse(answer.Body)!["rows"]!.AsArray().ToDictionary(r => (long)r!["play"]!, r => (long)r!["plays"]!);
        findings.Count("numbers checked", counts.Count);
        foreach (var play in ledger.Of(Fate.Accepted).Where(p => p.Tenant == tenant))
        {
            if (!counts.Remove(play.Id, out var count) || count != 1)
            {
                findings.Break(count == 0 ? "lost" : "double", $"The lake has event {play.Id} of {play.Time:O}, which was accepted at {play.AcceptedAt:HH:mm:ss.fff}, {count} times.");
            }
        }

        foreach (var play in ledger.Of(Fate.Unknown).Where(p => p.Tenant == tenant))
        {
            if (counts.Remove(play.Id, out var count) && count != 1)
            {
                findings.Break("double", $"The lake has event {play.Id} of {play.Time:O}, which got no answer, {count} times.");
            }
        }

        if (counts.Count > 0)
        {
            findings.Break("double", $"The lake has {counts.Count} events that were refused or are none, one is {counts.First().Key}.");
        }
    }

    /// <summary>Answers that do not say how far they reach become exact too: those of tables alone once they are refreshed behind what the stream has sealed.</summary>
    private async Task WrittenAsync(string how, string tenant, Func<string, CancellationToken, Task<(Question Question, Reading Reading)?>> ask, bool isRefreshed, CancellationToken cancellationToken)
    {
        var problem = "There is no answer.";
        for (var started = time.GetTimestamp(); time.GetElapsedTime(started) < Heals; await Task.Delay(Pause, time, cancellationToken))
        {
            if (await ask(tenant, cancellationToken) is { } answered)
            {
                findings.Count("numbers checked", answered.Reading.Groups.Count);
                if (ledger.IsExact(answered.Question, answered.Reading.Groups, out problem))
                {
                    return;
                }
            }

            if (isRefreshed)
            {
                await asker.AskAsync(new HttpRequestMessage(HttpMethod.Post, "/v1/gold/plays_by_minute/refresh"), null, [HttpStatusCode.Accepted, HttpStatusCode.OK, HttpStatusCode.Conflict], cancellationToken);
            }
        }

        findings.Break("not exact", $"By {how}: {problem}");
    }

    /// <summary>What cannot be added up: different listeners.</summary>
    private async Task ListenersAsync(CancellationToken cancellationToken)
    {
        var body = new JsonObject { ["metrics"] = new JsonArray("listeners"), ["groupBy"] = new JsonArray("metric_time__day", "play__item") };
        if (await asker.AskAsync(Asker.Post("/v1/query", body, null), null, [HttpStatusCode.OK], cancellationToken) is not { } answer)
        {
            findings.Break("not healed", "Listeners have no answer.");
            return;
        }

        var got = JsonNode.Parse(answer.Body)!["rows"]!.AsArray().ToDictionary(r => $"{(string)r!["metric_time__day"]!}|{(string)r["play__item"]!}", r => (long)(r!["listeners"] ?? 0L));
        var sure = ledger.Of(Fate.Accepted).ToLookup(p => $"{p.Time:yyyy-MM-dd}|{p.Item}", p => p.Listener);
        var doubtful = ledger.Of(Fate.Unknown).ToLookup(p => $"{p.Time:yyyy-MM-dd}|{p.Item}", p => p.Listener);
        foreach (var key in got.Keys.Union(sure.Select(g => g.Key)))
        {
            findings.Count("numbers checked");
            var (least, most) = (sure[key].Distinct().Count(), sure[key].Union(doubtful[key]).Count());
            if (got.GetValueOrDefault(key) is var listeners && (listeners < least || listeners > most))
            {
                findings.Break("not exact", $"{listeners} listeners at {key}, and there are {least} to {most}.");
            }
        }
    }

    /// <summary>A ledger that objects to nothing proves nothing: it is shown a right answer with one play more, one less, and one moved.</summary>
    private async Task ScalesAsync(CancellationToken cancellationToken)
    {
        var question = readers.Hours(Place.Tenants[0], "scales");
        if (await readers.AskAsync(question, "auto", Readers.HourColumns, cancellationToken) is not { } right || right.Groups.Count < 2 || !ledger.IsExact(question, right.Groups, out _) || ledger.Problems(question, right).Count > 0)
        {
            findings.Break("not exact", "A right answer is not found right.");
            return;
        }

        var (first, second) = (right.Groups.Keys.First(), right.Groups.Keys.Last());
        foreach (var (more, less) in new[] { (first, null), (null, first), (first, second) })
        {
            var groups = new Dictionary<string, Sum>(right.Groups, StringComparer.Ordinal);
            if (more is not null)
            {
                groups[more] += new Sum(1, 1_000_000_000);
            }

            if (less is not null)
            {
                groups[less] += new Sum(-1, -1_000_000_000);
            }

            if (ledger.IsExact(question, groups, out _) || ledger.Problems(question, right with { Groups = groups }).Count == 0)
            {
                findings.Break("not exact", "A wrong answer is found right: the ledger proves nothing.");
            }
        }
    }

    /// <summary>The platform's own comparison of gold with the lake agrees.</summary>
    private async Task VerifyAsync(CancellationToken cancellationToken)
    {
        if (await Shell.RunAsync("dotnet", [typeof(DataPlatformHost).Assembly.Location, "verify", "--data", place.Data, "--models", place.Models], cancellationToken) is { } wrong)
        {
            findings.Break("not exact", $"verify: {wrong}");
        }
    }
}
