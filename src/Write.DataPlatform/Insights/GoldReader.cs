using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Gold.Tail;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Insights;

/// <summary>Which gold tables can be read now, and as what.</summary>
internal sealed class GoldReader(GoldTables tables, GoldEngine engine, TailStore tails, TailEngine tailEngine, TimeProvider clock)
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

            // The manifest first: what it leaves to the tail is kept there long after another manifest takes it.
            var (candidateTails, segments) = manifest.Partitions.Values.Any(p => p.Cuts is not null)
                ? await TailsAsync(definition, owner, fresh, cancellationToken)
                : ([], []);
            snapshots.Add(new GoldSnapshot(manifest, Candidate(definition, owner, manifest) with { Tails = candidateTails }, segments));
        }

        return snapshots;
    }

    /// <summary>A relation over a piece's partitions and what streams count behind them; dispose it when the query is done.</summary>
    /// <exception cref="GoldStoreException">The store could not be read, or what the snapshot names is gone (transient).</exception>
    public async Task<PieceRelation> AcquireAsync(GoldSnapshot snapshot, LeafPlan plan, LeafPiece piece, CancellationToken cancellationToken = default)
    {
        var gold = await engine.AcquireAsync(snapshot.Manifest, [.. piece.Partitions.Select(p => snapshot.Manifest.Partitions[p.Period])], cancellationToken);
        TailRelation? tail = null;
        try
        {
            if (plan.TailOf(piece) is not null)
            {
                tail = await tailEngine.AcquireAsync(snapshot.Manifest.Table, snapshot.Manifest.Tenant, snapshot.Segments, cancellationToken);
            }

            return new PieceRelation(gold, tail, tail is null ? gold.Sql : Union(gold, tail, snapshot.Candidate, piece));
        }
        catch
        {
            gold.Dispose();
            throw;
        }
    }

    /// <summary>Gold's rows and the tail's windows from each partition's cut to its end, which windows never straddle.</summary>
    private static string Union(GoldRelation gold, TailRelation tail, GoldCandidate candidate, LeafPiece piece)
    {
        var windows = new List<string>();
        foreach (var partition in piece.Partitions)
        {
            foreach (var (fact, counted) in candidate.Tails)
            {
                if (partition.CutOf(fact) is { } cut)
                {
                    var from = partition.FromUtc(candidate.Definition) is var start && start > cut ? start : cut;
                    windows.Add(string.Create(
                        CultureInfo.InvariantCulture,
                        $"({TailEngine.StreamColumn} = {GoldColumns.Literal(counted.Stream)} AND {TailEngine.WindowColumn} >= TIMESTAMP '{from:yyyy-MM-dd HH:mm:ss}' AND {TailEngine.WindowColumn} < TIMESTAMP '{partition.ToUtc(candidate.Definition):yyyy-MM-dd HH:mm:ss}')"));
                }
            }
        }

        var columns = gold.Columns.Select(c => tail.Columns.Contains(c.Name) ? GoldColumns.Quote(c.Name) : $"CAST(NULL AS {c.Type.DuckDbName}) AS {GoldColumns.Quote(c.Name)}");
        return $"(SELECT {GoldColumns.List(gold.Columns)} FROM {gold.Sql} UNION ALL SELECT {string.Join(", ", columns)} FROM {tail.Sql} WHERE {string.Join(" OR ", windows)})";
    }

    private async Task<(ImmutableDictionary<string, GoldCandidateTail> Tails, ImmutableArray<TailSegment> Segments)> TailsAsync(
        GoldDefinition definition, string? tenant, bool fresh, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var found = ImmutableDictionary.CreateBuilder<string, GoldCandidateTail>();
        var segments = ImmutableArray.CreateBuilder<TailSegment>();
        foreach (var stream in definition.Model.Streams.Values.Where(s => s.Tables.Contains(definition.Table.Name)))
        {
            var progress = await tails.GetProgressAsync(stream.Name, fresh, cancellationToken);
            if (progress.Since(definition.Table.Name, TailMeaning.OfAll(definition, stream), now) is not { } since || progress.Counted(now) is not { } counted)
            {
                continue;
            }

            var meaning = TailMeaning.Of(definition, tenant, stream);
            var kept = now - TailStore.Retention + TimeSpan.FromHours(1);
            var own = (await tails.ListAsync(definition.Table.Name, tenant, fresh, progress, cancellationToken)).Where(s => s.Key.Stream == stream.Name && s.Key.Definition == meaning).ToList();
            segments.AddRange(own);
            found[stream.SemanticModel] = new GoldCandidateTail(
                stream.Name, (since > kept ? since : kept).UtcDateTime, Floor(counted.UtcDateTime, stream.Window), TailEngine.TagOf(own), own.Count);
        }

        return (found.ToImmutable(), segments.ToImmutable());
    }

    /// <summary>
    /// How far a partition has what came, if it was read before all of its days were in the lake; null if it has them all. To its latest event, or the latest of those before it,
    /// though an event's clock may run ahead, and nothing is known of what came after the lake was read; to when that was, if there is none.
    /// </summary>
    private static DateTime? ReachOf(GoldDefinition definition, List<GoldPartition> live, int at)
    {
        var partition = live[at];

        // No zone ends a day a day later than another.
        if (partition.Reach.UtcDateTime >= partition.To.ToDateTime(TimeOnly.MinValue).AddDays(1) || partition.Reach.UtcDateTime >= TimeBound.FromDate(partition.To, definition.Table.TimeZone).Utc)
        {
            return null;
        }

        // Of what the lake has forgotten nothing more can come, nor be read.
        if (live.Skip(at + 1).Any(p => p.IsFirst))
        {
            return null;
        }

        var latest = live.Take(at + 1).Max(p => p.Watermark < p.Reach ? p.Watermark : p.Watermark is null ? null : p.Reach);
        return (latest < partition.Reach ? latest.Value : partition.Reach).UtcDateTime;
    }

    private static DateTime Floor(DateTime time, TimeSpan window) => new(time.Ticks - time.Ticks % window.Ticks, DateTimeKind.Utc);

    private GoldCandidate Candidate(GoldDefinition definition, string? tenant, GoldManifest manifest)
    {
        var live = manifest.Partitions.Values.Where(p => p.DefinitionHash == definition.HashFor(tenant)).OrderBy(p => p.From).ToList();
        var today = DateOnly.FromDateTime(ZoneRules.ToLocal(clock.GetUtcNow().UtcDateTime, definition.Table.TimeZone));
        var isWhole = live.Count > 0 && live.Count == manifest.Partitions.Count && live[0].IsFirst && definition.Table.From is null && live[^1].IsLast && live[^1].To > today
            && live.Zip(live.Skip(1)).All(pair => pair.First.To == pair.Second.From);
        return new GoldCandidate(
            definition, tenant, manifest.Revision, [.. live.Select((p, i) => new GoldCandidatePartition(p.Period, p.From, p.To, p.Rows) { Cuts = p.Cuts, Reach = ReachOf(definition, live, i) })], isWhole);
    }
}

/// <summary>A gold table's manifest, what the planner sees of it, and the tail's segments of its definition.</summary>
internal sealed record GoldSnapshot(GoldManifest Manifest, GoldCandidate Candidate, ImmutableArray<TailSegment> Segments)
{
    /// <summary>The snapshot of a candidate, which a fact may see with fewer partitions.</summary>
    public static GoldSnapshot Of(IEnumerable<GoldSnapshot> snapshots, GoldCandidate candidate) =>
        snapshots.Single(s => ReferenceEquals(s.Candidate.Definition, candidate.Definition) && s.Candidate.Tenant == candidate.Tenant);
}

/// <summary>The rows of a piece.</summary>
/// <param name="Gold">Held of gold.</param>
/// <param name="Tail">Held of the tail; null if it is not read.</param>
/// <param name="Sql">What stands after FROM on the serving DuckDB.</param>
internal sealed record PieceRelation(GoldRelation Gold, TailRelation? Tail, string Sql) : IAsyncDisposable
{
    public async ValueTask DisposeAsync()
    {
        Gold.Dispose();
        if (Tail is not null)
        {
            await Tail.DisposeAsync();
        }
    }
}
