using System.Text;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Query;

/// <summary>Buckets of the model's own, which a time spine's column tells: spans of 17 days, of which some days have none.</summary>
public sealed class CustomGranularityTests : IAsyncLifetime
{
    private const string More = """
        time_spines:
          - { node_relation: { alias: days }, primary_column: { name: day, time_granularity: day }, custom_granularities: [{ name: span, column_name: span_start }, { name: parity }] }
        metrics:
          - { name: visits_each, type: simple, type_params: { measure: { name: visit_rows, join_to_timespine: true, fill_nulls_with: 0 } } }
          - { name: visits_10d_first, type: cumulative, type_params: { measure: visit_rows, cumulative_type_params: { window: 10 days, period_agg: first } } }
          - { name: visits_10d_last, type: cumulative, type_params: { measure: visit_rows, cumulative_type_params: { window: 10 days, period_agg: last } } }
          - { name: visits_mtd_average, type: cumulative, type_params: { measure: visit_rows, cumulative_type_params: { grain_to_date: month, period_agg: average } } }
          - { name: visitors_10d_last, type: cumulative, type_params: { measure: visitor_count, cumulative_type_params: { window: 10 days, period_agg: last } } }
        """;

    private static readonly DateOnly First = new(2023, 10, 1);

    private EngineWorld _world = null!;

    public async ValueTask InitializeAsync()
    {
        var tables = new WorldData(7).Make();
        tables["days"] = [.. Enumerable.Range(0, 500).Select(i => First.AddDays(i)).Select(d => new Row { ["day"] = d, ["span_start"] = Span(d), ["parity"] = Parity(d) })];
        _world = await EngineWorld.CreateAsync(
            [.. WorldModel.Files("UTC"), ("more.yaml", More)],
            tables,
            new Dictionary<string, (string, string)[]>(WorldModel.Tables) { ["days"] = [("day", "DATE"), ("span_start", "DATE"), ("parity", "VARCHAR")] });
    }

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    public async Task Events_are_grouped_by_them()
    {
        var answer = await AskAsync("""{"metrics":["visits"],"groupBy":["metric_time__span","metric_time__parity"]}""");
        Same(Visits.GroupBy(v => (Span(v.Day), Parity(v.Day))).Select(g => new object?[] { g.Key.Item1, g.Key.Item2, (long)g.Count() }), answer);
    }

    [Theory]
    [InlineData("""{"metrics":["visits_10d_first","visits_10d_last","visits_mtd_average","visitors_10d_last"],"groupBy":["metric_time__span"],"timeRange":{"from":"2024-01-01","to":"2024-07-01"}}""", null)]
    [InlineData("""{"metrics":["visits_10d_first","visits_10d_last","visits_mtd_average","visitors_10d_last"],"groupBy":["metric_time__span"]}""", null)]
    [InlineData("""{"metrics":["visits_10d_first","visits_10d_last","visits_mtd_average","visitors_10d_last"],"groupBy":["metric_time__span"],"where":{"field":"metric_time__parity","op":"equals","values":["odd"]},"timeRange":{"from":"2024-01-01","to":"2024-07-01"}}""", "odd")]
    public async Task What_accumulates_has_one_of_their_days_values(string query, string? parity)
    {
        var answer = await AskAsync(query);
        bool Holds(DateOnly day) => !query.Contains("timeRange", StringComparison.Ordinal) || (day >= new DateOnly(2024, 1, 1) && day < new DateOnly(2024, 7, 1));
        var days = Enumerable.Range(0, 500).Select(i => First.AddDays(i)).Where(Holds).Where(d => parity is null || Parity(d) == parity);
        var values = days.Select(day => (Day: day, Window: In(v => v <= day && v > day.AddDays(-10)), ToDate: In(v => v <= day && v.Month == day.Month && v.Year == day.Year))).ToList();
        var expected = values.GroupBy(v => Span(v.Day)).Select(g =>
        {
            var (window, toDate) = (g.Where(v => v.Window.Count > 0).ToList(), g.Where(v => v.ToDate.Count > 0).ToList());
            return new object?[]
            {
                g.Key,
                window.Count == 0 ? null : (long)window[0].Window.Count,
                window.Count == 0 ? null : (long)window[^1].Window.Count,
                toDate.Count == 0 ? null : toDate.Average(v => v.ToDate.Count),
                window.Count == 0 ? null : (long)window[^1].Window.Select(v => v.Visitor).Where(v => v is not null).Distinct().Count(),
            };
        }).Where(r => r.Skip(1).Any(v => v is not null));
        Same(expected, answer);

        List<(DateOnly Day, object? Visitor)> In(Func<DateOnly, bool> counts) => [.. Visits.Where(v => counts(v.Day))];
    }

    [Fact]
    public async Task A_metric_joined_to_the_time_spine_has_all_of_them()
    {
        var answer = await AskAsync("""{"metrics":["visits_each"],"groupBy":["metric_time__span"],"timeRange":{"from":"2023-11-20","to":"2025-01-10"}}""");
        var days = Enumerable.Range(0, 500).Select(i => First.AddDays(i)).Where(d => d >= new DateOnly(2023, 11, 20) && d < new DateOnly(2025, 1, 10)).ToList();
        Assert.Contains(days.GroupBy(Span), g => !Visits.Any(v => g.Contains(v.Day)));
        Same(days.GroupBy(Span).Select(g => new object?[] { g.Key, (long)Visits.Count(v => g.Contains(v.Day)) }), answer);
    }

    [Fact]
    public async Task Moments_finer_than_the_spine_or_of_a_start_of_a_grain_are_refused()
    {
        var exception = await Assert.ThrowsAsync<QueryException>(() => AskAsync(
            """{"metrics":["visits_10d_last"],"groupBy":["metric_time__span","metric_time__hour"],"timeRange":{"from":"2024-01-01","to":"2024-01-03"}}"""));
        Assert.Equal(QueryProblems.GrainTooFine, Assert.Single(exception.Problems).Code);
    }

    private List<(DateOnly Day, object? Visitor)> Visits =>
        [.. _world.World.Tables["visits"].Where(r => r["started_at"] is not null).Select(r => (DateOnly.FromDateTime((DateTime)r["started_at"]!), r["visitor_id"]))];

    private static bool IsKnown(DateOnly day) => day >= First && day < First.AddDays(500);

    private static DateOnly? Span(DateOnly day) => !IsKnown(day) || day.DayNumber % 40 == 0 ? null : First.AddDays((day.DayNumber - First.DayNumber) / 17 * 17);

    private static string? Parity(DateOnly day) => !IsKnown(day) ? null : day.Day % 2 == 0 ? "even" : "odd";

    private Task<OracleAnswer> AskAsync(string query) => _world.AnswerAsync(MetricQueryReader.Read(Encoding.UTF8.GetBytes(query)) with { Source = QuerySource.Lake });

    private static void Same(IEnumerable<object?[]> expected, OracleAnswer actual)
    {
        var rows = expected.OrderBy(r => r[0] is null).ThenBy(r => r[0]).ThenBy(r => r[1] is null).ThenBy(r => r[1] as string, StringComparer.Ordinal).ToList();
        Assert.True(rows.Count > 5, "There is nothing to compare.");
        Answers.Same(new OracleAnswer(actual.Columns, rows, null), actual);
    }
}
