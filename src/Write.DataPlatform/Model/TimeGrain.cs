namespace Write.DataPlatform.Model;

/// <summary>A calendar granularity, in MetricFlow's names, from fine to coarse.</summary>
/// <remarks>
/// <see cref="Millisecond"/> to <see cref="Hour"/> buckets are instants in UTC; <see cref="Day"/> and coarser ones are
/// calendar dates in the query's time zone. The model's <see cref="MetricModel.Calendar"/> says where weeks, quarters and years start.
/// </remarks>
public enum TimeGrain
{
    /// <summary>One millisecond; the finest that every lake keeps.</summary>
    Millisecond,

    /// <summary>One second.</summary>
    Second,

    /// <summary>One minute.</summary>
    Minute,

    /// <summary>One hour.</summary>
    Hour,

    /// <summary>One calendar day: 23 to 25 hours where clocks change.</summary>
    Day,

    /// <summary>Seven days.</summary>
    Week,

    /// <summary>One calendar month.</summary>
    Month,

    /// <summary>Three calendar months, counted from the first of a year.</summary>
    Quarter,

    /// <summary>Twelve calendar months, from January unless the model's years are fiscal.</summary>
    Year,
}

/// <summary>A calendar length such as one month or seven days, as MetricFlow's <c>offset_window</c> writes it.</summary>
/// <param name="Count">How many of <paramref name="Grain"/>; may be negative.</param>
/// <param name="Grain">The unit.</param>
public readonly record struct CalendarPeriod(int Count, TimeGrain Grain)
{
    /// <summary>The same length backwards.</summary>
    public CalendarPeriod Negate() => new(-Count, Grain);

    /// <summary>For example <c>1 month</c>.</summary>
    public override string ToString() => $"{Count} {Grain.ToString().ToLowerInvariant()}";
}

/// <summary>A length in periods that a column of a time spine cuts, such as <c>1 fiscal_month</c>.</summary>
/// <param name="Count">How many.</param>
/// <param name="Granularity">The custom granularity's name, in the singular or the plural.</param>
public readonly record struct CustomPeriod(int Count, string Granularity)
{
    /// <summary>For example <c>1 fiscal_month</c>.</summary>
    public override string ToString() => $"{Count} {Granularity}";
}
