using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Insights.Slices;

/// <summary>A metric's value in each group of a slice, as <see cref="MetricValue"/> spells it in SQL.</summary>
/// <param name="Type">Its type.</param>
/// <param name="Of">The value in a group.</param>
internal sealed record SliceValue(ColumnType Type, Func<int, object?> Of)
{
    /// <summary>The whole numbers that are doubles, too: beyond them DuckDB rounds the sums that it keeps in 128 bits in its own way.</summary>
    private const long MaxWhole = 1L << 53;

    /// <summary>Whether a metric is a state, or a quotient of such.</summary>
    public static bool Takes(MetricNode node) => node switch
    {
        MeasureNode { Aggregation: Aggregation.Average, FillNullsWith: not null } => false,
        MeasureNode measure => measure.States.All(s => !s.IsSketch),
        RatioNode ratio => Takes(ratio.Numerator) && Takes(ratio.Denominator),
        _ => false,
    };

    /// <summary>A metric's value; null if DuckDB must tell it.</summary>
    public static SliceValue? TryOf(MetricNode node, SliceGroups groups) => node switch
    {
        MeasureNode { Aggregation: Aggregation.Average } mean => Quotient(groups.State(mean.States[0]), groups.State(mean.States[1]), groups.Count),
        MeasureNode measure when groups.State(measure.States[0]) is { } state => Filled(state, measure.FillNullsWith),
        RatioNode ratio => Quotient(TryOf(ratio.Numerator, groups), TryOf(ratio.Denominator, groups), groups.Count),
        _ => null,
    };

    private static SliceValue? Filled(SliceValue state, long? filler) => (filler, state.Type.Kind) switch
    {
        (null, _) => state,
        ({ } whole, ColumnKind.Int64) => state with { Of = group => state.Of(group) ?? whole },
        ({ } whole, ColumnKind.Double) => state with { Of = group => state.Of(group) ?? (double)whole },
        _ => null,
    };

    private static SliceValue? Quotient(SliceValue? numerator, SliceValue? denominator, int groups)
    {
        if (numerator is not { Type.Kind: ColumnKind.Int64 or ColumnKind.Double } above || denominator is not { Type.Kind: ColumnKind.Int64 or ColumnKind.Double } below
            || !Enumerable.Range(0, groups).All(group => IsExact(above.Of(group)) && IsExact(below.Of(group))))
        {
            return null;
        }

        return new SliceValue(new ColumnType(ColumnKind.Double), group => Number(above.Of(group)) is { } a && Number(below.Of(group)) is { } b and not 0 ? a / b : null);
    }

    private static bool IsExact(object? value) => value is not long whole || whole is >= -MaxWhole and <= MaxWhole;

    private static double? Number(object? value) => value switch { long whole => whole, double number => number, _ => null };
}
