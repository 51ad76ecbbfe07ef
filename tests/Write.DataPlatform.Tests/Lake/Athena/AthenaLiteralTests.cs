using System.Globalization;
using CsCheck;
using DuckDB.NET.Data;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Lake.Athena;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Lake.Athena;

/// <summary>The injection boundary. DuckDB, which reads quotes and comments as the standard and Trino do, says what a statement means.</summary>
public sealed class AthenaLiteralTests : IDisposable
{
    private readonly DuckDBConnection _engine = new("DataSource=:memory:;threads=1");

    public AthenaLiteralTests() => _engine.Open();

    public void Dispose() => _engine.Dispose();

    private static readonly Gen<string> Texts = Gen.OneOf(
        Gen.String,
        Gen.String[Gen.Char["'\"?-/*\\;\n\r\t\u0001\u007f\u0085\u2028\u200f\ufeffU&$%aé日"], 0, 40],
        OneOf("' OR 1 = 1 --", "'; DROP TABLE x; --", "\\'; --", "''", "'", "U&'\\0027'", "/*", "*/", "--", "?", "\ud83d\ude00'\ud83d\ude00", "\u02bc OR 1=1", "\uff07 OR 1=1"));

    [Fact]
    public void A_text_is_never_more_than_a_value() => Texts.Where(IsWhole).Sample(
        text =>
        {
            var sql = AthenaLiterals.Inline(new SqlStatement("SELECT ? AS \"a?\", '?''?' /* ? ' */ AS b, -- '?\n ? AS c, 1 - ? AS d", [text, text, 7L]));
            var row = Read(sql);
            Assert.Equal([text, "?'?", text, -6L], row);
        },
        iter: 20_000, threads: 1);

    [Fact]
    public void Half_a_character_and_a_null_character_are_refused() => Gen.Select(Gen.String, OneOf("\0", "\ud800", "\udc00", "\udc00\ud800", "\ud800'"), Gen.String[Gen.Char["ab'"], 0, 3]).Sample(
        (before, bad, after) =>
        {
            Assert.Throws<LakeException>(() => AthenaLiterals.Of(before + "x" + bad + after));
        },
        iter: 500, threads: 1);

    [Fact]
    public void Whole_numbers_come_back() => Gen.OneOf(Gen.Long, OneOf(long.MinValue, long.MaxValue, 0L, -1L)).Sample(
        number => Assert.Equal([number], Read($"SELECT {AthenaLiterals.Of(number)}")), iter: 2_000, threads: 1);

    [Fact]
    public void Doubles_come_back_bit_for_bit() => Gen.Double.Where(double.IsFinite).Sample(
        number => Assert.Equal(BitConverter.DoubleToInt64Bits(number), BitConverter.DoubleToInt64Bits((double)Read($"SELECT {AthenaLiterals.Of(number)}")[0]!)), iter: 2_000, threads: 1);

    [Fact]
    public void Decimals_come_back_and_a_minus_makes_no_comment() => Gen.Select(Gen.Long, Gen.Byte[0, 18]).Sample(
        (digits, scale) =>
        {
            var number = new decimal((int)digits, (int)(digits >> 32) & int.MaxValue, 0, digits < 0, scale);
            Assert.Equal([number, 0m - number], Read($"SELECT {AthenaLiterals.Of(number)}, 0-{AthenaLiterals.Of(number)}").Select(value => (object?)Convert.ToDecimal(value, CultureInfo.InvariantCulture)));
        },
        iter: 2_000, threads: 1);

    [Fact]
    public void Other_values_are_typed()
    {
        Assert.Equal("NULL", AthenaLiterals.Of(null));
        Assert.Equal("TRUE", AthenaLiterals.Of(true));
        Assert.Equal("DATE '2026-02-28'", AthenaLiterals.Of(new DateOnly(2026, 2, 28)));
        Assert.Equal("TIMESTAMP '2026-02-28 10:11:12.123'", AthenaLiterals.Of(new DateTime(2026, 2, 28, 10, 11, 12, 123, DateTimeKind.Utc)));
        Assert.Equal("TIMESTAMP '2026-02-28 10:11:12.123456'", AthenaLiterals.Of(new DateTime(2026, 2, 28, 10, 11, 12, 123, 456, DateTimeKind.Utc)));
        Assert.Equal("TIMESTAMP '2026-02-28 08:11:12.000'", AthenaLiterals.Of(new DateTimeOffset(2026, 2, 28, 10, 11, 12, TimeSpan.FromHours(2))));
        Assert.Equal("X'00FF'", AthenaLiterals.Of(new byte[] { 0, 255 }));
        Assert.Equal("nan()", AthenaLiterals.Of(double.NaN));
        Assert.Equal("(-infinity())", AthenaLiterals.Of(double.NegativeInfinity));
        Assert.Throws<LakeException>(() => AthenaLiterals.Of(ulong.MaxValue));
        Assert.Throws<LakeException>(() => AthenaLiterals.Of(new object()));
        Assert.Throws<LakeException>(() => AthenaLiterals.Of(DayOfWeek.Monday));
    }

    [Theory]
    [InlineData("SELECT ?", 0)]
    [InlineData("SELECT ?", 2)]
    [InlineData("SELECT '?'", 1)]
    [InlineData("SELECT 'open", 0)]
    [InlineData("SELECT /* open", 0)]
    public void Placeholders_and_values_must_match(string sql, int values) =>
        Assert.Throws<LakeException>(() => AthenaLiterals.Inline(new SqlStatement(sql, [.. Enumerable.Repeat<object?>("x", values)])));

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static bool IsWhole(string text)
    {
        try
        {
            return !text.Contains('\0', StringComparison.Ordinal) && new System.Text.UTF8Encoding(false, throwOnInvalidBytes: true).GetByteCount(text) >= 0;
        }
        catch (System.Text.EncoderFallbackException)
        {
            return false;
        }
    }

    private object?[] Read(string sql)
    {
        using var command = _engine.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        Assert.True(reader.Read());
        var row = Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? null : reader.GetValue(i)).ToArray();
        Assert.False(reader.Read());
        return row;
    }
}
