using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Rows;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Api.OData;

/// <summary>An aggregate that a set has by a name of its own.</summary>
/// <param name="Type">The result's type.</param>
/// <param name="Value">The aggregate over the set's own rows; null if they do not tell it.</param>
internal sealed record CustomAggregate(RowType Type, SqlExpression? Value);

/// <summary>Reads <c>$apply</c> and <c>$compute</c>: a sequence of transformations, each over the columns that the one before gives.</summary>
/// <param name="now">What <c>now()</c> is.</param>
/// <param name="customs">The set's own aggregates, over rows that are still its own.</param>
internal sealed partial class ApplyReader(DateTimeOffset now, IReadOnlyDictionary<string, CustomAggregate> customs)
{
    private const int MaxSteps = 64;
    private const int MaxSets = 64;

    /// <summary>How often the set's rows may be computed with: a concat behind a concat multiplies them.</summary>
    private const int MaxCopies = 32;

    private int _steps;
    private int _copies = 1;
    private bool _areOwn = true;

    /// <summary>The pipeline with a text's transformations behind it.</summary>
    /// <exception cref="Rest.ProblemException">400: it is wrong. 501: this feed does not have a transformation.</exception>
    public RowPipeline Read(RowPipeline pipeline, string text) => Splitter.Split(text, '/').Aggregate(pipeline, Step);

    /// <summary>The pipeline with computed columns: <c>a mul 2 as b,…</c>.</summary>
    /// <exception cref="Rest.ProblemException">400 or 501.</exception>
    public RowPipeline Compute(RowPipeline pipeline, string text)
    {
        var reader = new ExpressionReader(pipeline.Columns, now);
        var computed = ImmutableArray.CreateBuilder<(string Name, RowExpression Value)>();
        foreach (var item in Splitter.Split(text, ','))
        {
            var (expression, alias) = Splitter.Last(item.Trim(), "as") ?? throw Refusal.Bad($"'{QueryForm.Short(item)}' has no alias: write 'expression as name'.");
            var value = reader.Value(expression);
            computed.Add((NewName(alias, pipeline.Columns.Select(c => c.Name).Concat(computed.Select(c => c.Name))), value.Type.Kind == RowKind.Null ? new RowConstant(null, RowType.String) : value));
        }

        return pipeline.Then(new ComputeRows(computed.ToImmutable()), [.. pipeline.Columns, .. computed.Select(c => new RowColumn(c.Name, c.Value.Type))]);
    }

    private RowPipeline Step(RowPipeline pipeline, string text)
    {
        if (++_steps > MaxSteps)
        {
            throw Refusal.Bad($"There are more than {MaxSteps} transformations.");
        }

        if (Is(text.Trim(), "identity"))
        {
            return pipeline;
        }

        var (name, inner) = Splitter.Call(text) ?? throw Refusal.Bad($"'{QueryForm.Short(text)}' is no transformation.");
        var reader = new ExpressionReader(pipeline.Columns, now);
        switch (name.ToLowerInvariant())
        {
            case "filter":
                return pipeline.Then(new FilterRows(reader.Filter(inner)));
            case "search":
                return pipeline.Then(new FilterRows(reader.Search(inner)));
            case "orderby":
                return pipeline.Then(new OrderRows(reader.OrderBy(inner)));
            case "skip":
                return pipeline.Then(new SliceRows(Number(inner), null, []));
            case "top":
                return pipeline.Then(new SliceRows(0, Number(inner), []));
            case "topcount" or "bottomcount":
                var parts = Splitter.Split(inner, ',');
                return parts.Count == 2
                    ? pipeline.Then(new SliceRows(0, Number(parts[0]), [new RowOrder(reader.Value(parts[1].Trim()), Is(name, "topcount"))]))
                    : throw Refusal.Bad($"{name} takes a number and a value.");
            case "compute":
                return Compute(pipeline, inner);
            case "aggregate":
                return Group(pipeline, [], [[]], inner);
            case "groupby":
                return GroupBy(pipeline, inner);
            case "concat":
                return Concat(pipeline, inner);
            default:
                throw Refusal.Unsupported($"This feed has no transformation {QueryForm.Short(name)}.");
        }
    }

    private RowPipeline Concat(RowPipeline pipeline, string inner)
    {
        var texts = Splitter.Split(inner, ',');
        if (texts.Count < 2)
        {
            throw Refusal.Bad("concat takes at least two sequences.");
        }

        // What was ordered before is not ordered after it.
        var wereOwn = _areOwn;
        _areOwn &= pipeline.KeepsRows;
        var (before, copies) = (_copies, 0);
        var parts = new List<RowPipeline>();
        foreach (var text in texts)
        {
            _copies = before;
            parts.Add(Read(new RowPipeline([], pipeline.Columns), text));
            copies += _copies;
        }

        _copies = copies <= MaxCopies ? copies : throw Refusal.Bad($"The rows would be read {copies} times, and at most {MaxCopies} times they are; concat less.");
        _areOwn = wereOwn;
        var columns = parts.SelectMany(p => p.Columns).GroupBy(c => c.Name, StringComparer.Ordinal).Select(g =>
            g.Select(c => c.Type).Distinct().Count() == 1 ? g.First() : throw Refusal.Bad($"The sequences give {g.Key} different types.")).ToImmutableArray();
        return pipeline.Then(new UnionRows([.. parts], columns), columns);
    }

    private RowPipeline GroupBy(RowPipeline pipeline, string inner)
    {
        var (names, rest) = Keys(inner);
        var (keys, sets) = Sets(names, name => Column(pipeline, name));
        return Group(pipeline, keys, sets, Aggregates(rest));
    }

    /// <summary>What is aggregated of the groups; nothing if they are only listed.</summary>
    public static string Aggregates(string? groups) => groups is null ? ""
        : Splitter.Call(groups) is { } call && Is(call.Name, "aggregate") ? call.Inner
        : throw Refusal.Unsupported("Within groupby this feed has aggregate alone.");

    /// <summary>Whether a word is a name of OData's, which may be written in any case.</summary>
    public static bool Is(string word, string name) => word.Equals(name, StringComparison.OrdinalIgnoreCase);

    /// <summary>The list of keys of a groupby and, as a text, what is done with the groups.</summary>
    public static (List<string> Keys, string? Groups) Keys(string inner)
    {
        var parts = Splitter.Split(inner, ',');
        var list = parts[0].Trim();
        return parts.Count <= 2 && list.StartsWith('(') && list.EndsWith(')')
            ? ([.. Splitter.Split(list[1..^1], ',').Select(k => k.Trim())], parts.Count == 2 ? parts[1].Trim() : null)
            : throw Refusal.Bad("groupby takes a list of properties in parentheses and then one transformation.");
    }

    /// <summary>The keys with every combination of them that is a group: all, and for a rollup those without its last ones.</summary>
    public static (ImmutableArray<T> Keys, ImmutableArray<ImmutableArray<string>> Sets) Sets<T>(List<string> names, Func<string, T> key)
    {
        var (keys, seen) = (ImmutableArray.CreateBuilder<T>(), new HashSet<string>(StringComparer.Ordinal));
        List<ImmutableArray<string>> sets = [[]];
        foreach (var name in names)
        {
            if (Splitter.Call(name) is not { } call)
            {
                Add(name);
                sets = [.. sets.Select(s => s.Add(name))];
            }
            else if (Is(call.Name, "rollup"))
            {
                var levels = Splitter.Split(call.Inner, ',').Select(l => l.Trim()).ToList();
                var all = levels[0] == "$all";
                levels = all ? levels[1..] : levels;
                levels.ForEach(Add);
                var depths = Enumerable.Range(all ? 0 : 1, levels.Count + (all ? 1 : 0)).Reverse().ToList();
                sets = [.. sets.SelectMany(s => depths.Select(d => s.AddRange(levels.Take(d))))];
            }
            else
            {
                throw Refusal.Unsupported($"This feed does not group by {QueryForm.Short(call.Name)}.");
            }

            if (sets.Count > MaxSets)
            {
                throw Refusal.Bad($"There are more than {MaxSets} groupings.");
            }
        }

        return (keys.ToImmutable(), [.. sets]);

        void Add(string name)
        {
            keys.Add(key(name));
            if (!seen.Add(name))
            {
                throw Refusal.Bad($"{QueryForm.Short(name)} is grouped by twice.");
            }
        }
    }

    private RowPipeline Group(RowPipeline pipeline, ImmutableArray<RowColumn> keys, ImmutableArray<ImmutableArray<string>> sets, string text)
    {
        var reader = new ExpressionReader(pipeline.Columns, now);
        var aggregates = ImmutableArray.CreateBuilder<RowAggregate>();
        foreach (var item in text.Length == 0 ? [] : Splitter.Split(text, ',').Select(i => i.Trim()))
        {
            var aggregate = Aggregate(pipeline, reader, item);
            // Only a set's own aggregate may have the name of the property that it is of.
            var taken = aggregate.Method == AggregateMethod.Custom && Alias(item) is null ? keys.Select(k => k.Name) : pipeline.Columns.Select(c => c.Name);
            NewName(aggregate.Name, taken.Concat(aggregates.Select(a => a.Name)));
            aggregates.Add(aggregate);
        }

        return keys.IsEmpty && aggregates.Count == 0
            ? throw Refusal.Bad("Nothing is grouped by and nothing is aggregated.")
            : pipeline.Then(new GroupRows(keys, sets, aggregates.ToImmutable()), [.. keys, .. aggregates.Select(a => new RowColumn(a.Name, a.Type))]);
    }

    private RowAggregate Aggregate(RowPipeline pipeline, ExpressionReader reader, string item)
    {
        var (what, alias) = Alias(item) is { } named ? (named.Before, named.After) : (item, (string?)null);
        if (what == "$count")
        {
            return new RowAggregate(alias ?? throw Refusal.Bad("$count needs an alias: write '$count as name'."), AggregateMethod.Count, null, RowType.Int64);
        }

        if (Splitter.Last(what, "from") is not null)
        {
            throw Refusal.Unsupported("This feed has no 'from' in aggregates.");
        }

        if (Splitter.Last(what, "with") is { } with)
        {
            return Method(reader.Value(with.Before), with.After, alias ?? throw Refusal.Bad($"'{QueryForm.Short(item)}' has no alias: write 'expression with method as name'."));
        }

        if (!customs.TryGetValue(what, out var custom))
        {
            throw Refusal.Bad($"'{QueryForm.Short(what)}' is no aggregate of this set; write 'expression with method as name'.");
        }

        return custom.Value is { } value && _areOwn && pipeline.KeepsRows
            ? new RowAggregate(alias ?? what, AggregateMethod.Custom, null, custom.Type, value)
            : throw Refusal.Unsupported($"{what} of several of these rows cannot be told from them; ask the metrics set, or aggregate the set's own rows.");
    }

    private static RowAggregate Method(RowExpression value, string method, string alias)
    {
        var type = value.Type;
        switch (method.ToLowerInvariant())
        {
            case "sum" when type.IsNumeric:
                return new RowAggregate(alias, AggregateMethod.Sum, value, type.Kind == RowKind.Decimal ? RowType.Decimal(38, type.Scale) : type);
            case "average" when type.IsNumeric:
                return new RowAggregate(alias, AggregateMethod.Average, value, RowType.Double);
            case "min" or "max" when type.Kind is not RowKind.Boolean and not RowKind.Null:
                return new RowAggregate(alias, Is(method, "min") ? AggregateMethod.Min : AggregateMethod.Max, value, type);
            case "countdistinct" when type.Kind is not RowKind.Null:
                return new RowAggregate(alias, AggregateMethod.CountDistinct, value, RowType.Int64);
            case "sum" or "average" or "min" or "max" or "countdistinct":
                throw Refusal.Bad($"There is no {method} of {type.Kind}.");
            default:
                throw Refusal.Unsupported($"This feed has no method {QueryForm.Short(method)}.");
        }
    }

    private static (string Before, string After)? Alias(string item) => Splitter.Last(item, "as");

    private static RowColumn Column(RowPipeline pipeline, string name) =>
        pipeline.Columns.FirstOrDefault(c => c.Name == name) ?? throw Refusal.Bad($"There is no property '{QueryForm.Short(name)}' here; there are {string.Join(", ", pipeline.Columns.Select(c => c.Name))}.");

    /// <summary>A name for a column, if it is one and no other column has it.</summary>
    public static string NewName(string name, IEnumerable<string> taken)
    {
        if (!Identifier().IsMatch(name))
        {
            throw Refusal.Bad($"'{QueryForm.Short(name)}' is no name.");
        }

        return taken.Contains(name, StringComparer.OrdinalIgnoreCase) ? throw Refusal.Bad($"There is a '{name}' already.") : name;
    }

    /// <summary>A count of rows.</summary>
    public static long Number(string text) => long.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= int.MaxValue
        ? number
        : throw Refusal.Bad($"'{QueryForm.Short(text)}' is no count of rows.");

    [GeneratedRegex("^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
    private static partial Regex Identifier();
}
