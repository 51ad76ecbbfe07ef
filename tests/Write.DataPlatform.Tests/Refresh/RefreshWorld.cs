using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Lake.DuckDb;
using Write.DataPlatform.Model;
using Write.DataPlatform.Refresh;
using Write.DataPlatform.Tests.Gold;
using Write.DataPlatform.Tests.Lake;
using Write.DataPlatform.Tests.Model;

namespace Write.DataPlatform.Tests.Refresh;

/// <summary>A lake of visits in three months, a gold store, a model and a clock that stands at noon of 15 March 2026.</summary>
internal sealed class RefreshWorld : IAsyncDisposable
{
    private readonly ModelFolder _models = new();
    private readonly IGoldStore _store;
    private readonly DuckDbLake _lake;
    private readonly List<RefreshWorker> _workers = [];
    private int _files;

    public RefreshWorld(string? model = null, int maxPages = 0, TimeSpan scanInterval = default)
    {
        Time.SetUtcNow(new DateTimeOffset(2026, 3, 15, 12, 0, 0, TimeSpan.Zero));
        _models.Write("model.yaml", model ?? RefreshModel.Text());
        Models = new ModelStore(Options.Create(new ModelOptions { Path = _models.Path }), new ModelLoader([]), Time, NullLogger<ModelStore>.Instance);
        _store = GoldStores.Open(Path.Combine(Files.Root, "gold.db"), Time, maxPages);
        _lake = new DuckDbLake(new LakeOptions { Path = Files.Path, WorkPath = Files.Work, MemoryMegabytes = 256, ScanInterval = scanInterval }, Time);
        Lake = new FaultyLake(_lake);
        foreach (var month in new[] { "2026-01-01", "2026-02-01", "2026-03-01" })
        {
            AddVisits(month, 200);
        }
    }

    public FakeTimeProvider Time { get; } = new();

    public LakeFiles Files { get; } = new();

    public FaultyLake Lake { get; }

    public ModelStore Models { get; }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>One more file of visits, in the partition of a month and with times of the same month.</summary>
    public void AddVisits(string month, int rows, string country = "") => Files.Write(
        $"visits/month={month}/part-{++_files}.parquet",
        $"SELECT i + {_files * 100_000} AS id, TIMESTAMP '{month}' + to_seconds(i * 7919 % (14 * 86400)) AS started_at, {(country.Length == 0 ? "['FR', 'DE', NULL][1 + i % 3]" : $"'{country}'")} AS country,"
            + $" ['acme', 'bolt', 'other'][1 + i % 3] AS customer, i % 50 AS seconds, 's' || (i % 4) AS show_id FROM range({rows}) AS t(i)");

    public void Write(string model)
    {
        _models.Write("model.yaml", model);
        Assert.True(Models.Reload());
    }

    /// <summary>A worker as another process would be: it shares the stores and nothing else.</summary>
    public async Task<RefreshWorker> WorkerAsync(Action<RefreshOptions>? configure = null)
    {
        await _store.InitializeAsync(Cancel);
        var options = new RefreshOptions { WorkPath = Path.Combine(Files.Root, "work-" + _workers.Count.ToString(CultureInfo.InvariantCulture)), MemoryMegabytes = 256, MaxAttempts = 3 };
        configure?.Invoke(options);
        var worker = new RefreshWorker(this, new MortalStore(_store), options, Path.Combine(Files.Root, "tmp"));
        _workers.Add(worker);
        return worker;
    }

    /// <summary>Lets time pass until the work is done.</summary>
    public async Task<T> PassTimeAsync<T>(Task<T> work)
    {
        while (!work.IsCompleted)
        {
            Time.Advance(TimeSpan.FromMilliseconds(500));
            await Task.WhenAny(work, Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, Cancel));
        }

        return await work;
    }

    /// <summary>What the daily table must hold, by hand.</summary>
    public List<object?[]> Expected(string where = "true") => Files.Read(
        $"SELECT CAST(started_at AS DATE) AS d, country, count(*), sum(seconds)::BIGINT FROM read_parquet('{Files.Path}/visits/**/*.parquet') WHERE {where} GROUP BY ALL ORDER BY ALL");

    public async ValueTask DisposeAsync()
    {
        foreach (var worker in _workers)
        {
            await worker.DisposeAsync();
        }

        Models.Dispose();
        await _lake.DisposeAsync();
        (_store as IDisposable)?.Dispose();
        Assert.Empty(Directory.EnumerateDirectories(Files.Root, "work-*").SelectMany(Directory.EnumerateFileSystemEntries));
        Files.Dispose();
        _models.Dispose();
    }
}

/// <summary>All that one process needs to refresh.</summary>
internal sealed class RefreshWorker : IAsyncDisposable
{
    private readonly GoldTempFolder _temp;
    private readonly SegmentWriter _writer;
    private readonly RefreshDuckDb _database;
    private readonly RefreshWorld _world;

    public RefreshWorker(RefreshWorld world, MortalStore store, RefreshOptions refresh, string temp)
    {
        _world = world;
        Store = store;
        var options = Options.Create(refresh);
        var gold = Options.Create(new GoldOptions { TempPath = temp, ManifestMaxAge = TimeSpan.Zero, LeaseDuration = TimeSpan.FromMinutes(2), GarbageGrace = TimeSpan.FromHours(1) });
        _temp = new GoldTempFolder(gold);
        _writer = new SegmentWriter(_temp);
        _database = new RefreshDuckDb(options);
        Tables = new GoldTables(store, gold, world.Time);
        Ledger = new RunLedger(store, gold, world.Time);
        Leases = new Leases(store, gold, world.Time, NullLogger<Leases>.Instance);
        var planner = new RefreshPlanner(world.Lake, options, world.Time);
        var refresher = new PartitionRefresher(world.Lake, Tables, _writer, _database, planner, world.Time);
        var runner = new RefreshRunner(planner, refresher, _database, Tables, Ledger, Leases, options, gold, world.Time, NullLogger<RefreshRunner>.Instance);
        Service = new RefreshService(world.Models, runner, Ledger, Leases, Tables, options, world.Time, NullLogger<RefreshService>.Instance);
        Verifier = new GoldVerifier(world.Models, world.Lake, Tables, planner, _database, world.Time);
        Scheduler = new RefreshScheduler(world.Models, Service, world.Time, NullLogger<RefreshScheduler>.Instance);
    }

    public MortalStore Store { get; }

    public GoldTables Tables { get; }

    public RunLedger Ledger { get; }

    public Leases Leases { get; }

    public RefreshService Service { get; }

    public GoldVerifier Verifier { get; }

    public RefreshScheduler Scheduler { get; }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public Task<RefreshRun> RunAsync(RefreshRange? range = null, string table = RefreshModel.Daily, RunTrigger trigger = RunTrigger.Manual, CancellationTokenSource? shutdown = null) =>
        _world.PassTimeAsync(Service.RunAsync(table, range ?? new RefreshRange(), trigger, null, shutdown?.Token ?? Cancel));

    /// <summary>The live version of every partition.</summary>
    public async Task<Dictionary<string, string>> VersionsAsync(string? tenant = null, string table = RefreshModel.Daily) =>
        (await Tables.GetManifestAsync(table, tenant, fresh: true, Cancel)).Partitions.Values.ToDictionary(p => p.Period, p => p.Version);

    /// <summary>The daily table's rows as they are stored.</summary>
    public async Task<List<object?[]>> RowsAsync(string? tenant = null, string columns = "bucket, visit__country, visits__count, seconds__sum")
    {
        var manifest = await Tables.GetManifestAsync(RefreshModel.Daily, tenant, fresh: true, Cancel);
        using var folder = new Gold.TempFolder();
        List<string> files = [];
        await foreach (var partition in Tables.GetSegmentsAsync(manifest, [.. manifest.Partitions.Values], Cancel))
        {
            foreach (var segment in partition.Segments)
            {
                files.Add(folder.File(files.Count.ToString(CultureInfo.InvariantCulture) + ".parquet"));
                await File.WriteAllBytesAsync(files[^1], segment, Cancel);
            }
        }

        return files.Count == 0 ? [] : _world.Files.Read($"SELECT {columns} FROM read_parquet([{string.Join(", ", files.Select(f => $"'{f}'"))}]) ORDER BY ALL");
    }

    public async ValueTask DisposeAsync()
    {
        await Service.DisposeAsync();
        Scheduler.Dispose();
        await _database.DisposeAsync();
        await _writer.DisposeAsync();
        _temp.Dispose();
    }
}

/// <summary>A store that a test may cut off from a worker, as if its process or network were gone.</summary>
internal sealed class MortalStore(IGoldStore inner) : IGoldStore
{
    public bool IsDead { get; set; }

    /// <summary>Called before items are put; what it throws is thrown.</summary>
    public Action<IReadOnlyCollection<GoldItem>> BeforePut { get; set; } = _ => { };

    /// <summary>Called before an item is put with a condition; what it throws is thrown.</summary>
    public Action<GoldItem> BeforeTryPut { get; set; } = _ => { };

    /// <summary>Called after an item was put with a condition.</summary>
    public Action<GoldItem> AfterTryPut { get; set; } = _ => { };

    public Task InitializeAsync(CancellationToken cancellationToken = default) => Live().InitializeAsync(cancellationToken);

    public Task<GoldItem?> GetAsync(string pk, string sk, CancellationToken cancellationToken = default) => Live().GetAsync(pk, sk, cancellationToken);

    public IAsyncEnumerable<GoldItem> GetManyAsync(string pk, IReadOnlyCollection<string> sks, CancellationToken cancellationToken = default) => Live().GetManyAsync(pk, sks, cancellationToken);

    public IAsyncEnumerable<GoldItem> QueryAsync(string pk, string skPrefix, bool descending = false, CancellationToken cancellationToken = default) =>
        Live().QueryAsync(pk, skPrefix, descending, cancellationToken);

    public IAsyncEnumerable<GoldKey> ListAsync(string pk, string skPrefix, CancellationToken cancellationToken = default) => Live().ListAsync(pk, skPrefix, cancellationToken);

    public async Task<bool> TryPutAsync(GoldItem item, long? expectedRevision, CancellationToken cancellationToken = default)
    {
        BeforeTryPut(item);
        var isPut = await Live().TryPutAsync(item, expectedRevision, cancellationToken);
        AfterTryPut(item);
        return isPut;
    }

    public Task PutAsync(IReadOnlyCollection<GoldItem> items, CancellationToken cancellationToken = default)
    {
        BeforePut(items);
        return Live().PutAsync(items, cancellationToken);
    }

    public Task DeleteAsync(string pk, IReadOnlyCollection<string> sks, CancellationToken cancellationToken = default) => Live().DeleteAsync(pk, sks, cancellationToken);

    public Task<bool> TryDeleteAsync(string pk, string sk, long expectedRevision, CancellationToken cancellationToken = default) => Live().TryDeleteAsync(pk, sk, expectedRevision, cancellationToken);

    private IGoldStore Live() => IsDead ? throw new GoldStoreException("The store is out of reach.", isTransient: true) : inner;
}
