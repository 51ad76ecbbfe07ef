using System.Globalization;
using CsCheck;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Filters;

namespace Write.DataPlatform.Tests.Model;

public sealed class FilterParserTests
{
    private static readonly FieldName Country = FieldName.Parse("visit__country");

    public static TheoryData<string, FilterOperator, object?[]> Comparisons => new()
    {
        { "= 'FR'", FilterOperator.Equals, ["FR"] },
        { "== 'it''s'", FilterOperator.Equals, ["it's"] },
        { "!= 'FR'", FilterOperator.NotEquals, ["FR"] },
        { "<> 5", FilterOperator.NotEquals, [5L] },
        { "< -5", FilterOperator.Lt, [-5L] },
        { "<= 1.50", FilterOperator.Lte, [1.50m] },
        { "> 1e3", FilterOperator.Gt, [1000d] },
        { ">= date '2024-01-31'", FilterOperator.Gte, ["2024-01-31"] },
        { ">= '2024-01-31'::date", FilterOperator.Gte, ["2024-01-31"] },
        { ">= CAST('2024-01-31 10:00:00' AS timestamp)", FilterOperator.Gte, ["2024-01-31 10:00:00"] },
        { "= true", FilterOperator.Equals, [true] },
        { "in ('FR', 'DE')", FilterOperator.In, ["FR", "DE"] },
        { "NOT IN (1, 2)", FilterOperator.NotIn, [1L, 2L] },
        { "between 1 and 2", FilterOperator.Between, [1L, 2L] },
        { "is null", FilterOperator.IsNotSet, [] },
        { "IS NOT NULL", FilterOperator.IsSet, [] },
        { "like 'a%'", FilterOperator.StartsWith, ["a"] },
        { "not like '%a'", FilterOperator.NotEndsWith, ["a"] },
        { "like '%a%'", FilterOperator.Contains, ["a"] },
        { "like 'abc'", FilterOperator.Equals, ["abc"] },
        { "", FilterOperator.Equals, [true] },
    };

    public static TheoryData<string, string> Fields => new()
    {
        { "Dimension('visit__country')", "visit__country" },
        { "Dimension(\"visit__country\")", "visit__country" },
        { "Dimension('visit__started_at').grain('month')", "visit__started_at__month" },
        { "Dimension('show__genre', entity_path=['visit'])", "visit__show__genre" },
        { "TimeDimension('metric_time', 'MONTH')", "metric_time__month" },
        { "TimeDimension('metric_time', time_granularity_name='day')", "metric_time__day" },
        { "TimeDimension('show__aired', 'year', entity_path=['visit'])", "visit__show__aired__year" },
        { "TimeDimension('metric_time')", "metric_time" },
        { "Entity('visit')", "visit" },
        { "Entity('show', entity_path=['visit'])", "visit__show" },
    };

    [Theory]
    [MemberData(nameof(Comparisons))]
    public void A_comparison_becomes_a_leaf(string text, FilterOperator op, object?[] values) =>
        Assert.Equal(new ComparisonFilter(Country, op, [.. values]), FilterParser.Parse("{{ Dimension('visit__country') }} " + text));

    [Theory]
    [MemberData(nameof(Fields))]
    public void A_template_becomes_a_field(string template, string name)
    {
        var field = Assert.IsType<ComparisonFilter>(FilterParser.Parse($"{{{{ {template} }}}} = 1")).Field;
        Assert.Equal(FieldName.Parse(name), field);
    }

    [Theory]
    [InlineData("metric_time__day >= '2020-01-01' and not booking__is_instant", "{{ TimeDimension('metric_time', 'day') }} >= '2020-01-01' and not {{ Dimension('booking__is_instant') }}")]
    [InlineData("metric_time is not null", "{{ Dimension('metric_time') }} is not null")]
    [InlineData("{{ Dimension('x', entity_path=('a', 'b',)) }} = 1", "{{ Dimension('x', entity_path=['a', 'b']) }} = 1")]
    [InlineData("{{ Dimension('a__x', entity_path=()) }} = 1", "{{ Dimension('a__x') }} = 1")]
    public void Names_of_columns_and_tuples_are_templates_too(string text, string template) => Assert.Equal(FilterParser.Parse(template), FilterParser.Parse(text));

    [Fact]
    public void A_column_in_a_function_is_a_field_of_it()
    {
        var sql = Assert.IsType<SqlFilter>(FilterParser.Parse("CAST(metric_time__DAY AS TIMESTAMP) < 'x__y'"));
        Assert.Equal(["CAST(", " AS TIMESTAMP) < 'x__y'"], sql.Parts);
        Assert.Equal(FieldName.Parse("metric_time__day"), Assert.Single(sql.References));
    }

    [Fact]
    public void And_binds_closer_than_or_and_not_closer_than_and()
    {
        var parsed = FilterParser.Parse("{{Dimension('a__x')}} = 1 or not {{Dimension('a__y')}} = 2 and ({{Dimension('a__z')}} = 3 or {{Dimension('a__z')}} = 4)");

        Assert.Equal(
            new OrFilter([Is("a__x", 1), new AndFilter([new NotFilter(Is("a__y", 2)), new OrFilter([Is("a__z", 3), Is("a__z", 4)])])]),
            parsed);
    }

    [Fact]
    public void A_value_may_stand_on_the_left() =>
        Assert.Equal(new ComparisonFilter(Country, FilterOperator.Lt, [3L]), FilterParser.Parse("3 > {{ Dimension('visit__country') }}"));

    [Theory]
    [InlineData("lower({{ Dimension('visit__country') }}) = 'fr'", "lower(|) = 'fr'")]
    [InlineData("({{ Dimension('visit__country') }} + 1) > 3", "(| + 1) > 3")]
    [InlineData("{{ Dimension('visit__country') }} = null", "| = null")]
    [InlineData("{{ Dimension('visit__country') }} in ('FR', null)", "| in ('FR', null)")]
    [InlineData("{{ Dimension('visit__country') }} like 'a_b'", "| like 'a_b'")]
    [InlineData("{{ Dimension('visit__country') }} is true", "| is true")]
    [InlineData("{{ Dimension('visit__country') }} between 1 + 1 and 2", "| between 1 + 1 and 2")]
    [InlineData("{{ Dimension('visit__country') }} = '7'::int", "| = '7'::int")]
    [InlineData("{{ Dimension('visit__country') }} = '2024-01-01 10:00'::date", "| = '2024-01-01 10:00'::date")]
    [InlineData("case when {{ Dimension('visit__country') }} = 1 and 1 = 1 then true else false end", "case when | = 1 and 1 = 1 then true else false end")]
    public void What_has_no_tree_stays_sql(string text, string expected)
    {
        Assert.Equal(new SqlFilter([.. expected.Split('|')], [Country]), FilterParser.Parse(text));

        // Only the smallest term does.
        Assert.Equal(new AndFilter([Is("a__x", 1), new SqlFilter([.. expected.Split('|')], [Country])]), FilterParser.Parse("{{ Dimension('a__x') }} = 1 and " + text));
    }

    [Theory]
    [InlineData("", ModelCode.BadFilter)]
    [InlineData("   ", ModelCode.BadFilter)]
    [InlineData("{{ Dimension('a__x') = 1", ModelCode.BadFilter)]
    [InlineData("{{ Dimention('a__x') }} = 1", ModelCode.BadFilter)]
    [InlineData("{{ Dimension() }} = 1", ModelCode.BadFilter)]
    [InlineData("{{ Dimension(x) }} = 1", ModelCode.BadFilter)]
    [InlineData("{{ Dimension('a__x') }} = 'FR", ModelCode.BadFilter)]
    [InlineData("({{ Dimension('a__x') }} = 1", ModelCode.BadFilter)]
    [InlineData("{{ Dimension('a__x') }} = 1)", ModelCode.BadFilter)]
    [InlineData("{{ Dimension('a__x') }} = 1 and", ModelCode.BadFilter)]
    [InlineData("or {{ Dimension('a__x') }} = 1", ModelCode.BadFilter)]
    [InlineData("{{ Dimension('a__x') }} = 1; drop table x", ModelCode.BadFilter)]
    [InlineData("{{ Dimension('a__x') }} = lower('a') -- and more", ModelCode.BadFilter)]
    [InlineData("{{ Dimension('a__x') }} = /* */ 1", ModelCode.BadFilter)]
    [InlineData("country = 'FR'", ModelCode.BadFilter)]
    [InlineData("{% if x %} 1 {% endif %}", ModelCode.BadFilter)]
    [InlineData("{{ Metric('visits') }} > 3", ModelCode.BadFilter)]
    [InlineData("{{ Metric('visits', group_by=['visitor', 'show']) }} > 3", ModelCode.BadFilter)]
    [InlineData("{{ TimeDimension('metric_time', 'day', date_part_name='fortnight') }} = 2024", ModelCode.BadFilter)]
    [InlineData("{{ TimeDimension('metric_time', 'microsecond') }} = 2024", ModelCode.NotSupported)]
    [InlineData("{{ Dimension('a__x', entity_path=('b') }} = 1", ModelCode.BadFilter)]
    public void What_is_no_condition_is_refused(string text, string code) =>
        Assert.Equal(code, Assert.Throws<FilterException>(() => FilterParser.Parse(text)).Code);

    [Fact]
    public void Depth_and_length_are_bounded()
    {
        Assert.Equal(ModelCode.TooLarge, Assert.Throws<FilterException>(() => FilterParser.Parse(new string('(', 10_000) + "{{ Dimension('a__x') }}" + new string(')', 10_000))).Code);
        Assert.Equal(ModelCode.TooLarge, Assert.Throws<FilterException>(() => FilterParser.Parse(string.Concat(Enumerable.Repeat("not ", 10_000)) + "{{ Dimension('a__x') }}")).Code);
        Assert.Equal(ModelCode.TooLarge, Assert.Throws<FilterException>(() => FilterParser.Parse(new string(' ', 200_000))).Code);
    }

    [Fact]
    public void A_printed_tree_reads_back_as_itself() =>
        Trees(3).Sample(filter => Assert.Equal(filter, FilterParser.Parse(Print(filter))), iter: 3_000);

    [Fact]
    public void Any_text_is_read_or_refused()
    {
        var words = Any(
            "{{ Dimension('a__b') }}", "{{", "}}", "'", "''", "\"", "(", ")", "and", "or", "not", "in", "between", "like", "is", "null", "date", "cast", "as", "case", "end",
            "=", "<>", "::", "-", "--", "1", "1e", "1e+", ".5", "x", ",", "[", "TimeDimension(", ".grain(", "'%a_'", "é", "\0", "\n", "{{ Metric('m') }}");
        words.Array[0, 14].Select(w => string.Join(' ', w)).Sample(
            text =>
            {
                try
                {
                    FilterParser.Parse(text);
                }
                catch (FilterException exception)
                {
                    Assert.InRange(exception.Offset, 0, text.Length);
                }
            },
            iter: 20_000);
    }

    private static Gen<T> Any<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static ComparisonFilter Is(string field, long value) => new(FieldName.Parse(field), FilterOperator.Equals, [value]);

    private static Gen<Filter> Trees(int depth)
    {
        var field = Any("visit__country", "visit__show__genre", "metric_time__month", "visit").Select(FieldName.Parse);
        var text = Gen.OneOf(Gen.String[Gen.Char["abcé'\"(){}-; %"], 0, 6], Any("and", "null", "{{ x }}"));
        var value = Gen.OneOf(
            text.Select(t => (object?)t),
            Gen.Long.Where(l => l > long.MinValue).Select(l => (object?)l),
            Gen.Int.Select(i => (object?)(i + 0.25m)),
            Gen.Bool.Select(b => (object?)b));
        var pattern = text.Where(t => t.Length > 0 && t.AsSpan().IndexOfAny('%', '_', '\\') < 0).Select(t => (object?)t);
        var leaf = Gen.OneOf(
            Gen.Select(field, Any(FilterOperator.Equals, FilterOperator.NotEquals, FilterOperator.Lt, FilterOperator.Lte, FilterOperator.Gt, FilterOperator.Gte), value,
                (f, op, v) => (Filter)new ComparisonFilter(f, op, [v])),
            Gen.Select(field, Any(FilterOperator.In, FilterOperator.NotIn), value.Array[1, 3], (f, op, v) => (Filter)new ComparisonFilter(f, op, [.. v])),
            Gen.Select(field, value, value, (f, a, b) => (Filter)new ComparisonFilter(f, FilterOperator.Between, [a, b])),
            Gen.Select(field, Any(FilterOperator.IsSet, FilterOperator.IsNotSet), (f, op) => (Filter)new ComparisonFilter(f, op, [])),
            Gen.Select(
                field, pattern,
                Any(FilterOperator.Contains, FilterOperator.NotContains, FilterOperator.StartsWith, FilterOperator.NotStartsWith, FilterOperator.EndsWith, FilterOperator.NotEndsWith),
                (f, v, op) => (Filter)new ComparisonFilter(f, op, [v])),
            field.Select(f => (Filter)new SqlFilter(["lower(", ") = 'x'"], [f])));
        if (depth == 0)
        {
            return leaf;
        }

        var inner = Trees(depth - 1);
        return Gen.OneOf(
            leaf,
            inner.Select(f => (Filter)new NotFilter(f)),
            inner.Where(f => f is not AndFilter).Array[2, 3].Select(f => (Filter)new AndFilter([.. f])),
            inner.Where(f => f is not OrFilter).Array[2, 3].Select(f => (Filter)new OrFilter([.. f])));
    }

    private static string Print(Filter filter)
    {
        return filter switch
        {
            AndFilter and => string.Join(" and ", and.Filters.Select(f => $"({Print(f)})")),
            OrFilter or => string.Join(" or ", or.Filters.Select(f => $"({Print(f)})")),
            NotFilter not => $"not ({Print(not.Inner)})",
            SqlFilter sql => sql.Parts[0] + Field(sql.References[0]) + sql.Parts[1],
            ComparisonFilter c => Field(c.Field) + c.Operator switch
            {
                FilterOperator.Equals => " = " + Value(c.Values[0]),
                FilterOperator.NotEquals => " <> " + Value(c.Values[0]),
                FilterOperator.Lt => " < " + Value(c.Values[0]),
                FilterOperator.Lte => " <= " + Value(c.Values[0]),
                FilterOperator.Gt => " > " + Value(c.Values[0]),
                FilterOperator.Gte => " >= " + Value(c.Values[0]),
                FilterOperator.In => $" in ({string.Join(", ", c.Values.Select(Value))})",
                FilterOperator.NotIn => $" not in ({string.Join(", ", c.Values.Select(Value))})",
                FilterOperator.Between => $" between {Value(c.Values[0])} and {Value(c.Values[1])}",
                FilterOperator.IsSet => " is not null",
                FilterOperator.IsNotSet => " is null",
                FilterOperator.Contains => $" like {Value($"%{c.Values[0]}%")}",
                FilterOperator.NotContains => $" not like {Value($"%{c.Values[0]}%")}",
                FilterOperator.StartsWith => $" like {Value($"{c.Values[0]}%")}",
                FilterOperator.NotStartsWith => $" not like {Value($"{c.Values[0]}%")}",
                FilterOperator.EndsWith => $" like {Value($"%{c.Values[0]}")}",
                FilterOperator.NotEndsWith => $" not like {Value($"%{c.Values[0]}")}",
                _ => throw new InvalidOperationException(c.Operator.ToString()),
            },
            _ => throw new InvalidOperationException(filter.GetType().Name),
        };
    }

    private static string Field(FieldName field) => $"{{{{ Dimension('{field}') }}}}";

    private static string Value(object? value) => value switch
    {
        string text => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'",
        bool flag => flag ? "true" : "false",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };
}
