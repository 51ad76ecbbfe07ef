using System.Globalization;
using CsCheck;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Tests.Refresh;

namespace Write.DataPlatform.Tests.Query;

/// <summary>Ranges and their movements against a clock and a calendar that are asked one moment at a time.</summary>
public sealed class TimeShiftTests
{
    private static readonly TimeGrain[] Dates = [TimeGrain.Day, TimeGrain.Week, TimeGrain.Month, TimeGrain.Quarter, TimeGrain.Year];

    private static readonly Gen<TimeZoneInfo> Zones =
        Gen.OneOf("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kathmandu").Select(TimeZoneInfo.FindSystemTimeZoneById);

    private static readonly Gen<ModelCalendar> Calendars = Gen.Select(Gen.Int[0, 6], Gen.Int[1, 12]).Select((start, month) => new ModelCalendar((DayOfWeek)start, month));

    private static readonly Gen<DateOnly> Days = Gen.Frequency(
        (4, Gen.Int[0, 3_600].Select(d => new DateOnly(2017, 12, 1).AddDays(d))),

        // Ends of months and years, the odd weeks 53, and where clocks change.
        (1, Gen.OneOf("2020-02-29", "2021-02-28", "2020-12-31", "2021-01-03", "2021-01-04", "2026-12-28", "2027-01-03", "2023-03-26", "2023-10-29", "2023-03-12", "2018-11-04", "2024-04-07").Select(d => DateOnly.Parse(d, null))));

    private static readonly Gen<DateTime> Moments = Gen.Select(Days, Gen.OneOf(Gen.Const(0), Gen.Int[0, 86_399])).Select((day, second) => day.ToDateTime(TimeOnly.MinValue).AddSeconds(second));

    private static readonly Gen<CalendarPeriod> Periods = Gen.Select(Gen.Int[-14, 14], Gen.OneOf(Dates)).Select((count, grain) => new CalendarPeriod(count, grain));

    private static readonly Gen<TimeShift> Shifts = Gen.Select(Gen.OneOf(Periods.Select(p => new TimeShift(p)), Gen.Const(TimeShift.NextIsoYear)), Gen.OneOf(Periods.Select(p => new TimeShift(p)), Gen.Const(TimeShift.NextIsoYear)).Null(0.7))
        .Select((first, then) => first.FollowedBy(then));

    [Fact]
    public Task Relative_ranges_are_those_of_the_calendar() => Gen.Select(
        Zones, Calendars, Moments,
        Gen.OneOf<TimeRange?>(
            Gen.Select(Gen.Int[1, 20], Gen.OneOf([TimeGrain.Second, TimeGrain.Minute, TimeGrain.Hour, .. Dates])).Select((count, grain) => (TimeRange?)new LastTimeRange(new CalendarPeriod(count, grain))),
            Gen.OneOf(Dates).Select(grain => (TimeRange?)new ToDateTimeRange(grain)),
            Gen.Select(Moments.Nullable(0.2), Gen.Int[0, 5_000_000].Nullable(0.2), Gen.Int[-12, 14].Nullable(0.5)).Select((from, length, offset) => (TimeRange?)new AbsoluteTimeRange(
                from is { } f ? new TimePoint(f, offset is { } o ? TimeSpan.FromHours(o) : null) : null,
                length is { } l ? new TimePoint((from ?? new DateTime(2020, 1, 1)).AddSeconds(l), null) : null)),
            Gen.Const((TimeRange?)null)))
        .CheckAsync(
            drawn =>
            {
                var (zone, calendar, at, range) = drawn;
                var now = new DateTimeOffset(at, TimeSpan.Zero);
                var time = new OracleTime(zone, calendar, now);
                var (expected, actual) = (time.Range(range), ResolvedRange.Resolve(range, zone, calendar, now));
                Same(expected, actual);
                Same(time.UpToToday(expected), actual.UpToToday(zone, now));
                Assert.Equal(expected is { From: not null, To: not null }, actual.IsBounded);
                Assert.Equal(expected.From >= expected.To, actual.IsEmpty);
            },
            RandomCases.Of(3_000));

    [Fact]
    public Task The_first_bucket_holds_the_start_and_none_reaches_the_end() => Gen.Select(Zones, Calendars, Moments, Gen.Int[1, 5_000_000], Gen.OneOf([TimeGrain.Second, TimeGrain.Minute, TimeGrain.Hour, .. Dates])).CheckAsync(
        drawn =>
        {
            var (zone, calendar, from, length, grain) = drawn;
            var time = new OracleTime(zone, calendar, default);
            var range = ResolvedRange.Resolve(new AbsoluteTimeRange(new TimePoint(from, null), new TimePoint(from.AddSeconds(length), null)), zone, calendar, default);
            var (start, end) = range.Buckets(grain, calendar);
            var bucket = time.Bucket(time.ToUtc(from), grain) switch { DateOnly date => date.ToDateTime(TimeOnly.MinValue), var instant => (DateTime)instant };
            Assert.Equal(bucket, start);
            Assert.Equal(grain >= TimeGrain.Day ? range.To!.Value.Local : range.To!.Value.Utc, end);
            Assert.Equal((null, null), ResolvedRange.All.Buckets(grain, calendar));
        },
        RandomCases.Of(3_000));

    [Fact]
    public Task A_zones_clock_is_told_there_and_back() => Gen.Select(Zones, Moments).CheckAsync(
        drawn =>
        {
            var (zone, at) = drawn;
            var time = new OracleTime(zone, ModelCalendar.Iso, default);
            Assert.Equal(time.ToLocal(at), ZoneRules.ToLocal(at, zone));
            Assert.Equal(time.ToUtc(at), ZoneRules.ToUtc(at, zone));
        },
        RandomCases.Of(5_000));

    [Fact]
    public Task Hours_are_kept_and_buckets_whole_where_every_offset_says_so() => Gen.Select(Zones, Moments, Gen.Int[1, 800], Gen.OneOf(TimeGrain.Second, TimeGrain.Minute, TimeGrain.Hour)).CheckAsync(
        drawn =>
        {
            var (zone, from, days, grain) = drawn;
            var to = from.AddDays(days);
            var unit = grain switch { TimeGrain.Second => TimeSpan.FromSeconds(1), TimeGrain.Minute => TimeSpan.FromMinutes(1), _ => TimeSpan.FromHours(1) };

            // A clock changes at a whole quarter of an hour.
            var offsets = new List<TimeSpan>();
            for (var at = from; at < to; at = at.AddMinutes(15 - (at.Minute % 15)).AddSeconds(-at.Second))
            {
                offsets.Add(zone.GetUtcOffset(DateTime.SpecifyKind(at, DateTimeKind.Utc)));
            }

            Assert.Equal(offsets.TrueForAll(o => o.Ticks % unit.Ticks == 0), ZoneRules.HasWhole(grain, zone, from, to));
            Assert.Equal(offsets.Zip(offsets.Skip(1)).All(o => (o.Second - o.First).Ticks % TimeSpan.TicksPerHour == 0), ZoneRules.KeepsHours(zone, from, to));

            // What cannot be looked at is not told to be whole.
            Assert.Equal(zone.Id == "UTC", ZoneRules.HasWhole(grain, zone, null, to));
            Assert.Equal(zone.Id == "UTC", ZoneRules.HasWhole(grain, zone, from, null));
        },
        RandomCases.Of(60));

    [Fact]
    public Task A_date_lands_where_the_calendar_says() => Gen.Select(Days, Gen.OneOf(Periods.Select(p => new OracleShift(p)), Gen.Const(new OracleShift(new CalendarPeriod(1, TimeGrain.Year), IsIsoYear: true))), Periods).CheckAsync(
        drawn =>
        {
            var (date, shift, then) = drawn;
            var first = new TimeShift(shift.Period, shift.IsIsoYear);
            var landed = OracleTime.Shift(date, shift);
            Assert.Equal(landed, first.Apply(date));
            Assert.Equal(OracleTime.Shift(landed, new OracleShift(then)), first.FollowedBy(new TimeShift(then)).Apply(date));
            Assert.Same(first, first.FollowedBy(null));
            Assert.Equal(OracleTime.Shift(OracleTime.Shift(landed, new OracleShift(then)), shift), first.FollowedBy(new TimeShift(then)).FollowedBy(first).Apply(date));
        },
        RandomCases.Of(5_000));

    [Fact]
    public Task The_bounds_of_what_lands_in_a_range_are_those_of_every_day_tried() => Gen.Select(Days, Shifts).CheckAsync(
        drawn =>
        {
            var (target, shift) = drawn;

            // Any first day is before it, any last day after it, by the longest shifts there are.
            var all = Enumerable.Range(-11_000, 22_000).Select(target.AddDays).Select(date => (Date: date, Lands: shift.Apply(date))).ToList();
            Assert.Equal(all.First(d => d.Lands >= target).Date, shift.FirstLandingAtOrAfter(target));
            Assert.Equal(all.Last(d => d.Lands < target).Date.AddDays(1), shift.AfterLastLandingBefore(target));
        },
        RandomCases.Of(120, weight: 10), print: c => $"{c.Item1:O} {c.Item2}");

    [Fact]
    public Task The_range_before_a_shift_holds_all_that_lands_and_nothing_else_unless_it_is_tested() => Gen.Select(Zones, Moments, Moments, Shifts).CheckAsync(
        drawn =>
        {
            var (zone, one, other, shift) = drawn;
            var (from, to) = one < other ? (one, other) : (other, one);
            var target = ResolvedRange.Resolve(new AbsoluteTimeRange(new TimePoint(from, null), new TimePoint(to, null)), zone, ModelCalendar.Iso, default);
            var before = target.Before(shift, zone);
            Assert.Equal(ResolvedRange.All, ResolvedRange.All.Before(shift, zone));
            foreach (var (bound, landing, isEnd) in new[] { (before.From!.Value, target.From!.Value, false), (before.To!.Value, target.To!.Value, true) })
            {
                Assert.Equal(TimeSpan.Zero, bound.Local.TimeOfDay);
                foreach (var date in Enumerable.Range(-20, 41).Select(bound.Date.AddDays))
                {
                    // A day of which anything lands in the range is inside; if the bound is exact no other is.
                    var lands = shift.Apply(date);
                    var isInside = isEnd ? date < bound.Date : date >= bound.Date;
                    var reaches = isEnd ? lands.ToDateTime(TimeOnly.MinValue) < landing.Local : lands.ToDateTime(TimeOnly.MinValue).AddDays(1) > landing.Local;
                    Assert.True(isInside || !reaches, $"{date:O} lands on {lands:O} and is left out of {before}.");
                    Assert.True(shift.NeedsExactTest(landing) || isInside == reaches, $"{date:O} lands on {lands:O} and is in {before} without a test.");
                }
            }
        },
        RandomCases.Of(1_500));

    [Fact]
    public Task Elapsed_time_moves_instants() => Gen.Select(Zones, Moments, Gen.Int[-200, 200], Gen.OneOf(TimeGrain.Second, TimeGrain.Minute, TimeGrain.Hour), Gen.Int[-50, 50]).CheckAsync(
        drawn =>
        {
            var (zone, to, count, grain, then) = drawn;
            var target = ResolvedRange.Resolve(new AbsoluteTimeRange(null, new TimePoint(to, null)), zone, ModelCalendar.Iso, default);
            var shift = new TimeShift(new CalendarPeriod(count, grain), Then: new TimeShift(new CalendarPeriod(then, TimeGrain.Minute)));
            var seconds = (count * (grain switch { TimeGrain.Second => 1, TimeGrain.Minute => 60, _ => 3_600 })) + (then * 60);
            Assert.Equal((true, false, seconds), (shift.IsElapsedTime, shift.IsMixed, shift.Seconds));
            Assert.False(shift.NeedsExactTest(target.To!.Value));
            var before = target.Before(shift, zone);
            Assert.Null(before.From);
            Assert.Equal(target.To.Value.Utc.AddSeconds(-seconds), before.To!.Value.Utc);
            var mixed = shift.FollowedBy(new TimeShift(new CalendarPeriod(1, TimeGrain.Day)));
            Assert.Equal((false, true), (mixed.IsElapsedTime, mixed.IsMixed));
        },
        RandomCases.Of(500));

    [Fact]
    public Task Dates_are_said_to_meet_if_any_two_do() => Shifts.CheckAsync(
        shift =>
        {
            var days = Enumerable.Range(0, 3_700).Select(new DateOnly(2018, 1, 1).AddDays).ToList();
            var doMeet = days.Select(shift.Apply).Distinct().Count() < days.Count;
            Assert.True(shift.CanMerge(TimeGrain.Day, TimeZoneInfo.Utc) || !doMeet, shift.ToString());

            // A shift by no month at all and one back over what the first has moved meet nobody, and may be said to.
            if (shift is { Then: null, ByIsoYear: false, Period: { Count: not 0, Grain: not TimeGrain.Quarter } })
            {
                Assert.Equal(doMeet || (shift.Period.Grain == TimeGrain.Year && shift.Period.Count % 4 == 0), shift.CanMerge(TimeGrain.Day, TimeZoneInfo.Utc));
            }

            // First days of months meet in no other.
            Assert.Equal(shift.HasIsoYear, shift.CanMerge(TimeGrain.Month, TimeZoneInfo.Utc));
        },
        RandomCases.Of(100, weight: 10));

    /// <summary>What cannot be gone back exactly is refused: a part of a second, and more seconds than a shift counts.</summary>
    [Theory]
    [InlineData("2026-01-01T10:00:00", "2026-01-01T10:00:01", true)]
    [InlineData("2026-01-01T10:00:00", "2026-01-01T10:00:01.5", false)]
    [InlineData("1950-01-01T10:00:00", "2026-01-01T10:00:00", false)]
    public void The_period_before_is_as_long(string from, string to, bool expected)
    {
        static TimePoint Point(string text) => new(DateTime.Parse(text, CultureInfo.InvariantCulture), null);
        var query = new MetricQuery { Metrics = ["visits"], TimeRange = new AbsoluteTimeRange(Point(from), Point(to)), Compare = new Comparison(ComparisonKind.PreviousPeriod) };
        var mistake = Record.Exception(() => QueryResolver.Resolve(RefreshModel.Load(), query, FieldTypes.Unknown, DateTimeOffset.UnixEpoch)) as QueryException;
        Assert.Equal(expected ? null : QueryProblems.RangeNeedsDates, mistake?.Problems.Single().Code);
    }

    private static void Same(OracleRange expected, ResolvedRange actual) => Assert.Equal(
        (expected.From, expected.To, expected.FromLocal, expected.ToLocal),
        (actual.From?.Utc, actual.To?.Utc, actual.From?.Local, actual.To?.Local));
}
