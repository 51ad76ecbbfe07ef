using System.IO.Pipelines;
using Apache.Arrow;
using Apache.Arrow.Ipc;
using Apache.Arrow.Types;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.Rest;

/// <summary>Writes an answer's rows as an Arrow stream: typed columns, times in UTC by the microsecond; who served them, totals and the next page's cursor as the schema's metadata.</summary>
internal static class AnswerArrow
{
    public const string ContentType = "application/vnd.apache.arrow.stream";

    private const int BatchRows = 16_384;

    public static async Task WriteAsync(PipeWriter output, MetricAnswer answer, CancellationToken cancellationToken = default)
    {
        var schema = new Schema(answer.Columns.Select(c => new Field(c.Name, TypeOf(c.Type), nullable: true, Metadata(c))), Metadata(answer));
        await using var stream = output.AsStream(leaveOpen: true);
        using (var writer = new ArrowStreamWriter(stream, schema, leaveOpen: true))
        {
            await writer.WriteStartAsync(cancellationToken);
            for (var from = 0; from < answer.Rows.Count; from += BatchRows)
            {
                var count = Math.Min(BatchRows, answer.Rows.Count - from);
                using var batch = new RecordBatch(schema, answer.Columns.Select((c, i) => Column(c.Type, answer.Rows, i, from, count)), count);
                await writer.WriteRecordBatchAsync(batch, cancellationToken);
            }

            await writer.WriteEndAsync(cancellationToken);
        }

        await output.FlushAsync(cancellationToken);
    }

    /// <summary>What an answer says beside its rows, for formats that have only rows.</summary>
    public static Dictionary<string, string> Metadata(MetricAnswer answer)
    {
        var told = new Dictionary<string, string> { ["served"] = AnswerJson.ServedText(answer.Served) };
        if (answer.Totals is not null)
        {
            told["totals"] = AnswerJson.TotalsText(answer);
        }

        if (answer.Next is { } next)
        {
            told["next"] = next;
        }

        return told;
    }

    private static Dictionary<string, string> Metadata(AnswerColumn column) =>
        new[] { ("label", column.Label), ("unit", column.Unit), ("format", column.Format), ("approximate", column.Approximation is null ? null : "true") }
            .Where(p => p.Item2 is not null).ToDictionary(p => p.Item1, p => p.Item2!);

    private static IArrowType TypeOf(ColumnType type) => type.Kind switch
    {
        ColumnKind.String => StringType.Default,
        ColumnKind.Boolean => BooleanType.Default,
        ColumnKind.Int64 => Int64Type.Default,
        ColumnKind.Double => DoubleType.Default,
        ColumnKind.Decimal => new Decimal128Type(type.Precision, type.Scale),
        ColumnKind.Date => Date32Type.Default,
        ColumnKind.Timestamp => new TimestampType(TimeUnit.Microsecond, "UTC"),
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    private static IArrowArray Column(ColumnType type, IReadOnlyList<object?[]> rows, int column, int from, int count)
    {
        var values = Enumerable.Range(from, count).Select(row => rows[row][column]);
        switch (type.Kind)
        {
            case ColumnKind.String:
                return Fill(new StringArray.Builder(), values, (b, v) => b.Append((string)v), b => b.AppendNull()).Build();
            case ColumnKind.Boolean:
                return Fill(new BooleanArray.Builder(), values, (b, v) => b.Append((bool)v), b => b.AppendNull()).Build();
            case ColumnKind.Int64:
                return Fill(new Int64Array.Builder(), values, (b, v) => b.Append((long)v), b => b.AppendNull()).Build();
            case ColumnKind.Double:
                return Fill(new DoubleArray.Builder(), values, (b, v) => b.Append((double)v), b => b.AppendNull()).Build();
            case ColumnKind.Decimal:
                return Fill(new Decimal128Array.Builder(new Decimal128Type(type.Precision, type.Scale)), values, (b, v) => b.Append((decimal)v), b => b.AppendNull()).Build();
            case ColumnKind.Date:
                return Fill(new Date32Array.Builder(), values, (b, v) => b.Append((DateOnly)v), b => b.AppendNull()).Build();
            default:
                return Fill(new TimestampArray.Builder(new TimestampType(TimeUnit.Microsecond, "UTC")), values, (b, v) => b.Append(new DateTimeOffset((DateTime)v)), b => b.AppendNull()).Build();
        }
    }

    private static T Fill<T>(T builder, IEnumerable<object?> values, Action<T, object> append, Action<T> appendNull)
    {
        foreach (var value in values)
        {
            if (value is null)
            {
                appendNull(builder);
            }
            else
            {
                append(builder, value);
            }
        }

        return builder;
    }
}
