using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Api.Alerts;

/// <summary>How a report is.</summary>
internal enum ReportStatus
{
    /// <summary>Not made yet.</summary>
    Scheduled,

    /// <summary>A message waits for its delivery.</summary>
    Waiting,

    /// <summary>The last one was delivered.</summary>
    Sent,

    /// <summary>The last one was given up.</summary>
    GivenUp,

    /// <summary>The last one could not be made.</summary>
    Error,
}

/// <summary>A rule of the model and what it has come to.</summary>
/// <param name="Name">The rule.</param>
/// <param name="Alert">The alert; null for a report.</param>
/// <param name="Report">The report; null for an alert.</param>
/// <param name="State">Its state.</param>
/// <param name="Next">When it is due next.</param>
/// <param name="OverdueSince">Since when it is due and was not looked at, if that is long ago.</param>
/// <param name="GivenUp">Its last message, if it was given up.</param>
/// <param name="IsGivenUpLately">Whether that is not long ago.</param>
/// <param name="IsChannelKnown">Whether its channel, if it has one, is configured.</param>
internal sealed record RuleStatus(
    RuleName Name, Alert? Alert, Report? Report, RuleState State, DateTimeOffset? Next, DateTimeOffset? OverdueSince, AlertHistory? GivenUp, bool IsGivenUpLately, bool IsChannelKnown)
{
    private object? LastGivenUp => GivenUp is { } last ? new { at = last.At, reason = last.Detail, messageId = last.MessageId } : null;

    /// <summary>What keeps it from being evaluated or delivered. Of channels it says no names: a tenant reads it, too.</summary>
    public ImmutableArray<string> Problems =>
    [
        .. new[]
        {
            State.Error is { } error ? $"failed: {error}" : null,
            OverdueSince is { } due ? string.Create(CultureInfo.InvariantCulture, $"was due at {due.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'} and was not looked at.") : null,
            !IsChannelKnown ? "its channel is not configured (DataPlatform:Alerts:Channels)." : State.Waiting.FirstOrDefault(w => w.LastError is not null) is { } waiting ? $"{State.Waiting.Length} messages wait. {waiting.LastError}" : null,
            IsGivenUpLately ? $"its last message was given up. {GivenUp!.Detail}" : null,
        }.OfType<string>().Select(p => $"{Name.Kind} {Name.Name}: {p}"),
    ];

    /// <summary>How a report is.</summary>
    public ReportStatus ReportStatus => State.Error is not null ? ReportStatus.Error
        : !State.Waiting.IsEmpty ? ReportStatus.Waiting
        : GivenUp is not null ? ReportStatus.GivenUp
        : State.EvaluatedAt is null ? ReportStatus.Scheduled
        : ReportStatus.Sent;

    /// <summary>The rule without its details.</summary>
    /// <param name="all">Whether channels are named, which is for operators.</param>
    public object Describe(bool all) => Alert is { } alert
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
            channel = all ? alert.Channel : null,
            waiting = State.Waiting.Length,
            givenUp = LastGivenUp,
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
            status = ReportStatus,
            error = State.Error,
            channel = all ? Report.Channel : null,
            waiting = State.Waiting.Length,
            givenUp = LastGivenUp,
            problems = Problems,
            sentAt = State.History.FirstOrDefault(h => h.Event == AlertEvent.Delivered)?.At,
            madeAt = State.EvaluatedAt,
            nextAt = Next,
        };

    /// <summary>What happened, newest first, and what waits.</summary>
    /// <param name="all">Whether channels are named, which is for operators.</param>
    public object DescribeHistory(bool all) => new
    {
        history = State.History.Select(h => new { at = h.At, @event = h.Event, groups = h.Groups, detail = h.Detail, messageId = h.MessageId }),
        messages = State.Waiting.Select(w => new { id = w.Id, type = w.Type, channel = all ? w.Channel : null, createdAt = w.CreatedAt, attempts = w.Attempts, nextAttemptAt = w.NextAttemptAt, lastError = w.LastError }),
    };
}

/// <summary>How the model's alerts and reports are, over all processes that share the gold store.</summary>
internal sealed class AlertStatuses(AlertStore store, WebhookSender sender, ModelStore models, TimeProvider clock)
{
    // A tick is dealt with some seconds after it came, and a process that takes over has its time.
    private static readonly TimeSpan Silence = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan Lately = TimeSpan.FromDays(1);

    /// <exception cref="GoldStoreException">The store could not be read.</exception>
    public async Task<IReadOnlyList<RuleStatus>> GetAsync(MetricModel model, CancellationToken cancellationToken = default) =>
        [.. await GetAsync(model, RuleKind.Alert, cancellationToken), .. await GetAsync(model, RuleKind.Report, cancellationToken)];

    /// <summary>The rules of a kind, by name.</summary>
    /// <exception cref="GoldStoreException">The store could not be read.</exception>
    public async Task<IReadOnlyList<RuleStatus>> GetAsync(MetricModel model, RuleKind kind, CancellationToken cancellationToken = default)
    {
        var states = await store.ListAsync(kind, cancellationToken);
        var now = clock.GetUtcNow();
        RuleStatus Status(string name, Alert? alert, Report? report, Schedule schedule, string? channel)
        {
            var state = states.GetValueOrDefault(name) is { } found && found.Tenant == (alert?.Tenant ?? report?.Tenant) ? found : new RuleState();
            var due = state.DoneTo is null ? models.Status.LoadedAt : state.Due(schedule, alert?.For ?? 1, now);
            var givenUp = state.LastSent is { Event: AlertEvent.GivenUp } last ? last : null;
            return new RuleStatus(new RuleName(kind, name), alert, report, state, schedule.Next(now), due < now - Silence ? due : null, givenUp, givenUp?.At > now - Lately, channel is null || sender.Knows(channel));
        }

        return kind == RuleKind.Alert
            ? [.. model.Alerts.Values.Select(a => Status(a.Name, a, null, a.Schedule, a.Channel))]
            : [.. model.Reports.Values.Select(r => Status(r.Name, null, r, r.Schedule, r.Channel))];
    }
}
