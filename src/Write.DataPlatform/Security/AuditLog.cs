using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Security;

/// <summary>What was done by those who may steer the platform, kept in the gold store for <see cref="Kept"/>.</summary>
internal sealed class AuditLog(IGoldStore store, TimeProvider clock)
{
    /// <summary>How long an act is remembered.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromDays(400);

    /// <summary>Enters an act. It is entered before the act itself, so that none is done in silence.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public Task AddAsync(Caller caller, string action, string subject, string? detail = null, CancellationToken cancellationToken = default)
    {
        var now = clock.GetUtcNow();
        var act = new AuditedAct(now, caller.Name, caller.KeyId, action, subject, detail);
        var sk = string.Create(CultureInfo.InvariantCulture, $"{now:yyyyMMdd'T'HHmmssfffffff}-{RandomNumberGenerator.GetHexString(6, lowercase: true)}");
        return store.PutAsync([new GoldItem(GoldKeys.Audit, sk, 1, JsonSerializer.SerializeToUtf8Bytes(act, JsonSerializerOptions.Web), now + Kept)], cancellationToken);
    }

    /// <summary>The last acts, newest first.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public IAsyncEnumerable<AuditedAct> ListAsync(int limit, CancellationToken cancellationToken = default) =>
        store.QueryAsync(GoldKeys.Audit, "", descending: true, cancellationToken).Take(limit).Select(i => JsonSerializer.Deserialize<AuditedAct>(i.Body.Span, JsonSerializerOptions.Web)!);
}

/// <summary>Something that an operator did.</summary>
/// <param name="At">When, in UTC.</param>
/// <param name="By">Who, by the key's name.</param>
/// <param name="KeyId">The key; null for the server's own machine and command line.</param>
/// <param name="Action">What: <c>key.create</c>, <c>key.revoke</c>, <c>key.rotate</c>, <c>gold.refresh</c>, <c>run.cancel</c>.</param>
/// <param name="Subject">To what.</param>
/// <param name="Detail">More, in words.</param>
internal sealed record AuditedAct(DateTimeOffset At, string By, string? KeyId, string Action, string Subject, string? Detail);
