using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace Write.DataPlatform.Api.Tokens;

/// <summary>The slice's part of the composition: ASP.NET Core's own JWT bearer, restricted to what is safe.</summary>
internal static class TokenServices
{
    public static IServiceCollection AddTokens(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<JwtOptions>().Bind(configuration.GetSection(JwtOptions.Section)).ValidateOnStart();
        services.AddSingleton<IValidateOptions<JwtOptions>, JwtOptionsValidator>();
        services.AddSingleton<TokenCallers>();
        services.AddAuthentication().AddJwtBearer();
        services.AddOptions<JwtBearerOptions>(JwtBearerDefaults.AuthenticationScheme).Configure<IOptions<JwtOptions>, TimeProvider>((bearer, own, clock) => Configure(bearer, own.Value, clock));
        return services;
    }

    private static void Configure(JwtBearerOptions bearer, JwtOptions own, TimeProvider clock)
    {
        bearer.MapInboundClaims = false;
        bearer.IncludeErrorDetails = false;
        bearer.SaveToken = false;
        // The validator has looked at the addresses already; it lets http through on this machine alone.
        bearer.RequireHttpsMetadata = false;
        var rules = bearer.TokenValidationParameters;
        rules.ValidAlgorithms = own.Algorithms.Count > 0 ? own.Algorithms : JwtOptions.Asymmetric;
        (rules.RequireSignedTokens, rules.RequireExpirationTime, rules.RequireAudience) = (true, true, true);
        (rules.ValidateIssuer, rules.ValidateAudience, rules.ValidateLifetime, rules.ValidateIssuerSigningKey) = (true, true, true, true);
        rules.ValidAudiences = own.Audiences;
        rules.ValidIssuers = own.Issuers.Count > 0 ? own.Issuers : null;
        rules.ClockSkew = own.ClockSkew;
        rules.LifetimeValidator = (from, to, _, _) => clock.GetUtcNow().UtcDateTime is var now && to is { } end && now < Later(end, own.ClockSkew) && (from is not { } start || now >= Earlier(start, own.ClockSkew));
        if (!own.IsOn)
        {
            return;
        }

        var keys = own.Keys.Length == 0
            ? new ConfigurationManager<OpenIdConnectConfiguration>(own.Authority.TrimEnd('/') + "/.well-known/openid-configuration", new OpenIdConnectConfigurationRetriever(), Http())
            : new ConfigurationManager<OpenIdConnectConfiguration>(own.Keys, new KeySetRetriever(), own.Keys.Contains("://", StringComparison.Ordinal) ? Http() : new FileDocumentRetriever());
        keys.AutomaticRefreshInterval = own.KeysMaxAge;
        keys.RefreshInterval = TimeSpan.FromSeconds(1);
        // Keys that the provider has withdrawn must not be good for an hour more.
        keys.UseLastKnownGoodConfiguration = false;
        bearer.ConfigurationManager = keys;
        bearer.RefreshOnIssuerKeyNotFound = true;
    }

    private static DateTime Later(DateTime time, TimeSpan by) => time > DateTime.MaxValue - by ? DateTime.MaxValue : time + by;

    private static DateTime Earlier(DateTime time, TimeSpan by) => time < DateTime.MinValue + by ? DateTime.MinValue : time - by;

    private static HttpDocumentRetriever Http() => new(new HttpClient { Timeout = TimeSpan.FromSeconds(10), MaxResponseContentBufferSize = 1_000_000 }) { RequireHttps = false };

    /// <summary>Reads a key set that no discovery document names.</summary>
    private sealed class KeySetRetriever : IConfigurationRetriever<OpenIdConnectConfiguration>
    {
        public async Task<OpenIdConnectConfiguration> GetConfigurationAsync(string address, IDocumentRetriever retriever, CancellationToken cancel)
        {
            var set = new JsonWebKeySet(await retriever.GetDocumentAsync(address, cancel));
            var configuration = new OpenIdConnectConfiguration { JsonWebKeySet = set };
            foreach (var key in set.GetSigningKeys())
            {
                configuration.SigningKeys.Add(key);
            }

            return configuration;
        }
    }
}
