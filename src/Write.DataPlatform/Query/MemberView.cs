using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query;

/// <summary>
/// Which names of a model exist for a role. A name that does not is looked up like one that nobody ever gave: the same path, the same words. Names that the model's
/// own files write (filters of metrics, of tenants and of roles) mean what they mean, whoever asks.
/// </summary>
internal sealed class MemberView
{
    private static readonly ConditionalWeakTable<MetricModel, ConcurrentDictionary<string, MemberView>> Snapshots = [];

    private readonly ConcurrentDictionary<(string Fact, string Key), bool> _fields = new();
    private readonly AccessRole? _role;
    private readonly Lazy<MetricCatalog> _catalog;

    private MemberView(MetricModel model, AccessRole? role)
    {
        _role = role;
        Metrics = role is null ? model.Metrics.Keys.ToHashSet(StringComparer.Ordinal) : model.Metrics.Keys.Where(role.Metrics.Allows).ToHashSet(StringComparer.Ordinal);
        _catalog = new Lazy<MetricCatalog>(() => role is null ? MetricCatalog.Of(model) : MetricCatalog.Of(model, this));
    }

    /// <summary>The metrics that exist.</summary>
    public IReadOnlySet<string> Metrics { get; }

    /// <summary>Whether every name exists.</summary>
    public bool IsAll => _role is null or { Metrics.IsAll: true, Dimensions.IsAll: true, Insights.IsAll: true, SavedQueries.IsAll: true };

    /// <summary>What can be asked.</summary>
    public MetricCatalog Catalog => _catalog.Value;

    /// <summary>Whether the metrics' own time exists: unless it is excluded by name, for without it there is little to ask.</summary>
    public bool HasMetricTime => _role is null || !_role.Dimensions.Excludes.Any(p => MemberPolicy.Matches(p, FieldName.MetricTime));

    /// <summary>The view of a role.</summary>
    /// <param name="model">The model.</param>
    /// <param name="role">One of its roles; null for all names.</param>
    public static MemberView Of(MetricModel model, AccessRole? role) =>
        Snapshots.GetValue(model, static _ => new ConcurrentDictionary<string, MemberView>(StringComparer.Ordinal))
            .GetOrAdd(role?.Name ?? "", static (_, of) => new MemberView(of.model, of.role), (model, role));

    public bool AllowsInsight(string name) => _role is null || _role.Insights.Allows(name);

    public bool AllowsSavedQuery(string name) => _role is null || _role.SavedQueries.Allows(name);

    /// <summary>
    /// Whether a field exists. A name includes the field that it spells, and longer paths that end so. It excludes these, and whatever else leads to the same column
    /// by the end of its joins: <c>user__email</c> excludes <c>listing__host__email</c>, if a host is a user.
    /// </summary>
    public bool Allows(SemanticModel fact, FieldBinding binding) =>
        _role is null || _role.Dimensions.IsAll || _fields.GetOrAdd((fact.Name, binding.Key), static (_, of) => of.role.Dimensions is var policy
            && (policy.Includes.IsEmpty || Spelled(of.fact, of.binding, columns: false).Any(name => policy.Includes.Any(p => MemberPolicy.Matches(p, name))))
            && !Spelled(of.fact, of.binding, columns: true).Any(name => policy.Excludes.Any(p => MemberPolicy.Matches(p, name))), (role: _role, fact, binding));

    /// <summary>The names of a field, and the ends of them that are names.</summary>
    /// <param name="fact">From where.</param>
    /// <param name="binding">The field.</param>
    /// <param name="columns">Whether the names by which the models on the way reach it are among them.</param>
    public static IEnumerable<string> Spelled(SemanticModel fact, FieldBinding binding, bool columns)
    {
        var tail = binding.Lookup is null ? binding.Element : binding.Element + "__" + binding.Name.Element;
        var isOneName = binding.Dimension is null || binding.Lookup is not null;
        for (var i = 0; i <= binding.Hops.Length; i++)
        {
            var end = string.Join("__", binding.Hops.Skip(i).Select(h => h.Entity).Append(tail));
            if (i < binding.Hops.Length || isOneName)
            {
                yield return end;
            }

            if ((i == 0 || columns) && (i == 0 ? fact : binding.Hops[i - 1].Target) is { PrimaryEntity: { } primary })
            {
                yield return primary + "__" + end;
            }
        }
    }
}

/// <summary>What a caller may ask about, and of which rows beside a tenant's.</summary>
/// <param name="Members">The names that exist.</param>
/// <param name="Rows">What every row meets; null for all rows.</param>
/// <param name="Role">The role's name.</param>
internal sealed record QueryScope(MemberView Members, Filter? Rows, string Role)
{
    /// <summary>The scope as one text: the same rows and names, the same text.</summary>
    public string Text { get; } = Role + '\n' + FilterText.Of(Rows);
}
