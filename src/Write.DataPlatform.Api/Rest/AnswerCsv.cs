using System.IO.Pipelines;
using CsvHelper;
using Write.DataPlatform.Insights;

namespace Write.DataPlatform.Api.Rest;

/// <summary>Writes an answer's rows as CSV (RFC 4180): a header, null as nothing, empty text as two quotes.</summary>
internal static class AnswerCsv
{
    public const string ContentType = "text/csv";

    public static async Task WriteAsync(PipeWriter output, MetricAnswer answer, CancellationToken cancellationToken = default)
    {
        await using var stream = output.AsStream(leaveOpen: true);
        await using var csv = CsvWriter.Create(stream, CsvWriterOptions.Default, leaveOpen: true);
        await csv.WriteRecordAsync([.. answer.Columns.Select(c => c.Name)], cancellationToken);
        foreach (var row in answer.Rows)
        {
            foreach (var value in row)
            {
                var field = value is null ? null : AnswerJson.Text(value);
                csv.WriteField(field, field is "" ? CsvQuoting.Always : CsvQuoting.WhenNeededOrWhitespace);
            }

            await csv.EndRecordAsync(cancellationToken);
        }

        await csv.FlushAsync(cancellationToken);
    }
}
