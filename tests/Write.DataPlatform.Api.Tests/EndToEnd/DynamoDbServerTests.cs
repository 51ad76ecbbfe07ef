using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Gold;
using Write.DataPlatform.StandIns;

namespace Write.DataPlatform.Api.Tests.EndToEnd;

/// <summary>The whole platform with its gold in DynamoDB.</summary>
[Collection(typeof(ServerCollection))]
public sealed class DynamoDbServerTests(ServerFixture embedded)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_sample_from_DynamoDB_equals_the_sample_from_SQLite()
    {
        Assert.SkipWhen(StandIn.Missing is not null, StandIn.Missing ?? "");
        var folder = Directory.CreateTempSubdirectory("wdp-dynamo-").FullName;
        var (app, client) = await ServerFixture.StartAsync(
            Path.Combine(folder, "data"),
            Role.All,
            [("DataPlatform:Lake:Path", Path.Combine(embedded.Data, "lake")), .. DynamoDb(await StandIn.DynamoDbAsync())]);
        await using (app)
        using (client)
        {
            for (var tries = 0; (await client.GetAsync("/health/ready", Cancel)).StatusCode != HttpStatusCode.OK; tries++)
            {
                Assert.True(tries < 1_000, "The gold tables are not built.");
                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Cancel);
            }

            var insights = (await embedded.GetAsync("/v1/insights")).Body["insights"]!.AsArray();
            var same = 0;
            foreach (var insight in insights)
            {
                var path = (string)insight!["href"]!;
                var (status, expected) = await embedded.GetAsync(path);
                using var response = await client.GetAsync(path, Cancel);
                var actual = JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!;
                Assert.Equal(status, response.StatusCode);
                if (status == HttpStatusCode.OK)
                {
                    Assert.Equal(expected["rows"]!.ToJsonString(), actual["rows"]!.ToJsonString());
                    Assert.Equal(expected["served"]!["by"]!.ToJsonString(), actual["served"]!["by"]!.ToJsonString());
                    same += expected["served"]!["by"]!.ToJsonString().Contains("gold", StringComparison.Ordinal) ? 1 : 0;
                }
            }

            Assert.True(same >= 3, $"Only {same} insights were compared.");
            var runs = JsonNode.Parse(await client.GetStringAsync("/v1/runs", Cancel))!["runs"]!.AsArray();
            Assert.NotEmpty(runs);
            Assert.All(runs, run => Assert.True((double)run!["writeUnits"]! > 0 && (double)run["readUnits"]! > 0, run.ToJsonString()));
            await app.StopAsync(Cancel);
        }

        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task A_DynamoDB_that_is_away_is_told_and_is_used_again_when_it_is_back()
    {
        Assert.SkipWhen(StandIn.Missing is not null, StandIn.Missing ?? "");
        var folder = Directory.CreateTempSubdirectory("wdp-dynamo-").FullName;
        var port = FreePort();
        var what = string.Create(CultureInfo.InvariantCulture, $"dynamodb={port},{folder}");
        var dynamo = await StandIn.StartAsync(what, Cancel);
        try
        {
            await using var server = new SmallServer();
            await server.StartAsync(settings: DynamoDb(dynamo.Url));
            Assert.Equal(RunState.Succeeded, (await server.RefreshAsync()).State);
            Assert.Equal(server.ExpectedByMonth(), SmallServer.Rows((await server.ByMonthAsync("gold")).Body));
            var check = await server.HealthAsync("gold", c => (string)c["status"]! == "Healthy");
            Assert.Equal("DynamoDb", (string)check["data"]!["store"]!);
            Assert.StartsWith("wdp-", (string)check["data"]!["storeTable"]!, StringComparison.Ordinal);

            await dynamo.DisposeAsync();
            using (var response = await server.Client.PostAsync(
                "/v1/query", new StringContent("""{"metrics":["visits"],"groupBy":["metric_time__month"],"source":"gold"}""", System.Text.Encoding.UTF8, "application/json"), Cancel))
            {
                Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
                Assert.NotNull(response.Headers.RetryAfter);
                Assert.Contains("cannot be reached", await response.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
            }

            await server.HealthAsync("gold", c => (string)c["status"]! == "Unhealthy" && ((string)c["description"]!).Contains("cannot be reached", StringComparison.Ordinal));
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await server.GetAsync("/health/ready")).Status);

            dynamo = await StandIn.StartAsync(what, Cancel);
            await server.HealthAsync("gold", c => (string)c["status"]! == "Healthy");
            Assert.Equal(server.ExpectedByMonth(), SmallServer.Rows((await server.ByMonthAsync("gold")).Body));
            server.WriteMonth(SmallServer.Months[1], 2);
            Assert.Equal(["2026-02"], (await server.RefreshAsync()).Partitions.Select(p => p.Period));
            Assert.Equal(server.ExpectedByMonth(), SmallServer.Rows((await server.ByMonthAsync("gold")).Body));
        }
        finally
        {
            await dynamo.DisposeAsync();
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Without_its_table_the_server_does_not_start_and_says_how_to_make_it()
    {
        Assert.SkipWhen(StandIn.Missing is not null, StandIn.Missing ?? "");
        await using var server = new SmallServer();
        var settings = DynamoDb(await StandIn.DynamoDbAsync());
        var refused = await Assert.ThrowsAsync<StartupException>(() => server.StartAsync(settings: [.. settings, ("DataPlatform:Gold:DynamoDb:Create", "false")]));
        Assert.Contains("--create", Assert.Single(refused.Problems), StringComparison.Ordinal);
        refused = await Assert.ThrowsAsync<StartupException>(() => server.StartAsync(settings: [.. settings, ("DataPlatform:Gold:DynamoDb:BillingMod", "x"), ("DataPlatform:Gold:DynamoDb:ReadCapacity", "many")]));
        Assert.Equal(
            ["There is no setting DataPlatform:Gold:DynamoDb:BillingMod. Did you mean 'BillingMode'?", "DataPlatform:Gold:DynamoDb:ReadCapacity is 'many'; it must be a number."],
            refused.Problems);
    }

    private static (string Key, string Value)[] DynamoDb(Uri url) =>
    [
        ("DataPlatform:Gold:Kind", "DynamoDb"), ("DataPlatform:Gold:DynamoDb:Table", $"wdp-{Guid.NewGuid():N}"), ("DataPlatform:Gold:DynamoDb:Create", "true"), ("AWS:ServiceURL", url.ToString()),
    ];

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
