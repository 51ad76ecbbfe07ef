using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Write.DataPlatform.Gold.Tail;

/// <summary>How far one shard of a stream is counted: what has been true once stays true, so that readers need no lock.</summary>
internal sealed record CountedShard
{
    /// <summary>The shard.</summary>
    public required string Shard { get; init; }

    /// <summary>Tells its stream from an earlier one of the same name.</summary>
    public required string Identity { get; init; }

    /// <summary>
    /// Event time (UTC) before which nothing more is counted: every event before it that was not too late is in its window, and in the lake where the
    /// stream lands its events there itself. Later ones go to the lake alone. Null if nothing was read yet.
    /// </summary>
    public DateTimeOffset? Sealed { get; init; }

    /// <summary>What <see cref="Sealed"/> was at earlier moments, a minute or more apart, the latest first; of the last hour and a half.</summary>
    public ImmutableArray<SealedAt> Earlier { get; init; } = [];

    /// <summary>The latest event time that was counted, or the clock's while the shard is quiet (UTC).</summary>
    public DateTimeOffset? Counted { get; init; }

    /// <summary>Event time (UTC) up to which what was counted is in the lake, where the stream itself lands it there: what <see cref="Counted"/> was when the last file began.</summary>
    public DateTimeOffset? Landed { get; init; }

    /// <summary>By gold table, from which event time on the shard's windows are there, of which definition.</summary>
    public ImmutableSortedDictionary<string, TailCoverage> Tables { get; init; } = ImmutableSortedDictionary<string, TailCoverage>.Empty;

    /// <summary>Whether the shard was split or merged and is counted to its end.</summary>
    public bool IsEnded { get; init; }

    /// <summary>Event time (UTC) before which windows lack what the stream forgot before it was read; null if it did not.</summary>
    public DateTimeOffset? LostTo { get; init; }

    /// <summary>When this was written, by the writer's clock.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>How far the last record that was read was behind the stream's end.</summary>
    public TimeSpan Behind { get; init; }

    /// <summary>Whether events are written to the lake by the stream itself; else another does, some time later.</summary>
    public bool Lands { get; init; }

    /// <summary>Windows that are open.</summary>
    public int OpenWindows { get; init; }

    /// <summary>Events counted since the stream began.</summary>
    public long Events { get; init; }

    /// <summary>Events left out because they were counted before.</summary>
    public long Duplicates { get; init; }

    /// <summary>Records sent to the dead letters since the stream began.</summary>
    public long DeadLetters { get; init; }

    /// <summary>The last record that was read.</summary>
    public string? Position { get; init; }
}

/// <summary>Where gold was cut for a stream, and the shards that know of it: a shard that begins later counts nothing before.</summary>
/// <param name="At">Event time (UTC); null for none.</param>
/// <param name="Shards">The shards that have begun.</param>
internal sealed record StreamFloor(DateTimeOffset? At, ImmutableSortedSet<string> Shards);

/// <summary>What was sealed at a moment.</summary>
/// <param name="At">The moment, by the writer's clock.</param>
/// <param name="Sealed">Event time (UTC).</param>
internal sealed record SealedAt(DateTimeOffset At, DateTimeOffset Sealed);

/// <summary>From when on a table's windows are there.</summary>
/// <param name="Definition">The hash of the table's definition.</param>
/// <param name="Since">The first event time.</param>
internal sealed record TailCoverage(string Definition, DateTimeOffset Since);

/// <summary>How far a whole stream is counted.</summary>
/// <param name="Shards">Its shards.</param>
internal sealed record StreamProgress(ImmutableArray<CountedShard> Shards)
{
    /// <summary>When it was read from the store, as a timestamp of the process's clock.</summary>
    public long ReadAt { get; init; }

    /// <summary>How long after it arrived an event is in the lake where another lands it.</summary>
    public TimeSpan LandingDelay { get; init; }

    /// <summary>Whether the stream itself lands events.</summary>
    public bool Lands => Shards.Any(s => s.Lands);

    /// <summary>Whether nothing ever came: the lake is filled by others.</summary>
    public bool IsUnused => Shards.All(s => s.Position is null);

    /// <summary>Whether a shard has begun and said nothing yet: nobody knows what it brings.</summary>
    public bool IsSilent { get; init; }

    // Its children begin a moment after a shard ends, and what they bring must not be late.
    private static readonly TimeSpan EndedShardHolds = TimeSpan.FromMinutes(5);

    /// <summary>Event time (UTC) before which no shard counts anything more; null if a shard does not know yet.</summary>
    /// <param name="now">The present moment.</param>
    /// <param name="ago">How long ago it must have been so.</param>
    public DateTimeOffset? Sealed(DateTimeOffset now, TimeSpan ago = default) =>
        Least(Counting(now), s => ago <= TimeSpan.Zero || now - s.At >= ago ? s.Sealed : s.Earlier.FirstOrDefault(e => now - e.At >= ago)?.Sealed);

    /// <summary>Event time (UTC) up to which all shards have counted; null if a shard does not know yet.</summary>
    public DateTimeOffset? Counted(DateTimeOffset now) => IsSilent ? null : Least(Counting(now), s => s.Counted);

    /// <summary>
    /// Event time (UTC) up to which the lake has what came, <see cref="DateTimeOffset.MinValue"/> if nobody knows; null if nothing ever came, so that others alone fill the lake.
    /// </summary>
    public DateTimeOffset? Landed(DateTimeOffset now) =>
        IsUnused ? null : IsSilent ? DateTimeOffset.MinValue : Counting(now).Min(s => s.Lands ? s.Landed ?? s.Sealed ?? DateTimeOffset.MinValue : now - LandingDelay);

    /// <summary>From which event time (UTC) on every shard has a table's windows by today's definition; null if one does not.</summary>
    public DateTimeOffset? Since(string table, string definition, DateTimeOffset now)
    {
        DateTimeOffset? since = null;
        foreach (var shard in Counting(now))
        {
            if (IsSilent || shard.Tables.GetValueOrDefault(table) is not { } coverage || coverage.Definition != definition)
            {
                return null;
            }

            since = since is { } s && s > coverage.Since ? s : coverage.Since;
        }

        return since is { } whole && Shards.Max(s => s.LostTo) is { } lost && lost > whole ? lost : since;
    }

    private IEnumerable<CountedShard> Counting(DateTimeOffset now) => Shards.Where(s => s.LostTo is null).Where(s => !s.IsEnded || now - s.At < EndedShardHolds);

    private static DateTimeOffset? Least(IEnumerable<CountedShard> shards, Func<CountedShard, DateTimeOffset?> of)
    {
        DateTimeOffset? least = null;
        foreach (var shard in shards)
        {
            if (of(shard) is not { } value)
            {
                return null;
            }

            least = least is { } l && l < value ? l : value;
        }

        return least;
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(CountedShard))]
[JsonSerializable(typeof(StreamFloor))]
internal sealed partial class TailJson : JsonSerializerContext;
