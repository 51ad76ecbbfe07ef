using Microsoft.Win32.SafeHandles;

namespace Write.DataPlatform.Streaming.Local;

/// <summary>Reads a file's records one after the other, and finds the next whole one behind damage.</summary>
/// <param name="file">The file.</param>
/// <param name="offset">Where the first record begins.</param>
internal sealed class LogScanner(SafeFileHandle file, long offset)
{
    private const int BufferLength = 2 * LogFormat.MaxRecordLength;

    private byte[] _buffer = [];
    private long _start;
    private int _length;

    /// <summary>Where the next record begins.</summary>
    public long Offset { get; private set; } = offset;

    /// <summary>Reads the next record.</summary>
    /// <param name="limit">Where the records end; not behind the file's end.</param>
    /// <param name="least">The least number it may have.</param>
    /// <param name="record">The record.</param>
    /// <param name="bytes">Its bytes, until the next call.</param>
    /// <returns>False if no whole record is there.</returns>
    public bool TryRead(long limit, ulong least, out LogRecord record, out ReadOnlySpan<byte> bytes)
    {
        var window = Window(limit);
        var length = LogFormat.Read(window, least, out record);
        bytes = window[..length];
        Offset += length;
        return length > 0;
    }

    /// <summary>Moves from a place where no whole record is to the next one, or to the limit.</summary>
    /// <returns>Whether there is one.</returns>
    public bool TrySkipDamage(long limit, ulong least)
    {
        while (++Offset < limit)
        {
            if (LogFormat.Read(Window(limit), least, out _) > 0)
            {
                return true;
            }
        }

        Offset = limit;
        return false;
    }

    /// <summary>Bytes from the offset on: a whole record, if one is there.</summary>
    private ReadOnlySpan<byte> Window(long limit)
    {
        var left = limit - Offset;
        if (left <= 0)
        {
            return [];
        }

        if (Offset < _start || Offset + Math.Min(left, LogFormat.MaxRecordLength) > _start + _length)
        {
            var wanted = (int)Math.Min(left, BufferLength);
            if (_buffer.Length < wanted)
            {
                _buffer = new byte[wanted];
            }

            (_start, _length) = (Offset, 0);
            while (_length < wanted && RandomAccess.Read(file, _buffer.AsSpan(_length, wanted - _length), _start + _length) is var read and > 0)
            {
                _length += read;
            }
        }

        return _buffer.AsSpan((int)(Offset - _start), (int)Math.Min(_start + _length - Offset, left));
    }
}
