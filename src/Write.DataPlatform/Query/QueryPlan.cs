using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Query;

/// <summary>A query, who answers each of its leaves, and the statements that do.</summary>
internal sealed record QueryPlan(ResolvedQuery Resolved, ImmutableArray<LeafPlan> Leaves)
{
    /// <summary>Whether every state can be merged, so that totals follow from the same pieces.</summary>
    public bool IsMergeable => Leaves.All(l => l.Leaf.States.All(s => s.IsMergeable));

    /// <summary>All passes: names and rules, then gold or lake for each leaf.</summary>
    /// <param name="model">The snapshot to plan against.</param>
    /// <param name="query">The query.</param>
    /// <param name="types">The dimensions' types, as far as they are known.</param>
    /// <param name="candidates">The gold tables that may serve.</param>
    /// <param name="now">The moment that relative ranges end at.</param>
    /// <exception cref="QueryException">The query has mistakes, or asks for gold alone and gold cannot answer.</exception>
    public static QueryPlan Create(
        MetricModel model, MetricQuery query, FieldTypes types, IReadOnlyList<GoldCandidate> candidates, DateTimeOffset now)
    {
        return Create(QueryResolver.Resolve(model, query, types, now), candidates);
    }

    /// <summary>
    /// The plan of the same query over all groups, for totals whose states cannot be merged: every rule stays as it was resolved, the compared weeks
    /// among them, and only the keys go.
    /// </summary>
    /// <exception cref="QueryException">The query asks for gold alone and gold cannot answer.</exception>
    public QueryPlan ForTotals(IReadOnlyList<GoldCandidate> candidates) =>
        Create(
            Resolved with
            {
                Query = Resolved.Query with { OrderBy = [], Limit = null },
                Keys = [],
                Having = null,
                After = null,
                AreTotals = true,
                Shares = [],
                Leaves = [.. Resolved.Leaves.Where(l => l.Share is null && !l.IsTimeSpine).Select(l => l with { GroupBy = [], JoinsTimeSpine = false, MeetsTimeSpine = false, TimeSpine = null })],
            },
            candidates);

    private static QueryPlan Create(ResolvedQuery resolved, IReadOnlyList<GoldCandidate> candidates)
    {
        var query = resolved.Query;
        var leaves = resolved.Leaves.SelectMany(leaf => GoldMatcher.Plans(leaf, candidates, query.Source, query.Tenant)).ToImmutableArray();
        if (query.Source == QuerySource.Gold && leaves.Any(l => l.NeedsLake))
        {
            throw new QueryException(
                [.. leaves.Where(l => l.NeedsLake).SelectMany(l => l.Misses).Distinct().Select(m => new QueryProblem(QueryProblems.NotInGold, $"{m.Code}: {m.Message}", "source"))],
                isUnanswerable: true);
        }

        return new QueryPlan(resolved, leaves);
    }

    /// <summary>The lake's statement for a piece that gold does not serve.</summary>
    public static SqlStatement CompileLake(LeafPlan plan, LeafPiece piece, SqlDialect dialect) =>
        SqlWriter.Write(dialect, LeafCompiler.Compile(plan.Leaf, piece.Range));
}

/// <summary>The definitions of a model's gold tables, made once a snapshot.</summary>
internal sealed class GoldDefinitions
{
    private static readonly ConditionalWeakTable<MetricModel, GoldDefinitions> Snapshots = [];

    private GoldDefinitions(MetricModel model)
    {
        var problems = ImmutableDictionary.CreateBuilder<string, QueryException>();
        var definitions = ImmutableSortedDictionary.CreateBuilder<string, GoldDefinition>();
        foreach (var table in model.GoldTables.Values)
        {
            try
            {
                definitions[table.Name] = GoldDefinition.Create(model, table);
            }
            catch (QueryException exception)
            {
                problems[table.Name] = exception;
            }
        }

        (ByTable, Problems) = (definitions.ToImmutable(), problems.ToImmutable());
    }

    public ImmutableSortedDictionary<string, GoldDefinition> ByTable { get; }

    /// <summary>Why a table has none.</summary>
    public ImmutableDictionary<string, QueryException> Problems { get; }

    public static GoldDefinitions Of(MetricModel model) => Snapshots.GetValue(model, static m => new GoldDefinitions(m));
}

/// <summary>A gold table whose metrics and dimensions do not fit together is a mistake of the model.</summary>
internal sealed class GoldTableRule : IModelRule
{
    public const string Code = "Q001";

    public IEnumerable<ModelProblem> Check(MetricModel model) =>
        from entry in GoldDefinitions.Of(model).Problems
        orderby entry.Key
        from problem in entry.Value.Problems
        select new ModelProblem(Code, $"Gold table {entry.Key}: {problem.Message}", model.GoldTables[entry.Key].Source, problem.Suggestion);
}
