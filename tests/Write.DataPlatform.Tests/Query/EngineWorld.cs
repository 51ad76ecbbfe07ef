using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Tests.Query;

/// <summary>A world whose rows lie in a lake of Parquet files, with the whole platform on a folder of its own to ask.</summary>
internal sealed class EngineWorld : IAsyncDisposable
{
    /// <summary>The moment that relative ranges end at, for engine and oracle alike: within the hour that Berlin's clocks show twice.</summary>
    public static readonly DateTimeOffset Now = new(2024, 10, 27, 0, 30, 0, TimeSpan.Zero);

    private readonly string _folder;
    private readonly ServiceProvider _services;
    private readonly DuckDbInstance _publishing = new(new DuckDbSettings { Threads = 1, MaxSessions = 1, MemoryMegabytes = 256 });

    private EngineWorld(string folder, ServiceProvider services, World world) => (_folder, _services, World) = (folder, services, world);

    public World World { get; }

    public string LakePath => Path.Combine(_folder, "lake");

    public FakeTimeProvider Clock => (FakeTimeProvider)Get<TimeProvider>();

    public T Get<T>() where T : notnull => _services.GetRequiredService<T>();

    /// <param name="modelFiles">The model's files.</param>
    /// <param name="tables">The lake's rows by table.</param>
    /// <param name="columns">Every table's columns in DuckDB's types.</param>
    /// <param name="lakeOf">Makes the lake over its folder; null for DuckDB's.</param>
    /// <param name="rowsMegabytes">How much of gold's rows is kept column by column; 0 leaves all to DuckDB.</param>
    public static async Task<EngineWorld> CreateAsync(
        (string Path, string Text)[] modelFiles, IReadOnlyDictionary<string, List<Row>> tables, IReadOnlyDictionary<string, (string Name, string Type)[]> columns,
        Func<string, ILake>? lakeOf = null, int rowsMegabytes = 0)
    {
        var folder = Directory.CreateTempSubdirectory("wdp-world-").FullName;
        await using (var instance = new DuckDbInstance(new DuckDbSettings { Threads = 1, MaxSessions = 1, MemoryMegabytes = 256 }))
        await using (var session = await instance.OpenAsync())
        {
            foreach (var (table, rows) in tables)
            {
                var file = Path.Combine(folder, "lake", table.Replace('.', '/') + ".parquet");
                Directory.CreateDirectory(Path.GetDirectoryName(file)!);
                await session.ExecuteAsync($"CREATE OR REPLACE TABLE t ({string.Join(", ", columns[table].Select(c => $"{c.Name} {c.Type}"))})");
                if (rows.Count > 0)
                {
                    var values = rows.Select(row => "(" + string.Join(", ", columns[table].Select(c => Literal(row[c.Name]))) + ")");
                    await session.ExecuteAsync($"INSERT INTO t VALUES {string.Join(", ", values)}");
                }

                await session.ExecuteAsync($"COPY t TO '{file}' (FORMAT parquet)");
            }
        }

        foreach (var (path, text) in modelFiles)
        {
            var file = Path.Combine(folder, "models", path);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            await File.WriteAllTextAsync(file, text);
        }

        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["DataPlatform:Data"] = folder,
            ["DataPlatform:Models"] = Path.Combine(folder, "models"),
            ["DataPlatform:Lake:Threads"] = "1",
            ["DataPlatform:Lake:MemoryMegabytes"] = "256",
            ["DataPlatform:Lake:ScanInterval"] = "00:01:00",
            ["DataPlatform:Gold:CacheMegabytes"] = "64",
            ["DataPlatform:Gold:RowsMegabytes"] = rowsMegabytes.ToString(CultureInfo.InvariantCulture),
        }).Build();
        var collection = new ServiceCollection().AddLogging().AddSingleton<TimeProvider>(new FakeTimeProvider(Now)).AddSingleton<IConfiguration>(configuration);
        if (lakeOf is not null)
        {
            collection.AddSingleton(_ => lakeOf(Path.Combine(folder, "lake")));
        }

        var services = collection.AddDataPlatform(configuration).BuildServiceProvider();
        await services.GetRequiredService<IGoldStore>().InitializeAsync();
        return new EngineWorld(folder, services, new World(services.GetRequiredService<ModelStore>().Current, tables));
    }

    public async Task<OracleAnswer> AnswerAsync(MetricQuery query) => Of(await ServeAsync(query));

    public Task<MetricAnswer> ServeAsync(MetricQuery query) => Get<MetricQueryService>().AnswerAsync(query, Caller.Operator, TestContext.Current.CancellationToken);

    public static OracleAnswer Of(MetricAnswer answer) =>
        new([.. answer.Columns.Select(c => c.Name)], [.. answer.Rows], answer.Totals is null ? null : [.. answer.Totals]);

    /// <summary>Takes dates of a gold table from the lake, as a refresh does, and makes them live as one partition; <paramref name="isFirst"/> and <paramref name="isLast"/> say that the lake has nothing before or after it.</summary>
    public async Task PublishAsync(string table, string? tenant, string period, DateOnly from, DateOnly to, bool isFirst, bool isLast)
    {
        var cancellation = TestContext.Current.CancellationToken;
        var definition = GoldDefinitions.Of(World.Model).ByTable[table];
        var work = Path.Combine(_folder, "publish-" + Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(work);
        var lake = Get<ILake>();
        var export = await lake.ExportAsync(definition.CompileLake(lake.Dialect, from, to), Path.Combine(work, "lake"), cancellation);
        await using var session = await _publishing.OpenAsync(cancellation);
        var own = tenant is null ? "" : $" WHERE {GoldDefinition.TenantKey} = '{definition.TenantKeys[tenant]}'";
        await session.ExecuteAsync($"CREATE TEMP VIEW lake_rows AS SELECT * FROM read_parquet('{export.Files[0]}'){own}", cancellation);
        using var segments = await Get<SegmentWriter>().WriteAsync(session, definition.CompileStore("lake_rows"), cancellation);
        var published = await Get<GoldTables>().PublishAsync(
            table,
            tenant,
            new GoldPartitionDraft { Period = period, From = from, To = to, DefinitionHash = definition.HashFor(tenant), RefreshedAt = Now, RunId = "test", IsFirst = isFirst, IsLast = isLast, Segments = segments.Segments },
            expectedVersion: null,
            cancellation);
        Assert.True(published.Published);
        Directory.Delete(work, recursive: true);
    }

    public async ValueTask DisposeAsync()
    {
        await _publishing.DisposeAsync();
        await _services.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static string Literal(object? value) => value switch
    {
        null => "NULL",
        string text => "'" + text.Replace("'", "''", StringComparison.Ordinal) + "'",
        DateOnly date => $"DATE '{date:yyyy-MM-dd}'",
        DateTime time => $"TIMESTAMP '{time:yyyy-MM-dd HH:mm:ss.ffffff}'",
        bool flag => flag ? "true" : "false",
        double number => "'" + number.ToString("R", CultureInfo.InvariantCulture) + "'::DOUBLE",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };
}
