using CsCheck;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Lake.Athena;
using Write.DataPlatform.Lake.Athena.Client;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Lake.Athena;

public sealed class AthenaValueTests
{
    [Theory]
    [InlineData("bigint", 19, 0, ColumnKind.Int64)]
    [InlineData("integer", 10, 0, ColumnKind.Int64)]
    [InlineData("smallint", 5, 0, ColumnKind.Int64)]
    [InlineData("tinyint", 3, 0, ColumnKind.Int64)]
    [InlineData("double", 17, 0, ColumnKind.Double)]
    [InlineData("float", 17, 0, ColumnKind.Double)]
    [InlineData("real", 17, 0, ColumnKind.Double)]
    [InlineData("boolean", 0, 0, ColumnKind.Boolean)]
    [InlineData("varchar", int.MaxValue, 0, ColumnKind.String)]
    [InlineData("char", 3, 0, ColumnKind.String)]
    [InlineData("json", 0, 0, ColumnKind.String)]
    [InlineData("date", 0, 0, ColumnKind.Date)]
    [InlineData("timestamp", 3, 0, ColumnKind.Timestamp)]
    [InlineData("timestamp(6)", 6, 0, ColumnKind.Timestamp)]
    [InlineData("timestamp with time zone", 3, 0, ColumnKind.Timestamp)]
    [InlineData("timestamp(3) with time zone", 3, 0, ColumnKind.Timestamp)]
    public void Types_have_kinds(string type, int precision, int scale, ColumnKind kind) => Assert.Equal(new ColumnType(kind), Column(type, precision, scale).Result.Type);

    [Theory]
    [InlineData("array")]
    [InlineData("array(integer)")]
    [InlineData("map")]
    [InlineData("row(a integer, b varchar(3))")]
    [InlineData("varbinary")]
    [InlineData("time")]
    [InlineData("interval day to second")]
    [InlineData("HyperLogLog")]
    [InlineData("array<string>")]
    [InlineData("struct<a:int>")]
    public void Others_are_refused_by_the_columns_name(string type) =>
        Assert.Contains("'x'", Assert.Throws<LakeException>(() => Column(type, 0, 0).Result).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("int", ColumnKind.Int64, 0, 0)]
    [InlineData("string", ColumnKind.String, 0, 0)]
    [InlineData("varchar(20)", ColumnKind.String, 0, 0)]
    [InlineData("decimal(12, 3)", ColumnKind.Decimal, 12, 3)]
    [InlineData("decimal(38,0)", ColumnKind.Decimal, 38, 0)]
    [InlineData("decimal", ColumnKind.Decimal, 10, 0)]
    [InlineData("timestamp", ColumnKind.Timestamp, 0, 0)]
    public void Types_of_the_catalog_have_kinds(string type, ColumnKind kind, byte precision, byte scale) =>
        Assert.Equal(new ColumnType(kind, precision, scale), AthenaColumn.Of("x", type).Result.Type);

    [Fact]
    public void Values_are_read_as_Athena_prints_them()
    {
        Assert.Equal(-9223372036854775808L, Column("bigint").Parse("-9223372036854775808"));
        Assert.Equal(1e10, Column("double").Parse("1.0E10"));
        Assert.Equal(double.NaN, Column("double").Parse("NaN"));
        Assert.Equal(double.NegativeInfinity, Column("double").Parse("-Infinity"));
        Assert.Equal((double)0.1f, Column("float").Parse("0.1"));
        Assert.Equal(true, Column("boolean").Parse("true"));
        Assert.Equal(new DateOnly(2024, 2, 29), Column("date").Parse("2024-02-29"));
        Assert.Equal("", Column("varchar").Parse(""));
        Assert.Equal(1.50m, Column("decimal", 10, 2).Parse("1.50"));
        Assert.Equal(79228162514264337593543950335m, Column("decimal", 38, 0).Parse("79228162514264337593543950335"));
        Assert.Equal(0.0000000000000000000000000001m, Column("decimal", 38, 30).Parse("0.000000000000000000000000000100"));
    }

    [Theory]
    [InlineData("timestamp", "2026-11-01 10:11:12.123", "2026-11-01T10:11:12.1230000Z")]
    [InlineData("timestamp", "2026-11-01 10:11:12", "2026-11-01T10:11:12.0000000Z")]
    [InlineData("timestamp(6)", "2026-11-01 10:11:12.123456", "2026-11-01T10:11:12.1234560Z")]
    [InlineData("timestamp(9)", "2026-11-01 10:11:12.123456789", "2026-11-01T10:11:12.1234560Z")]
    [InlineData("timestamp with time zone", "2026-11-01 10:11:12.123 UTC", "2026-11-01T10:11:12.1230000Z")]
    [InlineData("timestamp with time zone", "2026-11-01 10:11:12.123 Europe/Berlin", "2026-11-01T09:11:12.1230000Z")]
    [InlineData("timestamp with time zone", "2026-07-01 10:11:12.123 Europe/Berlin", "2026-07-01T08:11:12.1230000Z")]
    [InlineData("timestamp with time zone", "2026-07-01 10:11:12.123 +05:30", "2026-07-01T04:41:12.1230000Z")]
    [InlineData("timestamp with time zone", "2026-07-01 10:11:12.123 -05:30", "2026-07-01T15:41:12.1230000Z")]
    public void Moments_are_in_utc(string type, string text, string expected)
    {
        var time = Assert.IsType<DateTime>(Column(type, 3, 0).Parse(text));
        Assert.Equal(expected, time.ToString("O"));
    }

    [Theory]
    [InlineData("bigint", "9223372036854775808")]
    [InlineData("decimal", "79228162514264337593543950336")]
    [InlineData("decimal", "0.00000000000000000000000000001")]
    [InlineData("decimal", "1234567890123456789.12345678901234567")]
    [InlineData("date", "10000-01-01")]
    [InlineData("date", "-0001-01-01")]
    [InlineData("timestamp", "+12026-01-01 00:00:00.000")]
    [InlineData("timestamp with time zone", "2026-10-25 02:30:00.000 Europe/Berlin")]
    [InlineData("timestamp with time zone", "2026-10-25 02:30:00.000 Mars/Olympus")]
    public void What_does_not_fit_is_refused_and_never_rounded(string type, string text)
    {
        var error = Assert.Throws<LakeException>(() => Column(type, 38, 30).Parse(text));
        Assert.Contains("'x'", error.Message, StringComparison.Ordinal);
        Assert.Contains(text, error.Message, StringComparison.Ordinal);
        Assert.False(error.IsTransient);
    }

    [Fact]
    public void Any_row_of_the_result_file_comes_back() => Gen.Select(Gen.OneOf(Gen.Const((string?)null), Gen.String[Gen.Char["\",\n\raé "], 0, 6]).Array[1, 4].Array[1, 5], Gen.Int[1, 7], Gen.Bool).Where((rows, _, _) => rows.All(row => row.Length == rows[0].Length)).Sample(
        (rows, chunk, ends) =>
        {
            var text = string.Join('\n', rows.Select(row => string.Join(',', row.Select(value => value is null ? "" : "\"" + value.Replace("\"", "\"\"", StringComparison.Ordinal) + "\""))));

            // A last line that is empty is no row, so one null in one column needs its end.
            if (ends || rows[^1] is [null])
            {
                text += "\n";
            }

            using var reader = new Slow(text, chunk);
            var read = AthenaCsv.ReadAsync(reader, TestContext.Current.CancellationToken).ToBlockingEnumerable(TestContext.Current.CancellationToken).ToArray();
            Assert.Equal(rows, read);
        },
        iter: 3_000, threads: 1);

    [Theory]
    [InlineData("\"a\"b\n")]
    [InlineData("\"a")]
    public void A_broken_result_file_is_refused(string text)
    {
        using var reader = new StringReader(text);
        Assert.Throws<LakeException>(() => AthenaCsv.ReadAsync(reader, TestContext.Current.CancellationToken).ToBlockingEnumerable(TestContext.Current.CancellationToken).ToArray());
    }

    private static AthenaColumn Column(string type, int precision = 0, int scale = 0) => AthenaColumn.Of(new ColumnInfo { Name = "x", Type = type, Precision = precision, Scale = scale });

    /// <summary>A reader that gives a few characters at a time.</summary>
    private sealed class Slow(string text, int chunk) : StringReader(text)
    {
        public override ValueTask<int> ReadAsync(Memory<char> buffer, CancellationToken cancellationToken = default) => base.ReadAsync(buffer[..Math.Min(chunk, buffer.Length)], cancellationToken);
    }
}
