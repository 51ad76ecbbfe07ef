using Write.DataPlatform.Api.Limits;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.Rest;

/// <summary>The model's saved queries, for callers that are no tenant's.</summary>
internal static class SavedQueryRoutes
{
    public static void MapSavedQueries(this RouteGroupBuilder v1)
    {
        v1.MapGet("/saved-queries", (HttpContext context, ModelStore models) => QueryRoutes.WriteJsonAsync(
            context, new { savedQueries = Visible(context, models.Current).Select(q => new { name = q.Name, description = q.Description, href = "/v1/saved-queries/" + q.Name, query = q.Query }) }));
        v1.MapGet("/saved-queries/{name}", (HttpContext context, string name, AnswerEndpoint answers, ModelStore models) => answers.AnswerAsync(context, () =>
        {
            var visible = Visible(context, models.Current).ToList();
            var saved = visible.Find(q => q.Name == name)
                ?? throw ProblemException.NotFound(ProblemCodes.UnknownSavedQuery, $"There is no saved query '{QueryForm.Short(name)}'.", Suggestion.For(name, visible.Select(q => q.Name)));
            QueryRoutes.RefuseUnknownParameters(context, QueryRoutes.CursorParameter);
            return ValueTask.FromResult(new AskedByRoute(MetricQueryReader.ReadSaved(saved)));
        })).WithMetadata(new QueryMetadata());
    }

    private static IEnumerable<SavedQuery> Visible(HttpContext context, MetricModel model) => model.SavedQueries.Values.Where(CallerView.Of(context, model).Has);
}
