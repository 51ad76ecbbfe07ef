using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Refresh;

/// <summary>Wires the refresh.</summary>
internal static class RefreshServices
{
    /// <summary>Adds <see cref="RefreshService"/>; a worker adds <see cref="RefreshScheduler"/> as a hosted service beside it.</summary>
    public static IServiceCollection AddRefresh(this IServiceCollection services, IConfiguration configuration)
    {
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<RefreshOptions>, RefreshOptionsValidator>());
        services.AddOptions<RefreshOptions>()
            .Bind(configuration.GetSection(RefreshOptions.Section))
            .PostConfigure(options =>
            {
                var data = configuration["DataPlatform:Data"] is { Length: > 0 } folder ? folder : ".data";
                options.WorkPath = Path.GetFullPath(options.WorkPath.Length == 0 ? Path.Combine(data, "work") : options.WorkPath);
            })
            .ValidateOnStart();
        services.AddOptions<GoldOptions>().PostConfigure<IOptions<RefreshOptions>>((gold, refresh) => gold.LandingDelay = refresh.Value.LandingDelay);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<StreamCuts>();
        services.TryAddSingleton<RefreshPlanner>();
        services.TryAddSingleton<RefreshDuckDb>();
        services.TryAddSingleton<PartitionRefresher>();
        services.TryAddSingleton<GoldVerifier>();
        services.TryAddSingleton<RefreshRunner>();
        services.TryAddSingleton<RefreshService>();
        services.TryAddSingleton<TailKeeper>();
        return services;
    }
}
