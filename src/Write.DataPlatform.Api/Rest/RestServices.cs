using Microsoft.AspNetCore.Cors.Infrastructure;
using Microsoft.AspNetCore.ResponseCompression;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Write.DataPlatform.Api.Alerts;
using Write.DataPlatform.Api.Limits;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using Write.DataPlatform.Api.OData;

namespace Write.DataPlatform.Api.Rest;

/// <summary>The slice's part of the composition.</summary>
internal static class RestServices
{
    /// <summary>The largest body of a request.</summary>
    public const int MaxBodyBytes = 1_000_000;

    private static readonly TimeSpan PreflightAge = TimeSpan.FromHours(1);

    // A feed is read in bulk, on a line that is mostly faster than packing, and a metrics page by a neighbour.
    private static readonly PathString[] Unpacked = ["/odata", "/metrics", "/mcp"];

    public static IServiceCollection AddRest(this IServiceCollection services, IConfiguration configuration)
    {
        services.Configure<KestrelServerOptions>(options =>
        {
            options.AddServerHeader = false;
            options.Limits.MaxRequestBodySize = MaxBodyBytes;
        });
        services.AddOptions<WebOptions>().Bind(configuration.GetSection(WebOptions.Section)).ValidateOnStart();
        services.AddSingleton<IValidateOptions<WebOptions>, WebOptionsValidator>();
        services.AddSingleton<ReloadedOptions<WebOptions>>().AddSingleton<LocalOperator>();
        services.AddSingleton<AnswerFormats>().AddSingleton<AnswerMemo>().AddSingleton<AnswerEndpoint>();
        services.AddResponseCompression(options =>
        {
            // No answer holds a secret beside text that its caller chose, so its length tells nothing.
            options.EnableForHttps = true;
            options.MimeTypes = [.. ResponseCompressionDefaults.MimeTypes, Problem.ContentType, AnswerCsv.ContentType];
        });
        services.AddCors();
        services.AddOptions<CorsOptions>().Configure<ReloadedOptions<WebOptions>>((cors, web) => cors.AddDefaultPolicy(policy => policy
            .SetIsOriginAllowed(origin => web.Value.Origins is var origins && (origins.Contains("*") || origins.Contains(origin, StringComparer.OrdinalIgnoreCase)))
            .WithMethods("GET", "HEAD", "POST", "DELETE")
            .WithHeaders(
                HeaderNames.Accept, HeaderNames.Authorization, HeaderNames.ContentType, HeaderNames.CacheControl, HeaderNames.IfNoneMatch, Preference.Header, PresentedKey.Header, CallerView.TenantHeader, CallerView.RoleHeader,
                "OData-Version", "OData-MaxVersion", "Mcp-Session-Id", "Mcp-Protocol-Version")
            .WithExposedHeaders(HeaderNames.ETag, HeaderNames.Link, HeaderNames.Location, HeaderNames.RetryAfter, Preference.Applied, "OData-Version", "RateLimit", "RateLimit-Policy")
            .SetPreflightMaxAge(PreflightAge)));
        return services;
    }

    /// <summary>Refusals and callers; before every route.</summary>
    public static void UseRest(this WebApplication app)
    {
        app.UseMiddleware<SecurityHeaders>();
        app.UseWhen(context => !Array.Exists(Unpacked, path => context.Request.Path.StartsWithSegments(path)), packed => packed.UseResponseCompression());
        app.UseStatusCodePages(ErrorEdge.DescribeAsync);
        app.UseMiddleware<ErrorEdge>();
        app.UseMiddleware<ODataEdge>();
        app.UseRouting();
        // A browser asks without a key whether it may ask.
        app.UseCors();
        app.UseMiddleware<CallerGate>();
        app.UseMiddleware<LimitGate>();
    }

    public static void MapRest(this WebApplication app)
    {
        var v1 = app.MapGroup("/v1").WithMetadata(new AccessMetadata(Access.Known));
        ((IEndpointConventionBuilder)v1).Finally(AnswerHead);
        v1.MapInsights();
        v1.MapSavedQueries();
        v1.MapQueries();
        v1.MapJobs();
        v1.MapCatalog();
        v1.MapGold();
        v1.MapRuns();
        v1.MapKeys();
        v1.MapAlerts();
        app.MapEvents();
        app.MapCaller();
    }

    /// <summary>Whatever can be read can be asked for its headers alone; the server itself leaves the body out.</summary>
    private static void AnswerHead(EndpointBuilder route)
    {
        if (route.Metadata.OfType<IHttpMethodMetadata>().LastOrDefault() is { HttpMethods: ["GET"] })
        {
            route.Metadata.Add(new HttpMethodMetadata(["GET", "HEAD"]));
        }
    }
}
