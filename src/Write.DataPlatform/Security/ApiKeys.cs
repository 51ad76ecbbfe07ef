using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Threading.RateLimiting;
using Microsoft.Extensions.Logging;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Security;

/// <summary>
/// The keys of callers, in the gold store. A key is <c>wdp_ID_SECRET</c>; the secret, of 32 random bytes, is shown once and kept as SHA-256 of a salt and itself:
/// nobody guesses 256 random bits, so no slow hash is needed. What is stored is read again after <see cref="MaxAge"/>, so a revoked key stops everywhere within it.
/// </summary>
internal sealed class ApiKeys(IGoldStore store, TimeProvider clock, ILogger<ApiKeys> logger) : IDisposable
{
    /// <summary>How long a process may go on with what it has read of a key.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(3);

    public const string Prefix = "wdp_";

    private const int IdLength = 16;
    private const int SecretBytes = 32;
    private const int SaltBytes = 16;
    private const int MaxRemembered = 10_000;
    private const int LookupsASecond = 500;
    private const string KeyPrefix = "key#";
    private const string UsePrefix = "use#";

    private static readonly System.Buffers.SearchValues<char> Hex = System.Buffers.SearchValues.Create("0123456789abcdef");
    private static readonly TimeSpan UseInterval = TimeSpan.FromMinutes(1);
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) } };

    private readonly ConcurrentDictionary<string, Remembered> _remembered = new(StringComparer.Ordinal);

    // Names that are made up are remembered apart, so that a flood of them drives out no good key; and only so many a second are looked for.
    private readonly ConcurrentDictionary<string, DateTimeOffset> _unknown = new(StringComparer.Ordinal);
    private readonly TokenBucketRateLimiter _lookups = new(new TokenBucketRateLimiterOptions
    {
        TokenLimit = 2 * LookupsASecond, TokensPerPeriod = LookupsASecond / 10, ReplenishmentPeriod = TimeSpan.FromMilliseconds(100), QueueLimit = 0, AutoReplenishment = true,
    });

    /// <summary>Makes a key.</summary>
    /// <param name="name">Whose it is or what for.</param>
    /// <param name="role">What it may do.</param>
    /// <param name="tenant">The tenant of a customer's key, null for others.</param>
    /// <param name="expiresAt">From when on it is refused; null for never.</param>
    /// <param name="grant">What of the model it sees.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The key, and its text, which cannot be had again.</returns>
    /// <exception cref="ArgumentException">A customer has no tenant, or another role has one.</exception>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<(ApiKey Key, string Text)> CreateAsync(string name, KeyRole role, string? tenant, DateTimeOffset? expiresAt, KeyGrant grant, CancellationToken cancellationToken = default)
    {
        if (role == KeyRole.Customer == string.IsNullOrEmpty(tenant))
        {
            throw new ArgumentException("A customer's key, and no other, is of a tenant.", nameof(tenant));
        }

        var secret = Base64Url(RandomNumberGenerator.GetBytes(SecretBytes));
        var salt = RandomNumberGenerator.GetBytes(SaltBytes);
        var key = new ApiKey
        {
            Id = RandomNumberGenerator.GetHexString(IdLength, lowercase: true), Name = name, Role = role, Tenant = tenant, Policy = grant.Policy, Attributes = grant.Attributes.IsEmpty ? null : grant.Attributes,
            CreatedAt = clock.GetUtcNow(), ExpiresAt = expiresAt, Salt = salt, Hash = HashOf(salt, secret),
        };
        return await store.TryPutAsync(Item(key, 1), null, cancellationToken)
            ? (key, Prefix + key.Id + "_" + secret)
            : throw new InvalidOperationException("Two keys have drawn one name.");
    }

    /// <summary>All keys, revoked and expired ones too, by their names.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<IReadOnlyList<ApiKey>> ListAsync(CancellationToken cancellationToken = default)
    {
        var used = await store.QueryAsync(GoldKeys.Keys, UsePrefix, cancellationToken: cancellationToken)
            .ToDictionaryAsync(i => i.Sk[UsePrefix.Length..], i => JsonSerializer.Deserialize<DateTimeOffset>(i.Body.Span, Json), cancellationToken: cancellationToken);
        var keys = await store.QueryAsync(GoldKeys.Keys, KeyPrefix, cancellationToken: cancellationToken).Select(Decode).ToListAsync(cancellationToken);
        return [.. keys.Select(k => k with { LastUsedAt = used.TryGetValue(k.Id, out var at) ? at : null }).OrderBy(k => k.Name, StringComparer.Ordinal).ThenBy(k => k.CreatedAt)];
    }

    /// <summary>Refuses a key from now on.</summary>
    /// <returns>The key as it is now; null if there is none of that name.</returns>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public Task<ApiKey?> RevokeAsync(string id, CancellationToken cancellationToken = default) =>
        ChangeAsync(id, key => key.RevokedAt is null ? key with { RevokedAt = clock.GetUtcNow() } : key, cancellationToken);

    /// <summary>Makes a successor of a key, which itself is good for a while yet.</summary>
    /// <param name="id">The key.</param>
    /// <param name="overlap">For how long both are good.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The successor and its text; null if there is no good key of that name.</returns>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<(ApiKey Key, string Text)?> RotateAsync(string id, TimeSpan overlap, CancellationToken cancellationToken = default)
    {
        var now = clock.GetUtcNow();
        if (await FindAsync(id, cancellationToken) is not { } old || !old.IsGoodAt(now))
        {
            return null;
        }

        // The successor lives as long as the key was meant to, also if it is not the first. It comes first: should the rest fail, both are good.
        var made = await CreateAsync(old.Name, old.Role, old.Tenant, old.ExpiresAt is { } end ? now + (end - old.CreatedAt) : null, new KeyGrant(old.Policy, old.Attributes ?? KeyGrant.Plain.Attributes), cancellationToken);
        await ChangeAsync(id, key => key.EndsAt < now + overlap ? key : key with { ReplacedAt = now + overlap }, cancellationToken);
        return made;
    }

    /// <summary>Whose key a text is; null if it is nobody's, or not good any more.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    /// <exception cref="TooManyUnknownKeysException">It is not known yet, and so are too many others.</exception>
    public async ValueTask<Caller?> AuthenticateAsync(string text, CancellationToken cancellationToken = default)
    {
        if (text.Length < Prefix.Length + IdLength + 2 || text.Length > 200 || !text.StartsWith(Prefix, StringComparison.Ordinal) || text[Prefix.Length + IdLength] != '_'
            || text.AsSpan(Prefix.Length, IdLength).ContainsAnyExcept(Hex))
        {
            return null;
        }

        var id = text.Substring(Prefix.Length, IdLength);
        var now = clock.GetUtcNow();
        if (await RecallAsync(id, now, cancellationToken) is not { } key || !key.IsGoodAt(now) || !CryptographicOperations.FixedTimeEquals(key.Hash, HashOf(key.Salt, text[(Prefix.Length + IdLength + 1)..])))
        {
            return null;
        }

        await NoteUseAsync(key, now, cancellationToken);
        return key.ToCaller();
    }

    public void Dispose() => _lookups.Dispose();

    /// <summary>A key as it was stored at most <see cref="MaxAge"/> ago; null if there was none.</summary>
    private async ValueTask<ApiKey?> RecallAsync(string id, DateTimeOffset now, CancellationToken cancellationToken)
    {
        bool IsRecent(DateTimeOffset readAt) => now - readAt < MaxAge && now >= readAt;
        var isKnown = _remembered.TryGetValue(id, out var known);
        if (isKnown && IsRecent(known!.ReadAt))
        {
            return known.Key;
        }

        if (!isKnown)
        {
            if (_unknown.TryGetValue(id, out var missedAt) && IsRecent(missedAt))
            {
                return null;
            }

            using var lookup = _lookups.AttemptAcquire();
            if (!lookup.IsAcquired)
            {
                throw new TooManyUnknownKeysException();
            }
        }

        if (await FindAsync(id, cancellationToken) is { } key)
        {
            _remembered[id] = new Remembered(key, now);
            return key;
        }

        if (_unknown.Count >= MaxRemembered)
        {
            _unknown.Clear();
        }

        _unknown[id] = now;
        _remembered.TryRemove(id, out _);
        return null;
    }

    private readonly ConcurrentDictionary<string, DateTimeOffset> _noted = new(StringComparer.Ordinal);

    /// <summary>Writes that a key was used, once a minute and process.</summary>
    private async ValueTask NoteUseAsync(ApiKey key, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var noted = _noted.GetOrAdd(key.Id, DateTimeOffset.MinValue);
        if (now - noted < UseInterval || !_noted.TryUpdate(key.Id, now, noted))
        {
            return;
        }

        try
        {
            await store.PutAsync([new GoldItem(GoldKeys.Keys, UsePrefix + key.Id, 1, JsonSerializer.SerializeToUtf8Bytes(now, Json))], cancellationToken);
        }
        catch (GoldStoreException exception)
        {
            // Who asks is known, and when he last did is no reason to refuse him.
            SecurityLog.UseNotNoted(logger, key.Id, exception);
        }
    }

    private async Task<ApiKey?> ChangeAsync(string id, Func<ApiKey, ApiKey> change, CancellationToken cancellationToken)
    {
        while (await store.GetAsync(GoldKeys.Keys, KeyPrefix + GoldKeys.Escape(id), cancellationToken) is { } item)
        {
            var key = Decode(item);
            var changed = change(key);
            if (ReferenceEquals(changed, key) || await store.TryPutAsync(Item(changed, item.Revision + 1), item.Revision, cancellationToken))
            {
                _remembered.TryRemove(id, out _);
                return changed;
            }
        }

        return null;
    }

    private async Task<ApiKey?> FindAsync(string id, CancellationToken cancellationToken) =>
        await store.GetAsync(GoldKeys.Keys, KeyPrefix + GoldKeys.Escape(id), cancellationToken) is { } item ? Decode(item) : null;

    private static ApiKey Decode(GoldItem item) => JsonSerializer.Deserialize<ApiKey>(item.Body.Span, Json)!;

    private static GoldItem Item(ApiKey key, long revision) => new(GoldKeys.Keys, KeyPrefix + key.Id, revision, JsonSerializer.SerializeToUtf8Bytes(key, Json));

    private static byte[] HashOf(byte[] salt, string secret) => SHA256.HashData([.. salt, .. Encoding.UTF8.GetBytes(secret)]);

    private static string Base64Url(byte[] bytes) => System.Buffers.Text.Base64Url.EncodeToString(bytes);

    private sealed record Remembered(ApiKey Key, DateTimeOffset ReadAt);
}

/// <summary>More keys that nobody has seen before are shown than are looked for.</summary>
internal sealed class TooManyUnknownKeysException() : Exception("Too many keys that are not known yet are shown at once.");
