namespace Write.DataPlatform.Api.Sample;

/// <summary>How many visits each day gets, and which ids. Ids are given out day by day without a gap.</summary>
internal sealed class SampleCalendar
{
    private const double YearlyGrowth = 1.2;

    // January to December: a media site is quiet in summer and busy in December.
    private static readonly double[] MonthFactor = [1.06, 1.02, 1.00, 0.97, 0.93, 0.84, 0.76, 0.79, 0.95, 1.05, 1.15, 1.34];

    // Sunday to Saturday.
    private static readonly double[] WeekdayFactor = [1.24, 0.88, 0.86, 0.90, 0.94, 1.08, 1.28];

    public SampleCalendar(DateOnly endDate, long visits)
    {
        FirstDay = new DateOnly(endDate.Year - 2, 1, 1);
        LastDay = endDate;

        var count = endDate.DayNumber - FirstDay.DayNumber + 1;
        var upTo = new double[count + 1];
        for (var i = 0; i < count; i++)
        {
            upTo[i + 1] = upTo[i] + Weight(FirstDay.AddDays(i), i);
        }

        var days = new SampleDay[count];
        var next = 1L;
        for (var i = 0; i < count; i++)
        {
            // Cutting the running total, not each day, keeps the sum exact however few visits there are.
            var end = 1 + (long)Math.Round(visits * (upTo[i + 1] / upTo[count]));
            days[i] = new SampleDay(FirstDay.AddDays(i), next, end - next);
            next = end;
        }

        Days = days;
    }

    public DateOnly FirstDay { get; }

    public DateOnly LastDay { get; }

    public IReadOnlyList<SampleDay> Days { get; }

    /// <summary>The first days of all months touched, in order.</summary>
    public IEnumerable<DateOnly> Months()
    {
        for (var month = FirstDay; month <= LastDay; month = month.AddMonths(1))
        {
            yield return month;
        }
    }

    private static double Weight(DateOnly day, int index) =>
        Math.Pow(YearlyGrowth, index / 365.25) * SeasonOf(day) * WeekdayFactor[(int)day.DayOfWeek];

    // Half of each month leans towards its neighbour, so that the first of a month is no step.
    private static double SeasonOf(DateOnly day)
    {
        var length = DateTime.DaysInMonth(day.Year, day.Month);
        var middle = (day.Day - 0.5) / length - 0.5;
        var neighbour = MonthFactor[(day.Month - 1 + (middle < 0 ? 11 : 1)) % 12];
        return MonthFactor[day.Month - 1] * (1 - Math.Abs(middle)) + neighbour * Math.Abs(middle);
    }
}

/// <summary>One UTC day: its visits have the ids from <paramref name="FirstId"/> on.</summary>
internal readonly record struct SampleDay(DateOnly Day, long FirstId, long Visits);
