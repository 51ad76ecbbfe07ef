using System.Collections.Immutable;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Gold.Tail;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Refresh;

/// <summary>Says where a refresh leaves events to their streams (see <c>docs/decisions/0009-tail-by-cut.md</c>).</summary>
/// <remarks>
/// A stream seals event time: before that moment it counts nothing more, and all that it counted is in the lake. A partition that reaches beyond takes the lake's events before
/// the cut and no later ones, so that the tail's windows from the cut on add up with it exactly. A stream that is silent or far behind is not waited for: the
/// partition takes all that the lake has, and the tail is not read within it.
/// </remarks>
internal sealed class StreamCuts(TailStore tails, IOptions<RefreshOptions> options, TimeProvider time)
{
    /// <summary>How far behind the clock a stream may be, beside its allowed lateness and window, before a refresh goes on without it.</summary>
    public static readonly TimeSpan MaxLag = TimeSpan.FromMinutes(10);

    /// <summary>By semantic model, from when on a period's events are left to the stream; null if none are.</summary>
    /// <exception cref="Gold.GoldStoreException">The store could not be read.</exception>
    public async Task<ImmutableSortedDictionary<string, DateTimeOffset>?> GetAsync(
        GoldDefinition definition, PartitionPeriod period, bool fresh = false, CancellationToken cancellationToken = default)
    {
        ImmutableSortedDictionary<string, DateTimeOffset>.Builder? cuts = null;
        foreach (var stream in definition.Model.Streams.Values.Where(s => s.Tables.Contains(definition.Table.Name)))
        {
            if (await CutAsync(definition, stream, fresh, cancellationToken) is { } cut && cut.UtcDateTime < TimeBound.FromDate(period.To, definition.Table.TimeZone).Utc)
            {
                (cuts ??= ImmutableSortedDictionary.CreateBuilder<string, DateTimeOffset>(StringComparer.Ordinal))[stream.SemanticModel] = cut;
            }
        }

        return cuts?.ToImmutable();
    }

    private async Task<DateTimeOffset?> CutAsync(GoldDefinition definition, StreamDefinition stream, bool fresh, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var progress = await tails.GetProgressAsync(stream.Name, fresh, cancellationToken);
        if (progress.Shards.All(s => s.Position is null))
        {
            // Nothing ever came: the lake is filled by others.
            return null;
        }

        var delay = progress.Shards.Any(s => s is { Lands: false, LostTo: null }) ? options.Value.LandingDelay : TimeSpan.Zero;
        if (progress.Sealed(now, delay) is not { } isSealed || progress.Since(definition.Table.Name, TailMeaning.OfAll(definition, stream), now) is not { } since)
        {
            return null;
        }

        var cut = new DateTimeOffset(isSealed.UtcTicks - isSealed.UtcTicks % stream.Window.Ticks, TimeSpan.Zero);
        if (cut < since || now - cut > stream.AllowedLateness + stream.Window + delay + MaxLag)
        {
            return null;
        }

        // Who asks for it fresh cuts there: a shard that begins from now on knows, and one that began just now must have been looked at.
        return !fresh || await tails.TryCutAsync(stream.Name, cut, progress, cancellationToken) ? cut : null;
    }
}
