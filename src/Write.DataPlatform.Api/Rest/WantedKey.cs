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
internal sealed record WantedKey(string Name, KeyRole Role, string? Tenant, DateTimeOffset? ExpiresAt)
{
    private const int MaxName = 200;

    private static readonly TimeSpan MaxSpan = TimeSpan.FromDays(3660);

    /// <summary>Whether a key may be good for so long.</summary>
    public static bool IsGoodSpan(TimeSpan span) => span >= TimeSpan.Zero && span <= MaxSpan;

    /// <summary>Reads what is asked for; every mistake is reported.</summary>
    /// <param name="name">Whose it is.</param>
    /// <param name="role">customer, analyst, operator or producer; customer if a tenant is named.</param>
    /// <param name="tenant">A tenant of the model.</param>
    /// <param name="expires">How long it is good: 90d, 12h.</param>
    /// <param name="model">The model.</param>
    /// <param name="now">The moment from which it is good.</param>
    /// <param name="form">Takes the mistakes.</param>
    public static WantedKey? Read(string? name, string? role, string? tenant, string? expires, MetricModel model, DateTimeOffset now, QueryForm form)
    {
        if (string.IsNullOrWhiteSpace(name) || name.Length > MaxName || name.Any(char.IsControl))
        {
            form.Report(QueryFormProblems.BadName, $"A key has a name of 1 to {MaxName} characters that says whose it is or what for.", "name");
        }

        KeyRole? known = role is null ? tenant is null ? null : KeyRole.Customer
            : role.All(char.IsAsciiLetter) && Enum.TryParse<KeyRole>(role, ignoreCase: true, out var value) ? value : null;
        if (known is null)
        {
            form.Report(
                role is null ? QueryFormProblems.MissingProperty : QueryFormProblems.UnknownValue, "A key is of a tenant, or has the role analyst, operator or producer.", "role",
                role is null ? null : Suggestion.For(role, Enum.GetNames<KeyRole>().Select(n => n.ToLowerInvariant())));
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

        return form.HasProblems ? null : new WantedKey(name!.Trim(), known!.Value, string.IsNullOrEmpty(tenant) ? null : tenant, now + span);
    }
}
