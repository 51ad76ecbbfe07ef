using System.Net;

namespace Write.DataPlatform.Api.Tests.Health;

/// <summary>Model files that are changed under a running server.</summary>
public sealed class ModelReloadTests
{
    [Fact]
    public async Task A_bad_change_is_told_with_its_place_and_the_last_good_model_serves()
    {
        await using var server = new SmallServer();
        await server.StartAsync();
        await server.RefreshAsync();
        var good = await File.ReadAllTextAsync(server.ModelFile, TestContext.Current.CancellationToken);
        var revision = (string)(await server.HealthAsync("model", c => (string)c["status"]! == "Healthy"))["data"]!["revision"]!;

        // A misspelt measure and an unknown key, beside a file that is no YAML: what that one would say is not known, so no name is called unknown yet.
        var bad = good.Replace("type_params: { measure: seconds }", "type_params: { measure: secnds }", StringComparison.Ordinal)
            .Replace("grain: day\n", "grian: day\n    grain: day\n", StringComparison.Ordinal);
        var broken = Path.Combine(server.Models, "more.yaml");
        await File.WriteAllTextAsync(broken, "metrics:\n  - { name: [\n", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(server.ModelFile, bad, TestContext.Current.CancellationToken);
        Assert.Collection(
            await ProblemsAsync(2),
            p => AssertTold(p, "model.yaml", Line(bad, "grian"), "M003", "'grian'"),
            p => AssertTold(p, "more.yaml", 3, "M001", "not YAML"));
        File.Delete(broken);
        Assert.Collection(
            (await ProblemsAsync(2, "M020")).OrderBy(p => p.Contains("M003", StringComparison.Ordinal)),
            p => AssertTold(p, "model.yaml", Line(bad, "secnds"), "M020", "'seconds'"),
            p => AssertTold(p, "model.yaml", Line(bad, "grian"), "M003", "'grian'"));
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/health/ready")).Status);
        Assert.Equal(server.ExpectedByMonth(), SmallServer.Rows((await server.ByMonthAsync("gold")).Body));
        Assert.Equal(server.ExpectedByMonth(), SmallServer.Rows((await server.ByMonthAsync("lake")).Body));

        await File.WriteAllTextAsync(server.ModelFile, good.Replace("name: seconds, type: simple", "name: seconds, label: All seconds, type: simple", StringComparison.Ordinal), TestContext.Current.CancellationToken);
        var mended = await server.HealthAsync("model", c => (string)c["status"]! == "Healthy");
        Assert.Null(mended["data"]!["problems"]);
        Assert.NotEqual(revision, (string)mended["data"]!["revision"]!);
        Assert.Contains("All seconds", (await server.ByMonthAsync("gold")).Body["columns"]!.ToJsonString(), StringComparison.Ordinal);

        async Task<List<string>> ProblemsAsync(int count, string code = "")
        {
            var health = await server.HealthAsync("model", c => c["data"]!["problems"]?.AsArray() is { } found && found.Count == count && found.ToJsonString().Contains(code, StringComparison.Ordinal));
            Assert.Equal("Degraded", (string)health["status"]!);
            Assert.Equal(revision, (string)health["data"]!["revision"]!);
            return [.. health["data"]!["problems"]!.AsArray().Select(p => (string)p!)];
        }

        static void AssertTold(string problem, string file, int line, string code, string word)
        {
            Assert.StartsWith($"{file}:{line}:", problem, StringComparison.Ordinal);
            Assert.Contains($" {code}: ", problem, StringComparison.Ordinal);
            Assert.Contains(word, problem, StringComparison.Ordinal);
        }

        static int Line(string text, string word) => text[..text.IndexOf(word, StringComparison.Ordinal)].Count(c => c == '\n') + 1;
    }
}
