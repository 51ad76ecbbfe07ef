using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Api.Alerts;
using Write.DataPlatform.Api.Tests.Serving;

namespace Write.DataPlatform.Api.Tests.Alerts;

/// <summary>Rules beside others that wait for a lake that does not answer.</summary>
public sealed class SlowRuleTests
{
    // Due every hour, as those of the world are; no two ask the same.
    private const string More = """
        alerts:
          - { name: of-acme-too, metric: seconds, tenant: acme, condition: { below: 1 }, schedule: "0 * * * *" }
          - { name: of-other, metric: seconds, tenant: other, condition: { below: 1 }, schedule: "0 * * * *" }
          - { name: all-1, metric: visits, condition: { below: 1 }, schedule: "0 * * * *" }
          - { name: all-2, metric: seconds, grain: month, condition: { below: 1 }, schedule: "0 * * * *" }
          - { name: young, freshness: { gold_table: visits_daily, older_than: 10d }, schedule: "0 * * * *" }
        """;

    private static readonly string[] Asking = ["all-1", "all-2", "of-acme", "of-acme-too", "of-insight", "of-other", "too-many"];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Freshness_waits_for_no_slow_alert_and_several_alerts_are_asked_at_once()
    {
        await using var world = await AlertWorld.StartAsync(GatedLake.Add);
        world.Add(More);
        var lake = Shut(world);
        var pass = world.Runner.PassAsync(cancellationToken: Cancel);
        await AlertWorld.UntilAsync(() => IsLookedAtAsync(world, "late", "young"), "Freshness is told while the lake is shut.");
        await AlertWorld.UntilAsync(() => Task.FromResult(lake.Waiting > 1), "Several alerts are asked at once.");
        Assert.False(pass.IsCompleted);

        // Nor at its next tick, while the others wait yet.
        var store = world.Server.Services.GetRequiredService<AlertStore>();
        var before = (await store.ListAsync(RuleKind.Alert, Cancel))["young"].EvaluatedAt;
        world.Server.Advance(TimeSpan.FromHours(1));
        await world.Runner.PassAsync(AlertLane.Freshness, cancellationToken: Cancel);
        Assert.True((await store.ListAsync(RuleKind.Alert, Cancel))["young"].EvaluatedAt > before);
        Assert.False(pass.IsCompleted);
        lake.IsShut = false;
        await pass;
        Assert.True(await IsLookedAtAsync(world, Asking));
    }

    [Fact]
    public async Task A_tenants_alerts_are_evaluated_one_after_another_and_no_report_waits_for_them()
    {
        await using var world = await AlertWorld.StartAsync(GatedLake.Add);
        world.Add("""
            alerts:
              - { name: of-acme-too, metric: seconds, tenant: acme, condition: { below: 1 }, schedule: "0 * * * *" }
              - { name: of-acme-as-well, metric: seconds, tenant: acme, condition: { above: 1 }, schedule: "0 * * * *" }
            """);
        world.Change("- name: too-many\n", "- name: too-many\n    tenant: acme\n");
        var store = world.Server.Services.GetRequiredService<AlertStore>();

        // A new report would wait for its first tick.
        var yesterday = world.Server.Services.GetRequiredService<TimeProvider>().GetUtcNow().AddDays(-1);
        await store.UpdateAsync(new RuleName(RuleKind.Report, "daily-visits"), s => s with { DoneTo = yesterday }, Cancel);
        var lake = Shut(world);

        // All alerts that ask for them are acme's; the report asks for visits.
        lake.Holds = sql => sql.Contains("seconds", StringComparison.Ordinal);
        var pass = world.Runner.PassAsync(cancellationToken: Cancel);
        await AlertWorld.UntilAsync(async () => (await store.ListAsync(RuleKind.Report, Cancel)).GetValueOrDefault("daily-visits")?.EvaluatedAt is not null, "The report is made while the lake is shut to alerts.");
        await AlertWorld.UntilAsync(() => Task.FromResult(lake.Waiting == 1), "One alert is asked.");
        await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System, Cancel);
        Assert.Equal(1, lake.Waiting);
        lake.IsShut = false;
        await pass;
        Assert.True(await IsLookedAtAsync(world, "too-many", "of-acme-too", "of-acme-as-well"));
    }

    [Fact]
    public async Task A_pass_that_takes_long_begins_nothing_more_and_the_next_does_what_was_left()
    {
        var clock = new LeapingClock();
        await using var world = await AlertWorld.StartAsync(services => GatedLake.Add(services.AddSingleton<TimeProvider>(clock)));
        world.Add(More);
        var lake = Shut(world);
        var pass = world.Runner.PassAsync(cancellationToken: Cancel);
        await AlertWorld.UntilAsync(() => Task.FromResult(lake.Waiting > 0), "Alerts are asked.");
        clock.Leap(TimeSpan.FromMinutes(1.5));
        lake.IsShut = false;
        Assert.True(await pass <= clock.GetUtcNow());
        Assert.False(await IsLookedAtAsync(world, Asking));
        await world.Runner.PassAsync(cancellationToken: Cancel);
        Assert.True(await IsLookedAtAsync(world, Asking));
    }

    private static GatedLake Shut(AlertWorld world)
    {
        var lake = world.Server.Services.GetRequiredService<GatedLake>();
        (lake.HoldsQueriesAlone, lake.IsShut) = (true, true);
        return lake;
    }

    private static async Task<bool> IsLookedAtAsync(AlertWorld world, params string[] names)
    {
        var states = await world.Server.Services.GetRequiredService<AlertStore>().ListAsync(RuleKind.Alert, Cancel);
        return names.All(name => states.GetValueOrDefault(name)?.EvaluatedAt is not null);
    }

    /// <summary>A clock by which more has elapsed when a test says so.</summary>
    private sealed class LeapingClock : TimeProvider
    {
        private readonly TimeSpan _shift = new DateTimeOffset(2026, 3, 10, 15, 0, 1, TimeSpan.Zero) - System.GetUtcNow();
        private TimeSpan _leapt;

        public void Leap(TimeSpan time) => _leapt += time;

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + _shift;

        public override long GetTimestamp() => System.GetTimestamp() + (long)(_leapt.TotalSeconds * TimestampFrequency);
    }
}
