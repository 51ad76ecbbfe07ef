using System.Text.Json.Nodes;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Api.Tests.Commands;

namespace Write.DataPlatform.Api.Tests.Importing;

/// <summary>A Cube model, imported and asked over a small lake; what it answers is told by statements written by hand.</summary>
public sealed class CubeImportTests : IDisposable
{
    private const string Cubes = """
        cubes:
          - name: orders
            sql_table: shop.orders
            title: Orders
            data_source: default
            joins:
              - name: customers
                relationship: many_to_one
                sql: "{CUBE}.customer_id = {customers.id}"
            dimensions:
              - { name: id, sql: id, type: number, primary_key: true }
              - { name: status, sql: "{CUBE}.status", type: string }
              - { name: created_at, sql: created_at, type: time }
              - name: size
                type: string
                case:
                  when:
                    - { sql: "{CUBE}.amount >= 50", label: It's large }
                    - { sql: "{CUBE}.amount >= 10", label: medium }
                  else: { label: small }
              - { name: is_done, sql: "{status} = 'done'", type: boolean }
            segments:
              - { name: done_orders, sql: "{CUBE}.status = 'done'" }
            measures:
              - { name: count, type: count, drill_members: [id, created_at] }
              - { name: revenue, sql: amount, type: sum, title: Revenue, description: Paid }
              - name: done_revenue
                sql: "{CUBE}.amount"
                type: sum
                filters: [{ sql: "{CUBE}.status = 'done'" }, { sql: "{size} <> 'small'" }]
              - { name: buyers, sql: customer_id, type: count_distinct }
              - { name: done_share, sql: "{done_revenue} / NULLIF({revenue}, 0)", type: number, format: percent }
              - { name: average_value, sql: "1.0 * {revenue} / {CUBE.count}", type: number }
              - { name: revenue_to_date, sql: amount, type: sum, rolling_window: { trailing: unbounded } }
            pre_aggregations:
              - name: daily
                measures: [CUBE.count, revenue]
                dimensions: [status, customers.city]
                time_dimension: created_at
                granularity: day
                partition_granularity: month
                refresh_key: { every: 30 minutes, incremental: true, update_window: 7 day }
          - name: customers
            sql: SELECT * FROM shop.customers
            dimensions:
              - { name: id, sql: id, type: number, primary_key: true }
              - { name: city, sql: city, type: string }
        """;

    private const string Lake = """
        CREATE SCHEMA shop;
        CREATE TABLE shop.orders AS SELECT i AS id, CASE WHEN i % 13 = 0 THEN NULL ELSE i % 7 END AS customer_id, CASE WHEN i % 3 = 0 THEN 'done' WHEN i % 3 = 1 THEN 'open' END AS status,
          TIMESTAMP '2026-01-01' + to_hours(CAST(i * 9 AS INTEGER)) AS created_at, CAST(i % 83 AS DECIMAL(10, 2)) AS amount FROM range(300) AS r(i);
        CREATE TABLE shop.customers AS SELECT i AS id, CASE WHEN i < 5 THEN 'C' || (i % 3) END AS city FROM range(6) AS r(i);
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("wdp-cube-").FullName;

    private string Models => Path.Combine(_folder, "models");

    private string Database => Path.Combine(_folder, "shop.duckdb");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task An_imported_model_answers_as_the_statements_by_hand()
    {
        Directory.CreateDirectory(Models);
        Sql(Lake);
        var file = Path.Combine(_folder, "orders.yml");
        await File.WriteAllTextAsync(file, Cubes, TestContext.Current.CancellationToken);
        var (code, _, notes) = await RunAsync("import", "cube", file, "--out", Path.Combine(Models, "imported.yaml"));
        Assert.True(code == ExitCode.Done, notes);
        Assert.Contains("orders.done_share: Its 'format'", notes, StringComparison.Ordinal);
        Assert.Contains("orders.done_share: A division", notes, StringComparison.Ordinal);
        Assert.Contains("orders.count: Its 'drill_members'", notes, StringComparison.Ordinal);
        Assert.DoesNotContain("revenue_to_date", notes, StringComparison.Ordinal);

        await SameAsync(
            "orders_count,orders_revenue,orders_done_revenue,orders_buyers,orders_done_share,orders_average_value",
            "orders__status,customers__city,orders__size",
            """
            SELECT status, city, CASE WHEN amount >= 50 THEN 'It''s large' WHEN amount >= 10 THEN 'medium' ELSE 'small' END AS size, count(*), sum(amount), sum(amount) FILTER (status = 'done' AND amount >= 10), count(DISTINCT customer_id),
              round((sum(amount) FILTER (status = 'done' AND amount >= 10))::DOUBLE / nullif(sum(amount), 0)::DOUBLE, 6), round(sum(amount)::DOUBLE / count(*), 6)
            FROM by_hand.shop.orders LEFT JOIN by_hand.shop.customers c ON c.id = customer_id GROUP BY ALL
            """);
        await SameAsync("orders_count", "orders__done_orders,orders__is_done", "SELECT status = 'done', status = 'done', count(*) FROM by_hand.shop.orders GROUP BY ALL");
        await SameAsync(
            "orders_revenue_to_date",
            "metric_time__month",
            "SELECT strftime(m, '%Y-%m-%d'), (SELECT sum(amount) FROM by_hand.shop.orders WHERE created_at < m + INTERVAL 1 MONTH) FROM (SELECT DISTINCT date_trunc('month', created_at) AS m FROM by_hand.shop.orders)");

        // The rollup is a gold table; that it can be computed is a rule of every model.
        var model = await File.ReadAllTextAsync(Path.Combine(Models, "imported.yaml"), TestContext.Current.CancellationToken);
        Assert.Contains("- name: orders_daily\n", model, StringComparison.Ordinal);
        Assert.Contains("look_back: 7d", model, StringComparison.Ordinal);
        Assert.Contains("*/30 * * * *", model, StringComparison.Ordinal);
    }

    /// <summary>What does not mean the same is told, with its place, and is not there.</summary>
    [Theory]
    [InlineData("- { name: x, type: number, sql: \"SUM({CUBE}.amount)\" }", "orders.x: It is left out")]
    [InlineData("- { name: x, type: number, sql: \"SUM({revenue}) / 2\" }", "orders.x: It is left out")]
    [InlineData("- { name: x, type: number, sql: \"{missing} / 2\" }", "orders.x: It is left out")]
    [InlineData("- { name: x, type: number, sql: \"{customers.revenue} + {x}\" }", "orders.x: It is left out")]
    [InlineData("- { name: x, type: sum, sql: \"{customers.city}\" }", "orders.x: It is left out")]
    [InlineData("- { name: x, type: sum, sql: \"{FILTER_PARAMS.orders.created_at.filter('x')}\" }", "orders.x: It is left out")]
    [InlineData("- { name: x, type: sum, sql: \"{{ column }}\" }", "orders.x: It is left out")]
    [InlineData("- { name: x, type: sum, sql: amount, rolling_window: { trailing: 7 day, offset: start } }", "orders.x: It is left out")]
    [InlineData("- { name: x, type: sum, sql: amount, rolling_window: { leading: 7 day } }", "orders.x: It is left out")]
    [InlineData("- { name: x, type: run_total, sql: amount }", "orders.x: It is left out")]
    [InlineData("- { name: x, type: sum, sql: amount, multi_stage: true }", "orders.x: It is left out")]
    [InlineData("- { name: x, type: sum, sql: amount, filters: [{ sql: \"{customers.city} = 'C1'\" }] }", "orders.x: It is left out")]
    [InlineData("- { name: x, type: sum, sql: amount, filters: \"{CUBE}.status = 'done'\" }", "orders.x: It is left out")]
    [InlineData("- { name: x, type: sum, sql: amount, filters: [\"{CUBE}.status = 'done'\"] }", "orders.x: It is left out")]
    [InlineData("- { name: x, type: sum, sql: amount, rolling_window: 7 day }", "orders.x: It is left out")]
    [InlineData("- { name: x, type: sum, sql: \"{size_2}\" }", "orders.x: It is left out")]
    [InlineData("- { name: x__y, type: sum, sql: amount }", "orders.x__y: It is left out")]
    [InlineData("- { name: x, type: sum, sql: amount, some_new_key: 1 }", "orders.x: Its 'some_new_key' has no equivalent")]
    [InlineData("- { name: x, type: count, public: false }", "orders.x: It was hidden")]
    public async Task What_has_no_equivalent_is_told(string measure, string note)
    {
        var (code, model, notes) = await ImportAsync(Cubes.Replace("measures:\n      - { name: count,", $"measures:\n      {measure}\n      - {{ name: count,", StringComparison.Ordinal));
        Assert.True(code == ExitCode.Done, notes);
        Assert.Contains(note, notes, StringComparison.Ordinal);
        Assert.Equal(!note.Contains("left out", StringComparison.Ordinal), model.Contains("orders_x", StringComparison.Ordinal));
        Assert.Contains("orders_count", model, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sql_table: shop.orders", "sql: SELECT * FROM shop.orders WHERE amount > 0", "orders: It is left out: it is a query")]
    [InlineData("sql_table: shop.orders", "sql_table: lakehouse.shop.orders", "orders: The catalog of its table lakehouse.shop.orders has no equivalent")]
    [InlineData("sql_table: shop.orders", "sql_table: shop.orders\n    extends: base", "orders: It is left out: it extends")]
    [InlineData("{CUBE}.customer_id = {customers.id}", "{CUBE}.customer_id = {customers.id} AND 1 = 1", "orders.customers: It is left out")]
    [InlineData("{CUBE}.customer_id = {customers.id}", "{CUBE}.customer_id = {customers.city}", "orders.customers: It is left out")]
    [InlineData("{CUBE}.customer_id = {customers.id}", "{CUBE.customer_id} = {customers.id}", "orders.customers: It is left out")]
    [InlineData("- { name: id, sql: id, type: number, primary_key: true }\n      - { name: city", "- { name: id, sql: uuid, type: number, primary_key: true }\n      - { name: city", null)]
    [InlineData("{customers.id}", "{customers}.number", "orders.customers: It is left out")]
    [InlineData("relationship: many_to_one", "relationship: one_to_many", "orders.customers: It is left out")]
    [InlineData("time_dimension: created_at", "type: rollup_join", "orders.daily: It is left out")]
    [InlineData("measures: [CUBE.count, revenue]", "measures: [revenue, nothing]", "orders.daily: It is left out")]
    [InlineData("measures: [CUBE.count, revenue]", "measures: [revenue, { name: count }]", "orders.daily: It is left out")]
    [InlineData("else: { label: small }", "else: small", "orders.size: It is left out")]
    [InlineData("  - name: customers\n    sql: SELECT", "  - name: orders\n    sql_table: shop.others\n  - name: customers\n    sql: SELECT", "orders: It is left out: another cube")]
    [InlineData("every: 30 minutes", "every: 7 minutes", "orders.daily: Every '7 minutes' is no schedule")]
    [InlineData("cubes:", "views:\n  - { name: shop, cubes: [] }\ncubes:", "shop: It is left out: a view")]
    public async Task Whole_things_that_have_no_equivalent_are_told(string right, string wrong, string? note)
    {
        Assert.Contains(right, Cubes, StringComparison.Ordinal);
        var (code, _, notes) = await ImportAsync(Cubes.Replace(right, wrong, StringComparison.Ordinal));
        Assert.True(code == ExitCode.Done, notes);
        if (note is null)
        {
            Assert.DoesNotContain("orders.customers", notes, StringComparison.Ordinal);
        }
        else
        {
            Assert.Contains(note, notes, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("every: 30 minutes", "every: 60 minutes", "cron: 0 * * * *")]
    [InlineData("every: 30 minutes", "every: 3600 second", "cron: 0 * * * *")]
    [InlineData("every: 30 minutes", "every: 120 minutes", "cron: 0 */2 * * *")]
    [InlineData("every: 30 minutes", "every: 24 hours", "cron: 0 0 * * *")]
    [InlineData("every: 30 minutes", "every: 1 minute", "cron: * * * * *")]
    [InlineData("update_window: 7 day", "update_window: 12 hours", "look_back: 12h")]
    [InlineData("update_window: 7 day", "update_window: 90 minutes", "look_back: 90m")]
    [InlineData("update_window: 7 day", "update_window: 2 weeks", "look_back: 14d")]
    public async Task A_rollups_times_are_as_long_as_they_were(string right, string other, string expected)
    {
        Assert.Contains(right, Cubes, StringComparison.Ordinal);
        var (code, model, notes) = await ImportAsync(Cubes.Replace(right, other, StringComparison.Ordinal));
        Assert.True(code == ExitCode.Done, notes);
        Assert.Contains(expected, model.Replace("\"", "", StringComparison.Ordinal).Replace("'", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.DoesNotContain("orders.daily", notes, StringComparison.Ordinal);
    }

    /// <summary>A column of the table is another thing than a dimension of the same name.</summary>
    [Theory]
    [InlineData("{CUBE}.customer_id", "customer_id")]
    [InlineData("{CUBE.customer_id}", "legacy_ref")]
    public async Task A_join_is_by_the_column_or_dimension_that_it_names(string side, string column)
    {
        var (code, model, notes) = await ImportAsync(Cubes
            .Replace("{CUBE}.customer_id = {customers.id}", side + " = {customers.id}", StringComparison.Ordinal)
            .Replace("- { name: status, sql:", "- { name: customer_id, sql: legacy_ref, type: number }\n      - { name: status, sql:", StringComparison.Ordinal));
        Assert.True(code == ExitCode.Done, notes);
        Assert.Matches($@"name: ""?customers""?\s+type: ""?foreign""?\s+expr: ""?{column}\b", model);
    }

    /// <summary>In Cube the customers of the orders' month, here those who signed up in it.</summary>
    [Fact]
    public async Task A_measure_over_another_cubes_is_left_out()
    {
        var cubes = Cubes.Replace("- { name: city, sql: city, type: string }", """
            - { name: city, sql: city, type: string }
                  - { name: signed_up_at, sql: signed_up_at, type: time }
                measures:
                  - { name: count, type: count }
            """.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        var (code, model, notes) = await ImportAsync(cubes.Replace("- { name: buyers,", "- { name: each, type: number, sql: \"{count} - {customers.count} + {orders.count}\" }\n      - { name: buyers,", StringComparison.Ordinal));
        Assert.True(code == ExitCode.Done, notes);
        Assert.Contains("customers_count", model, StringComparison.Ordinal);
        Assert.DoesNotContain("orders_each", model, StringComparison.Ordinal);
        Assert.Contains("orders.each: It is left out: Cube takes the other cube's measures", notes, StringComparison.Ordinal);
    }

    /// <summary>A dimension or a segment that is called like the cube that is joined.</summary>
    [Theory]
    [InlineData("dimensions", "{ name: customers, sql: customer_id, type: number }", "orders.customers: The dimension orders.customers has the name", true)]
    [InlineData("dimensions", "{ name: customers, sql: segment, type: string }", "orders.customers: It is left out: its name is that of the entity", true)]
    [InlineData("segments", "{ name: customers, sql: \"{CUBE}.status = 'done'\" }", "orders.customers: It is left out: its name is that of the entity", true)]
    [InlineData("dimensions", "{ name: customers, sql: seen_at, type: time }", "orders.customers: It is left out: orders has a time of the name", false)]
    public async Task A_name_that_the_entity_has_is_given_up_or_is_it(string section, string member, string note, bool isJoined)
    {
        var (code, text, notes) = await ImportAsync(Cubes.Replace($"{section}:\n      - {{", $"{section}:\n      - {member}\n      - {{", StringComparison.Ordinal), "--json");
        Assert.True(code == ExitCode.Done, notes);
        var told = JsonNode.Parse(text)!;
        Assert.Contains(told["notes"]!.AsArray().Select(n => n!.ToJsonString()), n => n.Contains(note.Split(": ", 2)[1].Split("'")[0], StringComparison.Ordinal));
        Assert.Equal(isJoined, ((string)told["model"]!).Contains("foreign", StringComparison.Ordinal));
        var name = (string?)told["names"]!["orders.customers"];
        Assert.Equal(note.Contains("The dimension", StringComparison.Ordinal) ? "customers" : isJoined ? null : "orders__customers", name);
    }

    [Fact]
    public async Task Strict_fails_where_anything_is_lost_and_what_is_no_YAML_is_told()
    {
        var (code, model, _) = await ImportAsync(Cubes, "--strict");
        Assert.Equal((ExitCode.Failed, ""), (code, model));
        (code, _, var notes) = await ImportAsync("cubes: [");
        Assert.Equal(ExitCode.Failed, code);
        Assert.Contains("M001", notes, StringComparison.Ordinal);
        (code, model, _) = await ImportAsync(Cubes, "--json");
        var names = JsonNode.Parse(model)!["names"]!;
        Assert.Equal(("orders_count", "orders__status", "customers"), ((string)names["orders.count"]!, (string)names["orders.status"]!, (string)names["customers.id"]!));
    }

    private async Task<(int Code, string Output, string Notes)> ImportAsync(string text, params string[] options)
    {
        var file = Path.Combine(_folder, "cubes.yml");
        await File.WriteAllTextAsync(file, text, TestContext.Current.CancellationToken);
        return await RunAsync(["import", "cube", file, .. options]);
    }

    private async Task SameAsync(string metrics, string groupBy, string byHand)
    {
        var (code, text, error) = await RunAsync("query", "--metrics", metrics, "--group-by", groupBy, "--json", "--models", Models, "--lake-db", Database);
        Assert.True(code == ExitCode.Done, error);
        var columns = groupBy.Split(',').Concat(metrics.Split(',')).ToList();
        var rows = JsonNode.Parse(text)!["rows"]!.AsArray().Select(r => string.Join('|', columns.Select(c => Cell(r![c])))).Order(StringComparer.Ordinal).ToList();
        Assert.Equal(Sql(byHand).Order(StringComparer.Ordinal), rows);
    }

    private static string Cell(JsonNode? value) => value?.GetValueKind() switch
    {
        null => "",
        System.Text.Json.JsonValueKind.Number => Number(decimal.Parse(value.ToJsonString(), System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture)),
        System.Text.Json.JsonValueKind.String => (string)value!,
        _ => value.ToJsonString(),
    };

    private static string Number(decimal value) => Math.Round(value, 6).ToString("0.######", System.Globalization.CultureInfo.InvariantCulture);

    private List<string> Sql(string sql) => RentalWorld.Sql(Database, sql, value => value switch
    {
        bool truth => truth ? "true" : "false",
        string text => text,
        System.Numerics.BigInteger large => large.ToString(System.Globalization.CultureInfo.InvariantCulture),
        _ => Number(Convert.ToDecimal(value, System.Globalization.CultureInfo.InvariantCulture)),
    });

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await CommandLine.RunAsync(args, new Terminal(TextReader.Null, output, error, isOutputPlain: true, isErrorPlain: true), TestContext.Current.CancellationToken);
        return (code, output.ToString(), error.ToString());
    }
}
