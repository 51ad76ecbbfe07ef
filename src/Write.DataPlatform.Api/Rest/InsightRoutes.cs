using Write.DataPlatform.Api.Charts;
using Write.DataPlatform.Api.Limits;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.Rest;

/// <summary>Published insights.</summary>
internal static class InsightRoutes
{
    public static void MapInsights(this RouteGroupBuilder v1)
    {
        v1.MapGet("/insights", (HttpContext context, ModelStore models) =>
            QueryRoutes.WriteJsonAsync(context, new { insights = Visible(context, models.Current).Select(Describe) }));
        // With the ending of a picture: the same, drawn.
        v1.MapGet("/insights/{name}", (HttpContext context, string name, AnswerEndpoint answers, ModelStore models) => answers.AnswerAsync(context, () =>
        {
            var insight = Find(context, models.Current, name.EndsWith(SvgAnswers.Ending, StringComparison.Ordinal) ? name[..^SvgAnswers.Ending.Length] : name);
            var given = QueryRoutes.Parameters(context).Where(p => p.Key != QueryRoutes.CursorParameter || insight.Parameters.Any(own => own.Name == p.Key));
            var bound = InsightBinder.Bind(insight, given.ToDictionary());
            return ValueTask.FromResult(new AskedByRoute(bound.Query, bound.Translate));
        })).WithMetadata(new QueryMetadata());
    }

    private static IEnumerable<Insight> Visible(HttpContext context, MetricModel model) =>
        model.Insights.Values.Where(CallerView.Of(context, model).Has);

    private static Insight Find(HttpContext context, MetricModel model, string name) =>
        Visible(context, model).FirstOrDefault(i => i.Name == name)
            ?? throw ProblemException.NotFound(
                ProblemCodes.UnknownInsight, $"There is no insight '{QueryForm.Short(name)}'.", Suggestion.For(name, Visible(context, model).Select(i => i.Name)));

    private static object Describe(Insight insight) => new
    {
        name = insight.Name,
        description = insight.Description,
        audience = insight.Audience,
        href = "/v1/insights/" + insight.Name,
        parameters = insight.Parameters.Select(p => new
        {
            name = p.Name,
            description = p.Description,
            field = p.Field?.ToString(),
            sets = p.Sets,
            multiple = p.Multiple,
            required = p.Required,
            @default = p.Default,
            values = p.Values,
        }),
        query = insight.Query,
    };
}
