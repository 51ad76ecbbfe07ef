using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Apache.Arrow;
using Apache.Arrow.Ipc;
using Apache.Arrow.Types;
using CsCheck;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Api.Tests.Rest;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.Tests.Serving;

/// <summary>The same rows and types in every format, read by those formats' own readers: Arrow's library, and DuckDB for Parquet.</summary>
[Collection(typeof(ServerCollection))]
public sealed class FormatTests(ServerFixture server)
{
    private const string Query = "/v1/query?metrics=visits,watch_seconds,bounce_rate&groupBy=metric_time__month,visit__country&from=2026-01-01&to=2026-03-01&orderBy=metric_time__month,visit__country&totals=true&compare=previousYear";

    private static readonly ColumnType[] Types =
    [
        new(ColumnKind.String), new(ColumnKind.Boolean), new(ColumnKind.Int64), new(ColumnKind.Double), new(ColumnKind.Decimal, 20, 4), new(ColumnKind.Date), new(ColumnKind.Timestamp),
    ];

    private static readonly Gen<object?[]> Row = Gen.Select(
        OrNull(Gen.OneOf(Gen.OneOf("", " ", "a,b", "it's", "two\nlines", "é日本🎬", "\"").Select(t => t), Gen.String[Gen.Char.AlphaNumeric, 0, 30])),
        OrNull(Gen.Bool), OrNull(Gen.Long), OrNull(Gen.Double.Where(double.IsFinite)),
        OrNull(Gen.Select(Gen.Long[-999_999_999_999, 999_999_999_999], Gen.Int[0, 9999], (a, b) => a + (b / 10_000m))),
        OrNull(Gen.Int[1, 3_000_000].Select(DateOnly.FromDayNumber)),
        OrNull(Gen.Long[-2_000_000_000_000_000, 4_000_000_000_000_000].Select(us => DateTime.UnixEpoch.AddTicks(us * 10)))).Select(t => new[] { t.Item1, t.Item2, t.Item3, t.Item4, t.Item5, t.Item6, t.Item7 });

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public void Arrow_and_Parquet_hold_every_value_of_every_type() =>
        Row.Array[0, 60].Sample(
            rows =>
            {
                var answer = Answer(rows);
                Assert.Equal(rows.Select(Text), Arrow(Write("arrow", answer)).Rows.Select(Text));
                Assert.Equal(rows.Select(Text), Parquet(Write("parquet", answer)).Select(Text));
            },
            iter: 25);

    [Fact]
    public async Task All_formats_answer_a_query_alike()
    {
        var json = JsonNode.Parse(await server.TextAsync(Query))!;
        var columns = json["columns"]!.AsArray().Select(c => ((string)c!["name"]!, (string)c["type"]!)).ToList();
        var expected = json["rows"]!.AsArray().Select(r => Text([.. columns.Select(c => Value(r![c.Item1], c.Item2))])).ToList();
        Assert.NotEmpty(expected);

        var (types, rows, schema) = Arrow(await BytesAsync(Query, "application/vnd.apache.arrow.stream"));
        Assert.Equal(columns.Select(c => c.Item1), types.Select(t => t.Name));
        Assert.Equal(expected, rows.Select(Text));
        Assert.Equal(json["totals"]!.ToJsonString(), JsonNode.Parse(schema["totals"])!.ToJsonString());
        Assert.Equal(json["served"]!["tables"]!.ToJsonString(), JsonNode.Parse(schema["served"])!["tables"]!.ToJsonString());

        var parquet = await BytesAsync(Query, "application/vnd.apache.parquet");
        Assert.Equal(expected, Parquet(parquet).Select(Text));
        using var file = new ParquetFile(parquet);
        Assert.Contains(SmallServer.Sql($"SELECT decode(key), decode(value) FROM parquet_kv_metadata('{file.Path}')"), r => (string)r[0]! == "totals" && JsonNode.Parse((string)r[1]!)!.ToJsonString() == json["totals"]!.ToJsonString());

        var csv = CsvCells.Parse(Encoding.UTF8.GetString(await BytesAsync(Query, "text/csv")));
        Assert.Equal(columns.Select(c => c.Item1), csv[0]);
        Assert.Equal(json["rows"]!.AsArray().Select(r => string.Join('|', columns.Select(c => r![c.Item1]?.ToString() ?? ""))), csv.Skip(1).Select(r => string.Join('|', r)));
    }

    [Theory]
    [InlineData("application/json", "application/json")]
    [InlineData("application/vnd.apache.parquet;q=0.9, text/csv;q=0.8", "application/vnd.apache.parquet")]
    [InlineData("application/*;q=0.5, application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.stream")]
    [InlineData("text/*", "text/csv")]
    [InlineData("*/*", "application/json")]
    [InlineData("application/json;q=0, */*;q=0.1", "text/csv")]
    [InlineData("application/vnd.apache.arrow.stream;q=0, application/vnd.apache.arrow.file", null)]
    [InlineData("image/png", null)]
    public async Task The_most_welcome_format_is_given(string accept, string? type)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Query);
        request.Headers.TryAddWithoutValidation("Accept", accept);
        using var response = await server.Client.SendAsync(request, Cancel);
        Assert.Equal(type ?? "application/problem+json", response.Content.Headers.ContentType!.MediaType);
        Assert.Equal(type is null ? HttpStatusCode.NotAcceptable : HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task Each_format_and_page_has_a_tag_of_its_own_and_head_has_the_headers_of_get()
    {
        var tags = new HashSet<string>();
        foreach (var path in AnswerFormats.Names.Select(f => Query + "&format=" + f).Append(Query + "&limit=2"))
        {
            using var got = await server.Client.GetAsync(path, Cancel);
            using var asked = new HttpRequestMessage(HttpMethod.Head, path);
            using var head = await server.Client.SendAsync(asked, Cancel);
            Assert.Equal(HttpStatusCode.OK, head.StatusCode);
            Assert.Equal(got.Headers.ETag, head.Headers.ETag);
            Assert.Equal(got.Content.Headers.ContentLength, head.Content.Headers.ContentLength);
            Assert.Equal(got.Content.Headers.ContentType, head.Content.Headers.ContentType);
            Assert.Empty(await head.Content.ReadAsByteArrayAsync(Cancel));
            Assert.True(tags.Add(got.Headers.ETag!.Tag));
            foreach (var known in new[] { got.Headers.ETag.Tag, "W/" + got.Headers.ETag.Tag, "\"other\", " + got.Headers.ETag.Tag, "*" })
            {
                using var again = new HttpRequestMessage(HttpMethod.Get, path);
                again.Headers.TryAddWithoutValidation("If-None-Match", known);
                using var unchanged = await server.Client.SendAsync(again, Cancel);
                Assert.Equal(HttpStatusCode.NotModified, unchanged.StatusCode);
                Assert.Equal(got.Headers.ETag.Tag, unchanged.Headers.ETag!.Tag);
            }
        }

        using var elsewhere = new HttpRequestMessage(HttpMethod.Head, "/v1/metrics");
        using var catalogue = await server.Client.SendAsync(elsewhere, Cancel);
        Assert.Equal(HttpStatusCode.OK, catalogue.StatusCode);
    }

    [Theory]
    [InlineData("gzip", "gzip")]
    [InlineData("br", "br")]
    [InlineData("gzip, br", "br")]
    [InlineData("br;q=0.1, gzip", "gzip")]
    [InlineData("br;q=0, gzip;q=0", null)]
    [InlineData("zstd", null)]
    public async Task Answers_are_packed_as_asked(string accept, string? coding)
    {
        var plain = await server.TextAsync(Query);
        for (var times = 0; times < 2; times++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, Query);
            request.Headers.TryAddWithoutValidation("Accept-Encoding", accept);
            using var response = await server.Client.SendAsync(request, Cancel);
            Assert.Equal(coding, response.Content.Headers.ContentEncoding.SingleOrDefault());
            var body = await response.Content.ReadAsStreamAsync(Cancel);
            await using var unpacked = coding switch { "gzip" => new System.IO.Compression.GZipStream(body, System.IO.Compression.CompressionMode.Decompress), "br" => new System.IO.Compression.BrotliStream(body, System.IO.Compression.CompressionMode.Decompress), _ => body };
            using var reader = new StreamReader(unpacked);
            Assert.Equal(plain, await reader.ReadToEndAsync(Cancel));
            Assert.Contains("Accept-Encoding", response.Headers.Vary);
        }
    }

    private async Task<byte[]> BytesAsync(string path, string accept)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { Accept = { new MediaTypeWithQualityHeaderValue(accept) } } };
        using var response = await server.Client.SendAsync(request, Cancel);
        response.EnsureSuccessStatusCode();
        return await response.Content.ReadAsByteArrayAsync(Cancel);
    }

    private byte[] Write(string format, MetricAnswer answer)
    {
        var context = new Microsoft.AspNetCore.Http.DefaultHttpContext();
        context.Request.QueryString = new Microsoft.AspNetCore.Http.QueryString("?format=" + format);
        return server.Services.GetRequiredService<AnswerFormats>().Of(context.Request).WriteAsync(answer, Cancel).AsTask().GetAwaiter().GetResult().ToArray();
    }

    private static MetricAnswer Answer(IReadOnlyList<object?[]> rows) => new()
    {
        Columns = [.. Types.Select((t, i) => new AnswerColumn("it's " + (char)('a' + i), t, Label: "A \"label\""))],
        Rows = rows,
        Served = new ServedBy(["gold"], [new ServedTable("it's", 1)], null, [], 0),
    };

    private static Gen<object?> OrNull<T>(Gen<T> values) => Gen.Frequency((1, Gen.Const((object?)null)), (5, values.Select(v => (object?)v)));

    private static object? Value(JsonNode? cell, string type) => cell is null ? null : type switch
    {
        "int64" => (long)cell,
        "double" => (double)cell,
        "decimal" => (decimal)cell,
        "date" => DateOnly.Parse((string)cell!, CultureInfo.InvariantCulture),
        _ => (string)cell!,
    };

    private static string Text(object?[] row) => string.Join('|', row.Select(v => v switch
    {
        null => "∅",
        double d => d.ToString("R", CultureInfo.InvariantCulture),
        decimal d => d.ToString("0.0000", CultureInfo.InvariantCulture),
        DateTime t => t.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture),
        DateOnly d => d.ToString("O", CultureInfo.InvariantCulture),
        _ => Convert.ToString(v, CultureInfo.InvariantCulture),
    }));

    private static (IReadOnlyList<Field> Fields, List<object?[]> Rows, IReadOnlyDictionary<string, string> Metadata) Arrow(byte[] bytes)
    {
        using var reader = new ArrowStreamReader(new MemoryStream(bytes));
        var rows = new List<object?[]>();
        while (reader.ReadNextRecordBatch() is { } batch)
        {
            for (var row = 0; row < batch.Length; row++)
            {
                rows.Add([.. Enumerable.Range(0, batch.ColumnCount).Select(i => Cell(batch.Column(i), row))]);
            }
        }

        return (reader.Schema.FieldsList, rows, reader.Schema.Metadata);
    }

    private static object? Cell(IArrowArray column, int row) => column switch
    {
        StringArray a => a.GetString(row),
        BooleanArray a => a.GetValue(row),
        Int64Array a => a.GetValue(row),
        DoubleArray a => a.GetValue(row),
        Decimal128Array a => a.GetValue(row),
        Date32Array a => a.GetDateOnly(row),
        TimestampArray a => ((TimestampType)a.Data.DataType).Timezone == "UTC" ? a.GetTimestamp(row)?.UtcDateTime : throw new InvalidOperationException("A time without its zone."),
        _ => throw new InvalidOperationException(column.GetType().Name),
    };

    private static List<object?[]> Parquet(byte[] bytes)
    {
        using var file = new ParquetFile(bytes);
        Assert.DoesNotContain(SmallServer.Sql($"DESCRIBE FROM read_parquet('{file.Path}')"), c => (string)c[1]! == "TIMESTAMP");
        return SmallServer.Sql($"FROM read_parquet('{file.Path}')");
    }

    private sealed class ParquetFile : IDisposable
    {
        public ParquetFile(byte[] bytes) => File.WriteAllBytes(Path, bytes);

        public string Path { get; } = System.IO.Path.GetTempFileName();

        public void Dispose() => File.Delete(Path);
    }
}
