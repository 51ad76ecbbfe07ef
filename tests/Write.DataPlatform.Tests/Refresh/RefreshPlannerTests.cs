using System.Collections.Immutable;
using System.Globalization;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Refresh;

namespace Write.DataPlatform.Tests.Refresh;

public sealed class RefreshPlannerTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly ScriptedLake _lake = new() { First = new DateTime(2026, 1, 10, 0, 0, 0, DateTimeKind.Utc) };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("2026-02-14", TimeGrain.Year, DayOfWeek.Monday, 1, "2026", "2026-01-01", "2027-01-01")]
    [InlineData("2026-12-31", TimeGrain.Quarter, DayOfWeek.Monday, 1, "2026-Q4", "2026-10-01", "2027-01-01")]
    [InlineData("2024-02-29", TimeGrain.Month, DayOfWeek.Monday, 1, "2024-02", "2024-02-01", "2024-03-01")]
    [InlineData("2026-01-01", TimeGrain.Week, DayOfWeek.Monday, 1, "2025-12-29", "2025-12-29", "2026-01-05")]
    [InlineData("2026-01-04", TimeGrain.Week, DayOfWeek.Sunday, 1, "2026-01-04", "2026-01-04", "2026-01-11")]
    [InlineData("2026-03-29", TimeGrain.Day, DayOfWeek.Monday, 1, "2026-03-29", "2026-03-29", "2026-03-30")]
    [InlineData("2026-03-29", TimeGrain.Hour, DayOfWeek.Monday, 1, "2026-03-29", "2026-03-29", "2026-03-30")]
    [InlineData("2026-01-31", TimeGrain.Year, DayOfWeek.Monday, 4, "2025", "2025-04-01", "2026-04-01")]
    [InlineData("2026-04-30", TimeGrain.Quarter, DayOfWeek.Monday, 2, "2026-Q1", "2026-02-01", "2026-05-01")]
    [InlineData("2026-01-31", TimeGrain.Quarter, DayOfWeek.Monday, 12, "2025-Q4", "2025-12-01", "2026-03-01")]
    public void Periods_are_named_by_their_start(string date, TimeGrain grain, DayOfWeek weekStart, int yearStart, string name, string from, string to) =>
        Assert.Equal(new PartitionPeriod(name, ScriptedLake.Date(from), ScriptedLake.Date(to)), PartitionPeriod.Containing(ScriptedLake.Date(date), grain, new ModelCalendar(weekStart, yearStart)));

    [Theory]
    [InlineData("UTC", "2026-01-31T23:30:00Z", "2025-12-31T23:30:00", "2025-12,2026-01")]
    [InlineData("Europe/Berlin", "2026-01-31T23:30:00Z", "2025-12-31T23:30:00", "2026-01,2026-02")] // both are already in the next month there
    [InlineData("America/New_York", "2026-03-01T04:59:59Z", "2026-01-01T04:59:59", "2025-12,2026-01,2026-02")]
    [InlineData("Asia/Kolkata", "2026-01-31T18:30:00Z", "2026-01-31T18:29:59", "2026-01,2026-02")]
    public async Task Periods_reach_from_the_first_event_to_now_on_the_tables_clock(string zone, string now, string first, string expected)
    {
        _time.SetUtcNow(DateTimeOffset.Parse(now, CultureInfo.InvariantCulture));
        _lake.First = DateTime.SpecifyKind(DateTime.Parse(first, CultureInfo.InvariantCulture), DateTimeKind.Utc);
        var plan = await PlanAsync(RefreshModel.Load(zone));
        Assert.Equal(expected, string.Join(',', plan.Periods.Select(p => p.Name)));
        Assert.Equal(plan.Periods, plan.Stale.Select(p => p.Period));
        Assert.All(plan.Stale, p => Assert.Equal(RefreshReason.Missing, p.Reason));
    }

    [Fact]
    public async Task A_lake_without_events_or_with_events_of_the_future_alone_has_no_periods()
    {
        Now("2026-03-15");
        _lake.First = null;
        Assert.Empty((await PlanAsync(RefreshModel.Load())).Periods);
        _lake.First = new DateTime(2026, 4, 1, 0, 0, 0, DateTimeKind.Utc);
        Assert.Empty((await PlanAsync(RefreshModel.Load(partition: "day"))).Periods);
    }

    [Fact]
    public async Task The_tables_own_start_counts_before_the_lakes()
    {
        Now("2026-03-15");
        var plan = await PlanAsync(RefreshModel.Load(extra: ", from: 2026-02-10"));
        Assert.Equal(["2026-02", "2026-03"], plan.Periods.Select(p => p.Name));
        Assert.Equal(0, _lake.Queries);
    }

    [Fact]
    public async Task A_wrong_time_in_the_lake_does_not_build_partitions_without_end()
    {
        Now("2026-03-15");
        _lake.First = new DateTime(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        var error = await Assert.ThrowsAsync<RefreshException>(() => PlanAsync(RefreshModel.Load(partition: "day")));
        Assert.Contains("1970-01-01", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("2026-01-01", "2026-02-01", "2026-01")]
    [InlineData("2026-01-31", "2026-02-02", "2026-01,2026-02")]
    [InlineData(null, "2026-02-01", "2026-01")]
    [InlineData("2026-02-28", null, "2026-02,2026-03")]
    [InlineData("2027-01-01", null, "")]
    public async Task A_range_takes_the_periods_that_it_touches(string? from, string? to, string expected)
    {
        Now("2026-03-15");
        var range = new RefreshRange(from is null ? null : ScriptedLake.Date(from), to is null ? null : ScriptedLake.Date(to));
        Assert.Equal(expected, string.Join(',', (await PlanAsync(RefreshModel.Load(), range)).Stale.Select(p => p.Period.Name)));
    }

    [Theory]
    // Refreshed at, with a look-back of three days: good once it was read three days after its end, or by this run.
    [InlineData("2026-03-04T00:00:00Z", "2026-03-15", null)]
    [InlineData("2026-03-03T23:59:59Z", "2026-03-15", nameof(RefreshReason.LookBack))] // a worker that was off for days catches up
    [InlineData("2026-02-27T00:00:00Z", "2026-02-27", nameof(RefreshReason.LookBack))]
    public async Task Without_versions_a_partition_is_good_once_late_events_are_over(string refreshedAt, string now, string? expected)
    {
        Now(now);
        var model = RefreshModel.Load(extra: ", refresh: { cron: '0 * * * *', look_back: 3d }");
        var definition = RefreshModel.Definition(model);
        var plan = await PlanAsync(model, null, null, Live(definition, "2026-01", "2026-04-01"), Live(definition, "2026-02", refreshedAt));
        Assert.Equal(expected, plan.Stale.SingleOrDefault(p => p.Period.Name == "2026-02")?.Reason.ToString());
        Assert.DoesNotContain(plan.Stale, p => p.Period.Name == "2026-01");
    }

    [Fact]
    public async Task What_the_run_itself_has_read_is_done()
    {
        Now("2026-03-15");
        var model = RefreshModel.Load(extra: ", refresh: { cron: '0 * * * *', look_back: 60d }");
        var definition = RefreshModel.Definition(model);
        GoldPartition[] live = [Live(definition, "2026-01", "2026-03-14T10:00:00Z"), Live(definition, "2026-02", "2026-03-14T12:00:00Z"), Live(definition, "2026-03", "2026-03-14T12:00:00Z")];
        var basis = DateTimeOffset.Parse("2026-03-14T11:00:00Z", CultureInfo.InvariantCulture);
        Assert.Equal(["2026-01"], (await PlanAsync(model, null, basis, live)).Stale.Select(p => p.Period.Name));
        var full = (await PlanAsync(model, new RefreshRange(Full: true), basis, live)).Stale.Single();
        Assert.Equal(("2026-01", RefreshReason.Full), (full.Period.Name, full.Reason));
        Assert.Equal(3, (await PlanAsync(model, new RefreshRange(Full: true), null, live)).Stale.Length);

        // A run that goes on with another one reads again what is still awaited since that one began.
        var resumed = await new RefreshPlanner(_lake, Options.Create(new RefreshOptions()), _time).PlanAsync(definition, [Manifest(null, live)], new RefreshRange(Full: true), basis, _time.GetUtcNow(), Cancel);
        Assert.Equal([("2026-01", RefreshReason.Full), ("2026-02", RefreshReason.LookBack), ("2026-03", RefreshReason.LookBack)], resumed.Stale.Select(p => (p.Period.Name, p.Reason)));
    }

    [Fact]
    public async Task With_versions_only_what_changed_is_stale_whatever_the_look_back()
    {
        Now("2026-03-15");
        var model = RefreshModel.Load(extra: ", refresh: { cron: '0 * * * *', look_back: 60d }");
        var definition = RefreshModel.Definition(model);
        _lake.Version = (table, from, to) => $"{table} {from:O} {to:O}";
        var planner = new RefreshPlanner(_lake, Options.Create(new RefreshOptions()), _time);
        var versions = new Dictionary<string, string>();
        foreach (var period in (await PlanAsync(model)).Periods)
        {
            versions[period.Name] = (await planner.VersionAsync(definition, period, Cancel))!;
        }

        GoldPartition[] live = [.. versions.Select(v => Live(definition, v.Key, "2026-03-01") with { LakeVersion = v.Value })];
        Assert.Equal(3, versions.Values.Distinct().Count());
        Assert.Empty((await PlanAsync(model, null, null, live)).Stale);
        live[0] = live[0] with { LakeVersion = null };
        _lake.Version = (table, from, to) => $"{table} {from:O} {to:O}" + (to == ScriptedLake.Date("2026-03-01") ? "!" : "");
        Assert.Equal(
            [("2026-01", RefreshReason.LakeChanged), ("2026-02", RefreshReason.LakeChanged)],
            (await PlanAsync(model, null, null, live)).Stale.Select(p => (p.Period.Name, p.Reason)));
    }

    /// <summary>Whether its last days are in it is known once they are over: then it is read though no file changed, and never again.</summary>
    [Theory]
    [InlineData("2026-02-28T23:59:59Z", null, true)]
    [InlineData("2026-03-01T00:00:00Z", null, false)]
    [InlineData("2026-03-01T00:00:10Z", "2026-02-28T23:59:50Z", true)]
    public async Task With_versions_a_partition_is_read_once_after_its_end(string refreshedAt, string? landed, bool expected)
    {
        Now("2026-02-28");
        var model = RefreshModel.Load();
        var definition = RefreshModel.Definition(model);
        _lake.Version = (_, _, _) => "1";
        var version = await new RefreshPlanner(_lake, Options.Create(new RefreshOptions()), _time).VersionAsync(definition, (await PlanAsync(model)).Periods[1], Cancel);
        var february = Live(definition, "2026-02", refreshedAt) with { LakeVersion = version, Landed = landed is null ? null : DateTimeOffset.Parse(landed, CultureInfo.InvariantCulture) };
        async Task<RefreshReason?> ReasonAsync() => (await PlanAsync(model, null, null, february)).Stale.SingleOrDefault(p => p.Period.Name == "2026-02")?.Reason;
        Assert.Null(await ReasonAsync());
        Now("2026-03-15");
        Assert.Equal(expected ? RefreshReason.Unfinished : null, await ReasonAsync());
    }

    [Fact]
    public async Task Versions_are_asked_for_the_utc_days_of_a_period_and_for_all_of_joined_tables()
    {
        Now("2026-02-15");
        _lake.Version = (_, _, _) => "1";
        await PlanAsync(RefreshModel.Load("America/New_York", groupBy: "[show__genre]", extra: ", from: 2026-02-01"));
        Assert.Equal(
            [("visits", "month", ScriptedLake.Date("2026-02-01"), ScriptedLake.Date("2026-03-02")), ("shows", null, ScriptedLake.Date("2026-02-01"), ScriptedLake.Date("2026-03-02"))],
            _lake.Asked);
        _lake.Asked.Clear();
        await PlanAsync(RefreshModel.Load("Asia/Tokyo", extra: ", from: 2026-02-01"));
        Assert.Equal([("visits", "month", ScriptedLake.Date("2026-01-31"), ScriptedLake.Date("2026-03-01"))], _lake.Asked);
    }

    [Fact]
    public async Task The_first_event_is_asked_for_again_only_when_the_lake_changed()
    {
        Now("2026-03-15");
        var planner = new RefreshPlanner(_lake, Options.Create(new RefreshOptions()), _time);
        var definition = RefreshModel.Definition(RefreshModel.Load());
        Task<RefreshPlan> Plan() => planner.PlanAsync(definition, [], new RefreshRange(), _time.GetUtcNow(), _time.GetUtcNow(), Cancel);
        _lake.Version = (_, _, _) => "1";
        await Plan();
        await Plan();
        Assert.Equal(1, _lake.Queries);
        _lake.Version = (_, _, _) => "2";
        _lake.First = new DateTime(2025, 12, 1, 0, 0, 0, DateTimeKind.Utc);
        Assert.Equal("2025-12", (await Plan()).Periods[0].Name);
        _lake.Version = (_, _, _) => null;
        await Plan();
        await Plan();
        Assert.Equal(3, _lake.Queries);
        _time.Advance(TimeSpan.FromHours(25));
        await Plan();
        Assert.Equal(4, _lake.Queries);
    }

    [Fact]
    public async Task Another_definition_makes_all_partitions_stale()
    {
        Now("2026-02-15");
        var before = RefreshModel.Definition(RefreshModel.Load());
        GoldPartition[] live = [Live(before, "2026-01", "2026-02-15"), Live(before, "2026-02", "2026-02-16")];
        var plan = await PlanAsync(RefreshModel.Load(groupBy: "[visit__country, visit__customer]"), null, null, live);
        Assert.Equal([("2026-01", RefreshReason.Definition), ("2026-02", RefreshReason.Definition)], plan.Stale.Select(p => (p.Period.Name, p.Reason)));
        Assert.Empty(plan.Removed);
    }

    [Fact]
    public async Task Partitions_of_another_grain_and_before_the_tables_start_are_removed()
    {
        Now("2026-05-15");
        var model = RefreshModel.Load(extra: ", from: 2026-04-01");
        var definition = RefreshModel.Definition(model);
        GoldPartition[] live =
        [
            Live(definition, "2026-03", "2026-05-15"), Live(definition, "2026-04", "2026-05-15"),
            Live(definition, "2026-Q2", "2026-05-15") with { From = ScriptedLake.Date("2026-04-01"), To = ScriptedLake.Date("2026-07-01") },
        ];
        Assert.Equal(["2026-03", "2026-Q2"], (await PlanAsync(model, null, null, live)).Removed.Select(r => r.Period));
    }

    [Fact]
    public async Task What_the_lake_has_forgotten_stays()
    {
        Now("2026-05-15");
        _lake.First = new DateTime(2026, 4, 2, 0, 0, 0, DateTimeKind.Utc);
        var model = RefreshModel.Load();
        var plan = await PlanAsync(model, null, null, Live(RefreshModel.Definition(model), "2026-03", "2026-05-15"));
        Assert.Equal(["2026-04", "2026-05"], plan.Stale.Select(p => p.Period.Name));
        Assert.Empty(plan.Removed);
    }

    [Fact]
    public async Task Each_tenant_has_its_own_partitions()
    {
        Now("2026-02-15");
        static MetricModel Model(string second) => RefreshModel.Load(
            extra: ", audience: external", tenants: $$$"""
            tenants:
              - { name: acme, where: "{{ Dimension('visit__customer') }} = 'acme'" }
              - { name: bolt, where: "{{ Dimension('visit__customer') }} = '{{{second}}}'" }

            """);
        var definition = RefreshModel.Definition(Model("bolt"));
        var manifests = new[] { "acme", "bolt" }.Select(tenant => Manifest(
            tenant, Live(definition, "2026-01", "2026-02-02") with { DefinitionHash = definition.HashFor(tenant) }, Live(definition, "2026-02", "2026-03-02") with { DefinitionHash = definition.HashFor(tenant) })).ToList();
        var planner = new RefreshPlanner(_lake, Options.Create(new RefreshOptions()), _time);
        Assert.Empty((await planner.PlanAsync(definition, manifests, new RefreshRange(), _time.GetUtcNow(), _time.GetUtcNow(), Cancel)).Stale);

        // A tenant without manifest, and one that is known by another value now.
        var missing = await planner.PlanAsync(definition, manifests[..1], new RefreshRange(), _time.GetUtcNow(), _time.GetUtcNow(), Cancel);
        Assert.All(missing.Stale, p => Assert.Equal(["bolt"], p.Tenants));
        Assert.Equal(2, missing.Stale.Length);
        var renamed = await planner.PlanAsync(RefreshModel.Definition(Model("bolt-eu")), manifests, new RefreshRange(), _time.GetUtcNow(), _time.GetUtcNow(), Cancel);
        Assert.Equal([(RefreshReason.Definition, "bolt"), (RefreshReason.Definition, "bolt")], renamed.Stale.Select(p => (p.Reason, p.Tenants.Single()!)));
    }

    private void Now(string date) => _time.SetUtcNow(DateTimeOffset.Parse(date + "T12:00:00Z", CultureInfo.InvariantCulture));

    private Task<RefreshPlan> PlanAsync(MetricModel model, RefreshRange? range = null, DateTimeOffset? basis = null, params GoldPartition[] live) =>
        new RefreshPlanner(_lake, Options.Create(new RefreshOptions()), _time).PlanAsync(
            RefreshModel.Definition(model), live.Length == 0 ? [] : [Manifest(null, live)], range ?? new RefreshRange(), basis ?? _time.GetUtcNow(), basis ?? _time.GetUtcNow(), Cancel);

    private static GoldManifest Manifest(string? tenant, params GoldPartition[] live) =>
        new(RefreshModel.Daily, tenant, 1, live.ToImmutableSortedDictionary(p => p.Period, p => p));

    private static GoldPartition Live(GoldDefinition definition, string period, string refreshedAt)
    {
        var from = period.Length == 7 && period[5] != 'Q' ? ScriptedLake.Date(period + "-01") : default;
        return new GoldPartition
        {
            Period = period, IsFirst = period == "2026-01", IsLast = true, From = from, To = from.AddMonths(1), Version = "v", DefinitionHash = definition.Hash, Rows = 1, Bytes = 1, Checksum = "0",
            RefreshedAt = DateTimeOffset.Parse(refreshedAt, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal), RunId = "r", Segments = [],
        };
    }
}
