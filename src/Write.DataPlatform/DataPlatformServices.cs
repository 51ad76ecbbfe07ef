using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Refresh;
using Write.DataPlatform.Security;
using Write.DataPlatform.Streaming;

namespace Write.DataPlatform;

/// <summary>The platform's composition.</summary>
public static class DataPlatformServices
{
    /// <summary>
    /// Adds every slice, configured by the section <c>DataPlatform</c>. Registered before, a slice's own services are kept. The scheduler is the
    /// host's to start.
    /// </summary>
    /// <param name="services">Where to.</param>
    /// <param name="configuration">The whole configuration.</param>
    public static IServiceCollection AddDataPlatform(this IServiceCollection services, IConfiguration configuration) => services
        .AddModel(configuration)
        .AddQuery()
        .AddLake(configuration)
        .AddGold(configuration)
        .AddRefresh(configuration)
        .AddStreaming(configuration)
        .AddSecurity()
        .AddInsights(configuration);
}
