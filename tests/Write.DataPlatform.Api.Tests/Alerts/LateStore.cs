using System.Collections.Immutable;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Api.Tests.Alerts;

/// <summary>A gold store whose lists of alerts stay as they were when it was made; single items are as they are.</summary>
internal sealed class LateStore : IGoldStore
{
    private readonly IGoldStore _inner;
    private readonly ImmutableArray<GoldItem> _listed;

    private LateStore(IGoldStore inner, ImmutableArray<GoldItem> listed) => (_inner, _listed) = (inner, listed);

    public static async Task<LateStore> OfAsync(IGoldStore inner, CancellationToken cancellationToken) =>
        new(inner, [.. await inner.QueryAsync(GoldKeys.Alerts, "", cancellationToken: cancellationToken).ToListAsync(cancellationToken)]);

    public Task InitializeAsync(CancellationToken cancellationToken = default) => _inner.InitializeAsync(cancellationToken);

    public Task<GoldItem?> GetAsync(string pk, string sk, CancellationToken cancellationToken = default) => _inner.GetAsync(pk, sk, cancellationToken);

    public IAsyncEnumerable<GoldItem> GetManyAsync(string pk, IReadOnlyCollection<string> sks, CancellationToken cancellationToken = default) => _inner.GetManyAsync(pk, sks, cancellationToken);

    public IAsyncEnumerable<GoldItem> QueryAsync(string pk, string skPrefix, bool descending = false, CancellationToken cancellationToken = default) =>
        _listed.Where(i => i.Pk == pk && i.Sk.StartsWith(skPrefix, StringComparison.Ordinal)).ToAsyncEnumerable();

    public IAsyncEnumerable<GoldKey> ListAsync(string pk, string skPrefix, CancellationToken cancellationToken = default) => _inner.ListAsync(pk, skPrefix, cancellationToken);

    public Task<bool> TryPutAsync(GoldItem item, long? expectedRevision, CancellationToken cancellationToken = default) => _inner.TryPutAsync(item, expectedRevision, cancellationToken);

    public Task PutAsync(IReadOnlyCollection<GoldItem> items, CancellationToken cancellationToken = default) => _inner.PutAsync(items, cancellationToken);

    public Task DeleteAsync(string pk, IReadOnlyCollection<string> sks, CancellationToken cancellationToken = default) => _inner.DeleteAsync(pk, sks, cancellationToken);

    public Task<bool> TryDeleteAsync(string pk, string sk, long expectedRevision, CancellationToken cancellationToken = default) => _inner.TryDeleteAsync(pk, sk, expectedRevision, cancellationToken);
}
