using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query;

/// <summary>What a query is compared with.</summary>
internal static class ComparisonResolver
{
    /// <summary>How past events are moved; null without a comparison.</summary>
    /// <param name="model">The model.</param>
    /// <param name="query">The query.</param>
    /// <param name="times">Its fields that are the metrics' time.</param>
    /// <param name="range">Its range.</param>
    /// <param name="upToToday">The range as far as today.</param>
    /// <param name="report">Takes the code, the text and the place of a mistake.</param>
    public static TimeShift? Resolve(MetricModel model, MetricQuery query, MetricTimes times, ResolvedRange range, ResolvedRange upToToday, Action<string, string, string> report)
    {
        if (query.Compare is not { } compare)
        {
            return null;
        }

        if (query.TimeRange is null || !range.IsBounded)
        {
            report(QueryProblems.CompareNeedsTimeRange, "A comparison needs a time range with a start and an end.", "compare");
            return null;
        }

        var grains = times.Names.Select(name => MetricTimes.GrainOf(model, query, name)).Distinct().ToList();
        if (grains.Count > 1)
        {
            report(QueryProblems.OneGrainNeeded, "A comparison takes the metrics' time at one grain only.", "groupBy");
        }

        foreach (var name in times.Mixed)
        {
            report(QueryProblems.TimesDoNotMeet, $"{name} is the time of some of the metrics and not of the others, so that a comparison would move it for some alone. Group by metric_time.", $"groupBy[{query.GroupBy.IndexOf(name)}]");
        }

        if (compare.AlignToDate && upToToday.IsEmpty && !range.IsEmpty)
        {
            report(QueryProblems.EmptyTimeRange, $"The time range {range} starts after today, so that alignToDate leaves nothing to compare with.", "compare.alignToDate");
        }

        var shift = compare.To switch
        {
            ComparisonKind.PreviousYear when grains is [TimeGrain.Week] && model.Calendar.WeekStart == DayOfWeek.Monday => TimeShift.NextIsoYear,
            ComparisonKind.PreviousYear when grains is [TimeGrain.Week] => new TimeShift(new CalendarPeriod(52, TimeGrain.Week)),
            ComparisonKind.PreviousYear => new TimeShift(new CalendarPeriod(1, TimeGrain.Year)),
            ComparisonKind.PreviousPeriod => new TimeShift(Length(range, report)),
            _ => new TimeShift(compare.Offset ?? throw new InvalidOperationException("An offset comparison has an offset.")),
        };
        return shift with { UpToToday = compare.AlignToDate && upToToday != range };
    }

    /// <summary>A range's length in whole months if it has them, else in days, else in seconds.</summary>
    private static CalendarPeriod Length(ResolvedRange range, Action<string, string, string> report)
    {
        var (from, to) = (range.From!.Value, range.To!.Value);
        if (!from.IsMidnight || !to.IsMidnight)
        {
            var length = to.Utc - from.Utc;
            if (length.Ticks % TimeSpan.TicksPerSecond != 0 || length.TotalSeconds > int.MaxValue)
            {
                report(QueryProblems.RangeNeedsDates, $"The period before {range} is as long as it, and only whole seconds can be gone back, {int.MaxValue} at most.", "compare.to");
                return new CalendarPeriod(0, TimeGrain.Second);
            }

            return new CalendarPeriod((int)length.TotalSeconds, TimeGrain.Second);
        }

        return from.Date.Day == 1 && to.Date.Day == 1
            ? new CalendarPeriod(((to.Date.Year - from.Date.Year) * 12) + to.Date.Month - from.Date.Month, TimeGrain.Month)
            : new CalendarPeriod(to.Date.DayNumber - from.Date.DayNumber, TimeGrain.Day);
    }
}
