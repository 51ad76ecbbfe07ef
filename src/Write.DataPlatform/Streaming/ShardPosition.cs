using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Write.DataPlatform.Streaming;

/// <summary>From where a shard is read.</summary>
public sealed record ShardPosition
{
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

    private ShardPosition(PositionKind kind, SequenceNumber sequence = default, DateTimeOffset time = default)
    {
        Kind = kind;
        Sequence = sequence;
        Time = time;
    }

    /// <summary>The oldest record that is kept.</summary>
    public static ShardPosition TrimHorizon { get; } = new(PositionKind.TrimHorizon);

    /// <summary>Behind the last record of a closed shard: nothing is left to read.</summary>
    public static ShardPosition End { get; } = new(PositionKind.End);

    /// <summary>What kind of place it is.</summary>
    public PositionKind Kind { get; }

    /// <summary>The record, for <see cref="PositionKind.At"/> and <see cref="PositionKind.After"/>.</summary>
    public SequenceNumber Sequence { get; }

    /// <summary>The moment, in UTC, for <see cref="PositionKind.Time"/>.</summary>
    public DateTimeOffset Time { get; }

    /// <summary>This record is the first that is read.</summary>
    public static ShardPosition At(SequenceNumber sequence) => new(PositionKind.At, sequence);

    /// <summary>The record behind this one is the first that is read.</summary>
    public static ShardPosition After(SequenceNumber sequence) => new(PositionKind.After, sequence);

    /// <summary>The first record that arrived at this moment or later, to the millisecond.</summary>
    public static ShardPosition Since(DateTimeOffset time) =>
        new(PositionKind.Time, time: DateTimeOffset.FromUnixTimeMilliseconds(time.ToUnixTimeMilliseconds()));

    /// <summary>As <c>trim_horizon</c>, <c>end</c>, <c>at:123/4</c>, <c>after:123</c> or <c>time:2026-11-28T10:00:00.000Z</c>.</summary>
    public override string ToString() => Kind switch
    {
        PositionKind.TrimHorizon => "trim_horizon",
        PositionKind.End => "end",
        PositionKind.At => $"at:{Sequence}",
        PositionKind.After => $"after:{Sequence}",
        _ => string.Create(CultureInfo.InvariantCulture, $"time:{Time.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture)}"),
    };

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out ShardPosition? position)
    {
        position = text switch
        {
            "trim_horizon" => TrimHorizon,
            "end" => End,
            null => null,
            _ when text.StartsWith("at:", StringComparison.Ordinal) && SequenceNumber.TryParse(text.AsSpan(3), out var at) => At(at),
            _ when text.StartsWith("after:", StringComparison.Ordinal) && SequenceNumber.TryParse(text.AsSpan(6), out var after) => After(after),
            _ when text.StartsWith("time:", StringComparison.Ordinal)
                && DateTimeOffset.TryParseExact(text.AsSpan(5), TimeFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) => Since(time),
            _ => null,
        };
        return position is not null;
    }
}

/// <summary>The kinds of <see cref="ShardPosition"/>.</summary>
public enum PositionKind
{
    /// <summary>The oldest record that is kept.</summary>
    TrimHorizon,

    /// <summary>A record, itself included.</summary>
    At,

    /// <summary>Behind a record.</summary>
    After,

    /// <summary>The first record that arrived at a moment or later.</summary>
    Time,

    /// <summary>Behind the last record of a closed shard.</summary>
    End,
}
