using Microsoft.Extensions.Options;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Api.Alerts;

/// <summary>Looks after alerts and reports all the time: evaluates in a loop of each lane and delivers in another, so that none waits for the others.</summary>
internal sealed class AlertScheduler(AlertRunner runner, AlertOutbox outbox, ModelStore models, IOptions<AlertOptions> options, TimeProvider clock, ILogger<AlertScheduler> logger) : BackgroundService
{
    // Long waits are cut, so that a clock that was set, a machine that slept or a process that took over is noticed.
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ShortestWait = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // What a first start builds goes first.
        await Task.Delay(options.Value.StartDelay, clock, stoppingToken);
        await Task.WhenAll([
            .. Enum.GetValues<AlertLane>().Select(lane => LoopAsync(token => runner.PassAsync(lane, cancellationToken: token), ModelChangesAsync, stoppingToken)),
            LoopAsync(outbox.BeginAsync, outbox.WaitAsync, stoppingToken),
        ]);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await outbox.EndAsync().WaitAsync(cancellationToken);
    }

    private async Task LoopAsync(Func<CancellationToken, Task<DateTimeOffset?>> look, Func<TimeSpan, CancellationToken, Task> wait, CancellationToken stoppingToken)
    {
        while (true)
        {
            var longest = LongestWait;
            try
            {
                if (await look(stoppingToken) is { } next && next - clock.GetUtcNow() is var until && until < longest)
                {
                    longest = until > ShortestWait ? until : ShortestWait;
                }
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                AlertLog.PassFailed(logger, exception);
            }

            await wait(longest, stoppingToken);
            stoppingToken.ThrowIfCancellationRequested();
        }
    }

    private async Task ModelChangesAsync(TimeSpan longest, CancellationToken cancellationToken)
    {
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var reload = models.GetChangeToken().RegisterChangeCallback(_ => changed.TrySetResult(), null);
        await Task.WhenAny(Task.Delay(longest, clock, waiting.Token), changed.Task);
        await waiting.CancelAsync();
    }
}
