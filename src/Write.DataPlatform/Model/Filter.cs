using System.Collections.Immutable;

namespace Write.DataPlatform.Model;

/// <summary>A condition over fields: a tree of <see cref="AndFilter"/>, <see cref="OrFilter"/>, <see cref="NotFilter"/>
/// with <see cref="ComparisonFilter"/> (or, from model files only, <see cref="SqlFilter"/>) as leaves.</summary>
/// <remarks>A row passes when the condition is true; unknown (a comparison with null) does not pass, as in SQL.</remarks>
public abstract record Filter
{
    /// <summary>Every field the tree names, in order of appearance, with repeats.</summary>
    public abstract IEnumerable<FieldName> Fields { get; }

    /// <summary>Both conditions; null stands for no condition.</summary>
    public static Filter? And(params IEnumerable<Filter?> filters)
    {
        var parts = filters.OfType<Filter>().SelectMany(f => f is AndFilter and ? and.Filters : [f]).ToImmutableArray();
        return parts.Length switch { 0 => null, 1 => parts[0], _ => new AndFilter(parts) };
    }
}

/// <summary>True when every part is.</summary>
/// <param name="Filters">The parts; none means true.</param>
public sealed record AndFilter(ImmutableArray<Filter> Filters) : Filter
{
    /// <inheritdoc />
    public override IEnumerable<FieldName> Fields => Filters.SelectMany(f => f.Fields);

    /// <inheritdoc />
    public bool Equals(AndFilter? other) => other is not null && Filters.SequenceEqual(other.Filters);

    /// <inheritdoc />
    public override int GetHashCode() => Filters.Aggregate(17, HashCode.Combine);
}

/// <summary>True when any part is.</summary>
/// <param name="Filters">The parts; none means false.</param>
public sealed record OrFilter(ImmutableArray<Filter> Filters) : Filter
{
    /// <inheritdoc />
    public override IEnumerable<FieldName> Fields => Filters.SelectMany(f => f.Fields);

    /// <inheritdoc />
    public bool Equals(OrFilter? other) => other is not null && Filters.SequenceEqual(other.Filters);

    /// <inheritdoc />
    public override int GetHashCode() => Filters.Aggregate(19, HashCode.Combine);
}

/// <summary>True when the part is false; unknown stays unknown.</summary>
/// <param name="Inner">The negated condition.</param>
public sealed record NotFilter(Filter Inner) : Filter
{
    /// <inheritdoc />
    public override IEnumerable<FieldName> Fields => Inner.Fields;
}

/// <summary>One field against constant values.</summary>
/// <param name="Field">The field; a grain on it compares the bucket's start.</param>
/// <param name="Operator">The comparison.</param>
/// <param name="Values">
/// The values: <see cref="string"/>, <see cref="long"/>, <see cref="decimal"/>, <see cref="double"/>, <see cref="bool"/>
/// or null. How many each operator takes is said on <see cref="FilterOperator"/>.
/// </param>
public sealed record ComparisonFilter(FieldName Field, FilterOperator Operator, ImmutableArray<object?> Values) : Filter
{
    /// <inheritdoc />
    public override IEnumerable<FieldName> Fields => [Field];

    /// <inheritdoc />
    public bool Equals(ComparisonFilter? other) =>
        other is not null && Operator == other.Operator && Field == other.Field && Values.SequenceEqual(other.Values);

    /// <inheritdoc />
    public override int GetHashCode() => Values.Aggregate(HashCode.Combine(Field, Operator), HashCode.Combine);
}

/// <summary>
/// A condition in the lake's own SQL that the parser has no tree for; only model files, which are trusted, can hold one.
/// It is answered from the lake, or from a gold table that has the same text as its own filter.
/// </summary>
/// <param name="Parts">The text cut at the fields: text, field, text, … ; always one more text than fields.</param>
/// <param name="References">The fields between the texts.</param>
public sealed record SqlFilter(ImmutableArray<string> Parts, ImmutableArray<FieldName> References) : Filter
{
    /// <inheritdoc />
    public override IEnumerable<FieldName> Fields => References;

    /// <inheritdoc />
    public bool Equals(SqlFilter? other) =>
        other is not null && Parts.SequenceEqual(other.Parts) && References.SequenceEqual(other.References);

    /// <inheritdoc />
    public override int GetHashCode() => Parts.Aggregate(23, HashCode.Combine);
}

/// <summary>How a field is compared; JSON spells them in camelCase (<c>notEquals</c>).</summary>
/// <remarks>
/// Text comparisons are case-sensitive. <see cref="In"/> and <see cref="Equals"/> take one or more values (any of them);
/// a null among the values of the equality operators matches null (so <see cref="NotEquals"/> without a null in its list keeps rows whose field is null
/// out, as SQL does). <see cref="Between"/> takes two, both included. <see cref="IsSet"/> and <see cref="IsNotSet"/> take none.
/// The rest take one or more: any of them must match, for a negated operator none of them may.
/// </remarks>
public enum FilterOperator
{
    /// <summary>Equal to any value.</summary>
    Equals,

    /// <summary>Equal to none of the values.</summary>
    NotEquals,

    /// <summary>The same as <see cref="Equals"/>.</summary>
    In,

    /// <summary>The same as <see cref="NotEquals"/>.</summary>
    NotIn,

    /// <summary>Greater than the value.</summary>
    Gt,

    /// <summary>At least the value.</summary>
    Gte,

    /// <summary>Less than the value.</summary>
    Lt,

    /// <summary>At most the value.</summary>
    Lte,

    /// <summary>At least the first and at most the second value.</summary>
    Between,

    /// <summary>Text that contains a value.</summary>
    Contains,

    /// <summary>Text that contains no value.</summary>
    NotContains,

    /// <summary>Text that starts with a value.</summary>
    StartsWith,

    /// <summary>Text that starts with no value.</summary>
    NotStartsWith,

    /// <summary>Text that ends with a value.</summary>
    EndsWith,

    /// <summary>Text that ends with no value.</summary>
    NotEndsWith,

    /// <summary>Text in which a regular expression (RE2) is found.</summary>
    Matches,

    /// <summary>Not null.</summary>
    IsSet,

    /// <summary>Null.</summary>
    IsNotSet,
}
