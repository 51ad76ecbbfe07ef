using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Streaming.Batches;

/// <summary>A column of the lake's table that events bring.</summary>
/// <param name="Name">Its name, which is the JSON property's.</param>
/// <param name="DuckDbType">Its type in the lake.</param>
/// <param name="Type">As what it is read; null for a nested type, whose JSON is kept as text.</param>
internal sealed record EventColumn(string Name, string DuckDbType, ColumnType? Type)
{
    /// <summary>The name in UTF-8.</summary>
    public byte[] Utf8 { get; } = Encoding.UTF8.GetBytes(Name);

    /// <summary>The least and greatest whole number that the lake's type holds.</summary>
    public (long Min, long Max) Whole { get; } = DuckDbType switch
    {
        "TINYINT" => (sbyte.MinValue, sbyte.MaxValue),
        "SMALLINT" => (short.MinValue, short.MaxValue),
        "INTEGER" => (int.MinValue, int.MaxValue),
        "UTINYINT" => (0, byte.MaxValue),
        "USMALLINT" => (0, ushort.MaxValue),
        "UINTEGER" => (0, uint.MaxValue),
        "UBIGINT" or "UHUGEINT" => (0, long.MaxValue),
        _ => (long.MinValue, long.MaxValue),
    };

    /// <summary>The type in which it is held on its way.</summary>
    public string HeldType => Type?.DuckDbName ?? "VARCHAR";
}

/// <summary>Why a record is no event.</summary>
internal static class DeadReasons
{
    /// <summary>It is no JSON object.</summary>
    public const string InvalidJson = "invalid_json";

    /// <summary>A value is not of its column's type.</summary>
    public const string WrongType = "wrong_type";

    /// <summary>It, or a text in it, is longer than allowed.</summary>
    public const string TooLarge = "too_large";

    /// <summary>It has no event time.</summary>
    public const string NoTime = "no_time";

    /// <summary>Its event time lies further ahead of its arrival than clocks differ.</summary>
    public const string Future = "future";

    /// <summary>Its event time lies too far back to be believed.</summary>
    public const string Ancient = "ancient";

    /// <summary>Its window was closed; it is counted by the refresh, from the lake.</summary>
    public const string Late = "late";
}

/// <summary>Why a record is no event.</summary>
/// <param name="Reason">A code of <see cref="DeadReasons"/>.</param>
/// <param name="Message">What is wrong.</param>
internal sealed record EventProblem(string Reason, string Message);

/// <summary>Reads events from JSON objects: known properties by their columns' types, unknown ones passed over, missing ones null.</summary>
internal sealed class EventParser(ImmutableArray<EventColumn> columns, int maxBytes, int maxTextBytes)
{
    private const long TicksPerMicrosecond = 10;

    /// <summary>Why an event's time cannot be; null if it can.</summary>
    public static EventProblem? RefuseTime(string column, DateTime? time, DateTime arrived, BatchOptions options) =>
        time is not { } at ? new EventProblem(DeadReasons.NoTime, $"'{column}' is missing, which is the event's time.")
        : at - arrived > options.MaxFuture ? new EventProblem(DeadReasons.Future, $"'{column}' is {at:O}, more than {options.MaxFuture} ahead of its arrival.")
        : arrived - at > options.MaxAge ? new EventProblem(DeadReasons.Ancient, $"'{column}' is {at:O}, more than {options.MaxAge.TotalDays:0} days before its arrival.")
        : null;

    public ImmutableArray<EventColumn> Columns { get; } = columns;

    /// <summary>Reads a record.</summary>
    /// <param name="data">Its bytes.</param>
    /// <param name="row">Holds the event's values afterwards, as its only row.</param>
    /// <returns>Why it is none; null if it is an event.</returns>
    public EventProblem? Parse(ReadOnlySpan<byte> data, EventRows row)
    {
        if (data.Length > maxBytes)
        {
            return new EventProblem(DeadReasons.TooLarge, $"The record has {data.Length} bytes; {maxBytes} are allowed.");
        }

        try
        {
            var reader = new Utf8JsonReader(data, new JsonReaderOptions { MaxDepth = 64 });
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return new EventProblem(DeadReasons.InvalidJson, "The record is no JSON object.");
            }

            row.Clear();
            row.Begin();
            var next = 0;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var at = Find(ref reader, next);
                reader.Read();
                if (at < 0)
                {
                    reader.Skip();
                    continue;
                }

                next = at + 1 == Columns.Length ? 0 : at + 1;
                if (Read(ref reader, at, row) is { } wrong)
                {
                    return wrong;
                }
            }

            return reader.Read() ? new EventProblem(DeadReasons.InvalidJson, "Something follows the object.") : null;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // Invalid UTF-8 and half surrogate pairs are told by the reader as an invalid operation.
            return new EventProblem(DeadReasons.InvalidJson, exception.Message);
        }
    }

    /// <summary>Properties come in the same order again and again, so the next column is looked at first.</summary>
    private int Find(ref Utf8JsonReader reader, int next)
    {
        for (var i = 0; i < Columns.Length; i++)
        {
            var at = next + i;
            at = at >= Columns.Length ? at - Columns.Length : at;
            if (reader.ValueTextEquals(Columns[at].Utf8))
            {
                return at;
            }
        }

        return -1;
    }

    private EventProblem? Read(ref Utf8JsonReader reader, int at, EventRows row)
    {
        var column = Columns[at];
        if (reader.TokenType == JsonTokenType.Null)
        {
            row.SetNull(at);
            return null;
        }

        if (column.Type is not { } type)
        {
            using var document = JsonDocument.ParseValue(ref reader);
            row.Set(at, Encoding.UTF8.GetBytes(document.RootElement.GetRawText()));
            return null;
        }

        switch (type.Kind)
        {
            case ColumnKind.String when reader.TokenType == JsonTokenType.String:
                if (reader.ValueSpan.Length > maxTextBytes)
                {
                    return new EventProblem(DeadReasons.TooLarge, $"'{column.Name}' has {reader.ValueSpan.Length} bytes; {maxTextBytes} are allowed.");
                }

                row.SetText(at, ref reader);
                return null;
            case ColumnKind.Boolean when reader.TokenType is JsonTokenType.True or JsonTokenType.False:
                row.Set(at, reader.GetBoolean());
                return null;
            case ColumnKind.Int64 when reader.TokenType == JsonTokenType.Number:
                if (reader.TryGetInt64(out var whole) && whole >= column.Whole.Min && whole <= column.Whole.Max)
                {
                    row.Set(at, whole);
                    return null;
                }

                if (reader.TryGetDecimal(out var exact) && decimal.IsInteger(exact) && exact >= column.Whole.Min && exact <= column.Whole.Max)
                {
                    row.Set(at, (long)exact);
                    return null;
                }

                break;
            case ColumnKind.Double when reader.TokenType == JsonTokenType.Number:
                if (reader.TryGetDouble(out var number) && double.IsFinite(number) && (column.DuckDbType != "FLOAT" || float.IsFinite((float)number)))
                {
                    row.Set(at, number);
                    return null;
                }

                break;
            case ColumnKind.Decimal when reader.TokenType == JsonTokenType.Number:
                if (reader.TryGetDecimal(out var money) && decimal.Round(money, Math.Min((int)type.Scale, 28)) == money && Math.Abs(money) < Power(type.Precision - type.Scale))
                {
                    row.Set(at, decimal.Round(money, Math.Min((int)type.Scale, 28)));
                    return null;
                }

                break;
            case ColumnKind.Date when reader.TokenType == JsonTokenType.String:
                if (DateOnly.TryParseExact(reader.GetString(), "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date))
                {
                    row.Set(at, date);
                    return null;
                }

                break;
            case ColumnKind.Timestamp when reader.TokenType == JsonTokenType.String:
                if (Moment(ref reader) is { } moment)
                {
                    row.Set(at, moment);
                    return null;
                }

                break;
        }

        var shown = reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray ? "an object or array" : Shown(reader.ValueSpan);
        return new EventProblem(DeadReasons.WrongType, $"'{column.Name}' is {shown}; it must be {Wanted(column, type)}.");
    }

    /// <summary>An ISO 8601 moment in UTC to the microsecond; without an offset it is UTC.</summary>
    private static DateTime? Moment(ref Utf8JsonReader reader)
    {
        if (!reader.TryGetDateTimeOffset(out var moment))
        {
            return DateTimeOffset.TryParse(reader.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out moment) && reader.ValueSpan.Length >= 10 && reader.ValueSpan[4] == '-'
                ? Micro(moment.UtcDateTime)
                : null;
        }

        // Without an offset the reader takes the machine's own.
        var text = reader.ValueSpan;
        var hasOffset = text.Length > 10 && (text[^1] is (byte)'Z' or (byte)'z' || text[10..].IndexOfAny((byte)'+', (byte)'-') >= 0);
        return Micro(hasOffset ? moment.UtcDateTime : DateTime.SpecifyKind(moment.DateTime, DateTimeKind.Utc));
    }

    private static DateTime Micro(DateTime time) => new(time.Ticks - time.Ticks % TicksPerMicrosecond, DateTimeKind.Utc);

    private static decimal Power(int digits)
    {
        var power = 1m;
        for (var i = 0; i < Math.Min(digits, 28); i++)
        {
            power *= 10;
        }

        return power;
    }

    private static string Wanted(EventColumn column, ColumnType type) => type.Kind switch
    {
        ColumnKind.String => "text",
        ColumnKind.Boolean => "true or false",
        ColumnKind.Int64 => string.Create(CultureInfo.InvariantCulture, $"a whole number from {column.Whole.Min} to {column.Whole.Max}"),
        ColumnKind.Double => "a number",
        ColumnKind.Decimal => $"a number with at most {type.Precision - type.Scale} digits before and {type.Scale} behind the point",
        ColumnKind.Date => "a date such as 2026-01-31",
        _ => "a moment such as 2026-01-31T12:00:00Z",
    };

    private static string Shown(ReadOnlySpan<byte> value) => "'" + Encoding.UTF8.GetString(value[..Math.Min(40, value.Length)]) + (value.Length > 40 ? "…" : "") + "'";
}
