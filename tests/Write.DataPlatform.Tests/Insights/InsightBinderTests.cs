using System.Collections.Immutable;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Tests.Model;

namespace Write.DataPlatform.Tests.Insights;

public sealed class InsightBinderTests
{
    private static readonly MetricModel Model = ModelFolder.LoadGood(
        ("model.yaml",
            """
            semantic_models:
              - name: visits
                model: visits
                defaults: { agg_time_dimension: started_at }
                entities: [{ name: visit, type: primary, expr: id }]
                dimensions:
                  - { name: started_at, type: time, type_params: { time_granularity: second } }
                  - { name: country, type: categorical }
                  - { name: device, type: categorical }
                measures: [{ name: visit_count, agg: count, expr: "1" }]
            metrics:
              - { name: visits, type: simple, type_params: { measure: visit_count } }
            insights:
              - name: by-month
                query:
                  metrics: [visits]
                  group_by: [metric_time__month]
                  where: { field: visit__device, op: isSet }
                  time_range: { last: P12M }
                  compare: { to: previousYear }
                parameters:
                  - { name: country, field: visit__country, multiple: true }
                  - { name: device, field: visit__device, values: [mobile, desktop], default: mobile }
                  - { name: from, sets: timeRange.from }
                  - { name: to, sets: timeRange.to }
                  - { name: last, sets: timeRange.last }
                  - { name: limit, sets: limit }
                  - { name: fill, sets: fill }
                  - { name: by, sets: groupBy, multiple: true }
                  - { name: against, sets: compare.offset }
              - name: of-a-show
                query: { metrics: [visits] }
                parameters: [{ name: show, field: visit__country, required: true }]
            """));

    [Fact]
    public void Defaults_hold_where_nothing_is_given()
    {
        var query = Bind("by-month");
        Assert.Equal(
            new AndFilter([Comparison("visit__device", FilterOperator.IsSet), Comparison("visit__device", FilterOperator.Equals, "mobile")]),
            query.Where);
        Assert.Equal(new LastTimeRange(new CalendarPeriod(12, TimeGrain.Month)), query.TimeRange);
    }

    [Fact]
    public void A_field_parameter_narrows_the_rows()
    {
        var query = Bind("by-month", ("country", ["FR,DE", "AT"]), ("device", ["desktop"]));
        Assert.Equal(
            new AndFilter([
                Comparison("visit__device", FilterOperator.IsSet),
                Comparison("visit__country", FilterOperator.In, "FR", "DE", "AT"),
                Comparison("visit__device", FilterOperator.Equals, "desktop"),
            ]),
            query.Where);
    }

    [Theory]
    [InlineData(@"Korea\, Republic of,FR", "Korea, Republic of", "FR")]
    [InlineData(@"a\\,b", @"a\", "b")]
    [InlineData(@" a , b\ ,\  c\ d ", "a", "b ", "  c d")]
    [InlineData(@"a\b", @"a\b")]
    [InlineData(@"a\", @"a\")]
    [InlineData(@" a , b ", "a", "b")]
    public void A_backslash_keeps_a_comma(string given, params string[] values) =>
        Assert.Contains(Comparison("visit__country", FilterOperator.In, values), Assert.IsType<AndFilter>(Bind("by-month", ("country", [given])).Where).Filters);

    [Fact]
    public void A_setting_parameter_changes_the_query()
    {
        var query = Bind("by-month", ("from", ["2026-01-01"]), ("to", ["2026-03-01"]), ("limit", ["5"]), ("fill", ["true"]), ("by", ["metric_time__week", "visit__country"]), ("against", ["P1M"]));
        Assert.Equal(new AbsoluteTimeRange(TimePoint.FromDate(new DateOnly(2026, 1, 1)), TimePoint.FromDate(new DateOnly(2026, 3, 1))), query.TimeRange);
        Assert.Equal((5, true), (query.Limit, query.Fill));
        Assert.Equal(["metric_time__week", "visit__country"], query.GroupBy.Select(g => g.ToString()));
        Assert.Equal(new Comparison(ComparisonKind.Offset, new CalendarPeriod(1, TimeGrain.Month)), query.Compare);
    }

    [Fact]
    public void The_insight_itself_is_never_changed()
    {
        var before = Model.Insights["by-month"].Query.ToJsonString();
        Bind("by-month", ("from", ["2026-01-01"]), ("limit", ["5"]));
        Assert.Equal(before, Model.Insights["by-month"].Query.ToJsonString());
    }

    [Fact]
    public void Every_mistake_is_told_by_its_parameter()
    {
        var problems = Problems("by-month", ("contry", ["FR"]), ("device", ["mobil"]), ("from", ["2026-13-01"]), ("limit", ["0"]), ("fill", ["yes"]), ("country", [""]), ("to", ["a", "b"]), ("against", ["1M"]));
        Assert.Equal(
            [
                ("unknown_parameter", "contry", "Did you mean 'country'?"), ("empty_parameter", "country", null), ("unknown_value", "device", "Did you mean 'mobile'?"), ("repeated_parameter", "to", null),
                ("bad_time", "from", null), ("bad_duration", "against", null), ("out_of_range", "limit", null), ("wrong_type", "fill", null),
            ],
            problems.Select(p => (p.Code, p.Path!, p.Suggestion is { } s && s.StartsWith("Did", StringComparison.Ordinal) ? s : null)));
    }

    [Fact]
    public void A_required_parameter_must_be_given()
    {
        Assert.Equal(("missing_parameter", "show"), Problems("of-a-show").Select(p => (p.Code, p.Path!)).Single());
        Assert.Equal(Comparison("visit__country", FilterOperator.Equals, "x,y"), Bind("of-a-show", ("show", ["x,y"])).Where);
        Assert.Null(InsightBinder.BindDefaults(Model.Insights["of-a-show"]).Query.Where);
    }

    [Fact]
    public void The_planners_problems_are_told_by_parameter()
    {
        var bound = InsightBinder.Bind(Model.Insights["by-month"], Given(("country", ["FR"]), ("from", ["2026-01-01"])));
        var told = bound.Translate(new QueryException(
        [
            new QueryProblem("a", "m", "where.and[1].values[0]"), new QueryProblem("b", "m", "where.and[10]"), new QueryProblem("c", "m", "timeRange.from"),
            new QueryProblem("d", "m", "where.and[2].values[0]"), new QueryProblem("e", "m", "metrics[0]"), new QueryProblem("f", "m"),
        ], isUnanswerable: true));
        Assert.Equal(["country", "where.and[10]", "from", "device", "metrics[0]", null], told.Problems.Select(p => p.Path));
        Assert.True(told.IsUnanswerable);
    }

    [Fact]
    public void Published_queries_are_checked_when_the_model_is_loaded()
    {
        var result = Load(
            """
            insights:
              - { name: good, query: { metrics: [visits], group_by: [metric_time__month] } }
              - { name: ranged, query: { metrics: [visits], compare: { to: previousYear } }, parameters: [{ name: from, sets: timeRange.from, required: true }] }
              - { name: bad-range, query: { metrics: [visits], time_range: { last: 12 months }, limt: 3 } }
              - { name: bad-field, query: { metrics: [visits], group_by: [visit__contry] } }
              - { name: bad-default, query: { metrics: [visits] }, parameters: [{ name: limit, sets: limit, default: many }] }
            saved_queries:
              - { name: later, query_params: { metrics: [visits], group_by: ["TimeDimension('metric_time', 'month')"], limit: 0 } }
            """);
        Assert.Null(result.Model);
        Assert.Equal(
            [("I001", 4, "limt"), ("I001", 4, "timeRange.last"), ("I001", 5, "visit__contry"), ("I001", 6, "limit"), ("I002", 8, "limit")],
            result.Problems.Select(p => (p.Code, p.Position!.Line, new[] { "limt", "timeRange.last", "visit__contry", "limit" }.First(w => p.Message.Contains(w, StringComparison.Ordinal)))).Order());
    }

    private static ModelLoadResult Load(string published)
    {
        using var folder = new ModelFolder(
            ("semantics.yaml",
                """
                semantic_models:
                  - name: visits
                    model: visits
                    defaults: { agg_time_dimension: started_at }
                    entities: [{ name: visit, type: primary, expr: id }]
                    dimensions:
                      - { name: started_at, type: time, type_params: { time_granularity: second } }
                      - { name: country, type: categorical }
                    measures: [{ name: visit_count, agg: count, expr: "1" }]
                metrics:
                  - { name: visits, type: simple, type_params: { measure: visit_count } }
                """),
            ("published.yaml", published));
        return new ModelLoader([new PublishedQueryRule(TimeProvider.System)]).Load(folder.Path);
    }

    private static MetricQuery Bind(string insight, params (string Name, ImmutableArray<string> Values)[] given) => InsightBinder.Bind(Model.Insights[insight], Given(given)).Query;

    private static ImmutableArray<QueryProblem> Problems(string insight, params (string Name, ImmutableArray<string> Values)[] given) =>
        Assert.Throws<QueryException>(() => Bind(insight, given)).Problems;

    private static Dictionary<string, ImmutableArray<string>> Given(params (string Name, ImmutableArray<string> Values)[] given) => given.ToDictionary(g => g.Name, g => g.Values);

    private static ComparisonFilter Comparison(string field, FilterOperator op, params object?[] values) => new(FieldName.Parse(field), op, [.. values]);
}
