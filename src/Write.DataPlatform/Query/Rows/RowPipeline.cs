using System.Collections.Immutable;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Query.Rows;

/// <summary>What is done with rows, one step after the other, and the columns that it ends with.</summary>
/// <param name="Steps">The steps.</param>
/// <param name="Columns">The columns after the last.</param>
internal sealed record RowPipeline(ImmutableArray<RowStep> Steps, ImmutableArray<RowColumn> Columns)
{
    /// <summary>Whether the rows are still the source's own, each with its key.</summary>
    public bool KeepsRows => Steps.All(s => s is not GroupRows and not UnionRows);

    public RowPipeline Then(RowStep step) => this with { Steps = Steps.Add(step) };

    public RowPipeline Then(RowStep step, ImmutableArray<RowColumn> columns) => new(Steps.Add(step), columns);
}

internal abstract record RowStep;

/// <summary>Keeps the rows for which a condition is true.</summary>
internal sealed record FilterRows(RowExpression Condition) : RowStep;

/// <summary>Adds columns.</summary>
internal sealed record ComputeRows(ImmutableArray<(string Name, RowExpression Value)> Columns) : RowStep;

/// <summary>One row a group; a key that a grouping set lacks is null in its rows.</summary>
internal sealed record GroupRows(ImmutableArray<RowColumn> Keys, ImmutableArray<ImmutableArray<string>> Sets, ImmutableArray<RowAggregate> Aggregates) : RowStep;

/// <summary>The order in which later slices count, and in which rows are given.</summary>
internal sealed record OrderRows(ImmutableArray<RowOrder> Order) : RowStep;

/// <summary>Some rows in the order so far; ties are broken by the rows' key or else by all columns.</summary>
internal sealed record SliceRows(long Skip, long? Top, ImmutableArray<RowOrder> Order) : RowStep
{
    /// <summary>Whether the slice has an order of its own and leaves the rows' as it was.</summary>
    public bool HasOwnOrder => !Order.IsEmpty;
}

/// <summary>The rows of several pipelines over the rows so far, one after the other; a column that one lacks is null.</summary>
internal sealed record UnionRows(ImmutableArray<RowPipeline> Parts, ImmutableArray<RowColumn> Columns) : RowStep;

/// <summary>One key of an order; null is less than anything.</summary>
internal sealed record RowOrder(RowExpression Value, bool Descending);

/// <summary>An aggregate of a group's rows.</summary>
/// <param name="Name">Its column.</param>
/// <param name="Method">What is computed; nulls are passed over.</param>
/// <param name="Value">Of what; null for <see cref="AggregateMethod.Count"/> and <see cref="AggregateMethod.Custom"/>.</param>
/// <param name="Type">The result's type.</param>
/// <param name="Custom">An aggregate spelt by the model, over columns of the source.</param>
internal sealed record RowAggregate(string Name, AggregateMethod Method, RowExpression? Value, RowType Type, SqlExpression? Custom = null);

internal enum AggregateMethod
{
    Sum,
    Min,
    Max,
    Average,
    CountDistinct,

    /// <summary>How many rows there are.</summary>
    Count,
    Custom,
}

/// <summary>Rows to compute with.</summary>
/// <param name="Sql">What stands after FROM.</param>
/// <param name="Key">The columns that tell its rows apart; none if nothing does.</param>
internal sealed record RowSource(string Sql, ImmutableArray<RowColumn> Key);

/// <summary>A page of a pipeline's rows.</summary>
/// <param name="Pipeline">The pipeline.</param>
/// <param name="Select">The columns to give.</param>
/// <param name="After">The order values of the last row given already, in the order of <see cref="RowCompiler.OrderOf"/>; null for the first page.</param>
/// <param name="Skip">How many rows to pass over.</param>
/// <param name="Limit">The most rows to give.</param>
internal sealed record RowPage(RowPipeline Pipeline, ImmutableArray<string> Select, ImmutableArray<object?>? After, long Skip, long? Limit);
