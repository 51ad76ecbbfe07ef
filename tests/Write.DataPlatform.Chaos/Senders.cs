using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace Write.DataPlatform.Chaos;

/// <summary>Those who send events, as good producers do: with ids, and again until they are told what became of them; some give up, some send again what was accepted.</summary>
internal sealed class Senders(Server server, Ledger ledger, Findings findings, TimeProvider time)
{
    private const int MaxBatch = 60;
    private const int Items = 4;
    private const int Listeners = 500;
    private const int MaxAmount = 1_000_000;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    private long _number;

    /// <summary>Events of the days before, which are in the lake from the start.</summary>
    public List<Play> History(Random random, int count)
    {
        var now = server.Now;
        var plays = Enumerable.Range(0, count).Select(_ => Make(random, now - TimeSpan.FromHours(1) - random.NextDouble() * TimeSpan.FromDays(2))).ToList();
        ledger.Enter(plays);
        foreach (var play in plays)
        {
            ledger.Tell(play, isAccepted: true, now);
        }

        return plays;
    }

    /// <summary>Sends until it is told to end, and then what has no answer yet until it has one.</summary>
    /// <param name="random">What and when.</param>
    /// <param name="end">No new events from here on.</param>
    /// <param name="stop">Gives up.</param>
    public async Task RunAsync(Random random, CancellationToken end, CancellationToken stop)
    {
        var again = new Queue<(DateTime At, List<Line> Lines)>();
        while (!end.IsCancellationRequested)
        {
            var lines = again.TryPeek(out var first) && first.At <= server.Now ? again.Dequeue().Lines : Batch(random);
            var refused = await SendAsync(lines, random, end, stop);
            if (refused.Count > 0 && random.Next(2) == 0)
            {
                // The server's clock was wrong, or its disk full.
                again.Enqueue((server.Now + random.NextDouble() * TimeSpan.FromSeconds(20), refused));
            }
            else if (random.Next(8) == 0)
            {
                // Sent again though all is told, soon or when it is long counted.
                findings.Count("batches sent twice");
                again.Enqueue((server.Now + random.NextDouble() * TimeSpan.FromSeconds(random.Next(2) == 0 ? 1 : 40), lines));
            }

            await Task.Delay(random.NextDouble() * Pause, time, CancellationToken.None);
        }

        foreach (var (_, lines) in again)
        {
            await SendAsync(lines, random, end, stop);
        }
    }

    private Play Make(Random random, DateTime moment)
    {
        var tenant = Place.Tenants[random.Next(Place.Tenants.Count)];
        var whole = new DateTime(moment.Ticks - moment.Ticks % TimeSpan.TicksPerMillisecond, DateTimeKind.Utc);
        return new Play(Interlocked.Increment(ref _number), tenant, $"{tenant}-{random.Next(Items)}", whole, 1 + random.Next(MaxAmount), random.Next(Listeners));
    }

    private List<Line> Batch(Random random)
    {
        var now = server.Now;
        var plays = Enumerable.Range(0, 1 + random.Next(MaxBatch)).Select(_ => Make(random, random.Next(20) switch
        {
            0 => now - random.NextDouble() * TimeSpan.FromDays(2),
            1 or 2 => now - random.NextDouble() * TimeSpan.FromMinutes(10),
            _ => now - random.NextDouble() * TimeSpan.FromSeconds(1),
        })).ToList();
        ledger.Enter(plays);
        var lines = plays.Select(p => new Line(p.Json, p)).ToList();
        if (random.Next(3) == 0)
        {
            lines.Insert(random.Next(lines.Count + 1), Bad(random, now));
        }

        return lines;
    }

    /// <summary>What is no event: it must never count, however it is met.</summary>
    private Line Bad(Random random, DateTime now)
    {
        var play = Make(random, now);
        findings.Count("events that are none");
        return new Line(
            random.Next(4) switch
            {
                0 => play.Json[..^2],
                1 => play.Json.Replace("\"amount\":", "\"amount\":\"many\",\"much\":", StringComparison.Ordinal),
                2 => play.Json.Replace("\"played_at\":", "\"when\":", StringComparison.Ordinal),
                _ => play.Json.Replace($"{play.Time:yyyy-MM-dd}T", $"{play.Time.AddDays(300):yyyy-MM-dd}T", StringComparison.Ordinal),
            },
            null);
    }

    /// <returns>The events that were refused.</returns>
    private async Task<List<Line>> SendAsync(List<Line> lines, Random random, CancellationToken end, CancellationToken stop)
    {
        for (var tries = 0; ; tries++)
        {
            var asked = server.Now;
            try
            {
                var isArray = lines.TrueForAll(l => l.Play is not null) && random.Next(2) == 0;
                using var content = isArray
                    ? new StringContent("[" + string.Join(",", lines.Select(l => l.Json)) + "]", Encoding.UTF8, "application/json")
                    : new StringContent(string.Join('\n', lines.Select(l => l.Json)), Encoding.UTF8, "application/x-ndjson");
                using var response = await server.Client.PostAsync("/v1/events/" + Place.Stream, content, stop);
                var body = await response.Content.ReadAsStringAsync(stop);
                if (response.StatusCode is HttpStatusCode.Accepted or HttpStatusCode.BadRequest)
                {
                    return Told(lines, response.StatusCode, body);
                }

                if (response.StatusCode is not (HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests) || response.Headers.RetryAfter is null)
                {
                    findings.Break("status", $"Events get {(int)response.StatusCode}{(response.Headers.RetryAfter is null ? " without Retry-After" : "")}: {body}");
                }

                findings.Count($"batches put off ({(int)response.StatusCode})");
            }
            catch (Exception exception) when (exception is HttpRequestException or IOException || (exception is OperationCanceledException && !stop.IsCancellationRequested))
            {
                findings.Count("batches without an answer");
                if (!server.WasAway(asked))
                {
                    findings.Break("refused", $"Events sent at {asked:HH:mm:ss.fff} get no answer: {exception.Message} {exception.InnerException?.Message}");
                }
            }

            foreach (var line in lines.Where(l => l.Play is not null))
            {
                ledger.Tell(line.Play!, isAccepted: null, server.Now);
            }

            if (!end.IsCancellationRequested && random.Next(12) == 0)
            {
                findings.Count("batches given up");
                return [];
            }

            await Task.Delay(TimeSpan.FromMilliseconds(100 + random.Next(900)), time, stop);
        }
    }

    private List<Line> Told(List<Line> lines, HttpStatusCode status, string body)
    {
        var answer = JsonNode.Parse(body)!;
        var codes = new Dictionary<int, string>();
        foreach (var error in answer["errors"]?.AsArray() ?? [])
        {
            // In a problem the place is a path, [3].
            codes[status == HttpStatusCode.Accepted ? (int)error!["index"]! : int.Parse(((string)error!["path"]!).Trim('[', ']'), CultureInfo.InvariantCulture)] = (string)error["code"]!;
        }

        if (status == HttpStatusCode.BadRequest && codes.Values.FirstOrDefault(c => c.StartsWith("stream_", StringComparison.Ordinal)) is { } fault)
        {
            findings.Break("status", $"Events that are right get 400 for {fault}; their sender need not send them again: {Asker.Short(body)}");
        }

        var (at, refused) = (server.Now, new List<Line>());
        for (var i = 0; i < lines.Count; i++)
        {
            if (lines[i].Play is not { } play)
            {
                findings.Count(codes.ContainsKey(i) ? "events that are none refused" : "events that are none taken, to be dead letters");
                continue;
            }

            ledger.Tell(play, status == HttpStatusCode.Accepted && !codes.ContainsKey(i), at);
            if (codes.TryGetValue(i, out var code))
            {
                findings.Count($"events refused ({code})");
                refused.Add(lines[i]);
            }
        }

        if (status == HttpStatusCode.Accepted && ((int)answer["accepted"]! != lines.Count - codes.Count || (int)answer["refused"]! != codes.Count))
        {
            findings.Break("status", $"{lines.Count} events get {body}");
        }

        return refused;
    }

    private sealed record Line(string Json, Play? Play);
}
