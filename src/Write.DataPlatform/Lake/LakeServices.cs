using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Lake.Athena;
using Write.DataPlatform.Lake.DuckDb;

namespace Write.DataPlatform.Lake;

internal static class LakeServices
{
    /// <summary>Adds <see cref="ILake"/> with its options.</summary>
    public static IServiceCollection AddLake(this IServiceCollection services, IConfiguration configuration)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<LakeOptions>, LakeOptionsValidator>());
        services.AddOptions<LakeOptions>()
            .Bind(configuration.GetSection(LakeOptions.Section))
            .PostConfigure(options =>
            {
                var data = configuration["DataPlatform:Data"] is { Length: > 0 } folder ? folder : ".data";
                options.Path = Absolute(options.Path, Path.Combine(data, "lake"));
                options.Database = options.Database.Length == 0 ? "" : Path.GetFullPath(options.Database);
                options.WorkPath = Absolute(options.WorkPath, Path.Combine(data, "work"));
            })
            .ValidateOnStart();
        services.TryAddSingleton<ILake>(provider =>
        {
            var options = provider.GetRequiredService<IOptions<LakeOptions>>().Value;
            return options.Kind switch
            {
                LakeKind.DuckDb => new DuckDbLake(options, provider.GetRequiredService<TimeProvider>()),
                LakeKind.Athena => provider.GetRequiredService<AthenaLake>(),
                _ => throw new InvalidOperationException($"There is no lake of the kind {options.Kind}."),
            };
        });
        return services.AddAthena(configuration);
    }

    private static string Absolute(string path, string other) => Path.GetFullPath(path.Length == 0 ? other : path);
}
