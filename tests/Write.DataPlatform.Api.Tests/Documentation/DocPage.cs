using System.Text.RegularExpressions;
using Write.DataPlatform.Api.Tests.Swagger;

namespace Write.DataPlatform.Api.Tests.Documentation;

/// <summary>A page of the documentation: its fenced blocks, its headings and where its links lead.</summary>
/// <param name="Path">From the repository's root.</param>
/// <param name="Text">The page's text.</param>
internal sealed partial record DocPage(string Path, string Text)
{
    public static string Root { get; } = OpenApiTests.Root();

    /// <summary>README.md and everything in docs/.</summary>
    public static IEnumerable<string> All =>
        Directory.EnumerateFiles(System.IO.Path.Combine(Root, "docs"), "*.md", SearchOption.AllDirectories).Select(f => System.IO.Path.GetRelativePath(Root, f)).Prepend("README.md").Order(StringComparer.Ordinal);

    public string Name => System.IO.Path.GetFileName(Path);

    public static DocPage Read(string path) => new(path, File.ReadAllText(System.IO.Path.Combine(Root, path)));

    /// <summary>The fenced blocks in their order. Before a block, and on a line of its own, may stand <c>&lt;!-- not run: WHY --&gt;</c>, <c>&lt;!-- needs PROGRAM --&gt;</c> or <c>&lt;!-- from FILE --&gt;</c>.</summary>
    public IReadOnlyList<DocBlock> Blocks { get; } = [.. Fence().Matches(Text).Select(m => new DocBlock(
        Text.AsSpan(0, m.Index).Count('\n') + 1,
        m.Groups["language"].Value,
        m.Groups["file"].Success ? m.Groups["file"].Value : null,
        m.Groups["text"].Value,
        m.Groups["why"].Success ? m.Groups["why"].Value.Trim() : null,
        m.Groups["needs"].Success ? m.Groups["needs"].Value.Trim() : null,
        m.Groups["from"].Success ? m.Groups["from"].Value.Trim() : null))];

    /// <summary>How many lines begin or end a block to a reader of Markdown: two for each of <see cref="Blocks"/>, or one is written in a way that these do not see.</summary>
    public int Fences { get; } = Text.Split('\n').Count(l => l.TrimStart().StartsWith("```", StringComparison.Ordinal) || l.TrimStart().StartsWith("~~~", StringComparison.Ordinal));

    /// <summary>Which tests run the blocks of a language: <c>&lt;!-- yaml, csv: run by SomeTests --&gt;</c>.</summary>
    public ILookup<string, string> Elsewhere { get; } = RunBy().Matches(Text)
        .SelectMany(m => m.Groups["languages"].Value.Split(',', StringSplitOptions.TrimEntries).Select(l => (Language: l, Test: m.Groups["test"].Value)))
        .ToLookup(r => r.Language, r => r.Test);

    /// <summary>The page without its blocks.</summary>
    public string Prose => AnyFence().Replace(Text, "");

    /// <summary>The anchors of its headings, as GitHub makes them.</summary>
    public IReadOnlySet<string> Anchors
    {
        get
        {
            HashSet<string> anchors = [];
            foreach (Match heading in Heading().Matches(Prose))
            {
                var text = LinkText().Replace(heading.Groups[1].Value, "$1").Trim().ToLowerInvariant();
                var slug = string.Concat(text.Where(c => char.IsLetterOrDigit(c) || c is ' ' or '-' or '_')).Replace(' ', '-');
                for (var (n, name) = (1, slug); !anchors.Add(name); n++)
                {
                    name = $"{slug}-{n}";
                }
            }

            return anchors;
        }
    }

    /// <summary>Targets of links and pictures, those to other sites included.</summary>
    public IEnumerable<string> Links => Link().Matches(Prose).Select(m => m.Groups[1].Value);

    [GeneratedRegex(@"(?:^<!-- (?:not run: (?<why>[^\n]*?)|needs (?<needs>[^\n]*?)|from (?<from>[^\n]*?)) -->\n)?^```(?<language>[\w-]*)(?: (?<file>\S+))?\n(?<text>.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"^```.*?^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex AnyFence();

    [GeneratedRegex(@"^<!-- (?<languages>[\w, ]+): run by (?<test>\w+) -->$", RegexOptions.Multiline)]
    private static partial Regex RunBy();

    [GeneratedRegex(@"^#{1,6} +(.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"\[([^\]]*)\]\([^)]*\)")]
    private static partial Regex LinkText();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();
}

/// <summary>A fenced block.</summary>
/// <param name="Line">Where it begins, from 1.</param>
/// <param name="Language">What stands behind the fence.</param>
/// <param name="File">The file that the page tells its reader to write, if it is one.</param>
/// <param name="Text">What it holds.</param>
/// <param name="WhyNotRun">Why no test runs it; null if one does.</param>
/// <param name="Needs">The program without which it cannot run here.</param>
/// <param name="From">The file, from the repository's root, in which it stands so; null if it is the page's own.</param>
internal sealed record DocBlock(int Line, string Language, string? File, string Text, string? WhyNotRun, string? Needs, string? From);
