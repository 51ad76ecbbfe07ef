using System.Globalization;
using System.Numerics;

namespace Write.DataPlatform.Streaming;

/// <summary>
/// A record's place in its shard. Numbers rise within a shard, not one by one; between shards they say nothing.
/// Records that a producer packed into one share its number and differ in <see cref="Sub"/>.
/// </summary>
/// <param name="Number">The number, 0 or more, of up to 129 digits.</param>
/// <param name="Sub">The place inside a packed record, from 0.</param>
public readonly record struct SequenceNumber(BigInteger Number, long Sub = 0) : IComparable<SequenceNumber>
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

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    /// <exception cref="FormatException">It is no sequence number.</exception>
    public static SequenceNumber Parse(ReadOnlySpan<char> text) => TryParse(text, out var result) ? result : throw new FormatException($"'{text}' is no sequence number.");

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out SequenceNumber result)
    {
        result = default;
        var at = text.IndexOf('/');
        long sub = 0;
        if (text.Length > MaxLength
            || !BigInteger.TryParse(at < 0 ? text : text[..at], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            || (at >= 0 && !long.TryParse(text[(at + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out sub)))
        {
            return false;
        }

        result = new SequenceNumber(number, sub);
        return true;
    }
}
