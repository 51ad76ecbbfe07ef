using Microsoft.Extensions.Time.Testing;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Lake.DuckDb;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Lake.DuckDb;

public sealed class DuckDbLakeContract : LakeContract
{
    protected override Task<ILake> CreateAsync(string folder, string work) =>
        Task.FromResult<ILake>(new DuckDbLake(new LakeOptions { Path = folder, WorkPath = work, MemoryMegabytes = 256 }, TimeProvider.System));
}

public sealed class DuckDbLakeTests : IAsyncDisposable
{
    private readonly LakeFiles _files = new();
    private readonly FakeTimeProvider _time = new();
    private readonly LakeOptions _options;
    private readonly DuckDbLake _lake;

    public DuckDbLakeTests()
    {
        _options = new LakeOptions { Path = _files.Path, WorkPath = _files.Work, MemoryMegabytes = 256 };
        _lake = new DuckDbLake(_options, _time);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await _lake.DisposeAsync();
        Assert.Empty(Directory.Exists(_files.Work) ? Directory.EnumerateFileSystemEntries(_files.Work) : []);
        _files.Dispose();
    }

    [Fact]
    public async Task Hive_columns_have_types_and_other_partitions_are_not_opened()
    {
        _files.Write("visits/day=2026-01-01/shard=1/a.parquet", "SELECT 1 AS n");
        _files.Write("visits/day=2026-01-02/shard=2/a.parquet", "SELECT 2 AS n");
        _files.WriteText("visits/day=2025-12-31/shard=1/broken.parquet", "no parquet at all, and first in order");
        Assert.Equal(
            [[2L, new DateOnly(2026, 1, 2), 2L]],
            await RowsAsync("""SELECT "n", "day", "shard" FROM "visits" WHERE "day" >= DATE '2026-01-02' """));
        var error = await Assert.ThrowsAsync<LakeException>(() => RowsAsync("""SELECT sum("n") AS "s" FROM "visits" """));
        Assert.Contains("broken.parquet", error.Message, StringComparison.Ordinal);
        Assert.False(error.IsTransient);
    }

    [Theory]
    [InlineData("visits/a.csv")]
    [InlineData("visits.csv")]
    [InlineData("visits.csv.gz")]
    public async Task Csv(string path)
    {
        _files.Write(path, "SELECT * FROM (VALUES (1, 'FR', DATE '2026-01-02', 1.5), (2, NULL, NULL, NULL)) AS t(id, country, day, w)", " (HEADER)");
        Assert.Equal([[1L, "FR", new DateOnly(2026, 1, 2), 1.5], [2L, null, null, null]], await RowsAsync("""SELECT * FROM "visits" ORDER BY "id" """));
    }

    [Theory]
    [InlineData("visits/month=2026-01-01/a.ndjson")]
    [InlineData("visits/month=2026-01-01/a.json")]
    public async Task Json(string path)
    {
        _files.WriteText(path, """{"id": 1, "country": "FR", "at": "2026-01-02T03:04:05", "payload": {"genre": "news"}}""" + "\n" + """{"id": 2}""" + "\n");
        Assert.Equal(
            [[1L, "FR", new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc), "news", new DateOnly(2026, 1, 1)], [2L, null, null, null, new DateOnly(2026, 1, 1)]],
            await RowsAsync("""SELECT "id", "country", "at", payload.genre, "month" FROM "visits" ORDER BY "id" """));
    }

    [Theory]
    [InlineData("csv")]
    [InlineData("ndjson")]
    public async Task The_types_of_text_files_come_from_all_values(string kind)
    {
        var lines = Enumerable.Range(0, 60_000).Select(i => i.ToString(System.Globalization.CultureInfo.InvariantCulture)).Append("1.5").ToList();
        _files.WriteText("n/a." + kind, kind == "csv" ? "v\n" + string.Join('\n', lines) + "\n" : string.Join('\n', lines.Select(line => $$"""{"v": {{line}}}""")));
        _files.WriteText("n/b." + kind, kind == "csv" ? "v,later\n2.25,x\n" : """{"v": 2.25, "later": "x"}""");
        Assert.Equal([[(59_999L * 60_000 / 2) + 3.75, 1L]], await RowsAsync("""SELECT sum("v") AS "s", count("later") AS "c" FROM "n" """));
    }

    [Fact]
    public async Task Columns_that_only_some_files_have_are_null_in_the_others()
    {
        _files.Write("visits/a.parquet", "SELECT 1::INTEGER AS id");
        _files.Write("visits/b.parquet", "SELECT 'new' AS extra, 5000000000::BIGINT AS id");
        Assert.Equal([[1L, null], [5000000000L, "new"]], await RowsAsync("""SELECT "id", "extra" FROM "visits" ORDER BY "id" """));
    }

    [Theory]
    [InlineData("a", "b")]
    [InlineData("b", "a")]
    public async Task A_column_of_another_type_in_one_file_is_refused_whichever_comes_first(string number, string text)
    {
        _files.Write($"visits/{number}.parquet", "SELECT 1 AS id, {'x': 1, 'y': {'z': 2}} AS nested, 2 AS after");
        _files.Write($"visits/{text}.parquet", "SELECT 'one' AS id, {'x': 1, 'y': {'z': 2}} AS nested, 2 AS after");
        var error = await Assert.ThrowsAsync<LakeException>(() => RowsAsync("""SELECT "after" FROM "visits" """));
        Assert.Contains("'id'", error.Message, StringComparison.Ordinal);
        Assert.Contains(text + ".parquet", error.Message, StringComparison.Ordinal);
        Assert.False(error.IsTransient);
    }

    [Fact]
    public async Task New_files_are_seen_after_the_scan_interval()
    {
        _files.Write("visits/a.parquet", "SELECT 1 AS id");
        Assert.Equal([[1L]], await RowsAsync("""SELECT count(*) AS "n" FROM "visits" """));
        var before = await _lake.GetVersionAsync("visits", null, null, null, Cancel);
        _files.Write("visits/b.parquet", "SELECT 2 AS id, 'x' AS added");
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.NotEqual(before, await _lake.GetVersionAsync("visits", null, null, null, Cancel));
        Assert.Equal([[2L, 1L]], await RowsAsync("""SELECT count(*) AS "n", count("added") AS "a" FROM "visits" """));
        File.Delete(Path.Combine(_files.Path, "visits", "b.parquet"));
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(before, await _lake.GetVersionAsync("visits", null, null, null, Cancel));
        Assert.Equal([[1L]], await RowsAsync("""SELECT count(*) AS "n" FROM "visits" """));
    }

    [Theory]
    [InlineData("2026-02-01", "2026-01-15", "2026-01-20", false)] // daily: the day itself
    [InlineData("2026-01-15", "2026-01-15", "2026-01-16", true)]
    [InlineData("2026-01-14", "2026-01-15", "2026-01-16", false)]
    [InlineData("2026-01-16", "2026-01-15", "2026-01-16", false)]
    [InlineData("nonsense", "2026-01-15", "2026-01-16", true)]
    public async Task Versions_of_a_daily_range_follow_the_files_of_its_days(string changed, string from, string to, bool changes)
    {
        _files.Write("visits/date=2026-01-10/a.parquet", "SELECT 1 AS id");
        _files.Write("visits/date=2026-01-12/a.parquet", "SELECT 1 AS id");
        await AssertVersionAsync($"visits/date={changed}/b.parquet", "date", from, to, changes);
    }

    [Theory]
    [InlineData("2026-01-01", "2026-01-31", "2026-03-01", true)]
    [InlineData("2026-01-01", "2026-02-01", "2026-03-01", false)]
    [InlineData("2026-02-01", "2026-02-15", "2026-02-16", true)]
    [InlineData("2026-03-01", "2026-02-01", "2026-03-01", false)]
    public async Task Versions_of_a_range_include_the_month_that_reaches_into_it(string changed, string from, string to, bool changes)
    {
        _files.Write("visits/month=2025-11-01/a.parquet", "SELECT 1 AS id");
        await AssertVersionAsync($"visits/month={changed}/b.parquet", "month", from, to, changes);
    }

    [Fact]
    public async Task Versions_of_weekly_partitions_include_the_week_that_reaches_into_the_range()
    {
        _files.Write("visits/week=2026-01-05/a.parquet", "SELECT 1 AS id");
        _files.Write("visits/week=2026-01-19/a.parquet", "SELECT 1 AS id");
        await AssertVersionAsync("visits/week=2026-01-12/b.parquet", "week", "2026-01-18", "2026-01-19", changes: true);
    }

    [Fact]
    public async Task A_query_that_takes_too_long_is_stopped_and_says_so()
    {
        _files.Write("many.parquet", "SELECT i FROM range(100000) t(i)");
        await using var lake = new DuckDbLake(new LakeOptions { Path = _files.Path, WorkPath = _files.Work, MemoryMegabytes = 256, QueryTimeout = TimeSpan.FromMilliseconds(300) }, TimeProvider.System);
        var error = await Assert.ThrowsAsync<LakeException>(() => lake.ExportAsync(
            new SqlStatement("""SELECT sum(a.i * b.i % 7 + c.i) AS s FROM "many" a, "many" b, "many" c"""), Path.Combine(_files.Root, "export"), Cancel));
        Assert.Contains("took longer", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_but_the_lake_can_be_read_and_settings_are_locked()
    {
        _files.Write("visits.parquet", "SELECT 1 AS id");
        var outside = Path.Combine(_files.Root, "secret.csv");
        await File.WriteAllTextAsync(outside, "a\n1\n", Cancel);
        foreach (var sql in new[] { $"SELECT * FROM read_csv('{outside}')", $"SELECT * FROM '{outside}'", $"SELECT content FROM read_text('{_files.Path}/../secret.csv')", "SET memory_limit='9GB'", $"COPY (SELECT 1) TO '{outside}'", "SELECT 1 AS a; SELECT 2 AS b" })
        {
            await Assert.ThrowsAsync<LakeException>(() => RowsAsync(sql));
        }

        Assert.Equal([[1L]], await RowsAsync("""SELECT "id" FROM "visits" """));
    }

    [Fact]
    public async Task Tables_that_are_none_say_why()
    {
        Directory.CreateDirectory(Path.Combine(_files.Path, "empty"));
        _files.Write("mixed/a.parquet", "SELECT 1 AS id");
        _files.Write("mixed/b.csv", "SELECT 1 AS id");
        _files.Write("twice/a.parquet", "SELECT 1 AS id");
        _files.Write("twice.csv", "SELECT 1 AS id");
        _files.WriteText("broken.parquet", "nonsense");
        foreach (var (table, word) in new[] { ("empty", "no files"), ("mixed", "several formats"), ("twice", "ambiguous"), ("broken", "broken.parquet"), ("nowhere", "nowhere") })
        {
            var error = await Assert.ThrowsAsync<LakeException>(() => RowsAsync($"SELECT 1 AS \"one\" FROM \"{table}\""));
            Assert.Contains(word, error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', error.Message);
            Assert.False(error.IsTransient);
        }
    }

    [Fact]
    public async Task A_folder_that_is_missing_or_a_file_says_so()
    {
        foreach (var (path, word) in new[] { (Path.Combine(_files.Root, "nowhere"), "does not exist"), (_files.WriteText("x.txt", ""), "is a file") })
        {
            await using var lake = new DuckDbLake(new LakeOptions { Path = path, WorkPath = _files.Work }, _time);
            var error = await Assert.ThrowsAsync<LakeException>(() => lake.QueryAsync(new SqlStatement("""SELECT 1 AS a FROM "visits" """), Cancel));
            Assert.Contains(word, error.Message, StringComparison.Ordinal);
            await Assert.ThrowsAsync<LakeException>(() => lake.DescribeAsync("visits", Cancel));
            await Assert.ThrowsAsync<LakeException>(() => lake.GetVersionAsync("visits", null, null, null, Cancel));
        }
    }

    [Fact]
    public async Task Common_table_expressions_and_hidden_files_are_no_tables()
    {
        _files.Write("visits/a.parquet", "SELECT 1 AS id");
        _files.WriteText("visits/_SUCCESS.parquet", "");
        _files.WriteText("visits/_temporary/b.parquet", "");
        _files.WriteText("visits/.c.parquet", "");
        Assert.Equal([[1L]], await RowsAsync("""WITH "x" AS (SELECT * FROM "visits"), "visits" AS (SELECT * FROM "x") SELECT "id" FROM "visits" -- the end"""));
    }

    [Fact]
    public async Task Running_out_of_memory_may_pass()
    {
        _files.Write("many.parquet", "SELECT i FROM range(2000000) t(i)");
        await using var lake = new DuckDbLake(new LakeOptions { Path = _files.Path, WorkPath = _files.Work, MemoryMegabytes = 64, MaxSpillMegabytes = 1 }, _time);
        var error = await Assert.ThrowsAsync<LakeException>(() => lake.ExportAsync(
            new SqlStatement("""SELECT string_agg(md5(CAST("i" AS VARCHAR)), '') AS "h" FROM "many" """), Path.Combine(_files.Root, "export"), Cancel));
        Assert.True(error.IsTransient, error.Message);
    }

    [Fact]
    public void Wrong_options_are_all_reported()
    {
        var result = new LakeOptionsValidator().Validate(null, new LakeOptions { Kind = (LakeKind)9, MemoryMegabytes = 1, MaxSpillMegabytes = -1, Threads = 0, MaxQueries = 0, QueryTimeout = TimeSpan.Zero, ScanInterval = TimeSpan.FromHours(1) });
        Assert.Equal(8, result.Failures!.Count());
        Assert.True(new LakeOptionsValidator().Validate(null, _options).Succeeded);
    }

    private async Task AssertVersionAsync(string file, string column, string from, string to, bool changes)
    {
        Task<string?> Version() => _lake.GetVersionAsync(
            "visits", column, DateOnly.Parse(from, System.Globalization.CultureInfo.InvariantCulture), DateOnly.Parse(to, System.Globalization.CultureInfo.InvariantCulture), Cancel);
        var before = await Version();
        _files.Write(file, "SELECT 2 AS id");
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(changes, before != await Version());
    }

    private async Task<List<object?[]>> RowsAsync(string sql)
    {
        await using var rows = await _lake.QueryAsync(new SqlStatement(sql), Cancel);
        List<object?[]> all = [];
        await foreach (var row in rows.ReadAsync(Cancel))
        {
            all.Add(row);
        }

        return all;
    }
}
