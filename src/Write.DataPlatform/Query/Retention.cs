using System.Collections.Immutable;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Query;

/// <summary>
/// A retention. Entities with the period of their cohort meet the periods in which they came back. The lake gives, by group, by how many periods have begun
/// since the cohort's and by how many lay between, how many entities there are; the finish sums those for which a period has begun.
/// </summary>
/// <param name="Node">The metric.</param>
/// <param name="Leaves">The facts' leaves.</param>
/// <param name="Range">The query's range.</param>
/// <param name="Where">The query's filter.</param>
/// <param name="Until">The range's end, or that of today if it comes first: nobody can have come back later. Null for a range without an end.</param>
internal sealed record Retention(JourneyNode Node, ImmutableArray<Leaf> Leaves, ResolvedRange Range, Filter? Where, TimeBound? Until) : Journey(Node, Leaves, Range, Where)
{
    private const string Bucket = "__bucket";
    private const string Counts = "__counts";
    private const string Nth = "__nth";
    private const string Since = "__since";
    private const string Last = "__last";
    private const string Begun = "begun";
    private const string After = "after";
    private const string Came = "came";
    private const string Entities = "entities";

    private RetentionMetric Metric => (RetentionMetric)Node.Metric;

    /// <inheritdoc />
    public override SqlSelect Compile()
    {
        var occurrences = Occurrences();
        var returns = Returns();
        var cohort = Extend(Cohort(occurrences), [.. Keys, Entity, Bucket], new SqlProjection(
            new SqlOver(new SqlCall("min", Column(Bucket)), [.. Keys.Select(Column), Column(Entity)]), Since));
        var (who, back, last) = (Join(returns), new SqlColumn("r", Bucket), LastBucket());
        var met = Extend(
            cohort,
            [.. Keys, Entity],
            // The period of the cohort itself has begun for whoever is in it, even if his clock was ahead.
            new SqlProjection(new SqlCall("greatest", Zero, new SqlPeriodsBetween(Metric.Period, Column(Since), (SqlExpression?)last ?? new SqlColumn("z", Last))), Begun),
            new SqlProjection(new SqlPeriodsBetween(Metric.Period, Column(Bucket), back), After)) with
        {
            Joins = [who, .. last is null ? [new SqlJoin(Latest(occurrences, returns), "z", new SqlLiteral(true))] : Array.Empty<SqlJoin>()],
            GroupByCount = Keys.Length + 3,
        };
        var counted = Extend(met, [.. Keys, Begun, After], new SqlProjection(SqlOver.RowNumber([.. Keys.Select(Column), Column(Entity)], [new SqlOrder(Column(After), false)]), Nth));
        return Extend(
            counted,
            [.. Keys, Begun, After],
            new SqlProjection(new SqlCall("sum", One), Came),
            new SqlProjection(new SqlCall("sum", Flag(new SqlBinary("=", Column(Nth), One))), Entities)) with
        {
            GroupByCount = Keys.Length + 2,
        };
    }

    /// <inheritdoc />
    public override long OrderOf(object? key) => (long)key!;

    /// <inheritdoc />
    public override string Answer(SqlWriter writer, IReadOnlyList<string> keys, string source)
    {
        var quoted = keys.Select(Quote).ToList();
        var on = keys.Count == 0 ? "TRUE" : string.Join(" AND ", quoted.Select(k => $"r.{k} IS NOT DISTINCT FROM g.{k}"));
        var names = Node.Columns.Select(c => Quote(c.Name)).ToList();
        var by = keys.Count == 0 ? "" : "\nGROUP BY " + string.Join(", ", quoted);
        return $"""
            SELECT *, CAST({names[0]} AS DOUBLE) / {names[1]} AS {names[2]}, {Quote(Node.Key)} AS {Order}
            FROM (
            SELECT {string.Join(", ", quoted.Select(k => "g." + k).Append($"g.{Order} AS {Quote(Node.Key)}"))},
              coalesce(sum(r.{Came}) FILTER (WHERE r.{After} = g.{Order}), 0) AS {names[0]}, sum(r.{Entities}) FILTER (WHERE r.{Begun} >= g.{Order}) AS {names[1]}
            FROM (SELECT {string.Concat(quoted.Select(k => k + ", "))}unnest(range(0, max({Begun}) + 1)) AS {Order} FROM {source}{by}) AS g
            JOIN {source} AS r ON {on}
            GROUP BY {string.Join(", ", quoted.Select(k => "g." + k).Append("g." + Order))}
            )
            """;
    }

    /// <summary>The events that make a cohort: of all time before the range's end, if only an entity's first counts.</summary>
    private SqlSelect Occurrences()
    {
        var scan = Metric.FirstOccurrenceOnly ? Range with { From = null } : Range;
        var leaf = Leaves[0] with { Range = scan, Target = scan, States = [Node.Events[0].State] };
        return LeafCompiler.CompileEvents(leaf, Metric.Entity, (entity, events) =>
        [
            new SqlProjection(entity, Entity),
            new SqlProjection(events.AggTime(), Time),
            new SqlProjection(events.AggBucket(Metric.Period), Bucket),
            new SqlProjection(Flag(First(events)), Counts),
            .. leaf.GroupBy.Select(key => new SqlProjection(events.Key(key), key.Column)),
        ]);
    }

    /// <summary>Entities by group and period of their cohort.</summary>
    private SqlSelect Cohort(SqlSelect occurrences)
    {
        var columns = occurrences.Columns.Select(c => c.Name).ToList();
        var counts = new SqlBinary("=", Column(Counts), One);
        SqlSelect By(SqlRelation rows, params ImmutableArray<SqlExpression> where) => Extend(rows, [.. Keys, Entity, Bucket]) with { Where = where, GroupByCount = Keys.Length + 2 };
        return Metric.FirstOccurrenceOnly
            ? By(
                Extend(occurrences, columns, new SqlProjection(
                    // Of first events at one instant any that the query asks for counts.
                    SqlOver.RowNumber([Column(Entity)], [new SqlOrder(Column(Time), false), new SqlOrder(Column(Counts), true), .. Keys.Select(k => new SqlOrder(Column(k), false))]), Nth)),
                new SqlBinary("=", Column(Nth), One),
                counts)
            : By(occurrences, counts);
    }

    /// <summary>The periods, from that in which the range begins, in which entities came back.</summary>
    private SqlRelation Returns()
    {
        var range = Range.From is { } from ? Range with { From = TimeBound.FromDate(Leaves[0].Calendar.Truncate(from.Date, Metric.Period), Leaves[0].Zone) } : Range;
        return Union(
        [
            .. Node.Events.Skip(1).GroupBy(e => e.LeafIndex).Select(own =>
            {
                var leaf = Leaves.Single(l => l.Index == own.Key) with { Range = range, Target = range, States = [.. own.Select(e => e.State).DistinctBy(s => s.Name)] };
                return LeafCompiler.CompileEvents(leaf, Metric.Entity, (entity, events) => [new SqlProjection(entity, Entity), new SqlProjection(events.AggBucket(Metric.Period), Bucket)]) with { GroupByCount = 2 };
            }),
        ]);
    }

    private static SqlJoin Join(SqlRelation returns)
    {
        var (entity, bucket) = (new SqlColumn("r", Entity), new SqlColumn("r", Bucket));
        return new SqlJoin(returns, "r", SqlExpression.And(new SqlBinary("=", entity, Column(Entity)), new SqlBinary(">=", bucket, Column(Bucket))));
    }

    /// <summary>The last period that has begun by then; null if the range has no end.</summary>
    private SqlLiteral? LastBucket() => Until is { } to
        ? new SqlLiteral(Leaves[0].Calendar.Truncate(DateOnly.FromDateTime(to.Local.AddTicks(-1)), Metric.Period))
        : null;

    private static SqlSelect Latest(SqlSelect occurrences, SqlRelation returns) =>
        new(
            [new SqlProjection(new SqlCall("max", Column(Bucket)), Last)],
            new SqlUnionAll([Extend(occurrences, [Bucket]), Extend(returns, [Bucket])]),
            "e");
}
