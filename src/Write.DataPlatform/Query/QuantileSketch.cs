namespace Write.DataPlatform.Query;

/// <summary>
/// The state of an approximate percentile: a DDSketch (Masson, Rim and Lee, 2019) that keeps all buckets, so that states of any origin merge to what all values together would have made.
/// <list type="bullet">
/// <item>A value x > 0 is in bucket i = ⌈ln x / ln γ⌉ with γ = (1 + α) / (1 − α), and has the code <see cref="Zero"/> + i; −x has the opposite code; 0 the code 0.
/// Nulls, infinities and NaN have none.</item>
/// <item>The state is "code:count" of every bucket with values, with commas between them; null for no values. A code may stand more than once: its counts add up.</item>
/// <item>Merging writes the states one behind the other.</item>
/// <item>A bucket's value is (1 − α) γ^i, which is within α of all that are in it. The percentile p of n values is at place p (n − 1), counted from 0, and between the values of the two
/// places around it in proportion; a discrete one is the value at place ⌈p n⌉ − 1.</item>
/// </list>
/// </summary>
internal static class QuantileSketch
{
    /// <summary>α: the greatest relative error of a value, and of a percentile whose neighbours are of one sign.</summary>
    public const double RelativeError = 0.01;

    /// <summary>ln γ.</summary>
    public static readonly double LogGamma = Math.Log((1 + RelativeError) / (1 - RelativeError));

    /// <summary>The code of values just above 0 would be near it: no double's bucket is farther from 0.</summary>
    public const int Zero = 100_000;
}
