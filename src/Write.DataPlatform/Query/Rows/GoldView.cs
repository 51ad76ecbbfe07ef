using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.CompilerServices;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Query.Rows;

/// <summary>What a column of a gold table's rows is.</summary>
internal enum GoldViewRole
{
    /// <summary>The bucket's start.</summary>
    Time,

    /// <summary>A stored dimension.</summary>
    Dimension,

    /// <summary>What a lookup adds to a dimension.</summary>
    Attribute,

    /// <summary>A metric's value at the table's own grain.</summary>
    Metric,

    /// <summary>When the row's partition was read from the lake.</summary>
    LoadedAt,

    /// <summary>The row's name: its bucket and dimensions.</summary>
    Key,
}

/// <summary>A column of a gold table's rows.</summary>
internal sealed record GoldViewColumn(string Name, GoldViewRole Role, string? Label, string? Description, Metric? Metric = null);

/// <summary>
/// A gold table as rows to read: its time, dimensions, attributes, the values of its metrics at its own grain, when each row was loaded, and a key. Only metrics
/// whose value follows from the row's own states are among them; those that look at other times are not.
/// </summary>
internal sealed class GoldView
{
    private const string LoadedAtColumn = "loaded_at";
    private const string KeyColumn = "row_key";

    /// <summary>Before a stored state's name, so that no column's name is ever the same.</summary>
    private const string StatePrefix = "~";

    private static readonly ConditionalWeakTable<GoldDefinition, GoldView> Views = [];

    private readonly ImmutableDictionary<string, MetricNode> _nodes;

    private GoldView(GoldDefinition definition)
    {
        Definition = definition;
        var (model, table) = (definition.Model, definition.Table);
        var query = new MetricQuery { Metrics = table.Metrics, GroupBy = [.. table.GroupBy, new FieldName([FieldName.MetricTime], table.Grain)], Where = table.Where, TimeZone = table.TimeZone };
        var resolved = QueryResolver.Resolve(model, query, FieldTypes.Unknown, DateTimeOffset.UnixEpoch);
        var stored = definition.States.Select(s => s.Name).ToHashSet(StringComparer.Ordinal);
        bool IsOwn(MeasureNode measure) =>
            resolved.Leaves.First(l => l.Index == measure.LeafIndex) is { Shift: null, Spine: null } && measure.States.All(s => !s.IsSemiAdditive && stored.Contains(s.Name));
        _nodes = resolved.Metrics.Where(m => IsPlain(m.Current) && MetricNode.Measures(m.Current).All(IsOwn)).ToImmutableDictionary(m => m.Metric.Name, m => m.Current);

        var taken = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        Time = Free(FieldName.MetricTime + "__" + table.Grain.ToString().ToLowerInvariant());
        var dimensions = definition.Dimensions.Select(d => new GoldViewColumn(Free(d), GoldViewRole.Dimension, null, null)).ToList();
        var attributes = definition.Attributes.Select(a => new GoldViewColumn(Free(a), GoldViewRole.Attribute, null, null)).ToList();
        var metrics = table.Metrics.Where(_nodes.ContainsKey).Select(m => model.Metrics[m]).Select(m => new GoldViewColumn(Free(m.Name), GoldViewRole.Metric, m.Label, m.Description, m)).ToList();
        LoadedAt = Free(LoadedAtColumn);
        Key = Free(KeyColumn);
        Columns =
        [
            new GoldViewColumn(Key, GoldViewRole.Key, null, "The row's name: its time and dimensions."),
            new GoldViewColumn(Time, GoldViewRole.Time, "Time", "The start of the row's bucket of time."),
            .. dimensions,
            .. attributes,
            .. metrics,
            new GoldViewColumn(LoadedAt, GoldViewRole.LoadedAt, "Loaded at", "When the row was read from the lake."),
        ];

        string Free(string name)
        {
            var free = name;
            for (var i = 1; !taken.Add(free); i++)
            {
                free = name + "_" + i.ToString(CultureInfo.InvariantCulture);
            }

            return free;
        }
    }

    public GoldDefinition Definition { get; }

    public ImmutableArray<GoldViewColumn> Columns { get; }

    /// <summary>The time column's name.</summary>
    public string Time { get; }

    public string LoadedAt { get; }

    public string Key { get; }

    /// <summary>Whether the time is a date and not an instant.</summary>
    public bool HasDates => Definition.Table.Grain >= TimeGrain.Day;

    public static GoldView Of(GoldDefinition definition) => Views.GetValue(definition, static d => new GoldView(d));

    /// <summary>The aggregate that gives a metric over several rows out of their states, or null if rows do not tell it.</summary>
    public SqlExpression? Merge(string metric) =>
        _nodes.TryGetValue(metric, out var node) && MetricNode.Measures(node).SelectMany(m => m.States).All(s => s.IsMergeable)
            ? MetricValue.Of(node, m => MetricValue.Of(m, m.States.Select(s => s.Merge(new SqlColumn(null, StatePrefix + s.Name)))), fills: false)
            : null;

    /// <summary>The view of a relation's rows.</summary>
    /// <param name="writer">Spells it.</param>
    /// <param name="relation">What stands after FROM; its rows have <see cref="GoldDefinition"/>'s columns.</param>
    /// <param name="loaded">From when on rows were loaded when, in order of time; at least one.</param>
    /// <param name="types">The columns' types; null to learn them.</param>
    public string Compile(SqlWriter writer, string relation, ImmutableArray<(DateTime From, DateTime LoadedAt)> loaded, IReadOnlyDictionary<string, RowType>? types)
    {
        var columns = Columns.Select(c => Typed(c, writer.Expression(Value(c, loaded)), types) + " AS " + RowCompiler.Quote(c.Name));
        var states = Definition.States.Select(s => RowCompiler.Quote(s.Name) + " AS " + RowCompiler.Quote(StatePrefix + s.Name));
        return $"(SELECT {string.Join(", ", columns.Concat(states))} FROM {relation} AS s)";
    }

    /// <summary>A row's bucket and dimensions as its key names them; null if it is no key.</summary>
    public (DateTime Time, ImmutableArray<string?> Dimensions)? ParseKey(string key)
    {
        var parts = key.Split('~');
        if (parts.Length != Definition.Dimensions.Length + 1
            || !DateTime.TryParseExact(parts[0], HasDates ? "yyyy-MM-dd" : "yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture, DateTimeStyles.None, out var time))
        {
            return null;
        }

        return parts.Skip(1).All(p => p == "-" || p.StartsWith('.')) ? (time, [.. parts.Skip(1).Select(p => p == "-" ? null : Plain(p[1..]))]) : null;
    }

    /// <summary>A dimension's value as it stands in a key.</summary>
    public static string Escape(string value) => value.Replace("!", "!!", StringComparison.Ordinal).Replace("~", "!t", StringComparison.Ordinal);

    private static string Plain(string escaped) => string.Join('!', escaped.Split("!!").Select(part => part.Replace("!t", "~", StringComparison.Ordinal)));

    private static bool IsPlain(MetricNode node) => node switch
    {
        MeasureNode => true,
        RatioNode ratio => IsPlain(ratio.Numerator) && IsPlain(ratio.Denominator),
        DerivedNode derived => derived.Inputs.Values.All(IsPlain),
        _ => false,
    };

    private static string Typed(GoldViewColumn column, string value, IReadOnlyDictionary<string, RowType>? types) =>
        types is null || column.Role is not GoldViewRole.Metric ? value
        : types[column.Name].Kind == RowKind.Double ? $"CASE WHEN isfinite({value}) THEN CAST({value} AS DOUBLE) END"
        : $"CAST({value} AS {types[column.Name].DuckDbName})";

    private SqlExpression Value(GoldViewColumn column, ImmutableArray<(DateTime From, DateTime LoadedAt)> loaded) => column.Role switch
    {
        GoldViewRole.Time => new SqlColumn("s", GoldDefinition.Bucket),
        GoldViewRole.Dimension => new SqlColumn("s", Definition.Dimensions[Place(column)]),
        GoldViewRole.Attribute => new SqlColumn("s", Definition.Attributes[Place(column)]),
        GoldViewRole.Metric => MetricValue.Of(_nodes[column.Metric!.Name], m => MetricValue.Of(m, m.States.Select(s => new SqlColumn("s", s.Name))), fills: false),
        GoldViewRole.LoadedAt => Loaded(loaded, 0, loaded.Length),
        GoldViewRole.Key => KeyValue(),
        _ => throw new ArgumentOutOfRangeException(nameof(column)),
    };

    private int Place(GoldViewColumn column) => Columns.Where(c => c.Role == column.Role).ToList().IndexOf(column);

    /// <summary>A tree of comparisons, as deep as the logarithm of the number of partitions.</summary>
    private SqlExpression Loaded(ImmutableArray<(DateTime From, DateTime LoadedAt)> loaded, int from, int to)
    {
        if (to - from == 1)
        {
            return new SqlLiteral(loaded[from].LoadedAt);
        }

        var middle = (from + to) / 2;
        object bound = HasDates ? DateOnly.FromDateTime(loaded[middle].From) : loaded[middle].From;
        return new SqlCase([(new SqlBinary("<", new SqlColumn("s", GoldDefinition.Bucket), new SqlLiteral(bound)), Loaded(loaded, from, middle))], Loaded(loaded, middle, to));
    }

    /// <summary>The bucket and the dimensions as text: <c>-</c> for null, <c>.</c> before any other value.</summary>
    private SqlTemplate KeyValue()
    {
        var parts = ImmutableArray.CreateBuilder<string>();
        parts.Add("strftime(");
        foreach (var _ in Definition.Dimensions)
        {
            parts.Add(parts.Count == 1 ? $", '{(HasDates ? "%Y-%m-%d" : "%Y-%m-%dT%H:%M:%S")}') || coalesce('~.' || replace(replace(CAST(" : " AS VARCHAR), '!', '!!'), '~', '!t'), '~-') || coalesce('~.' || replace(replace(CAST(");
        }

        parts.Add(parts.Count == 1 ? $", '{(HasDates ? "%Y-%m-%d" : "%Y-%m-%dT%H:%M:%S")}')" : " AS VARCHAR), '!', '!!'), '~', '!t'), '~-')");
        return new SqlTemplate(parts.ToImmutable(), [new SqlColumn("s", GoldDefinition.Bucket), .. Definition.Dimensions.Select(d => new SqlColumn("s", d))]);
    }
}
