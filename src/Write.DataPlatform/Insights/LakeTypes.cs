using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Insights;

/// <summary>
/// The types of the model's dimensions and entities, asked of the lake once a model snapshot. While the lake is silent they are unknown:
/// gold goes on answering, and a wrong filter value is told by the engine instead.
/// </summary>
internal sealed class LakeTypes(ILake lake, TimeProvider clock)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(30);

    private readonly ConditionalWeakTable<MetricModel, Attempt> _attempts = [];

    public async Task<FieldTypes> GetAsync(MetricModel model, CancellationToken cancellationToken = default)
    {
        var attempt = _attempts.GetValue(model, m => new Attempt(clock.GetTimestamp(), ReadAsync(m)));
        if (attempt.Types.IsFaulted && clock.GetElapsedTime(attempt.StartedAt) > RetryAfter)
        {
            _attempts.Remove(model);
            attempt = _attempts.GetValue(model, m => new Attempt(clock.GetTimestamp(), ReadAsync(m)));
        }

        if (!attempt.Types.IsCompleted && clock.GetElapsedTime(attempt.StartedAt) >= Patience)
        {
            // A lake that hangs is waited for once, not by every query.
            return FieldTypes.Unknown;
        }

        try
        {
            return await attempt.Types.WaitAsync(Patience, clock, cancellationToken);
        }
        catch (Exception exception) when (exception is LakeException or TimeoutException)
        {
            return FieldTypes.Unknown;
        }
    }

    private async Task<FieldTypes> ReadAsync(MetricModel model)
    {
        var kinds = await Task.WhenAll(model.SemanticModels.Values.Select(ReadAsync));
        return new FieldTypes(kinds.SelectMany(k => k).ToImmutableDictionary());
    }

    private async Task<IReadOnlyList<KeyValuePair<string, ColumnKind>>> ReadAsync(SemanticModel semanticModel)
    {
        var elements = semanticModel.Dimensions.Values.Where(d => d.Type == DimensionType.Categorical).Select(d => (d.Name, d.Expr))
            .Concat(semanticModel.Entities.Values.Select(e => (e.Name, e.Expr)))
            .DistinctBy(e => e.Name)
            .ToList();
        if (elements.Count == 0)
        {
            return [];
        }

        var select = new SqlSelect([.. elements.Select(e => new SqlProjection(new SqlText(e.Expr), e.Name))], new SqlTable(semanticModel.Table), "s") { Limit = 0 };
        await using var rows = await lake.QueryAsync(SqlWriter.Write(lake.Dialect, select));
        return [.. rows.Columns.Select(c => KeyValuePair.Create(FieldTypes.Key(semanticModel.Name, c.Name), c.Type.Kind))];
    }

    private sealed record Attempt(long StartedAt, Task<FieldTypes> Types);
}
