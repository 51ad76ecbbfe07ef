using System.Collections.Immutable;

namespace Write.DataPlatform.Query;

/// <summary>The value types of dimensions and entities as far as they are known, so that a wrong filter value is told before a query runs.</summary>
/// <param name="Kinds">By <c>semantic_model.element</c>.</param>
internal sealed record FieldTypes(ImmutableDictionary<string, ColumnKind> Kinds)
{
    public static FieldTypes Unknown { get; } = new(ImmutableDictionary<string, ColumnKind>.Empty);

    public static string Key(string semanticModel, string element) => semanticModel + "." + element;

    public ColumnKind? Of(FieldBinding binding) => binding.Lookup is not null ? ColumnKind.String : OfElement(binding);

    /// <summary>The type of the dimension or entity that a lookup's attribute follows from, or of the field itself.</summary>
    public ColumnKind? OfElement(FieldBinding binding) => Kinds.TryGetValue(Key(binding.Owner.Name, binding.Element), out var kind) ? kind : null;
}
