using System.Text.RegularExpressions;
using Write.DataPlatform.Model.Reading;

namespace Write.DataPlatform.Model.Rules;

/// <summary>Each type of metric is put together as it must be.</summary>
internal sealed partial class MetricRule : IModelRule
{
    // Words of SQL that an expression over numbers may hold.
    private static readonly HashSet<string> Keywords = new(StringComparer.OrdinalIgnoreCase)
    {
        "and", "or", "not", "null", "true", "false", "case", "when", "then", "else", "end", "is", "in", "between", "like", "as", "distinct", "cast",
        "int", "integer", "bigint", "smallint", "double", "float", "real", "decimal", "numeric", "varchar", "text", "boolean", "date", "timestamp", "interval", "precision",
    };

    public IEnumerable<ModelProblem> Check(MetricModel model) => model.Metrics.Values.SelectMany(metric => metric switch
    {
        DerivedMetric derived => Derived(model, derived),
        CumulativeMetric { Window: not null, GrainToDate: not null } =>
            [new ModelProblem(ModelCode.BadCumulative, $"The metric '{metric.Name}' has both 'window' and 'grain_to_date'.", At(model, metric, "grain_to_date"), "Leave one out.")],
        CumulativeMetric { Window.Count: < 1 } => [NotPositive(model, metric, "window")],
        ConversionMetric { Window.Count: < 1 } => [NotPositive(model, metric, "window")],
        ConversionMetric conversion => Properties(model, conversion),
        FunnelMetric funnel => Funnel(model, funnel),
        RetentionMetric { Period: not (TimeGrain.Day or TimeGrain.Week or TimeGrain.Month) } =>
            [new ModelProblem(ModelCode.BadRetention, $"The retention '{metric.Name}' must be by day, week or month.", At(model, metric, "period"))],
        RetentionMetric { ReturnMeasures.IsEmpty: true } when model.Positions.Find(metric.Source, "type_params.returns") != metric.Source =>
            [new ModelProblem(ModelCode.BadRetention, $"The retention '{metric.Name}' names no event that counts as coming back.", At(model, metric, "returns"))],
        _ => [],
    });

    private static IEnumerable<ModelProblem> Derived(MetricModel model, DerivedMetric metric)
    {
        var names = metric.Metrics.Select(m => m.NameInExpression).ToList();
        for (var i = 0; i < names.Count; i++)
        {
            var input = metric.Metrics[i];
            var position = model.Positions.Find(metric.Source, $"type_params.metrics[{i}]", "type_params.metrics");
            if (names[i].Length > 0 && names.IndexOf(names[i]) < i)
            {
                yield return new ModelProblem(
                    ModelCode.BadInputs, $"Two inputs of the metric '{metric.Name}' are called '{names[i]}' in its expression.", position, "Give one an 'alias'.");
            }

            if (input.CustomOffset is { } own && model.Granularity(own) is null)
            {
                yield return new ModelProblem(
                    ModelCode.BadInputs, $"The input '{names[i]}' of the metric '{metric.Name}' has an offset of {own}, and {own.Granularity} is neither a grain nor a custom granularity of a time spine.", position,
                    Suggestion.For(own.Granularity, Enum.GetNames<TimeGrain>().Select(g => g.ToLowerInvariant()).Concat(model.TimeSpines.Values.SelectMany(s => s.CustomGranularities.Select(g => g.Name)))));
            }

            if (input is { OffsetWindow: not null, OffsetToGrain: not null } or { CustomOffset: not null, OffsetToGrain: not null })
            {
                yield return new ModelProblem(
                    ModelCode.BadInputs, $"The input '{names[i]}' of the metric '{metric.Name}' has both 'offset_window' and 'offset_to_grain'.", position, "Leave one out.");
            }
        }

        if (metric.Metrics.IsEmpty && model.Positions.Find(metric.Source, "type_params.metrics") != metric.Source)
        {
            yield return new ModelProblem(ModelCode.BadInputs, $"The metric '{metric.Name}' has no input.", At(model, metric, "metrics"));
        }

        foreach (var name in Identifiers(metric.Expr).Distinct())
        {
            if (!names.Contains(name))
            {
                yield return new ModelProblem(
                    ModelCode.UnknownIdentifier, $"'{name}' in the expression of the metric '{metric.Name}' is none of its inputs.", At(model, metric, "expr"),
                    Suggestion.For(name, names) ?? (model.Metrics.ContainsKey(name) ? $"Add '- name: {name}' to 'metrics'." : null));
            }
        }
    }

    /// <summary>The identifiers of an expression that name values: neither functions nor keywords, nor inside quotes.</summary>
    private static IEnumerable<string> Identifiers(string expression)
    {
        var plain = Quoted().Replace(expression, " ");
        return Identifier().Matches(plain).Select(m => m.Value).Where(name => !Keywords.Contains(name));
    }

    private static IEnumerable<ModelProblem> Properties(MetricModel model, ConversionMetric metric)
    {
        foreach (var (property, measure) in metric.ConstantProperties.SelectMany(p => new[] { (p.Base, metric.BaseMeasure), (p.Conversion, metric.ConversionMeasure) }))
        {
            if (property.Length > 0 && model.Measures.TryGetValue(measure.Measure, out var known)
                && model.SemanticModels[known.SemanticModel] is var owner && !owner.Dimensions.ContainsKey(property) && !owner.Entities.ContainsKey(property))
            {
                yield return new ModelProblem(
                    ModelCode.UnknownDimension, $"The constant property '{property}' of the metric '{metric.Name}' is no dimension or entity of '{owner.Name}'.",
                    model.Positions.Find(metric.Source, "type_params.conversion_type_params.constant_properties"),
                    Suggestion.For(property, owner.Dimensions.Keys.Concat(owner.Entities.Keys)));
            }
        }
    }

    private static IEnumerable<ModelProblem> Funnel(MetricModel model, FunnelMetric metric)
    {
        if (metric.Steps.Length < 2 && model.Positions.Find(metric.Source, "type_params.steps") != metric.Source)
        {
            yield return new ModelProblem(ModelCode.BadFunnel, $"The funnel '{metric.Name}' needs at least two steps.", At(model, metric, "steps"));
        }

        foreach (var (step, i) in metric.Steps.Select((s, i) => (s.Name, i)).Where(s => s.Name.Length > 0 && metric.Steps.Take(s.i).Any(t => t.Name == s.Name)))
        {
            yield return new ModelProblem(
                ModelCode.BadFunnel, $"Two steps of the funnel '{metric.Name}' are called '{step}'.", model.Positions.Find(metric.Source, $"type_params.steps[{i}]"), "Give one another 'name'.");
        }

        if (metric.Window is { Count: < 1 })
        {
            yield return NotPositive(model, metric, "window");
        }
    }

    private static ModelProblem NotPositive(MetricModel model, Metric metric, string key) =>
        new(ModelCode.BadValue, $"The window of the metric '{metric.Name}' must be longer than nothing.", At(model, metric, key));

    private static SourcePosition At(MetricModel model, Metric metric, string key) => model.Positions.Find(
        metric.Source, $"type_params.cumulative_type_params.{key}", $"type_params.conversion_type_params.{key}", $"type_params.{key}", "type_params");

    [GeneratedRegex("""'(?:[^']|'')*'|"[^"]*"|--[^\n]*""")]
    private static partial Regex Quoted();

    // Atomic, so that a long name before a bracket is not tried at every shorter length.
    [GeneratedRegex(@"(?<![\w.$])(?>[A-Za-z_]\w*)(?!\s*\()")]
    private static partial Regex Identifier();
}
