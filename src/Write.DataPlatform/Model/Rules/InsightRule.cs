using Write.DataPlatform.Model.Reading;

namespace Write.DataPlatform.Model.Rules;

/// <summary>A parameter of an insight either filters a field or sets a part of the query, and is called once.</summary>
internal sealed class InsightRule : IModelRule
{
    private static readonly string[] Settable =
    [
        "timeRange", "timeRange.from", "timeRange.to", "timeRange.last", "timeRange.toDate", "timeZone", "compare", "compare.to", "compare.offset", "compare.alignToDate", "limit", "cursor", "fill", "totals", "source", "groupBy", "metrics", "orderBy",
    ];

    public IEnumerable<ModelProblem> Check(MetricModel model) =>
        model.Insights.Values.SelectMany(insight => insight.Parameters.SelectMany((parameter, i) => Check(model, insight, parameter, i)));

    private static IEnumerable<ModelProblem> Check(MetricModel model, Insight insight, InsightParameter parameter, int index)
    {
        if ((parameter.Field is null) == string.IsNullOrEmpty(parameter.Sets))
        {
            yield return new ModelProblem(
                ModelCode.BadParameter, $"The parameter '{parameter.Name}' of the insight '{insight.Name}' needs 'field' or 'sets', and only one of them.", parameter.Source);
        }

        if (parameter.Sets is { Length: > 0 } sets && !Settable.Contains(sets))
        {
            yield return new ModelProblem(
                ModelCode.BadParameter, $"The parameter '{parameter.Name}' sets '{sets}', which is no part of a query that a caller may set.", model.Positions.Find(parameter.Source, "sets"),
                Suggestion.For(sets, Settable) ?? $"One of {string.Join(", ", Settable)}.");
        }

        if (parameter.Name.Length > 0 && insight.Parameters.Take(index).Any(p => p.Name == parameter.Name))
        {
            yield return new ModelProblem(ModelCode.Duplicate, $"The insight '{insight.Name}' has two parameters '{parameter.Name}'.", parameter.Source);
        }

        if (parameter is { Default: { } value, Values.IsEmpty: false } && !parameter.Values.Contains(value))
        {
            yield return new ModelProblem(
                ModelCode.BadParameter, $"The default '{value}' of the parameter '{parameter.Name}' is none of its values.", model.Positions.Find(parameter.Source, "default"),
                Suggestion.For(value, parameter.Values));
        }

        if (parameter is { Required: true, Default: not null })
        {
            yield return new ModelProblem(
                ModelCode.BadParameter, $"The parameter '{parameter.Name}' of the insight '{insight.Name}' is required and has a default.", model.Positions.Find(parameter.Source, "default"), "Leave one out.");
        }
    }
}
