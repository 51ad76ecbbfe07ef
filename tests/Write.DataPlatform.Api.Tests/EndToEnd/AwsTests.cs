using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.AthenaStandIn;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Refresh;
using Write.DataPlatform.StandIns;

namespace Write.DataPlatform.Api.Tests.EndToEnd;

/// <summary>The whole server as it runs on AWS: lake in Athena, results and exports in S3, gold in DynamoDB.</summary>
[Collection(typeof(ServerCollection))]
public sealed class AwsTests(ServerFixture embedded)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_samples_insights_equal_the_embedded_ones_row_by_row()
    {
        Assert.SkipWhen(StandIn.Missing is not null, StandIn.Missing ?? "");
        var folder = Directory.CreateTempSubdirectory("wdp-aws-").FullName;
        await using var s3 = await StandIn.StartAsync("s3.results", Cancel);
        await using var athena = await AthenaServer.StartAsync(new AthenaStandInOptions { LakePath = Path.Combine(embedded.Data, "lake"), S3 = s3.Url }, cancellationToken: Cancel);
        var (app, client) = await ServerFixture.StartAsync(
            Path.Combine(folder, "data"),
            Role.Api,
            ("DataPlatform:Lake:Kind", "Athena"),
            ("DataPlatform:Lake:Athena:OutputLocation", "s3://results/out/"),
            ("DataPlatform:Gold:Kind", "DynamoDb"),
            ("DataPlatform:Gold:DynamoDb:Table", $"wdp-{Guid.NewGuid():N}"),
            ("DataPlatform:Gold:DynamoDb:Create", "true"),
            ("AWS:DynamoDB:ServiceURL", (await StandIn.DynamoDbAsync()).ToString()),
            ("AWS:Athena:ServiceURL", athena.Url.ToString()),
            ("AWS:S3:ServiceURL", s3.Url.ToString()),
            ("AWS:S3:ForcePathStyle", "true"));
        await using (app)
        using (client)
        {
            var refresh = app.Services.GetRequiredService<RefreshService>();
            foreach (var table in new[] { "visits_daily", "customers_daily" })
            {
                var run = await refresh.RunAsync(table, new RefreshRange(), RunTrigger.Manual, null, Cancel);
                Assert.True(run.State == RunState.Succeeded, $"{run.Error} {run.Partitions.FirstOrDefault(p => p.Error is not null)?.Error}");
            }

            var served = new HashSet<string>();
            foreach (var insight in (await embedded.GetAsync("/v1/insights")).Body["insights"]!.AsArray())
            {
                foreach (var path in new[] { (string)insight!["href"]!, (string)insight["href"]! + "?tenant=acme" })
                {
                    var (status, expected) = await embedded.GetAsync(path);
                    using var response = await client.GetAsync(path, Cancel);
                    var actual = JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!;
                    Assert.True(status == response.StatusCode, path + " " + actual.ToJsonString());
                    if (response.IsSuccessStatusCode)
                    {
                        Assert.Equal(Rows(expected), Rows(actual));
                        served.UnionWith(actual["served"]!["by"]!.AsArray().Select(by => (string)by!));
                    }
                }
            }

            Assert.Equal(["gold", "lake"], served.Order());
            await app.StopAsync(Cancel);
        }

        Directory.Delete(folder, recursive: true);
    }

    /// <summary>Sums of real numbers differ in their last digits by the order of adding.</summary>
    private static List<string> Rows(JsonNode answer) => [.. answer["rows"]!.AsArray().Select(row => string.Join(", ", row!.AsObject().Select(cell =>
        cell.Key + "=" + (cell.Value is JsonValue number && number.TryGetValue<double>(out var real) ? real.ToString("G10", CultureInfo.InvariantCulture) : cell.Value?.ToJsonString() ?? "null"))))];
}
