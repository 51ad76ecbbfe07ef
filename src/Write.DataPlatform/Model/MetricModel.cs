using System.Collections.Immutable;

namespace Write.DataPlatform.Model;

/// <summary>Everything the model's files say, validated: an immutable snapshot. A request reads one snapshot from start to end.</summary>
public sealed record MetricModel
{
    /// <summary>A hash of every file's content: equal files, equal revision.</summary>
    public required string Revision { get; init; }

    /// <summary>The zone of queries that name none.</summary>
    public required TimeZoneInfo TimeZone { get; init; }

    /// <summary>Where weeks, quarters and years start.</summary>
    public required ModelCalendar Calendar { get; init; }

    /// <summary>The semantic models, by name.</summary>
    public required ImmutableSortedDictionary<string, SemanticModel> SemanticModels { get; init; }

    /// <summary>Every measure, by name.</summary>
    public required ImmutableSortedDictionary<string, Measure> Measures { get; init; }

    /// <summary>The metrics, by name.</summary>
    public required ImmutableSortedDictionary<string, Metric> Metrics { get; init; }

    /// <summary>The gold tables, by name.</summary>
    public required ImmutableSortedDictionary<string, GoldTable> GoldTables { get; init; }

    /// <summary>The lookups, by name.</summary>
    public required ImmutableSortedDictionary<string, Lookup> Lookups { get; init; }

    /// <summary>The insights, by name.</summary>
    public required ImmutableSortedDictionary<string, Insight> Insights { get; init; }

    /// <summary>The tenants, by name.</summary>
    public required ImmutableSortedDictionary<string, Tenant> Tenants { get; init; }

    /// <summary>The roles, by name.</summary>
    public ImmutableSortedDictionary<string, AccessRole> Roles { get; init; } = ImmutableSortedDictionary.Create<string, AccessRole>(StringComparer.Ordinal);

    /// <summary>The streams, by name.</summary>
    public required ImmutableSortedDictionary<string, StreamDefinition> Streams { get; init; }

    /// <summary>The time spines, by table.</summary>
    public required ImmutableSortedDictionary<string, TimeSpine> TimeSpines { get; init; }

    /// <summary>The saved queries, by name.</summary>
    public required ImmutableSortedDictionary<string, SavedQuery> SavedQueries { get; init; }

    /// <summary>The tests, by name.</summary>
    public required ImmutableSortedDictionary<string, ModelTest> Tests { get; init; }

    /// <summary>The alerts, by name.</summary>
    public ImmutableSortedDictionary<string, Alert> Alerts { get; init; } = ImmutableSortedDictionary.Create<string, Alert>(StringComparer.Ordinal);

    /// <summary>The reports, by name.</summary>
    public ImmutableSortedDictionary<string, Report> Reports { get; init; } = ImmutableSortedDictionary.Create<string, Report>(StringComparer.Ordinal);

    /// <summary>The first time spine with a custom granularity of a name, and its column; null if there is none.</summary>
    internal (TimeSpine Spine, string Column)? Granularity(string name) =>
        TimeSpines.Values.SelectMany(s => s.CustomGranularities.Where(g => g.Name == name).Select(g => ((TimeSpine, string)?)(s, g.Column))).FirstOrDefault();

    /// <summary>The time spine whose column cuts the periods of a length, and that column; null if there is none.</summary>
    internal (TimeSpine Spine, string Column)? Granularity(CustomPeriod length) =>
        Granularity(length.Granularity) ?? (length.Granularity.EndsWith('s') ? Granularity(length.Granularity[..^1]) : null);

    /// <summary>Where the keys of each item are written.</summary>
    internal PositionMap Positions { get; init; } = new();
}
