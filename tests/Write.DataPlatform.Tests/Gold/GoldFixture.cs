using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Gold;

/// <summary>A gold zone of its own on a temporary folder.</summary>
internal sealed class GoldFixture : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly IGoldStore _store;
    private readonly GoldTempFolder _temp;

    public GoldFixture(Action<GoldOptions>? configure = null)
    {
        var options = new GoldOptions { Path = _folder.File("gold.db"), TempPath = _folder.File("tmp"), ManifestMaxAge = TimeSpan.Zero };
        configure?.Invoke(options);
        Options = Microsoft.Extensions.Options.Options.Create(options);
        _store = GoldStores.Open(options.Path, Clock);
        _temp = new GoldTempFolder(Options);
        Store = new CountingStore(_store);
        Tables = NewTables();
        Writer = new SegmentWriter(_temp);
        Duck = new DuckDbInstance(new DuckDbSettings { Threads = 2, MaxSessions = 4 });
        Serving = new ServingDuckDb(Options, _temp);
        Engine = new GoldEngine(Tables, Serving, _temp, Options, NullLogger<GoldEngine>.Instance);
    }

    public FakeTimeProvider Clock { get; } = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    public IOptions<GoldOptions> Options { get; }

    public CountingStore Store { get; }

    public GoldTables Tables { get; }

    public SegmentWriter Writer { get; }

    /// <summary>Where rows to be stored are made.</summary>
    public DuckDbInstance Duck { get; }

    public ServingDuckDb Serving { get; }

    public GoldEngine Engine { get; }

    public string TempPath => Options.Value.TempPath!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Tables as another process has them: nothing remembered.</summary>
    public GoldTables NewTables() => new(Store, Options, Clock);

    /// <summary>Stores what a SELECT gives as a period's partition.</summary>
    public async Task<PublishResult> PublishAsync(string table, string? tenant, string period, string sql, string? expected = null, GoldTables? tables = null, string definition = "d1")
    {
        await using var session = await Duck.OpenAsync(Cancel);
        using var set = await Writer.WriteAsync(session, sql, Cancel);
        return await (tables ?? Tables).PublishAsync(table, tenant, Draft(period, set.Segments, definition), expected, Cancel);
    }

    public GoldPartitionDraft Draft(string period, IReadOnlyList<SegmentFile> segments, string definition = "d1")
    {
        var from = DateOnly.ParseExact(period + "-01", "yyyy-MM-dd", CultureInfo.InvariantCulture);
        return new GoldPartitionDraft { Period = period, From = from, To = from.AddMonths(1), DefinitionHash = definition, RefreshedAt = Clock.GetUtcNow(), RunId = "r1", Segments = segments };
    }

    /// <summary>Rows as text in the order of the text, so that sets of rows can be compared.</summary>
    public static async Task<string[]> RowsAsync(DuckDbInstance instance, string from)
    {
        await using var session = await instance.OpenAsync(Cancel);
        var rows = await session.QueryAsync(
            new SqlStatement($"SELECT * FROM {from}"),
            reader =>
            {
                var found = new List<string>();
                while (reader.Read())
                {
                    found.Add(string.Join("|", Enumerable.Range(0, reader.FieldCount).Select(column =>
                        reader.IsDBNull(column) ? "∅" : Convert.ToString(reader.GetValue(column), CultureInfo.InvariantCulture))));
                }

                return found;
            },
            Cancel);
        return [.. rows.Order(StringComparer.Ordinal)];
    }

    public async Task<T?> ScalarAsync<T>(DuckDbInstance instance, string sql)
    {
        await using var session = await instance.OpenAsync(Cancel);
        return await session.ScalarAsync<T>(sql, Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        await Engine.DisposeAsync();
        await Serving.DisposeAsync();
        await Writer.DisposeAsync();
        await Duck.DisposeAsync();
        _temp.Dispose();
        (_store as IDisposable)?.Dispose();
        _folder.Dispose();
    }
}

/// <summary>Counts reads of segments, and may fail or do something in between, as a network would.</summary>
internal sealed class CountingStore(IGoldStore inner) : IGoldStore
{
    private int _segmentsRead;
    private int _gets;

    public int SegmentsRead => _segmentsRead;

    public int Gets => _gets;

    /// <summary>Runs before a conditional put.</summary>
    public Func<GoldItem, Task>? BeforeTryPut { get; set; }

    /// <summary>Runs after a conditional put that was done.</summary>
    public Func<GoldItem, Task>? AfterTryPut { get; set; }

    public Task InitializeAsync(CancellationToken cancellationToken = default) => inner.InitializeAsync(cancellationToken);

    public Task<GoldItem?> GetAsync(string pk, string sk, CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref _gets);
        return inner.GetAsync(pk, sk, cancellationToken);
    }

    public IAsyncEnumerable<GoldItem> GetManyAsync(string pk, IReadOnlyCollection<string> sks, CancellationToken cancellationToken = default)
    {
        Interlocked.Add(ref _segmentsRead, sks.Count);
        return inner.GetManyAsync(pk, sks, cancellationToken);
    }

    public IAsyncEnumerable<GoldItem> QueryAsync(string pk, string skPrefix, bool descending = false, CancellationToken cancellationToken = default) =>
        inner.QueryAsync(pk, skPrefix, descending, cancellationToken);

    public IAsyncEnumerable<GoldKey> ListAsync(string pk, string skPrefix, CancellationToken cancellationToken = default) => inner.ListAsync(pk, skPrefix, cancellationToken);

    public async Task<bool> TryPutAsync(GoldItem item, long? expectedRevision, CancellationToken cancellationToken = default)
    {
        await (BeforeTryPut?.Invoke(item) ?? Task.CompletedTask);
        var done = await inner.TryPutAsync(item, expectedRevision, cancellationToken);
        await (AfterTryPut?.Invoke(item) ?? Task.CompletedTask);
        return done;
    }

    public Task PutAsync(IReadOnlyCollection<GoldItem> items, CancellationToken cancellationToken = default) => inner.PutAsync(items, cancellationToken);

    public Task DeleteAsync(string pk, IReadOnlyCollection<string> sks, CancellationToken cancellationToken = default) => inner.DeleteAsync(pk, sks, cancellationToken);

    public Task<bool> TryDeleteAsync(string pk, string sk, long expectedRevision, CancellationToken cancellationToken = default) =>
        inner.TryDeleteAsync(pk, sk, expectedRevision, cancellationToken);
}
