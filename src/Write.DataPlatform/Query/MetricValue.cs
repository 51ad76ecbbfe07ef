using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Query;

/// <summary>Spells a metric's value over the states it follows from.</summary>
internal static partial class MetricValue
{
    /// <param name="node">The metric.</param>
    /// <param name="measured">The value of a measure of its tree.</param>
    /// <param name="fills">Whether a count of no rows is 0.</param>
    public static SqlExpression Of(MetricNode node, Func<MeasureNode, SqlExpression> measured, bool fills)
    {
        switch (node)
        {
            case MeasureNode measure:
                var empty = measure.FillNullsWith ?? (fills && measure.Aggregation is Aggregation.Count or Aggregation.CountDistinct or Aggregation.ApproxCountDistinct ? 0 : null);
                return empty is { } filler ? new SqlCall("coalesce", measured(measure), new SqlLiteral(filler)) : measured(measure);
            case RatioNode ratio:
                return Quotient(Of(ratio.Numerator, measured, fills), new SqlCast(Of(ratio.Denominator, measured, fills), ColumnKind.Double));
            case DerivedNode derived:
                var (parts, arguments) = (ImmutableArray.CreateBuilder<string>(), ImmutableArray.CreateBuilder<SqlExpression>());
                var end = 0;
                foreach (Match token in Token().Matches(derived.Expr))
                {
                    if (derived.Inputs.TryGetValue(token.Value, out var input))
                    {
                        parts.Add(derived.Expr[end..token.Index]);
                        arguments.Add(Of(input, measured, fills));
                        end = token.Index + token.Length;
                    }
                }

                parts.Add(derived.Expr[end..]);
                var value = new SqlTemplate(parts.ToImmutable(), arguments.ToImmutable()) { IsFormula = true };
                return new SqlCase([(new SqlIsFinite(value), value)], null);
            default:
                throw new ArgumentOutOfRangeException(nameof(node));
        }
    }

    /// <summary>A measure's value out of its states.</summary>
    public static SqlExpression Of(MeasureNode measure, IEnumerable<SqlExpression> states) => (measure.Aggregation, states.ToList()) switch
    {
        (Aggregation.Average, var all) => Quotient(all[0], all[1]),
        (Aggregation.ApproxCountDistinct, var all) => new SqlSketchEstimate(all[0]),
        (_, var all) => all[0],
    };

    /// <summary>As doubles; by zero it is null.</summary>
    private static SqlTemplate Quotient(SqlExpression numerator, SqlExpression denominator) =>
        new(["", " / NULLIF(", ", 0)"], [new SqlCast(numerator, ColumnKind.Double), denominator]);

    [GeneratedRegex("""'(?:[^']|'')*'|"(?:[^"]|"")*"|[A-Za-z_][A-Za-z0-9_]*""")]
    private static partial Regex Token();
}
