using System.Diagnostics;
using System.Globalization;
using DuckDB.NET.Data;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Api.Tests.Refresh;

/// <summary>Workers as processes of their own, which die or race, over one lake of 20,000 rows and twelve days.</summary>
public class KillTests : IDisposable
{
    private const string Table = "visits_hourly";
    private const int Days = 12;

    private static readonly string Model = VisitsModel.Text("day", "  - { name: visits_hourly, metrics: [visits, seconds], group_by: [visit__country], grain: hour, partition: day }");

    private readonly string _folder = Directory.CreateTempSubdirectory("wdp-kill-").FullName;
    private readonly Dictionary<string, long> _expected = [];

    public KillTests()
    {
        Directory.CreateDirectory(Models);
        File.WriteAllText(Path.Combine(Models, "model.yaml"), Model);
        var first = DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime).AddDays(-Days);
        using var connection = new DuckDBConnection("DataSource=:memory:;threads=1");
        connection.Open();
        using var command = connection.CreateCommand();
        for (var day = 0; day < Days; day++)
        {
            var date = first.AddDays(day).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
            var files = Directory.CreateDirectory(Path.Combine(Lake, "visits", "day=" + date)).FullName;
            command.CommandText = $"""
                COPY (SELECT {day} * 10000 + i AS id, TIMESTAMP '{date}' + to_seconds((i * 37) % 86400) AS started_at, 'C' || (i % 17) AS country, (i * 7919 + {day}) % 613 AS seconds FROM range(1700) AS r(i))
                TO '{files}/a.parquet'
                """;
            command.ExecuteNonQuery();
        }

        command.CommandText = $"SELECT strftime(day, '%Y-%m-%d'), sum(seconds)::BIGINT FROM read_parquet('{Lake}/visits/*/*.parquet', hive_partitioning = true) GROUP BY day";
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            _expected[reader.GetString(0)] = reader.GetInt64(1);
        }

        Assert.Equal(Days, _expected.Count);
    }

    /// <summary>How many workers are killed.</summary>
    protected virtual int Kills => 20;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Models => Path.Combine(_folder, "models");

    private string Lake => Path.Combine(_folder, "lake");

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Killed_workers_leave_whole_partitions_and_nothing_behind()
    {
        // How long the work of an undisturbed run takes, on gold of its own.
        TimeSpan work;
        Assert.Equal(0, await EndAsync(Start("undisturbed")));
        await using (var other = await OpenAsync("undisturbed"))
        {
            var run = Assert.Single(await RunsAsync(other));
            Assert.Equal(RunState.Succeeded, run.State);
            work = run.EndedAt!.Value - run.StartedAt;
        }

        await using var services = await OpenAsync("data");
        var tables = services.GetRequiredService<GoldTables>();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var reading = ReadAgainAndAgainAsync(tables, stop.Token);
        for (var kill = 0; kill < Kills; kill++)
        {
            var known = (await RunsAsync(services)).Count;
            using var worker = Start("data", "--full");
            if (kill % 5 != 4)
            {
                // The start of the process is most of its time; most kills are to hit its work.
                while ((await RunsAsync(services)).Count == known && !worker.HasExited)
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, Cancel);
                }
            }

            await Task.Delay(work * (kill * 7 % Kills) / Kills, TimeProvider.System, Cancel);
            worker.Kill();
            await worker.WaitForExitAsync(Cancel);
        }

        var killed = await RunsAsync(services);
        Assert.Contains(killed, run => run.State == RunState.Interrupted);
        Assert.Equal(0, await EndAsync(Start("data")));
        await stop.CancelAsync();
        Assert.True(await reading > 0, "The reader read nothing.");

        var manifest = await tables.GetManifestAsync(Table, null, fresh: true, Cancel);
        Assert.Superset(_expected.Keys.ToHashSet(), manifest.Partitions.Keys.ToHashSet());
        await CheckAsync(tables, manifest);
        Assert.All(await RunsAsync(services), run => Assert.True(run.IsOver, $"{run.Id} is {run.State}."));

        // Nothing else refers to segments; the grace only guards readers, of which there are none now.
        await tables.CollectGarbageAsync(Table, null, TimeSpan.Zero, Cancel);
        var named = manifest.Partitions.Values.SelectMany(p => p.Segments.Select(s => GoldKeys.Segment(p.Period, p.Version, s.Number))).Order(StringComparer.Ordinal);
        var stored = new List<string>();
        await foreach (var key in services.GetRequiredService<IGoldStore>().ListAsync(GoldKeys.SegmentTable(Table, null), "", Cancel))
        {
            if (key.Sk != GoldKeys.Manifest)
            {
                stored.Add(key.Sk);
            }
        }

        Assert.Equal(named, stored.Order(StringComparer.Ordinal));
        Assert.Empty(Directory.GetDirectories(Path.Combine(_folder, "data", "work"), "refresh-*"));

        Assert.Equal(0, await EndAsync(Start("data")));
        var after = await tables.GetManifestAsync(Table, null, fresh: true, Cancel);
        Assert.Equal(manifest.Partitions.Values.Select(p => p.Version), after.Partitions.Values.Where(p => manifest.Partitions.ContainsKey(p.Period)).Select(p => p.Version));
    }

    [Fact]
    public async Task Two_workers_at_once_write_every_partition_once()
    {
        Process[] workers = [Start("data"), Start("data")];
        foreach (var worker in workers)
        {
            Assert.Equal(0, await EndAsync(worker));
        }

        await using var services = await OpenAsync("data");
        var tables = services.GetRequiredService<GoldTables>();
        var manifest = await tables.GetManifestAsync(Table, null, fresh: true, Cancel);
        await CheckAsync(tables, manifest);
        Assert.Superset(_expected.Keys.ToHashSet(), manifest.Partitions.Keys.ToHashSet());
        Assert.Equal(manifest.Partitions.Count, manifest.Revision);
        var runs = await RunsAsync(services);
        Assert.Equal([RunState.Succeeded, RunState.Succeeded], runs.Select(run => run.State));
        Assert.Equal(
            manifest.Partitions.Keys,
            runs.SelectMany(run => run.Partitions).Where(p => p.State == RunPartitionState.Succeeded).Select(p => p.Period).Order(StringComparer.Ordinal));
    }

    /// <summary>Reads as a server in another process does; what it reads is either whole and right, or replaced and to be read anew.</summary>
    private async Task<int> ReadAgainAndAgainAsync(GoldTables tables, CancellationToken stop)
    {
        var read = 0;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                read += await CheckAsync(tables, await tables.GetManifestAsync(Table, null, fresh: true, Cancel));
            }
            catch (GoldStoreException exception) when (exception.IsTransient && exception.Message.Contains("was replaced", StringComparison.Ordinal))
            {
                // Held longer than the grace.
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Cancel);
        }

        return read;
    }

    private async Task<int> CheckAsync(GoldTables tables, GoldManifest manifest)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, "reader")).FullName;
        using var connection = new DuckDBConnection("DataSource=:memory:;threads=1");
        await connection.OpenAsync(Cancel);
        using var command = connection.CreateCommand();
        var seen = 0;
        await foreach (var partition in tables.GetSegmentsAsync(manifest, [.. manifest.Partitions.Values], Cancel))
        {
            var sum = 0L;
            foreach (var segment in partition.Segments)
            {
                var file = Path.Combine(folder, "segment.parquet");
                await File.WriteAllBytesAsync(file, segment, Cancel);
                command.CommandText = $"SELECT coalesce(sum(seconds__sum), 0)::BIGINT FROM read_parquet('{file}') WHERE bucket >= DATE '{partition.Partition.Period}' AND bucket < DATE '{partition.Partition.Period}' + 1";
                sum += (long)(await command.ExecuteScalarAsync(Cancel))!;
            }

            Assert.Equal((partition.Partition.Period, _expected.GetValueOrDefault(partition.Partition.Period)), (partition.Partition.Period, sum));
            seen++;
        }

        return seen;
    }

    private static async Task<List<RefreshRun>> RunsAsync(IServiceProvider services)
    {
        List<RefreshRun> runs = [];
        await foreach (var run in services.GetRequiredService<RunLedger>().ListAsync(Table, cancellationToken: Cancel))
        {
            runs.Add(run);
        }

        return runs;
    }

    private async Task<ServiceProvider> OpenAsync(string data)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new("DataPlatform:Data", Path.Combine(_folder, data)), new("DataPlatform:Gold:ManifestMaxAge", "00:00:00"), .. Settings(data).Select(s => KeyValuePair.Create(s.Key, (string?)s.Value))]).Build();
        var collection = new ServiceCollection().AddLogging();
        AddServices(collection);
        var services = collection.AddGold(configuration).BuildServiceProvider();
        await services.GetRequiredService<IGoldStore>().InitializeAsync(Cancel);
        return services;
    }

    private Process Start(string data, params string[] args)
    {
        string[] all =
        [
            typeof(CommandLine).Assembly.Location, "refresh", Table, "--data", Path.Combine(_folder, data), "--models", Models, $"--DataPlatform:Lake:Path={Lake}", .. args,
        ];
        var start = new ProcessStartInfo("dotnet", all) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DataPlatform__Gold__GarbageGrace"] = "00:00:10";
        start.Environment["DataPlatform__Gold__LeaseDuration"] = "00:00:05";
        foreach (var (name, value) in Settings(data).Select(s => (s.Key.Replace(":", "__", StringComparison.Ordinal), s.Value)).Concat(Environment))
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    /// <summary>Where the gold of one of the worlds is.</summary>
    protected virtual IReadOnlyList<(string Key, string Value)> Settings(string data) => [];

    /// <summary>What workers find in their environment beside their settings.</summary>
    protected virtual IReadOnlyList<(string Name, string Value)> Environment => [];

    /// <summary>Services that stand before the platform's own in this process.</summary>
    protected virtual void AddServices(IServiceCollection services)
    {
    }

    private static async Task<int> EndAsync(Process process)
    {
        using (process)
        {
            var output = process.StandardOutput.ReadToEndAsync(Cancel);
            var error = await process.StandardError.ReadToEndAsync(Cancel);
            await process.WaitForExitAsync(Cancel);
            TestContext.Current.TestOutputHelper?.WriteLine(await output + error);
            return process.ExitCode;
        }
    }
}
