using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Api.Rest;
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

/// <summary>A state or a message does not fit into the store.</summary>
/// <param name="what">What it is.</param>
internal sealed class AlertTooLargeException(string what)
    : Exception($"{ProblemCodes.AnswerTooLarge}: The {what} has more than {IGoldStore.MaxBodyBytes:N0} bytes, packed. Give its query a limit, filter more, or group by less.");

/// <summary>States and messages in the gold store.</summary>
/// <remarks>
/// A message's body is written first, under a name that nobody knows yet; the rule's state, written with a condition, then names it. A crash between both leaves
/// a body that runs out and was never sent; after the second write the message is sent under its name until its receiver has it.
/// </remarks>
internal sealed class AlertStore(IGoldStore store, IOptions<AlertOptions> options, TimeProvider clock, ILogger<AlertStore> logger)
{
    private const string MessagePrefix = "message#";
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) } };

    /// <summary>A rule's state; a new one if there is none.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<RuleState> GetAsync(RuleName rule, CancellationToken cancellationToken = default) =>
        await store.GetAsync(GoldKeys.Alerts, Key(rule), cancellationToken) is { } item ? Decode(item) : new RuleState();

    /// <summary>Every state of a kind, which may be a moment behind what was written.</summary>
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

    /// <summary>Changes a state, again from what is stored if another changed it meanwhile.</summary>
    /// <returns>What is stored now.</returns>
    /// <exception cref="AlertTooLargeException">The new state does not fit; the old one stays.</exception>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<RuleState> UpdateAsync(RuleName rule, Func<RuleState, RuleState> change, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            var item = await store.GetAsync(GoldKeys.Alerts, Key(rule), cancellationToken);
            var state = item is null ? new RuleState() : Decode(item);
            var changed = change(state);
            if (ReferenceEquals(changed, state))
            {
                return state;
            }

            var packed = Packed(JsonSerializer.SerializeToUtf8Bytes(changed, Json));
            if (packed.Length > IGoldStore.MaxBodyBytes)
            {
                throw new AlertTooLargeException($"state of {rule.Name}");
            }

            if (await store.TryPutAsync(new GoldItem(GoldKeys.Alerts, Key(rule), (item?.Revision ?? 0) + 1, packed), item?.Revision, cancellationToken))
            {
                return changed;
            }
        }
    }

    /// <summary>Removes the state of a rule, if it is one to remove and nobody changes it meanwhile.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task ForgetAsync(RuleName rule, Func<RuleState, bool> isOld, CancellationToken cancellationToken = default)
    {
        if (await store.GetAsync(GoldKeys.Alerts, Key(rule), cancellationToken) is { } item && isOld(Decode(item)))
        {
            await store.TryDeleteAsync(GoldKeys.Alerts, Key(rule), item.Revision, cancellationToken);
        }
    }

    /// <summary>Writes a message's body.</summary>
    /// <exception cref="AlertTooLargeException">It is too large even packed; nothing is written.</exception>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task PutBodyAsync(string id, ReadOnlyMemory<byte> body, CancellationToken cancellationToken = default)
    {
        var packed = Packed(body.Span);
        if (packed.Length > IGoldStore.MaxBodyBytes)
        {
            throw new AlertTooLargeException("message");
        }

        await store.PutAsync([new GoldItem(GoldKeys.Alerts, MessagePrefix + id, 1, packed, clock.GetUtcNow() + options.Value.GiveUpAfter + TimeSpan.FromDays(1))], cancellationToken);
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

    private RuleState Decode(GoldItem item)
    {
        try
        {
            return JsonSerializer.Deserialize<RuleState>(Unpacked(item.Body), Json)!;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or InvalidDataException)
        {
            // One rule's damaged item is not the others'.
            AlertLog.Unreadable(logger, exception, item.Sk);
            return new RuleState { Error = $"{ProblemCodes.InternalError}: The stored state cannot be read; the rule begins anew." };
        }
    }

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
