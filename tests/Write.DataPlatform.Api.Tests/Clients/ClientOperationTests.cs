using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Api.Tests.Alerts;
using Write.DataPlatform.Client;
using Write.DataPlatform.Streaming;
using PutRecord = Write.DataPlatform.Streaming.PutRecord;
using Role = Write.DataPlatform.Api.Commands.Role;

namespace Write.DataPlatform.Api.Tests.Clients;

/// <summary>What each operation of the generated client says, told by another way; and that there is none that was not asked.</summary>
[Collection(typeof(ServerCollection))]
public sealed partial class ClientOperationTests(ServerFixture server) : IDisposable
{
    private readonly Recorder _recorder = new();
    private readonly List<HttpClient> _clients = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _clients.ForEach(c => c.Dispose());
        _recorder.Dispose();
    }

    [Fact]
    public async Task Every_operation_answers_in_its_types()
    {
        await ReaderAsync(ClientOf(server.Client.BaseAddress!));
        await OperatorAsync();
        var document = JsonNode.Parse(await server.TextAsync("/swagger/v1/swagger.json"))!;
        var operations = document["paths"]!.AsObject().SelectMany(p => p.Value!.AsObject().Select(o => (Method: o.Key.ToUpperInvariant(), Path: p.Key))).ToList();
        Assert.NotEmpty(operations);
        Assert.All(operations, o => Assert.Contains(_recorder.Asked, asked => asked.Method == o.Method && Regex.IsMatch(asked.Path, $"^{Template().Replace(o.Path, "[^/]+")}$")));
    }

    private async Task ReaderAsync(DataPlatformClient api)
    {
        Assert.Equal((true, true), ((await api.CallerAsync(Cancel)) is { IsKnown: true, IsOperator: true }, (await api.LiveAsync(Cancel)).Status == HealthStatus.Healthy));
        Assert.Equal(HealthStatus.Healthy, (await api.ReadyAsync(Cancel)).Status);
        Assert.Contains((await api.HealthAsync(Cancel)).Checks!, c => c.Name!.StartsWith("gold", StringComparison.Ordinal));

        var names = (await api.ListInsightsAsync(Cancel)).Insights!.Select(i => i.Name).Order();
        Assert.Equal(["audience-by-country", "conversion", "kpi-year-on-year", "purchase-funnel", "returning-visitors", "top-shows"], names);
        Assert.All((await api.InsightTopShowsAsync(limit: 2, cancellationToken: Cancel)).Rows!, r => Assert.True(r.Watch_seconds > 0, r.Visit__show__title));
        var countries = (await api.InsightAudienceByCountryAsync(cancellationToken: Cancel)).Rows!;
        Assert.NotEmpty(countries);
        Assert.NotEmpty((await api.InsightConversionAsync(cancellationToken: Cancel)).Rows!);
        Assert.NotEmpty((await api.InsightKpiYearOnYearAsync(from: "2026-01-01", to: "2026-03-01", cancellationToken: Cancel)).Rows!);
        Assert.NotEmpty((await api.InsightPurchaseFunnelAsync(cancellationToken: Cancel)).Rows!);
        Assert.NotEmpty((await api.InsightReturningVisitorsAsync(cancellationToken: Cancel)).Rows!);
        using (var picture = new StreamReader((await api.InsightPictureAsync("top-shows", theme: ChartTheme.Dark, cancellationToken: Cancel)).Stream))
        {
            Assert.StartsWith("<svg", await picture.ReadToEndAsync(Cancel), StringComparison.Ordinal);
        }

        Assert.Equal("devices_by_month", Assert.Single((await api.ListSavedQueriesAsync(Cancel)).SavedQueries!).Name);
        Assert.Equal(20, (await api.SavedQueryAsync("devices_by_month", cancellationToken: Cancel)).Rows!.Count);
        Assert.Equal("visits", (await api.GetMetricAsync((await api.ListMetricsAsync(Cancel)).Metrics!.First(m => m.Name == "visits").Name!, Cancel)).Name);
        Assert.Contains((await api.ListDimensionsAsync("visits", Cancel)).Dimensions!, d => d.Name == "visit__country");
        Assert.Contains((await api.ListValuesAsync("visit__country", prefix: "F", cancellationToken: Cancel)).Values!, v => ((JsonElement)v).GetString() == "FR");

        var query = new MetricQuery { Metrics = ["visits"], TimeRange = new TimeRange { From = "2026-01-01", To = "2026-02-01" }, Source = MetricQuerySource.Lake };
        var visits = Visits(await api.QueryAsync(query, cancellationToken: Cancel));
        Assert.Equal(server.Sql("SELECT count(*) FROM {visits} WHERE occurred_at >= '2025-12-31 23:00' AND occurred_at < '2026-01-31 23:00'")[0][0], visits);
        Assert.Equal(visits, Visits(await api.QueryByAddressAsync(metrics: ["visits"], from: "2026-01-01", to: "2026-02-01", cancellationToken: Cancel)));
        Assert.Contains("leaves", ((JsonElement)await api.ExplainAsync(query, cancellationToken: Cancel)).GetRawText(), StringComparison.Ordinal);

        // A query that takes longer is a job, which is told apart from an answer.
        query.TimeRange = new TimeRange { From = "2025-12-01", To = "2026-03-01" };
        var accepted = await Assert.ThrowsAsync<DataPlatformException<Job>>(() => api.QueryAsync(query, prefer: "respond-async, wait=0", cancellationToken: Cancel));
        Assert.Equal(202, accepted.StatusCode);
        Assert.Contains((await api.ListJobsAsync(Cancel)).Queries!, j => j.Id == accepted.Result.Id);
        var answer = await api.GetJobAsync(accepted.Result.Id!, prefer: "wait=30", cancellationToken: Cancel);
        Assert.Equal(server.Sql("SELECT count(*) FROM {visits} WHERE occurred_at >= '2025-11-30 23:00' AND occurred_at < '2026-02-28 23:00'")[0][0], Visits(answer));
        await api.CancelJobAsync(accepted.Result.Id!, Cancel);
    }

    private async Task OperatorAsync()
    {
        await using var receiver = await Receiver.StartAsync();
        await using var small = new SmallServer();
        await File.AppendAllTextAsync(small.ModelFile, AlertWorld.Rules + "streams:\n  - { name: visits, semantic_model: visits, window: 1s, allowed_lateness: 1s, tables: [visits_daily] }\n", Cancel);
        await small.StartAsync(
            Role.All,
            ("DataPlatform:Alerts:Channels:ops:Url", receiver.Url), ("DataPlatform:Alerts:Channels:ops:Secret", Receiver.Secret),
            ("DataPlatform:MicroBatches:IdleAfter", "00:00:00.2"), ("DataPlatform:MicroBatches:LandInterval", "00:00:01"), ("DataPlatform:Stream:Local:Flush", "Never"));
        var api = ClientOf(small.Client.BaseAddress!);
        await RefreshAsync(api);
        await StreamAsync(api, small);
        await AlertsAsync(api, receiver);
        await KeysAsync(api, small.Client.BaseAddress!);
        await small.StopAsync();
    }

    private static async Task RefreshAsync(DataPlatformClient api)
    {
        var run = await api.RefreshGoldAsync(SmallServer.Table, from: new DateOnly(2026, 1, 1), to: new DateOnly(2026, 4, 1), full: true, cancellationToken: Cancel);
        Assert.Equal((SmallServer.Table, new DateOnly(2026, 1, 1)), (run.Table, run.From));
        await UntilAsync(async () => (await api.GetRunAsync(run.Id!, Cancel)).Run!.State == "succeeded");
        var table = Assert.Single((await api.ListGoldAsync(Cancel)).Tables!);
        Assert.Equal((SmallServer.Table, 3L), (table.Name, table.PartitionCount));
        Assert.Contains("2026-02", ((JsonElement)await api.GetGoldAsync(SmallServer.Table, Cancel)).GetRawText(), StringComparison.Ordinal);
        Assert.Contains((await api.ListRunsAsync(SmallServer.Table, cancellationToken: Cancel)).Runs!, r => r.Id == run.Id);
        Assert.Equal(409, (await Assert.ThrowsAsync<DataPlatformException<Problem>>(() => api.CancelRunAsync(run.Id!, Cancel))).StatusCode);
        Assert.Equal(3_600, Visits(await api.QueryAsync(new MetricQuery { Metrics = ["visits"], Source = MetricQuerySource.Gold }, cancellationToken: Cancel)));
    }

    private static async Task StreamAsync(DataPlatformClient api, SmallServer small)
    {
        var now = small.Services.GetRequiredService<TimeProvider>().GetUtcNow().UtcDateTime;
        var sent = await api.SendEventsAsync("visits", [new { id = 1, started_at = now, country = "FR", seconds = 5 }, new { id = "x" }], Cancel);
        Assert.Equal((1L, 1L, "wrong_type"), (sent.Accepted, sent.Refused, Assert.Single(sent.Errors!).Code));
        await small.Services.GetRequiredService<IEventStreams>().Get("visits").PutAsync([new PutRecord("key", "{"u8.ToArray())], Cancel);
        await UntilAsync(async () => Assert.Single((await api.ListStreamsAsync(Cancel)).Streams!) is { Events: 1, DeadLetters: 1 });
        Assert.Equal("invalid_json", Assert.Single((await api.ListDeadLettersAsync("visits", cancellationToken: Cancel)).DeadLetters!).Reason);
        Assert.Equal(1, (await api.ReplayDeadLettersAsync("visits", cancellationToken: Cancel)).Replayed);
    }

    private static async Task AlertsAsync(DataPlatformClient api, Receiver receiver)
    {
        Assert.Equal(["late", "of-acme", "of-insight", "too-many"], (await api.ListAlertsAsync(Cancel)).Alerts!.Select(a => a.Name).Order());
        Assert.Equal(AlertSeverity.Critical, (await api.GetAlertAsync("too-many", Cancel)).Alert!.Severity);
        var tested = await api.TestAlertAsync("too-many", deliver: true, cancellationToken: Cancel);
        Assert.Equal(("too-many", true), (tested.Alert, tested.Delivery?.IsDelivered));
        Assert.Equal(["daily-visits", "picture"], (await api.ListReportsAsync(Cancel)).Reports!.Select(r => r.Name).Order());
        Assert.Equal(ReportFormat.Csv, (await api.GetReportAsync("daily-visits", Cancel)).Report!.Format);
        Assert.True((await api.SendReportAsync("daily-visits", Cancel)).IsDelivered);
        Assert.True(receiver.Taken.Count >= 2);
    }

    private async Task KeysAsync(DataPlatformClient api, Uri address)
    {
        var made = await api.CreateKeyAsync(new CreateKeyBody { Name = "Acme", Tenant = "acme", Expires = "90d" }, Cancel);
        var acme = ClientOf(address, made.Key);
        Assert.Equal("acme", (await acme.CallerAsync(Cancel)).Tenant);
        Assert.True(Visits(await acme.QueryAsync(new MetricQuery { Metrics = ["visits"] }, cancellationToken: Cancel)) < 1_000);
        var next = await api.RotateKeyAsync(made.About!.Id!, overlap: "1h", cancellationToken: Cancel);
        Assert.NotEqual(made.Key, next.Key);
        Assert.Equal(2, (await api.ListKeysAsync(Cancel)).Keys!.Count(k => k is { Tenant: "acme", State: ApiKeyState.Good }));
        Assert.Equal(ApiKeyState.Revoked, (await api.RevokeKeyAsync(made.About.Id!, Cancel)).State);
        await UntilAsync(async () => await IsRefusedAsync(acme));
        Assert.Contains((await api.ListActsAsync(cancellationToken: Cancel)).Acts!, a => a.Action!.Contains("rotate", StringComparison.Ordinal));

        static async Task<bool> IsRefusedAsync(DataPlatformClient client)
        {
            try
            {
                await client.ListMetricsAsync(Cancel);
                return false;
            }
            catch (DataPlatformException<Problem> refused) when (refused.StatusCode == 401)
            {
                return true;
            }
        }
    }

    private static async Task UntilAsync(Func<Task<bool>> happens)
    {
        for (var tries = 0; !await happens(); tries++)
        {
            Assert.True(tries < 600, "It does not come to be.");
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Cancel);
        }
    }

    private DataPlatformClient ClientOf(Uri address, string? key = null)
    {
        var http = new HttpClient(_recorder, disposeHandler: false) { BaseAddress = DataPlatformClient.Root(address) };
        http.DefaultRequestHeaders.Authorization = key is null ? null : new("Bearer", key);
        _clients.Add(http);
        return new DataPlatformClient(http);
    }

    private static long Visits(Answer answer) => ((JsonElement)Assert.Single(answer.Rows!)["visits"]).GetInt64();

    [GeneratedRegex(@"\{\w+\}")]
    private static partial Regex Template();

    private sealed class Recorder() : DelegatingHandler(new SocketsHttpHandler())
    {
        public ConcurrentBag<(string Method, string Path)> Asked { get; } = [];

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Asked.Add((request.Method.Method, request.RequestUri!.AbsolutePath));
            return base.SendAsync(request, cancellationToken);
        }
    }
}
