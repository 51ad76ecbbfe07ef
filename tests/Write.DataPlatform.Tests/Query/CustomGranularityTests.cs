using System.Text;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Sql;
using Write.DataPlatform.Tests.Lake.Athena;

namespace Write.DataPlatform.Tests.Query;

/// <summary>Buckets of the model's own, which a time spine's column tells: spans of 17 days, of which some days have none.</summary>
public sealed class CustomGranularityTests : IAsyncLifetime
{
    private const string More = """
        time_spines:
          - { node_relation: { alias: days }, primary_column: { name: day, time_granularity: day }, custom_granularities: [{ name: span, column_name: span_start }, { name: parity }] }
        metrics:
          - { name: visits_each, type: simple, type_params: { measure: { name: visit_rows, join_to_timespine: true, fill_nulls_with: 0 } } }
          - { name: visits_span_ago, type: derived, type_params: { expr: v, metrics: [{ name: visits, alias: v, offset_window: 1 span }] } }
          - { name: visits_spans_ago, type: derived, type_params: { expr: v, metrics: [{ name: visits_span_ago, alias: v, offset_window: 2 spans }] } }
          - { name: visits_span_and_week_ago, type: derived, type_params: { expr: v, metrics: [{ name: visits_span_ago, alias: v, offset_window: 7 days }] } }
          - { name: visitors_span_ago, type: derived, type_params: { expr: v, metrics: [{ name: visitors, alias: v, offset_window: 1 span }] } }
          - { name: visits_10d_first, type: cumulative, type_params: { measure: visit_rows, cumulative_type_params: { window: 10 days, period_agg: first } } }
          - { name: visits_10d_last, type: cumulative, type_params: { measure: visit_rows, cumulative_type_params: { window: 10 days, period_agg: last } } }
          - { name: visits_mtd_average, type: cumulative, type_params: { measure: visit_rows, cumulative_type_params: { grain_to_date: month, period_agg: average } } }
          - { name: visitors_10d_last, type: cumulative, type_params: { measure: visitor_count, cumulative_type_params: { window: 10 days, period_agg: last } } }
        """;

    private static readonly DateOnly First = new(2023, 10, 1);

    private EngineWorld _world = null!;
    private EngineWorld _athena = null!;

    public async ValueTask InitializeAsync()
    {
        var tables = new WorldData(7).Make();
        tables["days"] = [.. Enumerable.Range(0, 500).Select(i => First.AddDays(i)).Select(d => new Row { ["day"] = d, ["span_start"] = Span(d), ["parity"] = Parity(d) })];
        Task<EngineWorld> WorldAsync(Func<string, ILake>? lakeOf) => EngineWorld.CreateAsync(
            [.. WorldModel.Files("UTC"), ("more.yaml", More)],
            tables,
            new Dictionary<string, (string, string)[]>(WorldModel.Tables) { ["days"] = [("day", "DATE"), ("span_start", "DATE"), ("parity", "VARCHAR")] },
            lakeOf);
        _world = await WorldAsync(null);
        _athena = await WorldAsync(path => new TrinoLake(path, "shop"));
    }

    public async ValueTask DisposeAsync()
    {
        await _world.DisposeAsync();
        await _athena.DisposeAsync();
    }

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

    /// <summary>A day moves to the day of the same number in a later span, or to its last; one that has no span, or no later one, moves nowhere.</summary>
    [Theory]
    [InlineData("metric_time__day", null, null)]
    [InlineData("metric_time__day", "2024-01-20", "2024-03-05")]
    [InlineData("metric_time__week", "2024-01-20", "2024-03-05")]
    [InlineData("metric_time__span", null, null)]
    [InlineData("metric_time__extract_month", null, null)]
    public async Task An_offset_by_them_moves_days(string groupBy, string? from, string? to)
    {
        var spans = Enumerable.Range(0, 500).Select(i => First.AddDays(i)).Where(d => Span(d) is not null).GroupBy(d => Span(d)).OrderBy(g => g.Key).Select(g => g.Order().ToList()).ToList();
        Assert.Contains(spans.Zip(spans.Skip(1)), p => p.First.Count > p.Second.Count);
        DateOnly? Moved(DateOnly? day, int count)
        {
            var at = day is null ? -1 : spans.FindIndex(s => s.Contains(day.Value));
            return at < 0 || at + count >= spans.Count ? null : spans[at + count][Math.Min(spans[at].IndexOf(day!.Value), spans[at + count].Count - 1)];
        }

        object? Key(DateOnly day) => groupBy switch
        {
            "metric_time__day" => day,
            "metric_time__week" => day.AddDays(-(((int)day.DayOfWeek + 6) % 7)),
            "metric_time__span" => Span(day),
            _ => (long)day.Month,
        };
        foreach (var (metric, move) in new (string, Func<DateOnly, DateOnly?>)[]
        {
            ("visits_span_ago", d => Moved(d, 1)), ("visits_spans_ago", d => Moved(Moved(d, 1), 2)), ("visits_span_and_week_ago", d => Moved(d, 1)?.AddDays(7)), ("visitors_span_ago", d => Moved(d, 1)),
        })
        {
            var landed = Visits.Select(v => (Day: move(v.Day), v.Visitor)).Where(v => v.Day is { } day && (from is null || (day >= DateOnly.Parse(from, null) && day < DateOnly.Parse(to!, null))));
            var expected = landed.GroupBy(v => Key(v.Day!.Value)).Select(g => new object?[]
            {
                g.Key, metric == "visitors_span_ago" ? g.Select(v => v.Visitor).Where(v => v is not null).Distinct().LongCount() : g.LongCount(),
            }).ToList();
            var query = $"{{\"metrics\":[\"{metric}\"],\"groupBy\":[\"{groupBy}\"]{(from is null ? "" : $",\"timeRange\":{{\"from\":\"{from}\",\"to\":\"{to}\"}}")}}}";
            Assert.NotEmpty(expected);
            foreach (var world in new[] { _world, _athena })
            {
                var answer = await AskAsync(query, world);
                Answers.Same(new OracleAnswer(answer.Columns, [.. expected.OrderBy(r => r[0] is null).ThenBy(r => r[0])], null), answer);
            }
        }
    }

    [Fact]
    public async Task Without_a_time_what_moves_nowhere_is_left_out()
    {
        var answer = await AskAsync("{\"metrics\":[\"visits_span_ago\"]}");
        var last = Enumerable.Range(0, 500).Select(i => First.AddDays(i)).Select(Span).Max();
        Answers.Same(new OracleAnswer(answer.Columns, [[Visits.LongCount(v => Span(v.Day) is { } span && span != last)]], null), answer);
    }

    private List<(DateOnly Day, object? Visitor)> Visits =>
        [.. _world.World.Tables["visits"].Where(r => r["started_at"] is not null).Select(r => (DateOnly.FromDateTime((DateTime)r["started_at"]!), r["visitor_id"]))];

    private static bool IsKnown(DateOnly day) => day >= First && day < First.AddDays(500);

    private static DateOnly? Span(DateOnly day) => !IsKnown(day) || day.DayNumber % 40 == 0 ? null : First.AddDays((day.DayNumber - First.DayNumber) / 17 * 17);

    private static string? Parity(DateOnly day) => !IsKnown(day) ? null : day.Day % 2 == 0 ? "even" : "odd";

    /// <summary>The offset's SQL in both dialects.</summary>
    [Fact]
    public void Offset_sql()
    {
        var text = new StringBuilder();
        var query = MetricQueryReader.Read("""{"metrics":["visits_span_ago"],"groupBy":["metric_time__day","metric_time__span"],"timeRange":{"from":"2024-01-20","to":"2024-03-05"},"timeZone":"Europe/Berlin"}"""u8.ToArray()) with { Source = QuerySource.Lake };
        var leaf = QueryPlan.Create(_world.World.Model, query, FieldTypes.Unknown, [], EngineWorld.Now).Leaves.Single(l => !l.Leaf.IsTimeSpine).Leaf;
        foreach (var dialect in new SqlDialect[] { DuckDbDialect.Instance, AthenaDialect.Instance })
        {
            SnapshotTests.Append(text, dialect.Name, SqlWriter.Write(dialect, LeafCompiler.Compile(leaf, leaf.Range)));
        }

        SnapshotTests.Same("time_spines/own_offset", text.ToString());
    }

    private Task<OracleAnswer> AskAsync(string query) => AskAsync(query, _world);

    private static Task<OracleAnswer> AskAsync(string query, EngineWorld world) => world.AnswerAsync(MetricQueryReader.Read(Encoding.UTF8.GetBytes(query)) with { Source = QuerySource.Lake });

    private static void Same(IEnumerable<object?[]> expected, OracleAnswer actual)
    {
        var rows = expected.OrderBy(r => r[0] is null).ThenBy(r => r[0]).ThenBy(r => r[1] is null).ThenBy(r => r[1] as string, StringComparer.Ordinal).ToList();
        Assert.True(rows.Count > 5, "There is nothing to compare.");
        Answers.Same(new OracleAnswer(actual.Columns, rows, null), actual);
    }
}
