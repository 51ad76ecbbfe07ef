using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Api.Tests.Serving;

/// <summary>What is given again and what is not. The lake counts what it is asked.</summary>
public sealed class AnswerCacheTests : IAsyncLifetime
{
    private const string LakeQuery = "/v1/query?metrics=visits,seconds&groupBy=metric_time__month&from=2026-01-01&to=2026-04-01&source=lake";
    private const string GoldQuery = "/v1/query?metrics=visits,seconds&groupBy=metric_time__month&from=2026-01-01&to=2026-04-01&source=gold";

    private readonly MovableClock _clock = new(new DateTimeOffset(2026, 4, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly SmallServer _server;

    public AnswerCacheTests() => _server = new SmallServer
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
        await _server.StartAsync(settings: ("DataPlatform:Answers:LakeMaxAge", "01:00:00"));
        Assert.Equal(RunState.Succeeded, (await _server.RefreshAsync()).State);

        // The types of the lake's columns are asked for once, with the first query.
        Assert.Equal(HttpStatusCode.OK, (await _server.GetAsync("/v1/query?metrics=visits&source=lake")).Status);
        Lake.Reset();
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task The_lake_is_asked_once_for_all_who_ask_at_once()
    {
        Lake.IsShut = true;
        var asked = Enumerable.Range(0, 20).Select(_ => _server.GetAsync(LakeQuery)).ToList();
        await UntilAsync(() => Lake.Queries > 0);

        Lake.IsShut = false;
        foreach (var (status, body) in await Task.WhenAll(asked))
        {
            Assert.Equal(HttpStatusCode.OK, status);
            Assert.Equal(_server.ExpectedByMonth(), SmallServer.Rows(body));
        }

        Assert.Equal(1, Lake.Queries);
    }

    [Fact]
    public async Task One_who_leaves_does_not_take_the_answer_from_the_others_and_the_last_who_leaves_ends_the_work()
    {
        Lake.IsShut = true;
        using var leaves = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var first = _server.Client.GetAsync(LakeQuery, leaves.Token);
        await UntilAsync(() => Lake.Queries > 0);

        using var alsoLeaves = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var second = _server.Client.GetAsync(LakeQuery, alsoLeaves.Token);
        await leaves.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System, Cancel);
        await alsoLeaves.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        await UntilAsync(() => Lake.Cancelled == Lake.Queries);

        Lake.IsShut = false;
        Assert.Equal(_server.ExpectedByMonth(), SmallServer.Rows((await _server.GetAsync(LakeQuery)).Body));
    }

    [Fact]
    public async Task An_answer_of_the_lake_is_given_again_no_longer_than_the_setting_says()
    {
        var before = _server.ExpectedByMonth();
        Assert.Equal(before, SmallServer.Rows((await _server.GetAsync(LakeQuery)).Body));
        _server.WriteMonth(SmallServer.Months[1], 7);
        Assert.Equal(before, SmallServer.Rows((await _server.GetAsync(LakeQuery)).Body));
        Assert.Equal(1, Lake.Queries);

        using var fresh = new HttpRequestMessage(HttpMethod.Get, LakeQuery) { Headers = { CacheControl = new CacheControlHeaderValue { NoCache = true } } };
        using (var response = await _server.Client.SendAsync(fresh, Cancel))
        {
            Assert.Null(response.Headers.ETag);
            Assert.Equal(_server.ExpectedByMonth(), SmallServer.Rows(JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!));
        }

        _clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(_server.ExpectedByMonth(), SmallServer.Rows((await _server.GetAsync(LakeQuery)).Body));
        Assert.Equal(3, Lake.Queries);
    }

    [Fact]
    public async Task A_clock_that_was_ahead_and_comes_there_again_gives_no_old_answer()
    {
        _clock.Adjust(TimeSpan.FromHours(4));
        Assert.Equal(_server.ExpectedByMonth(), SmallServer.Rows((await _server.GetAsync(LakeQuery)).Body));
        _clock.Adjust(TimeSpan.FromHours(-4));
        _server.WriteMonth(SmallServer.Months[1], 7);
        _clock.Advance(TimeSpan.FromHours(4));
        Assert.Equal(_server.ExpectedByMonth(), SmallServer.Rows((await _server.GetAsync(LakeQuery)).Body));
    }

    [Fact]
    public async Task An_answer_of_the_lake_is_as_of_when_it_was_asked_and_not_of_when_it_was_done()
    {
        Lake.IsShut = true;
        var asked = _server.GetAsync(LakeQuery);
        await UntilAsync(() => Lake.Queries > 0);
        var meanwhile = _clock.GetUtcNow();
        _clock.Advance(TimeSpan.FromMinutes(1));
        Lake.IsShut = false;
        Assert.InRange((DateTimeOffset)(await asked).Body["served"]!["asOf"]!, meanwhile - TimeSpan.FromHours(1), meanwhile);
    }

    [Fact]
    public async Task A_table_without_events_is_as_of_its_refresh()
    {
        await File.WriteAllTextAsync(_server.ModelFile, VisitsModel.Text("month", """
              - { name: visits_daily, metrics: [visits], group_by: [visit__country], grain: day, partition: month, audience: external, refresh: { cron: "0 4 1 1 *" } }
            tenants:
              - { name: nobody, where: "{{ Dimension('visit__country') }} = 'C9'" }
            """), Cancel);
        Assert.True(_server.Services.GetRequiredService<ModelStore>().Reload());
        Assert.Equal(RunState.Succeeded, (await _server.RefreshAsync()).State);
        var refreshed = _clock.GetUtcNow();
        _clock.Advance(TimeSpan.FromHours(2));
        var (status, body) = await _server.GetAsync("/v1/query?metrics=visits&source=gold&tenant=nobody");
        Assert.True(status == HttpStatusCode.OK, body.ToJsonString());
        Assert.InRange((DateTimeOffset)body["served"]!["asOf"]!, refreshed - TimeSpan.FromMinutes(1), refreshed);
    }

    [Fact]
    public async Task Failures_are_not_kept()
    {
        var aside = _server.Lake + "-aside";
        Directory.Move(_server.Lake, aside);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await _server.GetAsync(LakeQuery)).Status);
        Directory.Move(aside, _server.Lake);
        var (status, body) = await _server.GetAsync(LakeQuery);
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(_server.ExpectedByMonth(), SmallServer.Rows(body));
    }

    [Fact]
    public async Task A_refresh_changes_tag_and_rows_and_nothing_else_does()
    {
        var (tag, rows) = await GoldAsync();
        Assert.Equal((tag, rows), await GoldAsync());
        Assert.Equal(HttpStatusCode.NotModified, await KnownAsync(tag));
        _server.WriteMonth(SmallServer.Months[2], 5);
        Assert.Equal(HttpStatusCode.NotModified, await KnownAsync(tag));

        Assert.Equal(RunState.Succeeded, (await _server.RefreshAsync()).State);
        Assert.Equal(HttpStatusCode.OK, await KnownAsync(tag));
        var (newTag, newRows) = await GoldAsync();
        Assert.NotEqual(tag, newTag);
        Assert.NotEqual(rows, newRows);
        Assert.Equal(_server.ExpectedByMonth(), SmallServer.Rows(JsonNode.Parse(newRows)!));

        // The same rows from a changed model are another answer: labels are a part of it.
        await File.AppendAllTextAsync(_server.ModelFile, "# a comment\n", Cancel);
        await File.WriteAllTextAsync(_server.ModelFile, (await File.ReadAllTextAsync(_server.ModelFile, Cancel)).Replace("{ name: visits, type: simple", "{ name: visits, label: All visits, type: simple", StringComparison.Ordinal), Cancel);
        for (var tries = 0; (await GoldAsync()).Tag == newTag; tries++)
        {
            Assert.True(tries < 300, "The changed model is not taken.");
            _clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Cancel);
        }

        Assert.Contains("All visits", (await GoldAsync()).Rows, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_range_that_ends_now_moves_with_the_clock()
    {
        const string query = "/v1/query?metrics=visits&last=P1M&source=auto";
        var april = (await _server.GetAsync(query)).Body["rows"]!.ToJsonString();
        Assert.Equal(april, (await _server.GetAsync(query)).Body["rows"]!.ToJsonString());
        // Back in March, whose rows there are.
        await using var march = new SmallServer { Configure = services => services.AddSingleton<TimeProvider>(new MovableClock(new DateTimeOffset(2026, 3, 31, 12, 0, 0, TimeSpan.Zero))) };
        await march.StartAsync();
        var clock = (MovableClock)march.Services.GetRequiredService<TimeProvider>();
        Assert.Equal(1200, (long)(await march.GetAsync(query)).Body["rows"]![0]!["visits"]!);
        clock.Advance(TimeSpan.FromHours(12));
        Assert.NotEqual("1200", (await march.GetAsync(query)).Body["rows"]?.AsArray().FirstOrDefault()?["visits"]?.ToJsonString());
    }

    [Fact]
    public async Task A_range_that_ends_now_goes_back_with_a_clock_that_was_ahead()
    {
        const string query = "/v1/query?metrics=visits&groupBy=metric_time__month&last=P2M&source=gold";
        await using var march = new SmallServer { Configure = services => services.AddSingleton<TimeProvider>(new MovableClock(new DateTimeOffset(2026, 3, 2, 12, 0, 0, TimeSpan.Zero))) };
        await march.StartAsync(settings: ("DataPlatform:Gold:ManifestMaxAge", "00:01:00"));
        Assert.Equal(RunState.Succeeded, (await march.RefreshAsync()).State);
        var clock = (MovableClock)march.Services.GetRequiredService<TimeProvider>();
        clock.Adjust(TimeSpan.FromDays(-20));
        var right = (await march.GetAsync(query)).Body["rows"]!.ToJsonString();
        clock.Adjust(TimeSpan.FromDays(20));
        var ahead = (await march.GetAsync(query)).Body["rows"]!.ToJsonString();
        Assert.NotEqual(right, ahead);
        clock.Adjust(TimeSpan.FromDays(-20));
        Assert.Equal(right, (await march.GetAsync(query)).Body["rows"]!.ToJsonString());
    }

    private async Task UntilAsync(Func<bool> wanted, [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(wanted))] string what = "")
    {
        for (var tries = 0; !wanted(); tries++)
        {
            Assert.True(tries < 1_000, $"{what}: {Lake.Queries} queries, {Lake.Cancelled} cancelled.");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Cancel);
        }
    }

    private async Task<(string Tag, string Rows)> GoldAsync()
    {
        using var response = await _server.Client.GetAsync(GoldQuery, Cancel);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return (response.Headers.ETag!.ToString(), await response.Content.ReadAsStringAsync(Cancel));
    }

    private async Task<HttpStatusCode> KnownAsync(string tag)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, GoldQuery);
        request.Headers.TryAddWithoutValidation("If-None-Match", tag);
        using var response = await _server.Client.SendAsync(request, Cancel);
        return response.StatusCode;
    }
}
