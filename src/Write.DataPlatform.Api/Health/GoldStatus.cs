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
/// A refresh that finds nothing to do makes a table as fresh as one that rewrites it, so the time of the run counts and not the partitions' own.
/// </remarks>
internal sealed class GoldStatus(GoldTables tables, RunLedger ledger, TimeProvider clock)
{
    private const int RunsLookedAt = 200;

    /// <summary>Every table as a whole. Tables of thousands of tenants cost no more than others, so this may be asked every few seconds.</summary>
    /// <exception cref="GoldStoreException">The store could not be read.</exception>
    public Task<IReadOnlyList<GoldTableStatus>> GetAsync(MetricModel model, CancellationToken cancellationToken = default) => GetAsync(model, null, ofEachTenant: false, cancellationToken);

    /// <summary>Every table, or one, for each tenant that it is stored for.</summary>
    /// <exception cref="GoldStoreException">The store could not be read.</exception>
    public Task<IReadOnlyList<GoldTableStatus>> OfTenantsAsync(MetricModel model, string? table = null, CancellationToken cancellationToken = default) => GetAsync(model, table, ofEachTenant: true, cancellationToken);

    private async Task<IReadOnlyList<GoldTableStatus>> GetAsync(MetricModel model, string? table, bool ofEachTenant, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var lastRuns = new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal);
        var runs = 0;
        await foreach (var run in ledger.ListAsync(table, RunsLookedAt, cancellationToken))
        {
            runs++;
            if (run is { State: RunState.Succeeded, IsWhole: true })
            {
                lastRuns.TryAdd(run.Table, run.StartedAt);
            }
        }

        var statuses = new List<GoldTableStatus>();
        foreach (var gold in model.GoldTables.Values.Where(t => table is null || t.Name == table))
        {
            var isStoredByTenant = gold.Audience == Audience.External;
            foreach (var owner in isStoredByTenant && ofEachTenant ? model.Tenants.Keys : (IEnumerable<string?>)[null])
            {
                var manifest = isStoredByTenant && owner is null ? null : await tables.GetManifestAsync(gold.Name, owner, cancellationToken: cancellationToken);

                // Where older runs were not looked at, one of them may have ended well; the newest partition says at least when it was written.
                var refreshedAt = lastRuns.TryGetValue(gold.Name, out var run) ? run
                    : runs < RunsLookedAt ? null
                    : manifest is null ? await LastRunAsync(gold.Name, cancellationToken)
                    : manifest.Partitions.Values.Select(p => (DateTimeOffset?)p.RefreshedAt).Max();
                statuses.Add(new GoldTableStatus(gold, owner, manifest, refreshedAt, now - refreshedAt));
            }
        }

        return statuses;
    }

    private async Task<DateTimeOffset?> LastRunAsync(string table, CancellationToken cancellationToken)
    {
        await foreach (var run in ledger.ListAsync(table, RunsLookedAt, cancellationToken))
        {
            if (run is { State: RunState.Succeeded, IsWhole: true })
            {
                return run.StartedAt;
            }
        }

        return null;
    }
}
