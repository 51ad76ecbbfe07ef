using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Streaming;

/// <summary>How far a consumer is in one shard.</summary>
/// <param name="ShardId">The shard.</param>
/// <param name="Checkpoint">The last written checkpoint.</param>
/// <param name="Owner">The worker that holds the shard's lease, perhaps silently; null for none.</param>
internal sealed record ShardProgress(string ShardId, ShardCheckpoint Checkpoint, string? Owner);

/// <summary>The checkpoints of all consumers, each kept with the lease of its shard: whoever does not hold the lease cannot write it.</summary>
internal sealed class StreamCheckpoints(Leases leases)
{
    /// <summary>How far a consumer is, in any process that shares the gold store; a moment behind. Shards that nobody has begun are not there.</summary>
    /// <param name="consumer">The consumer's name.</param>
    /// <param name="source">The stream's name.</param>
    /// <param name="identity">The stream's identity.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<ImmutableArray<ShardProgress>> ListAsync(string consumer, string source, string identity, CancellationToken cancellationToken = default)
    {
        var prefix = Prefix(consumer, source, identity);
        var found = ImmutableArray.CreateBuilder<ShardProgress>();
        await foreach (var lease in leases.ListAsync(prefix, cancellationToken))
        {
            if (Read(lease.Content) is { } checkpoint)
            {
                found.Add(new ShardProgress(lease.Name[prefix.Length..], checkpoint, lease.Owner));
            }
        }

        return found.DrainToImmutable();
    }

    /// <summary>Removes what is kept of shards that the stream has forgotten.</summary>
    /// <param name="leases">The leases.</param>
    /// <param name="consumer">The consumer.</param>
    /// <param name="identity">The stream's identity.</param>
    /// <param name="gone">The leases of shards that the stream does not list; those that are held are left alone.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The leases of those that were not read to their end.</returns>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    internal static async Task<IReadOnlyList<string>> ForgetAsync(Leases leases, StreamConsumer consumer, string identity, IEnumerable<LeaseState> gone, CancellationToken cancellationToken)
    {
        var lost = new List<string>();
        var prefix = Prefix(consumer.Name, consumer.Source, identity);
        foreach (var state in gone.Where(state => state.IsFree))
        {
            var isRead = Read(state.Content)?.Position.Kind == PositionKind.End;
            if (consumer.ForgetAsync is { } forget && state.Name.StartsWith(prefix, StringComparison.Ordinal) && !await forget(new GoneShard(state.Name[prefix.Length..], identity, isRead), cancellationToken))
            {
                continue;
            }

            if (await leases.TryRemoveAsync(state, cancellationToken) && !isRead)
            {
                lost.Add(state.Name);
            }
        }

        return lost;
    }

    /// <summary>What the names of a consumer's leases start with.</summary>
    internal static string Prefix(string consumer, string source, string? identity = null) => $"stream/{consumer}/{source}/" + (identity is null ? "" : identity + "/");

    /// <summary>A checkpoint as it is kept.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="since">When the consumer began with the stream.</param>
    /// <exception cref="ArgumentException">Its state is too large.</exception>
    internal static byte[] Write(ShardCheckpoint checkpoint, DateTimeOffset? since) => checkpoint.State.Length <= ShardCheckpoint.MaxStateBytes
        ? JsonSerializer.SerializeToUtf8Bytes(
            new CheckpointBody(checkpoint.Position.ToString(), checkpoint.Watermark, checkpoint.State.IsEmpty ? null : checkpoint.State, since), CheckpointJson.Default.CheckpointBody)
        : throw new ArgumentException($"A checkpoint's state has {checkpoint.State.Length} bytes; {ShardCheckpoint.MaxStateBytes} are allowed.");

    /// <summary>What <see cref="Write"/> wrote; null if it is nothing of that kind.</summary>
    internal static ShardCheckpoint? Read(ReadOnlyMemory<byte> content) => ReadBody(content) is { } body && ShardPosition.TryParse(body.Position, out var position)
        ? new ShardCheckpoint(position, body.Watermark, body.State ?? default)
        : null;

    /// <summary>When the consumer began with the stream.</summary>
    internal static DateTimeOffset? ReadSince(ReadOnlyMemory<byte> content) => ReadBody(content)?.Since;

    private static CheckpointBody? ReadBody(ReadOnlyMemory<byte> content)
    {
        try
        {
            return content.IsEmpty ? null : JsonSerializer.Deserialize(content.Span, CheckpointJson.Default.CheckpointBody);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>A checkpoint in a lease.</summary>
internal sealed record CheckpointBody(string Position, DateTimeOffset? Watermark, ReadOnlyMemory<byte>? State, DateTimeOffset? Since);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(CheckpointBody))]
internal sealed partial class CheckpointJson : JsonSerializerContext;
