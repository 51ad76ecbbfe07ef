using System.Globalization;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Tests.Gold;

public class GoldTablesTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ATableNeverWrittenHasAnEmptyManifest()
    {
        await using var gold = new GoldFixture();
        var manifest = await gold.Tables.GetManifestAsync("t", null, cancellationToken: Cancel);
        Assert.Equal((0L, 0), (manifest.Revision, manifest.Partitions.Count));
        Assert.Empty(await gold.Tables.ListAsync(Cancel).ToArrayAsync(Cancel));
    }

    [Fact]
    public async Task APublishedPartitionIsReadBackByAnotherProcess()
    {
        await using var gold = new GoldFixture();
        var result = await gold.PublishAsync("t", "acme", "2026-01", Rows(1, 3000));
        Assert.True(result.Published);
        var read = await gold.NewTables().GetManifestAsync("t", "acme", cancellationToken: Cancel);
        Assert.Equal(1, read.Revision);
        var partition = read.Partitions["2026-01"];
        Assert.Equal((3000L, "d1", new DateOnly(2026, 1, 1), new DateOnly(2026, 2, 1), "r1"), (partition.Rows, partition.DefinitionHash, partition.From, partition.To, partition.RunId));
        Assert.Equal(result.Manifest.Partitions["2026-01"] with { Segments = partition.Segments }, partition);
        Assert.Equal(result.Manifest.Partitions["2026-01"].Segments, partition.Segments);
        var segments = Assert.Single(await gold.Tables.GetSegmentsAsync(read, [partition], Cancel).ToArrayAsync(Cancel));
        Assert.Equal(partition.Bytes, segments.Segments.Sum(body => (long)body.Length));
        Assert.Equal([("t", "acme")], await gold.Tables.ListAsync(Cancel).ToArrayAsync(Cancel));
    }

    [Fact]
    public async Task NamesCannotReachOneAnother()
    {
        await using var gold = new GoldFixture();
        (string, string?)[] names = [("a", null), ("a", ""), ("a", "b"), ("a#b", null), ("a#b", ""), ("a", "b#"), ("a%23b", null), ("a", "%"), ("a%", null), ("gold", null), ("a", "\u0085\n"), ("", "a"), ("å", "😀")];
        foreach (var (table, tenant) in names)
        {
            Assert.True((await gold.PublishAsync(table, tenant, "2026-01", Rows(1, 5))).Published);
        }

        foreach (var (table, tenant) in names)
        {
            Assert.Equal(1, (await gold.NewTables().GetManifestAsync(table, tenant, cancellationToken: Cancel)).Revision);
        }

        Assert.Equal(names.ToHashSet(), (await gold.Tables.ListAsync(Cancel).ToArrayAsync(Cancel)).ToHashSet());
    }

    [Fact]
    public async Task OfTwoWritersOfAPeriodOneWinsAndTheOtherLeavesNothing()
    {
        await using var gold = new GoldFixture();
        var first = (await gold.PublishAsync("t", null, "2026-01", Rows(1, 10))).Manifest.Partitions["2026-01"].Version;
        var results = await Task.WhenAll(Enumerable.Range(0, 8).Select(number => gold.PublishAsync("t", null, "2026-01", Rows(number, 100), first, gold.NewTables())));
        var won = Assert.Single(results, result => result.Published);
        var manifest = await gold.NewTables().GetManifestAsync("t", null, cancellationToken: Cancel);
        Assert.Equal(2, manifest.Revision);
        Assert.Equal(won.Manifest.Partitions["2026-01"].Version, manifest.Partitions["2026-01"].Version);
        Assert.Equal(2, await SegmentsAsync(gold, "t"));
        Assert.False((await gold.PublishAsync("t", null, "2026-01", Rows(1, 10), null)).Published);
        Assert.False((await gold.PublishAsync("t", null, "2026-02", Rows(1, 10), "none")).Published);
        Assert.Equal(2, await SegmentsAsync(gold, "t"));
    }

    [Fact]
    public async Task WritersOfDifferentPeriodsAllSucceed()
    {
        await using var gold = new GoldFixture();
        var results = await Task.WhenAll(Enumerable.Range(1, 12).Select(month => gold.PublishAsync("t", null, $"2026-{month:00}", Rows(month, 50), tables: gold.NewTables())));
        Assert.All(results, result => Assert.True(result.Published));
        var manifest = await gold.NewTables().GetManifestAsync("t", null, cancellationToken: Cancel);
        Assert.Equal((12L, 12), (manifest.Revision, manifest.Partitions.Count));
        Assert.Equal(12, await SegmentsAsync(gold, "t"));
    }

    [Fact]
    public async Task AFlipWhoseAnswerWasLostIsKnownAsDone()
    {
        await using var gold = new GoldFixture();
        var fail = true;
        gold.Store.AfterTryPut = _ => fail ? Task.FromException(new GoldStoreException("connection reset", isTransient: true)) : Task.CompletedTask;
        await Assert.ThrowsAsync<GoldStoreException>(() => gold.PublishAsync("t", null, "2026-01", Rows(1, 10)));
        fail = false;
        var manifest = await gold.NewTables().GetManifestAsync("t", null, cancellationToken: Cancel);
        Assert.Single(await gold.Tables.GetSegmentsAsync(manifest, [.. manifest.Partitions.Values], Cancel).ToArrayAsync(Cancel));
    }

    [Fact]
    public async Task AWriterSlowerThanTheGraceDoesNotFlip()
    {
        await using var gold = new GoldFixture(options => options.GarbageGrace = TimeSpan.FromMinutes(1));
        await gold.PublishAsync("t", null, "2026-01", Rows(1, 10));
        var slow = true;
        gold.Store.BeforeTryPut = async item =>
        {
            if (slow && item.Sk == "manifest")
            {
                slow = false;
                gold.Clock.Advance(TimeSpan.FromSeconds(31));
                Assert.True((await gold.PublishAsync("t", null, "2026-03", Rows(1, 10), tables: gold.NewTables())).Published);
            }
        };
        var error = await Assert.ThrowsAsync<GoldStoreException>(() => gold.PublishAsync("t", null, "2026-02", Rows(1, 10)));
        Assert.True(error.IsTransient);
        Assert.Equal(["2026-01", "2026-03"], (await gold.NewTables().GetManifestAsync("t", null, cancellationToken: Cancel)).Partitions.Keys);
    }

    [Fact]
    public async Task GarbageIsCollectedAfterTheGraceAndNothingElse()
    {
        await using var gold = new GoldFixture();
        var old = await gold.PublishAsync("t", null, "2026-01", Rows(1, 10));
        await gold.PublishAsync("t", null, "2026-02", Rows(2, 10));

        // A writer that dies between its segments and the flip.
        gold.Store.BeforeTryPut = _ => Task.FromException(new OperationCanceledException("killed"));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gold.PublishAsync("t", null, "2026-03", Rows(3, 10), tables: gold.NewTables()));
        gold.Store.BeforeTryPut = null;
        Assert.Equal(3, await SegmentsAsync(gold, "t"));
        Assert.Equal(0, await gold.Tables.CollectGarbageAsync("t", null, cancellationToken: Cancel));

        gold.Clock.Advance(TimeSpan.FromHours(3));
        await gold.PublishAsync("t", null, "2026-01", Rows(4, 10), old.Manifest.Partitions["2026-01"].Version);

        // The dead writer's segments are old; the replaced version is too, but was replaced only now and may still be read.
        Assert.Equal(1, await gold.NewTables().CollectGarbageAsync("t", null, cancellationToken: Cancel));
        Assert.Single(await gold.Tables.GetSegmentsAsync(old.Manifest, [old.Manifest.Partitions["2026-01"]], Cancel).ToArrayAsync(Cancel));
        gold.Clock.Advance(TimeSpan.FromMinutes(9));
        Assert.Equal(0, await gold.NewTables().CollectGarbageAsync("t", null, cancellationToken: Cancel));
        gold.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(1, await gold.NewTables().CollectGarbageAsync("t", null, cancellationToken: Cancel));
        Assert.Equal(2, await SegmentsAsync(gold, "t"));

        var replaced = await Assert.ThrowsAsync<GoldStoreException>(async () => await gold.Tables.GetSegmentsAsync(old.Manifest, [.. old.Manifest.Partitions.Values], Cancel).ToArrayAsync(Cancel));
        Assert.True(replaced.IsTransient);
        var now = await gold.Tables.GetManifestAsync("t", null, cancellationToken: Cancel);
        Assert.Equal(2, await gold.Tables.GetSegmentsAsync(now, [.. now.Partitions.Values], Cancel).CountAsync(Cancel));
    }

    [Fact]
    public async Task RemovedPartitionsAndDroppedTablesGoAndRevisionsStillRise()
    {
        await using var gold = new GoldFixture();
        await gold.PublishAsync("t", null, "2026-01", Rows(1, 10));
        await gold.PublishAsync("t", null, "2026-02", Rows(1, 10));
        Assert.Equal(2, (await gold.Tables.RemovePartitionsAsync("t", null, ["2025-01"], Cancel)).Revision);
        var removed = await gold.Tables.RemovePartitionsAsync("t", null, ["2026-01", "2025-12"], Cancel);
        Assert.Equal((3L, "2026-02"), (removed.Revision, Assert.Single(removed.Partitions.Keys)));
        gold.Clock.Advance(TimeSpan.FromMinutes(11));
        Assert.Equal(1, await gold.Tables.CollectGarbageAsync("t", null, cancellationToken: Cancel));

        await gold.Tables.DropAsync("t", null, Cancel);
        Assert.Empty(await gold.Tables.ListAsync(Cancel).ToArrayAsync(Cancel));
        Assert.Equal(0, await SegmentsAsync(gold, "t"));
        Assert.Equal(5, (await gold.PublishAsync("t", null, "2026-01", Rows(1, 10))).Manifest.Revision);
        Assert.Equal([("t", null)], await gold.Tables.ListAsync(Cancel).ToArrayAsync(Cancel));
    }

    [Theory]
    [InlineData("missing")]
    [InlineData("changed")]
    [InlineData("shorter")]
    public async Task ADamagedSegmentIsFoundAndNoRowOfItGiven(string damage)
    {
        await using var gold = new GoldFixture();
        var manifest = (await gold.PublishAsync("t", null, "2026-01", Rows(1, 1000))).Manifest;
        var key = (await gold.Store.ListAsync("t#", "seg#", Cancel).ToArrayAsync(Cancel))[0].Sk;
        var body = (await gold.Store.GetAsync("t#", key, Cancel))!.Body.ToArray();
        body[body.Length / 2] ^= 1;
        await (damage switch
        {
            "missing" => gold.Store.DeleteAsync("t#", [key], Cancel),
            "changed" => gold.Store.PutAsync([new GoldItem("t#", key, 1, body)], Cancel),
            _ => gold.Store.PutAsync([new GoldItem("t#", key, 1, body.AsMemory(0, body.Length / 2))], Cancel),
        });
        var error = await Assert.ThrowsAsync<GoldStoreException>(async () => await gold.Tables.GetSegmentsAsync(manifest, [.. manifest.Partitions.Values], Cancel).ToArrayAsync(Cancel));
        Assert.False(error.IsTransient);
        Assert.Contains("damaged", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<GoldStoreException>(() => gold.Engine.AcquireAsync(manifest, [.. manifest.Partitions.Values], Cancel));
    }

    [Fact]
    public async Task ADamagedManifestAndOneOfANewerFormatAreRefused()
    {
        await using var gold = new GoldFixture();
        await gold.Store.PutAsync([new GoldItem("a#", "manifest", 1, "{"u8.ToArray()), new GoldItem("b#", "manifest", 1, """{"format":2,"partitions":[],"retired":[]}"""u8.ToArray())], Cancel);
        Assert.Contains("damaged", (await Assert.ThrowsAsync<GoldStoreException>(() => gold.Tables.GetManifestAsync("a", null, cancellationToken: Cancel))).Message, StringComparison.Ordinal);
        Assert.Contains("newer", (await Assert.ThrowsAsync<GoldStoreException>(() => gold.Tables.GetManifestAsync("b", null, cancellationToken: Cancel))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AManifestIsRememberedForItsAgeButNotPastAnOwnFlip()
    {
        await using var gold = new GoldFixture(options => options.ManifestMaxAge = TimeSpan.FromSeconds(1));
        await gold.PublishAsync("t", null, "2026-01", Rows(1, 10));
        var gets = gold.Store.Gets;
        var first = await gold.Tables.GetManifestAsync("t", null, cancellationToken: Cancel);
        Assert.Equal((1L, gets), (first.Revision, gold.Store.Gets));
        await gold.PublishAsync("t", null, "2026-02", Rows(1, 10), tables: gold.NewTables());
        Assert.Equal(1, (await gold.Tables.GetManifestAsync("t", null, cancellationToken: Cancel)).Revision);
        Assert.Equal(2, (await gold.Tables.GetManifestAsync("t", null, fresh: true, Cancel)).Revision);
        await gold.PublishAsync("t", null, "2026-03", Rows(1, 10), tables: gold.NewTables());
        gold.Clock.Advance(TimeSpan.FromSeconds(1));
        var third = await gold.Tables.GetManifestAsync("t", null, cancellationToken: Cancel);
        Assert.Equal(3, third.Revision);
        Assert.Same(third, await gold.Tables.GetManifestAsync("t", null, fresh: true, Cancel));
    }

    [Fact]
    public async Task AManifestOfThreeThousandPartitionsFits()
    {
        await using var gold = new GoldFixture();
        var partitions = System.Collections.Immutable.ImmutableSortedDictionary.CreateRange(StringComparer.Ordinal, Enumerable.Range(0, 3000).Select(number =>
        {
            var day = new DateOnly(2018, 1, 1).AddDays(number);
            var period = day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
            return KeyValuePair.Create(period, new GoldPartition
            {
                Period = period,
                From = day,
                To = day.AddDays(1),
                Version = $"{day:yyyyMMdd}T101112123-{Random.Shared.Next():x8}",
                DefinitionHash = "0123456789abcdef",
                LakeVersion = $"{Random.Shared.NextInt64():x16}",
                Rows = number,
                Bytes = number * 7,
                Checksum = $"{Random.Shared.NextInt64():x16}",
                Watermark = gold.Clock.GetUtcNow().AddSeconds(number * 7919),
                RefreshedAt = gold.Clock.GetUtcNow().AddMilliseconds(number * 104729),
                RunId = $"20260301T101112123-{Random.Shared.Next() % 10:x8}",
                SourceQueryId = Guid.NewGuid().ToString(),
                Segments = [new GoldSegment(0, number, number * 7, day.ToDateTime(default), day.ToDateTime(default))],
            });
        }));
        var body = ManifestCodec.Encode(partitions, []);
        Assert.InRange(body.Length, 4096, IGoldStore.MaxBodyBytes);
        var decoded = ManifestCodec.Decode(new GoldItem("p", "s", 1, body));
        Assert.Equal(partitions.Values.Select(partition => partition with { Segments = default }), decoded.Partitions.Select(partition => partition with { Segments = default }));
        Assert.Equal(partitions.Values.SelectMany(partition => partition.Segments), decoded.Partitions.SelectMany(partition => partition.Segments));
    }

    [Fact]
    public async Task AReaderDuringManyFlipsSeesWholeRevisions()
    {
        // Every version of a partition has one sum whatever its rows; a mix of two would have another.
        await using var gold = new GoldFixture(options => options.GarbageGrace = TimeSpan.FromSeconds(30));
        const int Flips = 200;
        const long Sum = 1_000_000;
        await using var session = await gold.Duck.OpenAsync(Cancel);
        var sets = new List<SegmentSet>();
        foreach (var rows in new[] { 1, 10, 100, 1000, 5000 })
        {
            sets.Add(await gold.Writer.WriteAsync(session, $"SELECT DATE '2026-01-01' AS bucket, {rows}::BIGINT AS n, ({Sum} // {rows})::BIGINT AS v FROM range({rows}) ORDER BY bucket", Cancel));
        }

        string[] versions = [.. await Task.WhenAll(Enumerable.Range(1, 3).Select(async month =>
            (await gold.Tables.PublishAsync("t", null, gold.Draft($"2026-0{month}", sets[0].Segments), null, Cancel)).Manifest.Partitions[$"2026-0{month}"].Version))];
        var writer = Task.Run(async () =>
        {
            for (var flip = 0; flip < Flips; flip++)
            {
                var month = flip % 3;
                gold.Clock.Advance(TimeSpan.FromSeconds(1));
                var result = await gold.Tables.PublishAsync("t", null, gold.Draft($"2026-0{month + 1}", sets[flip % 5].Segments), versions[month], Cancel);
                Assert.True(result.Published);
                versions[month] = result.Manifest.Partitions[$"2026-0{month + 1}"].Version;
                await gold.Tables.CollectGarbageAsync("t", null, cancellationToken: Cancel);
            }
        }, Cancel);
        var reader = Task.Run(async () =>
        {
            var tables = gold.NewTables();
            var seen = new HashSet<long>();
            do
            {
                var manifest = await tables.GetManifestAsync("t", null, cancellationToken: Cancel);
                GoldRelation relation;
                try
                {
                    relation = await gold.Engine.AcquireAsync(manifest, [.. manifest.Partitions.Values], Cancel);
                }
                catch (GoldStoreException exception) when (exception.IsTransient)
                {
                    continue;
                }

                using (relation)
                {
                    Assert.Equal(3 * Sum, await gold.ScalarAsync<long>(gold.Serving.Instance, $"SELECT sum(v)::BIGINT FROM {relation.Sql}"));
                    Assert.Equal(
                        manifest.Partitions.Values.Sum(partition => partition.Rows),
                        await gold.ScalarAsync<long>(gold.Serving.Instance, $"SELECT count(*) FROM {relation.Sql} WHERE n IN ({string.Join(",", manifest.Partitions.Values.Select(partition => partition.Rows))})"));
                }

                seen.Add(manifest.Revision);
            }
            while (!writer.IsCompleted);
            return seen.Count;
        }, Cancel);
        await writer;
        Assert.True(await reader > 1);
        Assert.Equal(Flips + 3, (await gold.Tables.GetManifestAsync("t", null, cancellationToken: Cancel)).Revision);
        gold.Clock.Advance(TimeSpan.FromMinutes(1));
        await gold.Tables.CollectGarbageAsync("t", null, cancellationToken: Cancel);
        Assert.Equal(3, await SegmentsAsync(gold, "t"));
        sets.ForEach(set => set.Dispose());
    }

    private static string Rows(int seed, int count) => $"SELECT DATE '2026-01-01' AS bucket, i + {seed * 100_000} AS n FROM range({count}) t(i) ORDER BY bucket, n";

    private static async Task<int> SegmentsAsync(GoldFixture gold, string table) => await gold.Store.ListAsync(table + "#", "seg#", Cancel).CountAsync(Cancel);
}

/// <summary>The same on DynamoDB.</summary>
public sealed class DynamoDbGoldTablesTests : GoldTablesTests, IOnDynamoDb;
