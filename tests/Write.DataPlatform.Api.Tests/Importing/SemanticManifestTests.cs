using System.Text.Json.Nodes;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Api.Tests.Commands;

namespace Write.DataPlatform.Api.Tests.Importing;

/// <summary>dbt's <c>semantic_manifest.json</c> is a model as it lies there.</summary>
public sealed class SemanticManifestTests : IDisposable
{
    private const string Manifest = """
        {"semantic_models": [{"name": "order_item", "defaults": {"agg_time_dimension": "ordered_at"}, "description": "One row per item.\n",
        "node_relation": {"alias": "order_items", "schema_name": "shop", "database": "ANALYTICS", "relation_name": "ANALYTICS.shop.order_items"}, "primary_entity": null,
        "entities": [{"name": "order_item", "description": null, "type": "primary", "role": null, "expr": "id", "metadata": null, "label": null},
          {"name": "product", "description": null, "type": "foreign", "role": null, "expr": "product_id", "metadata": null, "label": null}],
        "measures": [{"name": "revenue", "agg": "sum", "description": null, "create_metric": false, "expr": "price", "agg_params": null, "metadata": null, "non_additive_dimension": null, "agg_time_dimension": null, "label": null},
          {"name": "food_revenue", "agg": "sum", "description": null, "create_metric": false, "expr": "case when is_food then price else 0 end", "agg_params": null, "metadata": null, "non_additive_dimension": null, "agg_time_dimension": null, "label": null}],
        "dimensions": [{"name": "ordered_at", "description": null, "type": "time", "is_partition": false, "type_params": {"time_granularity": "day", "validity_params": null}, "expr": "ordered_at", "metadata": null, "label": null},
          {"name": "is_food", "description": null, "type": "categorical", "is_partition": false, "type_params": null, "expr": null, "metadata": null, "label": null}],
        "label": null, "metadata": null, "config": {"meta": {}}}],
        "metrics": [
        {"name": "revenue", "description": "All of it", "type": "simple", "type_params": {"measure": {"name": "revenue", "filter": null, "alias": null, "join_to_timespine": false, "fill_nulls_with": null}, "numerator": null, "denominator": null, "expr": null,
          "window": null, "grain_to_date": null, "metrics": [], "conversion_type_params": null, "cumulative_type_params": null, "input_measures": [{"name": "revenue", "filter": null, "alias": null, "join_to_timespine": false, "fill_nulls_with": null}]},
          "filter": null, "metadata": null, "label": "Revenue", "config": {"meta": {}}, "time_granularity": null},
        {"name": "drink_revenue", "description": null, "type": "simple", "type_params": {"measure": {"name": "revenue", "filter": null, "alias": null, "join_to_timespine": false, "fill_nulls_with": null}, "numerator": null, "denominator": null, "expr": null,
          "window": null, "grain_to_date": null, "metrics": [], "conversion_type_params": null, "cumulative_type_params": null, "input_measures": []},
          "filter": {"where_filters": [{"where_sql_template": "{{ Dimension('order_item__is_food') }} = false"}, {"where_sql_template": "{{ Dimension('order_item__is_food') }} is not null"}]}, "metadata": null, "label": null, "config": null, "time_granularity": null},
        {"name": "food_share", "description": null, "type": "ratio", "type_params": {"measure": null, "numerator": {"name": "food", "filter": null, "alias": null, "offset_window": null, "offset_to_grain": null},
          "denominator": {"name": "revenue", "filter": null, "alias": null, "offset_window": null, "offset_to_grain": null}, "expr": null, "window": null, "grain_to_date": null, "metrics": [], "conversion_type_params": null, "cumulative_type_params": null, "input_measures": []},
          "filter": null, "metadata": null, "label": null, "config": {"meta": {}}, "time_granularity": null},
        {"name": "food", "description": null, "type": "simple", "type_params": {"measure": {"name": "food_revenue", "filter": null, "alias": null, "join_to_timespine": false, "fill_nulls_with": null}, "numerator": null, "denominator": null, "expr": null, "window": null,
          "grain_to_date": null, "metrics": [], "conversion_type_params": null, "cumulative_type_params": null, "input_measures": []}, "filter": null, "metadata": null, "label": null, "config": {"meta": {}}, "time_granularity": null},
        {"name": "revenue_growth", "description": null, "type": "derived", "type_params": {"measure": null, "numerator": null, "denominator": null, "expr": "revenue - before", "window": null, "grain_to_date": null,
          "metrics": [{"name": "revenue", "filter": null, "alias": null, "offset_window": null, "offset_to_grain": null}, {"name": "revenue", "filter": null, "alias": "before", "offset_window": {"count": 1, "granularity": "month"}, "offset_to_grain": null}],
          "conversion_type_params": null, "cumulative_type_params": null, "input_measures": []}, "filter": null, "metadata": null, "label": null, "config": {"meta": {}}, "time_granularity": null}],
        "project_configuration": {"dsi_package_version": {"major_version": "0", "minor_version": "7", "patch_version": "4"}, "metadata": null,
          "time_spine_table_configurations": [{"location": "ANALYTICS.shop.days", "column_name": "day", "grain": "day"}],
          "time_spines": [{"node_relation": {"alias": "days", "schema_name": "shop", "database": "ANALYTICS", "relation_name": "ANALYTICS.shop.days"}, "primary_column": {"name": "day", "time_granularity": "day"}, "custom_granularities": []}]},
        "saved_queries": [{"name": "by_kind", "query_params": {"metrics": ["revenue"], "group_by": ["Dimension('order_item__is_food')"], "order_by": [], "limit": null, "where": {"where_filters": [{"where_sql_template": "{{ Dimension('order_item__is_food') }} is not null"}]}},
          "description": null, "metadata": null, "label": null, "exports": [], "tags": []}]}
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("wdp-manifest-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_manifest_answers_as_the_statements_by_hand()
    {
        var models = Directory.CreateDirectory(Path.Combine(_folder, "models")).FullName;
        await File.WriteAllTextAsync(Path.Combine(models, "semantic_manifest.json"), Manifest, TestContext.Current.CancellationToken);
        var database = Path.Combine(_folder, "shop.duckdb");
        MakeShop(database);
        Assert.Equal(
            RentalWorld.Sql(database, """
                SELECT m, a, d, a - lag(a) OVER (ORDER BY m) FROM (SELECT strftime(date_trunc('month', ordered_at), '%Y-%m-%d') AS m, sum(price)::BIGINT AS a, sum(price) FILTER (is_food = false)::BIGINT AS d FROM by_hand.shop.order_items GROUP BY 1) ORDER BY m
                """)[..3],
            (await RowsAsync(models, database, "--metrics", "revenue,drink_revenue,revenue_growth", "--group-by", "metric_time__month", "--order-by", "metric_time__month"))[..3].ConvertAll(r => $"{((string)r["metric_time__month"]!)[..10]}|{r["revenue"]}|{r["drink_revenue"]}|{r["revenue_growth"]}"));
        Assert.Equal(
            RentalWorld.Sql(database, "SELECT lower(is_food::VARCHAR), sum(price)::BIGINT FROM by_hand.shop.order_items WHERE is_food IS NOT NULL GROUP BY 1 ORDER BY 1"),
            (await RowsAsync(models, database, "--saved", "by_kind")).ConvertAll(r => $"{r["order_item__is_food"]!.ToJsonString()}|{r["revenue"]}").Order(StringComparer.Ordinal));
    }

    /// <summary>The form since dbt 1.12, where metrics aggregate by themselves, answers as the form before it.</summary>
    [Fact]
    public async Task A_newer_manifest_answers_as_an_older_one()
    {
        var (older, newer) = (JsonNode.Parse(Manifest)!, JsonNode.Parse(Manifest)!);
        var filter = older["metrics"]![1]!["filter"]!;
        JsonNode Cumulative(string? measure, string? metric) => new JsonObject
        {
            ["name"] = "drinks_to_date",
            ["type"] = "cumulative",
            ["type_params"] = new JsonObject
            {
                ["measure"] = measure is null ? null : new JsonObject { ["name"] = measure, ["filter"] = filter.DeepClone() },
                ["cumulative_type_params"] = new JsonObject
                {
                    ["window"] = null, ["grain_to_date"] = "month", ["period_agg"] = "last", ["metric"] = metric is null ? null : new JsonObject { ["name"] = metric, ["filter"] = null },
                },
            },
        };
        older["metrics"]!.AsArray().Add(Cumulative("revenue", null));
        newer["metrics"]!.AsArray().Add(Cumulative(null, "drink_revenue"));
        var measures = newer["semantic_models"]![0]!["measures"]!.AsArray().ToDictionary(m => (string)m!["name"]!, m => m!);
        newer["semantic_models"]![0]!["measures"] = new JsonArray();
        foreach (var metric in newer["metrics"]!.AsArray())
        {
            var parameters = metric!["type_params"]!.AsObject();
            (parameters["join_to_timespine"], parameters["fill_nulls_with"], parameters["is_private"]) = (false, null, false);
            if (parameters["measure"] is { } measure)
            {
                var own = measures[(string)measure["name"]!];
                (parameters["measure"], parameters["expr"]) = (null, (string)own["expr"]!);
                parameters["metric_aggregation_params"] = new JsonObject { ["semantic_model"] = "order_item", ["agg"] = (string)own["agg"]!, ["agg_params"] = null, ["agg_time_dimension"] = "ordered_at", ["non_additive_dimension"] = null, ["expr"] = (string)own["expr"]! };
            }
        }

        var database = Path.Combine(_folder, "shop.duckdb");
        MakeShop(database);
        var answers = new List<string>();
        foreach (var manifest in new[] { older, newer })
        {
            var models = Directory.CreateDirectory(Path.Combine(_folder, "models" + answers.Count)).FullName;
            await File.WriteAllTextAsync(Path.Combine(models, "semantic_manifest.json"), manifest.ToJsonString(), TestContext.Current.CancellationToken);
            var rows = await RowsAsync(models, database, "--metrics", "revenue,drink_revenue,food_share,revenue_growth,drinks_to_date", "--group-by", "metric_time__month", "--start", "2026-01-01", "--end", "2026-03-31", "--order-by", "metric_time__month");
            answers.Add(string.Join('\n', rows.Select(r => r.ToJsonString())));
        }

        Assert.Contains("\"drinks_to_date\":", answers[0], StringComparison.Ordinal);
        Assert.Equal(answers[0], answers[1]);
    }

    private static void MakeShop(string database) =>
        RentalWorld.Sql(database, """
            CREATE SCHEMA shop;
            CREATE TABLE shop.order_items AS SELECT i AS id, i % 4 AS product_id, CASE WHEN i % 5 = 0 THEN NULL ELSE i % 2 = 0 END AS is_food, CAST(i % 17 AS BIGINT) AS price, DATE '2026-01-01' + CAST(i % 80 AS INTEGER) AS ordered_at FROM range(400) AS r(i);
            CREATE TABLE shop.days AS SELECT CAST(x AS DATE) AS day FROM range(TIMESTAMP '2025-12-01', TIMESTAMP '2026-06-01', INTERVAL 1 DAY) AS r(x)
            """);

    private static async Task<List<JsonNode>> RowsAsync(string models, string database, params string[] query)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await CommandLine.RunAsync(["query", .. query, "--json", "--models", models, "--lake-db", database], new Terminal(TextReader.Null, output, error, isOutputPlain: true, isErrorPlain: true), TestContext.Current.CancellationToken);
        Assert.True(code == ExitCode.Done, error.ToString());
        return [.. JsonNode.Parse(output.ToString())!["rows"]!.AsArray().Select(r => r!)];
    }
}
