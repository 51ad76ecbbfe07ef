using System.Buffers;
using System.Globalization;
using System.Text;
using CsvHelper;
using CsvHelper.Configuration;
using Write.DataPlatform.Insights;

namespace Write.DataPlatform.Api.Rest;

/// <summary>Writes an answer's rows as CSV (RFC 4180): a header, null as nothing, empty text as two quotes.</summary>
internal static class AnswerCsv
{
    public const string ContentType = "text/csv";

    private const int FlushCharacters = 16 * 1024;

    private static readonly CsvConfiguration Configuration = new(CultureInfo.InvariantCulture) { NewLine = "\r\n" };

    public static async Task WriteAsync(HttpContext context, MetricAnswer answer, CancellationToken cancellationToken = default)
    {
        context.Response.ContentType = ContentType + "; charset=utf-8; header=present";
        var pipe = context.Response.BodyWriter;
        var text = new StringBuilder();
        await using var writer = new StringWriter(text, CultureInfo.InvariantCulture);
        await using var csv = new CsvWriter(writer, Configuration);
        foreach (var column in answer.Columns)
        {
            csv.WriteField(column.Name);
        }

        await csv.NextRecordAsync();
        foreach (var row in answer.Rows)
        {
            foreach (var value in row)
            {
                var field = value is null ? null : AnswerJson.Text(value);
                csv.WriteField(field, field is not null && MustQuote(field));
            }

            await csv.NextRecordAsync();
            if (text.Length > FlushCharacters)
            {
                await FlushAsync();
            }
        }

        await csv.FlushAsync();
        await FlushAsync();

        async Task FlushAsync()
        {
            foreach (var chunk in text.GetChunks())
            {
                Encoding.UTF8.GetBytes(chunk.Span, pipe);
            }

            text.Clear();
            await pipe.FlushAsync(cancellationToken);
        }
    }

    private static bool MustQuote(string field) =>
        field.Length == 0 || field[0] == ' ' || field[^1] == ' ' || field.AsSpan().IndexOfAny("\",\r\n") >= 0;
}
