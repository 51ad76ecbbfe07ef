using Microsoft.Extensions.Logging;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Streaming;

/// <summary>Reads one shard while its lease is held, gives its records to a processor, and writes the checkpoints that the processor returns.</summary>
internal sealed partial class ShardRun(
    StreamConsumer consumer, IEventStream stream, StreamShard shard, string identity, Lease lease, StreamOptions options, TimeProvider time, ILogger logger) : IDisposable
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(10);

    private readonly CancellationTokenSource _stop = new();
    private readonly DateTimeOffset? _since = StreamCheckpoints.ReadSince(lease.Content ?? default);
    private ShardCheckpoint _saved = StreamCheckpoints.Read(lease.Content ?? default) ?? new ShardCheckpoint(ShardPosition.TrimHorizon);
    private ShardCheckpoint? _pending;
    private long _savedAt = time.GetTimestamp();
    private DateTimeOffset _readAt = time.GetUtcNow();
    private TimeSpan _behind;
    private string? _problem;

    /// <summary>Ends when the lease was given back or lost.</summary>
    public Task Completion { get; private set; } = Task.CompletedTask;

    /// <summary>How it is doing.</summary>
    public ShardStatus Status
    {
        get
        {
            // What is not read grows older.
            var silence = time.GetUtcNow() - _readAt;
            return new ShardStatus(shard.Id, _saved.Position.ToString(), _saved.Watermark, _behind + (_problem is not null && silence > TimeSpan.Zero ? silence : TimeSpan.Zero), _problem);
        }
    }

    /// <summary>Begins.</summary>
    /// <param name="ending">Tells that the worker stops.</param>
    /// <param name="done">Is called at the end.</param>
    public void Start(CancellationToken ending, Action done) => Completion = Task.Run(
        async () =>
        {
            try
            {
                await RunAsync(ending);
            }
            finally
            {
                done();
            }
        },
        CancellationToken.None);

    /// <summary>Gives the shard back.</summary>
    public void Stop()
    {
        try
        {
            _stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It ended a moment before.
        }
    }

    public void Dispose() => _stop.Dispose();

    private async Task RunAsync(CancellationToken ending)
    {
        LogBegan(consumer.Name, shard.Id, _saved.Position);
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(ending, _stop.Token, lease.Lost);
        var delay = FirstDelay;
        try
        {
            while (!stopping.IsCancellationRequested && _saved.Position.Kind != PositionKind.End)
            {
                var began = time.GetTimestamp();
                try
                {
                    await ProcessAsync(stopping.Token);
                }
                catch (OperationCanceledException) when (stopping.IsCancellationRequested)
                {
                }
                catch (Exception exception)
                {
                    delay = time.GetElapsedTime(began) > LongestDelay ? FirstDelay : delay;
                    _problem = exception.Message;
                    StreamMetrics.Failed(consumer.Name, stream.Name, shard.Id);
                    LogFailed(exception, consumer.Name, shard.Id, delay);
                    await Task.Delay(delay, time, stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    delay = delay * 2 < LongestDelay ? delay * 2 : LongestDelay;
                }
            }
        }
        finally
        {
            await lease.DisposeAsync();
            LogEnded(consumer.Name, shard.Id, _saved.Position);
        }
    }

    /// <summary>The life of one processor.</summary>
    private async Task ProcessAsync(CancellationToken stopping)
    {
        _pending = null;
        var context = new ShardContext(consumer.Name, stream.Name, identity, shard, _saved, lease.Fence, lease.Lost);
        await using var processor = await consumer.StartAsync(context, stopping);
        await using var reader = await stream.OpenAsync(shard.Id, _saved.Position, stopping);
        var delay = FirstDelay;
        while (!stopping.IsCancellationRequested)
        {
            ShardBatch batch;
            try
            {
                batch = await reader.ReadAsync(cancellationToken: stopping);
                delay = FirstDelay;
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                break;
            }
            catch (StreamException exception)
            {
                // The processor waits where it is: nothing of it has to be done again.
                _problem = exception.Message;
                StreamMetrics.Failed(consumer.Name, stream.Name, shard.Id);
                LogReadFailed(exception, consumer.Name, shard.Id, delay);
                await Task.Delay(delay, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                delay = delay * 2 < LongestDelay ? delay * 2 : LongestDelay;
                continue;
            }

            StreamMetrics.Read(consumer.Name, stream.Name, batch, shard.Id);
            if (batch.HasGap)
            {
                LogGap(consumer.Name, shard.Id, _saved.Position);
            }

            // A stop does not break into this: the processor is whole when it is stopped.
            var next = await processor.ProcessAsync(batch, lease.Lost);
            (_behind, _readAt, _problem) = (batch.Behind, time.GetUtcNow(), null);
            _pending = next ?? _pending;
            var isEnd = _pending?.Position.Kind == PositionKind.End;
            if (isEnd && !batch.IsEnd)
            {
                throw new InvalidOperationException($"The processor of '{shard.Id}' is at the end before the shard is.");
            }

            if (isEnd || time.GetElapsedTime(_savedAt) >= options.CheckpointInterval)
            {
                await SaveAsync();
            }

            if (_saved.Position.Kind == PositionKind.End)
            {
                return;
            }
        }

        if (!lease.Lost.IsCancellationRequested)
        {
            using var patience = new CancellationTokenSource(StopPatience, time);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(lease.Lost, patience.Token);
            _pending = await processor.StopAsync(stop.Token) ?? _pending;
            await SaveAsync();
        }
    }

    private async Task SaveAsync()
    {
        if (_pending is not { } checkpoint)
        {
            return;
        }

        var content = StreamCheckpoints.Write(checkpoint, _since);
        try
        {
            if (await lease.TrySaveAsync(content))
            {
                (_saved, _pending, _savedAt) = (checkpoint, null, time.GetTimestamp());
                StreamMetrics.Checkpointed(consumer.Name, stream.Name, shard.Id);
            }
        }
        catch (GoldStoreException exception)
        {
            // It stays pending; a later one may take its place.
            _problem = exception.Message;
            LogNotSaved(exception, consumer.Name, shard.Id);
        }
    }

    [LoggerMessage(6121, LogLevel.Information, "{Consumer}: shard {Shard} is read from {Position} on")]
    private partial void LogBegan(string consumer, string shard, ShardPosition position);

    [LoggerMessage(6122, LogLevel.Information, "{Consumer}: shard {Shard} is given back at {Position}")]
    private partial void LogEnded(string consumer, string shard, ShardPosition position);

    [LoggerMessage(6123, LogLevel.Error, "{Consumer}: shard {Shard} failed; it is begun again from its checkpoint in {Delay}")]
    private partial void LogFailed(Exception exception, string consumer, string shard, TimeSpan delay);

    [LoggerMessage(6124, LogLevel.Warning, "{Consumer}: shard {Shard} cannot be read; it is tried again in {Delay}")]
    private partial void LogReadFailed(Exception exception, string consumer, string shard, TimeSpan delay);

    [LoggerMessage(6125, LogLevel.Error, "{Consumer}: records of shard {Shard} were removed or damaged before they were read; the last checkpoint was {Position}")]
    private partial void LogGap(string consumer, string shard, ShardPosition position);

    [LoggerMessage(6126, LogLevel.Warning, "{Consumer}: the checkpoint of shard {Shard} could not be written; it is tried again")]
    private partial void LogNotSaved(Exception exception, string consumer, string shard);
}
