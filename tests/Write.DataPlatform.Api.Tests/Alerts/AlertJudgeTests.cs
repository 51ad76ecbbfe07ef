using System.Globalization;
using CsCheck;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Api.Alerts;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.Tests.Alerts;

/// <summary>Judgements by the rows themselves, counted in plain C#; states by the whole past of verdicts.</summary>
public sealed class AlertJudgeTests
{
    private static readonly int Cases = int.Parse(Environment.GetEnvironmentVariable("WDP_CASES") ?? "60", CultureInfo.InvariantCulture);
    private static readonly string[] Zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"];

    private static Alert Plain { get; } = new() { Name = "a", Metric = "m", Condition = new AlertCondition(1, null, AlertReference.Value, AlertMeasure.Percent, 28), Schedule = new Schedule("* * * * *", TimeZoneInfo.Utc), Source = new SourcePosition("a", 1, 1) };

    [Fact]
    public async Task An_evaluation_is_what_the_rows_say()
    {
        await using var world = await AlertWorld.StartAsync();
        var rows = SmallServer.Sql($"SELECT started_at, country FROM {world.Server.Files}").Select(r => (At: DateTime.SpecifyKind((DateTime)r[0]!, DateTimeKind.Utc), Country: (string)r[1]!)).ToList();
        var evaluator = world.Server.Services.GetRequiredService<AlertEvaluator>();
        var clock = (ServerFixture.ShiftedClock)world.Server.Services.GetRequiredService<TimeProvider>();
        var source = world.Model.Alerts["too-many"];
        // The seed is told with what fails.
        var random = new Random(20260310);
        T OneOf<T>(params T[] values) => values[random.Next(values.Length)];
        var broken = 0;
        for (var i = 0; i < Cases; i++)
        {
            var (minutes, grain, zoneId) = (random.Next(68 * 24 * 60), OneOf(TimeGrain.Hour, TimeGrain.Day, TimeGrain.Week, TimeGrain.Month), OneOf(Zones));
            var (against, measure, periods) = (OneOf(Enum.GetValues<AlertReference>()), OneOf(Enum.GetValues<AlertMeasure>()), random.Next(2, 7));
            var (limit, isGrouped) = ((random.NextDouble() * 120) - 60, random.Next(2) == 0);
            var now = new DateTimeOffset(2026, 1, 3, 0, 30, 0, TimeSpan.Zero).AddMinutes(minutes);
            clock.Advance(now - clock.GetUtcNow());
            var by = measure == AlertMeasure.Deviations && against != AlertReference.Baseline ? AlertMeasure.Percent : measure;
            var zone = TimeZoneInfo.FindSystemTimeZoneById(zoneId);
            var alert = source with { Metric = "visits", Grain = grain, TimeZone = zone, GroupBy = isGrouped ? source.GroupBy : [], Condition = new AlertCondition(null, limit, against, by, periods) };
            var evaluation = await evaluator.EvaluateAsync(world.Model, alert, TestContext.Current.CancellationToken);
            Assert.Null(evaluation.Error);

            DateTime Local(DateTime utc) => TimeZoneInfo.ConvertTimeFromUtc(utc, zone);
            static DateTime Floor(DateTime local, TimeGrain grain) => grain switch
            {
                TimeGrain.Day => local.Date,
                TimeGrain.Week => local.Date.AddDays(-(((int)local.DayOfWeek + 6) % 7)),
                _ => new DateTime(local.Year, local.Month, 1),
            };
            // The start of the period n before the one that is not over; hours are elapsed ones, so that none is left out or comes twice.
            var offset = zone.GetUtcOffset(now.UtcDateTime);
            DateTime Start(int n)
            {
                if (grain == TimeGrain.Hour)
                {
                    var local = now.UtcDateTime + offset;
                    return new DateTime(local.Year, local.Month, local.Day, local.Hour, 0, 0, DateTimeKind.Utc) - offset - TimeSpan.FromHours(n);
                }

                var current = Floor(Local(now.UtcDateTime), grain);
                return grain switch { TimeGrain.Day => current.AddDays(-n), TimeGrain.Week => current.AddDays(-7 * n), _ => current.AddMonths(-n) };
            }

            double Count(string? country, DateTime from, DateTime to) => rows.Count(r => (country is null || r.Country == country) && (grain == TimeGrain.Hour ? r.At : Local(r.At)) is var at && at >= from && at < to);
            foreach (var judgement in evaluation.Judgements)
            {
                var country = isGrouped ? judgement.Key.Single() : null;
                var value = Count(country, Start(1), Start(0));
                Assert.Equal(value, judgement.Value);
                IEnumerable<double> found = against switch
                {
                    AlertReference.Value => [],
                    AlertReference.PreviousPeriod => new[] { Count(country, Start(2), Start(1)) },
                    // There are no rows of the year before.
                    AlertReference.PreviousYear => [],
                    _ => Enumerable.Range(2, periods).Select(n => Count(country, Start(n), Start(n - 1))),
                };
                // A period without a visit is none that a value is held against.
                var earlier = found.Where(c => c > 0).ToList();
                var verdict = Verdict.Ok;
                if (against != AlertReference.Value && earlier.Count < (against == AlertReference.Baseline ? Math.Max(2, (periods + 1) / 2) : 1))
                {
                    verdict = Verdict.NoData;
                }
                else if (against == AlertReference.Value)
                {
                    verdict = value < limit ? Verdict.Broken : Verdict.Ok;
                }
                else
                {
                    var mean = earlier.Sum() / earlier.Count;
                    var deviation = Math.Sqrt(earlier.Sum(v => Math.Pow(v - mean, 2)) / Math.Max(1, earlier.Count - 1));
                    var measured = by switch
                    {
                        AlertMeasure.Absolute => value - mean,
                        AlertMeasure.Percent => value == mean ? 0 : mean == 0 ? double.NaN : (value - mean) / mean * 100,
                        _ => value == mean ? 0 : deviation == 0 ? (value - mean) * double.PositiveInfinity : (value - mean) / deviation,
                    };
                    verdict = double.IsNaN(measured) ? Verdict.NoData : measured < limit ? Verdict.Broken : Verdict.Ok;
                    Assert.Equal(mean, judgement.Reference!.Value, 1e-9);
                }

                Assert.True(verdict == judgement.Verdict, $"{now:O} {grain} {zoneId} {against} {by} {periods} {limit} {country}: {judgement}");
                broken += verdict == Verdict.Broken ? 1 : 0;
            }

            var seen = rows.Where(r => (grain == TimeGrain.Hour ? r.At : Local(r.At)) is var at && at >= Start(1) && at < Start(0)).Select(r => r.Country).Distinct();
            Assert.True(isGrouped ? seen.All(c => evaluation.Judgements.Any(j => j.Key.Single() == c)) : evaluation.Judgements.Length == 1);
        }

        Assert.True(broken > 0);
    }

    [Fact]
    public void What_is_told_follows_from_all_verdicts_before() => Gen.Select(Gen.Enum<Verdict>().Array[1, 40], Gen.Int[1, 4]).Sample((verdicts, times) =>
    {
        var state = new RuleState();
        var told = new List<AlertEvent>();
        var now = DateTimeOffset.UnixEpoch;
        foreach (var verdict in verdicts)
        {
            (state, var events) = AlertMachine.After(state, new Evaluation([new Judgement([], verdict, 1, null, null, "")], "", null), [], times, now += TimeSpan.FromMinutes(1));
            told.AddRange(events.Select(e => e.Event));
        }

        // By the string of verdicts cut at each good one: within a cut it fires if so many broken ones follow each other, and is told as missing by the same rule.
        var expected = new List<AlertEvent>();
        var cuts = string.Concat(verdicts.Select(v => v.ToString()[0])).Split('O');
        for (var i = 0; i < cuts.Length; i++)
        {
            var (fires, misses) = (cuts[i].IndexOf(new string('B', times), StringComparison.Ordinal), cuts[i].IndexOf(new string('N', times), StringComparison.Ordinal));
            expected.AddRange(new[] { (At: fires, Event: AlertEvent.Firing), (At: misses, Event: AlertEvent.NoData) }.Where(e => e.At >= 0).OrderBy(e => e.At).Select(e => e.Event));
            if (i < cuts.Length - 1 && (fires >= 0 || misses >= 0))
            {
                expected.Add(AlertEvent.Resolved);
            }
        }

        Assert.Equal(expected, told);
        Assert.Equal(verdicts[^1] == Verdict.Ok, state.Status is AlertStatus.Ok or AlertStatus.Resolved);
    });

    /// <summary>Held against all the times a year before, by a walk over them: exactly one period of the same length must land in the judged one, whole.</summary>
    [Theory]
    [InlineData("Europe/Berlin", "2025-10-24", 3)]
    [InlineData("Europe/Berlin", "2026-03-27", 3)]
    [InlineData("Europe/Berlin", "2026-10-24", 3)]
    [InlineData("Europe/Berlin", "2027-03-26", 4)]
    [InlineData("America/New_York", "2026-11-01", 8)]
    [InlineData("Australia/Lord_Howe", "2026-04-03", 4)]
    [InlineData("Australia/Lord_Howe", "2026-10-02", 4)]
    [InlineData("UTC", "2026-10-24", 3)]
    public void An_hour_that_the_clock_says_twice_or_leaves_out_has_no_single_one_a_year_before(string name, string from, int days)
    {
        var zone = TimeZoneInfo.FindSystemTimeZoneById(name);
        var start = DateTime.Parse(from, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);
        var odd = 0;
        foreach (var grain in new[] { TimeGrain.Hour, TimeGrain.Minute })
        {
            var length = grain == TimeGrain.Hour ? TimeSpan.FromHours(1) : TimeSpan.FromMinutes(1);
            // Where each minute of a year before counts now; half a day more at both ends.
            var landed = Enumerable.Range(-720, (days * 1440) + 1440).Select(m => ZoneRules.ToUtc(ZoneRules.ToLocal(start.AddYears(-1).AddMinutes(m), zone).AddYears(1), zone))
                .CountBy(at => at).ToDictionary();
            for (var at = start; at < start.AddDays(days); at += length)
            {
                var period = JudgedPeriod.Of(Plain, grain, zone, ModelCalendar.Iso, new DateTimeOffset(at + length, TimeSpan.Zero));
                var isWhole = Enumerable.Range(0, (int)(period.To.Utc - period.From.Utc).TotalMinutes).All(m => landed.GetValueOrDefault(period.From.Utc.AddMinutes(m)) == 1);
                Assert.True(isWhole || period.NoYearBefore(zone, ModelCalendar.Iso) is not null, $"{grain} {period.From.Utc:O}");
                odd += period.NoYearBefore(zone, ModelCalendar.Iso) is null ? 0 : 1;
                if (grain == TimeGrain.Hour)
                {
                    continue;
                }

                // Of a minute nothing less is said either, but of those that come twice, whose first has one.
                Assert.True(!isWhole || zone.IsAmbiguousTime(period.From.Local) || period.NoYearBefore(zone, ModelCalendar.Iso) is null, $"{grain} {period.From.Utc:O}");
            }
        }

        Assert.Equal(name != "UTC", odd > 0);
    }

    [Theory]
    [InlineData(DayOfWeek.Monday, "2021-01-04T12:00:00Z", true)]
    [InlineData(DayOfWeek.Monday, "2021-12-30T12:00:00Z", false)]
    [InlineData(DayOfWeek.Monday, "2022-01-03T12:00:00Z", true)]
    [InlineData(DayOfWeek.Sunday, "2021-01-04T12:00:00Z", false)]
    [InlineData(DayOfWeek.Sunday, "2022-01-03T12:00:00Z", false)]
    public void Weeks_from_another_day_than_Monday_have_one_52_weeks_before(DayOfWeek weekStart, string now, bool isOdd)
    {
        var calendar = ModelCalendar.Iso with { WeekStart = weekStart };
        var period = JudgedPeriod.Of(Plain, TimeGrain.Week, TimeZoneInfo.Utc, calendar, DateTimeOffset.Parse(now, CultureInfo.InvariantCulture));
        Assert.Equal(isOdd, period.NoYearBefore(TimeZoneInfo.Utc, calendar) is not null);
    }

    [Theory]
    [InlineData("2026-03-10T15:00:00Z", "2026-03-09T22:50:00Z", true)]
    [InlineData("2026-03-10T15:00:00Z", "2026-03-09T20:50:00Z", false)]
    [InlineData("2026-03-09T23:30:00Z", "2026-03-09T22:50:00Z", true)]
    [InlineData("2026-03-09T22:30:00Z", "2026-03-08T22:50:00Z", true)]
    public void A_period_is_judged_when_data_reaches_its_end(string now, string asOf, bool isWhole)
    {
        var period = JudgedPeriod.Of(Plain, TimeGrain.Day, TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin"), ModelCalendar.Iso, DateTimeOffset.Parse(now, CultureInfo.InvariantCulture));
        Assert.Equal(isWhole, period.Gap(Plain, DateTimeOffset.Parse(asOf, CultureInfo.InvariantCulture)) is null);
    }
}
