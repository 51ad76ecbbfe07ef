using System.Collections.Immutable;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query;

/// <summary>The fields of a query's group-by that are the metrics' aggregation time, as <c>metric_time</c> or under its own name.</summary>
/// <param name="Names">The time of every metric of the query.</param>
/// <param name="Mixed">The time of some metrics, and a mere dimension of others.</param>
internal sealed record MetricTimes(ImmutableArray<FieldName> Names, ImmutableArray<FieldName> Mixed)
{
    public static MetricTimes Of(MetricModel model, FieldBinder binder, MetricQuery query)
    {
        var counted = query.AllMetrics.Where(model.Metrics.ContainsKey).SelectMany(m => MetricCatalog.Measures(model, model.Metrics[m])).Select(m => (m.SemanticModel, m.AggTimeDimension)).Distinct().ToList();
        var asked = query.GroupBy.Distinct().ToLookup(name => name.IsMetricTime ? true
            : name.Part is not null || binder.Cut(name).Custom is not null || counted.Count == 0 ? false
            : counted.Select(c => IsTime(model.SemanticModels[c.SemanticModel], c.AggTimeDimension, name.ToWhole())).Distinct().ToList() is [var all] ? all : (bool?)null);
        return new MetricTimes([.. asked[true]], [.. asked[null]]);

        bool IsTime(SemanticModel fact, string aggTime, FieldName name) =>
            name.Element == aggTime && binder.Bind(fact, name, out _) is [{ Hops.IsEmpty: true, IsTime: true } found] && found.Owner.Name == fact.Name && found.Element == aggTime;
    }

    /// <summary>The grain that one of them is asked at.</summary>
    public static TimeGrain GrainOf(MetricModel model, MetricQuery query, FieldName name) =>
        name.Grain ?? (name.IsMetricTime ? MetricCatalog.Of(model).DefaultGrain(query.AllMetrics)
            : query.AllMetrics.Select(MetricCatalog.Of(model).Metrics.GetValueOrDefault).OfType<MetricDescription>().Select(m => m.FinestGrain).Append(TimeGrain.Day).Max());
}
