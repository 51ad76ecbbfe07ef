using System.Collections.Immutable;

namespace Write.DataPlatform.Model.Reading;

/// <summary>Reads roles: the names that exist for some callers, and the rows that count for them.</summary>
internal static class RoleReader
{
    /// <summary>Reads a role.</summary>
    public static AccessRole Read(MapReader map, string name)
    {
        var rows = ImmutableArray.CreateBuilder<RowPolicy>();
        foreach (var written in map.Maps("rows", "row policy", asItems: true))
        {
            if (Rows(written) is { } policy)
            {
                rows.Add(policy);
            }

            written.Done();
        }

        var role = new AccessRole
        {
            Name = name,
            Description = map.Text("description"),
            Metrics = Members(map, "metrics"),
            Dimensions = Members(map, "dimensions"),
            Insights = Members(map, "insights"),
            SavedQueries = Members(map, "saved_queries"),
            Rows = rows.ToImmutable(),
            Source = map.Item,
        };
        map.Ignore("label", "config", "meta");
        return role;
    }

    private static MemberPolicy Members(MapReader role, string key)
    {
        if (role.Map(key, $"'{key}' of a role") is not { } map)
        {
            return MemberPolicy.All;
        }

        var includes = map.Texts("includes");
        if (map.Has("includes") && includes.IsEmpty)
        {
            // An empty list must not be the same as none, which includes everything.
            map.Report(ModelCode.BadPolicy, "'includes' is empty.", "includes", "Leave it out to include everything, or write excludes: ['*'] for nothing.");
        }

        var policy = new MemberPolicy(includes, map.Texts("excludes"));
        if (policy.IsAll)
        {
            map.Report(ModelCode.BadPolicy, $"'{key}' has neither 'includes' nor 'excludes'.", "includes", "Leave it out to let everything exist.");
        }

        map.Done();
        return policy;
    }

    private static RowPolicy? Rows(MapReader map)
    {
        var (hasWhere, hasField) = (map.Has("where"), map.Has("field") || map.Has("claim"));
        if (hasWhere == hasField)
        {
            map.ReportAt(ModelCode.BadPolicy, "A row policy needs 'where', or 'field' and 'claim', and not both.", map.Position);
            map.Ignore("where", "field", "op", "claim");
            return null;
        }

        if (hasWhere)
        {
            return map.Filter("where") is { } where ? new ConstantRowPolicy(where, map.Item) : null;
        }

        var (field, claim) = (map.Required("field"), map.Required("claim"));
        var comparison = map.Choice<FilterOperator>("op") ?? FilterOperator.In;
        if (comparison is FilterOperator.IsSet or FilterOperator.IsNotSet or FilterOperator.Between or FilterOperator.Matches)
        {
            map.Report(ModelCode.BadPolicy, "A claim is compared by values: not by is_set, is_not_set, between or matches.", "op");
            return null;
        }

        return field.Length == 0 || claim.Length == 0 ? null : new ClaimRowPolicy(FieldName.Parse(field), comparison, claim, map.Item);
    }
}
