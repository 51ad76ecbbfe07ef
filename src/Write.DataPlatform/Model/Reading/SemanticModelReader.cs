using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace Write.DataPlatform.Model.Reading;

/// <summary>Reads a semantic model with its entities, dimensions and measures.</summary>
internal static partial class SemanticModelReader
{
    /// <summary>Reads one; <paramref name="addMetric"/> takes the metrics that measures with <c>create_metric</c> stand for.</summary>
    public static SemanticModel Read(MapReader map, string name, Action<Metric> addMetric)
    {
        var entities = map.Maps("entities", "entity", asItems: true).Select(Entity).OfType<Entity>().ToList();
        var dimensions = map.Maps("dimensions", "dimension", asItems: true).Select(Dimension).OfType<Dimension>().ToList();
        var defaults = map.Map("defaults", "'defaults' mapping");
        var aggTime = defaults?.Text("agg_time_dimension");
        defaults?.Done();
        var measures = new List<Measure>();
        foreach (var written in map.Maps("measures", "measure", asItems: true))
        {
            if (Measure(written, name, aggTime, addMetric) is { } measure)
            {
                measures.Add(measure);
            }
        }

        var primary = map.Text("primary_entity");
        map.Ignore("label", "config", "meta", "tags");
        return new SemanticModel
        {
            Name = name,
            Description = map.Text("description"),
            Table = Table(map),
            Entities = ByName(map, "entities", entities, e => e.Name, e => e.Source),
            Dimensions = ByName(map, "dimensions", dimensions.Where(d => Unambiguous(map, d, entities)), d => d.Name, d => d.Source),
            Measures = ByName(map, "measures", measures, m => m.Name, m => m.Source),
            PrimaryEntity = entities.FirstOrDefault(e => e.Type is EntityType.Primary)?.Name ?? primary,
            Source = map.Item,
        };
    }

    /// <summary>The lake table that <c>model</c> or <c>node_relation</c> names.</summary>
    public static string Table(MapReader map)
    {
        var relation = map.Map("node_relation", "'node_relation' mapping");
        if (map.Text("model") is { } text)
        {
            return TableOf(text);
        }

        if (relation is null)
        {
            if (!map.Has("node_relation"))
            {
                map.Missing("model");
            }

            return "";
        }

        relation.Ignore("database");
        var alias = relation.Text("alias");
        var schema = relation.Text("schema_name");
        var full = relation.Text("relation_name");
        relation.Done();
        if (string.IsNullOrWhiteSpace(alias) && string.IsNullOrWhiteSpace(full))
        {
            relation.Missing("alias");
        }

        return !string.IsNullOrWhiteSpace(alias)
            ? string.IsNullOrWhiteSpace(schema) ? alias : $"{schema}.{alias}"
            : string.Join('.', (full ?? "").Replace("\"", "", StringComparison.Ordinal).Split('.').TakeLast(2));
    }

    /// <summary>The table of <c>ref('visits')</c>, <c>source('web', 'visits')</c> or a bare name.</summary>
    public static string TableOf(string text)
    {
        var match = Reference().Match(text);
        return !match.Success ? text.Trim()
            : match.Groups["call"].Value == "source" && match.Groups["second"].Success ? $"{match.Groups["first"].Value}.{match.Groups["second"].Value}"
            : match.Groups["second"].Success ? match.Groups["second"].Value
            : match.Groups["first"].Value;
    }

    private static Entity? Entity(MapReader map)
    {
        var name = map.Required("name");
        var entity = new Entity(name, map.RequiredChoice<EntityType>("type"), map.Text("expr") ?? name, map.Item);
        map.Ignore("role", "entity", "label", "description", "config", "meta");
        map.Done();
        return name.Length == 0 ? null : entity;
    }

    private static Dimension? Dimension(MapReader map)
    {
        var name = map.Required("name");
        var parameters = map.Map("type_params", "'type_params' mapping");
        var validity = parameters?.Map("validity_params", "'validity_params' mapping");
        var grain = parameters?.Text("time_granularity") is { } text
            // Values finer than a second are instants like those of a second: nothing cuts buckets that fine.
            ? Spelling.IsTooFine(text) ? TimeGrain.Millisecond : parameters.Grain("time_granularity") ?? TimeGrain.Day
            : (TimeGrain?)null;
        var dimension = new Dimension
        {
            Name = name,
            Type = map.RequiredChoice<DimensionType>("type"),
            Expr = map.Text("expr") ?? name,
            Label = map.Text("label"),
            Description = map.Text("description"),
            Granularity = grain,
            IsPartition = map.Flag("is_partition"),
            Partitions = map.Text("partitions"),
            IsValidityStart = validity?.Flag("is_start") ?? false,
            IsValidityEnd = validity?.Flag("is_end") ?? false,
            Source = map.Item,
        };
        validity?.Done();
        parameters?.Done();
        map.Ignore("config", "meta");
        map.Done();
        return name.Length == 0 ? null : dimension;
    }

    private static Measure? Measure(MapReader map, string semanticModel, string? aggTime, Action<Metric> addMetric)
    {
        var name = map.Required("name");
        var parameters = map.Map("agg_params", "'agg_params' mapping");
        var nonAdditive = map.Map("non_additive_dimension", "'non_additive_dimension' mapping");
        var measure = new Measure
        {
            Name = name,
            SemanticModel = semanticModel,
            Aggregation = map.RequiredChoice<Aggregation>("agg"),
            Expr = map.Text("expr") ?? name,
            AggTimeDimension = map.Text("agg_time_dimension") ?? aggTime ?? "",
            Percentile = parameters?.Number("percentile"),
            UseDiscretePercentile = parameters?.Flag("use_discrete_percentile") ?? false,
            UseApproximatePercentile = parameters?.Flag("use_approximate_percentile") ?? false,
            NonAdditive = nonAdditive is null ? null : NonAdditive(nonAdditive),
            Description = map.Text("description"),
            Source = map.Item,
        };
        parameters?.Done();
        nonAdditive?.Done();
        var label = map.Text("create_metric_display_name") ?? map.Text("label");
        if (map.Flag("create_metric") && name.Length > 0)
        {
            addMetric(new SimpleMetric { Name = name, Label = label, Description = measure.Description, Measure = new MeasureInput(name), Source = map.Item });
        }

        map.Ignore("label", "create_metric_display_name", "config", "meta");
        map.Done();
        return name.Length == 0 ? null : measure;
    }

    private static NonAdditiveDimension NonAdditive(MapReader map) =>
        new(map.Required("name"), map.Choice<WindowChoice>("window_choice") is WindowChoice.Max, map.Texts("window_groupings"));

    private static bool Unambiguous(MapReader map, Dimension dimension, List<Entity> entities)
    {
        if (entities.Find(e => e.Name == dimension.Name) is not { } entity)
        {
            return true;
        }

        map.ReportAt(ModelCode.Duplicate, $"'{dimension.Name}' is both a dimension and, at {entity.Source}, an entity of one semantic model.", dimension.Source);
        return false;
    }

    private static ImmutableSortedDictionary<string, T> ByName<T>(
        MapReader map, string what, IEnumerable<T> items, Func<T, string> name, Func<T, SourcePosition> source)
    {
        var builder = ImmutableSortedDictionary.CreateBuilder<string, T>(StringComparer.Ordinal);
        foreach (var item in items)
        {
            if (!builder.TryAdd(name(item), item))
            {
                map.ReportAt(
                    ModelCode.Duplicate, $"'{name(item)}' is written twice among the {what}; first at {source(builder[name(item)])}.", source(item));
            }
        }

        return builder.ToImmutable();
    }

    private enum WindowChoice
    {
        Min,
        Max,
    }

    [GeneratedRegex("""^\s*(\{\{)?\s*(?<call>ref|source)\(\s*['"](?<first>[^'"]*)['"]\s*(,\s*['"](?<second>[^'"]*)['"]\s*)?\)\s*(\}\})?\s*$""")]
    private static partial Regex Reference();
}
