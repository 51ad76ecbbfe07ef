using System.Text.Json;
using System.Text.Json.Nodes;

namespace Write.DataPlatform.Model.Rules;

/// <summary>Every measure, metric, entity, semantic model and gold table that is named exists.</summary>
internal sealed class ReferenceRule : IModelRule
{
    public IEnumerable<ModelProblem> Check(MetricModel model) => Check(model, new Names(model));

    private static IEnumerable<ModelProblem> Check(MetricModel model, Names names) =>
    [
        .. model.Metrics.Values.SelectMany(metric => OfMetric(model, names, metric)),
        .. model.GoldTables.Values.SelectMany(table => table.Metrics.SelectMany((name, i) => Unknown(
            names.Metrics, name, ModelCode.UnknownMetric, "metric", $"gold table '{table.Name}'", model.Positions.Find(table.Source, $"metrics[{i}]", "metrics")))),
        .. model.Insights.Values.SelectMany(insight => OfQuery(names, insight.Query, $"insight '{insight.Name}'", model.Positions.Find(insight.Source, "query.metrics", "query"))),
        .. model.SavedQueries.Values.SelectMany(query => OfQuery(
            names, query.Query, $"saved query '{query.Name}'", model.Positions.Find(query.Source, "query_params.metrics", "query_params"))),
        .. model.Streams.Values.SelectMany(stream => OfStream(model, names, stream)),
    ];

    private static IEnumerable<ModelProblem> OfMetric(MetricModel model, Names names, Metric metric)
    {
        var owner = $"metric '{metric.Name}'";
        foreach (var (name, paths) in Measures(metric))
        {
            var hint = model.Metrics.ContainsKey(name) ? $"'{name}' is a metric; a metric of this type takes measures." : null;
            foreach (var problem in Unknown(names.Measures, name, ModelCode.UnknownMeasure, "measure", owner, model.Positions.Find(metric.Source, paths), hint))
            {
                yield return problem;
            }
        }

        foreach (var (name, paths) in Metrics(metric))
        {
            var hint = model.Measures.ContainsKey(name) ? $"'{name}' is a measure; write a simple metric over it, or 'create_metric: true'." : null;
            foreach (var problem in Unknown(names.Metrics, name, ModelCode.UnknownMetric, "metric", owner, model.Positions.Find(metric.Source, paths), hint))
            {
                yield return problem;
            }
        }

        var entity = metric switch { ConversionMetric c => c.Entity, FunnelMetric f => f.Entity, RetentionMetric r => r.Entity, _ => "" };
        var position = model.Positions.Find(metric.Source, "type_params.entity", "type_params.conversion_type_params.entity");
        foreach (var problem in Unknown(names.Entities, entity, ModelCode.UnknownEntity, "entity", owner, position))
        {
            yield return problem;
        }

        if (!names.Entities.Contains(entity))
        {
            yield break;
        }

        // The events of one path are told apart by the entity: every fact must carry it.
        foreach (var measure in metric.MeasureInputs.Select(m => model.Measures.GetValueOrDefault(m.Measure)).OfType<Measure>().DistinctBy(m => m.SemanticModel))
        {
            if (!model.SemanticModels[measure.SemanticModel].Entities.ContainsKey(entity))
            {
                yield return new ModelProblem(
                    ModelCode.UnknownEntity, $"The semantic model '{measure.SemanticModel}' of the measure '{measure.Name}' has no entity '{entity}', by which the {owner} follows events.", position);
            }
        }
    }

    private static IEnumerable<(string Name, string[] Paths)> Measures(Metric metric) => metric switch
    {
        SimpleMetric m => [(m.Measure.Measure, Paths("type_params.measure"))],
        CumulativeMetric m => [(m.Measure.Measure, Paths("type_params.measure"))],
        ConversionMetric m =>
        [
            (m.BaseMeasure.Measure, Paths("type_params.conversion_type_params.base_measure")),
            (m.ConversionMeasure.Measure, Paths("type_params.conversion_type_params.conversion_measure")),
        ],
        FunnelMetric m =>
        [
            .. m.Steps.Select((s, i) => (s.Measure.Measure, Paths($"type_params.steps[{i}].measure"))),
            .. m.Exclusions.Select((e, i) => (e.Measure, Paths($"type_params.exclusions[{i}]", "type_params.exclusions"))),
        ],
        RetentionMetric m =>
        [
            (m.CohortMeasure.Measure, Paths("type_params.cohort")),
            .. m.ReturnMeasures.Select((r, i) => (r.Measure, Paths($"type_params.returns[{i}]", "type_params.returns"))),
        ],
        _ => [],
    };

    private static IEnumerable<(string Name, string[] Paths)> Metrics(Metric metric) => metric switch
    {
        RatioMetric m => [(m.Numerator.Metric, Paths("type_params.numerator")), (m.Denominator.Metric, Paths("type_params.denominator"))],
        DerivedMetric m => m.Metrics.Select((input, i) => (input.Metric, Paths($"type_params.metrics[{i}]", "type_params.metrics"))),
        _ => [],
    };

    // A mapping's own name is the better place than the mapping.
    private static string[] Paths(params string[] paths) => [.. paths.SelectMany(p => new[] { p + ".name", p })];

    private static IEnumerable<ModelProblem> OfQuery(Names names, JsonObject query, string owner, SourcePosition position) =>
        query["metrics"] is JsonArray metrics
            ? metrics.OfType<JsonValue>().Where(m => m.GetValueKind() is JsonValueKind.String)
                .SelectMany(m => Unknown(names.Metrics, m.GetValue<string>(), ModelCode.UnknownMetric, "metric", owner, position))
            : [];

    private static IEnumerable<ModelProblem> OfStream(MetricModel model, Names names, StreamDefinition stream) =>
    [
        .. Unknown(
            names.SemanticModels, stream.SemanticModel, ModelCode.UnknownSemanticModel, "semantic model", $"stream '{stream.Name}'", model.Positions.Find(stream.Source, "semantic_model")),
        .. stream.Tables.SelectMany((table, i) => Unknown(
            names.GoldTables, table, ModelCode.UnknownGoldTable, "gold table", $"stream '{stream.Name}'", model.Positions.Find(stream.Source, $"tables[{i}]", "tables"))),
    ];

    private static IEnumerable<ModelProblem> Unknown(
        KnownNames known, string name, string code, string what, string owner, SourcePosition position, string? hint = null)
    {
        // An empty name was reported where it is missing.
        if (name.Length > 0 && !known.Contains(name))
        {
            yield return new ModelProblem(code, $"The {owner} names the {what} '{name}', which does not exist.", position, hint ?? known.Suggest(name));
        }
    }

    private sealed class Names(MetricModel model)
    {
        public KnownNames Measures { get; } = new(model.Measures.Keys);

        public KnownNames Metrics { get; } = new(model.Metrics.Keys);

        public KnownNames Entities { get; } = new(model.SemanticModels.Values.SelectMany(m => m.Entities.Keys));

        public KnownNames SemanticModels { get; } = new(model.SemanticModels.Keys);

        public KnownNames GoldTables { get; } = new(model.GoldTables.Keys);
    }
}
