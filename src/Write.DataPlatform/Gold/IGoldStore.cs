namespace Write.DataPlatform.Gold;

/// <summary>
/// Items under a partition key and a sort key, as DynamoDB has them: the gold zone's segments and manifests, the run ledger and the leases.
/// Only single items are written conditionally; there are no transactions and no queries but by key.
/// </summary>
/// <remarks>
/// Keys are compared by their UTF-8 bytes. A partition key has 1 to 2048 bytes, a sort key 1 to 1024, neither holds a control character or half a surrogate pair:
/// another key, or a body over <see cref="MaxBodyBytes"/>, is an <see cref="ArgumentException"/>.
/// Any member but <see cref="InitializeAsync"/> may be called at once by many threads and processes, and throws <see cref="GoldStoreException"/> if the store fails.
/// </remarks>
public interface IGoldStore
{
    /// <summary>The largest body an item may have, in bytes.</summary>
    const int MaxBodyBytes = 390_000;

    /// <summary>Makes what the store needs (tables, files) if it is not there.</summary>
    /// <exception cref="GoldStoreException">The store cannot be reached or made.</exception>
    Task InitializeAsync(CancellationToken cancellationToken = default);

    /// <summary>One item, as last written (a consistent read), or null. Expired items are not given.</summary>
    Task<GoldItem?> GetAsync(string pk, string sk, CancellationToken cancellationToken = default);

    /// <summary>Some items by their keys; those that do not exist are left out; in no order. One that was overwritten or removed a moment ago may come as it was before.</summary>
    IAsyncEnumerable<GoldItem> GetManyAsync(string pk, IReadOnlyCollection<string> sks, CancellationToken cancellationToken = default);

    /// <summary>The items whose sort key starts with a prefix, in the order of its UTF-8 bytes, or in the reverse order. It may be a moment behind what was written.</summary>
    IAsyncEnumerable<GoldItem> QueryAsync(string pk, string skPrefix, bool descending = false, CancellationToken cancellationToken = default);

    /// <summary>Whether <see cref="ListAsync"/> is behind what was written, by a moment that nobody promises.</summary>
    bool ListsLate => false;

    /// <summary>As <see cref="QueryAsync"/>, without the bodies.</summary>
    IAsyncEnumerable<GoldKey> ListAsync(string pk, string skPrefix, CancellationToken cancellationToken = default);

    /// <summary>
    /// Writes one item if the stored one has the expected revision (null: if there is none), with <see cref="GoldItem.Revision"/> as its new revision.
    /// </summary>
    /// <returns>False, and nothing written, if another revision is stored. An expired item counts as none.</returns>
    Task<bool> TryPutAsync(GoldItem item, long? expectedRevision, CancellationToken cancellationToken = default);

    /// <summary>Writes items whatever is stored, in any order; when it throws, some may have been written.</summary>
    Task PutAsync(IReadOnlyCollection<GoldItem> items, CancellationToken cancellationToken = default);

    /// <summary>Removes items; those that do not exist are passed over.</summary>
    Task DeleteAsync(string pk, IReadOnlyCollection<string> sks, CancellationToken cancellationToken = default);

    /// <summary>Removes one item if the stored one has the expected revision.</summary>
    Task<bool> TryDeleteAsync(string pk, string sk, long expectedRevision, CancellationToken cancellationToken = default);
}

/// <summary>One stored item.</summary>
/// <param name="Pk">The partition key.</param>
/// <param name="Sk">The sort key.</param>
/// <param name="Revision">The number that conditional writes compare.</param>
/// <param name="Body">The content.</param>
/// <param name="ExpiresAt">When readers stop seeing it and the store may remove it; null for never.</param>
public sealed record GoldItem(string Pk, string Sk, long Revision, ReadOnlyMemory<byte> Body, DateTimeOffset? ExpiresAt = null)
{
    internal void Validate()
    {
        GoldKeys.Validate(Pk, Sk);
        if (Body.Length > IGoldStore.MaxBodyBytes)
        {
            throw new ArgumentException($"The body of '{Pk}' / '{Sk}' has {Body.Length} bytes; {IGoldStore.MaxBodyBytes} are allowed.");
        }
    }
}

/// <summary>An item without its body.</summary>
/// <param name="Sk">The sort key.</param>
/// <param name="Revision">The revision.</param>
/// <param name="Bytes">The body's size.</param>
public sealed record GoldKey(string Sk, long Revision, long Bytes);

/// <summary>The store failed.</summary>
public sealed class GoldStoreException(string message, bool isTransient, Exception? innerException = null) : Exception(message, innerException)
{
    /// <summary>Whether the same call may succeed later.</summary>
    public bool IsTransient { get; } = isTransient;

    /// <summary>Whether rows that were asked for have been replaced or dropped and are no longer there: the table as it is now can be read.</summary>
    public bool IsGone { get; init; }
}
