using System.Collections.Immutable;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Insights;

/// <summary>How a query is answered, without answering it.</summary>
/// <param name="ModelRevision">The model's revision.</param>
/// <param name="TimeZone">The zone that cuts the buckets.</param>
/// <param name="TimeRange">The range as resolved, half-open, on that zone's clock.</param>
/// <param name="Leaves">The fact tables' parts.</param>
/// <param name="FinishSql">The statement that makes the answer out of the leaves, in DuckDB.</param>
public sealed record QueryExplanation(
    string ModelRevision, string TimeZone, string TimeRange, ImmutableArray<LeafExplanation> Leaves, string FinishSql);

/// <summary>One fact table's part of a query.</summary>
/// <param name="SemanticModel">The fact.</param>
/// <param name="TimeDimension">The time that its range restricts; null where values are listed whenever they happened.</param>
/// <param name="TimeRange">The events' range, half-open.</param>
/// <param name="Shift">How far the events are moved forward, for a comparison or an offset.</param>
/// <param name="States">What is computed of its measures.</param>
/// <param name="Pieces">Who answers which part of the range.</param>
/// <param name="Misses">Why gold does not serve what the lake does.</param>
public sealed record LeafExplanation(
    string SemanticModel,
    string? TimeDimension,
    string TimeRange,
    string? Shift,
    ImmutableArray<string> States,
    ImmutableArray<PieceExplanation> Pieces,
    ImmutableArray<GoldMiss> Misses);

/// <summary>A part of a leaf's range.</summary>
/// <param name="By"><c>gold</c>, <c>tail</c> (what a stream counts behind gold's cut) or <c>lake</c>.</param>
/// <param name="TimeRange">The part, half-open.</param>
/// <param name="Table">The gold table.</param>
/// <param name="Revision">Its revision.</param>
/// <param name="Partitions">Its partitions that are read.</param>
/// <param name="Rows">The rows of those partitions.</param>
/// <param name="Sql">The lake's statement.</param>
/// <param name="Parameters">The statement's parameters.</param>
public sealed record PieceExplanation(
    string By,
    string TimeRange,
    string? Table,
    long? Revision,
    ImmutableArray<string>? Partitions,
    long? Rows,
    string? Sql,
    ImmutableArray<object?>? Parameters)
{
    /// <summary>For the tail, its stream.</summary>
    public string? Stream { get; init; }

    /// <summary>For the tail, how many stored pieces it is read from.</summary>
    public int? Segments { get; init; }
}
