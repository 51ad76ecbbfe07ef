using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Write.DataPlatform.Api.Tests.Documentation;

/// <summary>Follows every page as its reader does: runs its commands, writes its files, loads its models, asks its queries, and compares the answers that it shows with those that come.</summary>
public sealed class DocSampleTests(DocServer server) : IClassFixture<DocServer>
{
    public static TheoryData<string> Pages => [.. DocPage.All.Where(p => DocPage.Read(p).Fences > 0)];

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
    [InlineData("- a list\n  ```sh\n  x\n  ```\n", "0 blocks are seen")]
    [InlineData("```sh\r\nx\r\n```\r\n", "0 blocks are seen")]
    [InlineData("~~~sh\nx\n~~~\n", "0 blocks are seen")]
    [InlineData("```sh\ncurl localhost:5080/v1/insights/no-such\n```\n", "unknown_insight")]
    [InlineData("```sh\ndotnet run --project src/Write.DataPlatform.Api -- validat\n```\n", "validat")]
    [InlineData("```sh\ndotnet run --project src/Elsewhere -- validate\n```\n", "only the executable")]
    [InlineData("```json\n{ \"metrics\": [\"vists\"] }\n```\n", "unknown_metric")]
    [InlineData("```json\n{ \"metrics\": [\"visits\"], \"where\": \"random() < 2\" }\n```\n", "sql_not_allowed")]
    [InlineData("```json\n{ \"a\": 1 }\n```\n", "no command before it")]
    [InlineData("```sh\ncurl 'localhost:5080/v1/query?metrics=visits&last=P1Y&source=lake'\n```\n```json\n{ \"served\": { \"by\": [\"gold\"] } }\n```\n", "served.by is [\"lake\"]")]
    [InlineData("<!-- from docs/README.md -->\n```yaml\nmetrics:\n  - { name: x }\n```\n", "does not stand so")]
    [InlineData("```sh\ncurl localhost:5080/health\n```\n```json\n{ \"status\": 1 }\n```\n", "$.status")]
    [InlineData("```sh\ncurl localhost:5080/health\n```\n```json\n{ \"checks\": [{ \"colour\": \"red\" }] }\n```\n", "$.checks[0].colour")]
    [InlineData("```json\n{ \"DataPlatform\": { \"Lake\": { \"Kidn\": \"DuckDb\" } } }\n```\n", "Did you mean 'Kind'?")]
    [InlineData("```yaml\nmetrics:\n  - { name: x, type: simple, type_params: { measure: nothing } }\n```\n", "M020")]
    [InlineData("```yaml models/x.yaml\nmetrics: []\n```\n", "no command reads it")]
    [InlineData("<!-- not run: no -->\n```sh\nx\n```\n", "reason")]
    [InlineData("<!-- r: run by NoSuchTests -->\n```r\nx\n```\n", "NoSuchTests")]
    [InlineData("<!-- r: run by DocLinkTests -->\n```r\nx\n```\n", "DocLinkTests")]
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
        if (page.Fences != page.Blocks.Count * 2)
        {
            _problems.Add($"{page.Path}: {page.Blocks.Count} blocks are seen, and {page.Fences} lines begin or end one: a fence is three backticks at the line's beginning, and one word.");
        }

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
                Check(block, files.Any(f => Reads(File.ReadAllLines(f), block.Language)), $"No test {test} reads {page.Name}'s {block.Language}.");
            }
        }
        else if (block.From is { } source)
        {
            var lines = block.Text.Split('\n', 2);
            var text = await File.ReadAllTextAsync(Path.Combine(DocPage.Root, source), TestContext.Current.CancellationToken);
            Check(block, text.Contains(lines[0] + "\n", StringComparison.Ordinal) && text.Contains(lines[1], StringComparison.Ordinal), $"It does not stand so in {source}.");
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

    /// <summary>Whether a test's code, its comments aside, opens this page and takes blocks of the language.</summary>
    private bool Reads(IEnumerable<string> test, string language)
    {
        var code = string.Join('\n', test.Where(l => !l.TrimStart().StartsWith("//", StringComparison.Ordinal)));
        var opens = code.Contains($"DocPage.Read(\"{page.Path}\").Blocks", StringComparison.Ordinal)
            || (code.Contains($"\"{page.Name}\"", StringComparison.Ordinal) && code.Contains("^```", StringComparison.Ordinal));
        return opens && Regex.IsMatch(code, $@"\b{Regex.Escape(language)}\b");
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

        // Who asks over HTTP may less than the command line's operator; a model of the page's own is no server's.
        for (var i = 0; _model.Length == 0 && i < _queries.Count; i++)
        {
            await File.WriteAllTextAsync(Path.Combine(folder, "query.json"), _queries[i].Query, TestContext.Current.CancellationToken);
            var (code, output, error) = await DocServer.RunAsync(folder, "curl -o answer.json localhost:5080/v1/query --json @query.json || { cat answer.json; exit 1; }");
            Check(_queries[i].Block, code == 0, output + error);
        }

        if (_model.Length > 0 && _queries.Count > 0)
        {
            await File.WriteAllLinesAsync(Path.Combine(folder, "page.ndjson"), _queries.Select(q => q.Query), TestContext.Current.CancellationToken);
            var (_, output, error) = await DocServer.RunAsync(folder, "command dotnet \"$WDP_DLL\" query --ndjson page.ndjson --models page || true");
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

    /// <summary>Where what is shown has another form than what came: a member that is not there, or of another type. Values may differ but for <c>served.by</c>, null fits all, and of a list the first entry speaks for all.</summary>
    private static string? Misfit(JsonNode? shown, JsonNode? came, string path) => (shown, came) switch
    {
        (JsonArray by, JsonArray there) when path.EndsWith(".served.by", StringComparison.Ordinal) => By(by).SetEquals(By(there)) ? null : $"{path} is {there.ToJsonString()}",
        (null, _) or (_, null) => null,
        (JsonObject members, JsonObject there) => members.Select(m => there.ContainsKey(m.Key) ? Misfit(m.Value, there[m.Key], $"{path}.{m.Key}") : $"{path}.{m.Key} is not there").FirstOrDefault(p => p is not null),
        (JsonArray entries, JsonArray there) => entries.Count == 0 ? null : there.Count == 0 ? $"{path} is empty" : Misfit(entries[0], there[0], $"{path}[0]"),
        _ => shown.GetValueKind() == came.GetValueKind() || (shown.GetValueKind() is JsonValueKind.True or JsonValueKind.False && came.GetValueKind() is JsonValueKind.True or JsonValueKind.False) ? null : $"{path} is {came.GetValueKind()}",
    };

    /// <summary>Who served it. A stream's tail comes and goes with the minute, so it is left aside.</summary>
    private static HashSet<string> By(JsonArray by) => [.. by.Select(b => b!.ToString()).Where(b => b != "tail")];
}
