using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Query.Rows;

/// <summary>Spells row pipelines in DuckDB's SQL: one select around another, which the engine makes one again.</summary>
internal sealed class RowCompiler(SqlWriter writer, RowSource source)
{
    /// <summary>The name before the number of an order's value in a page's rows.</summary>
    private const string OrderColumn = "~o";

    private readonly RowExpressionWriter _expressions = new(writer);

    /// <summary>The rows of a page: the selected columns, then the values of its order.</summary>
    public static SqlStatement CompilePage(Func<SqlWriter, RowSource> source, RowPage page)
    {
        var writer = new SqlWriter(DuckDbDialect.Instance);
        var from = source(writer);
        var compiler = new RowCompiler(writer, from);
        var order = OrderOf(page.Pipeline, from.Key);
        var rows = compiler.Rows(page.Pipeline, from.Sql, !from.Key.IsEmpty, []);
        var text = "SELECT " + string.Join(", ", page.Select.Select(Quote).Concat(order.Select((o, i) => compiler.Value(o.Value) + " AS " + Quote(OrderColumn + i.ToString(CultureInfo.InvariantCulture)))))
            + $"\nFROM {rows} AS t";
        if (page.After is { } after)
        {
            text += "\nWHERE " + compiler.After(order, after);
        }

        text += compiler.OrderBy(order);
        if (page.Limit is { } limit)
        {
            text += "\nLIMIT " + limit.ToString(CultureInfo.InvariantCulture);
        }

        return writer.ToStatement(page.Skip > 0 ? text + "\nOFFSET " + page.Skip.ToString(CultureInfo.InvariantCulture) : text);
    }

    /// <summary>How many rows a pipeline gives.</summary>
    public static SqlStatement CompileCount(Func<SqlWriter, RowSource> source, RowPipeline pipeline)
    {
        var writer = new SqlWriter(DuckDbDialect.Instance);
        var from = source(writer);
        return writer.ToStatement($"SELECT count(*) AS n FROM {new RowCompiler(writer, from).Rows(pipeline, from.Sql, !from.Key.IsEmpty, [])} AS t");
    }

    /// <summary>The whole order of a pipeline's rows: as asked for, then by their key or else by all columns.</summary>
    public static ImmutableArray<RowOrder> OrderOf(RowPipeline pipeline, ImmutableArray<RowColumn> key)
    {
        ImmutableArray<RowOrder> asked = [];
        foreach (var step in pipeline.Steps)
        {
            asked = step switch
            {
                OrderRows order => order.Order,
                SliceRows { HasOwnOrder: true } slice => slice.Order,
                GroupRows or UnionRows => [],
                _ => asked,
            };
        }

        return Whole(asked, pipeline.KeepsRows && !key.IsEmpty ? key : pipeline.Columns);
    }

    private static ImmutableArray<RowOrder> Whole(ImmutableArray<RowOrder> asked, ImmutableArray<RowColumn> ties) =>
        [.. asked, .. ties.OrderBy(c => c.Type.Kind == RowKind.Double).Select(c => new RowColumnValue(c.Name, c.Type)).Where(c => asked.All(o => o.Value != c)).Select(c => new RowOrder(c, false))];

    /// <param name="pipeline">What is done.</param>
    /// <param name="from">What stands after FROM.</param>
    /// <param name="keepsRows">Whether those are the source's own rows, with their key.</param>
    /// <param name="columns">Their columns, if they are not.</param>
    private string Rows(RowPipeline pipeline, string from, bool keepsRows, ImmutableArray<RowColumn> columns)
    {
        ImmutableArray<RowOrder> order = [];
        foreach (var step in pipeline.Steps)
        {
            switch (step)
            {
                case FilterRows filter:
                    from = $"(SELECT * FROM {from} AS t WHERE {_expressions.Condition(filter.Condition)})";
                    break;
                case ComputeRows compute:
                    from = $"(SELECT *, {string.Join(", ", compute.Columns.Select(c => Value(c.Value) + " AS " + Quote(c.Name)))} FROM {from} AS t)";
                    break;
                case GroupRows group:
                    from = Grouped(group, from);
                    keepsRows = false;
                    columns = [.. group.Keys, .. group.Aggregates.Select(a => new RowColumn(a.Name, a.Type))];
                    order = [];
                    break;
                case OrderRows asked:
                    order = asked.Order;
                    break;
                case SliceRows slice:
                    var by = slice.HasOwnOrder ? slice.Order : order;
                    from = $"(SELECT * FROM {from} AS t{OrderBy(Whole(by, keepsRows ? source.Key : columns))}"
                        + (slice.Top is { } top ? " LIMIT " + top.ToString(CultureInfo.InvariantCulture) : "")
                        + (slice.Skip > 0 ? " OFFSET " + slice.Skip.ToString(CultureInfo.InvariantCulture) : "") + ")";
                    order = by;
                    break;
                case UnionRows union:
                    var (rows, areOwn, before) = (from, keepsRows, columns);
                    from = "(" + string.Join("\nUNION ALL BY NAME\n", union.Parts.Select(p => Part(p, rows, areOwn, before))) + ")";
                    keepsRows = false;
                    columns = union.Columns;
                    order = [];
                    break;
                default:
                    throw new ArgumentOutOfRangeException(nameof(pipeline));
            }
        }

        return from;
    }

    private string Part(RowPipeline part, string from, bool keepsRows, ImmutableArray<RowColumn> columns) =>
        "SELECT " + string.Join(", ", part.Columns.Select(c => Quote(c.Name))) + $" FROM {Rows(part, from, keepsRows, columns)} AS t";

    private string Grouped(GroupRows group, string from)
    {
        var columns = group.Keys.Select(k => Quote(k.Name)).Concat(group.Aggregates.Select(a => $"CAST({Aggregate(a)} AS {a.Type.DuckDbName}) AS {Quote(a.Name)}"));
        var text = $"SELECT {string.Join(", ", columns)} FROM {from} AS t";
        if (group.Sets is [var only])
        {
            // Without a key and an aggregate over all there is one row; with keys and no rows there is none.
            text += only.IsEmpty ? "" : " GROUP BY " + string.Join(", ", only.Select(Quote));
        }
        else
        {
            text += " GROUP BY GROUPING SETS (" + string.Join(", ", group.Sets.Select(s => "(" + string.Join(", ", s.Select(Quote)) + ")")) + ")";
        }

        return "(" + text + ")";
    }

    private string Aggregate(RowAggregate aggregate)
    {
        var value = aggregate.Value is null ? "" : _expressions.Value(aggregate.Value);
        return aggregate.Method switch
        {
            AggregateMethod.Sum => Finite(aggregate.Type, $"sum({value})"),
            AggregateMethod.Min => $"min({value})",
            AggregateMethod.Max => $"max({value})",
            AggregateMethod.Average => Finite(aggregate.Type, $"avg({value})"),
            AggregateMethod.CountDistinct => $"count(DISTINCT {value})",
            AggregateMethod.Count => "count(*)",
            AggregateMethod.Custom => Finite(aggregate.Type, writer.Expression(aggregate.Custom!)),
            _ => throw new ArgumentOutOfRangeException(nameof(aggregate)),
        };
    }

    /// <summary>A value as its own type says; what is no finite number is null.</summary>
    private string Value(RowExpression value) => value is RowColumnValue column ? Quote(column.Name) : Finite(value.Type, $"CAST({_expressions.Value(value)} AS {value.Type.DuckDbName})");

    private static string Finite(RowType type, string value) =>
        type.Kind == RowKind.Double ? $"CASE WHEN isfinite({value}) THEN {value} END" : value;

    private string OrderBy(ImmutableArray<RowOrder> order) =>
        order.IsEmpty ? "" : "\nORDER BY " + string.Join(", ", order.Select(o => Value(o.Value) + (o.Descending ? " DESC NULLS LAST" : " ASC NULLS FIRST")));

    /// <summary>The rows behind one: equal in the first values of the order and behind it in the next.</summary>
    private string After(ImmutableArray<RowOrder> order, ImmutableArray<object?> row)
    {
        var parts = new List<string>();
        var same = "";
        for (var i = 0; i < order.Length; i++)
        {
            var (value, constant) = (Value(order[i].Value), _expressions.Constant(new RowConstant(row[i], order[i].Value.Type)));
            var behind = (row[i], order[i].Descending) switch
            {
                (null, true) => null,
                (null, false) => $"{value} IS NOT NULL",
                (_, true) => $"({value} < {constant} OR {value} IS NULL)",
                (_, false) => $"{value} > {constant}",
            };
            if (behind is not null)
            {
                parts.Add(same + behind);
            }

            same += row[i] is null ? $"{value} IS NULL AND " : $"{value} = {constant} AND ";
        }

        var after = parts.Count == 0 ? "FALSE" : "(" + string.Join(" OR ", parts.Select(p => "(" + p + ")")) + ")";

        // What the engine can prune by.
        return row is [not null, ..] && !order[0].Descending
            ? $"{Value(order[0].Value)} >= {_expressions.Constant(new RowConstant(row[0], order[0].Value.Type))} AND {after}"
            : after;
    }

    internal static string Quote(string name) => DuckDbDialect.Instance.Quote(name);
}
