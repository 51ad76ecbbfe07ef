using System.Collections.Immutable;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Refresh;

/// <summary>A run in progress: what the ledger says of it, kept in step, and the wish to cancel it, looked for in the ledger.</summary>
internal sealed class ActiveRun : IAsyncDisposable
{
    /// <summary>So many partitions in a row that failed for a reason that may pass mean that nothing will go before the next turn.</summary>
    private const int GiveUpAfter = 3;

    private static readonly TimeSpan LookForCancel = TimeSpan.FromSeconds(1);

    private readonly RunLedger _ledger;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly IProgress<RefreshProgress>? _progress;
    private readonly Lease _lease;
    private readonly CancellationTokenSource _cancel = new();
    private readonly ITimer _timer;
    private readonly Lock _lock = new();
    private RefreshRun _last;
    private int _total;
    private int _done;
    private int _failed;
    private int _failedInARow;
    private long _rows;
    private long _bytes;
    private long _bytesScanned;

    /// <param name="run">The run as entered in the ledger.</param>
    /// <param name="definition">The table.</param>
    /// <param name="lease">Held while the run lives, so that others can tell it from one whose process died.</param>
    /// <param name="ledger">The ledger.</param>
    /// <param name="progress">Told after each partition; may be null.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">For a ledger that cannot be written.</param>
    public ActiveRun(
        RefreshRun run, GoldDefinition definition, Lease lease, RunLedger ledger, IProgress<RefreshProgress>? progress, TimeProvider time, ILogger logger)
    {
        (_last, Definition, _lease, _ledger, _progress, _time, _logger) = (run, definition, lease, ledger, progress, time, logger);
        CancelRequested = _cancel.Token;
        _timer = time.CreateTimer(_ => _ = LookAsync(), null, LookForCancel, LookForCancel);
    }

    public GoldDefinition Definition { get; }

    public string Id => _last.Id;

    public RunTrigger Trigger => _last.Trigger;

    public DateTimeOffset Basis => _last.Basis;

    public RefreshRange Range => new(_last.RequestedFrom, _last.RequestedTo, _last.Full);

    public CancellationToken CancelRequested { get; }

    public ImmutableArray<string> Errors { get; private set; } = [];

    public bool HasGivenUp => Volatile.Read(ref _failedInARow) >= GiveUpAfter;

    /// <summary>Whether trying again may help.</summary>
    public static bool IsTransient(Exception exception) =>
        exception is LakeException { IsTransient: true } or GoldStoreException { IsTransient: true } or IOException;

    public Task PlannedAsync(RefreshPlan plan)
    {
        _total = plan.Stale.Length;
        Tell(null);
        return UpdateAsync(run => run with
        {
            State = RunState.Running,
            Partitions = [.. plan.Stale.Select(p => new RunPartition { Period = p.Period.Name, State = RunPartitionState.Pending })],
        });
    }

    public Task StartedAsync(string period) => UpdateAsync(run => run.With(Of(run, period) with
    {
        State = RunPartitionState.Running,
        Attempts = Of(run, period).Attempts + 1,
        StartedAt = _time.GetUtcNow(),
    }));

    public Task DoneAsync(string period, PartitionResult result)
    {
        lock (_lock)
        {
            _done++;
            _failedInARow = 0;
            _rows += result.Rows;
            _bytes += result.Bytes;
            _bytesScanned += result.BytesScanned;
        }

        Tell(period);
        return UpdateAsync(run => run.With(Of(run, period) with
        {
            State = result.Written == 0 ? RunPartitionState.Skipped : RunPartitionState.Succeeded,
            Rows = result.Rows,
            Bytes = result.Bytes,
            BytesScanned = result.BytesScanned,
            Error = result.Written == 0 ? "Another worker had refreshed it." : null,
            EndedAt = _time.GetUtcNow(),
        }));
    }

    /// <param name="period">The partition that failed; null if the run itself did.</param>
    /// <param name="exception">Why.</param>
    public Task FailAsync(string? period, Exception exception)
    {
        lock (_lock)
        {
            _failed += period is null ? 0 : 1;
            _failedInARow = IsTransient(exception) ? _failedInARow + 1 : 0;
            Errors = Errors.Add(period is null ? exception.Message : period + ": " + exception.Message);
        }

        Tell(period);
        return period is null
            ? Task.CompletedTask
            : UpdateAsync(run => run.With(Of(run, period) with { State = RunPartitionState.Failed, Error = exception.Message, EndedAt = _time.GetUtcNow() }));
    }

    public async Task<RefreshRun> EndAsync(RunState end)
    {
        if (HasGivenUp)
        {
            Errors = Errors.Add(string.Create(CultureInfo.InvariantCulture, $"Given up after {GiveUpAfter} partitions in a row; {_total - _done - _failed} were not tried."));
        }

        await UpdateAsync(run => run with { State = end, EndedAt = _time.GetUtcNow(), Error = Errors.IsEmpty ? null : string.Join("\n", Errors) });
        if (end == RunState.Failed)
        {
            RefreshLog.Failed(_logger, Id, _last.Table, string.Join(" ", Errors));
        }
        else
        {
            RefreshLog.Finished(_logger, Id, _last.Table, end.ToString(), _done, _rows);
        }

        return _last with { State = end };
    }

    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync();
        try
        {
            await _lease.DisposeAsync();
        }
        catch (GoldStoreException exception)
        {
            RefreshLog.LedgerFailed(_logger, exception, Id);
        }

        _cancel.Dispose();
    }

    private static RunPartition Of(RefreshRun run, string period) =>
        run.Partitions.FirstOrDefault(p => p.Period == period) ?? new RunPartition { Period = period, State = RunPartitionState.Pending };

    private void Tell(string? period)
    {
        lock (_lock)
        {
            _progress?.Report(new RefreshProgress(Id, _last.Table, _total, _done, _failed, _rows, _bytes, _bytesScanned, period));
        }
    }

    /// <summary>The ledger tells people; a run goes on though it cannot be written, because the manifests are what counts.</summary>
    private async Task UpdateAsync(Func<RefreshRun, RefreshRun> change)
    {
        try
        {
            _last = await _ledger.UpdateAsync(Id, change) ?? change(_last);
        }
        catch (GoldStoreException exception)
        {
            _last = change(_last);
            RefreshLog.LedgerFailed(_logger, exception, Id);
        }
    }

    private async Task LookAsync()
    {
        try
        {
            if (_lease.Lost.IsCancellationRequested || await _ledger.GetAsync(Id) is { CancelRequested: true })
            {
                await _cancel.CancelAsync();
            }
        }
        catch (Exception exception) when (exception is GoldStoreException or ObjectDisposedException)
        {
            // Looked for again in a second, or the run is over.
        }
    }
}
