using System.Text;
using Write.DataPlatform.Insights.Blocks;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Insights.Slices;

/// <summary>That a stored text is among some, or is not, with the nulls of SQL as <see cref="FilterExpressions"/> spells them.</summary>
internal sealed class SliceCondition
{
    /// <summary>How many values it may name: each is looked up in each partition.</summary>
    internal const int MaxValues = 100;

    private readonly List<byte[]?> _values;
    private readonly bool _isAmong;
    private readonly bool _takesNull;

    private SliceCondition(string column, ComparisonFilter comparison)
    {
        Column = column;
        _values = [.. comparison.Values.Select(v => v is string text ? Encoding.UTF8.GetBytes(text) : null)];
        _isAmong = comparison.Operator is FilterOperator.Equals or FilterOperator.In or FilterOperator.IsNotSet;
        _takesNull = comparison.Operator switch
        {
            FilterOperator.IsNotSet => true,
            FilterOperator.IsSet => false,
            FilterOperator.Equals or FilterOperator.In => _values.Contains(null),

            // Whether null is not among texts is unknown; that it is not among nothing is true.
            _ => _values.Count == 0,
        };
    }

    /// <summary>The stored column.</summary>
    public string Column { get; }

    /// <summary>A condition that slices take, given the stored column of each field; null for any other.</summary>
    public static SliceCondition? TryOf(Filter filter, Func<FieldName, string?> column) => filter is ComparisonFilter
        {
            Operator: FilterOperator.Equals or FilterOperator.In or FilterOperator.NotEquals or FilterOperator.NotIn or FilterOperator.IsSet or FilterOperator.IsNotSet,
            Values.Length: <= MaxValues,
        } comparison && comparison.Values.All(v => v is null or string) && column(comparison.Field) is { } stored
            ? new SliceCondition(stored, comparison)
            : null;

    /// <summary>The condition over a column.</summary>
    public BlockTest Over(TextColumn column)
    {
        var codes = _values.OfType<byte[]>().Select(v => column.CodeOf(v)).OfType<int>();
        return _isAmong ? new TextTest(column, [.. codes.Concat(_takesNull ? [0] : []).Distinct()]) : TextTest.Except(column, codes.Concat(_takesNull ? [] : [0]));
    }
}
