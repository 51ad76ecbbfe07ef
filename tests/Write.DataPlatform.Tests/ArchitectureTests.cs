using System.Text.RegularExpressions;

namespace Write.DataPlatform.Tests;

/// <summary>What the house promises about its own shape, read from its sources.</summary>
public sealed partial class ArchitectureTests
{
    private const int MaxLines = 500;

    /// <summary>The folders of the library and the folders each may use; the data's way, see docs/decisions/0001-layout.md.</summary>
    private static readonly Dictionary<string, string[]> Arrows = new()
    {
        ["Model"] = [],
        ["Aws"] = [],
        ["Query"] = ["Model"],
        ["DuckDb"] = ["Query"],
        ["Lake"] = ["Query", "DuckDb", "Aws"],
        ["Gold"] = ["Model", "Query", "DuckDb", "Aws"],
        ["Refresh"] = ["Model", "Query", "Lake", "Gold", "DuckDb"],
        ["Streaming"] = ["Model", "Query", "Lake", "Gold", "Aws", "DuckDb"],
        ["Security"] = ["Model", "Query", "Gold"],
        ["Insights"] = ["Model", "Query", "Lake", "Gold", "Security", "DuckDb"],
    };

    private static string Root { get; } = FindRoot();

    private static string Library { get; } = Path.Combine(Root, "src", "Write.DataPlatform");

    [Fact]
    public void Every_folder_of_the_library_has_its_arrows() =>
        Assert.Empty(Directory.GetDirectories(Library).Select(Path.GetFileName).Except([.. Arrows.Keys, "bin", "obj"]));

    [Fact]
    public void Folders_use_only_what_their_arrows_allow()
    {
        var broken =
            from folder in Arrows.Keys
            let path = Path.Combine(Library, folder)
            where Directory.Exists(path)
            from file in Directory.EnumerateFiles(path, "*.cs", SearchOption.AllDirectories)
            from Match match in Reference().Matches(File.ReadAllText(file))
            let target = match.Groups[1].Value
            where Arrows.ContainsKey(target) && target != folder && !Arrows[folder].Contains(target)
            select $"{Path.GetRelativePath(Root, file)} uses {target}";
        Assert.Empty(broken.Distinct());
    }

    [Fact]
    public void The_library_knows_no_web_framework()
    {
        var broken = Sources("src/Write.DataPlatform").Where(f => File.ReadAllText(f).Contains("Microsoft.AspNetCore", StringComparison.Ordinal));
        Assert.Empty(broken);
    }

    [Fact]
    public void Files_stay_short_enough_to_be_read()
    {
        var long_ = Sources("src").Concat(Sources("tests"))
            .Select(f => (File: Path.GetRelativePath(Root, f), Lines: File.ReadLines(f).Count()))
            .Where(f => f.Lines > MaxLines);
        Assert.Empty(long_);
    }

    [Fact]
    public void Program_is_a_map_of_the_process() =>
        Assert.InRange(File.ReadLines(Path.Combine(Root, "src", "Write.DataPlatform.Api", "Program.cs")).Count(), 1, 80);

    [Fact]
    public void No_file_is_a_drawer_for_odds_and_ends() =>
        Assert.DoesNotContain(
            Sources("src").Select(f => Path.GetFileNameWithoutExtension(f)!),
            name => name.EndsWith("Helper", StringComparison.Ordinal) || name.EndsWith("Helpers", StringComparison.Ordinal)
                || name.EndsWith("Utils", StringComparison.Ordinal) || name.EndsWith("Extensions", StringComparison.Ordinal));

    [Fact]
    public void Every_document_is_summarised_on_top()
    {
        var bare = Directory.EnumerateFiles(Path.Combine(Root, "docs"), "*.md")
            .Where(f => File.ReadLines(f).Take(6).Count(l => l.StartsWith("> ", StringComparison.Ordinal)) < 3)
            .Select(Path.GetFileName);
        Assert.Empty(bare);
    }

    private static IEnumerable<string> Sources(string folder) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal));

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Write.DataPlatform.sln")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("The tests run outside the repository.");
        }

        return folder.FullName;
    }

    [GeneratedRegex(@"\bWrite\.DataPlatform\.([A-Za-z]+)")]
    private static partial Regex Reference();
}
