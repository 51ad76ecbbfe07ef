using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Refresh;

/// <summary>Why a partition is refreshed.</summary>
internal enum RefreshReason
{
    /// <summary>It was never built.</summary>
    Missing,

    /// <summary>Its rows are other rows by today's model.</summary>
    Definition,

    /// <summary>The lake's files for its range changed.</summary>
    LakeChanged,

    /// <summary>Late events are still expected in it.</summary>
    LookBack,

    /// <summary>A full refresh was asked for.</summary>
    Full,

    /// <summary>It was read before all of its days were in the lake, and they are now.</summary>
    Unfinished,

    /// <summary>A stream has sealed events that the partition left to it, or is too far behind to be left any.</summary>
    Stream,
}

/// <summary>A partition to refresh.</summary>
/// <param name="Period">Its days in the table's zone.</param>
/// <param name="Reason">Why.</param>
/// <param name="Tenants">Whose rows; one null for an internal table.</param>
/// <param name="Ends">Whether it is the lake's first and last.</param>
internal sealed record PlannedPartition(PartitionPeriod Period, RefreshReason Reason, ImmutableArray<string?> Tenants, PartitionEnds Ends);

/// <summary>Whether a partition is where the lake's events begin and end.</summary>
/// <param name="IsFirst">Whether the lake has no event before it; null if that is not known.</param>
/// <param name="IsLast">Whether the lake has no event after it; null if that is not known, or if it is not the last period.</param>
internal readonly record struct PartitionEnds(bool? IsFirst, bool? IsLast);

/// <summary>What a run of a table has to do.</summary>
/// <param name="Definition">The table.</param>
/// <param name="Periods">All periods that it should have, in order.</param>
/// <param name="Stale">Those to refresh, in order.</param>
/// <param name="Removed">Live partitions that it should not have: before the table's own start, or cut by another grain.</param>
internal sealed record RefreshPlan(
    GoldDefinition Definition, ImmutableArray<PartitionPeriod> Periods, ImmutableArray<PlannedPartition> Stale, ImmutableArray<(string? Tenant, string Period)> Removed);

/// <summary>What a run was asked for.</summary>
/// <param name="From">The first date that matters, in the table's zone; null for all.</param>
/// <param name="To">The date after the last; null for all.</param>
/// <param name="Full">Whether partitions that are good are refreshed too.</param>
internal sealed record RefreshRange(DateOnly? From = null, DateOnly? To = null, bool Full = false);

/// <summary>Finds the partitions of a gold table that are not what the lake and the model would give today.</summary>
internal sealed class RefreshPlanner(ILake lake, IOptions<RefreshOptions> options, TimeProvider time, StreamCuts? streams = null)
{
    // Without versions the lake is asked for its first and last event once a day; with them, when something changed.
    private static readonly TimeSpan SpanAge = TimeSpan.FromDays(1);

    private readonly int _maxPeriods = options.Value.MaxPeriods;
    private readonly ConcurrentDictionary<string, (string? Version, long At, LakeSpan Span)> _spans = new();

    /// <param name="definition">The table.</param>
    /// <param name="manifests">Its manifest of every tenant that has one (of none, for an internal table).</param>
    /// <param name="range">What was asked for.</param>
    /// <param name="basis">When the run began, or the full one that it goes on with: what was refreshed since is not refreshed only because all of it is.</param>
    /// <param name="started">When the run itself began: what was read since need not be read again for late events.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="LakeException">The lake could not say what it has.</exception>
    /// <exception cref="RefreshException">The table would have too many partitions.</exception>
    public async Task<RefreshPlan> PlanAsync(
        GoldDefinition definition, IReadOnlyCollection<GoldManifest> manifests, RefreshRange range, DateTimeOffset basis, DateTimeOffset started, CancellationToken cancellationToken = default)
    {
        var (periods, lastEvent) = await PeriodsAsync(definition, manifests, cancellationToken);
        var names = periods.Select(period => period.Name).ToHashSet(StringComparer.Ordinal);
        var live = manifests.ToDictionary(manifest => manifest.Tenant ?? "", manifest => manifest.Partitions, StringComparer.Ordinal);
        var stale = ImmutableArray.CreateBuilder<PlannedPartition>();
        foreach (var period in periods.Where(period => period.Overlaps(range.From, range.To)))
        {
            var version = await VersionAsync(definition, period, cancellationToken);
            var ends = new PartitionEnds(
                lastEvent is not null ? period == periods[0] : null,
                lastEvent is not null && period == periods[^1] ? lastEvent < period.To : null);
            var bounds = await BoundsAsync(definition, period, cancellationToken: cancellationToken);
            List<(RefreshReason Reason, string? Tenant)> found = [];
            foreach (var tenant in Tenants(definition))
            {
                var partition = live.GetValueOrDefault(tenant ?? "")?.GetValueOrDefault(period.Name);
                if (Reason(definition, period, tenant, partition, version, ends, basis, started, range.Full, bounds, time.GetUtcNow()) is { } reason)
                {
                    found.Add((reason, tenant));
                }
            }

            if (found.Count > 0)
            {
                stale.Add(new PlannedPartition(period, found[0].Reason, [.. found.Select(f => f.Tenant)], ends));
            }
        }

        var start = definition.Table.From;
        var removed = manifests
            .SelectMany(manifest => manifest.Partitions.Values, (manifest, partition) => (manifest.Tenant, Partition: partition))
            .Where(m => !names.Contains(m.Partition.Period) && ((start is not null && m.Partition.To <= start) || IsCutOtherwise(definition, m.Partition)))
            .Select(m => (m.Tenant, m.Partition.Period));
        return new RefreshPlan(definition, periods, stale.ToImmutable(), [.. removed]);
    }

    /// <summary>Why a partition is not good as it is, or null.</summary>
    public static RefreshReason? Reason(
        GoldDefinition definition,
        PartitionPeriod period,
        string? tenant,
        GoldPartition? partition,
        string? lakeVersion,
        PartitionEnds ends,
        DateTimeOffset basis,
        DateTimeOffset started,
        bool full,
        StreamBounds bounds,
        DateTimeOffset now)
    {
        if (partition is null)
        {
            return RefreshReason.Missing;
        }

        if (partition.DefinitionHash != definition.HashFor(tenant) || partition.From != period.From || partition.To != period.To)
        {
            return RefreshReason.Definition;
        }

        // Events came before what was the first partition or after the last, or it is known only now that there are none.
        if ((ends.IsFirst is { } isFirst && partition.IsFirst != isFirst) || (ends.IsLast is { } isLast && partition.IsLast != isLast))
        {
            return RefreshReason.LakeChanged;
        }

        // One that was done by the run that this goes on with may have changed since.
        if (full && partition.RefreshedAt < basis)
        {
            return RefreshReason.Full;
        }

        if (IsCutOtherwise(definition, partition, bounds.Cuts))
        {
            return RefreshReason.Stream;
        }

        // Once after its end it is read though nothing changed: only then is it known to be whole.
        var over = TimeBound.FromDate(period.To, definition.Table.TimeZone).Utc;
        if (partition.Reach.UtcDateTime < over && bounds.Reach(now).UtcDateTime >= over)
        {
            return RefreshReason.Unfinished;
        }

        if (lakeVersion is not null)
        {
            return partition.LakeVersion == lakeVersion ? null : RefreshReason.LakeChanged;
        }

        // Good for ever is what was read after the last late event was expected; before that, what this run has read.
        var end = over + (definition.Table.Refresh?.LookBack ?? TimeSpan.Zero);
        return partition.RefreshedAt.UtcDateTime < end && partition.RefreshedAt < started ? RefreshReason.LookBack : null;
    }

    /// <inheritdoc cref="StreamCuts.GetAsync" />
    public async Task<StreamBounds> BoundsAsync(GoldDefinition definition, PartitionPeriod period, bool fresh = false, CancellationToken cancellationToken = default) =>
        streams is null ? StreamBounds.None : await streams.GetAsync(definition, period, fresh, cancellationToken);

    /// <summary>
    /// The cuts of a partition's next version: never before those of the last one of the same definition, behind which windows may be gone. Where a stream seals less than it did, the lake has all.
    /// </summary>
    public static ImmutableSortedDictionary<string, DateTimeOffset>? CutsAfter(GoldPartition? before, string definitionHash, ImmutableSortedDictionary<string, DateTimeOffset>? cuts)
    {
        if (cuts is null || before?.Cuts is not { } last || before.DefinitionHash != definitionHash)
        {
            return cuts;
        }

        var after = cuts.RemoveRange(cuts.Where(c => last.TryGetValue(c.Key, out var cut) && cut > c.Value).Select(c => c.Key));
        return after.IsEmpty ? null : after;
    }

    /// <summary>Whether a refresh now would leave other events to streams.</summary>
    private static bool IsCutOtherwise(GoldDefinition definition, GoldPartition partition, ImmutableSortedDictionary<string, DateTimeOffset>? cuts) =>
        definition.Leaves.Select(l => l.Fact.Name).Distinct().Any(fact =>
        {
            DateTimeOffset? before = partition.Cuts is { } last && last.TryGetValue(fact, out var cut) ? cut : null;
            DateTimeOffset? now = cuts is not null && cuts.TryGetValue(fact, out cut) ? cut : null;
            return before != now && !(before > now);
        });

    /// <summary>The version of everything in the lake that a period's rows come from, or null if the lake cannot tell.</summary>
    /// <exception cref="LakeException">The lake could not say.</exception>
    public Task<string?> VersionAsync(GoldDefinition definition, PartitionPeriod period, CancellationToken cancellationToken = default)
    {
        // A fact's time may be a date, which no zone moves, or an instant: the range takes in both.
        var zone = definition.Table.TimeZone;
        var from = DateOnly.FromDateTime(TimeBound.FromDate(period.From, zone).Utc);
        var to = DateOnly.FromDateTime(TimeBound.FromDate(period.To, zone).Utc.AddTicks(-1)).AddDays(1);
        return RangeVersionAsync(definition, from < period.From ? from : period.From, to > period.To ? to : period.To, cancellationToken);
    }

    /// <summary>Lets the next version be that of the lake as it is then, and not as it was a moment ago.</summary>
    public void Forget(GoldDefinition definition)
    {
        foreach (var table in definition.Facts.Select(fact => fact.Table).Concat(definition.JoinedTables))
        {
            lake.Forget(table);
        }
    }

    /// <summary>The tenants that a table is stored for; one null for an internal table.</summary>
    public static IEnumerable<string?> Tenants(GoldDefinition definition) =>
        definition.Table.Audience == Audience.External ? definition.TenantKeys.Keys : (IEnumerable<string?>)[null];

    private async Task<string?> RangeVersionAsync(GoldDefinition definition, DateOnly? from, DateOnly? to, CancellationToken cancellationToken)
    {
        List<string> versions = [];
        IEnumerable<(string, string?)> tables = [.. definition.Facts, .. definition.JoinedTables.Select(table => (table, default(string)))];
        foreach (var (table, partitionColumn) in tables)
        {
            if (await lake.GetVersionAsync(table, partitionColumn, from, to, cancellationToken) is not { } version)
            {
                return null;
            }

            versions.Add(table + "=" + version);
        }

        return FilterText.Hash(string.Join(';', versions.Order(StringComparer.Ordinal)));
    }

    /// <summary>The table's periods, and the date of the lake's last event if the lake can tell.</summary>
    private async Task<(ImmutableArray<PartitionPeriod> Periods, DateOnly? LastEvent)> PeriodsAsync(
        GoldDefinition definition, IReadOnlyCollection<GoldManifest> manifests, CancellationToken cancellationToken)
    {
        var table = definition.Table;
        var today = DateOnly.FromDateTime(ZoneRules.ToLocal(time.GetUtcNow().UtcDateTime, table.TimeZone));
        var span = table.From is { } own ? new LakeSpan(own, null) : await SpanAsync(definition, manifests, cancellationToken);
        if (span.First is not { } first)
        {
            return ([], null);
        }

        var periods = PartitionPeriod.Between(first, today, table.Partition, definition.Model.Calendar).Take(_maxPeriods + 1).ToImmutableArray();
        return periods.Length <= _maxPeriods
            ? (periods, span.Last)
            : throw new RefreshException(
                $"The gold table '{table.Name}' would have more than {_maxPeriods} partitions, from {first:yyyy-MM-dd} on. Is a time in the lake wrong? Say where the table starts with 'from', or use a coarser partition.");
    }

    /// <summary>The dates of the lake's first and last event; where the lake cannot tell, of the oldest partition and null.</summary>
    private async Task<LakeSpan> SpanAsync(GoldDefinition definition, IReadOnlyCollection<GoldManifest> manifests, CancellationToken cancellationToken)
    {
        var key = definition.Table.Name + "#" + definition.Hash;
        var version = await RangeVersionAsync(definition, null, null, cancellationToken);
        if (!_spans.TryGetValue(key, out var known) || version != known.Version || (version is null && time.GetElapsedTime(known.At) > SpanAge))
        {
            try
            {
                known = (version, time.GetTimestamp(), await ReadSpanAsync(definition, cancellationToken));
                _spans[key] = known;
            }
            catch (LakeException exception) when (!exception.IsTransient
                && manifests.SelectMany(m => m.Partitions.Values).Select(p => (DateOnly?)p.From).Min() is { } oldest)
            {
                // One broken file keeps its own partition from being refreshed, not those that come after.
                return new LakeSpan(oldest, null);
            }
        }

        return known.Span;
    }

    private async Task<LakeSpan> ReadSpanAsync(GoldDefinition definition, CancellationToken cancellationToken)
    {
        DateTime? first = null, last = null;
        foreach (var statement in definition.CompileSpans(lake.Dialect))
        {
            await using var rows = await lake.QueryAsync(statement, cancellationToken);
            await foreach (var row in rows.ReadAsync(cancellationToken))
            {
                first = row[0] is DateTime start && !(start >= first) ? start : first;
                last = row[1] is DateTime end && !(end <= last) ? end : last;
            }
        }

        // A fact's time may be a date, which no zone moves, or an instant: the span takes in both.
        var zone = definition.Table.TimeZone;
        return new LakeSpan(
            first is { } f ? DateOnly.FromDateTime(ZoneRules.ToLocal(f, zone)) : null,
            last is { } l ? DateOnly.FromDateTime(ZoneRules.ToLocal(l, zone) is var local && local > l ? local : l) : null);
    }

    /// <summary>Whether a partition's days are not a period of today's grain; it would count its days a second time.</summary>
    private static bool IsCutOtherwise(GoldDefinition definition, GoldPartition partition) =>
        PartitionPeriod.Containing(partition.From, definition.Table.Partition, definition.Model.Calendar) is var period
        && (period.Name != partition.Period || period.From != partition.From || period.To != partition.To);

    private readonly record struct LakeSpan(DateOnly? First, DateOnly? Last);
}

/// <summary>A refresh cannot be done as asked; the message is for people.</summary>
public sealed class RefreshException(string message, Exception? innerException = null) : Exception(message, innerException);
