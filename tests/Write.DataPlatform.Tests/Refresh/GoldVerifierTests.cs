using Write.DataPlatform.Gold;
using Write.DataPlatform.Refresh;
using Write.DataPlatform.Tests.Gold;
using Write.DataPlatform.Tests.Query;

namespace Write.DataPlatform.Tests.Refresh;

/// <summary>Stored partitions are replaced by hand-made ones that claim to be as good, and exactly what was changed is found.</summary>
public class GoldVerifierTests
{
    private const string Tenants = """
        tenants:
          - { name: acme, where: "{{ Dimension('visit__customer') }} = 'acme'" }
          - { name: bolt, where: "{{ Dimension('visit__customer') }} = 'bolt'" }

        """;

    /// <summary>A sum that is NaN on some days, infinite on others and a fraction on the rest.</summary>
    private static readonly string Fractions = RefreshModel.Text().Replace(
        "{ name: seconds, agg: sum }",
        "{ name: seconds, agg: sum, expr: \"CASE WHEN seconds = 7 THEN 'nan'::DOUBLE WHEN day(started_at) = 9 THEN 'inf'::DOUBLE ELSE seconds / 7e0 END\" }",
        StringComparison.Ordinal);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_was_refreshed_equals_the_lake()
    {
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync();
        Assert.All((await VerifyAsync(worker)).Partitions, p => Assert.Equal(VerifiedState.Missing, p.State));
        await worker.RunAsync();
        var found = await VerifyAsync(worker);
        Assert.True(found.IsGood);
        Assert.Equal(["2026-01", "2026-02", "2026-03"], found.Partitions.Select(p => p.Period));
        Assert.All(found.Partitions, p => Assert.Equal((VerifiedState.Equal, 0L), (p.State, p.Differences)));
        Assert.Equal(world.Expected().Count, found.Partitions.Sum(p => p.Rows));
        Assert.Empty(found.Differences);
    }

    [Fact]
    public async Task One_changed_cell_is_the_one_that_is_reported()
    {
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync();
        await worker.RunAsync();
        await ReplaceAsync(worker, "2026-02", "SELECT * REPLACE (CASE WHEN bucket = DATE '2026-02-03' AND visit__country IS NULL THEN 999 ELSE visits__count END AS visits__count) FROM stored");
        var lake = world.Files.Read($"SELECT count(*) FROM read_parquet('{world.Files.Path}/visits/**/*.parquet') WHERE started_at::DATE = DATE '2026-02-03' AND country IS NULL")[0][0]!;

        var found = await VerifyAsync(worker);
        Assert.False(found.IsGood);
        var difference = Assert.Single(found.Differences);
        Assert.Equal((null, "2026-02", "visits__count", "999", $"{lake}"), (difference.Tenant, difference.Period, difference.Column, difference.Gold, difference.Lake));
        Assert.Equal([new KeyCell("bucket", "2026-02-03"), new KeyCell("visit__country", null)], difference.Key);
        Assert.Equal(
            [("2026-01", VerifiedState.Equal, 0), ("2026-02", VerifiedState.Differs, 1), ("2026-03", VerifiedState.Equal, 0)],
            found.Partitions.Select(p => (p.Period, p.State, (int)p.Differences)));

        Assert.True((await VerifyAsync(worker, "2026-03-01", "2026-03-10")).IsGood);
        Assert.False((await VerifyAsync(worker, "2026-02-28", "2026-03-01")).IsGood);
    }

    [Fact]
    public async Task Sketches_are_compared_and_told_as_what_they_estimate()
    {
        await using var world = new RefreshWorld(RefreshModel.Text().Replace("{ name: seconds, agg: sum }", "{ name: seconds, agg: approx_count_distinct, expr: id }", StringComparison.Ordinal));
        var worker = await world.WorkerAsync();
        await worker.RunAsync();
        Assert.True((await VerifyAsync(worker)).IsGood);
        await ReplaceAsync(worker, "2026-02", "SELECT * REPLACE (CASE WHEN bucket = DATE '2026-02-03' AND visit__country IS NULL THEN '65,130' ELSE seconds__sketch END AS seconds__sketch) FROM stored");
        var ids = world.Files.Read($"SELECT DISTINCT id FROM read_parquet('{world.Files.Path}/visits/**/*.parquet') WHERE started_at::DATE = DATE '2026-02-03' AND country IS NULL").Select(r => r[0]!);

        var difference = Assert.Single((await VerifyAsync(worker)).Differences);
        Assert.Equal("seconds__sketch", difference.Column);
        Assert.Matches("^2 ~[0-9a-f]{8}$", difference.Gold);
        Assert.Matches($"^{new OracleSketch(ids).Estimate()} ~[0-9a-f]{{8}}$", difference.Lake);
    }

    [Fact]
    public async Task Rows_too_few_too_many_and_twice_are_rows_of_one_side()
    {
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync();
        await worker.RunAsync();
        await ReplaceAsync(worker, "2026-01", "SELECT * FROM stored WHERE (bucket = DATE '2026-01-04' AND visit__country = 'FR') IS NOT TRUE");
        await ReplaceAsync(worker, "2026-02", "SELECT * FROM stored UNION ALL SELECT * REPLACE ('XX' AS visit__country) FROM stored WHERE bucket = DATE '2026-02-05' AND visit__country = 'DE'");
        await ReplaceAsync(worker, "2026-03", "SELECT * FROM stored UNION ALL FROM stored WHERE bucket = DATE '2026-03-06' AND visit__country IS NULL");
        var found = await VerifyAsync(worker);
        Assert.Equal(
            [
                ("2026-01-04", "FR", null, null, "row"),
                ("2026-02-05", "XX", null, "row", null),
                ("2026-03-06", null, null, "row", null),
            ],
            found.Differences.Select(d => (d.Key[0].Value, d.Key[1].Value, d.Column, d.Gold, d.Lake)));
    }

    [Theory]
    [InlineData("seconds__sum * (1 + 1e-12)", false)]
    [InlineData("seconds__sum * (1 + 1e-6)", true)]
    [InlineData("'nan'::DOUBLE", true)]
    [InlineData("'inf'::DOUBLE", true)]
    [InlineData("NULL", true)]
    public async Task Doubles_may_differ_in_their_last_digits_only(string changed, bool differs)
    {
        await using var world = new RefreshWorld(Fractions);
        var worker = await world.WorkerAsync();
        await worker.RunAsync();
        var sums = (await worker.RowsAsync()).Select(r => (double)r[3]!).ToList();
        Assert.Contains(sums, double.IsNaN);
        Assert.Contains(sums, double.IsPositiveInfinity);
        Assert.True((await VerifyAsync(worker)).IsGood);

        var finite = (await worker.RowsAsync()).First(r => double.IsFinite((double)r[3]!) && (double)r[3]! > 0 && r[1] is string);
        await ReplaceAsync(
            worker, $"{finite[0]:yyyy-MM}", $"SELECT * REPLACE (CASE WHEN bucket = DATE '{finite[0]:yyyy-MM-dd}' AND visit__country = '{finite[1]}' THEN {changed} ELSE seconds__sum END AS seconds__sum) FROM stored");
        var found = await VerifyAsync(worker);
        Assert.Equal(differs ? ["seconds__sum"] : [], found.Differences.Select(d => d.Column));
    }

    [Theory]
    [InlineData("isnan(seconds__sum)", "5")]
    [InlineData("isinf(seconds__sum)", "1e308")]
    [InlineData("isinf(seconds__sum)", "'-inf'::DOUBLE")]
    public async Task What_is_no_finite_number_in_the_lake_is_none_in_gold(string where, string changed)
    {
        await using var world = new RefreshWorld(Fractions);
        var worker = await world.WorkerAsync();
        await worker.RunAsync();
        var expected = (await worker.RowsAsync(columns: $"bucket, {where}")).Count(r => (bool)r[1]! && ((DateOnly)r[0]!).Month == 1);
        await ReplaceAsync(worker, "2026-01", $"SELECT * REPLACE (CASE WHEN {where} THEN {changed} ELSE seconds__sum END AS seconds__sum) FROM stored");
        Assert.NotEqual(0, expected);
        Assert.Equal(expected, (await VerifyAsync(worker)).DifferenceCount);
    }

    [Fact]
    public async Task What_the_next_refresh_replaces_is_stale_and_not_different()
    {
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync();
        await worker.RunAsync();
        world.AddVisits("2026-01-01", 30, "PT");
        var found = await VerifyAsync(worker);
        Assert.True(found.IsGood);
        Assert.Equal([(VerifiedState.Stale, "lakeChanged"), (VerifiedState.Equal, null), (VerifiedState.Equal, null)], found.Partitions.Select(p => (p.State, p.Reason)));

        world.Write(RefreshModel.Text(extra: ", where: \"{{ Dimension('visit__country') }} = 'FR'\""));
        found = await VerifyAsync(worker);
        Assert.All(found.Partitions, p => Assert.Equal((VerifiedState.Stale, "definition"), (p.State, p.Reason)));

        world.Write(RefreshModel.Text(partition: "quarter"));
        found = await VerifyAsync(worker);
        Assert.Equal(["removed", "removed", "removed"], found.Partitions.Where(p => p.State == VerifiedState.Stale).Select(p => p.Reason));
        Assert.Equal("2026-Q1", Assert.Single(found.Partitions, p => p.State == VerifiedState.Missing).Period);
    }

    /// <summary>What the lake remembers of its files is as old as it may be, and proves nothing.</summary>
    [Fact]
    public async Task What_came_since_the_files_were_listed_is_no_difference()
    {
        await using var world = new RefreshWorld(scanInterval: TimeSpan.FromHours(1));
        var worker = await world.WorkerAsync();
        await worker.RunAsync();
        world.AddVisits("2026-01-01", 30, "PT");
        var found = await VerifyAsync(worker);
        Assert.Empty(found.Differences);
        Assert.Equal([(VerifiedState.Stale, "lakeChanged"), (VerifiedState.Equal, null), (VerifiedState.Equal, null)], found.Partitions.Select(p => (p.State, p.Reason)));
    }

    [Fact]
    public async Task Each_tenant_is_compared_with_its_own_rows()
    {
        await using var world = new RefreshWorld(RefreshModel.Text(extra: ", audience: external", tenants: Tenants));
        var worker = await world.WorkerAsync();
        await worker.RunAsync();
        Assert.True((await VerifyAsync(worker)).IsGood);
        await ReplaceAsync(worker, "2026-02", "SELECT * REPLACE (seconds__sum + (bucket = DATE '2026-02-02')::INT AS seconds__sum) FROM stored", "bolt");
        var wanted = world.Expected("customer = 'bolt' AND started_at::DATE = DATE '2026-02-02'");
        var found = await VerifyAsync(worker);
        Assert.NotEmpty(wanted);
        Assert.Equal(
            wanted.Select(r => ("bolt", r[1] as string, "seconds__sum", $"{(long)r[3]! + 1}", $"{r[3]}")),
            found.Differences.Select(d => (d.Tenant!, d.Key[1].Value, d.Column!, d.Gold!, d.Lake!)));
        Assert.Equal([("bolt", "2026-02")], found.Partitions.Where(p => p.State == VerifiedState.Differs).Select(p => (p.Tenant!, p.Period)));
    }

    [Fact]
    public async Task A_hundred_differences_are_listed_and_all_are_counted()
    {
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync();
        await worker.RunAsync();
        foreach (var period in new[] { "2026-01", "2026-02", "2026-03" })
        {
            await ReplaceAsync(worker, period, "SELECT * REPLACE (visits__count + 1 AS visits__count, seconds__sum - 1 AS seconds__sum) FROM stored");
        }

        var found = await VerifyAsync(worker);
        Assert.Equal(2 * world.Expected().Count, found.DifferenceCount);
        Assert.InRange(found.DifferenceCount, GoldVerifier.MaxListed + 1, int.MaxValue);
        Assert.Equal(GoldVerifier.MaxListed, found.Differences.Length);
    }

    [Fact]
    public async Task Other_columns_are_named_and_a_damaged_partition_hides_no_other()
    {
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync();
        await worker.RunAsync();
        await ReplaceAsync(worker, "2026-01", "SELECT * EXCLUDE (seconds__sum), seconds__sum::DOUBLE AS seconds__sum FROM stored");
        var version = (await worker.VersionsAsync())["2026-02"];
        await worker.Store.DeleteAsync(GoldKeys.SegmentTable(RefreshModel.Daily, null), [GoldKeys.Segment("2026-02", version, 0)], Cancel);
        var found = await VerifyAsync(worker);
        Assert.Equal([VerifiedState.Differs, VerifiedState.Damaged, VerifiedState.Equal], found.Partitions.Select(p => p.State));
        Assert.Contains("damaged", found.Partitions[1].Reason, StringComparison.Ordinal);
        Assert.Equal(("seconds__sum", "DOUBLE", "BIGINT"), found.Differences.Select(d => (d.Column!, d.Gold!, d.Lake!)).Single());
        Assert.False(found.IsGood);
    }

    [Fact]
    public async Task An_unknown_table_is_refused()
    {
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync();
        await Assert.ThrowsAsync<RefreshException>(() => worker.Verifier.VerifyAsync("visits_yearly", new RefreshRange(), cancellationToken: Cancel));
    }

    private static Task<GoldVerification> VerifyAsync(RefreshWorker worker, string? from = null, string? to = null) =>
        worker.Verifier.VerifyAsync(
            RefreshModel.Daily, new RefreshRange(from is null ? null : ScriptedLake.Date(from), to is null ? null : ScriptedLake.Date(to)), cancellationToken: Cancel);

    /// <summary>Stores other rows in a partition's place, with all that the manifest says of the present ones.</summary>
    private static async Task ReplaceAsync(RefreshWorker worker, string period, string select, string? tenant = null)
    {
        var manifest = await worker.Tables.GetManifestAsync(RefreshModel.Daily, tenant, fresh: true, Cancel);
        var live = manifest.Partitions[period];
        using var folder = new TempFolder();
        var (before, after) = (folder.File("before.parquet"), folder.File("after.parquet"));
        await foreach (var stored in worker.Tables.GetSegmentsAsync(manifest, [live], Cancel))
        {
            await File.WriteAllBytesAsync(before, Assert.Single(stored.Segments), Cancel);
        }

        await using var duckDb = new Write.DataPlatform.DuckDb.DuckDbInstance(new() { Threads = 1 });
        await using var session = await duckDb.OpenAsync(Cancel);
        var rows = $"SELECT * FROM ({select.Replace("stored", $"read_parquet('{before}')", StringComparison.Ordinal)}) ORDER BY bucket";
        Assert.NotEqual(0, await session.ExecuteAsync($"COPY ({rows}) TO '{after}'", Cancel));
        var segment = live.Segments[0];
        var draft = new GoldPartitionDraft
        {
            Period = period,
            From = live.From,
            To = live.To,
            DefinitionHash = live.DefinitionHash,
            LakeVersion = live.LakeVersion,
            Watermark = live.Watermark,
            RefreshedAt = live.RefreshedAt,
            RunId = live.RunId,
            IsFirst = live.IsFirst,
            IsLast = live.IsLast,
            Segments = [new SegmentFile(after, segment.Rows, (int)new FileInfo(after).Length, segment.MinTime, segment.MaxTime)],
        };
        Assert.True((await worker.Tables.PublishAsync(RefreshModel.Daily, tenant, draft, live.Version, Cancel)).Published);
    }
}

/// <summary>The same on DynamoDB.</summary>
public sealed class DynamoDbGoldVerifierTests : GoldVerifierTests, IOnDynamoDb;
