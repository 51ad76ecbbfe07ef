using System.Collections.Immutable;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Gold.Tail;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Refresh;

/// <summary>Looks after the border between gold and the streams' tails: has partitions cut that a stream could go on behind, and removes windows that partitions cover.</summary>
internal sealed partial class TailKeeper(
    ModelStore models, GoldTables tables, TailStore tails, StreamCuts cuts, RefreshService refresh, IOptions<GoldOptions> options, TimeProvider time, ILogger<TailKeeper> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan AskAgain = TimeSpan.FromMinutes(2);

    private readonly Dictionary<string, long> _asked = [];
    private readonly Dictionary<(string Table, string? Tenant, TailKey Key), long> _covered = [];

    /// <summary>Looks once.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task LookAsync(CancellationToken cancellationToken = default)
    {
        await RetireAsync(cancellationToken);
        var model = models.Current;
        foreach (var definition in Streamed(model))
        {
            var today = DateOnly.FromDateTime(ZoneRules.ToLocal(time.GetUtcNow().UtcDateTime, definition.Table.TimeZone));
            var period = PartitionPeriod.Containing(today, definition.Table.Partition, model.Calendar);
            var before = PartitionPeriod.Containing(period.From.AddDays(-1), definition.Table.Partition, model.Calendar);
            var wanted = (await cuts.GetAsync(definition, period, cancellationToken: cancellationToken)).Cuts;
            var isBeforeWhole = (await cuts.GetAsync(definition, before, cancellationToken: cancellationToken)).Reach(time.GetUtcNow()).UtcDateTime >= TimeBound.FromDate(before.To, definition.Table.TimeZone).Utc;
            var since = new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal);
            foreach (var stream in model.Streams.Values.Where(s => s.Tables.Contains(definition.Table.Name)))
            {
                since[stream.SemanticModel] = (await tails.GetProgressAsync(stream.Name, cancellationToken: cancellationToken)).Since(definition.Table.Name, TailMeaning.OfAll(definition, stream), time.GetUtcNow()) ?? DateTimeOffset.MinValue;
            }

            var needs = false;
            var needsBefore = false;
            foreach (var tenant in RefreshPlanner.Tenants(definition))
            {
                var manifest = await tables.GetManifestAsync(definition.Table.Name, tenant, cancellationToken: cancellationToken);
                var partition = manifest.Partitions.GetValueOrDefault(period.Name);

                // What the lake lacked when it was read is not in the tail either.
                needsBefore |= isBeforeWhole && manifest.Partitions.TryGetValue(before.Name, out var last) && last.Cuts is null
                    && last.DefinitionHash == definition.HashFor(tenant) && last.Reach.UtcDateTime < TimeBound.FromDate(before.To, definition.Table.TimeZone).Utc;

                // A table that was never built, or is of another definition, is the schedule's.
                needs |= wanted is not null && !manifest.Partitions.IsEmpty
                    && (partition is null || (partition.DefinitionHash == definition.HashFor(tenant) && wanted.Keys.Any(fact => partition.Cuts?.TryGetValue(fact, out var cut) is not true || cut < since[fact])));
            }

            // What is asked for the days before does not put off what today needs.
            var what = definition.Table.Name + (needs ? "" : "#" + before.Name);
            if ((needs || needsBefore) && (!_asked.TryGetValue(what, out var at) || time.GetElapsedTime(at) > AskAgain))
            {
                _asked[what] = time.GetTimestamp();
                await refresh.StartAsync(definition.Table.Name, new RefreshRange(needsBefore ? before.From : period.From, period.To), cancellationToken);
            }
        }
    }

    /// <summary>Removes windows that partitions have covered for longer than a reader holds an older manifest, and that no later cut leaves to the stream again.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task RetireAsync(CancellationToken cancellationToken = default)
    {
        var model = models.Current;
        var floors = new Dictionary<string, DateTimeOffset?>(StringComparer.Ordinal);
        foreach (var stream in model.Streams.Keys)
        {
            // Read before the manifests: a cut that comes in between is not below it.
            floors[stream] = await tails.GetFloorAsync(stream, cancellationToken);
        }

        foreach (var definition in Streamed(model))
        {
            var counted = new HashSet<string>(StringComparer.Ordinal);
            foreach (var stream in model.Streams.Values.Where(s => s.Tables.Contains(definition.Table.Name)))
            {
                if ((await tails.GetProgressAsync(stream.Name, cancellationToken: cancellationToken)).Since(definition.Table.Name, TailMeaning.OfAll(definition, stream), time.GetUtcNow()) is not null)
                {
                    counted.Add(stream.Name);
                }
            }

            foreach (var tenant in RefreshPlanner.Tenants(definition))
            {
                await RetireAsync(definition, tenant, floors, counted, await tables.GetManifestAsync(definition.Table.Name, tenant, cancellationToken: cancellationToken), cancellationToken);
            }
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                try
                {
                    await LookAsync(stoppingToken);
                }
                catch (Exception exception) when (exception is GoldStoreException or RefreshException or LakeException)
                {
                    LogFailed(exception);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    private static IEnumerable<GoldDefinition> Streamed(MetricModel model) =>
        GoldDefinitions.Of(model).ByTable.Values.Where(d => model.Streams.Values.Any(s => s.Tables.Contains(d.Table.Name)));

    private async Task RetireAsync(GoldDefinition definition, string? tenant, Dictionary<string, DateTimeOffset?> floors, HashSet<string> counted, GoldManifest manifest, CancellationToken cancellationToken)
    {
        var model = definition.Model;
        var hash = definition.HashFor(tenant);
        var retired = new List<TailSegment>();
        foreach (var segment in await tails.ListAsync(definition.Table.Name, tenant, cancellationToken: cancellationToken))
        {
            var key = (definition.Table.Name, tenant, segment.Key);
            if (!IsCovered(segment.Key))
            {
                _covered.Remove(key);
            }
            else if (!_covered.TryAdd(key, time.GetTimestamp()) && time.GetElapsedTime(_covered[key]) > options.Value.GarbageGrace)
            {
                retired.Add(segment);
            }
        }

        await tails.DeleteAsync(definition.Table.Name, tenant, retired, cancellationToken);
        retired.ForEach(segment => _covered.Remove((definition.Table.Name, tenant, segment.Key)));

        bool IsCovered(TailKey window)
        {
            // Windows of another meaning may be those of another worker's model, which is the newer one until every shard counts by this one. Of a stream that is not here they expire.
            if (!model.Streams.TryGetValue(window.Stream, out var stream) || window.Definition != TailMeaning.Of(definition, tenant, stream))
            {
                return counted.Contains(window.Stream);
            }

            var date = DateOnly.FromDateTime(ZoneRules.ToLocal(window.Window, definition.Table.TimeZone));
            var name = PartitionPeriod.Containing(date, definition.Table.Partition, model.Calendar).Name;
            if (manifest.Partitions.GetValueOrDefault(name) is not { } partition || partition.DefinitionHash != hash)
            {
                return false;
            }

            // A partition without a cut has all that the lake had when it was read. Its next version may be cut, and then needs every window from there on.
            DateTimeOffset? to = partition.Cuts is not null && partition.Cuts.TryGetValue(stream.SemanticModel, out var cut) ? cut : floors[window.Stream];
            return window.Window + stream.Window <= to?.UtcDateTime;
        }
    }

    [LoggerMessage(451, LogLevel.Warning, "The border between gold and the streams' tails could not be looked after; it is tried again")]
    private partial void LogFailed(Exception exception);
}
