using System.Collections.Immutable;
using Write.DataPlatform.Insights.Blocks;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Insights.Slices;

/// <summary>
/// A plan whose rows follow from few stored rows of one gold table by little: whole buckets of days and up, texts that are or are not among some, groups by stored columns, and values that
/// are states or quotients of states.
/// </summary>
/// <remarks>It gives what the statement of <see cref="FinishCompiler"/> gives, to the digit, or nothing: what it does not take is DuckDB's.</remarks>
internal sealed class Slice
{
    /// <summary>How many stored rows an answer may need; of more, DuckDB's groups are as fast.</summary>
    internal const int MaxRows = 10_000;

    /// <summary>How often a stored row may be looked at, at most: rows times conditions.</summary>
    private const long MaxTests = 4_000_000;

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

    /// <summary>The table that it is of.</summary>
    public GoldCandidate Gold => _piece.Gold!;

    /// <summary>The partitions that it needs, in order of time.</summary>
    public ImmutableArray<GoldCandidatePartition> Partitions => _piece.Partitions;

    /// <summary>The stored columns that it needs, besides the time, and for what.</summary>
    public IEnumerable<SliceNeed> Needs =>
        [.. _keys.Select(k => new SliceNeed(k.Column, SliceUse.Key)), .. _conditions.Select(c => new SliceNeed(c.Column, SliceUse.Condition)), .. _states.Select(s => new SliceNeed(s.Name, SliceUse.State)), .. _counted.Select(c => new SliceNeed(c, SliceUse.Count))];

    /// <summary>A plan as a slice; null if it is none.</summary>
    public static Slice? TryOf(QueryPlan plan)
    {
        var query = plan.Resolved;
        if (query is not { Shares.IsEmpty: true, Having: null, After: null, AreTotals: false, Query: { Fill: false, MinMax: false } }
            || query.Metrics.Any(m => m.Previous is not null || !m.Modifiers.IsEmpty || !SliceValue.Takes(m.Current))
            || plan.Leaves is not [{ Pieces: [{ Gold.Definition.Table.Grain: >= TimeGrain.Day } piece] } first, ..]
            || !plan.Leaves.All(l => IsPlain(l) && IsSame(l, first)))
        {
            return null;
        }

        var (leaf, definition) = (first.Leaf, piece.Gold!.Definition);
        string? Stored(FieldBinding binding) => binding.IsTime ? null : definition.ColumnOf(leaf.Fact.Name, binding);
        var conditions = GoldMatcher.Conditions(leaf, piece.Gold).Select(c => SliceCondition.TryOf(c, field => Stored(leaf.Bindings[field]))).ToList();
        var keys = query.Keys.Select(k => KeyOf(k, leaf, definition)).ToList();
        var isLarge = conditions.Count == 0 ? piece.Partitions.Where(p => IsWithin(p, piece.Range)).Sum(p => p.Rows) > MaxRows : piece.Partitions.Sum(p => p.Rows) * conditions.Count > MaxTests;
        return isLarge || conditions.Contains(null) || keys.Contains(null) ? null : new Slice(plan, piece, [.. keys.OfType<SliceKey>()], [.. conditions.OfType<SliceCondition>()]);
    }

    /// <summary>The rows out of the partitions' blocks; null if DuckDB must tell them.</summary>
    /// <param name="blocks">The blocks of <see cref="Partitions"/>.</param>
    /// <param name="unfit">A need that the stored columns do not meet; null if the reason is another.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public ResultRows? TryCut(IReadOnlyList<RowBlock> blocks, out SliceNeed? unfit, CancellationToken cancellationToken = default)
    {
        unfit = null;

        // Found first, so that too many cost little.
        var (rows, ends) = (new List<int>(), new int[blocks.Count]);
        for (var i = 0; i < blocks.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!TryFind(blocks[i], rows, out unfit))
            {
                return null;
            }

            ends[i] = rows.Count;
        }

        var groups = new SliceGroups(_keys, _states, _counted, _plan.Resolved.Model.Calendar);
        for (var i = 0; i < blocks.Count; i++)
        {
            if (!groups.TryBegin(blocks[i], out unfit))
            {
                return null;
            }

            for (var at = i == 0 ? 0 : ends[i - 1]; at < ends[i]; at++)
            {
                if (!groups.TryAdd(rows[at]))
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

    /// <summary>Adds the numbers of the rows that meet all conditions.</summary>
    /// <returns>Whether they are few enough, and the conditions' columns are texts.</returns>
    private bool TryFind(RowBlock block, List<int> rows, out SliceNeed? unfit)
    {
        unfit = _conditions.FirstOrDefault(c => block.Find(c.Column) is not TextColumn) is { } odd ? new SliceNeed(odd.Column, SliceUse.Condition) : null;
        if (unfit is not null || block.Find(GoldDefinition.Bucket) is not WholeColumn { HasNulls: false })
        {
            return false;
        }

        var tests = new AllTests([.. _conditions.Select(c => c.Over((TextColumn)block[c.Column]))]);
        var times = ((WholeColumn)block[GoldDefinition.Bucket]).Values;
        var (from, to) = (_piece.Range.From is { } first ? FirstAt(times, first) : 0, _piece.Range.To is { } end ? FirstAt(times, end) : block.Count);
        for (var row = tests.Next(from, to); row < to; row = tests.Next(row + 1, to))
        {
            if (rows.Count == MaxRows)
            {
                return false;
            }

            rows.Add(row);
        }

        return true;
    }

    /// <summary>The first row at a date or after it.</summary>
    private static int FirstAt(ReadOnlySpan<long> times, TimeBound bound)
    {
        var (low, high, ticks) = (0, times.Length, bound.Date.ToDateTime(default).Ticks);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = times[middle] >= ticks ? (low, middle) : (middle + 1, high);
        }

        return low;
    }

    private ResultRows? RowsOf(SliceGroups groups)
    {
        var metrics = _plan.Resolved.Metrics.Select(m => (m.Metric.Name, Value: SliceValue.TryOf(m.Current, groups))).ToList();
        if (metrics.Exists(m => m.Value is null))
        {
            return null;
        }

        ImmutableArray<ResultColumn> columns = [.. _keys.Select((k, i) => new ResultColumn(k.Name, groups.KeyType(i))), .. metrics.Select(m => new ResultColumn(m.Name, m.Value!.Type))];
        var rows = new List<object?[]>(groups.Count);
        for (var group = 0; group < groups.Count; group++)
        {
            var row = new object?[columns.Length];
            groups.Key(group).CopyTo(row, 0);
            for (var i = 0; i < metrics.Count; i++)
            {
                row[_keys.Length + i] = metrics[i].Value!.Of(group);
            }

            rows.Add(row);
        }

        return TrySort(rows, [.. columns.Select(c => c.Name)]) ? new ResultRows(columns, rows) : null;
    }

    /// <summary>Sorts rows and leaves those that are shown.</summary>
    /// <returns>Whether it could: what DuckDB sorts by may lose the sign of a zero there, and may not.</returns>
    private bool TrySort(List<object?[]> rows, List<string> columns)
    {
        var query = _plan.Resolved;
        var order = query.Order.Select(o => (At: columns.IndexOf(o.Field), o.Descending)).ToArray();
        if (rows.Exists(row => Array.Exists(order, o => row[o.At] is double number && number == 0 && double.IsNegative(number))))
        {
            return false;
        }

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

        return true;
    }

    private static bool IsPlain(LeafPlan plan) =>
        plan.Leaf is { HasTime: true, IsListing: false, IsTimeSpine: false, Shift: null, Spine: null, JoinsTimeSpine: false, MeetsTimeSpine: false, TimeSpine: null, Conversion: null, Journey: null, Share: null }
        && plan.Pieces is [{ Gold: not null } piece] && plan.TailOf(piece) is null;

    /// <summary>Whether leaves read the same rows, so that they are one scan.</summary>
    private static bool IsSame(LeafPlan plan, LeafPlan other) =>
        ReferenceEquals(plan.Pieces[0].Gold!.Definition, other.Pieces[0].Gold!.Definition) && plan.Pieces[0].Gold!.Tenant == other.Pieces[0].Gold!.Tenant
        && plan.Pieces[0].Range == other.Pieces[0].Range && plan.Pieces[0].Partitions.SequenceEqual(other.Pieces[0].Partitions) && FilterText.Of(plan.Leaf.Where) == FilterText.Of(other.Leaf.Where);

    private static bool IsWithin(GoldCandidatePartition partition, ResolvedRange range) =>
        (range.From is not { } from || partition.From >= from.Date) && (range.To is not { } to || partition.To <= to.Date);

    private static SliceKey? KeyOf(KeyColumn key, Leaf leaf, GoldDefinition definition)
    {
        var field = leaf.GroupBy.First(g => g.Column == key.Name);
        return leaf.IsAggTime(field.Binding)
            ? field is { IsBucket: true, Grain: >= TimeGrain.Day and var grain } ? new SliceKey(key.Name, GoldDefinition.Bucket, grain == definition.Table.Grain ? null : grain) : null
            : field.Grain is null && definition.ColumnOf(leaf.Fact.Name, field.Binding) is { } column ? new SliceKey(key.Name, column, null) : null;
    }
}

/// <summary>A stored column that a slice needs.</summary>
/// <param name="Column">The column.</param>
/// <param name="Use">For what.</param>
internal readonly record struct SliceNeed(string Column, SliceUse Use);

/// <summary>What a slice needs a column for.</summary>
internal enum SliceUse
{
    Key,
    Condition,
    State,
    Count,
}

/// <summary>What a slice groups by.</summary>
/// <param name="Name">Its name in the answer.</param>
/// <param name="Column">The stored column.</param>
/// <param name="Grain">For time, the bucket that the stored one lies in; null if it is the same.</param>
internal sealed record SliceKey(string Name, string Column, TimeGrain? Grain);
