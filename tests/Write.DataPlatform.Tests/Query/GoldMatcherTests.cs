using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using CsCheck;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Tests.Model;

namespace Write.DataPlatform.Tests.Query;

/// <summary>Which table answers which part of a range, hour by hour, and for each rule of <c>docs/matching.md</c> questions that break it and their neighbours that do not.</summary>
public sealed class GoldMatcherTests
{
    private static readonly DateTimeOffset Now = new(2024, 8, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeZoneInfo Berlin = TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin");
    private static readonly DateTime Earliest = new(2023, 12, 1);
    private static readonly DateTime Latest = new(2025, 2, 1);

    private static readonly Lazy<MetricModel> World = new(() => ModelFolder.LoadGood(WorldModel.Files(gold: """
        gold_tables:
          - { name: hours, metrics: [visits, seconds, visitors], group_by: [visit__country], grain: hour, partition: day }
          - { name: days, metrics: [visits, late_visits, visits_of_known, mobile_visits, seconds, mean_seconds, visitors, last_seconds, about_visitors, visits_growth], group_by: [visit__country, visit__device], grain: day, partition: day }
          - { name: weeks, metrics: [visits, visitors], group_by: [visit__country], grain: week, partition: week }
          - { name: months, metrics: [visits, visitors, seconds], group_by: [visit__country], grain: month, partition: month }
          - { name: mobile, metrics: [visits, seconds], group_by: [visit__country, visit__device], grain: day, partition: day, where: "{{ Dimension('visit__device') }} = 'mobile'" }
          - { name: shop, audience: external, metrics: [visits, revenue], group_by: [visit__country], grain: day, partition: day }
          - { name: estimates, metrics: [about_visitors], group_by: [visit__country], grain: day, partition: day }
        """)));

    /// <summary>A day, week or month of the tables above, and so many of them.</summary>
    private static readonly Gen<(string Table, int First, bool[] Built, bool IsComplete, DateTime? From, DateTime? To, string Zone)> Cases = Gen.Select(
        Gen.OneOf("hours", "days", "weeks", "months"),
        Gen.Int[0, 20],
        Gen.Frequency((3, Gen.Const(true)), (1, Gen.Const(false))).Array[0, 7],
        Gen.Bool,
        Gen.Select(Gen.Int[0, 24 * 100], Gen.OneOf(0, 0, 0, 30)).Select(m => new DateTime(2024, 2, 20).AddHours(m.Item1).AddMinutes(m.Item2)).Nullable(0.1),
        Gen.Select(Gen.Int[1, 24 * 60], Gen.OneOf(true, true, false)),
        Gen.OneOf("Europe/Berlin", "Europe/Berlin", "UTC", "America/New_York"))
        .Select((table, first, built, isComplete, from, length, zone) =>
        {
            // Often whole days, and sometimes months, so that there is something for the coarse tables.
            var start = from is { } f && length.Item2 ? f.Date : from;
            DateTime? to = length.Item1 > 24 * 55 ? null : (start ?? new DateTime(2024, 3, 15)).AddHours(length.Item2 ? Math.Max(1, length.Item1 / 24) * 24 : length.Item1);
            return (table, first, built, isComplete, start, to, table == "hours" ? zone : "Europe/Berlin");
        });

    [Fact]
    public Task Every_whole_built_bucket_is_golds_and_every_other_moment_the_lakes() => Cases.CheckAsync(
        drawn =>
        {
            var (name, first, built, isComplete, from, to, zoneName) = drawn;
            var table = GoldDefinitions.Of(World.Value).ByTable[name];
            var partitions = Partitions(name, first, built);
            isComplete &= built.All(b => b);
            var candidate = new GoldCandidate(table, null, 1, partitions, isComplete);
            var zone = TimeZoneInfo.FindSystemTimeZoneById(zoneName);
            var time = new OracleTime(zone, World.Value.Calendar, Now);
            var (wantedFrom, wantedTo) = (time.Instant(Point(from)) ?? Earliest, time.Instant(Point(to)) ?? Latest);
            if (wantedFrom >= wantedTo)
            {
                // Within an hour that the clock leaves out.
                return;
            }

            var plan = Plan(
                new MetricQuery { Metrics = ["visits"], TimeZone = zone, TimeRange = new AbsoluteTimeRange(Point(from), Point(to)) }, candidate);

            // An hour of a zone that is not UTC's is one of UTC as far as the zone's offsets can be looked at.
            var isRefused = name == "hours" && (from is null || to is null);
            var expected = new List<(string By, DateTime From, DateTime To)>();
            foreach (var (start, end, date) in Buckets(table.Table.Grain, time))
            {
                var isBuilt = !isRefused && partitions.Length > 0 && start >= wantedFrom && end <= wantedTo
                    && (partitions.Any(p => p.From <= date && date < p.To) || (isComplete && (date < partitions[0].From || date >= partitions[^1].To)));
                Add(expected, isBuilt ? "gold" : "lake", Max(start, wantedFrom), Min(end, wantedTo));
            }

            var actual = new List<(string By, DateTime From, DateTime To)>();
            foreach (var piece in plan.Pieces)
            {
                Add(actual, piece.Gold is null ? "lake" : "gold", piece.Range.From?.Utc ?? Earliest, piece.Range.To?.Utc ?? Latest);
            }

            Assert.Equal(expected, actual);
            Assert.Equal((from is null, to is null), (plan.Pieces[0].Range.From is null, plan.Pieces[^1].Range.To is null));
            Assert.Equal(expected.Any(e => e.By == "lake"), plan.Misses.Any(m => m.Code is "range" or "time_zone"));
            foreach (var piece in plan.Pieces.Where(p => p.Gold is not null))
            {
                var read = partitions.Where(p => Midnight(p.From) < (piece.Range.To?.Utc ?? Latest) && Midnight(p.To) > (piece.Range.From?.Utc ?? Earliest)).ToList();
                Assert.True(read.Count == 0 ? piece.Partitions.Length == 1 : piece.Partitions.SequenceEqual(read), $"{piece.Range} reads {string.Join(", ", piece.Partitions)}.");
            }
        },
        RandomCases.Of(600),
        print: c => $"{c.Table} from {c.First}, {string.Concat(c.Built.Select(b => b ? '1' : '0'))}, {(c.IsComplete ? "complete" : "")}: [{c.From:s}, {c.To:s}) in {c.Zone}");

    [Theory]
    // Who asks.
    [InlineData("shop", """{"metrics":["visits"]}""", "tenant")]
    [InlineData("days", """{"metrics":["visits"]}""", null)]
    // What is counted, by what.
    [InlineData("days", """{"metrics":["revenue"]}""", "measure_not_stored")]
    [InlineData("days", """{"metrics":["bounces"]}""", "measure_not_stored")]
    [InlineData("days", """{"metrics":["ended"]}""", "measure_not_stored")]
    [InlineData("weeks", """{"metrics":["mobile_visits"]}""", "measure_not_stored")]
    [InlineData("days", """{"metrics":["mobile_visits","mean_seconds"]}""", null)]
    [InlineData("days", """{"metrics":["order_rate"]}""", "measure_not_stored")]
    // Under what condition.
    [InlineData("mobile", """{"metrics":["visits"]}""", "filter")]
    [InlineData("mobile", """{"metrics":["visits"],"where":{"field":"visit__device","op":"equals","values":["tv"]}}""", "filter")]
    [InlineData("mobile", """{"metrics":["visits"],"where":{"field":"visit__device","op":"equals","values":["mobile"]}}""", null)]
    [InlineData("mobile", """{"metrics":["visits"],"where":{"and":[{"field":"visit__country","op":"equals","values":["DE"]},{"field":"visit__device","op":"equals","values":["mobile"]}]}}""", null)]
    // Over which dimensions.
    [InlineData("weeks", """{"metrics":["visits"],"groupBy":["visit__device"]}""", "dimension_not_stored")]
    [InlineData("weeks", """{"metrics":["visits"],"where":{"field":"visit__device","op":"equals","values":["tv"]}}""", "dimension_not_stored")]
    [InlineData("weeks", """{"metrics":["visits"],"groupBy":["visit__country"],"where":{"field":"visit__country","op":"equals","values":["DE"]}}""", null)]
    [InlineData("days", """{"metrics":["visits"],"groupBy":["visitor__first_seen_at__day"]}""", "dimension_not_stored")]
    [InlineData("days", """{"metrics":["visits"],"groupBy":["visit__ended_at__day"]}""", "dimension_not_stored")]
    // In which buckets: what is finer is not there, weeks make nothing else, months make quarters and years.
    [InlineData("days", """{"metrics":["visits"],"groupBy":["metric_time__hour"]}""", "grain")]
    [InlineData("days", """{"metrics":["visits"],"groupBy":["metric_time__week"]}""", null)]
    [InlineData("days", """{"metrics":["visits"],"groupBy":["metric_time__year"]}""", null)]
    [InlineData("hours", """{"metrics":["visits"],"groupBy":["metric_time__hour"]}""", null)]
    [InlineData("hours", """{"metrics":["visits"],"groupBy":["metric_time__week"]}""", null)]
    [InlineData("hours", """{"metrics":["visits"],"groupBy":["metric_time__minute"]}""", "grain")]
    [InlineData("weeks", """{"metrics":["visits"],"groupBy":["metric_time__week"]}""", null)]
    [InlineData("weeks", """{"metrics":["visits"],"groupBy":["metric_time__month"]}""", "grain")]
    [InlineData("weeks", """{"metrics":["visits"],"groupBy":["metric_time__day"]}""", "grain")]
    [InlineData("months", """{"metrics":["visits"],"groupBy":["metric_time__day"]}""", "grain")]
    [InlineData("months", """{"metrics":["visits"],"groupBy":["metric_time__week"]}""", "grain")]
    [InlineData("months", """{"metrics":["visits"],"groupBy":["metric_time__quarter"]}""", null)]
    [InlineData("months", """{"metrics":["visits"],"groupBy":["metric_time__year"]}""", null)]
    [InlineData("days", """{"metrics":["visits"],"groupBy":["metric_time__extract_dow"]}""", null)]
    [InlineData("weeks", """{"metrics":["visits"],"groupBy":["metric_time__extract_dow"]}""", "grain")]
    [InlineData("months", """{"metrics":["visits"],"groupBy":["metric_time__extract_month"]}""", null)]
    [InlineData("days", """{"metrics":["visits"],"where":{"field":"metric_time__day","op":"gte","values":["2024-04-02"]}}""", null)]
    [InlineData("months", """{"metrics":["visits"],"where":{"field":"metric_time__day","op":"gte","values":["2024-04-02"]}}""", "grain")]
    [InlineData("days", """{"metrics":["visits"],"where":{"field":"metric_time","op":"gte","values":["2024-04-02T10:00:00"]}}""", "grain")]
    // In which zone.
    [InlineData("days", """{"metrics":["visits"],"timeZone":"UTC"}""", "time_zone")]
    [InlineData("hours", """{"metrics":["visits"],"timeZone":"UTC"}""", null)]
    [InlineData("hours", """{"metrics":["visits"],"timeZone":"Asia/Kolkata"}""", "time_zone")]
    [InlineData("hours", """{"metrics":["visits"],"timeZone":"America/New_York","groupBy":["metric_time__day"]}""", null)]
    // Moved how: the aggregation time's condition moves with it, days move by days, weeks by no month.
    [InlineData("days", """{"metrics":["visits"],"compare":{"to":"previousPeriod"}}""", null)]
    [InlineData("days", """{"metrics":["late_visits"]}""", null)]
    [InlineData("days", """{"metrics":["late_visits"],"compare":{"to":"previousPeriod"}}""", "filter")]
    [InlineData("months", """{"metrics":["visits"],"compare":{"to":"previousYear"}}""", null)]
    [InlineData("weeks", """{"metrics":["visits"],"groupBy":["metric_time__week"],"compare":{"to":"previousYear"}}""", "grain")]
    [InlineData("weeks", """{"metrics":["visits"],"compare":{"to":{"offset":"P1M"}}}""", "grain")]
    [InlineData("months", """{"metrics":["visits"],"compare":{"to":{"offset":"P1W"}}}""", "grain")]
    [InlineData("months", """{"metrics":["visits"],"compare":{"to":{"offset":"P3M"}}}""", null)]
    [InlineData("days", """{"metrics":["visits"],"compare":{"to":{"offset":"PT6H"}}}""", "grain")]
    [InlineData("hours", """{"metrics":["visits"],"compare":{"to":{"offset":"PT6H"}}}""", null)]
    [InlineData("hours", """{"metrics":["visits"],"compare":{"to":{"offset":"PT30M"}}}""", "grain")]
    // Finished values hold for a table's own rows: its bucket and each dimension grouped by or pinned to one value.
    [InlineData("weeks", """{"metrics":["visitors"],"groupBy":["metric_time__week","visit__country"]}""", null)]
    [InlineData("weeks", """{"metrics":["visitors"],"groupBy":["metric_time__week"]}""", "not_additive")]
    [InlineData("weeks", """{"metrics":["visitors"],"groupBy":["visit__country"]}""", "not_additive")]
    [InlineData("weeks", """{"metrics":["visitors"],"groupBy":["metric_time__week"],"where":{"field":"visit__country","op":"equals","values":["DE"]}}""", null)]
    [InlineData("weeks", """{"metrics":["visitors"],"groupBy":["metric_time__week"],"where":{"field":"visit__country","op":"in","values":["DE"]}}""", null)]
    [InlineData("weeks", """{"metrics":["visitors"],"groupBy":["metric_time__week"],"where":{"field":"visit__country","op":"isNotSet"}}""", null)]
    [InlineData("weeks", """{"metrics":["visitors"],"groupBy":["metric_time__week"],"where":{"field":"visit__country","op":"in","values":["DE","FR"]}}""", "not_additive")]
    [InlineData("weeks", """{"metrics":["visitors"],"groupBy":["metric_time__week"],"where":{"field":"visit__country","op":"notEquals","values":["DE"]}}""", "not_additive")]
    [InlineData("weeks", """{"metrics":["visitors"],"groupBy":["metric_time__week"],"where":{"not":{"field":"visit__country","op":"equals","values":["DE"]}}}""", "not_additive")]
    [InlineData("months", """{"metrics":["visitors"],"groupBy":["metric_time__quarter","visit__country"]}""", "not_additive")]
    [InlineData("days", """{"metrics":["visitors"],"groupBy":["metric_time__extract_day","visit__country","visit__device"]}""", "not_additive")]
    [InlineData("days", """{"metrics":["visitors"],"groupBy":["metric_time__day","visit__country","visit__device"]}""", null)]
    [InlineData("days", """{"metrics":["visitors"],"groupBy":["metric_time__day","visit__country","visit__device"],"compare":{"to":{"offset":"P1M"}}}""", "not_additive")]
    [InlineData("days", """{"metrics":["visitors"],"groupBy":["metric_time__day","visit__country","visit__device"],"compare":{"to":{"offset":"P1W"}}}""", null)]
    [InlineData("days", """{"metrics":["about_visitors"],"groupBy":["metric_time__week"]}""", null)]
    // The first or last moment of all rows is another among some of them.
    [InlineData("days", """{"metrics":["last_seconds"],"groupBy":["metric_time__day","visit__country","visit__device"]}""", null)]
    [InlineData("days", """{"metrics":["last_seconds"],"groupBy":["metric_time__day","visit__country","visit__device"],"where":{"field":"visit__country","op":"equals","values":["DE"]}}""", "not_additive")]
    // Values alone.
    [InlineData("days", """{"groupBy":["visit__country"]}""", "no_metrics")]
    public void A_question_that_breaks_a_rule_is_the_lakes(string table, string json, string? code)
    {
        var query = MetricQueryReader.Read(Encoding.UTF8.GetBytes(json));
        var definition = GoldDefinitions.Of(World.Value).ByTable[table];
        var quarter = new AbsoluteTimeRange(TimePoint.FromDate(new DateOnly(2024, 4, 1)), TimePoint.FromDate(new DateOnly(2024, 7, 1)));
        var candidate = new GoldCandidate(definition, definition.Table.Audience == Audience.External ? "acme" : null, 1, Whole(table), false);

        // The quarter starts and ends with a Monday, so it is whole weeks too; values alone belong to no time.
        var plan = QueryPlan.Create(World.Value, query with { TimeRange = query.Metrics.IsEmpty ? null : quarter }, FieldTypes.Unknown, [candidate], Now);
        var misses = plan.Leaves.SelectMany(l => l.Misses).Select(m => m.Code).Distinct().ToList();
        Assert.Equal(code is null ? [] : [code], misses);
        Assert.Equal(code is not null, plan.Leaves.Any(l => l.NeedsLake));
    }

    private static LeafPlan Plan(MetricQuery query, params GoldCandidate[] candidates) =>
        Assert.Single(QueryPlan.Create(World.Value, query, FieldTypes.Unknown, candidates, Now).Leaves);

    private static ImmutableArray<GoldCandidatePartition> Whole(string table)
    {
        // All of 2022 to 2024, in weeks from a Monday.
        var first = table == "weeks" ? new DateOnly(2021, 12, 27) : new DateOnly(2022, 1, 1);
        var partitions = ImmutableArray.CreateBuilder<GoldCandidatePartition>();
        for (var date = first; date < new DateOnly(2025, 1, 1); date = Next(table, date))
        {
            partitions.Add(Partition(table, date));
        }

        return partitions.ToImmutable();
    }

    private static ImmutableArray<GoldCandidatePartition> Partitions(string table, int first, bool[] built)
    {
        var date = table switch { "weeks" => new DateOnly(2024, 2, 26).AddDays(7 * (first / 3)), "months" => new DateOnly(2024, 1, 1).AddMonths(first / 5), _ => new DateOnly(2024, 3, 20).AddDays(first) };
        var partitions = ImmutableArray.CreateBuilder<GoldCandidatePartition>();
        foreach (var isBuilt in built)
        {
            if (isBuilt)
            {
                partitions.Add(Partition(table, date));
            }

            date = Next(table, date);
        }

        return partitions.ToImmutable();
    }

    private static GoldCandidatePartition Partition(string table, DateOnly date) => new(date.ToString("O", CultureInfo.InvariantCulture), date, Next(table, date), 10);

    private static DateOnly Next(string table, DateOnly date) => table switch { "weeks" => date.AddDays(7), "months" => date.AddMonths(1), _ => date.AddDays(1) };

    /// <summary>The buckets of a grain between the ends of the tests' time, in UTC, each with the date by which the table's zone keeps it.</summary>
    private static IEnumerable<(DateTime From, DateTime To, DateOnly Date)> Buckets(TimeGrain grain, OracleTime time)
    {
        if (grain == TimeGrain.Hour)
        {
            for (var hour = Earliest; hour < Latest; hour = hour.AddHours(1))
            {
                yield return (hour, hour.AddHours(1), DateOnly.FromDateTime(TimeZoneInfo.ConvertTimeFromUtc(DateTime.SpecifyKind(hour, DateTimeKind.Utc), Berlin)));
            }

            yield break;
        }

        DateTime Utc(DateOnly date) => time.ToUtc(date.ToDateTime(TimeOnly.MinValue));
        for (var date = time.Bucket(DateOnly.FromDateTime(Earliest), grain); Utc(date) < Latest;)
        {
            var next = date.AddDays(1);
            while (time.Bucket(next, grain) == date)
            {
                next = next.AddDays(1);
            }

            // What reaches past the ends of the tests' time is cut there, and is whole.
            yield return (Max(Utc(date), Earliest), Min(Utc(next), Latest), date);
            date = next;
        }
    }

    private static void Add(List<(string By, DateTime From, DateTime To)> parts, string by, DateTime from, DateTime to)
    {
        if (from >= to)
        {
            return;
        }

        if (parts.Count > 0 && parts[^1].By == by && parts[^1].To == from)
        {
            parts[^1] = parts[^1] with { To = to };
        }
        else
        {
            parts.Add((by, from, to));
        }
    }

    private static DateTime Midnight(DateOnly date) => TimeZoneInfo.ConvertTimeToUtc(date.ToDateTime(TimeOnly.MinValue), Berlin);

    private static DateTime Max(DateTime a, DateTime b) => a > b ? a : b;

    private static DateTime Min(DateTime a, DateTime b) => a < b ? a : b;

    private static TimePoint? Point(DateTime? time) => time is { } t ? new TimePoint(t, null) : null;
}
