using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Benchmarks;

/// <summary>What stands before a query's first row: names resolved, gold matched, SQL written.</summary>
internal static class PlanPart
{
    private const string Insight = "kpi-year-on-year";

    // The first thousands still wait for the compiler.
    private const int InARow = 3000;

    public static async Task<IReadOnlyList<Figure>> RunAsync(Scale scale, World world, CancellationToken cancellationToken)
    {
        var model = world.App.Services.GetRequiredService<ModelStore>().Current;
        var query = InsightBinder.BindDefaults(model.Insights[Insight]).Query;
        var types = await world.App.Services.GetRequiredService<LakeTypes>().GetAsync(model, cancellationToken);
        var snapshots = await world.App.Services.GetRequiredService<GoldReader>().GetSnapshotsAsync(model, null, cancellationToken: cancellationToken);
        ImmutableArray<GoldCandidate> candidates = [.. snapshots.Select(s => s.Candidate)];
        var now = TimeProvider.System.GetUtcNow();

        SqlStatement Compile()
        {
            var plan = QueryPlan.Create(model, query, types, candidates, now);
            WrongAnswerException.ThrowIf(plan.Leaves.Any(l => l.NeedsLake), $"{Insight} is not answered by gold alone.");
            return FinishCompiler.Compile(plan.Resolved, plan.Leaves, (_, piece) => piece.Gold!.Definition.Table.Name);
        }

        var first = Compile();
        var times = await Measure.InTurnsAsync(
            scale.Rounds,
            cancellationToken,
            () => Measure.ProcessorMillisecondsAsync(
                () => WrongAnswerException.ThrowIf(Compile().Text != first.Text, "The same query gave another statement."),
                InARow));
        return [new Figure("plan", $"{Insight}: resolve, match and compile", "ms of processor time", times[0], null, Bound.AtMost, 0.3)];
    }
}
