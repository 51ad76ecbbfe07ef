using System.Collections.Immutable;
using System.Text;
using System.Text.Json.Nodes;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Query;

public sealed class MetricQueryReaderTests
{
    private const string Whole =
        """
        { "metrics": ["visits", "bounce_rate"],
          "groupBy": ["metric_time__month", "visit__country"],
          "where": { "and": [ { "field": "visit__device", "op": "in", "values": ["mobile", "tablet"] },
                              { "not": { "field": "visit__country", "op": "equals", "values": ["DE", null] } },
                              { "or": [ { "field": "visit__pages", "op": "between", "values": [1, 2.50] }, { "field": "visit__is_new", "op": "isSet" } ] } ] },
          "having": { "field": "visits", "op": "gte", "values": [100] },
          "timeRange": { "from": "2026-01-01", "to": "2026-07-01T12:30:00+02:00" },
          "timeZone": "Europe/Berlin",
          "compare": { "to": "previousYear", "alignToDate": true },
          "orderBy": [ { "field": "visits", "descending": true }, { "field": "visit__country" } ],
          "limit": 100, "cursor": null, "fill": true, "totals": true, "source": "lake" }
        """;

    [Fact]
    public void Every_part_of_the_contract_is_read()
    {
        var query = Read(Whole);

        Assert.Equal(["visits", "bounce_rate"], query.Metrics.AsEnumerable());
        Assert.Equal(["metric_time__month", "visit__country"], query.GroupBy.Select(g => g.ToString()));
        Assert.Equal(TimeGrain.Month, query.GroupBy[0].Grain);
        Assert.Equal(
            new AndFilter([
                Comparison("visit__device", FilterOperator.In, "mobile", "tablet"),
                new NotFilter(Comparison("visit__country", FilterOperator.Equals, "DE", null)),
                new OrFilter([Comparison("visit__pages", FilterOperator.Between, 1L, 2.50m), Comparison("visit__is_new", FilterOperator.IsSet)]),
            ]),
            query.Where);
        Assert.Equal(Comparison("visits", FilterOperator.Gte, 100L), query.Having);
        Assert.Equal(
            new AbsoluteTimeRange(TimePoint.FromDate(new DateOnly(2026, 1, 1)), new TimePoint(new DateTime(2026, 7, 1, 12, 30, 0), TimeSpan.FromHours(2))),
            query.TimeRange);
        Assert.Equal("Europe/Berlin", query.TimeZone!.Id);
        Assert.Equal(new Comparison(ComparisonKind.PreviousYear, null, true), query.Compare);
        Assert.Equal([new QueryOrder("visits", true), new QueryOrder("visit__country", false)], query.OrderBy.AsEnumerable());
        Assert.Equal((100, true, true, QuerySource.Lake, null), (query.Limit, query.Fill, query.Totals, query.Source, query.Tenant));
    }

    [Theory]
    [InlineData("P30D", 30, TimeGrain.Day)]
    [InlineData("P2W", 2, TimeGrain.Week)]
    [InlineData("P1W2D", 9, TimeGrain.Day)]
    [InlineData("P12M", 12, TimeGrain.Month)]
    [InlineData("P1Y", 1, TimeGrain.Year)]
    [InlineData("P1Y6M", 18, TimeGrain.Month)]
    [InlineData("PT24H", 24, TimeGrain.Hour)]
    [InlineData("PT1H30M", 90, TimeGrain.Minute)]
    [InlineData("PT1M1S", 61, TimeGrain.Second)]
    public void Lengths_are_ISO_8601(string text, int count, TimeGrain grain)
    {
        Assert.Equal(new LastTimeRange(new CalendarPeriod(count, grain)), Read($$$"""{"timeRange":{"last":"{{{text}}}"}}""").TimeRange);
        Assert.Equal(new Comparison(ComparisonKind.Offset, new CalendarPeriod(count, grain)), Read($$$$"""{"compare":{"to":{"offset":"{{{{text}}}}"}}}""").Compare);
    }

    [Theory]
    [InlineData("""[]""", null, "wrong_type")]
    [InlineData("""{"metrics":"visits"}""", "metrics", "wrong_type")]
    [InlineData("""{"metrics":[1]}""", "metrics[0]", "wrong_type")]
    [InlineData("""{"metrics":["a","b-c"]}""", "metrics[1]", "bad_name")]
    [InlineData("""{"metrics":[""]}""", "metrics[0]", "bad_name")]
    [InlineData("""{"metrics":["a\u0000"]}""", "metrics[0]", "bad_text")]
    [InlineData("""{"metrics":["\ud800"]}""", "metrics[0]", "bad_text")]
    [InlineData("""{"groupBy":["visit__day,week"]}""", "groupBy[0]", "bad_name")]
    [InlineData("""{"metric":["a"]}""", "metric", "unknown_property")]
    [InlineData("""{"limit":1,"limit":2}""", "limit", "duplicate_property")]
    [InlineData("""{"limit":0}""", "limit", "out_of_range")]
    [InlineData("""{"limit":1000001}""", "limit", "out_of_range")]
    [InlineData("""{"limit":1.5}""", "limit", "out_of_range")]
    [InlineData("""{"limit":"10"}""", "limit", "wrong_type")]
    [InlineData("""{"fill":"yes"}""", "fill", "wrong_type")]
    [InlineData("""{"source":"golds"}""", "source", "unknown_value")]
    [InlineData("""{"cursor":"abc"}""", "cursor", "cursor_not_supported")]
    [InlineData("""{"timeZone":"Europe/Berlim"}""", "timeZone", "unknown_time_zone")]
    [InlineData("""{"timeZone":"../../etc/passwd"}""", "timeZone", "unknown_time_zone")]
    [InlineData("""{"timeRange":{"from":"2026-02-29"}}""", "timeRange.from", "bad_time")]
    [InlineData("""{"timeRange":{"from":"yesterday"}}""", "timeRange.from", "bad_time")]
    [InlineData("""{"timeRange":{"from":"2026-01-01T10:00:00+15:00"}}""", "timeRange.from", "bad_time")]
    [InlineData("""{"timeRange":{"from":"2026-01-01Z"}}""", "timeRange.from", "bad_time")]
    [InlineData("""{"timeRange":{"to":"9999-12-31"}}""", "timeRange.to", "out_of_range")]
    [InlineData("""{"timeRange":{"from":"2026-02-01","to":"2026-02-01"}}""", "timeRange", "empty_time_range")]
    [InlineData("""{"timeRange":{"from":"2026-02-01T00:00:00Z","to":"2026-02-01T01:00:00+02:00"}}""", "timeRange", "empty_time_range")]
    [InlineData("""{"timeRange":{"from":"2026-02-01","last":"P1D"}}""", "timeRange", "conflicting_properties")]
    [InlineData("""{"timeRange":{"last":"12 months"}}""", "timeRange.last", "bad_duration")]
    [InlineData("""{"timeRange":{"last":"P1M1D"}}""", "timeRange.last", "bad_duration")]
    [InlineData("""{"timeRange":{"last":"P"}}""", "timeRange.last", "bad_duration")]
    [InlineData("""{"timeRange":{"last":"P1DT"}}""", "timeRange.last", "bad_duration")]
    [InlineData("""{"timeRange":{"last":"P0D"}}""", "timeRange.last", "out_of_range")]
    [InlineData("""{"timeRange":{"last":"P999999999Y"}}""", "timeRange.last", "out_of_range")]
    [InlineData("""{"timeRange":{"toDate":"hour"}}""", "timeRange.toDate", "unknown_value")]
    [InlineData("""{"compare":{}}""", "compare.to", "missing_property")]
    [InlineData("""{"compare":{"to":"offset"}}""", "compare.to", "unknown_value")]
    [InlineData("""{"compare":{"to":"previousYear","offset":"P1M"}}""", "compare", "conflicting_properties")]
    [InlineData("""{"orderBy":[{"descending":true}]}""", "orderBy[0].field", "missing_property")]
    [InlineData("""{"orderBy":[5]}""", "orderBy[0]", "wrong_type")]
    [InlineData("""{"orderBy":["-vis its"]}""", "orderBy[0]", "bad_name")]
    [InlineData("""{"groupBy":["Metric('visits')"]}""", "groupBy[0]", "bad_name")]
    [InlineData("""{"groupBy":["Dimension('a\"b')"]}""", "groupBy[0]", "bad_name")]
    [InlineData("""{"groupBy":["Dimension('a'"]}""", "groupBy[0]", "bad_name")]
    [InlineData("""{"where":""}""", "where", "bad_where")]
    [InlineData("""{"where":"{{ Dimension('a') }} = "}""", "where", "sql_not_allowed")]
    [InlineData("""{"where":"{{ Dimension('a') }} = 'x' or 1 = 1"}""", "where", "sql_not_allowed")]
    [InlineData("""{"where":"{{ Dimension('a') }} = 'x') or (1 = 1"}""", "where", "bad_where")]
    [InlineData("""{"where":"{{ Dimension('a') }} = (select min(secret) from other)"}""", "where", "sql_not_allowed")]
    [InlineData("""{"where":"{{ Dimension('a') }} in (select 1)"}""", "where", "sql_not_allowed")]
    [InlineData("""{"where":"not (lower({{ Dimension('a') }}) = 'x')"}""", "where", "sql_not_allowed")]
    [InlineData("""{"where":"{{ Dimension('a') }} = 'x'; drop table t"}""", "where", "bad_where")]
    [InlineData("""{"where":["{{ Dimension('a') }} = 1","{{ Dimension('a') }} + 1 = 2"]}""", "where[1]", "sql_not_allowed")]
    [InlineData("""{"where":["{{ Dimension('a') }} = 1",{"field":"a","op":"isSet"}]}""", "where[1]", "wrong_type")]
    [InlineData("""{"where":"{{ Dimension('a').pwn() }} = 1"}""", "where", "bad_where")]
    [InlineData("""{"minMax":true}""", "minMax", "unknown_property")]
    [InlineData("""{"start":"2020-01-01"}""", "start", "unknown_property")]
    [InlineData("""{"where":[]}""", "where", "wrong_type")]
    [InlineData("""{"where":{"and":[]}}""", "where.and", "wrong_value_count")]
    [InlineData("""{"where":{"and":[{"field":"a","op":"isSet"}],"or":[{"field":"a","op":"isSet"}]}}""", "where", "conflicting_properties")]
    [InlineData("""{"where":{"op":"isSet"}}""", "where.field", "missing_property")]
    [InlineData("""{"where":{"field":"a"}}""", "where.op", "missing_property")]
    [InlineData("""{"where":{"field":"a","op":"equal","values":[1]}}""", "where.op", "unknown_value")]
    [InlineData("""{"where":{"field":"a","op":"equals"}}""", "where.values", "wrong_value_count")]
    [InlineData("""{"where":{"field":"a","op":"isSet","values":[1]}}""", "where.values", "wrong_value_count")]
    [InlineData("""{"where":{"field":"a","op":"between","values":[1]}}""", "where.values", "wrong_value_count")]
    [InlineData("""{"where":{"field":"a","op":"gt","values":[1,2]}}""", "where.values", "wrong_value_count")]
    [InlineData("""{"where":{"field":"a","op":"gt","values":[null]}}""", "where.values[0]", "wrong_type")]
    [InlineData("""{"where":{"field":"a","op":"contains","values":[5]}}""", "where.values[0]", "wrong_type")]
    [InlineData("""{"where":{"field":"a","op":"in","values":["x",{}]}}""", "where.values[1]", "wrong_type")]
    [InlineData("""{"where":{"field":"a","op":"equals","values":[1e999]}}""", "where.values[0]", "out_of_range")]
    [InlineData("""{"where":{"field":"a","op":"matches","values":["(a"]}}""", "where.values[0]", "bad_pattern")]
    [InlineData("""{"where":{"field":"a","op":"matches","values":["(?=a)"]}}""", "where.values[0]", "bad_pattern")]
    [InlineData("""{"where":{"not":{"or":[{"field":"a","op":"isSet"},{"field":"b","op":"isset"}]}}}""", "where.not.or[1].op", "unknown_value")]
    public void A_mistake_is_told_with_its_place(string json, string? path, string code)
    {
        var problem = Assert.Single(Problems(json));
        Assert.Equal((code, path), (problem.Code, problem.Path));
    }

    [Theory]
    [InlineData("""{"metricss":[]}""", "Did you mean 'metrics'?")]
    [InlineData("""{"where":{"field":"a","op":"notequals","values":[1]}}""", "Did you mean 'notEquals'?")]
    [InlineData("""{"where":{"field":"a","op":"equals","value":[1]}}""", "Did you mean 'values'?")]
    [InlineData("""{"source":"Gold"}""", "Did you mean 'gold'?")]
    [InlineData("""{"timeZone":"Europe/Berlim"}""", "Did you mean 'Europe/Berlin'?")]
    [InlineData("""{"compare":{"to":"previousyear"}}""", "Did you mean 'previousYear'?")]
    [InlineData("""{"metrics":[" visits"]}""", "Did you mean 'visits'?")]
    public void A_near_word_is_suggested(string json, string suggestion) =>
        Assert.Contains(suggestion, Problems(json).Select(p => p.Suggestion));

    [Fact]
    public void Forty_mistakes_are_forty_problems()
    {
        var problems = Problems(ManyMistakes(40));
        Assert.Equal(40, problems.Length);
        Assert.Equal(40, problems.Select(p => p.Path).Distinct().Count());
    }

    [Fact]
    public void Endless_mistakes_come_to_an_end()
    {
        var json = "{" + string.Join(",", Enumerable.Range(0, 20_000).Select(i => $"\"x{i}\":1")) + "}";
        var problems = Problems(json);
        Assert.Equal(501, problems.Length);
        Assert.Equal("too_many_problems", problems[^1].Code);
    }

    [Fact]
    public void Sizes_are_bounded()
    {
        Assert.Equal(50, Read(Metrics(50)).Metrics.Length);
        Assert.Equal("too_many", Assert.Single(Problems(Metrics(51))).Code);
        Assert.Equal("too_many", Assert.Single(Problems($$"""{"groupBy":[{{string.Join(",", Enumerable.Range(0, 31).Select(i => $"\"g{i}\""))}}]}""")).Code);
        Assert.Equal("too_many", Assert.Single(Problems($$$"""{"where":{"field":"a","op":"in","values":[{{{string.Join(",", Enumerable.Range(0, 1001))}}}]}}""")).Code);
        Assert.Equal("too_many", Assert.Single(Problems($$$"""{"where":{"or":[{{{string.Join(",", Enumerable.Repeat("""{"field":"a","op":"isSet"}""", 1000))}}}]}}""")).Code);

        static string Metrics(int count) => $$"""{"metrics":[{{string.Join(",", Enumerable.Range(0, count).Select(i => $"\"m{i}\""))}}]}""";
    }

    [Fact]
    public void A_condition_may_be_thirty_two_levels_deep()
    {
        Assert.NotNull(Read(Nested(32)).Where);
        Assert.Equal("too_deep", Assert.Single(Problems(Nested(33))).Code);
        Assert.Equal("too_deep", Assert.Single(Problems(Nested(200))).Code);
        Assert.Equal("malformed_json", Assert.Single(Problems(Nested(5_000))).Code);

        static string Nested(int levels) =>
            "{\"where\":" + string.Concat(Enumerable.Repeat("{\"not\":", levels - 1)) + """{"field":"a","op":"isSet"}""" + new string('}', levels - 1) + "}";
    }

    [Theory]
    [InlineData("", 1, 1)]
    [InlineData("{\n  \"metrics\": [\"a\",]\n}", 2, 19)]
    [InlineData("{\"limit\": 01}", 1, 12)]
    public void Malformed_json_is_told_with_line_and_position(string json, int line, int position)
    {
        var problem = Assert.Single(Problems(json));
        Assert.Equal("malformed_json", problem.Code);
        Assert.StartsWith($"This is no JSON: line {line}, position {position}: ", problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("^a.*b$")]
    [InlineData("(?i)straße|[[:alpha:]]{2,5}")]
    [InlineData("(?P<year>\\\\d{4})\\\\p{L}")]
    public void Patterns_of_the_engines_are_let_in(string pattern) =>
        Assert.NotNull(Read($$$"""{"where":{"field":"a","op":"matches","values":["{{{pattern}}}"]}}""").Where);

    [Fact]
    public void A_byte_order_mark_and_nulls_do_no_harm()
    {
        var query = MetricQueryReader.Read((byte[])[0xEF, 0xBB, 0xBF, .. """{"metrics":["a"],"where":null,"limit":null,"timeRange":{"from":null}}"""u8]);
        Assert.Equal(["a"], query.Metrics.AsEnumerable());
        Assert.Equal((null, null, null), (query.Where, query.Limit, query.TimeRange));
    }

    [Fact]
    public void A_query_string_says_the_same_as_json()
    {
        var query = ReadQueryString(
            "metrics=visits,bounce_rate", "groupBy=metric_time__month", "groupBy=visit__country", "orderBy=-visits,visit__country", "limit=100", "fill=true", "totals=true", "source=lake",
            "timeZone=Europe/Berlin", "compare={\"to\":\"previousYear\",\"alignToDate\":true}", "from=2026-01-01", "to=2026-07-01T12:30:00+02:00",
            "where=" + JsonNode.Parse(Whole)!["where"]!.ToJsonString(), "having=" + JsonNode.Parse(Whole)!["having"]!.ToJsonString());
        Assert.Equivalent(Read(Whole), query, strict: true);
    }

    [Theory]
    [InlineData("limit=ten", "limit", "wrong_type")]
    [InlineData("limit=1&limit=2", "limit", "repeated_parameter")]
    [InlineData("limt=1", "limt", "unknown_parameter")]
    [InlineData("fill=yes", "fill", "wrong_type")]
    [InlineData("from=2026-02-30", "from", "bad_time")]
    [InlineData("last=P1X", "last", "bad_duration")]
    [InlineData("toDate=yaer", "toDate", "unknown_value")]
    [InlineData("where={", "where", "malformed_json")]
    [InlineData("where={\"field\":\"a\",\"op\":\"x\",\"values\":[1]}", "where.op", "unknown_value")]
    [InlineData("timeRange={\"last\":\"P1D\"}&from=2026-01-01", "timeRange", "conflicting_properties")]
    [InlineData("compare=previousYaer", "compare.to", "unknown_value")]
    public void A_mistake_in_a_query_string_is_told_by_its_parameter(string text, string path, string code)
    {
        var exception = Assert.Throws<QueryException>(() => ReadQueryString(text.Split('&')));
        var problem = Assert.Single(exception.Problems);
        Assert.Equal((code, path), (problem.Code, problem.Path));
    }

    [Fact]
    public void Shorthands_of_a_query_string()
    {
        Assert.Equal(new Comparison(ComparisonKind.Offset, new CalendarPeriod(1, TimeGrain.Month)), ReadQueryString("compare=P1M").Compare);
        Assert.Equal(new ToDateTimeRange(TimeGrain.Year), ReadQueryString("toDate=year").TimeRange);
        Assert.Equal(["a", "b", "c"], ReadQueryString("metrics=a,b", "metrics=c").Metrics.AsEnumerable());
    }

    /// <summary>A query with so many mistakes, each of its own.</summary>
    internal static string ManyMistakes(int count)
    {
        string[] heads =
        [
            """ "metrics":["visits", 7, "bounce rate"] """, """ "groupBy":"visit__country" """, """ "timeRange":{"from":"2026-02-30","to":"soon","until":1} """,
            """ "timeZone":"Europe/Berlim" """, """ "compare":{"to":"lastYear","alignToDate":"no"} """, """ "orderBy":[{"feild":"visits"},5] """,
            """ "limit":0 """, """ "fill":1 """, """ "totals":"x" """, """ "source":"silver" """, """ "cursor":"abc" """,
        ];
        var known = Problems("{" + string.Join(",", heads) + "}").Length;
        var conditions = Enumerable.Range(0, count - known).Select(i => $$"""{"field":"f{{i}}","op":"equals"}""");
        return "{" + string.Join(",", heads.Append($$"""  "where":{"and":[{{string.Join(",", conditions)}}]} """)) + "}";
    }

    private static MetricQuery Read(string json) => MetricQueryReader.Read(Encoding.UTF8.GetBytes(json));

    private static ImmutableArray<QueryProblem> Problems(string json) => Assert.Throws<QueryException>(() => Read(json)).Problems;

    private static MetricQuery ReadQueryString(params string[] parts) =>
        MetricQueryReader.ReadQueryString(parts.Select(p => p.Split('=', 2)).GroupBy(p => p[0], p => p[1]).Select(g => KeyValuePair.Create(g.Key, g.ToImmutableArray())));

    private static ComparisonFilter Comparison(string field, FilterOperator op, params object?[] values) => new(FieldName.Parse(field), op, [.. values]);
}
