using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Api.Sample;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Benchmarks;

/// <summary>
/// Many customers at once on a server of its own process, while its tables are rebuilt, its stream goes on and its keys are revoked: nobody gets an error, a wrong answer, or a
/// neighbour's; a revoked key stops soon; memory does not grow.
/// </summary>
internal static class LoadPart
{
    private const string Name = "load";
    private const int Clients = 200;
    private const double MaxRevocationSeconds = 5;
    private const double MaxGrowthMegabytes = 50;

    // Answers of tables that were rebuilt since lie in the cache until it is full: so it is full before memory is looked at.
    private const string SmallCache = "--DataPlatform:Answers:CacheMegabytes=8";

    private static readonly string[] Paths =
    [
        "/v1/insights/kpi-year-on-year", "/v1/insights/top-shows", "/v1/insights/kpi-year-on-year?format=csv", "/v1/insights/kpi-year-on-year?format=arrow", "/v1/insights/top-shows?format=parquet", "/v1/metrics",
        "/v1/query?metrics=visits,bounce_rate&groupBy=metric_time__month&last=P6M", "/v1/query?metrics=visits&groupBy=visit__country&last=P30D&orderBy=-visits&limit=5", "/v1/dimensions/visit__country/values",
    ];

    public static async Task<IReadOnlyList<Figure>> RunAsync(Scale scale, World world, CancellationToken cancellationToken)
    {
        await world.RestartAsync(role: null, cancellationToken);
        await using var server = await world.ServeAsync(cancellationToken, SmallCache);
        using var client = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = Clients + 10, UseProxy = false }) { BaseAddress = new Uri(server.Url), Timeout = TimeSpan.FromMinutes(2) };
        var tenants = world.App.Services.GetRequiredService<ModelStore>().Current.Tenants.Keys.ToArray();
        var keys = new List<(string Tenant, string Key)>();
        for (var i = 0; i < Clients; i++)
        {
            var tenant = tenants[i % tenants.Length];
            keys.Add((tenant, (await MakeKeyAsync(client, tenant, cancellationToken)).Key));
        }

        var seen = new Seen();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        end.CancelAfter(scale.LoadWarmUp + scale.LoadTest);
        var refreshing = RefreshAsync(client, seen, end.Token);
        var revoking = RevokeAsync(client, tenants, seen, end.Token);
        var sending = SendAsync(client, seen, end.Token);
        var memory = MeasureAsync(server, seen, scale.LoadWarmUp, end.Token);
        await Task.WhenAll(keys.Select((k, i) => AskAsync(client, k.Key, k.Tenant, i, seen, end.Token)));
        await Task.WhenAll(refreshing, revoking, sending);
        var (first, last) = await memory;
        WrongAnswerException.ThrowIf(seen.Errors.Count > 0, $"{seen.Errors.Count} errors, the first: {seen.Errors.FirstOrDefault()}");
        WrongAnswerException.ThrowIf(!scale.IsCheck && (seen.Refreshes == 0 || seen.RevocationSeconds.IsEmpty || seen.Sent == 0), "Nothing was rebuilt, revoked or sent beside the requests.");
        var times = seen.Answers.Select(a => a.Milliseconds).Order().ToArray();
        var (slowest, slow) = seen.Answers.GroupBy(a => a.Path).Select(g => (g.Key, At([.. g.Select(a => a.Milliseconds).Order()], 0.99))).Append(("none", 0)).MaxBy(p => p.Item2);
        static double At(double[] ordered, double share) => ordered.Length == 0 ? 0 : ordered[(int)((ordered.Length - 1) * share)];
        var title = $"{Clients} clients for {(scale.LoadWarmUp + scale.LoadTest).TotalSeconds:0} s, {seen.Refreshes} rebuilt tables, {seen.RevocationSeconds.Count} revoked keys, {seen.Sent} events, {seen.Limited} answers of 429: ";
        return
        [
            new Figure(Name, title + "answers", "/s", times.Length / scale.LoadTest.TotalSeconds, null, Bound.AtLeast, 1),
            new Figure(Name, "half of the answers came within", "ms", At(times, 0.5), null, Bound.AtMost, 1_000),
            new Figure(Name, $"99 of 100 came within; of the slowest, {slowest}, {slow:0} ms", "ms", At(times, 0.99), null, Bound.AtMost, 5_000),
            new Figure(Name, "errors", "", seen.Errors.Count, null, Bound.AtMost, 0),
            new Figure(Name, "the slowest revoked key stopped after", "s", seen.RevocationSeconds.DefaultIfEmpty(0).Max(), null, Bound.AtMost, MaxRevocationSeconds),
            new Figure(Name, $"memory at the end, {first:0} MiB {scale.LoadTest.TotalSeconds:0} s before", "MiB", last, null, Bound.AtMost, first + MaxGrowthMegabytes),
        ];
    }

    private static async Task AskAsync(HttpClient client, string key, string tenant, int number, Seen seen, CancellationToken end)
    {
        var tags = new Dictionary<string, string>();
        for (var i = number; !end.IsCancellationRequested; i++)
        {
            var path = Paths[i % Paths.Length];
            var began = TimeProvider.System.GetTimestamp();
            try
            {
                using var request = Request(HttpMethod.Get, path, key);
                if (i % 3 == 0 && tags.TryGetValue(path, out var tag))
                {
                    request.Headers.TryAddWithoutValidation("If-None-Match", tag);
                }

                using var response = await client.SendAsync(request, end);
                var body = await response.Content.ReadAsByteArrayAsync(end);
                if (response.StatusCode == HttpStatusCode.TooManyRequests)
                {
                    Interlocked.Increment(ref seen.Limited);
                    await Task.Delay(response.Headers.RetryAfter?.Delta ?? TimeSpan.FromSeconds(1), TimeProvider.System, end);
                    continue;
                }

                seen.Answers.Add((path, TimeProvider.System.GetElapsedTime(began).TotalMilliseconds));
                seen.Check(response, body, path, tenant);
                if (response.Headers.ETag is { } given)
                {
                    tags[path] = given.ToString();
                }
            }
            catch (OperationCanceledException) when (end.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException)
            {
                // Also what hangs for two minutes.
                seen.Errors.Add($"{path}: {exception.Message}");
            }
        }
    }

    /// <summary>Rebuilds a table after the other, whole.</summary>
    private static async Task RefreshAsync(HttpClient client, Seen seen, CancellationToken end)
    {
        try
        {
            var tables = JsonNode.Parse(await client.GetStringAsync("/v1/gold", end))!["tables"]!.AsArray().Select(t => (string)t!["name"]!).Where(t => !t.StartsWith(World.Wide, StringComparison.Ordinal) && !t.StartsWith(World.Slice, StringComparison.Ordinal)).Distinct().ToList();
            for (var i = 0; ; i++)
            {
                using var begun = await client.PostAsync($"/v1/gold/{tables[i % tables.Count]}/refresh?full=true", null, end);
                // Its scheduler may be at the same table.
                if (begun.StatusCode == HttpStatusCode.Accepted)
                {
                    var run = begun.Headers.Location!.ToString();
                    string state;
                    while ((state = (string)JsonNode.Parse(await client.GetStringAsync(run, end))!["run"]!["state"]!) is "running" or "queued" or "pending")
                    {
                        await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, end);
                    }

                    if (state == "succeeded")
                    {
                        Interlocked.Increment(ref seen.Refreshes);
                    }
                    else
                    {
                        seen.Errors.Add($"The refresh of {tables[i % tables.Count]} ended as {state}.");
                    }
                }

                await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, end);
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The time is over.
        }
    }

    /// <summary>Makes a key, uses it, revokes it, and looks how long it goes on.</summary>
    private static async Task RevokeAsync(HttpClient client, string[] tenants, Seen seen, CancellationToken end)
    {
        try
        {
            for (var i = 0; ; i++)
            {
                var (id, key) = await MakeKeyAsync(client, tenants[i % tenants.Length], end);
                HttpStatusCode status;
                using (var used = await client.SendAsync(Request(HttpMethod.Get, "/v1/metrics", key), end))
                {
                    status = used.StatusCode;
                }

                if (status is not (HttpStatusCode.OK or HttpStatusCode.TooManyRequests))
                {
                    seen.Errors.Add($"A new key gets {(int)status}.");
                }

                (await client.DeleteAsync("/v1/keys/" + id, end)).Dispose();
                var revoked = TimeProvider.System.GetTimestamp();
                while (status != HttpStatusCode.Unauthorized && TimeProvider.System.GetElapsedTime(revoked) < TimeSpan.FromSeconds(30))
                {
                    using var refused = await client.SendAsync(Request(HttpMethod.Get, "/v1/insights/kpi-year-on-year", key), end);
                    status = refused.StatusCode;
                }

                seen.RevocationSeconds.Add(TimeProvider.System.GetElapsedTime(revoked).TotalSeconds);
                await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System, end);
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The time is over.
        }
    }

    /// <summary>Sends visits to the sample's stream.</summary>
    private static async Task SendAsync(HttpClient client, Seen seen, CancellationToken end)
    {
        var random = new Random(5);
        try
        {
            while (true)
            {
                var lines = LiveSample.Visits(TimeProvider.System.GetUtcNow(), random).Concat(LiveSample.Visits(TimeProvider.System.GetUtcNow(), random)).ToList();
                using var content = new StringContent(string.Join('\n', lines.Select(Encoding.UTF8.GetString)), Encoding.UTF8, "application/x-ndjson");
                using var response = await client.PostAsync("/v1/events/" + LiveSample.Stream, content, end);
                if (response.StatusCode == HttpStatusCode.Accepted)
                {
                    seen.Sent += lines.Count;
                }
                else
                {
                    seen.Errors.Add($"Events: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync(end)}");
                }

                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, end);
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The time is over.
        }
    }

    /// <summary>Begins to measure after the warm-up. Gives the median of what the process takes in the first fifth of the time from then on, and in the last.</summary>
    private static async Task<(double First, double Last)> MeasureAsync(ServerProcess server, Seen seen, TimeSpan warm, CancellationToken end)
    {
        var taken = new List<double>();
        try
        {
            await Task.Delay(warm, TimeProvider.System, end);
            seen.Answers.Clear();
            while (true)
            {
                taken.Add(server.Megabytes);
                await Task.Delay(TimeSpan.FromMilliseconds(250), TimeProvider.System, end);
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            var some = Math.Max(1, taken.Count / 5);
            return taken.Count == 0 ? (0, 0) : (taken.Take(some).Order().ElementAt(some / 2), taken.TakeLast(some).Order().ElementAt(some / 2));
        }
    }

    private static HttpRequestMessage Request(HttpMethod method, string path, string key)
    {
        var request = new HttpRequestMessage(method, path);
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + key);
        return request;
    }

    private static async Task<(string Id, string Key)> MakeKeyAsync(HttpClient client, string tenant, CancellationToken cancellationToken)
    {
        using var made = await client.PostAsJsonAsync("/v1/keys", new { name = "load", tenant }, cancellationToken);
        var body = JsonNode.Parse(await made.Content.ReadAsStringAsync(cancellationToken))!;
        return ((string)body["about"]!["id"]!, (string)body["key"]!);
    }

    /// <summary>What the clients saw.</summary>
    private sealed class Seen
    {
        public int Refreshes;
        public int Limited;
        public int Sent;

        // For a tag and a path, one body, whoever of the tenant asks; and no body for two tenants.
        private readonly ConcurrentDictionary<string, (string Tenant, int Length)> _bodies = new();

        /// <summary>Answers that were no 429, and how long each took.</summary>
        public ConcurrentBag<(string Path, double Milliseconds)> Answers { get; } = [];

        public ConcurrentBag<double> RevocationSeconds { get; } = [];

        public ConcurrentBag<string> Errors { get; } = [];

        public void Check(HttpResponseMessage response, byte[] body, string path, string tenant)
        {
            if (response.StatusCode is not (HttpStatusCode.OK or HttpStatusCode.NotModified) || (response.StatusCode == HttpStatusCode.OK && body.Length == 0))
            {
                Errors.Add($"{path} gives {(int)response.StatusCode}: {System.Text.Encoding.UTF8.GetString(body)}");
                return;
            }

            if (response.Headers.ETag is { } tag)
            {
                var length = response.StatusCode == HttpStatusCode.OK ? body.Length : -1;
                var known = _bodies.AddOrUpdate(tag.Tag + path, (tenant, length), (_, before) => before.Length < 0 ? (before.Tenant, length) : before);
                if (known.Tenant != tenant || (length >= 0 && known.Length != length))
                {
                    Errors.Add($"{path} gives {tenant} under the tag {tag.Tag} {length} bytes, and gave {known.Tenant} {known.Length}.");
                }
            }
        }
    }
}
