using System.Collections.Concurrent;
using System.Diagnostics;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Insights.Blocks;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Rows;

namespace Write.DataPlatform.Insights.Slices;

/// <summary>Answers plain slices of one gold table out of memory; see <see cref="Slice"/> for what is one.</summary>
/// <remarks>Nothing is needed of it: what it does not answer, or not yet, DuckDB does, with the same rows.</remarks>
internal sealed class SliceReader(RowBlocks blocks, GoldEngine engine, ServingDuckDb serving)
{
    private const int MaxKnown = 10_000;

    /// <summary>Needs of slices that a definition's stored columns do not meet.</summary>
    private readonly ConcurrentDictionary<(string Definition, SliceNeed Need), bool> _unfit = new();
    private long _answered;

    /// <summary>How many answers were given.</summary>
    internal long Answered => Interlocked.Read(ref _answered);

    /// <summary>The rows of a plan that gold alone answers; null if they are DuckDB's to find.</summary>
    public ResultRows? TryAnswer(QueryPlan plan, IReadOnlyList<GoldSnapshot> snapshots, CancellationToken cancellationToken = default)
    {
        if (Slice.TryOf(plan) is not { } slice)
        {
            return null;
        }

        var manifest = GoldSnapshot.Of(snapshots, slice.Gold).Manifest;
        var partitions = slice.Partitions.Select(p => manifest.Partitions[p.Period]).ToList();
        var hash = partitions[0].DefinitionHash;
        if (!_unfit.IsEmpty && slice.Needs.Any(c => _unfit.ContainsKey((hash, c))))
        {
            return null;
        }

        var definition = slice.Gold.Definition;
        var columns = 1 + definition.Dimensions.Length + definition.Attributes.Length + definition.States.Length;
        var stored = new BlockRows(definition.Table.Name, manifest.Tenant, columns, (partition, cancellation) => ReadAsync(definition, manifest, partition, cancellation));
        if (blocks.TryGet(stored, partitions) is not { } found)
        {
            return null;
        }

        var rows = slice.TryCut(found, out var unfit, cancellationToken);
        if (unfit is not null)
        {
            if (_unfit.Count > MaxKnown)
            {
                _unfit.Clear();
            }

            _unfit[(hash, unfit.Value)] = true;
        }

        if (rows is not null)
        {
            Interlocked.Increment(ref _answered);
            Activity.Current?.SetTag("dataplatform.slice", true);
        }

        return rows;
    }

    /// <summary>A partition's rows as they are stored, in the order of time, with the columns that slices take.</summary>
    private async Task<RowBlock> ReadAsync(GoldDefinition definition, GoldManifest manifest, GoldPartition partition, CancellationToken cancellationToken)
    {
        using var relation = await engine.AcquireAsync(manifest, [partition], cancellationToken);
        await using var session = await serving.Instance.OpenAsync(cancellationToken);

        // What the rows really have: a relation's columns are those of the first of its files.
        var sketches = definition.States.Where(s => s.IsSketch).Select(s => s.Name).ToHashSet(StringComparer.Ordinal);
        var columns = (await GoldColumns.DescribeAsync(session, $"SELECT * FROM {relation.Sql}", cancellationToken))
            .Where(c => c.Type.Kind is ColumnKind.String or ColumnKind.Boolean or ColumnKind.Int64 or ColumnKind.Double or ColumnKind.Date && !sketches.Contains(c.Name)).ToList();
        var rows = columns.Select(c => new RowColumn(c.Name, RowType.Of(c.Type))).ToList();
        return await session.QueryAsync(
            new SqlStatement($"SELECT {GoldColumns.List([.. columns])} FROM {relation.Sql} ORDER BY {GoldColumns.Bucket}"),
            reader => RowBlock.Read(reader, [.. rows], [rows[0]]),
            cancellationToken);
    }
}
