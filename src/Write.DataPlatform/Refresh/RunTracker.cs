using Microsoft.Extensions.Logging;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Refresh;

/// <summary>One run in this process and its entry in the ledger.</summary>
/// <remarks>
/// What happens is kept here and written every second, not at every step: the manifests are the truth about partitions, the ledger tells people.
/// The run's own lease says that its process is alive; the same rhythm looks whether somebody asked it to stop.
/// </remarks>
internal sealed class RunTracker : IAsyncDisposable
{
    private static readonly TimeSpan Rhythm = TimeSpan.FromSeconds(1);

    private readonly RunLedger _ledger;
    private readonly Lease _lease;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly IProgress<RefreshProgress>? _progress;
    private readonly CancellationTokenSource _cancel = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _writing = new(1);
    private readonly Lock _lock = new();
    private readonly Task _beating;
    private RefreshRun _run;
    private bool _isDirty;

    public RunTracker(RefreshRun run, GoldDefinition definition, Lease lease, RunLedger ledger, TimeProvider time, ILogger logger, IProgress<RefreshProgress>? progress)
    {
        (_run, Definition, _lease, _ledger, _time, _logger, _progress) = (run, definition, lease, ledger, time, logger, progress);
        CancelRequested = _cancel.Token;
        _beating = BeatAsync();
    }

    public GoldDefinition Definition { get; }

    /// <summary>The run as this process knows it.</summary>
    public RefreshRun Run
    {
        get
        {
            lock (_lock)
            {
                return _run;
            }
        }
    }

    public RefreshRange Range => new(Run.RequestedFrom, Run.RequestedTo, Run.Full);

    /// <summary>Is cancelled when somebody asked the run to stop.</summary>
    public CancellationToken CancelRequested { get; }

    /// <summary>Is cancelled when another process may take this run for dead.</summary>
    public CancellationToken Lost => _lease.Lost;

    /// <summary>The run has its turn.</summary>
    public Task BeginAsync() => ChangeAsync(run => run with { State = RunState.Running }, now: true);

    /// <summary>These are the partitions that it will refresh.</summary>
    public Task PlannedAsync(RefreshPlan plan)
    {
        var changed = ChangeAsync(run => run with { Partitions = [.. plan.Stale.Reverse().Select(p => new RunPartition { Period = p.Period.Name, State = RunPartitionState.Pending })] }, now: true);
        Report(null);
        return changed;
    }

    /// <summary>An attempt at a partition begins.</summary>
    public Task AttemptAsync(string period) => ChangeAsync(
        period, partition => partition with { State = RunPartitionState.Running, Attempts = partition.Attempts + 1, StartedAt = _time.GetUtcNow(), Error = null });

    /// <summary>A partition is as it should be.</summary>
    public Task DoneAsync(string period, PartitionResult result) => ChangeAsync(period, partition => partition with
    {
        State = result.Written > 0 ? RunPartitionState.Succeeded : RunPartitionState.Skipped,
        Rows = result.Rows,
        Bytes = result.Bytes,
        BytesScanned = result.BytesScanned,
        EndedAt = _time.GetUtcNow(),
    });

    /// <summary>A partition is not as it should be, for now or for this run.</summary>
    public Task FailedAsync(string period, RunPartitionState state, string error) =>
        ChangeAsync(period, partition => partition with { State = state, Error = error, EndedAt = _time.GetUtcNow() });

    /// <summary>The run is over.</summary>
    public async Task<RefreshRun> EndAsync(RunState state, string? error, GoldUsage? usage = null)
    {
        await _stop.CancelAsync();
        await _beating;
        await ChangeAsync(
            run => run with
            {
                State = state,
                Error = error,
                EndedAt = _time.GetUtcNow(),
                ReadUnits = usage is { Requests: > 0 } ? usage.ReadUnits : null,
                WriteUnits = usage is { Requests: > 0 } ? usage.WriteUnits : null,
                Partitions = [.. run.Partitions.Select(p => p.State == RunPartitionState.Running ? p with { State = RunPartitionState.Pending } : p)],
            },
            now: true);
        return Run;
    }

    /// <summary>Gives up the run's lease. A run that was not ended counts as interrupted from then on.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _beating;
        await _lease.DisposeAsync();
        _cancel.Dispose();
        _stop.Dispose();
        _writing.Dispose();
    }

    private Task ChangeAsync(string period, Func<RunPartition, RunPartition> change)
    {
        var changed = ChangeAsync(run => run.With(change(run.Partitions.First(p => p.Period == period))), now: false);
        Report(period);
        return changed;
    }

    private async Task ChangeAsync(Func<RefreshRun, RefreshRun> change, bool now)
    {
        lock (_lock)
        {
            _run = change(_run);
            _isDirty = true;
        }

        if (now)
        {
            await FlushAsync();
        }
    }

    private void Report(string? period)
    {
        if (_progress is null)
        {
            return;
        }

        var run = Run;
        _progress.Report(new RefreshProgress(
            run.Id,
            run.Table,
            run.Partitions.Length,
            run.Partitions.Count(p => p.State is RunPartitionState.Succeeded or RunPartitionState.Skipped),
            run.Partitions.Count(p => p.State == RunPartitionState.Failed),
            run.Partitions.Sum(p => p.Rows),
            run.Partitions.Sum(p => p.Bytes),
            run.Partitions.Sum(p => p.BytesScanned),
            period));
    }

    private async Task BeatAsync()
    {
        using var timer = new PeriodicTimer(Rhythm, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                await FlushAsync();
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    /// <summary>Writes what changed and reads whether the run is to stop. A ledger that fails stops no refresh.</summary>
    private async Task FlushAsync()
    {
        await _writing.WaitAsync(CancellationToken.None);
        try
        {
            RefreshRun? own = null;
            lock (_lock)
            {
                if (_isDirty)
                {
                    (own, _isDirty) = (_run, false);
                }
            }

            var stored = own is null
                ? await _ledger.GetAsync(Run.Id, CancellationToken.None)
                : await _ledger.UpdateAsync(own.Id, before => own with { CancelRequested = before.CancelRequested }, CancellationToken.None);
            if (stored is { CancelRequested: true } && !_cancel.IsCancellationRequested)
            {
                lock (_lock)
                {
                    _run = _run with { CancelRequested = true };
                }

                await _cancel.CancelAsync();
            }
        }
        catch (GoldStoreException exception)
        {
            lock (_lock)
            {
                _isDirty = true;
            }

            RefreshLog.LedgerFailed(_logger, exception, Run.Id);
        }
        finally
        {
            _writing.Release();
        }
    }
}
