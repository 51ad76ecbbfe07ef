using System.Collections.Immutable;
using System.Globalization;
using System.IO.Hashing;
using System.Security.Cryptography;
using System.Text;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Query;

/// <summary>What is kept of a measure's rows so that groups can be merged later.</summary>
internal enum StateKind
{
    /// <summary>How many rows there are; null for none. It tells a group without rows from one whose values are null.</summary>
    Rows,

    /// <summary>The sum; merged by sum.</summary>
    Sum,

    /// <summary>How many values are not null; merged by sum.</summary>
    Count,

    /// <summary>The least value; merged by min.</summary>
    Min,

    /// <summary>The greatest value; merged by max.</summary>
    Max,

    /// <summary>Which values there are, as far as an estimate of their number needs it; see <see cref="DistinctSketch"/>.</summary>
    Sketch,

    /// <summary>The distribution of the numbers, as far as an estimate of a percentile needs it; see <see cref="QuantileSketch"/>.</summary>
    Quantiles,

    /// <summary>A finished value that cannot be merged: exact distinct counts and percentiles.</summary>
    Value,
}

/// <summary>One state of one measure, or the rows of its table, under one filter.</summary>
/// <param name="Fact">The semantic model.</param>
/// <param name="Measure">The measure; null for <see cref="StateKind.Rows"/> of all of the fact's rows, set for those of a semi-additive measure's moments.</param>
/// <param name="Kind">What is kept.</param>
/// <param name="Filter">The rows that count, beside the leaf's own filter; null for all.</param>
internal sealed record MeasureState(SemanticModel Fact, Measure? Measure, StateKind Kind, Filter? Filter)
{
    /// <summary>The column's name, the same wherever the same state is kept.</summary>
    public string Name { get; } =
        (Measure?.Name ?? Fact.Name) + "__" + (Measure is not null && Kind == StateKind.Rows ? "momentrows" : Kind.ToString().ToLowerInvariant()) + (Filter is null ? "" : "__" + FilterText.Hash(FilterText.Of(Filter)));

    public bool IsMergeable => Kind != StateKind.Value && !IsSemiAdditive;

    /// <summary>Whether the value is an estimate from what is kept.</summary>
    public bool IsSketch => Kind is StateKind.Sketch or StateKind.Quantiles;

    /// <summary>Whether only the rows of the first or last moment count.</summary>
    public bool IsSemiAdditive => Measure?.NonAdditive is not null;

    /// <summary>How many rows there are behind this state.</summary>
    public MeasureState RowsBehind => new(Fact, IsSemiAdditive ? Measure : null, StateKind.Rows, Filter);

    /// <summary>The states that a measure needs.</summary>
    public static ImmutableArray<StateKind> For(Measure measure) => measure.Aggregation switch
    {
        Aggregation.Sum or Aggregation.SumBoolean => [StateKind.Sum],
        Aggregation.Count => [StateKind.Count],
        Aggregation.Min => [StateKind.Min],
        Aggregation.Max => [StateKind.Max],
        Aggregation.Average => [StateKind.Sum, StateKind.Count],
        Aggregation.ApproxCountDistinct => [StateKind.Sketch],
        Aggregation.Median or Aggregation.Percentile when measure.UseApproximatePercentile => [StateKind.Quantiles],
        _ => [StateKind.Value],
    };

    /// <summary>The state from rows, given the measure's value and, with a filter, its condition.</summary>
    public SqlExpression FromRows(SqlExpression? value, SqlExpression? condition)
    {
        SqlExpression If(SqlExpression then) => condition is null ? then : new SqlCase([(condition, then)], null);
        switch (Kind)
        {
            case StateKind.Rows:
                return new SqlCall("sum", If(new SqlLiteral(1L)));
            case StateKind.Sum:
                return new SqlCall("sum", If(Measure!.Aggregation == Aggregation.SumBoolean
                    ? new SqlCase([(value!, new SqlLiteral(1L))], new SqlLiteral(0L)) // rows of nulls alone have no true one: 0, as MetricFlow has it
                    : value!));
            case StateKind.Count:
                // Not count(): a group without rows that pass has no count, one with nulls alone has 0, as MetricFlow has it.
                return new SqlCall("sum", If(new SqlCase([(new SqlIsNull(value!, Negated: true), new SqlLiteral(1L))], new SqlLiteral(0L))));
            case StateKind.Min:
                return new SqlCall("min", If(value!));
            case StateKind.Max:
                return new SqlCall("max", If(value!));
            case StateKind.Sketch:
                return new SqlSketch(If(new SqlSketchCode(value!)));
            case StateKind.Quantiles:
                return new SqlQuantileSketch(If(new SqlQuantileCode(value!)));
            case StateKind.Value when Measure!.Aggregation == Aggregation.CountDistinct:
                // As above: no rows have no count, with and without a GROUP BY, so that gold and lake agree.
                return new SqlCase([(new SqlBinary(">", new SqlCall("sum", If(new SqlLiteral(1L))), new SqlLiteral(0L)), new SqlCountDistinct(If(value!)))], null);
            case StateKind.Value:
                // Of decimals DuckDB interpolates within their own digits: the median of 0.10 and 0.11 would be 0.11.
                return new SqlPercentile(
                    If(Measure!.UseDiscretePercentile ? value! : new SqlCast(value!, ColumnKind.Double)), Fraction, Measure.UseDiscretePercentile);
            default:
                throw new InvalidOperationException($"{Kind} is not a state.");
        }
    }

    /// <summary>The state of several groups together.</summary>
    public SqlExpression Merge(SqlExpression state) => Kind switch
    {
        StateKind.Sketch => new SqlSketchMerge(state),
        StateKind.Quantiles => new SqlQuantileMerge(state),
        StateKind.Min => new SqlCall("min", state),
        StateKind.Max => new SqlCall("max", state),
        StateKind.Value => new SqlCall("any_value", state),
        _ => new SqlCall("sum", state),
    };

    /// <summary>What a sketch says of the measure; any other state says it itself.</summary>
    public SqlExpression Estimate(SqlExpression state) => Kind switch
    {
        StateKind.Sketch => new SqlSketchEstimate(state),
        StateKind.Quantiles => new SqlQuantileEstimate(state, Fraction, Measure!.UseDiscretePercentile),
        _ => state,
    };

    private double Fraction => Measure!.Aggregation == Aggregation.Median ? 0.5 : Measure.Percentile!.Value;
}

/// <summary>A filter as one text: equal conditions, equal text.</summary>
internal static class FilterText
{
    public static string Of(Filter? filter) => filter switch
    {
        null => "",
        AndFilter and => "(" + string.Join(" and ", and.Filters.Select(Of).Order(StringComparer.Ordinal)) + ")",
        OrFilter or => "(" + string.Join(" or ", or.Filters.Select(Of).Order(StringComparer.Ordinal)) + ")",
        NotFilter not => "not " + Of(not.Inner),
        ComparisonFilter comparison => comparison.Field + " " + Word(comparison.Operator) + " [" + string.Join(", ", comparison.Values.Select(Value)) + "]",
        SqlFilter sql => "sql{" + string.Join('\u0001', sql.Parts) + "}" + string.Join(',', sql.References),
        _ => throw new ArgumentOutOfRangeException(nameof(filter)),
    };

    /// <summary>The conditions that must all hold.</summary>
    public static IEnumerable<Filter> Conjuncts(Filter? filter) => filter switch
    {
        null => [],
        AndFilter and => and.Filters.SelectMany(Conjuncts),
        _ => [filter],
    };

    /// <summary>A name of 128 bits for a text that callers have a hand in: nobody can write two of one name (SHA-256, cut).</summary>
    public static string Fingerprint(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 16));

    public static string Hash(string text) => XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(text)).ToString("x16", CultureInfo.InvariantCulture);

    private static string Word(FilterOperator op) => (op switch
    {
        FilterOperator.In => FilterOperator.Equals,
        FilterOperator.NotIn => FilterOperator.NotEquals,
        _ => op,
    }).ToString();

    private static string Value(object? value) => value switch
    {
        null => "null",
        string text => "'" + text.Replace("'", "''", StringComparison.Ordinal) + "'",
        DateTime time => time.ToString("O", CultureInfo.InvariantCulture),
        DateOnly date => date.ToString("O", CultureInfo.InvariantCulture),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };
}
