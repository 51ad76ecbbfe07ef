using System.Collections.Immutable;
using System.Data.Common;
using System.Globalization;
using System.IO.Pipelines;
using System.Text.Json;
using System.Xml;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Query.Rows;

namespace Write.DataPlatform.Api.OData;

/// <summary>A column as it is written.</summary>
/// <param name="Column">The column.</param>
/// <param name="IsDeclared">Whether the set's type has it, so that clients know its type.</param>
internal sealed record WrittenColumn(RowColumn Column, bool IsDeclared);

/// <summary>Writes rows as OData's JSON, value by value as they are read.</summary>
internal sealed class RowWriter
{
    public const string DateFormat = "yyyy-MM-dd";
    public const string TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.FFFFFF'Z'";

    private const int FlushBytes = 32 * 1024;

    private readonly (JsonEncodedText Name, JsonEncodedText? TypeName, string? Type, RowKind Kind)[] _columns;
    private readonly PayloadFormat _format;
    private readonly bool _omitsNulls;

    public RowWriter(IEnumerable<WrittenColumn> columns, PayloadFormat format, bool omitsNulls)
    {
        (_format, _omitsNulls) = (format, omitsNulls);
        _columns = [.. columns.Select(c =>
        {
            var (kind, name) = (c.Column.Type.Kind, c.Column.Name);
            var isTold = kind is RowKind.String or RowKind.Null or RowKind.Boolean or RowKind.Double
                || format.Level == MetadataLevel.None || (format.Level == MetadataLevel.Minimal && c.IsDeclared);
            return (Encode(name), isTold ? (JsonEncodedText?)null : Encode(name + "@odata.type"), isTold ? null : "#" + EdmTypes.Kind(c.Column.Type), kind);
        })];
    }

    /// <summary>Writes the rows of a statement, as many as the page still takes.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="pipe">What the JSON is written into.</param>
    /// <param name="reader">The rows; the written columns first.</param>
    /// <param name="progress">How far the page is.</param>
    /// <param name="before">Writes what stands before a row's columns.</param>
    public void Write(Utf8JsonWriter json, PipeWriter pipe, DbDataReader reader, PageProgress progress, Action<Utf8JsonWriter, DbDataReader>? before)
    {
        while (reader.Read() && progress.Take(reader))
        {
            json.WriteStartObject();
            before?.Invoke(json, reader);
            WriteColumns(json, reader);
            json.WriteEndObject();
            if (json.BytesPending > FlushBytes)
            {
                json.Flush();
                Flush(pipe);
            }
        }
    }

    /// <summary>Writes a row's columns into an object that is open.</summary>
    public void WriteColumns(Utf8JsonWriter json, DbDataReader reader)
    {
        for (var i = 0; i < _columns.Length; i++)
        {
            var (name, typeName, type, kind) = _columns[i];
            if (reader.IsDBNull(i))
            {
                if (!_omitsNulls)
                {
                    json.WriteNull(name);
                }

                continue;
            }

            if (typeName is { } annotation)
            {
                json.WriteString(annotation, type);
            }

            json.WritePropertyName(name);
            WriteValue(json, reader, i, kind, _format.NumbersAsText);
        }
    }

    /// <summary>A value that is not null.</summary>
    public static void WriteValue(Utf8JsonWriter json, DbDataReader reader, int column, RowKind kind, bool numbersAsText)
    {
        Span<byte> text = stackalloc byte[40];
        int length;
        switch (kind)
        {
            case RowKind.Int64 when !numbersAsText:
                json.WriteNumberValue(reader.GetInt64(column));
                break;
            case RowKind.Decimal when !numbersAsText:
                json.WriteNumberValue(reader.GetDecimal(column));
                break;
            case RowKind.Double:
                var number = reader.GetDouble(column);
                if (double.IsFinite(number))
                {
                    json.WriteNumberValue(number);
                }
                else
                {
                    json.WriteNullValue();
                }

                break;
            case RowKind.Boolean:
                json.WriteBooleanValue(reader.GetBoolean(column));
                break;
            case RowKind.Date:
                reader.GetFieldValue<DateOnly>(column).TryFormat(text, out length, DateFormat, CultureInfo.InvariantCulture);
                json.WriteStringValue(text[..length]);
                break;
            case RowKind.Timestamp:
                reader.GetDateTime(column).TryFormat(text, out length, TimestampFormat, CultureInfo.InvariantCulture);
                json.WriteStringValue(text[..length]);
                break;
            default:
                json.WriteStringValue(Text(reader, column, kind));
                break;
        }
    }

    /// <summary>A value that is not null, as OData writes it outside of JSON.</summary>
    public static string Text(DbDataReader reader, int column, RowKind kind) => kind switch
    {
        RowKind.Int64 => reader.GetInt64(column).ToString(CultureInfo.InvariantCulture),
        RowKind.Decimal => reader.GetDecimal(column).ToString(CultureInfo.InvariantCulture),
        RowKind.Double => reader.GetDouble(column).ToString("R", CultureInfo.InvariantCulture),
        RowKind.Boolean => reader.GetBoolean(column) ? "true" : "false",
        RowKind.Date => reader.GetFieldValue<DateOnly>(column).ToString(DateFormat, CultureInfo.InvariantCulture),
        RowKind.Timestamp => reader.GetDateTime(column).ToString(TimestampFormat, CultureInfo.InvariantCulture),
        RowKind.TimeOfDay => reader.GetFieldValue<TimeOnly>(column).ToString("HH:mm:ss.FFFFFF", CultureInfo.InvariantCulture),
        RowKind.Duration => XmlConvert.ToString(TimeSpan.FromMicroseconds(reader.GetInt64(column))),
        _ => reader.GetString(column),
    };

    /// <summary>A value as page tokens keep it.</summary>
    public static object? Value(DbDataReader reader, int column, RowKind kind) => reader.IsDBNull(column) ? null : kind switch
    {
        RowKind.Int64 or RowKind.Duration => reader.GetInt64(column),
        RowKind.Decimal => reader.GetDecimal(column),
        RowKind.Double => reader.GetDouble(column),
        RowKind.Boolean => reader.GetBoolean(column),
        RowKind.Date => reader.GetFieldValue<DateOnly>(column),
        RowKind.Timestamp => DateTime.SpecifyKind(reader.GetDateTime(column), DateTimeKind.Utc),
        RowKind.TimeOfDay => reader.GetFieldValue<TimeOnly>(column),
        _ => reader.GetString(column),
    };

    /// <summary>Hands on what was written; the pipe has no bound, so this never waits.</summary>
    public static void Flush(PipeWriter pipe)
    {
        var flushed = pipe.FlushAsync();
        if (!flushed.IsCompleted || flushed.GetAwaiter().GetResult().IsCompleted)
        {
            throw new OperationCanceledException("Nobody reads the answer any more.");
        }
    }

    public static JsonEncodedText Encode(string name) => JsonEncodedText.Encode(name, AnswerJson.WriterOptions.Encoder);
}

/// <summary>How far a page is that is written from the rows of one statement or of several.</summary>
/// <param name="limit">The most rows of the page.</param>
/// <param name="place">What the next page needs of a row to go on behind it.</param>
internal sealed class PageProgress(long limit, Func<DbDataReader, ImmutableArray<object?>> place)
{
    private ImmutableArray<object?> _last = [];

    public long Wrote { get; private set; }

    /// <summary>What the next page needs of the last row, if another follows; else null.</summary>
    public ImmutableArray<object?>? Next { get; private set; }

    /// <summary>Whether a row still goes into the page.</summary>
    public bool Take(DbDataReader row)
    {
        if (Wrote == limit)
        {
            Next = _last;
            return false;
        }

        if (++Wrote == limit)
        {
            _last = place(row);
        }

        return true;
    }
}
