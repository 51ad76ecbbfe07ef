using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Write.DataPlatform.Model;

/// <summary>Registers the slice.</summary>
internal static class ModelServices
{
    /// <summary>Adds <see cref="ModelStore"/>; other slices add their <see cref="IModelRule"/>s themselves.</summary>
    public static IServiceCollection AddModel(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<ModelOptions>()
            .Configure(options => options.Path = configuration["DataPlatform:Models"] ?? options.Path)
            .Validate(options => !string.IsNullOrWhiteSpace(options.Path), "DataPlatform:Models is not set: the folder of the model's YAML files.")
            .ValidateOnStart();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<ModelLoader>();
        services.TryAddSingleton<ModelStore>();
        return services;
    }
}
