using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Streaming;

/// <summary>
/// Reads a stream for one consumer, together with the workers of other processes: looks for shards, takes the leases of its fair share, and runs a
/// <see cref="ShardRun"/> for each.
/// </summary>
/// <remarks>
/// A shard is begun when all its parents are at their end. A lease is taken when nobody holds it or its holder went silent; from a holder that lives only where that
/// one has at least two more, and one at a time. What processes do not agree on costs at most work done twice: what counts is fenced by the lease.
/// </remarks>
internal sealed partial class StreamWorker(StreamConsumer consumer, IEventStream stream, Leases leases, StreamOptions options, TimeProvider time, ILogger logger)
{
    private readonly string _id = $"{ProcessIdentity.Current}/{Guid.NewGuid():N}";
    private readonly ConcurrentDictionary<string, ShardRun> _runs = new(StringComparer.Ordinal);
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private volatile string? _problem;
    private long _lastLook = long.MinValue;

    /// <summary>The shards that this worker holds, and what keeps it from holding more.</summary>
    public ConsumerStatus Status => new(consumer.Name, consumer.Source, _problem, [.. _runs.Values.Select(run => run.Status).OrderBy(shard => shard.ShardId, StringComparer.Ordinal)]);

    /// <summary>When it last looked for shards and leases with success; null before the first time.</summary>
    public DateTimeOffset? LastLook => Volatile.Read(ref _lastLook) is var ticks and > 0 ? new DateTimeOffset(ticks, TimeSpan.Zero) : null;

    /// <summary>Works until it is told to stop; then every processor is stopped and every lease given back.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        using var ending = new CancellationTokenSource();
        try
        {
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    await LookAsync(ending.Token, stop);
                    _problem = null;
                    Volatile.Write(ref _lastLook, time.GetUtcNow().UtcTicks);
                }
                catch (Exception exception) when (exception is not OperationCanceledException || !stop.IsCancellationRequested)
                {
                    if (_problem != exception.Message)
                    {
                        LogLookFailed(exception, consumer.Name);
                    }

                    _problem = exception.Message;
                }

                using var waiting = CancellationTokenSource.CreateLinkedTokenSource(stop);
                await Task.WhenAny(Task.Delay(options.LookInterval, time, waiting.Token), _wake.Reader.WaitToReadAsync(waiting.Token).AsTask());
                _wake.Reader.TryRead(out _);
                await waiting.CancelAsync();
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
        finally
        {
            await ending.CancelAsync();
            await Task.WhenAll(_runs.Values.Select(run => run.Completion));
        }
    }

    private async Task LookAsync(CancellationToken ending, CancellationToken stop)
    {
        var identity = await stream.GetIdentityAsync(stop);
        var prefix = StreamCheckpoints.Prefix(consumer.Name, consumer.Source, identity);
        var states = new Dictionary<string, LeaseState>(StringComparer.Ordinal);
        await foreach (var state in leases.ListAsync(StreamCheckpoints.Prefix(consumer.Name, consumer.Source), stop))
        {
            states[state.Name] = state;
        }

        // After the leases: a shard that has one, and is not listed, is not one that was just made.
        var shards = await stream.ListShardsAsync(stop);
        var listed = shards.Select(shard => prefix + shard.Id).ToHashSet(StringComparer.Ordinal);
        foreach (var (name, run) in _runs)
        {
            if (!listed.Contains(name))
            {
                run.Stop();
            }
        }

        foreach (var name in await StreamCheckpoints.ForgetAsync(leases, consumer, identity, states.Values.Where(state => !listed.Contains(state.Name)), stop))
        {
            LogForgotten(consumer.Name, name);
        }

        var open = shards.Where(shard => !IsDone(shard) && shard.Parents.All(parent => !listed.Contains(prefix + parent) || IsDone(parent))).ToList();
        await TakeAsync(open, prefix, identity, states, ending, stop);

        bool IsDone(object shard) =>
            states.TryGetValue(prefix + (shard is StreamShard known ? known.Id : shard), out var state) && StreamCheckpoints.Read(state.Content)?.Position.Kind == PositionKind.End;
    }

    private async Task TakeAsync(
        List<StreamShard> open, string prefix, string identity, Dictionary<string, LeaseState> states, CancellationToken ending, CancellationToken stop)
    {
        var held = open.Where(shard => states.TryGetValue(prefix + shard.Id, out var state) && !state.IsFree && state.Owner is not null && state.Owner != _id).ToList();
        var others = held.GroupBy(shard => states[prefix + shard.Id].Owner!).Select(owner => owner.ToList()).OrderByDescending(owned => owned.Count).ToList();
        var fair = (open.Count + others.Count) / (others.Count + 1);
        var free = open.Except(held).Where(shard => !_runs.ContainsKey(prefix + shard.Id)).ToArray();
        Random.Shared.Shuffle(free);

        // When the consumer was here for the first time: a shard that was made since is read from its beginning.
        var since = states.Where(state => state.Key.StartsWith(prefix, StringComparison.Ordinal)).Min(state => StreamCheckpoints.ReadSince(state.Value.Content)) ?? time.GetUtcNow();
        foreach (var shard in free)
        {
            if (_runs.Count >= fair)
            {
                return;
            }

            await TryTakeAsync(shard, prefix, identity, since, null, ending, stop);
        }

        if (free.Length == 0 && others.FirstOrDefault() is { } most && most.Count >= _runs.Count + 2)
        {
            var shard = most[Random.Shared.Next(most.Count)];
            if (await TryTakeAsync(shard, prefix, identity, since, states[prefix + shard.Id].Counter, ending, stop))
            {
                LogStolen(consumer.Name, shard.Id);
            }
        }
    }

    private async Task<bool> TryTakeAsync(StreamShard shard, string prefix, string identity, DateTimeOffset since, long? stealAt, CancellationToken ending, CancellationToken stop)
    {
        var name = prefix + shard.Id;
        var first = StreamCheckpoints.Write(new ShardCheckpoint(options.Start == StreamStart.Latest ? ShardPosition.Since(since) : ShardPosition.TrimHorizon), since);
        var lease = await leases.TryAcquireAsync(new LeaseRequest(name, _id, options.LeaseDuration, first, stealAt), stop);
        if (lease is null)
        {
            return false;
        }

        var run = new ShardRun(consumer, stream, shard, identity, lease, options, time, logger);
        _runs[name] = run;
        run.Start(ending, () =>
        {
            _runs.TryRemove(name, out _);
            run.Dispose();
            _wake.Writer.TryWrite(true);
        });
        return true;
    }

    [LoggerMessage(6111, LogLevel.Warning, "{Consumer} cannot look for its shards; it is tried again")]
    private partial void LogLookFailed(Exception exception, string consumer);

    [LoggerMessage(6112, LogLevel.Information, "{Consumer}: took shard {Shard} from a worker that has more")]
    private partial void LogStolen(string consumer, string shard);

    [LoggerMessage(6113, LogLevel.Warning, "{Consumer}: {Lease} was not read to its end, and the stream has it no more")]
    private partial void LogForgotten(string consumer, string lease);
}
