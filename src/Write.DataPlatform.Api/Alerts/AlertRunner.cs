using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Api.Alerts;

/// <summary>What is looked at apart, so that it waits for nothing else: freshness needs no lake, and a report no alert.</summary>
internal enum AlertLane
{
    /// <summary>Alerts on freshness.</summary>
    Freshness,

    /// <summary>Alerts on metrics.</summary>
    Metrics,

    /// <summary>Reports.</summary>
    Reports,
}

/// <summary>Evaluates the alerts that are due and makes the reports that are due. One process at a time does in each lane, of all that share a gold store; <see cref="AlertOutbox"/> delivers.</summary>
internal sealed class AlertRunner(ModelStore models, AlertEvaluator evaluator, AlertMessages messages, AlertStore store, AlertOutbox outbox, Leases leases, TimeProvider clock, ILogger<AlertRunner> logger)
{
    public const string LeaseName = "alerts";

    // A slow lake is asked by a few rules, and not by all that are due: its turns are others' too.
    private const int AlertsAtOnce = 2;

    // What was not begun by then is due at the next pass, which begins with those that waited longest.
    private static readonly TimeSpan LongestPass = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Remembered = TimeSpan.FromDays(1);

    /// <summary>Does what is due in all lanes, side by side.</summary>
    /// <inheritdoc cref="PassAsync(AlertLane, TimeSpan, CancellationToken)"/>
    public async Task<DateTimeOffset?> PassAsync(TimeSpan patience = default, CancellationToken cancellationToken = default) =>
        (await Task.WhenAll(Enum.GetValues<AlertLane>().Select(lane => PassAsync(lane, patience, cancellationToken)))).Min();

    /// <summary>Does what is due in a lane.</summary>
    /// <param name="lane">The lane.</param>
    /// <param name="patience">How long a process that seems to be at it is waited for: one that was killed never ends.</param>
    /// <param name="cancellationToken">Ends it; what was written stays.</param>
    /// <returns>When something is due next; null if nothing is, or another process sees to it.</returns>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    /// <exception cref="OperationCanceledException">The wait was ended.</exception>
    public async Task<DateTimeOffset?> PassAsync(AlertLane lane, TimeSpan patience = default, CancellationToken cancellationToken = default)
    {
        await using var lease = await leases.AcquireAsync(LeaseOf(lane), patience, cancellationToken);
        if (lease is null)
        {
            return null;
        }

        using var held = CancellationTokenSource.CreateLinkedTokenSource(lease.Lost, cancellationToken);
        var model = models.Current;
        var states = await store.ListAsync(lane == AlertLane.Reports ? RuleKind.Report : RuleKind.Alert, held.Token);
        Look OfAlert(Alert alert) => new(
            new Rule(new RuleName(RuleKind.Alert, alert.Name), alert.Tenant, alert.Schedule, alert.For, alert.Channel), states, _ => EvaluateAsync(model, alert, held.Token), (_, error) => Fail(alert, error));
        Look OfReport(Report report) => new(
            new Rule(new RuleName(RuleKind.Report, report.Name), report.Tenant, report.Schedule, 1, report.Channel), states, before => MakeAsync(model, report, before, held.Token), (before, error) => _ => Fail(report, before, error));

        switch (lane)
        {
            case AlertLane.Freshness:
                return await LookAtDueAsync(model.Alerts.Values.Where(a => a.Freshness is not null).Select(OfAlert), 1, held.Token);
            case AlertLane.Metrics:
                var next = await LookAtDueAsync(model.Alerts.Values.Where(a => a.Freshness is null).Select(OfAlert), AlertsAtOnce, held.Token);
                await ForgetAsync(RuleKind.Alert, states, model.Alerts.ContainsKey, held.Token);
                return next;
            default:
                next = await LookAtDueAsync(model.Reports.Values.Select(OfReport), 1, held.Token);
                await ForgetAsync(RuleKind.Report, states, model.Reports.ContainsKey, held.Token);
                return next;
        }
    }

    /// <summary>The lease of who is at a lane.</summary>
    public static string LeaseOf(AlertLane lane) => lane == AlertLane.Metrics ? LeaseName : $"{LeaseName}-{lane.ToString().ToLowerInvariant()}";

    /// <summary>
    /// Looks after those rules that are due: of each tenant, the one first that was served longest ago, the first one, then of each the second. A tenant's go one after another, so
    /// that those that are slow hold up no one else's for more than a round.
    /// </summary>
    /// <param name="looks">The rules.</param>
    /// <param name="atOnce">How many at once.</param>
    /// <param name="cancellationToken">Ends it.</param>
    private async Task<DateTimeOffset?> LookAtDueAsync(IEnumerable<Look> looks, int atOnce, CancellationToken cancellationToken)
    {
        var (now, started) = (clock.GetUtcNow(), clock.GetTimestamp());
        DateTimeOffset? Due(Look look) => look.Before.Due(look.Rule.Schedule, look.Rule.Times, now);
        var next = new ConcurrentBag<DateTimeOffset?>();
        var rounds = new List<(Look Look, SemaphoreSlim Turn, int Round)>();
        foreach (var tenant in looks.GroupBy(look => (object?)look.Rule.Tenant ?? look.Rule.Name).OrderBy(rules => rules.Max(look => look.Before.DoneTo)))
        {
            var due = tenant.ToLookup(look => Due(look) <= now);
            var turn = new SemaphoreSlim(1);
            rounds.AddRange(due[true].OrderBy(look => look.Before.DoneTo).Select((look, round) => (look, turn, round)));
            due[false].ToList().ForEach(look => next.Add(Due(look)));
        }

        await Parallel.ForEachAsync(
            rounds.OrderBy(one => one.Round),
            new ParallelOptions { MaxDegreeOfParallelism = atOnce, CancellationToken = cancellationToken },
            async (one, failed) =>
            {
                if (clock.GetElapsedTime(started) > LongestPass)
                {
                    next.Add(now);
                    return;
                }

                await one.Turn.WaitAsync(failed);
                try
                {
                    next.Add(await LookAtAsync(one.Look, cancellationToken));
                }
                finally
                {
                    one.Turn.Release();
                }
            });
        return next.Min();
    }

    /// <summary>Looks after one rule: what it comes to is one write. Whatever goes wrong with it is its own error, and never the others'.</summary>
    private async Task<DateTimeOffset?> LookAtAsync(Look look, CancellationToken cancellationToken)
    {
        var (rule, before, now) = (look.Rule, look.Before, clock.GetUtcNow());
        try
        {
            try
            {
                await SaveAsync(rule, before, await look.Work(before), now, cancellationToken);
            }
            catch (Exception exception) when (exception is not GoldStoreException && !cancellationToken.IsCancellationRequested)
            {
                if (exception is not AlertTooLargeException)
                {
                    AlertLog.Unforeseen(logger, exception, rule.Name.Kind, rule.Name.Name);
                }

                await SaveAsync(rule, before, look.Fail(before, exception is AlertTooLargeException ? exception.Message : $"{ProblemCodes.InternalError}: A mistake of the server ({exception.GetType().Name}). Its log has the details."), now, cancellationToken);
            }
        }
        catch (Exception exception) when (exception is not GoldStoreException && !cancellationToken.IsCancellationRequested)
        {
            // Not even the failure could be written down.
            AlertLog.Unforeseen(logger, exception, rule.Name.Kind, rule.Name.Name);
        }

        // A failure comes again before that, and is seen at the next look.
        return rule.Schedule.Next(now);
    }

    /// <summary>Writes what a rule came to, with the messages that tell of it, unless another process did so meanwhile.</summary>
    private async Task SaveAsync(Rule rule, RuleState before, Func<RuleState, Turn> change, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var turn = change(before);
        var waiting = ImmutableArray.CreateBuilder<WaitingMessage>();
        foreach (var message in rule.Channel is null ? [] : turn.Messages)
        {
            await store.PutBodyAsync(message.Id, message.Body, cancellationToken);
            waiting.Add(new WaitingMessage { Id = message.Id, Type = message.Type, Channel = rule.Channel!, ContentType = message.ContentType, Tenant = rule.Tenant, CreatedAt = now });
        }

        var isSaved = false;
        await store.UpdateAsync(
            rule.Name,
            stored =>
            {
                // Deliveries may have changed what waits and what is remembered, and nothing else.
                isSaved = stored.For(rule.Tenant).DoneTo == before.DoneTo;
                var state = turn.State with { DoneTo = now, Tenant = rule.Tenant, Waiting = stored.Waiting, History = stored.For(rule.Tenant).History };
                return isSaved ? turn.History.Aggregate(state, (s, entry) => s.Remember(entry)).Add(waiting.ToImmutable(), now) : stored;
            },
            cancellationToken);
        if (isSaved && turn.State.Error is { } error)
        {
            AlertLog.RuleFailed(logger, rule.Name.Kind, rule.Name.Name, error);
        }

        foreach (var entry in isSaved ? turn.History : [])
        {
            AlertLog.Told(logger, rule.Name.Name, entry.Event, entry.Groups.Length);
        }

        outbox.Wake();
    }

    private async Task<Func<RuleState, Turn>> EvaluateAsync(MetricModel model, Alert alert, CancellationToken cancellationToken)
    {
        var evaluation = await evaluator.EvaluateAsync(model, alert, cancellationToken);
        var names = AlertMessages.DimensionsOf(model, alert);
        return evaluation.Error is { } error ? Fail(alert, error) : state => Tell(alert, AlertMachine.After(state, evaluation, names, alert.For, clock.GetUtcNow()));
    }

    private Func<RuleState, Turn> Fail(Alert alert, string error) => state => Tell(alert, AlertMachine.AfterError(state, error, alert.Schedule, alert.For, clock.GetUtcNow()));

    private Turn Tell(Alert alert, (RuleState State, ImmutableArray<Told> Told) after)
    {
        var sent = after.Told.Select(t => (Told: t, Message: messages.Of(alert, AlertMessages.TypeOf(t.Event), t.Groups, t.Dimensions, t.Detail, after.State.Period))).ToList();
        return new Turn(after.State, [.. sent.Select(s => s.Message)], [.. sent.Select(s => new AlertHistory(
            clock.GetUtcNow(), s.Told.Event, [.. s.Told.Groups.Take(AlertMessages.MaxListed).Select(g => string.Join(", ", g.Key.Select(k => k ?? "null")))], s.Told.Detail ?? s.Told.Groups.FirstOrDefault()?.Detail, alert.Channel is null ? null : s.Message.Id))]);
    }

    /// <summary>Makes a report; of several ticks that were missed one. A new one begins with its next tick.</summary>
    private async Task<Func<RuleState, Turn>> MakeAsync(MetricModel model, Report report, RuleState before, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        if (before.DoneTo is not { } done || done > now)
        {
            return state => new Turn(state, [], []);
        }

        try
        {
            var message = await messages.MakeAsync(model, report, cancellationToken);
            return state => new Turn(
                state with { EvaluatedAt = now, Error = null, Errors = 0, FailedTicks = 0 }, [message], [new AlertHistory(now, AlertEvent.Report, [], $"{message.Body.Length.ToString("N0", CultureInfo.InvariantCulture)} bytes", message.Id)]);
        }
        catch (Exception exception) when (AlertEvaluator.Explain(exception, report.Tenant) is not null)
        {
            return state => Fail(report, state, AlertEvaluator.Explain(exception, report.Tenant)!);
        }
    }

    private Turn Fail(Report report, RuleState state, string error) =>
        new(state.Failed(report.Schedule, error, clock.GetUtcNow()), [], [new AlertHistory(clock.GetUtcNow(), AlertEvent.Error, [], error, null)]);

    /// <summary>Forgets rules that the model has no more. Another process may have a newer model: what was looked at lately stays.</summary>
    private async Task ForgetAsync(RuleKind kind, IReadOnlyDictionary<string, RuleState> states, Func<string, bool> isKnown, CancellationToken cancellationToken)
    {
        var since = clock.GetUtcNow() - Remembered;
        bool IsOld(RuleState state) => state.Waiting.IsEmpty && !(state.EvaluatedAt > since) && !(state.DoneTo > since);
        foreach (var (name, _) in states.Where(s => !isKnown(s.Key) && IsOld(s.Value)))
        {
            await store.ForgetAsync(new RuleName(kind, name), IsOld, cancellationToken);
        }
    }

    /// <summary>What alerts and reports have alike.</summary>
    private sealed record Rule(RuleName Name, string? Tenant, Schedule Schedule, int Times, string? Channel);

    /// <summary>A rule, how it was left, and what is done if it is due.</summary>
    /// <param name="Rule">The rule.</param>
    /// <param name="States">The states of its kind.</param>
    /// <param name="Work">Asks, and says how the state changes.</param>
    /// <param name="Fail">How the state changes by a failure.</param>
    private sealed record Look(Rule Rule, IReadOnlyDictionary<string, RuleState> States, Func<RuleState, Task<Func<RuleState, Turn>>> Work, Func<RuleState, string, Func<RuleState, Turn>> Fail)
    {
        public RuleState Before { get; } = (States.GetValueOrDefault(Rule.Name.Name) ?? new RuleState()).For(Rule.Tenant);
    }

    /// <summary>What a rule came to.</summary>
    /// <param name="State">Its state, but for what waits and what is remembered.</param>
    /// <param name="Messages">What is sent, if it has a channel.</param>
    /// <param name="History">What is remembered, the earliest first.</param>
    private sealed record Turn(RuleState State, ImmutableArray<WebhookMessage> Messages, ImmutableArray<AlertHistory> History);
}
