using System.Collections.Concurrent;
using System.Globalization;
using DuckDB.NET.Data;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Gold.Tail;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Refresh;

/// <summary>How the refresh of one partition ended.</summary>
/// <param name="Written">Partitions made live; 0 if another worker had done it meanwhile.</param>
/// <param name="Rows">Rows stored.</param>
/// <param name="Bytes">Bytes stored.</param>
/// <param name="BytesScanned">Bytes that the lake read.</param>
internal sealed record PartitionResult(int Written, long Rows, long Bytes, long BytesScanned);

/// <summary>Takes one partition from the lake into the gold store: read, check, enrich, sort, split by tenant, encode, make live.</summary>
internal sealed class PartitionRefresher(ILake lake, GoldTables tables, SegmentWriter writer, RefreshDuckDb database, RefreshPlanner planner, TimeProvider time)
{
    // Of what was over for longer when it was landed, no list of files is too old.
    private static readonly TimeSpan RecentlyOver = TimeSpan.FromHours(1);

    /// <param name="definition">The table.</param>
    /// <param name="planned">The partition.</param>
    /// <param name="full">Whether it is refreshed though nothing changed.</param>
    /// <param name="basis">What was refreshed since then is not refreshed only because all of it is.</param>
    /// <param name="started">When the run began.</param>
    /// <param name="runId">The run.</param>
    /// <param name="folder">A folder of its own that the caller removes.</param>
    /// <param name="cancellationToken">Ends it; nothing is half done.</param>
    /// <exception cref="LakeException">The lake could not give the rows.</exception>
    /// <exception cref="GoldStoreException">The store could not take them.</exception>
    /// <exception cref="DuckDBException">The rows could not be sorted or encoded.</exception>
    /// <exception cref="RefreshException">The rows are wrong.</exception>
    public async Task<PartitionResult> RefreshAsync(
        GoldDefinition definition, PlannedPartition planned, bool full, DateTimeOffset basis, DateTimeOffset started, string runId, string folder, CancellationToken cancellationToken = default)
    {
        // The version is taken before the rows: what arrives between counts as a change next time.
        // So are the cuts: what streams seal meanwhile is left to them until next time.
        var bounds = await planner.BoundsAsync(definition, planned.Period, fresh: true, cancellationToken);
        var over = TimeBound.FromDate(planned.Period.To, definition.Table.TimeZone).Utc;
        foreach (var (table, _) in bounds.Landed.Values.Any(landed => landed.UtcDateTime < over + RecentlyOver) ? definition.Facts : [])
        {
            // Another worker may have landed events after the files were listed here, and said so.
            lake.Forget(table, bounds.ReadAt);
        }

        var version = await planner.VersionAsync(definition, planned.Period, cancellationToken);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = RefreshRunner.MaxTenantsAtOnce, CancellationToken = cancellationToken };
        var todo = new ConcurrentBag<(string? Tenant, GoldPartition? Live)>();
        await Parallel.ForEachAsync(planned.Tenants, parallel, async (tenant, token) =>
        {
            var manifest = await tables.GetManifestAsync(definition.Table.Name, tenant, fresh: true, token);
            var live = manifest.Partitions.GetValueOrDefault(planned.Period.Name);
            if (RefreshPlanner.Reason(definition, planned.Period, tenant, live, version, planned.Ends, basis, started, full, bounds, time.GetUtcNow()) is not null)
            {
                todo.Add((tenant, live));
            }
        });
        if (todo.IsEmpty)
        {
            return new PartitionResult(0, 0, 0, 0);
        }

        // One query gives the rows of all, so they have one cut.
        var cuts = todo.Aggregate(bounds.Cuts, (sofar, one) => RefreshPlanner.CutsAfter(one.Live, definition.HashFor(one.Tenant), sofar));
        var refreshedAt = time.GetUtcNow();
        DateTimeOffset? landed = bounds.LandedBeside(cuts) is { } to && to < refreshedAt && to.UtcDateTime < over ? to : null;
        if (landed == DateTimeOffset.MinValue && refreshedAt.UtcDateTime >= over + TailStore.Retention)
        {
            // What a silent shard brings is of these days.
            landed = null;
        }

        var export = await lake.ExportAsync(
            definition.CompileLake(lake.Dialect, planned.Period.From, planned.Period.To, cuts), Path.Combine(folder, "lake"), cancellationToken);
        await using var session = await database.Instance.OpenAsync(cancellationToken);
        var rows = await LakePartition.OpenAsync(session, definition, export, cancellationToken);
        var watermarks = await CheckAsync(session, definition, planned.Period, rows.Source, cancellationToken);
        var (written, stored, bytes) = (0, 0L, 0L);
        SegmentSet? none = null;
        using var turn = new SemaphoreSlim(1, 1);
        try
        {
            await Parallel.ForEachAsync(todo, parallel, async (one, token) =>
            {
                var (tenant, live) = one;
                var has = watermarks.TryGetValue(tenant is null ? "" : definition.TenantKeys[tenant], out var watermark);
                SegmentSet? own = null;

                // Rows are encoded one tenant after another, and stored while the next ones are encoded.
                await turn.WaitAsync(token);
                try
                {
                    var sql = await rows.CompileStoreAsync(tenant, token);
                    own = has ? await writer.WriteAsync(session, sql, token) : null;

                    // Tenants without rows share one empty segment, so that thousands of them cost no query each.
                    none ??= has ? null : await writer.WriteAsync(session, $"SELECT * FROM ({sql}) AS stored WHERE false", token);
                }
                finally
                {
                    turn.Release();
                }

                using var mine = own;
                var segments = own ?? none!;
                var draft = new GoldPartitionDraft
                {
                    Period = planned.Period.Name,
                    From = planned.Period.From,
                    To = planned.Period.To,
                    DefinitionHash = definition.HashFor(tenant),
                    LakeVersion = version,
                    Watermark = watermark,
                    Cuts = cuts,
                    Landed = landed,
                    RefreshedAt = refreshedAt,
                    RunId = runId,
                    IsFirst = planned.Ends.IsFirst ?? false,
                    IsLast = planned.Ends.IsLast ?? false,
                    SourceQueryId = export.QueryId,
                    Segments = segments.Segments,
                };
                var published = await tables.PublishAsync(definition.Table.Name, tenant, draft, live?.Version, token);
                if (!published.Published)
                {
                    throw new GoldStoreException($"Another worker refreshed {definition.Table.Name} {planned.Period.Name} meanwhile.", isTransient: true);
                }

                Interlocked.Increment(ref written);
                Interlocked.Add(ref stored, segments.Rows);
                Interlocked.Add(ref bytes, segments.Bytes);
            });
        }
        finally
        {
            none?.Dispose();
        }

        return new PartitionResult(written, stored, bytes, export.BytesScanned);
    }

    /// <summary>
    /// Refuses rows that would be counted twice or nowhere: a fault of the lake or of this program, and wrong is worse than old.
    /// Gives the latest event by tenant key (for an internal table by the empty text); a key without rows is not there.
    /// </summary>
    private static async Task<Dictionary<string, DateTimeOffset?>> CheckAsync(
        DuckDbSession session, GoldDefinition definition, PartitionPeriod period, string source, CancellationToken cancellationToken)
    {
        var table = definition.Table;
        var isExternal = table.Audience == Audience.External;
        var (from, to) = (TimeBound.FromDate(period.From, table.TimeZone).Utc, TimeBound.FromDate(period.To, table.TimeZone).Utc);
        var outside = table.Grain >= TimeGrain.Day
            ? $"bucket < DATE '{period.From:yyyy-MM-dd}' OR bucket >= DATE '{period.To:yyyy-MM-dd}'"
            : string.Create(CultureInfo.InvariantCulture, $"bucket < TIMESTAMP '{from:yyyy-MM-dd HH:mm:ss}' OR bucket >= TIMESTAMP '{to:yyyy-MM-dd HH:mm:ss}'");
        var tenant = isExternal ? GoldDefinition.TenantKey : "''";
        string[] keys = [.. isExternal ? [GoldDefinition.TenantKey] : Array.Empty<string>(), GoldDefinition.Bucket, .. definition.Dimensions];
        var (strays, twice, watermarks) = await session.QueryAsync(
            new SqlStatement(
                $"SELECT {tenant}, count(*) FILTER (bucket IS NULL OR {outside}), count(*) FILTER (times > 1), max(latest)"
                + $" FROM (SELECT {string.Join(", ", keys.Select(DuckDbDialect.Instance.Quote))}, count(*) AS times, max({GoldDefinition.Watermark}) AS latest FROM {source} GROUP BY ALL) GROUP BY 1"),
            reader =>
            {
                var (wrong, again) = (0L, 0L);
                Dictionary<string, DateTimeOffset?> latest = new(StringComparer.Ordinal);
                while (reader.Read())
                {
                    wrong += reader.GetInt64(1);
                    again += reader.GetInt64(2);
                    if (!reader.IsDBNull(0))
                    {
                        latest[reader.GetString(0)] = reader.IsDBNull(3) ? null : new DateTimeOffset(DateTime.SpecifyKind(reader.GetDateTime(3), DateTimeKind.Utc));
                    }
                }

                return (wrong, again, latest);
            },
            cancellationToken);
        return strays > 0
            ? throw new RefreshException($"The lake gave {strays} groups of {table.Name} {period.Name} with a bucket that is null or outside the period.")
            : twice > 0
                ? throw new RefreshException($"The lake gave {twice} groups of {table.Name} {period.Name} more than once.")
                : watermarks;
    }
}
