using System.Collections;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query;

/// <summary>Parts of a model as text: equal texts, equal numbers. What is for people alone, and where it is written, is left out.</summary>
internal static class DefinitionText
{
    private static readonly HashSet<string> ForPeople =
        [nameof(Metric.Source), nameof(Metric.Label), nameof(Metric.Description), nameof(Metric.Unit), nameof(Metric.Format)];

    /// <summary>Every other property, however deep, so that a property that is added to the model counts by itself.</summary>
    public static string Of(object? value) => value switch
    {
        null => "null",
        string text => "'" + text.Replace("'", "''", StringComparison.Ordinal) + "'",
        JsonNode json => json.ToJsonString(),
        Filter filter => FilterText.Of(filter),
        FieldName or CalendarPeriod or Enum => value.ToString()!,
        TimeZoneInfo zone => zone.Id,
        IConvertible or IFormattable => Convert.ToString(value, CultureInfo.InvariantCulture)!,
        ITuple tuple => "(" + string.Join(", ", Enumerable.Range(0, tuple.Length).Select(i => Of(tuple[i]))) + ")",
        IEnumerable items => "[" + string.Join(", ", items.Cast<object?>().Select(Of)) + "]",
        _ => value.GetType().Name + "{" + string.Join(", ", value.GetType().GetProperties().Where(p => !ForPeople.Contains(p.Name)).Select(p => p.Name + ": " + Of(p.GetValue(value)))) + "}",
    };

    /// <summary>A measure with the table and the time that it is counted in; empty if there is none of the name.</summary>
    public static string OfMeasure(MetricModel model, string name) =>
        model.Measures.TryGetValue(name, out var measure) && model.SemanticModels[measure.SemanticModel] is var fact
            ? string.Join('\n', OfAggregate(fact, measure), fact.Table, Of(fact.Dimensions.GetValueOrDefault(measure.AggTimeDimension)))
            : "";

    /// <summary>A measure with the elements that choose its moments.</summary>
    public static string OfAggregate(SemanticModel fact, Measure measure) => string.Join('\n',
    [
        Of(measure),
        .. measure.NonAdditive is { } choice
            ? choice.WindowGroupings.Select(e => Of(fact.Entities.GetValueOrDefault(e))).Prepend(Of(fact.Dimensions.GetValueOrDefault(choice.Name)))
            : [],
    ]);

    /// <summary>What a field means from a fact: each join's table, keys and validity, then the element.</summary>
    public static string OfBinding(SemanticModel fact, FieldBinding binding)
    {
        var at = fact;
        List<string> parts = [];
        foreach (var hop in binding.Hops)
        {
            parts.Add(Of(at.Entities.GetValueOrDefault(hop.Entity)?.Expr));
            parts.Add(hop.Target.Table + Of(hop.Target.Entities.GetValueOrDefault(hop.Entity)));
            parts.AddRange(hop.Target.Dimensions.Values.Where(d => d.IsValidityStart || d.IsValidityEnd).Select(Of));
            at = hop.Target;
        }

        return string.Join('\n', [.. parts, binding.Expr, Of(binding.Dimension?.Granularity), Of(binding.Lookup)]);
    }
}
