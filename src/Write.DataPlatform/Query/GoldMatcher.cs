using System.Collections.Immutable;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query;

/// <summary>A gold table as it can be read now: its live partitions that have today's definition.</summary>
/// <param name="Definition">What its rows are.</param>
/// <param name="Tenant">Whose rows; null for an internal table.</param>
/// <param name="Revision">The manifest's revision.</param>
/// <param name="Partitions">The built partitions.</param>
/// <param name="IsComplete">Whether they leave out nothing that the lake has before the last one's end.</param>
internal sealed record GoldCandidate(
    GoldDefinition Definition, string? Tenant, long Revision, ImmutableArray<GoldCandidatePartition> Partitions, bool IsComplete)
{
    /// <summary>The built partitions in order of time, definition unchanged.</summary>
    public ImmutableArray<GoldCandidatePartition> Partitions
    {
        get;
        init => (field, Runs) = (value, Unbroken(value));
    } = Partitions;

    /// <summary>The partitions in runs that follow each other without a gap.</summary>
    public ImmutableArray<ImmutableArray<GoldCandidatePartition>> Runs { get; private init; } = Unbroken(Partitions);

    /// <summary>By fact, the streams whose events go on where partitions are cut.</summary>
    public ImmutableDictionary<string, GoldCandidateTail> Tails { get; init; } = ImmutableDictionary<string, GoldCandidateTail>.Empty;

    /// <summary>The table as one fact can be read from it: without partitions that leave its events to a stream that does not have them all.</summary>
    public GoldCandidate Of(string fact)
    {
        var tail = Tails.GetValueOrDefault(fact);
        bool IsWhole(GoldCandidatePartition partition) => partition.CutOf(fact) is not { } cut || cut >= partition.ToUtc(Definition) || tail?.Since <= cut;
        return Partitions.All(IsWhole) ? this : this with { Partitions = [.. Partitions.Where(IsWhole)], IsComplete = false };
    }

    /// <summary>The tail that a fact's events in a range are read from, too; null if none are.</summary>
    public GoldCandidateTail? TailOf(string fact, LeafPiece piece) =>
        piece.Partitions.Any(p => p.CutOf(fact) is { } cut && cut < p.ToUtc(Definition) && (piece.Range.To is not { } to || to.Utc > cut)) ? Tails.GetValueOrDefault(fact) : null;

    private static ImmutableArray<ImmutableArray<GoldCandidatePartition>> Unbroken(ImmutableArray<GoldCandidatePartition> partitions)
    {
        var runs = ImmutableArray.CreateBuilder<ImmutableArray<GoldCandidatePartition>>();
        var start = 0;
        for (var i = 1; i <= partitions.Length; i++)
        {
            if (i == partitions.Length || partitions[i - 1].To != partitions[i].From)
            {
                runs.Add(partitions[start..i]);
                start = i;
            }
        }

        return runs.ToImmutable();
    }
}

/// <summary>What a stream has counted of a fact for a gold table.</summary>
/// <param name="Stream">The stream.</param>
/// <param name="Since">The event time (UTC) from which on it has all of them.</param>
/// <param name="Counted">Up to which event time (UTC) it has.</param>
/// <param name="Tag">Changes when its rows do.</param>
/// <param name="Segments">Its stored pieces.</param>
internal sealed record GoldCandidateTail(string Stream, DateTime Since, DateTime Counted, string Tag, int Segments);

/// <summary>A built partition.</summary>
/// <param name="Period">Its name.</param>
/// <param name="From">The first date in the table's zone.</param>
/// <param name="To">The date after the last.</param>
/// <param name="Rows">Its rows.</param>
internal sealed record GoldCandidatePartition(string Period, DateOnly From, DateOnly To, long Rows)
{
    /// <summary>By fact, the instant (UTC) from which on its events are left to its stream.</summary>
    public ImmutableSortedDictionary<string, DateTimeOffset>? Cuts { get; init; }

    /// <summary>Event time (UTC) up to which it has what came, if it was read before all of its days were in the lake; null if it has them all.</summary>
    public DateTime? Reach { get; init; }

    public DateTime? CutOf(string fact) => Cuts is not null && Cuts.TryGetValue(fact, out var cut) ? cut.UtcDateTime : null;

    public DateTime FromUtc(GoldDefinition definition) => TimeBound.FromDate(From, definition.Table.TimeZone).Utc;

    public DateTime ToUtc(GoldDefinition definition) => TimeBound.FromDate(To, definition.Table.TimeZone).Utc;
}

/// <summary>A part of a leaf's range and who answers it.</summary>
/// <param name="Range">The events' range.</param>
/// <param name="Gold">The gold table; null for the lake.</param>
/// <param name="Partitions">The gold table's partitions that the range touches.</param>
internal sealed record LeafPiece(ResolvedRange Range, GoldCandidate? Gold, ImmutableArray<GoldCandidatePartition> Partitions);

/// <summary>A leaf with who answers it.</summary>
/// <param name="Leaf">The leaf.</param>
/// <param name="Pieces">Disjoint pieces that make up its range.</param>
/// <param name="Misses">Why tables, nearest first, do not serve what the lake has to.</param>
internal sealed record LeafPlan(Leaf Leaf, ImmutableArray<LeafPiece> Pieces, ImmutableArray<GoldMiss> Misses)
{
    public bool NeedsLake => Pieces.Any(p => p.Gold is null);

    /// <summary>The tail that a piece is read from, too; null if it is not.</summary>
    public GoldCandidateTail? TailOf(LeafPiece piece) => piece.Gold?.TailOf(Leaf.Fact.Name, piece);
}

/// <summary>
/// Second pass: says which gold table can answer a leaf. A table is used only where each rule below holds, so that its answer is the lake's;
/// every rule that fails is a miss with a code (<c>docs/matching.md</c>).
/// </summary>
internal static class GoldMatcher
{
    /// <summary>
    /// A leaf's plan; where no table holds all of its states and several do together, a plan for the states of each. The finish merges them by the leaf's keys, as it
    /// merges the pieces of a range. Gold and the lake never share the states of one range: what the lake has gained since would be in one of a ratio's parts alone.
    /// </summary>
    public static IEnumerable<LeafPlan> Plans(Leaf leaf, IReadOnlyList<GoldCandidate> candidates, QuerySource source, string? tenant)
    {
        var whole = Match(leaf, candidates, source, tenant);
        if (!whole.NeedsLake || source == QuerySource.Lake || leaf.States.Length < 2 || leaf.Spine is not null || leaf.JoinsTimeSpine || leaf.MeetsTimeSpine || leaf.Journey is not null || leaf.Conversion is not null)
        {
            return [whole];
        }

        LeafPlan Of(IEnumerable<MeasureState> states) => Match(leaf with { States = [.. states] }, candidates, source, tenant);
        var parts = leaf.States.GroupBy(state => Of([state]) is { NeedsLake: false } own ? string.Join(' ', own.Pieces.Select(p => p.Gold!.Definition.Table.Name).Distinct()) : "").ToList();
        return parts.Exists(part => part.Key.Length == 0) || parts.ConvertAll(Of) is not { Count: > 1 } plans || plans.Exists(plan => plan.NeedsLake) ? [whole] : plans;
    }

    private static LeafPlan Match(Leaf leaf, IReadOnlyList<GoldCandidate> candidates, QuerySource source, string? tenant)
    {
        var lake = new LeafPiece(leaf.Range, null, []);
        if (source == QuerySource.Lake)
        {
            return new LeafPlan(leaf, [lake], []);
        }

        if (leaf.IsListing)
        {
            return new LeafPlan(leaf, [lake], [new GoldMiss(null, "no_metrics", "Values without a metric are listed from the lake.")]);
        }

        if (leaf.Journey is { } journey)
        {
            return new LeafPlan(leaf, [lake], [new GoldMiss(null, "not_additive", $"{journey.Node.Metric.Name} follows entities from event to event, which gold does not hold.")]);
        }

        var misses = new List<(int Passed, GoldMiss Miss)>();
        var able = new List<GoldCandidate>();
        foreach (var candidate in candidates.Select(c => c.Of(leaf.Fact.Name)))
        {
            if (Miss(leaf, candidate, tenant, out var passed) is { } miss)
            {
                misses.Add((passed, miss));
            }
            else
            {
                able.Add(candidate);
            }
        }

        var served = new List<(long Rows, LeafPlan Plan)>();
        var areMergeable = leaf.States.All(s => s.IsMergeable);
        foreach (var candidate in able)
        {
            var pieces = Split(leaf, leaf.Range, candidate);
            if (pieces.All(p => p.Gold is null))
            {
                misses.Add((100, new GoldMiss(candidate.Definition.Table.Name, "range", $"{candidate.Definition.Table.Name} has built no whole bucket of {leaf.Range}.")));
                continue;
            }

            if (areMergeable && pieces.Any(p => p.Gold is null))
            {
                // What it leaves out, above all within its buckets, is for the other tables, the coarsest first, before it is for the lake.
                foreach (var finer in able.Where(c => c != candidate).OrderByDescending(c => c.Definition.Table.Grain).ThenBy(c => c.Partitions.Sum(p => p.Rows)))
                {
                    pieces = [.. pieces.SelectMany(p => p.Gold is null ? Split(leaf, p.Range, finer) : [p])];
                }
            }

            var missing = pieces.Where(p => p.Gold is null).Select(p => new GoldMiss(
                candidate.Definition.Table.Name, "range", $"{candidate.Definition.Table.Name} does not cover {p.Range}.")).ToImmutableArray();
            if (missing.Length > 0 && !areMergeable)
            {
                misses.Add((100, missing[0]));
                continue;
            }

            if (!areMergeable && pieces.Select(p => candidate.TailOf(leaf.Fact.Name, p)).FirstOrDefault(t => t is not null) is { } tail)
            {
                var value = leaf.States.First(s => !s.IsMergeable).Measure!.Name;
                misses.Add((100, new GoldMiss(
                    candidate.Definition.Table.Name, "tail", $"{candidate.Definition.Table.Name} goes on with the stream {tail.Stream}, and finished values of {value} do not add up with what it counts. An approximate measure does.")));
                continue;
            }

            var rows = pieces.Sum(p => p.Partitions.Sum(x => x.Rows)) + (missing.Length > 0 ? long.MaxValue / 4 : 0);
            served.Add((rows, new LeafPlan(leaf, pieces, missing)));
        }

        if (served.Count > 0)
        {
            return served.MinBy(s => s.Rows).Plan;
        }

        if (candidates.Count == 0)
        {
            misses.Add((0, new GoldMiss(null, "no_table", "The model has no gold table that this caller may read.")));
        }

        return new LeafPlan(leaf, [lake], [.. misses.OrderByDescending(m => m.Passed).Select(m => m.Miss)]);
    }

    /// <summary>The first rule that a table breaks for a leaf, whatever its partitions, or null.</summary>
    private static GoldMiss? Miss(Leaf leaf, GoldCandidate candidate, string? tenant, out int passed)
    {
        var definition = candidate.Definition;
        var table = definition.Table;
        GoldMiss Because(string code, string message) => new(table.Name, code, message);
        passed = 0;
        if (table.Audience == Audience.External && candidate.Tenant != tenant)
        {
            return Because("tenant", $"{table.Name} is stored by tenant, and the query is not of one.");
        }

        passed++;
        if (definition.AggTimeOf(leaf.Fact.Name, leaf.AggTime.Name) is null)
        {
            return Because("measure_not_stored", $"{table.Name} counts nothing of {leaf.Fact.Name} by {leaf.AggTime.Name}.");
        }

        if (leaf.States.FirstOrDefault(s => !definition.StateNames.Contains(s.Name)) is { } state)
        {
            return Because("measure_not_stored", $"{table.Name} does not hold {state.Measure?.Name ?? state.Fact.Name}{(state.Filter is null ? "" : " under this metric's filter")}.");
        }

        passed++;
        if (Converted(leaf, table.Where).Select(FilterText.Of).Except(FilterText.Conjuncts(leaf.Where).Select(FilterText.Of)).FirstOrDefault() is { } own)
        {
            return Because("filter", $"{table.Name} holds only rows where {own}, which the query does not ask for.");
        }

        passed++;
        var filterFields = FilterFields(leaf, candidate);
        foreach (var (name, binding) in leaf.GroupBy.Select(g => (g.Binding.Name, g.Binding)).Concat(filterFields.Select(f => (f, leaf.Bindings[f]))))
        {
            if (!leaf.IsAggTime(binding) && (definition.ColumnOf(leaf.Fact.Name, binding) is null || binding.IsTime))
            {
                return Because("dimension_not_stored", $"{table.Name} does not hold {name}.");
            }
        }

        passed++;
        var grains = leaf.GroupBy.Where(g => leaf.IsAggTime(g.Binding)).Select(g => g.Grain!.Value)
            .Concat(filterFields.Where(f => leaf.IsAggTime(leaf.Bindings[f])).Select(f => f.Grain ?? LeafExpressions.GrainOf(f.Part, leaf.Calendar) ?? (Leaf.IsInstant(leaf.AggTime) ? TimeGrain.Millisecond : TimeGrain.Day)));
        if (leaf.GroupBy.Select(g => g.Binding).Concat(filterFields.Select(f => leaf.Bindings[f])).Any(b => b.Custom is not null))
        {
            return Because("grain", $"{table.Name} has {Word(table.Grain)} buckets, and a time spine of the lake says in which bucket of the model's own each lies.");
        }

        if (grains.Where(g => !Derives(table.Grain, g)).Cast<TimeGrain?>().FirstOrDefault() is { } grain)
        {
            return Because("grain", $"{table.Name} has {Word(table.Grain)} buckets, which do not make {Word(grain)}s.");
        }

        if (leaf.Shift is { IsOwn: true } byOwn)
        {
            return Because("grain", $"{table.Name} has {Word(table.Grain)} buckets, and a time spine of the lake says where each lands that is moved by {byOwn}.");
        }

        if (leaf.Shift is { } shift && shift.Grains.Any(g => g < table.Grain && g != TimeGrain.Day))
        {
            return Because("grain", $"{table.Name} has {Word(table.Grain)} buckets, which cannot be moved by {shift}.");
        }

        if (leaf.Shift is { } moved && table.Grain > TimeGrain.Day && (moved.HasIsoYear || moved.Grains.Any(g => !Derives(table.Grain, g))))
        {
            return Because("grain", $"{table.Name} has {Word(table.Grain)} buckets, which cannot be moved by {moved}.");
        }

        passed++;
        if (table.Grain >= TimeGrain.Day
            ? Leaf.IsInstant(leaf.AggTime) && table.TimeZone.Id != leaf.Zone.Id
            : new[] { leaf.Zone, table.TimeZone }.Any(zone => !ZoneRules.HasWhole(table.Grain, zone, leaf.Range.From?.Utc, leaf.Range.To?.Utc))
                || (leaf.Shift is { IsElapsedTime: true } && !ZoneRules.HasWhole(table.Grain, leaf.Zone, leaf.Target.From?.Utc, leaf.Target.To?.Utc)))
        {
            return Because("time_zone", $"{table.Name} is cut in {table.TimeZone.Id}, the query in {leaf.Zone.Id}.");
        }

        passed++;
        if (MovedTime(leaf, candidate) is { } time)
        {
            return Because("filter", $"{table.Name} holds what passed a condition on {time} when it was stored, in {table.TimeZone.Id}; {(leaf.Shift is null ? $"in {leaf.Zone.Id}" : $"moved by {leaf.Shift}")} other events pass it.");
        }

        passed++;
        if (leaf.Shift is { IsElapsedTime: false } && (leaf.Target.From is { IsMidnight: false } || leaf.Target.To is { IsMidnight: false }))
        {
            return Because("unaligned_range", $"The compared range {leaf.Target} starts or ends within a day, which {table.Name} cannot cut after moving it.");
        }

        passed++;
        if (Conditions(leaf, candidate).Any() && leaf.States.FirstOrDefault(s => s.IsSemiAdditive) is { } semiAdditive)
        {
            return Because("not_additive", $"{table.Name} holds {semiAdditive.Measure!.Name} at the first or last moment of all of its rows, which may be another among those of the query's filter.");
        }

        if (leaf.Conversion is not null)
        {
            return Because("measure_not_stored", $"{table.Name} holds no conversions: which event one goes to is told of the events themselves.");
        }

        if (leaf.Spine is { IsInLake: true })
        {
            return Because("not_additive", $"{table.Name} holds buckets, and what counts at a moment is told of the events themselves.");
        }

        passed++;
        return leaf.States.All(s => s.IsMergeable) || IsExact(leaf, definition)
            ? null
            : Because("not_additive", $"{table.Name} holds finished values of {leaf.States.First(s => !s.IsMergeable).Measure!.Name}, which do not add up over its other dimensions or buckets.");
    }

    /// <summary>
    /// A time that a condition on the stored rows is about, and that is another for this leaf: the aggregation time where events are moved, or an instant where the query's days are not the table's.
    /// </summary>
    private static FieldName? MovedTime(Leaf leaf, GoldCandidate candidate) => leaf.States.Select(s => s.Filter).OfType<Filter>().Concat(Kept(leaf, candidate))
        .SelectMany(condition => condition.Fields)
        .FirstOrDefault(field => leaf.Bindings[field] is { IsTime: true } time
            && ((leaf.Shift is not null && leaf.IsAggTime(time)) || (leaf.Zone.Id != candidate.Definition.Table.TimeZone.Id && Leaf.IsInstant(time.Dimension!))));

    /// <summary>The conditions that all of a table's rows passed: its own and its tenant's.</summary>
    private static IEnumerable<Filter> Kept(Leaf leaf, GoldCandidate candidate) => Converted(leaf, candidate.Definition.Table.Where)
        .Concat(candidate.Tenant is { } tenant ? Converted(leaf, candidate.Definition.Model.Tenants[tenant].Where) : []);

    /// <summary>The parts of a model's condition as the leaf has its own: with values of the fields' types. One about other fields than the leaf's stays as it is written.</summary>
    private static IEnumerable<Filter> Converted(Leaf leaf, Filter? written) =>
        from part in FilterText.Conjuncts(written)
        select part.Fields.All(leaf.Bindings.ContainsKey) ? new FilterValues(name => QueryResolver.KindOf(name, leaf.Bindings[name], leaf.Types), leaf.Zone).Convert(part, "") : part;

    /// <summary>The fields that the table must hold to filter; the tenant's own filter is already applied in a table of the tenant.</summary>
    private static IEnumerable<FieldName> FilterFields(Leaf leaf, GoldCandidate candidate) =>
        Conditions(leaf, candidate).SelectMany(c => c.Fields).Distinct();

    /// <summary>The parts of the leaf's filter that a table's rows do not already keep.</summary>
    public static IEnumerable<Filter> Conditions(Leaf leaf, GoldCandidate candidate)
    {
        var texts = Kept(leaf, candidate).Select(FilterText.Of).ToHashSet(StringComparer.Ordinal);
        return FilterText.Conjuncts(leaf.Where).Where(c => !texts.Contains(FilterText.Of(c)));
    }

    /// <summary>Whether every group of the leaf is one row of the table, so that nothing needs to be merged.</summary>
    private static bool IsExact(Leaf leaf, GoldDefinition definition)
    {
        if (leaf.Shift is { } shift && shift.CanMerge(definition.Table.Grain, leaf.Zone))
        {
            return false;
        }

        if (!leaf.GroupBy.Any(g => leaf.IsAggTime(g.Binding) && g.IsBucket && g.Grain == definition.Table.Grain))
        {
            return false;
        }

        var pinned = FilterText.Conjuncts(leaf.Where).OfType<ComparisonFilter>()
            .Where(c => c is { Operator: FilterOperator.Equals or FilterOperator.In or FilterOperator.IsNotSet } && c.Values.Length <= 1)
            .Select(c => leaf.Bindings[c.Field]);
        var held = leaf.GroupBy.Select(g => g.Binding).Concat(pinned)
            .Where(b => !leaf.IsAggTime(b))
            .Select(b => definition.ColumnOf(leaf.Fact.Name, b))
            .ToHashSet(StringComparer.Ordinal);
        return definition.Dimensions.All(held.Contains);
    }

    /// <summary>A range in pieces: gold for the whole buckets that are built, the lake for what is before, between and after.</summary>
    private static ImmutableArray<LeafPiece> Split(Leaf leaf, ResolvedRange range, GoldCandidate candidate)
    {
        if (range.IsEmpty && !candidate.Partitions.IsEmpty)
        {
            // No event lies in it, whoever is asked.
            return [new LeafPiece(range, candidate, candidate.Partitions[^1..])];
        }

        var pieces = ImmutableArray.CreateBuilder<LeafPiece>();
        var position = range.From;
        var isOpenAtStart = range.From is null;
        var runs = candidate.Runs;
        for (var i = 0; i < runs.Length; i++)
        {
            var partitions = runs[i];
            var start = Bound(partitions[0].From);
            var end = Bound(partitions[^1].To);
            var reachesBack = i == 0 && candidate.IsComplete;
            var reachesOn = i == runs.Length - 1 && candidate.IsComplete;
            var from = range.From is { } wanted && (reachesBack || wanted.Utc > start.Utc) ? Up(wanted, candidate.Definition.Table, leaf) : reachesBack ? null : (TimeBound?)start;
            var to = range.To is { } last && (reachesOn || last.Utc < end.Utc) ? Down(last, candidate.Definition.Table, leaf) : reachesOn ? null : (TimeBound?)end;
            if (from is { } f && to is { } t && f.Utc >= t.Utc)
            {
                continue;
            }

            var (skipped, reached) = (from is null ? 0 : First(partitions, p => Bound(p.To).Utc > from.Value.Utc), to is null ? partitions.Length : First(partitions, p => Bound(p.From).Utc >= to.Value.Utc));
            var touched = skipped < reached ? partitions[skipped..reached] : [];
            if (touched.IsEmpty)
            {
                // Nothing is there, and the answer still wants the columns' types.
                touched = [partitions[^1]];
            }

            if (isOpenAtStart && pieces.Count == 0 && from is { } first)
            {
                pieces.Add(new LeafPiece(new ResolvedRange(null, first), null, []));
            }
            else if (position is { } before && from is { } next && before.Utc < next.Utc)
            {
                pieces.Add(new LeafPiece(new ResolvedRange(before, next), null, []));
            }

            pieces.Add(new LeafPiece(new ResolvedRange(from, to), candidate, touched));
            position = to;
        }

        if (pieces.Count == 0)
        {
            return [new LeafPiece(range, null, [])];
        }

        if (position is { } rest && (range.To is null || rest.Utc < range.To.Value.Utc))
        {
            pieces.Add(new LeafPiece(new ResolvedRange(rest, range.To), null, []));
        }

        return pieces.ToImmutable();

        // Partitions are cut on the table's clock; one that holds instants may serve another.
        TimeBound Bound(DateOnly date) => candidate.Definition.Table is { Grain: < TimeGrain.Day } table
            ? TimeBound.FromUtc(TimeBound.FromDate(date, table.TimeZone).Utc, leaf.Zone)
            : TimeBound.FromDate(date, leaf.Zone);

        static int First(ImmutableArray<GoldCandidatePartition> partitions, Func<GoldCandidatePartition, bool> isPast)
        {
            var (low, high) = (0, partitions.Length);
            while (low < high)
            {
                var middle = (low + high) / 2;
                (low, high) = isPast(partitions[middle]) ? (low, middle) : (middle + 1, high);
            }

            return low;
        }
    }

    /// <summary>The first bucket start at or after a moment.</summary>
    private static TimeBound Up(TimeBound bound, GoldTable table, Leaf leaf)
    {
        var down = Down(bound, table, leaf);
        if (down.Utc == bound.Utc)
        {
            return bound;
        }

        return table.Grain < TimeGrain.Day
            ? TimeBound.FromUtc(down.Utc + Calendar.Fixed(table.Grain), leaf.Zone)
            : TimeBound.FromDate(Calendar.Add(down.Date, new CalendarPeriod(1, table.Grain)), leaf.Zone);
    }

    /// <summary>The last bucket start at or before a moment.</summary>
    private static TimeBound Down(TimeBound bound, GoldTable table, Leaf leaf) => table.Grain < TimeGrain.Day
        ? TimeBound.FromUtc(Calendar.Truncate(bound.Utc, table.Grain), leaf.Zone)
        : TimeBound.FromDate(leaf.Calendar.Truncate(bound.Date, table.Grain), leaf.Zone);

    private static bool Derives(TimeGrain stored, TimeGrain asked) => asked == stored || stored switch
    {
        < TimeGrain.Week => asked > stored,
        TimeGrain.Week => false,
        _ => asked > stored,
    };

    private static string Word(TimeGrain grain) => grain.ToString().ToLowerInvariant();
}
