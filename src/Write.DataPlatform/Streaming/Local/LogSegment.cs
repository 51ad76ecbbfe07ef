using System.Buffers.Binary;
using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace Write.DataPlatform.Streaming.Local;

/// <summary>What stands first in each file of a partition.</summary>
/// <param name="Base">The least number of its records; also its name.</param>
/// <param name="PreviousBase">The file before it; 0 for none.</param>
/// <param name="PreviousLength">Where the records of the file before it end: what lies behind was never accepted.</param>
/// <param name="PreviousLast">The number of the last record before it; 0 for none.</param>
/// <param name="CreatedAt">When it was begun, in milliseconds since 1970: no record before it is younger.</param>
internal sealed record LogSegment(ulong Base, ulong PreviousBase, long PreviousLength, ulong PreviousLast, long CreatedAt)
{
    /// <summary>The header's length.</summary>
    public const int HeaderLength = 56;

    private const ulong Magic = 0x3130_474F_4C50_4457; // "WDPLOG01"

    /// <summary>Its path.</summary>
    public string PathIn(string folder) => Path.Combine(folder, Base.ToString("D20", CultureInfo.InvariantCulture) + ".log");

    /// <summary>The header's bytes.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[HeaderLength];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, Magic);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), Base);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), PreviousBase);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(24), PreviousLength);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(32), PreviousLast);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(40), CreatedAt);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(48), LogFormat.Checksum(bytes.AsSpan(0, 48)));
        return bytes;
    }

    /// <summary>The files of a partition in their order. One without a whole header holds nothing that was accepted, and is left out.</summary>
    public static List<LogSegment> List(string folder)
    {
        if (!Directory.Exists(folder))
        {
            return [];
        }

        List<LogSegment> found = [];
        foreach (var path in Directory.GetFiles(folder, "*.log").Order(StringComparer.Ordinal))
        {
            if (Read(path) is { } segment)
            {
                found.Add(segment);
            }
        }

        return found;
    }

    /// <summary>Opens a file for reading while it is written and even removed.</summary>
    public static SafeFileHandle Open(string path) => File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);

    private static LogSegment? Read(string path)
    {
        try
        {
            using var file = Open(path);
            var bytes = new byte[HeaderLength];
            if (RandomAccess.Read(file, bytes, 0) < HeaderLength
                || BinaryPrimitives.ReadUInt64LittleEndian(bytes) != Magic
                || BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(48)) != LogFormat.Checksum(bytes.AsSpan(0, 48)))
            {
                return null;
            }

            var segment = new LogSegment(
                BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(8)),
                BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(16)),
                BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(24)),
                BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(32)),
                BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(40)));
            return Path.GetFileNameWithoutExtension(path) == segment.Base.ToString("D20", CultureInfo.InvariantCulture) ? segment : null;
        }
        catch (FileNotFoundException)
        {
            // Retention was faster.
            return null;
        }
    }
}

/// <summary>How far a partition's records are accepted: what readers may see.</summary>
/// <param name="Base">The file that is written.</param>
/// <param name="Length">Where its records end.</param>
/// <param name="Next">The next record's number, at least.</param>
/// <param name="ArrivedAt">When the last record arrived, in milliseconds since 1970.</param>
internal sealed record LogCommit(ulong Base, long Length, ulong Next, long ArrivedAt)
{
    /// <summary>Its length in the file.</summary>
    public const int ByteLength = 40;

    /// <summary>Its file.</summary>
    public static string PathIn(string folder) => Path.Combine(folder, "committed");

    /// <summary>Its bytes.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[ByteLength];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, Base);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), Length);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), Next);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(24), ArrivedAt);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(32), LogFormat.Checksum(bytes.AsSpan(0, 32)));
        return bytes;
    }

    /// <summary>What a file holds; null if it holds nothing whole, as in the instant that it is written.</summary>
    public static LogCommit? Read(SafeFileHandle file)
    {
        var bytes = new byte[ByteLength];
        return RandomAccess.Read(file, bytes, 0) == ByteLength && BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(32)) == LogFormat.Checksum(bytes.AsSpan(0, 32))
            ? new LogCommit(
                BinaryPrimitives.ReadUInt64LittleEndian(bytes),
                BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(8)),
                BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(16)),
                BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(24)))
            : null;
    }
}
