using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Google.Protobuf;

namespace Write.DataPlatform.Streaming.Kinesis;

/// <summary>
/// Records that a producer packed into one, in the format of the Kinesis Producer Library: four magic bytes, a protobuf message, its MD5.
/// </summary>
internal static class KplAggregate
{
    private const int DigestLength = 16;

    private static ReadOnlySpan<byte> Magic => [0xF3, 0x89, 0x9A, 0xC2];

    /// <summary>Unpacks a record. What only looks like a packed one is a plain record: false.</summary>
    /// <param name="data">The record's data.</param>
    /// <param name="records">Partition keys and data, in their order.</param>
    public static bool TryRead(ReadOnlyMemory<byte> data, [NotNullWhen(true)] out IReadOnlyList<(string PartitionKey, ReadOnlyMemory<byte> Data)>? records)
    {
        records = null;
        if (data.Length <= Magic.Length + DigestLength || !data.Span.StartsWith(Magic))
        {
            return false;
        }

        var message = data[Magic.Length..^DigestLength];
        if (!MD5.HashData(message.Span).AsSpan().SequenceEqual(data.Span[^DigestLength..]))
        {
            return false;
        }

        try
        {
            return TryReadMessage(message.ToArray(), out records);
        }
        catch (InvalidProtocolBufferException)
        {
            return false;
        }
    }

    // message AggregatedRecord { repeated string partition_key_table = 1; repeated string explicit_hash_key_table = 2; repeated Record records = 3; }
    private static bool TryReadMessage(byte[] message, [NotNullWhen(true)] out IReadOnlyList<(string PartitionKey, ReadOnlyMemory<byte> Data)>? records)
    {
        records = null;
        List<string> keys = [];
        List<(ulong? Key, ByteString? Data)> found = [];
        using var input = new CodedInputStream(message);
        while (input.ReadTag() is var tag and not 0)
        {
            switch (tag)
            {
                case 1 << 3 | 2:
                    keys.Add(input.ReadString());
                    break;
                case 3 << 3 | 2:
                    found.Add(ReadRecord(input.ReadBytes()));
                    break;
                default:
                    input.SkipLastField();
                    break;
            }
        }

        // Without any record it would vanish, so then it is taken as it is.
        if (found.Count == 0 || found.Any(record => record.Data is null || record.Key is not { } key || key >= (ulong)keys.Count))
        {
            return false;
        }

        records = found.ConvertAll(record => (keys[(int)record.Key!.Value], record.Data!.Memory));
        return true;
    }

    // message Record { required uint64 partition_key_index = 1; optional uint64 explicit_hash_key_index = 2; required bytes data = 3; repeated Tag tags = 4; }
    private static (ulong? Key, ByteString? Data) ReadRecord(ByteString record)
    {
        ulong? key = null;
        ByteString? data = null;
        using var input = record.CreateCodedInput();
        while (input.ReadTag() is var tag and not 0)
        {
            switch (tag)
            {
                case 1 << 3:
                    key = input.ReadUInt64();
                    break;
                case 3 << 3 | 2:
                    data = input.ReadBytes();
                    break;
                default:
                    input.SkipLastField();
                    break;
            }
        }

        return (key, data);
    }
}
