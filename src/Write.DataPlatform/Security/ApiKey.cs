using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Write.DataPlatform.Security;

/// <summary>What a key's bearer may do.</summary>
internal enum KeyRole
{
    /// <summary>A tenant's own rows, through what is published for customers.</summary>
    Customer,

    /// <summary>All rows and all that is published; no work of operators.</summary>
    Analyst,

    /// <summary>Everything.</summary>
    Operator,

    /// <summary>Sends events, and sees nothing.</summary>
    Producer,
}

/// <summary>What of the model a key sees, beside its tenant's rows.</summary>
/// <param name="Policy">A role of the model; null for the one of the key's kind.</param>
/// <param name="Attributes">Values for row policies.</param>
internal sealed record KeyGrant(string? Policy, ImmutableSortedDictionary<string, ImmutableArray<string>> Attributes)
{
    public static KeyGrant Plain { get; } = new(null, ImmutableSortedDictionary<string, ImmutableArray<string>>.Empty);
}

/// <summary>A key as it is known: everything but its secret, of which only a salted hash is kept.</summary>
internal sealed record ApiKey
{
    /// <summary>The part of the key that names it; no secret.</summary>
    public required string Id { get; init; }

    /// <summary>Whose it is or what for, in words.</summary>
    public required string Name { get; init; }

    /// <summary>What its bearer may do.</summary>
    public required KeyRole Role { get; init; }

    /// <summary>The tenant of a <see cref="KeyRole.Customer"/>; null for the others.</summary>
    public string? Tenant { get; init; }

    /// <summary>The role of the model that says what it sees; null for the one of its kind, if the model has it.</summary>
    public string? Policy { get; init; }

    /// <summary>Values for row policies, by name.</summary>
    public ImmutableSortedDictionary<string, ImmutableArray<string>>? Attributes { get; init; }

    /// <summary>When it was made, in UTC.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>From when on it is refused; null for never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>From when on it is refused because it has a successor; null if it has none.</summary>
    public DateTimeOffset? ReplacedAt { get; init; }

    /// <summary>The first of both; null for never.</summary>
    [JsonIgnore]
    public DateTimeOffset? EndsAt => ReplacedAt is null || ExpiresAt < ReplacedAt ? ExpiresAt : ReplacedAt;

    /// <summary>When it was revoked; null if it was not.</summary>
    public DateTimeOffset? RevokedAt { get; init; }

    /// <summary>When it was last seen, to the minute; null for never.</summary>
    [JsonIgnore]
    public DateTimeOffset? LastUsedAt { get; init; }

    public required byte[] Salt { get; init; }

    public required byte[] Hash { get; init; }

    /// <summary>Whether it is good at a moment.</summary>
    public bool IsGoodAt(DateTimeOffset now) => RevokedAt is null && (EndsAt is null || now < EndsAt);

    internal Caller ToCaller() => new(Name, Tenant, Role == KeyRole.Operator)
    {
        KeyId = Id,
        IsProducer = Role == KeyRole.Producer,
        Role = Policy,
        Claims = Attributes?.ToImmutableDictionary(a => a.Key, a => a.Value.CastArray<object>()) ?? ImmutableDictionary<string, ImmutableArray<object>>.Empty,
    };
}
