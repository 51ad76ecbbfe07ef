using System.Buffers.Text;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Insights.Blocks;
using Write.DataPlatform.Query.Rows;

namespace Write.DataPlatform.Api.OData;

/// <summary>Writes rows of blocks as OData's JSON, the same as <see cref="RowWriter"/> writes them as DuckDB gives them.</summary>
internal sealed class BlockWriter(GoldRowSet set, ImmutableArray<RowColumn> columns, bool omitsNulls)
{
    private readonly JsonEncodedText[] _names = [.. columns.Select(c => RowWriter.Encode(c.Name))];
    private Cell[] _cells = [];

    /// <summary>Goes on with the rows of a block.</summary>
    public void Begin(RowBlock block, TimedPartition partition) => _cells = [.. columns.Select((c, i) => CellOf(_names[i], c, block, partition))];

    /// <summary>Writes a row of the block.</summary>
    public void Write(Utf8JsonWriter json, int row)
    {
        json.WriteStartObject();
        foreach (var cell in _cells)
        {
            cell.Write(json, row);
        }

        json.WriteEndObject();
    }

    private Cell CellOf(JsonEncodedText name, RowColumn column, RowBlock block, TimedPartition partition) =>
        column.Name == set.View.Key ? new KeyCell(name, set, block)
        : column.Name == set.View.LoadedAt ? new LoadedAtCell(name, partition.Partition.RefreshedAt.UtcDateTime)
        : block[column.Name] switch
        {
            TextColumn texts => new TextCell(name, texts, omitsNulls),
            WholeColumn { Kind: RowKind.Date or RowKind.Timestamp } times => new TimeCell(name, times, omitsNulls),
            WholeColumn numbers => new WholeCell(name, numbers, omitsNulls),
            NumberColumn<double> numbers => new DoubleCell(name, numbers, omitsNulls),
            NumberColumn<decimal> numbers => new DecimalCell(name, numbers, omitsNulls),
            _ => throw new ArgumentOutOfRangeException(nameof(column)),
        };

    /// <summary>A time as text in UTF-8, as often as rows have the same one after the other.</summary>
    private sealed class TimeText(RowKind kind)
    {
        private readonly byte[] _text = new byte[32];
        private long _ticks = -1;
        private int _length;

        public ReadOnlySpan<byte> Of(long ticks)
        {
            if (ticks != _ticks)
            {
                _ticks = ticks;
                new DateTime(ticks).TryFormat(_text, out _length, kind == RowKind.Date ? RowWriter.DateFormat : RowWriter.TimestampFormat, CultureInfo.InvariantCulture);
            }

            return _text.AsSpan(0, _length);
        }
    }

    private abstract class Cell(JsonEncodedText name, BlockColumn? column, bool omitsNulls)
    {
        protected JsonEncodedText Name => name;

        public void Write(Utf8JsonWriter json, int row)
        {
            if (column is null || !column.IsNull(row))
            {
                WriteValue(json, row);
            }
            else if (!omitsNulls)
            {
                json.WriteNull(name);
            }
        }

        protected abstract void WriteValue(Utf8JsonWriter json, int row);
    }

    private sealed class TextCell(JsonEncodedText name, TextColumn column, bool omitsNulls) : Cell(name, column, omitsNulls)
    {
        protected override void WriteValue(Utf8JsonWriter json, int row) => json.WriteString(Name, column.Text(column.Codes[row]));
    }

    private sealed class TimeCell(JsonEncodedText name, WholeColumn column, bool omitsNulls) : Cell(name, column, omitsNulls)
    {
        private readonly TimeText _text = new(column.Kind);

        protected override void WriteValue(Utf8JsonWriter json, int row) => json.WriteString(Name, _text.Of(column.Values[row]));
    }

    private sealed class WholeCell(JsonEncodedText name, WholeColumn column, bool omitsNulls) : Cell(name, column, omitsNulls)
    {
        protected override void WriteValue(Utf8JsonWriter json, int row)
        {
            if (column.Kind == RowKind.Boolean)
            {
                json.WriteBoolean(Name, column.Values[row] != 0);
            }
            else
            {
                json.WriteNumber(Name, column.Values[row]);
            }
        }
    }

    private sealed class DoubleCell(JsonEncodedText name, NumberColumn<double> column, bool omitsNulls) : Cell(name, column, omitsNulls)
    {
        protected override void WriteValue(Utf8JsonWriter json, int row)
        {
            if (double.IsFinite(column.Values[row]))
            {
                json.WriteNumber(Name, column.Values[row]);
            }
            else
            {
                json.WriteNull(Name);
            }
        }
    }

    private sealed class DecimalCell(JsonEncodedText name, NumberColumn<decimal> column, bool omitsNulls) : Cell(name, column, omitsNulls)
    {
        protected override void WriteValue(Utf8JsonWriter json, int row) => json.WriteNumber(Name, column.Values[row]);
    }

    private sealed class LoadedAtCell : Cell
    {
        private readonly JsonEncodedText _text;

        public LoadedAtCell(JsonEncodedText name, DateTime loadedAt)
            : base(name, null, false) => _text = RowWriter.Encode(loadedAt.ToString(RowWriter.TimestampFormat, CultureInfo.InvariantCulture));

        protected override void WriteValue(Utf8JsonWriter json, int row) => json.WriteString(Name, _text);
    }

    /// <summary>The row's name, put together as <see cref="GoldView"/> does it in SQL.</summary>
    private sealed class KeyCell(JsonEncodedText name, GoldRowSet set, RowBlock block) : Cell(name, null, false)
    {
        private readonly WholeColumn _time = (WholeColumn)block[set.Key[0].Name];
        private readonly BlockColumn[] _dimensions = [.. set.Key.Skip(1).Select(k => block[k.Name])];
        private readonly string _format = set.View.HasDates ? RowWriter.DateFormat : "yyyy-MM-dd'T'HH:mm:ss";
        private byte[] _text = new byte[256];
        private long _ticks = -1;
        private int _timeLength;

        protected override void WriteValue(Utf8JsonWriter json, int row)
        {
            if (_time.Values[row] != _ticks)
            {
                _ticks = _time.Values[row];
                new DateTime(_ticks).TryFormat(_text, out _timeLength, _format, CultureInfo.InvariantCulture);
            }

            var length = _timeLength;
            foreach (var dimension in _dimensions)
            {
                length = Add(dimension, row, length);
            }

            json.WriteString(Name, _text.AsSpan(0, length));
        }

        private int Add(BlockColumn dimension, int row, int at)
        {
            if (dimension.IsNull(row))
            {
                return Add("~-"u8, at);
            }

            at = Add("~."u8, at);
            if (dimension is TextColumn texts)
            {
                var text = texts.Text(texts.Codes[row]);
                return text.IndexOfAny((byte)'!', (byte)'~') < 0 ? Add(text, at) : Add(Encoding.UTF8.GetBytes(GoldView.Escape(Encoding.UTF8.GetString(text))), at);
            }

            var numbers = (WholeColumn)dimension;
            Span<byte> number = stackalloc byte[24];
            var length = 0;
            switch (numbers.Kind)
            {
                case RowKind.Boolean:
                    return Add(numbers.Values[row] != 0 ? "true"u8 : "false"u8, at);
                case RowKind.Date:
                    new DateTime(numbers.Values[row]).TryFormat(number, out length, RowWriter.DateFormat, CultureInfo.InvariantCulture);
                    break;
                default:
                    Utf8Formatter.TryFormat(numbers.Values[row], number, out length);
                    break;
            }

            return Add(number[..length], at);
        }

        private int Add(ReadOnlySpan<byte> part, int at)
        {
            if (at + part.Length > _text.Length)
            {
                Array.Resize(ref _text, 2 * (at + part.Length));
            }

            part.CopyTo(_text.AsSpan(at));
            return at + part.Length;
        }
    }
}
