using Write.DataPlatform.Api.Rest;

namespace Write.DataPlatform.Api.Monitoring;

/// <summary>
/// Between being told to stop and stopping: <c>/health/ready</c> says 503 at once, the server answers on for <see cref="WebOptions.DrainDelay"/>, and only then
/// stops taking requests and ends those under way.
/// </summary>
internal sealed class Draining(ReloadedOptions<WebOptions> options, IHostApplicationLifetime lifetime, TimeProvider clock) : IHostedLifecycleService
{
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        // However it was told to stop, from now on it says so.
        lifetime.StopApplication();
        try
        {
            await Task.Delay(options.Value.DrainDelay, clock, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // Told to stop without waiting.
        }
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
