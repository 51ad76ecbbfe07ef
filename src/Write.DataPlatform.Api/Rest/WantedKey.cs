using System.Collections.Immutable;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;
using Write.DataPlatform.Query;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Rest;

/// <summary>A key that is to be made.</summary>
/// <param name="Name">Whose it is or what for.</param>
/// <param name="Role">What it may do.</param>
/// <param name="Tenant">The tenant of a customer's key.</param>
/// <param name="ExpiresAt">From when on it is refused; null for never.</param>
/// <param name="Grant">What of the model it sees.</param>
internal sealed record WantedKey(string Name, KeyRole Role, string? Tenant, DateTimeOffset? ExpiresAt, KeyGrant Grant)
{
    private const int MaxName = 200;
    private const int MaxAttributes = 50;

    private static readonly TimeSpan MaxSpan = TimeSpan.FromDays(3660);

    /// <summary>Whether a key may be good for so long.</summary>
    public static bool IsGoodSpan(TimeSpan span) => span >= TimeSpan.Zero && span <= MaxSpan;

    private static bool IsText(string? text) => text is { Length: > 0 and <= MaxName } && !text.Any(char.IsControl);

    /// <summary>Reads what is asked for; every mistake is reported.</summary>
    /// <param name="name">Whose it is.</param>
    /// <param name="role">customer, analyst, operator, producer or a role of the model; customer if a tenant is named.</param>
    /// <param name="tenant">A tenant of the model.</param>
    /// <param name="expires">How long it is good: 90d, 12h.</param>
    /// <param name="attributes">Values for row policies.</param>
    /// <param name="model">The model.</param>
    /// <param name="now">The moment from which it is good.</param>
    /// <param name="form">Takes the mistakes.</param>
    public static WantedKey? Read(string? name, string? role, string? tenant, string? expires, IReadOnlyDictionary<string, string[]>? attributes, MetricModel model, DateTimeOffset now, QueryForm form)
    {
        if (string.IsNullOrWhiteSpace(name) || name.Length > MaxName || name.Any(char.IsControl))
        {
            form.Report(QueryFormProblems.BadName, $"A key has a name of 1 to {MaxName} characters that says whose it is or what for.", "name");
        }

        var policy = role is not null && model.Roles.ContainsKey(role) ? role : null;
        KeyRole? known = policy is not null && !Enum.TryParse<KeyRole>(policy, ignoreCase: true, out _) ? tenant is null ? KeyRole.Analyst : KeyRole.Customer
            : role is null ? tenant is null ? null : KeyRole.Customer
            : role.All(char.IsAsciiLetter) && Enum.TryParse<KeyRole>(role, ignoreCase: true, out var value) ? value : null;
        if (known is null)
        {
            form.Report(
                role is null ? QueryFormProblems.MissingProperty : QueryFormProblems.UnknownValue, "A key is of a tenant, or has the role analyst, operator or producer or one of the model's.", "role",
                role is null ? null : Suggestion.For(role, Enum.GetNames<KeyRole>().Select(n => n.ToLowerInvariant()).Concat(model.Roles.Keys)));
        }
        else if (known == KeyRole.Customer == string.IsNullOrEmpty(tenant))
        {
            form.Report(QueryFormProblems.ConflictingProperties, "A customer's key is of a tenant, and no other key is.", "tenant");
        }

        if (!string.IsNullOrEmpty(tenant) && !model.Tenants.ContainsKey(tenant))
        {
            form.Report(QueryProblems.UnknownTenant, $"There is no tenant '{QueryForm.Short(tenant)}'.", "tenant", Suggestion.For(tenant, model.Tenants.Keys));
        }

        var span = expires is null ? null : Spelling.Duration(expires);
        if (expires is not null && (span is not { } length || length == TimeSpan.Zero || !IsGoodSpan(length)))
        {
            form.Report(QueryFormProblems.BadDuration, $"'{QueryForm.Short(expires)}' is no duration such as 90d or 12h, up to ten years.", "expires");
        }

        if (attributes is not null && (attributes.Count > MaxAttributes || attributes.Any(a => !IsText(a.Key) || a.Value is null || a.Value.Length is 0 or > AccessPolicy.MaxValues || !a.Value.All(IsText))))
        {
            form.Report(QueryFormProblems.BadText, $"At most {MaxAttributes} attributes, each a name with 1 to {AccessPolicy.MaxValues} texts of 1 to {MaxName} characters.", "attributes");
        }

        return form.HasProblems ? null : new WantedKey(
            name!.Trim(), known!.Value, string.IsNullOrEmpty(tenant) ? null : tenant, now + span,
            new KeyGrant(policy, attributes?.ToImmutableSortedDictionary(a => a.Key, a => a.Value.ToImmutableArray(), StringComparer.Ordinal) ?? KeyGrant.Plain.Attributes));
    }
}
