using Amazon.Runtime;
using Amazon.S3;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Aws;
using Write.DataPlatform.Lake.Athena.Ado;
using Write.DataPlatform.Lake.Athena.Client;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Lake.Athena;

internal static class AthenaServices
{
    /// <summary>Adds <see cref="AthenaLake"/> and <see cref="AthenaDataSource"/> over the clients of the section <c>AWS</c>. Made without region or credentials, they throw <see cref="LakeException"/>.</summary>
    public static IServiceCollection AddAthena(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddAwsClient<IAmazonAthena>(configuration, "Athena").AddAwsClient<IAmazonS3>(configuration, "S3");
        services.TryAddSingleton(provider => new AthenaQueries(provider.GetRequiredService<IAmazonAthena>(), Options(provider).Athena, provider.GetRequiredService<TimeProvider>(), provider.GetService<ILoggerFactory>()?.CreateLogger<AthenaQueries>()));
        services.TryAddSingleton(provider => new AthenaDataSource(provider.GetRequiredService<AthenaQueries>(), Options(provider)));
        services.TryAddSingleton(provider =>
        {
            try
            {
                var queries = provider.GetRequiredService<AthenaQueries>();
                var files = new S3Files(provider.GetRequiredService<IAmazonS3>(), queries.Retries);
                return new AthenaLake(queries, files, Options(provider), AthenaDialect.Instance, provider.GetRequiredService<TimeProvider>());
            }
            catch (Exception exception) when (exception is AmazonClientException or InvalidDataException or ArgumentException or FormatException)
            {
                throw AthenaErrors.From(exception);
            }
        });
        return services;
    }

    private static LakeOptions Options(IServiceProvider provider) => provider.GetRequiredService<IOptions<LakeOptions>>().Value;
}
