using System.Globalization;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Query;

/// <summary>The parts of the finish that join a leaf's rows to the moments of its spine.</summary>
/// <param name="writer">The finish's writer.</param>
/// <param name="leaf">The leaf.</param>
/// <param name="keys">The query's group-by columns.</param>
/// <param name="timeSpine">What stands after FROM for the model's time spine as <see cref="Leaf.TimeSpine"/> has it; null without one.</param>
internal sealed class SpineCompiler(SqlWriter writer, Leaf leaf, IReadOnlyList<KeyColumn> keys, string? timeSpine)
{
    /// <summary>A moment, where they are joined to.</summary>
    public static readonly SqlColumn Moment = new("m", Spine.Moment);

    /// <summary>The table of the leaf's rows.</summary>
    public string Rows { get; } = "rows_" + leaf.Index.ToString(CultureInfo.InvariantCulture);

    /// <summary>The table of its values at moments, by the query's columns.</summary>
    public string Values { get; } = "values_" + leaf.Index.ToString(CultureInfo.InvariantCulture);

    /// <summary>A state at a moment, out of those of the buckets that count.</summary>
    public SqlExpression State(MeasureState state)
    {
        var column = new SqlColumn("r", leaf.Column(state));
        return leaf.Spine!.IsInLake ? column : state.Merge(column);
    }

    /// <summary>The statement of <see cref="Values"/>.</summary>
    public string Valued(IEnumerable<(string Column, SqlExpression Value)> values)
    {
        var (spine, columns) = (leaf.Spine!, values.ToList());
        SqlExpression at = spine.IsInLake ? new SqlColumn("r", Spine.Column) : Moment;
        var moments = Over(leaf.OfMoments, at, spine.Basis);
        var shifted = moments.AggBucket(spine.Basis);
        var conditions = (spine.Where is { } where ? [moments.Condition(where)] : Enumerable.Empty<SqlExpression>()).Concat(InTarget(shifted)).ToList();
        if (spine.StartsOf.Length > 0)
        {
            conditions.Add(SqlExpression.Or(spine.StartsOf.Select(start => Accumulation.Starts(spine.Basis, start, at, (time, grain) => Over(leaf.OfMoments, time, spine.Basis).AggBucket(grain)))));
        }

        var from = spine.IsInLake
            ? $"{Rows} AS r"
            : $"({writer.Statement(MomentsOf(spine.Range, spine.Basis))}) AS m\nJOIN {Rows} AS r ON {writer.Expression(Counts())}";
        var key = keys.Select(k => spine.Keys.FirstOrDefault(f => f.Column == k.Name) is { } field ? writer.Expression(moments.Key(field)) : "r." + Quote(k.Name));
        var inner = "SELECT " + string.Join(", ", key.Zip(keys, (sql, k) => sql + " AS " + Quote(k.Name)))
            + $", {writer.Expression(at)} AS __at, {writer.Expression(shifted)} AS __shifted, " + string.Join(", ", columns.Select(c => writer.Expression(c.Value) + " AS " + Quote(c.Column)))
            + "\nFROM " + from
            + (conditions.Count == 0 ? "" : "\nWHERE " + string.Join(" AND ", conditions.Select(writer.Expression)))
            + (spine.IsInLake ? "" : "\nGROUP BY " + string.Join(", ", Enumerable.Range(1, keys.Count + 2)));
        var dimensions = keys.Where(k => spine.Keys.All(f => f.Column != k.Name)).Select(k => Quote(k.Name));
        if (spine.Shift?.CanMerge(spine.Basis, leaf.Zone) is true)
        {
            // Of two moments that land on one, the later has the value.
            inner += $"\nQUALIFY row_number() OVER (PARTITION BY {string.Join(", ", dimensions.Append("__shifted"))} ORDER BY __at DESC) = 1";
        }

        string Standing(string column) => spine.IsCoarser
            ? spine.How.Period switch
            {
                PeriodAggregation.Average => $"avg({column})",
                PeriodAggregation.Last => $"last({column} ORDER BY __at)",
                _ => $"first({column} ORDER BY __at)",
            }
            : column;
        return "SELECT " + string.Join(", ", keys.Select(k => Quote(k.Name)).Concat(columns.Select(c => Standing(Quote(c.Column)) + " AS " + Quote(c.Column))))
            + "\nFROM (\n" + inner + "\n)"
            + (spine.IsCoarser ? "\nGROUP BY " + string.Join(", ", Enumerable.Range(1, keys.Count)) : "");
    }

    /// <summary>The leaf's rows in buckets that the time spine has.</summary>
    public string Met()
    {
        var bucket = leaf.GroupBy.Where(g => g.IsBucket && leaf.IsAggTime(g.Binding)).MinBy(g => g.Grain)!;
        return $"SELECT * FROM {Rows} AS r\nWHERE EXISTS (SELECT 1 FROM {timeSpine} AS s WHERE s.{Quote(Spine.Moment)} = r.{Quote(bucket.Column)})";
    }

    /// <summary>The moments that have no rows in a table of the leaf's groups, by their columns of time alone.</summary>
    public string Moments(string groups)
    {
        var fields = leaf.Spine?.Keys ?? [.. leaf.GroupBy.Where(g => leaf.IsAggTime(g.Binding))];
        // Days, however coarse the buckets: a week may begin before the range, and in another month.
        var (range, step) = (leaf.Spine?.Target ?? leaf.Target, new[] { fields.Min(f => f.Grain!.Value), TimeGrain.Day }.Min());
        var moments = new LeafExpressions(
            leaf with { Shift = null, Range = range, Target = range }, binding => leaf.IsAggTime(binding) ? Moment : new SqlLiteral(null), step < TimeGrain.Day, Custom);
        var conditions = leaf.OnMoments is { } condition ? [writer.Expression(moments.Condition(condition))] : Array.Empty<string>();
        var columns = fields.Select(f => (Sql: writer.Expression(moments.Key(f)), Name: Quote(f.Column))).ToList();
        return "SELECT DISTINCT " + string.Join(", ", columns.Select(c => c.Sql + " AS " + c.Name))
            + $"\nFROM ({writer.Statement(MomentsOf(range, step))}) AS m\nWHERE "
            + string.Join(" AND ", conditions.Append($"NOT EXISTS (SELECT 1 FROM {groups} AS r WHERE {string.Join(" AND ", columns.Select(c => $"r.{c.Name} = {c.Sql}"))})"));
    }

    private LeafExpressions Over(Leaf leaf, SqlExpression moment, TimeGrain grain) =>
        new(leaf, binding => leaf.IsAggTime(binding) ? moment : throw new InvalidOperationException($"{binding.Name} does not follow from a moment."), grain < TimeGrain.Day, Custom);

    /// <summary>In which bucket of the model's own a bucket of the time spine lies; null where the spine does not have it.</summary>
    private SqlText Custom(CustomGranularity granularity, SqlExpression bucket) =>
        new($"SELECT s.{Quote(Spine.ColumnOf(granularity))} FROM {timeSpine} AS s WHERE s.{Quote(Spine.Moment)} = {writer.Expression(bucket)}");

    private SqlExpression Counts()
    {
        var spine = leaf.Spine!;
        return spine.How.Counts(spine.Basis, new SqlColumn("r", Spine.Column), Moment, (time, grain) => Over(leaf, time, spine.Basis).AggBucket(grain));
    }

    /// <summary>What keeps shifted moments in the range that is asked for.</summary>
    private IEnumerable<SqlExpression> InTarget(SqlExpression shifted)
    {
        if (leaf.Spine is not { Shift: not null } spine)
        {
            yield break;
        }

        var (start, end) = spine.Target.Buckets(spine.Basis, leaf.Calendar);
        if (start is not null)
        {
            yield return new SqlBinary(">=", shifted, new SqlLiteral(start));
        }

        if (end is not null)
        {
            yield return new SqlBinary("<", shifted, new SqlLiteral(end));
        }
        else if (timeSpine is not null)
        {
            yield return new SqlBinary("<=", shifted, new SqlText($"SELECT max({(HasRows ? Spine.Moment : "last")}) FROM {timeSpine}"));
        }
    }

    /// <summary>Whether the time spine's rows are known, and not only the first and the last.</summary>
    private bool HasRows => leaf.TimeSpine is { GroupBy.IsEmpty: false };

    private SqlRelation MomentsOf(ResolvedRange range, TimeGrain step) =>
        timeSpine is null ? MomentsOf(range, step, leaf.Calendar, Span(Rows, range.IsBounded ? null : Bound))
        : HasRows && step < TimeGrain.Day ? Within(range, step, leaf.Calendar, new SqlReady(timeSpine))
        : MomentsOf(range, step, leaf.Calendar, HasRows ? Span(timeSpine, Spine.Moment) : Span(timeSpine, null));

    /// <summary>One row of the first and the last of a column, or as a relation has them already.</summary>
    private static SqlSelect Span(string relation, string? column)
    {
        SqlProjection Bound(string function, string name) =>
            new(column is null ? new SqlColumn("s", name) : new SqlCall(function, new SqlColumn("s", column)), name);
        return new SqlSelect([Bound("min", "first"), Bound("max", "last")], new SqlReady(relation), "s");
    }

    /// <summary>Those of some moments that lie in a range.</summary>
    public static SqlSelect Within(ResolvedRange range, TimeGrain step, ModelCalendar calendar, SqlRelation moments)
    {
        var (start, end) = range.Buckets(step, calendar);
        var moment = new SqlColumn("s", Spine.Moment);
        return new SqlSelect([new SqlProjection(moment, Spine.Moment)], moments, "s")
        {
            Where = [.. start is null ? [] : new[] { new SqlBinary(">=", moment, new SqlLiteral(start)) }, .. end is null ? [] : new[] { new SqlBinary("<", moment, new SqlLiteral(end)) }],
        };
    }

    /// <summary>The moments of a range; where it is open, those of one row's <c>first</c> to <c>last</c>.</summary>
    public static SqlMoments MomentsOf(ResolvedRange range, TimeGrain step, ModelCalendar calendar, SqlSelect bounds)
    {
        var (start, end) = range.Buckets(step, calendar);
        return new SqlMoments(
            start is not null ? new SqlLiteral(start) : Bucket("first"),
            end is not null ? new SqlLiteral(end) : new SqlAddPeriod(Bucket("last"), new CalendarPeriod(1, step)),
            step,
            start is null || end is null ? bounds : null);

        // Buckets within a day start where the zone has them, and their rows' first moment is one.
        SqlExpression Bucket(string bound) =>
            step < TimeGrain.Day ? new SqlColumn("b", bound) : new SqlTruncate(step, new SqlColumn("b", bound), calendar);
    }

    /// <summary>The column of moments among the leaf's rows.</summary>
    private string Bound => leaf.Spine is not null ? Spine.Column : leaf.GroupBy.Where(g => leaf.IsAggTime(g.Binding) && g.IsBucket).MinBy(g => g.Grain)!.Column;

    private static string Quote(string identifier) => DuckDbDialect.Instance.Quote(identifier);
}
