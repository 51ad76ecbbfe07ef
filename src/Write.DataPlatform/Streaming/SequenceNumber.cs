using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;

namespace Write.DataPlatform.Streaming;

/// <summary>
/// A record's place in its shard. Numbers rise within a shard, not one by one; between shards they say nothing.
/// Records that a producer packed into one share its number and differ in <see cref="Sub"/>.
/// </summary>
/// <param name="Number">The number, 0 or more, of up to 129 digits.</param>
/// <param name="Sub">The place inside a packed record, from 0.</param>
public readonly record struct SequenceNumber(BigInteger Number, long Sub = 0) : IComparable<SequenceNumber>, ISpanParsable<SequenceNumber>
{
    private const int MaxLength = 150;

    /// <inheritdoc />
    public int CompareTo(SequenceNumber other) => Number.CompareTo(other.Number) is var order and not 0 ? order : Sub.CompareTo(other.Sub);

    /// <summary>Whether one stands before another.</summary>
    public static bool operator <(SequenceNumber left, SequenceNumber right) => left.CompareTo(right) < 0;

    /// <summary>Whether one stands after another.</summary>
    public static bool operator >(SequenceNumber left, SequenceNumber right) => left.CompareTo(right) > 0;

    /// <summary>Whether one stands before another or is the same.</summary>
    public static bool operator <=(SequenceNumber left, SequenceNumber right) => left.CompareTo(right) <= 0;

    /// <summary>Whether one stands after another or is the same.</summary>
    public static bool operator >=(SequenceNumber left, SequenceNumber right) => left.CompareTo(right) >= 0;

    /// <summary>As <c>49590338271490256608559692538361571095921575989136588898</c>, or <c>4959…8898/3</c> inside a packed record.</summary>
    public override string ToString() => Sub == 0
        ? Number.ToString(CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{Number}/{Sub}");

    /// <inheritdoc />
    public static SequenceNumber Parse(string s, IFormatProvider? provider = null) => Parse(s.AsSpan(), provider);

    /// <inheritdoc />
    public static SequenceNumber Parse(ReadOnlySpan<char> s, IFormatProvider? provider = null) =>
        TryParse(s, provider, out var result) ? result : throw new FormatException($"'{s}' is no sequence number.");

    /// <inheritdoc />
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out SequenceNumber result) => TryParse(s.AsSpan(), provider, out result);

    /// <inheritdoc />
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out SequenceNumber result)
    {
        result = default;
        var at = s.IndexOf('/');
        long sub = 0;
        if (s.Length > MaxLength
            || !BigInteger.TryParse(at < 0 ? s : s[..at], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            || (at >= 0 && !long.TryParse(s[(at + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out sub)))
        {
            return false;
        }

        result = new SequenceNumber(number, sub);
        return true;
    }
}
