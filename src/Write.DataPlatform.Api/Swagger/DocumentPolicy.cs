using Microsoft.AspNetCore.OutputCaching;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Api.Swagger;

/// <summary>Keeps the document as it was written, for all who see the same of the same model: it needs no key, and to make it anew for each stranger is work.</summary>
internal sealed class DocumentPolicy(ModelStore models) : IOutputCachePolicy
{
    private const string ModelKey = "model";

    private static readonly TimeSpan Kept = TimeSpan.FromHours(1);

    public static bool IsOf(HttpContext context) =>
        HttpMethods.IsGet(context.Request.Method) && context.Request.Path.StartsWithSegments("/swagger", StringComparison.OrdinalIgnoreCase) && Path.HasExtension(context.Request.Path.Value)
        && Path.GetFileNameWithoutExtension(context.Request.Path.Value!).Equals("swagger", StringComparison.OrdinalIgnoreCase);

    public ValueTask CacheRequestAsync(OutputCacheContext context, CancellationToken cancellation)
    {
        var model = models.Current;
        (context.EnableOutputCaching, context.AllowCacheLookup, context.AllowCacheStorage, context.AllowLocking) = (true, true, true, true);
        context.ResponseExpirationTimeSpan = Kept;

        // Hosts can be made up, and are not in it.
        context.CacheVaryByRules.VaryByHost = false;
        context.CacheVaryByRules.VaryByValues[ModelKey] = model.Revision;
        context.CacheVaryByRules.VaryByValues["seen"] = ApiDocument.ViewOf(context.HttpContext, model) is { } view ? "by " + view.Text : "";
        return ValueTask.CompletedTask;
    }

    public ValueTask ServeFromCacheAsync(OutputCacheContext context, CancellationToken cancellation) => ValueTask.CompletedTask;

    public ValueTask ServeResponseAsync(OutputCacheContext context, CancellationToken cancellation)
    {
        // One that was written while the model was replaced may be the next one's.
        context.AllowCacheStorage = context.HttpContext.Response.StatusCode == StatusCodes.Status200OK && context.CacheVaryByRules.VaryByValues[ModelKey] == models.Current.Revision;
        return ValueTask.CompletedTask;
    }
}
