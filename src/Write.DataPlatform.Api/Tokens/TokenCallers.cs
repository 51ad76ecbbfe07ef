using System.Collections.Immutable;
using System.Globalization;
using System.Security.Claims;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Model;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Tokens;

/// <summary>Says whose a bearer token is.</summary>
internal sealed partial class TokenCallers(IOptions<JwtOptions> settings, IOptionsMonitor<JwtBearerOptions> bearers, ModelStore models, ILogger<TokenCallers> logger)
{
    private const string Operator = "operator";
    private const int MaxName = 200;

    /// <summary>Whether a text that is shown as bearer is for this: no key, and tokens are accepted.</summary>
    public bool Takes(string text) => settings.Value.IsOn && !text.StartsWith(ApiKeys.Prefix, StringComparison.Ordinal);

    /// <summary>Whose token the request shows; null if it is not good.</summary>
    /// <exception cref="ProblemException">503: the provider's keys cannot be read; 403: the token is good, and names nobody who may ask.</exception>
    public async Task<Caller?> AuthenticateAsync(HttpContext context)
    {
        try
        {
            await bearers.Get(JwtBearerDefaults.AuthenticationScheme).ConfigurationManager!.GetConfigurationAsync(context.RequestAborted);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            NoKeys(logger, exception);
            throw new ProblemException(new Problem(503, ProblemCodes.Unavailable, "Tokens cannot be checked now.") { Headers = [("Retry-After", "5")] });
        }

        var result = await context.AuthenticateAsync(JwtBearerDefaults.AuthenticationScheme);
        return result.Succeeded ? Of(result.Principal) : null;
    }

    /// <summary>A token with a tenant is the tenant's, whatever roles it names; one without is of the company's own people, if exactly one of its roles is theirs.</summary>
    private Caller Of(ClaimsPrincipal principal)
    {
        var own = settings.Value;
        var model = models.Current;
        var roles = principal.FindAll(own.RoleClaim).Select(c => c.Value).Distinct().ToList();
        var tenants = principal.FindAll(own.TenantClaim).Select(c => c.Value).ToList();
        // Limits and jobs are counted and kept by it.
        var name = principal.FindFirst("sub")?.Value is { Length: > 0 } subject ? subject[..Math.Min(subject.Length, MaxName)] : throw Refused("The token names no subject (sub).");
        // A claim of which a part cannot be compared is left out as a whole: what a policy would let through must not widen.
        var claims = principal.Claims.GroupBy(c => c.Type).Select(g => (g.Key, Values: g.Select(Value).ToList())).Where(c => !c.Values.Contains(null)).ToImmutableDictionary(c => c.Key, c => c.Values.OfType<object>().ToImmutableArray());
        if (tenants.Count > 0)
        {
            var mine = own.TenantRoles.Count > 0 ? roles.Where(own.TenantRoles.Contains).ToList() : roles.Where(r => r != Operator && model.Roles.ContainsKey(r)).ToList();
            if (mine.Count == 0 && own.TenantRoles.Count > 0)
            {
                throw Refused("The token names no role that customers have.");
            }

            return tenants is [{ Length: > 0 } tenant] && mine.Count <= 1
                ? new Caller(name, tenant, false) { Role = mine.FirstOrDefault(), Claims = claims }
                : throw Refused("The token names several tenants or roles, and a caller has one.");
        }

        return roles.Where(own.InternalRoles.Contains).ToList() switch
        {
            [Operator] => new Caller(name, null, true),
            [AccessPolicy.Analyst] => new Caller(name, null, false) { Claims = claims },
            [var role] => new Caller(name, null, false) { Role = role, Claims = claims },
            [] => throw Refused("The token names no tenant."),
            _ => throw Refused("The token names several roles, and a caller has one."),
        };
    }

    /// <summary>A claim's value; null if it is none that can be compared.</summary>
    private static object? Value(Claim claim) => claim.ValueType switch
    {
        ClaimValueTypes.Boolean => bool.TryParse(claim.Value, out var flag) ? flag : null,
        ClaimValueTypes.Integer or ClaimValueTypes.Integer32 or ClaimValueTypes.Integer64 => long.TryParse(claim.Value, CultureInfo.InvariantCulture, out var whole) ? whole : null,
        ClaimValueTypes.Double => decimal.TryParse(claim.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null,
        ClaimValueTypes.String or ClaimValueTypes.DateTime => claim.Value,
        _ => null,
    };

    private static ProblemException Refused(string why) => new(new Problem(403, ProblemCodes.Forbidden, why));

    [LoggerMessage(810, LogLevel.Error, "The keys that tokens are signed with cannot be read")]
    private static partial void NoKeys(ILogger logger, Exception exception);
}
