using System.Text.Json.Nodes;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Api.Sample;

namespace Write.DataPlatform.Api.Tests.Commands;

/// <summary>Commands as a program calls them: arguments and input in, exit code, output and error stream out.</summary>
[Collection(typeof(ServerCollection))]
public sealed class CommandTests(ServerFixture server) : IDisposable
{
    private const string Query = """{"metrics":["visits"],"groupBy":["visit__device"],"timeRange":{"from":"2026-01-01","to":"2026-02-01"}}""";

    private readonly string _folder = Directory.CreateTempSubdirectory("wdp-commands-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("")]
    [InlineData("serve")]
    [InlineData("validate")]
    [InlineData("query")]
    [InlineData("explain")]
    [InlineData("refresh")]
    [InlineData("verify")]
    [InlineData("diff")]
    [InlineData("sample")]
    [InlineData("keys")]
    [InlineData("alerts")]
    [InlineData("reports")]
    public async Task Help_has_examples(string command)
    {
        var (code, output, error) = await RunAsync("", [.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("Usage:", output, StringComparison.Ordinal);
        Assert.Contains("Examples:", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("query")]
    [InlineData("query", "a", "b")]
    [InlineData("serve", "--role", "boss")]
    [InlineData("sample", "--rows", "5", "--out", "x")]
    [InlineData("sample", "--rows", "-5", "--out", "x")]
    [InlineData("sample", "--rows", "9999999999999", "--out", "x")]
    [InlineData("sample", "--rows", "2000", "--out", "x", "--end", "0001-01-05")]
    [InlineData("sample", "--rows", "2000", "--out", "x", "--end", "9999-12-31")]
    [InlineData("sample", "--rows", "2000", "--out", "x", "--end", "never")]
    [InlineData("sample", "--rows", "many", "--out", "x")]
    [InlineData("sample")]
    [InlineData("refresh", "--from", "2026-02-30")]
    [InlineData("refresh", "--from", "2026-02-02", "--to", "2026-02-01")]
    [InlineData("refresh", "no_such_table")]
    [InlineData("verify", "--from", "2026-02-02", "--to", "2026-02-01")]
    [InlineData("verify", "no_such_table")]
    [InlineData("diff", "only_one")]
    [InlineData("query", "-", "--json", "--csv")]
    [InlineData("keys")]
    [InlineData("keys", "create")]
    [InlineData("alerts")]
    [InlineData("alerts", "test")]
    [InlineData("alerts", "test", "no-such-alert")]
    [InlineData("reports", "send", "no-such-report")]
    [InlineData("keys", "rotate", "0123456789abcdef", "--overlap", "soon")]
    public async Task Bad_usage_is_2(params string[] args)
    {
        var (code, output, error) = await RunAsync("", [.. args, "--data", _folder]);
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith("error: ", error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Validate_says_that_the_sample_is_good()
    {
        var (code, output, _) = await RunAsync("", "validate", "--data", _folder);
        Assert.Equal(0, code);
        Assert.Contains("is good: 5 semantic models, 21 metrics", output, StringComparison.Ordinal);
        var (_, json, _) = await RunAsync("", "validate", "--data", _folder, "--json");
        Assert.True((bool)JsonNode.Parse(json)!["valid"]!);
    }

    [Fact]
    public async Task The_samples_tests_pass_and_a_wrong_one_fails()
    {
        var (code, output, error) = await RunAsync("", "validate", "--tests", "--data", _folder);
        Assert.True(code == 0, output + error);
        Assert.Contains("4 tests, 0 failed", output, StringComparison.Ordinal);

        // A model that counts in another zone does not keep the sample's facts.
        var models = Path.Combine(_folder, "models");
        foreach (var file in Directory.EnumerateFiles(SampleLake.ModelsDirectory, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(models, Path.GetRelativePath(SampleLake.ModelsDirectory, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            var text = await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken);
            await File.WriteAllTextAsync(copy, text.Replace("time_zone: Europe/Berlin", "time_zone: UTC", StringComparison.Ordinal), TestContext.Current.CancellationToken);
        }

        (code, output, _) = await RunAsync("", "validate", "--tests", "--data", _folder, "--models", models);
        Assert.Equal(1, code);
        Assert.Contains("failed A visit counts on the day and month of Berlin's clocks (tests.yaml:3:5)", output, StringComparison.Ordinal);
        Assert.Contains("- expected metric_time__month: 2026-02-01, visits: 1", output, StringComparison.Ordinal);
        Assert.Contains("+ answered metric_time__month: 2026-01-01, visits: 1", output, StringComparison.Ordinal);
        (code, output, _) = await RunAsync("", "validate", "--tests", "--json", "--data", _folder, "--models", models);
        Assert.Equal((1, 1), (code, JsonNode.Parse(output)!["tests"]!.AsArray().Count(t => !(bool)t!["passed"]!)));
        Assert.True((bool)JsonNode.Parse(output)!["valid"]!);
    }

    [Fact]
    public async Task The_sample_fits_its_lake_and_a_model_of_another_does_not()
    {
        var (code, output, error) = await RunAsync("", ["validate", "--against-lake", .. Lake()]);
        Assert.True(code == 0, error);
        Assert.Contains("The lake has every table, column and type that the model reads.", output, StringComparison.Ordinal);

        await File.WriteAllTextAsync(Path.Combine(_folder, "m.yaml"), "semantic_models:\n  - name: x\n    model: visits\n    primary_entity: x\n    dimensions:\n      - { name: contry, type: categorical }\n", TestContext.Current.CancellationToken);
        (code, _, error) = await RunAsync("", ["validate", "--against-lake", "--models", _folder, .. Lake()]);
        Assert.Equal(1, code);
        Assert.Contains("m.yaml:6:9 L002", error, StringComparison.Ordinal);
        Assert.Contains("Did you mean 'country'?", error, StringComparison.Ordinal);
        (code, output, _) = await RunAsync("", ["validate", "--against-lake", "--json", "--models", _folder, .. Lake()]);
        Assert.Equal((1, 1, true), (code, JsonNode.Parse(output)!["lakeProblems"]!.AsArray().Count, (bool)JsonNode.Parse(output)!["valid"]!));

        (code, _, error) = await RunAsync("", "validate", "--against-lake", "--data", Path.Combine(_folder, "empty"));
        Assert.Equal(1, code);
        Assert.StartsWith("error: ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_of_a_kind_is_said_in_the_singular()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "m.yaml"), "semantic_models:\n  - { name: x, model: x, primary_entity: x }\n", TestContext.Current.CancellationToken);
        var (code, output, error) = await RunAsync("", "validate", "--models", _folder, "--data", _folder);
        Assert.True(code == 0, error);
        Assert.Contains("is good: 1 semantic model, 0 metrics, 0 gold tables, 0 insights, 0 tests.", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task All_that_is_wrong_comes_in_one_message()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "m.yaml"), "metrics:\n  - { name: x, type: simple, type_params: { measure: y } }\n  - { nme: z }\n", TestContext.Current.CancellationToken);
        string[] args = ["--models", _folder, "--data", _folder, "--DataPlatform:Lake:Threads=0", "--DataPlatform:Gold:CacheMegabytes=1"];
        foreach (var command in new[] { "validate", "serve", "refresh" })
        {
            var (code, output, error) = await RunAsync("", [command, .. args]);
            Assert.Equal((1, ""), (code, output));
            foreach (var part in new[] { "DataPlatform:Lake:Threads", "DataPlatform:Gold:CacheMegabytes", "m.yaml:2", "m.yaml:3" })
            {
                Assert.Contains(part, error, StringComparison.Ordinal);
            }
        }

        var (_, _, unknown) = await RunAsync("", "validate", "--data", _folder, "--DataPlatform:Lake:Kidn=DuckDb", "--DataPlatform:Gold:LeaseDuration=soon", "--DataPlatform:Lak:Path=x");
        Assert.Contains("There is no setting DataPlatform:Lake:Kidn. Did you mean 'Kind'?", unknown, StringComparison.Ordinal);
        Assert.Contains("There is no setting DataPlatform:Lak. Did you mean 'Lake'?", unknown, StringComparison.Ordinal);
        Assert.Contains("DataPlatform:Gold:LeaseDuration is 'soon'; it must be a time such as 00:15:00.", unknown, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_folder, "gold.db")), "Nothing is made before everything is right.");
    }

    [Fact]
    public async Task A_query_is_answered_as_table_json_and_csv()
    {
        var file = Path.Combine(_folder, "q.json");
        await File.WriteAllTextAsync(file, Query, TestContext.Current.CancellationToken);
        var expected = server.Sql("SELECT device, count(*) FROM {visits} WHERE timezone('Europe/Berlin', occurred_at::TIMESTAMPTZ) >= TIMESTAMP '2026-01-01' AND timezone('Europe/Berlin', occurred_at::TIMESTAMPTZ) < TIMESTAMP '2026-02-01' GROUP BY 1 ORDER BY 1");

        var (code, json, _) = await RunAsync(Query, ["query", "-", "--json", .. Lake()]);
        Assert.Equal(0, code);
        Assert.Equal(expected.Select(r => $"{r[0]}={r[1]}"), JsonNode.Parse(json)!["rows"]!.AsArray().Select(r => $"{r!["visit__device"]}={r["visits"]}").OrderBy(r => r.StartsWith('=')).ThenBy(r => r, StringComparer.Ordinal));

        var (_, csv, _) = await RunAsync("", ["query", file, "--csv", .. Lake()]);
        Assert.Equal(expected.Count + 1, csv.Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Length);

        var (_, table, talk) = await RunAsync("", ["query", file, .. Lake()]);
        Assert.All(expected, r => Assert.Contains(((long)r[1]!).ToString("N0", System.Globalization.CultureInfo.InvariantCulture), table, StringComparison.Ordinal));
        Assert.Contains("rows from", talk, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Mistakes_in_a_query_are_1_and_all_told()
    {
        var (code, output, error) = await RunAsync("""{"metrics":[1],"limt":3}""", ["query", "-", .. Lake()]);
        Assert.Equal((1, ""), (code, output));
        Assert.Contains("metrics[0]", error, StringComparison.Ordinal);
        Assert.Contains("Did you mean 'limit'?", error, StringComparison.Ordinal);
        var (missing, _, told) = await RunAsync("", ["query", Path.Combine(_folder, "none.json"), .. Lake()]);
        Assert.Equal(1, missing);
        Assert.Contains("none.json", told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_tells_who_answers()
    {
        var (code, text, _) = await RunAsync(Query, ["explain", "-", .. Lake()]);
        Assert.Equal(0, code);
        Assert.Contains("visits by occurred_at", text, StringComparison.Ordinal);
        var (_, json, _) = await RunAsync(Query, ["explain", "-", "--json", .. Lake()]);
        Assert.NotEmpty(JsonNode.Parse(json)!["leaves"]!.AsArray());
    }

    [Fact]
    public async Task A_sample_is_made_and_not_made_over_another()
    {
        var lake = Path.Combine(_folder, "lake");
        string[] args = ["sample", "--rows", "2000", "--out", lake, "--end", "2026-03-15"];
        var (code, output, error) = await RunAsync("", args);
        Assert.Equal((0, lake), (code, output.Trim()));
        Assert.Contains("100 %", error, StringComparison.Ordinal);
        Assert.True(Directory.Exists(Path.Combine(lake, "visits")));
        var (again, _, told) = await RunAsync("", args);
        Assert.Equal(1, again);
        Assert.Contains("holds files already", told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Gold_is_refreshed_and_then_answers()
    {
        string[] lake = ["--data", _folder, $"--DataPlatform:Lake:Path={server.Data}/lake"];
        var (code, output, error) = await RunAsync("", ["refresh", "audience_monthly", "--json", .. lake]);
        Assert.True(code == 0, error);
        var run = Assert.Single(JsonNode.Parse(output)!["runs"]!.AsArray())!;
        Assert.Equal(("audience_monthly", "succeeded"), ((string)run["table"]!, (string)run["state"]!));
        var (_, json, _) = await RunAsync("""{"metrics":["unique_visitors"],"groupBy":["metric_time__month","visit__country"],"timeRange":{"from":"2025-01-01","to":"2026-01-01"},"source":"gold"}""", ["query", "-", "--json", .. lake]);
        var expected = server.Sql("SELECT count(*) FROM (SELECT DISTINCT country, date_trunc('month', timezone('Europe/Berlin', occurred_at::TIMESTAMPTZ)) AS m FROM {visits} WHERE year(m) = 2025)");
        Assert.Equal((long)expected[0][0]!, JsonNode.Parse(json)!["rows"]!.AsArray().Count);

        var (verified, found, _) = await RunAsync("", ["verify", "audience_monthly", "--json", .. lake]);
        var table = Assert.Single(JsonNode.Parse(found)!["tables"]!.AsArray())!;
        Assert.Equal((0, true, 0), (verified, (bool)table["good"]!, (int)table["differenceCount"]!));
        Assert.NotEmpty(table["partitions"]!.AsArray());
        Assert.All(table["partitions"]!.AsArray(), p => Assert.Equal("equal", (string)p!["state"]!));
        var (_, text, _) = await RunAsync("", ["verify", "audience_monthly", "--from", "2026-01-01", .. lake]);
        Assert.Contains("audience_monthly", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_tenants_gold_equals_the_lake()
    {
        // So few rows that tenants have files of one size, which DuckDB takes for one file if they have one name.
        await RunAsync("", "sample", "--rows", "2000", "--out", Path.Combine(_folder, "lake"), "--end", "2026-11-24");
        string[] range = ["customers_daily", "--to", "2024-06-01", "--json", "--data", _folder];
        var (refreshed, _, error) = await RunAsync("", ["refresh", .. range]);
        Assert.True(refreshed == 0, error);
        var (code, json, told) = await RunAsync("", ["verify", .. range]);
        Assert.True(code == 0, json + told);
        var partitions = JsonNode.Parse(json)!["tables"]![0]!["partitions"]!.AsArray();
        Assert.Equal(["acme", "globex", "initech", "umbrella"], partitions.Select(p => (string)p!["tenant"]!).Distinct().Order());
        Assert.All(partitions, p => Assert.Equal("equal", (string)p!["state"]!));
        Assert.InRange(partitions.Count, 16, 24);
    }

    [Fact]
    public async Task Diff_says_what_a_change_rebuilds()
    {
        var (same, nothing, _) = await RunAsync("", "diff", SampleLake.ModelsDirectory, SampleLake.ModelsDirectory);
        Assert.Equal((0, "Nothing that a number follows from is different."), (same, nothing.Trim()));
        foreach (var file in Directory.EnumerateFiles(SampleLake.ModelsDirectory, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(_folder, Path.GetRelativePath(SampleLake.ModelsDirectory, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            var text = await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken);
            await File.WriteAllTextAsync(copy, text.Replace("expr: amount", "expr: amount / 100", StringComparison.Ordinal), TestContext.Current.CancellationToken);
        }

        var (code, json, _) = await RunAsync("", "diff", SampleLake.ModelsDirectory, _folder, "--json");
        Assert.Equal(0, code);
        var table = Assert.Single(JsonNode.Parse(json)!["goldTables"]!.AsArray())!;
        Assert.Equal(("customers_daily", "changed", "metrics"), ((string)table["name"]!, (string)table["change"]!, (string)table["reasons"]![0]!));
        Assert.Equal(["revenue", "revenue_per_visit"], JsonNode.Parse(json)!["metrics"]!.AsArray().Select(m => (string)m!["name"]!));
        var (_, shown, _) = await RunAsync("", "diff", SampleLake.ModelsDirectory, _folder);
        Assert.Contains("rebuilt", shown, StringComparison.Ordinal);

        await File.WriteAllTextAsync(Path.Combine(_folder, "bad.yaml"), "metrics:\n  - { nme: z }\n", TestContext.Current.CancellationToken);
        var (bad, output, error) = await RunAsync("", "diff", SampleLake.ModelsDirectory, _folder);
        Assert.Equal((1, ""), (bad, output));
        Assert.Contains(Path.Combine(_folder, "bad.yaml:2"), error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_in_use_is_one_clear_line()
    {
        var (code, output, error) = await RunAsync("", ["serve", "--role", "api", "--urls", server.Client.BaseAddress!.ToString(), "--Serilog:MinimumLevel:Default=Fatal", .. Lake()]);
        Assert.Equal((1, ""), (code, output));
        Assert.StartsWith("error: The address is in use by another program.", error, StringComparison.Ordinal);
        Assert.Single(error.Trim().Split('\n'));
    }

    [Fact]
    public async Task A_server_starts_says_where_and_stops()
    {
        using var stop = new CancellationTokenSource();
        using var output = new StringWriter();
        var terminal = new Terminal(TextReader.Null, output, TextWriter.Null, isOutputPlain: true, isErrorPlain: true);
        var running = CommandLine.RunAsync(["--role", "api", "--urls", "http://127.0.0.1:0", "--Serilog:MinimumLevel:Default=Fatal", .. Lake()], terminal, stop.Token);
        string Said()
        {
            lock (output)
            {
                return output.ToString();
            }
        }

        while (!Said().Contains("/v1/insights/", StringComparison.Ordinal) && !running.IsCompleted)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, TestContext.Current.CancellationToken);
        }

        var url = Said().Split('\n')[0].Replace("Now serving on ", "", StringComparison.Ordinal).Trim();
        using var client = new HttpClient();
        Assert.Equal("""{"status":"Healthy","totalDuration":"00:00:00","checks":[]}""", await client.GetStringAsync(url + "/health/live", TestContext.Current.CancellationToken));
        await stop.CancelAsync();
        Assert.Equal(0, await running);
    }

    [Fact]
    public async Task A_cancelled_command_is_1()
    {
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        using var error = new StringWriter();
        var terminal = new Terminal(TextReader.Null, TextWriter.Null, error, isOutputPlain: true, isErrorPlain: true);
        Assert.Equal(1, await CommandLine.RunAsync(["sample", "--rows", "2000", "--out", Path.Combine(_folder, "lake")], terminal, cancelled.Token));
        Assert.Equal("Cancelled.", error.ToString().Trim());
    }

    private string[] Lake() => ["--data", _folder, $"--DataPlatform:Lake:Path={server.Data}/lake"];

    internal static async Task<(int Code, string Output, string Error)> RunAsync(string input, params string[] args)
    {
        using var reader = new StringReader(input);
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await CommandLine.RunAsync(args, new Terminal(reader, output, error, isOutputPlain: true, isErrorPlain: true), TestContext.Current.CancellationToken);
        return (code, output.ToString(), error.ToString());
    }
}
