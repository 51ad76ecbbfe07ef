using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Query;

/// <summary>
/// Last pass: the statement that makes an answer out of leaves, always in DuckDB. Every piece of every leaf gives rows of the same keys and of its own
/// states; one GROUP BY over all of them merges pieces, joins facts (nulls meet nulls, as a FULL OUTER JOIN would) and sets the compared period beside
/// the current one. Then come fill, the metrics' own arithmetic, having, order and limit.
/// </summary>
internal sealed class FinishCompiler
{
    private readonly ResolvedQuery _query;
    private readonly IReadOnlyList<LeafPlan> _plans;
    private readonly LeafPlan? _timeSpine;
    private readonly ImmutableArray<KeyColumn> _keys;
    /// <summary>What the engine says when there are too many combinations to fill.</summary>
    public const string TooManyFilled = "too_many_filled: ";

    /// <summary>How many rows filling may make.</summary>
    public const long MaxFilled = 1_000_000;

    private readonly bool _isTotals;
    private readonly bool _fills;
    private readonly SqlDialect _dialect = DuckDbDialect.Instance;
    private readonly IReadOnlyList<LeafPlan> _all;
    private readonly SqlWriter _writer;

    private FinishCompiler(ResolvedQuery query, IReadOnlyList<LeafPlan> plans, bool isTotals, int? share = null, SqlWriter? writer = null)
    {
        _query = query;
        _all = plans;
        _writer = writer ?? new SqlWriter(_dialect);
        _plans = [.. plans.Where(p => !p.Leaf.IsTimeSpine && p.Leaf.Share == share)];
        _timeSpine = plans.FirstOrDefault(p => p.Leaf.IsTimeSpine);
        _isTotals = isTotals;
        _keys = isTotals ? [] : query.Keys;
        _fills = query.Query.Fill && !isTotals;
    }

    /// <summary>The statement of the answer's rows.</summary>
    /// <param name="query">The query.</param>
    /// <param name="plans">Its leaves.</param>
    /// <param name="source">What stands after FROM for a piece of a plan: a gold relation, or a table with a lake leaf's columns.</param>
    public static SqlStatement Compile(ResolvedQuery query, IReadOnlyList<LeafPlan> plans, Func<LeafPlan, LeafPiece, string> source) =>
        new FinishCompiler(query, plans, isTotals: false).Compile(source);

    /// <summary>The statement of one row of totals; right only if every state can be merged.</summary>
    public static SqlStatement CompileTotals(ResolvedQuery query, IReadOnlyList<LeafPlan> plans, Func<LeafPlan, LeafPiece, string> source) =>
        new FinishCompiler(query, plans, isTotals: true).Compile(source);

    private SqlStatement Compile(Func<LeafPlan, LeafPiece, string> source)
    {
        if (Journey is { } journey)
        {
            var journeys = journey.Answer(_writer, [.. _keys.SkipLast(1).Select(k => k.Name)], source(_plans[0], _plans[0].Pieces[0]));
            return _writer.ToStatement(Shown(new StringBuilder("WITH answer AS (\n").Append(journeys).Append($"\n)\nSELECT * EXCLUDE ({Query.Journey.Order}) FROM answer")).ToString());
        }

        var text = Rows(source);
        return _writer.ToStatement((_isTotals ? text : Shown(text)).ToString());
    }

    /// <summary>Every row, before having, order and limit.</summary>
    private StringBuilder Rows(Func<LeafPlan, LeafPiece, string> source)
    {
        var tables = new List<(string Name, string Sql)>();
        var pieces = Pieces(source, tables).ToList();
        var text = new StringBuilder("WITH ").AppendJoin("", tables.Select(t => t.Name + " AS (\n" + t.Sql + "\n), ")).Append("pieces AS (\n")
            .AppendJoin("\nUNION ALL BY NAME\n", pieces.Select(p => p.Sql))
            .Append("\n), merged AS (\n").Append(Merged(pieces)).Append("\n)");
        if (_fills && _query.TimeKey is { } time)
        {
            text.Append(", filled AS (\n").Append(Filled(time)).Append("\n)");
        }

        text.Append(", valued AS (\nSELECT ")
            .AppendJoin(", ", _keys.Select(k => Quote(k.Name)).Concat(_query.Metrics.SelectMany(Values)))
            .Append("\nFROM ").Append(_fills && _query.TimeKey is not null ? "filled" : "merged").Append("\n)");
        for (var i = 0; i < Shares.Length; i++)
        {
            text.Append(", ").Append(ShareTable(i)).Append(" AS (\n").Append(ShareRows(i, source)).Append("\n)");
        }

        return text.Append(", answer AS (\nSELECT ").AppendJoin(", ", _keys.Select(k => Quote(k.Name)).Concat(_query.Metrics.SelectMany(Columns)))
            .Append("\nFROM valued").AppendJoin("", Shares.Select((_, i) => ShareJoin(i))).Append("\n)\nSELECT ")
            .Append(_query.Query.MinMax ? Ends(_keys[0]) : "*").Append(" FROM answer");
    }

    private Journey? Journey => _plans is [{ Leaf.Journey: { } journey }] ? journey : null;

    private ImmutableArray<Share> Shares => _isTotals ? [] : _query.Shares;

    private static string ShareTable(int number) => "share_" + number.ToString(CultureInfo.InvariantCulture);

    /// <summary>The query again, by a share's columns alone: over the same pieces, or over those of its own leaves.</summary>
    private string ShareRows(int number, Func<LeafPlan, LeafPiece, string> source)
    {
        var share = Shares[number];
        var used = share.Metrics.SelectMany(m => MetricNode.Measures(m.Current)).Select(m => m.LeafIndex).ToHashSet();
        var query = _query with { Query = _query.Query with { MinMax = false }, Keys = share.Within, Metrics = share.Metrics, Shares = [] };
        var plans = _all.Where(p => p.Leaf.IsTimeSpine || used.Contains(p.Leaf.Index)).ToList();
        var rows = new FinishCompiler(query, plans, isTotals: false, share.IsApart ? number : null, _writer).Rows(source);
        var columns = share.Within.Select((k, i) => $"{Quote(k.Name)} AS {ShareTable(number)}_k{i}").Concat(share.Metrics.Select((m, i) => $"{Quote(m.Metric.Name)} AS {ShareTable(number)}_m{i}"));
        return $"SELECT {string.Join(", ", columns)} FROM (\n{rows}\n)";
    }

    private string ShareJoin(int number) =>
        $"\nLEFT JOIN {ShareTable(number)} ON " + (Shares[number].Within.IsEmpty ? "TRUE" : string.Join(" AND ", Shares[number].Within.Select((k, i) => $"{Quote(k.Name)} IS NOT DISTINCT FROM {ShareTable(number)}_k{i}")));

    private StringBuilder Shown(StringBuilder text)
    {
        SqlExpression?[] conditions =
        [
            _query.Having is { } having ? FilterExpressions.Of(having, f => new SqlColumn(null, f.ToString())) : null,
            _query.After is { } after ? After(_query.Order, after) : null,
        ];
        if (conditions.OfType<SqlExpression>().ToList() is { Count: > 0 } all)
        {
            text.Append("\nWHERE ").Append(_writer.Expression(SqlExpression.And(all)));
        }

        if (_query.Query.MinMax)
        {
            return text;
        }

        if (_query.Order is { IsEmpty: false } order)
        {
            text.Append("\nORDER BY ").AppendJoin(", ", order.Select(o => Quote(Sorted(o.Field)) + (o.Descending ? " DESC" : " ASC") + " NULLS LAST"));
        }

        // One row more tells whether there is a next page.
        return _query.Query.Limit is { } limit ? text.Append("\nLIMIT ").Append((limit + 1L).ToString(CultureInfo.InvariantCulture)) : text;
    }

    /// <summary>What an answer is sorted by for a column of it.</summary>
    private string Sorted(string column) => column == Journey?.Node.Key ? Query.Journey.Order : column;

    /// <summary>The rows that come after one in an order: equal in the first columns, and behind it in the next. Nulls are last either way.</summary>
    private SqlExpression After(ImmutableArray<QueryOrder> order, ImmutableArray<object?> row)
    {
        SqlColumn Column(int i) => new(null, Sorted(order[i].Field));
        SqlLiteral Value(int i) => new(order[i].Field == Journey?.Node.Key ? Journey.OrderOf(row[i]) : row[i]);
        SqlExpression Same(int i) => row[i] is null ? new SqlIsNull(Column(i)) : new SqlBinary("=", Column(i), Value(i));
        SqlExpression Behind(int i) => SqlExpression.Or(new SqlBinary(order[i].Descending ? "<" : ">", Column(i), Value(i)), new SqlIsNull(Column(i)));
        return SqlExpression.Or(Enumerable.Range(0, order.Length).Where(i => row[i] is not null)
            .Select(i => SqlExpression.And(Enumerable.Range(0, i).Select(Same).Append(Behind(i)))));
    }

    private string Ends(KeyColumn key) => $"min({Quote(key.Name)}) AS {Quote(key.Ends.Min)}, max({Quote(key.Name)}) AS {Quote(key.Ends.Max)}";

    private IEnumerable<PieceSelect> Pieces(Func<LeafPlan, LeafPiece, string> source, List<(string Name, string Sql)> tables)
    {
        var bounds = _timeSpine is null ? null : source(_timeSpine, _timeSpine.Pieces[0]);
        foreach (var plan in _plans.Where(IsOfMoments))
        {
            var leaf = plan.Leaf;
            var columns = leaf.GroupBy.Select(g => g.Column).ToList();
            var spine = new SpineCompiler(_writer, leaf, _keys, bounds);
            tables.Add((spine.Rows, Grouped([.. Scans([plan], columns, source)], columns, States(leaf))));
            var groups = spine.Rows;
            if (leaf.Spine is not null)
            {
                groups = spine.Values;
                tables.Add((groups, spine.Valued(Measures(leaf).Select(m => (m.ValueColumn, MetricValue.Of(m, m.States.Select(spine.State)))))));
            }

            yield return new PieceSelect("SELECT * FROM " + groups, IsGold: false);
            if (leaf.JoinsTimeSpine)
            {
                yield return new PieceSelect(spine.Moments(groups), IsGold: false);
            }
        }

        foreach (var scan in Scans(_plans.Where(p => !IsOfMoments(p)), [.. _keys.Select(k => k.Name)], source))
        {
            yield return scan;
        }
    }

    /// <summary>Whether a leaf's rows become the query's by way of moments.</summary>
    private bool IsOfMoments(LeafPlan plan) => !_isTotals && (plan.Leaf.Spine is not null || plan.Leaf.JoinsTimeSpine);

    private IEnumerable<MeasureNode> Measures(Leaf leaf) =>
        _query.Metrics.SelectMany(m => new[] { m.Current, m.Previous }).SelectMany(MetricNode.Measures).Where(m => m.LeafIndex == leaf.Index).DistinctBy(m => m.ValueColumn);

    private IEnumerable<PieceSelect> Scans(IEnumerable<LeafPlan> plans, IReadOnlyList<string> keys, Func<LeafPlan, LeafPiece, string> source)
    {
        var pieces = plans.SelectMany(plan => plan.Pieces.Select(piece => (plan.Leaf, Piece: piece, Source: source(plan, piece)))).ToList();
        foreach (var (leaf, _, from) in pieces.Where(p => p.Piece.Gold is null))
        {
            yield return new PieceSelect("SELECT " + string.Join(", ", keys.Concat(leaf.States.Select(leaf.Column)).Select(Quote)) + " FROM " + from, IsGold: false);
        }

        // Leaves that read the same rows of the same table are one scan.
        foreach (var scan in pieces.Where(p => p.Piece.Gold is not null).GroupBy(p => (p.Source, p.Piece.Range, p.Leaf.Shift, FilterText.Of(p.Leaf.Where))))
        {
            yield return new PieceSelect(Gold([.. scan.Select(p => p.Leaf)], keys, scan.First().Piece, scan.Key.Source), IsGold: true);
        }
    }

    private string Gold(ImmutableArray<Leaf> leaves, IReadOnlyList<string> keys, LeafPiece piece, string source)
    {
        var definition = piece.Gold!.Definition;
        LeafExpressions Over(Leaf leaf) => new(
            leaf,
            binding => new SqlColumn("g", leaf.IsAggTime(binding) ? GoldDefinition.Bucket : definition.ColumnOf(leaf.Fact.Name, binding)!),
            definition.Table.Grain < TimeGrain.Day);
        var any = Over(leaves[0]);
        var rows = leaves.SelectMany(l => l.States.Select(s => s.RowsBehind.Name)).Distinct();
        return _writer.Select(new SqlSelect(
            [
                .. keys.Select(k => new SqlProjection(any.Key(leaves[0].GroupBy.First(g => g.Column == k)), k)),
                .. leaves.SelectMany(l => l.States.Select(s => new SqlProjection(s.Merge(new SqlColumn("g", s.Name)), l.Column(s)))),
            ],
            new SqlReady(source),
            "g")
        {
            Where =
            [
                .. any.InRange(piece.Range),
                .. GoldMatcher.Conditions(leaves[0], piece.Gold).Select(any.Condition),
                SqlExpression.Or(rows.Select(r => new SqlIsNull(new SqlColumn("g", r), Negated: true))),
            ],
            GroupByCount = keys.Count,
        });
    }

    private string Merged(IReadOnlyList<PieceSelect> pieces)
    {
        var states = Carried().ToList();
        // One scan of gold alone has grouped its rows already.
        return pieces is [{ IsGold: true }]
            ? "SELECT " + string.Join(", ", _keys.Select(k => k.Name).Concat(states.Select(s => s.Column)).Select(Quote)) + "\nFROM pieces"
            : Grouped([new PieceSelect("pieces", IsGold: false)], [.. _keys.Select(k => k.Name)], states);
    }

    /// <summary>What leaves bring to their common groups: states, or where moments have values those.</summary>
    private IEnumerable<(string Column, string Merged)> Carried() => _plans.SelectMany(p => p.Leaf.Spine is not null
        ? Measures(p.Leaf).Select(m => (m.ValueColumn, "any_value(" + Quote(m.ValueColumn) + ")"))
        : States(p.Leaf));

    private IEnumerable<(string Column, string Merged)> States(Leaf leaf) =>
        leaf.States.Select(s => (leaf.Column(s), _writer.Expression(s.Merge(new SqlColumn(null, leaf.Column(s))))));

    private string Grouped(IReadOnlyList<PieceSelect> pieces, IReadOnlyList<string> keys, IEnumerable<(string Column, string Merged)> states)
    {
        var from = pieces is [{ Sql: "pieces" }] ? "pieces" : "(\n" + string.Join("\nUNION ALL BY NAME\n", pieces.Select(p => p.Sql)) + "\n)";
        return "SELECT " + string.Join(", ", keys.Select(Quote).Concat(states.Select(s => s.Merged + " AS " + Quote(s.Column)))) + "\nFROM " + from
            + (keys.Count == 0 ? "" : "\nGROUP BY " + string.Join(", ", Enumerable.Range(1, keys.Count)));
    }

    private string Filled(KeyColumn time)
    {
        var others = _keys.Where(k => k != time).Select(k => Quote(k.Name)).ToList();
        var key = Quote(time.Name);
        var (start, end) = _query.Range.Buckets(time.Grain!.Value, _query.Model.Calendar);
        var moments = _writer.Statement(new SqlMoments(new SqlLiteral(start), new SqlLiteral(end), time.Grain!.Value, null));
        var spine = $"(SELECT u AS {key} FROM ({moments}) AS m) AS spine";
        var states = Carried().Select(s => Quote(s.Column));
        // Combinations are known only when the rows are, and must not fill the memory.
        var most = MaxFilled / Math.Max(1, (long)(_query.Range.To!.Value.Utc - _query.Range.From!.Value.Utc).TotalSeconds / Calendar.Seconds(time.Grain!.Value));
        var names = string.Join(", ", others);
        var combinations = others.Count == 0 ? "" : $" CROSS JOIN (SELECT {names} FROM (SELECT {names}, count(*) OVER () AS n FROM (SELECT DISTINCT {names} FROM merged))"
            + $" WHERE CASE WHEN n > {most.ToString(CultureInfo.InvariantCulture)} THEN error('{TooManyFilled}' || n) ELSE true END) AS groups";
        return $"SELECT {string.Join(", ", _keys.Select(k => (k == time ? "spine." : "groups.") + Quote(k.Name)).Concat(states))}\nFROM {spine}{combinations}"
            + $"\nLEFT JOIN merged ON merged.{key} = spine.{key}"
            + string.Concat(others.Select(o => $" AND merged.{o} IS NOT DISTINCT FROM groups.{o}"));
    }

    private IEnumerable<string> Values(MetricColumn column)
    {
        yield return Value(column.Current) + " AS " + Quote(column.Metric.Name);
        if (column.Previous is { } previous)
        {
            yield return Value(previous) + " AS " + Quote(column.PreviousName);
        }

        if (HasModifiers)
        {
            foreach (var modifier in column.Modifiers.Where(m => m.Along is not null))
            {
                yield return Value(column.Current, modifier) + " AS " + Quote(modifier.Name);
            }
        }
    }

    /// <summary>Totals have the modifiers' columns and nothing in them.</summary>
    private bool HasModifiers => !_isTotals && !_query.AreTotals;

    private IEnumerable<string> Columns(MetricColumn column)
    {
        var (current, previous) = (Quote(column.Metric.Name), Quote(column.PreviousName));
        yield return current;
        if (column.Previous is not null)
        {
            yield return previous;
            yield return $"{current} - {previous} AS {Quote(column.DeltaName)}";
            yield return $"CAST({current} - {previous} AS DOUBLE) / NULLIF(CAST({previous} AS DOUBLE), 0) AS {Quote(column.RatioName)}";
        }

        foreach (var modifier in column.Modifiers)
        {
            var within = modifier.Within.IsEmpty ? "" : "PARTITION BY " + string.Join(", ", modifier.Within.Select(k => Quote(k.Name))) + " ";
            yield return (HasModifiers, modifier.Kind) switch
            {
                (false, _) => "NULL AS ",
                (_, ModifierKind.Rank) => $"rank() OVER ({within}ORDER BY {current} DESC NULLS LAST) AS ",
                (_, ModifierKind.PercentOfTotal) => $"CAST({current} AS DOUBLE) / NULLIF(CAST({Total(column, modifier)} AS DOUBLE), 0) AS ",
                _ => "",
            } + Quote(modifier.Name);
        }
    }

    private string Total(MetricColumn column, ModifierColumn modifier) =>
        $"{ShareTable(modifier.Share)}_m{Shares[modifier.Share].Metrics.ToList().FindIndex(m => m.Metric.Name == column.Metric.Name)}";

    /// <param name="node">What is computed.</param>
    /// <param name="running">Set if the states of all earlier times count too.</param>
    private string Value(MetricNode node, ModifierColumn? running = null) =>
        _writer.Expression(MetricValue.Of(node, measure => Measured(measure, running), _query.Query.Fill));

    private SqlExpression Measured(MeasureNode measure, ModifierColumn? running)
    {
        var leaf = _plans.First(p => p.Leaf.Index == measure.LeafIndex).Leaf;
        SqlExpression State(MeasureState state)
        {
            var column = new SqlColumn(null, leaf.Column(state));
            return running is null ? column : new SqlOver(state.Merge(column), [.. running.Within.Select(k => new SqlColumn(null, k.Name))])
            {
                OrderBy = [new SqlOrder(new SqlColumn(null, running.Along!.Name), Descending: false)],
                Frame = SqlFrame.UpToCurrent,
            };
        }

        return leaf.Spine is not null ? new SqlColumn(null, measure.ValueColumn) : MetricValue.Of(measure, measure.States.Select(State));
    }

    private string Quote(string identifier) => _dialect.Quote(identifier);

    private readonly record struct PieceSelect(string Sql, bool IsGold);
}
