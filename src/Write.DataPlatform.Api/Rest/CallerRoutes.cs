using Write.DataPlatform.Model;

namespace Write.DataPlatform.Api.Rest;

/// <summary>Who asks, and how the model counts time: what a program needs to know before its first query.</summary>
internal static class CallerRoutes
{
    public const string Path = "/v1/caller";

    /// <summary>Anyone may ask; who is not known is told just that, so a page can ask for a key without a refusal.</summary>
    public static void MapCaller(this WebApplication app) => app.MapMethods(Path, ["GET", "HEAD"], (HttpContext context, ModelStore models) =>
    {
        context.Response.Headers.Vary = string.Join(", ", "Authorization", PresentedKey.Header);
        if (CallerGate.Of(context) is not { } caller)
        {
            return QueryRoutes.WriteJsonAsync(context, new { isKnown = false });
        }

        var model = models.Current;
        return QueryRoutes.WriteJsonAsync(context, new
        {
            isKnown = true,
            name = caller.Name,
            tenant = caller.Tenant,
            isOperator = caller.IsOperator,
            timeZone = model.TimeZone.Id,
            modelRevision = model.Revision,
            tenants = caller.IsOperator ? model.Tenants.Keys.Order(StringComparer.Ordinal) : null,
        });
    });
}
