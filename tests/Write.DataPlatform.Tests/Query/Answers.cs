using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Query;

/// <summary>Says where two answers differ.</summary>
internal static class Answers
{
    /// <summary>The rows are the same, in the same order; where they are sorted by numbers that differ in their last digits alone, in either.</summary>
    public static void Same(OracleAnswer expected, OracleAnswer actual, string by = "lake", ImmutableArray<QueryOrder> order = default)
    {
        Assert.Equal(expected.Columns, actual.Columns);
        if (!order.IsDefaultOrEmpty)
        {
            expected = expected with { Rows = InOrderOf(actual, expected, [.. order.Select(o => expected.Columns.IndexOf(o.Field))]) };
        }

        for (var i = 0; i < Math.Max(expected.Rows.Count, actual.Rows.Count); i++)
        {
            if (i >= expected.Rows.Count || i >= actual.Rows.Count || !Same(expected.Rows[i], actual.Rows[i]))
            {
                Assert.Fail($"By {by}. Row {i} of {expected.Rows.Count} expected and {actual.Rows.Count} actual differs.\n{Print("expected", expected, i)}\n{Print("actual", actual, i)}");
            }
        }

        if (expected.Totals is { } totals)
        {
            Assert.True(actual.Totals is not null && Same(totals, actual.Totals), $"By {by}. Totals differ.\nexpected {Print(totals)}\nactual   {Print(actual.Totals ?? [])}");
        }
    }

    private static List<object?[]> InOrderOf(OracleAnswer actual, OracleAnswer expected, int[] columns)
    {
        var rows = expected.Rows.ToList();
        for (var i = 0; i < Math.Min(rows.Count, actual.Rows.Count); i++)
        {
            var at = i;
            while (Array.Exists(columns, c => rows[i][c] is double) && at < rows.Count && Array.TrueForAll(columns, c => Same(rows[at][c], rows[i][c])) && !Same(rows[at], actual.Rows[i]))
            {
                at++;
            }

            if (at > i && at < rows.Count && Same(rows[at], actual.Rows[i]))
            {
                var row = rows[at];
                rows.RemoveAt(at);
                rows.Insert(i, row);
            }
        }

        return rows;
    }

    private static bool Same(object?[] a, object?[] b) => a.Length == b.Length && a.Zip(b, Same).All(same => same);

    private static bool Same(object? a, object? b) => (a, b) switch
    {
        (null, null) => true,
        (null, _) or (_, null) => false,
        (double, not (string or bool or DateTime or DateOnly)) or (not (string or bool or DateTime or DateOnly), double) =>
            Close(Convert.ToDouble(a, CultureInfo.InvariantCulture), Convert.ToDouble(b, CultureInfo.InvariantCulture)),
        (long or decimal, long or decimal) => Convert.ToDecimal(a, CultureInfo.InvariantCulture) == Convert.ToDecimal(b, CultureInfo.InvariantCulture),
        _ => a.Equals(b),
    };

    private static bool Close(double a, double b) => Math.Abs(a - b) <= 1e-9 * Math.Max(1e-3, Math.Max(Math.Abs(a), Math.Abs(b)));

    private static string Print(string name, OracleAnswer answer, int at) =>
        $"{name}: {string.Join(" | ", answer.Columns)}\n"
        + string.Join("\n", answer.Rows.Select((r, i) => (Row: r, Index: i)).Where(r => Math.Abs(r.Index - at) < 5).Select(r => $"{(r.Index == at ? ">" : " ")} {r.Index}: {Print(r.Row)}"));

    private static string Print(IEnumerable<object?> row) => string.Join(" | ", row.Select(v => v switch
    {
        null => "∅",
        DateTime time => time.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff", CultureInfo.InvariantCulture),
        DateOnly date => date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => "'" + v + "'",
    }));
}
