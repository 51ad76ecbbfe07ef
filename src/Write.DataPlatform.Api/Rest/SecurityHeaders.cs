namespace Write.DataPlatform.Api.Rest;

/// <summary>What every answer tells browsers, whoever gives it: types are as said, nobody frames it, no page learns where its reader was, and data is no page.</summary>
internal sealed class SecurityHeaders(RequestDelegate next)
{
    // These answer with data alone, which loads and runs nothing.
    private static readonly PathString[] Data = ["/v1", "/odata", "/health", "/metrics", "/mcp"];

    public Task InvokeAsync(HttpContext context)
    {
        context.Response.OnStarting(
            static state =>
            {
                var context = (HttpContext)state;
                var headers = context.Response.Headers;
                headers.XContentTypeOptions = "nosniff";
                headers["Referrer-Policy"] = "no-referrer";
                headers.XFrameOptions = "DENY";
                if (headers.ContentSecurityPolicy.Count == 0)
                {
                    // A page or a picture has said already what it needs.
                    headers.ContentSecurityPolicy = Array.Exists(Data, d => context.Request.Path.StartsWithSegments(d)) ? "default-src 'none'; frame-ancestors 'none'" : "frame-ancestors 'none'; base-uri 'self'; form-action 'self'";
                }

                if (context.Request.IsHttps)
                {
                    headers.StrictTransportSecurity = "max-age=31536000";
                }

                return Task.CompletedTask;
            },
            context);
        return next(context);
    }
}
