using System.Collections.Immutable;
using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Streaming.Batches;

/// <summary>Events' values, row after row in the order of the columns: small ones in place, texts as UTF-8 one behind the other in one array. So an event is no object on the heap.</summary>
internal sealed class EventRows(ImmutableArray<EventColumn> columns)
{
    private const int DecimalBytes = 16;
    private const int FirstRows = 16;
    private const int FirstBytes = 1024;

    private static readonly int EpochDay = DateOnly.FromDateTime(DateTime.UnixEpoch).DayNumber;

    private EventValue[] _values = [];
    private long[] _numbers = [];
    private byte[] _bytes = [];
    private int _used;

    /// <summary>What a row takes in memory beside its texts.</summary>
    public static int BytesOf(ImmutableArray<EventColumn> columns) => sizeof(long) + columns.Length * Unsafe.SizeOf<EventValue>();

    /// <summary>How many rows there are.</summary>
    public int Count { get; private set; }

    /// <summary>Forgets all rows and keeps their memory for others.</summary>
    public void Clear() => (Count, _used) = (0, 0);

    /// <summary>Adds a row of nulls, which the setters fill.</summary>
    public void Begin(long number = 0)
    {
        if (Count == _numbers.Length)
        {
            var rows = Math.Max(FirstRows, 2 * Count);
            Array.Resize(ref _numbers, rows);
            Array.Resize(ref _values, rows * columns.Length);
        }

        _numbers[Count] = number;
        _values.AsSpan(Count * columns.Length, columns.Length).Fill(EventValue.Null);
        Count++;
    }

    /// <summary>Adds a copy of another's last row.</summary>
    public void Add(long number, EventRows other)
    {
        Begin(number);
        var from = other._values.AsSpan((other.Count - 1) * columns.Length, columns.Length);
        var to = _values.AsSpan((Count - 1) * columns.Length, columns.Length);
        for (var i = 0; i < from.Length; i++)
        {
            to[i] = from[i].Length >= 0 ? Keep(other.BytesOf(from[i])) : from[i];
        }
    }

    public void SetNull(int column) => Last(column) = EventValue.Null;

    public void Set(int column, long value) => Last(column) = EventValue.Of(value);

    public void Set(int column, bool value) => Last(column) = EventValue.Of(value ? 1 : 0);

    public void Set(int column, double value) => Last(column) = EventValue.Of(BitConverter.DoubleToInt64Bits(value));

    public void Set(int column, DateOnly value) => Last(column) = EventValue.Of(value.DayNumber);

    public void Set(int column, DateTime value) => Last(column) = EventValue.Of(value.Ticks);

    /// <summary>Sets a decimal that has no more digits than its column.</summary>
    public void Set(int column, decimal value)
    {
        // As DuckDB holds it: a whole number of the column's last digits.
        Span<int> bits = stackalloc int[4];
        decimal.GetBits(value, bits);
        var whole = new Int128((uint)bits[2], ((ulong)(uint)bits[1] << 32) | (uint)bits[0]);
        for (var scale = value.Scale; scale < columns[column].Type!.Value.Scale; scale++)
        {
            whole *= 10;
        }

        Span<byte> bytes = stackalloc byte[DecimalBytes];
        MemoryMarshal.Write(bytes, decimal.IsNegative(value) ? -whole : whole);
        Last(column) = Keep(bytes);
    }

    /// <summary>Sets a text that is UTF-8.</summary>
    public void Set(int column, ReadOnlySpan<byte> utf8) => Last(column) = Keep(utf8);

    /// <summary>Sets a JSON string's text.</summary>
    /// <exception cref="InvalidOperationException">It is no UTF-8, or has half a surrogate pair.</exception>
    public void SetText(int column, ref Utf8JsonReader reader)
    {
        var most = reader.HasValueSequence ? checked((int)reader.ValueSequence.Length) : reader.ValueSpan.Length;
        Reserve(most);
        var written = reader.CopyString(_bytes.AsSpan(_used));
        Last(column) = new EventValue(_used, written);
        _used += written;
    }

    /// <summary>The last row's moment (UTC); null for null.</summary>
    public DateTime? MomentOf(int column) => Last(column) is { IsThere: true } value ? new DateTime(value.Bits, DateTimeKind.Utc) : null;

    /// <summary>What tells the last row by a column from others; null for null.</summary>
    public UInt128? IdOf(int column) => Last(column) is not { IsThere: true } value ? null
        : value.Length < 0 ? new UInt128(0, (ulong)value.Bits)
        : XxHash128.HashToUInt128(BytesOf(value));

    /// <summary>Appends all rows: their numbers are the first column, and the others follow.</summary>
    /// <exception cref="IOException">DuckDB refused.</exception>
    public void AppendTo(ColumnAppender appender)
    {
        for (var from = 0; from < Count; from += ColumnAppender.Rows)
        {
            var rows = Math.Min(ColumnAppender.Rows, Count - from);
            _numbers.AsSpan(from, rows).CopyTo(appender.Column<long>(0));
            for (var column = 0; column < columns.Length; column++)
            {
                Fill(appender, column, from, rows);
            }

            appender.Flush(rows);
        }
    }

    private void Fill(ColumnAppender appender, int column, int from, int rows)
    {
        var target = column + 1;
        var type = columns[column].Type;
        switch (type?.Kind)
        {
            case ColumnKind.Boolean:
                Set(appender.Column<byte>(target), static (v, _) => (byte)v.Bits);
                break;
            case ColumnKind.Int64:
                Set(appender.Column<long>(target), static (v, _) => v.Bits);
                break;
            case ColumnKind.Double:
                Set(appender.Column<long>(target), static (v, _) => v.Bits);
                break;
            case ColumnKind.Date:
                Set(appender.Column<int>(target), static (v, _) => (int)v.Bits - EpochDay);
                break;
            case ColumnKind.Timestamp:
                Set(appender.Column<long>(target), static (v, _) => (v.Bits - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond);
                break;
            case ColumnKind.Decimal when type.Value.Precision <= 4:
                Set(appender.Column<short>(target), static (v, rows) => (short)rows.Whole(v));
                break;
            case ColumnKind.Decimal when type.Value.Precision <= 9:
                Set(appender.Column<int>(target), static (v, rows) => (int)rows.Whole(v));
                break;
            case ColumnKind.Decimal when type.Value.Precision <= 18:
                Set(appender.Column<long>(target), static (v, rows) => (long)rows.Whole(v));
                break;
            case ColumnKind.Decimal:
                Set(appender.Column<Int128>(target), static (v, rows) => rows.Whole(v));
                break;
            default:
                for (var row = 0; row < rows; row++)
                {
                    if (At(from + row, column) is { IsThere: true } value)
                    {
                        appender.SetText(target, row, BytesOf(value));
                    }
                    else
                    {
                        appender.SetNull(target, row);
                    }
                }

                break;
        }

        void Set<T>(Span<T> values, Func<EventValue, EventRows, T> of) where T : unmanaged
        {
            for (var row = 0; row < rows; row++)
            {
                if (At(from + row, column) is { IsThere: true } value)
                {
                    values[row] = of(value, this);
                }
                else
                {
                    appender.SetNull(target, row);
                }
            }
        }
    }

    private EventValue At(int row, int column) => _values[row * columns.Length + column];

    private ref EventValue Last(int column) => ref _values[(Count - 1) * columns.Length + column];

    private ReadOnlySpan<byte> BytesOf(EventValue value) => _bytes.AsSpan((int)value.Bits, value.Length);

    /// <summary>A decimal as a whole number of its column's last digits, in which DuckDB holds it.</summary>
    private Int128 Whole(EventValue value) => MemoryMarshal.Read<Int128>(BytesOf(value));

    private EventValue Keep(ReadOnlySpan<byte> bytes)
    {
        Reserve(bytes.Length);
        bytes.CopyTo(_bytes.AsSpan(_used));
        var kept = new EventValue(_used, bytes.Length);
        _used += bytes.Length;
        return kept;
    }

    private void Reserve(int bytes)
    {
        if (_bytes.Length - _used < bytes)
        {
            Array.Resize(ref _bytes, Math.Max(Math.Max(FirstBytes, 2 * _bytes.Length), checked(_used + bytes)));
        }
    }

    /// <summary>A value: its bits, or where its bytes are.</summary>
    private readonly record struct EventValue(long Bits, int Length)
    {
        private const int InPlace = -1;
        private const int Nothing = -2;

        public static EventValue Null => new(0, Nothing);

        public bool IsThere => Length != Nothing;

        public static EventValue Of(long bits) => new(bits, InPlace);
    }
}
