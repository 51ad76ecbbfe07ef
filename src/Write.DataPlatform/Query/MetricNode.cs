using System.Collections.Immutable;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query;

/// <summary>How a metric's value follows from the states of leaves.</summary>
internal abstract record MetricNode
{
    /// <summary>The measures that a node is computed from.</summary>
    public static IEnumerable<MeasureNode> Measures(MetricNode? node) => node switch
    {
        MeasureNode measure => [measure],
        RatioNode ratio => Measures(ratio.Numerator).Concat(Measures(ratio.Denominator)),
        DerivedNode derived => derived.Inputs.Values.SelectMany(Measures),
        _ => [],
    };
}

/// <summary>A measure's value.</summary>
/// <param name="LeafIndex">The leaf.</param>
/// <param name="States">The states, in the order of <see cref="MeasureState.For"/>.</param>
/// <param name="Aggregation">The measure's aggregation.</param>
/// <param name="FillNullsWith">The value for a group without rows.</param>
internal sealed record MeasureNode(int LeafIndex, ImmutableArray<MeasureState> States, Aggregation Aggregation, long? FillNullsWith) : MetricNode
{
    /// <summary>The column of the finished value, where moments have values and not states.</summary>
    public string ValueColumn => $"v{LeafIndex}_{States[0].Name}";
}

internal sealed record RatioNode(MetricNode Numerator, MetricNode Denominator) : MetricNode;

/// <summary>An expression over other nodes.</summary>
/// <param name="Expr">The author's SQL.</param>
/// <param name="Inputs">The nodes by their names in the expression.</param>
internal sealed record DerivedNode(string Expr, ImmutableDictionary<string, MetricNode> Inputs) : MetricNode;
