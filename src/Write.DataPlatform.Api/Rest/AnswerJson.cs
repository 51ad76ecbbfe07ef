using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.Rest;

/// <summary>Writes answers as the contract's JSON: rows as objects, decimals with their digits, dates and UTC instants as ISO 8601.</summary>
internal static class AnswerJson
{
    public const string ContentType = "application/json";

    private const int FlushBytes = 32 * 1024;

    /// <summary>Text stays readable; the answers are not embedded in HTML.</summary>
    public static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>For everything that is not rows.</summary>
    public static readonly JsonSerializerOptions Options = MakeOptions();

    public static async Task WriteAsync(PipeWriter pipe, MetricAnswer answer, CancellationToken cancellationToken = default)
    {
        var json = new Utf8JsonWriter(pipe, WriterOptions);
        await using (json.ConfigureAwait(false))
        {
            var names = answer.Columns.Select(c => JsonEncodedText.Encode(c.Name, WriterOptions.Encoder)).ToArray();
            json.WriteStartObject();
            WriteColumns(json, answer);
            json.WriteStartArray("rows");
            foreach (var row in answer.Rows)
            {
                WriteRow(json, names, row);
                if (json.BytesPending > FlushBytes)
                {
                    json.Flush();
                    await pipe.FlushAsync(cancellationToken);
                }
            }

            json.WriteEndArray();
            if (answer.Totals is not null)
            {
                json.WritePropertyName("totals");
                WriteTotals(json, answer);
            }

            json.WritePropertyName("served");
            WriteServed(json, answer.Served);
            json.WriteString("next", answer.Next);
            json.WriteEndObject();
        }

        await pipe.FlushAsync(cancellationToken);
    }

    /// <summary>A value of any of the column kinds.</summary>
    public static void WriteValue(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null:
                json.WriteNullValue();
                break;
            case string text:
                json.WriteStringValue(text);
                break;
            case long number:
                json.WriteNumberValue(number);
                break;
            case double number:
                if (double.IsFinite(number))
                {
                    json.WriteNumberValue(number);
                }
                else
                {
                    json.WriteNullValue();
                }

                break;
            case decimal number:
                json.WriteNumberValue(number);
                break;
            case bool flag:
                json.WriteBooleanValue(flag);
                break;
            default:
                json.WriteStringValue(Text(value));
                break;
        }
    }

    /// <summary>Dates and instants as JSON, CSV and tables show them.</summary>
    public static string Text(object value) => value switch
    {
        DateOnly date => date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        DateTime time => time.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture),
        DateTimeOffset time => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture),
        bool flag => flag ? "true" : "false",
        double number => double.IsFinite(number) ? number.ToString("R", CultureInfo.InvariantCulture) : "",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };

    public static string TypeName(ColumnKind kind) => kind.ToString().ToLowerInvariant();

    public static void WriteServed(Utf8JsonWriter json, ServedBy served)
    {
        json.WriteStartObject();
        json.WriteStartArray("by");
        foreach (var by in served.By)
        {
            json.WriteStringValue(by);
        }

        json.WriteEndArray();
        json.WriteStartArray("tables");
        foreach (var table in served.Tables)
        {
            json.WriteStartObject();
            json.WriteString("name", table.Name);
            json.WriteNumber("revision", table.Revision);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("asOf", served.AsOf is { } time ? Text(time) : null);
        json.WriteStartArray("misses");
        foreach (var miss in served.Misses)
        {
            json.WriteStartObject();
            json.WriteString("table", miss.Table);
            json.WriteString("code", miss.Code);
            json.WriteString("message", miss.Message);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNumber("bytesScanned", served.BytesScanned);
        json.WriteEndObject();
    }

    /// <summary>The totals as JSON.</summary>
    public static string TotalsText(MetricAnswer answer) => TextOf(json => WriteTotals(json, answer));

    /// <summary>Who served, as JSON.</summary>
    public static string ServedText(ServedBy served) => TextOf(json => WriteServed(json, served));

    private static string TextOf(Action<Utf8JsonWriter> write)
    {
        using var body = new MemoryStream();
        using (var json = new Utf8JsonWriter(body, WriterOptions))
        {
            write(json);
        }

        return Encoding.UTF8.GetString(body.GetBuffer(), 0, (int)body.Length);
    }

    private static void WriteTotals(Utf8JsonWriter json, MetricAnswer answer)
    {
        var totals = answer.Totals!;
        json.WriteStartObject();
        for (var i = 0; i < totals.Count; i++)
        {
            if (IsMetric(answer.Columns[i], totals[i]))
            {
                json.WritePropertyName(answer.Columns[i].Name);
                WriteValue(json, totals[i]);
            }
        }

        json.WriteEndObject();
    }

    private static void WriteColumns(Utf8JsonWriter json, MetricAnswer answer)
    {
        json.WriteStartArray("columns");
        foreach (var column in answer.Columns)
        {
            json.WriteStartObject();
            json.WriteString("name", column.Name);
            json.WriteString("type", TypeName(column.Type.Kind));
            if (column.Label is not null)
            {
                json.WriteString("label", column.Label);
            }

            if (column.Unit is not null)
            {
                json.WriteString("unit", column.Unit);
            }

            if (column.Format is not null)
            {
                json.WriteString("format", column.Format);
            }

            if (column.Approximation is { } approximation)
            {
                json.WriteBoolean("approximate", true);
                if (approximation.Error is { } error)
                {
                    json.WriteNumber("error", error);
                }
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteRow(Utf8JsonWriter json, JsonEncodedText[] names, object?[] row)
    {
        json.WriteStartObject();
        for (var i = 0; i < row.Length; i++)
        {
            json.WritePropertyName(names[i]);
            WriteValue(json, row[i]);
        }

        json.WriteEndObject();
    }

    /// <summary>Group-by columns have no total; a metric's total may be null.</summary>
    private static bool IsMetric(AnswerColumn column, object? total) =>
        total is not null || column.Type.Kind is ColumnKind.Int64 or ColumnKind.Double or ColumnKind.Decimal;

    private static JsonSerializerOptions MakeOptions()
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web)
        {
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
            Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase), new InstantConverter() },
        };
        options.MakeReadOnly();
        return options;
    }

    /// <summary>Instants in UTC, as everywhere.</summary>
    private sealed class InstantConverter : JsonConverter<DateTimeOffset>
    {
        public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetDateTimeOffset();

        public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) => writer.WriteStringValue(Text(value));
    }
}
