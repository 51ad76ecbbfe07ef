using Microsoft.Net.Http.Headers;
using Write.DataPlatform.Api.Rest;

namespace Write.DataPlatform.Api.Dashboard;

/// <summary>The page that people open first. It holds no data: what it shows it asks the public API for, with its reader's key.</summary>
internal static class DashboardRoutes
{
    // Scripts and styles from here alone, none inline; no frames, forms, plug-ins or other hosts.
    private const string Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private static readonly string[] Methods = ["GET", "HEAD"];

    public static IServiceCollection AddDashboard(this IServiceCollection services) => services.AddSingleton<DashboardAssets>();

    public static void MapDashboard(this WebApplication app)
    {
        app.MapMethods("/", Methods, (HttpContext context, DashboardAssets assets) => SendAsync(context, assets.Page, "no-cache")).ExcludeFromDescription();
        app.MapMethods(DashboardAssets.Path + "/{hash}/{name}", Methods, (HttpContext context, string hash, string name, DashboardAssets assets) =>
            assets.Find(hash, name) is { } asset
                ? SendAsync(context, asset, "public, max-age=31536000, immutable")
                : throw ProblemException.NotFound(ProblemCodes.NotFound, "There is no such file; the page was perhaps renewed, so load it again.", null)).ExcludeFromDescription();
    }

    private static async Task SendAsync(HttpContext context, DashboardAsset asset, string caching)
    {
        var response = context.Response;
        var coding = ContentCoding.Of(context.Request)?.Name;
        var tag = $"\"{asset.Tag}{(coding is null ? "" : "-" + coding)}\"";
        response.Headers.ContentSecurityPolicy = Policy;
        response.Headers.CacheControl = caching;
        response.Headers.Vary = HeaderNames.AcceptEncoding;
        response.Headers.ETag = tag;
        if (EntityTagHeaderValue.TryParseList(context.Request.Headers.IfNoneMatch, out var known) && known.Any(k => k.Compare(new EntityTagHeaderValue(tag), useStrongComparison: false)))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        var body = coding switch { "br" => asset.Brotli, "gzip" => asset.Gzip, _ => asset.Body };
        if (coding is not null)
        {
            response.Headers.ContentEncoding = coding;
        }

        response.ContentType = asset.ContentType;
        response.ContentLength = body.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await response.BodyWriter.WriteAsync(body, context.RequestAborted);
        }
    }
}
