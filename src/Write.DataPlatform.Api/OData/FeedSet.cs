using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Rows;

namespace Write.DataPlatform.Api.OData;

/// <summary>An entity set of the feed.</summary>
internal abstract record FeedSet(string Name, string? Description)
{
    /// <summary>The columns of its type.</summary>
    public abstract ImmutableArray<RowColumn> Columns { get; }

    /// <summary>The column that is the type's key.</summary>
    public abstract string Key { get; }

    /// <summary>What columns are called for people, by name.</summary>
    public abstract string? DescriptionOf(string column);

    /// <summary>The set's own aggregates.</summary>
    public abstract IReadOnlyDictionary<string, CustomAggregate> Customs { get; }
}

/// <summary>A gold table's rows.</summary>
internal sealed record GoldFeedSet(GoldDefinition Definition, GoldRowSet Rows) : FeedSet(Definition.Table.Name, Definition.Table.Description)
{
    private const int MaxKnown = 1_000;

    private static readonly ConditionalWeakTable<GoldRowSet, GoldFeedSet> Sets = [];

    private readonly ConcurrentDictionary<FeedSteps, RowPipeline> _known = new();

    public override ImmutableArray<RowColumn> Columns { get; } = Rows.Columns;

    public override string Key => Rows.View.Key;

    public override string? DescriptionOf(string column) => Rows.View.Columns.First(c => c.Name == column) is var found ? found.Description ?? found.Label : null;

    public override IReadOnlyDictionary<string, CustomAggregate> Customs { get; } = Rows.View.Columns.Where(c => c.Metric is not null)
        .ToDictionary(c => c.Metric!.Name, c => new CustomAggregate(Rows.Types[c.Name], Rows.View.Merge(c.Metric!.Name)), StringComparer.Ordinal);

    public static GoldFeedSet Of(GoldDefinition definition, GoldRowSet rows) => Sets.GetValue(rows, r => new GoldFeedSet(definition, r));

    /// <summary>What options ask of the rows: read once, as long as the rows are these.</summary>
    public RowPipeline Pipeline(FeedSteps steps, Func<RowPipeline> read)
    {
        if (_known.TryGetValue(steps, out var known))
        {
            return known;
        }

        if (_known.Count >= MaxKnown)
        {
            // Texts can be made up without end, and must not fill the memory.
            _known.Clear();
        }

        return _known[steps] = read();
    }
}

/// <summary>The metrics layer: dimensions and grains as properties, metrics as aggregates of its own. Its rows come of <c>$apply</c> alone.</summary>
internal sealed record MetricsFeedSet(string Name, string Description, ImmutableArray<MetricDescription> Metrics, ImmutableArray<RowColumn> Fields, IReadOnlyDictionary<string, DimensionDescription> Described)
    : FeedSet(Name, Description)
{
    private const string KeyColumn = "row_key";

    public override ImmutableArray<RowColumn> Columns => [new RowColumn(KeyColumn, RowType.String), .. Fields];

    public override string Key => KeyColumn;

    public override string? DescriptionOf(string column) =>
        Described.GetValueOrDefault(column) is { } exact ? exact.Description ?? exact.Label
        : Described.GetValueOrDefault(FieldName.Parse(column).ToWhole().ToString()) is { } whole ? whole.Description ?? whole.Label
        : null;

    public override IReadOnlyDictionary<string, CustomAggregate> Customs { get; } = new Dictionary<string, CustomAggregate>();
}

/// <summary>The sets that a caller sees: internal gold tables, or a tenant's own external ones, and the metrics.</summary>
internal sealed class FeedCatalog(GoldRows gold, LakeTypes lakeTypes)
{
    private const string MetricsName = "metrics";

    /// <summary>Every set, by name. A gold table that was never built has no rows, no types and no set.</summary>
    /// <exception cref="Gold.GoldStoreException">The store failed.</exception>
    public async Task<ImmutableArray<FeedSet>> ListAsync(CallerView view, CancellationToken cancellationToken = default)
    {
        var sets = ImmutableArray.CreateBuilder<FeedSet>();
        foreach (var definition in Visible(view))
        {
            if (await gold.FindAsync(definition, view.Tenant, cancellationToken) is { } rows)
            {
                sets.Add(GoldFeedSet.Of(definition, rows));
            }
        }

        sets.AddRange(Metrics(view, await lakeTypes.GetAsync(view.Model, cancellationToken)));
        return sets.ToImmutable();
    }

    /// <summary>One set, at a revision if it is a gold table and one is given; null if there is none.</summary>
    /// <exception cref="ProblemException">410: the revision is gone.</exception>
    /// <exception cref="Gold.GoldStoreException">The store failed.</exception>
    public async Task<FeedSet?> FindAsync(CallerView view, string name, long? revision, CancellationToken cancellationToken = default)
    {
        if (Visible(view).FirstOrDefault(d => d.Table.Name == name) is { } definition)
        {
            var rows = revision is { } at ? await gold.FindAtAsync(definition, view.Tenant, at, cancellationToken) : await gold.FindAsync(definition, view.Tenant, cancellationToken);
            return rows is not null ? GoldFeedSet.Of(definition, rows) : revision is null ? null : throw Refusal.Gone("The table was refreshed too long ago.");
        }

        return Metrics(view, await lakeTypes.GetAsync(view.Model, cancellationToken)).FirstOrDefault(s => s.Name == name);
    }

    /// <summary>
    /// The tables that a caller may read as they are stored. A role's rows are chosen by the planner alone, and a row's key has all of its dimensions in it: so a table
    /// is none for who may not see all of its rows, columns and dimensions, and is asked for through the metrics.
    /// </summary>
    private static IEnumerable<GoldDefinition> Visible(CallerView view) =>
        GoldDefinitions.Of(view.Model).ByTable.Values.Where(d => d.Table.Audience == (view.Tenant is null ? Audience.Internal : Audience.External)
            && (view.Scope is null || (view.Scope.Rows is null && view.Members.HasMetricTime && d.Table.Metrics.All(view.Members.Metrics.Contains)
                && d.Dimensions.Concat(d.Attributes).All(view.Catalog.Dimensions.ContainsKey))));

    /// <summary>The set of all metrics, and one for those of each semantic model alone.</summary>
    private static IEnumerable<MetricsFeedSet> Metrics(CallerView view, FieldTypes types)
    {
        var (model, catalog) = (view.Model, view.Catalog);
        var binder = new FieldBinder(model, view.Members);
        var kinds = model.SemanticModels.Values.SelectMany(binder.Reachable).DistinctBy(b => b.Name.ToString())
            .ToDictionary(b => b.Name.ToString(), b => types.Of(b) ?? ColumnKind.String, StringComparer.Ordinal);
        // A funnel and a retention have columns of their own, which no aggregate has.
        var metrics = catalog.Metrics.Values.Where(m => m.IsComputed && m.Type is not "funnel" and not "retention").ToImmutableArray();
        string Free(string name) => model.GoldTables.ContainsKey(name) ? Free(name + "_all") : name;
        yield return Set(Free(MetricsName), "Every metric, by the dimensions of all facts.", metrics);
        foreach (var fact in model.SemanticModels.Values)
        {
            ImmutableArray<MetricDescription> own = [.. metrics.Where(m => Facts(model, model.Metrics[m.Name]).All(f => f == fact.Name))];
            if (own.Length > 0)
            {
                yield return Set(Free(MetricsName + "_" + fact.Name), $"The metrics of {fact.Name}.", own);
            }
        }

        MetricsFeedSet Set(string name, string description, ImmutableArray<MetricDescription> of)
        {
            var dimensions = of.SelectMany(m => m.Dimensions).DistinctBy(d => d.Name).ToDictionary(d => d.Name, StringComparer.Ordinal);
            var grains = of.SelectMany(m => m.Dimensions).Where(d => d.Type == "time").GroupBy(d => d.Name).ToDictionary(g => g.Key, g => g.MaxBy(d => d.Grains.Length)!.Grains);
            var fields = dimensions.Values.SelectMany(d => d.Type == "time"
                ? grains[d.Name].Select(g => new RowColumn(d.Name + "__" + g, new RowType(Enum.Parse<TimeGrain>(g, ignoreCase: true) < TimeGrain.Day ? RowKind.Timestamp : RowKind.Date)))
                : [new RowColumn(d.Name, Type(kinds.GetValueOrDefault(d.Name, ColumnKind.String)))]);
            return new MetricsFeedSet(name, description, of, [.. fields.DistinctBy(f => f.Name).OrderBy(f => f.Name, StringComparer.Ordinal)], dimensions);
        }
    }

    private static RowType Type(ColumnKind kind) => kind == ColumnKind.Decimal ? RowType.Decimal(38, 6) : RowType.Of(new ColumnType(kind));

    private static IEnumerable<string> Facts(MetricModel model, Metric metric) =>
        metric.MeasureInputs.Select(i => model.Measures[i.Measure].SemanticModel).Concat(metric.Inputs.SelectMany(i => Facts(model, model.Metrics[i.Metric])));
}
