using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query;

/// <summary>
/// MetricFlow's time constraint as a half-open range: start and end are both included and widened to whole buckets of the finest grain that
/// <c>metric_time</c> is asked at, or, where it is not asked, of the coarsest that a metric's time has. An end without a time of day is that whole day.
/// </summary>
internal static class TimeConstraint
{
    /// <summary>The range; null if neither end is given.</summary>
    /// <param name="model">The model.</param>
    /// <param name="query">The query, whose metrics and fields say how wide a bucket is.</param>
    /// <param name="start">A date or a time.</param>
    /// <param name="end">A date or a time.</param>
    /// <exception cref="QueryException">One of them is no time.</exception>
    public static AbsoluteTimeRange? Range(MetricModel model, MetricQuery query, string? start, string? end)
    {
        var form = new QueryForm();
        var time = new TimeReader(form);
        // MetricFlow writes a blank between date and time.
        TimePoint? Point(string? text, string path) => text is null ? null : time.Point(text.Trim().Replace(' ', 'T'), path);
        var (from, to) = (Point(start, "start"), Point(end, "end"));
        form.ThrowIfAny(query);
        if (from is null && to is null)
        {
            return null;
        }

        var grain = Grain(model, query);
        var isDate = end?.Trim().Length == "yyyy-MM-dd".Length;
        return new AbsoluteTimeRange(
            from is { } first ? first with { Local = Floor(first.Local, grain, model.Calendar) } : null,
            to is { } last ? last with { Local = Next(last.Local, isDate && grain < TimeGrain.Day ? TimeGrain.Day : grain, model.Calendar) } : null);
    }

    private static TimeGrain Grain(MetricModel model, MetricQuery query)
    {
        var catalog = MetricCatalog.Of(model);
        var coarsest = query.Metrics.Select(m => catalog.Metrics.TryGetValue(m, out var metric) ? metric.FinestGrain : TimeGrain.Second).DefaultIfEmpty(TimeGrain.Second).Max();
        var asked = query.GroupBy.Where(f => f.IsMetricTime).Select(f => f.Grain ?? catalog.DefaultGrain(query.Metrics)).ToList();
        return asked.Count > 0 ? asked.Min() : coarsest;
    }

    private static DateTime Floor(DateTime time, TimeGrain grain, ModelCalendar calendar) =>
        grain < TimeGrain.Day ? Calendar.Truncate(time, grain) : calendar.Truncate(DateOnly.FromDateTime(time), grain).ToDateTime(TimeOnly.MinValue);

    private static DateTime Next(DateTime time, TimeGrain grain, ModelCalendar calendar) =>
        grain < TimeGrain.Day
            ? Floor(time, grain, calendar) + Calendar.Fixed(grain)
            : Calendar.Add(DateOnly.FromDateTime(Floor(time, grain, calendar)), new CalendarPeriod(1, grain)).ToDateTime(TimeOnly.MinValue);
}
