using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Write.DataPlatform.Api.Tests.Documentation;

/// <summary>Follows every page as its reader does: runs its commands, writes its files, loads its models, asks its queries, and compares the answers that it shows with those that come.</summary>
public sealed class DocSampleTests(DocServer server) : IClassFixture<DocServer>
{
    public static TheoryData<string> Pages => [.. DocPage.All.Where(p => DocPage.Read(p).Blocks.Count > 0)];

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task A_page_can_be_followed(string path)
    {
        var problems = await FollowAsync(DocPage.Read(path));
        Assert.True(problems.Count == 0, string.Join("\n\n", problems));
    }

    [Theory]
    [InlineData("```\ncurl localhost:5080/health\n```\n", "no language")]
    [InlineData("```elixir\nx\n```\n", "nobody runs")]
    [InlineData("```sh\ncurl localhost:5080/v1/insights/no-such\n```\n", "unknown_insight")]
    [InlineData("```sh\ndotnet run --project src/Write.DataPlatform.Api -- validat\n```\n", "validat")]
    [InlineData("```sh\ndotnet run --project src/Elsewhere -- validate\n```\n", "only the executable")]
    [InlineData("```json\n{ \"metrics\": [\"vists\"] }\n```\n", "unknown_metric")]
    [InlineData("```json\n{ \"a\": 1 }\n```\n", "no command before it")]
    [InlineData("```sh\ncurl localhost:5080/health\n```\n```json\n{ \"status\": 1 }\n```\n", "$.status")]
    [InlineData("```sh\ncurl localhost:5080/health\n```\n```json\n{ \"checks\": [{ \"colour\": \"red\" }] }\n```\n", "$.checks[0].colour")]
    [InlineData("```json\n{ \"DataPlatform\": { \"Lake\": { \"Kidn\": \"DuckDb\" } } }\n```\n", "Did you mean 'Kind'?")]
    [InlineData("```yaml\nmetrics:\n  - { name: x, type: simple, type_params: { measure: nothing } }\n```\n", "M020")]
    [InlineData("```yaml models/x.yaml\nmetrics: []\n```\n", "no command reads it")]
    [InlineData("<!-- not run: no -->\n```sh\nx\n```\n", "reason")]
    [InlineData("<!-- r: run by NoSuchTests -->\n```r\nx\n```\n", "NoSuchTests")]
    public async Task A_page_that_cannot_be_followed_is_told(string text, string told) =>
        Assert.Contains(await FollowAsync(new DocPage("docs/made-up.md", text)), p => p.Contains(told, StringComparison.Ordinal));

    private async Task<List<string>> FollowAsync(DocPage page)
    {
        var folder = server.Folder(Guid.NewGuid().ToString("N"));
        try
        {
            return await new DocReader(page, folder).FollowAsync();
        }
        finally
        {
            DocServer.StopServer(folder);
        }
    }
}

/// <summary>One reader of one page.</summary>
internal sealed class DocReader(DocPage page, string folder)
{
    private readonly List<string> _problems = [];
    private readonly StringBuilder _model = new();
    private readonly List<(DocBlock Block, string Query)> _queries = [];
    private string? _output;

    public async Task<List<string>> FollowAsync()
    {
        foreach (var name in new[] { "models", "models-before" }.Where(n => !page.Blocks.Any(b => b.File?.StartsWith(n + "/", StringComparison.Ordinal) == true)))
        {
            DocServer.CopyModel(Path.Combine(folder, name));
        }

        foreach (var block in page.Blocks)
        {
            await TakeAsync(block);
        }

        await LoadAsync();
        return _problems;
    }

    private async Task TakeAsync(DocBlock block)
    {
        if (block.WhyNotRun is { } why)
        {
            Check(block, why.Length >= 12, "The reason why it is not run says too little.");
        }
        else if (page.Elsewhere.Contains(block.Language))
        {
            foreach (var test in page.Elsewhere[block.Language])
            {
                var files = Directory.GetFiles(Path.Combine(DocPage.Root, "tests"), test + ".cs", SearchOption.AllDirectories);
                Check(block, files.Any(f => File.ReadAllText(f).Contains(page.Name, StringComparison.Ordinal)), $"No test {test} reads {page.Name}.");
            }
        }
        else if (block.File is { } file)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder, file))!);
            await File.WriteAllTextAsync(Path.Combine(folder, file), block.Text, TestContext.Current.CancellationToken);
            Check(block, page.Blocks.Any(b => b.Line > block.Line && b.Language == "sh" && b.Text.Contains(file.Split('/')[0], StringComparison.Ordinal)), $"{file} is written, and no command reads it.");
        }
        else
        {
            await (block.Language switch
            {
                "sh" => RunAsync(block),
                "json" => ReadAsync(block),
                "yaml" => Task.FromResult(_model.Append(block.Text).Append("\n---\n")),
                "" => Task.Run(() => Check(block, false, "The block has no language.")),
                _ => Task.Run(() => Check(block, false, $"This is {block.Language}, which nobody runs.")),
            });
        }
    }

    private async Task RunAsync(DocBlock block)
    {
        if (block.Needs is { } needs && Environment.GetEnvironmentVariable("CI") != "true" && (await DocServer.RunAsync(folder, $"command -v {needs}")).Code != 0)
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"{page.Path}:{block.Line} needs {needs}, which is not installed; .ci/run installs it.");
            return;
        }

        var (code, output, error) = await DocServer.RunAsync(folder, block.Text);
        Check(block, code == 0, $"It ended with {code}.\n{output}{error}");
        _output = output;
    }

    /// <summary>A query, settings, or an answer of the commands before it; several queries may stand below each other.</summary>
    private async Task ReadAsync(DocBlock block)
    {
        List<JsonNode> documents = [];
        try
        {
            documents.AddRange(IsOne(block.Text) ? [JsonNode.Parse(block.Text)!] : block.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonNode.Parse(l)!));
        }
        catch (JsonException exception)
        {
            Check(block, false, "This is no JSON: " + exception.Message);
        }

        foreach (var document in documents)
        {
            if (document is JsonObject query && (query.ContainsKey("metrics") || query.ContainsKey("groupBy")))
            {
                _queries.Add((block, query.ToJsonString()));
            }
            else if (document["DataPlatform"] is not null)
            {
                var settings = string.Join(' ', Settings(document, "").Select(s => $"'--{s.Name}={s.Value}'"));
                var (code, output, error) = await DocServer.RunAsync(folder, $"command dotnet \"$WDP_DLL\" validate {settings}");
                Check(block, code == 0, output + error);
            }
            else if (_output is null)
            {
                Check(block, false, "There is no command before it whose answer it could be.");
            }
            else
            {
                var misfits = Documents(_output).Select(answer => Misfit(document, answer, "$")).ToList();
                Check(block, misfits.Contains(null), $"No answer of the commands before looks so: {misfits.FirstOrDefault() ?? "they gave no JSON"}\n{_output}");
            }
        }
    }

    /// <summary>Loads what the page's YAML adds to the sample's model, and asks the page's queries of both.</summary>
    private async Task LoadAsync()
    {
        var models = Path.Combine(folder, "page");
        if (_model.Length > 0)
        {
            DocServer.CopyModel(models);
            await File.WriteAllTextAsync(Path.Combine(models, "page.yaml"), _model.ToString(), TestContext.Current.CancellationToken);
            if (_queries.Count == 0)
            {
                var (code, output, error) = await DocServer.RunAsync(folder, "command dotnet \"$WDP_DLL\" validate --models page");
                Check(page.Blocks.First(b => b.Language == "yaml"), code == 0, output + error);
            }
        }

        if (_queries.Count > 0)
        {
            await File.WriteAllLinesAsync(Path.Combine(folder, "page.ndjson"), _queries.Select(q => q.Query), TestContext.Current.CancellationToken);
            var (_, output, error) = await DocServer.RunAsync(folder, $"command dotnet \"$WDP_DLL\" query --ndjson page.ndjson {(_model.Length > 0 ? "--models page" : "")} || true");
            var answers = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            for (var i = 0; i < _queries.Count; i++)
            {
                Check(_queries[i].Block, i < answers.Length && JsonNode.Parse(answers[i])!["error"] is null, i < answers.Length ? answers[i] : output + error);
            }
        }
    }

    private void Check(DocBlock block, bool isRight, string problem)
    {
        if (!isRight)
        {
            _problems.Add($"{page.Path}:{block.Line} {problem}");
        }
    }

    private static bool IsOne(string text)
    {
        try
        {
            JsonNode.Parse(text);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>The JSON documents among lines of other things.</summary>
    private static IEnumerable<JsonNode> Documents(string output) => output.Split('\n').Where(l => l.StartsWith('{') && IsOne(l)).Select(l => JsonNode.Parse(l)!);

    private static IEnumerable<(string Name, string Value)> Settings(JsonNode? node, string name) => node is JsonObject members
        ? members.SelectMany(m => Settings(m.Value, name.Length == 0 ? m.Key : $"{name}:{m.Key}"))
        : [(name, node!.ToString())];

    /// <summary>Where what is shown has another form than what came: a member that is not there, or of another type. Values may differ, null fits all, and of a list the first entry speaks for all.</summary>
    private static string? Misfit(JsonNode? shown, JsonNode? came, string path) => (shown, came) switch
    {
        (null, _) or (_, null) => null,
        (JsonObject members, JsonObject there) => members.Select(m => there.ContainsKey(m.Key) ? Misfit(m.Value, there[m.Key], $"{path}.{m.Key}") : $"{path}.{m.Key} is not there").FirstOrDefault(p => p is not null),
        (JsonArray entries, JsonArray there) => entries.Count == 0 ? null : there.Count == 0 ? $"{path} is empty" : Misfit(entries[0], there[0], $"{path}[0]"),
        _ => shown.GetValueKind() == came.GetValueKind() || (shown.GetValueKind() is JsonValueKind.True or JsonValueKind.False && came.GetValueKind() is JsonValueKind.True or JsonValueKind.False) ? null : $"{path} is {came.GetValueKind()}",
    };
}
