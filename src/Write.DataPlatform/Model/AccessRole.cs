using System.Collections.Immutable;

namespace Write.DataPlatform.Model;

/// <summary>What callers of one kind may see: which names exist for them, and which rows count.</summary>
public sealed record AccessRole
{
    /// <summary>The unique name. <c>customer</c> and <c>analyst</c> are those of tenants' and of the company's own keys that name no other.</summary>
    public required string Name { get; init; }

    /// <summary>Who it is for.</summary>
    public string? Description { get; init; }

    /// <summary>The metrics that exist for it.</summary>
    public MemberPolicy Metrics { get; init; } = MemberPolicy.All;

    /// <summary>The dimensions, entities and lookup attributes that exist for it.</summary>
    public MemberPolicy Dimensions { get; init; } = MemberPolicy.All;

    /// <summary>The insights that exist for it, of those whose query names nothing hidden.</summary>
    public MemberPolicy Insights { get; init; } = MemberPolicy.All;

    /// <summary>The saved queries that exist for it, of those that name nothing hidden.</summary>
    public MemberPolicy SavedQueries { get; init; } = MemberPolicy.All;

    /// <summary>The conditions that a row must meet, all of them, beside those of a tenant.</summary>
    public ImmutableArray<RowPolicy> Rows { get; init; } = [];

    /// <summary>Where it is written.</summary>
    public required SourcePosition Source { get; init; }
}

/// <summary>Names that exist, by patterns in which <c>*</c> stands for any text.</summary>
/// <param name="Includes">A name matches one of these; none for any name.</param>
/// <param name="Excludes">A name matches none of these, whatever includes it.</param>
public sealed record MemberPolicy(ImmutableArray<string> Includes, ImmutableArray<string> Excludes)
{
    /// <summary>Every name.</summary>
    public static MemberPolicy All { get; } = new([], []);

    /// <summary>Whether every name exists.</summary>
    public bool IsAll => Includes.IsEmpty && Excludes.IsEmpty;

    /// <summary>Whether a name exists.</summary>
    public bool Allows(string name) => (Includes.IsEmpty || Includes.Any(p => Matches(p, name))) && !Excludes.Any(p => Matches(p, name));

    /// <summary>Whether a name has a pattern's form; <c>*</c> stands for any text, also none.</summary>
    public static bool Matches(string pattern, string name) => System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false);
}

/// <summary>A condition on rows: one that is written out, or one whose values the caller brings.</summary>
public abstract record RowPolicy(SourcePosition Source);

/// <summary>The same condition for every caller of the role.</summary>
/// <param name="Where">The condition.</param>
/// <param name="Source">Where it is written.</param>
public sealed record ConstantRowPolicy(Filter Where, SourcePosition Source) : RowPolicy(Source);

/// <summary>A field compared with a claim of the caller's: of its token, or an attribute of its key. A caller without it is refused.</summary>
/// <param name="Field">The field.</param>
/// <param name="Operator">How it is compared.</param>
/// <param name="Claim">The claim's name.</param>
/// <param name="Source">Where it is written.</param>
public sealed record ClaimRowPolicy(FieldName Field, FilterOperator Operator, string Claim, SourcePosition Source) : RowPolicy(Source);
