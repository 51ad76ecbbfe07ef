using Amazon.Runtime;
using Amazon.Runtime.Endpoints;
using Amazon.Runtime.Internal;
using Amazon.Util.Internal;
using static Amazon.Runtime.Internal.Endpoints.StandardLibrary.Fn;

namespace Write.DataPlatform.Aws;

/// <summary>The settings of a client: all of the SDK's, with the SDK's own defaults and sources (environment, profile, role).</summary>
internal abstract class AwsJsonConfig : ClientConfig
{
    private static readonly IDefaultConfiguration[] Modes =
    [
        .. Enum.GetValues<DefaultConfigurationMode>().Where(mode => mode != DefaultConfigurationMode.Auto).Select(mode => new DefaultConfiguration
        {
            Name = mode,
            RetryMode = RequestRetryMode.Standard,
            ConnectTimeout = TimeSpan.FromSeconds(3.1),
            TlsNegotiationTimeout = TimeSpan.FromSeconds(3.1),
        }),
    ];

    protected AwsJsonConfig(AwsJsonService service)
        : base(new DefaultConfigurationProvider(Modes))
    {
        Service = service;
        ServiceId = service.ServiceId;
        AuthenticationServiceName = service.EndpointPrefix;
        EndpointProvider = new RegionalEndpoints(service.EndpointPrefix);
    }

    internal AwsJsonService Service { get; }

    public override string RegionEndpointServiceName => Service.EndpointPrefix;

    public override string ServiceVersion => Service.ApiVersion;

    public override string UserAgent { get; } = InternalSDKUtils.BuildUserAgentString("WriteDataPlatform", "1.0");

    public override Endpoint DetermineServiceOperationEndpoint(ServiceOperationEndpointParameters parameters) =>
        EndpointProvider.ResolveEndpoint(Parameters(this, parameters.AlternateEndpoint?.SystemName));

    internal static EndpointParameters Parameters(IClientConfig config, string? region) => new()
    {
        ["Region"] = region ?? config.RegionEndpoint?.SystemName ?? config.AuthenticationRegion,
        ["UseDualStack"] = config.UseDualstackEndpoint,
        ["UseFIPS"] = config.UseFIPSEndpoint,
        ["Endpoint"] = config.ServiceURL,
    };

    /// <summary>The rule that every regional service of this protocol shares.</summary>
    private sealed class RegionalEndpoints(string prefix) : IEndpointProvider
    {
        public Endpoint ResolveEndpoint(EndpointParameters parameters)
        {
            if (parameters["Endpoint"] is string { Length: > 0 } url)
            {
                return new Endpoint(url);
            }

            var region = parameters["Region"] as string
                ?? throw new AmazonClientException("No AWS region is configured: set AWS:Region, AWS_REGION or the profile's region.");
            var suffix = (string)Partition(region)[Equals(parameters["UseDualStack"], true) ? "dualStackDnsSuffix" : "dnsSuffix"];
            return new Endpoint($"https://{prefix}{(Equals(parameters["UseFIPS"], true) ? "-fips" : "")}.{region}.{suffix}");
        }
    }
}
