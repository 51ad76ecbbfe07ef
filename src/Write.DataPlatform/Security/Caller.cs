namespace Write.DataPlatform.Security;

/// <summary>Who asks.</summary>
/// <param name="Name">For logs.</param>
/// <param name="Tenant">The tenant it belongs to; null for the company's own people.</param>
/// <param name="IsOperator">Whether it may see and steer runs, tables and other tenants' views.</param>
public sealed record Caller(string Name, string? Tenant, bool IsOperator)
{
    /// <summary>The key it came with; null for this machine, the command line and tokens.</summary>
    public string? KeyId { get; init; }

    /// <summary>
    /// All that says what it may see, as one text: answers are shared between callers of the same scope and no others. Whatever comes to limit callers must be a part of it.
    /// </summary>
    internal string Scope => $"{(Tenant is null ? "-" : "=" + Tenant)}\n{(IsOperator ? "operator" : "")}";

    /// <summary>The operator: a caller from this machine, or the command line.</summary>
    public static Caller Operator { get; } = new("operator", null, true);
}
