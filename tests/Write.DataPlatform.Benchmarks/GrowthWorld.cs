using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Refresh;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Benchmarks;

/// <summary>A platform of a chosen size: events of 90 days, one a day and item, in a gold table by item and device that has as many rows.</summary>
internal sealed class GrowthWorld : IAsyncDisposable
{
    public const string Table = "events_daily";
    public const int Days = 90;

    private static readonly string[] Devices = ["desktop", "mobile", "tablet", "tv"];

    private readonly string _folder;

    private GrowthWorld(string folder, long rows, int tenants)
    {
        _folder = folder;
        (Rows, Tenants) = (rows, tenants);
    }

    public WebApplication App { get; private set; } = null!;

    /// <summary>Events, and rows of the gold table.</summary>
    public long Rows { get; }

    /// <summary>Tenants, each with its own part of the gold table and as many events; 0 if the table is internal.</summary>
    public int Tenants { get; }

    public string Models => Path.Combine(_folder, "models");

    public string Url => App.Urls.Single();

    /// <summary>Makes lake and model, opens the platform with its web API, and refreshes the table.</summary>
    /// <param name="folder">An empty folder.</param>
    /// <param name="rows">Events at least.</param>
    /// <param name="tenants">How many tenants share them; 0 for none.</param>
    /// <param name="metrics">How many metrics the model has, from 2.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<GrowthWorld> CreateAsync(string folder, long rows, int tenants, int metrics, CancellationToken cancellationToken)
    {
        var items = Math.Max(1, rows / Days);
        var world = new GrowthWorld(folder, items * Days, tenants);
        await world.MakeLakeAsync(items, cancellationToken);
        Directory.CreateDirectory(world.Models);
        await File.WriteAllTextAsync(Path.Combine(world.Models, "model.yaml"), ModelText(tenants, metrics), cancellationToken);
        world.App = await World.OpenAsync(
            new Dictionary<string, string?>
            {
                ["DataPlatform:Data"] = Path.Combine(folder, "data"),
                ["DataPlatform:Models"] = world.Models,
                ["DataPlatform:Lake:Path"] = Path.Combine(folder, "lake"),
            },
            Role.Api,
            cancellationToken);
        await world.RefreshAsync(cancellationToken);
        await world.App.Services.GetRequiredService<GoldEngine>().SettleAsync();
        return world;
    }

    /// <summary>Builds every partition of the table anew.</summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        var run = await App.Services.GetRequiredService<RefreshService>().RunAsync(Table, new RefreshRange(Full: true), RunTrigger.Manual, null, cancellationToken);
        WrongAnswerException.ThrowIf(run.State != RunState.Succeeded, $"The refresh ended as {run.State}: {run.Error}");
    }

    /// <summary>Asks for the events of each device, of one tenant if there are tenants, past every cache of answers.</summary>
    /// <param name="source">Who must answer: gold or lake.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="WrongAnswerException">They are not those that were made.</exception>
    public async Task AskAsync(string source, CancellationToken cancellationToken)
    {
        var query = World.Read($$"""{ "metrics": ["events", "metric_1"], "groupBy": ["event__device"], "source": "{{source}}" }""");
        var answer = await App.Services.GetRequiredService<MetricQueryService>().AnswerAsync(Tenants == 0 ? query : query with { Tenant = $"t{Tenants / 2}" }, Caller.Operator, cancellationToken);
        var found = answer.Rows.Sum(r => Convert.ToInt64(r[1], CultureInfo.InvariantCulture));
        WrongAnswerException.ThrowIf(answer.Served.By is not [var by] || by != source, $"It was served by {string.Join(", ", answer.Served.By)}.");
        WrongAnswerException.ThrowIf(found != Rows / Math.Max(1, Tenants), $"There are {found} events, not {Rows / Math.Max(1, Tenants)}.");
    }

    /// <summary>Compiles the same query, up to its SQL.</summary>
    public async Task<Action> PlannerAsync(CancellationToken cancellationToken)
    {
        var model = App.Services.GetRequiredService<ModelStore>().Current;
        var types = await App.Services.GetRequiredService<LakeTypes>().GetAsync(model, cancellationToken);
        var candidates = (await App.Services.GetRequiredService<GoldReader>().GetSnapshotsAsync(model, null, cancellationToken: cancellationToken)).Select(s => s.Candidate).ToArray();
        var query = World.Read("""{ "metrics": ["events", "metric_1"], "groupBy": ["event__device", "metric_time__day"], "compare": { "to": "previousYear" }, "timeRange": { "last": "P30D" } }""");
        var now = TimeProvider.System.GetUtcNow();
        return () =>
        {
            var plan = QueryPlan.Create(model, query, types, [.. candidates], now);
            WrongAnswerException.ThrowIf(FinishCompiler.Compile(plan.Resolved, plan.Leaves, (_, _) => Table).Text.Length == 0, "There is no statement.");
        };
    }

    public async ValueTask DisposeAsync()
    {
        if (App is not null)
        {
            await App.StopAsync(CancellationToken.None);
            await App.DisposeAsync();
        }
    }

    private async Task MakeLakeAsync(long items, CancellationToken cancellationToken)
    {
        var first = DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime).AddDays(-Days);
        Directory.CreateDirectory(Path.Combine(_folder, "lake", "events"));
        await using var duck = new DuckDbInstance(new DuckDbSettings());
        await using var session = await duck.OpenAsync(cancellationToken);
        await session.ExecuteAsync(
            $"""
            COPY (SELECT i AS id, DATE '{first:yyyy-MM-dd}' + CAST(i % {Days} AS INTEGER) + INTERVAL 12 HOUR AS occurred_at, 'item-' || (i // {Days}) AS item, 't' || (i // {Days} % {Math.Max(1, Tenants)}) AS customer,
                [{string.Join(", ", Devices.Select(d => $"'{d}'"))}][1 + (i // {Days}) % {Devices.Length}] AS device, CAST(hash(i) % 9000 AS BIGINT) AS amount
              FROM range({items * Days}) AS t(i) ORDER BY occurred_at, item)
            TO '{Path.Combine(_folder, "lake", "events", "a.parquet")}' (FORMAT parquet, ROW_GROUP_SIZE 60000)
            """,
            cancellationToken);
    }

    private static string ModelText(int tenants, int metrics)
    {
        var text = new StringBuilder("""
            semantic_models:
              - name: events
                model: ref('events')
                defaults: { agg_time_dimension: occurred_at }
                entities: [{ name: event, type: primary, expr: id }]
                dimensions:
                  - { name: occurred_at, type: time, type_params: { time_granularity: second } }
                  - { name: item, type: categorical }
                  - { name: device, type: categorical }
                  - { name: customer, type: categorical }
                measures:
                  - { name: event_count, agg: count, expr: id }

            """);
        var numbers = Enumerable.Range(1, metrics - 1).ToList();
        numbers.ForEach(i => text.Append(CultureInfo.InvariantCulture, $"      - {{ name: amount_{i}, agg: sum, expr: amount + {i} }}\n"));
        text.Append("metrics:\n  - { name: events, type: simple, type_params: { measure: event_count } }\n");
        numbers.ForEach(i => text.Append(CultureInfo.InvariantCulture, $"  - {{ name: metric_{i}, type: simple, label: Metric {i}, type_params: {{ measure: amount_{i} }} }}\n"));
        text.Append(CultureInfo.InvariantCulture, $"gold_tables:\n  - {{ name: {Table}, metrics: [events, metric_1], group_by: [event__item, event__device], grain: day, partition: year, audience: {(tenants == 0 ? "internal" : "external")} }}\n");
        if (tenants > 0)
        {
            text.Append("tenants:\n");
            Enumerable.Range(0, tenants).ToList().ForEach(i => text.Append(CultureInfo.InvariantCulture, $"  - {{ name: t{i}, where: \"{{{{ Dimension('event__customer') }}}} = 't{i}'\" }}\n"));
        }

        return text.ToString();
    }
}
