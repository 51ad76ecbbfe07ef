using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using DuckDB.NET.Data;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Refresh;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Tests;

/// <summary>A server of its own over a lake of visits in three months, for tests that break or change something. Nothing that it reads is remembered.</summary>
internal sealed class SmallServer : IAsyncDisposable
{
    public const string Table = "visits_daily";

    public static readonly string[] Months = ["2026-01-01", "2026-02-01", "2026-03-01"];

    private static readonly string Model = VisitsModel.Text("month", """
          - name: visits_daily
            metrics: [visits, seconds]
            group_by: [visit__country]
            grain: day
            partition: month
            refresh: { cron: "0 4 1 1 *" }
        """);

    private readonly string _folder = Directory.CreateTempSubdirectory("wdp-small-").FullName;
    private WebApplication? _app;
    private HttpClient? _client;

    public SmallServer()
    {
        Directory.CreateDirectory(Models);
        File.WriteAllText(ModelFile, Model);
        foreach (var month in Months)
        {
            WriteMonth(month, 1);
        }
    }

    /// <summary>Puts services in the place of others.</summary>
    public Action<IServiceCollection>? Configure { get; init; }

    public string Data => Path.Combine(_folder, "data");

    public string Lake => Path.Combine(_folder, "lake");

    public string Models => Path.Combine(_folder, "models");

    public string ModelFile => Path.Combine(Models, "model.yaml");

    public HttpClient Client => _client!;

    public IServiceProvider Services => _app!.Services;

    /// <summary>Lets time pass for the server.</summary>
    public void Advance(TimeSpan time) => ((ServerFixture.ShiftedClock)Services.GetRequiredService<TimeProvider>()).Advance(time);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A month's only file.</summary>
    public string MonthFile(string month) => Path.Combine(Lake, "visits", "month=" + month, "a.parquet");

    /// <summary>The files' path, for statements of an oracle.</summary>
    public string Files => $"read_parquet('{Lake}/visits/*/*.parquet', hive_partitioning = true)";

    /// <summary>Writes a month anew: 1,200 visits on its first twelve days, of <paramref name="seconds"/> seconds each.</summary>
    public void WriteMonth(string month, int seconds, string type = "BIGINT")
    {
        Directory.CreateDirectory(Path.GetDirectoryName(MonthFile(month))!);
        var file = MonthFile(month) + ".new";
        Sql($"""
            COPY (SELECT {month.Replace("-", "", StringComparison.Ordinal)}0000 + i AS id, TIMESTAMP '{month}' + to_minutes(i % 12 * 1440 + i) AS started_at, 'C' || (i % 5) AS country, CAST({seconds} AS {type}) AS seconds FROM range(1200) AS r(i))
            TO '{file}' (FORMAT parquet)
            """);
        File.Move(file, MonthFile(month), overwrite: true);
    }

    /// <summary>The rows of a statement, for oracles.</summary>
    public static List<object?[]> Sql(string sql)
    {
        using var connection = new DuckDBConnection("DataSource=:memory:;threads=1");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        var rows = new List<object?[]>();
        while (reader.Read())
        {
            rows.Add([.. Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? null : reader.GetValue(i))]);
        }

        return rows;
    }

    /// <summary>Without a scheduler unless the role says so.</summary>
    public async Task StartAsync(Role role = Role.Api, params (string Key, string Value)[] settings) => (_app, _client) = await ServerFixture.StartAsync(
        Data,
        role,
        [
            ("DataPlatform:Models", Models),
            ("DataPlatform:Lake:Path", Lake),
            ("DataPlatform:Lake:ScanInterval", "00:00:00"),
            ("DataPlatform:Gold:ManifestMaxAge", "00:00:00"),
            ("DataPlatform:Answers:LakeMaxAge", "00:00:00"),
            ("DataPlatform:Refresh:MaxPartitions", "1"),
            ("DataPlatform:Refresh:MaxAttempts", "1"),
            .. settings,
        ],
        Configure);

    public async Task StopAsync()
    {
        _client?.Dispose();
        if (_app is not null)
        {
            await _app.StopAsync(CancellationToken.None);
            await _app.DisposeAsync();
        }

        (_app, _client) = (null, null);
    }

    /// <summary>A key of a customer's.</summary>
    public async Task<string> KeyAsync(string tenant, string name = "test") =>
        (await Services.GetRequiredService<ApiKeys>().CreateAsync(name, KeyRole.Customer, tenant, null, KeyGrant.Plain, Cancel)).Text;

    public Task<RefreshRun> RefreshAsync(RefreshRange? range = null) =>
        Services.GetRequiredService<RefreshService>().RunAsync(Table, range ?? new RefreshRange(), RunTrigger.Manual, null, Cancel);

    public async Task<(HttpStatusCode Status, JsonNode Body)> GetAsync(string path)
    {
        using var response = await Client.GetAsync(path, Cancel);
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!);
    }

    public async Task<(HttpStatusCode Status, JsonNode Body)> PostAsync(string path, string json)
    {
        using var content = new StringContent(json, Encoding.UTF8, "application/json");
        using var response = await Client.PostAsync(path, content, Cancel);
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!);
    }

    /// <summary>Visits and seconds by month, from one source.</summary>
    public Task<(HttpStatusCode Status, JsonNode Body)> ByMonthAsync(string source) =>
        PostAsync("/v1/query", $$"""{"metrics":["visits","seconds"],"groupBy":["metric_time__month"],"timeRange":{"from":"2026-01-01","to":"2026-04-01"},"source":"{{source}}"}""");

    /// <summary>The same by hand.</summary>
    public List<string> ExpectedByMonth() =>
        [.. Sql($"SELECT strftime(date_trunc('month', started_at), '%Y-%m-%d'), count(*), sum(seconds)::BIGINT FROM {Files} GROUP BY 1 ORDER BY 1").Select(r => string.Create(CultureInfo.InvariantCulture, $"{r[0]} {r[1]} {r[2]}"))];

    public static List<string> Rows(JsonNode body) =>
        [.. body["rows"]!.AsArray().Select(r => $"{((string)r!["metric_time__month"]!)[..10]} {r["visits"]} {r["seconds"]}")];

    /// <summary>A check of <c>/health</c>; what was found is remembered for a moment there, so it is asked until it is as wanted.</summary>
    public async Task<JsonNode> HealthAsync(string check, Func<JsonNode, bool> wanted, string path = "/health")
    {
        for (var tries = 0; ; tries++)
        {
            var (_, body) = await GetAsync(path);
            if (body["checks"]!.AsArray().SingleOrDefault(c => (string)c!["name"]! == check) is { } found && wanted(found))
            {
                return found;
            }

            Assert.True(tries < 300, $"{check} does not become what is wanted: {body.ToJsonString()}");
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Cancel);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
