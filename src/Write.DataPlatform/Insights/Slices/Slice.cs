using System.Collections.Immutable;
using Write.DataPlatform.Insights.Blocks;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Insights.Slices;

/// <summary>
/// A plan whose rows follow from those of one gold table by little: whole buckets of days and up, conditions on stored texts, groups by stored columns, and values that are states, or
/// quotients of states, of few rows.
/// </summary>
/// <remarks>
/// It gives what the statement of <see cref="FinishCompiler"/> gives, to the digit, or nothing: what it does not take is DuckDB's. That both are the same is what the tests of random
/// queries show.
/// </remarks>
internal sealed class Slice
{
    /// <summary>How many stored rows an answer may need; of more, DuckDB's groups are as fast.</summary>
    internal const int MaxRows = 10_000;

    private readonly QueryPlan _plan;
    private readonly LeafPiece _piece;
    private readonly ImmutableArray<SliceKey> _keys;
    private readonly ImmutableArray<SliceCondition> _conditions;
    private readonly ImmutableArray<string> _counted;
    private readonly ImmutableArray<MeasureState> _states;

    private Slice(QueryPlan plan, LeafPiece piece, ImmutableArray<SliceKey> keys, ImmutableArray<SliceCondition> conditions)
    {
        (_plan, _piece, _keys, _conditions) = (plan, piece, keys, conditions);
        _states = [.. plan.Leaves.SelectMany(l => l.Leaf.States).DistinctBy(s => s.Name)];
        _counted = [.. _states.Select(s => s.RowsBehind.Name).Distinct()];
    }

    public GoldDefinition Definition => _piece.Gold!.Definition;

    /// <summary>The partitions that it needs, in order of time.</summary>
    public ImmutableArray<GoldCandidatePartition> Partitions => _piece.Partitions;

    /// <summary>Whether its rows are a candidate's.</summary>
    public bool IsOf(GoldCandidate candidate) => ReferenceEquals(candidate.Definition, Definition) && candidate.Tenant == _piece.Gold!.Tenant;

    /// <summary>A plan as a slice; null if it is none.</summary>
    public static Slice? TryOf(QueryPlan plan)
    {
        var query = plan.Resolved;
        if (query is not { Shares.IsEmpty: true, Having: null, After: null, AreTotals: false, Query: { Fill: false, MinMax: false } }
            || query.Metrics.Any(m => m.Previous is not null || !m.Modifiers.IsEmpty || !IsPlain(m.Current))
            || plan.Leaves is not [{ Pieces: [{ Gold.Definition.Table.Grain: >= TimeGrain.Day } piece] } first, ..]
            || !plan.Leaves.All(l => IsPlain(l) && IsSame(l, first)))
        {
            return null;
        }

        var (leaf, definition) = (first.Leaf, piece.Gold!.Definition);
        var conditions = GoldMatcher.Conditions(leaf, piece.Gold).Select(c => SliceCondition.TryOf(c, leaf, definition)).ToList();
        var keys = query.Keys.Select(k => KeyOf(k, leaf, definition)).ToList();
        return conditions.Contains(null) || keys.Contains(null) ? null : new Slice(plan, piece, [.. keys.OfType<SliceKey>()], [.. conditions.OfType<SliceCondition>()]);
    }

    /// <summary>The rows out of the partitions' blocks; null if the blocks are not such that they tell.</summary>
    public ResultRows? Find(IReadOnlyList<RowBlock> blocks)
    {
        var groups = new SliceGroups(_keys, _states, _plan.Resolved.Model.Calendar);
        var left = MaxRows;
        foreach (var block in blocks)
        {
            if (!groups.Begin(block) || TestsOf(block) is not { } tests)
            {
                return null;
            }

            var counted = _counted.Select(block.Find).ToArray();
            if (counted.Contains(null))
            {
                return null;
            }

            var (from, to) = Within((WholeColumn)block[GoldDefinition.Bucket]);
            if (_conditions.IsEmpty && to - from > left)
            {
                return null;
            }

            for (var row = tests.Next(from, to); row < to; row = tests.Next(row + 1, to))
            {
                if (--left < 0 || (!Array.TrueForAll(counted, c => c!.IsNull(row)) && !groups.Add(row)))
                {
                    return null;
                }
            }
        }

        if (_keys.IsEmpty)
        {
            // Without a key there is one row, of nothing if nothing is there.
            groups.AddEmpty();
        }

        return RowsOf(groups);
    }

    /// <summary>What a row must meet; null if a condition is on a column that is no text.</summary>
    private AllTests? TestsOf(RowBlock block)
    {
        var tests = _conditions.Select(c => block.Find(c.Column) is TextColumn texts ? c.Over(texts) : null).ToImmutableArray();
        return tests.Contains(null) ? null : new AllTests(tests!);
    }

    /// <summary>The rows of the range's dates.</summary>
    private (int From, int To) Within(WholeColumn bucket)
    {
        int First(TimeBound? bound, int none)
        {
            if (bound is null)
            {
                return none;
            }

            var at = bucket.Values.BinarySearch(bound.Value.Date.ToDateTime(default).Ticks);
            if (at < 0)
            {
                return ~at;
            }

            while (at > 0 && bucket.Values[at - 1] == bucket.Values[at])
            {
                at--;
            }

            return at;
        }

        return (First(_piece.Range.From, 0), First(_piece.Range.To, bucket.Values.Length));
    }

    private ResultRows? RowsOf(SliceGroups groups)
    {
        var metrics = _plan.Resolved.Metrics.Select(m => (m.Metric.Name, Value: ValueOf(m.Current, groups))).ToList();
        if (metrics.Exists(m => m.Value is null))
        {
            return null;
        }

        ImmutableArray<ResultColumn> columns =
            [.. _keys.Select((k, i) => new ResultColumn(k.Name, groups.KeyType(i))), .. metrics.Select(m => new ResultColumn(m.Name, m.Value!.Value.Type))];
        var rows = new List<object?[]>(groups.Count);
        for (var group = 0; group < groups.Count; group++)
        {
            var row = new object?[columns.Length];
            groups.Key(group).CopyTo(row, 0);
            for (var i = 0; i < metrics.Count; i++)
            {
                row[_keys.Length + i] = metrics[i].Value!.Value.Of(group);
            }

            rows.Add(row);
        }

        return new ResultRows(columns, Shown(rows, columns));
    }

    private List<object?[]> Shown(List<object?[]> rows, ImmutableArray<ResultColumn> columns)
    {
        var query = _plan.Resolved;
        var order = query.Order.Select(o => (At: columns.ToList().FindIndex(c => c.Name == o.Field), o.Descending)).ToArray();
        rows.Sort((a, b) =>
        {
            foreach (var (at, descending) in order)
            {
                if (SliceOrder.Compare(a[at], b[at], descending) is not 0 and var sign)
                {
                    return sign;
                }
            }

            return 0;
        });

        // One row more tells whether there is a next page.
        if (query.Query.Limit is { } limit && rows.Count > limit + 1L)
        {
            rows.RemoveRange(limit + 1, rows.Count - limit - 1);
        }

        return rows;
    }

    /// <summary>A metric's type and its value in a group, as <see cref="MetricValue"/> spells it; null if its states are of other types than it takes.</summary>
    private (ColumnType Type, Func<int, object?> Of)? ValueOf(MetricNode node, SliceGroups groups)
    {
        switch (node)
        {
            case MeasureNode { Aggregation: Aggregation.Average, FillNullsWith: null } average:
                return Quotient(groups.State(average.States[0]), groups.State(average.States[1]));
            case MeasureNode { Aggregation: not Aggregation.Average } measure when groups.State(measure.States[0]) is { } state:
                var filler = measure.FillNullsWith is not { } fill ? null : state.Type.Kind switch { ColumnKind.Int64 => fill, ColumnKind.Double => (object)(double)fill, _ => null };
                return measure.FillNullsWith is null ? state
                    : filler is null ? null
                    : (state.Type, group => state.Of(group) ?? filler);
            case RatioNode ratio:
                return Quotient(ValueOf(ratio.Numerator, groups), ValueOf(ratio.Denominator, groups));
            default:
                return null;
        }
    }

    private static (ColumnType Type, Func<int, object?> Of)? Quotient((ColumnType Type, Func<int, object?> Of)? numerator, (ColumnType Type, Func<int, object?> Of)? denominator)
    {
        // A decimal becomes a double in DuckDB's own way.
        if (numerator is not { Type.Kind: ColumnKind.Int64 or ColumnKind.Double } above || denominator is not { Type.Kind: ColumnKind.Int64 or ColumnKind.Double } below)
        {
            return null;
        }

        static double? Number(object? value) => value switch { long whole => whole, double number => number, _ => null };
        return (new ColumnType(ColumnKind.Double), group => Number(above.Of(group)) is { } a && Number(below.Of(group)) is { } b and not 0 ? a / b : null);
    }

    private static bool IsPlain(MetricNode node) => node switch
    {
        MeasureNode measure => measure.States.All(s => !s.IsSketch),
        RatioNode ratio => IsPlain(ratio.Numerator) && IsPlain(ratio.Denominator),
        _ => false,
    };

    private static bool IsPlain(LeafPlan plan) =>
        plan.Leaf is { HasTime: true, IsListing: false, IsTimeSpine: false, Shift: null, Spine: null, JoinsTimeSpine: false, MeetsTimeSpine: false, TimeSpine: null, Conversion: null, Journey: null, Share: null }
        && plan.Pieces is [{ Gold: not null } piece] && plan.TailOf(piece) is null;

    /// <summary>Whether leaves read the same rows, so that they are one scan.</summary>
    private static bool IsSame(LeafPlan plan, LeafPlan other) =>
        ReferenceEquals(plan.Pieces[0].Gold!.Definition, other.Pieces[0].Gold!.Definition) && plan.Pieces[0].Gold!.Tenant == other.Pieces[0].Gold!.Tenant
        && plan.Pieces[0].Range == other.Pieces[0].Range && plan.Pieces[0].Partitions.SequenceEqual(other.Pieces[0].Partitions) && FilterText.Of(plan.Leaf.Where) == FilterText.Of(other.Leaf.Where);

    private static SliceKey? KeyOf(KeyColumn key, Leaf leaf, GoldDefinition definition)
    {
        var field = leaf.GroupBy.First(g => g.Column == key.Name);
        return leaf.IsAggTime(field.Binding)
            ? field is { IsBucket: true, Grain: >= TimeGrain.Day and var grain } ? new SliceKey(key.Name, GoldDefinition.Bucket, grain == definition.Table.Grain ? null : grain) : null
            : field.Grain is null && definition.ColumnOf(leaf.Fact.Name, field.Binding) is { } column ? new SliceKey(key.Name, column, null) : null;
    }
}

/// <summary>What a slice groups by.</summary>
/// <param name="Name">Its name in the answer.</param>
/// <param name="Column">The stored column.</param>
/// <param name="Grain">For time, the bucket that the stored one lies in; null if it is the same.</param>
internal sealed record SliceKey(string Name, string Column, TimeGrain? Grain);

/// <summary>How DuckDB orders values.</summary>
internal static class SliceOrder
{
    /// <summary>Nulls are last either way; texts go by their UTF-8; what is no number is greater than any.</summary>
    public static int Compare(object? a, object? b, bool descending)
    {
        if (a is null || b is null)
        {
            return (a is null ? 1 : 0) - (b is null ? 1 : 0);
        }

        var sign = (a, b) switch
        {
            (string x, string y) => CompareUtf8(x, y),
            (double x, double y) => double.IsNaN(x) || double.IsNaN(y) ? double.IsNaN(x).CompareTo(double.IsNaN(y)) : x.CompareTo(y),
            _ => Comparer<object>.Default.Compare(a, b),
        };
        return descending ? -sign : sign;
    }

    /// <summary>The order of code points, in which surrogates are behind all of the basic plane.</summary>
    private static int CompareUtf8(string a, string b)
    {
        var at = a.AsSpan().CommonPrefixLength(b);
        if (at == a.Length || at == b.Length)
        {
            return a.Length.CompareTo(b.Length);
        }

        static int Place(char c) => char.IsSurrogate(c) ? c + 0x10000 : c;
        return Place(a[at]).CompareTo(Place(b[at]));
    }
}
