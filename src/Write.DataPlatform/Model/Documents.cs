using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Write.DataPlatform.Model;

/// <summary>Who may see something.</summary>
public enum Audience
{
    /// <summary>The company's own people.</summary>
    Internal,

    /// <summary>Customers too, each within its tenant.</summary>
    External,
}

/// <summary>A precomputed table: states of metrics by time bucket and dimensions.</summary>
public sealed record GoldTable
{
    /// <summary>The unique name.</summary>
    public required string Name { get; init; }

    /// <summary>What it is for.</summary>
    public string? Description { get; init; }

    /// <summary>The metrics it can answer.</summary>
    public required ImmutableArray<string> Metrics { get; init; }

    /// <summary>The dimensions it stores, without time.</summary>
    public required ImmutableArray<FieldName> GroupBy { get; init; }

    /// <summary>The grain of its time buckets.</summary>
    public required TimeGrain Grain { get; init; }

    /// <summary>The period that is refreshed and stored as one; at least as coarse as <see cref="Grain"/> and made of whole buckets.</summary>
    public required TimeGrain Partition { get; init; }

    /// <summary>The zone that cuts its buckets and partitions; the model's if none is written.</summary>
    public required TimeZoneInfo TimeZone { get; init; }

    /// <summary>A condition on every row it holds.</summary>
    public Filter? Where { get; init; }

    /// <summary>External tables are stored once a tenant.</summary>
    public Audience Audience { get; init; }

    /// <summary>How old it may be before it counts as late; null for never.</summary>
    public TimeSpan? Freshness { get; init; }

    /// <summary>When it is refreshed; null for by hand.</summary>
    public RefreshPolicy? Refresh { get; init; }

    /// <summary>The first moment to hold, a date in <see cref="TimeZone"/>; null for the lake's first.</summary>
    public DateOnly? From { get; init; }

    /// <summary>Where it is written.</summary>
    public required SourcePosition Source { get; init; }
}

/// <summary>When a gold table is refreshed.</summary>
/// <param name="Cron">Five fields, or six with seconds first.</param>
/// <param name="TimeZone">The zone of <paramref name="Cron"/>.</param>
/// <param name="LookBack">How far back from now late events are expected: partitions that reach into it are refreshed at every run.</param>
public sealed record RefreshPolicy(string Cron, TimeZoneInfo TimeZone, TimeSpan LookBack);

/// <summary>A small table that enriches a dimension or an entity with attributes.</summary>
public sealed record Lookup
{
    /// <summary>The unique name.</summary>
    public required string Name { get; init; }

    /// <summary>The CSV file's path relative to the model folder.</summary>
    public required string Path { get; init; }

    /// <summary>The column that equals the dimension's values, as text.</summary>
    public required string Key { get; init; }

    /// <summary>What it enriches: a dimension (<c>visit__country</c>) or, wherever it is reached, an entity (<c>show</c>).</summary>
    public required FieldName Dimension { get; init; }

    /// <summary>The columns that become dimensions: <c>visit__country__region</c>, <c>show__genre</c>.</summary>
    public required ImmutableArray<string> Attributes { get; init; }

    /// <summary>The rows: each key once, with its attributes in order; an empty cell is null.</summary>
    public required ImmutableArray<(string Key, ImmutableArray<string?> Values)> Rows { get; init; }

    /// <summary>Changes when a row does.</summary>
    public required string ContentHash { get; init; }

    /// <summary>Where it is written.</summary>
    public required SourcePosition Source { get; init; }
}

/// <summary>A published question with parameters.</summary>
public sealed record Insight
{
    /// <summary>The unique name, in kebab-case; it is the route's last part.</summary>
    public required string Name { get; init; }

    /// <summary>What it answers.</summary>
    public string? Description { get; init; }

    /// <summary>Who may ask.</summary>
    public Audience Audience { get; init; }

    /// <summary>The metric query in the HTTP contract's JSON form (camelCase keys).</summary>
    public required JsonObject Query { get; init; }

    /// <summary>What a caller may set.</summary>
    public required ImmutableArray<InsightParameter> Parameters { get; init; }

    /// <summary>Where it is written.</summary>
    public required SourcePosition Source { get; init; }
}

/// <summary>Something a caller of an insight may set: a filter on <see cref="Field"/> or a part of the query named by <see cref="Sets"/>.</summary>
/// <param name="Name">The name in the query string.</param>
/// <param name="Field">The dimension it filters by equality.</param>
/// <param name="Sets">The query's property it sets, with dots: <c>timeRange.from</c>, <c>limit</c>.</param>
/// <param name="Multiple">Whether several values may be given.</param>
/// <param name="Required">Whether it must be given.</param>
/// <param name="Default">The value if it is not given.</param>
/// <param name="Values">The only values allowed; empty for any.</param>
/// <param name="Description">What it is.</param>
/// <param name="Source">Where it is written.</param>
public sealed record InsightParameter(
    string Name, FieldName? Field, string? Sets, bool Multiple, bool Required, string? Default, ImmutableArray<string> Values, string? Description, SourcePosition Source);

/// <summary>A customer.</summary>
/// <param name="Name">The unique name.</param>
/// <param name="Where">The rows it may see; applies to every query of the tenant.</param>
/// <param name="DailyQueries">Queries a day; null for no limit.</param>
/// <param name="RatePerSecond">Queries a second; null for no limit.</param>
/// <param name="Source">Where it is written.</param>
public sealed record Tenant(string Name, Filter Where, int? DailyQueries, double? RatePerSecond, SourcePosition Source)
{
    /// <summary>The role of its keys that name no other; null for <c>customer</c>, if the model has it.</summary>
    public string? Role { get; init; }
}

/// <summary>Events that reach gold tables before the next refresh.</summary>
/// <param name="Name">The unique name.</param>
/// <param name="SemanticModel">The semantic model whose rows the events are.</param>
/// <param name="StreamSource">The stream's own name.</param>
/// <param name="Window">The tumbling window.</param>
/// <param name="AllowedLateness">How late an event may be and still count in the stream.</param>
/// <param name="Tables">The gold tables fed.</param>
/// <param name="Source">Where it is written.</param>
public sealed record StreamDefinition(
    string Name, string SemanticModel, string StreamSource, TimeSpan Window, TimeSpan AllowedLateness, ImmutableArray<string> Tables, SourcePosition Source);

/// <summary>A table of moments (MetricFlow's time spine) that may carry custom granularities.</summary>
/// <param name="Name">The lake table.</param>
/// <param name="Column">The column of moments.</param>
/// <param name="Grain">Their distance.</param>
/// <param name="CustomGranularities">Name and column of each custom granularity.</param>
/// <param name="Source">Where it is written.</param>
public sealed record TimeSpine(string Name, string Column, TimeGrain Grain, ImmutableArray<(string Name, string Column)> CustomGranularities, SourcePosition Source)
{
    /// <summary>Whether its rows are finer than the finest grain, a millisecond; <see cref="Grain"/> is that.</summary>
    public bool IsFiner { get; init; }
}

/// <summary>A query kept under a name (MetricFlow's saved query).</summary>
/// <param name="Name">The unique name.</param>
/// <param name="Description">What it is for.</param>
/// <param name="Query">The metric query in the HTTP contract's JSON form.</param>
/// <param name="Source">Where it is written.</param>
public sealed record SavedQuery(string Name, string? Description, JsonObject Query, SourcePosition Source);
