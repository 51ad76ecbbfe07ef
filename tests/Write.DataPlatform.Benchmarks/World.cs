using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Api.Sample;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Refresh;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Benchmarks;

/// <summary>The sample's lake and model, with two facts more whose gold tables have as many rows as the lake: one to slice, one to group as a whole.</summary>
internal sealed class World : IAsyncDisposable
{
    public const string Slice = "readings";
    public const string Wide = "probes";

    private const int Months = 24;

    private readonly BenchFolder _folder = new();

    private World() => Last = DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime).AddDays(-1);

    public string Data => _folder.Path("data");

    public string Models => _folder.Path("models");

    public WebApplication App { get; private set; } = null!;

    /// <summary>The last day with events.</summary>
    public DateOnly Last { get; }

    /// <summary>The first day with readings and probes.</summary>
    public DateOnly First => new DateOnly(Last.Year, Last.Month, 1).AddMonths(1 - Months);

    public MetricQueryService Service => App.Services.GetRequiredService<MetricQueryService>();

    /// <summary>Makes the lake, refreshes all tables and leaves the platform ready, without a server.</summary>
    public static async Task<World> CreateAsync(Scale scale, CancellationToken cancellationToken)
    {
        var world = new World();
        try
        {
            await MakeSampleAsync(Path.Combine(world.Data, "lake"), scale.ServedEvents, cancellationToken);
            await world.MakeFactAsync(Slice, scale.SliceRows, cancellationToken);
            await world.MakeFactAsync(Wide, scale.WideRows, cancellationToken);
            foreach (var file in Directory.GetFiles(SampleLake.ModelsDirectory, "*", SearchOption.AllDirectories))
            {
                var copy = Path.Combine(world.Models, Path.GetRelativePath(SampleLake.ModelsDirectory, file));
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                File.Copy(file, copy);
            }

            await File.WriteAllTextAsync(Path.Combine(world.Models, "benchmark.yaml"), ModelText(), cancellationToken);
            await world.RestartAsync(role: null, cancellationToken);
            var refresh = world.App.Services.GetRequiredService<RefreshService>();
            foreach (var table in world.App.Services.GetRequiredService<ModelStore>().Current.GoldTables.Keys)
            {
                var run = await refresh.RunAsync(table, new RefreshRange(), RunTrigger.Manual, null, cancellationToken);
                WrongAnswerException.ThrowIf(run.State != RunState.Succeeded, $"The refresh of {table} ended as {run.State}: {run.Error}");
            }

            return world;
        }
        catch
        {
            await world.DisposeAsync();
            throw;
        }
    }

    /// <summary>Ends the platform and begins it again over the same data, as a new process would.</summary>
    /// <param name="role">What runs; null for no server.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <param name="keepsAnswers">Whether answers are kept in memory.</param>
    public async Task RestartAsync(Role? role, CancellationToken cancellationToken, bool keepsAnswers = true)
    {
        if (App is not null)
        {
            await App.DisposeAsync();
        }

        var settings = new Dictionary<string, string?> { ["DataPlatform:Data"] = Data, ["DataPlatform:Models"] = Models };
        if (!keepsAnswers)
        {
            settings["DataPlatform:Answers:CacheMegabytes"] = "0";
        }

        App = await OpenAsync(settings, role, cancellationToken);
    }

    /// <summary>The composition that commands and server have, ready to work.</summary>
    public static async Task<WebApplication> OpenAsync(Dictionary<string, string?> settings, Role? role, CancellationToken cancellationToken)
    {
        settings["urls"] = "http://127.0.0.1:0";
        settings["Serilog:MinimumLevel:Default"] = "Fatal";
        settings["Serilog:MinimumLevel:Override:Microsoft"] = "Fatal";
        var app = DataPlatformHost.Build(new HostSettings(settings, role));
        await Startup.PrepareAsync(app.Services, cancellationToken);
        if (role is not null)
        {
            await app.StartAsync(cancellationToken);
        }

        return app;
    }

    /// <summary>The platform's own server over this data, in a process of its own.</summary>
    public Task<ServerProcess> ServeAsync(CancellationToken cancellationToken, params string[] settings) => ServerProcess.StartAsync(
        "Now serving on ", [typeof(DataPlatformHost).Assembly.Location, "serve", "--data", Data, "--models", Models, "--urls", "http://127.0.0.1:0", "--Serilog:MinimumLevel:Default=Error", .. settings],
        cancellationToken);

    public static Task MakeSampleAsync(string lake, long events, CancellationToken cancellationToken) => new SampleLake().GenerateAsync(
        new SampleOptions { Directory = lake, EndDate = DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime).AddDays(-1), Rows = events }, cancellationToken: cancellationToken);

    /// <summary>Asks for one item's days of the last year.</summary>
    public string SliceQuery => $$"""
        {
          "metrics": ["{{Slice}}_count", "{{Slice}}_amount"], "groupBy": ["metric_time__day"],
          "where": { "field": "reading__item", "op": "equals", "values": ["item-00000"] },
          "timeRange": { "from": "{{Last.AddDays(-364):yyyy-MM-dd}}", "to": "{{Last.AddDays(1):yyyy-MM-dd}}" },
          "orderBy": [{ "field": "metric_time__day" }], "source": "gold"
        }
        """;

    /// <summary>The same by hand, over the gold rows.</summary>
    public string SliceSql(string from) =>
        $"SELECT bucket, sum({Slice}_n__count)::BIGINT, sum({Slice}_a__sum)::BIGINT FROM {from} WHERE reading__item = 'item-00000' AND bucket >= DATE '{Last.AddDays(-364):yyyy-MM-dd}' AND bucket < DATE '{Last.AddDays(1):yyyy-MM-dd}' GROUP BY 1 ORDER BY 1";

    /// <summary>Groups the whole wide table.</summary>
    public static string WideQuery => $$"""
        {
          "metrics": ["{{Wide}}_count", "{{Wide}}_amount"], "groupBy": ["metric_time__month", "probe__device"],
          "orderBy": [{ "field": "metric_time__month" }, { "field": "probe__device" }], "source": "gold"
        }
        """;

    /// <summary>The same by hand.</summary>
    public static string WideSql(string from) =>
        $"SELECT date_trunc('month', bucket)::DATE, probe__device, sum({Wide}_n__count)::BIGINT, sum({Wide}_a__sum)::BIGINT FROM {from} GROUP BY 1, 2 ORDER BY 1, 2";

    public static MetricQuery Read(string json) => MetricQueryReader.Read(System.Text.Encoding.UTF8.GetBytes(json));

    /// <summary>An answer's rows as text, to be compared.</summary>
    public async Task<string[]> AnswerAsync(MetricQuery query, CancellationToken cancellationToken)
    {
        var answer = await Service.AnswerAsync(query, Caller.Operator, cancellationToken);
        WrongAnswerException.ThrowIf(answer.Served.By is not ["gold"], $"The query was served by {string.Join(", ", answer.Served.By)}.");
        return [.. answer.Rows.Select(Text)];
    }

    /// <summary>The rows of a hand-written statement as text.</summary>
    public static Task<string[]> RowsAsync(DuckDbSession session, string sql, CancellationToken cancellationToken) => session.QueryAsync(
        new SqlStatement(sql),
        reader =>
        {
            List<string> rows = [];
            while (reader.Read())
            {
                rows.Add(Text([.. Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? null : reader.GetFieldType(i) == typeof(DateOnly) ? reader.GetFieldValue<DateOnly>(i) : reader.GetValue(i))]));
            }

            return rows.ToArray();
        },
        cancellationToken);

    /// <summary>A table's gold segments as Parquet files in a folder.</summary>
    public async Task<(string From, int Segments)> ExportAsync(string table, CancellationToken cancellationToken)
    {
        var tables = App.Services.GetRequiredService<GoldTables>();
        var manifest = await tables.GetManifestAsync(table, null, fresh: true, cancellationToken);
        var folder = _folder.New();
        List<string> files = [];
        await foreach (var partition in tables.GetSegmentsAsync(manifest, [.. manifest.Partitions.Values], cancellationToken))
        {
            foreach (var segment in partition.Segments)
            {
                files.Add(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{files.Count}.parquet")));
                await File.WriteAllBytesAsync(files[^1], segment, cancellationToken);
            }
        }

        return ($"read_parquet([{string.Join(", ", files.Select(f => $"'{f}'"))}])", files.Count);
    }

    public async ValueTask DisposeAsync()
    {
        if (App is not null)
        {
            await App.DisposeAsync();
        }

        _folder.Dispose();
    }

    private static string Text(object?[] row) => string.Join('|', row.Select(v => v is DateOnly day ? day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) : Convert.ToString(v, CultureInfo.InvariantCulture)));

    /// <summary>One event a day and item, as many items as the rows allow.</summary>
    private async Task MakeFactAsync(string table, long rows, CancellationToken cancellationToken)
    {
        var days = Last.DayNumber - First.DayNumber + 1;
        await using var duck = new DuckDbInstance(new DuckDbSettings());
        await using var session = await duck.OpenAsync(cancellationToken);
        await session.ExecuteAsync(
            $"""
            COPY (SELECT i AS id, DATE '{First:yyyy-MM-dd}' + CAST(i % {days} AS INTEGER) + INTERVAL 12 HOUR AS occurred_at, 'item-' || lpad(CAST(i // {days} AS VARCHAR), 5, '0') AS item,
                ['desktop', 'mobile', 'tablet', 'tv'][1 + (i // {days}) % 4] AS device, CAST(hash(i) % 9000 AS BIGINT) AS amount,
                date_trunc('month', occurred_at)::DATE AS month
              FROM range({Math.Max(1, rows / days) * days}) AS t(i) ORDER BY occurred_at, item)
            TO '{Path.Combine(Data, "lake", table)}' (FORMAT parquet, PARTITION_BY (month))
            """,
            cancellationToken);
    }

    private static string ModelText() => "semantic_models:\n" + Fact(Slice, "reading") + Fact(Wide, "probe")
        + "metrics:\n" + Metrics(Slice) + Metrics(Wide)
        + "gold_tables:\n" + Gold(Slice, "reading") + Gold(Wide, "probe");

    private static string Fact(string table, string entity) => $$"""
          - name: {{table}}
            node_relation: { alias: {{table}} }
            defaults: { agg_time_dimension: occurred_at }
            entities: [{ name: {{entity}}, type: primary, expr: id }]
            dimensions:
              - { name: occurred_at, type: time, type_params: { time_granularity: second } }
              - { name: event_month, expr: month, type: time, is_partition: true, partitions: occurred_at, type_params: { time_granularity: month } }
              - { name: item, type: categorical }
              - { name: device, type: categorical }
            measures:
              - { name: {{table}}_n, agg: count, expr: id }
              - { name: {{table}}_a, agg: sum, expr: amount }

        """;

    private static string Metrics(string table) => $$"""
          - { name: {{table}}_count, type: simple, type_params: { measure: {{table}}_n } }
          - { name: {{table}}_amount, type: simple, type_params: { measure: {{table}}_a } }

        """;

    private static string Gold(string table, string entity) => $$"""
          - name: {{table}}_daily
            metrics: [{{table}}_count, {{table}}_amount]
            group_by: [{{entity}}__item, {{entity}}__device]
            grain: day
            partition: month

        """;
}

/// <summary>A temporary folder that goes with all that is in it.</summary>
internal sealed class BenchFolder : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("wdp-benchmark-").FullName;

    public string Path(string name) => System.IO.Path.Combine(_root, name);

    /// <summary>A new folder inside.</summary>
    public string New() => Directory.CreateDirectory(Path(Guid.NewGuid().ToString("N"))).FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);
}
