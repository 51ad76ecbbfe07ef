using System.Collections.Immutable;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Insights;

/// <summary>The rows of a metric query and where they came from.</summary>
public sealed record MetricAnswer
{
    /// <summary>The columns: group-by fields, then each metric followed by its comparison columns.</summary>
    public required ImmutableArray<AnswerColumn> Columns { get; init; }

    /// <summary>The rows; values have the CLR types of <see cref="ColumnKind"/>, never NaN nor an infinity.</summary>
    public required IReadOnlyList<object?[]> Rows { get; init; }

    /// <summary>The totals of the metric columns, in the order of <see cref="Columns"/> (null for the others), if asked for.</summary>
    public IReadOnlyList<object?>? Totals { get; init; }

    /// <summary>Who answered.</summary>
    public required ServedBy Served { get; init; }

    /// <summary>The cursor that gives the following rows; null if there are none.</summary>
    public string? Next { get; init; }
}

/// <summary>A column of an answer.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type.</param>
/// <param name="Label">For people.</param>
/// <param name="Unit">For people.</param>
/// <param name="Format">A number format.</param>
/// <param name="Approximation">How its values are estimated; null if they are exact.</param>
public sealed record AnswerColumn(string Name, ColumnType Type, string? Label = null, string? Unit = null, string? Format = null, Approximation? Approximation = null)
{
    /// <summary>For a column of time: the grain of its buckets, whether its name has it or not.</summary>
    public TimeGrain? Grain { get; init; }

    /// <summary>For a field: its name with the whole path to it and with its grain, as MetricFlow has it; null for what is no field.</summary>
    public string? FullName { get; init; }
}

/// <summary>Who answered a query.</summary>
/// <param name="By">Which of <c>gold</c>, <c>tail</c> and <c>lake</c> gave rows.</param>
/// <param name="Tables">The gold tables and their revisions.</param>
/// <param name="AsOf">How far the data reaches: the least watermark of what was used; null if unknown.</param>
/// <param name="Misses">Why gold did not serve what the lake did.</param>
/// <param name="BytesScanned">Bytes the lake read.</param>
public sealed record ServedBy(
    ImmutableArray<string> By, ImmutableArray<ServedTable> Tables, DateTimeOffset? AsOf, ImmutableArray<GoldMiss> Misses, long BytesScanned);

/// <summary>A gold table that served.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Revision">The revision read.</param>
public sealed record ServedTable(string Name, long Revision);
