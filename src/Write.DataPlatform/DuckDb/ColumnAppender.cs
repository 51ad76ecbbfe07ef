using System.Runtime.InteropServices;
using DuckDB.NET.Native;

namespace Write.DataPlatform.DuckDb;

/// <summary>
/// Appends rows to a table a column at a time, straight into DuckDB's own vectors: for many rows a second, where a call for each value is most of the work.
/// <see cref="DuckDB.NET.Data.DuckDBAppender"/> is simpler for few.
/// </summary>
internal sealed unsafe class ColumnAppender : IDisposable
{
    /// <summary>The most rows of one <see cref="Flush"/>.</summary>
    public const int Rows = 2048;

    private const int InlineBytes = 12;

    private readonly DuckDBAppender _appender;
    private readonly DuckDBDataChunk _chunk;
    private readonly nint[] _vectors;
    private bool _isClosed;

    /// <exception cref="IOException">DuckDB refused.</exception>
    public ColumnAppender(DuckDbSession session, string database, string schema, string table)
    {
        Check(NativeMethods.Appender.DuckDBAppenderCreateExt(session.Connection.NativeConnection, database, schema, table, out _appender));
        var types = new DuckDBLogicalType[NativeMethods.Appender.DuckDBAppenderColumnCount(_appender)];
        for (var i = 0; i < types.Length; i++)
        {
            types[i] = NativeMethods.Appender.DuckDBAppenderColumnType(_appender, (ulong)i);
        }

        try
        {
            _chunk = NativeMethods.DataChunks.DuckDBCreateDataChunk([.. types.Select(t => t.DangerousGetHandle())], (ulong)types.Length);
        }
        finally
        {
            Array.ForEach(types, t => t.Dispose());
        }

        _vectors = [.. Enumerable.Range(0, types.Length).Select(i => NativeMethods.DataChunks.DuckDBDataChunkGetVector(_chunk, i))];
    }

    /// <summary>A column's values, of which the first rows are to be set: <typeparamref name="T"/> is as DuckDB holds the column's type.</summary>
    public Span<T> Column<T>(int column) where T : unmanaged => new(NativeMethods.Vectors.DuckDBVectorGetData(_vectors[column]), Rows);

    /// <summary>Sets a value to null.</summary>
    public void SetNull(int column, int row)
    {
        NativeMethods.Vectors.DuckDBVectorEnsureValidityWritable(_vectors[column]);
        NativeMethods.Vectors.DuckDBVectorGetValidity(_vectors[column])[row >> 6] &= ~(1UL << (row & 63));
    }

    /// <summary>Sets a text that is UTF-8.</summary>
    public void SetText(int column, int row, ReadOnlySpan<byte> utf8)
    {
        if (utf8.Length > InlineBytes)
        {
            fixed (byte* bytes = utf8)
            {
                NativeMethods.Vectors.DuckDBVectorAssignStringElementLength(_vectors[column], (ulong)row, bytes, utf8.Length);
            }

            return;
        }

        // A short text lies in the vector itself: its length, its bytes, and zeros behind.
        var place = new Span<byte>((byte*)NativeMethods.Vectors.DuckDBVectorGetData(_vectors[column]) + 16 * row, 16);
        place.Clear();
        MemoryMarshal.Write(place, utf8.Length);
        utf8.CopyTo(place[4..]);
    }

    /// <summary>Appends the first rows and begins anew.</summary>
    /// <exception cref="IOException">DuckDB refused.</exception>
    public void Flush(int rows)
    {
        NativeMethods.DataChunks.DuckDBDataChunkSetSize(_chunk, (ulong)rows);
        Check(NativeMethods.Appender.DuckDBAppendDataChunk(_appender, _chunk));
        NativeMethods.DataChunks.DuckDBDataChunkReset(_chunk);
    }

    /// <summary>Ends it: what was appended is in the table.</summary>
    /// <exception cref="IOException">DuckDB refused.</exception>
    public void Close()
    {
        _isClosed = true;
        Check(NativeMethods.Appender.DuckDBAppenderClose(_appender));
    }

    public void Dispose()
    {
        if (!_isClosed)
        {
            NativeMethods.Appender.DuckDBAppenderClear(_appender);
        }

        _chunk.Dispose();
        _appender.Dispose();
    }

    private void Check(DuckDBState state)
    {
        if (state != DuckDBState.Success)
        {
            using var error = NativeMethods.Appender.DuckDBAppenderErrorData(_appender);
            throw new IOException($"DuckDB did not take rows: {NativeMethods.ErrorData.DuckDBErrorDataMessage(error)}");
        }
    }
}
