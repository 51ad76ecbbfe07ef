using System.Text;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Tests.Model;

namespace Write.DataPlatform.Tests.Query;

/// <summary>What has no value at a moment, or too many moments, is refused, and says why.</summary>
public sealed class MomentRefusalTests
{
    private const string More = """
        time_spines:
          - { node_relation: { alias: days }, primary_column: { name: day, time_granularity: day }, custom_granularities: [{ name: season, column_name: season }] }
        metrics:
          - { name: visits_ever_season_ago, type: derived, type_params: { expr: v, metrics: [{ name: visits_ever, alias: v, offset_window: 1 season }] } }
        """;

    private static readonly Lazy<MetricModel> Model = new(() => ModelFolder.LoadGood([.. WorldModel.Files(), ("more.yaml", More)]));

    [Theory]
    [InlineData("""{"metrics":["visits_ever"],"groupBy":["metric_time__day"],"timeRange":{"from":"1000-01-01","to":"9000-01-01"}}""", QueryProblems.TooManyBuckets)]
    [InlineData("""{"metrics":["visits_ever"],"groupBy":["metric_time__second"],"timeRange":{"from":"2024-01-01","to":"2024-02-01"}}""", QueryProblems.TooManyBuckets)]
    [InlineData("""{"metrics":["visits_ever"],"groupBy":["metric_time__minute"]}""", QueryProblems.TooManyBuckets)]
    [InlineData("""{"metrics":["visits_every_day"],"groupBy":["metric_time__day"],"timeRange":{"from":"1000-01-01","to":"9000-01-01"}}""", QueryProblems.TooManyBuckets)]
    [InlineData("""{"metrics":["visits_every_day"],"groupBy":["metric_time__hour"]}""", QueryProblems.TooManyBuckets)]
    [InlineData("""{"metrics":["visits_every_day"],"groupBy":["metric_time__extract_dow"]}""", QueryProblems.GrainTooFine)]
    [InlineData("""{"metrics":["visits_ever"],"groupBy":["metric_time__hour"],"timeZone":"Australia/Lord_Howe","timeRange":{"from":"2024-03-01","to":"2024-11-01"}}""", QueryProblems.GrainTooFine)]
    [InlineData("""{"metrics":["visits_since_month_start"],"groupBy":["metric_time__day","metric_time__extract_dow"],"timeRange":{"from":"2024-01-01","to":"2024-02-01"}}""", QueryProblems.GrainTooFine)]
    [InlineData("""{"metrics":["seconds_28d"],"groupBy":["visit__country"]}""", QueryProblems.MetricTimeNeeded)]
    [InlineData("""{"metrics":["visits_ever"],"groupBy":["metric_time__day"],"timeRange":{"from":"2024-01-01","to":"2024-02-01"},"totals":true}""", QueryProblems.NoTotals)]
    [InlineData("""{"metrics":["targets_ever"],"groupBy":["metric_time__month"],"timeRange":{"from":"2024-01-01","to":"2024-02-01"},"compare":{"offset":"P7D"}}""", QueryProblems.RangeNeedsDates)]
    [InlineData("""{"metrics":["visits_ever_season_ago"],"groupBy":["metric_time__day"],"timeRange":{"from":"2024-01-01","to":"2024-02-01"}}""", QueryProblems.GrainTooFine)]
    public void Refused(string query, string code)
    {
        var exception = Assert.Throws<QueryException>(() => Resolve(query));
        Assert.All(exception.Problems, p => Assert.Equal(code, p.Code));
        Assert.NotEmpty(exception.Problems);
    }

    [Theory]
    [InlineData("""{"metrics":["visits_ever"],"groupBy":["metric_time__hour"],"timeZone":"Asia/Kolkata","timeRange":{"from":"2024-03-01","to":"2024-11-01"}}""")]
    [InlineData("""{"metrics":["visits_every_day"],"groupBy":["metric_time__extract_dow"],"timeRange":{"from":"2024-01-01","to":"2024-02-01"}}""")]
    [InlineData("""{"metrics":["visits"],"groupBy":["metric_time__season"]}""")]
    public void Answered(string query) => Assert.NotEmpty(Resolve(query).Leaves);

    [Theory]
    [InlineData("loyal_visits", "visitor__visits")]
    [InlineData("order_rate", "conversions")]
    public void Gold_does_not_hold_what_a_later_event_changes(string metric, string says)
    {
        var table = new GoldTable
        {
            Name = "late", Metrics = [metric], GroupBy = [], Grain = TimeGrain.Day, Partition = TimeGrain.Month, TimeZone = TimeZoneInfo.Utc, Source = new SourcePosition("late.yaml", 1, 1),
        };
        var problem = Assert.Single(Assert.Throws<QueryException>(() => GoldDefinition.Create(Model.Value, table)).Problems);
        Assert.Equal(QueryProblems.MetricTypeNotSupported, problem.Code);
        Assert.Contains(says, problem.Message, StringComparison.Ordinal);
    }

    private static ResolvedQuery Resolve(string query) =>
        QueryResolver.Resolve(Model.Value, MetricQueryReader.Read(Encoding.UTF8.GetBytes(query)), FieldTypes.Unknown, EngineWorld.Now);
}
