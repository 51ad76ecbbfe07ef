using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Write.DataPlatform.DuckDb;

namespace Write.DataPlatform.Refresh;

/// <summary>Wires the refresh. The scheduler is the host's to start.</summary>
internal static class RefreshServices
{
    public static IServiceCollection AddRefresh(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<RefreshOptions>()
            .Bind(configuration.GetSection(RefreshOptions.Section))
            .PostConfigure(options =>
            {
                if (options.WorkPath.Length == 0)
                {
                    options.WorkPath = Path.Combine(configuration["DataPlatform:Data"] is { Length: > 0 } data ? data : ".data", "work");
                }
            })
            .ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<RefreshOptions>, RefreshOptionsValidator>());
        services.TryAddSingleton<RefreshDuckDb>();
        services.TryAddSingleton<RefreshPlanner>();
        services.TryAddSingleton<PartitionRefresher>();
        services.TryAddSingleton<RefreshRunner>();
        services.TryAddSingleton<RefreshService>();
        return services;
    }
}

/// <summary>The process's DuckDB that sorts, enriches and encodes what a refresh stores; apart from the one that answers queries.</summary>
internal sealed class RefreshDuckDb(IOptions<RefreshOptions> options) : IAsyncDisposable
{
    private readonly Lazy<DuckDbInstance> _instance = new(() => new DuckDbInstance(new DuckDbSettings
    {
        MemoryMegabytes = options.Value.MemoryMegabytes,
        TempDirectory = Path.Combine(Path.GetFullPath(options.Value.WorkPath), "spill-" + Environment.ProcessId),
    }));

    public DuckDbInstance Instance => _instance.Value;

    public ValueTask DisposeAsync() => _instance.IsValueCreated ? _instance.Value.DisposeAsync() : ValueTask.CompletedTask;
}
