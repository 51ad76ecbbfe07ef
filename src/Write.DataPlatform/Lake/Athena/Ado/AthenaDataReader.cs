using System.Collections;
using System.Collections.ObjectModel;
using System.Data;
using System.Data.Common;
using System.Globalization;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Lake.Athena.Ado;

/// <summary>A result's rows in the CLR types of <see cref="ColumnKind"/>; values of other types (arrays, maps, rows, bytes, times) are Athena's text.</summary>
internal sealed class AthenaDataReader : DbDataReader, IDbColumnSchemaGenerator
{
    private readonly AthenaResult _result;
    private readonly DbConnection? _closes;
    private readonly CancellationTokenSource _cancelled = new();
    private readonly IAsyncEnumerator<string?[]> _rows;
    private string?[]? _next;
    private string?[]? _row;
    private bool _hasRows;
    private bool _isClosed;

    private AthenaDataReader(AthenaResult result, DbConnection? closes)
    {
        _result = result;
        _closes = closes;
        _rows = result.ReadAsync(_cancelled.Token).GetAsyncEnumerator();
    }

    public override int FieldCount => _result.Columns.Length;

    public override bool HasRows => _hasRows;

    public override int Depth => 0;

    public override bool IsClosed => _isClosed;

    public override int RecordsAffected => -1;

    public override object this[int ordinal] => GetValue(ordinal);

    public override object this[string name] => GetValue(GetOrdinal(name));

    /// <summary>Takes over the result.</summary>
    public static async Task<AthenaDataReader> OpenAsync(AthenaResult result, DbConnection? closes, CancellationToken cancellationToken)
    {
        var reader = new AthenaDataReader(result, closes);
        try
        {
            await reader.FetchAsync(cancellationToken);
            reader._hasRows = reader._next is not null;
            return reader;
        }
        catch
        {
            await reader.DisposeAsync();
            throw;
        }
    }

    public override bool Read() => ReadAsync(CancellationToken.None).GetAwaiter().GetResult();

    public override async Task<bool> ReadAsync(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_isClosed, this);
        cancellationToken.ThrowIfCancellationRequested();
        _row = _next;
        if (_row is not null)
        {
            await FetchAsync(cancellationToken);
        }

        return _row is not null;
    }

    public override bool NextResult() => false;

    public override string GetName(int ordinal) => Column(ordinal).Name;

    public override int GetOrdinal(string name)
    {
        foreach (var comparison in new[] { StringComparison.Ordinal, StringComparison.OrdinalIgnoreCase })
        {
            for (var i = 0; i < FieldCount; i++)
            {
                if (GetName(i).Equals(name, comparison))
                {
                    return i;
                }
            }
        }

        throw new IndexOutOfRangeException($"There is no column '{name}'.");
    }

    public override string GetDataTypeName(int ordinal) => Column(ordinal).TypeName;

    public override Type GetFieldType(int ordinal) => Column(ordinal).Type?.Kind switch
    {
        ColumnKind.Boolean => typeof(bool),
        ColumnKind.Int64 => typeof(long),
        ColumnKind.Double => typeof(double),
        ColumnKind.Decimal => typeof(decimal),
        ColumnKind.Date => typeof(DateOnly),
        ColumnKind.Timestamp => typeof(DateTime),
        _ => typeof(string),
    };

    public override bool IsDBNull(int ordinal) => Text(ordinal) is null;

    public override object GetValue(int ordinal)
    {
        try
        {
            return Text(ordinal) is { } text ? Column(ordinal).Parse(text) : DBNull.Value;
        }
        catch (LakeException exception)
        {
            throw new AthenaException(exception);
        }
    }

    public override int GetValues(object[] values)
    {
        var count = Math.Min(values.Length, FieldCount);
        for (var i = 0; i < count; i++)
        {
            values[i] = GetValue(i);
        }

        return count;
    }

    public override bool GetBoolean(int ordinal) => Get<bool>(ordinal);

    public override byte GetByte(int ordinal) => checked((byte)Get<long>(ordinal));

    public override short GetInt16(int ordinal) => checked((short)Get<long>(ordinal));

    public override int GetInt32(int ordinal) => checked((int)Get<long>(ordinal));

    public override long GetInt64(int ordinal) => Get<long>(ordinal);

    public override float GetFloat(int ordinal) => (float)Get<double>(ordinal);

    public override double GetDouble(int ordinal) => Get<double>(ordinal);

    public override decimal GetDecimal(int ordinal) => GetValue(ordinal) is long number ? number : Get<decimal>(ordinal);

    public override DateTime GetDateTime(int ordinal) => GetValue(ordinal) is DateOnly date ? date.ToDateTime(TimeOnly.MinValue, DateTimeKind.Utc) : Get<DateTime>(ordinal);

    public override Guid GetGuid(int ordinal) => Guid.Parse(Get<string>(ordinal));

    public override string GetString(int ordinal) => Get<string>(ordinal);

    public override char GetChar(int ordinal) => Get<string>(ordinal) is { Length: 1 } text ? text[0] : throw new InvalidCastException($"The value of '{GetName(ordinal)}' is not one character.");

    public override T GetFieldValue<T>(int ordinal) =>
        typeof(T) == typeof(DateOnly) ? (T)(object)Get<DateOnly>(ordinal)
        : typeof(T) == typeof(DateTimeOffset) ? (T)(object)new DateTimeOffset(GetDateTime(ordinal))
        : base.GetFieldValue<T>(ordinal);

    public override long GetBytes(int ordinal, long dataOffset, byte[]? buffer, int bufferOffset, int length) => throw new NotSupportedException("Bytes come as Athena's text; use to_base64 in the statement.");

    public override long GetChars(int ordinal, long dataOffset, char[]? buffer, int bufferOffset, int length)
    {
        var text = GetString(ordinal);
        if (buffer is null)
        {
            return text.Length;
        }

        var count = (int)Math.Clamp(text.Length - dataOffset, 0, length);
        text.CopyTo((int)Math.Min(dataOffset, text.Length), buffer, bufferOffset, count);
        return count;
    }

    public override IEnumerator GetEnumerator() => new DbEnumerator(this);

    public ReadOnlyCollection<DbColumn> GetColumnSchema() => Enumerable.Range(0, FieldCount).Select(DbColumn (i) => new AthenaDbColumn(Column(i), i, GetFieldType(i))).ToList().AsReadOnly();

    public override DataTable GetSchemaTable()
    {
        var table = new DataTable("SchemaTable") { Locale = CultureInfo.InvariantCulture };
        table.Columns.Add(SchemaTableColumn.ColumnName, typeof(string));
        table.Columns.Add(SchemaTableColumn.ColumnOrdinal, typeof(int));
        table.Columns.Add(SchemaTableColumn.DataType, typeof(Type));
        table.Columns.Add("DataTypeName", typeof(string));
        table.Columns.Add(SchemaTableColumn.NumericPrecision, typeof(int));
        table.Columns.Add(SchemaTableColumn.NumericScale, typeof(int));
        table.Columns.Add(SchemaTableColumn.AllowDBNull, typeof(bool));
        foreach (var column in GetColumnSchema())
        {
            table.Rows.Add(
                column.ColumnName, column.ColumnOrdinal, column.DataType, column.DataTypeName,
                column.NumericPrecision ?? (object)DBNull.Value, column.NumericScale ?? (object)DBNull.Value, column.AllowDBNull);
        }

        return table;
    }

    public override void Close() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    public override async ValueTask DisposeAsync()
    {
        if (!_isClosed)
        {
            _isClosed = true;
            await _rows.DisposeAsync();
            await _result.DisposeAsync();
            _cancelled.Dispose();
            _closes?.Close();
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Close();
        }
    }

    private async Task FetchAsync(CancellationToken cancellationToken)
    {
        await using var registration = cancellationToken.Register(_cancelled.Cancel);
        try
        {
            _next = await _rows.MoveNextAsync() ? _rows.Current : null;
        }
        catch (OperationCanceledException exception) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(exception.Message, exception, cancellationToken);
        }
        catch (LakeException exception)
        {
            throw new AthenaException(exception);
        }
    }

    private AthenaColumn Column(int ordinal) => _result.Columns[ordinal];

    private string? Text(int ordinal) => (_row ?? throw new InvalidOperationException("There is no row here; read one first."))[ordinal];

    private T Get<T>(int ordinal) => GetValue(ordinal) is var value && value is T typed
        ? typed
        : throw new InvalidCastException(value is DBNull ? $"The value of '{GetName(ordinal)}' is null." : $"The column '{GetName(ordinal)}' holds {value.GetType().Name}, not {typeof(T).Name}.");

    private sealed class AthenaDbColumn : DbColumn
    {
        public AthenaDbColumn(AthenaColumn column, int ordinal, Type type)
        {
            ColumnName = column.Name;
            ColumnOrdinal = ordinal;
            DataType = type;
            DataTypeName = column.TypeName;
            AllowDBNull = true;
            IsReadOnly = true;
            if (column.Type is { Kind: ColumnKind.Decimal } exact)
            {
                NumericPrecision = exact.Precision;
                NumericScale = exact.Scale;
            }
        }
    }
}
