using System.Collections.Immutable;
using System.Text;
using Write.DataPlatform.Query.Rows;

namespace Write.DataPlatform.Insights.Blocks;

/// <summary>A condition over a block's rows.</summary>
/// <remarks>
/// Only comparisons of columns with constants are here, and <c>and</c>, <c>or</c> and <c>not</c> of them: none of them is ever null, so truth is all there is. Everything else is
/// DuckDB's. That both find the same rows is what the tests of random conditions show.
/// </remarks>
internal abstract class BlockTest
{
    /// <summary>Whether it is true for a row.</summary>
    public abstract bool Holds(int row);

    /// <summary>The first row from one on for which it is true; <paramref name="to"/> if there is none before that.</summary>
    public virtual int Next(int from, int to)
    {
        while (from < to && !Holds(from))
        {
            from++;
        }

        return from;
    }

    /// <summary>Whether a condition can be tested here.</summary>
    /// <param name="condition">The condition.</param>
    /// <param name="columns">The columns that a block has.</param>
    public static bool Takes(RowExpression condition, IReadOnlyDictionary<string, RowType> columns) => condition switch
    {
        RowCall { Function: RowFunction.And or RowFunction.Or or RowFunction.Not } call => call.Arguments.All(a => Takes(a, columns)),
        RowCall { Function: RowFunction.In, Arguments: [RowColumnValue column, .. var list] } => columns.ContainsKey(column.Name) && list.All(i => i is RowConstant constant && IsComparable(column.Type.Kind, constant)),
        RowCall { Function: RowFunction.Equal or RowFunction.NotEqual or RowFunction.Less or RowFunction.LessOrEqual or RowFunction.Greater or RowFunction.GreaterOrEqual } call =>
            Comparison(call) is var (column, _, constant) && columns.ContainsKey(column.Name) && IsComparable(column.Type.Kind, constant),
        _ => false,
    };

    /// <summary>A condition that <see cref="Takes"/> can be tested, over a block.</summary>
    public static BlockTest Of(RowExpression condition, RowBlock block)
    {
        var call = (RowCall)condition;
        switch (call.Function)
        {
            case RowFunction.And:
                return new AllTests([.. Parts(call, RowFunction.And).Select(a => Of(a, block)).OrderBy(t => t is TextTest ? 0 : t is NumberTest ? 1 : 2)]);
            case RowFunction.Or:
                return new AnyTest([.. Parts(call, RowFunction.Or).Select(a => Of(a, block))]);
            case RowFunction.Not:
                return new NoTest(Of(call.Arguments[0], block));
            case RowFunction.In:
                return Of((RowColumnValue)call.Arguments[0], RowFunction.In, [.. call.Arguments.Skip(1).Cast<RowConstant>().Select(c => c.Value)], block);
            default:
                var (column, function, constant) = Comparison(call)!.Value;
                return Of(column, function, [constant.Value], block);
        }
    }

    private static BlockTest Of(RowColumnValue column, RowFunction function, ImmutableArray<object?> values, RowBlock block)
    {
        if (block[column.Name] is TextColumn texts)
        {
            var others = values.Select(v => v is string text ? Encoding.UTF8.GetBytes(text) : null).ToList();
            var codes = function is RowFunction.Equal or RowFunction.In
                ? others.Select(o => o is null ? 0 : texts.CodeOf(o)).OfType<int>().Distinct()
                : Enumerable.Range(0, texts.Texts).Where(code => Is(function, code == 0 ? null : 0, others, (o, _) => texts.Text(code).SequenceCompareTo(o), o => o is null));
            return new TextTest(texts, [.. codes]);
        }

        var numbers = (WholeColumn)block[column.Name];
        var list = values.Select(WholeColumn.NumberOf).ToArray();
        return new NumberTest(numbers, Is(function, null, list, (_, _) => 0, o => o is null), function, [.. list.Where(v => v is not null).Select(v => v!.Value)]);
    }

    /// <summary>A comparison with null on either side: null equals null and no other value, and is neither less nor greater.</summary>
    private static bool Is<T>(RowFunction function, int? value, IReadOnlyList<T> others, Func<T, int, int> compare, Func<T, bool> isNull) => function switch
    {
        RowFunction.In => others.Any(o => Is(RowFunction.Equal, value, [o], compare, isNull)),
        RowFunction.NotEqual => !Is(RowFunction.Equal, value, others, compare, isNull),
        RowFunction.Equal when value is null || isNull(others[0]) => value is null && isNull(others[0]),
        _ when value is null || isNull(others[0]) => false,
        _ => NumberTest.Is(function, compare(others[0], value.Value)),
    };

    private static IEnumerable<RowExpression> Parts(RowCall call, RowFunction function) =>
        call.Arguments.SelectMany(a => a is RowCall inner && inner.Function == function ? Parts(inner, function) : [a]);

    private static (RowColumnValue Column, RowFunction Function, RowConstant Constant)? Comparison(RowCall call) => call.Arguments switch
    {
        [RowColumnValue column, RowConstant constant] => (column, call.Function, constant),
        [RowConstant constant, RowColumnValue column] => (column, call.Function switch
        {
            RowFunction.Less => RowFunction.Greater,
            RowFunction.LessOrEqual => RowFunction.GreaterOrEqual,
            RowFunction.Greater => RowFunction.Less,
            RowFunction.GreaterOrEqual => RowFunction.LessOrEqual,
            var same => same,
        }, constant),
        _ => null,
    };

    /// <summary>Numbers of different kinds meet as one of them, which is DuckDB's to do; a date beside an instant is its midnight, as both are here.</summary>
    private static bool IsComparable(RowKind column, RowConstant constant) => column switch
    {
        RowKind.String => constant.Value is null or string,
        RowKind.Boolean => constant.Value is null or bool,
        RowKind.Int64 => constant.Value is null or long,
        RowKind.Date or RowKind.Timestamp => constant.Value is null or DateOnly or DateTime,
        _ => false,
    };
}

/// <summary>A comparison of texts: true for some of the column's few.</summary>
internal sealed class TextTest : BlockTest
{
    private readonly TextColumn _column;
    private readonly bool[]? _isTrue;
    private readonly int? _only;

    /// <param name="column">The column.</param>
    /// <param name="codes">The texts for which it is true, by their numbers.</param>
    public TextTest(TextColumn column, IReadOnlyCollection<int> codes)
    {
        _column = column;
        if (codes.Count <= 1)
        {
            _only = codes.Count == 1 ? codes.First() : null;
            return;
        }

        _isTrue = new bool[column.Texts];
        foreach (var code in codes)
        {
            _isTrue[code] = true;
        }
    }

    private TextTest(TextColumn column, bool[] isTrue) => (_column, _isTrue) = (column, isTrue);

    /// <summary>True for all texts but some, by their numbers.</summary>
    public static TextTest Except(TextColumn column, IEnumerable<int> codes)
    {
        var isTrue = new bool[column.Texts];
        isTrue.AsSpan().Fill(true);
        foreach (var code in codes)
        {
            isTrue[code] = false;
        }

        return new TextTest(column, isTrue);
    }

    public override bool Holds(int row) => _isTrue is null ? _column.Codes[row] == _only : _isTrue[_column.Codes[row]];

    public override int Next(int from, int to)
    {
        if (_isTrue is not null)
        {
            return base.Next(from, to);
        }

        var at = _only is { } only && from < to ? _column.Codes[from..to].IndexOf(only) : -1;
        return at < 0 ? to : from + at;
    }
}

/// <summary>A comparison of whole numbers, truths, dates or instants.</summary>
internal sealed class NumberTest(WholeColumn column, bool isTrueForNull, RowFunction function, long[] values) : BlockTest
{
    private readonly HashSet<long>? _set = function == RowFunction.In ? [.. values] : null;

    public override bool Holds(int row) => column.IsNull(row) ? isTrueForNull
        : _set is not null ? _set.Contains(column.Values[row])
        : values.Length > 0 ? Is(function, column.Values[row].CompareTo(values[0]))
        : function == RowFunction.NotEqual;

    public static bool Is(RowFunction function, int order) => function switch
    {
        RowFunction.Equal => order == 0,
        RowFunction.NotEqual => order != 0,
        RowFunction.Less => order < 0,
        RowFunction.LessOrEqual => order <= 0,
        RowFunction.Greater => order > 0,
        RowFunction.GreaterOrEqual => order >= 0,
        _ => throw new ArgumentOutOfRangeException(nameof(function)),
    };
}

/// <summary>All of some tests; without any it is true.</summary>
internal sealed class AllTests(ImmutableArray<BlockTest> tests) : BlockTest
{
    public override bool Holds(int row)
    {
        foreach (var test in tests)
        {
            if (!test.Holds(row))
            {
                return false;
            }
        }

        return true;
    }

    public override int Next(int from, int to)
    {
        if (tests.IsEmpty)
        {
            return from;
        }

        for (var row = tests[0].Next(from, to); row < to; row = tests[0].Next(row + 1, to))
        {
            if (Holds(row))
            {
                return row;
            }
        }

        return to;
    }
}

internal sealed class AnyTest(ImmutableArray<BlockTest> tests) : BlockTest
{
    public override bool Holds(int row)
    {
        foreach (var test in tests)
        {
            if (test.Holds(row))
            {
                return true;
            }
        }

        return false;
    }
}

internal sealed class NoTest(BlockTest test) : BlockTest
{
    public override bool Holds(int row) => !test.Holds(row);
}
