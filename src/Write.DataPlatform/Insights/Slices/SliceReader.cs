using System.Collections.Immutable;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Insights.Blocks;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Rows;

namespace Write.DataPlatform.Insights.Slices;

/// <summary>Answers plain slices of one gold table out of memory; see <see cref="Slice"/> for what is one.</summary>
/// <remarks>Nothing is needed of it: what it does not answer, or not yet, DuckDB does, with the same rows.</remarks>
internal sealed class SliceReader(RowBlocks blocks, GoldEngine engine, ServingDuckDb serving)
{
    private static readonly object Stored = new();
    private long _answered;

    /// <summary>How many answers were given.</summary>
    internal long Answered => Interlocked.Read(ref _answered);

    /// <summary>The rows of a plan that gold alone answers; null if they are DuckDB's to find.</summary>
    public ResultRows? Find(QueryPlan plan, IReadOnlyList<GoldSnapshot> snapshots)
    {
        if (Slice.TryOf(plan) is not { } slice)
        {
            return null;
        }

        var manifest = snapshots.Single(s => slice.IsOf(s.Candidate)).Manifest;
        var definition = slice.Definition;
        var columns = definition.Table.GroupBy.Length + definition.States.Length + 1;
        var wanted = slice.Partitions.Select(p => manifest.Partitions[p.Period])
            .Select(p => new PartitionRows(Stored, manifest.Tenant, p, columns, cancellation => ReadAsync(definition, manifest, p, cancellation))).ToList();
        if (blocks.Find(wanted) is not { } found || slice.Find(found) is not { } rows)
        {
            return null;
        }

        Interlocked.Increment(ref _answered);
        return rows;
    }

    /// <summary>A partition's rows as they are stored, in the order of time, without sketches and what else blocks do not take.</summary>
    private async Task<RowBlock> ReadAsync(GoldDefinition definition, GoldManifest manifest, GoldPartition partition, CancellationToken cancellationToken)
    {
        using var relation = await engine.AcquireAsync(manifest, [partition], cancellationToken);
        var sketches = definition.States.Where(s => s.IsSketch).Select(s => s.Name).ToHashSet(StringComparer.Ordinal);
        ImmutableArray<RowColumn> columns =
            [.. relation.Columns.Where(c => !sketches.Contains(c.Name)).Select(c => new RowColumn(c.Name, RowType.Of(c.Type))).Where(c => BlockColumnBuilder.Takes(c.Type.Kind))];
        await using var session = await serving.Instance.OpenAsync(cancellationToken);
        return await session.QueryAsync(
            new SqlStatement($"SELECT {string.Join(", ", columns.Select(c => GoldColumns.Quote(c.Name)))} FROM {relation.Sql} ORDER BY {GoldColumns.Bucket}"),
            reader => RowBlock.Read(reader, columns, [columns[0]]),
            cancellationToken);
    }
}
