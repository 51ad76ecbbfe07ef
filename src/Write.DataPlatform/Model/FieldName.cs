using System.Collections.Immutable;

namespace Write.DataPlatform.Model;

/// <summary>
/// A group-by name in MetricFlow's spelling: an entity path, an element and, for a time element, a grain, joined by
/// two underscores: <c>visit__country</c>, <c>visit__show__genre</c>, <c>metric_time__month</c>, <c>metric_time__extract_month</c>.
/// </summary>
/// <param name="Path">
/// The name's parts without the grain: entities first, the dimension, entity or lookup attribute last. A custom granularity stands as a last part of its own,
/// because only the model knows it from an element.
/// </param>
/// <param name="Grain">The grain suffix, or null.</param>
/// <param name="Part">The part of the date instead of the date, or null.</param>
public sealed record FieldName(ImmutableArray<string> Path, TimeGrain? Grain, DatePart? Part = null)
{
    /// <summary>The name of the metrics' own aggregation time.</summary>
    public const string MetricTime = "metric_time";

    private const string Extract = "extract_";

    /// <summary>Whether this is <c>metric_time</c>, with or without a grain; a part of its date is not.</summary>
    public bool IsMetricTime => Path is [MetricTime] && Part is null;

    /// <summary>The last part: a dimension, an entity or a lookup's attribute.</summary>
    public string Element => Path[^1];

    /// <summary>Splits a spelt name; a last part that names a grain becomes <see cref="Grain"/>, one that names a part of a date <see cref="Part"/>.</summary>
    public static FieldName Parse(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var parts = name.Split("__");
        if (parts.Length > 1 && parts[^1].All(char.IsAsciiLetter) && Enum.TryParse<TimeGrain>(parts[^1], ignoreCase: true, out var grain))
        {
            return new FieldName([.. parts[..^1]], grain);
        }

        return parts.Length > 1 && parts[^1].StartsWith(Extract, StringComparison.OrdinalIgnoreCase) && ParsePart(parts[^1][Extract.Length..]) is { } part
            ? new FieldName([.. parts[..^1]], null, part)
            : new FieldName([.. parts], null);
    }

    /// <summary>A part of a date by MetricFlow's name (<c>dow</c>, <c>month</c>), in any case; null if there is none.</summary>
    public static DatePart? ParsePart(string name) =>
        name.All(char.IsAsciiLetter) && Enum.TryParse<DatePart>(name, ignoreCase: true, out var part) ? part : null;

    /// <summary>The same name with another grain.</summary>
    public FieldName WithGrain(TimeGrain? grain) => this with { Grain = grain };

    /// <summary>The element itself, without grain or part.</summary>
    public FieldName ToWhole() => new(Path, null);

    /// <inheritdoc />
    public bool Equals(FieldName? other) => other is not null && Grain == other.Grain && Part == other.Part && Path.AsSpan().SequenceEqual(other.Path.AsSpan());

    /// <inheritdoc />
    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(ToString());

    /// <summary>The spelt name.</summary>
    public override string ToString() =>
        string.Join("__", Path)
        + (Grain is { } grain ? "__" + grain.ToString().ToLowerInvariant() : "")
        + (Part is { } part ? "__" + Extract + part.ToString().ToLowerInvariant() : "");
}

/// <summary>A part of a date as a number, by MetricFlow's names.</summary>
public enum DatePart
{
    /// <summary>The year.</summary>
    Year,

    /// <summary>The quarter, 1 to 4.</summary>
    Quarter,

    /// <summary>The month, 1 to 12.</summary>
    Month,

    /// <summary>The day of the month, 1 to 31.</summary>
    Day,

    /// <summary>The day of the week by ISO 8601: Monday is 1, Sunday 7.</summary>
    Dow,

    /// <summary>The day of the year, 1 to 366.</summary>
    Doy,
}
