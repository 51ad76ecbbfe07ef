using System.Text;
using CsCheck;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Query;

/// <summary>A metric's time under its own name is metric_time, wherever it stands.</summary>
public sealed class OwnTimeTests(GoldWorlds worlds) : IClassFixture<GoldWorlds>
{
    private static readonly FieldName Own = FieldName.Parse("visit__at");

    [Fact]
    public async Task Queries_by_either_name_have_one_answer()
    {
        var asked = 0;
        await Gen.Select(Gen.Int[0, 3], QueryGen.Any).CheckAsync(
            async drawn =>
            {
                var (number, query) = drawn;
                if (!query.GroupBy.Any(g => g.IsMetricTime) || query.Metrics.Any(m => !Counts(m)) || query.GroupBy.Any(g => g.Path.SequenceEqual(Own.Path)))
                {
                    return;
                }

                asked++;
                var world = await worlds.GetAsync(number);
                var answer = await world.AnswerAsync(query);
                var same = await world.AnswerAsync(query with
                {
                    GroupBy = [.. query.GroupBy.Select(Renamed)],
                    OrderBy = [.. query.OrderBy.Select(o => o with { Field = Renamed(FieldName.Parse(o.Field)).ToString() })],
                });
                Answers.Same(new OracleAnswer(same.Columns, answer.Rows, answer.Totals), same);
            },
            RandomCases.Of(600, weight: 3), threads: 1, print: c => QueryGen.Print(c.Item2));
        Assert.True(asked > 5, "Hardly a query was asked.");

        FieldName Renamed(FieldName name) => name.IsMetricTime || (name.Part is not null && name.Path is [FieldName.MetricTime]) ? name with { Path = Own.Path } : name;
    }

    [Theory]
    [InlineData("""{"metrics":["visits","orders"],"groupBy":["visit__at__month"],"timeRange":{"from":"2024-01-01","to":"2024-07-01"},"compare":{"to":"previousYear"}}""", QueryProblems.TimesDoNotMeet)]
    [InlineData("""{"metrics":["visits","orders"],"groupBy":["visit__at__month"],"timeRange":{"from":"2024-01-01","to":"2024-07-01"},"fill":true}""", QueryProblems.TimesDoNotMeet)]
    [InlineData("""{"metrics":["visits"],"groupBy":["visit__at__month","metric_time__day"],"timeRange":{"from":"2024-01-01","to":"2024-07-01"},"fill":true}""", QueryProblems.OneGrainNeeded)]
    [InlineData("""{"metrics":["visits"],"groupBy":["metric_time__day","metric_time__extract_dow"],"timeRange":{"from":"2024-01-01","to":"2024-07-01"},"fill":true}""", QueryProblems.OneGrainNeeded)]
    [InlineData("""{"metrics":["visits"],"groupBy":["metric_time__day","visit__at__extract_dow"],"timeRange":{"from":"2024-01-01","to":"2024-07-01"},"fill":true}""", QueryProblems.OneGrainNeeded)]
    [InlineData("""{"metrics":["visits"],"groupBy":["metric_time__minute","visitor","show","visit__country","visit__device"],"timeRange":{"from":"2024-01-01","to":"2024-03-01"},"fill":true}""", QueryProblems.TooManyBuckets)]
    public async Task Refused(string query, string code)
    {
        var world = await worlds.GetAsync(0);
        var exception = await Assert.ThrowsAsync<QueryException>(() => world.AnswerAsync(Lake(query)));
        Assert.Equal(code, Assert.Single(exception.Problems).Code);
    }

    [Theory]
    [InlineData("""{"metrics":["visits_every_day"],"groupBy":["metric_time__extract_month"],"timeRange":{"from":"2023-11-27","to":"2024-03-20"}}""")]
    [InlineData("""{"metrics":["visits_every_day","visitors"],"groupBy":["metric_time__day"],"timeRange":{"from":"2024-01-30","to":"2024-02-04"},"totals":true}""")]
    [InlineData("""{"metrics":["visits"],"groupBy":["metric_time__month"],"having":{"field":"metric_time","op":"isSet"}}""")]
    [InlineData("""{"metrics":["visits"],"groupBy":["metric_time__month"],"having":{"field":"metric_time","op":"gte","values":["2024-01-01"]}}""")]
    [InlineData("""{"metrics":["visits"],"groupBy":["visit__is_bounce"],"having":{"field":"visit__is_bounce","op":"equals","values":["true"]}}""")]
    public async Task Answered(string query)
    {
        var world = await worlds.GetAsync(0);
        Assert.NotEmpty((await world.AnswerAsync(Lake(query))).Rows);
    }

    [Theory]
    [InlineData("""{"metrics":["visits"],"groupBy":["visit__is_bounce"],"having":{"field":"visit__is_bounce","op":"equals","values":["maybe"]}}""")]
    [InlineData("""{"metrics":["visits"],"groupBy":["visit__score"],"having":{"field":"visit__score","op":"gt","values":["abc"]}}""")]
    [InlineData("""{"metrics":["visits"],"groupBy":["metric_time__extract_dow"],"having":{"field":"metric_time__extract_dow","op":"equals","values":["monday"]}}""")]
    [InlineData("""{"metrics":["visits"],"groupBy":["metric_time__month"],"having":{"field":"metric_time","op":"gte","values":["soon"]}}""")]
    public async Task Values_of_having_are_of_their_columns_types(string query)
    {
        var world = await worlds.GetAsync(0);
        var exception = await Assert.ThrowsAsync<QueryException>(() => world.AnswerAsync(Lake(query)));
        Assert.Equal(QueryProblems.WrongValueType, Assert.Single(exception.Problems).Code);
    }

    [Fact]
    public async Task Having_reads_times_on_the_querys_clock()
    {
        var world = await worlds.GetAsync(0);
        var all = await world.AnswerAsync(Lake("""{"metrics":["visits"],"groupBy":["metric_time__hour"],"timeZone":"Europe/Berlin"}"""));
        var hour = all.Rows.Select(r => (DateTime)r[0]!).Where(t => t.Year == 2024).Order().ElementAt(10);
        var local = TimeZoneInfo.ConvertTimeFromUtc(hour, TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin"));
        var one = await world.AnswerAsync(Lake($$$"""{"metrics":["visits"],"groupBy":["metric_time__hour"],"timeZone":"Europe/Berlin","having":{"field":"metric_time__hour","op":"equals","values":["{{{local:yyyy-MM-dd'T'HH:mm:ss}}}"]}}"""));
        Assert.Equal(hour, Assert.Single(one.Rows)[0]);
    }

    /// <summary>No table holds sums and estimates; the finish puts them together, and no lake is asked.</summary>
    [Fact]
    public async Task Metrics_of_several_tables_are_served_by_gold()
    {
        var world = await worlds.GetAsync(0);
        var query = MetricQueryReader.Read("""{"metrics":["bounces","about_visits"],"groupBy":["metric_time__month","visit__country"],"timeRange":{"from":"2024-01-01","to":"2024-05-01"},"totals":true}"""u8.ToArray());
        var answer = await GoldTests.CheckAsync(world, query with { TimeZone = world.World.Model.TimeZone });
        Assert.NotEmpty(answer.Rows);
        Assert.Equal(["gold"], answer.Served.By);
        Assert.Equal(2, answer.Served.Tables.Length);
    }

    /// <summary>What the lake has gained since the refresh would be in one of the metrics alone.</summary>
    [Fact]
    public async Task Where_one_metric_is_in_no_table_the_lake_answers_all()
    {
        var world = await worlds.GetAsync(0);
        var query = MetricQueryReader.Read("""{"metrics":["bounces","p25_seconds"],"groupBy":["metric_time__month","visit__country"],"timeRange":{"from":"2024-01-01","to":"2024-05-01"}}"""u8.ToArray());
        var together = await world.ServeAsync(query with { TimeZone = world.World.Model.TimeZone });
        Assert.Equal(["lake"], together.Served.By);
    }

    private static bool Counts(string metric) => metric is "visits" or "scored" or "bounces" or "bounce_rate" or "seconds" or "mean_seconds" or "visitors" or "visits_growth" or "about_visitors" or "median_seconds" or "visits_ever" or "seconds_28d";

    private static MetricQuery Lake(string query) => MetricQueryReader.Read(Encoding.UTF8.GetBytes(query)) with { Source = QuerySource.Lake };
}
