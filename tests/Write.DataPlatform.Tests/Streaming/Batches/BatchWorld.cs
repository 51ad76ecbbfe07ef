using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Gold.Tail;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Refresh;
using Write.DataPlatform.Security;
using Write.DataPlatform.Streaming;
using Write.DataPlatform.Streaming.Batches;
using Write.DataPlatform.Tests.Lake;
using Write.DataPlatform.Tests.Model;

namespace Write.DataPlatform.Tests.Streaming.Batches;

/// <summary>An event as a test knows it.</summary>
internal sealed record Sent(long Id, DateTime At, string? Country, string? Customer, long Visitor, int? Seconds, decimal? Amount)
{
    public byte[] Json() => JsonSerializer.SerializeToUtf8Bytes(new
    {
        id = Id,
        at = At.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture),
        country = Country,
        customer = Customer,
        visitor = Visitor,
        seconds = Seconds,
        amount = Amount,
        unknown = new { nested = new[] { 1, 2 } },
    });
}

/// <summary>A platform with a lake folder, a gold store, a model with one stream and a clock of the test's own, in which nothing runs by itself.</summary>
internal sealed class BatchWorld : IAsyncDisposable
{
    public const string Stream = "visits";

    public const string Model = """
        model: { time_zone: Europe/Berlin }
        semantic_models:
          - name: visits
            model: ref('visits')
            defaults: { agg_time_dimension: started_at }
            entities:
              - { name: visit, type: primary, expr: id }
              - { name: visitor, type: foreign, expr: visitor }
            dimensions:
              - { name: started_at, type: time, expr: at, type_params: { time_granularity: second } }
              - { name: country, type: categorical }
              - { name: customer, type: categorical }
            measures:
              - { name: visits, agg: count, expr: 1 }
              - { name: seconds, agg: sum }
              - { name: longest, agg: max, expr: seconds }
              - { name: mean, agg: average, expr: seconds }
              - { name: amount, agg: sum }
              - { name: people, agg: approx_count_distinct, expr: visitor }
              - { name: exact_people, agg: count_distinct, expr: visitor }
          - name: visitors
            model: ref('visitors')
            entities:
              - { name: visitor, type: primary, expr: visitor }
            dimensions:
              - { name: plan, type: categorical }
        metrics:
          - { name: visits, type: simple, type_params: { measure: visits } }
          - { name: seconds, type: simple, type_params: { measure: seconds } }
          - { name: longest, type: simple, type_params: { measure: longest } }
          - { name: mean, type: simple, type_params: { measure: mean } }
          - { name: amount, type: simple, type_params: { measure: amount } }
          - { name: people, type: simple, type_params: { measure: people } }
          - { name: exact_people, type: simple, type_params: { measure: exact_people } }
          - { name: french, type: simple, type_params: { measure: visits }, filter: "{{ Dimension('visit__country') }} = 'FR'" }
        lookups:
          - { name: countries, path: countries.csv, key: code, dimension: visit__country, attributes: [region] }
        tenants:
          - { name: acme, where: "{{ Dimension('visit__customer') }} = 'acme'" }
          - { name: bolt, where: "{{ Dimension('visit__customer') }} = 'bolt'" }
        gold_tables:
          - { name: visits_daily, metrics: [visits, seconds, longest, mean, amount, people, exact_people, french], group_by: [visit__country, visitor__plan], grain: day, partition: day }
          - { name: customers_hourly, audience: external, metrics: [visits, seconds], group_by: [visit__country], grain: hour, partition: day }
        streams:
          - { name: visits, semantic_model: visits, source: visits, window: 1m, allowed_lateness: 2m, tables: [visits_daily, customers_hourly] }
        """;

    /// <summary>The same facts with one table of sums alone, where only what happens to events matters.</summary>
    public const string Lean = """
        model: { time_zone: Europe/Berlin }
        semantic_models:
          - name: visits
            model: ref('visits')
            defaults: { agg_time_dimension: started_at }
            entities:
              - { name: visit, type: primary, expr: id }
            dimensions:
              - { name: started_at, type: time, expr: at, type_params: { time_granularity: second } }
              - { name: country, type: categorical }
            measures:
              - { name: visits, agg: count, expr: 1 }
              - { name: seconds, agg: sum }
        metrics:
          - { name: visits, type: simple, type_params: { measure: visits } }
          - { name: seconds, type: simple, type_params: { measure: seconds } }
        gold_tables:
          - { name: visits_daily, metrics: [visits, seconds], group_by: [visit__country], grain: day, partition: day }
        streams:
          - { name: visits, semantic_model: visits, source: visits, window: 1m, allowed_lateness: 2m, tables: [visits_daily] }
        """;

    private readonly ModelFolder _models = new();
    private readonly ServiceProvider _provider;

    public BatchWorld(string model = Model, DateTimeOffset? now = null, Action<Dictionary<string, string?>>? configure = null)
    {
        IsLean = model == Lean;
        Time.SetUtcNow(now ?? new DateTimeOffset(2026, 3, 14, 12, 0, 0, TimeSpan.Zero));
        _models.Write("model.yaml", model);
        _models.Write("countries.csv", "code,region\nFR,west\nDE,middle\n");
        Files.Write("visits/seed.parquet", "SELECT 1::BIGINT AS id, TIMESTAMP '2026-01-01 12:00:00' AS at, 'FR' AS country, 'acme' AS customer, 1::BIGINT AS visitor, 5::INTEGER AS seconds, 1.5::DECIMAL(10, 2) AS amount WHERE false");
        Files.Write("visitors/all.parquet", "SELECT i::BIGINT AS visitor, ['basic', 'premium'][1 + i % 2] AS plan FROM range(20) AS t(i)");
        var settings = new Dictionary<string, string?>
        {
            ["DataPlatform:Data"] = Path.Combine(Files.Root, "data"),
            ["DataPlatform:Models"] = _models.Path,
            ["DataPlatform:Lake:Path"] = Files.Path,
            ["DataPlatform:Lake:ScanInterval"] = "00:00:00",
            ["DataPlatform:Lake:MemoryMegabytes"] = "256",
            ["DataPlatform:Lake:Threads"] = "1",
            ["DataPlatform:Gold:ManifestMaxAge"] = "00:00:00",
            ["DataPlatform:Gold:GarbageGrace"] = "00:00:30",
            ["DataPlatform:MicroBatches:ChunkEvents"] = "5",
            ["DataPlatform:MicroBatches:LandInterval"] = "00:00:20",
            ["DataPlatform:MicroBatches:IdleAfter"] = "00:00:05",
        };
        configure?.Invoke(settings);
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddSingleton<TimeProvider>(Time);
        Store = new MemoryGoldStore(Time);
        services.AddSingleton<IGoldStore>(Store);
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings).Build();
        services.AddSingleton<IConfiguration>(configuration);

        // The model's files do not change, and are not to be looked at for every two seconds of the days that a test lets pass.
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<ModelStore>(provider, TimeProvider.System));
        services.AddDataPlatform(configuration);
        _provider = services.BuildServiceProvider();
    }

    public bool IsLean { get; }

    public SkewedClock Time { get; } = new();

    public LakeFiles Files { get; } = new();

    public MemoryGoldStore Store { get; }

    public BatchServices Batches => Get<BatchServices>();

    public TailStore Tails => Get<TailStore>();

    public StreamPlan Plan => BatchConsumers.Plans(Get<ModelStore>().Current).Single();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public T Get<T>() where T : notnull => _provider.GetRequiredService<T>();

    public Task StartAsync() => Get<IGoldStore>().InitializeAsync(Cancel);

    /// <summary>A processor of a shard as a worker would begin it.</summary>
    public async Task<ShardBatcher> BeginAsync(string shard, string identity, long fence, ShardCheckpoint? checkpoint = null) =>
        await ShardBatcher.StartAsync(
            Batches, Plan, new ShardContext(Stream, Stream, identity, new StreamShard(shard, [], false), checkpoint ?? new ShardCheckpoint(ShardPosition.TrimHorizon), fence, Cancel), Cancel);

    /// <summary>Refreshes the days of a table from some date on, as a worker's run does.</summary>
    public async Task RefreshAsync(string table, DateOnly from, DateOnly to, bool isFirst = false)
    {
        var definition = GoldDefinitions.Of(Get<ModelStore>().Current).ByTable[table];
        foreach (var period in PartitionPeriod.Between(from, to, TimeGrain.Day, definition.Model.Calendar))
        {
            var folder = Path.Combine(Files.Root, "refresh-" + Guid.NewGuid().ToString("N"));
            try
            {
                await Get<PartitionRefresher>().RefreshAsync(
                    definition, new PlannedPartition(period, RefreshReason.LakeChanged, [.. RefreshPlanner.Tenants(definition)], isFirst ? new PartitionEnds(true, null) : default), false, Time.GetUtcNow(), Time.GetUtcNow(), "run", folder, Cancel);
            }
            finally
            {
                ProcessFolder.Delete(folder);
            }
        }
    }

    public async Task<MetricAnswer> AskAsync(string[] metrics, string[] groupBy, DateOnly from, DateOnly to, QuerySource source = QuerySource.Auto, string? tenant = null)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(new { metrics, groupBy, timeRange = new { from = from.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), to = to.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) } });
        var query = MetricQueryReader.Read(json) with { Source = source, Tenant = tenant };
        return await Get<MetricQueryService>().AnswerAsync(query, Caller.Operator, Cancel);
    }

    public static StreamRecord Record(string shard, long sequence, DateTimeOffset arrived, byte[] data) => new(shard, new SequenceNumber(sequence), "k", arrived, data);

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public async ValueTask DisposeAsync()
    {
        await _provider.DisposeAsync();
        Files.Dispose();
        _models.Dispose();
    }
}
