using Microsoft.AspNetCore.Server.Kestrel.Core;
using Write.DataPlatform.Api.OData;

namespace Write.DataPlatform.Api.Rest;

/// <summary>The slice's part of the composition.</summary>
internal static class RestServices
{
    /// <summary>The largest body of a request.</summary>
    public const int MaxBodyBytes = 1_000_000;

    public static IServiceCollection AddRest(this IServiceCollection services)
    {
        services.Configure<KestrelServerOptions>(options =>
        {
            options.AddServerHeader = false;
            options.Limits.MaxRequestBodySize = MaxBodyBytes;
        });
        return services;
    }

    /// <summary>Refusals and callers; before every route.</summary>
    public static void UseRest(this WebApplication app)
    {
        app.UseStatusCodePages(ErrorEdge.DescribeAsync);
        app.UseMiddleware<ErrorEdge>();
        app.UseMiddleware<ODataEdge>();
        app.UseRouting();
        app.UseMiddleware<CallerGate>();
    }

    public static void MapRest(this WebApplication app)
    {
        var v1 = app.MapGroup("/v1").WithMetadata(new AccessMetadata(Access.Known));
        v1.MapInsights();
        v1.MapSavedQueries();
        v1.MapQueries();
        v1.MapCatalog();
        v1.MapGold();
        v1.MapRuns();
        v1.MapKeys();
        app.MapEvents();
    }
}
