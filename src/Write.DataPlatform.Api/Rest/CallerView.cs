using Microsoft.Extensions.Primitives;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;
using Write.DataPlatform.Query;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Rest;

/// <summary>What a request may see of a model: its caller's own view, or the one through which an operator looks.</summary>
/// <param name="Model">The model.</param>
/// <param name="Tenant">The tenant whose rows are asked for; null for all.</param>
/// <param name="Scope">The role's names and rows; null for all.</param>
internal sealed record CallerView(MetricModel Model, string? Tenant, QueryScope? Scope)
{
    public const string TenantHeader = "X-Tenant";
    public const string TenantParameter = "tenant";
    public const string RoleHeader = "X-Role";
    public const string RoleParameter = "role";

    /// <summary>The names that exist.</summary>
    public MemberView Members => Scope?.Members ?? MemberView.Of(Model, null);

    /// <summary>What can be asked.</summary>
    public MetricCatalog Catalog => Members.Catalog;

    /// <summary>Everything that makes its answers differ from others', as one text.</summary>
    public string Text => Tenant + '\n' + Scope?.Text;

    /// <summary>The view of a request's caller.</summary>
    /// <exception cref="QueryException">An operator names a tenant or a role that does not exist, or two.</exception>
    /// <exception cref="ProblemException">403: somebody else names one.</exception>
    /// <exception cref="AccessDeniedException">The caller's role is gone, or it lacks a claim that the role needs.</exception>
    public static CallerView Of(HttpContext context, MetricModel model)
    {
        var caller = CallerGate.Known(context);
        if (caller.Tenant is not null)
        {
            // Another tenant's view is an operator's to ask for, and this caller has one view only.
            return new CallerView(model, caller.Tenant, AccessPolicy.ScopeOf(model, caller));
        }

        var tenant = Named(context, TenantParameter, TenantHeader);
        var role = Named(context, RoleParameter, RoleHeader);
        if (!caller.IsOperator)
        {
            return tenant is null && role is null
                ? new CallerView(model, null, AccessPolicy.ScopeOf(model, caller))
                : throw new ProblemException(new Problem(403, ProblemCodes.Forbidden, "Looking through others' eyes is for operators."));
        }

        if (tenant is not null && !model.Tenants.ContainsKey(tenant))
        {
            throw new QueryException([new QueryProblem(QueryProblems.UnknownTenant, $"There is no tenant '{QueryForm.Short(tenant)}'.", TenantParameter, Suggestion.For(tenant, model.Tenants.Keys))]);
        }

        if (role is not null && !model.Roles.ContainsKey(role))
        {
            throw new QueryException([new QueryProblem(QueryProblems.UnknownRole, $"There is no role '{QueryForm.Short(role)}'.", RoleParameter, Suggestion.For(role, model.Roles.Keys))]);
        }

        // A tenant's role goes with the tenant: else the operator would see what nobody does.
        return new CallerView(model, tenant, tenant is null && role is null ? null : AccessPolicy.ScopeOf(model, new Caller(caller.Name, tenant, false) { Role = role }));
    }

    /// <summary>Lets a request that is made on behalf of another be through the same eyes.</summary>
    public static void Pass(HttpContext from, HttpContext to)
    {
        foreach (var (parameter, header) in new[] { (TenantParameter, TenantHeader), (RoleParameter, RoleHeader) })
        {
            if (StringValues.Concat(from.Request.Query[parameter], from.Request.Headers[header]) is { Count: > 0 } named)
            {
                to.Request.Headers[header] = named;
            }
        }
    }

    /// <summary>The tenant whose rows a request is about; null if it is about none, or names one that does not exist.</summary>
    public static string? TenantOf(HttpContext context)
    {
        var model = context.RequestServices.GetRequiredService<ModelStore>().Current;
        return CallerGate.Of(context) is not { } caller ? null
            : caller.Tenant ?? context.Request.Query[TenantParameter].Concat(context.Request.Headers[TenantHeader]).FirstOrDefault(name => name is not null && model.Tenants.ContainsKey(name));
    }

    /// <summary>A query within the view.</summary>
    public MetricQuery Bind(MetricQuery query) => query with { Tenant = Tenant, Scope = Scope };

    /// <summary>Whether an insight exists for the caller.</summary>
    public bool Has(Insight insight) => (insight.Audience == Audience.External || Tenant is null) && PublishedQueries.Exists(Model, Members, insight);

    /// <summary>Whether a saved query exists for the caller: they are the company's own.</summary>
    public bool Has(SavedQuery saved) => Tenant is null && PublishedQueries.Exists(Model, Members, saved);

    private static string? Named(HttpContext context, string parameter, string header)
    {
        string?[] named = [.. context.Request.Query[parameter], .. context.Request.Headers[header]];
        var names = named.Where(n => !string.IsNullOrEmpty(n)).Distinct().ToList();
        return names.Count <= 1
            ? names.FirstOrDefault()
            : throw new QueryException([new QueryProblem(QueryFormProblems.RepeatedParameter, $"Several views by '{parameter}' are named, and there is one at a time.", parameter)]);
    }
}
