using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Api.Limits;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Tests.Security;

/// <summary>What callers may ask a second, a day and at a time.</summary>
public sealed class LimitTests
{
    private const string Tenants = """
        tenants:
          - { name: free, where: "{{ Dimension('visit__country') }} = 'C1'" }
          - { name: slow, where: "{{ Dimension('visit__country') }} = 'C2'", rate: 1/m }
          - { name: small, where: "{{ Dimension('visit__country') }} = 'C3'", daily_queries: 3 }

        """;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_tenants_rate_is_kept_on_every_route_and_told()
    {
        await using var server = await StartAsync();
        var (slow, other, free) = (await server.KeyAsync("slow"), await server.KeyAsync("slow"), await server.KeyAsync("free"));
        var first = await TwinServers.SendAsync(server.Client, slow, HttpMethod.Get, "/v1/query?metrics=visits");
        Assert.Equal(HttpStatusCode.OK, first.Status);
        Assert.Contains("RateLimit-Policy: \"tenant\";q=1;w=60", first.Headers, StringComparison.Ordinal);
        Assert.Contains("RateLimit: \"tenant\";r=0;t=60", first.Headers, StringComparison.Ordinal);
        foreach (var (key, path) in new[] { (slow, "/v1/query?metrics=visits"), (other, "/v1/metrics"), (slow, "/odata"), (slow, "/odata/metrics?$apply=aggregate(visits)"), (other, "/v1/insights") })
        {
            var (status, body, headers) = await TwinServers.SendAsync(server.Client, key, HttpMethod.Get, path);
            Assert.Equal(HttpStatusCode.TooManyRequests, status);
            Assert.Contains("rate_limited", body, StringComparison.Ordinal);
            Assert.Matches("Retry-After: [1-9][0-9]?\r?\n", headers);
            Assert.Contains("RateLimit: \"tenant\";r=0", headers, StringComparison.Ordinal);
        }

        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(HttpStatusCode.OK, (await TwinServers.SendAsync(server.Client, free, HttpMethod.Get, "/v1/query?metrics=visits")).Status);
        }
    }

    [Fact]
    public async Task A_key_has_a_rate_of_its_own()
    {
        await using var server = await StartAsync(("DataPlatform:Limits:KeyRatePerSecond", "0.01"));
        var (one, two) = (await server.KeyAsync("free"), await server.KeyAsync("free"));
        Assert.Equal(HttpStatusCode.OK, (await TwinServers.SendAsync(server.Client, one, HttpMethod.Get, "/v1/metrics")).Status);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await TwinServers.SendAsync(server.Client, one, HttpMethod.Get, "/v1/metrics")).Status);
        Assert.Equal(HttpStatusCode.OK, (await TwinServers.SendAsync(server.Client, two, HttpMethod.Get, "/v1/metrics")).Status);
        // Nobody is an operator's limit.
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/v1/metrics")).Status);
        }
    }

    [Fact]
    public async Task A_day_has_so_many_queries_by_whatever_door_and_whatever_process()
    {
        await using var server = await StartAsync();
        var key = await server.KeyAsync("small");
        Task<(HttpStatusCode Status, string Body, string Headers)> Get(string path) => TwinServers.SendAsync(server.Client, key, HttpMethod.Get, path);

        Assert.Contains("\"day\";r=2", (await Get("/v1/query?metrics=visits")).Headers, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await Get("/v1/metrics")).Status); // no query
        Assert.Equal(HttpStatusCode.OK, (await Get("/odata/metrics?$apply=aggregate(visits)")).Status);
        await server.StopAsync();
        await server.StartAsync();
        var batch = """{"requests":[{"id":"1","method":"get","url":"metrics?$apply=aggregate(visits)"},{"id":"2","method":"get","url":"metrics?$apply=aggregate(visits)"}]}""";
        var (_, body, _) = await TwinServers.SendAsync(server.Client, key, HttpMethod.Post, "/odata/$batch", batch);
        Assert.Equal([200, 429], JsonNode.Parse(body)!["responses"]!.AsArray().Select(r => (int)r!["status"]!));
        foreach (var path in new[] { "/v1/query?metrics=visits", "/v1/dimensions/visit__country/values", "/odata/metrics?$apply=aggregate(visits)" })
        {
            var (status, refused, headers) = await Get(path);
            Assert.Equal(HttpStatusCode.TooManyRequests, status);
            Assert.Contains("quota_exceeded", refused, StringComparison.Ordinal);
            Assert.Contains("RateLimit-Policy: \"day\";q=3;w=86400", headers, StringComparison.Ordinal);
            Assert.Matches("Retry-After: [1-9][0-9]*", headers);
        }

        Assert.Equal(HttpStatusCode.OK, (await Get("/v1/metrics")).Status);
        // The server's clock stands at three in the afternoon; whoever looks through the tenant's eyes does not use its day.
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/v1/query?metrics=visits&tenant=small")).Status);
    }

    /// <summary>What a caller has already costs nothing of its day.</summary>
    [Fact]
    public async Task An_answer_that_the_caller_has_is_no_query_of_the_day()
    {
        await using var server = await StartAsync();
        await server.RefreshAsync();
        var key = await server.KeyAsync("small");
        const string path = "/v1/query?metrics=visits&groupBy=visit__country&source=gold";
        Task<(HttpStatusCode Status, string Body, string Headers)> Get(params (string, string)[] headers) => TwinServers.SendAsync(server.Client, key, HttpMethod.Get, path, null, headers);
        var first = await Get();
        Assert.Equal(HttpStatusCode.OK, first.Status);
        var tag = first.Headers.Split('\n').Single(h => h.StartsWith("ETag: ", StringComparison.Ordinal))["ETag: ".Length..].Trim();
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(HttpStatusCode.NotModified, (await Get(("If-None-Match", tag))).Status);
        }

        Assert.Contains("\"day\";r=1", (await Get()).Headers, StringComparison.Ordinal);
        await Get();
        Assert.Equal(HttpStatusCode.TooManyRequests, (await Get()).Status);
    }

    /// <summary>A file of settings changes under a running server.</summary>
    [Fact]
    public async Task Changed_limits_hold_and_wrong_ones_do_not()
    {
        await using var server = await StartAsync();
        var key = await server.KeyAsync("free");
        var file = Path.Combine(server.Data, "settings.json");
        await WriteAsync("0");
        ((ConfigurationManager)server.Services.GetRequiredService<IConfiguration>()).AddJsonFile(file, optional: false, reloadOnChange: true);
        Assert.False(await IsLimitedAsync());
        await UntilAsync("0.001", isLimited: true);
        // Neither what no number can be, nor half a file, lifts the limit or ends the server, nor what is written next.
        foreach (var wrong in new[] { "-5", "\"plenty\"", "{" })
        {
            await WriteAsync(wrong);
            for (var i = 0; i < 10; i++)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Cancel);
                Assert.True(await IsLimitedAsync());
            }
        }

        await UntilAsync("0", isLimited: false);
        await UntilAsync("0.002", isLimited: true);

        Task WriteAsync(string rate) => File.WriteAllTextAsync(file, $$$"""{ "DataPlatform": { "Limits": { "KeyRatePerSecond": {{{rate}}} } } }""", Cancel);

        // The second of two requests at once.
        async Task<bool> IsLimitedAsync()
        {
            List<HttpStatusCode> statuses = [];
            for (var i = 0; i < 2; i++)
            {
                statuses.Add((await TwinServers.SendAsync(server.Client, key, HttpMethod.Get, "/v1/metrics")).Status);
            }

            Assert.All(statuses, s => Assert.True(s is HttpStatusCode.OK or HttpStatusCode.TooManyRequests, s.ToString()));
            return statuses[1] == HttpStatusCode.TooManyRequests;
        }

        async Task UntilAsync(string rate, bool isLimited)
        {
            await WriteAsync(rate);
            for (var tries = 0; await IsLimitedAsync() != isLimited; tries++)
            {
                Assert.True(tries < 300, $"The rate does not become {rate}.");
                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Cancel);
            }
        }
    }

    [Fact]
    public async Task A_query_that_takes_too_long_is_ended()
    {
        await using var server = await StartAsync(("DataPlatform:Limits:QueryTimeout", "00:00:00.0000001"));
        foreach (var path in new[] { "/v1/query?metrics=visits", "/odata/metrics?$apply=aggregate(visits)" })
        {
            var (status, body) = await server.GetAsync(path);
            Assert.Equal(HttpStatusCode.GatewayTimeout, status);
            Assert.Contains("query_timeout", body.ToJsonString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task However_many_queries_a_tenant_sends_another_is_next()
    {
        await using var server = await StartAsync();
        await using var limits = Limits(server, new LimitOptions { MaxConcurrent = 1, MaxConcurrentPerTenant = 1, MaxWaitingPerTenant = 20 });
        var (order, turns) = (new List<string>(), new Queue<TaskCompletionSource>());
        Task Run(string tenant, string name) => limits.RunQueryAsync(new DefaultHttpContext(), new Caller(name, tenant, false), () =>
        {
            lock (order)
            {
                order.Add(name);
                turns.Enqueue(new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
                return turns.Last().Task;
            }
        });
        List<Task> running = [.. Enumerable.Range(0, 10).Select(i => Run("flood", "f" + i)), Run("free", "b")];
        for (var done = 0; done < running.Count; done++)
        {
            TaskCompletionSource? turn;
            for (var tries = 0; ; tries++)
            {
                lock (order)
                {
                    if (turns.TryDequeue(out turn))
                    {
                        break;
                    }
                }

                Assert.True(tries < 1_000, "Nobody's turn comes.");
                await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, Cancel);
            }

            turn.SetResult();
        }

        await Task.WhenAll(running);
        Assert.Equal(["f0", "b"], order.Take(2));
        Assert.Equal(11, order.Distinct().Count());
    }

    [Fact]
    public async Task Queries_that_cannot_even_wait_are_refused()
    {
        await using var server = await StartAsync();
        await using var limits = Limits(server, new LimitOptions { MaxConcurrent = 10, MaxConcurrentPerTenant = 1, MaxWaitingPerTenant = 0 });
        var turn = new TaskCompletionSource();
        var first = limits.RunQueryAsync(new DefaultHttpContext(), new Caller("x", "free", false), () => turn.Task);
        var refused = await Assert.ThrowsAsync<ProblemException>(() => limits.RunQueryAsync(new DefaultHttpContext(), new Caller("x", "free", false), () => Task.CompletedTask));
        Assert.Equal((429, ProblemCodes.TooManyQueries), (refused.Problem.Status, refused.Problem.Code));
        await limits.RunQueryAsync(new DefaultHttpContext(), new Caller("y", "slow", false), () => Task.CompletedTask);
        turn.SetResult();
        await first;
        await limits.RunQueryAsync(new DefaultHttpContext(), new Caller("x", "free", false), () => Task.CompletedTask);
    }

    /// <summary>What the lake answered and nobody has taken lies in memory: whoever does not take it waits for the next, and only for the lake's.</summary>
    [Fact]
    public async Task Who_does_not_take_the_lakes_answers_waits_for_the_next()
    {
        await using var server = await StartAsync();
        await using var limits = Limits(server, new LimitOptions { MaxConcurrent = 10, MaxConcurrentPerTenant = 2, MaxWaitingPerTenant = 1 });
        var taken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var made = 0;
        Task Lake(string tenant) => limits.RunQueryAsync(new DefaultHttpContext(), new Caller("x", tenant, false), async () =>
        {
            await QueryPlace.LeaveForLakeAsync(Cancel);
            await QueryPlace.LeaveForLakeAsync(Cancel);
            Interlocked.Increment(ref made);
            await taken.Task;
        });
        List<Task> asked = [Lake("slow"), Lake("slow"), Lake("slow")];
        Assert.Equal(2, made);

        // One waits; more may not.
        var refused = await Assert.ThrowsAsync<ProblemException>(() => Lake("slow"));
        Assert.Equal((429, ProblemCodes.TooManyQueries), (refused.Problem.Status, refused.Problem.Code));

        // Gold goes on for it, and everything for others.
        await limits.RunQueryAsync(new DefaultHttpContext(), new Caller("x", "slow", false), () => Task.CompletedTask);
        asked.Add(Lake("free"));
        Assert.Equal(3, made);
        taken.SetResult();
        await Task.WhenAll(asked);
        Assert.Equal(4, made);
        await Lake("slow");
    }

    private static CallLimits Limits(SmallServer server, LimitOptions options) => new(
        new ReloadedOptions<LimitOptions>(new Fixed(options), NullLogger<ReloadedOptions<LimitOptions>>.Instance), server.Services.GetRequiredService<DailyQuota>(), server.Services.GetRequiredService<ModelStore>(), server.Services.GetRequiredService<TimeProvider>());

    private sealed class Fixed(LimitOptions options) : IOptionsMonitor<LimitOptions>
    {
        public LimitOptions CurrentValue => options;

        public LimitOptions Get(string? name) => options;

        public IDisposable? OnChange(Action<LimitOptions, string?> listener) => null;
    }

    private static async Task<SmallServer> StartAsync(params (string Key, string Value)[] settings)
    {
        var server = new SmallServer();
        await File.AppendAllTextAsync(server.ModelFile, Tenants, Cancel);
        await server.StartAsync(settings: settings);
        return server;
    }
}
