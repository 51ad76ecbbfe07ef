using System.Text.RegularExpressions;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Insights;

/// <summary>
/// What those who do not see everything are not told: the fields that a policy tests, the tables that gold has, and names that do not exist for them. Where names are
/// resolved they are not found in the first place; this is the net below for what the model's own definitions make the compiler say.
/// </summary>
internal static partial class Untold
{
    /// <summary>A query's mistakes without what its asker must not learn.</summary>
    public static QueryException Of(QueryException exception, MetricModel model, MetricQuery query)
    {
        var own = Words(QueryText.Of(query with { Scope = null, Tenant = null }) + ' ' + query.Cursor);
        var hidden = Hidden(model, query);
        return new QueryException([.. exception.Problems.Select(p => Of(p, own, hidden)).Distinct()], exception.IsUnanswerable || exception.Problems.All(p => IsPolicys(p))) { Readable = exception.Readable };
    }

    /// <summary>That gold did not serve. Why, and how often, would tell which tables there are.</summary>
    public static GoldMiss Miss { get; } = new(null, "not_held", "Gold does not hold this.");

    private static QueryProblem Of(QueryProblem problem, HashSet<string> own, HashSet<string> hidden)
    {
        if (IsPolicys(problem))
        {
            return new QueryProblem(QueryProblems.PolicyNotApplicable, "Which of the rows this caller may see cannot be told here.", null);
        }

        if (problem.Code == QueryProblems.NotInGold)
        {
            return problem with { Message = Miss.Message, Suggestion = null };
        }

        return Words(problem.Message + ' ' + problem.Suggestion).Any(w => hidden.Contains(w) && !own.Contains(w))
            ? problem with { Message = "This cannot be answered for this caller.", Suggestion = null }
            : problem;
    }

    /// <summary>Whether a mistake is one of the tenant's or the role's condition, which the caller did not write.</summary>
    private static bool IsPolicys(QueryProblem problem) =>
        problem.Code != QueryProblems.UnknownTenant && problem.Path is { } path && (path == "tenant" || path.StartsWith("tenant.", StringComparison.Ordinal));

    private static HashSet<string> Hidden(MetricModel model, MetricQuery query)
    {
        var (all, seen) = (MetricCatalog.Of(model), query.Scope?.Members.Catalog ?? MetricCatalog.Of(model));
        var hidden = all.Metrics.Keys.Except(seen.Metrics.Keys).Concat(all.Dimensions.Keys.Except(seen.Dimensions.Keys)).ToHashSet(StringComparer.Ordinal);
        // A tenant need not know by what it is told apart.
        var policies = (query.Scope?.Rows?.Fields ?? []).Concat(query.Tenant is { } tenant && model.Tenants.TryGetValue(tenant, out var found) ? found.Where.Fields : []);
        hidden.UnionWith(policies.Select(f => f.ToWhole().ToString()).Where(f => query.Scope is null || !seen.Dimensions.ContainsKey(f)));
        return hidden;
    }

    private static HashSet<string> Words(string text) => Word().Matches(text).Select(m => m.Value).ToHashSet(StringComparer.Ordinal);

    [GeneratedRegex("[a-z][a-z0-9_]*")]
    private static partial Regex Word();
}
