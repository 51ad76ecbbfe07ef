using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Api.Alerts;

/// <summary>What has a schedule and a state.</summary>
internal enum RuleKind
{
    Alert,
    Report,
}

/// <summary>A rule's name.</summary>
internal readonly record struct RuleName(RuleKind Kind, string Name);

/// <summary>States and messages in the gold store.</summary>
/// <remarks>
/// A message's body is written first, under a name that nobody knows yet; the rule's state, written with a condition, then names it. A crash between both leaves
/// a body that runs out and was never sent; after the second write the message is sent under its name until its receiver has it.
/// </remarks>
internal sealed class AlertStore(IGoldStore store, IOptions<AlertOptions> options, TimeProvider clock)
{
    private const string MessagePrefix = "message#";
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) } };

    /// <summary>A rule's state and its revision; a new one, and null, if there is none.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<(RuleState State, long? Revision)> GetAsync(RuleName rule, CancellationToken cancellationToken = default) =>
        await store.GetAsync(GoldKeys.Alerts, Key(rule), cancellationToken) is { } item ? (Decode(item), item.Revision) : (new RuleState(), null);

    /// <summary>Every state of a kind.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<IReadOnlyDictionary<string, RuleState>> ListAsync(RuleKind kind, CancellationToken cancellationToken = default)
    {
        var states = new Dictionary<string, RuleState>(StringComparer.Ordinal);
        await foreach (var item in store.QueryAsync(GoldKeys.Alerts, Prefix(kind), cancellationToken: cancellationToken))
        {
            states[GoldKeys.Unescape(item.Sk[Prefix(kind).Length..])] = Decode(item);
        }

        return states;
    }

    /// <summary>Writes a state if it was not changed meanwhile.</summary>
    /// <returns>False, and nothing written, if it was.</returns>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public Task<bool> TrySaveAsync(RuleName rule, RuleState state, long? revision, CancellationToken cancellationToken = default) =>
        store.TryPutAsync(new GoldItem(GoldKeys.Alerts, Key(rule), (revision ?? 0) + 1, Packed(JsonSerializer.SerializeToUtf8Bytes(state, Json))), revision, cancellationToken);

    /// <summary>Changes a state, again from what is stored if another changed it meanwhile.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task UpdateAsync(RuleName rule, Func<RuleState, RuleState> change, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            var (state, revision) = await GetAsync(rule, cancellationToken);
            var changed = change(state);
            if (ReferenceEquals(changed, state) || await TrySaveAsync(rule, changed, revision, cancellationToken))
            {
                return;
            }
        }
    }

    /// <summary>Removes the state of a rule that the model has no more.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public Task ForgetAsync(RuleName rule, CancellationToken cancellationToken = default) => store.DeleteAsync(GoldKeys.Alerts, [Key(rule)], cancellationToken);

    /// <summary>Writes a message's body.</summary>
    /// <returns>False, and nothing written, if it is too large even packed.</returns>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<bool> TryPutBodyAsync(string id, ReadOnlyMemory<byte> body, CancellationToken cancellationToken = default)
    {
        var packed = Packed(body.Span);
        if (packed.Length > IGoldStore.MaxBodyBytes)
        {
            return false;
        }

        await store.PutAsync([new GoldItem(GoldKeys.Alerts, MessagePrefix + id, 1, packed, clock.GetUtcNow() + options.Value.GiveUpAfter + TimeSpan.FromDays(1))], cancellationToken);
        return true;
    }

    /// <summary>A message's body; null if it ran out.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<ReadOnlyMemory<byte>?> GetBodyAsync(string id, CancellationToken cancellationToken = default) =>
        await store.GetAsync(GoldKeys.Alerts, MessagePrefix + id, cancellationToken) is { } item ? Unpacked(item.Body) : (ReadOnlyMemory<byte>?)null;

    /// <summary>Removes the body of a message that is done with.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public Task DropBodyAsync(string id, CancellationToken cancellationToken = default) => store.DeleteAsync(GoldKeys.Alerts, [MessagePrefix + id], cancellationToken);

    private static string Prefix(RuleKind kind) => kind == RuleKind.Alert ? "alert#" : "report#";

    private static string Key(RuleName rule) => Prefix(rule.Kind) + GoldKeys.Escape(rule.Name);

    private static RuleState Decode(GoldItem item) => JsonSerializer.Deserialize<RuleState>(Unpacked(item.Body), Json)!;

    private static byte[] Packed(ReadOnlySpan<byte> bytes)
    {
        using var packed = new MemoryStream();
        using (var stream = new BrotliStream(packed, CompressionLevel.Fastest))
        {
            stream.Write(bytes);
        }

        return packed.ToArray();
    }

    private static byte[] Unpacked(ReadOnlyMemory<byte> packed)
    {
        using var stream = new BrotliStream(new MemoryStream(packed.ToArray()), CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }
}
