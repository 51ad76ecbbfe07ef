using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Api.Tests.Swagger;

namespace Write.DataPlatform.Api.Tests.Commands;

/// <summary>A server refuses settings that it does not know, so what the pages and the template set must be known.</summary>
public sealed partial class SettingNameTests
{
    private static readonly string Docs = Path.Combine(OpenApiTests.Root(), "docs");

    // What a page shows of a refused start.
    private const string Mistake = "DataPlatform:Lake:Kidn";

    public static TheoryData<string> Files() => [.. Directory.EnumerateFiles(Docs, "*", SearchOption.AllDirectories).Where(f => f.EndsWith(".md", StringComparison.Ordinal) || f.EndsWith(".yaml", StringComparison.Ordinal)).Select(f => Path.GetRelativePath(Docs, f))];

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_setting_that_is_named_exists(string file)
    {
        var names = SettingName().Matches(File.ReadAllText(Path.Combine(Docs, file))).Select(m => m.Value.Replace("__", ":", StringComparison.Ordinal).TrimEnd(':')).Distinct().Where(n => n != Mistake);
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(names.Select(n => KeyValuePair.Create(n, (string?)null))).Build();
        Assert.Empty(Startup.Spelling(configuration));
    }

    [Fact]
    public void A_name_that_does_not_exist_is_found() =>
        Assert.NotEmpty(Startup.Spelling(new ConfigurationBuilder().AddInMemoryCollection([KeyValuePair.Create("DataPlatform:Stream:Local:Nope", (string?)null)]).Build()));

    [GeneratedRegex(@"DataPlatform(__|:)[A-Z][A-Za-z0-9]*((__|:)[A-Za-z0-9]+)*")]
    private static partial Regex SettingName();
}
