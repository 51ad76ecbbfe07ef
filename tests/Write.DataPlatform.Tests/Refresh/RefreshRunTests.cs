using Write.DataPlatform.Gold;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Refresh;
using Write.DataPlatform.Tests.Gold;

namespace Write.DataPlatform.Tests.Refresh;

public class RefreshRunTests
{
    private const string Tenants = """
        tenants:
          - { name: acme, where: "{{ Dimension('visit__customer') }} = 'acme'" }
          - { name: bolt, where: "{{ Dimension('visit__customer') }} = 'bolt'" }
          - { name: none, where: "{{ Dimension('visit__customer') }} = 'nobody'" }

        """;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_first_run_builds_all_and_a_second_nothing()
    {
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync();
        var run = await worker.RunAsync();
        Assert.Equal((RunState.Succeeded, null), (run.State, run.Error));
        Assert.Equal(["2026-03", "2026-02", "2026-01"], run.Partitions.Select(p => p.Period));
        Assert.All(run.Partitions, p => Assert.Equal((RunPartitionState.Succeeded, 1), (p.State, p.Attempts)));
        Assert.Equal(world.Expected(), await worker.RowsAsync());
        Assert.Equal(world.Expected().Count, run.Partitions.Sum(p => p.Rows));
        var versions = await worker.VersionsAsync();

        var again = await worker.RunAsync();
        Assert.Equal((RunState.Succeeded, 0), (again.State, again.Partitions.Length));
        Assert.Equal(3, world.Lake.Exports);
        Assert.Equal(versions, await worker.VersionsAsync());
        Assert.Equal([again.Id, run.Id], await worker.Ledger.ListAsync(null, 10, Cancel).Select(r => r.Id).ToListAsync(Cancel));
    }

    [Fact]
    public async Task Partitions_carry_their_watermark_and_where_they_came_from()
    {
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync();
        var run = await worker.RunAsync();
        var manifest = await worker.Tables.GetManifestAsync(RefreshModel.Daily, null, fresh: true, Cancel);
        var last = (DateTime)world.Files.Read($"SELECT max(started_at) FROM read_parquet('{world.Files.Path}/visits/month=2026-02-01/*.parquet')")[0][0]!;
        var partition = manifest.Partitions["2026-02"];
        Assert.Equal(new DateTimeOffset(last, TimeSpan.Zero), partition.Watermark);
        Assert.Equal((run.Id, new DateOnly(2026, 2, 1), new DateOnly(2026, 3, 1)), (partition.RunId, partition.From, partition.To));
        Assert.NotNull(partition.LakeVersion);
        Assert.Equal(["2026-01"], manifest.Partitions.Values.Where(p => p.IsFirst).Select(p => p.Period));
        Assert.NotNull(partition.SourceQueryId);
    }

    [Fact]
    public async Task Late_rows_in_an_old_partition_refresh_that_one_alone()
    {
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync();
        await worker.RunAsync();
        var before = await worker.VersionsAsync();
        world.AddVisits("2026-01-01", 30, "PT");
        var run = await worker.RunAsync();
        Assert.Equal(["2026-01"], run.Partitions.Select(p => p.Period));
        var after = await worker.VersionsAsync();
        Assert.NotEqual(before["2026-01"], after["2026-01"]);
        Assert.Equal((before["2026-02"], before["2026-03"]), (after["2026-02"], after["2026-03"]));
        Assert.Equal(world.Expected(), await worker.RowsAsync());
    }

    [Fact]
    public async Task Events_before_the_first_partition_are_built_and_it_is_the_first_no_more()
    {
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync();
        await worker.RunAsync();
        world.AddVisits("2025-11-01", 10);
        Assert.Equal(["2026-01", "2025-12", "2025-11"], (await worker.RunAsync()).Partitions.Select(p => p.Period));
        var manifest = await worker.Tables.GetManifestAsync(RefreshModel.Daily, null, fresh: true, Cancel);
        Assert.Equal(["2025-11"], manifest.Partitions.Values.Where(p => p.IsFirst).Select(p => p.Period));
        Assert.Equal(world.Expected(), await worker.RowsAsync());
        Assert.Empty((await worker.RunAsync()).Partitions);
    }

    [Fact]
    public async Task A_partition_is_the_last_only_while_no_event_is_dated_after_it()
    {
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync();
        await worker.RunAsync();
        async Task<IEnumerable<string>> Last() =>
            (await worker.Tables.GetManifestAsync(RefreshModel.Daily, null, fresh: true, Cancel)).Partitions.Values.Where(p => p.IsLast).Select(p => p.Period);
        Assert.Equal(["2026-03"], await Last());

        world.AddVisits("2026-05-01", 10);
        Assert.Equal(["2026-03"], (await worker.RunAsync()).Partitions.Select(p => p.Period));
        Assert.Empty(await Last());
        Assert.Empty((await worker.RunAsync()).Partitions);
    }

    [Fact]
    public async Task Another_definition_refreshes_all_and_another_grain_leaves_nothing_behind()
    {
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync();
        await worker.RunAsync();
        world.Write(RefreshModel.Text(extra: ", where: \"{{ Dimension('visit__country') }} = 'FR'\""));
        Assert.Equal(3, (await worker.RunAsync()).Partitions.Length);
        Assert.Equal(world.Expected("country = 'FR'"), await worker.RowsAsync());

        world.Write(RefreshModel.Text(partition: "quarter"));
        Assert.Equal(["2026-Q1"], (await worker.RunAsync()).Partitions.Select(p => p.Period));
        Assert.Equal(["2026-Q1"], (await worker.VersionsAsync()).Keys);
        Assert.Equal(world.Expected(), await worker.RowsAsync());
    }

    [Theory]
    [InlineData("2026-02-10", "2026-02-11", false, "")]
    [InlineData("2026-02-10", "2026-02-11", true, "2026-02")]
    [InlineData(null, null, true, "2026-03,2026-02,2026-01")]
    public async Task Ranges_and_full(string? from, string? to, bool full, string expected)
    {
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync();
        await worker.RunAsync();
        world.Time.Advance(TimeSpan.FromMinutes(1));
        var run = await worker.RunAsync(new RefreshRange(from is null ? null : ScriptedLake.Date(from), to is null ? null : ScriptedLake.Date(to), full));
        Assert.Equal(expected, string.Join(',', run.Partitions.Where(p => p.State == RunPartitionState.Succeeded).Select(p => p.Period)));
    }

    [Fact]
    public async Task An_external_table_is_stored_by_tenant_and_only_by_tenant()
    {
        await using var world = new RefreshWorld(RefreshModel.Text(extra: ", audience: external", tenants: Tenants));
        var worker = await world.WorkerAsync();
        var run = await worker.RunAsync();
        Assert.Equal((null, RunState.Succeeded), (run.Partitions.FirstOrDefault(p => p.Error is not null)?.Error ?? run.Error, run.State));
        Assert.Equal(3, world.Lake.Exports);
        foreach (var tenant in new[] { "acme", "bolt" })
        {
            Assert.NotEmpty(world.Expected($"customer = '{tenant}'"));
            Assert.Equal(world.Expected($"customer = '{tenant}'"), await worker.RowsAsync(tenant));
        }

        Assert.Equal(["2026-01", "2026-02", "2026-03"], (await worker.VersionsAsync("none")).Keys.Order());
        Assert.Empty(await worker.RowsAsync("none"));
        Assert.Empty(await worker.VersionsAsync());
        Assert.Equal(["acme", "bolt", "none"], await worker.Tables.ListAsync(Cancel).Select(t => t.Tenant!).Order().ToListAsync(Cancel));

        // A tenant more: the others' rows stay as they are.
        var acme = await worker.VersionsAsync("acme");
        world.Write(RefreshModel.Text(extra: ", audience: external", tenants: Tenants.TrimEnd('\n') + "\n  - { name: late, where: \"{{ Dimension('visit__customer') }} = 'other'\" }\n"));
        await worker.RunAsync();
        Assert.Equal(world.Expected("customer = 'other'"), await worker.RowsAsync("late"));
        Assert.Equal(acme, await worker.VersionsAsync("acme"));
    }

    [Fact]
    public async Task Two_workers_at_once_refresh_each_partition_once()
    {
        await using var world = new RefreshWorld();
        var (one, two) = (await world.WorkerAsync(), await world.WorkerAsync());
        var bothIn = new TaskCompletionSource();
        var waiting = 0;
        world.Lake.BeforeExport = async (number, _, token) =>
        {
            // The first exports of both workers meet, so that they do run at once.
            if (Interlocked.Increment(ref waiting) >= 2)
            {
                bothIn.TrySetResult();
            }

            if (number <= 2)
            {
                await bothIn.Task.WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System, token);
            }
        };
        var runs = await Task.WhenAll(one.RunAsync(), two.RunAsync());
        Assert.All(runs, run => Assert.Equal(RunState.Succeeded, run.State));
        Assert.Equal(3, world.Lake.Exports);
        Assert.Equal(3, runs.Sum(run => run.Partitions.Count(p => p.State == RunPartitionState.Succeeded)));
        var manifest = await one.Tables.GetManifestAsync(RefreshModel.Daily, null, fresh: true, Cancel);
        Assert.Equal(3, manifest.Revision);
        Assert.Equal(world.Expected(), await two.RowsAsync());
    }

    [Fact]
    public async Task What_may_pass_is_tried_again()
    {
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync();
        world.Lake.BeforeExport = (number, _, _) => number is 1 or 2 ? throw new LakeException("The lake is away for a moment.", isTransient: true) : Task.CompletedTask;
        var failing = true;
        worker.Store.BeforePut = items =>
        {
            if (items.Any(i => i.Sk.StartsWith("seg#2026-01", StringComparison.Ordinal)) && failing)
            {
                failing = false;
                throw new GoldStoreException("The store is busy.", isTransient: true);
            }
        };
        var run = await worker.RunAsync();
        Assert.Equal(RunState.Succeeded, run.State);
        Assert.Equal(6, run.Partitions.Sum(p => p.Attempts));
        Assert.All(run.Partitions, p => Assert.Null(p.Error));
        Assert.Equal(world.Expected(), await worker.RowsAsync());
    }

    [Fact]
    public async Task What_does_not_pass_fails_its_partition_and_the_others_go_on()
    {
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync();
        await worker.RunAsync();
        var before = await worker.VersionsAsync();
        var broken = world.Files.WriteText("visits/month=2026-02-01/broken.parquet", "no parquet");
        world.AddVisits("2026-01-01", 5);
        world.AddVisits("2026-03-01", 5);
        var run = await worker.RunAsync();
        Assert.Equal(RunState.Failed, run.State);
        var failed = run.Partitions.Single(p => p.State == RunPartitionState.Failed);
        Assert.Equal(("2026-02", 1), (failed.Period, failed.Attempts));
        Assert.Contains("broken.parquet", failed.Error, StringComparison.Ordinal);
        Assert.False((await worker.Tables.GetManifestAsync(RefreshModel.Daily, null, fresh: true, Cancel)).Partitions["2026-01"].IsFirst, "Nobody could see whether there is anything before.");
        var after = await worker.VersionsAsync();
        Assert.Equal(["2026-01", "2026-03"], after.Keys.Where(p => after[p] != before[p]).Order());

        File.Delete(broken);
        world.AddVisits("2026-02-01", 5);
        var healed = await worker.RunAsync();
        Assert.Equal(RunState.Succeeded, healed.State);
        Assert.Equal(["2026-03", "2026-02", "2026-01"], healed.Partitions.Select(p => p.Period));
        var live = (await worker.Tables.GetManifestAsync(RefreshModel.Daily, null, fresh: true, Cancel)).Partitions;
        Assert.Equal((true, true), (live["2026-01"].IsFirst, live["2026-03"].IsLast));
        Assert.Equal(world.Expected(), await worker.RowsAsync());
    }

    [Fact]
    public async Task A_lake_that_is_down_ends_the_run_soon()
    {
        await using var world = new RefreshWorld(RefreshModel.Text(partition: "day"));
        var worker = await world.WorkerAsync(options => options.MaxPartitions = 1);
        world.Lake.BeforeExport = (_, _, _) => throw new LakeException("The lake is down.", isTransient: true);
        var run = await worker.RunAsync();
        Assert.Equal(RunState.Failed, run.State);
        Assert.Equal(9, world.Lake.Exports);
        Assert.Equal(3, run.Partitions.Count(p => p.State == RunPartitionState.Failed));
        Assert.Contains("given up", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("SELECT * REPLACE (NULL::DATE AS bucket)", "null or outside")]
    [InlineData("SELECT * REPLACE (bucket + 400 AS bucket)", "null or outside")]
    [InlineData("SELECT DISTINCT * REPLACE (DATE '2026-01-01' + 31 * (month(bucket)::INT - 1) AS bucket, 1::BIGINT AS seconds__sum)", "more than once")]
    public async Task Rows_that_would_be_counted_wrong_are_not_stored(string select, string error)
    {
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync();
        world.Lake.AfterExport = export =>
        {
            var file = export.Files[0] + ".changed.parquet";
            world.Files.Write(file, $"{select} FROM read_parquet('{export.Files[0]}')");
            return export with { Files = [file] };
        };
        var run = await worker.RunAsync();
        Assert.Equal(RunState.Failed, run.State);
        Assert.All(run.Partitions, p => Assert.Equal((RunPartitionState.Failed, 1), (p.State, p.Attempts)));
        Assert.Contains(error, run.Partitions[0].Error, StringComparison.Ordinal);
        Assert.Empty(await worker.VersionsAsync());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_run_is_stopped_by_a_user_or_a_shutdown_and_its_finished_partitions_stay(bool byUser)
    {
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync(options => options.MaxPartitions = 1);
        using var shutdown = new CancellationTokenSource();
        world.Lake.BeforeExport = async (number, _, token) =>
        {
            if (number == 2)
            {
                if (byUser)
                {
                    // From another process, by the ledger alone.
                    var other = await world.WorkerAsync();
                    await other.Ledger.RequestCancelAsync((await other.Ledger.ListAsync(null, 1, Cancel).SingleAsync(Cancel)).Id, Cancel);
                }
                else
                {
                    await shutdown.CancelAsync();
                }

                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
            }
        };
        var run = await worker.RunAsync(shutdown: shutdown);
        Assert.Equal(byUser ? RunState.Cancelled : RunState.Interrupted, run.State);
        Assert.Equal(run.State, (await worker.Ledger.GetAsync(run.Id, Cancel))!.State);
        Assert.Equal(["2026-03"], (await worker.VersionsAsync()).Keys);

        // Nothing is held: another goes on at once, with what is missing.
        var next = await (await world.WorkerAsync()).RunAsync();
        Assert.Equal(["2026-02", "2026-01"], next.Partitions.Select(p => p.Period));
        Assert.Equal(RunState.Succeeded, next.State);
    }

    [Fact]
    public async Task After_a_worker_died_the_next_goes_on_where_it_was()
    {
        await using var world = new RefreshWorld();
        var dead = await world.WorkerAsync(options => options.MaxPartitions = 1);
        world.Lake.BeforeExport = async (number, _, token) =>
        {
            if (number == 2)
            {
                dead.Store.IsDead = true;
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
            }
        };
        var lost = await dead.RunAsync();
        Assert.Equal(RunState.Interrupted, lost.State);

        var worker = await world.WorkerAsync();
        Assert.Equal(RunState.Running, (await worker.Ledger.GetAsync(lost.Id, Cancel))!.State);
        var march = (await worker.VersionsAsync())["2026-03"];
        var run = await worker.RunAsync();
        Assert.Equal((RunState.Succeeded, 2), (run.State, run.Partitions.Length));
        Assert.Equal(march, (await worker.VersionsAsync())["2026-03"]);
        Assert.Equal(world.Expected(), await worker.RowsAsync());
        await worker.RunAsync();
        Assert.Equal(RunState.Interrupted, (await worker.Ledger.GetAsync(lost.Id, Cancel))!.State);
    }

    [Theory]
    [InlineData(nameof(RunTrigger.Manual))]
    [InlineData(nameof(RunTrigger.Startup))]
    [InlineData(nameof(RunTrigger.Schedule))]
    public async Task An_interrupted_full_refresh_is_gone_on_with(string by)
    {
        var trigger = Enum.Parse<RunTrigger>(by);
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync(options => options.MaxPartitions = 1);
        await worker.RunAsync();
        world.Time.Advance(TimeSpan.FromMinutes(1));
        using var shutdown = new CancellationTokenSource();
        world.Lake.BeforeExport = (number, _, _) => number == 5 ? shutdown.CancelAsync() : Task.CompletedTask;
        var first = await worker.RunAsync(new RefreshRange(Full: true), shutdown: shutdown);
        Assert.Equal(RunState.Interrupted, first.State);
        world.Time.Advance(TimeSpan.FromMinutes(1));
        var second = await worker.RunAsync(new RefreshRange(Full: trigger == RunTrigger.Manual), trigger: trigger);
        Assert.Equal((first.Basis, true, RunState.Succeeded), (second.Basis, second.Full, second.State));
        Assert.Equal(["2026-02", "2026-01"], second.Partitions.Select(p => p.Period));
        world.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(3, (await worker.RunAsync(new RefreshRange(Full: true))).Partitions.Length);
    }

    [Fact]
    public async Task A_full_disk_leaves_the_old_rows_and_the_next_run_heals()
    {
        // Rows that do not compress, in a file of 1 MB.
        await using var world = new RefreshWorld(RefreshModel.Text(groupBy: "[visit__country, visit]"), maxPages: 64);
        for (var file = 0; file < 3; file++)
        {
            world.Files.Write($"visits/month=2026-02-01/big-{file}.parquet", $"SELECT hash(i) % 1000000000000 AS id, TIMESTAMP '2026-02-03' AS started_at, md5(CAST(i AS VARCHAR)) AS country, 'acme' AS customer, 1 AS seconds, 's1' AS show_id FROM range({file * 30000}, {(file + 1) * 30000}) AS t(i)");
        }

        var worker = await world.WorkerAsync();
        var run = await worker.RunAsync();
        Assert.Equal(RunState.Failed, run.State);
        var failed = run.Partitions.Single(p => p.State == RunPartitionState.Failed);
        Assert.Equal("2026-02", failed.Period);
        Assert.Contains("space", failed.Error, StringComparison.Ordinal);
        Assert.Equal(["2026-01", "2026-03"], (await worker.VersionsAsync()).Keys.Order());

        foreach (var big in Directory.GetFiles(world.Files.Path, "big-*", SearchOption.AllDirectories))
        {
            File.Delete(big);
        }

        Assert.Equal(RunState.Succeeded, (await worker.RunAsync()).State);
        Assert.Equal(3, (await worker.VersionsAsync()).Count);
    }

    [Fact]
    public async Task A_joined_table_that_changes_refreshes_all()
    {
        await using var world = new RefreshWorld(RefreshModel.Text(groupBy: "[show__genre]"));
        world.Files.Write("shows.parquet", "SELECT 's' || i AS show_id, ['news', 'drama'][1 + i % 2] AS genre FROM range(4) AS t(i)");
        var worker = await world.WorkerAsync();
        await worker.RunAsync();
        List<object?[]> Expected() => world.Files.Read(
            $"SELECT CAST(started_at AS DATE), genre, count(*) FROM read_parquet('{world.Files.Path}/visits/**/*.parquet') LEFT JOIN read_parquet('{world.Files.Path}/shows.parquet') USING (show_id) GROUP BY ALL ORDER BY ALL");
        Assert.Equal(Expected(), await worker.RowsAsync(columns: "bucket, show__genre, visits__count"));
        world.Files.Write("shows.parquet", "SELECT 's' || i AS show_id, 'comedy' AS genre FROM range(3) AS t(i)");
        Assert.Equal(3, (await worker.RunAsync()).Partitions.Length);
        Assert.Equal(Expected(), await worker.RowsAsync(columns: "bucket, show__genre, visits__count"));
    }

    [Fact]
    public async Task Started_runs_come_back_at_once_and_are_found_in_the_ledger()
    {
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync();
        var gate = new TaskCompletionSource();
        world.Lake.BeforeExport = (_, _, token) => gate.Task.WaitAsync(token);
        var started = await worker.Service.StartAsync(RefreshModel.Daily, new RefreshRange(), Cancel);
        Assert.False((await worker.Ledger.GetAsync(started.Id, Cancel))!.IsOver);
        gate.SetResult();
        Assert.Equal(RunState.Succeeded, await world.PassTimeAsync(EndAsync(worker, started.Id)));
        await Assert.ThrowsAsync<RefreshException>(() => worker.Service.StartAsync("nothing", new RefreshRange(), Cancel));
    }

    [Fact]
    public async Task A_service_that_is_disposed_interrupts_what_it_began()
    {
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync();
        var inside = new TaskCompletionSource();
        world.Lake.BeforeExport = async (_, _, token) =>
        {
            inside.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
        };
        var started = await worker.Service.StartAsync(RefreshModel.Daily, new RefreshRange(), Cancel);
        await inside.Task.WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System, Cancel);
        await worker.Service.DisposeAsync();
        Assert.Equal(RunState.Interrupted, (await worker.Ledger.GetAsync(started.Id, Cancel))!.State);
    }

    [Fact]
    public async Task Progress_tells_every_partition()
    {
        await using var world = new RefreshWorld();
        var worker = await world.WorkerAsync();
        var told = new Told();
        await world.PassTimeAsync(worker.Service.RunAsync(RefreshModel.Daily, new RefreshRange(), RunTrigger.Manual, told, Cancel));
        Assert.Equal((3, 3, 0), (told.Last!.Done, told.Last.Total, told.Last.Failed));
        Assert.Equal(world.Expected().Count, told.Last.Rows);
    }

    private static async Task<RunState> EndAsync(RefreshWorker worker, string id)
    {
        while (true)
        {
            if (await worker.Ledger.GetAsync(id, Cancel) is { IsOver: true } run)
            {
                return run.State;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Cancel);
        }
    }

    private sealed class Told : IProgress<RefreshProgress>
    {
        public RefreshProgress? Last { get; private set; }

        public void Report(RefreshProgress value) => Last = value;
    }
}

/// <summary>The same on DynamoDB.</summary>
public sealed class DynamoDbRefreshRunTests : RefreshRunTests, IOnDynamoDb;
