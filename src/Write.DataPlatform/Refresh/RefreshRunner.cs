using System.Collections.Concurrent;
using DuckDB.NET.Data;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Polly;
using Polly.Retry;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Lake;

namespace Write.DataPlatform.Refresh;

/// <summary>Carries out one run of one table: plans, refreshes the stale partitions a few at a time, tidies up, and tells the ledger all along.</summary>
internal sealed class RefreshRunner(
    RefreshPlanner planner,
    PartitionRefresher refresher,
    RefreshDuckDb database,
    GoldTables tables,
    RunLedger ledger,
    Leases leases,
    IOptions<RefreshOptions> options,
    IOptions<GoldOptions> goldOptions,
    TimeProvider time,
    ILogger<RefreshRunner> logger)
{
    /// <summary>So many partitions in a row that failed for a reason that may pass mean that nothing will go before the next turn.</summary>
    private const int GiveUpAfter = 3;

    /// <summary>Tenants of one partition or table that the store is asked about at once.</summary>
    public const int MaxTenantsAtOnce = 8;

    /// <summary>Does the work of a run. Failures are in the run that it gives, not exceptions.</summary>
    /// <param name="tracker">The run, entered in the ledger.</param>
    /// <param name="cancellationToken">Stops it as interrupted.</param>
    public async Task<RefreshRun> ExecuteAsync(RunTracker tracker, CancellationToken cancellationToken = default)
    {
        var work = Path.Combine(database.Folder, tracker.Run.Id);
        var failures = new Failures();
        var usage = GoldUsage.Begin();
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, tracker.CancelRequested, tracker.Lost);
        try
        {
            await tracker.BeginAsync();
            stopping.Token.ThrowIfCancellationRequested();
            var plan = await PlanAsync(tracker, stopping.Token);
            RefreshLog.Planned(logger, tracker.Run.Id, tracker.Run.Table, tracker.Run.Trigger, plan.Stale.Length, plan.Periods.Length);
            await tracker.PlannedAsync(plan);

            // The newest first: that is what people look at while years are built.
            IReadOnlyCollection<PlannedPartition> todo = [.. plan.Stale.Reverse()];
            while (todo.Count > 0 && !failures.GaveUp)
            {
                todo = await PassAsync(tracker, failures, todo, work, stopping.Token);
                if (todo.Count > 0)
                {
                    // Another worker has these. It may have died, so they are tried again until its leases are over.
                    await Task.Delay(goldOptions.Value.LeaseDuration / 3, time, stopping.Token);
                }
            }

            if (failures.Any)
            {
                var count = tracker.Run.Partitions.Count(p => p.State == RunPartitionState.Failed);
                return await EndAsync(
                    tracker,
                    usage,
                    RunState.Failed,
                    $"{count} of {tracker.Run.Partitions.Length} partitions failed." + (failures.GaveUp ? $" The rest was given up after {GiveUpAfter} in a row; the next run tries again." : ""));
            }

            await TidyAsync(tracker, plan, stopping.Token);
            if (tracker.Run.IsWhole)
            {
                // Before the run's end: a process that dies in between leaves a run that seems cut off, and never one that ended well and made nothing fresh.
                await Pipeline(tracker, null).ExecuteAsync(async token => await ledger.NoteWholeAsync(tracker.Run, token), stopping.Token);
            }

            return await EndAsync(tracker, usage, RunState.Succeeded, null);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return tracker.CancelRequested.IsCancellationRequested
                ? await EndAsync(tracker, usage, RunState.Cancelled, null)
                : await EndAsync(tracker, usage, RunState.Interrupted, tracker.Lost.IsCancellationRequested ? "The run's lease was lost." : "The process was stopped.");
        }
        catch (Exception exception)
        {
            return await EndAsync(tracker, usage, RunState.Failed, exception.Message);
        }
        finally
        {
            ProcessFolder.Delete(work);
        }
    }

    private async Task<RefreshPlan> PlanAsync(RunTracker tracker, CancellationToken cancellationToken) =>
        await Pipeline(tracker, null).ExecuteAsync(
            async token =>
            {
                var manifests = new ConcurrentBag<GoldManifest>();
                await Parallel.ForEachAsync(
                    RefreshPlanner.Tenants(tracker.Definition),
                    new ParallelOptions { MaxDegreeOfParallelism = MaxTenantsAtOnce, CancellationToken = token },
                    async (tenant, one) => manifests.Add(await tables.GetManifestAsync(tracker.Run.Table, tenant, fresh: true, one)));
                return await planner.PlanAsync(tracker.Definition, manifests, tracker.Range, tracker.Run.Basis, tracker.Run.StartedAt, token);
            },
            cancellationToken);

    /// <summary>Refreshes partitions and gives back those that other workers hold.</summary>
    private async Task<IReadOnlyCollection<PlannedPartition>> PassAsync(
        RunTracker tracker, Failures failures, IReadOnlyCollection<PlannedPartition> partitions, string work, CancellationToken cancellationToken)
    {
        ConcurrentQueue<PlannedPartition> taken = new();
        await Parallel.ForEachAsync(
            partitions,
            new ParallelOptions { MaxDegreeOfParallelism = options.Value.MaxPartitions, CancellationToken = cancellationToken },
            async (partition, token) =>
            {
                if (failures.GaveUp)
                {
                    return;
                }

                var period = partition.Period.Name;
                try
                {
                    await using var lease = await Pipeline(tracker, period).ExecuteAsync(
                        async t => await leases.TryAcquireAsync($"{tracker.Run.Table}#{period}", null, t), token);
                    if (lease is null)
                    {
                        taken.Enqueue(partition);
                        return;
                    }

                    using var both = CancellationTokenSource.CreateLinkedTokenSource(token, lease.Lost);
                    try
                    {
                        await OneAsync(tracker, failures, partition, Path.Combine(work, period), both.Token);
                    }
                    catch (OperationCanceledException) when (lease.Lost.IsCancellationRequested && !token.IsCancellationRequested)
                    {
                        taken.Enqueue(partition);
                    }
                }
                catch (Exception exception) when (!token.IsCancellationRequested)
                {
                    RefreshLog.PartitionFailed(logger, exception, tracker.Run.Table, period);
                    failures.Add(IsTransient(exception));
                    await tracker.FailedAsync(period, RunPartitionState.Failed, exception.Message);
                }
            });
        return taken;
    }

    private async Task OneAsync(RunTracker tracker, Failures failures, PlannedPartition partition, string folder, CancellationToken cancellationToken)
    {
        var period = partition.Period.Name;
        var result = await Pipeline(tracker, period).ExecuteAsync(
            async token =>
            {
                await tracker.AttemptAsync(period);
                try
                {
                    return await refresher.RefreshAsync(tracker.Definition, partition, tracker.Range.Full, tracker.Run.Basis, tracker.Run.StartedAt, tracker.Run.Id, folder, token);
                }
                finally
                {
                    ProcessFolder.Delete(folder);
                }
            },
            cancellationToken);
        if (result.Written == 0)
        {
            RefreshLog.PartitionDoneElsewhere(logger, tracker.Run.Table, period);
        }
        else
        {
            RefreshLog.PartitionRefreshed(logger, tracker.Run.Table, period, partition.Reason, result.Rows, result.Bytes);
        }

        failures.Reset();
        await tracker.DoneAsync(period, result);
    }

    private ResiliencePipeline Pipeline(RunTracker tracker, string? period)
    {
        var builder = new ResiliencePipelineBuilder { TimeProvider = time };
        if (options.Value.MaxAttempts > 1)
        {
            builder.AddRetry(new RetryStrategyOptions
            {
                MaxRetryAttempts = options.Value.MaxAttempts - 1,
                Delay = options.Value.RetryDelay,
                MaxDelay = TimeSpan.FromMinutes(5),
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                ShouldHandle = arguments => ValueTask.FromResult(arguments.Outcome.Exception is { } exception && IsTransient(exception)),
                OnRetry = async arguments =>
                {
                    RefreshLog.Retried(logger, arguments.Outcome.Exception, tracker.Run.Table, period ?? "plan", arguments.AttemptNumber + 1, arguments.RetryDelay);
                    if (period is not null)
                    {
                        await tracker.FailedAsync(period, RunPartitionState.Running, arguments.Outcome.Exception!.Message);
                    }
                },
            });
        }

        return builder.Build();
    }

    /// <summary>Removes what the table should not have any more. It is in nobody's way, so a failure is for the next run.</summary>
    private async Task TidyAsync(RunTracker tracker, RefreshPlan plan, CancellationToken cancellationToken)
    {
        foreach (var removed in plan.Removed.GroupBy(r => r.Tenant))
        {
            await tables.RemovePartitionsAsync(tracker.Run.Table, removed.Key, [.. removed.Select(r => r.Period)], cancellationToken);
        }

        try
        {
            await Parallel.ForEachAsync(
                RefreshPlanner.Tenants(tracker.Definition),
                new ParallelOptions { MaxDegreeOfParallelism = MaxTenantsAtOnce, CancellationToken = cancellationToken },
                async (tenant, one) => await tables.CollectGarbageAsync(tracker.Run.Table, tenant, cancellationToken: one));
        }
        catch (GoldStoreException exception)
        {
            RefreshLog.GarbageKept(logger, exception, tracker.Run.Table);
        }
    }

    private async Task<RefreshRun> EndAsync(RunTracker tracker, GoldUsage usage, RunState state, string? error)
    {
        var run = await tracker.EndAsync(state, error, usage);
        if (usage.Requests > 0)
        {
            RefreshLog.Used(logger, run.Id, run.Table, usage.ReadUnits, usage.WriteUnits, usage.Requests);
        }

        if (state == RunState.Failed)
        {
            RefreshLog.Failed(logger, run.Id, run.Table, error);
        }
        else
        {
            RefreshLog.Finished(logger, run.Id, run.Table, state, run.Partitions.Count(p => p.State == RunPartitionState.Succeeded), run.Partitions.Sum(p => p.Rows));
        }

        return run;
    }

    /// <summary>Whether the same work may succeed later: the lake or the store says so, or a local disk or memory is short.</summary>
    private static bool IsTransient(Exception exception) => exception switch
    {
        LakeException lake => lake.IsTransient,
        GoldStoreException store => store.IsTransient,
        DuckDBException duck => duck.Message.StartsWith("IO Error", StringComparison.Ordinal) || duck.Message.StartsWith("Out of Memory Error", StringComparison.Ordinal),
        _ => exception is IOException,
    };

    /// <summary>Counts failures, and those in a row that may pass.</summary>
    private sealed class Failures
    {
        private int _all;
        private int _inARow;

        public bool Any => Volatile.Read(ref _all) > 0;

        public bool GaveUp => Volatile.Read(ref _inARow) >= GiveUpAfter;

        public void Add(bool isTransient)
        {
            Interlocked.Increment(ref _all);
            if (isTransient)
            {
                Interlocked.Increment(ref _inARow);
            }
            else
            {
                Reset();
            }
        }

        public void Reset() => Volatile.Write(ref _inARow, 0);
    }
}
