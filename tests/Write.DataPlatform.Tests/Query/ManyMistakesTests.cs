using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Filters;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Query;

/// <summary>All mistakes of a query come at once, each with its code, its place and a way to mend it.</summary>
public sealed class ManyMistakesTests(EdgeWorld world) : IClassFixture<EdgeWorld>
{
    /// <summary>Where, what, and the name that is suggested.</summary>
    private static readonly (string Path, string Code, string? Meant)[] Expected =
    [
        ("metrics[0]", "unknown_metric", "visits"),
        ("metrics[1]", "unknown_metric", "visitors"),
        ("metrics[2]", "unknown_metric", "bounce_rate"),
        ("metrics[3]", "unknown_metric", "median_seconds"),
        ("metrics[4]", "unknown_metric", null),
        ("metrics[6]", "duplicate", null),
        ("groupBy[0]", "unknown_dimension", "visit__country"),
        ("groupBy[1]", "unknown_dimension", "visit__device"),
        ("groupBy[2]", "unknown_dimension", "visit__country__region"),
        ("groupBy[3]", "unknown_dimension", "show__title"),
        ("groupBy[4]", "unknown_dimension", "visitor__plan"),
        ("groupBy[5]", "fan_out", null),
        ("groupBy[6]", "unknown_dimension", null),
        ("groupBy[7]", "not_a_time_dimension", "visit__country"),
        ("groupBy[8]", "not_a_time_dimension", "visit__is_bounce"),
        ("groupBy[9]", "grain_too_fine", null),
        ("groupBy[10]", "grain_too_fine", null),
        ("groupBy[12]", "duplicate", null),
        ("where.and[0].field", "unknown_dimension", "visit__score"),
        ("where.and[1].field", "unknown_dimension", "visit__customer"),
        ("where.and[2].values[0]", "wrong_value_type", null),
        ("where.and[2].values[2]", "wrong_value_type", null),
        ("where.and[3].values[0]", "wrong_value_type", null),
        ("where.and[4].values[0]", "wrong_value_type", null),
        ("where.and[5].values[0]", "wrong_value_type", null),
        ("where.and[5].values[1]", "wrong_value_type", null),
        ("where.and[6].not.or[0].values[0]", "wrong_value_type", null),
        ("where.and[6].not.or[1].field", "unknown_dimension", "show__rating"),
        ("where.and[6].not.or[2].field", "not_a_time_dimension", "visitor__plan"),
        ("where.and[6].not.or[3].field", "grain_too_fine", null),
        ("where.and[7].values[0]", "wrong_value_type", null),
        ("having.or[0].field", "unknown_field", "scored"),
        ("having.or[1].values[0]", "wrong_value_type", null),
        ("having.or[2].values[1]", "wrong_value_type", null),
        ("orderBy[0].field", "unknown_field", "scored"),
        ("orderBy[1].field", "unknown_field", null),
        ("orderBy[2].field", "unknown_field", "metric_time__month"),
        ("compare", "compare_needs_time_range", null),
        ("metrics[7].within[0]", "unknown_field", "metric_time__month"),
        ("fill", "fill_needs_time_range", null),
        ("tenant", "unknown_tenant", "acme"),
    ];

    [Fact]
    public async Task Forty_mistakes_are_forty_problems()
    {
        static ComparisonFilter Is(string field, FilterOperator op, params object?[] values) => new(FieldName.Parse(field), op, [.. values]);
        var query = new MetricQuery
        {
            Metrics = ["vists", "visitrs", "bounce_rat", "medianseconds", "profit_margin", "scored", "scored"],
            Modifiers = [new MetricModifier("scored", ModifierKind.Rank, [FieldName.Parse("metric_time__mont")], 7)],
            GroupBy =
            [
                .. new[]
                {
                    "visit__contry", "visit__devise", "visit__country__regoin", "show__titel", "visitor__plam", "order__voucher", "zodiac_sign", "visit__country__month", "visit__is_bounce__day",
                    "show__released_on__hour", "visit__started_month__day", "metric_time__month", "metric_time__month",
                }.Select(FieldName.Parse),
            ],
            Where = new AndFilter(
            [
                Is("visit__scor", FilterOperator.Gt, 1L),
                Is("visit__costumer", FilterOperator.IsSet),
                Is("visit__score", FilterOperator.In, "abc", 3L, true),
                Is("visit__is_bounce", FilterOperator.Equals, "maybe"),
                Is("visit__at", FilterOperator.Gte, "yesterday"),
                Is("visit__at__month", FilterOperator.Between, "13/2024", "2024-13-01"),
                new NotFilter(new OrFilter(
                [
                    Is("show__rating", FilterOperator.Lt, "good"),
                    Is("show__ratig", FilterOperator.IsSet),
                    Is("visitor__plan__year", FilterOperator.IsSet),
                    Is("show__released_on__minute", FilterOperator.IsSet),
                ])),
                Is("metric_time", FilterOperator.Lt, 2024L),
            ]),
            Having = new OrFilter([Is("scord", FilterOperator.Gt, 1L), Is("scored", FilterOperator.Gt, "many"), Is("scored__delta", FilterOperator.Between, 1L, "lots")]),
            OrderBy = [new("scoredd", true), new("sunshine", false), new("metric_time__mont", false)],
            Compare = new Comparison(ComparisonKind.PreviousYear, AlignToDate: true),
            Fill = true,
            Tenant = "acm",
            Source = QuerySource.Lake,
        };
        var refused = await Assert.ThrowsAsync<QueryException>(() => world.World.AnswerAsync(query));

        Assert.False(refused.IsUnanswerable);
        var actual = refused.Problems.Select(p => $"{p.Path} {p.Code}").Order(StringComparer.Ordinal).ToList();
        var expected = Expected.Select(e => $"{e.Path} {e.Code}").Order(StringComparer.Ordinal).ToList();
        Assert.True(expected.SequenceEqual(actual), $"missing {string.Join(", ", expected.Except(actual))}; not expected {string.Join(", ", actual.Except(expected))}");
        foreach (var (path, code, meant) in Expected)
        {
            var problem = refused.Problems.Single(p => p.Path == path && p.Code == code);
            Assert.False(string.IsNullOrWhiteSpace(problem.Message));
            Assert.True(meant is null ? problem.Suggestion is null : problem.Suggestion?.Contains(meant, StringComparison.Ordinal) is true, problem.ToString());
        }
    }

    [Fact]
    public async Task What_cannot_be_answered_correctly_is_told_from_what_is_wrong()
    {
        var query = new MetricQuery { Metrics = ["orders", "plays"], GroupBy = [FieldName.Parse("order__voucher"), FieldName.Parse("visit__order__voucher")] };
        var refused = await Assert.ThrowsAsync<QueryException>(() => world.World.AnswerAsync(query));
        Assert.False(refused.IsUnanswerable);

        var manyRows = await Assert.ThrowsAsync<QueryException>(() => world.World.AnswerAsync(new MetricQuery { Metrics = ["visits"], GroupBy = [FieldName.Parse("visit__voucher")] }));
        Assert.Equal(("groupBy[0]", true), (Assert.Single(manyRows.Problems).Path, manyRows.IsUnanswerable));
        Assert.Equal("fan_out", manyRows.Problems[0].Code);
    }

    /// <summary>What was meant is told where a name is almost right, and where it stands in the wrong place.</summary>
    [Theory]
    [InlineData("metric_time__mnth", "", "unknown_dimension", "'metric_time__month'")]
    [InlineData("metric_time__extract_moth", "", "unknown_dimension", "'metric_time__extract_month'")]
    [InlineData("metric_time__fortnight", "", "unknown_dimension", "day, week, month")]
    [InlineData("visit__at__quater", "", "unknown_dimension", "'visit__at__quarter'")]
    [InlineData("scored", "", "unknown_dimension", "'metrics'")]
    [InlineData("", "{{ Dimension('visit__country') }} = 'DE' and {{ Metric('visitrs', ['visit']) }} > 1", "unknown_dimension", "'visit__visitors'")]
    [InlineData("order__voucher", "", "fan_out", null)]
    public async Task What_was_meant(string groupBy, string where, string code, string? meant)
    {
        var query = new MetricQuery
        {
            Metrics = ["visits"],
            GroupBy = groupBy.Length == 0 ? [] : [FieldName.Parse(groupBy)],
            Where = where.Length == 0 ? null : FilterParser.Parse(where),
        };
        var problem = Assert.Single((await Assert.ThrowsAsync<QueryException>(() => world.World.AnswerAsync(query))).Problems);
        Assert.Equal(code, problem.Code);
        Assert.True(meant is null ? problem.Suggestion is null : problem.Suggestion?.Contains(meant, StringComparison.Ordinal) is true, problem.ToString());
    }

    [Fact]
    public async Task A_fan_out_shows_the_path_as_the_joins_walk_it()
    {
        var refused = await Assert.ThrowsAsync<QueryException>(() => world.World.AnswerAsync(new MetricQuery { Metrics = ["visits"], GroupBy = [FieldName.Parse("order__voucher")] }));
        Assert.Contains("visits → (visit) → orders, which has many rows a visit", Assert.Single(refused.Problems).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_condition_on_a_metric_belongs_to_having()
    {
        var query = new MetricQuery { Metrics = ["visits"], Where = new ComparisonFilter(FieldName.Parse("visits"), FilterOperator.Gt, [1L]) };
        var problem = Assert.Single((await Assert.ThrowsAsync<QueryException>(() => world.World.AnswerAsync(query))).Problems);
        Assert.Contains("'having'", problem.Suggestion, StringComparison.Ordinal);
    }
}
