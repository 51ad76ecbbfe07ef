using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Polly;
using Polly.Retry;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Refresh;

/// <summary>Carries out one run of one table: plans, refreshes the stale partitions a few at a time, tidies up, and tells the ledger all along.</summary>
internal sealed class RefreshRunner(
    RefreshPlanner planner, PartitionRefresher refresher, GoldTables tables, Leases leases, IOptions<RefreshOptions> options, IOptions<GoldOptions> gold, TimeProvider time, ILogger<RefreshRunner> logger)
{
    /// <summary>Does the work that <paramref name="run"/> stands for. Failures end in the ledger's run, not as exceptions.</summary>
    /// <param name="run">The run, begun in the ledger.</param>
    /// <param name="cancellationToken">Stops the run as interrupted.</param>
    public async Task<RefreshRun> ExecuteAsync(ActiveRun run, CancellationToken cancellationToken = default)
    {
        var work = WorkOf(run.Id);
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, run.CancelRequested);
        try
        {
            var plan = await PlanAsync(run, stopping.Token);
            RefreshLog.Planned(logger, run.Id, run.Definition.Table.Name, run.Trigger, plan.Stale.Length, plan.Periods.Length);
            await run.PlannedAsync(plan);

            // The newest first: that is what people look at while years are built.
            IReadOnlyCollection<PlannedPartition> todo = [.. plan.Stale.Reverse()];
            while (todo.Count > 0 && !run.HasGivenUp)
            {
                todo = await PassAsync(run, todo, work, stopping.Token);
                if (todo.Count > 0)
                {
                    // Another worker has these. It may have died, so they are tried again once its leases are over.
                    await Task.Delay(gold.Value.LeaseDuration / 3, time, stopping.Token);
                }
            }

            if (run.Errors.IsEmpty)
            {
                foreach (var removed in plan.Removed.GroupBy(r => r.Tenant))
                {
                    await tables.RemovePartitionsAsync(run.Definition.Table.Name, removed.Key, [.. removed.Select(r => r.Period)], stopping.Token);
                }
            }

            await CollectGarbageAsync(run, stopping.Token);
            return await run.EndAsync(run.Errors.IsEmpty ? RunState.Succeeded : RunState.Failed);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return await run.EndAsync(run.CancelRequested.IsCancellationRequested && !cancellationToken.IsCancellationRequested ? RunState.Cancelled : RunState.Interrupted);
        }
        catch (Exception exception)
        {
            await run.FailAsync(null, exception);
            return await run.EndAsync(RunState.Failed);
        }
        finally
        {
            Remove(work);
        }
    }

    /// <summary>Removes what a run whose process died has left.</summary>
    public void RemoveWork(string runId) => Remove(WorkOf(runId));

    private string WorkOf(string runId) => Path.Combine(Path.GetFullPath(options.Value.WorkPath), "refresh-" + runId);

    private async Task<RefreshPlan> PlanAsync(ActiveRun run, CancellationToken cancellationToken) =>
        await Pipeline(run, null).ExecuteAsync(
            async token =>
            {
                List<GoldManifest> manifests = [];
                foreach (var tenant in RefreshPlanner.Tenants(run.Definition))
                {
                    manifests.Add(await tables.GetManifestAsync(run.Definition.Table.Name, tenant, fresh: true, token));
                }

                return await planner.PlanAsync(run.Definition, manifests, run.Range, run.Basis, token);
            },
            cancellationToken);

    /// <summary>Refreshes partitions and gives back those that other workers hold.</summary>
    private async Task<IReadOnlyCollection<PlannedPartition>> PassAsync(ActiveRun run, IReadOnlyCollection<PlannedPartition> partitions, string work, CancellationToken cancellationToken)
    {
        ConcurrentQueue<PlannedPartition> taken = new();
        await Parallel.ForEachAsync(
            partitions,
            new ParallelOptions { MaxDegreeOfParallelism = options.Value.MaxPartitions, CancellationToken = cancellationToken },
            async (partition, token) =>
            {
                if (run.HasGivenUp)
                {
                    return;
                }

                await using var lease = await leases.TryAcquireAsync($"refresh/{run.Definition.Table.Name}/{partition.Period.Name}", cancellationToken: token);
                if (lease is null)
                {
                    taken.Enqueue(partition);
                    return;
                }

                using var both = CancellationTokenSource.CreateLinkedTokenSource(token, lease.Lost);
                try
                {
                    await OneAsync(run, partition, Path.Combine(work, partition.Period.Name), both.Token);
                }
                catch (OperationCanceledException) when (lease.Lost.IsCancellationRequested && !token.IsCancellationRequested)
                {
                    taken.Enqueue(partition);
                }
            });
        return taken;
    }

    private async Task OneAsync(ActiveRun run, PlannedPartition partition, string folder, CancellationToken cancellationToken)
    {
        var (table, period) = (run.Definition.Table.Name, partition.Period.Name);
        try
        {
            var result = await Pipeline(run, period).ExecuteAsync(
                async token =>
                {
                    await run.StartedAsync(period);
                    try
                    {
                        return await refresher.RefreshAsync(run.Definition, partition, run.Range.Full, run.Basis, run.Id, folder, token);
                    }
                    finally
                    {
                        Remove(folder);
                    }
                },
                cancellationToken);
            if (result.Written == 0)
            {
                RefreshLog.PartitionDoneElsewhere(logger, table, period);
            }
            else
            {
                RefreshLog.PartitionRefreshed(logger, table, period, partition.Reason, result.Rows, result.Bytes);
            }

            await run.DoneAsync(period, result);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            RefreshLog.PartitionFailed(logger, exception, table, period);
            await run.FailAsync(period, exception);
        }
    }

    private ResiliencePipeline Pipeline(ActiveRun run, string? period)
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
                ShouldHandle = arguments => ValueTask.FromResult(arguments.Outcome.Exception is { } exception && ActiveRun.IsTransient(exception)),
                OnRetry = arguments =>
                {
                    RefreshLog.PartitionRetried(logger, arguments.Outcome.Exception, run.Definition.Table.Name, period ?? "", arguments.AttemptNumber + 1, arguments.RetryDelay);
                    return ValueTask.CompletedTask;
                },
            });
        }

        return builder.Build();
    }

    private async Task CollectGarbageAsync(ActiveRun run, CancellationToken cancellationToken)
    {
        try
        {
            foreach (var tenant in RefreshPlanner.Tenants(run.Definition))
            {
                await tables.CollectGarbageAsync(run.Definition.Table.Name, tenant, cancellationToken: cancellationToken);
            }
        }
        catch (GoldStoreException exception)
        {
            RefreshLog.GarbageKept(logger, exception, run.Definition.Table.Name);
        }
    }

    private static void Remove(string folder)
    {
        try
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The folder of a run is removed once more at its end, and what is left then by the next start.
        }
    }
}
