using Write.DataPlatform.Model;

namespace Write.DataPlatform.Tests.Query;

/// <summary>Which buckets count at a moment.</summary>
internal sealed record Accumulated(CalendarPeriod? Window, TimeGrain? ToDate, TimeGrain? AtStartOf, PeriodAggregation Period)
{
    public bool Counts(DateOnly bucket, DateOnly moment, OracleTime time) =>
        AtStartOf is { } start ? bucket == time.Bucket(moment, start)
        : bucket <= moment && (Window is not { } window || bucket > OracleTime.Shift(moment, new OracleShift(window.Negate()))) && (ToDate is not { } grain || bucket >= time.Bucket(moment, grain));
}

/// <summary>A group's values; null equals null.</summary>
internal sealed class Key(object?[] values) : IEquatable<Key>
{
    public object?[] Values { get; } = values;

    public bool Equals(Key? other) => other is not null && Values.SequenceEqual(other.Values);

    public override bool Equals(object? obj) => Equals(obj as Key);

    public override int GetHashCode() => Values.Aggregate(7, HashCode.Combine);
}
