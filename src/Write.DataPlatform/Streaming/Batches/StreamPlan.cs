using System.Collections.Immutable;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Streaming.Batches;

/// <summary>What a stream's events are and which gold tables they are counted for.</summary>
/// <param name="Stream">As written.</param>
/// <param name="Fact">The semantic model whose rows the events are.</param>
/// <param name="TimeColumn">The column of the event time.</param>
/// <param name="IdColumn">The column of the primary entity, which tells an event sent again; null if the model has none that is a column.</param>
/// <param name="Tables">The gold tables that count the fact.</param>
internal sealed record StreamPlan(StreamDefinition Stream, SemanticModel Fact, string TimeColumn, string? IdColumn, ImmutableArray<GoldDefinition> Tables)
{
    /// <summary>The length that every window's divides, so that none straddles a day in any zone.</summary>
    public static readonly TimeSpan Quarter = TimeSpan.FromMinutes(15);

    /// <summary>The columns that the lake's table is partitioned by in time, each with the bucket it holds.</summary>
    public ImmutableDictionary<string, TimeGrain> Partitions =>
        Fact.Dimensions.Values.Where(d => d.IsPartition && d.Partitions is { } time && Fact.Dimensions[time].Expr == TimeColumn && SqlWriter.IsColumn(d.Expr))
            .ToImmutableDictionary(d => d.Expr, d => d.Granularity ?? TimeGrain.Day, StringComparer.OrdinalIgnoreCase);

    /// <summary>The plan of a stream; null with the reasons why it cannot be counted.</summary>
    public static StreamPlan? Create(MetricModel model, StreamDefinition stream, out ImmutableArray<string> problems)
    {
        var found = ImmutableArray.CreateBuilder<string>();
        problems = [];
        if (!model.SemanticModels.TryGetValue(stream.SemanticModel, out var fact))
        {
            return null;
        }

        if (stream.Window < TimeSpan.FromSeconds(1) || Quarter.Ticks % Math.Max(1, stream.Window.Ticks) != 0 || stream.Window.Ticks % TimeSpan.TicksPerSecond != 0)
        {
            found.Add($"The window {stream.Window} does not divide a quarter of an hour into whole seconds, so windows would straddle days. Use 10s, 1m, 5m or 15m, for example.");
        }

        foreach (var table in stream.Tables)
        {
            if (model.Streams.Values.FirstOrDefault(s => s.Name != stream.Name && s.SemanticModel == stream.SemanticModel && s.Tables.Contains(table)) is { } other && string.CompareOrdinal(other.Name, stream.Name) < 0)
            {
                found.Add($"The stream {other.Name} feeds {table} with events of {stream.SemanticModel} already; one stream may.");
            }
        }

        var definitions = stream.Tables.Select(t => GoldDefinitions.Of(model).ByTable.GetValueOrDefault(t)).OfType<GoldDefinition>().ToImmutableArray();
        var leaves = definitions.Select(d => (Definition: d, Leaves: d.Leaves.Where(l => l.Fact.Name == fact.Name).ToList())).ToList();
        foreach (var (definition, own) in leaves)
        {
            if (own.Count == 0)
            {
                found.Add($"{definition.Table.Name} counts nothing of {fact.Name}.");
            }

            var bindings = own.SelectMany(l => l.GroupBy.Select(g => g.Binding).Concat(l.Bindings.Values)).ToList();
            if (bindings.Any(b => b.Hops.Any(h => h.Target.Table == fact.Table)))
            {
                found.Add($"{definition.Table.Name} joins events of {fact.Name} to their own table, whose other rows a stream does not have.");
            }

            if (bindings.Any(b => b.Custom is not null))
            {
                found.Add($"{definition.Table.Name} groups or filters events of {fact.Name} by a granularity of a time spine, which a stream does not have.");
            }
        }

        var times = leaves.SelectMany(l => l.Leaves).Select(l => l.AggTime).DistinctBy(t => t.Name).ToList();
        if (times.Count > 1)
        {
            found.Add($"Its tables place events of {fact.Name} by {string.Join(" and ", times.Select(t => t.Name))}; a stream has one event time.");
        }
        else if (times is [var time] && (!Leaf.IsInstant(time) || !SqlWriter.IsColumn(time.Expr)))
        {
            found.Add($"{time.Name} of {fact.Name} must be a column of instants (its granularity finer than a day) to be a stream's event time.");
        }

        problems = found.ToImmutable();
        if (found.Count > 0 || times.Count == 0)
        {
            return null;
        }

        var id = fact.Entities.Values.FirstOrDefault(e => e.Type == EntityType.Primary) ?? fact.Entities.Values.FirstOrDefault(e => e.Type == EntityType.Unique);
        return new StreamPlan(stream, fact, times[0].Expr, id is not null && SqlWriter.IsColumn(id.Expr) ? id.Expr : null, definitions);
    }
}

/// <summary>A stream that cannot be counted is a mistake of the model.</summary>
internal sealed class StreamRule : IModelRule
{
    public const string Code = "S001";

    public IEnumerable<ModelProblem> Check(MetricModel model) =>
        from stream in model.Streams.Values
        let plan = StreamPlan.Create(model, stream, out var problems) is null ? problems : []
        from problem in plan
        select new ModelProblem(Code, $"Stream {stream.Name}: {problem}", stream.Source, null);
}
