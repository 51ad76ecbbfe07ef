using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Write.DataPlatform.Api.Tests.Documentation;

/// <summary>Where pages lead, what they show, and whether they speak of all that there is.</summary>
public sealed partial class DocLinkTests
{
    [Fact]
    public void Every_link_leads_somewhere() => Assert.Empty(DocPage.All.SelectMany(path => Broken(DocPage.Read(path))));

    [Theory]
    [InlineData("[a](no-such.md)")]
    [InlineData("[a](model.md#no-such)")]
    [InlineData("[a](#no-such)")]
    [InlineData("![a](images/no-such.svg)")]
    public void A_link_that_leads_nowhere_is_told(string text) => Assert.Single(Broken(new DocPage("docs/made-up.md", text)));

    [Fact]
    public void The_front_page_leads_to_every_page()
    {
        var linked = DocPage.Read("docs/README.md").Links.Select(l => l.Split('#')[0]).ToHashSet();
        Assert.DoesNotContain(DocPage.All.Where(p => Path.GetDirectoryName(p) == "docs").Select(p => Path.GetFileName(p)), n => n != "README.md" && !linked.Contains(n));
    }

    [Fact]
    public void Every_picture_is_shown_somewhere()
    {
        var shown = DocPage.All.SelectMany(p => DocPage.Read(p).Links).Select(Path.GetFileName).ToHashSet();
        Assert.DoesNotContain(Directory.EnumerateFiles(Path.Combine(DocPage.Root, "docs", "images")).Select(f => Path.GetFileName(f)), n => !shown.Contains(n));
    }

    [Fact]
    public void A_drawing_can_be_read_in_light_and_dark_and_aloud() => Assert.All(Directory.EnumerateFiles(Path.Combine(DocPage.Root, "docs", "images"), "*.svg"), file =>
    {
        var text = File.ReadAllText(file);
        Assert.Contains("prefers-color-scheme:dark", text, StringComparison.Ordinal);
        Assert.True(XDocument.Parse(text).Root!.Attribute("aria-label")?.Value.Length > 20, file);
        Assert.DoesNotContain("href", text, StringComparison.Ordinal);
    });

    [Fact]
    public void The_runbook_has_every_check_and_every_alarm()
    {
        var runbook = DocPage.Read("docs/runbook.md").Text;
        var checks = Check().Matches(File.ReadAllText(Path.Combine(DocPage.Root, "src", "Write.DataPlatform.Api", "Health", "HealthReporter.cs"))).Select(m => m.Groups[1].Value).Distinct().ToList();
        Assert.True(checks.Count > 8, string.Join(' ', checks));
        Assert.DoesNotContain(checks, c => !runbook.Contains(c.EndsWith(':') ? "`" + c : $"`{c}`", StringComparison.Ordinal));
        var alarms = Alarm().Matches(File.ReadAllText(Path.Combine(DocPage.Root, "docs", "deploy", "template.yaml"))).Select(m => m.Groups[1].Value).ToList();
        Assert.True(alarms.Count > 6, string.Join(' ', alarms));
        Assert.DoesNotContain(alarms, a => !runbook.Contains($"`{a}`", StringComparison.Ordinal));
    }

    [Fact]
    public void The_runbook_has_the_number_of_every_error_that_is_logged()
    {
        var section = DocPage.Read("docs/runbook.md").Text.Split("## Event numbers")[1].Split("\n## ")[0];
        var rows = section.Split('\n').Where(l => l.StartsWith("| ", StringComparison.Ordinal)).SelectMany(l => Number().Matches(l.Split('|')[1]).Select(m => m.Value)).ToHashSet();
        var logged = Directory.EnumerateFiles(Path.Combine(DocPage.Root, "src"), "*.cs", SearchOption.AllDirectories).SelectMany(f => LoggedError().Matches(File.ReadAllText(f)).Select(m => m.Groups[1].Value)).ToHashSet();
        Assert.True(logged.Count > 20, string.Join(' ', logged));
        Assert.Empty(logged.Except(rows));
        Assert.Empty(rows.Except(logged));
    }

    private static IEnumerable<string> Broken(DocPage page)
    {
        foreach (var link in page.Links.Where(l => !l.Contains("://", StringComparison.Ordinal) && !l.StartsWith("mailto:", StringComparison.Ordinal)))
        {
            var (path, anchor) = link.Split('#') is [var p, var a] ? (p, a) : (link, null);
            var target = path.Length == 0 ? page.Path : Path.GetRelativePath(DocPage.Root, Path.GetFullPath(Path.Combine(DocPage.Root, Path.GetDirectoryName(page.Path)!, path)));
            var there = path.Length == 0 || Path.Exists(Path.Combine(DocPage.Root, target));
            var anchors = anchor is null || !there ? null : (path.Length == 0 ? page : DocPage.Read(target)).Anchors;
            if (!there || anchors?.Contains(anchor!) == false)
            {
                yield return $"{page.Path}: {link}";
            }
        }
    }

    [GeneratedRegex(@"\b\d{3,4}\b")]
    private static partial Regex Number();

    [GeneratedRegex(@"LoggerMessage\((\d+), LogLevel\.(?:Error|Critical)")]
    private static partial Regex LoggedError();

    [GeneratedRegex("""Check\(\s*"([a-z_]+:?)["]""")]
    private static partial Regex Check();

    [GeneratedRegex(@"^  (\w+):\n    Type: AWS::CloudWatch::Alarm", RegexOptions.Multiline)]
    private static partial Regex Alarm();
}
