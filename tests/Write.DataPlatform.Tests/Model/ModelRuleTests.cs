using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Tests.Model;

/// <summary>
/// Each file in <c>Cases</c> is loaded beside, and after, a good model. A comment at a line's end says which codes must be reported there; a file
/// and line before a code, that they must be reported in that file. Nothing else may be.
/// </summary>
public sealed partial class ModelRuleTests
{
    public static TheoryData<string> Cases => [.. Directory.GetFiles(CasesFolder(), "*.yaml").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_mistake_is_reported_once_at_its_line(string file)
    {
        var text = File.ReadAllText(Path.Combine(CasesFolder(), file));
        var result = Load(("z/" + file, text));

        var actual = result.Problems.Select(p => $"{p.Position?.File}:{p.Position?.Line} {p.Code}").Order(StringComparer.Ordinal);
        var expected = Expected("z/" + file, text).Order(StringComparer.Ordinal);
        Assert.True(expected.SequenceEqual(actual), $"missing {string.Join(", ", Less(expected, actual))}; not expected {string.Join(", ", Less(actual, expected))}\n{ModelLoadException.Print(result.Problems)}");
        Assert.Null(result.Model);
    }

    [Fact]
    public void Everything_wrong_at_once_is_reported_at_once()
    {
        // Every case but the ones that break off reading or speak of the one settings document, in one folder.
        var files = Directory.GetFiles(CasesFolder(), "*.yaml").Select(Path.GetFileName).OfType<string>()
            .Where(f => f is not ("malformed.yaml" or "unknown_alias.yaml"))
            .Select(f => ("z/" + f, File.ReadAllText(Path.Combine(CasesFolder(), f)))).ToArray();

        var found = Load(files).Problems.Select(p => $"{p.Position?.File}:{p.Position?.Line} {p.Code}").ToHashSet();

        Assert.Equal([], files.SelectMany(f => Expected(f.Item1, f.Item2)).Except(found));
    }

    [Fact]
    public void Every_code_has_a_case()
    {
        var seen = Directory.GetFiles(CasesFolder(), "*.yaml").SelectMany(f => Expected("", File.ReadAllText(f))).Select(e => e[(e.LastIndexOf(' ') + 1)..]).ToHashSet();

        // Those that need more than a file of YAML have a test of their own below.
        string[] elsewhere = [ModelCode.TooLarge, ModelCode.UnreadableFile, ModelCode.ExternalWithoutTenants];
        Assert.Equal(Codes().Order(), seen.Union(elsewhere).Order());
    }

    [Fact]
    public void Every_code_is_documented_and_no_other()
    {
        var text = File.ReadAllText(Path.Combine(RepositoryFolder(), "docs", "errors.md"));
        var section = text[text.IndexOf("## Model", StringComparison.Ordinal)..];
        var end = section.IndexOf("\n## ", 3, StringComparison.Ordinal);
        var documented = Row().Matches(end < 0 ? section : section[..end]).Select(m => m.Groups[1].Value);

        Assert.Equal(Codes().Order(), documented.Order());
    }

    [Fact]
    public void An_external_table_needs_a_tenant()
    {
        var model = ModelSample.Model.Item2;
        var from = model.IndexOf("tenants:", StringComparison.Ordinal);
        var text = model[..from] + model[model.IndexOf("streams:", StringComparison.Ordinal)..];

        var problem = Assert.Single(ModelFolder.Load(("model.yaml", text), ModelSample.Countries, ModelSample.Shows).Problems);
        Assert.Equal(ModelCode.ExternalWithoutTenants, problem.Code);
    }

    [Fact]
    public void Limits_hold()
    {
        var deep = Assert.Single(ModelFolder.Load(("deep.yaml", "metrics: " + new string('[', 100_000))).Problems);
        Assert.Equal(ModelCode.TooLarge, deep.Code);

        var bomb = "a0: &a0 [x]\n" + string.Concat(Enumerable.Range(1, 30).Select(i => $"a{i}: &a{i} [{string.Join(',', Enumerable.Repeat($"*a{i - 1}", 10))}]\n"));
        Assert.Contains(ModelFolder.Load(("bomb.yaml", bomb)).Problems, p => p.Code == ModelCode.TooLarge);

        var large = Assert.Single(ModelFolder.Load(("large.yaml", new string('#', 11 * 1024 * 1024))).Problems);
        Assert.Equal((ModelCode.UnreadableFile, "large.yaml"), (large.Code, large.Position!.File));

        // A chain deeper than any stack is only as wrong as its end.
        var chain = "metrics:\n" + string.Concat(Enumerable.Range(0, 20_000).Select(i => $"- {{ name: m{i}, type: derived, type_params: {{ expr: m{i + 1}, metrics: [m{i + 1}] }} }}\n"));
        Assert.Equal((ModelCode.UnknownMetric, 20_001), Assert.Single(ModelFolder.Load(("chain.yaml", chain)).Problems) is var end ? (end.Code, end.Position!.Line) : default);
    }

    [Fact]
    public void A_folder_that_cannot_be_read_is_a_problem()
    {
        using var folder = new ModelFolder();
        Assert.Equal(ModelCode.UnreadableFile, Assert.Single(folder.Load().Problems).Code);
        Assert.Equal(ModelCode.UnreadableFile, Assert.Single(new ModelLoader([]).Load(Path.Combine(folder.Path, "nothing")).Problems).Code);

        File.WriteAllBytes(Path.Combine(folder.Path, "latin.yaml"), [0x61, 0x3A, 0x20, 0xE9]);
        var problem = Assert.Single(folder.Load().Problems);
        Assert.Equal((ModelCode.UnreadableFile, "latin.yaml"), (problem.Code, problem.Position!.File));
    }

    [Fact]
    public void A_problem_says_what_was_meant_and_where_a_cycle_goes()
    {
        var problems = Load(
            ("case.yaml", """
                metrics:
                  - { name: a, type: derived, type_params: { expr: b, metrics: [b] } }
                  - { name: b, type: derived, type_params: { expr: a, metrics: [a] } }
                  - { name: c, type: simple, type_parms: {}, type_params: { measure: vists } }
                """)).Problems;

        Assert.Contains(problems, p => p.Message.Contains("a → b → a", StringComparison.Ordinal));
        Assert.Contains(problems, p => p is { Code: ModelCode.UnknownKey, Suggestion: "Did you mean 'type_params'?", Position: { Line: 4, Column: 30 } });
        Assert.Contains(problems, p => p is { Code: ModelCode.UnknownMeasure, Suggestion: "Did you mean 'visits'?" });
        Assert.Equal(problems.Length + 1, new ModelLoadException(problems).Message.Split('\n').Length);
    }

    [Fact]
    public void Rules_of_other_slices_see_only_models_without_mistakes()
    {
        var rule = new Refusing();
        using var folder = new ModelFolder(ModelSample.Files);
        Assert.Equal(["Q001"], new ModelLoader([rule]).Load(folder.Path).Problems.Select(p => p.Code));

        folder.Write("case.yaml", "metrics: [{ name: a, type: simple, type_params: { measure: nothing } }]");
        Assert.Equal([ModelCode.UnknownMeasure], new ModelLoader([rule]).Load(folder.Path).Problems.Select(p => p.Code));
    }

    public static string RepositoryFolder([CallerFilePath] string path = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, "..", "..", ".."));

    private static string CasesFolder() => Path.Combine(RepositoryFolder(), "tests", "Write.DataPlatform.Tests", "Model", "Cases");

    private static ModelLoadResult Load(params (string, string)[] files) => ModelFolder.Load(
    [
        .. ModelSample.Files, .. files, .. Directory.GetFiles(Path.Combine(CasesFolder(), "lookups")).Select(f => ("lookups/" + Path.GetFileName(f), File.ReadAllText(f))),
    ]);

    private static IEnumerable<string> Expected(string file, string text) => text.Split('\n').SelectMany((line, i) => Comment().Match(line) is { Success: true } comment
        ? Mark().Matches(comment.Value).Select(m => $"{(m.Groups["file"].Success ? m.Groups["file"].Value : $"{file}:{i + 1}")} {m.Groups["code"].Value}")
        : []);

    private static IEnumerable<string> Less(IEnumerable<string> all, IEnumerable<string> some)
    {
        var rest = some.ToList();
        return all.Where(a => !rest.Remove(a));
    }

    private static IEnumerable<string> Codes() =>
        typeof(ModelCode).GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => (string)f.GetRawConstantValue()!);

    [GeneratedRegex("# .*M[0-9]{3}.*$")]
    private static partial Regex Comment();

    [GeneratedRegex(@"(?:(?<file>\S+:\d+) )?(?<code>M\d{3})")]
    private static partial Regex Mark();

    [GeneratedRegex(@"^\| `?(M\d{3})`? \|", RegexOptions.Multiline)]
    private static partial Regex Row();

    private sealed class Refusing : IModelRule
    {
        public IEnumerable<ModelProblem> Check(MetricModel model) => [new("Q001", "No.", null)];
    }
}
