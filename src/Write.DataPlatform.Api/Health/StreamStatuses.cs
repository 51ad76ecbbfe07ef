using System.Collections.Immutable;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Gold.Tail;
using Write.DataPlatform.Model;
using Write.DataPlatform.Streaming;
using Write.DataPlatform.Streaming.Batches;

namespace Write.DataPlatform.Api.Health;

/// <summary>How a stream of the model is doing, over all processes that share the gold store.</summary>
/// <param name="Stream">The stream.</param>
/// <param name="Progress">How far its shards are counted.</param>
/// <param name="Problems">What keeps it from being counted, as this process sees it.</param>
/// <param name="Now">When it was looked at.</param>
internal sealed record StreamState(StreamDefinition Stream, StreamProgress Progress, ImmutableArray<string> Problems, DateTimeOffset Now)
{
    private IEnumerable<CountedShard> Open => Progress.Shards.Where(s => s is { IsEnded: false, LostTo: null });

    /// <summary>How long ago an event arrived that is not counted yet, at most; null if nothing was ever counted.</summary>
    public TimeSpan? Lag => Open.Any() ? Open.Max(s => s.Behind + (Now - s.At > Silence ? Now - s.At : TimeSpan.Zero)) : null;

    // A quiet shard tells of itself a little more often than this.
    private static TimeSpan Silence => TimeSpan.FromMinutes(3);

    public object Describe() => new
    {
        name = Stream.Name,
        source = Stream.StreamSource,
        semanticModel = Stream.SemanticModel,
        tables = Stream.Tables,
        windowSeconds = Stream.Window.TotalSeconds,
        allowedLatenessSeconds = Stream.AllowedLateness.TotalSeconds,
        lagSeconds = Lag?.TotalSeconds,
        countedTo = Progress.Counted(Now),
        sealedTo = Progress.Sealed(Now),
        openWindows = Open.Sum(s => s.OpenWindows),
        events = Progress.Shards.Sum(s => s.Events),
        duplicates = Progress.Shards.Sum(s => s.Duplicates),
        deadLetters = Progress.Shards.Sum(s => s.DeadLetters),
        problems = Problems,
        shards = Progress.Shards.Select(s => new
        {
            shard = s.Shard,
            isEnded = s.IsEnded,
            position = s.Position,
            lagSeconds = s.Behind.TotalSeconds,
            countedTo = s.Counted,
            sealedTo = s.Sealed,
            openWindows = s.OpenWindows,
            landsInLake = s.Lands,
            events = s.Events,
            duplicates = s.Duplicates,
            deadLetters = s.DeadLetters,
            at = s.At,
        }),
    };
}

/// <summary>How the model's streams are doing.</summary>
internal sealed class StreamStatuses(TailStore tails, StreamWorkers workers, IOptions<StreamOptions> options, TimeProvider clock)
{
    /// <summary>The lag from which on a stream is late.</summary>
    public TimeSpan MaxLag => options.Value.MaxLag;

    /// <summary>Whether any stream is configured.</summary>
    public bool IsOn => options.Value.Kind != StreamKind.None;

    /// <exception cref="Gold.GoldStoreException">The store could not be read.</exception>
    public async Task<IReadOnlyList<StreamState>> GetAsync(MetricModel model, CancellationToken cancellationToken = default)
    {
        var states = new List<StreamState>();
        var here = workers.Status;
        foreach (var stream in model.Streams.Values)
        {
            StreamPlan.Create(model, stream, out var problems);
            var own = here.Where(s => s.Consumer == stream.Name).ToList();
            states.Add(new StreamState(
                stream,
                await tails.GetProgressAsync(stream.Name, cancellationToken: cancellationToken),
                [.. problems, .. own.Select(s => s.Problem).Concat(own.SelectMany(s => s.Shards).Select(s => s.Problem)).OfType<string>().Distinct()],
                clock.GetUtcNow()));
        }

        return states;
    }
}
