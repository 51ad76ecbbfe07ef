using System.Globalization;
using Write.DataPlatform.Model;
using Calendar = Write.DataPlatform.Query.Calendar;

namespace Write.DataPlatform.Refresh;

/// <summary>A stretch of whole days that is refreshed and stored as one.</summary>
/// <param name="Name">The name, which sorts by time: <c>2026</c>, <c>2026-Q1</c>, <c>2026-01</c>, or the first date of a week or day.</param>
/// <param name="From">The first date.</param>
/// <param name="To">The date after the last.</param>
internal readonly record struct PartitionPeriod(string Name, DateOnly From, DateOnly To)
{
    /// <summary>The period that a date lies in. Partitions finer than a day are days.</summary>
    public static PartitionPeriod Containing(DateOnly date, TimeGrain partition, ModelCalendar calendar)
    {
        var grain = partition < TimeGrain.Day ? TimeGrain.Day : partition;
        var from = calendar.Truncate(date, grain);
        var name = grain switch
        {
            TimeGrain.Year => from.ToString("yyyy", CultureInfo.InvariantCulture),
            TimeGrain.Quarter => string.Create(CultureInfo.InvariantCulture, $"{from:yyyy}-Q{(from.Month + 2) / 3}"),
            TimeGrain.Month => from.ToString("yyyy-MM", CultureInfo.InvariantCulture),
            _ => from.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        };
        return new PartitionPeriod(name, from, Calendar.Add(from, new CalendarPeriod(1, grain)));
    }

    /// <summary>The periods from the one of <paramref name="first"/> to the one of <paramref name="last"/>, both included.</summary>
    public static IEnumerable<PartitionPeriod> Between(DateOnly first, DateOnly last, TimeGrain partition, ModelCalendar calendar)
    {
        for (var period = Containing(first, partition, calendar); period.From <= last; period = Containing(period.To, partition, calendar))
        {
            yield return period;
        }
    }

    /// <summary>Whether it shares a day with a half-open range; null bounds are open.</summary>
    public bool Overlaps(DateOnly? from, DateOnly? to) => (to is null || From < to) && (from is null || To > from);
}
