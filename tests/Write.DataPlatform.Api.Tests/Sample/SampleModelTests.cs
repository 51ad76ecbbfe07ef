using Write.DataPlatform.Api.Sample;
using YamlDotNet.RepresentationModel;

namespace Write.DataPlatform.Api.Tests.Sample;

/// <summary>The sample's model files name what the sample lake holds.</summary>
[Collection<SampleCollection>]
public sealed class SampleModelTests(SampleFixture sample)
{
    [Fact]
    public void Entities_dimensions_and_measures_are_columns_of_their_table()
    {
        var wrong = new List<string>();
        foreach (var model in Documents("semantic_models"))
        {
            var table = (string?)model["node_relation"]["alias"] ?? "";
            var columns = sample.Rows($"SELECT column_name FROM (DESCRIBE {table})").Select(r => r[0]).ToHashSet();
            foreach (var item in Items(model, "entities").Concat(Items(model, "dimensions")).Concat(Items(model, "measures")))
            {
                var column = item.Children.TryGetValue("expr", out var expr) ? (string?)expr : (string?)item["name"];
                if (!columns.Contains(column))
                {
                    wrong.Add($"{table}.{column}");
                }
            }
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void Metrics_rest_on_measures_and_metrics_that_exist_and_are_described()
    {
        var measures = Documents("semantic_models").SelectMany(m => Items(m, "measures")).Select(Name).ToHashSet();
        var metrics = Documents("metrics").ToDictionary(Name);

        foreach (var (name, metric) in metrics)
        {
            var parameters = (YamlMappingNode)metric["type_params"];
            string[] inputs = (string?)metric["type"] switch
            {
                "ratio" => [(string)parameters["numerator"]!, (string)parameters["denominator"]!],
                "derived" => [.. ((YamlSequenceNode)parameters["metrics"]).Select(m => m is YamlMappingNode named ? Name(named) : (string)m!)],
                _ => [],
            };
            string[] events = (string?)metric["type"] switch
            {
                "funnel" => [.. ((YamlSequenceNode)parameters["steps"]).Select(s => (string)s["measure"]!)],
                "retention" => [(string)parameters["cohort"]!, .. ((YamlSequenceNode)parameters["returns"]).Select(r => (string)r!)],
                _ => inputs.Length > 0 ? [] : [(string)parameters["measure"]!],
            };
            Assert.All(inputs, input => Assert.True(metrics.ContainsKey(input), $"{name} needs {input}"));
            Assert.True(inputs.Length + events.Length > 0, name);
            Assert.Subset(measures, events.ToHashSet());
            Assert.All(["label", "description"], key => Assert.NotEqual("", (string?)metric[key]));
            Assert.All(["unit", "format"], key => Assert.NotEqual("", (string?)metric["config"]["meta"][key]));
        }
    }

    [Fact]
    public void Gold_tables_and_insights_use_metrics_that_exist()
    {
        var metrics = Documents("metrics").Select(Name).ToHashSet();
        var used = Documents("gold_tables").Concat(Documents("insights").Select(i => (YamlMappingNode)i["query"]))
            .SelectMany(query => (YamlSequenceNode)query["metrics"]).Select(m => (string)m!).ToHashSet();

        Assert.Subset(metrics, used);
        Assert.Equal(["audience_daily", "audience_monthly", "customers_daily", "shows_daily", "visits_daily"], Documents("gold_tables").Select(Name).Order());
        Assert.Equal(["audience-by-country", "conversion", "kpi-year-on-year", "purchase-funnel", "returning-visitors", "top-shows"], Documents("insights").Select(Name).Order());
    }

    [Fact]
    public void Tenants_are_the_customers_of_the_lake() =>
        Assert.Equal(
            sample.Rows("SELECT DISTINCT customer FROM visits ORDER BY 1").Select(r => (string)r[0]!),
            Documents("tenants").Select(Name).Order());

    [Theory]
    [InlineData("countries", "code", "SELECT DISTINCT country FROM visits WHERE country IS NOT NULL")]
    [InlineData("shows", "id", "SELECT DISTINCT show_id FROM watches")]
    public void Lookups_have_a_row_for_each_value_of_the_lake(string name, string key, string values)
    {
        var lookup = Documents("lookups").Single(l => Name(l) == name);
        Assert.Equal(key, (string?)lookup["key"]);
        var file = $"read_csv('{Path.Combine(SampleLake.ModelsDirectory, (string)lookup["path"]!)}')";

        Assert.Empty(sample.Rows($"SELECT * FROM ({values}) v(k) FULL JOIN {file} f ON f.{key} = v.k WHERE f.{key} IS NULL OR v.k IS NULL"));
        Assert.Empty(sample.Rows($"SELECT {key} FROM {file} GROUP BY 1 HAVING count(*) > 1"));
        var attributes = ((YamlSequenceNode)lookup["attributes"]).Select(a => (string)a!).ToArray();
        Assert.Empty(sample.Rows($"SELECT * FROM {file} WHERE {string.Join(" OR ", attributes.Select(a => $"{a} IS NULL OR {a} = ''"))}"));
    }

    private static string Name(YamlMappingNode node) => (string)node["name"]!;

    private static IEnumerable<YamlMappingNode> Items(YamlMappingNode node, string key) =>
        node.Children.TryGetValue(key, out var list) ? ((YamlSequenceNode)list).Cast<YamlMappingNode>() : [];

    private static IEnumerable<YamlMappingNode> Documents(string key)
    {
        var found = new List<YamlMappingNode>();
        foreach (var file in Directory.GetFiles(SampleLake.ModelsDirectory, "*.yaml"))
        {
            var stream = new YamlStream();
            using var reader = File.OpenText(file);
            stream.Load(reader);
            found.AddRange(stream.Documents.SelectMany(d => Items((YamlMappingNode)d.RootNode, key)));
        }

        Assert.NotEmpty(found);
        return found;
    }
}
