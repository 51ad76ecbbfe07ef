using System.Collections.Immutable;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Query;

/// <summary>One metric's value for each value of one key, as a single SELECT over the lake: what a filter by <c>Metric(…)</c> joins to.</summary>
internal static class MetricByEntity
{
    /// <summary>Its columns are <c>key</c> and <c>value</c>.</summary>
    public static SqlSelect Compile(ResolvedQuery query)
    {
        var key = query.Keys[0].Name;
        var states = query.Leaves.SelectMany(l => l.States.Select(s => (State: s, Column: l.Column(s)))).ToList();
        var parts = query.Leaves.Select(leaf => Padded(LeafCompiler.Compile(leaf, leaf.Range), key, states.Select(s => s.Column))).ToImmutableArray();
        var merged = states.ToDictionary(s => s.Column, s => s.State.Merge(new SqlColumn("u", s.Column)));
        var value = MetricValue.Of(
            query.Metrics[0].Current, measure => MetricValue.Of(measure, measure.States.Select(s => merged[query.Leaves[measure.LeafIndex].Column(s)])), fills: false);
        return new SqlSelect([new SqlProjection(new SqlColumn("u", key), "key"), new SqlProjection(value, "value")], new SqlUnionAll(parts), "u") { GroupByCount = 1 };
    }

    private static SqlSelect Padded(SqlSelect select, string key, IEnumerable<string> columns) => select with
    {
        Columns =
        [
            select.Columns.First(c => c.Name == key),
            .. columns.Select(name => select.Columns.FirstOrDefault(c => c.Name == name) ?? new SqlProjection(new SqlLiteral(null), name)),
        ],
    };
}
