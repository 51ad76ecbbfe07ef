using System.Collections.Immutable;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Security;

/// <summary>Says what a caller may see of a model: the names that exist for its role, and the role's rows with the caller's own claims in them.</summary>
internal static class AccessPolicy
{
    /// <summary>The role of the company's own callers that name none.</summary>
    public const string Analyst = "analyst";

    /// <summary>The role of tenants' callers that name none, if their tenant has none.</summary>
    public const string Customer = "customer";

    /// <summary>The most values that a claim may bring into a condition.</summary>
    public const int MaxValues = 1_000;

    private const int MaxText = 1_000;

    /// <summary>The caller's scope; null for who sees everything (of its tenant).</summary>
    /// <exception cref="AccessDeniedException">The caller's role is gone, or it lacks a claim that the role needs.</exception>
    public static QueryScope? ScopeOf(MetricModel model, Caller caller)
    {
        if (caller.IsOperator)
        {
            return null;
        }

        var name = caller.Role ?? (caller.Tenant is { } tenant ? model.Tenants.GetValueOrDefault(tenant)?.Role ?? Customer : Analyst);
        if (!model.Roles.TryGetValue(name, out var role))
        {
            return caller.Role is null ? null : throw new AccessDeniedException("The caller's role does not exist any more.");
        }

        return new QueryScope(MemberView.Of(model, role), Filter.And(role.Rows.Select(policy => Condition(policy, caller))), role.Name);
    }

    private static Filter Condition(RowPolicy policy, Caller caller)
    {
        switch (policy)
        {
            case ConstantRowPolicy constant:
                return constant.Where;
            case ClaimRowPolicy claim:
                var values = caller.Claims.GetValueOrDefault(claim.Claim, []);
                var takesOne = claim.Operator is FilterOperator.Gt or FilterOperator.Gte or FilterOperator.Lt or FilterOperator.Lte;
                return values.Length > 0 && values.Length <= (takesOne ? 1 : MaxValues) && values.All(IsValue)
                    ? new ComparisonFilter(claim.Field, claim.Operator, [.. values])
                    : throw new AccessDeniedException("The caller lacks a claim that its role needs, or has one that is no such value.");
            default:
                throw new InvalidOperationException($"No condition follows from a {policy.GetType().Name}.");
        }
    }

    private static bool IsValue(object value) => value is long or bool or decimal || (value is string { Length: <= MaxText } text && !text.Contains('\0', StringComparison.Ordinal));
}

/// <summary>A caller who is known may not see what its role would show.</summary>
internal sealed class AccessDeniedException(string message) : Exception(message);
