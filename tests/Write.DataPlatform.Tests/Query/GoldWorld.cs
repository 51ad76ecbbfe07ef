using System.Collections.Concurrent;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Refresh;

namespace Write.DataPlatform.Tests.Query;

/// <summary>Worlds with gold tables: odd ones have partitions missing, even ones hold all that the lake has.</summary>
public sealed class GoldWorlds : IAsyncLifetime
{
    private static readonly DateOnly First = new(2023, 10, 1);
    private static readonly DateOnly Last = DateOnly.FromDateTime(EngineWorld.Now.UtcDateTime);

    private readonly ConcurrentDictionary<int, Lazy<Task<EngineWorld>>> _worlds = new();

    internal Task<EngineWorld> GetAsync(int number) => _worlds.GetOrAdd(number, n => new Lazy<Task<EngineWorld>>(() => CreateAsync(n))).Value;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var world in _worlds.Values.Where(w => w.Value.IsCompletedSuccessfully))
        {
            await (await world.Value).DisposeAsync();
        }
    }

    private static bool IsWhole(int number) => number % 2 == 0;

    private static bool HasFuture(int number) => number % 4 == 2;

    /// <summary>A world whose gold tables are empty.</summary>
    internal static Task<EngineWorld> CreateEmptyAsync(int number, int rowsMegabytes = 0)
    {
        var files = (number % 4) switch
        {
            0 => WorldModel.Files(gold: Yaml),
            1 => WorldModel.Files(gold: Yaml, yearStart: 2),
            2 => WorldModel.Files("America/New_York", "sunday", Yaml, 4),
            _ => WorldModel.Files("Asia/Kolkata", gold: Yaml),
        };
        var hasFuture = HasFuture(number);
        var tables = new WorldData(number).Make();
        if (IsWhole(number))
        {
            // A refresh knows the lake's first and last moment and goes on to today; here every row lies between, but in one world some come after.
            foreach (var (table, column) in new[] { ("visits", "started_at"), ("visits", "ended_at"), ("shop.orders", "placed_at"), ("plays", "played_on"), ("targets", "month") })
            {
                tables[table].RemoveAll(row => row[column] switch
                {
                    DateTime time => time < First.AddDays(2).ToDateTime(TimeOnly.MinValue) || (time > EngineWorld.Now && !hasFuture),
                    DateOnly date => date < First || (date >= Last && !hasFuture),
                    _ => true,
                });
            }
        }

        return EngineWorld.CreateAsync(files, tables, WorldModel.Tables, rowsMegabytes: rowsMegabytes);
    }

    /// <summary>A world whose gold tables are filled.</summary>
    internal static async Task<EngineWorld> CreateAsync(int number, int rowsMegabytes = 0)
    {
        var (isWhole, hasFuture) = (IsWhole(number), HasFuture(number));
        var world = await CreateEmptyAsync(number, rowsMegabytes);
        var random = new Random(number);
        foreach (var definition in GoldDefinitions.Of(world.World.Model).ByTable.Values)
        {
            var table = definition.Table;
            var periods = PartitionPeriod.Between(table.From ?? First, Last, table.Partition, world.World.Model.Calendar).ToList();
            foreach (var tenant in table.Audience == Audience.External ? world.World.Model.Tenants.Keys.ToList<string?>() : [null])
            {
                foreach (var period in periods.Where((_, i) => isWhole || (i != periods.Count / 2 && random.Next(5) > 0)))
                {
                    await world.PublishAsync(table.Name, tenant, period.Name, period.From, period.To, isFirst: isWhole && period == periods[0], isLast: isWhole && !hasFuture && period == periods[^1]);
                }
            }
        }

        return world;
    }

    private const string Yaml = """
        gold_tables:
          - name: visits_daily
            metrics:
              [visits, late_visits, weekend_seconds, visits_of_known, scored, bounces, bounce_rate, seconds, seconds_or_zero, mean_seconds, least_seconds, most_seconds, mobile_visits, mobile_share, visits_growth, drama_visits, odd_score, visits_ever, seconds_28d, mean_seconds_mtd, visits_since_month_start, visits_ever_gain, growth_change, visits_every_day]
            group_by: [visit__country, visit__device, visit__is_bounce, show, visitor__plan]
            grain: day
            partition: month
          - name: estimates_daily
            metrics: [visits, about_visitors, about_visits, about_mobile_visitors, visits_per_visitor, about_visitors_growth, about_visitors_28d, about_visits_ytd, about_median_seconds, about_p90_seconds, about_p90_seconds_28d]
            group_by: [visit__country, visit__device, show]
            grain: day
            partition: month
          - { name: estimates_hourly, time_zone: UTC, metrics: [about_visitors, about_p90_seconds, visits], group_by: [visit__country], grain: hour, partition: quarter }
          - { name: estimates_shop, audience: external, metrics: [about_visitors, about_visits, about_amounts, about_p99_amount, about_p25_extras, orders], group_by: [visit__country], grain: day, partition: quarter }
          - { name: estimates_plays, metrics: [about_days, about_last_players, plays], group_by: [show__title], grain: day, partition: quarter }
          - { name: visits_hourly, metrics: [visits, seconds, visitors], group_by: [visit__country], grain: hour, partition: month }
          - { name: visits_hourly_utc, time_zone: UTC, metrics: [visits, late_visits, weekend_seconds, visits_of_known, seconds, bounces], group_by: [visit__device, visit__country], grain: hour, partition: quarter }
          - { name: visits_weekly, metrics: [visits, visitors, median_seconds, seconds], group_by: [visit__device], grain: week, partition: week, from: 2024-07-20 }
          - { name: tiers_hourly, metrics: [visits, seconds], group_by: [visitor__tier, channel__slogan], grain: hour, partition: quarter }
          - { name: last_ended_daily, metrics: [last_ended_seconds], group_by: [visit__device], grain: day, partition: quarter }
          - { name: last_daily, metrics: [last_seconds, last_mobile_seconds, first_scores, visits], group_by: [visit__country], grain: day, partition: month }
          - { name: last_shop_monthly, audience: external, metrics: [last_seconds, visits], group_by: [visit__device], grain: month, partition: quarter }
          - { name: last_plays_weekly, metrics: [last_plays, last_players, last_plays_share], group_by: [show__title], grain: week, partition: week }
          - { name: audience_monthly, metrics: [visits, visitors, p90_seconds], group_by: [visit__country, visit__device], grain: month, partition: quarter }
          - { name: audience_quarterly, metrics: [visits, visitors, mean_seconds], group_by: [show__title], grain: quarter, partition: year }
          - { name: mobile_daily, metrics: [visits, seconds, visitors], group_by: [visit__country, visit__device], grain: day, partition: quarter, where: "{{ Dimension('visit__device') }} = 'mobile'" }
          - { name: scored_daily, metrics: [visits, seconds], group_by: [visit__country], grain: day, partition: quarter, where: "{{ Dimension('visit__score') }} = '2'" }
          - { name: since_daily, metrics: [visits, seconds], group_by: [visit__country], grain: day, partition: quarter, where: "{{ TimeDimension('visit__ended_at', 'day') }} >= '2023-10-01'" }
          - { name: shows_daily, metrics: [visits, orders, revenue, revenue_per_visit, plays, minutes, activity, minutes_change, plays_2m, plays_every_day], group_by: [show, show__title, show__studio__name], grain: day, partition: quarter }
          - { name: shop_daily, audience: external, metrics: [visits, orders, revenue, mean_amount, most_amount, orders_per_visit, paid_share, german_revenue, revenue_ytd], group_by: [visit__country, visit__device], grain: day, partition: quarter }
          - { name: orders_kathmandu, time_zone: Asia/Kathmandu, metrics: [orders, weight, mean_weight, extras, vouchers], group_by: [order__voucher], grain: day, partition: quarter }
          - { name: plays_monthly, metrics: [plays, target, attainment, players], group_by: [show], grain: month, partition: year }
        """;
}
