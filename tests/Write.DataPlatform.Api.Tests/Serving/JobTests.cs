using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;

namespace Write.DataPlatform.Api.Tests.Serving;

/// <summary>Queries that become jobs, over a lake that answers only when the test lets it.</summary>
public sealed class JobTests : IAsyncLifetime
{
    private const string Query = "/v1/query?metrics=visits,seconds&groupBy=metric_time__month&from=2026-01-01&to=2026-04-01&source=lake";
    private const string Far = "192.0.2.1";

    private readonly MovableClock _clock = new(new DateTimeOffset(2026, 4, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly SmallServer _server;

    public JobTests() => _server = new SmallServer
    {
        Configure = services =>
        {
            GatedLake.Add(services);
            services.AddSingleton<TimeProvider>(_clock);
        },
    };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private GatedLake Lake => _server.Services.GetRequiredService<GatedLake>();

    public async ValueTask InitializeAsync()
    {
        await File.AppendAllTextAsync(_server.ModelFile, """
            tenants:
              - { name: acme, where: "{{ Dimension('visit__country') }} = 'C1'" }
              - { name: globex, where: "{{ Dimension('visit__country') }} = 'C2'" }

            """, Cancel);
        await _server.StartAsync(settings: [("DataPlatform:Answers:MaxJobsPerCaller", "2"), ("DataPlatform:Answers:MaxJobs", "3"), ("DataPlatform:Answers:JobTimeout", "00:00:04"), ("DataPlatform:Answers:MaxJobValues", "1000")]);
        // The lake's types are asked for once, before it is shut.
        await _server.GetAsync(Query);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_quick_query_is_answered_at_once()
    {
        var (status, headers, body) = await SendAsync(HttpMethod.Get, Query, "respond-async, wait=30");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal("respond-async, wait=30", headers.GetValues("Preference-Applied").Single());
        Assert.Equal(_server.ExpectedByMonth(), SmallServer.Rows(body!));
        Assert.Empty((await SendAsync(HttpMethod.Get, "/v1/queries")).Body!["queries"]!.AsArray());
    }

    [Fact]
    public async Task A_slow_query_goes_on_without_its_caller_and_is_there_later_in_any_format()
    {
        Lake.IsShut = true;
        var job = await BeginAsync();
        var (status, headers, body) = await SendAsync(HttpMethod.Get, job);
        Assert.Equal((HttpStatusCode.Accepted, "running"), (status, (string)body!["state"]!));
        Assert.NotNull(headers.RetryAfter);
        var listed = Assert.Single((await SendAsync(HttpMethod.Get, "/v1/queries")).Body!["queries"]!.AsArray());
        Assert.Equal(job, (string)listed!["href"]!);

        Lake.IsShut = false;
        body = await UntilOverAsync(job);
        Assert.Equal(_server.ExpectedByMonth(), SmallServer.Rows(body));
        using var csv = await _server.Client.GetAsync(job + "?format=csv", Cancel);
        Assert.Equal((HttpStatusCode.OK, "text/csv"), (csv.StatusCode, csv.Content.Headers.ContentType?.MediaType));
        Assert.Equal("succeeded", (string)(await SendAsync(HttpMethod.Get, "/v1/queries")).Body!["queries"]![0]!["state"]!);

        _clock.Advance(TimeSpan.FromMinutes(11));
        Assert.Equal((HttpStatusCode.NotFound, "unknown_query"), await CodeAsync(HttpMethod.Get, job));
        Assert.Empty((await SendAsync(HttpMethod.Get, "/v1/queries")).Body!["queries"]!.AsArray());
    }

    [Fact]
    public async Task Cancelling_reaches_the_lake()
    {
        Lake.IsShut = true;
        var (before, asked) = (Lake.Cancelled, Lake.Queries);
        var job = await BeginAsync();

        // One that is cancelled on its way there does not reach it at all.
        while (Lake.Queries == asked)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Cancel);
        }

        Assert.Equal(HttpStatusCode.NoContent, (await SendAsync(HttpMethod.Delete, job)).Status);
        while (Lake.Cancelled == before)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Cancel);
        }

        Assert.Equal((HttpStatusCode.NotFound, "unknown_query"), await CodeAsync(HttpMethod.Get, job));
        Assert.Equal((HttpStatusCode.NotFound, "unknown_query"), await CodeAsync(HttpMethod.Delete, job));
    }

    [Fact]
    public async Task A_job_is_its_callers_alone_and_an_operators()
    {
        var (acme, other, globex) = (await KeyAsync("acme", "one"), await KeyAsync("acme", "two"), await KeyAsync("globex", "one"));
        Lake.IsShut = true;
        var job = await BeginAsync(acme);
        foreach (var stranger in new[] { other, globex })
        {
            Assert.Equal((HttpStatusCode.NotFound, "unknown_query"), await CodeAsync(HttpMethod.Get, job, stranger));
            Assert.Equal((HttpStatusCode.NotFound, "unknown_query"), await CodeAsync(HttpMethod.Delete, job, stranger));
            Assert.Empty((await SendAsync(HttpMethod.Get, "/v1/queries", key: stranger)).Body!["queries"]!.AsArray());
            // What is not there is refused in the same words.
            var absent = await SendAsync(HttpMethod.Get, job[..^4] + "0000", key: stranger);
            var hidden = await SendAsync(HttpMethod.Get, job, key: stranger);
            Assert.Equal(((string)absent.Body!["detail"]!).Length, ((string)hidden.Body!["detail"]!).Length);
        }

        Assert.Equal(HttpStatusCode.Accepted, (await SendAsync(HttpMethod.Get, job)).Status);
        Lake.IsShut = false;
        var body = await UntilOverAsync(job, acme);
        Assert.Equal(SmallServer.Sql($"SELECT count(*) FROM {_server.Files} WHERE country = 'C1'")[0][0], body["rows"]!.AsArray().Sum(r => (long)r!["visits"]!));
    }

    [Fact]
    public async Task Jobs_are_bounded_in_number_in_time_and_in_size()
    {
        Lake.IsShut = true;
        var (acme, globex) = (await KeyAsync("acme", "one"), await KeyAsync("globex", "one"));
        var first = await BeginAsync(acme);
        await BeginAsync(acme);
        var third = await SendAsync(HttpMethod.Get, Query, "respond-async, wait=0", acme);
        Assert.Equal((HttpStatusCode.TooManyRequests, "too_many_jobs"), (third.Status, (string)third.Body!["code"]!));
        Assert.NotNull(third.Headers.RetryAfter);
        await BeginAsync(globex);
        Assert.Equal((HttpStatusCode.TooManyRequests, "too_many_jobs"), await CodeAsync(HttpMethod.Get, Query, globex, "respond-async, wait=0"));
        // Nor do a tenant's other keys help it: half is for others.
        Assert.Contains("the tenant's", (string)(await SendAsync(HttpMethod.Get, Query, "respond-async, wait=0", await KeyAsync("acme", "two"))).Body!["detail"]!, StringComparison.Ordinal);

        (HttpStatusCode, string) ended;
        while ((ended = await CodeAsync(HttpMethod.Get, first, acme)).Item1 == HttpStatusCode.Accepted)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Cancel);
        }

        Assert.Equal((HttpStatusCode.GatewayTimeout, "query_timeout"), ended);
        Lake.IsShut = false;
        var large = await SendAsync(HttpMethod.Get, "/v1/query?metrics=visits&groupBy=metric_time__minute&from=2026-01-01&to=2026-04-01&source=lake", "respond-async, wait=60");
        Assert.Equal((HttpStatusCode.UnprocessableEntity, "answer_too_large"), (large.Status, (string)large.Body!["errors"]![0]!["code"]!));
    }

    [Fact]
    public async Task A_tenants_answers_that_wait_are_bounded_and_leave_others_theirs()
    {
        var (acme, globex) = (await KeyAsync("acme", "one"), await KeyAsync("globex", "one"));
        var other = await BeginAsync(globex);
        await UntilOverAsync(other, globex);
        var first = await BeginAsync(acme);
        var body = await UntilOverAsync(first, acme);
        for (var i = 0; i < 110; i++)
        {
            await UntilOverAsync(await BeginAsync(acme), acme);
        }

        // Half of the thousand values that are kept.
        var values = body["rows"]!.AsArray().Count * body["columns"]!.AsArray().Count;
        Assert.Equal(500 / values, (await SendAsync(HttpMethod.Get, "/v1/queries", key: acme)).Body!["queries"]!.AsArray().Count);
        Assert.Equal(HttpStatusCode.NotFound, (await CodeAsync(HttpMethod.Get, first, acme)).Status);
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(HttpMethod.Get, other, key: globex)).Status);
    }

    [Fact]
    public async Task After_a_restart_a_job_is_told_to_be_lost_and_a_failed_one_fails_as_its_query()
    {
        Lake.IsShut = true;
        var job = await BeginAsync();
        await _server.StopAsync();
        await _server.StartAsync();
        Assert.Equal((HttpStatusCode.Gone, "query_lost"), await CodeAsync(HttpMethod.Get, job));
        Assert.Equal((HttpStatusCode.Gone, "query_lost"), await CodeAsync(HttpMethod.Delete, job));
        foreach (var nonsense in new[] { "x", "..%2F..", new string('a', 39), new string('A', 40), "%00" })
        {
            Assert.NotEqual("query_lost", (await CodeAsync(HttpMethod.Get, "/v1/queries/" + nonsense)).Code);
        }

        await _server.GetAsync(Query);
        Lake.IsShut = true;
        job = await BeginAsync();
        Directory.Move(_server.Lake, _server.Lake + "-aside");
        Lake.IsShut = false;
        (HttpStatusCode Status, string) ended;
        while ((ended = await CodeAsync(HttpMethod.Get, job)).Status == HttpStatusCode.Accepted)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Cancel);
        }

        Assert.Equal((HttpStatusCode.ServiceUnavailable, "lake_unavailable"), ended);
        Directory.Move(_server.Lake + "-aside", _server.Lake);
    }

    [Theory]
    [InlineData("wait=5")]
    [InlineData("respond-asynchronously")]
    [InlineData("return=minimal; respond-async")]
    public async Task Without_the_preference_there_is_no_job(string preference) =>
        Assert.False((await SendAsync(HttpMethod.Get, Query, preference)).Headers.Contains("Preference-Applied"));

    private async Task<string> BeginAsync(string? key = null)
    {
        var (status, headers, body) = await SendAsync(HttpMethod.Get, Query, "respond-async, wait=0", key);
        Assert.Equal((HttpStatusCode.Accepted, "running"), (status, (string)body!["state"]!));
        Assert.Equal((string)body["href"]!, headers.Location!.ToString());
        return headers.Location.ToString();
    }

    private async Task<JsonNode> UntilOverAsync(string job, string? key = null)
    {
        while (true)
        {
            var (status, _, body) = await SendAsync(HttpMethod.Get, job, key: key);
            if (status != HttpStatusCode.Accepted)
            {
                Assert.Equal(HttpStatusCode.OK, status);
                return body!;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Cancel);
        }
    }

    private async Task<string> KeyAsync(string tenant, string name) =>
        (string)(await _server.PostAsync("/v1/keys", $$"""{"name":"{{name}}","tenant":"{{tenant}}"}""")).Body["key"]!;

    private async Task<(HttpStatusCode Status, string Code)> CodeAsync(HttpMethod method, string path, string? key = null, string? prefer = null)
    {
        var (status, _, body) = await SendAsync(method, path, prefer, key);
        return (status, (string?)body?["code"] ?? "");
    }

    private async Task<(HttpStatusCode Status, System.Net.Http.Headers.HttpResponseHeaders Headers, JsonNode? Body)> SendAsync(HttpMethod method, string path, string? prefer = null, string? key = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (prefer is not null)
        {
            request.Headers.TryAddWithoutValidation("Prefer", prefer);
        }

        if (key is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + key);
            request.Headers.TryAddWithoutValidation("X-Forwarded-For", Far);
        }

        using var response = await _server.Client.SendAsync(request, Cancel);
        var text = await response.Content.ReadAsStringAsync(Cancel);
        return (response.StatusCode, response.Headers, text.Length == 0 ? null : JsonNode.Parse(text));
    }
}
