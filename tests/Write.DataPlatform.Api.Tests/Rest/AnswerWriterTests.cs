using System.Globalization;
using System.Text;
using System.Text.Json;
using CsCheck;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.Tests.Rest;

public sealed class AnswerWriterTests
{
    private static readonly ServedBy Served = new(["gold", "lake"], [new ServedTable("visits_daily", 41)], new DateTimeOffset(2026, 3, 15, 10, 0, 0, TimeSpan.FromHours(1)), [new GoldMiss(null, "no_table", "none")], 12);

    private static readonly Gen<object?> Cell = Gen.OneOf(
        Gen.Const((object?)null),
        Gen.OneOf("", " ", "a,b", "say \"hi\"", "two\r\nlines", "é日本🎬", "=1+1", "\t").Select(t => (object?)t),
        Gen.Long.Select(n => (object?)n),
        Gen.Double.Select(n => (object?)n),
        Gen.Decimal.Select(n => (object?)n),
        Gen.Bool.Select(b => (object?)b),
        Gen.Int[1, 3_000_000].Select(d => (object?)DateOnly.FromDayNumber(d)),
        Gen.Int[0, 1_000_000_000].Select(s => (object?)DateTime.UnixEpoch.AddSeconds(s).AddTicks(s % 3)));

    [Fact]
    public void Json_and_csv_hold_the_same_cells() =>
        Cell.Array[3].Array[0, 40].Sample(
            rows =>
            {
                var answer = Answer(rows);
                using var json = JsonDocument.Parse(Write(answer, AnswerFormats.Json));
                var csv = CsvCells.Parse(Write(answer, AnswerFormats.Csv));
                var cells = json.RootElement.GetProperty("rows").EnumerateArray().Select(r => r.EnumerateObject().Select(c => c.Value.ValueKind == JsonValueKind.String ? c.Value.GetString()! : c.Value.ValueKind == JsonValueKind.Null ? "" : c.Value.GetRawText()).ToList()).ToList();
                return csv.Count == cells.Count + 1 && cells.Zip(csv.Skip(1)).All(p => p.First.SequenceEqual(p.Second, StringComparer.OrdinalIgnoreCase));
            },
            iter: 300);

    [Fact]
    public void Values_keep_their_digits_and_nothing_is_no_number()
    {
        var json = Write(Answer([[1.10m, double.NaN, double.NegativeInfinity], [79228162514264337593543950335m, 0.1, long.MinValue], [new DateOnly(2026, 1, 2), new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc), "é"]]), AnswerFormats.Json);
        Assert.Contains("""[{"a":1.10,"b":null,"c":null},{"a":79228162514264337593543950335,"b":0.1,"c":-9223372036854775808},{"a":"2026-01-02","b":"2026-01-02T03:04:05Z","c":"é"}]""", json, StringComparison.Ordinal);
        Assert.Contains("""served":{"by":["gold","lake"],"tables":[{"name":"visits_daily","revision":41}],"asOf":"2026-03-15T09:00:00Z","misses":[{"table":null,"code":"no_table","message":"none"}],"bytesScanned":12}""", json, StringComparison.Ordinal);
    }

    [Fact]
    public void Null_and_empty_text_differ_in_csv() =>
        Assert.Equal("a,b,c\r\n,\"\",\" x\"\r\n", Write(Answer([[null, "", " x"]]), AnswerFormats.Csv));

    [Fact]
    public void Large_answers_are_whole()
    {
        var answer = Answer([.. Enumerable.Range(0, 20_000).Select(i => new object?[] { (long)i, i.ToString("D20", CultureInfo.InvariantCulture), null })]);
        using var json = JsonDocument.Parse(Write(answer, AnswerFormats.Json));
        Assert.Equal(20_000, json.RootElement.GetProperty("rows").GetArrayLength());
        var csv = CsvCells.Parse(Write(answer, AnswerFormats.Csv));
        Assert.Equal((20_001, "00000000000000019999"), (csv.Count, csv[^1][1]));
    }

    private static MetricAnswer Answer(IReadOnlyList<object?[]> rows) => new()
    {
        Columns = [.. new[] { "a", "b", "c" }.Select(n => new AnswerColumn(n, new ColumnType(ColumnKind.String)))],
        Rows = rows,
        Served = Served,
    };

    private static string Write(MetricAnswer answer, AnswerFormat format) => Encoding.UTF8.GetString(format.WriteAsync(answer).AsTask().GetAwaiter().GetResult().Span);
}
