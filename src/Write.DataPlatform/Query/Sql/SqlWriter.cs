using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query.Sql;

/// <summary>Spells a tree in one dialect, in one pass, so that placeholders are numbered in the order they stand.</summary>
/// <param name="dialect">The dialect.</param>
/// <param name="zonesByName">Whether clocks are told by the engine's own zone rules wherever that can be.</param>
internal sealed class SqlWriter(SqlDialect dialect, bool zonesByName = false)
{
    /// <summary>A longer statement has no room for the rules of zones.</summary>
    private const int MaxTextWithRules = 64 * 1024;

    private static readonly string[] Values = ["true", "false", "null", "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"];

    private readonly ImmutableArray<object?>.Builder _parameters = ImmutableArray.CreateBuilder<object?>();
    private bool _hasRules;

    public static SqlStatement Write(SqlDialect dialect, SqlRelation relation)
    {
        var writer = new SqlWriter(dialect);
        var text = writer.Statement(relation);
        if (text.Length > MaxTextWithRules && writer._hasRules)
        {
            writer = new SqlWriter(dialect, zonesByName: true);
            text = writer.Statement(relation);
        }

        if (text.Length > dialect.MaxTextBytes / 4 && Encoding.UTF8.GetByteCount(text) is var bytes && bytes > dialect.MaxTextBytes)
        {
            throw new QueryException(
                [new QueryProblem(QueryProblems.StatementTooLong, $"As SQL the query has {bytes} bytes, and {dialect.Name} takes {dialect.MaxTextBytes}.", null, "Ask for fewer values, metrics or columns.")], isUnanswerable: true);
        }

        return new SqlStatement(text, writer._parameters.ToImmutable());
    }

    public SqlStatement ToStatement(string text) => new(text, _parameters.ToImmutable());

    public string Statement(SqlRelation relation) => relation switch
    {
        SqlSelect select => Select(select),
        SqlMoments moments => dialect.Moments(Expression(moments.Start), Expression(moments.End), moments.Grain, moments.Bounds is { } bounds ? Source(bounds, "b") : null),
        SqlUnionAll union => string.Join("\nUNION ALL\n", union.Parts.Select(Select)),
        _ => throw new ArgumentOutOfRangeException(nameof(relation)),
    };

    public string Expression(SqlExpression expression) => expression switch
    {
        SqlColumn { Source: null } column => dialect.Quote(column.Name),
        SqlColumn column => column.Source + "." + dialect.Quote(column.Name),
        SqlText text => IsColumn(text.Text) ? dialect.Quote(text.Text) : "(" + text.Text + ")",
        SqlTemplate template => Template(template),
        SqlLiteral { Value: string value } => Parameter(value),
        SqlLiteral literal => dialect.Literal(literal.Value),
        SqlBinary binary => Expression(binary.Left) + " " + binary.Operator + " " + Expression(binary.Right),
        SqlLogical logical => "(" + string.Join(" " + logical.Word + " ", logical.Parts.Select(Expression)) + ")",
        SqlNot not => "NOT (" + Expression(not.Inner) + ")",
        SqlIsNull test => Expression(test.Inner) + (test.Negated ? " IS NOT NULL" : " IS NULL"),
        SqlIn test => Expression(test.Inner) + (test.Negated ? " NOT IN (" : " IN (") + string.Join(", ", test.Values.Select(v => Expression(new SqlLiteral(v)))) + ")",
        SqlCall call => dialect.Function(call.Function) + "(" + string.Join(", ", call.Arguments.Select(Expression)) + ")",
        SqlOver over => Over(over),
        SqlCountDistinct count => "count(DISTINCT " + Expression(count.Inner) + ")",
        SqlPercentile percentile => dialect.Percentile(Expression(percentile.Inner), percentile.Fraction, percentile.IsDiscrete),
        SqlSketchCode code => dialect.SketchCode(Expression(code.Inner)),
        SqlSketch sketch => dialect.Sketch(Expression(sketch.Code)),
        SqlSketchMerge merge => dialect.MergeSketches(Expression(merge.Sketch)),
        SqlSketchEstimate estimate => dialect.EstimateSketch(Expression(estimate.Sketch)),
        SqlQuantileCode code => dialect.QuantileCode(Expression(new SqlCast(code.Inner, ColumnKind.Double))),
        SqlQuantileSketch sketch => dialect.QuantileSketch(Expression(sketch.Code)),
        SqlQuantileMerge merge => dialect.MergeQuantiles(Expression(merge.Sketch)),
        SqlQuantileEstimate estimate => dialect.EstimateQuantile(Expression(estimate.Sketch), estimate.Fraction, estimate.IsDiscrete),
        SqlCase choice => Case(choice),
        SqlCast cast => dialect.Cast(Expression(cast.Inner), cast.Kind, KindOf(cast.Inner)),
        SqlTextTest test => dialect.TextTest(test.Test, Expression(test.Inner), Parameter(test.Value)),
        SqlTruncate truncate => Truncate(truncate),
        SqlIsFinite test => dialect.IsFinite(Expression(new SqlCast(test.Inner, ColumnKind.Double))),
        SqlDatePart part => dialect.DatePart(part.Part, Expression(part.Inner)),
        SqlAddPeriod add => dialect.AddPeriod(Expression(add.Inner), add.Period),
        SqlAddDays add => dialect.AddDays(Expression(add.Inner), Expression(add.Days)),
        SqlAddSeconds add => add.Seconds == 0 ? Expression(add.Inner) : dialect.AddSeconds(Expression(add.Inner), add.Seconds),
        SqlSecondsBetween between => dialect.SecondsBetween(Expression(between.From), Expression(between.To)),
        SqlPeriodsBetween between => dialect.PeriodsBetween(between.Grain, Expression(between.From), Expression(between.To)),
        SqlNextIsoYear next => dialect.NextIsoYear(Expression(next.Inner)),
        SqlAtZone zone => AtZone(zone),
        _ => throw new ArgumentOutOfRangeException(nameof(expression), expression, "This expression has no spelling."),
    };

    private string AtZone(SqlAtZone zone)
    {
        _hasRules |= zone.Rules is not null;
        return zone.Rules is { } rules && !zonesByName ? Expression(rules) : dialect.AtZone(Expression(zone.Inner), zone.ZoneId);
    }

    private static ColumnKind? KindOf(SqlExpression expression) => expression switch
    {
        SqlColumn column => column.Kind,
        SqlCast cast => cast.Kind,
        SqlDatePart => ColumnKind.Int64,
        _ => null,
    };

    public string Select(SqlSelect select)
    {
        var text = new StringBuilder("SELECT ");
        text.AppendJoin(", ", select.Columns.Select(c => Projection(c, select.Alias)));
        text.Append("\nFROM ").Append(Source(select.From, select.Alias));
        foreach (var join in select.Joins)
        {
            text.Append(join.Kind switch { JoinKind.Inner => "\nJOIN ", JoinKind.Full => "\nFULL JOIN ", _ => "\nLEFT JOIN " }).Append(Source(join.Relation, join.Alias)).Append(" ON ").Append(Expression(join.On));
        }

        if (select.Where.Length > 0)
        {
            text.Append("\nWHERE ").AppendJoin(" AND ", select.Where.Select(Expression));
        }

        if (select.GroupByCount > 0)
        {
            text.Append("\nGROUP BY ").AppendJoin(", ", Enumerable.Range(1, select.GroupByCount));
        }

        if (select.OrderBy.Length > 0)
        {
            text.Append("\nORDER BY ").Append(Order(select.OrderBy));
        }

        if (select.Limit is { } limit)
        {
            text.Append("\nLIMIT ").Append(limit.ToString(CultureInfo.InvariantCulture));
        }

        return text.ToString();
    }

    /// <summary>A bare name is a column, even one that is a word of the dialect (<c>at</c>, <c>order</c>); the words that stand for a value are not.</summary>
    /// <summary>Whether an expression is a column by its name.</summary>
    public static bool IsColumn(string text) =>
        text.Length > 0 && !char.IsAsciiDigit(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || c == '_')
        && !Values.Contains(text, StringComparer.OrdinalIgnoreCase);

    private string Order(ImmutableArray<SqlOrder> order) =>
        string.Join(", ", order.Select(o => Expression(o.Expression) + (o.Descending ? " DESC" : "") + " NULLS LAST"));

    private string Projection(SqlProjection projection, string alias) =>
        projection.Expression is SqlColumn column && column.Name == projection.Name && (column.Source is null || column.Source == alias)
            ? Expression(column)
            : Expression(projection.Expression) + " AS " + dialect.Quote(projection.Name);

    private string Source(SqlRelation relation, string alias) => relation switch
    {
        SqlTable table => string.Join('.', table.Name.Split('.').Select(dialect.Quote)) + " AS " + alias,
        SqlReady ready => ready.Text + " AS " + alias,
        SqlValues values => Rows(values) + " AS " + alias + "(" + string.Join(", ", values.Columns.Select(dialect.Quote)) + ")",
        _ => "(\n  " + Statement(relation).Replace("\n", "\n  ", StringComparison.Ordinal) + "\n) AS " + alias,
    };

    /// <summary>Lookup rows come from the model's own files; quoting them in place keeps them out of the parameter limit.</summary>
    private string Rows(SqlValues values) =>
        "(VALUES " + string.Join(", ", values.Rows.Select(row => "(" + string.Join(", ", row.Select(dialect.LookupValue)) + ")")) + ")";

    private string Over(SqlOver over) => Expression(over.Aggregate) + " OVER (" + Window(over.PartitionBy, over.OrderBy) + over.Frame switch
    {
        SqlFrame.Before => " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)",
        SqlFrame.UpToCurrent => " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
        _ => ")",
    };

    private string Window(ImmutableArray<SqlExpression> partitionBy, ImmutableArray<SqlOrder> orderBy) => string.Join(' ', [
        .. partitionBy.IsEmpty ? [] : new[] { "PARTITION BY " + string.Join(", ", partitionBy.Select(Expression)) },
        .. orderBy.IsEmpty ? [] : new[] { "ORDER BY " + Order(orderBy) }]);

    private string Template(SqlTemplate template)
    {
        string Part(int i) => template.IsFormula ? dialect.Formula(template.Parts[i]) : template.Parts[i];
        var text = new StringBuilder("(").Append(Part(0));
        for (var i = 0; i < template.Arguments.Length; i++)
        {
            text.Append(Expression(template.Arguments[i])).Append(Part(i + 1));
        }

        return text.Append(')').ToString();
    }

    private string Case(SqlCase choice)
    {
        var text = new StringBuilder("CASE");
        foreach (var (when, then) in choice.Branches)
        {
            text.Append(" WHEN ").Append(Expression(when)).Append(" THEN ").Append(Expression(then));
        }

        if (choice.Else is { } otherwise)
        {
            text.Append(" ELSE ").Append(Expression(otherwise));
        }

        return text.Append(" END").ToString();
    }

    private string Truncate(SqlTruncate truncate)
    {
        // Where weeks, quarters or years start later than the engine's own.
        var lead = truncate.Grain == TimeGrain.Week
            ? new CalendarPeriod(((int)truncate.Calendar.WeekStart + 6) % 7, TimeGrain.Day)
            : new CalendarPeriod(truncate.Calendar.MonthsAfterCalendar(truncate.Grain), TimeGrain.Month);
        return lead.Count == 0
            ? dialect.Truncate(truncate.Grain, Expression(truncate.Inner))
            : dialect.AddPeriod(dialect.Truncate(truncate.Grain, dialect.AddPeriod(Expression(truncate.Inner), lead.Negate())), lead);
    }

    private string Parameter(string value)
    {
        if (dialect.Placeholder(_parameters.Count + 1) is not { } placeholder)
        {
            return dialect.Literal(value);
        }

        _parameters.Add(value);
        return placeholder;
    }
}
