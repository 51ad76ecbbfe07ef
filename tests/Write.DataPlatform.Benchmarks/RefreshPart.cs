using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Gold.Sqlite;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Refresh;

namespace Write.DataPlatform.Benchmarks;

/// <summary>From the lake's events to stored gold rows.</summary>
internal static class RefreshPart
{
    private const string Name = "refresh";
    private const string Table = "visits_daily";
    private const int StoredMonths = 24;

    public static async Task<IReadOnlyList<Figure>> RunAsync(Scale scale, CancellationToken cancellationToken)
    {
        using var folder = new BenchFolder();
        var (half, whole) = (folder.Path("half"), folder.Path("whole"));
        await World.MakeSampleAsync(half, scale.Events / 2, cancellationToken);
        await World.MakeSampleAsync(whole, scale.Events, cancellationToken);
        await CheckAsync(folder, whole, cancellationToken);
        var times = await Measure.InTurnsAsync(
            scale.Rounds,
            cancellationToken,
            () => RollUpAsync(folder, whole, store: true, cancellationToken),
            () => RollUpAsync(folder, whole, store: false, cancellationToken),
            () => RollUpAsync(folder, half, store: true, cancellationToken));
        return
        [
            new Figure(Name, $"{scale.Events:N0} events into {Table}; the same SQL without storing", "ms", times[0], times[1], Bound.RatioAtMost, 1.25),
            new Figure(Name, $"twice the events; {scale.Events / 2:N0} of them", "ms", times[0], times[2], Bound.RatioAtMost, 2.2),
            .. await StoreAsync(scale, folder, cancellationToken),
        ];
    }

    /// <summary>A refresh into an empty store, or the lake's part of it as one statement whose rows go nowhere.</summary>
    private static async Task<double> RollUpAsync(BenchFolder folder, string lake, bool store, CancellationToken cancellationToken)
    {
        var data = folder.New();
        try
        {
            await using var app = await OpenAsync(data, lake, cancellationToken);
            return await Measure.MillisecondsAsync(() => store ? RefreshAsync(app, cancellationToken) : AggregateAsync(app, cancellationToken));
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    private static async Task RefreshAsync(WebApplication app, CancellationToken cancellationToken)
    {
        var run = await app.Services.GetRequiredService<RefreshService>().RunAsync(Table, new RefreshRange(), RunTrigger.Manual, null, cancellationToken);
        WrongAnswerException.ThrowIf(run.State != RunState.Succeeded, $"The refresh ended as {run.State}: {run.Error}");
    }

    private static async Task<(long Rows, long Hash)> AggregateAsync(WebApplication app, CancellationToken cancellationToken)
    {
        var lake = app.Services.GetRequiredService<ILake>();
        var definition = GoldDefinitions.Of(app.Services.GetRequiredService<ModelStore>().Current).ByTable[Table];
        var statement = definition.CompileLake(lake.Dialect, new DateOnly(2000, 1, 1), new DateOnly(2100, 1, 1));

        // Hashing whole rows keeps every column from being optimised away.
        await using var rows = await lake.QueryAsync(
            statement with { Text = $"SELECT count(*) AS n, CAST(bit_xor(hash(r)) >> 2 AS BIGINT) AS h FROM ({statement.Text}\n) AS r" }, cancellationToken);
        await foreach (var row in rows.ReadAsync(cancellationToken))
        {
            return ((long)row[0]!, (long)row[1]!);
        }

        throw new WrongAnswerException("The aggregate gave no row.");
    }

    /// <summary>What is stored has the rows of the ceiling, and the totals of the files.</summary>
    private static async Task CheckAsync(BenchFolder folder, string lake, CancellationToken cancellationToken)
    {
        var data = folder.New();
        await using var app = await OpenAsync(data, lake, cancellationToken);
        await RefreshAsync(app, cancellationToken);
        var manifest = await app.Services.GetRequiredService<GoldTables>().GetManifestAsync(Table, null, fresh: true, cancellationToken);
        var stored = manifest.Partitions.Values.Sum(p => p.Rows);
        var (rows, _) = await AggregateAsync(app, cancellationToken);
        WrongAnswerException.ThrowIf(stored != rows, $"{stored} gold rows are stored, but the lake's statement gives {rows}.");

        var engine = app.Services.GetRequiredService<GoldEngine>();
        using var relation = await engine.AcquireAsync(manifest, [.. manifest.Partitions.Values], cancellationToken);
        await using var session = await app.Services.GetRequiredService<ServingDuckDb>().Instance.OpenAsync(cancellationToken);
        var gold = await session.ScalarAsync<string>($"SELECT concat_ws(' ', sum(visit_count__count), sum(page_view_count__count), sum(watch_count__count), sum(seconds_watched__sum)) FROM {relation.Sql}", cancellationToken);
        string Files(string table) => $"read_parquet('{lake}/{table}/**/*.parquet')";
        var events = await session.ScalarAsync<string>(
            $"SELECT concat_ws(' ', (SELECT count(*) FROM {Files("visits")}), (SELECT count(*) FROM {Files("page_views")}), (SELECT count(*) FROM {Files("watches")}), (SELECT sum(seconds) FROM {Files("watches")}))", cancellationToken);
        WrongAnswerException.ThrowIf(gold != events, $"Gold has the totals {gold}, the lake's files {events}.");
    }

    /// <summary>Sorted rows into segments and those into the store, two partitions at once as a refresh does; beside DuckDB's own encoding of them.</summary>
    private static async Task<IReadOnlyList<Figure>> StoreAsync(Scale scale, BenchFolder folder, CancellationToken cancellationToken)
    {
        await using var duck = new DuckDbInstance(new DuckDbSettings());
        await MakeRowsAsync(duck, scale.WideRows, cancellationToken);
        var bytes = 0L;
        var times = await Measure.InTurnsAsync(
            scale.Rounds,
            cancellationToken,
            async () =>
            {
                var data = folder.New();
                var options = Microsoft.Extensions.Options.Options.Create(new GoldOptions { TempPath = System.IO.Path.Combine(data, "tmp") });
                using var temp = new GoldTempFolder(options);
                await using var writer = new SegmentWriter(temp);
                using var store = new SqliteGoldStore(System.IO.Path.Combine(data, "gold.db"), TimeProvider.System);
                await store.InitializeAsync(cancellationToken);
                var tables = new GoldTables(store, options, TimeProvider.System);
                var time = await Measure.MillisecondsAsync(async () =>
                    bytes = (await StoreRowsAsync(duck, writer, tables, scale.WideRows, cancellationToken)).Partitions.Values.Sum(p => p.Bytes));
                return scale.WideRows / (time / 1000);
            },
            async () =>
            {
                await using var session = await duck.OpenAsync(cancellationToken);
                var time = await Measure.MillisecondsAsync(() => session.ExecuteAsync(
                    $"COPY (SELECT * FROM rows ORDER BY bucket, item, device) TO '{System.IO.Path.Combine(folder.New(), "rows.parquet")}' (FORMAT parquet, COMPRESSION zstd)", cancellationToken));
                return scale.WideRows / (time / 1000);
            });
        return
        [
            new Figure(Name, $"storing {scale.WideRows:N0} gold rows; DuckDB's COPY to one file", "rows/s", times[0], times[1], Bound.AtLeast, 1_500_000),
            new Figure(Name, "bytes a stored row", "bytes", (double)bytes / scale.WideRows, null, Bound.AtMost, 8),
        ];
    }

    /// <summary>Rows to be stored, in a table: 25 months of them, as many as asked for.</summary>
    internal static async Task MakeRowsAsync(DuckDbInstance duck, long rows, CancellationToken cancellationToken)
    {
        await using var session = await duck.OpenAsync(cancellationToken);
        // As a refresh finds them: by month, and in no order within it.
        await session.ExecuteAsync(
            $"""
            CREATE TABLE rows AS SELECT DATE '2024-01-01' + CAST(i % 731 AS INTEGER) AS bucket, 'item-' || lpad(CAST(i // 731 AS VARCHAR), 5, '0') AS item,
              ['desktop', 'mobile', 'tablet', 'tv'][1 + i % 4] AS device, CAST(hash(i) % 200 AS BIGINT) AS n, CAST(hash(i, 1) % 9000 AS BIGINT) AS seconds
            FROM range({rows}) AS t(i)
            ORDER BY date_trunc('month', bucket), hash(i)
            """,
            cancellationToken);
    }

    /// <summary>Stores those rows in a gold table, two partitions at once as a refresh does.</summary>
    internal static async Task<GoldManifest> StoreRowsAsync(DuckDbInstance duck, SegmentWriter writer, GoldTables tables, long rows, CancellationToken cancellationToken)
    {
        await Parallel.ForEachAsync(
            Enumerable.Range(0, StoredMonths + 1),
            new ParallelOptions { MaxDegreeOfParallelism = new RefreshOptions().MaxPartitions, CancellationToken = cancellationToken },
            async (month, token) => await PublishAsync(duck, writer, tables, new DateOnly(2024, 1, 1).AddMonths(month), token));
        var manifest = await tables.GetManifestAsync("rows", null, fresh: true, cancellationToken);
        var stored = manifest.Partitions.Values.Sum(p => p.Rows);
        WrongAnswerException.ThrowIf(stored != rows, $"{stored} of {rows} rows were stored.");
        return manifest;
    }

    private static async Task PublishAsync(DuckDbInstance duck, SegmentWriter writer, GoldTables tables, DateOnly from, CancellationToken cancellationToken)
    {
        var to = from.AddMonths(1);
        await using var session = await duck.OpenAsync(cancellationToken);
        using var set = await writer.WriteAsync(
            session, string.Create(CultureInfo.InvariantCulture, $"SELECT * FROM rows WHERE bucket >= DATE '{from:yyyy-MM-dd}' AND bucket < DATE '{to:yyyy-MM-dd}' ORDER BY bucket, item, device"), cancellationToken);
        var draft = new GoldPartitionDraft
        {
            Period = from.ToString("yyyy-MM", CultureInfo.InvariantCulture),
            From = from,
            To = to,
            DefinitionHash = "1",
            RefreshedAt = TimeProvider.System.GetUtcNow(),
            RunId = "1",
            Segments = set.Segments,
        };
        var published = await tables.PublishAsync("rows", null, draft, null, cancellationToken);
        WrongAnswerException.ThrowIf(!published.Published, $"{draft.Period} was not published.");
    }

    private static Task<WebApplication> OpenAsync(string data, string lake, CancellationToken cancellationToken) =>
        World.OpenAsync(new Dictionary<string, string?> { ["DataPlatform:Data"] = data, ["DataPlatform:Lake:Path"] = lake }, role: null, cancellationToken);
}
