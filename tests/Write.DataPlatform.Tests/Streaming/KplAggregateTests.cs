using System.Security.Cryptography;
using System.Text;
using CsCheck;
using Write.DataPlatform.Streaming.Kinesis;
using Write.DataPlatform.Tests.Query;

namespace Write.DataPlatform.Tests.Streaming;

/// <summary>Packed records, made by hand from the format's description.</summary>
public sealed class KplAggregateTests
{
    private static readonly byte[] Magic = [0xF3, 0x89, 0x9A, 0xC2];

    [Fact]
    public void Packed_records_are_unpacked_in_order() => Gen.Select(Gen.String[Gen.Char.AlphaNumeric, 1, 40].Array[1, 5], Gen.Select(Gen.Int[0, 4], Gen.Byte.Array[0, 300], Gen.Bool).Array[1, 20]).Sample(
        (keys, records) =>
        {
            List<byte> message = [];
            foreach (var key in keys)
            {
                Field(message, 1, Encoding.UTF8.GetBytes(key));
            }

            Field(message, 2, "12345"u8); // a table of hash keys
            foreach (var (key, data, hasHash) in records)
            {
                List<byte> record = [1 << 3];
                Varint(record, (ulong)(key % keys.Length));
                if (hasHash)
                {
                    record.AddRange([2 << 3, 0]);
                }

                Field(record, 3, data);
                Field(record, 4, [10, 1, 65]); // a tag
                Field(message, 3, [.. record]);
            }

            Assert.True(KplAggregate.TryRead(Packed([.. message]), out var read));
            Assert.Equal(records.Select(r => (keys[r.Item1 % keys.Length], Convert.ToHexString(r.Item2))), read.Select(r => (r.PartitionKey, Convert.ToHexString(r.Data.Span))));
        },
        iter: RandomCases.Of(500));

    [Fact]
    public void What_only_looks_packed_is_a_plain_record()
    {
        Refused([]);
        Refused(Magic);
        Refused([.. Magic, .. new byte[16]]);
        Refused(Packed([]));
        Refused(Packed([0xFF, 0xFF, 0xFF]));
        Refused(Packed([26, 200, 1])); // a record that is longer than the message
        Refused(Packed([10, 1, 65])); // a key, and no record
        Refused(Packed([26, 5, 8, 0, 26, 1, 66])); // a record whose key is not in the table
        Refused(Packed([10, 1, 65, 26, 2, 8, 0])); // a record without data
        Refused(Packed([10, 1, 65, 26, 3, 26, 1, 66])); // a record without a key
        byte[] right = Packed([10, 1, 65, 26, 5, 8, 0, 26, 1, 66]);
        Assert.True(KplAggregate.TryRead(right, out _));
        for (var i = 0; i < right.Length; i++)
        {
            var wrong = right.ToArray();
            wrong[i] ^= 1;
            Refused(wrong);
            Refused(right[..i]);
        }

        static void Refused(byte[] data) => Assert.False(KplAggregate.TryRead(data, out _));
    }

    [Fact]
    public void Any_bytes_behind_the_magic_are_survived() => Gen.Byte.Array[0, 80].Sample(bytes => { KplAggregate.TryRead(Packed(bytes), out _); }, iter: RandomCases.Of(20_000));

    private static byte[] Packed(byte[] message) => [.. Magic, .. message, .. MD5.HashData(message)];

    private static void Field(List<byte> target, int number, ReadOnlySpan<byte> content)
    {
        target.Add((byte)(number << 3 | 2));
        Varint(target, (ulong)content.Length);
        target.AddRange(content);
    }

    private static void Varint(List<byte> target, ulong value)
    {
        for (; value >= 128; value >>= 7)
        {
            target.Add((byte)(value | 128));
        }

        target.Add((byte)value);
    }
}
