using System.Collections.Immutable;

namespace Write.DataPlatform.Model.Reading;

/// <summary>
/// Since dbt 1.12 a manifest's simple metrics aggregate by themselves (<c>metric_aggregation_params</c>), and cumulative and conversion metrics name such a metric where they named a
/// measure. Gives each of these metrics a measure of its own, in the semantic model that it names, and what builds on it that measure with the metric's conditions.
/// </summary>
internal sealed class ManifestMeasures
{
    private const string Aggregation = "metric_aggregation_params", TypeParameters = "type_params", Measure = "measure", Name = "name", Filter = "filter", Metric = "metric";

    // Beside a measure they repeat what it says; beside anything else they say nothing.
    private static readonly string[] OfMeasures = [Aggregation, "join_to_timespine", "fill_nulls_with", "is_private"];

    private readonly HashSet<string> _names;
    private readonly HashSet<string> _models;
    private readonly Dictionary<string, WrittenMap> _inputs = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<Written>> _measures = new(StringComparer.Ordinal);

    /// <param name="document">The manifest, without its empty values.</param>
    public ManifestMeasures(WrittenMap document)
    {
        var models = Maps(document, "semantic_models").ToList();
        _names = [.. models.SelectMany(m => Maps(m, "measures")).Select(m => Text(m, Name)).OfType<string>()];
        _models = [.. models.Select(m => Text(m, Name)).OfType<string>()];
        document = Each(document, "metrics", Simple);
        document = Each(document, "metrics", Built);
        Document = Each(document, "semantic_models", model => Text(model, Name) is { } name && _measures.TryGetValue(name, out var own)
            ? With(model, "measures", new WrittenList(model.Position, [.. model.Find("measures") is WrittenList list ? list.Items : [], .. own], 1 + own.Sum(m => m.Size)))
            : model);
    }

    /// <summary>The manifest in the older form.</summary>
    public WrittenMap Document { get; }

    private WrittenMap Simple(WrittenMap metric)
    {
        if (metric.Find(TypeParameters) is not WrittenMap parameters || Text(metric, Name) is not { } name)
        {
            return metric;
        }

        var input = parameters.Find(Measure) as WrittenMap;
        if (input is null && Text(metric, "type") == "simple" && parameters.Find(Aggregation) is WrittenMap aggregation && Text(aggregation, "semantic_model") is { } model && _models.Contains(model))
        {
            var measure = name;
            while (!_names.Add(measure))
            {
                measure += "_measure";
            }

            // Without an expression a metric is its name's column, as a measure is.
            var expression = parameters.Find("expr") ?? aggregation.Find("expr") ?? Scalar(metric, name);
            if (!_measures.TryGetValue(model, out var measures))
            {
                _measures.Add(model, measures = []);
            }

            measures.Add(With(With(Without(aggregation, "semantic_model"), Name, Scalar(metric, measure)), "expr", expression));
            input = Map(metric.Position, [.. parameters.Entries.Where(e => e.Key.Value is "join_to_timespine" or "fill_nulls_with"), (Scalar(metric, Name), Scalar(metric, measure))]);
            parameters = With(Without(parameters, "expr"), Measure, input);
        }

        if (input is not null)
        {
            _inputs[name] = metric.Find(Filter) is { } filter ? With(input, Filter, Both(input.Find(Filter), filter)) : input;
            parameters = parameters.Find(Aggregation) is null ? parameters : Without(parameters, "expr");
        }

        return With(metric, TypeParameters, input is null && parameters.Find(Aggregation) is not null ? parameters : Without(parameters, OfMeasures));
    }

    private WrittenMap Built(WrittenMap metric)
    {
        if (metric.Find(TypeParameters) is not WrittenMap parameters)
        {
            return metric;
        }

        if (parameters.Find("cumulative_type_params") is WrittenMap cumulative && cumulative.Find(Metric) is { } over && (parameters.Find(Measure) ?? InputOf(over)) is { } measure)
        {
            parameters = With(With(parameters, Measure, measure), "cumulative_type_params", Without(cumulative, Metric));
        }

        if (parameters.Find("conversion_type_params") is WrittenMap conversion)
        {
            foreach (var part in new[] { "base", "conversion" })
            {
                if (conversion.Find($"{part}_{Metric}") is { } of && (conversion.Find($"{part}_{Measure}") ?? InputOf(of)) is { } input)
                {
                    conversion = With(Without(conversion, $"{part}_{Metric}"), $"{part}_{Measure}", input);
                }
            }

            parameters = With(parameters, "conversion_type_params", conversion);
        }

        return With(metric, TypeParameters, parameters);
    }

    /// <summary>The measure behind a metric that is named, with the conditions of both; null if the metric has none.</summary>
    private WrittenMap? InputOf(Written metric)
    {
        var name = metric is WrittenMap map ? Text(map, Name) : (metric as WrittenScalar)?.Value;
        return name is null || !_inputs.TryGetValue(name, out var input) ? null
            : metric is WrittenMap named && named.Find(Filter) is { } filter ? With(input, Filter, Both(input.Find(Filter), filter))
            : input;
    }

    private static Written Both(Written? one, Written other)
    {
        ImmutableArray<Written> all = [.. one is null ? [] : one is WrittenList first ? first.Items : [one], .. other is WrittenList second ? second.Items : [other]];
        return new WrittenList(other.Position, all, 1 + all.Sum(i => i.Size));
    }

    private static WrittenScalar Scalar(Written at, string text) => new(at.Position, text, IsPlain: false);

    private static WrittenMap Map(SourcePosition position, ImmutableArray<(WrittenScalar Key, Written Value)> entries) => new(position, entries, 1 + entries.Sum(e => e.Value.Size));

    private static WrittenMap With(WrittenMap map, string key, Written value) => Map(map.Position, [.. Without(map, key).Entries, (Scalar(map, key), value)]);

    private static WrittenMap Without(WrittenMap map, params string[] keys) => Map(map.Position, [.. map.Entries.Where(e => !keys.Contains(e.Key.Value))]);

    private static WrittenMap Each(WrittenMap map, string key, Func<WrittenMap, WrittenMap> change) =>
        map.Find(key) is WrittenList list ? map with { Entries = [.. map.Entries.Select(e => e.Key.Value == key ? (e.Key, list with { Items = [.. list.Items.Select(i => i is WrittenMap item ? change(item) : i)] }) : e)] } : map;

    private static IEnumerable<WrittenMap> Maps(WrittenMap map, string key) => map.Find(key) is WrittenList list ? list.Items.OfType<WrittenMap>() : [];

    private static string? Text(WrittenMap map, string key) => (map.Find(key) as WrittenScalar)?.Value;
}
