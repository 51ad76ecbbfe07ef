using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Tests.Model;

namespace Write.DataPlatform.Tests.Refresh;

/// <summary>Small models with one gold table over <c>visits</c> (started_at, country, seconds, customer).</summary>
internal static class RefreshModel
{
    public const string Daily = "visits_daily";

    private const string Facts = """
        model: { time_zone: ZONE }
        semantic_models:
          - name: visits
            model: ref('visits')
            defaults: { agg_time_dimension: started_at }
            entities:
              - { name: visit, type: primary, expr: id }
              - { name: show, type: foreign, expr: show_id }
            dimensions:
              - { name: started_at, type: time, type_params: { time_granularity: second } }
              - { name: month_start, type: time, expr: month, is_partition: true, partitions: started_at, type_params: { time_granularity: month } }
              - { name: country, type: categorical }
              - { name: customer, type: categorical }
            measures:
              - { name: visits, agg: count, expr: 1 }
              - { name: seconds, agg: sum }
          - name: shows
            model: ref('shows')
            entities:
              - { name: show, type: primary, expr: show_id }
            dimensions:
              - { name: genre, type: categorical }
        metrics:
          - { name: visits, type: simple, type_params: { measure: visits } }
          - { name: seconds, type: simple, type_params: { measure: seconds } }

        """;

    public static string Text(
        string zone = "UTC", string partition = "month", string extra = "", string groupBy = "[visit__country]", string metrics = "[visits, seconds]", string tenants = "", string grain = "day", string more = "") =>
        Facts.Replace("ZONE", zone, StringComparison.Ordinal) + tenants
        + $"gold_tables:\n  - {{ name: {Daily}, metrics: {metrics}, group_by: {groupBy}, grain: {grain}, partition: {partition}{extra} }}\n" + more;

    public static MetricModel Load(
        string zone = "UTC", string partition = "month", string extra = "", string groupBy = "[visit__country]", string metrics = "[visits, seconds]", string tenants = "", string grain = "day") =>
        ModelFolder.LoadGood(("model.yaml", Text(zone, partition, extra, groupBy, metrics, tenants, grain)));

    public static GoldDefinition Definition(MetricModel model) => GoldDefinition.Create(model, model.GoldTables[Daily]);
}
