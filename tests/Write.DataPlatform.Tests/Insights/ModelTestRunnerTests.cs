using System.Collections.Immutable;
using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Tests.Model;

namespace Write.DataPlatform.Tests.Insights;

public sealed class ModelTestRunnerTests
{
    private const string Model = """
        model: { time_zone: Europe/Berlin }
        semantic_models:
          - name: visits
            node_relation: { schema_name: web, alias: visit_events }
            defaults: { agg_time_dimension: started_at }
            entities:
              - { name: visit, type: primary, expr: id }
              - { name: show, type: foreign, expr: show_id }
            dimensions:
              - { name: started_at, type: time, type_params: { time_granularity: second } }
              - { name: visit_day, type: time, expr: day, is_partition: true, partitions: started_at, type_params: { time_granularity: day } }
              - { name: signed_up, type: time, type_params: { time_granularity: day } }
              - { name: country, type: categorical }
              - { name: is_new, type: categorical }
              - { name: land, type: categorical, expr: upper(country) }
            measures:
              - { name: visits, agg: count, expr: 1 }
              - { name: seconds, agg: sum, expr: duration }
              - { name: mean_seconds, agg: average, expr: duration }
              - { name: bounces, agg: sum_boolean, expr: bounced }
          - name: shows
            model: ref('shows')
            entities:
              - { name: show, type: primary, expr: id }
            dimensions:
              - { name: genre, type: categorical }
        metrics:
          - { name: visits, type: simple, type_params: { measure: visits } }
          - { name: seconds, type: simple, type_params: { measure: seconds } }
          - { name: mean_seconds, type: simple, type_params: { measure: mean_seconds } }
          - { name: bounces, type: simple, type_params: { measure: bounces } }

        """;

    private const string Countries = """
        given:
          visits:
            - { id: 1, started_at: 2026-01-31T23:30:00Z, country: FR, duration: 10 }
            - { id: 2, started_at: 2026-02-01T10:00:00Z, country: FR, duration: 20.5 }
            - { id: 3, started_at: 2026-02-01T11:00:00Z, country: DE }
            - { id: 4, started_at: 2026-02-02T12:00:00Z, duration: 7 }
        """;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("{ visit__country: FR, visits: 2 }, { visit__country: DE, visits: 1 }, { visits: 1 }", "", "")]
    [InlineData("{ visits: 1 }, { visit__country: DE, visits: 1 }, { visit__country: FR, visits: 2 }", "", "")]
    [InlineData("{ visit__country: FR, visits: 3 }, { visit__country: DE, visits: 1 }, { visits: 1 }", "FR|3", "FR|2")]
    [InlineData("{ visit__country: FR, visits: 2 }, { visits: 1 }", "", "DE|1")]
    [InlineData("{ visit__country: FR, visits: 2 }, { visit__country: DE, visits: 1 }, { visits: 1 }, { visit__country: PT, visits: 1 }", "PT|1", "")]
    [InlineData("{ visit__country: FR, visits: 2 }, { visit__country: DE, visits: 1 }, { visit__country: DE, visits: 1 }", "DE|1", "|1")]
    [InlineData("{ visit__country: FR, visits: null }, { visit__country: DE, visits: 1 }, { visits: 1 }", "FR|", "FR|2")]
    [InlineData("", "", "DE|1 FR|2 |1")]
    public async Task Rows_are_compared_as_a_bag(string expect, string missing, string unexpected)
    {
        var result = await RunAsync($"{Countries}\nquery: {{ metrics: [visits], group_by: [visit__country] }}\nexpect: [{expect}]");
        Assert.Equal((null, missing, Bag(unexpected)), (result.Error, Text(result.Missing), Bag(Text(result.Unexpected))));
        Assert.Equal(missing.Length + unexpected.Length == 0, result.Passed);
    }

    [Theory]
    [InlineData("{ visit__country: FR, visits: 2 }, { visit__country: DE, visits: 1 }", true)]
    [InlineData("{ visit__country: DE, visits: 1 }, { visit__country: FR, visits: 2 }", false)]
    public async Task An_ordered_query_has_ordered_rows(string expect, bool passes)
    {
        var where = "where: \"{{ Dimension('visit__country') }} IS NOT NULL\"";
        var result = await RunAsync($"{Countries}\nquery: {{ metrics: [visits], group_by: [visit__country], {where}, order_by: [{{ field: visits, descending: true }}] }}\nexpect: [{expect}]");
        Assert.Equal((null, passes), (result.Error, result.Passed));
    }

    [Theory]
    [InlineData("37.5", true)]
    [InlineData("37.50000000001", true)]
    [InlineData("37.500001", false)]
    [InlineData("\"37.5\"", false)]
    [InlineData("true", false)]
    public async Task Numbers_are_equal_within_their_last_digits(string seconds, bool passes)
    {
        var result = await RunAsync($"{Countries}\nquery: {{ metrics: [seconds] }}\nexpect: [{{ seconds: {seconds} }}]");
        Assert.Equal((null, passes), (result.Error, result.Passed));
    }

    [Theory]
    [InlineData("metric_time__day", "2026-02-01", "2026-02-02")] // Berlin's days: the first visit is of February
    [InlineData("metric_time__day", "\"2026-02-01\"", "\"2026-02-02\"")]
    [InlineData("metric_time__hour", "2026-02-01T00:00:00+01:00", "2026-02-02 12:00")]
    [InlineData("metric_time__hour", "2026-01-31T23:00:00Z", "2026-02-02T12:00:00Z")]
    public async Task Times_are_compared_as_moments(string field, string first, string last)
    {
        var result = await RunAsync($"{Countries}\nquery: {{ metrics: [visits], group_by: [{field}], time_range: {{ from: 2026-02-01, to: 2026-02-03 }}, order_by: [{{ field: {field} }}] }}\nexpect: []");
        Assert.Null(result.Error);
        var rows = result.Unexpected;
        var expect = string.Join(", ", rows.Select((row, i) => $"{{ {field}: {(i == 0 ? first : i == rows.Length - 1 ? last : Iso(row[0]!))}, visits: {row[1]} }}"));
        result = await RunAsync($"{Countries}\nquery: {{ metrics: [visits], group_by: [{field}], time_range: {{ from: 2026-02-01, to: 2026-02-03 }} }}\nexpect: [{expect}]");
        Assert.True(result.Passed, Text(result.Missing) + " / " + Text(result.Unexpected));
        Assert.Equal(4L, rows.Sum(r => (long)r[1]!));

        static string Iso(object value) => ((DateTime)value).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task Rows_join_and_a_column_that_no_row_names_is_null_of_the_right_type()
    {
        const string Query = "query: { metrics: [visits, bounces, mean_seconds], group_by: [show__genre, visit__is_new, visit__signed_up__month] }";
        var result = await RunAsync($$"""
            given:
              web.visit_events:
                - { id: 1, started_at: "2026-01-01T10:00:00Z", show_id: a, bounced: true, is_new: true, signed_up: 2025-03-04 }
                - { id: 2, started_at: "2026-01-01 10:00", show_id: b, bounced: false, is_new: false }
                - { id: 3, started_at: 2026-01-01, show_id: c }
              shows:
                - { id: a, genre: drama }
                - { id: b }
            {{Query}}
            expect:
              - { show__genre: drama, visit__is_new: true, visit__signed_up__month: 2025-03-01, visits: 1, bounces: 1 }
              - { visit__is_new: false, visits: 1, bounces: 0 }
              - { visits: 1, bounces: 0, mean_seconds: null }
            """);
        Assert.True(result.Passed, result.Error + Text(result.Unexpected));

        // Keys without a value, and a table without a row.
        result = await RunAsync($$"""
            given:
              visits: [{ id: 1, started_at: 2026-01-01T10:00:00Z }]
              shows: [{ id: 7, genre: drama }]
            {{Query}}
            expect: [{ visits: 1, bounces: 0 }]
            """);
        Assert.True(result.Passed, result.Error + Text(result.Unexpected));
        result = await RunAsync($$"""
            given:
              visits: [{ id: 1, started_at: 2026-01-01T10:00:00Z, show_id: 5, bounced: true, duration: 3 }]
              shows: []
            {{Query}}
            expect: [{ visits: 1, bounces: 1, mean_seconds: 3 }]
            """);
        Assert.True(result.Passed, result.Error + Text(result.Unexpected));
    }

    [Fact]
    public async Task A_partition_column_follows_from_the_time_it_partitions()
    {
        const string Ranged = "query: { metrics: [visits], time_range: { from: 2026-02-01, to: 2026-02-03 } }";
        Assert.True((await RunAsync($"{Countries}\n{Ranged}\nexpect: [{{ visits: 4 }}]")).Passed);

        // What is written is what there is.
        var wrong = await RunAsync($"given:\n  visits: [{{ id: 1, started_at: 2026-02-01T10:00:00Z, day: 2025-02-01 }}]\n{Ranged}\nexpect: []");
        Assert.Null(Assert.Single(Assert.Single(wrong.Unexpected)));
    }

    [Fact]
    public async Task Only_the_given_tables_are_there()
    {
        var result = await RunAsync("given:\n  visits: [{ id: 1, started_at: 2026-01-01T10:00:00Z }]\nquery: { metrics: [visits], group_by: [show__genre] }\nexpect: [{ visits: 1 }]");
        Assert.False(result.Passed);
        Assert.Contains("shows", result.Error, StringComparison.Ordinal);
        Assert.Contains("Given are visits.", result.Error, StringComparison.Ordinal);
        result = await RunAsync("given:\n  visits: [{ id: 1, started_at: 2026-01-01T10:00:00Z, country: 5 }]\nquery: { metrics: [visits], group_by: [visit__land] }\nexpect: [{ visits: 1 }]");
        Assert.Contains("upper", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Relative_ranges_end_at_the_tests_own_moment()
    {
        const string Last = "query: { metrics: [visits], time_range: { last: P1D } }\nexpect: [{ visits: 1 }]";
        Assert.True((await RunAsync($"now: 2026-02-02T20:00:00Z\n{Countries}\n{Last}")).Passed);
        Assert.False((await RunAsync($"now: 2026-02-01T20:00:00Z\n{Countries}\n{Last}")).Passed);
    }

    [Theory]
    [InlineData("query: { metrics: [vists] }\nexpect: []", 3, PublishedQueryRule.TestCode, "visits")]
    [InlineData("query: { metrics: [visits], limt: 3 }\nexpect: []", 3, PublishedQueryRule.TestCode, "limit")]
    [InlineData("query: { metrics: [visits] }\nexpect:\n  - { visits: 1 }\n  - { vists: 1 }", 6, PublishedQueryRule.TestColumnCode, "visits")]
    public void Mistakes_are_problems_of_the_model(string text, int line, string code, string meant)
    {
        using var folder = new ModelFolder(("model.yaml", Model), ("tests.yaml", Yaml("given: { visits: [] }\n" + text)));
        var problem = Assert.Single(new ModelLoader([new PublishedQueryRule(TimeProvider.System)]).Load(folder.Path).Problems);
        Assert.Equal((code, "tests.yaml", line + 1), (problem.Code, problem.Position!.File, problem.Position.Line));
        Assert.Contains(meant, problem.Message + problem.Suggestion, StringComparison.Ordinal);
    }

    private static string Yaml(string text) => "tests:\n  - name: it\n" + string.Concat(text.Split('\n').Select(line => "    " + line + "\n"));

    private static string Text(ImmutableArray<ImmutableArray<object?>> rows) => string.Join(' ', rows.Select(r => string.Join('|', r)));

    private static string Bag(string rows) => string.Join(' ', rows.Split(' ').Order(StringComparer.Ordinal));

    private static async Task<ModelTestResult> RunAsync(string text) => Assert.Single(await RunAllAsync(("model.yaml", Model), ("tests.yaml", Yaml(text))));

    internal static async Task<ImmutableArray<ModelTestResult>> RunAllAsync(params (string Path, string Text)[] files)
    {
        using var folder = new ModelFolder(files);
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { ["DataPlatform:Data"] = folder.Path + "-data", ["DataPlatform:Models"] = folder.Path }).Build();
        try
        {
            await using var services = new ServiceCollection().AddLogging().AddSingleton<TimeProvider>(new FakeTimeProvider(new DateTimeOffset(2026, 6, 1, 0, 0, 0, TimeSpan.Zero)))
                .AddSingleton<IConfiguration>(configuration).AddDataPlatform(configuration).BuildServiceProvider();
            return await services.GetRequiredService<ModelTestRunner>().RunAsync(services.GetRequiredService<ModelStore>().Current, Cancel);
        }
        finally
        {
            if (Directory.Exists(folder.Path + "-data"))
            {
                Directory.Delete(folder.Path + "-data", recursive: true);
            }
        }
    }
}
