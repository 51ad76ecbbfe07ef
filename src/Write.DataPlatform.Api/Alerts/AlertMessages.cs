using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Api.Charts;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Api.Alerts;

/// <summary>Writes what is sent.</summary>
internal sealed class AlertMessages(MetricQueryService queries, IOptions<AlertOptions> options, TimeProvider clock)
{
    /// <summary>A message lists so many groups; it has the number of all.</summary>
    public const int MaxListed = 100;

    public const string ReportType = "report.ready";

    /// <summary>A name for a new message.</summary>
    public string NewId() => "msg_" + Guid.CreateVersion7(clock.GetUtcNow()).ToString("N");

    /// <summary>What a message of an event is called.</summary>
    public static string TypeOf(AlertEvent what) => "alert." + JsonNamingPolicy.SnakeCaseLower.ConvertName(what.ToString());

    /// <summary>A message about an alert.</summary>
    public WebhookMessage Of(Alert alert, string type, ImmutableArray<GroupState> groups, ImmutableArray<string> names, string? detail, string? period) =>
        new(NewId(), type, AnswerJson.ContentType, JsonSerializer.SerializeToUtf8Bytes(
            new
            {
                type,
                timestamp = clock.GetUtcNow(),
                data = new
                {
                    alert = alert.Name,
                    description = alert.Description,
                    severity = alert.Severity,
                    tenant = alert.Tenant,
                    condition = Condition(alert),
                    period,
                    detail,
                    groupCount = groups.Length,
                    groups = groups.Take(MaxListed).Select(g => Describe(g, names)),
                },
            },
            AnswerJson.Options));

    /// <summary>A length of time as people say it: its two largest units.</summary>
    public static string Duration(TimeSpan length)
    {
        (long Count, string Unit)[] units = [((long)length.TotalDays, "d"), (length.Hours, "h"), (length.Minutes, "min"), (length.Seconds, "s")];
        return string.Join(' ', units.SkipWhile((u, i) => u.Count == 0 && i < units.Length - 1).Take(2).Where((u, i) => i == 0 || u.Count > 0).Select(u => string.Create(CultureInfo.InvariantCulture, $"{u.Count} {u.Unit}")));
    }

    /// <summary>A report as it is now.</summary>
    /// <exception cref="Query.QueryException">Its query cannot be answered.</exception>
    /// <exception cref="Lake.LakeException">The lake is needed and failed.</exception>
    /// <exception cref="Gold.GoldStoreException">The gold store failed.</exception>
    /// <exception cref="TimeoutException">The query took too long.</exception>
    public async Task<WebhookMessage> MakeAsync(MetricModel model, Report report, CancellationToken cancellationToken = default)
    {
        using var patience = new CancellationTokenSource(options.Value.QueryTimeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            var planned = await queries.PlanAsync(AlertQuestions.Of(model, report), AlertQuestions.Caller(report.Tenant), either.Token);
            var answer = await queries.AnswerAsync(planned, either.Token);
            if (report.Format == ReportFormat.Svg)
            {
                var picture = AnswerChart.Draw(answer, new ChartLook(ChartLook.DefaultWidth, ChartTheme.Light), planned.Plan.Resolved.Zone, planned.Plan.Resolved.Range);
                return new WebhookMessage(NewId(), ReportType, SvgAnswers.ContentType + "; charset=utf-8", Encoding.UTF8.GetBytes(picture));
            }

            var format = report.Format == ReportFormat.Csv ? AnswerFormats.Csv : AnswerFormats.Json;
            return new WebhookMessage(NewId(), ReportType, format.ContentType, await format.WriteAsync(answer, either.Token));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException(AlertEvaluator.TooSlow(options.Value.QueryTimeout));
        }
    }

    /// <summary>The names of what a group's key holds.</summary>
    public static ImmutableArray<string> DimensionsOf(MetricModel model, Alert alert) => alert.Insight is { } name && model.Insights.TryGetValue(name, out var insight)
        ? [.. InsightBinder.Bind(insight, alert.Parameters).Query.GroupBy.Where(f => !f.IsMetricTime).Select(f => f.ToString())]
        : [.. alert.GroupBy.Select(f => f.ToString())];

    /// <summary>A group for programs.</summary>
    public static object Describe(GroupState group, ImmutableArray<string> names) => new
    {
        key = group.Key.Select((value, i) => (Name: i < names.Length ? names[i] : $"key{i}", value)).ToDictionary(k => k.Name, k => k.value),
        status = group.Status,
        since = group.Since,
        value = group.Value,
        reference = group.Reference,
        measure = group.Measure,
        detail = group.Detail,
    };

    /// <summary>What an alert looks for, in words.</summary>
    public static string Condition(Alert alert) => alert.Freshness is { } target
        ? $"{(target.GoldTable is { } table ? $"gold table {table}" : $"stream {target.Stream}")} older than {(target.OlderThan is { } limit ? Duration(limit) : "its objective")}"
        : $"{alert.Metric ?? alert.Insight} {AlertJudge.Text(alert.Condition!)}";
}
