using Write.DataPlatform.Model.Reading;

namespace Write.DataPlatform.Model.Rules;

/// <summary>An alert judges one thing, by a schedule that can be read; it and a report name what there is.</summary>
internal sealed class AlertRule : IModelRule
{
    public IEnumerable<ModelProblem> Check(MetricModel model) =>
    [
        .. model.Alerts.Values.SelectMany(alert => Check(model, alert)),
        .. model.Reports.Values.SelectMany(report => Check(model, report)),
    ];

    private static IEnumerable<ModelProblem> Check(MetricModel model, Alert alert)
    {
        ModelProblem Bad(string key, string message, string? suggestion = null) => new(ModelCode.BadAlert, $"The alert '{alert.Name}' {message}", model.Positions.Find(alert.Source, key), suggestion);

        if (alert.Freshness is { } freshness)
        {
            if (alert.Metric is not null || alert.Insight is not null || alert.Condition is not null || alert.Where is not null || !alert.GroupBy.IsEmpty || alert.Grain is not null || !alert.Parameters.IsEmpty)
            {
                yield return Bad("freshness", "looks at freshness and at a metric.", "Make two alerts of it.");
            }

            if ((freshness.GoldTable is null) == (freshness.Stream is null))
            {
                yield return Bad("freshness", "needs 'gold_table' or 'stream' under 'freshness', and only one of them.");
            }

            if (freshness.GoldTable is { } name)
            {
                if (!model.GoldTables.TryGetValue(name, out var table))
                {
                    yield return new ModelProblem(ModelCode.UnknownGoldTable, $"There is no gold table '{name}'.", model.Positions.Find(alert.Source, "freshness.gold_table"), Suggestion.For(name, model.GoldTables.Keys));
                }
                else if (freshness.OlderThan is null && table.Freshness is null)
                {
                    yield return Bad("freshness", $"has no 'older_than', and the gold table '{name}' no 'freshness' to take it from.");
                }
            }

            if (freshness.Stream is { } stream && !model.Streams.ContainsKey(stream))
            {
                yield return Bad("freshness.stream", $"names the stream '{stream}', which does not exist.", Suggestion.For(stream, model.Streams.Keys));
            }
        }
        else if (alert.Metric is null && alert.Insight is null)
        {
            yield return Bad("metric", "needs 'metric', 'insight' or 'freshness'.");
        }
        else if (alert.Condition is null)
        {
            // Told when it was read, unless what is written is none.
            yield break;
        }

        if (alert.Metric is { } metric && !model.Metrics.ContainsKey(metric))
        {
            yield return new ModelProblem(ModelCode.UnknownMetric, $"There is no metric '{metric}'.", model.Positions.Find(alert.Source, "metric"), Suggestion.For(metric, model.Metrics.Keys));
        }

        if (alert.Grain < TimeGrain.Minute)
        {
            yield return Bad("grain", "judges periods shorter than a minute.", "Use the grain minute.");
        }

        if (alert is { Period: AlertPeriod.Current, Condition: { Against: not AlertReference.Value } })
        {
            yield return Bad("period", "holds a period that is not over against whole ones.", "Judge the complete period, or hold the current one against a value.");
        }

        if (alert.Insight is not null && !alert.GroupBy.IsEmpty)
        {
            yield return Bad("group_by", "takes its groups from the insight and names others.", "Leave one of them out.");
        }

        foreach (var problem in Common(model, "alert", alert.Name, alert.Source, alert.Insight, alert.Schedule, alert.Tenant, alert.Parameters.Count))
        {
            yield return problem;
        }
    }

    private static IEnumerable<ModelProblem> Check(MetricModel model, Report report)
    {
        if ((report.Query is null) == (report.Insight is null))
        {
            yield return new ModelProblem(ModelCode.BadAlert, $"The report '{report.Name}' needs 'query' or 'insight', and only one of them.", report.Source);
        }

        foreach (var problem in Common(model, "report", report.Name, report.Source, report.Insight, report.Schedule, report.Tenant, report.Parameters.Count))
        {
            yield return problem;
        }
    }

    private static IEnumerable<ModelProblem> Common(MetricModel model, string what, string name, SourcePosition source, string? insight, Schedule schedule, string? tenant, int parameters)
    {
        if (insight is not null && !model.Insights.ContainsKey(insight))
        {
            yield return new ModelProblem(ModelCode.BadAlert, $"The {what} '{name}' names the insight '{insight}', which does not exist.", model.Positions.Find(source, "insight"), Suggestion.For(insight, model.Insights.Keys));
        }

        if (insight is null && parameters > 0)
        {
            yield return new ModelProblem(ModelCode.BadAlert, $"The {what} '{name}' has 'parameters' and no 'insight' that takes them.", model.Positions.Find(source, "parameters"));
        }

        if (tenant is not null && !model.Tenants.ContainsKey(tenant))
        {
            yield return new ModelProblem(ModelCode.BadAlert, $"The {what} '{name}' is of the tenant '{tenant}', which does not exist.", model.Positions.Find(source, "tenant"), Suggestion.For(tenant, model.Tenants.Keys));
        }

        if (schedule.Cron.Length > 0 && Schedule.ProblemOf(schedule.Cron) is { } problem)
        {
            yield return new ModelProblem(ModelCode.BadCron, $"'{schedule.Cron}' is no schedule: {problem}", model.Positions.Find(source, "schedule.cron", "schedule"), "For example \"*/15 * * * *\" for every 15 minutes.");
        }
    }
}
