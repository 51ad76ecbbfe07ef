using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;

namespace Write.DataPlatform.Api.Tokens;

/// <summary>Bearer tokens (JWT) of an identity provider beside keys. Nothing is accepted until <see cref="Authority"/> or <see cref="Keys"/> is set.</summary>
internal sealed class JwtOptions
{
    /// <summary>The section's name.</summary>
    public const string Section = "DataPlatform:Jwt";

    /// <summary>The provider's address, below which its discovery document (<c>.well-known/openid-configuration</c>) names its keys.</summary>
    /// <value>Default: none.</value>
    public string Authority { get; set; } = "";

    /// <summary>The provider's keys (JWKS): an address, or a file that is read again when it changes.</summary>
    /// <value>Default: none; they are found by <see cref="Authority"/>.</value>
    public string Keys { get; set; } = "";

    /// <summary>The issuers that are believed; needed unless the discovery document of <see cref="Authority"/> names one.</summary>
    /// <value>Default: none.</value>
    public IList<string> Issuers { get; } = [];

    /// <summary>For whom a token must be made; one of these.</summary>
    /// <value>Default: none; at least one is needed.</value>
    public IList<string> Audiences { get; } = [];

    /// <summary>The algorithms that are accepted; only those that sign with a private key can be.</summary>
    /// <value>Default: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512.</value>
    public IList<string> Algorithms { get; } = [];

    /// <summary>The claim that names the tenant.</summary>
    /// <value>Default: <c>tenant</c>.</value>
    public string TenantClaim { get; set; } = "tenant";

    /// <summary>The claim that names roles of the model; of a token without a tenant, those of <see cref="InternalRoles"/>.</summary>
    /// <value>Default: <c>role</c>.</value>
    public string RoleClaim { get; set; } = "role";

    /// <summary>The roles that make a token without a tenant one of the company's own people: <c>analyst</c>, <c>operator</c>, or roles of the model.</summary>
    /// <value>Default: none; a token without a tenant is refused.</value>
    public IList<string> InternalRoles { get; } = [];

    /// <summary>The roles that customers' tokens name: where set, a token with a tenant must name exactly one of these, and one that the model lacks is refused.</summary>
    /// <value>Default: none; of the names in <see cref="RoleClaim"/> those count that are roles of the model, and without one the tenant's own role holds.</value>
    public IList<string> TenantRoles { get; } = [];

    /// <summary>By how much the provider's clock may differ.</summary>
    /// <value>Default: 30 seconds; at most 5 minutes.</value>
    public TimeSpan ClockSkew { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the provider's keys are used before they are read again. A key that is not known yet is looked for at once.</summary>
    /// <value>Default: 1 hour; at least 5 minutes.</value>
    public TimeSpan KeysMaxAge { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Whether tokens are accepted.</summary>
    public bool IsOn => Authority.Length > 0 || Keys.Length > 0;

    internal static readonly string[] Asymmetric =
    [
        SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSha384, SecurityAlgorithms.RsaSha512, SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.RsaSsaPssSha384,
        SecurityAlgorithms.RsaSsaPssSha512, SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.EcdsaSha384, SecurityAlgorithms.EcdsaSha512,
    ];
}

internal sealed class JwtOptionsValidator : IValidateOptions<JwtOptions>
{
    public ValidateOptionsResult Validate(string? name, JwtOptions options)
    {
        List<string> failures = [];
        void Check(bool isGood, string failure)
        {
            if (!isGood)
            {
                failures.Add($"{JwtOptions.Section}:{failure}");
            }
        }

        if (options.IsOn)
        {
            Check(options.Authority.Length == 0 || IsSafe(options.Authority), $"Authority is '{options.Authority}'; it must be an https address, or http on this machine.");
            Check(options.Keys.Length == 0 || IsSafe(options.Keys) || !options.Keys.Contains("://", StringComparison.Ordinal), $"Keys is '{options.Keys}'; it must be an https address, http on this machine, or a file.");
            Check(options.Keys.Length == 0 || options.Issuers.Count > 0, "Issuers is empty; with Keys the issuer must be named.");
            Check(options.Audiences.Count > 0 && options.Audiences.All(a => a.Length > 0), "Audiences is empty; a token made for others must not be accepted.");
        }

        Check(options.Algorithms.All(JwtOptions.Asymmetric.Contains), $"Algorithms has {string.Join(", ", options.Algorithms.Except(JwtOptions.Asymmetric))}; possible are {string.Join(", ", JwtOptions.Asymmetric)}.");
        Check(options.ClockSkew >= TimeSpan.Zero && options.ClockSkew <= TimeSpan.FromMinutes(5), $"ClockSkew is {options.ClockSkew:c}; it must be from nothing to 5 minutes.");
        Check(options.KeysMaxAge >= TimeSpan.FromMinutes(5), $"KeysMaxAge is {options.KeysMaxAge:c}; it must be at least 5 minutes.");
        Check(options.TenantClaim.Length > 0, "TenantClaim is empty.");
        Check(options.RoleClaim.Length > 0, "RoleClaim is empty.");
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    private static bool IsSafe(string address) =>
        Uri.TryCreate(address, UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback));
}
