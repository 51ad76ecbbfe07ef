using Write.DataPlatform.Gold;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Api.Health;

/// <summary>What is stored of a gold table, for one tenant or as a whole.</summary>
/// <param name="Table">The table.</param>
/// <param name="Tenant">The tenant, if the table is stored by tenant.</param>
/// <param name="Manifest">What is live; null for a table that is stored by tenant, seen as a whole.</param>
/// <param name="RefreshedAt">When the last refresh of the whole table that ended well began; null for never.</param>
/// <param name="Age">How long ago that is.</param>
internal sealed record GoldTableStatus(GoldTable Table, string? Tenant, GoldManifest? Manifest, DateTimeOffset? RefreshedAt, TimeSpan? Age)
{
    /// <summary>Whether it is older than its objective. A table that is refreshed by hand alone and was never is not late.</summary>
    public bool IsLate => Table.Freshness is { } objective && (Age is { } age ? age > objective : Table.Refresh is not null);

    /// <summary>Whether all of it was built once, with rows or without. A first refresh that is under way, or that died, leaves a part.</summary>
    public bool IsBuilt => RefreshedAt is not null;

    /// <summary>The latest event inside.</summary>
    public DateTimeOffset? Watermark => Manifest?.Partitions.Values.Max(p => p.Watermark);
}

/// <summary>How fresh the gold tables are.</summary>
/// <remarks>
/// A refresh that finds nothing to do makes a table as fresh as one that rewrites it, and one that leaves a partition as it was makes none: so the time of the run counts and not the partitions' own.
/// </remarks>
internal sealed class GoldStatus(GoldTables tables, RunLedger ledger, TimeProvider clock)
{
    private static readonly TimeSpan LedgerMaxAge = TimeSpan.FromMinutes(5);

    private volatile Older? _older;

    /// <summary>Every table as a whole. Tables of thousands of tenants cost no more than others, so this may be asked every few seconds.</summary>
    /// <exception cref="GoldStoreException">The store could not be read.</exception>
    public Task<IReadOnlyList<GoldTableStatus>> GetAsync(MetricModel model, CancellationToken cancellationToken = default) => GetAsync(model, null, ofEachTenant: false, cancellationToken);

    /// <summary>Every table, or one, for each tenant that it is stored for.</summary>
    /// <exception cref="GoldStoreException">The store could not be read.</exception>
    public Task<IReadOnlyList<GoldTableStatus>> OfTenantsAsync(MetricModel model, string? table = null, CancellationToken cancellationToken = default) => GetAsync(model, table, ofEachTenant: true, cancellationToken);

    private async Task<IReadOnlyList<GoldTableStatus>> GetAsync(MetricModel model, string? table, bool ofEachTenant, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var noted = await ledger.LastWholeAsync(cancellationToken);
        var statuses = new List<GoldTableStatus>();
        foreach (var gold in model.GoldTables.Values.Where(t => table is null || t.Name == table))
        {
            var refreshedAt = noted.TryGetValue(gold.Name, out var at) ? at : await LastRunAsync(gold.Name, cancellationToken);
            var isStoredByTenant = gold.Audience == Audience.External;
            foreach (var owner in isStoredByTenant && ofEachTenant ? model.Tenants.Keys : (IEnumerable<string?>)[null])
            {
                var manifest = isStoredByTenant && owner is null ? null : await tables.GetManifestAsync(gold.Name, owner, cancellationToken: cancellationToken);
                statuses.Add(new GoldTableStatus(gold, owner, manifest, refreshedAt, now - refreshedAt));
            }
        }

        return statuses;
    }

    /// <summary>What the runs say of a table of which nothing is noted: it was never refreshed, or not since runs are noted. All of them are read, so they are remembered for a while.</summary>
    private async Task<DateTimeOffset?> LastRunAsync(string table, CancellationToken cancellationToken)
    {
        if (_older is not { } older || clock.GetElapsedTime(older.ReadAt) > LedgerMaxAge)
        {
            older = new Older(clock.GetTimestamp(), new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal));
            await foreach (var run in ledger.ListAsync(limit: int.MaxValue, cancellationToken: cancellationToken))
            {
                if (run is { State: RunState.Succeeded, IsWhole: true })
                {
                    older.LastRuns.TryAdd(run.Table, run.StartedAt);
                }
            }

            _older = older;
        }

        return older.LastRuns.TryGetValue(table, out var last) ? last : null;
    }

    private sealed record Older(long ReadAt, Dictionary<string, DateTimeOffset> LastRuns);
}
