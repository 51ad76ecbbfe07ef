using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
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
    public Task<Lease?> TryAcquireAsync(string name, string? owner = null, CancellationToken cancellationToken = default) =>
        TryAcquireAsync(new LeaseRequest(name, owner), cancellationToken);

    /// <summary>As the other one, for leases that stay when they are given back, or are taken from a holder that lives.</summary>
    /// <param name="request">What is wanted.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<Lease?> TryAcquireAsync(LeaseRequest request, CancellationToken cancellationToken = default)
    {
        var name = request.Name;
        var duration = request.Duration ?? options.Value.LeaseDuration;
        var started = timeProvider.GetTimestamp();
        var sk = GoldKeys.Escape(name);
        var held = await store.GetAsync(GoldKeys.Leases, sk, cancellationToken);
        var before = held is null ? null : Read(held);
        if (held is not null && held.Revision != request.StealAt && !IsFree(name, held, before))
        {
            return null;
        }

        var body = new LeaseBody(request.Owner ?? $"{ProcessIdentity.Current}/{Guid.NewGuid():N}", (long)duration.TotalMilliseconds, before?.Content ?? request.Content);

        // Counters never begin anew, so one that was released and taken again is not mistaken for one that stands still.
        var counter = Math.Max((held?.Revision ?? 0) + 1, timeProvider.GetUtcNow().ToUnixTimeMilliseconds());
        var item = new GoldItem(GoldKeys.Leases, sk, counter, JsonSerializer.SerializeToUtf8Bytes(body, LeaseJson.Default.LeaseBody));
        if (!await store.TryPutAsync(item, held?.Revision, cancellationToken))
        {
            return null;
        }

        _observed.TryRemove(name, out _);
        if (held is not null && before is not { Owner.Length: 0 } && held.Revision != request.StealAt)
        {
            LogTakenOver(name);
        }

        return new Lease(store, item, name, body, duration, started, timeProvider, logger);
    }

    /// <summary>Takes a lease, and waits for it if another has it. A holder that is gone without giving it back is noticed after the lease's duration.</summary>
    /// <param name="name">What is owned.</param>
    /// <param name="patience">How long it is waited for.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The lease, or null if another holds it yet.</returns>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<Lease?> AcquireAsync(string name, TimeSpan patience, CancellationToken cancellationToken = default)
    {
        var started = timeProvider.GetTimestamp();
        Lease? lease;
        while ((lease = await TryAcquireAsync(name, cancellationToken: cancellationToken)) is null && timeProvider.GetElapsedTime(started) < patience)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), timeProvider, cancellationToken);
        }

        return lease;
    }

    /// <summary>The leases whose names start with a prefix, and whether each is free as far as this observer has watched it. It may be a moment behind.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async IAsyncEnumerable<LeaseState> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var item in store.QueryAsync(GoldKeys.Leases, prefix.Length == 0 ? "" : GoldKeys.Escape(prefix), cancellationToken: cancellationToken))
        {
            var name = GoldKeys.Unescape(item.Sk);
            var body = Read(item);
            yield return new LeaseState(name, body?.Owner is { Length: > 0 } owner ? owner : null, item.Revision, IsFree(name, item, body), body?.Content ?? default);
        }
    }

    /// <summary>Removes what a lease that nobody holds left.</summary>
    /// <returns>False if it changed since it was listed.</returns>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public Task<bool> TryRemoveAsync(LeaseState lease, CancellationToken cancellationToken = default) =>
        store.TryDeleteAsync(GoldKeys.Leases, GoldKeys.Escape(lease.Name), lease.Counter, cancellationToken);

    internal static LeaseBody? Read(GoldItem held)
    {
        try
        {
            return JsonSerializer.Deserialize(held.Body.Span, LeaseJson.Default.LeaseBody);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private bool IsFree(string name, GoldItem held, LeaseBody? body)
    {
        if (body is not null && (body.Owner.Length == 0 || ProcessIdentity.IsGone(body.Owner)))
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
    private readonly SemaphoreSlim _writing = new(1);
    private readonly Task _renewing;
    private GoldItem _item;
    private LeaseBody _body;

    internal Lease(IGoldStore store, GoldItem item, string name, LeaseBody body, TimeSpan duration, long started, TimeProvider timeProvider, ILogger logger)
    {
        _store = store;
        _item = item;
        _body = body;
        Name = name;
        Fence = item.Revision;
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
    public string Owner => _body.Owner;

    /// <summary>The counter when it was taken: larger than any that an earlier holder had.</summary>
    public long Fence { get; }

    /// <summary>What is kept with the lease, from holder to holder; null for nothing. A lease with a content stays when it is given back.</summary>
    public ReadOnlyMemory<byte>? Content => _body.Content;

    /// <summary>A number that rises with every renewal and every holder; a later holder's is always larger.</summary>
    public long Counter => Volatile.Read(ref _item).Revision;

    /// <summary>Is cancelled when another may hold the lease: stop writing.</summary>
    public CancellationToken Lost { get; }

    /// <summary>Replaces the content, if the lease is still held.</summary>
    /// <returns>False, and nothing written, if another took the lease: <see cref="Lost"/> is then cancelled.</returns>
    /// <exception cref="GoldStoreException">The store failed; whether it was written is not known. The same may be tried again.</exception>
    public async Task<bool> TrySaveAsync(ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            return !Lost.IsCancellationRequested && await WriteAsync(content);
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Gives the lease back, if it is still held.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _renewing;
        await _deadline.DisposeAsync();
        try
        {
            if (Content is null)
            {
                await _store.TryDeleteAsync(_item.Pk, _item.Sk, _item.Revision, CancellationToken.None);
            }
            else if (!Lost.IsCancellationRequested)
            {
                await _store.TryPutAsync(Next(_body with { Owner = "" }), _item.Revision, CancellationToken.None);
            }
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
                await _writing.WaitAsync(_stop.Token);
                try
                {
                    if (!await WriteAsync(null))
                    {
                        return;
                    }
                }
                catch (GoldStoreException exception)
                {
                    LogNotRenewed(exception, Name);
                }
                finally
                {
                    _writing.Release();
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private GoldItem Next(LeaseBody body) =>
        _item with { Revision = _item.Revision + 1, Body = body == _body ? _item.Body : JsonSerializer.SerializeToUtf8Bytes(body, LeaseJson.Default.LeaseBody) };

    /// <summary>Raises the counter, and replaces the content if one is given, if the lease is still held.</summary>
    private async Task<bool> WriteAsync(ReadOnlyMemory<byte>? content)
    {
        // The duration counts from before the write: nobody can have seen it earlier.
        var started = _timeProvider.GetTimestamp();
        var body = content is null ? _body : _body with { Content = content };
        var next = Next(body);
        if (!await _store.TryPutAsync(next, _item.Revision, CancellationToken.None))
        {
            var stored = await _store.GetAsync(next.Pk, next.Sk, CancellationToken.None);
            if (stored is null || stored.Revision != next.Revision || Leases.Read(stored) is not { } kept || kept.Owner != Owner)
            {
                Lose();
                return false;
            }

            if (!stored.Body.Span.SequenceEqual(next.Body.Span))
            {
                // An earlier write was done though its answer was lost.
                (_item, _body) = (stored, kept);
                return await WriteAsync(content);
            }
        }

        _body = body;
        Volatile.Write(ref _item, next);
        _deadline.Change(Left(started), Timeout.InfiniteTimeSpan);
        return true;
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
internal sealed record LeaseBody(string Owner, long Milliseconds, ReadOnlyMemory<byte>? Content = null);

/// <summary>A lease that is wanted.</summary>
/// <param name="Name">What is owned.</param>
/// <param name="Owner">Who takes it; null for this process.</param>
/// <param name="Duration">How long a silent holder keeps it; null for the settings'.</param>
/// <param name="Content">What is kept with a lease that nobody had before; null for nothing.</param>
/// <param name="StealAt">The counter at which it is taken even from a holder that lives; null for never.</param>
internal sealed record LeaseRequest(string Name, string? Owner = null, TimeSpan? Duration = null, ReadOnlyMemory<byte>? Content = null, long? StealAt = null);

/// <summary>A lease as an observer sees it.</summary>
/// <param name="Name">What is owned.</param>
/// <param name="Owner">Who owns it, perhaps silently; null for nobody.</param>
/// <param name="Counter">Its counter.</param>
/// <param name="IsFree">Whether it can be taken.</param>
/// <param name="Content">What is kept with it.</param>
internal sealed record LeaseState(string Name, string? Owner, long Counter, bool IsFree, ReadOnlyMemory<byte> Content);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(LeaseBody))]
internal sealed partial class LeaseJson : JsonSerializerContext;
