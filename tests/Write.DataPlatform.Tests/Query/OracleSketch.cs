using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;

namespace Write.DataPlatform.Tests.Query;

/// <summary>A HyperLogLog of values that have been kept: 4,096 registers in an array, MD5 by the class library, and Ertl's estimate by the loops of his paper.</summary>
internal sealed class OracleSketch
{
    private const int Bits = 12;
    private const int HashBits = 64;

    private readonly byte[] _registers = new byte[1 << Bits];

    public OracleSketch(IEnumerable<object> values)
    {
        foreach (var value in values)
        {
            Add(value);
        }
    }

    public IReadOnlyList<byte> Registers => _registers;

    public void Add(object value)
    {
        var hash = BinaryPrimitives.ReadUInt64BigEndian(MD5.HashData(Encoding.UTF8.GetBytes(Text(value))));
        var rank = (byte)(Math.Min(BitOperations.LeadingZeroCount(hash), HashBits - Bits) + 1);
        ref var register = ref _registers[hash % (ulong)_registers.Length];
        register = Math.Max(register, rank);
    }

    public long Estimate() => (long)Math.Round(Unrounded());

    public double Unrounded()
    {
        double m = _registers.Length;
        var count = new int[HashBits - Bits + 2];
        foreach (var register in _registers)
        {
            count[register]++;
        }

        var z = m * Tau(1 - (count[^1] / m));
        for (var k = HashBits - Bits; k >= 1; k--)
        {
            z = 0.5 * (z + count[k]);
        }

        z += m * Sigma(count[0] / m);
        return m * m / (2 * Math.Log(2) * z);
    }

    private static double Sigma(double x)
    {
        if (x == 1)
        {
            return double.PositiveInfinity;
        }

        var (y, z) = (1.0, x);
        for (var before = double.NaN; before != z;)
        {
            x *= x;
            before = z;
            z += x * y;
            y += y;
        }

        return z;
    }

    private static double Tau(double x)
    {
        if (x is 0 or 1)
        {
            return 0;
        }

        var (y, z) = (1.0, 1 - x);
        for (var before = double.NaN; before != z;)
        {
            x = Math.Sqrt(x);
            before = z;
            y *= 0.5;
            z -= (1 - x) * (1 - x) * y;
        }

        return z / 3;
    }

    private static string Text(object value) => value switch
    {
        bool flag => flag ? "true" : "false",
        DateOnly date => date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        DateTime time => time.ToString("yyyy-MM-dd HH:mm:ss.FFFFFF", CultureInfo.InvariantCulture),
        decimal amount => amount.ToString("0.00", CultureInfo.InvariantCulture), // the worlds' decimals have two digits
        string or long => Convert.ToString(value, CultureInfo.InvariantCulture)!,
        _ => throw new NotSupportedException(value.GetType().Name),
    };
}
