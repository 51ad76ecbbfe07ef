using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Api.Alerts;
using Write.DataPlatform.Security;
using Write.DataPlatform.StandIns;

namespace Write.DataPlatform.Api.Tests.Alerts;

/// <summary>Messages to a real receiver that fails, hangs, redirects and checks signatures; processes that die; two at a time.</summary>
public sealed class DeliveryTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_fires_is_told_once_and_what_is_over_once()
    {
        await using var world = await AlertWorld.StartAsync();
        await world.PassAsync();
        await world.PassAsync();
        await world.HourAsync();
        var fired = Assert.Single(world.Receiver.All, r => r.Type.StartsWith("alert.", StringComparison.Ordinal));
        Assert.True(fired.IsSigned);
        Assert.Equal(("alert.firing", "/hook"), (fired.Type, fired.Path));
        var expected = world.SecondsOf("2026-03-09").Where(c => c.Value > 19).ToList();
        var data = JsonNode.Parse(fired.Body)!["data"]!;
        Assert.NotEmpty(expected);
        Assert.Equal(expected.Count, (int)data["groupCount"]!);
        Assert.Equal(expected.Select(c => $"{c.Key} {c.Value}"), data["groups"]!.AsArray().Select(g => $"{g!["key"]!["visit__country"]} {g["value"]}").Order(StringComparer.Ordinal));
        Assert.Equal("firing", (string)(await world.AlertAsync("too-many"))["alert"]!["status"]!);

        world.Change("above: 19", "above: 2000");
        await world.HourAsync();
        await world.HourAsync();
        var messages = world.Receiver.All.Where(r => r.Type.StartsWith("alert.", StringComparison.Ordinal)).ToList();
        Assert.Equal(["alert.firing", "alert.resolved"], messages.Select(m => m.Type));
        Assert.Equal(expected.Count, (int)JsonNode.Parse(messages[1].Body)!["data"]!["groupCount"]!);
        Assert.Equal("ok", (string)(await world.AlertAsync("too-many"))["alert"]!["status"]!);
        Assert.Equal(["delivered", "resolved", "delivered", "firing"], (await world.AlertAsync("too-many"))["events"]!["history"]!.AsArray().Select(h => (string)h!["event"]!));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_message_outlives_its_process_and_keeps_its_name(bool isDynamoDb)
    {
        var settings = new List<(string, string)>();
        if (isDynamoDb)
        {
            Assert.SkipWhen(StandIn.Missing is not null, StandIn.Missing ?? "");
            settings.AddRange(
            [
                ("DataPlatform:Gold:Kind", "DynamoDb"), ("DataPlatform:Gold:DynamoDb:Table", $"alerts-{Guid.NewGuid():N}"), ("DataPlatform:Gold:DynamoDb:Create", "true"),
                ("AWS:ServiceURL", (await StandIn.DynamoDbAsync()).ToString()),
            ]);
        }

        await using var world = await AlertWorld.StartAsync([.. settings]);
        foreach (var _ in Enumerable.Range(0, 2))
        {
            world.Receiver.Answers.Enqueue(302);
        }

        await world.PassAsync();
        Assert.Single(world.Receiver.All);
        var waiting = Assert.Single((await world.AlertAsync("too-many"))["events"]!["messages"]!.AsArray())!;
        Assert.Contains("302; redirects are not followed", (string)waiting["lastError"]!, StringComparison.Ordinal);

        // Another process, over the same store: it evaluates again, and tells nothing new.
        await world.RestartAsync([.. settings]);
        await world.HourAsync();
        await world.HourAsync();
        await world.HourAsync();
        var messages = world.Receiver.All.Where(m => m.Type == "alert.firing").ToList();
        Assert.Equal([302, 302, 204], messages.Select(m => m.Status));
        Assert.Single(messages.Select(m => m.Id).Distinct());
        Assert.Single(messages.Select(m => m.Body).Distinct());
        Assert.All(world.Receiver.All, m => Assert.True(m.IsSigned));
        Assert.DoesNotContain(world.Receiver.All, m => m.Path == "/elsewhere");
        Assert.Empty((await world.AlertAsync("too-many"))["events"]!["messages"]!.AsArray());
    }

    [Fact]
    public async Task A_receiver_that_fails_or_hangs_is_tried_again_and_tells_no_secret()
    {
        await using var world = await AlertWorld.StartAsync(("DataPlatform:Alerts:DeliveryTimeout", "00:00:00.300"));
        world.Receiver.Answers.Enqueue(503);
        world.Receiver.Answers.Enqueue(0);
        await world.PassAsync();
        world.Server.Advance(TimeSpan.FromSeconds(6));
        await world.PassAsync();
        Assert.Equal([503, 0], world.Receiver.All.Select(m => m.Status));
        var health = await world.Server.HealthAsync("alerts", c => (string)c["status"]! == "Degraded");
        Assert.Contains("did not answer", (string)health["description"]!, StringComparison.Ordinal);
        foreach (var path in new[] { "/v1/alerts", "/v1/alerts/too-many", "/v1/reports", "/health", "/v1/reports/picture" })
        {
            var text = (await world.Server.GetAsync(path)).Body.ToJsonString();
            Assert.DoesNotContain("do-not-tell", text, StringComparison.Ordinal);
            Assert.DoesNotContain("whsec", text, StringComparison.Ordinal);
        }

        await world.HourAsync();
        var taken = Assert.Single(world.Receiver.Taken, m => m.Type == "alert.firing");
        Assert.All(world.Receiver.All.Where(m => m.Type == "alert.firing"), m => Assert.Equal(taken.Id, m.Id));
    }

    [Fact]
    public async Task Two_processes_tell_once()
    {
        await using var world = await AlertWorld.StartAsync();
        var (other, client) = await ServerFixture.StartAsync(
            world.Server.Data, Write.DataPlatform.Api.Commands.Role.Api,
            [("DataPlatform:Models", world.Server.Models), ("DataPlatform:Lake:Path", world.Server.Lake), ("DataPlatform:Alerts:Channels:ops:Url", world.Receiver.Url), ("DataPlatform:Alerts:Channels:ops:Secret", Receiver.Secret)],
            services => services.AddSingleton(world.Server.Services.GetRequiredService<TimeProvider>()));
        client.Dispose();
        await using (other)
        {
            var services = new[] { world.Server.Services, other.Services };
            Task PassAsync(IServiceProvider of) => Task.Run(async () =>
            {
                await of.GetRequiredService<AlertRunner>().PassAsync(cancellationToken: Cancel);
                await of.GetRequiredService<AlertOutbox>().DeliverAsync(cancellationToken: Cancel);
            }, Cancel);
            for (var hour = 0; hour < 3; hour++)
            {
                await Task.WhenAll(services.SelectMany(s => Enumerable.Range(0, 3).Select(_ => PassAsync(s))));
                world.Server.Advance(TimeSpan.FromHours(1));
            }

            await Task.WhenAll(services.Select(PassAsync));
            await other.StopAsync(Cancel);
        }

        Assert.Single(world.Receiver.All, m => m.Type == "alert.firing");
        Assert.Equal(world.Receiver.All.Count, world.Receiver.All.Select(m => m.Id).Distinct().Count());
    }

    [Fact]
    public async Task A_query_that_fails_is_an_error_and_never_well()
    {
        await using var world = await AlertWorld.StartAsync();
        await world.PassAsync();
        Assert.Equal("noData", (string)(await world.AlertAsync("late"))["alert"]!["status"]!);
        Assert.Equal("It was never refreshed.", (string)(await world.AlertAsync("late"))["alert"]!["detail"]!);
        Directory.Move(world.Server.Lake, world.Server.Lake + "-gone");
        await world.HourAsync();
        await world.HourAsync();
        foreach (var name in new[] { "of-acme", "of-insight" })
        {
            Assert.Equal("error", (string)(await world.AlertAsync(name))["alert"]!["status"]!);
        }

        var fired = (await world.AlertAsync("too-many"))["alert"]!;
        Assert.Equal("firing", (string)fired["status"]!);
        Assert.StartsWith("lake_failed", (string)fired["error"]!, StringComparison.Ordinal);
        Assert.Equal("lake_failed: The lake did not answer.", (string)(await world.AlertAsync("of-acme"))["alert"]!["error"]!);
        Directory.Move(world.Server.Lake + "-gone", world.Server.Lake);
        await world.HourAsync();
        Assert.Equal(["alert.firing", "alert.error", "alert.recovered"], world.Receiver.All.Select(m => m.Type).Where(t => t.StartsWith("alert.", StringComparison.Ordinal)));
        await world.Server.RefreshAsync();
        await world.HourAsync();
        Assert.Equal("resolved", (string)(await world.AlertAsync("late"))["alert"]!["status"]!);
    }

    [Fact]
    public async Task Reports_come_by_their_schedule_with_what_the_insight_answers()
    {
        await using var world = await AlertWorld.StartAsync();
        await world.PassAsync();
        Assert.DoesNotContain(world.Receiver.All, m => m.Type == "report.ready");
        // Past 06:00 in Berlin, and many ticks of the other.
        world.Server.Advance(TimeSpan.FromHours(15));
        await world.PassAsync();
        await world.PassAsync();
        var reports = world.Receiver.Taken.Where(m => m.Type == "report.ready").ToList();
        Assert.Equal(2, reports.Count);
        var csv = Assert.Single(reports, r => r.ContentType.StartsWith("text/csv", StringComparison.Ordinal));
        Assert.Equal(await world.Server.Client.GetStringAsync("/v1/insights/by-country?format=csv", Cancel), csv.Body);
        var svg = Assert.Single(reports, r => r.ContentType.StartsWith("image/svg+xml", StringComparison.Ordinal));
        Assert.StartsWith("<svg", svg.Body, StringComparison.Ordinal);
        var (_, sent) = await world.Server.PostAsync("/v1/reports/daily-visits/send", "");
        Assert.True((bool)sent["isDelivered"]!);
        Assert.Equal(3, world.Receiver.Taken.Count(m => m.Type == "report.ready"));
    }

    [Fact]
    public async Task A_tenant_sees_its_own_alerts_alone_and_its_own_rows()
    {
        await using var world = await AlertWorld.StartAsync();
        await world.PassAsync();
        var keys = world.Server.Services.GetRequiredService<ApiKeys>();
        var acme = (await keys.CreateAsync("acme", KeyRole.Customer, "acme", null, KeyGrant.Plain, cancellationToken: Cancel)).Text;
        var other = (await keys.CreateAsync("other", KeyRole.Customer, "other", null, KeyGrant.Plain, cancellationToken: Cancel)).Text;
        async Task<(HttpStatusCode, JsonNode)> As(string key, HttpMethod method, string path)
        {
            using var request = new HttpRequestMessage(method, path) { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", key) } };
            using var response = await world.Server.Client.SendAsync(request, Cancel);
            return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!);
        }

        Assert.Equal(["of-acme"], (await As(acme, HttpMethod.Get, "/v1/alerts")).Item2["alerts"]!.AsArray().Select(a => (string)a!["name"]!));
        Assert.Equal(["picture"], (await As(acme, HttpMethod.Get, "/v1/reports")).Item2["reports"]!.AsArray().Select(a => (string)a!["name"]!));
        Assert.Empty((await As(other, HttpMethod.Get, "/v1/alerts")).Item2["alerts"]!.AsArray());
        Assert.Equal(HttpStatusCode.NotFound, (await As(other, HttpMethod.Get, "/v1/alerts/of-acme")).Item1);
        Assert.Equal(HttpStatusCode.NotFound, (await As(acme, HttpMethod.Get, "/v1/alerts/too-many")).Item1);
        Assert.Equal(HttpStatusCode.Forbidden, (await As(acme, HttpMethod.Post, "/v1/alerts/of-acme/test")).Item1);
        var own = SmallServer.Sql($"SELECT count(*) FROM {world.Server.Files} WHERE country = 'C1' AND CAST(started_at AS DATE) = DATE '2026-03-09'").Single()[0];
        Assert.Equal(own, (long)(await As(acme, HttpMethod.Get, "/v1/alerts/of-acme")).Item2["groups"]![0]!["value"]!);

        // Who is given the rule sees nothing of what it was to another.
        world.Change("condition: { below: 1 }\n    schedule: \"0 * * * *\"\n    tenant: acme", "condition: { below: 1 }\n    schedule: \"0 * * * *\"\n    tenant: other");
        Assert.Equal(HttpStatusCode.NotFound, (await As(acme, HttpMethod.Get, "/v1/alerts/of-acme")).Item1);
        var given = (await As(other, HttpMethod.Get, "/v1/alerts/of-acme")).Item2;
        Assert.Equal(("unknown", 0), ((string)given["alert"]!["status"]!, given["groups"]!.AsArray().Count));
        Assert.Empty(given["events"]!["history"]!.AsArray());
        await world.HourAsync();
        var its = SmallServer.Sql($"SELECT count(*) FROM {world.Server.Files} WHERE country = 'C2' AND CAST(started_at AS DATE) = DATE '2026-03-09'").Single()[0];
        Assert.Equal(its, (long)(await As(other, HttpMethod.Get, "/v1/alerts/of-acme")).Item2["groups"]![0]!["value"]!);
    }
}
