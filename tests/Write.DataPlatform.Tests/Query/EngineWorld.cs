using System.Globalization;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Lake.DuckDb;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Query;

/// <summary>A world whose rows lie in a lake of Parquet files, with the engine to ask.</summary>
internal sealed class EngineWorld : IAsyncDisposable
{
    /// <summary>The moment that relative ranges end at, for engine and oracle alike.</summary>
    public static readonly DateTimeOffset Now = new(2024, 10, 27, 0, 30, 0, TimeSpan.Zero);

    private readonly string _folder;
    private readonly DuckDbInstance _serving = new(new DuckDbSettings { Threads = 1, MaxSessions = 4, MemoryMegabytes = 256 });
    private readonly DuckDbLake _lake;
    private readonly LakeTypes _types;

    private EngineWorld(World world, string folder)
    {
        World = world;
        _folder = folder;
        _lake = new DuckDbLake(
            new LakeOptions { Path = Path.Combine(folder, "lake"), WorkPath = Path.Combine(folder, "work"), Threads = 1, MaxQueries = 4, MemoryMegabytes = 256, ScanInterval = TimeSpan.FromMinutes(1) },
            TimeProvider.System);
        _types = new LakeTypes(_lake, TimeProvider.System);
    }

    public World World { get; }

    public ILake Lake => _lake;

    public static async Task<EngineWorld> CreateAsync(World world, IReadOnlyDictionary<string, (string Name, string Type)[]> columns)
    {
        var folder = Directory.CreateTempSubdirectory("wdp-world-").FullName;
        await using var instance = new DuckDbInstance(new DuckDbSettings { Threads = 1, MaxSessions = 1, MemoryMegabytes = 256 });
        await using var session = await instance.OpenAsync();
        foreach (var (table, rows) in world.Tables)
        {
            var file = Path.Combine(folder, "lake", table.Replace('.', '/') + ".parquet");
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            await session.ExecuteAsync($"CREATE OR REPLACE TABLE t ({string.Join(", ", columns[table].Select(c => $"{c.Name} {c.Type}"))})");
            foreach (var chunk in rows.Chunk(100))
            {
                var values = chunk.Select(row => "(" + string.Join(", ", columns[table].Select(c => Literal(row[c.Name]))) + ")");
                await session.ExecuteAsync($"INSERT INTO t VALUES {string.Join(", ", values)}");
            }

            await session.ExecuteAsync($"COPY t TO '{file}' (FORMAT parquet)");
        }

        return new EngineWorld(world, folder);
    }

    public async Task<OracleAnswer> AnswerAsync(MetricQuery query)
    {
        var cancellation = TestContext.Current.CancellationToken;
        var plan = QueryPlan.Create(World.Model, query, await _types.GetAsync(World.Model, cancellation), [], Now);
        await using var session = await _serving.OpenAsync(cancellation);
        var runner = new PlanRunner(session, _lake, plan, new Dictionary<LeafPiece, string>());
        await runner.LoadLakeAsync(cancellation);
        var rows = await runner.FinishAsync(isTotals: false, cancellation);
        var totals = query.Totals ? (await runner.FinishAsync(isTotals: true, cancellation)).Rows.Single() : null;
        return new OracleAnswer([.. rows.Columns.Select(c => c.Name)], rows.Rows, totals);
    }

    public async ValueTask DisposeAsync()
    {
        await _lake.DisposeAsync();
        await _serving.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static string Literal(object? value) => value switch
    {
        null => "NULL",
        string text => "'" + text.Replace("'", "''", StringComparison.Ordinal) + "'",
        DateOnly date => $"DATE '{date:yyyy-MM-dd}'",
        DateTime time => $"TIMESTAMP '{time:yyyy-MM-dd HH:mm:ss.ffffff}'",
        bool flag => flag ? "true" : "false",
        double number => number.ToString("R", CultureInfo.InvariantCulture) + "::DOUBLE",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };
}
