using System.Collections.Immutable;

namespace Write.DataPlatform.Streaming;

/// <summary>How one consumer is doing in this process.</summary>
/// <param name="Consumer">Its name.</param>
/// <param name="Source">The stream's name.</param>
/// <param name="Problem">Why it cannot look for shards; null if it can.</param>
/// <param name="Shards">The shards that this process holds.</param>
internal sealed record ConsumerStatus(string Consumer, string Source, string? Problem, ImmutableArray<ShardStatus> Shards)
{
    /// <summary>How far the shard that is furthest behind is behind its tip; zero without shards.</summary>
    public TimeSpan Lag => Shards.IsEmpty ? TimeSpan.Zero : Shards.Max(shard => shard.Lag);
}

/// <summary>How one shard is doing.</summary>
/// <param name="ShardId">The shard.</param>
/// <param name="Position">The last written checkpoint's position.</param>
/// <param name="Watermark">Its watermark, UTC.</param>
/// <param name="Lag">How far the last batch was behind the tip, and for how long nothing could be read since.</param>
/// <param name="Problem">What went wrong last; null if nothing since the last batch.</param>
internal sealed record ShardStatus(string ShardId, string Position, DateTimeOffset? Watermark, TimeSpan Lag, string? Problem);
