using System.Collections.Immutable;

namespace Write.DataPlatform.Security;

/// <summary>Who asks.</summary>
/// <param name="Name">For logs.</param>
/// <param name="Tenant">The tenant it belongs to; null for the company's own people.</param>
/// <param name="IsOperator">Whether it may see and steer runs, tables and other tenants' views.</param>
public sealed record Caller(string Name, string? Tenant, bool IsOperator)
{
    /// <summary>The key it came with; null for this machine, the command line and tokens.</summary>
    public string? KeyId { get; init; }

    /// <summary>The role of the model that its key or token names; null for the one of its kind.</summary>
    public string? Role { get; init; }

    /// <summary>What row policies may use: a key's attributes or a token's claims, each text, whole number, number or flag.</summary>
    internal ImmutableDictionary<string, ImmutableArray<object>> Claims { get; init; } = ImmutableDictionary<string, ImmutableArray<object>>.Empty;

    /// <summary>Whether it may send events and do nothing else.</summary>
    public bool IsProducer { get; init; }

    /// <summary>The operator: a caller from this machine, or the command line.</summary>
    public static Caller Operator { get; } = new("operator", null, true);
}
