using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Api.Sample;

namespace Write.DataPlatform.Benchmarks;

/// <summary>How long an event is on its way from a producer's POST to a customer's answer, on a server of its own process.</summary>
internal static class StreamFreshness
{
    private const int EventsAtOnce = 200;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>An event of the sample with a number of its own.</summary>
    public static byte[] Unique(byte[] visit, long number) =>
        Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(visit).Replace("\"visit_id\":", $"\"visit_id\":{9_000_000 + number},\"was\":", StringComparison.Ordinal));

    /// <summary>Of a hundred posts, the seconds within which all but one are in the answer, and how many events came a second.</summary>
    public static async Task<(double Seconds, double EventsASecond)> MeasureAsync(Scale scale, CancellationToken cancellationToken)
    {
        using var folder = new BenchFolder();
        var data = folder.New();
        await World.MakeSampleAsync(Path.Combine(data, "lake"), 20_000, cancellationToken);
        await using var server = await ServerProcess.StartAsync(
            "Now serving on ", [typeof(DataPlatformHost).Assembly.Location, "serve", "--live", "false", "--data", data, "--urls", "http://127.0.0.1:0", "--Serilog:MinimumLevel:Default=Error"], cancellationToken);
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri(server.Url) };
        var posted = new List<(long Events, long At)>();
        var seen = new List<(long Events, long At)>();
        var clock = Stopwatch.StartNew();
        await SendAsync(client, 1, 0, cancellationToken);
        long before;
        while (await AskAsync(client, cancellationToken) is var (visits, isOfTail))
        {
            before = visits;
            if (isOfTail)
            {
                break;
            }

            WrongAnswerException.ThrowIf(clock.Elapsed > Patience, "The stream does not count.");
            await Task.Delay(Pause, TimeProvider.System, cancellationToken);
        }

        // The first event may come into view after the tail did.
        await Task.Delay(scale.IsCheck ? Pause : TimeSpan.FromSeconds(5), TimeProvider.System, cancellationToken);
        (before, _) = await AskAsync(client, cancellationToken);
        clock.Restart();
        var sending = Task.Run(
            async () =>
            {
                for (var sent = 0L; clock.Elapsed < scale.FreshnessTest; await Task.Delay(Pause, TimeProvider.System, cancellationToken))
                {
                    await SendAsync(client, EventsAtOnce, sent + 1, cancellationToken);
                    sent += EventsAtOnce;
                    lock (posted)
                    {
                        posted.Add((sent, clock.ElapsedMilliseconds));
                    }
                }
            },
            cancellationToken);
        var stop = Patience + scale.FreshnessTest;
        do
        {
            WrongAnswerException.ThrowIf(clock.Elapsed > stop, $"{seen.LastOrDefault().Events} of {posted.LastOrDefault().Events} events are in the answer.");
            var (visits, _) = await AskAsync(client, cancellationToken);
            seen.Add((visits - before, clock.ElapsedMilliseconds));
            await Task.Delay(Pause, TimeProvider.System, cancellationToken);
        }
        while (!sending.IsCompleted || seen[^1].Events < posted[^1].Events);
        await sending;
        WrongAnswerException.ThrowIf(seen[^1].Events != posted[^1].Events, $"{seen[^1].Events} events are in the answer, {posted[^1].Events} were sent.");
        var times = posted.Select(p => (seen.First(s => s.Events >= p.Events).At - p.At) / 1000.0).Order().ToArray();
        return (Math.Max(0, times[(int)((times.Length - 1) * 0.99)]), posted[^1].Events * 1000.0 / posted[^1].At);
    }

    private static async Task SendAsync(HttpClient client, int count, long first, CancellationToken cancellationToken)
    {
        var random = new Random((int)first);
        var lines = new List<string>();
        while (lines.Count < count)
        {
            foreach (var visit in LiveSample.Visits(TimeProvider.System.GetUtcNow(), random).Take(count - lines.Count))
            {
                lines.Add(Encoding.UTF8.GetString(Unique(visit, first + lines.Count)));
            }
        }

        using var content = new StringContent(string.Join('\n', lines), Encoding.UTF8, "application/x-ndjson");
        using var response = await client.PostAsync("/v1/events/" + LiveSample.Stream, content, cancellationToken);
        WrongAnswerException.ThrowIf(response.StatusCode != HttpStatusCode.Accepted, $"Events: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync(cancellationToken)}");
    }

    private static async Task<(long Visits, bool IsOfTail)> AskAsync(HttpClient client, CancellationToken cancellationToken)
    {
        var today = DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime);
        var answer = JsonNode.Parse(await client.GetStringAsync($"/v1/query?metrics=visits&from={today.AddDays(-1):yyyy-MM-dd}&to={today.AddDays(2):yyyy-MM-dd}", cancellationToken))!;
        return (answer["rows"]!.AsArray() is [{ } row] && row["visits"] is { } visits ? (long)visits : 0, answer["served"]!["by"]!.AsArray().Any(by => (string?)by == "tail"));
    }
}
