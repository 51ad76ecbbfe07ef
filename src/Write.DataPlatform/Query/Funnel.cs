using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Query;

/// <summary>
/// A funnel. Every event is a row with a flag for each step that it is; the rows of an entity have a total order; and for each row the times of the steps
/// that follow are minima over the rows after it, from the last step to the second. Of an entity's first steps in a group the one counts that got farthest.
/// </summary>
internal sealed record Funnel(JourneyNode Node, ImmutableArray<Leaf> Leaves, ResolvedRange Range, Filter? Where) : Journey(Node, Leaves, Range, Where)
{
    private const string Exclusion = "__exclusion";
    private const string Start = "__start";
    private const string Until = "__until";
    private const string At = "__at";
    private const string Passage = "__passage";
    private const string Reached = "__reached";
    private const string Best = "__best";

    /// <summary>Beyond so many days a window does not bound the events that are read.</summary>
    private const long MaxDays = 36_500;

    private FunnelMetric Metric => (FunnelMetric)Node.Metric;

    private int Count => Metric.Steps.Length;

    private IEnumerable<int> Steps => Enumerable.Range(1, Count);

    /// <inheritdoc />
    public override SqlSelect Compile()
    {
        var scan = new ResolvedRange(Range.From, LastEnd());
        var parts = Leaves.Select(leaf => leaf with { Range = scan, Target = scan }).Select(leaf => LeafCompiler.CompileEvents(leaf, Metric.Entity, (entity, events) => Event(leaf, entity, events)));
        var rows = Ordered(Union([.. parts]));
        var starts = Metric.IsStrict ? Next(rows) : Later(rows);
        var reached = new SqlCase(
            [.. Steps.Skip(1).Reverse().Select(j => ((SqlExpression)(Metric.Window is null ? new SqlIsNull(Column(TimeOf(j)), Negated: true) : new SqlBinary("<", Column(TimeOf(j)), Column(Until))), (SqlExpression)new SqlLiteral((long)j)))],
            One);
        var passages = Extend(starts, [.. Keys, Entity, Time, At, .. Steps.Skip(1).Select(TimeOf)], new SqlProjection(reached, Reached)) with
        {
            Where = [new SqlBinary("=", Column(Start), One)],
        };
        var farthest = Extend(passages, [.. Keys, Time, .. Steps.Skip(1).Select(TimeOf), Reached], new SqlProjection(
            SqlOver.RowNumber([.. Keys.Select(Column), Column(Entity)], [new SqlOrder(Column(Reached), true), new SqlOrder(Column(At), false)]), Best));
        return Extend(farthest, Keys, Steps.SelectMany(Values)) with { Where = [new SqlBinary("=", Column(Best), One)], GroupByCount = Keys.Length };
    }

    /// <inheritdoc />
    public override string Answer(SqlWriter writer, IReadOnlyList<string> keys, string source)
    {
        var names = Node.Columns.Select(c => Quote(c.Name)).ToList();
        return string.Join("\nUNION ALL\n", Steps.Select(j =>
        {
            var (here, previous, first) = (Entities(j), Entities(j - 1), Entities(1));
            var values = j == 1
                ? [here, "CAST(NULL AS DOUBLE)", $"CAST({here} AS DOUBLE) / NULLIF({here}, 0)", "CAST(NULL AS BIGINT)", "CAST(NULL AS DOUBLE)", "CAST(NULL AS DOUBLE)"]
                : new[] { here, $"CAST({here} AS DOUBLE) / NULLIF({previous}, 0)", $"CAST({here} AS DOUBLE) / NULLIF({first}, 0)", $"{previous} - {here}", Quote(MedianOf(j)), Quote(P90Of(j)) };
            return "SELECT " + string.Join(", ", keys.Select(Quote)
                    .Append($"{writer.Expression(new SqlLiteral(Metric.Steps[j - 1].Name))} AS {Quote(Node.Key)}")
                    .Concat(values.Zip(names, (value, name) => $"{value} AS {name}"))
                    .Append(string.Create(CultureInfo.InvariantCulture, $"{j} AS {Order}")))
                + "\nFROM " + source;
        }));
    }

    /// <inheritdoc />
    public override long OrderOf(object? key) => Metric.Steps.Select(s => s.Name).ToList().IndexOf((string)key!) + 1;

    /// <summary>The columns of an event: who, when, which steps, and for a first step whether and in which group it counts.</summary>
    private ImmutableArray<SqlProjection> Event(Leaf leaf, SqlExpression entity, LeafExpressions events)
    {
        var isFirst = leaf.Index == Leaves[0].Index;
        var time = new SqlCast(events.AggTime(), ColumnKind.Timestamp);
        SqlExpression Is(int j) => Matches(leaf, events, Node.Events[j - 1]);
        return
        [
            new SqlProjection(entity, Entity),
            new SqlProjection(time, Time),
            .. Steps.Select(j => new SqlProjection(Flag(Is(j)), Step(j))),
            .. Metric.Exclusions.IsEmpty ? [] : new[] { new SqlProjection(Flag(SqlExpression.Or(Node.Events.Skip(Count).Select(e => Matches(leaf, events, e)).Distinct())), Exclusion) },
            new SqlProjection(isFirst ? Flag([Is(1), .. First(events)]) : Zero, Start),
            .. Metric.Window is { } window ? new[] { new SqlProjection(isFirst ? End(leaf, time, window) : new SqlLiteral(null), Until) } : [],
            .. Leaves[0].GroupBy.Select(key => new SqlProjection(isFirst ? events.Key(key) : new SqlLiteral(null), key.Column)),
        ];
    }

    private static SqlExpression Matches(Leaf leaf, LeafExpressions events, (int LeafIndex, MeasureState State) @event) =>
        @event.LeafIndex != leaf.Index ? new SqlLiteral(false) : @event.State.Filter is null ? new SqlLiteral(true) : events.Condition(@event.State);

    /// <summary>When the window of a passage that starts at a time ends; days and longer are those of the query's clock.</summary>
    private static SqlExpression End(Leaf leaf, SqlExpression time, CalendarPeriod window)
    {
        if (window.Grain < TimeGrain.Day)
        {
            return new SqlAddSeconds(time, window.Count * (long)Calendar.Fixed(window.Grain).TotalSeconds);
        }

        if (!Leaf.IsInstant(leaf.AggTime))
        {
            return new SqlAddPeriod(time, window);
        }

        var (from, to) = (leaf.Range.From?.Utc, leaf.Range.To?.Utc);
        return ZoneRules.ToUtc(
            new SqlAddPeriod(ZoneRules.ToLocal(time, leaf.Zone, from, to, isRepeated: true), window), leaf.Zone, from, to);
    }

    /// <summary>What no later step is after; null for no bound. A passage may start in an hour that the clock shows twice, hence a day more.</summary>
    private TimeBound? LastEnd()
    {
        if (Range.To is not { } to || Metric.Window is not { } window)
        {
            return null;
        }

        var unit = window.Grain switch { TimeGrain.Week => 7, TimeGrain.Month => 31, TimeGrain.Quarter => 92, TimeGrain.Year => 366, _ => 1 };
        var days = window.Grain < TimeGrain.Day ? (long)(window.Count * Calendar.Fixed(window.Grain).TotalDays) + 1 : window.Count * (long)unit;
        return days > MaxDays ? null : TimeBound.FromDate(to.Date.AddDays((int)days + 2), Leaves[0].Zone);
    }

    /// <summary>
    /// The rows with their place among those of their entity: by time, then by the first step that they are, then those that are fewer later ones,
    /// exclusions last. Rows that tie even so are alike in all that counts. With exclusions, each begins a passage of its own, which no other's steps reach.
    /// </summary>
    private SqlSelect Ordered(SqlRelation events)
    {
        var columns = Columns().ToList();
        var first = new SqlCase([.. Steps.Select(j => ((SqlExpression)new SqlBinary("=", Column(Step(j)), One), (SqlExpression)new SqlLiteral((long)j)))], new SqlLiteral(Count + 1L));
        var ordered = Extend(events, columns, new SqlProjection(
            SqlOver.RowNumber(
                [Column(Entity)],
                [
                    new SqlOrder(Column(Time), false),
                    new SqlOrder(first, false),
                    .. Steps.Reverse().Select(j => new SqlOrder(Column(Step(j)), false)),
                    .. Metric.Exclusions.IsEmpty ? [] : new[] { new SqlOrder(Column(Exclusion), false) },
                    new SqlOrder(Column(Start), true),
                    .. Keys.Select(k => new SqlOrder(Column(k), false)),
                ]),
            At));
        return Metric.Exclusions.IsEmpty ? ordered : Extend(ordered, [.. columns, At], new SqlProjection(
            new SqlOver(new SqlCall("sum", Column(Exclusion)), [Column(Entity)]) { OrderBy = [new SqlOrder(Column(At), false)], Frame = SqlFrame.UpToCurrent }, Passage));
    }

    /// <summary>The rows with the times of the steps that follow each, other events between them or not.</summary>
    private SqlSelect Later(SqlSelect rows)
    {
        for (var k = Count - 1; k >= 1; k--)
        {
            // The earliest row of the next step is also the one whose own steps follow earliest.
            rows = Extend(rows, rows.Columns.Select(c => c.Name).Where(c => !Steps.Any(j => c == TimeOf(j))).ToList(), Steps.Skip(k).Select(j => new SqlProjection(
                new SqlOver(
                    new SqlCall("min", new SqlCase([(new SqlBinary("=", Column(Step(k + 1)), One), Column(j == k + 1 ? Time : TimeOf(j)))], null)),
                    Within)
                {
                    OrderBy = [new SqlOrder(Column(At), true)],
                    Frame = SqlFrame.Before,
                },
                TimeOf(j))));
        }

        return rows;
    }

    /// <summary>The rows with the times of the steps that follow each with no other event between them.</summary>
    private SqlSelect Next(SqlSelect rows)
    {
        SqlOver Ahead(string column, int distance) =>
            new(new SqlCall("lead", Column(column), new SqlLiteral((long)distance)), Within) { OrderBy = [new SqlOrder(Column(At), false)] };
        return Extend(rows, rows.Columns.Select(c => c.Name), Steps.Skip(1).Select(j => new SqlProjection(
            new SqlCase([(SqlExpression.And(Enumerable.Range(2, j - 1).Select(i => new SqlBinary("=", Ahead(Step(i), i - 1), One))), Ahead(Time, j - 1))], null), TimeOf(j))));
    }

    private ImmutableArray<SqlExpression> Within => Metric.Exclusions.IsEmpty ? [Column(Entity)] : [Column(Entity), Column(Passage)];

    private IEnumerable<string> Columns() =>
    [
        Entity, Time, .. Steps.Select(Step), .. Metric.Exclusions.IsEmpty ? [] : new[] { Exclusion }, Start, .. Metric.Window is null ? [] : new[] { Until }, .. Keys,
    ];

    private IEnumerable<SqlProjection> Values(int j)
    {
        var reached = new SqlBinary(">=", Column(Reached), new SqlLiteral((long)j));
        yield return new SqlProjection(new SqlCall("sum", new SqlCase([(reached, One)], Zero)), "n" + Text(j));
        if (j > 1)
        {
            var seconds = new SqlCase([(reached, new SqlSecondsBetween(Column(Time), Column(TimeOf(j))))], null);
            yield return new SqlProjection(new SqlPercentile(seconds, 0.5, IsDiscrete: false), MedianOf(j));
            yield return new SqlProjection(new SqlPercentile(seconds, 0.9, IsDiscrete: false), P90Of(j));
        }
    }

    private static string Entities(int j) => $"coalesce({Quote("n" + Text(j))}, 0)";

    private static string Step(int j) => "__is_" + Text(j);

    private static string TimeOf(int j) => "__time_" + Text(j);

    private static string MedianOf(int j) => "median_" + Text(j);

    private static string P90Of(int j) => "p90_" + Text(j);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
