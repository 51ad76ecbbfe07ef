using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query;

/// <summary>
/// Finds what a query without a metric lists: the different values of its fields, from the one semantic model that reaches all of them (and those of the
/// conditions) with the fewest joins, and <c>metric_time</c> from a time spine.
/// </summary>
/// <param name="model">The model.</param>
/// <param name="binder">Finds the query's names.</param>
/// <param name="policies">Finds the names of the tenant's condition.</param>
/// <param name="query">The query.</param>
/// <param name="tenant">The condition of tenant and role.</param>
/// <param name="problems">Takes the mistakes.</param>
internal sealed class ValueLister(MetricModel model, FieldBinder binder, FieldBinder policies, MetricQuery query, Filter? tenant, List<QueryProblem> problems)
{
    /// <summary>The leaf's draft; none if a problem was reported.</summary>
    public IReadOnlyList<LeafDraft> Drafts()
    {
        if (query.MinMax && query.GroupBy.Length != 1)
        {
            Report(QueryProblems.MinMaxNeedsOneField, "The least and the greatest value are those of one field.", "groupBy");
        }

        foreach (var (isAsked, path) in new[] { (query.GroupBy.IsEmpty, "metrics"), (query.Compare is not null, "compare"), (query.Fill, "fill"), (query.Totals, "totals") })
        {
            if (isAsked)
            {
                Report(QueryProblems.NoMetrics, path == "metrics" ? "A query names at least one metric, or a field whose values to list." : $"Values without a metric have no '{path}'.", path);
            }
        }

        var names = query.GroupBy.Concat(query.Where?.Fields ?? []).ToList();
        var elements = names.ConvertAll(n => binder.Cut(n).Whole);
        var fields = elements.Where(n => !n.IsMetricTime).Distinct().ToList();
        if (elements.Exists(n => n.IsMetricTime) && !binder.HasMetricTime)
        {
            return [];
        }

        var spine = elements.Exists(n => n.IsMetricTime) ? Spine() : null;
        if (query.GroupBy.IsEmpty || (spine is null && elements.Exists(n => n.IsMetricTime)))
        {
            return [];
        }

        if (spine is null && query.TimeRange is not null)
        {
            Report(QueryProblems.CannotList, "Without a metric and metric_time there is no time that a range could restrict.", "timeRange", "Put a condition on a time dimension into 'where'.");
        }

        if (fields.Count == 0)
        {
            if (tenant is not null)
            {
                Report(QueryProblems.CannotList, "A time spine has no rows of the tenant.", "groupBy", "Ask for a metric.");
                return [];
            }

            return [new LeafDraft(0, spine!, spine!.Dimensions.Values.Single(), null)];
        }

        return Owner(fields) is not { } owner ? []
            : [spine is null ? new LeafDraft(0, owner, Leaf.NoTime, null) : new LeafDraft(0, spine, spine.Dimensions.Values.Single(), null) { Listed = owner }];
    }

    /// <summary>The coarsest time spine that has every bucket asked for, as a fact.</summary>
    private SemanticModel? Spine()
    {
        var finest = query.GroupBy.Where(n => n.IsMetricTime).Select(n => n.Grain ?? TimeGrain.Day).DefaultIfEmpty(TimeGrain.Day).Min();
        if (model.TimeSpines.Values.Where(s => s.Grain <= finest && !s.IsFiner).MaxBy(s => s.Grain) is not { } spine)
        {
            var what = finest.ToString().ToLowerInvariant();
            Report(QueryProblems.NoTimeSpine, $"Without a metric, metric_time comes from a time spine, and the model has none of {what}s or finer.", "groupBy", "Ask for a metric, or add a time spine to the model.");
            return null;
        }

        return SpineResolver.AsFact(spine);
    }

    private SemanticModel? Owner(IReadOnlyList<FieldName> fields)
    {
        // A tenant sees the values among its own rows, so its field must be reached like one of the query's own.
        var demanded = tenant?.Fields.Select(f => f.WithGrain(null)).Distinct().ToList() ?? [];
        var owners = model.SemanticModels.Values.Select(m => Reach(m, fields, demanded)).OfType<Reached>().ToList();
        var best = owners.Where(o => o.Cost == owners.Min(x => x.Cost)).ToList();
        if (best is [var only])
        {
            return only.Model;
        }

        var names = string.Join(", ", fields);
        if (best.Count > 1)
        {
            Report(QueryProblems.CannotList, $"The values of {names} may be listed from {string.Join(" or ", best.Select(b => b.Model.Name))}, which need not have the same.", "groupBy", "Ask for a metric as well.");
        }
        else if (tenant is not null && model.SemanticModels.Values.Any(m => Reach(m, fields, []) is not null))
        {
            Report(QueryProblems.CannotList, $"Nothing that has {names} tells which rows are the tenant's.", "groupBy", "Ask for a metric as well.");
        }
        else if (fields.All(f => model.SemanticModels.Values.Any(m => !binder.Bind(m, f, out _).IsEmpty)))
        {
            Report(QueryProblems.CannotList, $"No one semantic model reaches {names} by joins that hold at any time.", "groupBy", "Ask for a metric as well.");
        }

        return null;
    }

    /// <summary>How a semantic model reaches all of some fields; null if it does not, or not in one way, or by what was valid at a time, which a list of values has not.</summary>
    private Reached? Reach(SemanticModel from, IReadOnlyList<FieldName> fields, IReadOnlyList<FieldName> demanded)
    {
        var found = fields.Select(f => binder.Bind(from, f, out _)).Concat(demanded.Except(fields).Select(f => policies.Bind(from, f, out _))).ToList();
        if (found.Exists(f => f.Length != 1 || f[0].Hops.Any(h => h.Target.Entities[h.Entity].Type == EntityType.Natural)))
        {
            return null;
        }

        var joins = found.SelectMany(f => f[0].Hops.Select((_, i) => string.Join('/', f[0].Hops.Take(i + 1).Select(h => h.Entity + ">" + h.Target.Name)))).Distinct().Count();
        // An entity's values are those of the model that has it as its key, if there is one.
        var references = found.Count(f => f[0].Dimension is null && f[0].Lookup is null && f[0].Owner.Entities[f[0].Element].Type == EntityType.Foreign);
        // Of several tables that have an entity as their key, MetricFlow takes the one with the least beside it.
        var areKeys = found.TrueForAll(f => f[0] is { Dimension: null, Lookup: null } && f[0].Owner.Entities[f[0].Element].Type != EntityType.Foreign);
        return new Reached(from, (joins, references, areKeys ? from.Dimensions.Count + from.Entities.Count : 0));
    }

    private void Report(string code, string message, string path, string? suggestion = null) => problems.Add(new QueryProblem(code, message, path, suggestion));

    private sealed record Reached(SemanticModel Model, (int Joins, int References, int Elements) Cost);
}
