using System.Collections.Immutable;
using Write.DataPlatform.Insights.Blocks;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Rows;

namespace Write.DataPlatform.Insights.Slices;

/// <summary>The groups of a slice with their states, merged row by row.</summary>
/// <param name="keys">What is grouped by.</param>
/// <param name="states">What is merged.</param>
/// <param name="counted">The columns that tell whether there are rows behind the states: where none does, a stored row is none.</param>
/// <param name="calendar">Cuts times.</param>
internal sealed class SliceGroups(ImmutableArray<SliceKey> keys, ImmutableArray<MeasureState> states, ImmutableArray<string> counted, ModelCalendar calendar)
{
    private static readonly DateOnly FirstCut = new(2, 1, 1);

    private readonly Dictionary<object?[], int> _numbers = new(KeyComparer.Instance);
    private readonly List<object?[]> _keys = [];
    private readonly List<object?[]> _values = [];
    private readonly ColumnType?[] _keyTypes = new ColumnType?[keys.Length];
    private readonly ColumnType?[] _stateTypes = new ColumnType?[states.Length];
    private readonly Func<int, object?>[] _keyOf = new Func<int, object?>[keys.Length];
    private readonly BlockColumn[] _stateOf = new BlockColumn[states.Length];
    private readonly BlockColumn[] _countedOf = new BlockColumn[counted.Length];

    public int Count => _keys.Count;

    public object?[] Key(int group) => _keys[group];

    public ColumnType KeyType(int key) => _keyTypes[key]!.Value;

    /// <summary>A merged state; null if it is not among the states.</summary>
    public SliceValue? State(MeasureState state)
    {
        for (var i = 0; i < states.Length; i++)
        {
            if (states[i].Name == state.Name)
            {
                var at = i;
                return new SliceValue(_stateTypes[at]!.Value, group => _values[group][at]);
            }
        }

        return null;
    }

    /// <summary>Goes on with another block.</summary>
    /// <param name="block">The block.</param>
    /// <param name="unfit">A column that it lacks, or whose type is not one that is grouped by or merged here.</param>
    public bool TryBegin(RowBlock block, out SliceNeed? unfit)
    {
        unfit = null;
        for (var i = 0; i < keys.Length; i++)
        {
            if (block.Find(keys[i].Column) is not { } column || TypeOf(column) is not { Kind: not ColumnKind.Double } type || !Is(ref _keyTypes[i], type))
            {
                unfit = new SliceNeed(keys[i].Column, SliceUse.Key);
                return false;
            }

            // Before the first year there is no bucket that the first lies in.
            if (keys[i].Grain is not null && block.Count > 0 && (DateOnly)column.Value(0)! < FirstCut)
            {
                return false;
            }

            _keyOf[i] = KeyOf(column, keys[i].Grain);
        }

        for (var i = 0; i < states.Length; i++)
        {
            if (block.Find(states[i].Name) is not { } column || TypeOf(column) is not { Kind: ColumnKind.Int64 or ColumnKind.Double } type || !Is(ref _stateTypes[i], type))
            {
                unfit = new SliceNeed(states[i].Name, SliceUse.State);
                return false;
            }

            _stateOf[i] = column;
        }

        for (var i = 0; i < counted.Length; i++)
        {
            if (block.Find(counted[i]) is not { } column)
            {
                unfit = new SliceNeed(counted[i], SliceUse.Count);
                return false;
            }

            _countedOf[i] = column;
        }

        return true;
    }

    /// <summary>Merges a row of the block.</summary>
    /// <param name="row">Its number.</param>
    /// <returns>Whether it could be: sums of doubles, whose digits depend on the order, and those of more than 64 bits are DuckDB's.</returns>
    public bool TryAdd(int row)
    {
        if (!HasRows(row))
        {
            return true;
        }

        var key = new object?[keys.Length];
        for (var i = 0; i < key.Length; i++)
        {
            key[i] = _keyOf[i](row);
        }

        if (!_numbers.TryGetValue(key, out var group))
        {
            _numbers.Add(key, group = _keys.Count);
            _keys.Add(key);
            _values.Add(new object?[states.Length]);
        }

        var values = _values[group];
        for (var i = 0; i < values.Length; i++)
        {
            if (!_stateOf[i].IsNull(row) && !TryMerge(ref values[i], _stateOf[i].Value(row)!, states[i].Kind))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Adds a group without rows if there is none.</summary>
    public void AddEmpty()
    {
        if (_keys.Count == 0)
        {
            _keys.Add([]);
            _values.Add(new object?[states.Length]);
        }
    }

    private bool HasRows(int row)
    {
        foreach (var column in _countedOf)
        {
            if (!column.IsNull(row))
            {
                return true;
            }
        }

        return false;
    }

    private static bool TryMerge(ref object? state, object value, StateKind kind)
    {
        switch (state, value)
        {
            case (null, double first):
                // A sum begins with zero, which makes nothing of a negative zero.
                state = kind == StateKind.Sum ? 0 + first : first;
                return true;
            case (null, _):
                state = value;
                return true;
            case (long sum, long more) when kind is StateKind.Sum or StateKind.Count or StateKind.Rows:
                var total = unchecked(sum + more);
                state = total;
                return ((sum ^ total) & (more ^ total)) >= 0;
            case (long least, long other) when kind is StateKind.Min:
                state = Math.Min(least, other);
                return true;
            case (long most, long other) when kind is StateKind.Max:
                state = Math.Max(most, other);
                return true;
            default:
                return false;
        }
    }

    private static bool Is(ref ColumnType? known, ColumnType type)
    {
        known ??= type;
        return known == type;
    }

    private static ColumnType? TypeOf(BlockColumn column) => column switch
    {
        TextColumn => new ColumnType(ColumnKind.String),
        WholeColumn { Kind: RowKind.Int64 } => new ColumnType(ColumnKind.Int64),
        WholeColumn { Kind: RowKind.Boolean } => new ColumnType(ColumnKind.Boolean),
        WholeColumn { Kind: RowKind.Date } => new ColumnType(ColumnKind.Date),
        NumberColumn<double> => new ColumnType(ColumnKind.Double),
        _ => null,
    };

    private Func<int, object?> KeyOf(BlockColumn column, TimeGrain? grain)
    {
        switch (column)
        {
            case TextColumn texts:
                // A text is made once and not for each of its rows.
                var made = new Dictionary<int, string?>();
                return row =>
                {
                    var code = texts.Codes[row];
                    if (!made.TryGetValue(code, out var text))
                    {
                        made.Add(code, text = texts.TextOf(code));
                    }

                    return text;
                };
            case WholeColumn when grain is { } coarser:
                return row => calendar.Truncate((DateOnly)column.Value(row)!, coarser);
            default:
                return column.Value;
        }
    }

    private sealed class KeyComparer : IEqualityComparer<object?[]>
    {
        public static KeyComparer Instance { get; } = new();

        public bool Equals(object?[]? x, object?[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(object?[] key)
        {
            var hash = new HashCode();
            foreach (var value in key)
            {
                hash.Add(value);
            }

            return hash.ToHashCode();
        }
    }
}
