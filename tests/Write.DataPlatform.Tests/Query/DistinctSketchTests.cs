using System.Globalization;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Tests.Query;

/// <summary>The dialect's sketch against one in plain C#: the same registers, the same estimate, and an error within the bound that is published.</summary>
public sealed class DistinctSketchTests
{
    private static readonly SqlColumn Value = new(null, "v");

    [Theory]
    [InlineData("v", 100)]
    [InlineData("v", 20_000)]
    [InlineData("'ключ–' || v", 5_000)]
    [InlineData("DATE '2024-02-29' + CAST(v AS INTEGER)", 3_000)]
    [InlineData("TIMESTAMP '2024-02-29 12:00:00' + to_milliseconds(v * 250)", 3_000)]
    [InlineData("CAST(v AS DECIMAL(12,2)) / 4::DECIMAL(12,2)", 0)]
    [InlineData("v % 2 = 0", 10)]
    public async Task Registers_and_estimate_are_those_of_plain_code(string expression, int count)
    {
        await using var instance = new DuckDbInstance(new DuckDbSettings { Threads = 2, MaxSessions = 1, MemoryMegabytes = 256 });
        await using var session = await instance.OpenAsync(TestContext.Current.CancellationToken);
        var values = await RowsAsync(session, $"SELECT {expression} FROM range({count}) AS t(v)");
        var rows = await RowsAsync(session, $"WITH s AS (SELECT {Sql(new SqlSketch(new SqlSketchCode(Value)))} AS s FROM (SELECT {expression} AS v FROM range({count}) AS t(v))) SELECT s, {DuckDbDialect.Instance.EstimateSketch("s")} FROM s");
        var (state, estimate) = ((string?)rows[0][0], rows[0][1]);
        if (count == 0)
        {
            Assert.Equal((null, null), (state, estimate));
            return;
        }

        var oracle = new OracleSketch(values.Select(v => v[0]!));
        Assert.Equal(string.Join(',', oracle.Registers.Select((rank, i) => (i, rank)).Where(r => r.rank > 0).Select(r => (r.i * 64) + r.rank)), state);
        Assert.Equal(oracle.Estimate(), estimate);
    }

    [Fact]
    public async Task Merging_in_any_order_and_more_than_once_is_counting_together()
    {
        await using var instance = new DuckDbInstance(new DuckDbSettings { Threads = 2, MaxSessions = 1, MemoryMegabytes = 256 });
        await using var session = await instance.OpenAsync(TestContext.Current.CancellationToken);
        var sketch = Sql(new SqlSketch(new SqlSketchCode(Value)));
        var merge = Sql(new SqlSketchMerge(new SqlColumn(null, "s")));
        await session.ExecuteAsync("CREATE TABLE t AS SELECT CASE WHEN hash(i) % 10 > 0 THEN hash(i) % 30000 END AS v, i % 7 AS a, hash(i) % 5 AS b FROM range(60000) AS r(i)", TestContext.Current.CancellationToken);
        await session.ExecuteAsync("INSERT INTO t SELECT NULL, 100, 100", TestContext.Current.CancellationToken);
        await session.ExecuteAsync($"CREATE TABLE parts AS SELECT a, b, {sketch} AS s FROM t GROUP BY a, b", TestContext.Current.CancellationToken);
        var whole = await RowsAsync(session, $"SELECT {sketch} FROM t");
        var ways = await RowsAsync(session, $"""
            SELECT {merge} FROM parts UNION ALL
            SELECT {merge} FROM (SELECT a, {merge} AS s FROM parts GROUP BY a) UNION ALL
            SELECT {merge} FROM (SELECT b, {merge} AS s FROM (SELECT * FROM parts UNION ALL SELECT * FROM parts UNION ALL SELECT NULL, NULL, NULL) GROUP BY b)
            """);
        Assert.Equal(3, ways.Count);
        Assert.All(ways, way => Assert.Equal(whole[0][0], way[0]));

        // Nulls alone are no values but rows; no rows are no state.
        Assert.Equal(["0", 0L], (await RowsAsync(session, $"SELECT s, {DuckDbDialect.Instance.EstimateSketch("s")} FROM parts WHERE a = 100"))[0]);
        Assert.Equal([null, null], (await RowsAsync(session, $"SELECT s, {DuckDbDialect.Instance.EstimateSketch("s")} FROM (SELECT {merge} AS s FROM parts WHERE a = 200)"))[0]);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(1_000)]
    [InlineData(4_000)]
    [InlineData(10_000)]
    [InlineData(20_000)]
    [InlineData(100_000)]
    public void Error_is_within_the_published_bound(int count)
    {
        // Of 60 sets the root of the mean square is within a quarter of the standard error, and none is four of them away.
        var errors = Enumerable.Range(0, 60).Select(set =>
        {
            var sketch = new OracleSketch([]);
            for (var i = 0; i < count; i++)
            {
                sketch.Add(string.Create(CultureInfo.InvariantCulture, $"{set}/{i}"));
            }

            return (sketch.Estimate() - count) / (double)count;
        }).ToList();
        Assert.True(Math.Sqrt(errors.Average(e => e * e)) < 1.25 * DistinctSketch.StandardError, $"{Math.Sqrt(errors.Average(e => e * e))}");
        Assert.All(errors, e => Assert.InRange(e, -4 * DistinctSketch.StandardError, 4 * DistinctSketch.StandardError));
        Assert.True(Math.Abs(errors.Average()) < DistinctSketch.StandardError / 2, $"{errors.Average()}");
    }

    private static string Sql(SqlExpression expression) => new SqlWriter(DuckDbDialect.Instance).Expression(expression);

    private static Task<List<object?[]>> RowsAsync(DuckDbSession session, string sql) => session.QueryAsync(
        new SqlStatement(sql),
        reader => Write.DataPlatform.Insights.ResultRows.Read(reader, TestContext.Current.CancellationToken).Rows,
        TestContext.Current.CancellationToken);
}
