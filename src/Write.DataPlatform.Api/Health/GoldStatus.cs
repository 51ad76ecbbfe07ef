using Write.DataPlatform.Gold;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Api.Health;

/// <summary>What is stored of a gold table, for one tenant or for none.</summary>
/// <param name="Table">The table.</param>
/// <param name="Tenant">The tenant, if the table is stored by tenant.</param>
/// <param name="Manifest">What is live.</param>
/// <param name="RefreshedAt">When the last refresh of the whole table that ended well began; null for never.</param>
/// <param name="Age">How long ago that is.</param>
internal sealed record GoldTableStatus(GoldTable Table, string? Tenant, GoldManifest Manifest, DateTimeOffset? RefreshedAt, TimeSpan? Age)
{
    /// <summary>Whether it is older than its objective. A table that is refreshed by hand alone and was never is not late.</summary>
    public bool IsLate => Table.Freshness is { } objective && (Age is { } age ? age > objective : Table.Refresh is not null);

    /// <summary>Whether all of it was built once, with rows or without. A first refresh that is under way, or that died, leaves a part.</summary>
    public bool IsBuilt => RefreshedAt is not null;

    /// <summary>The latest event inside.</summary>
    public DateTimeOffset? Watermark => Manifest.Partitions.Values.Max(p => p.Watermark);
}

/// <summary>How fresh the gold tables are.</summary>
/// <remarks>
/// A refresh that finds nothing to do makes a table as fresh as one that rewrites it, so the time of the run counts and not the partitions' own.
/// </remarks>
internal sealed class GoldStatus(GoldTables tables, RunLedger ledger, TimeProvider clock)
{
    private const int RunsLookedAt = 200;

    /// <exception cref="GoldStoreException">The store could not be read.</exception>
    public async Task<IReadOnlyList<GoldTableStatus>> GetAsync(MetricModel model, string? table = null, CancellationToken cancellationToken = default)
    {
        var now = clock.GetUtcNow();
        var lastRuns = new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal);
        var runs = 0;
        await foreach (var run in ledger.ListAsync(table, RunsLookedAt, cancellationToken))
        {
            runs++;
            if (run is { State: RunState.Succeeded, RequestedFrom: null, RequestedTo: null })
            {
                lastRuns.TryAdd(run.Table, run.StartedAt);
            }
        }

        var statuses = new List<GoldTableStatus>();
        foreach (var gold in model.GoldTables.Values.Where(t => table is null || t.Name == table))
        {
            var owners = gold.Audience == Audience.External ? model.Tenants.Keys : (IEnumerable<string?>)[null];
            foreach (var owner in owners)
            {
                var manifest = await tables.GetManifestAsync(gold.Name, owner, cancellationToken: cancellationToken);

                // Where older runs were not looked at, one of them may have ended well; the newest partition says at least when it was written.
                var refreshedAt = lastRuns.TryGetValue(gold.Name, out var run) ? run
                    : runs < RunsLookedAt ? null
                    : manifest.Partitions.Values.Select(p => (DateTimeOffset?)p.RefreshedAt).Max();
                statuses.Add(new GoldTableStatus(gold, owner, manifest, refreshedAt, now - refreshedAt));
            }
        }

        return statuses;
    }
}
