using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Insights;

/// <summary>An insight whose query cannot be answered is a mistake of the model, and so is a saved query with a mistake.</summary>
/// <remarks>A saved query may ask for what this version does not compute: files written for others load as they are.</remarks>
internal sealed class PublishedQueryRule(TimeProvider clock) : IModelRule
{
    public const string InsightCode = "I001";
    public const string SavedQueryCode = "I002";

    public IEnumerable<ModelProblem> Check(MetricModel model) =>
    [
        .. model.Insights.Values.SelectMany(insight => Problems(model, () => InsightBinder.BindDefaults(insight).Query)
            .Where(p => !IsSuppliedByCaller(insight, p.Code))
            .Select(p => Told(InsightCode, $"insight '{insight.Name}'", p, Place(model, insight.Source, p)))),
        .. model.SavedQueries.Values.SelectMany(saved => Problems(model, () => MetricQueryReader.Read((JsonNode)saved.Query))
            .Where(p => !QueryProblems.IsUnanswerable(p.Code) && p.Code != QueryProblems.NoMetrics)
            .Select(p => Told(SavedQueryCode, $"saved query '{saved.Name}'", p, saved.Source))),
    ];

    private ImmutableArray<QueryProblem> Problems(MetricModel model, Func<MetricQuery> read)
    {
        try
        {
            QueryResolver.Resolve(model, read(), FieldTypes.Unknown, clock.GetUtcNow());
            return [];
        }
        catch (QueryException exception)
        {
            return exception.Problems;
        }
    }

    /// <summary>Whether what is missing comes with a parameter that every caller must give.</summary>
    private static bool IsSuppliedByCaller(Insight insight, string code) =>
        insight.Parameters.Any(p => p is { Required: true, Sets: { } sets } && code switch
        {
            QueryProblems.CompareNeedsTimeRange or QueryProblems.FillNeedsTimeRange => sets.StartsWith("timeRange", StringComparison.Ordinal),
            QueryProblems.NoMetrics or QueryProblems.CannotList or QueryProblems.NoTimeSpine => sets == "metrics",
            _ => false,
        });

    private static SourcePosition Place(MetricModel model, SourcePosition item, QueryProblem problem)
    {
        // The model's keys are in snake_case: timeRange.from is written at query.time_range.from.
        var path = problem.Path is null ? "query" : "query." + System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(problem.Path.Split('.', '[')[0]);
        return model.Positions.Find(item, path, "query");
    }

    private static ModelProblem Told(string code, string what, QueryProblem problem, SourcePosition position) =>
        new(code, $"The {what}{(problem.Path is null ? "" : $" at {problem.Path}")}: {problem.Message}", position, problem.Suggestion);
}
