using System.Collections.Immutable;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;

namespace Write.DataPlatform.Query;

/// <summary>A column computed from a metric's values over all groups.</summary>
/// <param name="Name">Its name in the answer.</param>
/// <param name="Kind">What it says.</param>
/// <param name="Within">The columns whose values each have a total or a ranking of their own; for a running total those it does not walk along.</param>
/// <param name="Along">For a running total: the time it walks along.</param>
/// <param name="Share">For a share: the index among <see cref="ResolvedQuery.Shares"/>.</param>
internal sealed record ModifierColumn(string Name, ModifierKind Kind, ImmutableArray<KeyColumn> Within, KeyColumn? Along = null, int Share = -1)
{
    public static string NameOf(MetricModifier modifier) => modifier.Metric + modifier.As switch
    {
        ModifierKind.PercentOfTotal => "__percent_of_total",
        ModifierKind.Rank => "__rank",
        _ => "__running_total",
    };
}

/// <summary>The metrics' values by some of the query's columns alone, which percents are of.</summary>
/// <param name="Within">The columns.</param>
/// <param name="Metrics">The metrics.</param>
/// <param name="IsApart">Whether the leaves with this share's number compute it, because the query's own cannot be merged.</param>
internal sealed record Share(ImmutableArray<KeyColumn> Within, ImmutableArray<MetricColumn> Metrics, bool IsApart);

/// <summary>Gives the modifiers of a query's metrics their columns, and refuses what no correct value follows from.</summary>
internal sealed class ModifierResolver(MetricQuery query, ImmutableArray<KeyColumn> keys, ImmutableArray<Leaf> leaves, Func<string, string> column, List<QueryProblem> problems)
{
    private readonly List<Share> _shares = [];

    public ImmutableArray<Share> Shares => [.. _shares];

    /// <summary>The metrics with the columns of their modifiers.</summary>
    public ImmutableArray<MetricColumn> Resolve(ImmutableArray<MetricColumn> metrics)
    {
        foreach (var repeated in query.Modifiers.GroupBy(m => (m.Metric, m.As)).SelectMany(g => g.Skip(1)))
        {
            Report(QueryProblems.Duplicate, $"{ModifierColumn.NameOf(repeated)} is asked for twice.", Path(repeated));
        }

        var within = query.Modifiers.ToDictionary(object (m) => m, Within, ReferenceEqualityComparer.Instance);
        return [.. metrics.Select(m => m with { Modifiers = [.. query.Modifiers.Where(x => x.Metric == m.Metric.Name).Select(x => Column(m, x, within[x])).OfType<ModifierColumn>()] })];
    }

    /// <summary>The leaves that compute shares apart.</summary>
    public IEnumerable<Leaf> ShareLeaves()
    {
        foreach (var (share, number) in _shares.Select((s, i) => (s, i)).Where(s => s.s.IsApart))
        {
            var used = share.Metrics.SelectMany(m => MetricNode.Measures(m.Current)).Select(m => m.LeafIndex).Distinct();
            foreach (var leaf in used.Select(index => leaves.First(l => l.Index == index)))
            {
                ImmutableArray<GroupField> groupBy = [.. leaf.GroupBy.Where(g => g.Column == Spine.Column || share.Within.Any(k => k.Name == g.Column))];
                var hasTime = groupBy.Any(g => leaf.IsAggTime(g.Binding));
                yield return leaf with
                {
                    Share = number,
                    GroupBy = groupBy,
                    JoinsTimeSpine = leaf.JoinsTimeSpine && (leaf.Spine is not null || hasTime),
                    MeetsTimeSpine = leaf.MeetsTimeSpine && groupBy.Any(g => leaf.IsAggTime(g.Binding) && g is { IsBucket: true, Grain: < TimeGrain.Day }),
                };
            }
        }
    }

    private ImmutableArray<KeyColumn> Within(MetricModifier modifier)
    {
        var found = ImmutableArray.CreateBuilder<KeyColumn>();
        for (var i = 0; i < modifier.Within.Length; i++)
        {
            var name = column(modifier.Within[i].ToString());
            if (keys.FirstOrDefault(k => k.Name == name) is { } key)
            {
                found.Add(key);
            }
            else
            {
                Report(QueryProblems.UnknownField, $"{modifier.Within[i]} is no column that the query groups by.", $"{Path(modifier)}.within[{i}]", Suggestion.For(name, keys.Select(k => k.Name)));
            }
        }

        return [.. keys.Where(found.Contains)];
    }

    private ModifierColumn? Column(MetricColumn metric, MetricModifier modifier, ImmutableArray<KeyColumn> within)
    {
        var name = ModifierColumn.NameOf(modifier);
        var used = MetricNode.Measures(metric.Current).Select(m => (Measure: m, Leaf: leaves.First(l => l.Index == m.LeafIndex))).ToList();
        switch (modifier.As)
        {
            case ModifierKind.Rank:
                return new ModifierColumn(name, modifier.As, within);
            case ModifierKind.RunningTotal when keys.Where(k => k.IsMetricTime).MinBy(k => k.Grain) is { } along:
                if (used.Exists(u => u.Leaf.Spine is not null || u.Measure.States.Any(s => !s.IsMergeable || s.IsSketch)))
                {
                    Report(
                        QueryProblems.NoRunningTotal,
                        $"The values of {metric.Metric.Name} at several times do not make one of all of them: it counts distinct values, is a percentile or semi-additive, or accumulates already.",
                        Path(modifier));
                }

                return new ModifierColumn(name, modifier.As, [.. keys.Where(k => k != along)], along);
            case ModifierKind.RunningTotal:
                Report(QueryProblems.MetricTimeNeeded, "A running total walks along metric_time, by which the query does not group.", Path(modifier));
                return null;
            default:
                if (used.Exists(u => u.Leaf.Spine is { } spine && spine.Keys.Any(g => within.All(k => k.Name != g.Column))))
                {
                    Report(QueryProblems.NoTotals, $"{metric.Metric.Name} has a value at each moment and none over all of them; 'within' must have metric_time.", Path(modifier));
                }

                var isApart = used.Exists(u => u.Leaf.Spine is not null || u.Leaf.JoinsTimeSpine || u.Leaf.MeetsTimeSpine || u.Measure.States.Any(s => !s.IsMergeable));
                var share = _shares.FindIndex(s => s.IsApart == isApart && s.Within.SequenceEqual(within));
                var own = metric with { Previous = null, Modifiers = [] };
                if (share < 0)
                {
                    share = _shares.Count;
                    _shares.Add(new Share(within, [own], isApart));
                }
                else
                {
                    _shares[share] = _shares[share] with { Metrics = [.. _shares[share].Metrics, own] };
                }

                return new ModifierColumn(name, modifier.As, within, Share: share);
        }
    }

    private static string Path(MetricModifier modifier) => $"metrics[{modifier.Position}]";

    private void Report(string code, string message, string path, string? suggestion = null) => problems.Add(new QueryProblem(code, message, path, suggestion));
}
