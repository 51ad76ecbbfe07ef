using System.Collections.Immutable;

namespace Write.DataPlatform.Model.Rules;

/// <summary>
/// Which group-by names can mean something in a model, by their shape: whether the joins between the parts exist for a given metric
/// is the compiler's to say.
/// </summary>
internal sealed class FieldShapes
{
    private readonly HashSet<string> _entities;
    private readonly HashSet<string> _granularities;

    // Spelt name without longer paths → whether it is a time dimension: visit__country, show__genre.
    private readonly Dictionary<string, bool> _elements = new(StringComparer.Ordinal);
    private readonly HashSet<string> _metrics;
    private readonly ImmutableArray<Lookup> _lookups;
    private readonly KnownNames _names;

    public FieldShapes(MetricModel model)
    {
        _entities = model.SemanticModels.Values.SelectMany(m => m.Entities.Keys.Concat(m.PrimaryEntity is { Length: > 0 } primary ? [primary] : []))
            .ToHashSet(StringComparer.Ordinal);
        _granularities = model.TimeSpines.Values.SelectMany(s => s.CustomGranularities.Select(g => g.Name)).ToHashSet(StringComparer.Ordinal);
        _metrics = [.. model.Metrics.Keys];
        _lookups = [.. model.Lookups.Values];
        foreach (var semanticModel in model.SemanticModels.Values)
        {
            var keys = semanticModel.Entities.Values.Where(e => e.Type is not EntityType.Foreign).Select(e => e.Name)
                .Concat(semanticModel.PrimaryEntity is { } primary ? [primary] : [])
                .Distinct().ToList();
            foreach (var key in keys)
            {
                foreach (var dimension in semanticModel.Dimensions.Values)
                {
                    _elements[$"{key}__{dimension.Name}"] = dimension.Type is DimensionType.Time;
                }

                foreach (var entity in semanticModel.Entities.Keys.Where(e => e != key))
                {
                    _elements.TryAdd($"{key}__{entity}", false);
                }
            }
        }

        foreach (var lookup in _lookups)
        {
            foreach (var attribute in lookup.Attributes)
            {
                _elements.TryAdd($"{lookup.Dimension}__{attribute}", false);
            }
        }

        _names = new KnownNames(_elements.Keys.Concat(_entities).Append(FieldName.MetricTime));
    }

    /// <summary>What may have been meant, among the names of the shortest shape.</summary>
    public string? Suggest(string name) => _names.Suggest(name);

    /// <summary>Whether the name is a time, with or without a grain; null if it names nothing.</summary>
    public bool? IsTime(FieldName field)
    {
        if (field.IsMetricTime)
        {
            return true;
        }

        if (field.Part is not null)
        {
            return IsTime(field.ToWhole()) is true ? true : null;
        }

        // A custom granularity is spelt like a grain, and is not one of ours.
        if (field.Path.Length > 1 && field.Grain is null && _granularities.Contains(field.Element)
            && IsTime(new FieldName(field.Path[..^1], null)) is true)
        {
            return true;
        }

        // A metric by an entity: visitor__visits.
        if (field is { Grain: null, Path.Length: > 1 } && _metrics.Contains(field.Element) && field.Path[..^1].All(_entities.Contains))
        {
            return false;
        }

        var isTime = Element(field.Path);
        return field.Grain is not null && isTime is false ? null : isTime;
    }

    private bool? Element(ImmutableArray<string> path)
    {
        if (path.Length == 1)
        {
            return _entities.Contains(path[0]) ? false : null;
        }

        // Before the last two parts stand the entities that lead there.
        if (path[..^2].All(_entities.Contains) && _elements.TryGetValue($"{path[^2]}__{path[^1]}", out var isTime))
        {
            return isTime;
        }

        // An attribute of a lookup on a dimension, wherever the dimension is reached: play__show__country__region.
        return _lookups.Any(l => l.Attributes.Contains(path[^1]) && path.Length > l.Dimension.Path.Length
            && path[..^1].AsSpan().EndsWith(l.Dimension.Path.AsSpan()) && path[..^(l.Dimension.Path.Length + 1)].All(_entities.Contains))
            ? false
            : null;
    }
}
