using System.Collections.Immutable;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query;

/// <summary>Gives a leaf whose events count at other moments than their own the spine of these moments.</summary>
internal sealed class SpineResolver(MetricModel model, ResolvedRange target, TimeZoneInfo zone)
{
    /// <summary>The leaf with its spine.</summary>
    /// <param name="leaf">The leaf as if each event counted at its own time.</param>
    /// <param name="how">Which events count at a moment.</param>
    /// <param name="report">Takes the code and the text of what cannot be computed.</param>
    public Leaf Accumulate(Leaf leaf, Accumulation how, Action<string, string> report)
    {
        var times = leaf.GroupBy.Where(g => leaf.IsAggTime(g.Binding)).ToImmutableArray();
        if (times.IsEmpty)
        {
            if (!how.IsAllTime)
            {
                report(QueryProblems.MetricTimeNeeded, "has a value at each moment, so the query must group by metric_time.");
            }

            return leaf with { Range = leaf.Range with { From = null }, Target = leaf.Target with { From = null } };
        }

        var stored = leaf.AggTime.Granularity ?? TimeGrain.Day;
        var basis = how.Basis(stored, times.Select(t => t.Grain!.Value));
        ImmutableArray<TimeGrain> startsOf = how.AtStartOf is null ? [] : [.. times.Select(t => t.Grain!.Value).Distinct()];
        if (how.AtStartOf is not null && times.Any(t => !t.IsBucket))
        {
            report(QueryProblems.GrainTooFine, "has a value at each moment, which is not computed for this cut of metric_time.");
        }

        CheckCustom(leaf, basis, report);
        if (how.Window is { } window && window.Grain < basis)
        {
            report(QueryProblems.GrainTooFine, $"has a window of {window}, and its events are known by {Word(basis)} only.");
        }

        if (leaf.Shift is { } shift && shift.Grains.Any(g => g < basis))
        {
            report(QueryProblems.RangeNeedsDates, $"has a value for each {Word(basis)}, which cannot be moved by {shift}.");
        }

        if (leaf.Shift is { IsOwn: true } own)
        {
            report(QueryProblems.GrainTooFine, $"has a value at each moment, which is not moved by {own}.");
        }

        CheckMoments(leaf.Target, basis, report);
        if (basis < TimeGrain.Day && !ZoneRules.KeepsHours(zone, leaf.Target.From?.Utc, leaf.Target.To?.Utc))
        {
            report(QueryProblems.GrainTooFine, $"has a value for each {Word(basis)}, and the clock of {zone.Id} changes by less than an hour in {leaf.Target}.");
        }

        var (events, moments, mixed) = Split(leaf);
        var isInLake = mixed is not null || (how.AtStartOf is null && leaf.States.Any(s => !s.IsMergeable)) || leaf.StateFilters.Values.Any(f => leaf.IsAboutAggTime(f) is not false);
        var starts = startsOf.Length > 0 ? startsOf : [basis];
        var asked = basis >= TimeGrain.Day && leaf.Target.From is { } first
            ? leaf.Target with { From = TimeBound.FromDate(starts.Max(g => model.Calendar.Truncate(first.Date, g)), zone) }
            : leaf.Target;
        var moved = leaf.Shift is null ? asked : asked.Before(leaf.Shift, zone);
        var range = Widened(moved, how, basis);
        return leaf with
        {
            Shift = null,
            Range = range,
            Target = range,
            Where = events,
            GroupBy = [new GroupField(Spine.Column, times[0].Binding with { Name = times[0].Binding.Name.ToWhole(), Custom = null }, basis), .. leaf.GroupBy.Except(times)],
            Spine = new Spine
            {
                How = how, Basis = basis, StartsOf = startsOf, Keys = times, Range = moved, Target = asked, Shift = leaf.Shift, Where = moments, Mixed = mixed, IsInLake = isInLake,
            },
        };
    }

    /// <summary>The leaf with a row for each moment that has none.</summary>
    /// <param name="leaf">The leaf.</param>
    /// <param name="where">The query's condition.</param>
    /// <param name="report">Takes the code and the text of what cannot be computed.</param>
    public Leaf JoinTimeSpine(Leaf leaf, Filter? where, Action<string, string> report)
    {
        var times = leaf.GroupBy.Where(g => leaf.IsAggTime(g.Binding)).ToList();
        if (times.Count == 0)
        {
            return leaf;
        }

        var step = times.Min(t => t.Grain!.Value);
        if (!target.IsBounded && !times.Exists(t => t.IsBucket || t.Binding.Custom is not null))
        {
            report(QueryProblems.GrainTooFine, "is joined to the time spine, and its moments do not follow from this cut of metric_time.");
            return leaf;
        }

        CheckCustom(leaf, step, report);
        CheckMoments(leaf.Target, step, report);
        var grouped = leaf.GroupBy.Select(g => g.Column).ToHashSet(StringComparer.Ordinal);
        bool IsKnown(FieldName field) => leaf.Bindings.TryGetValue(field, out var binding) && (leaf.IsAggTime(binding) || grouped.Contains(field.ToString()));
        return leaf with { JoinsTimeSpine = true, OnMoments = Filter.And([.. FilterText.Conjuncts(where).Where(c => c.Fields.Any() && c.Fields.All(IsKnown))]) };
    }

    /// <summary>The leaf without the buckets within a day that an offset moves events into and the model's time spine does not have, as MetricFlow has it; if there is such a time spine.</summary>
    public Leaf MeetTimeSpine(Leaf leaf) =>
        leaf.Shift is { IsOffset: true }
        && leaf.GroupBy.Where(g => g.IsBucket && leaf.IsAggTime(g.Binding)).Select(g => g.Grain!.Value).DefaultIfEmpty(TimeGrain.Day).Min() is var step and < TimeGrain.Day
        && OfGrain(step) is not null
            ? leaf with { MeetsTimeSpine = true }
            : leaf;

    /// <summary>
    /// The model's time spine as a leaf: its first and last moment, where the query's own range does not bound the moments of some leaf; its rows, where they are
    /// the moments themselves, because these are finer than days, or say in which bucket of the model's own a moment lies.
    /// </summary>
    public Leaf? TimeSpine(IReadOnlyCollection<Leaf> leaves)
    {
        var steps = leaves.Where(l => l.Spine is not null || l.JoinsTimeSpine || l.MeetsTimeSpine).Select(l => l.Spine?.Basis ?? l.GroupBy.Where(g => l.IsAggTime(g.Binding)).Min(g => g.Grain!.Value)).ToList();
        var customs = leaves.SelectMany(Customs).Distinct().ToList();
        if (steps.Count == 0 || (target.IsBounded && steps.Min() >= TimeGrain.Day && customs.Count == 0) || (customs.FirstOrDefault()?.Spine ?? OfGrain(steps.Min())) is not { } spine)
        {
            return null;
        }

        var fact = AsFact(spine);
        var (time, step) = (fact.Dimensions.Values.Single(), customs.Count > 0 ? spine.Grain : steps.Min());
        var moment = new FieldBinding { Name = new FieldName([FieldName.MetricTime], step), Hops = [], Owner = fact, Element = time.Name, Expr = time.Expr, Dimension = time };
        return Of(fact, leaves.First() with { Index = leaves.Count }) with
        {
            GroupBy = customs.Count == 0 && step >= TimeGrain.Day ? [] : [new GroupField(Spine.Moment, moment, step), .. customs.Select(c => new GroupField(
                Spine.ColumnOf(c), new FieldBinding { Name = new FieldName([c.Column], null), Hops = [], Owner = fact, Element = c.Column, Expr = c.Column }, null))],
        };
    }

    /// <summary>The granularities of the model's own that a leaf of moments cuts them by.</summary>
    private static IEnumerable<CustomGranularity> Customs(Leaf leaf) => leaf.Spine is null && !leaf.JoinsTimeSpine ? []
        : (leaf.Spine?.Keys ?? leaf.GroupBy).Select(g => g.Binding).Concat(leaf.Bindings.Values).Where(leaf.IsAggTime).Select(b => b.Custom).OfType<CustomGranularity>();

    /// <summary>One time spine says of all moments where they lie, so they must be its own and no finer than it has them.</summary>
    private static void CheckCustom(Leaf leaf, TimeGrain step, Action<string, string> report)
    {
        var spines = leaf.GroupBy.Select(g => g.Binding).Concat(leaf.Bindings.Values).Where(leaf.IsAggTime).Select(b => b.Custom?.Spine).OfType<TimeSpine>().Distinct().ToList();
        if (spines.Count > 1 || spines.Exists(s => step < s.Grain))
        {
            report(QueryProblems.GrainTooFine, $"has a value for each {Word(step)}, and no one time spine says of them in which bucket of the model's own each lies.");
        }
    }

    /// <summary>The coarsest time spine that has every moment of a grain.</summary>
    private TimeSpine? OfGrain(TimeGrain step) => model.TimeSpines.Values.Where(s => s.Grain <= step && s.Grain <= TimeGrain.Day && !s.IsFiner).MaxBy(s => s.Grain);

    /// <summary>A time spine's table as a fact with one time.</summary>
    public static SemanticModel AsFact(TimeSpine spine)
    {
        var time = new Dimension { Name = spine.Column, Type = DimensionType.Time, Expr = spine.Column, Granularity = spine.Grain, Source = spine.Source };
        return new SemanticModel
        {
            Name = spine.Name,
            Table = spine.Name,
            Entities = ImmutableSortedDictionary<string, Entity>.Empty,
            Dimensions = ImmutableSortedDictionary<string, Dimension>.Empty.Add(time.Name, time),
            Measures = ImmutableSortedDictionary<string, Measure>.Empty,
            PrimaryEntity = null,
            Source = spine.Source,
        };
    }

    private static Leaf Of(SemanticModel spine, Leaf like) => like with
    {
        Fact = spine,
        AggTime = spine.Dimensions.Values.Single(),
        Shift = null,
        Range = ResolvedRange.All,
        Target = ResolvedRange.All,
        GroupBy = [],
        Where = null,
        States = [],
        StateFilters = ImmutableDictionary<Filter, Filter>.Empty,
        Bindings = ImmutableDictionary<FieldName, FieldBinding>.Empty,
        Spine = null,
        JoinsTimeSpine = false,
        KeepsUnmatched = false,
        Conversion = null,
        IsTimeSpine = true,
    };

    /// <summary>Moments are made up one by one, so they must be few; days of an open range are as many as the data has.</summary>
    private void CheckMoments(ResolvedRange range, TimeGrain step, Action<string, string> report)
    {
        if (range is { From: { } from, To: { } to } ? (to.Utc - from.Utc).TotalSeconds / Calendar.Seconds(step) > QueryResolver.MaxBuckets : step < TimeGrain.Day && OfGrain(step) is null)
        {
            report(QueryProblems.TooManyBuckets, $"has a value for each {Word(step)}, and {range} has more than {QueryResolver.MaxBuckets} of them, or is open and the model has no time spine of them; ask for a shorter range or a coarser grain.");
        }
    }

    private ResolvedRange Widened(ResolvedRange range, Accumulation how, TimeGrain basis)
    {
        if (range.From is not { } from)
        {
            return range;
        }

        var day = model.Calendar.Truncate(from.Date, basis);
        return range with { From = how.Reach(day, model.Calendar) is { } start ? TimeBound.FromDate(start, zone) : null };
    }

    private static (Filter? Events, Filter? Moments, Filter? Mixed) Split(Leaf leaf)
    {
        var conditions = FilterText.Conjuncts(leaf.Where).ToLookup(leaf.IsAboutAggTime);
        return (Filter.And([.. conditions[false]]), Filter.And([.. conditions[true]]), Filter.And([.. conditions[null]]));
    }

    private static string Word(TimeGrain grain) => grain.ToString().ToLowerInvariant();
}
