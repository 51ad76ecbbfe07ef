using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Insights;

/// <summary>An insight or a test whose query cannot be answered is a mistake of the model, and so is a saved query with a mistake.</summary>
/// <remarks>A saved query may ask for what this version does not compute: files written for others load as they are.</remarks>
internal sealed class PublishedQueryRule(TimeProvider clock) : IModelRule
{
    public const string InsightCode = "I001";
    public const string SavedQueryCode = "I002";
    public const string TestCode = "I003";
    public const string TestColumnCode = "I004";

    public IEnumerable<ModelProblem> Check(MetricModel model) =>
    [
        .. model.Insights.Values.SelectMany(insight => Problems(model, () => InsightBinder.BindDefaults(insight).Query)
            .Where(p => !IsSuppliedByCaller(insight, p.Code))
            .Select(p => Told(InsightCode, $"insight '{insight.Name}'", p, Place(model, insight.Source, p)))),
        .. model.Tests.Values.SelectMany(test => Problems(model, () => ModelTestRunner.Query(test), test.Now)
            .Select(p => Told(TestCode, $"test '{test.Name}'", p, Place(model, test.Source, p)))),
        .. model.Tests.Values.SelectMany(test => UnknownColumns(model, test)),
        .. model.SavedQueries.Values.SelectMany(saved => Problems(model, () => MetricQueryReader.Read((JsonNode)saved.Query))
            .Where(p => !QueryProblems.IsUnanswerable(p.Code) && p.Code != QueryProblems.NoMetrics)
            .Select(p => Told(SavedQueryCode, $"saved query '{saved.Name}'", p, saved.Source))),
    ];

    private IEnumerable<ModelProblem> UnknownColumns(MetricModel model, ModelTest test)
    {
        List<string> columns;
        try
        {
            var resolved = QueryResolver.Resolve(model, ModelTestRunner.Query(test), FieldTypes.Unknown, test.Now ?? clock.GetUtcNow());
            columns = [.. resolved.Keys.Select(k => k.Name), .. resolved.Metrics.SelectMany(m => m.Names)];
        }
        catch (QueryException)
        {
            // Told already.
            return [];
        }

        return test.Expect.SelectMany(r => r.Cells).DistinctBy(c => c.Column).Where(c => !columns.Contains(c.Column)).Select(cell => new ModelProblem(
            TestColumnCode, $"The test '{test.Name}' expects the column '{cell.Column}', which its query does not answer.", cell.Source,
            Model.Reading.Suggestion.For(cell.Column, columns) ?? $"It answers {string.Join(", ", columns)}."));
    }

    private ImmutableArray<QueryProblem> Problems(MetricModel model, Func<MetricQuery> read, DateTimeOffset? now = null)
    {
        try
        {
            QueryResolver.Resolve(model, read(), FieldTypes.Unknown, now ?? clock.GetUtcNow());
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
