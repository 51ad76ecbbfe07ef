using System.Collections.Immutable;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query.Sql;

namespace Write.DataPlatform.Query;

/// <summary>Which of a measure's events count at a moment, as a metric says it: MetricFlow's cumulative metrics and its <c>offset_to_grain</c>.</summary>
/// <param name="Window">Those of the trailing window (moment − window, moment].</param>
/// <param name="ToDate">Those from the start of the moment's grain to the moment.</param>
/// <param name="AtStartOf">Those of the bucket that the moment's grain starts with.</param>
/// <param name="Period">Which of the values inside a coarser bucket stands for it.</param>
internal sealed record Accumulation(CalendarPeriod? Window, TimeGrain? ToDate, TimeGrain? AtStartOf, PeriodAggregation Period)
{
    /// <summary>Whether all events up to the moment count.</summary>
    public bool IsAllTime => Window is null && ToDate is null && AtStartOf is null;

    /// <summary>The buckets that events are gathered in before they are accumulated.</summary>
    /// <param name="stored">The grain of the stored times.</param>
    /// <param name="asked">The grains that the query cuts them by.</param>
    public TimeGrain Basis(TimeGrain stored, IEnumerable<TimeGrain> asked) =>
        stored >= TimeGrain.Day ? stored : asked.Append(TimeGrain.Day).Append(Window?.Grain ?? TimeGrain.Day).Append(ToDate ?? TimeGrain.Day).Min();

    /// <summary>The start of the events that count at any moment from a date on; null for all before.</summary>
    public DateOnly? Reach(DateOnly moment, ModelCalendar calendar) =>
        IsAllTime ? null
        : Window is { } window ? window.Grain < TimeGrain.Day ? moment.AddDays(-1 - (window.Count / 24)) : Calendar.Add(moment, window.Negate())
        : calendar.Truncate(moment, (ToDate ?? AtStartOf)!.Value);

    /// <summary>Whether a moment is the first one of its bucket of a grain.</summary>
    /// <param name="basis">How far moments are apart.</param>
    /// <param name="grain">The grain.</param>
    /// <param name="moment">The moment.</param>
    /// <param name="truncate">The start of the bucket that a moment lies in, after any shift.</param>
    public static SqlExpression Starts(TimeGrain basis, TimeGrain grain, SqlExpression moment, Func<SqlExpression, TimeGrain, SqlExpression> truncate) =>
        basis >= TimeGrain.Day || grain == basis
            ? new SqlBinary("=", truncate(moment, basis), truncate(moment, grain))
            // A moment within a day is an instant, and the start of a day a date on the query's clock: that the one before lies in another bucket is told of both alike.
            : new SqlBinary("<>", truncate(new SqlAddPeriod(moment, new CalendarPeriod(-1, basis)), grain), truncate(moment, grain));

    /// <summary>Whether a bucket's events count at a moment.</summary>
    /// <param name="basis">The buckets' grain.</param>
    /// <param name="bucket">The bucket's start.</param>
    /// <param name="moment">The moment.</param>
    /// <param name="truncate">What is cut to a grain's start on the query's clock: one of the two.</param>
    public SqlExpression Counts(TimeGrain basis, SqlExpression bucket, SqlExpression moment, Func<SqlExpression, TimeGrain, SqlExpression> truncate)
    {
        if (AtStartOf is { } start)
        {
            return basis >= TimeGrain.Day
                ? new SqlBinary("=", bucket, truncate(moment, start))
                : SqlExpression.And([new SqlBinary("=", truncate(bucket, start), truncate(moment, start)), Starts(basis, start, bucket, truncate)]);
        }

        var upTo = new SqlBinary("<=", bucket, moment);
        return Window is { } window ? SqlExpression.And([upTo, new SqlBinary(">", bucket, new SqlAddPeriod(moment, window.Negate()))])
            : ToDate is { } grain ? SqlExpression.And([upTo, new SqlBinary("=", truncate(bucket, grain), truncate(moment, grain))])
            : upTo;
    }
}

/// <summary>
/// The moments at which a leaf's measures have values, where these follow from events of other buckets than the moment's own. The leaf itself gathers the
/// events in buckets of <see cref="Basis"/>; the finish, or for what cannot be merged the lake, joins them to the moments.
/// </summary>
internal sealed record Spine
{
    /// <summary>The leaf's column of buckets, or with <see cref="IsInLake"/> of moments.</summary>
    public const string Column = "__moment";

    /// <summary>The column of a moment among moments.</summary>
    public const string Moment = "u";

    /// <summary>The time spine's column that says in which bucket of the model's own each of its moments lies.</summary>
    public static string ColumnOf(CustomGranularity granularity) => "own_" + granularity.Column;

    public required Accumulation How { get; init; }

    /// <summary>The grain of the buckets, and how far moments are apart.</summary>
    public required TimeGrain Basis { get; init; }

    /// <summary>Set if only the moments count that start a bucket of one of these grains after the shift.</summary>
    public required ImmutableArray<TimeGrain> StartsOf { get; init; }

    /// <summary>The query's columns that follow from the moment.</summary>
    public required ImmutableArray<GroupField> Keys { get; init; }

    /// <summary>The moments, before the shift; half-open.</summary>
    public required ResolvedRange Range { get; init; }

    /// <summary>The moments after the shift.</summary>
    public required ResolvedRange Target { get; init; }

    /// <summary>How moments are moved for a comparison or an offset.</summary>
    public required TimeShift? Shift { get; init; }

    /// <summary>What the shifted moment must meet.</summary>
    public required Filter? Where { get; init; }

    /// <summary>Conditions on the shifted moment and on events together.</summary>
    public required Filter? Mixed { get; init; }

    /// <summary>Whether events must meet moments one by one, because their states cannot be merged or a condition is on both.</summary>
    public required bool IsInLake { get; init; }

    /// <summary>Whether several moments share a bucket that is asked for, so that one value has to stand for it.</summary>
    public bool IsCoarser => How.AtStartOf is null && Keys.All(k => !k.IsBucket || k.Grain > Basis);
}
