using System.IO.Pipelines;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Insights;

/// <summary>Writes answers as Parquet, by DuckDB: instants are of UTC, and what is told beside the rows stands in the file's metadata.</summary>
internal sealed class ParquetAnswers(ServingDuckDb serving, GoldTempFolder temp)
{
    /// <summary>Writes an answer's rows.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="metadata">Keys and texts of the file's metadata.</param>
    /// <param name="output">Where to.</param>
    /// <param name="cancellationToken">Interrupts it.</param>
    public async Task WriteAsync(MetricAnswer answer, IReadOnlyDictionary<string, string> metadata, PipeWriter output, CancellationToken cancellationToken = default)
    {
        var folder = temp.Create();
        try
        {
            var file = Path.Combine(folder, "answer.parquet");
            await using (var session = await serving.Instance.OpenAsync(cancellationToken))
            {
                await AnswerRows.LoadAsync(session, answer.Columns.Select(c => (c.Name, c.Type.DuckDbName)), answer.Rows, cancellationToken);
                var columns = string.Join(", ", answer.Columns.Select(c => Column(c)));
                var told = metadata.Count == 0 ? "" : $", KV_METADATA {{{string.Join(", ", metadata.Select(m => $"{GoldColumns.Literal(m.Key)}: {GoldColumns.Literal(m.Value)}"))}}}";
                await session.ExecuteAsync($"COPY (SELECT {columns} FROM {AnswerRows.Table}) TO {GoldColumns.Literal(file)} (FORMAT parquet, COMPRESSION zstd{told})", cancellationToken);
            }

            await using var written = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.Asynchronous | FileOptions.SequentialScan);
            await written.CopyToAsync(output, cancellationToken);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>A column as the file has it; a text without a zone would be read as of the reader's own.</summary>
    private static string Column(AnswerColumn column)
    {
        var name = DuckDbDialect.Instance.Quote(column.Name);
        return column.Type.Kind == ColumnKind.Timestamp ? $"{name} AT TIME ZONE 'UTC' AS {name}" : name;
    }
}
