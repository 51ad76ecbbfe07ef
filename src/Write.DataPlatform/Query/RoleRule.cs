using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;

namespace Write.DataPlatform.Query;

/// <summary>
/// Every pattern of a role means something: one that matches nothing is a slip of the pen, and what it should have hidden would be seen. A tenant's role exists,
/// and the operator, who sees everything, has none.
/// </summary>
internal sealed class RoleRule : IModelRule
{
    public const string Code = "Q002";

    private const string Operator = "operator";

    public IEnumerable<ModelProblem> Check(MetricModel model)
    {
        if (model.Roles.TryGetValue(Operator, out var reserved))
        {
            yield return new ModelProblem(Code, "The operator sees everything, and no role of the model says otherwise.", reserved.Source, "Give the role another name.");
        }

        foreach (var tenant in model.Tenants.Values.Where(t => t.Role is { } role && !model.Roles.ContainsKey(role)))
        {
            yield return new ModelProblem(
                Code, $"The tenant '{tenant.Name}' has the role '{tenant.Role}', which does not exist.", model.Positions.Find(tenant.Source, "role"), Suggestion.For(tenant.Role!, model.Roles.Keys));
        }

        if (model.Roles.IsEmpty)
        {
            yield break;
        }

        var binder = new FieldBinder(model);
        List<string> fields = [FieldName.MetricTime, .. model.SemanticModels.Values.SelectMany(fact => binder.Reachable(fact).SelectMany(b => MemberView.Spelled(fact, b, columns: true))).Distinct()];
        foreach (var role in model.Roles.Values)
        {
            foreach (var problem in Patterns(model, role, "metrics", role.Metrics, [.. model.Metrics.Keys])
                .Concat(Patterns(model, role, "dimensions", role.Dimensions, fields))
                .Concat(Patterns(model, role, "insights", role.Insights, [.. model.Insights.Keys]))
                .Concat(Patterns(model, role, "saved_queries", role.SavedQueries, [.. model.SavedQueries.Keys])))
            {
                yield return problem;
            }
        }
    }

    private static IEnumerable<ModelProblem> Patterns(MetricModel model, AccessRole role, string kind, MemberPolicy policy, List<string> names) =>
        from pattern in policy.Includes.Concat(policy.Excludes)
        where pattern != "*" && !names.Exists(n => MemberPolicy.Matches(pattern, n))
        select new ModelProblem(
            Code, $"The role '{role.Name}' has '{pattern}' among its {kind}, and nothing has that name.", model.Positions.Find(role.Source, kind),
            pattern.Contains('*', StringComparison.Ordinal) ? null : Suggestion.For(pattern, names));
}
