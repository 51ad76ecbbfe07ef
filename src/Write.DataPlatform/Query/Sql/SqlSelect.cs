using System.Collections.Immutable;

namespace Write.DataPlatform.Query.Sql;

/// <summary>What may stand in a FROM clause or be a whole statement.</summary>
internal abstract record SqlRelation;

/// <summary>A table of the lake, as the model names it: <c>visits</c> or <c>web.visits</c>.</summary>
internal sealed record SqlTable(string Name) : SqlRelation;

/// <summary>A relation that another slice has already spelt for this engine.</summary>
internal sealed record SqlReady(string Text) : SqlRelation;

/// <summary>Constant rows of text.</summary>
internal sealed record SqlValues(ImmutableArray<string> Columns, ImmutableArray<ImmutableArray<string?>> Rows) : SqlRelation;

internal sealed record SqlUnionAll(ImmutableArray<SqlSelect> Parts) : SqlRelation;

internal sealed record SqlProjection(SqlExpression Expression, string Name);

internal sealed record SqlLeftJoin(SqlRelation Relation, string Alias, SqlExpression On)
{
    /// <summary>Whether rows of the right side that find no partner are kept too, as a FULL JOIN does.</summary>
    public bool KeepsRight { get; init; }
}

internal sealed record SqlOrder(SqlExpression Expression, bool Descending);

/// <summary>One SELECT. Grouping is by the first <see cref="GroupByCount"/> columns, or over everything if it aggregates none by.</summary>
internal sealed record SqlSelect(ImmutableArray<SqlProjection> Columns, SqlRelation From, string Alias) : SqlRelation
{
    public ImmutableArray<SqlLeftJoin> Joins { get; init; } = [];

    public ImmutableArray<SqlExpression> Where { get; init; } = [];

    public int GroupByCount { get; init; }

    public ImmutableArray<SqlOrder> OrderBy { get; init; } = [];

    public long? Limit { get; init; }
}
