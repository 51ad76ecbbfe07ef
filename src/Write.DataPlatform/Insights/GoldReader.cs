using Write.DataPlatform.Gold;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Insights;

/// <summary>Which gold tables can be read now, and as what.</summary>
internal sealed class GoldReader(GoldTables tables, GoldEngine engine, TimeProvider clock)
{
    /// <summary>The tables that may serve a query, as of their manifests: internal ones and, for a tenant, its own.</summary>
    /// <param name="model">The snapshot.</param>
    /// <param name="tenant">The tenant whose rows are asked for, or null.</param>
    /// <param name="fresh">Whether the store is asked even if the manifests were read a moment ago.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="GoldStoreException">The store could not be read.</exception>
    public async Task<IReadOnlyList<GoldSnapshot>> GetSnapshotsAsync(MetricModel model, string? tenant, bool fresh = false, CancellationToken cancellationToken = default)
    {
        var definitions = GoldDefinitions.Of(model).ByTable.Values
            .Where(d => d.Table.Audience == Audience.Internal || tenant is not null);
        var snapshots = new List<GoldSnapshot>();
        foreach (var definition in definitions)
        {
            var owner = definition.Table.Audience == Audience.External ? tenant : null;
            var manifest = await tables.GetManifestAsync(definition.Table.Name, owner, fresh, cancellationToken);
            snapshots.Add(new GoldSnapshot(manifest, Candidate(definition, owner, manifest)));
        }

        return snapshots;
    }

    /// <summary>A relation over a piece's partitions; dispose it when the query is done.</summary>
    public Task<GoldRelation> AcquireAsync(GoldManifest manifest, LeafPiece piece, CancellationToken cancellationToken = default) =>
        engine.AcquireAsync(manifest, [.. piece.Partitions.Select(p => manifest.Partitions[p.Period])], cancellationToken);

    private GoldCandidate Candidate(GoldDefinition definition, string? tenant, GoldManifest manifest)
    {
        var live = manifest.Partitions.Values.Where(p => p.DefinitionHash == definition.HashFor(tenant)).OrderBy(p => p.From).ToList();
        var today = DateOnly.FromDateTime(ZoneRules.ToLocal(clock.GetUtcNow().UtcDateTime, definition.Table.TimeZone));
        var isWhole = live.Count > 0 && live.Count == manifest.Partitions.Count && live[0].IsFirst && definition.Table.From is null && live[^1].IsLast && live[^1].To > today
            && live.Zip(live.Skip(1)).All(pair => pair.First.To == pair.Second.From);
        return new GoldCandidate(
            definition, tenant, manifest.Revision, [.. live.Select(p => new GoldCandidatePartition(p.Period, p.From, p.To, p.Rows))], isWhole);
    }
}

/// <summary>A gold table's manifest and what the planner sees of it.</summary>
internal sealed record GoldSnapshot(GoldManifest Manifest, GoldCandidate Candidate);
