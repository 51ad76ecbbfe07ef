using System.Collections.Immutable;

namespace Write.DataPlatform.Query;

/// <summary>SQL of one dialect with the values of its placeholders, in order.</summary>
/// <param name="Text">The text; placeholders are <c>$1</c>, <c>$2</c>, … (DuckDB); a statement of Athena's has none, its values stand in place.</param>
/// <param name="Parameters">The values: <see cref="string"/>, <see cref="long"/>, <see cref="double"/>, <see cref="decimal"/> or <see cref="bool"/>.</param>
public sealed record SqlStatement(string Text, ImmutableArray<object?> Parameters)
{
    /// <summary>The tenant on whose behalf it is run, for limits; null for the company's own.</summary>
    public string? Tenant { get; init; }

    /// <summary>Whether an earlier result may be given again, where the lake keeps some: not to who compares it with what the lake has now.</summary>
    public bool MayReuse { get; init; }

    /// <summary>A statement without placeholders.</summary>
    public SqlStatement(string text)
        : this(text, [])
    {
    }
}
