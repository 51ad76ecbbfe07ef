using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using DuckDB.NET.Data;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Api.Sample;

namespace Write.DataPlatform.Api.Tests;

/// <summary>A server with the sample's model over a small sample lake, for all tests that change neither.</summary>
public sealed class ServerFixture : IAsyncLifetime
{
    /// <summary>The lake's last day; the server's clock stands in the afternoon of it.</summary>
    internal static readonly DateOnly Today = new(2026, 3, 15);

    private readonly string _folder = Directory.CreateTempSubdirectory("wdp-server-").FullName;
    private WebApplication? _app;

    internal string Data => Path.Combine(_folder, "data");

    internal IServiceProvider Services => _app!.Services;

    internal HttpClient Client { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        await new SampleLake().GenerateAsync(new SampleOptions { Directory = Path.Combine(Data, "lake"), EndDate = Today, Rows = 40_000 }, cancellationToken: TestContext.Current.CancellationToken);
        (_app, Client) = await StartAsync(Data, Role.All);
        for (var tries = 0; (await Client.GetAsync("/health/ready")).StatusCode != HttpStatusCode.OK; tries++)
        {
            Assert.True(tries < 1_000, "The gold tables are not built.");
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app!.StopAsync();
        await _app.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    internal static Task<(WebApplication App, HttpClient Client)> StartAsync(string data, Role role, params (string Key, string Value)[] settings) => StartAsync(data, role, settings, null);

    internal static async Task<(WebApplication App, HttpClient Client)> StartAsync(string data, Role role, (string Key, string Value)[] settings, Action<IServiceCollection>? services)
    {
        var configuration = new Dictionary<string, string?>
        {
            ["DataPlatform:Data"] = data,
            ["urls"] = "http://127.0.0.1:0",
            ["Serilog:MinimumLevel:Default"] = "Fatal",
            ["Serilog:MinimumLevel:Override:Microsoft"] = "Fatal",
        };
        foreach (var (key, value) in settings)
        {
            configuration[key] = value;
        }

        // The SDK finds credentials in the environment too, which all tests of this process share.
        if (configuration.Keys.Any(key => key.EndsWith("ServiceURL", StringComparison.Ordinal)) && !configuration.ContainsKey("AWS:Profile"))
        {
            var profiles = Path.Combine(Directory.CreateDirectory(data).FullName, "credentials");
            await File.WriteAllTextAsync(profiles, "[tests]\naws_access_key_id = S3RVER\naws_secret_access_key = S3RVER\n"); // the one key that s3rver knows
            (configuration["AWS:Profile"], configuration["AWS:ProfilesLocation"], configuration["AWS:Region"]) = ("tests", profiles, "eu-central-1");
        }

        var app = DataPlatformHost.Build(new HostSettings(configuration, role, all =>
        {
            services?.Invoke(all);
            all.TryAddSingleton<TimeProvider>(new ShiftedClock(Today.ToDateTime(new TimeOnly(15, 0))));
        }));
        try
        {
            await Startup.PrepareAsync(app.Services);
            await app.StartAsync();
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }

        return (app, new HttpClient { BaseAddress = new Uri(app.Urls.Single()) });
    }

    internal async Task<(HttpStatusCode Status, JsonNode Body)> GetAsync(string path)
    {
        using var response = await Client.GetAsync(path, TestContext.Current.CancellationToken);
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!);
    }

    internal async Task<(HttpStatusCode Status, JsonNode Body)> PostAsync(string path, string json)
    {
        using var content = new StringContent(json, Encoding.UTF8, "application/json");
        using var response = await Client.PostAsync(path, content, TestContext.Current.CancellationToken);
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!);
    }

    internal async Task<string> TextAsync(string path)
    {
        using var response = await Client.GetAsync(path, TestContext.Current.CancellationToken);
        response.EnsureSuccessStatusCode();
        return await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>The oracle: rows of a hand-written statement over the lake's files; <c>{visits}</c> stands for a table.</summary>
    internal List<object?[]> Sql(string sql)
    {
        using var connection = new DuckDBConnection("DataSource=:memory:");
        connection.Open();
        using var command = connection.CreateCommand();
        foreach (var table in new[] { "visits", "page_views", "watches", "steps" })
        {
            sql = sql.Replace("{" + table + "}", $"read_parquet('{Data}/lake/{table}/**/*.parquet')", StringComparison.Ordinal);
        }

        command.CommandText = "SET TimeZone = 'UTC'; " + sql;
        using var reader = command.ExecuteReader();
        var rows = new List<object?[]>();
        while (reader.Read())
        {
            rows.Add([.. Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? null : reader.GetValue(i))]);
        }

        return rows;
    }

    /// <summary>A clock that runs like any other, from another moment on.</summary>
    internal sealed class ShiftedClock(DateTime start) : TimeProvider
    {
        private TimeSpan _shift = new DateTimeOffset(start, TimeSpan.Zero) - System.GetUtcNow();

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + _shift;

        /// <summary>Lets time pass at once.</summary>
        public void Advance(TimeSpan time) => _shift += time;
    }
}

/// <summary>The tests that share the server.</summary>
[CollectionDefinition]
public sealed class ServerCollection : ICollectionFixture<ServerFixture>;
