using System.Reflection;
using System.Text.RegularExpressions;
using Write.DataPlatform.Api.Alerts;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Api.Tests.Swagger;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Query;
using Write.DataPlatform.Streaming.Batches;

namespace Write.DataPlatform.Api.Tests;

/// <summary>Every code is documented, and every documented code exists.</summary>
public sealed partial class ErrorDocumentationTests
{
    [Theory]
    [InlineData("HTTP", typeof(ProblemCodes))]
    [InlineData("Records that are no events", typeof(DeadReasons))]
    [InlineData("Model and lake", typeof(LakeProblems))]
    [InlineData("The form of a query", typeof(QueryFormProblems))]
    [InlineData("The meaning of a query", typeof(QueryProblems))]
    public void A_section_has_the_codes_of_its_class(string section, Type codes) => Assert.Equal(Constants(codes).Order(), Documented(section).Order());

    [Fact]
    public void The_rules_of_other_slices_are_documented() =>
        Assert.Equal([GoldTableRule.Code, RoleRule.Code, StreamRule.Code, PublishedQueryRule.InsightCode, PublishedQueryRule.SavedQueryCode, PublishedQueryRule.TestCode, PublishedQueryRule.TestColumnCode, AlertQueryRule.AlertCode, AlertQueryRule.ReportCode], Documented("Model and queries"));

    [Fact]
    public void The_meaning_of_a_query_tells_which_are_422()
    {
        var marked = Row().Matches(Section("The meaning of a query")).Where(m => m.Value.Contains("| 422 |", StringComparison.Ordinal)).Select(m => m.Groups[1].Value);
        Assert.Equal(Constants(typeof(QueryProblems)).Where(QueryProblems.IsUnanswerable).Order(), marked.Order());
    }

    private static IEnumerable<string> Constants(Type type) =>
        type.GetFields(BindingFlags.Public | BindingFlags.Static).Where(f => f.IsLiteral).Select(f => (string)f.GetRawConstantValue()!);

    private static IEnumerable<string> Documented(string section) => Row().Matches(Section(section)).Select(m => m.Groups[1].Value).Where(c => c != "code");

    private static string Section(string name)
    {
        var text = File.ReadAllText(Path.Combine(OpenApiTests.Root(), "docs", "errors.md"));
        var start = text.IndexOf($"\n## {name}\n", StringComparison.Ordinal);
        Assert.True(start >= 0, $"No section '{name}'.");
        var end = text.IndexOf("\n## ", start + 1, StringComparison.Ordinal);
        return end < 0 ? text[start..] : text[start..end];
    }

    [GeneratedRegex(@"^\| `?([A-Za-z0-9_]+)`? \|.*$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
