using System.Globalization;
using Write.DataPlatform.AthenaStandIn;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Query;

/// <summary>Single expressions by Athena's spelling and by DuckDB's: the same values.</summary>
public sealed class AthenaDialectTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("wdp-dialect-").FullName;
    private readonly OutputStore _store;
    private readonly Engine _engine;

    public AthenaDialectTests()
    {
        _store = new OutputStore(null, _folder);
        _engine = new Engine(new Catalog(_folder, []), _store, 1);
    }

    [Theory]
    [InlineData("37.7")]
    [InlineData("0.0")]
    [InlineData("-0.5")]
    [InlineData("100.0")]
    [InlineData("0.0001")]
    [InlineData("0.00012345")]
    [InlineData("1e-05")]
    [InlineData("-2.5e-07")]
    [InlineData("123456789012345.6")]
    [InlineData("1000000000000000.0")]
    [InlineData("1e+16")]
    [InlineData("1.2345678901234568e+17")]
    [InlineData("-1.5e+300")]
    [InlineData("5e-324")]
    [InlineData("1.7976931348623157e+308")]
    public void A_double_is_the_same_text(string text)
    {
        foreach (var from in new ColumnKind?[] { null, ColumnKind.Double })
        {
            Assert.Equal(text, Value(AthenaDialect.Instance.Cast($"CAST('{text}' AS DOUBLE)", ColumnKind.String, from)));
        }
    }

    [Theory]
    [InlineData("TIMESTAMP '2024-01-01 00:00:00'", "2024-01-01 00:00:00")]
    [InlineData("TIMESTAMP '2024-10-20 10:00:10.5'", "2024-10-20 10:00:10.5")]
    [InlineData("TIMESTAMP '2024-10-20 10:00:10.050'", "2024-10-20 10:00:10.05")]
    [InlineData("DATE '2024-10-20'", "2024-10-20")]
    [InlineData("DECIMAL '1.50'", "1.50")]
    [InlineData("TRUE", "true")]
    [InlineData("'1.500'", "1.500")]
    [InlineData("1200", "1200")]
    [InlineData("CAST(NULL AS VARCHAR)", null)]
    public void Values_are_the_same_text(string expression, string? text) => Assert.Equal(text, Value(AthenaDialect.Instance.Cast(expression, ColumnKind.String)));

    [Fact]
    public async Task Percentiles_and_sketches_are_DuckDbs()
    {
        await using var instance = new DuckDbInstance(new DuckDbSettings { Threads = 1, MaxSessions = 1, MemoryMegabytes = 256 });
        await using var session = await instance.OpenAsync(TestContext.Current.CancellationToken);
        for (var count = 0; count <= 40; count++)
        {
            var values = string.Join(", ", Enumerable.Range(0, count).Select(i => i % 7 == 3 ? "(CAST(NULL AS DOUBLE))" : $"({(((i * 7919) % 1009) / 8.0).ToString(CultureInfo.InvariantCulture)}E0)").DefaultIfEmpty("(CAST(NULL AS DOUBLE))"));
            foreach (var of in new Func<SqlDialect, string>[]
            {
                d => d.Percentile("v", 0.5, isDiscrete: false), d => d.Percentile("v", 0.9, isDiscrete: false), d => d.Percentile("v", 0.1, isDiscrete: true), d => d.Percentile("v", 0.95, isDiscrete: true),
                d => d.Sketch(d.SketchCode("v")), d => d.EstimateSketch(d.Sketch(d.SketchCode("v"))), d => d.MergeSketches("CASE WHEN v > 50 THEN '65,130,200' WHEN v > 20 THEN '66,129,300' END"),
            })
            {
                var expected = await session.ScalarAsync<object>($"SELECT {of(DuckDbDialect.Instance)} FROM (VALUES {values}) AS t(v)", TestContext.Current.CancellationToken);
                var actual = Value(of(AthenaDialect.Instance), $" FROM (VALUES {values}) AS t(v)");
                Assert.Equal(expected is double d ? d.ToString("R", CultureInfo.InvariantCulture) : Convert.ToString(expected, CultureInfo.InvariantCulture) is { Length: > 0 } s ? s : null,
                    expected is double ? double.Parse(actual!, CultureInfo.InvariantCulture).ToString("R", CultureInfo.InvariantCulture) : actual);
            }
        }
    }

    [Theory]
    [InlineData("'it''s ?'", "it's ?")]
    [InlineData("'\\\"; -- '", "\\\"; -- ")]
    public void Text_is_quoted(string literal, string text)
    {
        Assert.Equal(literal, AthenaDialect.Instance.Literal(text));
        Assert.Equal(text, Value(literal));
    }

    [Theory]
    [InlineData("a / nullif(b, 0)", "a * 1E0 / nullif(b, 0)")]
    [InlineData("'a/b' || \"c/d\"", "'a/b' || \"c/d\"")]
    public void A_formula_divides_as_in_the_finish(string formula, string expected) => Assert.Equal(expected, AthenaDialect.Instance.Formula(formula));

    [Theory]
    [InlineData("^a.c$", @"\Aa[^\n]c\z")]
    [InlineData(@"\d{2}[\w-]+", "[0-9]{2}[0-9A-Za-z_-]+")]
    [InlineData(@"(?:x|y)\.\S", @"(?:x|y)\.[^\t\n\f\r ]")]
    public void A_pattern_is_spelt_out(string pattern, string expected) => Assert.Equal(expected, AthenaPattern.Of(pattern));

    [Theory]
    [InlineData("(?i)a")]
    [InlineData("(?=a)")]
    [InlineData(@"\bword\b")]
    [InlineData(@"\p{Greek}")]
    [InlineData("[[:alpha:]]")]
    [InlineData("[a&&b]")]
    [InlineData("a++")]
    [InlineData("[a")]
    public void A_pattern_that_is_read_otherwise_is_refused(string pattern) =>
        Assert.Equal("pattern_not_supported", Assert.Throws<QueryException>(() => AthenaPattern.Of(pattern)).Problems.Single().Code);

    [Fact]
    public void Moments_may_be_more_than_a_sequence_has()
    {
        var moments = AthenaDialect.Instance.Moments("TIMESTAMP '2024-01-01 00:00:00'", "TIMESTAMP '2026-01-01 00:30:00'", TimeGrain.Hour, null);
        Assert.Equal(((366 + 365) * 24) + 1, long.Parse(Value("count(DISTINCT u)", $" FROM ({moments}) AS m")!, CultureInfo.InvariantCulture));
        Assert.Equal("2026-01-01 00:00:00.000", Value("max(u)", $" FROM ({moments}) AS m"));
        var none = AthenaDialect.Instance.Moments("DATE '2024-01-01'", "DATE '2024-01-01'", TimeGrain.Day, null);
        Assert.Equal("0", Value("count(*)", $" FROM ({none}) AS m"));
    }

    public void Dispose()
    {
        _engine.Dispose();
        _store.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string? Value(string expression, string from = "") => _engine.Query($"SELECT {expression} AS x{from}", Catalog.Default, TestContext.Current.CancellationToken).Rows.Single()[0];
}
