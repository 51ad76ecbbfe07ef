using System.Runtime.CompilerServices;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Tests.Streaming.Batches;

/// <summary>A gold store of one test's own, so that thousands of schedules wait for no disk. The real stores have tests of their own.</summary>
internal sealed class MemoryGoldStore(TimeProvider time) : IGoldStore
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, GoldItem> _items = new(StringComparer.Ordinal);

    /// <summary>The keys that lists do not have yet, as an index may be behind its table.</summary>
    public Func<string, bool>? IsUnlisted { get; set; }

    public bool ListsLate => IsUnlisted is not null;

    /// <summary>Is called before each write; it may throw, as a process may die there.</summary>
    public Action Writing { get; set; } = static () => { };

    public Task InitializeAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

    public Task<GoldItem?> GetAsync(string pk, string sk, CancellationToken cancellationToken = default)
    {
        lock (_lock)
        {
            return Task.FromResult(Find(pk, sk));
        }
    }

    public async IAsyncEnumerable<GoldItem> GetManyAsync(string pk, IReadOnlyCollection<string> sks, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        foreach (var sk in sks)
        {
            if (await GetAsync(pk, sk, cancellationToken) is { } item)
            {
                yield return item;
            }
        }
    }

    public async IAsyncEnumerable<GoldItem> QueryAsync(string pk, string skPrefix, bool descending = false, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        List<GoldItem> found;
        lock (_lock)
        {
            found = [.. _items.Values.Where(i => i.Pk == pk && i.Sk.StartsWith(skPrefix, StringComparison.Ordinal) && IsThere(i))];
        }

        if (descending)
        {
            found.Reverse();
        }

        foreach (var item in found)
        {
            await Task.Yield();
            yield return item;
        }
    }

    public async IAsyncEnumerable<GoldKey> ListAsync(string pk, string skPrefix, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var item in QueryAsync(pk, skPrefix, cancellationToken: cancellationToken))
        {
            if (IsUnlisted?.Invoke(item.Sk) is not true)
            {
                yield return new GoldKey(item.Sk, item.Revision, item.Body.Length);
            }
        }
    }

    public Task<bool> TryPutAsync(GoldItem item, long? expectedRevision, CancellationToken cancellationToken = default)
    {
        Writing();
        lock (_lock)
        {
            var isExpected = Find(item.Pk, item.Sk)?.Revision == expectedRevision;
            if (isExpected)
            {
                Put(item);
            }

            return Task.FromResult(isExpected);
        }
    }

    public Task PutAsync(IReadOnlyCollection<GoldItem> items, CancellationToken cancellationToken = default)
    {
        Writing();
        lock (_lock)
        {
            foreach (var item in items)
            {
                Put(item);
            }
        }

        return Task.CompletedTask;
    }

    public Task DeleteAsync(string pk, IReadOnlyCollection<string> sks, CancellationToken cancellationToken = default)
    {
        lock (_lock)
        {
            foreach (var sk in sks)
            {
                _items.Remove(pk + "\n" + sk);
            }
        }

        return Task.CompletedTask;
    }

    public Task<bool> TryDeleteAsync(string pk, string sk, long expectedRevision, CancellationToken cancellationToken = default)
    {
        lock (_lock)
        {
            return Task.FromResult(Find(pk, sk)?.Revision == expectedRevision && _items.Remove(pk + "\n" + sk));
        }
    }

    private GoldItem? Find(string pk, string sk) => _items.TryGetValue(pk + "\n" + sk, out var item) && IsThere(item) ? item : null;

    private bool IsThere(GoldItem item) => item.ExpiresAt is not { } end || end > time.GetUtcNow();

    private void Put(GoldItem item)
    {
        item.Validate();
        _items[item.Pk + "\n" + item.Sk] = item with { Body = item.Body.ToArray() };
    }
}
