using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Api.Health;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Model;
using Write.DataPlatform.Refresh;

namespace Write.DataPlatform.Api.Tests.Health;

[Collection(typeof(ServerCollection))]
public sealed class HealthRouteTests(ServerFixture server)
{
    [Fact]
    public async Task A_server_that_is_well_says_so()
    {
        var (status, body) = await server.GetAsync("/health");
        Assert.Equal((HttpStatusCode.OK, "Healthy"), (status, (string)body["status"]!));
        Assert.Equal(["status", "totalDuration", "checks"], body.AsObject().Select(p => p.Key));
        var names = body["checks"]!.AsArray().Select(c => (string)c!["name"]!).ToList();
        Assert.Equal(["model", "lake", "gold"], names.Take(3));
        Assert.Contains("gold:visits_daily", names);
        Assert.Contains("scheduler", names);
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/health/ready")).Status);
    }

    [Fact]
    public async Task Strangers_get_no_details()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/health") { Headers = { { "X-Forwarded-For", "203.0.113.9" } } };
        using var response = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        var body = JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
        Assert.All(body["checks"]!.AsArray(), c => Assert.Equal("{}", c!["data"]!.ToJsonString()));
        Assert.All(body["checks"]!.AsArray(), c => Assert.Null(c!["description"]));
    }

    [Fact]
    public async Task A_server_without_lake_and_tables_lives_and_is_not_ready()
    {
        var data = Directory.CreateTempSubdirectory("wdp-health-").FullName;
        var (app, client) = await ServerFixture.StartAsync(data, Role.Api);
        try
        {
            Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/health/live", TestContext.Current.CancellationToken)).StatusCode);
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await client.GetAsync("/health/ready", TestContext.Current.CancellationToken)).StatusCode);
            var health = JsonNode.Parse(await client.GetStringAsync("/health", TestContext.Current.CancellationToken))!;
            Assert.Equal("Degraded", (string)health["status"]!);
            Assert.Equal("Degraded", (string)health["checks"]!.AsArray().Single(c => (string)c!["name"]! == "lake")!["status"]!);
            Assert.Equal("Never refreshed.", (string)health["checks"]!.AsArray().Single(c => (string)c!["name"]! == "gold:visits_daily")!["description"]!);
        }
        finally
        {
            client.Dispose();
            await app.StopAsync(TestContext.Current.CancellationToken);
            await app.DisposeAsync();
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task A_part_of_a_table_is_no_table()
    {
        var data = Directory.CreateTempSubdirectory("wdp-health-").FullName;
        var (app, client) = await ServerFixture.StartAsync(data, Role.Api, ("DataPlatform:Lake:Path", Path.Combine(server.Data, "lake")));
        try
        {
            var service = app.Services.GetRequiredService<RefreshService>();
            var status = app.Services.GetRequiredService<GoldStatus>();
            async Task<GoldTableStatus> Table() => (await status.OfTenantsAsync(app.Services.GetRequiredService<ModelStore>().Current, "audience_monthly", TestContext.Current.CancellationToken)).Single();

            await service.RunAsync("audience_monthly", new RefreshRange(new DateOnly(2025, 1, 1), new DateOnly(2026, 1, 1)), RunTrigger.Manual, null, TestContext.Current.CancellationToken);
            var part = await Table();
            Assert.True(part.Manifest!.Revision > 0);
            Assert.Equal((false, true), (part.IsBuilt, part.IsLate));

            await service.RunAsync("audience_monthly", new RefreshRange(), RunTrigger.Manual, null, TestContext.Current.CancellationToken);
            var whole = await Table();
            Assert.Equal((true, false), (whole.IsBuilt, whole.IsLate));
        }
        finally
        {
            client.Dispose();
            await app.StopAsync(TestContext.Current.CancellationToken);
            await app.DisposeAsync();
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task A_worker_answers_health_alone()
    {
        var data = Directory.CreateTempSubdirectory("wdp-health-").FullName;
        var (app, client) = await ServerFixture.StartAsync(data, Role.Worker);
        try
        {
            Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/health/live", TestContext.Current.CancellationToken)).StatusCode);
            Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync("/v1/insights", TestContext.Current.CancellationToken)).StatusCode);
            Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync("/swagger/v1/swagger.json", TestContext.Current.CancellationToken)).StatusCode);
        }
        finally
        {
            client.Dispose();
            await app.StopAsync(TestContext.Current.CancellationToken);
            await app.DisposeAsync();
            Directory.Delete(data, recursive: true);
        }
    }
}
