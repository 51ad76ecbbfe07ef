using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Refresh;

/// <summary>Begins runs, for the scheduler, the command line and the routes, and carries them out in this process.</summary>
internal sealed class RefreshService(
    ModelStore models, GoldTables tables, RunLedger ledger, Leases leases, RefreshRunner runner, IOptions<RefreshOptions> options, TimeProvider time, ILogger<RefreshService> logger)
    : IAsyncDisposable
{
    /// <summary>How long what no model names is kept, and how long an interrupted run can be gone on with.</summary>
    private static readonly TimeSpan Memory = TimeSpan.FromDays(1);

    private readonly SemaphoreSlim _slots = new(options.Value.MaxTables);
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<Task, bool> _background = new();

    /// <summary>Enters a run and carries it out in the background.</summary>
    /// <returns>The run as entered.</returns>
    /// <exception cref="RefreshException">There is no such table, or it cannot be computed.</exception>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<RefreshRun> StartAsync(string table, RefreshRange range, CancellationToken cancellationToken = default)
    {
        var run = await BeginAsync(table, range, RunTrigger.Manual, null, cancellationToken);
        var work = ExecuteAsync(run, _stopping.Token);
        _background[work] = true;
        _ = work.ContinueWith(done => _background.TryRemove(done, out _), TaskScheduler.Default);
        return await ledger.GetAsync(run.Id, cancellationToken) ?? throw new GoldStoreException($"The run {run.Id} vanished.", isTransient: true);
    }

    /// <summary>Carries a run out.</summary>
    /// <returns>The run as it ended; failures stand in it.</returns>
    /// <exception cref="RefreshException">There is no such table, or it cannot be computed.</exception>
    /// <exception cref="GoldStoreException">The store failed before the run began.</exception>
    public async Task<RefreshRun> RunAsync(
        string table, RefreshRange range, RunTrigger trigger, IProgress<RefreshProgress>? progress, CancellationToken cancellationToken = default) =>
        await ExecuteAsync(await BeginAsync(table, range, trigger, progress, cancellationToken), cancellationToken);

    /// <summary>Drops what no model has named for a day: tables, and tenants of external tables.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task DropForgottenAsync(CancellationToken cancellationToken = default)
    {
        var model = models.Current;
        await foreach (var (table, tenant) in tables.ListAsync(cancellationToken))
        {
            if (model.GoldTables.TryGetValue(table, out var known)
                && (known.Audience == Audience.External ? tenant is not null && model.Tenants.ContainsKey(tenant) : tenant is null))
            {
                continue;
            }

            var manifest = await tables.GetManifestAsync(table, tenant, fresh: true, cancellationToken);
            if (manifest.Partitions.Values.Any(p => time.GetUtcNow() - p.RefreshedAt < Memory))
            {
                continue;
            }

            await using var lease = await leases.TryAcquireAsync($"drop/{table}/{tenant}", cancellationToken: cancellationToken);
            if (lease is not null)
            {
                await tables.DropAsync(table, tenant, cancellationToken);
                RefreshLog.Dropped(logger, table, tenant);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await Task.WhenAll(_background.Keys);
        _stopping.Dispose();
        _slots.Dispose();
    }

    private async Task<ActiveRun> BeginAsync(string table, RefreshRange range, RunTrigger trigger, IProgress<RefreshProgress>? progress, CancellationToken cancellationToken)
    {
        var definitions = GoldDefinitions.Of(models.Current);
        if (!definitions.ByTable.TryGetValue(table, out var definition))
        {
            throw new RefreshException(definitions.Problems.TryGetValue(table, out var problem) ? $"The gold table '{table}' cannot be computed: {problem.Message}" : $"There is no gold table '{table}'.");
        }

        var now = time.GetUtcNow();
        var run = new RefreshRun
        {
            Id = ledger.NewId(),
            Table = table,
            Trigger = trigger,
            RequestedFrom = range.From,
            RequestedTo = range.To,
            Full = range.Full,
            State = RunState.Queued,
            StartedAt = now,
            Owner = ProcessIdentity.Current,
            Basis = await TakeUpAsync(table, range, now, cancellationToken),
        };
        var lease = await leases.TryAcquireAsync(LeaseOf(run.Id), cancellationToken: cancellationToken)
            ?? throw new InvalidOperationException("A new run's lease is free.");
        await ledger.CreateAsync(run, cancellationToken);
        return new ActiveRun(run, definition, lease, ledger, progress, time, logger);
    }

    /// <summary>Marks the table's runs whose process died, and gives the basis of one that asked for the same, so that what it finished is not done again.</summary>
    private async Task<DateTimeOffset> TakeUpAsync(string table, RefreshRange range, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var basis = now;
        var isSettled = false;
        await foreach (var run in ledger.ListAsync(table, 20, cancellationToken))
        {
            if (!run.IsOver)
            {
                await using var lease = await leases.TryAcquireAsync(LeaseOf(run.Id), cancellationToken: cancellationToken);
                if (lease is null)
                {
                    continue;
                }

                var marked = await ledger.UpdateAsync(run.Id, r => r.IsOver ? r : r with { State = RunState.Interrupted, EndedAt = now, Error = "Its process ended before it did." }, cancellationToken);
                RefreshLog.FoundInterrupted(logger, run.Id, table);
                runner.RemoveWork(run.Id);
                if (marked is not { State: RunState.Interrupted })
                {
                    continue;
                }
            }
            else if (run.State != RunState.Interrupted)
            {
                // What was interrupted before a later run that ended by itself is not gone on with; the dead are marked nevertheless.
                isSettled = true;
            }

            if (!isSettled && new RefreshRange(run.RequestedFrom, run.RequestedTo, run.Full) == range && now - run.Basis < Memory && run.Basis < basis)
            {
                basis = run.Basis;
            }
        }

        return basis;
    }

    private async Task<RefreshRun> ExecuteAsync(ActiveRun run, CancellationToken cancellationToken)
    {
        await using (run)
        {
            try
            {
                await _slots.WaitAsync(cancellationToken);
            }
            catch (OperationCanceledException)
            {
                return await run.EndAsync(RunState.Cancelled);
            }

            try
            {
                return await runner.ExecuteAsync(run, cancellationToken);
            }
            finally
            {
                _slots.Release();
            }
        }
    }

    private static string LeaseOf(string runId) => "run/" + runId;
}
