using System.Collections.Immutable;
using System.Text;
using Write.DataPlatform.Insights.Blocks;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Insights.Slices;

/// <summary>A condition on one stored text, with SQL's three truths.</summary>
internal sealed class SliceCondition
{
    private readonly Filter _filter;

    private SliceCondition(string column, Filter filter) => (Column, _filter) = (column, filter);

    /// <summary>The stored column.</summary>
    public string Column { get; }

    /// <summary>A condition that slices take; null for any other.</summary>
    public static SliceCondition? TryOf(Filter filter, Leaf leaf, GoldDefinition definition) =>
        filter.Fields.Distinct().ToList() is [var field] && leaf.Bindings[field] is { IsTime: false } binding && definition.ColumnOf(leaf.Fact.Name, binding) is { } column ? TryOf(filter, column) : null;

    /// <summary>A condition on a column that slices take; null for any other.</summary>
    public static SliceCondition? TryOf(Filter filter, string column) => Takes(filter) ? new SliceCondition(column, filter) : null;

    /// <summary>The condition over a column.</summary>
    public BlockTest Over(TextColumn column)
    {
        // Few texts are looked up, and not all asked.
        var codes = _filter is ComparisonFilter { Operator: FilterOperator.Equals or FilterOperator.In, Values: var values }
            ? values.Select(v => v is string text ? column.CodeOf(Encoding.UTF8.GetBytes(text)) : 0).OfType<int>().Distinct()
            : Enumerable.Range(0, column.Texts).Where(code => Holds(_filter, column.TextOf(code)) is true);
        return new TextTest(column, [.. codes]);
    }

    private static bool Takes(Filter filter) => filter switch
    {
        AndFilter and => and.Filters.All(Takes),
        OrFilter or => or.Filters.All(Takes),
        NotFilter not => Takes(not.Inner),
        ComparisonFilter
        {
            Operator: FilterOperator.Equals or FilterOperator.In or FilterOperator.NotEquals or FilterOperator.NotIn or FilterOperator.IsSet or FilterOperator.IsNotSet,
        } comparison => comparison.Values.All(v => v is null or string),
        _ => false,
    };

    /// <summary>Whether a filter is true of a text, as <see cref="FilterExpressions"/> spells it in SQL; null is unknown.</summary>
    private static bool? Holds(Filter filter, string? text) => filter switch
    {
        AndFilter and => All(and.Filters.Select(f => Holds(f, text))),
        OrFilter or => !All(or.Filters.Select(f => !Holds(f, text))),
        NotFilter not => !Holds(not.Inner, text),
        ComparisonFilter { Operator: FilterOperator.IsSet } => text is not null,
        ComparisonFilter { Operator: FilterOperator.IsNotSet } => text is null,
        ComparisonFilter { Operator: FilterOperator.Equals or FilterOperator.In } comparison => IsAmong(comparison.Values, text),
        ComparisonFilter comparison => !IsAmong(comparison.Values, text),
        _ => throw new ArgumentOutOfRangeException(nameof(filter)),
    };

    /// <summary>Null is among values that have one, and else unknown beside any.</summary>
    private static bool? IsAmong(ImmutableArray<object?> values, string? text) =>
        text is not null ? values.Contains(text) : values.Contains(null) ? true : values.IsEmpty ? false : null;

    private static bool? All(IEnumerable<bool?> truths)
    {
        var all = (bool?)true;
        foreach (var truth in truths)
        {
            if (truth is false)
            {
                return false;
            }

            all &= truth;
        }

        return all;
    }
}
