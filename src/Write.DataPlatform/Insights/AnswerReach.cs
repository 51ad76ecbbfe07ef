using Write.DataPlatform.Gold.Tail;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Insights;

/// <summary>How far what an answer is made of reaches: event time up to which it has everything that came, <see cref="DateTimeOffset.MinValue"/> if nobody knows.</summary>
internal sealed class AnswerReach(TailStore tails, ILake lake, TimeProvider clock)
{
    /// <summary>How far the lake reaches if it is asked from now on: to when it is asked, or up to where streams that fill it have landed what came.</summary>
    /// <exception cref="Gold.GoldStoreException">The store could not be read.</exception>
    public async Task<DateTimeOffset> OfLakeAsync(MetricModel model, IEnumerable<LeafPlan> leaves, CancellationToken cancellationToken = default)
    {
        // Its answer may take long, or be one that was made before: what came meanwhile it need not have.
        var least = clock.GetUtcNow() - lake.MaxResultAge;
        var facts = leaves.Where(l => l.NeedsLake).SelectMany(l => FactsOf(l.Leaf)).ToHashSet(StringComparer.Ordinal);
        foreach (var stream in model.Streams.Values.Where(s => facts.Contains(s.SemanticModel)))
        {
            var progress = await tails.GetProgressAsync(stream.Name, cancellationToken: cancellationToken);
            if (progress.Lands)
            {
                // Files that the progress tells of may have come after they were listed here.
                lake.Forget(model.SemanticModels[stream.SemanticModel].Table, progress.ReadAt);
            }

            least = progress.Landed(clock.GetUtcNow() - lake.MaxResultAge) is { } landed && landed < least ? landed : least;
        }

        return least;
    }

    private static IEnumerable<string> FactsOf(Leaf leaf) =>
        new[] { leaf, leaf.Conversion?.Events }.Concat(leaf.Journey?.Leaves ?? []).OfType<Leaf>().Select(l => l.Fact.Name);

    /// <summary>
    /// How far a piece reaches that gold answers. Where a stream goes on behind the table, as far as that has counted; else to the table's latest event, though an event's clock
    /// may run ahead, or to when the lake was read if there is none. No farther than a partition that was read before its days were over, and that no stream goes on behind.
    /// </summary>
    public static DateTimeOffset? Of(LeafPlan leaf, LeafPiece piece, GoldSnapshot snapshot)
    {
        var partitions = snapshot.Manifest.Partitions.Values;
        var reach = leaf.TailOf(piece) is { } tail
            ? new DateTimeOffset(tail.Counted, TimeSpan.Zero)
            : partitions.Max(p => p.Watermark > p.RefreshedAt ? p.RefreshedAt : p.Watermark) ?? partitions.Max(p => (DateTimeOffset?)p.RefreshedAt);
        var unfinished = piece.Partitions.Where(p => p.CutOf(leaf.Leaf.Fact.Name) is null && p.Reach is { } end && !(piece.Range.To?.Utc <= end)).Min(p => p.Reach);
        return unfinished is { } least && !(least >= reach?.UtcDateTime) ? new DateTimeOffset(least, TimeSpan.Zero) : reach;
    }
}
