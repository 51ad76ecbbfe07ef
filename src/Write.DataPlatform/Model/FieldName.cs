using System.Collections.Immutable;

namespace Write.DataPlatform.Model;

/// <summary>
/// A group-by name in MetricFlow's spelling: an entity path, an element and, for a time element, a grain, joined by
/// two underscores: <c>visit__country</c>, <c>visit__show__genre</c>, <c>metric_time__month</c>.
/// </summary>
/// <param name="Path">The name's parts without the grain: entities first, the dimension, entity or lookup attribute last.</param>
/// <param name="Grain">The grain suffix, or null.</param>
public sealed record FieldName(ImmutableArray<string> Path, TimeGrain? Grain)
{
    /// <summary>The name of the metrics' own aggregation time.</summary>
    public const string MetricTime = "metric_time";

    /// <summary>Whether this is <c>metric_time</c>, with or without a grain.</summary>
    public bool IsMetricTime => Path is [MetricTime];

    /// <summary>The last part: a dimension, an entity or a lookup's attribute.</summary>
    public string Element => Path[^1];

    /// <summary>Splits a spelt name; a last part that names a grain becomes <see cref="Grain"/>.</summary>
    public static FieldName Parse(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var parts = name.Split("__");
        if (parts.Length > 1 && parts[^1].All(char.IsAsciiLetter) && Enum.TryParse<TimeGrain>(parts[^1], ignoreCase: true, out var grain))
        {
            return new FieldName([.. parts[..^1]], grain);
        }

        return new FieldName([.. parts], null);
    }

    /// <summary>The same name with another grain.</summary>
    public FieldName WithGrain(TimeGrain? grain) => this with { Grain = grain };

    /// <inheritdoc />
    public bool Equals(FieldName? other) => other is not null && Grain == other.Grain && Path.AsSpan().SequenceEqual(other.Path.AsSpan());

    /// <inheritdoc />
    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(ToString());

    /// <summary>The spelt name.</summary>
    public override string ToString() =>
        string.Join("__", Path) + (Grain is { } grain ? "__" + grain.ToString().ToLowerInvariant() : "");
}
