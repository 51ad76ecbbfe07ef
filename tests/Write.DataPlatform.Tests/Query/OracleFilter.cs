using System.Globalization;
using System.Text.RegularExpressions;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Tests.Query;

/// <summary>Conditions in three-valued logic: true, false, or null for unknown.</summary>
/// <param name="valueOf">A field's value in the row at hand.</param>
/// <param name="constant">A filter's value in the type of the field's value.</param>
internal sealed class OracleFilter(Func<FieldName, object?> valueOf, Func<FieldName, object?, object?> constant)
{
    public bool? Test(Filter filter) => filter switch
    {
        AndFilter and => and.Filters.Aggregate((bool?)true, (sofar, f) => sofar & Test(f)),
        OrFilter or => or.Filters.Aggregate((bool?)false, (sofar, f) => sofar | Test(f)),
        NotFilter not => !Test(not.Inner),
        ComparisonFilter comparison => Test(comparison),
        _ => throw new NotSupportedException(filter.GetType().Name),
    };

    private bool? Test(ComparisonFilter comparison)
    {
        var value = valueOf(comparison.Field);
        var values = comparison.Values.Select(v => v is null ? null : constant(comparison.Field, v)).ToList();
        switch (comparison.Operator)
        {
            case FilterOperator.IsSet:
                return value is not null;
            case FilterOperator.IsNotSet:
                return value is null;
            case FilterOperator.Equals or FilterOperator.In:
                return AnyEqual(value, values);
            case FilterOperator.NotEquals or FilterOperator.NotIn:
                return !AnyEqual(value, values);
            case FilterOperator.Gt:
                return Any(values, v => Compared(value, v) > 0);
            case FilterOperator.Gte:
                return Any(values, v => Compared(value, v) >= 0);
            case FilterOperator.Lt:
                return Any(values, v => Compared(value, v) < 0);
            case FilterOperator.Lte:
                return Any(values, v => Compared(value, v) <= 0);
            case FilterOperator.Between:
                return Any([values[0]], v => Compared(value, v) >= 0) & Any([values[1]], v => Compared(value, v) <= 0);
            case FilterOperator.Contains:
                return AnyText(value, values, (t, v) => t.Contains(v, StringComparison.Ordinal));
            case FilterOperator.NotContains:
                return !AnyText(value, values, (t, v) => t.Contains(v, StringComparison.Ordinal));
            case FilterOperator.StartsWith:
                return AnyText(value, values, (t, v) => t.StartsWith(v, StringComparison.Ordinal));
            case FilterOperator.NotStartsWith:
                return !AnyText(value, values, (t, v) => t.StartsWith(v, StringComparison.Ordinal));
            case FilterOperator.EndsWith:
                return AnyText(value, values, (t, v) => t.EndsWith(v, StringComparison.Ordinal));
            case FilterOperator.NotEndsWith:
                return !AnyText(value, values, (t, v) => t.EndsWith(v, StringComparison.Ordinal));
            case FilterOperator.Matches:
                return AnyText(value, values, (t, v) => Regex.IsMatch(t, v, RegexOptions.CultureInvariant));
            default:
                throw new NotSupportedException(comparison.Operator.ToString());
        }

        bool? Any(List<object?> among, Func<object, bool> test) =>
            among.Aggregate((bool?)false, (sofar, v) => sofar | (value is null || v is null ? null : test(v)));
    }

    /// <summary>A null among the values matches null.</summary>
    private static bool? AnyEqual(object? value, List<object?> values)
    {
        if (value is null)
        {
            return values.Contains(null) ? true : values.Count == 0 ? false : null;
        }

        return values.Any(v => v is not null && Compared(value, v) == 0);
    }

    private static bool? AnyText(object? value, List<object?> values, Func<string, string, bool> test) =>
        values.Aggregate((bool?)false, (sofar, v) => sofar | (value is null || v is null ? null : test((string)value, (string)v)));

    private static int Compared(object? a, object? b) => OracleOrder.Compare(a, b);
}

/// <summary>The order of values: nulls last, text by its UTF-8 bytes.</summary>
internal sealed class OracleOrder : IComparer<object?[]>
{
    public static OracleOrder Rows { get; } = new();

    public static int Compare(object? a, object? b)
    {
        switch (a, b)
        {
            case (null, null):
                return 0;
            case (null, _):
                return 1;
            case (_, null):
                return -1;
            case (string x, string y):
                return System.Text.Encoding.UTF8.GetBytes(x).AsSpan().SequenceCompareTo(System.Text.Encoding.UTF8.GetBytes(y));
            case (bool or DateOnly or DateTime, _):
                return ((IComparable)a).CompareTo(b);
            case (double, _) or (_, double):
                return Convert.ToDouble(a, CultureInfo.InvariantCulture).CompareTo(Convert.ToDouble(b, CultureInfo.InvariantCulture));
            default:
                return Convert.ToDecimal(a, CultureInfo.InvariantCulture).CompareTo(Convert.ToDecimal(b, CultureInfo.InvariantCulture));
        }
    }

    int IComparer<object?[]>.Compare(object?[]? x, object?[]? y) =>
        x!.Zip(y!, Compare).FirstOrDefault(c => c != 0);
}
