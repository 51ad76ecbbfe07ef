using System.Globalization;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Api.Alerts;

/// <summary>Evaluates the alerts that are due, makes the reports that are due, and delivers what waits. One process at a time does, of all that share a gold store.</summary>
internal sealed class AlertRunner(
    ModelStore models, AlertEvaluator evaluator, AlertMessages messages, AlertStore store, WebhookSender sender, Leases leases, IOptions<AlertOptions> options, TimeProvider clock, ILogger<AlertRunner> logger)
{
    // How far the clocks of two processes may differ; a time further ahead is a clock's that was wrong.
    private static readonly TimeSpan Skew = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan Remembered = TimeSpan.FromDays(1);

    private const string LeaseName = "alerts";

    // The first waits; the longest is an hour.
    private static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestWait = TimeSpan.FromHours(1);

    /// <summary>Does what is due.</summary>
    /// <returns>When something is due next; null if nothing is, or another process sees to it.</returns>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    /// <exception cref="OperationCanceledException">The wait was ended; what was written stays.</exception>
    public async Task<DateTimeOffset?> PassAsync(CancellationToken cancellationToken = default)
    {
        await using var lease = await leases.TryAcquireAsync(LeaseName, cancellationToken: cancellationToken);
        if (lease is null)
        {
            return null;
        }

        using var held = CancellationTokenSource.CreateLinkedTokenSource(lease.Lost, cancellationToken);
        var model = models.Current;
        var next = new List<DateTimeOffset?>();
        foreach (var alert in model.Alerts.Values)
        {
            next.Add(await ApartAsync(() => EvaluateAsync(model, alert, held.Token), held.Token));
        }

        foreach (var report in model.Reports.Values)
        {
            next.Add(await ApartAsync(() => MakeAsync(model, report, held.Token), held.Token));
        }

        next.Add(await DeliverAsync(model, held.Token));
        return next.Min();
    }

    /// <summary>One rule's mistake is not the others'.</summary>
    private async Task<DateTimeOffset?> ApartAsync(Func<Task<DateTimeOffset?>> look, CancellationToken cancellationToken)
    {
        try
        {
            return await look();
        }
        catch (Exception exception) when (exception is not GoldStoreException && !cancellationToken.IsCancellationRequested)
        {
            AlertLog.PassFailed(logger, exception);
            return null;
        }
    }

    /// <summary>Evaluates an alert if a tick of its schedule has come, however many were missed, or if it never was.</summary>
    private async Task<DateTimeOffset?> EvaluateAsync(MetricModel model, Alert alert, CancellationToken cancellationToken)
    {
        var rule = new RuleName(RuleKind.Alert, alert.Name);
        var (stored, revision) = await store.GetAsync(rule, cancellationToken);
        var before = stored.For(alert.Tenant);
        var now = clock.GetUtcNow();
        // Where the clock was set back, time comes round again.
        if (before.DoneTo is { } done && done <= now + Skew && !(alert.Schedule.Next(done) <= now))
        {
            return alert.Schedule.Next(now);
        }

        var evaluation = await evaluator.EvaluateAsync(model, alert, cancellationToken);
        var (after, told) = evaluation.Error is { } error
            ? AlertMachine.AfterError(before, error, alert.For, now)
            : AlertMachine.After(before, evaluation.Judgements, evaluation.Period, alert.For, now);
        if (evaluation.Error is { } failure)
        {
            AlertLog.RuleFailed(logger, rule.Kind, rule.Name, failure);
        }

        after = after with { DoneTo = now };
        foreach (var tell in told)
        {
            var message = messages.Of(model, alert, AlertMessages.TypeOf(tell.Event), tell.Groups, tell.Detail, after.Period);
            after = await AddAsync(after, alert.Channel, message, cancellationToken);
            after = after.Remember(new AlertHistory(now, tell.Event, [.. tell.Groups.Take(AlertMessages.MaxListed).Select(g => string.Join(", ", g.Key.Select(k => k ?? "null")))], tell.Detail ?? tell.Groups.FirstOrDefault()?.Detail, alert.Channel is null ? null : message.Id));
        }

        if (await store.TrySaveAsync(rule, after, revision, cancellationToken))
        {
            foreach (var tell in told)
            {
                AlertLog.Told(logger, alert.Name, tell.Event, tell.Groups.Length);
            }
        }

        return alert.Schedule.Next(now);
    }

    /// <summary>Makes a report if a tick of its schedule has come; of several that were missed one.</summary>
    private async Task<DateTimeOffset?> MakeAsync(MetricModel model, Report report, CancellationToken cancellationToken)
    {
        var rule = new RuleName(RuleKind.Report, report.Name);
        var (stored, revision) = await store.GetAsync(rule, cancellationToken);
        var before = stored.For(report.Tenant);
        var now = clock.GetUtcNow();
        if (before.DoneTo is not { } done || done > now)
        {
            // A new report begins with its next tick.
            await store.TrySaveAsync(rule, before with { DoneTo = now }, revision, cancellationToken);
            return report.Schedule.Next(now);
        }

        if (report.Schedule.Next(done) is not { } tick || tick > now)
        {
            return report.Schedule.Next(now);
        }

        RuleState after;
        try
        {
            var message = await messages.MakeAsync(model, report, cancellationToken);
            after = await AddAsync(before with { EvaluatedAt = now, Error = null, Errors = 0 }, report.Channel, message, cancellationToken);
            after = after.Remember(new AlertHistory(now, AlertEvent.Report, [], $"{message.Body.Length.ToString("N0", CultureInfo.InvariantCulture)} bytes", message.Id));
        }
        catch (Exception exception) when (exception is TimeoutException or ReportTooLargeException || AlertEvaluator.Explain(exception, report.Tenant) is not null)
        {
            var error = AlertEvaluator.Explain(exception, report.Tenant) ?? exception.Message;
            AlertLog.RuleFailed(logger, rule.Kind, rule.Name, error);
            after = (before with { EvaluatedAt = now, Error = error, Errors = before.Errors + 1 }).Remember(new AlertHistory(now, AlertEvent.Error, [], error, null));
        }

        await store.TrySaveAsync(rule, after with { DoneTo = now }, revision, cancellationToken);
        return report.Schedule.Next(now);
    }

    /// <summary>A state with one more message that waits.</summary>
    private async Task<RuleState> AddAsync(RuleState state, string? channel, WebhookMessage message, CancellationToken cancellationToken)
    {
        if (channel is null)
        {
            return state;
        }

        return await store.TryPutBodyAsync(message.Id, message.Body, cancellationToken)
            ? state with { Waiting = state.Waiting.Add(new WaitingMessage { Id = message.Id, Type = message.Type, Channel = channel, ContentType = message.ContentType, CreatedAt = clock.GetUtcNow() }) }
            : throw new ReportTooLargeException();
    }

    /// <summary>Delivers what waits, channel by channel and in order; a receiver that does not take a message is left alone until its next attempt.</summary>
    private async Task<DateTimeOffset?> DeliverAsync(MetricModel model, CancellationToken cancellationToken)
    {
        var waiting = new List<(RuleName Rule, WaitingMessage Message)>();
        foreach (var kind in Enum.GetValues<RuleKind>())
        {
            foreach (var (name, state) in await store.ListAsync(kind, cancellationToken))
            {
                waiting.AddRange(state.Waiting.Select(m => (new RuleName(kind, name), m)));
                // Another process may have a newer model: what was looked at lately is not forgotten.
                if (state.Waiting.IsEmpty && !(state.EvaluatedAt > clock.GetUtcNow() - Remembered) && !(state.DoneTo > clock.GetUtcNow() - Remembered) && !(kind == RuleKind.Alert ? model.Alerts.ContainsKey(name) : model.Reports.ContainsKey(name)))
                {
                    await store.ForgetAsync(new RuleName(kind, name), cancellationToken);
                }
            }
        }

        var next = await Task.WhenAll(waiting.GroupBy(w => w.Message.Channel).Select(async channel =>
        {
            foreach (var (rule, message) in channel.OrderBy(w => w.Message.CreatedAt).ThenBy(w => w.Message.Id, StringComparer.Ordinal))
            {
                if (message.NextAttemptAt is { } at && at > clock.GetUtcNow())
                {
                    return at;
                }

                if (await DeliverAsync(rule, message, cancellationToken) is { } later)
                {
                    return later;
                }
            }

            return (DateTimeOffset?)null;
        }));
        return next.Min();
    }

    /// <returns>When it is tried again; null if it is done with.</returns>
    private async Task<DateTimeOffset?> DeliverAsync(RuleName rule, WaitingMessage message, CancellationToken cancellationToken)
    {
        var body = await store.GetBodyAsync(message.Id, cancellationToken);
        var problem = body is { } found ? await sender.SendAsync(message.Channel, new WebhookMessage(message.Id, message.Type, message.ContentType, found), cancellationToken) : "Its body ran out.";
        var now = clock.GetUtcNow();
        if (problem is not null && body is not null && now - message.CreatedAt < options.Value.GiveUpAfter)
        {
            AlertLog.NotDelivered(logger, message.Id, message.Channel, problem);
            var wait = Math.Min(LongestWait.TotalSeconds, FirstWait.TotalSeconds * Math.Pow(2, Math.Min(message.Attempts, 20)));
            var retry = message with { Attempts = message.Attempts + 1, LastError = problem, NextAttemptAt = now.AddSeconds(wait) };
            await store.UpdateAsync(rule, state => state with { Waiting = [.. state.Waiting.Select(w => w.Id == message.Id ? retry : w)] }, cancellationToken);
            return retry.NextAttemptAt;
        }

        if (problem is not null)
        {
            AlertLog.GivenUp(logger, message.Id, message.Channel, problem);
        }

        await store.UpdateAsync(
            rule,
            state => (state with { Waiting = [.. state.Waiting.Where(w => w.Id != message.Id)] }).Remember(new AlertHistory(now, problem is null ? AlertEvent.Delivered : AlertEvent.GivenUp, [], problem, message.Id)),
            cancellationToken);
        await store.DropBodyAsync(message.Id, cancellationToken);
        return null;
    }
}

/// <summary>A report does not fit into the store, where it waits for its delivery.</summary>
internal sealed class ReportTooLargeException() : Exception($"The report has more than {IGoldStore.MaxBodyBytes:N0} bytes, packed. Give its query a limit, filter more, or group by less.");

/// <summary>Looks after alerts and reports all the time.</summary>
internal sealed class AlertScheduler(AlertRunner runner, ModelStore models, IOptions<AlertOptions> options, TimeProvider clock, ILogger<AlertScheduler> logger) : BackgroundService
{
    // Long waits are cut, so that a clock that was set, a machine that slept or a process that took over is noticed.
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ShortestWait = TimeSpan.FromSeconds(1);

    /// <summary>When it last looked at its rules; null before the first time.</summary>
    public DateTimeOffset? LastLook { get; private set; }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // What a first start builds goes first.
        await Task.Delay(options.Value.StartDelay, clock, stoppingToken);
        while (true)
        {
            var wait = LongestWait;
            try
            {
                LastLook = clock.GetUtcNow();
                if (await runner.PassAsync(stoppingToken) is { } next && next - clock.GetUtcNow() is var until && until < wait)
                {
                    wait = until > ShortestWait ? until : ShortestWait;
                }
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                AlertLog.PassFailed(logger, exception);
            }

            using var waiting = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            var changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            using var reload = models.GetChangeToken().RegisterChangeCallback(_ => changed.TrySetResult(), null);
            await Task.WhenAny(Task.Delay(wait, clock, waiting.Token), changed.Task);
            await waiting.CancelAsync();
            stoppingToken.ThrowIfCancellationRequested();
        }
    }
}
