using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Refresh;

/// <summary>Refreshes gold tables when asked: by the scheduler, over HTTP, from the command line.</summary>
internal sealed class RefreshService(
    ModelStore models, RefreshRunner runner, RunLedger ledger, Leases leases, GoldTables tables, IOptions<RefreshOptions> options, TimeProvider time, ILogger<RefreshService> logger)
    : IAsyncDisposable
{
    /// <summary>How long a table must be in no model before its rows are dropped, so that a slip of the pen is no loss.</summary>
    private static readonly TimeSpan DropAfter = TimeSpan.FromDays(1);

    /// <summary>How long an interrupted full refresh is gone on with; what is older is begun anew.</summary>
    private static readonly TimeSpan ResumeWithin = TimeSpan.FromDays(1);

    private const int RunsLookedAt = 20;

    private readonly SemaphoreSlim _slots = new(options.Value.MaxTables);
    private readonly ConcurrentDictionary<string, Task> _background = new();
    private readonly ConcurrentDictionary<(string Table, string? Tenant), DateTimeOffset> _absent = new();
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>What a gold table of the model is.</summary>
    /// <exception cref="RefreshException">There is no such table, or it cannot be computed.</exception>
    public static GoldDefinition Definition(MetricModel model, string table)
    {
        var definitions = GoldDefinitions.Of(model);
        return definitions.ByTable.TryGetValue(table, out var definition)
            ? definition
            : throw new RefreshException(
                definitions.Problems.TryGetValue(table, out var problem) ? $"The gold table '{table}' cannot be computed: {problem.Message}" : $"There is no gold table '{table}'.");
    }

    /// <summary>Begins to refresh a table and comes back at once.</summary>
    /// <returns>The run, queued; the ledger tells how it goes on.</returns>
    /// <exception cref="RefreshException">There is no such table, or it cannot be computed.</exception>
    /// <exception cref="GoldStoreException">The run could not be entered in the ledger.</exception>
    public async Task<RefreshRun> StartAsync(string table, RefreshRange range, CancellationToken cancellationToken = default)
    {
        var tracker = await EnterAsync(table, range, RunTrigger.Manual, null, cancellationToken);
        var run = tracker.Run;
        _background[run.Id] = Task.Run(
            async () =>
            {
                try
                {
                    await ExecuteAsync(tracker, _stopping.Token);
                }
                catch (Exception exception)
                {
                    RefreshLog.RunNotStarted(logger, exception, table);
                }
                finally
                {
                    _background.TryRemove(run.Id, out _);
                }
            },
            CancellationToken.None);
        return run;
    }

    /// <summary>Waits for what <see cref="StartAsync"/> began.</summary>
    public Task WaitAsync(CancellationToken cancellationToken = default) => Task.WhenAll(_background.Values).WaitAsync(cancellationToken);

    /// <summary>Refreshes a table and waits for it.</summary>
    /// <param name="table">The gold table.</param>
    /// <param name="range">What to look at.</param>
    /// <param name="trigger">What began it.</param>
    /// <param name="progress">Told as partitions begin and end; may be null.</param>
    /// <param name="cancellationToken">Stops the run as interrupted.</param>
    /// <returns>The run as it ended: a failure is in it, not an exception.</returns>
    /// <exception cref="RefreshException">There is no such table, or it cannot be computed.</exception>
    /// <exception cref="GoldStoreException">The run could not be entered in the ledger.</exception>
    public async Task<RefreshRun> RunAsync(
        string table, RefreshRange range, RunTrigger trigger, IProgress<RefreshProgress>? progress, CancellationToken cancellationToken = default)
    {
        var tracker = await EnterAsync(table, range, trigger, progress, cancellationToken);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
        return await ExecuteAsync(tracker, linked.Token);
    }

    /// <summary>Drops the rows of tables and tenants that no model has named for a day, as far as this process has seen.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task DropForgottenAsync(CancellationToken cancellationToken = default)
    {
        var model = models.Current;
        HashSet<(string, string?)> seen = [];
        await foreach (var (table, tenant) in tables.ListAsync(cancellationToken))
        {
            if (model.GoldTables.TryGetValue(table, out var known) && (known.Audience == Audience.External ? tenant is not null && model.Tenants.ContainsKey(tenant) : tenant is null))
            {
                continue;
            }

            seen.Add((table, tenant));
            if (time.GetUtcNow() - _absent.GetOrAdd((table, tenant), _ => time.GetUtcNow()) < DropAfter)
            {
                continue;
            }

            await using var lease = await leases.TryAcquireAsync(table, null, cancellationToken);
            if (lease is not null)
            {
                if (!model.GoldTables.ContainsKey(table))
                {
                    // First: what is dropped is in no list any more, and would be taken for fresh if it came back.
                    await ledger.NoteDroppedAsync(table, cancellationToken);
                }

                await tables.DropAsync(table, tenant, cancellationToken);
                RefreshLog.Dropped(logger, table, tenant);
            }
        }

        foreach (var back in _absent.Keys.Where(key => !seen.Contains(key)))
        {
            _absent.TryRemove(back, out _);
        }
    }

    /// <summary>Stops what was begun in the background and waits for it.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await Task.WhenAll(_background.Values);
    }

    private async Task<RefreshRun> ExecuteAsync(RunTracker tracker, CancellationToken cancellationToken)
    {
        await using (tracker)
        {
            using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, tracker.CancelRequested);
            try
            {
                await _slots.WaitAsync(waiting.Token);
            }
            catch (OperationCanceledException)
            {
                return await tracker.EndAsync(tracker.CancelRequested.IsCancellationRequested ? RunState.Cancelled : RunState.Interrupted, null);
            }

            try
            {
                return await runner.ExecuteAsync(tracker, cancellationToken);
            }
            finally
            {
                _slots.Release();
            }
        }
    }

    private async Task<RunTracker> EnterAsync(string table, RefreshRange range, RunTrigger trigger, IProgress<RefreshProgress>? progress, CancellationToken cancellationToken)
    {
        var definition = Definition(models.Current, table);
        var now = time.GetUtcNow();
        var resumed = await InterruptedAsync(table, range, trigger, now, cancellationToken);
        var run = new RefreshRun
        {
            Id = ledger.NewId(),
            Table = table,
            Trigger = trigger,
            RequestedFrom = resumed is null ? range.From : resumed.RequestedFrom,
            RequestedTo = resumed is null ? range.To : resumed.RequestedTo,
            Full = resumed is not null || range.Full,
            State = RunState.Queued,
            StartedAt = now,
            Owner = ProcessIdentity.Current,
            Basis = resumed?.Basis ?? now,
        };

        // The lease comes before the entry: a run in the ledger whose lease is free has no process.
        var lease = await leases.TryAcquireAsync(RunLease(run.Id), null, cancellationToken) ?? throw new GoldStoreException($"The lease of run {run.Id} is taken.", isTransient: true);
        try
        {
            await ledger.CreateAsync(run, cancellationToken);
        }
        catch
        {
            await lease.DisposeAsync();
            throw;
        }

        return new RunTracker(run, definition, lease, ledger, time, logger, progress);
    }

    /// <summary>
    /// Marks the table's runs that have no process any more, and gives the full refresh that this one goes on with: its finished partitions are not done again.
    /// What was missing or changed needs none of that, for it is found by itself.
    /// </summary>
    private async Task<RefreshRun?> InterruptedAsync(string table, RefreshRange range, RunTrigger trigger, DateTimeOffset now, CancellationToken cancellationToken)
    {
        RefreshRun? lastFull = null;
        List<RefreshRun> runs = [];
        await foreach (var run in ledger.ListAsync(table, RunsLookedAt, cancellationToken))
        {
            runs.Add(run);
        }

        foreach (var run in runs)
        {
            var known = run;
            if (!run.IsOver && await leases.TryAcquireAsync(RunLease(run.Id), null, cancellationToken) is { } lease)
            {
                await using (lease)
                {
                    known = await ledger.UpdateAsync(
                        run.Id,
                        r => r.IsOver ? r : r with { State = r.CancelRequested ? RunState.Cancelled : RunState.Interrupted, EndedAt = now, Error = "Its process ended before it did." },
                        cancellationToken) ?? run;
                    RefreshLog.FoundInterrupted(logger, run.Id, table);
                }
            }

            lastFull ??= known.Full && known.RequestedFrom == range.From && known.RequestedTo == range.To ? known : null;
        }

        // Who asks says whether all is wanted; a run that nobody asked for takes the whole table, and goes on with what was to be whole.
        var takesUp = trigger == RunTrigger.Manual ? range.Full : range == new RefreshRange();
        return takesUp && lastFull is { State: RunState.Interrupted } && now - lastFull.StartedAt < ResumeWithin ? lastFull : null;
    }

    private static string RunLease(string id) => "run#" + id;
}
