using Write.DataPlatform.Gold;
using Write.DataPlatform.Query;
using Write.DataPlatform.Refresh;
using Write.DataPlatform.Tests.Query;

namespace Write.DataPlatform.Tests.Insights;

/// <summary>A lake of odd numbers and texts with two gold tables: by all columns, and by month.</summary>
internal static class OddWorld
{
    private const string Model = """
        model: { time_zone: UTC, fiscal_year_start_month: 4 }
        semantic_models:
          - name: odds
            model: ref('odds')
            defaults: { agg_time_dimension: happened_on }
            entities: [{ name: odd, type: primary, expr: id }]
            dimensions:
              - { name: happened_on, type: time, type_params: { time_granularity: day } }
              - { name: name, type: categorical }
              - { name: kind, type: categorical }
              - { name: number, type: categorical }
              - { name: flag, type: categorical }
            measures:
              - { name: row_count, agg: count, expr: 1 }
              - { name: whole_sum, agg: sum, expr: whole }
              - { name: whole_average, agg: average, expr: whole }
              - { name: whole_min, agg: min, expr: whole }
              - { name: whole_max, agg: max, expr: whole }
              - { name: big_sum, agg: sum, expr: big }
              - { name: real_sum, agg: sum, expr: real }
              - { name: real_min, agg: min, expr: real }
        metrics:
          - { name: rows, type: simple, type_params: { measure: row_count } }
          - { name: whole, type: simple, type_params: { measure: whole_sum } }
          - { name: whole_or_5, type: simple, type_params: { measure: { name: whole_sum, fill_nulls_with: 5 } } }
          - { name: whole_mean, type: simple, type_params: { measure: whole_average } }
          - { name: least, type: simple, type_params: { measure: whole_min } }
          - { name: most, type: simple, type_params: { measure: whole_max } }
          - { name: all_big, type: simple, type_params: { measure: big_sum } }
          - { name: real, type: simple, type_params: { measure: real_sum } }
          - { name: real_or_5, type: simple, type_params: { measure: { name: real_sum, fill_nulls_with: 5 } } }
          - { name: real_least, type: simple, type_params: { measure: real_min } }
          - { name: per_row, type: ratio, type_params: { numerator: whole, denominator: rows } }
          - { name: per_real, type: ratio, type_params: { numerator: real, denominator: whole } }
          - { name: big_per_real, type: ratio, type_params: { numerator: all_big, denominator: real } }
        gold_tables:
          - name: odds_daily
            metrics: [rows, whole, whole_or_5, whole_mean, least, most, all_big, real, real_or_5, real_least, per_row, per_real, big_per_real]
            group_by: [odd__name, odd__kind, odd__number, odd__flag]
            grain: day
            partition: month
          - name: odds_monthly
            metrics: [rows, whole, whole_mean, least, real, per_real, big_per_real]
            group_by: [odd__name]
            grain: month
            partition: quarter
        """;

    private static readonly (string Name, string Type)[] Columns =
    [
        ("id", "BIGINT"), ("happened_on", "DATE"), ("name", "VARCHAR"), ("kind", "VARCHAR"), ("number", "BIGINT"), ("flag", "BOOLEAN"), ("whole", "BIGINT"), ("big", "BIGINT"), ("real", "DOUBLE"),
    ];

    /// <summary>Makes the lake and refreshes its tables.</summary>
    /// <param name="rowsMegabytes">What is kept of gold column by column.</param>
    /// <param name="rows">Rows that differ in kind alone, on one day; null for odd ones.</param>
    public static async Task<EngineWorld> CreateAsync(int rowsMegabytes, int? rows = null)
    {
        var lake = rows is { } count ? [.. Enumerable.Range(0, count).Select(i => Row(i, new DateOnly(2024, 1, 5), "a", i.ToString(null, null), 1, true, 1, 1, 1))] : Odd();
        var world = await EngineWorld.CreateAsync(
            [("odds.yaml", Model)], new Dictionary<string, List<Row>> { ["odds"] = lake }, new Dictionary<string, (string, string)[]> { ["odds"] = Columns }, rowsMegabytes: rowsMegabytes);
        foreach (var table in GoldDefinitions.Of(world.World.Model).ByTable.Keys)
        {
            var run = await world.Get<RefreshService>().RunAsync(table, new RefreshRange(), RunTrigger.Manual, null, TestContext.Current.CancellationToken);
            Assert.True(run.State == RunState.Succeeded, run.Error + string.Join("; ", run.Partitions.Select(p => p.Error)));
        }

        return world;
    }

    private static List<Row> Odd()
    {
        var random = new Random(7);
        T From<T>(params T[] values) => values[random.Next(values.Length)];
        return [.. Enumerable.Range(0, 400).Select(i => Row(
            i,
            new DateOnly(2024, 1, 1).AddDays(random.Next(150)),
            From(null, "", "a", "B", "é", "\uFFFD", "😀"),
            From("x", "x", "y", null),
            From<long?>(null, 0, -1, long.MaxValue),
            From<bool?>(null, true, false),
            From<long?>(null, 0, 3, -7),
            From<long?>(null, 9007199254740993, -9007199254740994, long.MaxValue / 16, 1),
            From<double?>(null, 0.1, -0.0, 0, double.NaN, double.PositiveInfinity, 3, 3, 3)))];
    }

    private static Row Row(int id, DateOnly at, string? name, string? kind, long? number, bool? flag, long? whole, long? big, double? real) => new()
    {
        ["id"] = (long)id, ["happened_on"] = at, ["name"] = name, ["kind"] = kind, ["number"] = number, ["flag"] = flag, ["whole"] = whole, ["big"] = big, ["real"] = real,
    };
}
