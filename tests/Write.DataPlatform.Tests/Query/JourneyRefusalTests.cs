using System.Text;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Tests.Model;

namespace Write.DataPlatform.Tests.Query;

/// <summary>What a funnel or retention cannot tell correctly is refused, and says why.</summary>
public sealed class JourneyRefusalTests
{
    private const string More = """
        semantic_models:
          - name: strangers
            model: ref('strangers')
            primary_entity: stranger
            defaults: { agg_time_dimension: came_at }
            entities:
              - { name: guest, type: foreign }
              - { name: click, type: foreign }
            dimensions:
              - { name: came_at, type: time, type_params: { time_granularity: second } }
            measures:
              - { name: stranger_rows, agg: count, expr: 1 }
          - name: guests
            model: ref('guests')
            primary_entity: visit
            defaults: { agg_time_dimension: came_at }
            entities:
              - { name: guest, type: foreign }
              - { name: person, type: foreign }
            dimensions:
              - { name: came_at, type: time, type_params: { time_granularity: second } }
            measures:
              - { name: guest_rows, agg: count, expr: 1 }
        metrics:
          - { name: mixed, type: funnel, type_params: { entity: person, steps: [{ name: a, measure: click_rows }, { name: b, measure: note_rows }] } }
          - { name: hours, type: funnel, type_params: { entity: person, window: 5 hours, steps: [{ name: a, measure: note_rows }, { name: b, measure: note_rows }] } }
          - { name: unreachable, type: funnel, type_params: { entity: guest, steps: [{ name: a, measure: guest_rows }, { name: b, measure: stranger_rows }] } }
          - { name: back, type: retention, type_params: { entity: guest, cohort: guest_rows, returns: [guest_rows, stranger_rows] } }
          - { name: clicks, type: simple, type_params: { measure: click_rows } }
          - { name: share, type: ratio, type_params: { numerator: funnel_1, denominator: clicks } }
        """;

    private static readonly Lazy<MetricModel> Model = new(() => ModelFolder.LoadGood([.. JourneyWorld.Model("monday"), ("more.yaml", More)]));

    [Theory]
    [InlineData("""{"metrics":["mixed"]}""", null, QueryProblems.TimesDoNotMeet, "notes")]
    [InlineData("""{"metrics":["hours"]}""", null, QueryProblems.GrainTooFine, "5 hour")]
    [InlineData("""{"metrics":["unreachable"]}""", "acme", QueryProblems.UnknownDimension, "person__team")]
    [InlineData("""{"metrics":["back"]}""", "acme", QueryProblems.UnknownDimension, "person__team")]
    [InlineData("""{"metrics":["share"]}""", null, QueryProblems.MetricTypeNotSupported, "no input of another metric")]
    [InlineData("""{"metrics":["unreachable"],"groupBy":["metric_time__day"],"where":{"field":"click__kind","op":"equals","values":["a"]}}""", null, QueryProblems.UnknownDimension, "click__kind")]
    [InlineData("""{"metrics":["clicks"],"where":{"field":"person__funnel_1","op":"gt","values":[1]}}""", null, QueryProblems.MetricTypeNotSupported, "no one value")]
    [InlineData("""{"metrics":["funnel_1"],"orderBy":[{"field":"retention_1__rate"}]}""", null, QueryProblems.UnknownField, "retention_1__rate")]
    public void Refused(string query, string? tenant, string code, string says)
    {
        var exception = Assert.Throws<QueryException>(() => QueryResolver.Resolve(
            Model.Value, MetricQueryReader.Read(Encoding.UTF8.GetBytes(query)) with { Tenant = tenant }, FieldTypes.Unknown, EngineWorld.Now));
        var problem = Assert.Single(exception.Problems);
        Assert.Equal(code, problem.Code);
        Assert.Contains(says, problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("unreachable")]
    [InlineData("back")]
    public void Without_a_tenant_they_are_answered(string metric) =>
        Assert.Equal(metric, QueryResolver.Resolve(Model.Value, new MetricQuery { Metrics = [metric] }, FieldTypes.Unknown, EngineWorld.Now).Metrics.Single().Metric.Name);

    [Theory]
    [InlineData("funnel_1")]
    [InlineData("retention_1")]
    public void No_gold_table_holds_one(string metric)
    {
        using var folder = new ModelFolder(
            [.. JourneyWorld.Model("monday"), ("gold.yaml", $"gold_tables: [{{ name: held, metrics: [{metric}], group_by: [person__plan], grain: day, partition: month, freshness: 1h }}]\n")]);
        var problem = Assert.Single(new ModelLoader([new Write.DataPlatform.Query.GoldTableRule()]).Load(folder.Path).Problems);
        Assert.Equal(Write.DataPlatform.Query.GoldTableRule.Code, problem.Code);
        Assert.Contains("gold does not hold", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_catalogue_shows_what_they_are_and_what_the_first_event_has()
    {
        var described = MetricCatalog.Of(Model.Value).Metrics["mixed"];
        Assert.Equal(("funnel", true), (described.Type, described.IsComputed));
        Assert.Contains("click__kind", described.Dimensions.Select(d => d.Name));
        Assert.DoesNotContain("note__kind", described.Dimensions.Select(d => d.Name));
    }
}
