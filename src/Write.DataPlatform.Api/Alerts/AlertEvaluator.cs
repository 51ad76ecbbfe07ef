using System.Collections.Immutable;
using System.Globalization;
using System.Numerics;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Api.Health;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Alerts;

/// <summary>What an evaluation came to.</summary>
/// <param name="Judgements">One a group; none if it failed.</param>
/// <param name="Period">The period judged, in words.</param>
/// <param name="Error">Why it failed; null if it did not.</param>
/// <param name="Gap">Why nothing could be judged, whatever group; null if it could.</param>
internal sealed record Evaluation(ImmutableArray<Judgement> Judgements, string Period, string? Error, string? Gap = null);

/// <summary>The question of an alert or of a report.</summary>
internal static class AlertQuestions
{
    /// <summary>An alert's query at a moment, with the period it judges.</summary>
    /// <exception cref="QueryException">It has mistakes.</exception>
    public static (MetricQuery Query, JudgedPeriod Period) Of(MetricModel model, Alert alert, DateTimeOffset now)
    {
        var insight = alert.Insight is { } name ? InsightBinder.Bind(model.Insights[name], alert.Parameters).Query : new MetricQuery { GroupBy = alert.GroupBy };
        var metric = alert.Metric ?? (insight.AllMetrics is [var only] ? only : throw Mistake($"The insight '{alert.Insight}' has {insight.AllMetrics.Length} metrics: name one with 'metric'.", "metrics"));
        if (alert.Metric is not null && alert.Insight is not null && !insight.AllMetrics.Contains(metric))
        {
            throw Mistake($"The insight '{alert.Insight}' does not ask for the metric '{metric}'.", "metrics");
        }

        var grain = alert.Grain ?? insight.GroupBy.FirstOrDefault(f => f.IsMetricTime)?.Grain ?? TimeGrain.Day;
        var zone = alert.TimeZone ?? insight.TimeZone ?? model.TimeZone;
        if (grain < TimeGrain.Minute)
        {
            throw Mistake("Periods shorter than a minute are not judged: give the alert the grain minute.", "groupBy");
        }

        var period = JudgedPeriod.Of(alert, grain, zone, model.Calendar, now);
        var query = new MetricQuery
        {
            Metrics = [metric],
            GroupBy = [new FieldName([FieldName.MetricTime], grain), .. insight.GroupBy.Where(f => !f.IsMetricTime)],
            Where = Filter.And([insight.Where, alert.Where]),
            TimeRange = period.Range,
            TimeZone = zone,
            Tenant = alert.Tenant,
            Compare = alert.Condition?.Against switch
            {
                AlertReference.PreviousPeriod => new Comparison(ComparisonKind.PreviousPeriod),
                AlertReference.PreviousYear => new Comparison(ComparisonKind.PreviousYear),
                _ => null,
            },
        };
        // A period without a row has the value that the metric has of nothing, if it can be filled.
        var filled = query with { Fill = true };
        return (CanBeAsked(model, filled, now) ? filled : query, period);
    }

    /// <summary>Whether the metric itself says what a period without rows has (<c>fill_nulls_with</c>).</summary>
    public static bool HasOwnFill(MetricModel model, MetricQuery query, DateTimeOffset now) =>
        MetricNode.Measures(QueryResolver.Resolve(model, query, FieldTypes.Unknown, now).Metrics[0].Current).Any(m => m.FillNullsWith is not null);

    /// <summary>A report's query.</summary>
    /// <exception cref="QueryException">It has mistakes.</exception>
    public static MetricQuery Of(MetricModel model, Report report) => report.Insight is { } name
        ? InsightBinder.Bind(model.Insights[name], report.Parameters).Query with { Tenant = report.Tenant }
        : MetricQueryReader.Read(report.Query!) with { Tenant = report.Tenant };

    /// <summary>On whose behalf a rule asks: what is sent out is what its receiver may see.</summary>
    public static Caller Caller(string? tenant) => tenant is null ? Security.Caller.Operator : new Caller("alerts", tenant, false);

    private static bool CanBeAsked(MetricModel model, MetricQuery query, DateTimeOffset now)
    {
        try
        {
            QueryResolver.Resolve(model, query, FieldTypes.Unknown, now);
            return true;
        }
        catch (QueryException)
        {
            return false;
        }
    }

    private static QueryException Mistake(string message, string path) => new([new QueryProblem(QueryFormProblems.OutOfRange, message, path)]);
}

/// <summary>An alert or a report whose query cannot be answered is a mistake of the model.</summary>
internal sealed class AlertQueryRule(TimeProvider clock) : IModelRule
{
    public const string AlertCode = "I005";
    public const string ReportCode = "I006";

    public IEnumerable<ModelProblem> Check(MetricModel model)
    {
        var now = clock.GetUtcNow();
        return
        [
            .. model.Alerts.Values.Where(a => a.Freshness is null && a.Condition is not null && (a.Insight is null ? a.Metric is { } metric && model.Metrics.ContainsKey(metric) : model.Insights.ContainsKey(a.Insight)))
                .SelectMany(alert => Problems(AlertCode, $"alert '{alert.Name}'", alert.Source, () => QueryResolver.Resolve(model, AlertQuestions.Of(model, alert, now).Query, FieldTypes.Unknown, now))),
            .. model.Reports.Values.Where(r => r.Insight is null ? r.Query is not null : model.Insights.ContainsKey(r.Insight))
                .SelectMany(report => Problems(ReportCode, $"report '{report.Name}'", report.Source, () => QueryResolver.Resolve(model, AlertQuestions.Of(model, report), FieldTypes.Unknown, now))),
        ];
    }

    private static IEnumerable<ModelProblem> Problems(string code, string what, SourcePosition position, Action resolve)
    {
        try
        {
            resolve();
            return [];
        }
        catch (QueryException exception)
        {
            return exception.Problems.Select(p => new ModelProblem(code, $"The {what}{(p.Path is null ? "" : $" at {p.Path}")}: {p.Message}", position, p.Suggestion));
        }
    }
}

/// <summary>Asks alerts' questions and judges the answers.</summary>
internal sealed class AlertEvaluator(MetricQueryService queries, GoldStatus gold, StreamStatuses streams, IOptions<AlertOptions> options, TimeProvider clock)
{
    /// <summary>The most groups that one alert judges.</summary>
    public const int MaxGroups = 500;

    /// <summary>Evaluates an alert now. A failure is an outcome, and never a verdict.</summary>
    /// <exception cref="OperationCanceledException">The wait was ended.</exception>
    public async Task<Evaluation> EvaluateAsync(MetricModel model, Alert alert, CancellationToken cancellationToken = default)
    {
        using var patience = new CancellationTokenSource(options.Value.QueryTimeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            return alert.Freshness is { } target ? await FreshnessAsync(model, target, either.Token) : await MetricAsync(model, alert, either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new Evaluation([], "", $"{ProblemCodes.QueryTimeout}: {TooSlow(options.Value.QueryTimeout)}");
        }
        catch (Exception exception) when (Explain(exception, alert.Tenant) is not null)
        {
            return new Evaluation([], "", Explain(exception, alert.Tenant));
        }
    }

    public static string TooSlow(TimeSpan limit) => $"The query took longer than {limit:c}.";

    /// <summary>Why a question failed, as its reader may know it; null for what is no failure of a question.</summary>
    public static string? Explain(Exception exception, string? tenant) => exception switch
    {
        QueryException query => string.Join(' ', query.Problems.Select(p => $"{p.Code}: {p.Message}")),
        AccessDeniedException => exception.Message,
        TimeoutException => $"{ProblemCodes.QueryTimeout}: {exception.Message}",
        LakeException => tenant is null ? $"{ProblemCodes.LakeFailed}: {exception.Message}" : $"{ProblemCodes.LakeFailed}: The lake did not answer.",
        GoldStoreException => tenant is null ? $"{ProblemCodes.GoldFailed}: {exception.Message}" : $"{ProblemCodes.GoldFailed}: The gold store did not answer.",
        _ => null,
    };

    private async Task<Evaluation> FreshnessAsync(MetricModel model, FreshnessTarget target, CancellationToken cancellationToken)
    {
        TimeSpan? age;
        TimeSpan limit;
        if (target.GoldTable is { } table)
        {
            var status = (await gold.GetAsync(model, cancellationToken)).First(s => s.Table.Name == table);
            (age, limit) = (status.Age, target.OlderThan ?? status.Table.Freshness!.Value);
        }
        else if (!streams.IsOn)
        {
            return new Evaluation([new Judgement([], Verdict.NoData, null, null, null, "No stream is configured.")], "", null);
        }
        else
        {
            (age, limit) = ((await streams.GetAsync(model, cancellationToken)).First(s => s.Stream.Name == target.Stream).Lag, target.OlderThan ?? streams.MaxLag);
        }

        var judgement = age is { } old
            ? new Judgement([], old > limit ? Verdict.Broken : Verdict.Ok, old.TotalSeconds, limit.TotalSeconds, old.TotalSeconds, $"{AlertMessages.Duration(old)} old; {AlertMessages.Duration(limit)} is allowed.")
            : new Judgement([], Verdict.NoData, null, limit.TotalSeconds, null, target.GoldTable is null ? "Nothing was ever counted." : "It was never refreshed.");
        return new Evaluation([judgement], "", null);
    }

    private async Task<Evaluation> MetricAsync(MetricModel model, Alert alert, CancellationToken cancellationToken)
    {
        var condition = alert.Condition!;
        var (query, period) = AlertQuestions.Of(model, alert, clock.GetUtcNow());
        var answer = await queries.AnswerAsync(query, AlertQuestions.Caller(alert.Tenant), cancellationToken);

        var keys = query.GroupBy.Length;
        var counted = await CountedAsync(model, alert, query, cancellationToken);
        bool IsCounted(object?[] row, ImmutableArray<string?> key) => counted?.Contains((row[0], AlertMachine.KeyOf(key))) != false;
        var groups = new Dictionary<string, (ImmutableArray<string?> Key, double? Value, List<double?> Earlier)>(StringComparer.Ordinal);
        foreach (var row in answer.Rows)
        {
            var key = KeysOf(row, keys);
            ref var group = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(groups, AlertMachine.KeyOf(key), out var isKnown);
            if (!isKnown)
            {
                group = (key, null, []);
            }

            if (period.Bucket.Equals(row[0]))
            {
                group.Value = Number(row[keys]);
                if (query.Compare is not null && IsCounted(row, key))
                {
                    group.Earlier.Add(Number(row[keys + 1]));
                }
            }
            else if (IsCounted(row, key))
            {
                group.Earlier.Add(Number(row[keys]));
            }
        }

        if (groups.Count > MaxGroups)
        {
            return new Evaluation([], period.ToString(), $"{ProblemCodes.AnswerTooLarge}: The alert has {groups.Count:N0} groups, and {MaxGroups} are judged at most. Filter more, or group by less.");
        }

        if (groups.Count == 0 && keys == 1)
        {
            groups[""] = ([], null, []);
        }

        var gap = period.Gap(alert, answer.Served.AsOf) ?? (condition.Against == AlertReference.PreviousYear ? period.NoYearBefore(query.TimeZone ?? model.TimeZone, model.Calendar) : null);
        return new Evaluation(
            [.. groups.Values.Select(g => gap is null ? AlertJudge.Judge(condition, g.Key, g.Value, g.Earlier) : new Judgement(g.Key, Verdict.NoData, g.Value, null, null, gap))],
            period.ToString(), null, gap);
    }

    /// <summary>
    /// The periods and groups that had rows before, or whose earlier period had: a value is held against what was counted. What fills a period without rows is a value of it only where the metric says so.
    /// Null for all.
    /// </summary>
    private async Task<HashSet<(object?, string)>?> CountedAsync(MetricModel model, Alert alert, MetricQuery query, CancellationToken cancellationToken)
    {
        if (alert.Condition!.Against == AlertReference.Value || !query.Fill || AlertQuestions.HasOwnFill(model, query, clock.GetUtcNow()))
        {
            return null;
        }

        var keys = query.GroupBy.Length;
        var rows = (await queries.AnswerAsync(query with { Fill = false }, AlertQuestions.Caller(alert.Tenant), cancellationToken)).Rows;
        return [.. rows.Where(r => query.Compare is null || r[keys + 1] is not null).Select(r => (r[0], AlertMachine.KeyOf(KeysOf(r, keys))))];
    }

    private static ImmutableArray<string?> KeysOf(object?[] row, int keys) => [.. row[1..keys].Select(v => v is null ? null : AnswerJson.Text(v))];

    private static double? Number(object? value) => value switch
    {
        null => null,
        BigInteger integer => (double)integer,
        IConvertible and not (string or bool or DateTime) => Convert.ToDouble(value, CultureInfo.InvariantCulture),
        _ => throw new QueryException([new QueryProblem(QueryFormProblems.WrongType, "The metric is no number, so that it cannot be judged.", "metrics")]),
    };
}
