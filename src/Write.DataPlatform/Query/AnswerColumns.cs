using System.Collections.Immutable;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;

namespace Write.DataPlatform.Query;

/// <summary>What a query says about the columns of its answer: their order, the conditions on them, and the rows to fill.</summary>
/// <param name="query">The query.</param>
/// <param name="keys">Its group-by columns.</param>
/// <param name="zone">The zone on whose clock times are read.</param>
/// <param name="problems">Takes the mistakes.</param>
internal sealed class AnswerColumns(MetricQuery query, ImmutableArray<KeyColumn> keys, TimeZoneInfo zone, List<QueryProblem> problems)
{
    /// <summary>The column that a name means, however it is spelt: with its grain or without, the grain in any case.</summary>
    public string Named(string name)
    {
        if (keys.Any(k => k.Name == name))
        {
            return name;
        }

        var asked = FieldName.Parse(name);
        var same = keys.Where(k => FieldName.Parse(k.Name) is var key && key.Part == asked.Part && key.Path.SequenceEqual(asked.Path) && (asked.Grain is null || k.Grain == asked.Grain)).ToList();
        return same is [var only] ? only.Name : name;
    }

    /// <summary>Reports what is ordered by or asked of columns that are not there.</summary>
    public void Check(IEnumerable<MetricColumn> metrics)
    {
        // A comparison that is itself a mistake still says which columns were meant.
        var compared = query.Compare is null ? [] : query.AllMetrics.SelectMany(m => new[] { m + "__previous", m + "__delta", m + "__ratio" });
        var columns = keys.Select(k => k.Name).Concat(query.AllMetrics).Concat(query.Modifiers.Select(ModifierColumn.NameOf)).Concat(compared).Concat(metrics.SelectMany(m => m.Names)).Distinct().ToList();
        var asked = query.OrderBy.Select((o, i) => (o.Field, Path: $"orderBy[{i}].field"))
            .Concat(query.Having is null ? [] : FilterValues.Places(query.Having, "having").Select(f => (Field: f.Field.ToString(), f.Path)));
        foreach (var (field, path) in asked.Where(a => !columns.Contains(Named(a.Field))))
        {
            Report(QueryProblems.UnknownField, $"{field} is not a column of the answer.", path, Suggestion.For(field, columns));
        }
    }

    /// <summary>The query's having over the answer's columns, its values in their types; metrics are numbers.</summary>
    public Filter? Having()
    {
        if (query.Having is not { } having)
        {
            return null;
        }

        var values = new FilterValues(name => keys.FirstOrDefault(k => k.Name == name.ToString()) is { } key ? key.Kind : query.GroupBy.Contains(name) ? null : ColumnKind.Double, zone, areInstants: true);
        var converted = values.Convert(Renamed(having), "having");
        // Of a column that is not there no type is told.
        problems.AddRange(values.Problems.Where(p => !problems.Exists(other => other.Code == QueryProblems.UnknownField && p.Path!.StartsWith(other.Path![..^".field".Length] + ".", StringComparison.Ordinal))));
        return converted;
    }

    /// <summary>Reports what cannot be filled.</summary>
    /// <param name="range">The query's range.</param>
    /// <param name="mixed">Fields that are the time of some metrics alone.</param>
    public void CheckFill(ResolvedRange range, ImmutableArray<FieldName> mixed)
    {
        if (!query.Fill)
        {
            return;
        }

        foreach (var name in mixed)
        {
            Report(QueryProblems.TimesDoNotMeet, $"{name} is the time of some of the metrics and not of the others, so that its buckets cannot be filled. Group by metric_time.", $"groupBy[{query.GroupBy.IndexOf(name)}]");
        }

        if (keys.FirstOrDefault(k => k.IsTime) is not { } time)
        {
            return;
        }

        if (keys.Where(k => k.IsTime).Select(k => k.Name).Distinct().Skip(1).Any())
        {
            Report(QueryProblems.OneGrainNeeded, "Filling takes the metrics' time at one grain only.", "groupBy");
        }

        if (keys.FirstOrDefault(k => k.FollowsFromTime) is { } part)
        {
            Report(QueryProblems.OneGrainNeeded, $"Filling makes buckets of {time.Name}, and {part.Name} follows from the same time: leave one of them out.", "groupBy");
        }

        if (!range.IsBounded)
        {
            Report(QueryProblems.FillNeedsTimeRange, "Filling needs a time range with a start and an end.", "fill");
            return;
        }

        if (time.Grain == TimeGrain.Hour && !ZoneRules.KeepsHours(zone, range.From?.Utc, range.To?.Utc))
        {
            Report(QueryProblems.GrainTooFine, $"Filling makes a bucket an hour, and the clock of {zone.Id} changes by less than an hour in {range}. Ask for minutes, or for days.", "fill");
        }

        if ((range.To!.Value.Utc - range.From!.Value.Utc).TotalSeconds / Calendar.Seconds(time.Grain ?? TimeGrain.Day) > QueryResolver.MaxBuckets)
        {
            Report(QueryProblems.TooManyBuckets, $"The time range has more than {QueryResolver.MaxBuckets} buckets to fill.", "fill");
        }
    }

    private Filter Renamed(Filter filter) => filter switch
    {
        AndFilter and => new AndFilter([.. and.Filters.Select(Renamed)]),
        OrFilter or => new OrFilter([.. or.Filters.Select(Renamed)]),
        NotFilter not => new NotFilter(Renamed(not.Inner)),
        ComparisonFilter comparison when keys.FirstOrDefault(k => k.Name == Named(comparison.Field.ToString())) is { } key => comparison with { Field = FieldName.Parse(key.Name) },
        _ => filter,
    };

    private void Report(string code, string message, string path, string? suggestion = null) => problems.Add(new QueryProblem(code, message, path, suggestion));
}
