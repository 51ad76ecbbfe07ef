using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Tests.Gold;

/// <summary>A manifest tells its revisions of not long ago.</summary>
public sealed class GoldRevisionsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_recent_revision_is_told_as_it_was_by_any_process()
    {
        await using var gold = new GoldFixture(o => o.GarbageGrace = TimeSpan.FromMinutes(10));
        var random = new Random(7);
        var seen = new List<(DateTimeOffset At, GoldManifest Manifest)>();
        for (var i = 0; i < 60; i++)
        {
            gold.Clock.Advance(TimeSpan.FromSeconds(random.Next(60)));
            var period = string.Create(CultureInfo.InvariantCulture, $"2026-{1 + random.Next(4):00}");
            var now = await gold.Tables.GetManifestAsync("t", null, fresh: true, Cancel);
            if (random.Next(4) == 0)
            {
                await gold.Tables.RemovePartitionsAsync("t", null, [period], Cancel);
            }
            else
            {
                await gold.PublishAsync("t", null, period, $"SELECT DATE '{period}-01' AS bucket, {i}::BIGINT AS n", now.Partitions.GetValueOrDefault(period)?.Version);
            }

            seen.Add((gold.Clock.GetUtcNow(), await gold.Tables.GetManifestAsync("t", null, fresh: true, Cancel)));
            if (random.Next(5) == 0)
            {
                await gold.Tables.CollectGarbageAsync("t", null, cancellationToken: Cancel);
            }

            var other = gold.NewTables();
            foreach (var (at, manifest) in seen)
            {
                var told = await other.GetManifestAtAsync("t", null, manifest.Revision, Cancel);
                // A revision lasts until the grace after what replaced it.
                if (gold.Clock.GetUtcNow() - at < TimeSpan.FromMinutes(9))
                {
                    Assert.NotNull(told);
                }

                if (told is not null)
                {
                    Assert.Equal(Versions(manifest), Versions(told));
                    Assert.Equal(told.Partitions.Count, (await other.GetSegmentsAsync(told, [.. told.Partitions.Values], Cancel).ToListAsync(Cancel)).Count);
                }
            }
        }

        Assert.Null(await gold.NewTables().GetManifestAtAsync("t", null, 1, Cancel));
        Assert.Null(await gold.NewTables().GetManifestAtAsync("t", null, seen[^1].Manifest.Revision + 1, Cancel));
    }

    [Fact]
    public void A_manifest_of_before_tells_its_present_revision_alone()
    {
        var decoded = ManifestCodec.Decode(new GoldItem("p", "s", 5, """{"format":1,"partitions":[],"retired":[{"version":"20260101T000000000-aaaaaaaa","at":"2026-01-01T00:00:00+00:00"}]}"""u8.ToArray()));
        Assert.Null(decoded.Oldest);
        Assert.Null(Assert.Single(decoded.Retired).Partition);
    }

    [Fact]
    public async Task Replaced_partitions_are_forgotten_before_a_manifest_is_too_large_for_the_live_ones()
    {
        await using var gold = new GoldFixture(o => o.GarbageGrace = TimeSpan.FromMinutes(10));
        var random = new Random(3);
        GoldPartition New(int number) => new()
        {
            Period = $"old-{number:00000}", From = new DateOnly(2000, 1, 1).AddDays(number), To = new DateOnly(2000, 1, 2).AddDays(number), Version = $"v{random.NextInt64():x16}", DefinitionHash = $"{random.NextInt64():x16}",
            LakeVersion = $"{random.NextInt64():x16}", Rows = random.Next(), Bytes = random.Next(), Checksum = $"{random.NextInt64():x16}", Watermark = gold.Clock.GetUtcNow(), RefreshedAt = gold.Clock.GetUtcNow(), RunId = $"{random.NextInt64():x16}",
            SourceQueryId = $"{random.NextInt64():x16}{random.NextInt64():x16}", Segments = [], Since = 5,
        };
        var live = System.Collections.Immutable.ImmutableSortedDictionary<string, GoldPartition>.Empty;
        var retired = ImmutableArray<RetiredVersion>.Empty;
        var (body, fits) = (Array.Empty<byte>(), Array.Empty<byte>());
        while (body.Length <= IGoldStore.MaxBodyBytes)
        {
            fits = body;
            var more = Enumerable.Range(live.Count, 20).Select(New).ToList();
            live = live.AddRange(more.Select(p => KeyValuePair.Create(p.Period, p)));
            retired = retired.AddRange(more.Select(p => new RetiredVersion("r" + p.Version, gold.Clock.GetUtcNow(), p with { Version = "r" + p.Version, Since = 1 }, 5)));
            body = ManifestCodec.Encode(live, retired, 4);
        }

        Assert.True(await gold.Store.TryPutAsync(new GoldItem(GoldKeys.Table("t", null), GoldKeys.Manifest, 5, fits), null, Cancel));
        for (var i = 0; i < 90; i++)
        {
            await gold.PublishAsync("t", null, string.Create(CultureInfo.InvariantCulture, $"{2030 + (i / 12)}-{1 + (i % 12):00}"), $"SELECT DATE '2026-01-01' AS bucket, {i}::BIGINT AS n", null);
        }

        var manifest = await gold.NewTables().GetManifestAsync("t", null, fresh: true, Cancel);
        Assert.Equal(live.Count - 20 + 90, manifest.Partitions.Count);
        Assert.Null(await gold.NewTables().GetManifestAtAsync("t", null, 4, Cancel));
        Assert.NotNull(await gold.NewTables().GetManifestAtAsync("t", null, manifest.Revision - 1, Cancel));
    }

    private static ImmutableArray<string> Versions(GoldManifest manifest) => [.. manifest.Partitions.Select(p => p.Key + " " + p.Value.Version)];
}
