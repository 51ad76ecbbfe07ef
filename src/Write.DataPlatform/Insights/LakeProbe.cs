using System.Collections.Immutable;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Insights;

/// <summary>What the lake makes of an expression: a type, or an error.</summary>
internal readonly record struct ProbedExpression(ColumnType? Type, string? Error);

/// <summary>Asks the lake for the types of expressions without reading a row.</summary>
internal static class LakeProbe
{
    /// <summary>All expressions at once; one by one where that fails, so that each that is broken is known.</summary>
    /// <exception cref="LakeException">The lake is not there, or the failure may pass.</exception>
    public static async Task<ImmutableArray<ProbedExpression>> ReadAsync(ILake lake, string table, IReadOnlyList<string> expressions, CancellationToken cancellationToken = default)
    {
        if (expressions.Count == 0)
        {
            return [];
        }

        var select = new SqlSelect([.. expressions.Select((e, i) => new SqlProjection(new SqlText(e), "c" + i))], new SqlTable(table), "s") { Limit = 0 };
        try
        {
            await using var rows = await lake.QueryAsync(SqlWriter.Write(lake.Dialect, select), cancellationToken);
            if (rows.Columns.Length == expressions.Count)
            {
                return [.. rows.Columns.Select(c => new ProbedExpression(c.Type, null))];
            }
        }
        catch (LakeException exception) when (!exception.IsTransient && !exception.IsMissing)
        {
            if (expressions.Count == 1)
            {
                return [new ProbedExpression(null, exception.Message)];
            }
        }

        if (expressions.Count == 1)
        {
            return [new ProbedExpression(null, "The expression is more than one column.")];
        }

        var probed = ImmutableArray.CreateBuilder<ProbedExpression>();
        foreach (var expression in expressions)
        {
            probed.AddRange(await ReadAsync(lake, table, [expression], cancellationToken));
        }

        return probed.ToImmutable();
    }
}
