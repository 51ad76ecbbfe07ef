using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Write.DataPlatform.Model;

/// <summary>What a query must answer over rows that are written beside it.</summary>
public sealed record ModelTest
{
    /// <summary>The unique name, any text.</summary>
    public required string Name { get; init; }

    /// <summary>What it shows.</summary>
    public string? Description { get; init; }

    /// <summary>The only tables there are.</summary>
    public required ImmutableArray<GivenTable> Given { get; init; }

    /// <summary>The metric query in the HTTP contract's JSON form (camelCase keys).</summary>
    public required JsonObject Query { get; init; }

    /// <summary>The tenant that asks; null for one's own people.</summary>
    public string? Tenant { get; init; }

    /// <summary>The moment that relative ranges end at; null for the present.</summary>
    public DateTimeOffset? Now { get; init; }

    /// <summary>The rows of the answer. Columns that no row names are not compared.</summary>
    public required ImmutableArray<TestRow> Expect { get; init; }

    /// <summary>Where it is written.</summary>
    public required SourcePosition Source { get; init; }
}

/// <summary>A table's rows in a test.</summary>
/// <param name="Name">A semantic model, or a lake table.</param>
/// <param name="Rows">The rows.</param>
/// <param name="Source">Where it is written.</param>
public sealed record GivenTable(string Name, ImmutableArray<TestRow> Rows, SourcePosition Source)
{
    /// <summary>The lake table meant; null if the model has none of the name.</summary>
    internal string? TableIn(MetricModel model) =>
        model.SemanticModels.TryGetValue(Name, out var semanticModel) ? semanticModel.Table
        : model.TimeSpines.ContainsKey(Name) || model.SemanticModels.Values.Any(m => m.Table == Name) ? Name
        : null;
}

/// <summary>A row of a test; a column that is not written is null.</summary>
/// <param name="Cells">The values, each column once.</param>
/// <param name="Source">Where it is written.</param>
public sealed record TestRow(ImmutableArray<TestCell> Cells, SourcePosition Source);

/// <summary>A value of a test.</summary>
/// <param name="Column">The column.</param>
/// <param name="Value">
/// A <see cref="string"/>, <see cref="bool"/>, <see cref="long"/>, <see cref="decimal"/>, <see cref="double"/>, <see cref="DateOnly"/>,
/// <see cref="DateTime"/> of kind UTC, or null.
/// </param>
/// <param name="Source">Where it is written.</param>
public sealed record TestCell(string Column, object? Value, SourcePosition Source);

/// <summary>Dates and moments as a test writes them.</summary>
internal static class TestMoment
{
    private static readonly string[] Moments =
    [
        .. from day in new[] { "yyyy-MM-dd'T'", "yyyy-MM-dd' '" }
           from time in new[] { "HH:mm", "HH:mm:ss", "HH:mm:ss.FFFFFF" }
           from zone in new[] { "", "'Z'", "zzz" }
           select day + time + zone,
    ];

    /// <summary>A <see cref="DateOnly"/>, a <see cref="DateTime"/> in UTC (a text without an offset is in UTC), or null.</summary>
    public static object? Parse(string text) =>
        DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date) ? date
        : DateTimeOffset.TryParseExact(text, Moments, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var moment) ? moment.UtcDateTime
        : null;
}
