using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Insights;

/// <summary>Which published queries exist for those for whom not all names do: one that names what does not exist is none either.</summary>
internal static class PublishedQueries
{
    private static readonly ConditionalWeakTable<MemberView, ConcurrentDictionary<object, bool>> Known = [];

    /// <summary>Whether an insight exists.</summary>
    public static bool Exists(MetricModel model, MemberView members, Insight insight) =>
        members.IsAll || (members.AllowsInsight(insight.Name) && Of(members).GetOrAdd(insight, static (_, of) => Names(of.model, of.members, of.insight), (model, members, insight)));

    /// <summary>Whether a saved query exists.</summary>
    public static bool Exists(MetricModel model, MemberView members, SavedQuery saved) =>
        members.IsAll || (members.AllowsSavedQuery(saved.Name) && Of(members).GetOrAdd(saved, static (_, of) => HasNames(of.model, of.members, () => MetricQueryReader.ReadSaved(of.saved)), (model, members, saved)));

    private static ConcurrentDictionary<object, bool> Of(MemberView members) => Known.GetValue(members, static _ => new ConcurrentDictionary<object, bool>(ReferenceEqualityComparer.Instance));

    private static bool Names(MetricModel model, MemberView members, Insight insight)
    {
        // What a caller may put in is shown with the insight, too.
        var (all, seen) = (MetricCatalog.Of(model), members.Catalog);
        var offered = insight.Parameters.Where(p => p.Field is null).SelectMany(p => p.Values.Append(p.Default ?? "")).SelectMany(v => v.Split(',')).Select(v => v.Trim().TrimStart('-'));
        if (offered.Any(v => (all.Metrics.ContainsKey(v) && !seen.Metrics.ContainsKey(v)) || (FieldName.Parse(v).ToWhole().ToString() is var field && all.Dimensions.ContainsKey(field) && !seen.Dimensions.ContainsKey(field))))
        {
            return false;
        }

        return HasNames(model, members, () =>
        {
            var query = InsightBinder.BindDefaults(insight).Query;
            return query with { Where = Filter.And([query.Where, .. insight.Parameters.Where(p => p.Field is not null).Select(p => new ComparisonFilter(p.Field!, FilterOperator.IsSet, []))]) };
        });
    }

    /// <summary>Whether a query has no other mistakes than it has for those who see everything.</summary>
    private static bool HasNames(MetricModel model, MemberView members, Func<MetricQuery> read)
    {
        MetricQuery query;
        try
        {
            query = read();
        }
        catch (QueryException)
        {
            return false;
        }

        return Mistakes(query with { Scope = new QueryScope(members, null, "") }).IsSubsetOf(Mistakes(query));

        ImmutableHashSet<(string, string?)> Mistakes(MetricQuery asked)
        {
            try
            {
                QueryResolver.Resolve(model, asked, FieldTypes.Unknown, DateTimeOffset.UnixEpoch);
                return [];
            }
            catch (QueryException exception)
            {
                return [.. exception.Problems.Select(p => (p.Code, p.Path))];
            }
        }
    }
}
