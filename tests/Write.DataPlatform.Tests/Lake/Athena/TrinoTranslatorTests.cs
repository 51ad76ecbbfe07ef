using Write.DataPlatform.AthenaStandIn;
using Write.DataPlatform.AthenaStandIn.Protocol;
using Write.DataPlatform.AthenaStandIn.Sql;

namespace Write.DataPlatform.Tests.Lake.Athena;

/// <summary>The stand-in takes Trino's SQL with Trino's meaning, and not DuckDB's.</summary>
public sealed class TrinoTranslatorTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("wdp-trino-").FullName;

    [Theory]
    [InlineData("SELECT x::int FROM t")]
    [InlineData("SELECT unnest(range(3))")]
    [InlineData("SELECT x FROM t QUALIFY row_number() OVER () = 1")]
    [InlineData("SELECT list_transform([1], lambda x: x)")]
    [InlineData("SELECT transform([1], x -> x)")]
    [InlineData("SELECT sum(x) FROM t GROUP BY ALL")]
    [InlineData("SELECT DATE '2020-01-01' + INTERVAL (3) DAY")]
    [InlineData("SELECT DATE '2020-01-01' + INTERVAL 3 DAY")]
    [InlineData("SELECT x[1:2] FROM t")]
    [InlineData("SELECT {'a': 1}")]
    [InlineData("SELECT * EXCLUDE (a) FROM t")]
    [InlineData("SELECT DISTINCT ON (a) a FROM t")]
    [InlineData("SELECT $1")]
    [InlineData("SELECT 7 // 2")]
    [InlineData("SELECT x ILIKE 'a' FROM t")]
    [InlineData("SELECT x ~ 'a' FROM t")]
    [InlineData("SELECT CAST(1 AS HUGEINT)")]
    [InlineData("CREATE TABLE t (x INTEGER)")]
    [InlineData("SELECT 1; SELECT 2")]
    public void What_is_DuckDbs_alone_is_no_statement(string sql) =>
        Assert.Throws<TrinoSyntaxException>(() => TrinoTranslator.Translate(TrinoStatement.Parse(sql, []).Select, "default"));

    [Theory]
    [InlineData("SELECT strftime(now(), '%Y')")]
    [InlineData("SELECT list_sort(ARRAY[1])")]
    [InlineData("SELECT quantile_cont(x, 0.5) FROM t")]
    [InlineData("SELECT ends_with('ab', 'b')")]
    [InlineData("SELECT isfinite(x) FROM t")]
    [InlineData("SELECT string_agg(x, ',') FROM t")]
    [InlineData("SELECT date_part('year', x) FROM t")]
    [InlineData("SELECT make_date(2020, 1, 1)")]
    public void What_Trino_has_not_is_no_function(string sql) => Assert.Throws<TrinoFunctionException>(() => TrinoTranslator.Translate(sql, "default"));

    [Theory]
    [InlineData("7 / 2", "3")]
    [InlineData("-7 / 2", "-3")]
    [InlineData("7 / 2e0", "3.5")]
    [InlineData("CAST(37.7e0 AS varchar)", "3.77E1")]
    [InlineData("CAST(1e0 AS varchar)", "1.0E0")]
    [InlineData("CAST(-0.00012e0 AS varchar)", "-1.2E-4")]
    [InlineData("CAST(1e20 AS varchar)", "1.0E20")]
    [InlineData("1e10", "1.0E10")]
    [InlineData("123456.5e0", "123456.5")]
    [InlineData("CAST(TIMESTAMP '2020-01-01 00:00:00' AS varchar)", "2020-01-01 00:00:00.000")]
    [InlineData("date_add('month', 1, DATE '2020-01-31')", "2020-02-29")]
    [InlineData("date_add('month', -1, TIMESTAMP '2020-03-31 10:00:00')", "2020-02-29 10:00:00.000")]
    [InlineData("date_trunc('week', DATE '2020-03-01')", "2020-02-24")]
    [InlineData("date_diff('month', DATE '2020-01-15', DATE '2020-02-14')", "0")]
    [InlineData("date_diff('hour', TIMESTAMP '2020-01-01 00:59:00', TIMESTAMP '2020-01-01 01:58:00')", "0")]
    [InlineData("CAST(at_timezone(with_timezone(TIMESTAMP '2024-03-31 01:00:00', 'UTC'), 'Europe/Berlin') AS timestamp)", "2024-03-31 03:00:00.000")]
    [InlineData("day_of_week(DATE '2020-03-01')", "7")]
    [InlineData("year_of_week(DATE '2021-01-03')", "2020")]
    [InlineData("substr('hello', 0)", "")]
    [InlineData("substr('hello', -3, 2)", "ll")]
    [InlineData("split_part('a', 'E', 2)", null)]
    [InlineData("greatest(1, NULL)", null)]
    [InlineData("reduce(ARRAY[1, 2, 3], 0e0, (s, x) -> s + x, s -> s * 2)", "12.0")]
    [InlineData("array_join(zip_with(ARRAY[1, 2], ARRAY[3, 4], (a, b) -> a * b), '-')", "3-8")]
    [InlineData("array_join(slice(ARRAY[1, 2, 3], 2, 2), ',')", "2,3")]
    [InlineData("to_hex(md5(to_utf8('abc')))", "900150983CD24FB0D6963F7D28E17F72")]
    [InlineData("typeof(1e0)", "double")]
    [InlineData("DECIMAL '0.50'", "0.50")]
    [InlineData("regexp_replace('1.500', '(\\.[0-9]*[1-9])0+$', '$1')", "1.5")]
    public void Expressions_mean_what_Trino_means(string expression, string? expected)
    {
        using var store = new OutputStore(null, _folder);
        using var engine = new Engine(new Catalog(_folder, []), store, 1);
        Assert.Equal(expected, engine.Query($"SELECT {expression} AS x", "default", TestContext.Current.CancellationToken).Rows.Single()[0]);
    }

    [Fact]
    public void A_sequence_has_ten_thousand_entries_at_most()
    {
        using var store = new OutputStore(null, _folder);
        using var engine = new Engine(new Catalog(_folder, []), store, 1);
        Assert.Single(engine.Query("SELECT cardinality(sequence(1, 10000)) AS n", "default", TestContext.Current.CancellationToken).Rows, r => r[0] == "10000");
        Assert.Throws<QueryFailedException>(() => engine.Query("SELECT cardinality(sequence(0, 10000)) AS n", "default", TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("SELECT ?", "'it''s'", "'it''s'")]
    [InlineData("SELECT '?', ?", "DATE '2020-01-01'", "DATE '2020-01-01'")]
    [InlineData("SELECT ?", "-5", "-5")]
    public void Parameters_stand_in_place(string query, string parameter, string expected) =>
        Assert.EndsWith(expected, TrinoStatement.Parse(query, [parameter]).Select, StringComparison.Ordinal);

    [Theory]
    [InlineData("text")]
    [InlineData("1 OR 1 = 1")]
    [InlineData("'a' || 'b'")]
    [InlineData("x'; DROP")]
    public void A_parameter_is_a_literal(string parameter) => Assert.Throws<TrinoSyntaxException>(() => TrinoStatement.Parse("SELECT ?", [parameter]));

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
