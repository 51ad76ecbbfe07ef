using System.Globalization;
using CsCheck;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Tests.Query;

/// <summary>The dialect's quantile sketch against one in plain C#, and its error against exact percentiles.</summary>
public sealed class QuantileSketchTests : IAsyncLifetime
{
    private readonly DuckDbInstance _instance = new(new DuckDbSettings { Threads = 2, MaxSessions = 1, MemoryMegabytes = 256 });
    private DuckDbSession _session = null!;

    public async ValueTask InitializeAsync() => _session = await _instance.OpenAsync(TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _session.DisposeAsync();
        await _instance.DisposeAsync();
    }

    [Fact]
    public async Task State_and_estimates_are_those_of_plain_code_and_within_the_published_error()
    {
        double[] special = [0, -0.0, 1, -1, 1e-300, double.Epsilon, -double.Epsilon, 1e300, double.MaxValue / 100, -double.MaxValue / 100, 0.1, 3, 1_000_000];
        Gen<double> value = Gen.Frequency((3, Gen.Double[-1e4, 1e4]), (3, Gen.Int[-50, 500].Select(i => (double)i)), (1, Gen.Int[0, special.Length - 1].Select(i => special[i])));
        await Gen.Select(value.Array[0, 60], Gen.Double[0, 1].Select(p => Math.Round(p, 3)), Gen.Bool, Gen.Int[1, 4]).SampleAsync(
            async (values, p, isDiscrete, parts) =>
            {
                await TableAsync(values.Select((v, i) => ((double?)v, i % parts)));
                var rows = await RowsAsync(
                    $"WITH s AS (SELECT {Sketch} AS s FROM t GROUP BY part), m AS (SELECT {Sql(new SqlQuantileMerge(new SqlColumn(null, "s")))} AS s FROM s), w AS (SELECT {Sketch} AS s FROM t) "
                    + $"SELECT {Estimate(p, isDiscrete)}, (SELECT s FROM w), (SELECT {Estimate(p, isDiscrete)} FROM w) FROM m");
                var oracle = new OracleQuantiles(values).At(p, isDiscrete);
                Near(oracle, rows[0][0]);
                Near(oracle, rows[0][2]);
                Assert.Equal(values.Length == 0 ? null : string.Join(',', values.Select(Code).GroupBy(c => c).OrderBy(g => g.Key).Select(g => $"{g.Key}:{g.Count()}")), rows[0][1]);

                Array.Sort(values);
                if (values.Length > 0 && (isDiscrete || values[0] >= 0))
                {
                    var exact = isDiscrete ? values[Math.Max(0, (int)Math.Ceiling((decimal)p * values.Length) - 1)] : Exact(values, (decimal)p);
                    Assert.InRange((double)rows[0][0]!, exact - (Math.Abs(exact) * 0.0100001) - 1e-310, exact + (Math.Abs(exact) * 0.0100001) + 1e-310);
                }
            },
            iter: 300, threads: 1);
    }

    [Fact]
    public async Task Nulls_and_what_is_no_number_are_left_out()
    {
        await TableAsync([(null, 0), (double.NaN, 0), (double.PositiveInfinity, 0), (double.NegativeInfinity, 0), (null, 1), (2, 2)]);
        var rows = await RowsAsync($"SELECT s, {Estimate(0.5, false)} FROM (SELECT {Sketch} AS s FROM t GROUP BY part ORDER BY part)");
        Assert.Equal([null, null], rows[0]);
        Assert.Equal([null, null], rows[1]);
        Assert.Equal("100035:1", rows[2][0]);
        Assert.Equal([null, null], (await RowsAsync($"SELECT s, {Estimate(0.5, true)} FROM (SELECT {Sql(new SqlQuantileMerge(new SqlColumn(null, "s")))} AS s FROM (SELECT {Sketch} AS s FROM t WHERE part < 2 GROUP BY part))"))[0]);
    }

    private static string Sketch => Sql(new SqlQuantileSketch(new SqlQuantileCode(new SqlColumn(null, "v"))));

    private static int Code(double value) => Math.Sign(value) * (value == 0 ? 0 : 100_000 + OracleQuantiles.Bucket(Math.Abs(value)));

    private static double Exact(double[] sorted, decimal p)
    {
        var place = p * (sorted.Length - 1);
        var below = (int)Math.Floor(place);
        return sorted[below] + ((sorted[Math.Min(below + 1, sorted.Length - 1)] - sorted[below]) * (double)(place - below));
    }

    private static void Near(double? expected, object? actual)
    {
        Assert.Equal(expected is null, actual is null);
        if (expected is { } number)
        {
            Assert.InRange((double)actual!, number - (Math.Abs(number) * 1e-9) - 1e-310, number + (Math.Abs(number) * 1e-9) + 1e-310);
        }
    }

    private static string Estimate(double p, bool isDiscrete) => Sql(new SqlQuantileEstimate(new SqlColumn(null, "s"), p, isDiscrete));

    private static string Sql(SqlExpression expression) => new SqlWriter(DuckDbDialect.Instance).Expression(expression);

    private async Task TableAsync(IEnumerable<(double? Value, int Part)> rows)
    {
        await _session.ExecuteAsync("CREATE OR REPLACE TABLE t (v DOUBLE, part INTEGER)", TestContext.Current.CancellationToken);
        var values = string.Join(", ", rows.Select(r => string.Create(CultureInfo.InvariantCulture, $"({(r.Value is { } v ? $"CAST('{v:R}' AS DOUBLE)" : "NULL")}, {r.Part})")));
        if (values.Length > 0)
        {
            await _session.ExecuteAsync($"INSERT INTO t VALUES {values}", TestContext.Current.CancellationToken);
        }
    }

    private Task<List<object?[]>> RowsAsync(string sql) => _session.QueryAsync(
        new SqlStatement(sql),
        reader => Write.DataPlatform.Insights.ResultRows.Read(reader, TestContext.Current.CancellationToken).Rows,
        TestContext.Current.CancellationToken);
}
