using System.Collections.Immutable;
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
internal sealed class StreamCuts(TailStore tails, TimeProvider time)
{
    /// <summary>How far behind the clock a stream may be, beside its allowed lateness and window, before a refresh goes on without it.</summary>
    public static readonly TimeSpan MaxLag = TimeSpan.FromMinutes(10);

    /// <summary>How streams bound what a period has when it is read now.</summary>
    /// <exception cref="Gold.GoldStoreException">The store could not be read.</exception>
    public async Task<StreamBounds> GetAsync(GoldDefinition definition, PartitionPeriod period, bool fresh = false, CancellationToken cancellationToken = default)
    {
        var bounds = StreamBounds.None;
        var end = TimeBound.FromDate(period.To, definition.Table.TimeZone).Utc;
        foreach (var stream in definition.Model.Streams.Values.Where(s => definition.Leaves.Any(l => l.Fact.Name == s.SemanticModel)))
        {
            var progress = await tails.GetProgressAsync(stream.Name, fresh, cancellationToken);
            if (progress.Landed(time.GetUtcNow()) is { } landed)
            {
                bounds = bounds with { Landed = bounds.Landed.SetItem(stream.SemanticModel, landed), ReadAt = progress.Lands ? Math.Max(bounds.ReadAt, progress.ReadAt) : bounds.ReadAt };
            }

            if (stream.Tables.Contains(definition.Table.Name) && await CutAsync(definition, stream, progress, fresh, cancellationToken) is { } cut && cut.UtcDateTime < end)
            {
                bounds = bounds with { Cuts = (bounds.Cuts ?? StreamBounds.None.Landed).SetItem(stream.SemanticModel, cut) };
            }
        }

        return bounds;
    }

    private async Task<DateTimeOffset?> CutAsync(GoldDefinition definition, StreamDefinition stream, StreamProgress progress, bool fresh, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (progress.IsUnused)
        {
            return null;
        }

        var delay = progress.Shards.Any(s => s is { Lands: false, LostTo: null }) ? progress.LandingDelay : TimeSpan.Zero;
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

/// <summary>How streams bound what a partition has that is read now.</summary>
/// <param name="Cuts">By semantic model, from when on (UTC) events are left to the stream; null if none are.</param>
/// <param name="Landed">By semantic model that streams fill, event time (UTC) up to which the lake has what came.</param>
/// <param name="ReadAt">When streams last said which files they had landed, a timestamp of the process's clock: the lake's files are to be listed later. The least there is for none.</param>
internal sealed record StreamBounds(ImmutableSortedDictionary<string, DateTimeOffset>? Cuts, ImmutableSortedDictionary<string, DateTimeOffset> Landed, long ReadAt)
{
    /// <summary>No stream fills the table.</summary>
    public static StreamBounds None { get; } = new(null, ImmutableSortedDictionary.Create<string, DateTimeOffset>(StringComparer.Ordinal), long.MinValue);

    /// <summary>Event time (UTC) up to which a partition with these cuts has what the streams brought; null if nothing bounds it.</summary>
    public DateTimeOffset? LandedBeside(ImmutableSortedDictionary<string, DateTimeOffset>? cuts) =>
        Landed.Where(l => cuts?.ContainsKey(l.Key) is not true).Min(l => (DateTimeOffset?)l.Value);

    /// <summary>Event time (UTC) up to which a partition would have everything that came, if it were read now.</summary>
    public DateTimeOffset Reach(DateTimeOffset now) => LandedBeside(Cuts) is { } landed && landed < now ? landed : now;
}
