namespace Write.DataPlatform.Api.Tests;

/// <summary>A model of one fact, visits, for lakes that tests make, break and change.</summary>
internal static class VisitsModel
{
    /// <param name="partition">The grain of the table's folders, and the name of their column: <c>day</c> or <c>month</c>.</param>
    /// <param name="goldTables">The gold tables, as a list in YAML, indented by two.</param>
    public static string Text(string partition, string goldTables) => $$"""
        model: { time_zone: UTC }
        semantic_models:
          - name: visits
            model: ref('visits')
            defaults: { agg_time_dimension: started_at }
            entities:
              - { name: visit, type: primary, expr: id }
            dimensions:
              - { name: started_at, type: time, type_params: { time_granularity: second } }
              - { name: partition_start, type: time, expr: {{partition}}, is_partition: true, partitions: started_at, type_params: { time_granularity: {{partition}} } }
              - { name: country, type: categorical }
            measures:
              - { name: visits, agg: count, expr: 1 }
              - { name: seconds, agg: sum }
        metrics:
          - { name: visits, type: simple, type_params: { measure: visits } }
          - { name: seconds, type: simple, type_params: { measure: seconds } }
        gold_tables:
        {{goldTables}}

        """;
}
