namespace Write.DataPlatform.Query;

/// <summary>
/// The state of an approximate distinct count: a HyperLogLog that is the same text whoever makes it, so that states of any origin merge.
/// <list type="bullet">
/// <item>A value is hashed as UTF-8 text: text as it is, whole numbers as their digits, decimals with the digits of their type, true or false, dates as
/// yyyy-MM-dd, UTC times as yyyy-MM-dd HH:mm:ss with only the digits of a second that are not zero, doubles as the shortest text that reads back.</item>
/// <item>The hash is the first eight bytes of the text's MD5, big-endian. Its lower 12 bits are the register; the rank is the leading zeros of its upper
/// 52 bits, plus one (53 if all are zero).</item>
/// <item>A register's code is register × 64 + rank, for its greatest rank. A null is the code 0: register 0 with no value, which tells a group of nulls from
/// one without rows. The state is the codes in ascending order in decimal digits, with commas between them; null for no rows.</item>
/// <item>Merging keeps each register's greatest code.</item>
/// <item>The estimate is Ertl's improved raw estimator (2017), which needs no correction of small counts, rounded to a whole number:
/// m² / (2 ln 2) / (Σ 2^−rank over registers with a value + m σ(v / m)), for m registers of which v have none, and σ(x) = x + Σ 2^(k−1) x^(2^k).</item>
/// </list>
/// </summary>
internal static class DistinctSketch
{
    public const int Registers = 4096;

    /// <summary>The relative standard error of an estimate.</summary>
    public const double StandardError = 1.04 / 64;
}
