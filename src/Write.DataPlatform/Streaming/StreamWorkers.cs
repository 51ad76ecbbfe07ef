using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Streaming;

/// <summary>Runs a <see cref="StreamWorker"/> for each consumer there is, as they come and go with the model.</summary>
internal sealed partial class StreamWorkers(
    IEnumerable<IStreamConsumers> consumers, IEventStreams streams, Leases leases, IOptions<StreamOptions> options, TimeProvider time, ILogger<StreamWorkers> logger) : BackgroundService
{
    private readonly ConcurrentDictionary<StreamConsumer, Running> _running = [];
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>How the consumers are doing, in the order of their names.</summary>
    public ImmutableArray<ConsumerStatus> Status => [.. _running.Values.Select(running => running.Worker.Status).OrderBy(status => status.Consumer, StringComparer.Ordinal)];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        var sources = consumers.ToList();
        var registrations = sources.ConvertAll(source => ChangeToken.OnChange(source.GetChangeToken, () => _wake.Writer.TryWrite(true)));
        try
        {
            while (!stoppingToken.IsCancellationRequested)
            {
                var wanted = sources.SelectMany(source => source.Current).ToHashSet();
                await StopAsync(_running.Keys.Except(wanted).ToList());
                foreach (var consumer in wanted.Except(_running.Keys))
                {
                    Begin(consumer);
                }

                await _wake.Reader.ReadAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
        finally
        {
            registrations.ForEach(registration => registration.Dispose());
            await StopAsync([.. _running.Keys]);
        }
    }

    private void Begin(StreamConsumer consumer)
    {
        IEventStream stream;
        try
        {
            stream = streams.Get(consumer.Source);
        }
        catch (StreamException exception)
        {
            LogNoStream(exception, consumer.Name, consumer.Source);
            return;
        }

        var worker = new StreamWorker(consumer, stream, leases, options.Value, time, logger);
        var stop = new CancellationTokenSource();
        _running[consumer] = new Running(worker, stop, Task.Run(() => worker.RunAsync(stop.Token), CancellationToken.None));
    }

    private async Task StopAsync(IReadOnlyCollection<StreamConsumer> stopped)
    {
        foreach (var consumer in stopped)
        {
            await _running[consumer].Stop.CancelAsync();
        }

        foreach (var consumer in stopped)
        {
            var running = _running[consumer];
            await running.Task;
            running.Stop.Dispose();
            _running.TryRemove(consumer, out _);
        }
    }

    [LoggerMessage(6131, LogLevel.Error, "{Consumer} has no stream '{Source}' to read")]
    private partial void LogNoStream(Exception exception, string consumer, string source);

    private sealed record Running(StreamWorker Worker, CancellationTokenSource Stop, Task Task);
}
