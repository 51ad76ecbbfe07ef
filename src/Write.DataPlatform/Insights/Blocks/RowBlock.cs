using System.Collections.Immutable;
using System.Data.Common;
using Write.DataPlatform.Query.Rows;

namespace Write.DataPlatform.Insights.Blocks;

/// <summary>The rows of one partition, column by column, in the order of their key. It never changes.</summary>
internal sealed class RowBlock
{
    /// <summary>About what a block takes that has no rows, with its place among others.</summary>
    public const int FixedBytes = 1024;

    private readonly ImmutableDictionary<string, BlockColumn> _columns;
    private readonly ImmutableArray<BlockColumn> _key;

    private RowBlock(int count, ImmutableDictionary<string, BlockColumn> columns, ImmutableArray<BlockColumn> key)
    {
        (Count, _columns, _key) = (count, columns, key);
        Bytes = FixedBytes + columns.Values.Sum(c => c.Bytes);
    }

    public int Count { get; }

    /// <summary>About the memory that it takes.</summary>
    public long Bytes { get; }

    public BlockColumn this[string column] => _columns[column];

    /// <summary>A column by its name; null if the block has none.</summary>
    public BlockColumn? Find(string column) => _columns.GetValueOrDefault(column);

    /// <summary>Reads all rows.</summary>
    /// <param name="reader">The rows, in the order of the key.</param>
    /// <param name="columns">The reader's first columns.</param>
    /// <param name="key">Those of them that tell rows apart, the time first.</param>
    public static RowBlock Read(DbDataReader reader, ImmutableArray<RowColumn> columns, ImmutableArray<RowColumn> key)
    {
        var builders = columns.Select(c => BlockColumnBuilder.Of(c.Type)).ToArray();
        var count = 0;
        while (reader.Read())
        {
            for (var i = 0; i < builders.Length; i++)
            {
                builders[i].Add(reader, i);
            }

            count++;
        }

        var built = columns.Zip(builders).ToImmutableDictionary(p => p.First.Name, p => p.Second.Build(), StringComparer.Ordinal);
        return new RowBlock(count, built, [.. key.Select(k => built[k.Name])]);
    }

    /// <summary>The key of a row, as page tokens keep it.</summary>
    public ImmutableArray<object?> KeyOf(int row) => [.. _key.Select(c => c.Value(row))];

    /// <summary>The first row behind a key.</summary>
    public int After(ImmutableArray<object?> key) => Search(row =>
    {
        for (var i = 0; i < _key.Length; i++)
        {
            if (_key[i].Compare(row, key[i]) is not 0 and var order)
            {
                return order > 0;
            }
        }

        return false;
    });

    /// <summary>The rows within some times: from, included, to, excluded.</summary>
    public (int From, int To) Within(RowTimes times)
    {
        var time = (WholeColumn)_key[0];
        return (times.From is { } from ? Search(row => time.Values[row] >= WholeColumn.Micro(from)) : 0, times.To is { } to ? Search(row => time.Values[row] > to.Ticks) : Count);
    }

    /// <summary>The first row for which something holds that holds for all rows behind it, too.</summary>
    private int Search(Func<int, bool> holds)
    {
        var (low, high) = (0, Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = holds(middle) ? (low, middle) : (middle + 1, high);
        }

        return low;
    }
}
