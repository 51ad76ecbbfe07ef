using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Api.Alerts;

/// <summary>Delivers what waits. Each channel is looked after by itself, by one process at a time, and its messages are sent in order: a slow one holds up no other.</summary>
internal sealed class AlertOutbox(AlertStore store, WebhookSender sender, Leases leases, IOptions<AlertOptions> options, TimeProvider clock, ILogger<AlertOutbox> logger) : IDisposable
{
    /// <summary>A message that its receiver refuses for good is tried so often.</summary>
    public const int Tries = 4;

    // The first waits; the longest is an hour, whatever a receiver asks for.
    private static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestWait = TimeSpan.FromHours(1);

    // A time further ahead is a clock's that was wrong.
    private static readonly TimeSpan Skew = TimeSpan.FromMinutes(5);

    private readonly ConcurrentDictionary<string, Task> _running = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _changed = new(0, 1);

    /// <summary>Delivers what is due and waits until it is done.</summary>
    /// <param name="patience">How long a channel that another process seems to look after is waited for: one that was killed never gives it back.</param>
    /// <param name="cancellationToken">Ends it; what is not delivered waits.</param>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    /// <exception cref="OperationCanceledException">The wait was ended.</exception>
    public async Task DeliverAsync(TimeSpan patience = default, CancellationToken cancellationToken = default)
    {
        var (due, _) = await DueAsync(cancellationToken);
        await Task.WhenAll(due.Select(channel => DeliverAsync(channel, patience, cancellationToken)));
        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>Begins to deliver what is due, and waits for nothing.</summary>
    /// <returns>When something is due next.</returns>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<DateTimeOffset?> BeginAsync(CancellationToken cancellationToken = default)
    {
        var (due, next) = await DueAsync(cancellationToken);
        foreach (var channel in due.Where(c => _running.GetValueOrDefault(c) is null or { IsCompleted: true }))
        {
            _running[channel] = RunAsync(channel, cancellationToken);
        }

        return next;
    }

    /// <summary>Waits until a message came, a channel is done with, or a time is over.</summary>
    public Task WaitAsync(TimeSpan longest, CancellationToken cancellationToken = default) => _changed.WaitAsync(longest, cancellationToken);

    /// <summary>Ends the wait of <see cref="WaitAsync"/>.</summary>
    public void Wake()
    {
        try
        {
            _changed.Release();
        }
        catch (SemaphoreFullException)
        {
            // It ends already.
        }
    }

    /// <summary>Waits until nothing is sent any more, after <see cref="BeginAsync"/>'s token was cancelled.</summary>
    public Task EndAsync() => Task.WhenAll(_running.Values);

    public void Dispose() => _changed.Dispose();

    private async Task RunAsync(string channel, CancellationToken cancellationToken)
    {
        if (await DeliverAsync(channel, TimeSpan.Zero, cancellationToken))
        {
            Wake();
        }
    }

    /// <summary>The channels whose first message is due, and when the first of the others is.</summary>
    private async Task<(ImmutableArray<string> Due, DateTimeOffset? Next)> DueAsync(CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var first = (await WaitingAsync(cancellationToken)).DistinctBy(w => w.Message.Channel).Select(w => w.Message).ToLookup(m => IsDue(m, now));
        return ([.. first[true].Select(m => m.Channel)], first[false].Min(m => m.NextAttemptAt));
    }

    private async Task<List<(RuleName Rule, WaitingMessage Message)>> WaitingAsync(CancellationToken cancellationToken)
    {
        var waiting = new List<(RuleName Rule, WaitingMessage Message)>();
        foreach (var kind in Enum.GetValues<RuleKind>())
        {
            foreach (var (name, state) in await store.ListAsync(kind, cancellationToken))
            {
                waiting.AddRange(state.Waiting.Select(m => (new RuleName(kind, name), m)));
            }
        }

        return [.. waiting.OrderBy(w => w.Message.CreatedAt).ThenBy(w => w.Message.Id, StringComparer.Ordinal)];
    }

    private static bool IsDue(WaitingMessage message, DateTimeOffset now) => message.NextAttemptAt is not { } at || at <= now || at > now + LongestWait + Skew;

    /// <summary>Sends a channel's messages in order, until there is none or its receiver does not take one.</summary>
    /// <returns>Whether it was looked after: false if another process does, or if it failed, which is no other channel's matter.</returns>
    private async Task<bool> DeliverAsync(string channel, TimeSpan patience, CancellationToken cancellationToken)
    {
        try
        {
            await using var lease = await leases.AcquireAsync($"{AlertRunner.LeaseName}#{channel}", patience, cancellationToken);
            if (lease is null)
            {
                return false;
            }

            using var held = CancellationTokenSource.CreateLinkedTokenSource(lease.Lost, cancellationToken);

            foreach (var (rule, listed) in (await WaitingAsync(held.Token)).Where(w => w.Message.Channel == channel))
            {
                // The list may be a moment behind: what was sent just now does not wait any more.
                var message = (await store.GetAsync(rule, held.Token)).Waiting.FirstOrDefault(w => w.Id == listed.Id);
                if (message is not null && (!IsDue(message, clock.GetUtcNow()) || !await DeliverAsync(rule, message, held.Token)))
                {
                    break;
                }
            }

            return true;
        }
        catch (Exception) when (cancellationToken.IsCancellationRequested)
        {
            return false;
        }
        catch (Exception exception)
        {
            AlertLog.ChannelFailed(logger, exception, channel);
            return false;
        }
    }

    /// <returns>Whether it is done with.</returns>
    private async Task<bool> DeliverAsync(RuleName rule, WaitingMessage message, CancellationToken cancellationToken)
    {
        var isOver = message.Attempts > 0 && clock.GetUtcNow() - message.CreatedAt >= options.Value.GiveUpAfter;
        var body = isOver ? null : await store.GetBodyAsync(message.Id, cancellationToken);
        var outcome = isOver ? new SendOutcome(message.LastError)
            : body is not { } found ? new SendOutcome("Its body ran out.")
            : await sender.SendAsync(message.Channel, new WebhookMessage(message.Id, message.Type, message.ContentType, found), cancellationToken);
        var now = clock.GetUtcNow();
        var refusals = outcome.IsRefused ? message.Refusals + 1 : 0;
        if (body is not null && outcome.Problem is { } problem && refusals < Tries)
        {
            AlertLog.NotDelivered(logger, message.Id, message.Channel, problem);
            var wait = FirstWait * Math.Pow(2, Math.Min(message.Attempts, 20));
            wait = outcome.RetryAfter > wait ? outcome.RetryAfter.Value : wait;
            var retry = message with { Attempts = message.Attempts + 1, Refusals = refusals, LastError = problem, NextAttemptAt = now + (wait < LongestWait ? wait : LongestWait) };
            await store.UpdateAsync(rule, state => state with { Waiting = [.. state.Waiting.Select(w => w.Id == message.Id ? retry : w)] }, cancellationToken);
            return false;
        }

        if (outcome.Problem is { } last)
        {
            AlertLog.GivenUp(logger, message.Id, message.Channel, last);
        }

        await store.UpdateAsync(
            rule,
            state => (state with { Waiting = [.. state.Waiting.Where(w => w.Id != message.Id)] }).Remember(new AlertHistory(now, outcome.Problem is null ? AlertEvent.Delivered : AlertEvent.GivenUp, [], outcome.Problem, message.Id)),
            cancellationToken);
        await store.DropBodyAsync(message.Id, cancellationToken);
        return true;
    }
}
