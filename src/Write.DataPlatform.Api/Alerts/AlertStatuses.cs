using System.Collections.Immutable;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Api.Alerts;

/// <summary>A rule of the model and what it has come to.</summary>
/// <param name="Name">The rule.</param>
/// <param name="Alert">The alert; null for a report.</param>
/// <param name="Report">The report; null for an alert.</param>
/// <param name="State">Its state.</param>
/// <param name="Next">When it is due next.</param>
/// <param name="IsChannelKnown">Whether its channel, if it has one, is configured.</param>
internal sealed record RuleStatus(RuleName Name, Alert? Alert, Report? Report, RuleState State, DateTimeOffset? Next, bool IsChannelKnown)
{
    private string? Channel => Alert?.Channel ?? Report?.Channel;

    /// <summary>What keeps it from being evaluated or delivered.</summary>
    public ImmutableArray<string> Problems =>
    [
        .. State.Error is { } error ? [$"{Name.Kind} {Name.Name} failed: {error}"] : (IEnumerable<string>)[],
        .. IsChannelKnown ? (IEnumerable<string>)[] : [$"{Name.Kind} {Name.Name}: the channel '{Channel}' is not configured (DataPlatform:Alerts:Channels)."],
        .. State.Waiting.Where(w => w.LastError is not null && IsChannelKnown).Take(1).Select(w => $"{Name.Kind} {Name.Name}: {State.Waiting.Length} messages wait for the channel '{w.Channel}'. {w.LastError}"),
    ];

    /// <summary>The rule without its details.</summary>
    public object Describe() => Alert is { } alert
        ? new
        {
            name = alert.Name,
            href = "/v1/alerts/" + alert.Name,
            description = alert.Description,
            severity = alert.Severity,
            tenant = alert.Tenant,
            condition = AlertMessages.Condition(alert),
            status = State.Status,
            since = State.Groups.Where(g => g.Status == State.Status).Select(g => (DateTimeOffset?)g.Since).Min(),
            period = State.Period,
            detail = State.Error ?? State.Groups.Where(g => g.IsFiringTold || g.Status == State.Status).Select(g => (g.Key.IsEmpty ? "" : string.Join(", ", g.Key.Select(k => k ?? "null")) + ": ") + g.Detail).FirstOrDefault(),
            error = State.Error,
            groups = State.Groups.Length,
            firing = State.Groups.Count(g => g.IsFiringTold),
            channel = alert.Channel,
            waiting = State.Waiting.Length,
            problems = Problems,
            evaluatedAt = State.EvaluatedAt,
            nextAt = Next,
        }
        : new
        {
            name = Report!.Name,
            href = "/v1/reports/" + Report.Name,
            description = Report.Description,
            tenant = Report.Tenant,
            format = Report.Format,
            status = State.Error is not null ? "error" : State.Waiting.IsEmpty ? State.EvaluatedAt is null ? "scheduled" : "sent" : "waiting",
            error = State.Error,
            channel = Report.Channel,
            waiting = State.Waiting.Length,
            problems = Problems,
            sentAt = State.History.FirstOrDefault(h => h.Event == AlertEvent.Delivered)?.At,
            madeAt = State.EvaluatedAt,
            nextAt = Next,
        };

    /// <summary>What happened, newest first, and what waits.</summary>
    public object DescribeHistory() => new
    {
        history = State.History.Select(h => new { at = h.At, @event = h.Event, groups = h.Groups, detail = h.Detail, messageId = h.MessageId }),
        messages = State.Waiting.Select(w => new { id = w.Id, type = w.Type, channel = w.Channel, createdAt = w.CreatedAt, attempts = w.Attempts, nextAttemptAt = w.NextAttemptAt, lastError = w.LastError }),
    };
}

/// <summary>How the model's alerts and reports are, over all processes that share the gold store.</summary>
internal sealed class AlertStatuses(AlertStore store, WebhookSender sender, TimeProvider clock)
{
    /// <exception cref="GoldStoreException">The store could not be read.</exception>
    public async Task<IReadOnlyList<RuleStatus>> GetAsync(MetricModel model, CancellationToken cancellationToken = default) =>
        [.. await GetAsync(model, RuleKind.Alert, cancellationToken), .. await GetAsync(model, RuleKind.Report, cancellationToken)];

    /// <summary>The rules of a kind, by name.</summary>
    /// <exception cref="GoldStoreException">The store could not be read.</exception>
    public async Task<IReadOnlyList<RuleStatus>> GetAsync(MetricModel model, RuleKind kind, CancellationToken cancellationToken = default)
    {
        var states = await store.ListAsync(kind, cancellationToken);
        var now = clock.GetUtcNow();
        RuleStatus Status(string name, Alert? alert, Report? report, Schedule schedule, string? channel) =>
            new(new RuleName(kind, name), alert, report, states.GetValueOrDefault(name) is { } state && state.Tenant == (alert?.Tenant ?? report?.Tenant) ? state : new RuleState(), schedule.Next(now), channel is null || sender.Knows(channel));
        return kind == RuleKind.Alert
            ? [.. model.Alerts.Values.Select(a => Status(a.Name, a, null, a.Schedule, a.Channel))]
            : [.. model.Reports.Values.Select(r => Status(r.Name, null, r, r.Schedule, r.Channel))];
    }
}
