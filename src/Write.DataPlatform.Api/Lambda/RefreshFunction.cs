using System.Text.Json;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Api.Alerts;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Model;
using Write.DataPlatform.Refresh;
using Write.DataPlatform.Streaming;
using Write.DataPlatform.Streaming.Batches;

namespace Write.DataPlatform.Api.Lambda;

/// <summary>
/// What the worker does all the time, done once, at the tick of a schedule: refreshes the gold tables that are due since their last run, or those that are named, reads what the
/// streams have, looks after the border between both, evaluates the alerts that are due and sends reports.
/// </summary>
/// <remarks>
/// The payload is EventBridge's of a schedule, or <c>{ "refresh": [] }</c> for what is due, or <c>{ "refresh": ["visits_daily"] }</c> for tables whether due or not.
/// A refresh that does not end in time is gone on with at the next tick: what it finished stays.
/// </remarks>
internal sealed class RefreshFunction(
    ModelStore models,
    RefreshService refreshes,
    RunLedger ledger,
    TailKeeper tails,
    AlertRunner alerts,
    AlertOutbox outbox,
    IOptions<GoldOptions> gold,
    IEnumerable<IStreamConsumers> consumers,
    StreamPass pass,
    IOptions<StreamOptions> streams,
    IOptions<BatchOptions> batches,
    TimeProvider clock,
    ILogger<RefreshFunction> logger) : ILambdaFunction
{
    private const string Tables = "refresh";

    // After eight failures in a row the wait is over two hours.
    private const int Remembered = 8;
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMinutes(1);

    // Of a function's time; of one that has little it is a quarter.
    private static readonly TimeSpan AlertsWait = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan StreamsWait = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan KeptForAlerts = TimeSpan.FromSeconds(30);

    public bool Takes(JsonElement payload) =>
        payload.ValueKind == JsonValueKind.Object
        && (payload.TryGetProperty(Tables, out _)
            || (payload.TryGetProperty("source", out var source) && (source.ValueEquals("aws.events") || source.ValueEquals("aws.scheduler")) && payload.TryGetProperty("detail-type", out _)));

    /// <exception cref="RefreshException">A table is not there, or runs failed, or the alerts were not looked at: Lambda counts an error, which an alarm can watch.</exception>
    public async Task<ReadOnlyMemory<byte>> RunAsync(JsonElement payload, TimeSpan left, CancellationToken deadline)
    {
        var isBounded = left != Timeout.InfiniteTimeSpan;
        TimeSpan AtMost(TimeSpan most) => isBounded && left / 4 < most ? left / 4 : most;
        using var working = CancellationTokenSource.CreateLinkedTokenSource(deadline);
        if (isBounded)
        {
            working.CancelAfter(left - AtMost(KeptForAlerts));
        }

        var work = RefreshAsync(payload, AtMost(StreamsWait), working.Token);
        Exception? silence = null;
        var (isOver, wereLookedAt, isMoreDue) = (false, false, false);
        do
        {
            // Alerts judge what was refreshed, and wait for it a while: then they are looked at beside it, and after it again, whatever became of it.
            await ((Task)work).WaitAsync(AtMost(AlertsWait), clock, deadline).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            isOver = work.IsCompleted;
            (silence, isMoreDue) = await LookAsync(deadline);
            wereLookedAt |= silence is null;
        }
        while ((!isOver || isMoreDue) && !deadline.IsCancellationRequested);

        if (wereLookedAt)
        {
            return Answer(await work);
        }

        var refresh = "";
        try
        {
            Answer(await work);
        }
        catch (Exception exception)
        {
            LambdaLog.NotRefreshed(logger, exception);
            refresh = exception.Message + " ";
        }

        throw new RefreshException($"{refresh}The alerts were not looked at: {silence!.Message}");
    }

    private static byte[] Answer(List<RefreshRun> runs) => runs.Find(r => r.State == RunState.Failed) is { } failed
        ? throw new RefreshException($"The run {failed.Id} of {failed.Table} failed: {failed.Error}")
        : JsonSerializer.SerializeToUtf8Bytes(new { runs = runs.Select(RunRoutes.Describe) }, AnswerJson.Options);

    /// <summary>Evaluates the alerts that are due, makes reports and delivers what waits.</summary>
    /// <returns>Why the rules were not looked at, null if they were; and whether some are left that are due.</returns>
    private async Task<(Exception? Silence, bool IsMoreDue)> LookAsync(CancellationToken deadline)
    {
        // A process that was killed leaves its leases, and each process must see for itself that they stand still.
        var patience = gold.Value.LeaseDuration + TimeSpan.FromSeconds(2);
        var isMoreDue = false;
        try
        {
            isMoreDue = await alerts.PassAsync(patience, deadline) <= clock.GetUtcNow();
        }
        catch (Exception exception)
        {
            if (!deadline.IsCancellationRequested)
            {
                LambdaLog.NotLookedAt(logger, exception);
            }

            return (exception, false);
        }

        using var delivering = CancellationTokenSource.CreateLinkedTokenSource(deadline);
        delivering.CancelAfter(patience + KeptForAlerts);
        try
        {
            await outbox.DeliverAsync(patience, delivering.Token);
        }
        catch (Exception exception) when (exception is GoldStoreException or OperationCanceledException)
        {
            // What waits is sent after the next look.
        }

        return (null, isMoreDue);
    }

    /// <param name="payload">What is to be refreshed.</param>
    /// <param name="ofStreams">How long the streams are read.</param>
    /// <param name="deadline">Ends it.</param>
    private async Task<List<RefreshRun>> RefreshAsync(JsonElement payload, TimeSpan ofStreams, CancellationToken deadline)
    {
        var named = Named(payload);
        var runs = new List<RefreshRun>();
        // Before the tables: one that takes all of the time must not keep quiet windows open. Nor does a stream that never ends keep the tables from theirs, or one that fails.
        var unread = await ReadStreamsAsync(ofStreams, deadline);
        await tails.LookAsync(deadline);
        foreach (var table in named.Count > 0 ? named : await DueAsync(deadline))
        {
            deadline.ThrowIfCancellationRequested();
            runs.Add(await refreshes.RunAsync(table, new RefreshRange(), named.Count == 0 ? RunTrigger.Schedule : RunTrigger.Manual, null, deadline));
        }

        await refreshes.WaitAsync(deadline);
        await refreshes.DropForgottenAsync(deadline);
        return unread is null || runs.Exists(r => r.State == RunState.Failed) ? runs : throw new RefreshException($"The tables had their turn; a stream could not be read: {unread.Message}");
    }

    /// <returns>Why a stream was not read; null if all were.</returns>
    private async Task<Exception?> ReadStreamsAsync(TimeSpan most, CancellationToken deadline)
    {
        if (streams.Value.Kind == StreamKind.None)
        {
            return null;
        }

        Exception? unread = null;
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(deadline);
        enough.CancelAfter(most);

        // In an order that is drawn: what one stream leaves of the time another has at another tick.
        var all = consumers.SelectMany(c => c.Current).ToArray();
        Random.Shared.Shuffle(all);
        foreach (var consumer in all.TakeWhile(_ => !enough.IsCancellationRequested))
        {
            try
            {
                // A little longer than a stream must be quiet for its windows to be closed by the clock.
                await pass.RunAllAsync(consumer, batches.Value.IdleAfter + TimeSpan.FromSeconds(1), enough.Token);
            }
            catch (OperationCanceledException) when (enough.IsCancellationRequested && !deadline.IsCancellationRequested)
            {
                // The rest is read at another tick.
            }
            catch (Exception exception) when (!deadline.IsCancellationRequested)
            {
                // Whatever it is, of the stream, the lake, the store or a lease that was lost: the tables have their turn.
                LambdaLog.NotRead(logger, exception, consumer.Source);
                unread = exception;
            }
        }

        return unread;
    }

    private static List<string> Named(JsonElement payload)
    {
        if (!payload.TryGetProperty(Tables, out var tables))
        {
            return [];
        }

        return tables.ValueKind == JsonValueKind.Array && tables.EnumerateArray().All(t => t.ValueKind == JsonValueKind.String)
            ? [.. tables.EnumerateArray().Select(t => t.GetString()!)]
            : throw new FormatException($"'{Tables}' must be a list of gold tables.");
    }

    /// <summary>The tables that are due, those first that have waited longest, so that one that never ends in time keeps no other from its turn.</summary>
    private async Task<List<string>> DueAsync(CancellationToken cancellationToken)
    {
        var due = new List<(string Table, DateTimeOffset Since)>();
        foreach (var table in models.Current.GoldTables.Values)
        {
            if (table.Refresh is not { Cron.Length: > 0 } policy)
            {
                continue;
            }

            var last = await LastAsync(table.Name, cancellationToken);
            if (last.Count > 0 && !IsDue(policy, last))
            {
                LambdaLog.NotDue(logger, table.Name);
                continue;
            }

            due.Add((table.Name, last.Count == 0 ? DateTimeOffset.MinValue : last[0].StartedAt));
        }

        return [.. due.OrderBy(d => d.Since).Select(d => d.Table)];
    }

    /// <summary>The last runs of the whole table, newest first, as far back as one that did not fail.</summary>
    private async Task<List<RefreshRun>> LastAsync(string table, CancellationToken cancellationToken)
    {
        var last = new List<RefreshRun>();
        await foreach (var run in ledger.ListAsync(table, int.MaxValue, cancellationToken))
        {
            if (run.IsWhole)
            {
                last.Add(run);
                if (run.State != RunState.Failed || last.Count == Remembered)
                {
                    break;
                }
            }
        }

        return last;
    }

    /// <summary>Whether a tick of the schedule has come since the last run began; or that one was cut off; or it failed, and a while is over that is longer the more did.</summary>
    /// <param name="policy">The schedule.</param>
    /// <param name="runs">The last runs, newest first.</param>
    private bool IsDue(RefreshPolicy policy, List<RefreshRun> runs)
    {
        var (last, now) = (runs[0], clock.GetUtcNow());
        var isTick = new Schedule(policy.Cron, policy.TimeZone).Next(last.StartedAt) <= now;
        return last.State switch
        {
            // An operator who cancelled it wanted none before its time.
            RunState.Succeeded or RunState.Cancelled => isTick,
            RunState.Failed => isTick || now >= (last.EndedAt ?? last.StartedAt) + FirstRetry * Math.Pow(2, runs.TakeWhile(r => r.State == RunState.Failed).Count() - 1),
            _ => true,
        };
    }
}
