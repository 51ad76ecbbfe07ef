using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query;

/// <summary>A metric as the catalogue shows it.</summary>
/// <param name="Name">The name.</param>
/// <param name="Type">MetricFlow's type: <c>simple</c>, <c>ratio</c>, <c>derived</c>, …</param>
/// <param name="Label">For people.</param>
/// <param name="Description">What it means.</param>
/// <param name="Unit">For people.</param>
/// <param name="Format">A number format.</param>
/// <param name="IsComputed">Whether this version computes it, or only reads it.</param>
/// <param name="Approximation">How its value is estimated; null if it is exact.</param>
/// <param name="Dimensions">What it can be grouped and filtered by.</param>
/// <param name="GoldTables">The gold tables that hold all it is computed from, whether or not they name it.</param>
public sealed record MetricDescription(
    string Name,
    string Type,
    string? Label,
    string? Description,
    string? Unit,
    string? Format,
    bool IsComputed,
    Approximation? Approximation,
    ImmutableArray<DimensionDescription> Dimensions,
    ImmutableArray<string> GoldTables)
{
    /// <summary>Who answers for the definition; null if the model does not say.</summary>
    public string? Owner { get; init; }

    /// <summary>The finest grain that its time may be asked at.</summary>
    internal TimeGrain FinestGrain { get; init; }

    /// <summary>The grain of a bare <c>metric_time</c>: the metric's own <c>time_granularity</c>, else day, or what its times are stored as if that is coarser.</summary>
    internal TimeGrain DefaultGrain { get; init; }
}

/// <summary>A field as the catalogue shows it.</summary>
/// <param name="Name">The name without a grain.</param>
/// <param name="Type"><c>categorical</c>, <c>time</c>, <c>entity</c> or <c>attribute</c> (of a lookup).</param>
/// <param name="Label">For people.</param>
/// <param name="Description">What it is.</param>
/// <param name="Grains">For a time field: the grains it may be asked at.</param>
public sealed record DimensionDescription(string Name, string Type, string? Label, string? Description, ImmutableArray<string> Grains);

/// <summary>What can be asked of a model; made once a snapshot.</summary>
internal sealed class MetricCatalog
{
    private static readonly ConditionalWeakTable<MetricModel, MetricCatalog> Snapshots = [];

    private MetricCatalog(MetricModel model, MemberView? members)
    {
        var binder = new FieldBinder(model, members);
        var reachable = model.SemanticModels.Values.ToDictionary(s => s.Name, s => binder.Reachable(s).ToDictionary(b => b.Name.ToString(), Describe));
        var held = members is not null ? [] : model.GoldTables.Values.Select(t => (t.Name, States: t.Metrics.SelectMany(m => States(model, model.Metrics[m]) ?? []).ToHashSet())).ToList();
        Metrics = model.Metrics.Values.Where(m => binder.HasMetric(m.Name)).ToImmutableSortedDictionary(m => m.Name, m => Describe(model, m, reachable, held, members));
        Dimensions = reachable.Values.SelectMany(r => r.Values).DistinctBy(d => d.Name).ToImmutableSortedDictionary(d => d.Name, d => d);
    }

    /// <summary>The metrics by name.</summary>
    public ImmutableSortedDictionary<string, MetricDescription> Metrics { get; }

    /// <summary>Every field that some metric may be grouped by, by name.</summary>
    public ImmutableSortedDictionary<string, DimensionDescription> Dimensions { get; }

    public static MetricCatalog Of(MetricModel model) => Snapshots.GetValue(model, static m => new MetricCatalog(m, null));

    /// <summary>What can be asked by those for whom not all names exist.</summary>
    public static MetricCatalog Of(MetricModel model, MemberView members) => new(model, members);

    /// <summary>The grain of a bare <c>metric_time</c> over several metrics, the coarsest of theirs; day for none.</summary>
    public TimeGrain DefaultGrain(IEnumerable<string> metrics) =>
        metrics.Select(Metrics.GetValueOrDefault).OfType<MetricDescription>().Select(m => m.DefaultGrain).DefaultIfEmpty(TimeGrain.Day).Max();

    /// <summary>The fields that all of some metrics have, by name.</summary>
    public IEnumerable<DimensionDescription> DimensionsOf(IReadOnlyCollection<string> metrics) =>
        metrics.Select(m => Metrics[m].Dimensions).Aggregate((a, b) => [.. a.Where(d => b.Any(o => o.Name == d.Name))]);

    /// <summary>What a gold table has to hold for a metric: each state and the time that it is counted by; null for a metric of single events, which gold does not hold.</summary>
    private static List<(string Fact, string AggTime, string State)>? States(MetricModel model, Metric metric)
    {
        var builder = new LeafBuilder(model);
        return builder.Add(metric, null, "") is null or JourneyNode || builder.Drafts.Any(d => d.Conversion is not null)
            ? null
            : [.. builder.Drafts.SelectMany(d => d.States.Select(s => (d.Fact.Name, d.AggTime.Name, s.Name)))];
    }

    private static MetricDescription Describe(
        MetricModel model, Metric metric, Dictionary<string, Dictionary<string, DimensionDescription>> reachable, List<(string Name, HashSet<(string, string, string)> States)> held, MemberView? members)
    {
        var builder = new LeafBuilder(model);
        var isComputed = builder.Add(metric, null, "") is not null;
        // Who is followed is grouped and filtered by the first event alone.
        var measures = Measures(model, metric).Take(metric is FunnelMetric or RetentionMetric ? 1 : int.MaxValue).ToList();
        var facts = measures.Select(m => (m.SemanticModel, m.AggTimeDimension)).Distinct().ToList();
        var dimensions = facts.Select(f => reachable[f.SemanticModel].Keys.ToHashSet(StringComparer.Ordinal))
            .Aggregate((a, b) => { a.IntersectWith(b); return a; });
        var finest = facts.Max(f => model.SemanticModels[f.SemanticModel].Dimensions[f.AggTimeDimension].Granularity ?? TimeGrain.Day);
        var time = new DimensionDescription(FieldName.MetricTime, "time", "Time", "The metrics' own aggregation time", Grains(finest));
        return new MetricDescription(
            metric.Name,
            metric.GetType().Name.Replace("Metric", "", StringComparison.Ordinal).ToLowerInvariant(),
            metric.Label,
            metric.Description,
            metric.Unit,
            metric.Format,
            isComputed,
            Approximation.Of(model, metric),
            [.. members is { HasMetricTime: false } ? [] : new[] { time }, .. dimensions.Order(StringComparer.Ordinal).Select(d => reachable[facts[0].SemanticModel][d])],
            // A table's name may say what is hidden.
            members is null && States(model, metric) is { } states ? [.. held.Where(t => states.TrueForAll(t.States.Contains)).Select(t => t.Name)] : []) { Owner = metric.Owner, FinestGrain = finest, DefaultGrain = new[] { metric.TimeGranularity ?? TimeGrain.Day, finest }.Max() };
    }

    /// <summary>The measures that a metric is computed from.</summary>
    public static IEnumerable<Measure> Measures(MetricModel model, Metric metric) =>
        metric.MeasureInputs.Select(i => model.Measures[i.Measure]).Concat(metric.Inputs.SelectMany(i => Measures(model, model.Metrics[i.Metric])));

    private static DimensionDescription Describe(FieldBinding binding) => new(
        binding.Name.ToString(),
        binding.Lookup is not null ? "attribute" : binding.Dimension is null ? "entity" : binding.IsTime ? "time" : "categorical",
        binding.Lookup is null ? binding.Dimension?.Label : null,
        binding.Lookup is null ? binding.Dimension?.Description : $"From the lookup {binding.Lookup.Name}",
        binding.IsTime ? Grains(binding.Dimension!.Granularity ?? TimeGrain.Day) : []);

    private static ImmutableArray<string> Grains(TimeGrain finest) =>
        [.. Enum.GetValues<TimeGrain>().Where(g => g >= finest).Select(g => g.ToString().ToLowerInvariant())];
}
