namespace Write.DataPlatform.Insights.Slices;

/// <summary>How DuckDB orders values.</summary>
internal static class SliceOrder
{
    /// <summary>Nulls are last either way; texts go by their UTF-8; what is no number is greater than any.</summary>
    public static int Compare(object? a, object? b, bool descending)
    {
        if (a is null || b is null)
        {
            return (a is null ? 1 : 0) - (b is null ? 1 : 0);
        }

        var sign = (a, b) switch
        {
            (string x, string y) => CompareUtf8(x, y),
            (double x, double y) => double.IsNaN(x) || double.IsNaN(y) ? double.IsNaN(x).CompareTo(double.IsNaN(y)) : x.CompareTo(y),
            _ => Comparer<object>.Default.Compare(a, b),
        };
        return descending ? -sign : sign;
    }

    /// <summary>The order of code points, in which surrogates are behind all of the basic plane.</summary>
    private static int CompareUtf8(string a, string b)
    {
        var at = a.AsSpan().CommonPrefixLength(b);
        if (at == a.Length || at == b.Length)
        {
            return a.Length.CompareTo(b.Length);
        }

        static int Place(char c) => char.IsSurrogate(c) ? c + 0x10000 : c;
        return Place(a[at]).CompareTo(Place(b[at]));
    }
}
