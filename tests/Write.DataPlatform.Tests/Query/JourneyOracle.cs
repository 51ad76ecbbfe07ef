using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Query;

/// <summary>Follows every person from event to event with loops over lists, as <c>docs/model.md</c> defines funnels and retentions.</summary>
internal sealed class JourneyOracle(IReadOnlyDictionary<string, List<Row>> tables, ModelCalendar calendar, JourneyCase @case)
{
    private static readonly Comparer<object?> NullsLast = Comparer<object?>.Create((a, b) =>
        (a, b) switch { (null, null) => 0, (null, _) => 1, (_, null) => -1, (string x, string y) => string.CompareOrdinal(x, y), _ => ((IComparable)a).CompareTo(b) });

    private static readonly Comparer<object?[]> KeyOrder = Comparer<object?[]>.Create((a, b) => a.Zip(b, NullsLast.Compare).FirstOrDefault(c => c != 0));

    private readonly MetricQuery _query = @case.Query;
    private readonly OracleTime _time = new(@case.Query.TimeZone!, calendar, default);

    public OracleAnswer Answer() => @case.Metric is FunnelOf funnel ? Answer(funnel) : Answer((RetentionOf)@case.Metric);

    private sealed record Event(long Who, DateTime Time, bool[] Steps, bool IsExclusion, bool IsStart, object?[] Keys)
    {
        public int Lowest => Array.IndexOf(Steps, true) is var i && i < 0 ? int.MaxValue : i;

        /// <summary>Of events that are the same first step, those that are fewer later ones come first.</summary>
        public long Weight => Steps.Select((s, i) => s ? 1L << i : 0).Sum();
    }

    private OracleAnswer Answer(FunnelOf funnel)
    {
        var first = funnel.Steps[0];
        var events = new List<Event>();
        foreach (var fact in funnel.Steps.Concat(funnel.Exclusions).Select(s => s.Fact).Distinct())
        {
            foreach (var (row, who, time) in Rows(fact))
            {
                var steps = funnel.Steps.Select(s => s.Fact == fact && s.Matches(row)).ToArray();
                var isExclusion = funnel.Exclusions.Any(e => e.Fact == fact && e.Matches(row));
                if (steps.Any(s => s) || isExclusion)
                {
                    var isStart = steps[0] && InRange(time) && Passes(row);
                    events.Add(new Event(who, Instant(time), steps, isExclusion, isStart, fact == first.Fact ? Keys(row, time) : [.. _query.GroupBy.Select(_ => (object?)null)]));
                }
            }
        }

        var best = new Dictionary<(string Group, long Who), (object?[] Keys, List<DateTime> Times)>();
        foreach (var person in events.GroupBy(e => e.Who))
        {
            List<Event> rows = [.. person.OrderBy(e => e.Time).ThenBy(e => e.Lowest).ThenBy(e => e.Weight).ThenBy(e => e.IsExclusion).ThenByDescending(e => e.IsStart).ThenBy(e => e.Keys, KeyOrder)];
            for (var i = 0; i < rows.Count; i++)
            {
                if (!rows[i].IsStart)
                {
                    continue;
                }

                var times = Chain(funnel, rows, i);
                var key = (Text(rows[i].Keys), person.Key);
                if (!best.TryGetValue(key, out var known) || times.Count > known.Times.Count)
                {
                    best[key] = (rows[i].Keys, times);
                }
            }
        }

        var answer = new List<object?[]>();
        var groups = best.GroupBy(b => b.Key.Group).Select(g => (g.First().Value.Keys, Passages: g.Select(b => b.Value.Times).ToList())).OrderBy(g => g.Keys, KeyOrder).ToList();
        if (groups.Count == 0 && _query.GroupBy.IsEmpty)
        {
            groups.Add(([], []));
        }

        foreach (var (keys, passages) in groups)
        {
            for (var step = 1; step <= funnel.Steps.Length; step++)
            {
                long Reached(int j) => passages.Count(t => t.Count >= j);
                double? Share(long of) => of == 0 ? null : (double)Reached(step) / of;
                var seconds = passages.Where(t => t.Count >= step).Select(t => (t[step - 1] - t[0]).TotalSeconds).Order().ToList();
                answer.Add(
                [
                    .. keys, $"step {10 - step}", Reached(step), step == 1 ? null : Share(Reached(step - 1)), Share(Reached(1)), step == 1 ? null : Reached(step - 1) - Reached(step),
                    step == 1 ? null : Percentile(seconds, 0.5), step == 1 ? null : Percentile(seconds, 0.9),
                ]);
            }
        }

        var name = funnel.Name;
        return new([.. _query.GroupBy.Select(g => g.ToString()), name + "__step", name, name + "__from_previous", name + "__from_first", name + "__drop_off", name + "__median_seconds", name + "__p90_seconds"], answer, null);
    }

    /// <summary>The times of the steps that a start leads to, its own first.</summary>
    private List<DateTime> Chain(FunnelOf funnel, List<Event> rows, int start)
    {
        var times = new List<DateTime> { rows[start].Time };
        var at = start;
        while (times.Count < funnel.Steps.Length)
        {
            var next = at + 1;
            while (next < rows.Count && !rows[next].IsExclusion && !rows[next].Steps[times.Count] && !funnel.IsStrict)
            {
                next++;
            }

            if (next >= rows.Count || rows[next].IsExclusion || !rows[next].Steps[times.Count] || (funnel.Window is { } window && rows[next].Time >= End(rows[start].Time, window, funnel.Steps[0].IsDate)))
            {
                break;
            }

            times.Add(rows[next].Time);
            at = next;
        }

        return times;
    }

    private DateTime End(DateTime start, CalendarPeriod window, bool isDate)
    {
        DateTime Later(DateTime local) => window.Grain switch
        {
            TimeGrain.Day => local.AddDays(window.Count),
            TimeGrain.Week => local.AddDays(7 * window.Count),
            _ => local.AddMonths(window.Count),
        };
        return window.Grain switch
        {
            TimeGrain.Minute => start.AddMinutes(window.Count),
            TimeGrain.Hour => start.AddHours(window.Count),
            _ when isDate => Later(start),
            _ => DateTime.SpecifyKind(_time.ToUtc(Later(_time.ToLocal(start))), DateTimeKind.Unspecified),
        };
    }

    private OracleAnswer Answer(RetentionOf retention)
    {
        DateOnly Period(object time) => _time.Bucket(time is DateOnly date ? date : DateOnly.FromDateTime(_time.ToLocal((DateTime)time)), retention.Period);
        DateOnly After(DateOnly period, int count) => OracleTime.Shift(period, new OracleShift(new CalendarPeriod(count, retention.Period)));
        int Between(DateOnly from, DateOnly to) => Enumerable.Range(0, 1000).First(n => After(from, n) >= to);

        var range = _query.TimeRange as AbsoluteTimeRange;
        var begin = range?.From is { } from ? _time.Bucket(DateOnly.FromDateTime(from.Local), retention.Period) : DateOnly.MinValue;
        var occurrences = Rows(retention.Cohort.Fact).Where(r => retention.Cohort.Matches(r.Row) && IsBeforeEnd(r.Time) && (retention.IsFirst || InRange(r.Time)))
            .Select(r => (r.Who, r.Time, Counts: InRange(r.Time) && Passes(r.Row), Keys: Keys(r.Row, r.Time))).ToList();
        var returns = retention.Returns.SelectMany(e => Rows(e.Fact).Where(r => e.Matches(r.Row))).Where(r => IsBeforeEnd(r.Time) && Period(r.Time) >= begin).ToList();
        var came = returns.Select(r => (r.Who, Period(r.Time))).ToHashSet();
        var cohort = retention.IsFirst
            ? occurrences.GroupBy(o => o.Who).Select(g => g.OrderBy(o => o.Time).ThenByDescending(o => o.Counts).ThenBy(o => o.Keys, KeyOrder).First()).Where(o => o.Counts).ToList()
            : [.. occurrences.Where(o => o.Counts)];
        var today = DateOnly.FromDateTime(_time.ToLocal(EngineWorld.Now.UtcDateTime));
        var last = range?.To is { } to ? Period(DateOnly.FromDateTime(to.Local.AddTicks(-1)) is var end && end < today ? end : today) : occurrences.Select(o => Period(o.Time)).Concat(came.Select(c => c.Item2)).DefaultIfEmpty().Max();

        var answer = new List<object?[]>();
        foreach (var group in cohort.GroupBy(o => Text(o.Keys)).OrderBy(g => g.First().Keys, KeyOrder))
        {
            var people = group.GroupBy(o => o.Who).Select(p => (Who: p.Key, Periods: p.Select(o => Period(o.Time)).ToHashSet())).ToList();
            var longest = people.Max(p => Between(p.Periods.Min(), last));
            for (var n = 0; n <= longest; n++)
            {
                var size = people.Count(p => Between(p.Periods.Min(), last) >= n);
                var back = people.Count(p => p.Periods.Any(period => came.Contains((p.Who, After(period, n)))));
                answer.Add([.. group.First().Keys, (long)n, (long)back, (long)size, (double)back / size]);
            }
        }

        var name = retention.Name;
        return new([.. _query.GroupBy.Select(g => g.ToString()), name + "__period", name, name + "__cohort", name + "__rate"], answer, null);
    }

    private IEnumerable<(Row Row, long Who, object Time)> Rows(string fact)
    {
        foreach (var row in tables[fact])
        {
            if (row["who"] is long who && row[EventOf.Facts[fact].Time] is { } time && (_query.Tenant is null || Person(row)?["team"] is "acme"))
            {
                yield return (row, who, time);
            }
        }
    }

    private Row? Person(Row row) => tables["people"].FirstOrDefault(p => Equals(p["id"], row["who"]));

    private object? Field(Row row, string element) => element == "plan" ? Person(row)?["plan"] : row[element];

    private bool Passes(Row row) => _query.Where switch
    {
        null => true,
        ComparisonFilter { Operator: FilterOperator.NotEquals } f => Field(row, f.Field.Element) is { } value && !f.Values.Contains(value),
        ComparisonFilter f => f.Values.Contains(Field(row, f.Field.Element)),
        _ => throw new InvalidOperationException(),
    };

    private object?[] Keys(Row row, object time) =>
    [
        .. _query.GroupBy.Select(g => !g.IsMetricTime ? Field(row, g.Element) : time is DateOnly date ? _time.Bucket(date, g.Grain!.Value) : _time.Bucket((DateTime)time, g.Grain!.Value)),
    ];

    private bool InRange(object time) => IsBeforeEnd(time) && ((_query.TimeRange as AbsoluteTimeRange)?.From is not { } from || !IsBefore(time, from));

    private bool IsBeforeEnd(object time) => (_query.TimeRange as AbsoluteTimeRange)?.To is not { } to || IsBefore(time, to);

    private bool IsBefore(object time, TimePoint point) => time is DateOnly date ? date < DateOnly.FromDateTime(point.Local) : (DateTime)time < DateTime.SpecifyKind(_time.ToUtc(point.Local), DateTimeKind.Unspecified);

    private static DateTime Instant(object time) => time is DateOnly date ? date.ToDateTime(TimeOnly.MinValue) : (DateTime)time;

    private static string Text(object?[] keys) => string.Join('|', keys.Select(k => k?.ToString() ?? "∅"));

    private static double? Percentile(List<double> sorted, double fraction)
    {
        if (sorted.Count == 0)
        {
            return null;
        }

        var place = (sorted.Count - 1) * fraction;
        var below = (int)place;
        return below + 1 == sorted.Count ? sorted[below] : sorted[below] + ((place - below) * (sorted[below + 1] - sorted[below]));
    }
}
