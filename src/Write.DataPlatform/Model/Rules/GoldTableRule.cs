namespace Write.DataPlatform.Model.Rules;

/// <summary>A gold table's partitions are made of whole buckets, its schedule can be read, and what is external can be cut by tenant.</summary>
internal sealed class GoldTableRule : IModelRule
{
    public IEnumerable<ModelProblem> Check(MetricModel model)
    {
        foreach (var table in model.GoldTables.Values)
        {
            if (table.Grain < TimeGrain.Second)
            {
                yield return new ModelProblem(
                    ModelCode.BadGrains, $"The gold table '{table.Name}' has buckets of a millisecond, and gold keeps none shorter than a second.", model.Positions.Find(table.Source, "grain"), "Use the grain second.");
            }
            else if (!Nests(table.Grain, table.Partition))
            {
                var (grain, partition) = (Name(table.Grain), Name(table.Partition));
                yield return new ModelProblem(
                    ModelCode.BadGrains,
                    table.Partition < table.Grain
                        ? $"The partitions of the gold table '{table.Name}' ({partition}) are finer than its buckets ({grain})."
                        : $"A {grain} does not lie within one {partition}, so the gold table '{table.Name}' cannot be partitioned so.",
                    model.Positions.Find(table.Source, "partition"),
                    table.Grain is TimeGrain.Week ? "Partition by week, or use the grain day." : "Use a coarser partition.");
            }

            foreach (var duplicate in table.GroupBy.GroupBy(f => f).Where(g => g.Count() > 1))
            {
                yield return new ModelProblem(
                    ModelCode.Duplicate, $"The gold table '{table.Name}' groups by '{duplicate.Key}' twice.", model.Positions.Find(table.Source, "group_by"));
            }

            foreach (var duplicate in table.Metrics.GroupBy(m => m).Where(g => g.Count() > 1))
            {
                yield return new ModelProblem(
                    ModelCode.Duplicate, $"The gold table '{table.Name}' names the metric '{duplicate.Key}' twice.", model.Positions.Find(table.Source, "metrics"));
            }

            if (table.Freshness <= TimeSpan.Zero)
            {
                yield return new ModelProblem(ModelCode.BadValue, $"'freshness' of the gold table '{table.Name}' must be longer than nothing.", model.Positions.Find(table.Source, "freshness"));
            }

            if (table.Refresh is { } refresh)
            {
                if (refresh.LookBack < TimeSpan.Zero)
                {
                    yield return new ModelProblem(
                        ModelCode.NegativeLookBack, $"'look_back' of the gold table '{table.Name}' is negative.", model.Positions.Find(table.Source, "refresh.look_back"));
                }

                if (refresh.Cron.Length > 0 && Schedule.ProblemOf(refresh.Cron) is { } problem)
                {
                    yield return new ModelProblem(
                        ModelCode.BadCron, $"'{refresh.Cron}' is no schedule: {problem}", model.Positions.Find(table.Source, "refresh.cron"), "For example \"*/15 * * * *\" for every 15 minutes.");
                }
            }

            if (table.Audience is Audience.External && model.Tenants.IsEmpty)
            {
                yield return new ModelProblem(
                    ModelCode.ExternalWithoutTenants, $"The gold table '{table.Name}' is external and there is no tenant to store it for.", model.Positions.Find(table.Source, "audience"),
                    "Add 'tenants', or leave 'audience' out.");
            }
        }
    }

    /// <summary>Whether every bucket of a grain lies within one of a partition.</summary>
    private static bool Nests(TimeGrain grain, TimeGrain partition) =>
        grain == partition || (grain < partition && grain is not TimeGrain.Week);

    private static string Name(TimeGrain grain) => grain.ToString().ToLowerInvariant();
}
