using System.Collections.Immutable;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Query;

/// <summary>Filters as SQL conditions over any source.</summary>
internal static class FilterExpressions
{
    /// <summary>The condition, given what each field is in the source.</summary>
    public static SqlExpression Of(Filter filter, Func<FieldName, SqlExpression> field) => filter switch
    {
        AndFilter and => SqlExpression.And(and.Filters.Select(f => Of(f, field))),
        OrFilter or => SqlExpression.Or(or.Filters.Select(f => Of(f, field))),
        NotFilter not => new SqlNot(Of(not.Inner, field)),
        SqlFilter sql => new SqlTemplate(sql.Parts, [.. sql.References.Select(field)]),
        ComparisonFilter comparison => Compare(field(comparison.Field), comparison),
        _ => throw new ArgumentOutOfRangeException(nameof(filter)),
    };

    /// <summary>A comparison of any expression, as <see cref="FilterOperator"/> says.</summary>
    private static SqlExpression Compare(SqlExpression field, ComparisonFilter comparison)
    {
        var values = comparison.Values;
        var set = values.Where(v => v is not null).ToImmutableArray();
        SqlExpression Text(TextTest test) =>
            SqlExpression.Or(set.Select(v => new SqlTextTest(test, new SqlCast(field, ColumnKind.String), (string)v!)));
        SqlExpression One(string op) => new SqlBinary(op, field, new SqlLiteral(values[0]));
        return comparison.Operator switch
        {
            FilterOperator.Equals or FilterOperator.In => SqlExpression.Or(
                [.. set.Length > 0 ? [(SqlExpression)new SqlIn(field, set, Negated: false)] : Array.Empty<SqlExpression>(),
                 .. set.Length < values.Length ? [(SqlExpression)new SqlIsNull(field)] : Array.Empty<SqlExpression>()]),
            FilterOperator.NotEquals or FilterOperator.NotIn => SqlExpression.And(
                [.. set.Length > 0 ? [(SqlExpression)new SqlIn(field, set, Negated: true)] : Array.Empty<SqlExpression>(),
                 .. set.Length < values.Length ? [(SqlExpression)new SqlIsNull(field, Negated: true)] : Array.Empty<SqlExpression>()]),
            FilterOperator.Gt => One(">"),
            FilterOperator.Gte => One(">="),
            FilterOperator.Lt => One("<"),
            FilterOperator.Lte => One("<="),
            FilterOperator.Between => SqlExpression.And(One(">="), new SqlBinary("<=", field, new SqlLiteral(values[1]))),
            FilterOperator.Contains => Text(TextTest.Contains),
            FilterOperator.NotContains => new SqlNot(Text(TextTest.Contains)),
            FilterOperator.StartsWith => Text(TextTest.StartsWith),
            FilterOperator.NotStartsWith => new SqlNot(Text(TextTest.StartsWith)),
            FilterOperator.EndsWith => Text(TextTest.EndsWith),
            FilterOperator.NotEndsWith => new SqlNot(Text(TextTest.EndsWith)),
            FilterOperator.Matches => Text(TextTest.Matches),
            FilterOperator.IsSet => new SqlIsNull(field, Negated: true),
            FilterOperator.IsNotSet => new SqlIsNull(field),
            _ => throw new ArgumentOutOfRangeException(nameof(comparison)),
        };
    }
}
