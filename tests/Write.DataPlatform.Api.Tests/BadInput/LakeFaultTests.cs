using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Insights.Blocks;
using Write.DataPlatform.Refresh;

namespace Write.DataPlatform.Api.Tests.BadInput;

/// <summary>A lake that is there and wrong, or not there: gold goes on, the rest is told, and nothing is to be restarted once it is mended.</summary>
public sealed class LakeFaultTests : IAsyncLifetime
{
    private const string BadMonth = "2026-02-01";
    private readonly SmallServer _server = new();

    public async ValueTask InitializeAsync()
    {
        await _server.StartAsync();
        Assert.Equal(RunState.Succeeded, (await _server.RefreshAsync()).State);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_column_of_another_type_in_one_month_is_told_and_gold_stays()
    {
        var before = _server.ExpectedByMonth();
        Assert.Equal(before, SmallServer.Rows(await OkAsync("lake")));
        _server.WriteMonth(BadMonth, 2, "VARCHAR");

        var (status, problem) = await _server.ByMonthAsync("lake");
        Assert.Equal((HttpStatusCode.InternalServerError, "lake_failed"), (status, (string)problem["code"]!));
        AssertNames((string)problem["detail"]!);
        AssertNoTrace(problem);
        var run = await _server.RefreshAsync();
        Assert.Equal(RunState.Failed, run.State);
        var failed = Assert.Single(run.Partitions);
        Assert.Equal(("2026-02", RunPartitionState.Failed), (failed.Period, failed.State));
        AssertNames(failed.Error!);
        Assert.Equal(before, SmallServer.Rows(await OkAsync("gold")));
        Assert.Equal(before, SmallServer.Rows(await OkAsync("auto")));
        AssertNames((string)(await _server.HealthAsync("lake", c => (string)c["status"]! == "Degraded"))["description"]!);

        _server.WriteMonth(BadMonth, 2);
        await IsWellAsync();

        static void AssertNames(string text)
        {
            Assert.Contains("'seconds'", text, StringComparison.Ordinal);
            Assert.Contains("VARCHAR", text, StringComparison.Ordinal);
            Assert.Contains("BIGINT", text, StringComparison.Ordinal);
            Assert.Contains($"month={BadMonth}", text, StringComparison.Ordinal);
        }
    }

    /// <summary>Whole numbers in one month and fractions in another go together, in the lake and in gold, whichever was first.</summary>
    [Theory]
    [InlineData("2026-02-01", false)]
    [InlineData("2026-01-01", false)]
    [InlineData("2026-02-01", true)]
    [InlineData("2026-01-01", true)]
    public async Task A_column_of_fractions_in_one_month_is_not_rounded(string month, bool isInMemory)
    {
        var blocks = _server.Services.GetRequiredService<RowBlocks>();
        if (isInMemory)
        {
            // The rows of the other months, as whole numbers.
            Assert.Equal(SmallServer.Months.ToDictionary(m => m[..7], _ => 1200d), await FeedAsync());
            Assert.Equal(3, blocks.Remembered.Blocks);
        }

        SmallServer.Sql($"""
            COPY (SELECT * REPLACE (seconds + 0.625::DOUBLE AS seconds) FROM read_parquet('{_server.MonthFile(month)}')) TO '{_server.MonthFile(month)}.new' (FORMAT parquet)
            """);
        File.Move(_server.MonthFile(month) + ".new", _server.MonthFile(month), overwrite: true);
        Assert.Equal(RunState.Succeeded, (await _server.RefreshAsync()).State);
        var engine = _server.Services.GetRequiredService<GoldEngine>();
        for (var i = 0; i < 4; i++)
        {
            Assert.Equal(SmallServer.Months.Select(m => $"{m} 1200 {(m == month ? 1950 : 1200)}"), SmallServer.Rows(await OkAsync(i == 3 ? "lake" : "gold")));

            // From files, then from a table.
            await engine.SettleAsync();
            await blocks.SettleAsync();
            Assert.Equal((0, true), (engine.Remembered.Files, isInMemory ? engine.Remembered.Tables > 0 : engine.Remembered.Tables == 1));
        }

        Assert.Equal(SmallServer.Months.ToDictionary(m => m[..7], m => m == month ? 1950d : 1200d), await FeedAsync());

        // And back: rows that are in memory as fractions are none of those that are asked of whole numbers.
        _server.WriteMonth(month, 1);
        Assert.Equal(RunState.Succeeded, (await _server.RefreshAsync()).State);
        Assert.Equal(SmallServer.Months.ToDictionary(m => m[..7], _ => 1200d), await FeedAsync("&$filter=seconds ge 1"));

        async Task<Dictionary<string, double>> FeedAsync(string filter = "")
        {
            var (status, feed) = await _server.GetAsync("/odata/visits_daily?$select=metric_time__day,seconds" + filter);
            Assert.Equal(HttpStatusCode.OK, status);
            return feed["value"]!.AsArray().GroupBy(r => ((string)r!["metric_time__day"]!)[..7], r => (double)r!["seconds"]!).ToDictionary(g => g.Key, g => g.Sum());
        }
    }

    [Theory]
    [InlineData("folder gone", 503, "does not exist")]
    [InlineData("folder is a file", 503, "is a file")]
    [InlineData("table gone", 503, "no table 'visits'")]
    [InlineData("table is an empty folder", 503, "no files")]
    [InlineData("dangling link", 503, "a.parquet")]
    [InlineData("file is cut", 500, "a.parquet")]
    [InlineData("file is a folder", 200, null)]
    public async Task A_lake_that_cannot_be_read_is_told_and_heals(string fault, int expected, string? word)
    {
        var before = _server.ExpectedByMonth();
        var aside = _server.Lake + "-aside";
        var table = Path.Combine(_server.Lake, "visits");
        var file = _server.MonthFile(BadMonth);
        Action mend;
        switch (fault)
        {
            case "folder gone":
                Directory.Move(_server.Lake, aside);
                mend = () => Directory.Move(aside, _server.Lake);
                break;
            case "folder is a file":
                Directory.Move(_server.Lake, aside);
                await File.WriteAllTextAsync(_server.Lake, "no folder", TestContext.Current.CancellationToken);
                mend = () =>
                {
                    File.Delete(_server.Lake);
                    Directory.Move(aside, _server.Lake);
                };
                break;
            case "table gone":
                Directory.Move(table, aside);
                mend = () => Directory.Move(aside, table);
                break;
            case "table is an empty folder":
                Directory.Move(table, aside);
                Directory.CreateDirectory(table);
                mend = () =>
                {
                    Directory.Delete(table);
                    Directory.Move(aside, table);
                };
                break;
            case "dangling link":
                File.Move(file, aside);
                File.CreateSymbolicLink(file, aside + "-nowhere");
                mend = () => File.Move(aside, file, overwrite: true);
                break;
            case "file is cut":
                File.Copy(file, aside);
                await File.WriteAllBytesAsync(file, (await File.ReadAllBytesAsync(aside, TestContext.Current.CancellationToken))[..^300], TestContext.Current.CancellationToken);
                mend = () => File.Move(aside, file, overwrite: true);
                break;
            default:
                // As some writers leave it: a folder that ends in .parquet and has the parts inside.
                File.Move(file, aside);
                Directory.CreateDirectory(file);
                File.Move(aside, Path.Combine(file, "part-0.parquet"));
                mend = () =>
                {
                    File.Move(Path.Combine(file, "part-0.parquet"), aside);
                    Directory.Delete(file);
                    File.Move(aside, file);
                };
                break;
        }

        var (status, body) = await _server.ByMonthAsync("lake");
        Assert.True(expected == (int)status, $"{(int)status}: {body.ToJsonString()}");
        Assert.Equal(before, SmallServer.Rows(await OkAsync("gold")));
        if (word is null)
        {
            Assert.Equal(before, SmallServer.Rows(body));
        }
        else
        {
            Assert.Equal(expected == 503 ? "lake_unavailable" : "lake_failed", (string)body["code"]!);
            Assert.Contains(word, (string)body["detail"]!, StringComparison.Ordinal);
            AssertNoTrace(body);
            var run = await _server.RefreshAsync(new RefreshRange(Full: true));
            Assert.Equal(RunState.Failed, run.State);
            Assert.Contains(word, run.Error + string.Concat(run.Partitions.Select(p => p.Error)), StringComparison.Ordinal);
            Assert.Equal(before, SmallServer.Rows(await OkAsync("gold")));
            if (expected == 503)
            {
                // One damaged file harms its own rows; the lake's other answers go on.
                Assert.NotEmpty((string)(await _server.HealthAsync("lake", c => (string)c["status"]! == "Degraded"))["description"]!);
            }

            Assert.Equal(HttpStatusCode.OK, (await _server.GetAsync("/health/ready")).Status);
        }

        mend();
        await IsWellAsync();
    }

    private async Task IsWellAsync()
    {
        Assert.Equal(_server.ExpectedByMonth(), SmallServer.Rows(await OkAsync("lake")));
        Assert.Equal(RunState.Succeeded, (await _server.RefreshAsync()).State);
        Assert.Equal(_server.ExpectedByMonth(), SmallServer.Rows(await OkAsync("gold")));
        await _server.HealthAsync("lake", c => (string)c["status"]! == "Healthy");
        Assert.Equal(HttpStatusCode.OK, (await _server.GetAsync("/health/ready")).Status);
    }

    private async Task<JsonNode> OkAsync(string source)
    {
        var (status, body) = await _server.ByMonthAsync(source);
        Assert.True(status == HttpStatusCode.OK, body.ToJsonString());
        return body;
    }

    private static void AssertNoTrace(JsonNode problem)
    {
        Assert.Equal(["type", "title", "status", "detail", "code", "traceId"], problem.AsObject().Select(p => p.Key));
        Assert.DoesNotContain("   at ", (string)problem["detail"]!, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", (string)problem["detail"]!, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', (string)problem["detail"]!);
    }
}
