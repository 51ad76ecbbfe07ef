using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Microsoft.Extensions.Options;

namespace Write.DataPlatform.Gold;

/// <summary>Gold tables in the store: segments beside manifests, replaced partition by partition.</summary>
/// <remarks>
/// Segments are written first and never changed; one conditional write of the manifest then makes them live. So a reader of a manifest sees whole partitions,
/// and a writer that dies leaves only segments that nobody names, which <see cref="CollectGarbageAsync"/> removes.
/// </remarks>
internal sealed class GoldTables(IGoldStore store, IOptions<GoldOptions> options, TimeProvider timeProvider)
{
    private const int BatchItems = 24;
    private const int PartitionsAhead = 4;
    private const int MaxRemembered = 10_000;

    private static readonly ImmutableSortedDictionary<string, GoldPartition> NoPartitions = ImmutableSortedDictionary.Create<string, GoldPartition>(StringComparer.Ordinal);

    private readonly ConcurrentDictionary<string, Remembered> _remembered = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> _inProgress = new(StringComparer.Ordinal);

    /// <summary>Which partitions are live; revision 0 and none if the table was never written.</summary>
    /// <param name="table">The gold table.</param>
    /// <param name="tenant">The tenant, or null for an internal table.</param>
    /// <param name="fresh">Whether to ask the store even if the manifest was read less than <see cref="GoldOptions.ManifestMaxAge"/> ago.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="GoldStoreException">The store failed, or the manifest is damaged.</exception>
    public async Task<GoldManifest> GetManifestAsync(string table, string? tenant, bool fresh = false, CancellationToken cancellationToken = default) =>
        (await ReadAsync(table, tenant, fresh, cancellationToken)).Manifest;

    /// <summary>What <see cref="GetManifestAsync"/> would give without asking the store; null if it would ask.</summary>
    public GoldManifest? Peek(string table, string? tenant) =>
        _remembered.TryGetValue(GoldKeys.Table(table, tenant), out var remembered) && timeProvider.GetElapsedTime(remembered.ReadAt) < options.Value.ManifestMaxAge ? remembered.Manifest : null;

    /// <summary>Which partitions were live at a revision; null if its rows may be gone (it is longer than the grace ago) or it never was.</summary>
    /// <exception cref="GoldStoreException">The store failed, or the manifest is damaged.</exception>
    public async Task<GoldManifest?> GetManifestAtAsync(string table, string? tenant, long revision, CancellationToken cancellationToken = default)
    {
        var read = await ReadAsync(table, tenant, fresh: false, cancellationToken);
        if (read.Manifest.Revision < revision)
        {
            read = await ReadAsync(table, tenant, fresh: true, cancellationToken);
        }

        if (read.Manifest.Revision == revision)
        {
            return read.Manifest;
        }

        var since = timeProvider.GetUtcNow() - options.Value.GarbageGrace;
        var retired = read.Retired.Where(version => version.Until is not { } until || until > revision).ToList();
        return revision < read.Oldest || revision > read.Manifest.Revision || retired.Any(version => version.Partition is null || (version.Partition.Since ?? 0) <= revision && version.At <= since)
            ? null
            : new GoldManifest(table, tenant, revision, NoPartitions.AddRange(
                read.Manifest.Partitions.Values.Concat(retired.Select(version => version.Partition!)).Where(partition => (partition.Since ?? 0) <= revision)
                    .Select(partition => KeyValuePair.Create(partition.Period, partition))));
    }

    /// <summary>Stores a partition and makes it live in place of the period's present version.</summary>
    /// <param name="table">The gold table.</param>
    /// <param name="tenant">The tenant, or null for an internal table.</param>
    /// <param name="draft">The partition; its files are only read.</param>
    /// <param name="expectedVersion">The version of the period that the writer started from; null if there was none.</param>
    /// <param name="cancellationToken">Ends the work; what was written by then is garbage for the next collection.</param>
    /// <exception cref="GoldStoreException">The store failed; the old version is still live unless the failure hid that the last write was done.</exception>
    public async Task<PublishResult> PublishAsync(
        string table, string? tenant, GoldPartitionDraft draft, string? expectedVersion, CancellationToken cancellationToken = default)
    {
        var started = timeProvider.GetTimestamp();
        var version = NewVersion();
        _inProgress[version] = true;
        try
        {
            var manifest = (await ReadAsync(table, tenant, fresh: true, cancellationToken)).Manifest;
            if (LiveVersion(manifest, draft.Period) != expectedVersion)
            {
                return new PublishResult(false, manifest);
            }

            await AddToIndexAsync(manifest, cancellationToken);
            var checksum = await PutSegmentsAsync(table, tenant, version, draft, cancellationToken);
            var partition = new GoldPartition
            {
                Period = draft.Period,
                From = draft.From,
                To = draft.To,
                Version = version,
                DefinitionHash = draft.DefinitionHash,
                LakeVersion = draft.LakeVersion,
                Rows = draft.Segments.Sum(segment => segment.Rows),
                Bytes = draft.Segments.Sum(segment => (long)segment.Bytes),
                Checksum = checksum,
                Watermark = draft.Watermark,
                Cuts = draft.Cuts,
                Landed = draft.Landed,
                RefreshedAt = draft.RefreshedAt,
                RunId = draft.RunId,
                IsFirst = draft.IsFirst,
                IsLast = draft.IsLast,
                SourceQueryId = draft.SourceQueryId,
                Segments = [.. draft.Segments.Select((segment, number) => new GoldSegment(number, segment.Rows, segment.Bytes, segment.MinTime, segment.MaxTime))],
            };
            var flipped = await FlipAsync(
                table,
                tenant,
                current =>
                {
                    // Past the grace a collector may take the segments for a dead writer's.
                    if (timeProvider.GetElapsedTime(started) > options.Value.GarbageGrace / 2)
                    {
                        throw new GoldStoreException($"Storing {table} {draft.Period} took longer than half of GarbageGrace ({options.Value.GarbageGrace}).", isTransient: true);
                    }

                    var live = LiveVersion(current, draft.Period);
                    return live == version ? current.Partitions : live == expectedVersion ? current.Partitions.SetItem(draft.Period, partition) : null;
                },
                cancellationToken);
            if (LiveVersion(flipped, draft.Period) == version)
            {
                return new PublishResult(true, flipped);
            }

            await store.DeleteAsync(
                GoldKeys.SegmentTable(table, tenant), [.. partition.Segments.Select(segment => GoldKeys.Segment(draft.Period, version, segment.Number))], cancellationToken);
            return new PublishResult(false, flipped);
        }
        finally
        {
            _inProgress.TryRemove(version, out _);
        }
    }

    /// <summary>Takes partitions out of the manifest; those that are not there are passed over.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public Task<GoldManifest> RemovePartitionsAsync(string table, string? tenant, IReadOnlyCollection<string> periods, CancellationToken cancellationToken = default) =>
        FlipAsync(table, tenant, current => current.Partitions.RemoveRange(periods), cancellationToken);

    /// <summary>Removes segments that no reader can be using: left by a dead writer, or replaced, in both cases longer than the grace ago.</summary>
    /// <param name="table">The gold table.</param>
    /// <param name="tenant">The tenant, or null for an internal table.</param>
    /// <param name="grace">The grace; null for <see cref="GoldOptions.GarbageGrace"/>.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>How many segments were removed.</returns>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<int> CollectGarbageAsync(string table, string? tenant, TimeSpan? grace = null, CancellationToken cancellationToken = default)
    {
        var pk = GoldKeys.SegmentTable(table, tenant);
        var stored = new List<(string Key, string Version)>();
        await foreach (var key in store.ListAsync(pk, GoldKeys.SegmentPrefix, cancellationToken))
        {
            if (GoldKeys.VersionOf(key.Sk) is { } version)
            {
                stored.Add((key.Sk, version));
            }
        }

        // Read after the list: a version that went live meanwhile is then known as live.
        var (manifest, retired, _, _) = await ReadAsync(table, tenant, fresh: true, cancellationToken);
        var before = timeProvider.GetUtcNow() - (grace ?? options.Value.GarbageGrace);
        var spared = manifest.Partitions.Values.Select(partition => partition.Version)
            .Concat(retired.Where(version => version.At > before).Select(version => version.Version))
            .Concat(_inProgress.Keys)
            .ToHashSet(StringComparer.Ordinal);
        var garbage = stored.Where(segment => !spared.Contains(segment.Version) && MadeAt(segment.Version) <= before).Select(segment => segment.Key).ToArray();
        foreach (var batch in garbage.Chunk(BatchItems * 4))
        {
            await store.DeleteAsync(pk, batch, cancellationToken);
        }

        return garbage.Length;
    }

    /// <summary>All tables with something in the store.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async IAsyncEnumerable<(string Table, string? Tenant)> ListAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var key in store.ListAsync(GoldKeys.Index, "", cancellationToken))
        {
            yield return GoldKeys.ParseTable(key.Sk);
        }
    }

    /// <summary>Removes a table's rows. An empty manifest stays, so that no revision is ever used twice.</summary>
    /// <remarks>The caller holds the table's lease. Readers of an answer in progress are told to ask again.</remarks>
    /// <exception cref="GoldStoreException">The store failed; drop it again.</exception>
    public async Task DropAsync(string table, string? tenant, CancellationToken cancellationToken = default)
    {
        await FlipAsync(table, tenant, _ => NoPartitions, cancellationToken, keepsReplaced: false);
        await CollectGarbageAsync(table, tenant, TimeSpan.Zero, cancellationToken);
        await store.DeleteAsync(GoldKeys.Index, [GoldKeys.Table(table, tenant)], cancellationToken);
    }

    /// <summary>The segments of partitions, one whole partition at a time, each checked against its checksum.</summary>
    /// <exception cref="GoldStoreException">
    /// The store failed; or a partition was replaced and its segments collected since the manifest was read (transient: read the manifest afresh and ask again);
    /// or a live partition is damaged (not transient). Never a part of a partition.
    /// </exception>
    public async IAsyncEnumerable<PartitionSegments> GetSegmentsAsync(
        GoldManifest manifest, IReadOnlyCollection<GoldPartition> partitions, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var ahead = new Queue<Task<PartitionSegments>>();
        try
        {
            foreach (var partition in partitions)
            {
                ahead.Enqueue(LoadAsync(manifest, partition, stop.Token));
                if (ahead.Count == PartitionsAhead)
                {
                    yield return await ahead.Dequeue();
                }
            }

            while (ahead.TryDequeue(out var loading))
            {
                yield return await loading;
            }
        }
        finally
        {
            await stop.CancelAsync();
            await ((Task)Task.WhenAll(ahead)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<PartitionSegments> LoadAsync(GoldManifest manifest, GoldPartition partition, CancellationToken cancellationToken) =>
        await TryLoadAsync(manifest, partition, cancellationToken) ?? await ReloadAsync(manifest, partition, cancellationToken);

    private async Task<PartitionSegments> ReloadAsync(GoldManifest manifest, GoldPartition partition, CancellationToken cancellationToken)
    {
        var now = await GetManifestAsync(manifest.Table, manifest.Tenant, fresh: true, cancellationToken);
        if (LiveVersion(now, partition.Period) != partition.Version)
        {
            throw new GoldStoreException(
                $"Partition {partition.Period} of gold table {manifest.Table} was replaced and its old rows are gone; read the manifest afresh.", isTransient: true) { IsGone = true };
        }

        return await TryLoadAsync(manifest, partition, cancellationToken)
            ?? throw new GoldStoreException(
                $"Partition {partition.Period} of gold table {manifest.Table} is damaged (version {partition.Version}): a segment is missing or its checksum differs. Refresh the partition in full.",
                isTransient: false);
    }

    private async Task<PartitionSegments?> TryLoadAsync(GoldManifest manifest, GoldPartition partition, CancellationToken cancellationToken)
    {
        var pk = GoldKeys.SegmentTable(manifest.Table, manifest.Tenant);
        var keys = partition.Segments.ToDictionary(segment => GoldKeys.Segment(partition.Period, partition.Version, segment.Number), segment => segment.Number, StringComparer.Ordinal);
        var bodies = new ReadOnlyMemory<byte>[partition.Segments.Length];
        var found = 0;
        await foreach (var item in store.GetManyAsync(pk, keys.Keys, cancellationToken))
        {
            bodies[keys[item.Sk]] = item.Body;
            found++;
        }

        var hash = new XxHash3();
        foreach (var body in bodies)
        {
            hash.Append(body.Span);
        }

        return found == bodies.Length && Hex(hash) == partition.Checksum ? new PartitionSegments(partition, bodies) : null;
    }

    private async Task<string> PutSegmentsAsync(string table, string? tenant, string version, GoldPartitionDraft draft, CancellationToken cancellationToken)
    {
        var hash = new XxHash3();
        var pk = GoldKeys.SegmentTable(table, tenant);
        foreach (var batch in draft.Segments.Select((segment, number) => (segment, number)).Chunk(BatchItems))
        {
            var items = new List<GoldItem>(batch.Length);
            foreach (var (segment, number) in batch)
            {
                var body = await File.ReadAllBytesAsync(segment.Path, cancellationToken);
                hash.Append(body);
                items.Add(new GoldItem(pk, GoldKeys.Segment(draft.Period, version, number), 1, body));
            }

            await store.PutAsync(items, cancellationToken);
        }

        return Hex(hash);
    }

    /// <summary>Changes the manifest by one conditional write, again and again while others change it too. A null change leaves it as it is.</summary>
    private async Task<GoldManifest> FlipAsync(
        string table, string? tenant, Func<GoldManifest, ImmutableSortedDictionary<string, GoldPartition>?> change, CancellationToken cancellationToken, bool keepsReplaced = true)
    {
        while (true)
        {
            var (current, retired, oldest, _) = await ReadAsync(table, tenant, fresh: true, cancellationToken);
            var partitions = change(current);
            if (partitions is null || ReferenceEquals(partitions, current.Partitions))
            {
                return current;
            }

            if (!partitions.IsEmpty)
            {
                await AddToIndexAsync(current, cancellationToken);
            }

            var now = timeProvider.GetUtcNow();
            var revision = current.Revision + 1;
            partitions = partitions.SetItems(partitions.Values.Where(partition => partition.Since is null && LiveVersion(current, partition.Period) != partition.Version)
                .Select(partition => KeyValuePair.Create(partition.Period, partition with { Since = revision })));
            var live = partitions.Values.Select(partition => partition.Version).ToHashSet(StringComparer.Ordinal);
            ImmutableArray<RetiredVersion> stillRetired =
            [
                .. retired.Where(version => version.At > now - options.Value.GarbageGrace),
                .. current.Partitions.Values.Where(partition => !live.Contains(partition.Version)).Select(partition => new RetiredVersion(partition.Version, now, partition, revision)),
            ];
            oldest = retired.Where(version => version.At <= now - options.Value.GarbageGrace).Select(version => version.Until ?? current.Revision).Append(oldest).Max();
            var next = new GoldManifest(table, tenant, revision, partitions);
            var body = ManifestCodec.Encode(partitions, stillRetired, oldest);
            if (!keepsReplaced || body.Length > IGoldStore.MaxBodyBytes)
            {
                // The present matters more than what it replaced: earlier revisions are told no more.
                (stillRetired, oldest) = ([.. stillRetired.Select(version => version with { Partition = null })], revision);
                body = ManifestCodec.Encode(partitions, stillRetired, oldest);
            }

            if (body.Length > IGoldStore.MaxBodyBytes)
            {
                throw new GoldStoreException(
                    $"The manifest of gold table {table} would have {body.Length} bytes with {partitions.Count} partitions; {IGoldStore.MaxBodyBytes} are allowed. Use longer partitions.", isTransient: false);
            }

            if (await store.TryPutAsync(new GoldItem(GoldKeys.Table(table, tenant), GoldKeys.Manifest, next.Revision, body), current.Revision == 0 ? null : current.Revision, cancellationToken))
            {
                Remember(next, stillRetired, oldest, timeProvider.GetTimestamp());
                return next;
            }
        }
    }

    /// <summary>Before the first segment of a table is written it is in the index, so that no table is ever forgotten.</summary>
    private async Task AddToIndexAsync(GoldManifest manifest, CancellationToken cancellationToken)
    {
        if (manifest.Partitions.IsEmpty)
        {
            await store.PutAsync([new GoldItem(GoldKeys.Index, GoldKeys.Table(manifest.Table, manifest.Tenant), 1, ReadOnlyMemory<byte>.Empty)], cancellationToken);
        }
    }

    private async Task<Remembered> ReadAsync(string table, string? tenant, bool fresh, CancellationToken cancellationToken)
    {
        var pk = GoldKeys.Table(table, tenant);
        var remembered = _remembered.GetValueOrDefault(pk);
        if (!fresh && remembered is not null && timeProvider.GetElapsedTime(remembered.ReadAt) < options.Value.ManifestMaxAge)
        {
            return remembered;
        }

        var started = timeProvider.GetTimestamp();
        var item = await store.GetAsync(pk, GoldKeys.Manifest, cancellationToken);
        if (item is null)
        {
            return Remember(new GoldManifest(table, tenant, 0, NoPartitions), [], 0, started);
        }

        if (remembered is not null && remembered.Manifest.Revision == item.Revision)
        {
            return Remember(remembered.Manifest, remembered.Retired, remembered.Oldest, started);
        }

        var stored = ManifestCodec.Decode(item);
        return Remember(
            new GoldManifest(table, tenant, item.Revision, NoPartitions.AddRange(stored.Partitions.Select(partition => KeyValuePair.Create(partition.Period, partition)))),
            stored.Retired,
            stored.Oldest ?? item.Revision,
            started);
    }

    private Remembered Remember(GoldManifest manifest, ImmutableArray<RetiredVersion> retired, long oldest, long started)
    {
        if (_remembered.Count > MaxRemembered)
        {
            _remembered.Clear();
        }

        // Two reads may end in the other order than they began: what was read later counts.
        var read = new Remembered(manifest, retired, oldest, started);
        return _remembered.AddOrUpdate(
            GoldKeys.Table(manifest.Table, manifest.Tenant),
            read,
            (_, present) => (present.ReadAt, present.Manifest.Revision).CompareTo((started, manifest.Revision)) > 0 ? present : read);
    }

    private string NewVersion() =>
        string.Create(CultureInfo.InvariantCulture, $"{timeProvider.GetUtcNow():yyyyMMdd'T'HHmmssfff}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}");

    private static DateTimeOffset MadeAt(string version) =>
        DateTimeOffset.TryParseExact(version.Split('-')[0], "yyyyMMdd'T'HHmmssfff", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at)
            ? at
            : DateTimeOffset.MaxValue;

    private static string? LiveVersion(GoldManifest manifest, string period) => manifest.Partitions.GetValueOrDefault(period)?.Version;

    private static string Hex(XxHash3 hash) => hash.GetCurrentHashAsUInt64().ToString("x16", CultureInfo.InvariantCulture);

    /// <param name="Manifest">The present revision.</param>
    /// <param name="Retired">What was live not long ago.</param>
    /// <param name="Oldest">The earliest revision that both tell in full.</param>
    /// <param name="ReadAt">When it was read.</param>
    private sealed record Remembered(GoldManifest Manifest, ImmutableArray<RetiredVersion> Retired, long Oldest, long ReadAt);
}
