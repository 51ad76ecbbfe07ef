using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Refresh;

/// <summary>Refreshes every scheduled gold table at the start, when the model changes and by its cron expression.</summary>
/// <remarks>
/// A table that is still being refreshed when it is due again runs once more afterwards, however many ticks it missed.
/// Tables without a cron expression are refreshed by hand alone.
/// </remarks>
internal sealed class RefreshScheduler(ModelStore models, RefreshService service, TimeProvider time, ILogger<RefreshScheduler> logger) : BackgroundService
{
    // Long waits are cut, so that a clock that was set or a machine that slept is noticed.
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private string? _revision;

    /// <summary>When the scheduler last looked at its tables; null before the first time. Older than a few minutes means that it hangs.</summary>
    public DateTimeOffset? LastLook { get; private set; }

    /// <summary>When a table is due next, or null if it has no schedule.</summary>
    public DateTimeOffset? NextRun(string table)
    {
        lock (_lock)
        {
            return _entries.GetValueOrDefault(table)?.Next;
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        try
        {
            while (!stoppingToken.IsCancellationRequested)
            {
                TimeSpan wait;
                using var changed = models.GetChangeToken().RegisterChangeCallback(_ => _wake.Writer.TryWrite(true), null);
                try
                {
                    wait = Look(stoppingToken);
                }
                catch (Exception exception)
                {
                    RefreshLog.SchedulerFailed(logger, exception);
                    wait = LongestWait;
                }

                using var waiting = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
                await Task.WhenAny(Task.Delay(wait, time, waiting.Token), _wake.Reader.WaitToReadAsync(waiting.Token).AsTask());
                _wake.Reader.TryRead(out _);
                await waiting.CancelAsync();
            }
        }
        finally
        {
            await Task.WhenAll(Running());
        }
    }

    /// <summary>Starts what is due and says how long nothing else is.</summary>
    private TimeSpan Look(CancellationToken stoppingToken)
    {
        var now = time.GetUtcNow();
        var model = models.Current;
        LastLook = now;
        lock (_lock)
        {
            if (model.Revision != _revision)
            {
                Replan(model, now, isFirst: _revision is null);
                _revision = model.Revision;
            }

            foreach (var (table, entry) in _entries)
            {
                if (entry.Next <= now)
                {
                    entry.Due = RunTrigger.Schedule;
                    entry.Next = entry.After(now);
                }
                else if (entry.After(now) is { } sooner && sooner < entry.Next)
                {
                    // The clock was ahead when it was told.
                    entry.Next = sooner;
                }

                if (entry.Due is { } trigger && entry.Running.IsCompleted)
                {
                    entry.Due = null;
                    entry.Running = RunAsync(table, trigger, stoppingToken);
                }
            }

            var next = _entries.Values.Select(entry => entry.Next).Min();
            return next is null || next - now > LongestWait ? LongestWait : next.Value > now ? next.Value - now : TimeSpan.Zero;
        }
    }

    private void Replan(MetricModel model, DateTimeOffset now, bool isFirst)
    {
        foreach (var table in model.GoldTables.Values)
        {
            if (table.Refresh is not { Cron.Length: > 0 } policy)
            {
                _entries.Remove(table.Name);
                continue;
            }

            var entry = _entries.TryGetValue(table.Name, out var known) ? known : _entries[table.Name] = new Entry();
            entry.Schedule = new Schedule(policy.Cron, policy.TimeZone);
            entry.Next = entry.After(now);
            entry.Due = isFirst ? RunTrigger.Startup : RunTrigger.Model;
        }

        foreach (var gone in _entries.Keys.Except(model.GoldTables.Keys).ToList())
        {
            _entries.Remove(gone);
        }
    }

    private async Task RunAsync(string table, RunTrigger trigger, CancellationToken stoppingToken)
    {
        await Task.Yield();
        try
        {
            await service.RunAsync(table, new RefreshRange(), trigger, null, stoppingToken);
            await service.DropForgottenAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
        catch (Exception exception)
        {
            // The run's own failures are in the ledger; this is one that could not even begin. The next tick tries again.
            RefreshLog.RunNotStarted(logger, exception, table);
        }
        finally
        {
            _wake.Writer.TryWrite(true);
        }
    }

    private List<Task> Running()
    {
        lock (_lock)
        {
            return [.. _entries.Values.Select(entry => entry.Running)];
        }
    }

    private sealed class Entry
    {
        public Schedule Schedule { get; set; } = null!;

        public DateTimeOffset? Next { get; set; }

        public RunTrigger? Due { get; set; }

        public Task Running { get; set; } = Task.CompletedTask;

        public DateTimeOffset? After(DateTimeOffset moment) => Schedule.Next(moment);
    }
}
