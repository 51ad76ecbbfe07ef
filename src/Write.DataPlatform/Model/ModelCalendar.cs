using System.Globalization;

namespace Write.DataPlatform.Model;

/// <summary>Where a model's weeks, quarters and years start.</summary>
/// <param name="WeekStart">The first day of its weeks.</param>
/// <param name="FiscalYearStartMonth">The month, 1 to 12, that its years start with; its quarters are every third month from there.</param>
public sealed record ModelCalendar(DayOfWeek WeekStart, int FiscalYearStartMonth)
{
    /// <summary>Weeks from Monday, years from January.</summary>
    public static ModelCalendar Iso { get; } = new(DayOfWeek.Monday, 1);

    /// <summary>The first date of the bucket that a date lies in; the date itself for a day and finer.</summary>
    public DateOnly Truncate(DateOnly date, TimeGrain grain) => grain switch
    {
        TimeGrain.Week => date.AddDays(-(((int)date.DayOfWeek - (int)WeekStart + 7) % 7)),
        TimeGrain.Month => FirstOfMonth(date, monthsBefore: 0),
        TimeGrain.Quarter => FirstOfMonth(date, MonthsInto(date) % 3),
        TimeGrain.Year => FirstOfMonth(date, MonthsInto(date)),
        _ => date,
    };

    /// <summary>By how many months quarters or years start after the calendar's own; 0 for other grains.</summary>
    internal int MonthsAfterCalendar(TimeGrain grain) => grain switch
    {
        TimeGrain.Quarter => (FiscalYearStartMonth - 1) % 3,
        TimeGrain.Year => FiscalYearStartMonth - 1,
        _ => 0,
    };

    /// <summary>What decides where buckets of a grain start: equal texts, equal buckets.</summary>
    internal string StartOf(TimeGrain grain) => grain switch
    {
        TimeGrain.Week => WeekStart.ToString(),
        TimeGrain.Quarter or TimeGrain.Year when MonthsAfterCalendar(grain) is > 0 and var months => "+" + months.ToString(CultureInfo.InvariantCulture),
        _ => "",
    };

    /// <summary>Full months since the fiscal year started.</summary>
    private int MonthsInto(DateOnly date) => (date.Month - FiscalYearStartMonth + 12) % 12;

    private static DateOnly FirstOfMonth(DateOnly date, int monthsBefore) => new DateOnly(date.Year, date.Month, 1).AddMonths(-monthsBefore);
}
