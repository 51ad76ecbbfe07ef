using System.Buffers;
using System.Data.Common;
using System.Text;
using Write.DataPlatform.Query.Rows;

namespace Write.DataPlatform.Insights.Blocks;

/// <summary>A column of a block.</summary>
internal abstract class BlockColumn
{
    /// <summary>About the memory that it takes.</summary>
    public abstract long Bytes { get; }

    public abstract bool IsNull(int row);

    /// <summary>A row's value: null, <see cref="string"/>, <see cref="bool"/>, <see cref="long"/>, <see cref="double"/>, <see cref="decimal"/>, <see cref="DateOnly"/> or <see cref="DateTime"/> in UTC.</summary>
    public abstract object? Value(int row);

    /// <summary>Compares a row's value with another of the same type as DuckDB orders them; null is less than anything.</summary>
    public abstract int Compare(int row, object? value);
}

/// <summary>Texts, each kept once, in the order of their UTF-8.</summary>
/// <param name="codes">Each row's text by its number; 0 is null.</param>
/// <param name="bytes">The texts one after the other in UTF-8.</param>
/// <param name="ends">Where each text ends; the first, of null, is empty.</param>
internal sealed class TextColumn(int[] codes, byte[] bytes, int[] ends) : BlockColumn
{
    public override long Bytes => (codes.Length + ends.Length) * (long)sizeof(int) + bytes.Length;

    public ReadOnlySpan<int> Codes => codes;

    /// <summary>How many numbers there are, that of null included.</summary>
    public int Texts => ends.Length;

    public override bool IsNull(int row) => codes[row] == 0;

    /// <summary>A number's text in UTF-8.</summary>
    public ReadOnlySpan<byte> Text(int code) => code == 0 ? default : bytes.AsSpan(ends[code - 1]..ends[code]);

    /// <summary>The number of a text in UTF-8; null if no row has it.</summary>
    public int? CodeOf(ReadOnlySpan<byte> text)
    {
        var (low, high) = (1, ends.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            switch (Text(middle).SequenceCompareTo(text))
            {
                case 0: return middle;
                case < 0: low = middle + 1; break;
                default: high = middle; break;
            }
        }

        return null;
    }

    public override object? Value(int row) => TextOf(codes[row]);

    /// <summary>A number's text.</summary>
    public string? TextOf(int code) => code == 0 ? null : Encoding.UTF8.GetString(Text(code));

    public override int Compare(int row, object? value) => (codes[row], value) switch
    {
        (0, null) => 0,
        (0, _) => -1,
        (_, null) => 1,
        var (code, text) => Text(code).SequenceCompareTo(Encoding.UTF8.GetBytes((string)text)),
    };
}

/// <summary>Whole numbers, truths (0 and 1), dates and instants (both as ticks).</summary>
/// <param name="kind">What the numbers are.</param>
/// <param name="values">Each row's number; 0 for null.</param>
/// <param name="nulls">Which rows are null; null if none is.</param>
internal sealed class WholeColumn(RowKind kind, long[] values, bool[]? nulls) : BlockColumn
{
    public override long Bytes => values.Length * (long)sizeof(long) + (nulls?.Length ?? 0);

    public RowKind Kind => kind;

    public bool HasNulls => nulls is not null;

    public ReadOnlySpan<long> Values => values;

    public override bool IsNull(int row) => nulls is not null && nulls[row];

    public override object? Value(int row) => IsNull(row) ? null : kind switch
    {
        RowKind.Boolean => values[row] != 0,
        RowKind.Date => DateOnly.FromDateTime(new DateTime(values[row])),
        RowKind.Timestamp => new DateTime(values[row], DateTimeKind.Utc),
        _ => values[row],
    };

    public override int Compare(int row, object? value) => (IsNull(row), NumberOf(value)) switch
    {
        (true, null) => 0,
        (true, _) => -1,
        (_, null) => 1,
        (_, { } other) => values[row].CompareTo(other),
    };

    /// <summary>The number that stands for a value; null for null and for what has none. Instants have whole microseconds, as in DuckDB.</summary>
    public static long? NumberOf(object? value) => value switch
    {
        long number => number,
        bool truth => truth ? 1 : 0,
        DateOnly date => date.ToDateTime(default).Ticks,
        DateTime time => Micro(time),
        _ => null,
    };

    public static long Micro(DateTime time) => time.Ticks / TimeSpan.TicksPerMicrosecond * TimeSpan.TicksPerMicrosecond;
}

/// <summary>Numbers that nothing is searched by.</summary>
internal sealed class NumberColumn<T>(T[] values, bool[]? nulls) : BlockColumn
    where T : struct, IComparable<T>
{
    public override long Bytes => values.Length * (long)System.Runtime.CompilerServices.Unsafe.SizeOf<T>() + (nulls?.Length ?? 0);

    public ReadOnlySpan<T> Values => values;

    public override bool IsNull(int row) => nulls is not null && nulls[row];

    public override object? Value(int row) => IsNull(row) ? null : values[row];

    public override int Compare(int row, object? value) => (IsNull(row), value) switch
    {
        (true, null) => 0,
        (true, _) => -1,
        (_, null) => 1,
        (_, T other) => values[row].CompareTo(other),
        _ => throw new ArgumentException("It is of another type.", nameof(value)),
    };
}

/// <summary>Takes a column's values one after the other.</summary>
internal abstract class BlockColumnBuilder
{
    /// <summary>Whether columns of a kind can be in a block.</summary>
    public static bool Takes(RowKind kind) => kind is RowKind.String or RowKind.Boolean or RowKind.Int64 or RowKind.Double or RowKind.Decimal or RowKind.Date or RowKind.Timestamp;

    public static BlockColumnBuilder Of(RowType type) => type.Kind switch
    {
        RowKind.String => new Texts(),
        RowKind.Boolean => new Numbers<long>(static (r, i) => r.GetBoolean(i) ? 1 : 0, static (v, n) => new WholeColumn(RowKind.Boolean, v, n)),
        RowKind.Int64 => new Numbers<long>(static (r, i) => r.GetInt64(i), static (v, n) => new WholeColumn(RowKind.Int64, v, n)),
        RowKind.Date => new Numbers<long>(static (r, i) => r.GetFieldValue<DateOnly>(i).DayNumber * TimeSpan.TicksPerDay, static (v, n) => new WholeColumn(RowKind.Date, v, n)),
        RowKind.Timestamp => new Numbers<long>(static (r, i) => r.GetDateTime(i).Ticks, static (v, n) => new WholeColumn(RowKind.Timestamp, v, n)),
        RowKind.Double => new Numbers<double>(static (r, i) => r.GetDouble(i), static (v, n) => new NumberColumn<double>(v, n)),
        RowKind.Decimal => new Numbers<decimal>(static (r, i) => r.GetDecimal(i), static (v, n) => new NumberColumn<decimal>(v, n)),
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    public abstract void Add(DbDataReader reader, int column);

    public abstract BlockColumn Build();

    private sealed class Texts : BlockColumnBuilder
    {
        private readonly Dictionary<string, int> _codes = new(StringComparer.Ordinal);
        private readonly List<int> _rows = [];
        private readonly List<int> _ends = [0];
        private readonly ArrayBufferWriter<byte> _bytes = new();

        public override void Add(DbDataReader reader, int column)
        {
            if (reader.IsDBNull(column))
            {
                _rows.Add(0);
                return;
            }

            var text = reader.GetString(column);
            if (!_codes.TryGetValue(text, out var code))
            {
                _codes.Add(text, code = _ends.Count);
                Encoding.UTF8.GetBytes(text, _bytes);
                _ends.Add(_bytes.WrittenCount);
            }

            _rows.Add(code);
        }

        public override BlockColumn Build()
        {
            var order = Enumerable.Range(1, _codes.Count).ToArray();
            Array.Sort(order, (a, b) => Text(a).SequenceCompareTo(Text(b)));
            var (bytes, ends, places) = (new byte[_bytes.WrittenCount], new int[_ends.Count], new int[_ends.Count]);
            for (var i = 0; i < order.Length; i++)
            {
                var text = Text(order[i]);
                text.CopyTo(bytes.AsSpan(ends[i]));
                (ends[i + 1], places[order[i]]) = (ends[i] + text.Length, i + 1);
            }

            return new TextColumn([.. _rows.Select(code => places[code])], bytes, ends);
        }

        private ReadOnlySpan<byte> Text(int code) => _bytes.WrittenSpan[_ends[code - 1].._ends[code]];
    }

    private sealed class Numbers<T>(Func<DbDataReader, int, T> read, Func<T[], bool[]?, BlockColumn> build) : BlockColumnBuilder
        where T : struct
    {
        private readonly List<T> _values = [];
        private readonly List<bool> _nulls = [];

        public override void Add(DbDataReader reader, int column)
        {
            var isNull = reader.IsDBNull(column);
            _nulls.Add(isNull);
            _values.Add(isNull ? default : read(reader, column));
        }

        public override BlockColumn Build() => build([.. _values], _nulls.Contains(true) ? [.. _nulls] : null);
    }
}
