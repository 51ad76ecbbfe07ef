using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Write.DataPlatform.Api.Monitoring;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Api.Tests.Serving;

/// <summary>What the server tells of itself: to a collector as OTLP, at /metrics, and while it stops. Never a key.</summary>
public sealed class MonitoringTests
{
    private const string Query = "/v1/query?metrics=visits&groupBy=metric_time__month&from=2026-01-01&to=2026-04-01";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Traces_metrics_and_logs_reach_a_collector_and_no_key_is_in_them()
    {
        await using var collector = await Collector.StartAsync();
        await using var server = new SmallServer();
        await server.StartAsync(settings:
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Url), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), ("Serilog:MinimumLevel:Default", "Information"), ("Serilog:WriteTo:0:Name", "None"),
        ]);
        Assert.Equal(RunState.Succeeded, (await server.RefreshAsync()).State);
        var secret = "sEcReTsEcReTsEcReTsEcReTsEcReTsEcReTsEcReT0";
        var key = (string)(await server.PostAsync("/v1/keys", """{"name":"Ada","role":"analyst"}""")).Body["key"]!;
        foreach (var shown in new[] { key, "wdp_0123456789abcdef_" + secret })
        {
            foreach (var path in new[] { Query, Query + "&source=lake", "/v1/query?metrics=vists", "/v1/keys", "/v1/nothing", "/v1/metrics/" + shown, "/odata/visits_daily?$top=1", "/mcp", "/v1/query?metrics=" + shown, "/v1/query?metrics=visits&tenant=" + shown, "/v1/metrics?tenant=x%0Aforged%20line" })
            {
                await SendAsync(server, path, r => r.TryAddWithoutValidation("Authorization", "Bearer " + shown));
                await SendAsync(server, path, r => r.TryAddWithoutValidation("X-Api-Key", shown));
                await SendAsync(server, path, r => r.TryAddWithoutValidation("Authorization", "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("any:" + shown))));
                await SendAsync(server, path + (path.Contains('?', StringComparison.Ordinal) ? "&" : "?") + "apikey=" + shown, _ => { });
            }
        }

        // A lake that fails is logged with the path of the request.
        Directory.Move(server.Lake, server.Lake + "-aside");
        await SendAsync(server, "/v1/query?metrics=visits&groupBy=visit__country&source=lake&apikey=" + key, _ => { });
        Directory.Move(server.Lake + "-aside", server.Lake);
        await server.StopAsync();

        var told = collector.Told;
        Assert.Contains("write-data-platform", told["/v1/traces"], StringComparison.Ordinal);
        Assert.Contains("dataplatform.served", told["/v1/traces"], StringComparison.Ordinal);
        Assert.Contains("visits_daily", told["/v1/traces"], StringComparison.Ordinal);
        Assert.Contains("dataplatform.answer.duration", told["/v1/metrics"], StringComparison.Ordinal);
        Assert.Contains("http.server.request.duration", told["/v1/metrics"], StringComparison.Ordinal);
        Assert.Contains("/v1/metrics/wdp_…", told["/v1/logs"], StringComparison.Ordinal);
        Assert.Contains("lake_unavailable", told["/v1/logs"], StringComparison.Ordinal);
        Assert.DoesNotContain("forged line", told["/v1/logs"], StringComparison.Ordinal);
        foreach (var (signal, text) in told)
        {
            Assert.DoesNotContain(secret, text, StringComparison.Ordinal);
            Assert.False(text.Contains(key[21..], StringComparison.Ordinal), $"A key is in {signal}.");
        }
    }

    [Fact]
    public async Task Metrics_are_there_for_operators()
    {
        await using var server = new SmallServer();
        await server.StartAsync();
        Assert.Equal(RunState.Succeeded, (await server.RefreshAsync()).State);
        await server.GetAsync(Query);
        await server.GetAsync(Query);
        string text;
        for (var tries = 0; !(text = await server.Client.GetStringAsync("/metrics", Cancel)).Contains("dataplatform_answer_cache_lookups_total", StringComparison.Ordinal); tries++)
        {
            Assert.True(tries < 100, text);
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Cancel);
        }

        Assert.Contains("dataplatform_answer_duration_seconds_count", text, StringComparison.Ordinal);
        Assert.Contains("http_server_request_duration_seconds_count", text, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Unauthorized, await SendAsync(server, "/metrics", r => r.TryAddWithoutValidation("X-Forwarded-For", "192.0.2.1")));
        var key = (string)(await server.PostAsync("/v1/keys", """{"name":"Ada","role":"analyst"}""")).Body["key"]!;
        Assert.Equal(HttpStatusCode.Forbidden, await SendAsync(server, "/metrics", r => r.TryAddWithoutValidation("X-Api-Key", key)));
    }

    [Fact]
    public async Task A_server_that_is_told_to_stop_says_so_answers_on_and_then_stops()
    {
        await using var server = new SmallServer();
        await server.StartAsync(settings: ("DataPlatform:Web:DrainDelay", "00:00:04"));
        Assert.Equal(RunState.Succeeded, (await server.RefreshAsync()).State);
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/health/ready")).Status);
        var stopping = server.Services.GetRequiredService<IHost>().StopAsync(Cancel);
        var (status, body) = await server.GetAsync("/health/ready");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.Contains("stopping", body.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync(Query)).Status);
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/health/live")).Status);
        await stopping;
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => server.Client.GetAsync("/health/live", Cancel));
    }

    [Theory]
    [InlineData("/v1/metrics/wdp_0123456789abcdef_secret", "/v1/metrics/wdp_…")]
    [InlineData("/a\r\n12:00:00 INF forged", "/a??12:00:00 INF forged")]
    [InlineData("/v1/\u001b[31mred\u2028\u202e", "/v1/?[31mred??")]
    [InlineData("/v1/insights/é", "/v1/insights/é")]
    public void A_logged_path_is_one_line_without_keys(string path, string logged) => Assert.Equal(logged, LoggedPath.Of(path));

    private static async Task<HttpStatusCode> SendAsync(SmallServer server, string path, Action<System.Net.Http.Headers.HttpRequestHeaders> show)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        show(request.Headers);
        using var response = await server.Client.SendAsync(request, Cancel);
        return response.StatusCode;
    }

    /// <summary>Takes what is sent by OTLP over HTTP. Texts stand in protobuf as they are.</summary>
    private sealed class Collector : IAsyncDisposable
    {
        private readonly WebApplication _app;
        private readonly ConcurrentDictionary<string, string> _told = new();

        private Collector(WebApplication app) => _app = app;

        public string Url => _app.Urls.Single();

        public IReadOnlyDictionary<string, string> Told => _told;

        public static async Task<Collector> StartAsync()
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            var app = builder.Build();
            app.Urls.Add("http://127.0.0.1:0");
            var collector = new Collector(app);
            app.MapPost("/v1/{signal}", async (HttpContext context) =>
            {
                using var body = new MemoryStream();
                await context.Request.Body.CopyToAsync(body);
                collector._told.AddOrUpdate(context.Request.Path.Value!, Encoding.UTF8.GetString(body.ToArray()), (_, before) => before + Encoding.UTF8.GetString(body.ToArray()));
            });
            await app.StartAsync(Cancel);
            return collector;
        }

        public ValueTask DisposeAsync() => _app.DisposeAsync();
    }
}
