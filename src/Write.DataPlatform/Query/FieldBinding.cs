using System.Collections.Immutable;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query;

/// <summary>One many-to-one join: along an entity to the semantic model that has it as its key; along a natural key to the row that is valid at the event's time.</summary>
internal sealed record JoinHop(string Entity, SemanticModel Target)
{
    /// <summary>A hop along no entity: every row meets every row.</summary>
    public static JoinHop Cross(SemanticModel target) => new("", target);

    public bool IsCross => Entity.Length == 0;
}

/// <summary>What a field name means from one fact table: the joins to walk and the element at their end.</summary>
internal sealed record FieldBinding
{
    public required FieldName Name { get; init; }

    public required ImmutableArray<JoinHop> Hops { get; init; }

    /// <summary>The semantic model at the end of the joins.</summary>
    public required SemanticModel Owner { get; init; }

    /// <summary>The element's SQL over the owner's table.</summary>
    public required string Expr { get; init; }

    /// <summary>The dimension; null for an entity.</summary>
    public Dimension? Dimension { get; init; }

    /// <summary>The lookup whose attribute it is, keyed by <see cref="Expr"/>.</summary>
    public Lookup? Lookup { get; init; }

    /// <summary>The metric whose value for the entity is meant, and how it is computed.</summary>
    public ResolvedQuery? Metric { get; init; }

    /// <summary>The granularity of the model's own by which a time is cut; null for a grain or a part of a date.</summary>
    public CustomGranularity? Custom { get; init; }

    /// <summary>The element's own name: a dimension or an entity; with a lookup, what the lookup enriches.</summary>
    public required string Element { get; init; }

    public bool IsTime => Dimension is { Type: DimensionType.Time } && Lookup is null;

    /// <summary>Two names with one key mean the same from the same fact, grain aside.</summary>
    public string Key => ElementKey + (Metric is null ? "" : "|metric " + Name) + (Lookup is null ? "" : "|" + Lookup.Name + "." + Name.Element);

    /// <summary>The key of what a lookup enriches; without one, <see cref="Key"/>.</summary>
    public string ElementKey => string.Join('/', Hops.Select(h => h.Entity + ">" + h.Target.Name)) + "|" + Owner.Name + "." + Element;
}

/// <summary>A column of a time spine that says in which bucket of its own each of the spine's buckets lies.</summary>
/// <param name="Spine">The time spine.</param>
/// <param name="Column">Its column.</param>
internal sealed record CustomGranularity(TimeSpine Spine, string Column);

/// <summary>Finds what names mean by walking entities, many-to-one only.</summary>
internal sealed class FieldBinder(MetricModel model)
{
    private const int MaxHops = 4;

    /// <summary>The element that a name cuts, and the model's own granularity that it is cut by, if there is one.</summary>
    public (FieldName Whole, CustomGranularity? Custom) Cut(FieldName name)
    {
        var custom = name.Path.Length > 1 && name is { Grain: null, Part: null }
            ? model.TimeSpines.Values.SelectMany(s => s.CustomGranularities.Where(g => g.Name == name.Element).Select(g => new CustomGranularity(s, g.Column))).FirstOrDefault()
            : null;
        return (custom is null ? name.ToWhole() : new FieldName(name.Path[..^1], null), custom);
    }

    /// <summary>The metric that a name asks for by an entity, as MetricFlow spells <c>Metric('bookings', ['listing'])</c>: <c>listing__bookings</c>; null if it is none.</summary>
    public Metric? MetricOf(FieldName name) =>
        name is { Grain: null, Part: null, Path.Length: > 1 } && model.SemanticModels.Values.Any(m => m.Entities.ContainsKey(name.Path[^2])) ? model.Metrics.GetValueOrDefault(name.Element) : null;

    /// <summary>Every meaning with the fewest joins; empty if the name cannot be reached. One that would multiply rows is told apart.</summary>
    /// <param name="fact">Where the walk starts.</param>
    /// <param name="name">A name other than <c>metric_time</c>.</param>
    /// <param name="fanOut">The path that would have multiplied rows, if only such a one was found.</param>
    public ImmutableArray<FieldBinding> Bind(SemanticModel fact, FieldName name, out string? fanOut)
    {
        var found = new List<FieldBinding>();
        fanOut = null;
        Walk(fact, [], name.Path, name, isQualified: false, found, ref fanOut);
        if (found.Count == 0 && MetricOf(name) is not null)
        {
            // Of the path to the entity, the outer fact may have but the end.
            return [.. new[] { name.Path[..^1], [name.Path[^2]] }.Select(path => Bind(fact, new FieldName(path, null), out _)).FirstOrDefault(b => b is [{ Dimension: null, Lookup: null }], [])];
        }

        if (found.Count == 0)
        {
            // MetricFlow takes the end of a path where only one path ends so: user__country for listing__user__country.
            var ends = name.Path.Length < 2 ? [] : Names(fact, [], 2).Distinct()
                .Where(n => n.Path.Length > name.Path.Length && n.Path.AsSpan().EndsWith(name.Path.AsSpan())).ToList();
            return ends is [var only] ? Bind(fact, only, out _) : [];
        }

        var fewest = found.Min(f => f.Hops.Length);
        return [.. found.Where(f => f.Hops.Length == fewest).DistinctBy(f => f.Key)];
    }

    /// <summary>Every name that can be reached from a fact, without grains, with the joins of at most two entities.</summary>
    public IEnumerable<FieldBinding> Reachable(SemanticModel fact)
    {
        return Names(fact, [], 2).Distinct().SelectMany(name =>
        {
            var bindings = Bind(fact, name, out _);
            return bindings.Length == 1 ? bindings : [];
        });
    }

    private IEnumerable<FieldName> Names(SemanticModel at, ImmutableArray<string> prefix, int hops)
    {
        var own = prefix.Length == 0 && at.PrimaryEntity is { } primary ? prefix.Add(primary) : prefix;
        foreach (var dimension in at.Dimensions.Values)
        {
            yield return new FieldName(own.Add(dimension.Name), null);
            foreach (var lookup in model.Lookups.Values.Where(l => Enriches(l, at, dimension.Name)))
            {
                foreach (var attribute in lookup.Attributes)
                {
                    yield return new FieldName([.. own, dimension.Name, attribute], null);
                }
            }
        }

        foreach (var entity in at.Entities.Values)
        {
            yield return new FieldName(prefix.Add(entity.Name), null);
            var path = own.Length > 0 && entity.Name != at.PrimaryEntity ? own.Add(entity.Name) : prefix.Add(entity.Name);
            foreach (var attribute in model.Lookups.Values.Where(l => l.Dimension.Path is [var only] && only == entity.Name).SelectMany(l => l.Attributes))
            {
                yield return new FieldName(path.Add(attribute), null);
            }

            if (hops > 0)
            {
                foreach (var target in Targets(at, entity.Name).Where(t => t.IsOne))
                {
                    foreach (var name in Names(target.Model, prefix.Add(entity.Name), hops - 1))
                    {
                        yield return name;
                    }
                }
            }
        }
    }

    private void Walk(
        SemanticModel at, ImmutableArray<JoinHop> hops, ImmutableArray<string> rest, FieldName name, bool isQualified, List<FieldBinding> found, ref string? fanOut)
    {
        var first = rest[0];
        if (rest.Length == 1)
        {
            if (isQualified && at.Dimensions.TryGetValue(first, out var dimension))
            {
                found.Add(new FieldBinding { Name = name, Hops = hops, Owner = at, Element = first, Expr = dimension.Expr, Dimension = dimension });
            }
            else if (at.Entities.TryGetValue(first, out var entity))
            {
                found.Add(new FieldBinding { Name = name, Hops = hops, Owner = at, Element = first, Expr = entity.Expr });
            }

            return;
        }

        if (at.PrimaryEntity == first && !isQualified)
        {
            Walk(at, hops, rest[1..], name, isQualified: true, found, ref fanOut);
        }

        if (rest.Length == 2 && isQualified && at.Dimensions.TryGetValue(first, out var enriched)
            && model.Lookups.Values.FirstOrDefault(l => Enriches(l, at, first) && l.Attributes.Contains(rest[1])) is { } lookup)
        {
            found.Add(new FieldBinding { Name = name, Hops = hops, Owner = at, Element = first, Expr = enriched.Expr, Dimension = enriched, Lookup = lookup });
        }

        if (!at.Entities.TryGetValue(first, out var key))
        {
            return;
        }

        if (rest.Length == 2
            && model.Lookups.Values.FirstOrDefault(l => l.Dimension.Path is [var only] && only == first && l.Attributes.Contains(rest[1])) is { } table)
        {
            found.Add(new FieldBinding { Name = name, Hops = hops, Owner = at, Element = first, Expr = key.Expr, Lookup = table });
        }

        if (hops.Length == MaxHops)
        {
            return;
        }

        foreach (var target in Targets(at, first).Where(t => hops.All(h => h.Target.Name != t.Model.Name)))
        {
            if (target.IsOne)
            {
                Walk(target.Model, hops.Add(new JoinHop(first, target.Model)), rest[1..], name, isQualified: true, found, ref fanOut);
            }
            else if (rest.Length == 2 && target.Model.Dimensions.ContainsKey(rest[1]))
            {
                fanOut = $"{at.Name} → ({first}) → {target.Model.Name}, which has many rows a {first}";
            }
        }
    }

    /// <summary>
    /// The path from a fact against the direction of joins, from one row to many, to the one semantic model that spells a name by an entity of its own:
    /// <c>page_view__page</c> from visits; null if there is none.
    /// </summary>
    public string? FanOut(SemanticModel fact, FieldName name)
    {
        return model.SemanticModels.Values
            .Where(owner => owner.Name != fact.Name && owner.PrimaryEntity is { } key && name.Path[0] == key && Bind(owner, name, out _) is [{ Hops: [] }])
            .Select(owner => Back(owner, []))
            .FirstOrDefault(path => path is not null);

        string? Back(SemanticModel from, ImmutableArray<JoinHop> hops)
        {
            foreach (var (entity, target) in from.Entities.Keys.SelectMany(e => Targets(from, e).Where(t => t.IsOne).Select(t => (e, t.Model))))
            {
                if (target.Name == fact.Name)
                {
                    hops = hops.Insert(0, new JoinHop(entity, from));
                    return fact.Name + string.Concat(hops.Select(h => $" → ({h.Entity}) → {h.Target.Name}")) + $", which has many rows a {hops[^1].Entity}";
                }

                if (hops.Length < MaxHops && hops.All(h => h.Target.Name != target.Name) && Back(target, hops.Insert(0, new JoinHop(entity, from))) is { } path)
                {
                    return path;
                }
            }

            return null;
        }
    }

    private static bool Enriches(Lookup lookup, SemanticModel at, string dimension) =>
        lookup.Dimension.Path is [_, _] path && path[1] == dimension && path[0] == at.PrimaryEntity;

    private IEnumerable<(SemanticModel Model, bool IsOne)> Targets(SemanticModel at, string entity) =>
        from target in model.SemanticModels.Values
        where target.Name != at.Name && target.Entities.ContainsKey(entity)
        select (target, target.Entities[entity].Type is EntityType.Primary or EntityType.Unique or EntityType.Natural);
}
