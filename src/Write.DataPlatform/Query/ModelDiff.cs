using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query;

/// <summary>How something of a model changed.</summary>
internal enum ModelChange
{
    /// <summary>It is new.</summary>
    Added,

    /// <summary>It is gone.</summary>
    Removed,

    /// <summary>It means something else; of a gold table: every partition is built anew.</summary>
    Changed,

    /// <summary>Of a gold table: only some partitions are built or removed.</summary>
    Adjusted,
}

/// <summary>A gold table that a model change touches.</summary>
/// <param name="Name">The table.</param>
/// <param name="Change">How.</param>
/// <param name="Reasons">Which parts of its definition are others.</param>
/// <param name="Tenants">If the tenants' rows are not all touched alike: whose are built or removed.</param>
internal sealed record GoldTableDiff(string Name, ModelChange Change, ImmutableArray<string> Reasons, ImmutableArray<string> Tenants);

/// <summary>A metric or an insight that a model change touches.</summary>
/// <param name="Name">The name.</param>
/// <param name="Change">How.</param>
/// <param name="Reasons">What is another: its own parts, or what it is computed from.</param>
internal sealed record ModelItemDiff(string Name, ModelChange Change, ImmutableArray<string> Reasons);

/// <summary>What another version of a model means: which gold tables are built anew, which metrics and insights are others.</summary>
/// <param name="OldRevision">The model before.</param>
/// <param name="NewRevision">The model after.</param>
/// <param name="Settings">Changed settings of the whole model.</param>
/// <param name="GoldTables">The gold tables touched, by name.</param>
/// <param name="Metrics">The metrics touched, by name.</param>
/// <param name="Insights">The insights touched, by name.</param>
internal sealed record ModelDiff(
    string OldRevision,
    string NewRevision,
    ImmutableArray<string> Settings,
    ImmutableArray<GoldTableDiff> GoldTables,
    ImmutableArray<ModelItemDiff> Metrics,
    ImmutableArray<ModelItemDiff> Insights)
{
    /// <summary>Compares two models that keep all rules.</summary>
    public static ModelDiff Create(MetricModel old, MetricModel now)
    {
        List<string> settings = [];
        if (old.TimeZone.Id != now.TimeZone.Id)
        {
            settings.Add($"time_zone: {old.TimeZone.Id} → {now.TimeZone.Id}");
        }

        if (old.Calendar.WeekStart != now.Calendar.WeekStart)
        {
            settings.Add($"week_start: {old.Calendar.WeekStart} → {now.Calendar.WeekStart}");
        }

        if (old.Calendar.FiscalYearStartMonth != now.Calendar.FiscalYearStartMonth)
        {
            settings.Add($"fiscal_year_start_month: {old.Calendar.FiscalYearStartMonth} → {now.Calendar.FiscalYearStartMonth}");
        }

        var metrics = new MetricChanges(old, now);
        return new ModelDiff(
            old.Revision,
            now.Revision,
            [.. settings],
            Tables(GoldDefinitions.Of(old).ByTable, GoldDefinitions.Of(now).ByTable),
            Items(old.Metrics, now.Metrics, (_, metric) => metrics.Reasons(metric.Name)),
            Items(old.Insights, now.Insights, (before, after) => InsightReasons(before, after, metrics)));
    }

    private static ImmutableArray<ModelItemDiff> Items<T>(ImmutableSortedDictionary<string, T> old, ImmutableSortedDictionary<string, T> now, Func<T, T, ImmutableArray<string>> reasons) =>
    [
        .. from name in old.Keys.Union(now.Keys).Order(StringComparer.Ordinal)
           let diff = !old.TryGetValue(name, out var before) ? new ModelItemDiff(name, ModelChange.Added, [])
               : !now.TryGetValue(name, out var after) ? new ModelItemDiff(name, ModelChange.Removed, [])
               : new ModelItemDiff(name, ModelChange.Changed, reasons(before, after))
           where diff.Change != ModelChange.Changed || diff.Reasons.Length > 0
           select diff,
    ];

    private static ImmutableArray<string> InsightReasons(Insight before, Insight after, MetricChanges metrics)
    {
        var asked = after.Query["metrics"] is JsonArray names ? names.Select(n => n is JsonValue value && value.TryGetValue<string>(out var name) ? name : "") : [];
        return
        [
            .. new[]
            {
                ("query", DefinitionText.Of(before.Query) != DefinitionText.Of(after.Query)),
                ("parameters", DefinitionText.Of(before.Parameters) != DefinitionText.Of(after.Parameters)),
                ("audience", before.Audience != after.Audience),
                ("description", before.Description != after.Description),
            }.Where(r => r.Item2).Select(r => r.Item1),
            .. asked.Where(name => metrics.Reasons(name).Length > 0).Select(name => "metric " + name),
        ];
    }

    private static ImmutableArray<GoldTableDiff> Tables(ImmutableSortedDictionary<string, GoldDefinition> old, ImmutableSortedDictionary<string, GoldDefinition> now)
    {
        var diffs = ImmutableArray.CreateBuilder<GoldTableDiff>();
        foreach (var name in old.Keys.Union(now.Keys).Order(StringComparer.Ordinal))
        {
            if (!old.TryGetValue(name, out var before))
            {
                diffs.Add(new GoldTableDiff(name, ModelChange.Added, [], []));
            }
            else if (!now.TryGetValue(name, out var after))
            {
                diffs.Add(new GoldTableDiff(name, ModelChange.Removed, [], []));
            }
            else if (before.Hash != after.Hash)
            {
                diffs.Add(new GoldTableDiff(name, ModelChange.Changed, GoldAspects.Differing(before, after), []));
            }
            else
            {
                ImmutableArray<string> tenants =
                [
                    .. before.TenantKeys.Keys.Union(after.TenantKeys.Keys).Order(StringComparer.Ordinal)
                        .Where(t => !before.TenantKeys.ContainsKey(t) || !after.TenantKeys.ContainsKey(t) || before.HashFor(t) != after.HashFor(t)),
                ];
                ImmutableArray<string> reasons = [.. tenants.IsEmpty ? Array.Empty<string>() : ["tenants"], .. before.Table.From == after.Table.From ? Array.Empty<string>() : ["from"]];
                if (!reasons.IsEmpty)
                {
                    diffs.Add(new GoldTableDiff(name, ModelChange.Adjusted, reasons, tenants));
                }
            }
        }

        return diffs.ToImmutable();
    }

    /// <summary>Why metrics that both models have are others, each looked at once.</summary>
    private sealed class MetricChanges(MetricModel old, MetricModel now)
    {
        private readonly Dictionary<string, ImmutableArray<string>> _known = new(StringComparer.Ordinal);

        public ImmutableArray<string> Reasons(string name)
        {
            if (_known.TryGetValue(name, out var known))
            {
                return known;
            }

            if (!old.Metrics.TryGetValue(name, out var before) || !now.Metrics.TryGetValue(name, out var after))
            {
                return [];
            }

            var inputs = after.Inputs.Select(i => i.Metric).Distinct().Where(input => !old.Metrics.ContainsKey(input) || Reasons(input).Length > 0).ToList();
            return _known[name] =
            [
                .. DefinitionText.Of(before) == DefinitionText.Of(after) ? Array.Empty<string>() : ["definition"],
                .. after.MeasureInputs.Select(i => i.Measure).Distinct().Where(m => DefinitionText.OfMeasure(old, m) != DefinitionText.OfMeasure(now, m)).Select(m => "measure " + m),
                .. Fields(after).Where(f => OfField(old, before, f) != OfField(now, after, f)).Select(f => "dimension " + f),
                .. inputs.Select(i => "metric " + i),
            ];
        }

        private static IEnumerable<FieldName> Fields(Metric metric) =>
            metric.MeasureInputs.Select(i => i.Filter).Concat(metric.Inputs.Select(i => i.Filter)).Append(metric.Filter).OfType<Filter>()
                .SelectMany(f => f.Fields).Where(f => f.Path is not [FieldName.MetricTime]).Distinct();

        /// <summary>What a field of a metric's filter means from each of the facts that the metric counts, however deep.</summary>
        private static string OfField(MetricModel model, Metric metric, FieldName field) => string.Join(
            ';',
            Measures(model, metric).Where(model.Measures.ContainsKey).Select(m => model.SemanticModels[model.Measures[m].SemanticModel]).DistinctBy(f => f.Name).OrderBy(f => f.Name, StringComparer.Ordinal)
                .SelectMany(fact => new FieldBinder(model).Bind(fact, field, out _).Select(binding => DefinitionText.OfBinding(fact, binding))));

        private static IEnumerable<string> Measures(MetricModel model, Metric metric) =>
            metric.MeasureInputs.Select(i => i.Measure).Concat(metric.Inputs.SelectMany(i => model.Metrics.TryGetValue(i.Metric, out var input) ? Measures(model, input) : []));
    }
}

/// <summary>The parts of a gold table's definition, to say which of them made its hash another.</summary>
internal static class GoldAspects
{
    public static ImmutableArray<string> Differing(GoldDefinition before, GoldDefinition after)
    {
        // A fact that only one of them counts is another metric, not other events, filters and dimensions.
        var common = before.Leaves.Select(Key).Intersect(after.Leaves.Select(Key)).ToHashSet();
        ImmutableArray<string> found = [.. Of(before, common).Zip(Of(after, common)).Where(pair => pair.First.Text != pair.Second.Text).Select(pair => pair.First.Name)];
        return found.IsEmpty ? ["definition"] : found;
    }

    private static (string Name, string Text)[] Of(GoldDefinition definition, IReadOnlySet<(string Fact, string AggTime)> common)
    {
        var table = definition.Table;
        string Starts(params IEnumerable<TimeGrain> grains) => string.Join(' ', new[] { table.Grain, table.Partition }.Where(grains.Contains).Select(definition.Model.Calendar.StartOf));
        return
        [
            ("zone", table.TimeZone.Id + " " + definition.Model.TimeZone.Id),
            ("week_start", Starts(TimeGrain.Week)),
            ("fiscal_year_start_month", Starts(TimeGrain.Quarter, TimeGrain.Year)),
            ("grain", table.Grain.ToString()),
            ("partition", table.Partition.ToString()),
            ("audience", table.Audience + Each(leaf => Groups(leaf, g => g.Column == GoldDefinition.TenantKey))),
            ("events", Each(leaf => leaf.Fact.Table + DefinitionText.Of(leaf.AggTime)
                + DefinitionText.Of(leaf.Fact.Dimensions.Values.FirstOrDefault(d => d.IsPartition && d.Partitions == leaf.AggTime.Name)))),
            ("filter", Each(leaf => FilterText.Of(leaf.Where) + Fields(leaf, leaf.Where))),
            ("metrics", string.Join('\n', definition.Leaves.SelectMany(leaf => leaf.States.Select(s =>
                s.Name + (s.Measure is { } measure ? DefinitionText.OfAggregate(leaf.Fact, measure) : "") + FilterText.Of(s.Filter) + Fields(leaf, s.Filter))))),
            ("dimensions", Each(leaf => Groups(leaf, g => g.Column is not (GoldDefinition.TenantKey or GoldDefinition.Bucket)))),
            ("lookups", string.Join('\n', definition.Lookups.OrderBy(l => l.Name, StringComparer.Ordinal).Select(DefinitionText.Of).Distinct())),
        ];

        string Each(Func<Leaf, string> text) => string.Join('\n', definition.Leaves.Where(leaf => common.Contains(Key(leaf))).Select(text));
    }

    private static (string Fact, string AggTime) Key(Leaf leaf) => (leaf.Fact.Name, leaf.AggTime.Name);

    private static string Groups(Leaf leaf, Func<GroupField, bool> which) => string.Join(
        '\n', leaf.GroupBy.Where(which).Select(g => g.Column + g.Grain + DefinitionText.OfBinding(leaf.Fact, g.Binding)));

    private static string Fields(Leaf leaf, Filter? filter) => filter is null
        ? ""
        : string.Join('\n', filter.Fields.Distinct().Where(leaf.Bindings.ContainsKey).Select(f => DefinitionText.OfBinding(leaf.Fact, leaf.Bindings[f])));
}
