using Amazon.Extensions.NETCore.Setup;
using Amazon.Runtime;
using Amazon.Runtime.CredentialManagement;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Write.DataPlatform.Aws;

internal static class AwsServices
{
    /// <summary>The section of the settings that all AWS clients share.</summary>
    public const string Section = "AWS";

    /// <summary>
    /// Adds a client of the section <c>AWS</c> (<c>Region</c>, <c>Profile</c>, <c>ServiceURL</c>, …), in which the settings of a subsection of the service's name,
    /// such as <c>AWS:S3:ServiceURL</c>, go before the common ones. A client that is registered already is kept.
    /// Where region, profile or credentials are missing, the first use throws <see cref="AmazonClientException"/>.
    /// </summary>
    /// <typeparam name="T">The client's interface.</typeparam>
    /// <param name="services">Where to.</param>
    /// <param name="configuration">The whole configuration.</param>
    /// <param name="service">The subsection's name.</param>
    /// <param name="configure">Sets what is no matter of settings.</param>
    public static IServiceCollection AddAwsClient<T>(this IServiceCollection services, IConfiguration configuration, string service, Action<ClientConfig, IServiceProvider>? configure = null)
        where T : class, IAmazonService
    {
        // The SDK takes its settings when it is registered, and what is wrong with them is to be told when the client is used.
        services.TryAddSingleton(provider => new ServiceCollection()
            .AddAWSService<T>(Options(configuration, service), (client, _) => configure?.Invoke(client, provider))
            .Last(descriptor => descriptor.ServiceType == typeof(T)).ImplementationFactory!(provider) as T ?? throw new InvalidOperationException($"The SDK made no {typeof(T).Name}."));
        return services;
    }

    private static AWSOptions Options(IConfiguration configuration, string service)
    {
        var common = configuration.GetSection(Section);
        Dictionary<string, string?> settings = new(StringComparer.OrdinalIgnoreCase);
        foreach (var setting in common.GetChildren().Concat(common.GetSection(service).GetChildren()).Where(setting => setting.Value is { Length: > 0 }))
        {
            settings[setting.Key] = setting.Value;
        }

        // An address says nothing of the region that requests are signed for, and the SDK lets the one push out the other.
        if (settings.ContainsKey("ServiceURL") && settings.TryGetValue("Region", out var region))
        {
            settings.TryAdd("AuthenticationRegion", region);
        }

        var options = new ConfigurationBuilder().AddInMemoryCollection(settings).Build().GetAWSOptions("");

        // The SDK would go on with whatever other credentials it finds.
        return options.Profile is not { Length: > 0 } profile || new CredentialProfileStoreChain(options.ProfilesLocation).TryGetProfile(profile, out _)
            ? options
            : throw new AmazonClientException($"There is no AWS profile '{profile}' to take credentials from.");
    }
}
