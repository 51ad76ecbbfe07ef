using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Api.Tests.Serving;

/// <summary>Dependencies that are away or hang, and come back: the rest goes on, the status says what is wrong, and nothing is to be restarted.</summary>
public sealed class DependencyTests : IAsyncLifetime
{
    private readonly SmallServer _server = new() { Configure = GatedLake.Add };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private GatedLake Lake => _server.Services.GetRequiredService<GatedLake>();

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task StartAsync(params (string, string)[] settings)
    {
        await _server.StartAsync(settings: settings);
        Assert.Equal(RunState.Succeeded, (await _server.RefreshAsync()).State);
    }

    /// <summary>Whether each asks for itself, or all wait for one's work.</summary>
    [Theory]
    [InlineData("00:00:00")]
    [InlineData("01:00:00")]
    public async Task A_lake_that_hangs_takes_nothing_else_with_it(string lakeMaxAge)
    {
        await StartAsync(("DataPlatform:Answers:LakeMaxAge", lakeMaxAge));
        Lake.IsShut = true;
        // The types that the model has of the lake are not known after a restart.
        await File.AppendAllTextAsync(_server.ModelFile, "# changed\n", Cancel);
        // More than a caller has places.
        var hanging = Enumerable.Range(0, 30).Select(_ => _server.ByMonthAsync("lake")).ToList();
        var expected = _server.ExpectedByMonth();

        // Nor does a probe wait for it.
        using (var health = new CancellationTokenSource(TimeSpan.FromSeconds(4)))
        {
            using var ready = await _server.Client.GetAsync("/health/ready", health.Token);
            Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
        }

        for (var i = 0; i < 20; i++)
        {
            var (status, body) = await _server.ByMonthAsync("gold");
            Assert.Equal(HttpStatusCode.OK, status);
            Assert.Equal(expected, SmallServer.Rows(body));
            Assert.Equal(expected, SmallServer.Rows((await _server.ByMonthAsync("auto")).Body));
        }

        await _server.HealthAsync("lake", c => (string)c["status"]! == "Degraded" && ((string)c["description"]!).Contains("does not answer", StringComparison.Ordinal));
        Assert.Equal(HttpStatusCode.OK, (await _server.GetAsync("/health/ready")).Status);
        Assert.DoesNotContain(hanging, h => h.IsCompleted);
        Lake.IsShut = false;
        foreach (var (status, body) in await Task.WhenAll(hanging))
        {
            Assert.Equal(HttpStatusCode.OK, status);
            Assert.Equal(expected, SmallServer.Rows(body));
        }

        await _server.HealthAsync("lake", c => (string)c["status"]! == "Healthy");
    }

    [Fact]
    public async Task A_gold_file_that_another_locks_is_read_on_and_told_when_written()
    {
        await StartAsync();
        var expected = _server.ExpectedByMonth();
        await using (var other = new SqliteConnection($"Data Source={Path.Combine(_server.Data, "gold.db")};Pooling=False"))
        {
            await other.OpenAsync(Cancel);
            await using var command = other.CreateCommand();
            command.CommandText = "BEGIN EXCLUSIVE";
            await command.ExecuteNonQueryAsync(Cancel);
            var (status, body) = await _server.ByMonthAsync("gold");
            Assert.Equal(HttpStatusCode.OK, status);
            Assert.Equal(expected, SmallServer.Rows(body));
            await RefusedAsync("/v1/keys", """{"name":"late","role":"analyst"}""");
            command.CommandText = "ROLLBACK";
            await command.ExecuteNonQueryAsync(Cancel);
        }

        Assert.Equal(HttpStatusCode.Created, (await _server.PostAsync("/v1/keys", """{"name":"late","role":"analyst"}""")).Status);
        Assert.Single((await _server.GetAsync("/v1/keys")).Body["keys"]!.AsArray());
    }

    private async Task RefusedAsync(string path, string json)
    {
        using var content = new StringContent(json, System.Text.Encoding.UTF8, "application/json");
        using var response = await _server.Client.PostAsync(path, content, Cancel);
        var body = JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!;
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "gold_unavailable"), (response.StatusCode, (string)body["code"]!));
        Assert.NotNull(response.Headers.RetryAfter);
    }
}
