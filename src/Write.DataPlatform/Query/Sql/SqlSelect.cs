using System.Collections.Immutable;
using Write.DataPlatform.Model;

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

/// <summary>
/// The moments of a spine, one a row in a column <c>u</c>: from a start, included, to an end, excluded, a grain apart; dates from day grain up, else UTC timestamps.
/// </summary>
/// <param name="Start">The first moment.</param>
/// <param name="End">The end.</param>
/// <param name="Grain">The distance.</param>
/// <param name="Bounds">One row that <paramref name="Start"/> and <paramref name="End"/> read; null if they are constants.</param>
internal sealed record SqlMoments(SqlExpression Start, SqlExpression End, TimeGrain Grain, SqlSelect? Bounds) : SqlRelation;

internal sealed record SqlProjection(SqlExpression Expression, string Name);

internal sealed record SqlJoin(SqlRelation Relation, string Alias, SqlExpression On, JoinKind Kind = JoinKind.Left);

/// <summary>Which rows a join keeps beside those that find a partner.</summary>
internal enum JoinKind
{
    Left,
    Inner,
    Full,
}

internal sealed record SqlOrder(SqlExpression Expression, bool Descending);

/// <summary>One SELECT. Grouping is by the first <see cref="GroupByCount"/> columns, or over everything if it aggregates none by.</summary>
internal sealed record SqlSelect(ImmutableArray<SqlProjection> Columns, SqlRelation From, string Alias) : SqlRelation
{
    public ImmutableArray<SqlJoin> Joins { get; init; } = [];

    public ImmutableArray<SqlExpression> Where { get; init; } = [];

    public int GroupByCount { get; init; }

    public ImmutableArray<SqlOrder> OrderBy { get; init; } = [];

    public long? Limit { get; init; }
}
