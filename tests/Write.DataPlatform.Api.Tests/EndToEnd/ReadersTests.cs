using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Net.Http.Headers;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Api.Tests.EndToEnd;

/// <summary>
/// Readers over HTTP while a refresh replaces partitions under them. The contract: a partition is replaced whole by one flip of the table's manifest, each flip
/// is one revision, and an answer is that of the one revision it names. So a run of three partitions has two states between the old and the new, and no other.
/// </summary>
public sealed class ReadersTests(ITestOutputHelper output)
{
    private const int Readers = 8;
    private const string Query = $"/v1/query?metrics=visits,seconds&groupBy=metric_time__day&from=2026-01-01&to=2026-04-01&source=gold";

    private sealed record Seen(int Reader, string Tag, long Revision, string Days);

    [Fact]
    public async Task Every_answer_is_that_of_the_revision_it_names()
    {
        await using var server = new SmallServer();
        await server.StartAsync();
        Assert.Equal(RunState.Succeeded, (await server.RefreshAsync()).State);
        var first = await AskAsync(server, 0);
        Assert.Equal(SmallServer.Months.Length, first.Revision);

        var seen = new ConcurrentQueue<Seen>();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var readers = Enumerable.Range(0, Readers).Select(reader => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                seen.Enqueue(await AskAsync(server, reader));
            }
        })).ToList();

        // What every revision holds, by hand: the newest month is refreshed first, and each flip makes one more month new.
        var expected = new Dictionary<long, string> { [first.Revision] = Days(1, 1, 1) };
        List<Seen> quiet = [first];
        var betweens = 0;
        for (var round = 1; round < 40 && (round <= 5 || betweens < 20); round++)
        {
            var (old, now) = (round, round + 1);
            foreach (var month in SmallServer.Months)
            {
                server.WriteMonth(month, now);
            }

            var revision = quiet[^1].Revision;
            expected[revision + 1] = Days(old, old, now);
            expected[revision + 2] = Days(old, now, now);
            expected[revision + 3] = Days(now, now, now);
            var run = await server.RefreshAsync();
            Assert.Equal((RunState.Succeeded, 3), (run.State, run.Partitions.Length));
            quiet.Add(await AskAsync(server, Readers));
            Assert.Equal(revision + 3, quiet[^1].Revision);
            betweens = seen.Count(s => quiet.All(q => q.Revision != s.Revision));
        }

        await stop.CancelAsync();
        await Task.WhenAll(readers);
        output.WriteLine($"{seen.Count} answers over {quiet.Count - 1} runs, {betweens} of them between two whole states.");
        Assert.True(betweens > 0, "No reader asked while partitions were flipped.");
        Assert.All(seen.Concat(quiet), s => Assert.Equal((s.Revision, expected[s.Revision]), (s.Revision, s.Days)));

        // A reader never goes back, and a tag is never newer than what comes with it.
        Assert.All(seen.GroupBy(s => s.Reader), own => Assert.Equal(own.Select(s => s.Revision).Order(), own.Select(s => s.Revision)));
        Assert.Equal(quiet.Count, quiet.Select(q => q.Tag).Distinct().Count());
        Assert.All(seen, s => Assert.All(quiet.Where(q => q.Tag == s.Tag), q => Assert.True(q.Revision <= s.Revision, $"The tag of {q.Revision} came with {s.Revision}.")));
        foreach (var known in quiet)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, Query) { Headers = { { HeaderNames.IfNoneMatch, known.Tag } } };
            using var response = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.Equal(known == quiet[^1] ? HttpStatusCode.NotModified : HttpStatusCode.OK, response.StatusCode);
        }
    }

    private static async Task<Seen> AskAsync(SmallServer server, int reader)
    {
        using var response = await server.Client.GetAsync(Query, CancellationToken.None);
        var text = await response.Content.ReadAsStringAsync(CancellationToken.None);
        Assert.True(response.StatusCode == HttpStatusCode.OK, text);
        var body = JsonNode.Parse(text)!;
        var table = Assert.Single(body["served"]!["tables"]!.AsArray())!;
        return new Seen(
            reader,
            response.Headers.ETag!.ToString(),
            (long)table["revision"]!,
            string.Join(' ', body["rows"]!.AsArray().Select(r => $"{((string)r!["metric_time__day"]!)[..10]}:{r["visits"]}:{r["seconds"]}")));
    }

    /// <summary>A hundred visits on each of the first twelve days of a month, each of so many seconds.</summary>
    private static string Days(params int[] seconds) => string.Join(' ', SmallServer.Months.Zip(seconds).SelectMany(m => Enumerable.Range(0, 12).Select(day =>
        string.Create(CultureInfo.InvariantCulture, $"{DateOnly.ParseExact(m.First, "yyyy-MM-dd", CultureInfo.InvariantCulture).AddDays(day):yyyy-MM-dd}:100:{100 * m.Second}"))));
}
