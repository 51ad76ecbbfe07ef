using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Write.DataPlatform.Gold;

/// <summary>Makes one worker at a time own a name, among all processes that share a gold store.</summary>
/// <remarks>
/// A holder raises the lease's counter again and again. Another takes it over once it has watched the counter stand still for the lease's duration by its own
/// clock: clocks are never compared. If the holder was a process of the same machine that runs no more, the lease is free at once.
/// </remarks>
internal sealed partial class Leases(IGoldStore store, IOptions<GoldOptions> options, TimeProvider timeProvider, ILogger<Leases> logger)
{
    private readonly ConcurrentDictionary<string, Observation> _observed = new(StringComparer.Ordinal);

    /// <summary>Takes a lease if it is free. One that a silent holder has is taken by asking again after its duration.</summary>
    /// <param name="name">What is owned.</param>
    /// <param name="owner">Who takes it, never used twice; null for this process.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The lease, or null while another holds it.</returns>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<Lease?> TryAcquireAsync(string name, string? owner = null, CancellationToken cancellationToken = default)
    {
        var duration = options.Value.LeaseDuration;
        var body = new LeaseBody(owner ?? $"{ProcessIdentity.Current}/{Guid.NewGuid():N}", (long)duration.TotalMilliseconds);
        var started = timeProvider.GetTimestamp();
        var sk = GoldKeys.Escape(name);
        var held = await store.GetAsync(GoldKeys.Leases, sk, cancellationToken);
        if (held is not null && !IsFree(name, held))
        {
            return null;
        }

        // Counters never begin anew, so one that was released and taken again is not mistaken for one that stands still.
        var counter = Math.Max((held?.Revision ?? 0) + 1, timeProvider.GetUtcNow().ToUnixTimeMilliseconds());
        var item = new GoldItem(GoldKeys.Leases, sk, counter, JsonSerializer.SerializeToUtf8Bytes(body, LeaseJson.Default.LeaseBody));
        if (!await store.TryPutAsync(item, held?.Revision, cancellationToken))
        {
            return null;
        }

        _observed.TryRemove(name, out _);
        if (held is not null)
        {
            LogTakenOver(name);
        }

        return new Lease(store, item, name, body.Owner, duration, started, timeProvider, logger);
    }

    private bool IsFree(string name, GoldItem held)
    {
        LeaseBody? body;
        try
        {
            body = JsonSerializer.Deserialize(held.Body.Span, LeaseJson.Default.LeaseBody);
        }
        catch (JsonException)
        {
            body = null;
        }

        if (body is not null && ProcessIdentity.IsGone(body.Owner))
        {
            return true;
        }

        var duration = body is null ? options.Value.LeaseDuration : TimeSpan.FromMilliseconds(body.Milliseconds);
        var seen = _observed.AddOrUpdate(
            name,
            _ => new Observation(held.Revision, timeProvider.GetTimestamp()),
            (_, before) => before.Counter == held.Revision ? before : new Observation(held.Revision, timeProvider.GetTimestamp()));
        return timeProvider.GetElapsedTime(seen.At) >= duration;
    }

    [LoggerMessage(3101, LogLevel.Warning, "Lease {Lease} was taken over from a holder that went silent")]
    private partial void LogTakenOver(string lease);

    private sealed record Observation(long Counter, long At);
}

/// <summary>A lease that is held, and renewed until it is disposed.</summary>
internal sealed partial class Lease : IAsyncDisposable
{
    private readonly IGoldStore _store;
    private readonly TimeSpan _duration;
    private readonly TimeProvider _timeProvider;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _lost = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly ITimer _deadline;
    private readonly Task _renewing;
    private GoldItem _item;

    internal Lease(IGoldStore store, GoldItem item, string name, string owner, TimeSpan duration, long started, TimeProvider timeProvider, ILogger logger)
    {
        _store = store;
        _item = item;
        Name = name;
        Owner = owner;
        _duration = duration;
        _timeProvider = timeProvider;
        _logger = logger;
        Lost = _lost.Token;
        _deadline = timeProvider.CreateTimer(_ => Lose(), null, Left(started), Timeout.InfiniteTimeSpan);
        _renewing = RenewAsync();
    }

    /// <summary>What is owned.</summary>
    public string Name { get; }

    /// <summary>Who owns it.</summary>
    public string Owner { get; }

    /// <summary>A number that rises with every renewal and every holder; a later holder's is always larger.</summary>
    public long Counter => Volatile.Read(ref _item).Revision;

    /// <summary>Is cancelled when another may hold the lease: stop writing.</summary>
    public CancellationToken Lost { get; }

    /// <summary>Gives the lease back, if it is still held.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _renewing;
        await _deadline.DisposeAsync();
        try
        {
            await _store.TryDeleteAsync(_item.Pk, _item.Sk, _item.Revision, CancellationToken.None);
        }
        catch (GoldStoreException exception)
        {
            LogNotReleased(exception, Name);
        }

        _stop.Dispose();
        _lost.Dispose();
    }

    private async Task RenewAsync()
    {
        using var timer = new PeriodicTimer(_duration / 3, _timeProvider);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token) && !Lost.IsCancellationRequested)
            {
                // The duration counts from before the write: nobody can have seen it earlier.
                var started = _timeProvider.GetTimestamp();
                try
                {
                    var next = _item with { Revision = _item.Revision + 1 };
                    if (!await _store.TryPutAsync(next, _item.Revision, CancellationToken.None))
                    {
                        var stored = await _store.GetAsync(next.Pk, next.Sk, CancellationToken.None);
                        if (stored is null || stored.Revision != next.Revision || !stored.Body.Span.SequenceEqual(next.Body.Span))
                        {
                            Lose();
                            return;
                        }
                    }

                    Volatile.Write(ref _item, next);
                    _deadline.Change(Left(started), Timeout.InfiniteTimeSpan);
                }
                catch (GoldStoreException exception)
                {
                    LogNotRenewed(exception, Name);
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private TimeSpan Left(long started)
    {
        var left = _duration - _timeProvider.GetElapsedTime(started);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    private void Lose()
    {
        try
        {
            if (!_stop.IsCancellationRequested)
            {
                LogLost(Name);
                _lost.Cancel();
            }
        }
        catch (ObjectDisposedException)
        {
            // The timer rang while the lease was given back.
        }
    }

    [LoggerMessage(3102, LogLevel.Warning, "Lease {Lease} could not be renewed; it is tried again")]
    private partial void LogNotRenewed(Exception exception, string lease);

    [LoggerMessage(3103, LogLevel.Warning, "Lease {Lease} could not be given back; others wait until it runs out")]
    private partial void LogNotReleased(Exception exception, string lease);

    [LoggerMessage(3104, LogLevel.Error, "Lease {Lease} was lost")]
    private partial void LogLost(string lease);
}

/// <summary>A lease's item.</summary>
internal sealed record LeaseBody(string Owner, long Milliseconds);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(LeaseBody))]
internal sealed partial class LeaseJson : JsonSerializerContext;
