using System.Text.RegularExpressions;
using Write.DataPlatform.Tests.Insights;

namespace Write.DataPlatform.Tests.Model;

public sealed partial class ModelDocumentationTests
{
    [Fact]
    public void The_pages_blocks_are_one_model()
    {
        var model = ModelFolder.LoadGood(Files());

        // Nothing that the page shows is lost on the way.
        Assert.Equal((2, 10, 1, 2, 1, 1, 1, 1, 1, 1), (
            model.SemanticModels.Count, model.Metrics.Count, model.GoldTables.Count, model.Lookups.Count, model.Insights.Count, model.Tenants.Count,
            model.Streams.Count, model.TimeSpines.Count, model.SavedQueries.Count, model.Tests.Count));
    }

    [Fact]
    public async Task The_pages_test_passes() => Assert.All(await ModelTestRunnerTests.RunAllAsync(Files()), r => Assert.True(r.Passed, r.Error));

    private static (string, string)[] Files()
    {
        var text = File.ReadAllText(Path.Combine(ModelRuleTests.RepositoryFolder(), "docs", "model.md"));
        return [.. Block().Matches(text).Select((block, i) => (block.Groups["path"].Success ? block.Groups["path"].Value : $"{i:00}.yaml", block.Groups["text"].Value))];
    }

    [GeneratedRegex(@"^```(?:yaml|csv (?<path>\S+))\n(?<text>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();
}
