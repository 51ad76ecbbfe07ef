using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Api.Sample;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Refresh;

namespace Write.DataPlatform.Api.Tests.EndToEnd;

/// <summary>The whole server with Athena as its lake.</summary>
public sealed class AthenaTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_samples_insights_equal_the_embedded_ones_and_gold_is_built_from_it()
    {
        var folder = Directory.CreateTempSubdirectory("wdp-athena-sample-").FullName;
        var lake = Path.Combine(folder, "lake");
        await new SampleLake().GenerateAsync(new SampleOptions { Directory = lake, EndDate = ServerFixture.Today, Rows = 20_000 }, cancellationToken: Cancel);
        await using var place = await AthenaPlace.StartAsync(lake);
        var (embedded, embeddedClient) = await ServerFixture.StartAsync(Path.Combine(folder, "embedded"), Role.Api, ("DataPlatform:Lake:Path", lake));
        var (athena, athenaClient) = await ServerFixture.StartAsync(Path.Combine(folder, "athena"), Role.Api, place.Settings);
        try
        {
            var insights = (await ReadAsync(embeddedClient, "/v1/insights"))["insights"]!.AsArray().Select(insight => (string)insight!["name"]!).ToList();
            Assert.Equal(6, insights.Count);
            foreach (var path in insights.Select(name => "/v1/insights/" + name).Append("/v1/insights/kpi-year-on-year?tenant=acme&country=FR,DE").Append("/v1/insights/top-shows?genre=drama"))
            {
                var expected = await ReadAsync(embeddedClient, path);
                var actual = await ReadAsync(athenaClient, path);
                Assert.NotEmpty(expected["rows"]!.AsArray());
                Assert.Equal(expected["columns"]?.ToJsonString(), actual["columns"]?.ToJsonString());
                AssertSame(path, expected["rows"]!, actual["rows"]!);
            }

            var run = await athena.Services.GetRequiredService<RefreshService>().RunAsync(
                "visits_daily", new RefreshRange { From = new DateOnly(2026, 1, 1), To = new DateOnly(2026, 3, 1) }, RunTrigger.Manual, null, Cancel);
            Assert.True(run.State == RunState.Succeeded, run.Error);
            Assert.Contains(place.Server.Queries, query => query.StartsWith("UNLOAD", StringComparison.Ordinal));
            Assert.DoesNotContain(place.S3.Keys("results"), key => key.Contains("/exports/", StringComparison.Ordinal));
            const string Query = """{"metrics":["visits","bounce_rate"],"groupBy":["visit__country","metric_time__week"],"timeRange":{"from":"2026-01-05","to":"2026-02-23"},"orderBy":[{"field":"metric_time__week"},{"field":"visit__country"}],"source":""";
            AssertSame("gold", (await PostAsync(embeddedClient, Query + "\"lake\"}"))["rows"]!, (await PostAsync(athenaClient, Query + "\"gold\"}"))["rows"]!);
        }
        finally
        {
            foreach (var (app, client) in new (WebApplication, HttpClient)[] { (embedded, embeddedClient), (athena, athenaClient) })
            {
                client.Dispose();
                await app.StopAsync(CancellationToken.None);
                await app.DisposeAsync();
            }

            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Gold_goes_on_while_Athena_is_down()
    {
        await using var small = new SmallServer();
        await using var place = await AthenaPlace.StartAsync(small.Lake);
        await small.StartAsync(Role.Api, [.. place.Settings, ("AWS:Athena:MaxErrorRetry", "0"), ("AWS:Athena:Timeout", "2000")]);
        var before = small.ExpectedByMonth();
        Assert.Equal(before, SmallServer.Rows((await small.ByMonthAsync("lake")).Body));
        Assert.Equal(RunState.Succeeded, (await small.RefreshAsync()).State);
        Assert.Equal(before, SmallServer.Rows((await small.ByMonthAsync("gold")).Body));

        await place.Server.DisposeAsync();
        Assert.Equal(before, SmallServer.Rows((await small.ByMonthAsync("gold")).Body));
        Assert.Equal(before, SmallServer.Rows((await small.ByMonthAsync("auto")).Body));
        var (status, problem) = await small.ByMonthAsync("lake");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "lake_unavailable"), (status, (string)problem["code"]!));
        Assert.Equal(RunState.Failed, (await small.RefreshAsync(new RefreshRange { Full = true })).State);
        Assert.Equal(before, SmallServer.Rows((await small.ByMonthAsync("gold")).Body));

        await place.BringBackAsync();
        small.WriteMonth("2026-02-01", 5);
        Assert.Equal(small.ExpectedByMonth(), SmallServer.Rows((await small.ByMonthAsync("lake")).Body));
        Assert.Equal(RunState.Succeeded, (await small.RefreshAsync(new RefreshRange { Full = true })).State);
        Assert.Equal(small.ExpectedByMonth(), SmallServer.Rows((await small.ByMonthAsync("gold")).Body));
    }

    [Fact]
    public async Task Wrong_settings_are_all_told_at_the_start()
    {
        await using var small = new SmallServer();
        var error = await Assert.ThrowsAsync<StartupException>(() => small.StartAsync(
            Role.Api, ("DataPlatform:Lake:Kind", "Athena"), ("DataPlatform:Lake:Athena:Workgroop", "x"), ("DataPlatform:Lake:Athena:MaxQueries", "many")));
        Assert.Contains("'Workgroup'", Assert.Single(error.Problems, problem => problem.Contains("Workgroop", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Contains(error.Problems, problem => problem.Contains("MaxQueries", StringComparison.Ordinal));
        Directory.CreateDirectory(small.Data);
        var profiles = Path.Combine(small.Data, "credentials");
        foreach (var (text, word) in new[] { ("[tests]\naws_access_key_id = A\naws_secret_access_key = s\n", "nobody-of-this-name"), ("no profiles\n", "section") })
        {
            await File.WriteAllTextAsync(profiles, text, Cancel);
            error = await Assert.ThrowsAsync<StartupException>(() => small.StartAsync(
                Role.Api, ("DataPlatform:Lake:Kind", "Athena"), ("AWS:Region", "eu-central-1"), ("AWS:Profile", "nobody-of-this-name"), ("AWS:ProfilesLocation", profiles)));
            Assert.Contains(word, Assert.Single(error.Problems), StringComparison.Ordinal);
        }
    }

    private static void AssertSame(string what, JsonNode expected, JsonNode actual)
    {
        string Print(JsonNode? value) => value is JsonValue number && number.TryGetValue<double>(out var real) ? real.ToString("G10", CultureInfo.InvariantCulture) : value?.ToJsonString() ?? "null";
        List<string> Rows(JsonNode rows) => [.. rows.AsArray().Select(row => string.Join(", ", row!.AsObject().Select(cell => $"{cell.Key}={Print(cell.Value)}")))];
        Assert.True(Rows(expected).SequenceEqual(Rows(actual)), $"{what}\n{string.Join('\n', Rows(expected).Except(Rows(actual)).Take(3))}\nby Athena\n{string.Join('\n', Rows(actual).Except(Rows(expected)).Take(3))}");
    }

    private static async Task<JsonNode> ReadAsync(HttpClient client, string path)
    {
        using var response = await client.GetAsync(path, Cancel);
        return await BodyAsync(path, response);
    }

    private static async Task<JsonNode> PostAsync(HttpClient client, string json)
    {
        using var content = new StringContent(json, System.Text.Encoding.UTF8, "application/json");
        using var response = await client.PostAsync("/v1/query", content, Cancel);
        return await BodyAsync(json, response);
    }

    private static async Task<JsonNode> BodyAsync(string what, HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync(Cancel);
        Assert.True(response.IsSuccessStatusCode, what + " " + text);
        return JsonNode.Parse(text)!;
    }
}
