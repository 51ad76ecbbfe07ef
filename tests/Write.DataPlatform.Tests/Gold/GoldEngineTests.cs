using Write.DataPlatform.Gold;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Gold;

public sealed class GoldEngineTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task TheRelationIsTheSourcesRowsAtEveryRevision()
    {
        await using var gold = new GoldFixture();
        var random = new Random(7);
        var live = new Dictionary<string, (string Sql, string Version)>();
        var manifest = await gold.Tables.GetManifestAsync("t", null, cancellationToken: Cancel);
        for (var revision = 1; revision <= 24; revision++)
        {
            var month = random.Next(1, 7);
            var period = $"2026-{month:00}";
            var sql = Month(month, seed: revision, random.Next(0, 3000));
            var result = await gold.PublishAsync("t", null, period, sql, live.TryGetValue(period, out var old) ? old.Version : null);
            Assert.True(result.Published);
            manifest = result.Manifest;
            live[period] = (sql, manifest.Partitions[period].Version);

            // All partitions, then some of them; while files are fresh and, every other time, once they are decoded.
            for (var round = 0; round < 2; round++)
            {
                var some = manifest.Partitions.Values.Where(_ => round == 0 || random.Next(2) == 0).ToList();
                if (some.Count == 0)
                {
                    continue;
                }

                using (var relation = await gold.Engine.AcquireAsync(manifest, some, Cancel))
                {
                    Assert.Equal(["bucket", "country", "visits", "amount", "share", "ok"], relation.Columns.Select(column => column.Name));
                    Assert.Equal(new ColumnType(ColumnKind.Decimal, 18, 3), relation.Columns[3].Type);
                    Assert.Equal(
                        await GoldFixture.RowsAsync(gold.Duck, $"({string.Join(" UNION ALL ", some.Select(partition => $"({live[partition.Period].Sql})"))})"),
                        await GoldFixture.RowsAsync(gold.Serving.Instance, relation.Sql));
                }

                if (revision % 2 == 0)
                {
                    await gold.Engine.SettleAsync();
                }
            }
        }

        await gold.Engine.SettleAsync();
        var (files, tables, _) = gold.Engine.Remembered;
        Assert.Equal(0, files);
        Assert.InRange(tables, 1, 4);
    }

    [Fact]
    public async Task WhatIsRememberedIsNotReadAgainAndANewRevisionReadsOnlyWhatChanged()
    {
        await using var gold = new GoldFixture();
        for (var month = 1; month <= 6; month++)
        {
            await gold.PublishAsync("t", null, $"2026-{month:00}", Month(month, 1, 100));
        }

        var manifest = await gold.Tables.GetManifestAsync("t", null, cancellationToken: Cancel);
        await CountAsync(gold, manifest, 200, "2026-02", "2026-03");
        Assert.Equal(2, gold.Store.SegmentsRead);
        await CountAsync(gold, manifest, 100, "2026-03");
        await CountAsync(gold, manifest, 600);
        Assert.Equal(6, gold.Store.SegmentsRead);
        await gold.Engine.SettleAsync();
        await CountAsync(gold, manifest, 600);
        manifest = (await gold.PublishAsync("t", null, "2026-04", Month(4, 2, 50), manifest.Partitions["2026-04"].Version)).Manifest;
        await CountAsync(gold, manifest, 550);
        Assert.Equal(7, gold.Store.SegmentsRead);
    }

    [Fact]
    public async Task ManyFirstReadersReadTheStoreOnce()
    {
        await using var gold = new GoldFixture();
        for (var month = 1; month <= 4; month++)
        {
            await gold.PublishAsync("t", null, $"2026-{month:00}", Month(month, 1, 100));
        }

        var manifest = await gold.Tables.GetManifestAsync("t", null, cancellationToken: Cancel);
        await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => CountAsync(gold, manifest, 400)));
        Assert.Equal(4, gold.Store.SegmentsRead);
    }

    [Fact]
    public async Task TenantsAndDefinitionsAreKeptApart()
    {
        await using var gold = new GoldFixture();
        var acme = (await gold.PublishAsync("t", "acme", "2026-01", Month(1, 1, 10))).Manifest;
        var other = (await gold.PublishAsync("t", "other", "2026-01", Month(1, 2, 20))).Manifest;
        await CountAsync(gold, acme, 10);
        await CountAsync(gold, other, 20);
        await gold.Engine.SettleAsync();
        await CountAsync(gold, acme, 10);
        await CountAsync(gold, other, 20);
        var mixed = (await gold.PublishAsync("t", "acme", "2026-02", "SELECT DATE '2026-02-01' AS bucket, 1::BIGINT AS n", definition: "d2")).Manifest;
        await Assert.ThrowsAsync<ArgumentException>(() => gold.Engine.AcquireAsync(mixed, [.. mixed.Partitions.Values], Cancel));
        await Assert.ThrowsAsync<ArgumentException>(() => gold.Engine.AcquireAsync(mixed, [], Cancel));
        using var relation = await gold.Engine.AcquireAsync(mixed, [mixed.Partitions["2026-02"]], Cancel);
        Assert.Equal(["bucket", "n"], relation.Columns.Select(column => column.Name));
    }

    [Fact]
    public async Task ReadersKeepTheirRowsWhileTheCacheForgetsThem()
    {
        await using var gold = new GoldFixture();
        var first = (await gold.PublishAsync("t", null, "2026-01", Month(1, 1, 500))).Manifest;
        await CountAsync(gold, first, 500);
        await gold.Engine.SettleAsync();
        var held = await gold.Engine.AcquireAsync(first, [.. first.Partitions.Values], Cancel);
        var second = (await gold.PublishAsync("t", null, "2026-01", Month(1, 2, 300), first.Partitions["2026-01"].Version)).Manifest;
        await CountAsync(gold, second, 300);
        await gold.Engine.SettleAsync();
        Assert.Equal((0, 1), (gold.Engine.Remembered.Files, gold.Engine.Remembered.Tables));
        Assert.Equal(500, await gold.ScalarAsync<long>(gold.Serving.Instance, $"SELECT count(*) FROM {held.Sql}"));
        Assert.Equal(2, await DatabasesAsync(gold));
        held.Dispose();
        held.Dispose();
        await gold.Engine.SettleAsync();
        Assert.Equal(1, await DatabasesAsync(gold));

        // The old revision can still be had within the grace, from the store.
        await CountAsync(gold, first, 500);
    }

    [Fact]
    public async Task WhatIsOverTheBoundIsForgottenLeastRecentlyUsedFirst()
    {
        await using var gold = new GoldFixture(options => options.CacheMegabytes = 16);
        const string Noise = "SELECT DATE '2026-01-01' AS bucket, hash(i + {0} * 1000000)::DOUBLE AS a FROM range(400000) t(i) ORDER BY bucket";
        var manifests = new List<GoldManifest>();
        for (var table = 0; table < 6; table++)
        {
            manifests.Add((await gold.PublishAsync($"t{table}", null, "2026-01", string.Format(System.Globalization.CultureInfo.InvariantCulture, Noise, table))).Manifest);
            Assert.InRange(manifests[^1].Partitions["2026-01"].Bytes, 2_000_000, 4_000_000);
        }

        foreach (var manifest in manifests)
        {
            await CountAsync(gold, manifest, 400_000);
            await gold.Engine.SettleAsync();
            Assert.InRange(gold.Engine.Remembered.Bytes, 1, 16 << 20);
        }

        Assert.InRange(await DatabasesAsync(gold), 1, 3);
        var read = gold.Store.SegmentsRead;
        await CountAsync(gold, manifests[5], 400_000);
        Assert.Equal(read, gold.Store.SegmentsRead);
        await CountAsync(gold, manifests[0], 400_000);
        Assert.Equal(read + manifests[0].Partitions["2026-01"].Segments.Length, gold.Store.SegmentsRead);
    }

    [Fact]
    public async Task ATableLargerThanTheCacheIsServedAllTheSame()
    {
        await using var gold = new GoldFixture(options => options.CacheMegabytes = 16);
        GoldManifest manifest = null!;
        for (var month = 1; month <= 5; month++)
        {
            manifest = (await gold.PublishAsync("t", null, $"2026-0{month}", $"SELECT DATE '2026-0{month}-01' AS bucket, hash(i + {month} * 1000000)::DOUBLE AS a FROM range(500000) t(i) ORDER BY bucket")).Manifest;
        }

        await CountAsync(gold, manifest, 2_500_000);
        await gold.Engine.SettleAsync();
        Assert.InRange(gold.Engine.Remembered.Bytes, 0, 16 << 20);
        await CountAsync(gold, manifest, 500_000, "2026-02");
        await gold.Engine.SettleAsync();
        await CountAsync(gold, manifest, 1_000_000, "2026-02", "2026-04");
        await gold.Engine.SettleAsync();
        Assert.InRange(gold.Engine.Remembered.Bytes, 1, 16 << 20);
    }

    [Fact]
    public async Task ReadersWritersAndForgettingAtOnceGiveWholeAnswers()
    {
        await using var gold = new GoldFixture(options => options.CacheMegabytes = 16);
        string[] versions = new string[4];
        for (var month = 1; month <= 4; month++)
        {
            versions[month - 1] = (await gold.PublishAsync("t", null, $"2026-0{month}", Noise(month, 100_000))).Manifest.Partitions[$"2026-0{month}"].Version;
        }

        var writer = Task.Run(async () =>
        {
            for (var flip = 0; flip < 12; flip++)
            {
                var month = (flip % 4) + 1;
                versions[month - 1] = (await gold.PublishAsync("t", null, $"2026-0{month}", Noise(month, 100_000 + (flip * 1000)), versions[month - 1])).Manifest.Partitions[$"2026-0{month}"].Version;
            }
        }, Cancel);
        var readers = Enumerable.Range(0, 3).Select(seed => Task.Run(async () =>
        {
            var random = new Random(seed);
            do
            {
                var manifest = await gold.Tables.GetManifestAsync("t", null, cancellationToken: Cancel);
                var some = manifest.Partitions.Values.Where(_ => random.Next(3) > 0).ToList();
                if (some.Count > 0)
                {
                    using var relation = await gold.Engine.AcquireAsync(manifest, some, Cancel);
                    Assert.Equal(some.Sum(partition => partition.Rows), await gold.ScalarAsync<long>(gold.Serving.Instance, $"SELECT count(a) FROM {relation.Sql}"));
                }
            }
            while (!writer.IsCompleted);
        }, Cancel));
        await Task.WhenAll([writer, .. readers]);
        await gold.Engine.SettleAsync();
        Assert.Equal(gold.Engine.Remembered.Tables, await DatabasesAsync(gold));

        static string Noise(int month, int rows) => $"SELECT DATE '2026-0{month}-01' AS bucket, hash(i + {month} * 1000000)::DOUBLE AS a FROM range({rows}) t(i) ORDER BY bucket";
    }

    [Fact]
    public async Task TemporaryFilesGoAndThoseOfDeadProcessesToo()
    {
        var gold = new GoldFixture();
        var parts = ProcessIdentity.Current.Split('/');
        string Folder(string owner) => Directory.CreateDirectory(Path.Combine(gold.TempPath, ProcessFolder.NameOf("gold", owner))).FullName;
        var (dead, living, elsewhere) = (Folder($"{parts[0]}/{parts[1]}/1"), Folder(ProcessIdentity.Current), Folder("other/1/1"));
        await File.WriteAllTextAsync(Path.Combine(dead, "left"), "half a segment", Cancel);

        var manifest = (await gold.PublishAsync("t", null, "2026-01", Month(1, 1, 500))).Manifest;
        await CountAsync(gold, manifest, 500);
        await gold.Engine.SettleAsync();
        Assert.Empty(Directory.EnumerateFiles(gold.TempPath, "*.parquet", SearchOption.AllDirectories));
        using (new GoldTempFolder(gold.Options))
        {
            Assert.False(Directory.Exists(dead));
            Assert.True(Directory.Exists(living));
            Assert.True(Directory.Exists(elsewhere));
            Assert.Equal(4, Directory.GetDirectories(gold.TempPath).Length);
        }

        await gold.DisposeAsync();
    }

    private static string Month(int month, int seed, int rows) =>
        $"""
        SELECT DATE '2026-{month:00}-01' + (i % 28)::INTEGER AS bucket, CASE WHEN i % 11 = 0 THEN NULL ELSE 'pays ''é' || (i % 5) END AS country,
            (i * {seed})::BIGINT AS visits, (i / 8)::DECIMAL(18,3) AS amount, (i / {seed}.5)::DOUBLE AS share, i % 2 = 0 AS ok
        FROM range({rows}) t(i) ORDER BY bucket, country
        """;

    private static async Task CountAsync(GoldFixture gold, GoldManifest manifest, long expected, params string[] periods)
    {
        using var relation = await gold.Engine.AcquireAsync(manifest, [.. manifest.Partitions.Values.Where(partition => periods.Length == 0 || periods.Contains(partition.Period))], Cancel);
        Assert.Equal(expected, await gold.ScalarAsync<long>(gold.Serving.Instance, $"SELECT count(*) FROM {relation.Sql}"));
    }

    private static async Task<long> DatabasesAsync(GoldFixture gold) =>
        await gold.ScalarAsync<long>(gold.Serving.Instance, "SELECT count(*) FROM duckdb_databases() WHERE database_name LIKE 'gold%'");
}
