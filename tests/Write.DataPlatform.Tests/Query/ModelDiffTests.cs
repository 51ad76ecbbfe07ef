using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Tests.Model;

namespace Write.DataPlatform.Tests.Query;

public sealed class ModelDiffTests
{
    private const string Text = """
        model: { time_zone: UTC, week_start: monday, fiscal_year_start_month: 1 }
        semantic_models:
          - name: visits
            model: ref('visits')
            defaults: { agg_time_dimension: started_at }
            entities:
              - { name: visit, type: primary, expr: visit_id }
              - { name: show, type: foreign, expr: show_id }
            dimensions:
              - { name: started_at, type: time, expr: started, type_params: { time_granularity: second } }
              - { name: country, type: categorical, expr: upper(land) }
              - { name: customer, type: categorical }
              - { name: device, type: categorical }
            measures:
              - { name: visits, agg: count, expr: 1 }
              - { name: seconds, agg: sum, expr: duration }
              - { name: visitors, agg: count_distinct, expr: visitor_id }
          - name: watches
            model: ref('watches')
            defaults: { agg_time_dimension: watched_at }
            entities:
              - { name: watch, type: primary, expr: watch_id }
              - { name: visit, type: foreign, expr: visit_key }
            dimensions:
              - { name: watched_at, type: time, type_params: { time_granularity: second } }
            measures:
              - { name: watches, agg: count, expr: 1 }
          - name: shows
            model: ref('shows')
            entities:
              - { name: show, type: primary, expr: id }
            dimensions:
              - { name: genre, type: categorical }
        metrics:
          - { name: visits, label: Visits, type: simple, type_params: { measure: visits } }
          - { name: long_visits, type: simple, type_params: { measure: visits }, filter: "{{ Dimension('visit__device') }} = 'tv'" }
          - { name: seconds, type: simple, type_params: { measure: seconds } }
          - { name: length, type: ratio, type_params: { numerator: seconds, denominator: visits } }
          - { name: watches, type: simple, type_params: { measure: watches } }
        gold_tables:
          - { name: daily, metrics: [visits, length, long_visits], group_by: [visit__country, show__genre], grain: day, partition: month, freshness: 1h }
          - { name: weekly, metrics: [watches], group_by: [visit__country], grain: week, partition: week, where: "{{ Dimension('visit__device') }} = 'tv'" }
          - { name: tenants_daily, audience: external, metrics: [seconds], group_by: [], grain: day, partition: month }
        tenants:
          - { name: acme, where: "{{ Dimension('visit__customer') }} = 'acme'" }
          - { name: bolt, where: "{{ Dimension('visit__customer') }} = 'bolt'" }
        lookups:
          - { name: countries, path: countries.csv, key: code, dimension: visit__country, attributes: [region] }
        insights:
          - name: lengths
            query: { metrics: [length], group_by: [metric_time__day] }
            parameters: [{ name: country, field: visit__country }]
          - { name: counts, query: { metrics: [visits] } }

        """;

    private const string Countries = "code,region\nFR,west\nDE,west\n";

    /// <summary>One change of the text, and all that it must say: tables as name=reasons, metrics and insights as name=reasons.</summary>
    public static TheoryData<string, string, string, string, string> Changes => new()
    {
        { "label: Visits", "label: All visits", "", "", "" },
        { "freshness: 1h", "freshness: 2h", "", "", "" },
        { "time_zone: UTC", "time_zone: Europe/Berlin", "daily=zone tenants_daily=zone weekly=zone", "", "" },
        { "week_start: monday", "week_start: sunday", "weekly=week_start", "", "" },
        { "fiscal_year_start_month: 1", "fiscal_year_start_month: 4", "", "", "" },
        { "grain: day, partition: month, freshness", "grain: hour, partition: month, freshness", "daily=grain", "", "" },
        { "grain: day, partition: month, freshness", "grain: day, partition: year, freshness", "daily=partition", "", "" },
        { "[visits, length, long_visits]", "[visits, long_visits]", "daily=metrics", "", "" },
        { "metrics: [watches]", "metrics: [watches, visits]", "weekly=metrics", "", "" },
        { "[visit__country, show__genre]", "[visit__country]", "daily=dimensions", "", "" },
        { "[visit__country, show__genre]", "[show__genre]", "daily=dimensions+lookups", "", "" },
        { "upper(land)", "lower(land)", "daily=dimensions weekly=dimensions", "", "" },
        { "expr: id }", "expr: key }", "daily=dimensions", "", "" },
        { "ref('shows')", "ref('all_shows')", "daily=dimensions", "", "" },
        { "expr: visit_key", "expr: visit_ref", "weekly=filter+dimensions", "", "" },
        { "expr: duration", "expr: duration / 1000", "daily=metrics tenants_daily=metrics", "length=metric seconds|seconds=measure seconds", "lengths=metric length" },
        { "agg: sum, expr", "agg: max, expr", "daily=metrics tenants_daily=metrics", "length=metric seconds|seconds=measure seconds", "lengths=metric length" },
        { "expr: started,", "expr: begun,", "daily=events tenants_daily=events", "length=metric seconds, metric visits|long_visits=measure visits|seconds=measure seconds|visits=measure visits", "counts=metric visits|lengths=metric length" },
        { "ref('watches')", "ref('all_watches')", "weekly=events", "watches=measure watches", "" },
        { "{ name: device, type: categorical }", "{ name: device, type: categorical, expr: lower(device) }", "daily=metrics weekly=filter", "long_visits=dimension visit__device", "" },
        { "}} = 'tv'\" }\n  - { name: seconds", "}} = 'pc'\" }\n  - { name: seconds", "daily=metrics", "long_visits=definition", "" },
        { "where: \"{{ Dimension('visit__device') }} = 'tv'\"", "where: \"{{ Dimension('visit__device') }} = 'pc'\"", "weekly=filter", "", "" },
        { "numerator: seconds, denominator: visits", "numerator: visits, denominator: seconds", "", "length=definition", "lengths=metric length" },
        { "{ name: daily, metrics", "{ name: daily, from: 2026-01-01, metrics", "~daily=from", "", "" },
        { "{ name: daily, metrics", "{ name: by_day, metrics", "+by_day= -daily=", "", "" },
        { "audience: external, metrics", "metrics", "tenants_daily=audience", "", "" },
        { "= 'acme'", "= 'acme2'", "~tenants_daily=tenants(acme)", "", "" },
        { "{ name: bolt, where", "{ name: nut, where", "~tenants_daily=tenants(bolt,nut)", "", "" },
        { "{ name: customer, type: categorical }", "{ name: customer, type: categorical, expr: client }", "tenants_daily=audience", "", "" },
        { "name: watches, type: simple", "name: views, type: simple", "", "+views=|-watches=", "" },
        { "group_by: [metric_time__day] }", "group_by: [metric_time__week] }", "", "", "lengths=query" },
        { "field: visit__country }]", "field: visit__device }]", "", "", "lengths=parameters" },
        { "name: counts, query", "name: counts, audience: external, query", "", "", "counts=audience" },
        { "name: counts, query", "name: numbers, query", "", "", "-counts=|+numbers=" },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public void A_change_says_what_it_means(string from, string to, string tables, string metrics, string insights)
    {
        Assert.Equal(2, Text.Split(from).Length);
        var now = Text.Replace(from, to, StringComparison.Ordinal);
        if (to.StartsWith("name: views", StringComparison.Ordinal))
        {
            now = now.Replace("metrics: [watches]", "metrics: [views]", StringComparison.Ordinal);
        }

        var (before, after) = (Load(Text, Countries), Load(now, Countries));
        var diff = ModelDiff.Create(before, after);
        Assert.Equal(tables, string.Join(' ', diff.GoldTables.Select(t => Sign(t.Change) + t.Name + "=" + string.Join('+', t.Reasons) + (t.Tenants.IsEmpty ? "" : $"({string.Join(',', t.Tenants)})"))));
        Assert.Equal(metrics, string.Join('|', diff.Metrics.Select(m => Sign(m.Change) + m.Name + "=" + string.Join(", ", m.Reasons))));
        Assert.Equal(insights, string.Join('|', diff.Insights.Select(m => Sign(m.Change) + m.Name + "=" + string.Join(", ", m.Reasons))));

        // What is said to be built anew is what the refresh builds anew.
        Assert.Equal(
            before.GoldTables.Keys.Intersect(after.GoldTables.Keys).Where(t => GoldDefinition.Create(before, before.GoldTables[t]).Hash != GoldDefinition.Create(after, after.GoldTables[t]).Hash),
            diff.GoldTables.Where(t => t.Change == ModelChange.Changed).Select(t => t.Name));
    }

    [Fact]
    public void A_row_of_a_lookup_rebuilds_the_tables_that_store_it()
    {
        var diff = ModelDiff.Create(Load(Text, Countries), Load(Text, Countries + "PT,west\n"));
        Assert.Equal([("daily", "lookups"), ("weekly", "lookups")], diff.GoldTables.Select(t => (t.Name, string.Join('+', t.Reasons))));
    }

    [Theory]
    [InlineData("partition: year", 4, "fiscal_year_start_month")]
    [InlineData("partition: quarter", 2, "fiscal_year_start_month")]
    [InlineData("partition: quarter", 4, "")] // its quarters are the calendar's
    [InlineData("partition: month", 4, "")]
    public void A_fiscal_year_rebuilds_what_is_cut_by_it(string partition, int month, string reasons)
    {
        var text = Text.Replace("partition: month", partition, StringComparison.Ordinal);
        var diff = ModelDiff.Create(Load(text, Countries), Load(text.Replace("month: 1", "month: " + month, StringComparison.Ordinal), Countries));
        Assert.Equal(reasons, string.Join(' ', diff.GoldTables.SelectMany(t => t.Reasons).Distinct()));
    }

    [Fact]
    public void Settings_of_the_whole_model_are_told()
    {
        var diff = ModelDiff.Create(Load(Text, Countries), Load(Text.Replace("UTC", "Europe/Berlin", StringComparison.Ordinal).Replace("monday, fiscal_year_start_month: 1", "sunday, fiscal_year_start_month: 10", StringComparison.Ordinal), Countries));
        Assert.Equal(["time_zone: UTC → Europe/Berlin", "week_start: Monday → Sunday", "fiscal_year_start_month: 1 → 10"], diff.Settings);
        Assert.NotEqual(diff.OldRevision, diff.NewRevision);
    }

    private static string Sign(ModelChange change) => change switch { ModelChange.Added => "+", ModelChange.Removed => "-", ModelChange.Adjusted => "~", _ => "" };

    private static MetricModel Load(string text, string countries) => ModelFolder.LoadGood(("model.yaml", text), ("countries.csv", countries));
}
