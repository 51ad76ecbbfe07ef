using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace Write.DataPlatform.Streaming.Local;

/// <summary>
/// The bytes of a log, little-endian. A record: length of what follows its checksum (4), checksum of length and body (8), then the body: number (8), arrival in
/// milliseconds since 1970 (8), length of the key (2), key in UTF-8, data.
/// </summary>
internal static class LogFormat
{
    /// <summary>What stands before a record's body.</summary>
    public const int PrefixLength = 12;

    /// <summary>The most bytes that a record takes.</summary>
    public const int MaxRecordLength = PrefixLength + FixedLength + IEventStream.MaxRecordBytes;

    private const int FixedLength = 18;

    /// <summary>The bytes of a record with a key of so many bytes.</summary>
    public static int LengthOf(int keyBytes, int dataBytes) => PrefixLength + FixedLength + keyBytes + dataBytes;

    /// <summary>Writes a record and says how long it is.</summary>
    public static int Write(Span<byte> target, ulong sequence, long arrivedAt, string key, ReadOnlySpan<byte> data)
    {
        var body = target[PrefixLength..];
        BinaryPrimitives.WriteUInt64LittleEndian(body, sequence);
        BinaryPrimitives.WriteInt64LittleEndian(body[8..], arrivedAt);
        var keyBytes = Encoding.UTF8.GetBytes(key, body[FixedLength..]);
        BinaryPrimitives.WriteUInt16LittleEndian(body[16..], (ushort)keyBytes);
        data.CopyTo(body[(FixedLength + keyBytes)..]);
        var length = FixedLength + keyBytes + data.Length;
        BinaryPrimitives.WriteInt32LittleEndian(target, length);
        BinaryPrimitives.WriteUInt64LittleEndian(target[4..], Checksum(target[..4], body[..length]));
        return PrefixLength + length;
    }

    /// <summary>Reads the record at the beginning.</summary>
    /// <param name="source">Bytes of the log.</param>
    /// <param name="least">The least number that it may have.</param>
    /// <param name="record">The record.</param>
    /// <returns>Its length; 0 if it is not whole, or is none.</returns>
    public static int Read(ReadOnlySpan<byte> source, ulong least, out LogRecord record)
    {
        record = default;
        if (source.Length < PrefixLength + FixedLength)
        {
            return 0;
        }

        var length = BinaryPrimitives.ReadInt32LittleEndian(source);
        if (length < FixedLength || length > MaxRecordLength - PrefixLength || length > source.Length - PrefixLength)
        {
            return 0;
        }

        var body = source.Slice(PrefixLength, length);
        var sequence = BinaryPrimitives.ReadUInt64LittleEndian(body);
        var keyBytes = BinaryPrimitives.ReadUInt16LittleEndian(body[16..]);
        if (sequence < least || FixedLength + keyBytes > length || BinaryPrimitives.ReadUInt64LittleEndian(source[4..]) != Checksum(source[..4], body))
        {
            return 0;
        }

        record = new LogRecord(sequence, BinaryPrimitives.ReadInt64LittleEndian(body[8..]), PrefixLength + FixedLength, keyBytes, length - FixedLength - keyBytes);
        return PrefixLength + length;
    }

    /// <summary>The checksum of some bytes in two parts.</summary>
    public static ulong Checksum(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second = default)
    {
        var hash = new XxHash3();
        hash.Append(first);
        hash.Append(second);
        return hash.GetCurrentHashAsUInt64();
    }
}

/// <summary>Where the parts of a record lie, from its first byte on.</summary>
internal readonly record struct LogRecord(ulong Sequence, long ArrivedAt, int KeyOffset, int KeyLength, int DataLength)
{
    public string Key(ReadOnlySpan<byte> source) => Encoding.UTF8.GetString(source.Slice(KeyOffset, KeyLength));

    public byte[] Data(ReadOnlySpan<byte> source) => source.Slice(KeyOffset + KeyLength, DataLength).ToArray();
}
