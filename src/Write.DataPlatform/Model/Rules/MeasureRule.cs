using Write.DataPlatform.Model.Reading;

namespace Write.DataPlatform.Model.Rules;

/// <summary>A measure has a time, and the parameters that its aggregation needs and no others.</summary>
internal sealed class MeasureRule : IModelRule
{
    public IEnumerable<ModelProblem> Check(MetricModel model) =>
        model.SemanticModels.Values.SelectMany(s => s.Measures.Values.SelectMany(m => Check(model, s, m)));

    private static IEnumerable<ModelProblem> Check(MetricModel model, SemanticModel semanticModel, Measure measure)
    {
        var times = semanticModel.Dimensions.Values.Where(d => d.Type is DimensionType.Time).Select(d => d.Name).ToList();
        if (measure.AggTimeDimension.Length == 0)
        {
            yield return new ModelProblem(
                ModelCode.MissingAggTime, $"The measure '{measure.Name}' has no time.", measure.Source,
                times.Count > 0 ? $"Add 'defaults: {{ agg_time_dimension: {times[0]} }}' to '{semanticModel.Name}'." : "Add a time dimension and 'defaults: { agg_time_dimension: … }'.");
        }
        else if (!times.Contains(measure.AggTimeDimension))
        {
            yield return new ModelProblem(
                ModelCode.MissingAggTime, $"'{measure.AggTimeDimension}', the time of the measure '{measure.Name}', is no time dimension of '{semanticModel.Name}'.",
                model.Positions.Find(measure.Source, "agg_time_dimension") is var own && own != measure.Source ? own : model.Positions.Find(semanticModel.Source, "defaults.agg_time_dimension"),
                Suggestion.For(measure.AggTimeDimension, times));
        }

        var parameters = model.Positions.Find(measure.Source, "agg_params.percentile", "agg_params");
        if (measure.Aggregation is Aggregation.Percentile && measure.Percentile is not (>= 0 and <= 1))
        {
            yield return new ModelProblem(
                ModelCode.BadPercentile, measure.Percentile is null ? $"The measure '{measure.Name}' does not say which percentile." : $"The percentile of the measure '{measure.Name}' is not between 0 and 1.",
                parameters, "For example 'agg_params: { percentile: 0.95 }'.");
        }
        else if (measure.Aggregation is not (Aggregation.Percentile or Aggregation.Median) && measure.Percentile is not null)
        {
            yield return new ModelProblem(ModelCode.BadPercentile, $"The measure '{measure.Name}' has a percentile and is none.", parameters, "Write 'agg: percentile'.");
        }

        if (measure.NonAdditive is { Name.Length: > 0 } nonAdditive)
        {
            if (!times.Contains(nonAdditive.Name))
            {
                yield return new ModelProblem(
                    ModelCode.BadNonAdditive, $"'{nonAdditive.Name}', over which the measure '{measure.Name}' does not add up, is no time dimension of '{semanticModel.Name}'.",
                    model.Positions.Find(measure.Source, "non_additive_dimension.name", "non_additive_dimension"), Suggestion.For(nonAdditive.Name, times));
            }

            foreach (var grouping in nonAdditive.WindowGroupings.Where(g => g.Length > 0 && !semanticModel.Entities.ContainsKey(g)))
            {
                yield return new ModelProblem(
                    ModelCode.BadNonAdditive, $"The window grouping '{grouping}' of the measure '{measure.Name}' is no entity of '{semanticModel.Name}'.",
                    model.Positions.Find(measure.Source, "non_additive_dimension.window_groupings"), Suggestion.For(grouping, semanticModel.Entities.Keys));
            }
        }
    }
}
