using System.Collections.Immutable;
using CsCheck;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Refresh;

namespace Write.DataPlatform.Tests.Query;

/// <summary>Queries over <see cref="WorldModel"/> that have no mistake.</summary>
internal static class QueryGen
{
    private const string Visits = "visits", Orders = "orders", Plays = "plays", Targets = "targets";

    /// <summary>The facts of each metric.</summary>
    private static readonly Dictionary<string, string[]> Metrics = new()
    {
        ["visits"] = [Visits], ["scored"] = [Visits], ["visitors"] = [Visits], ["bounces"] = [Visits], ["seconds"] = [Visits], ["least_seconds"] = [Visits],
        ["most_seconds"] = [Visits], ["mean_seconds"] = [Visits], ["median_seconds"] = [Visits], ["p90_seconds"] = [Visits], ["p25_seconds"] = [Visits],
        ["last_seconds"] = [Visits], ["last_mobile_seconds"] = [Visits], ["last_ended_seconds"] = [Visits], ["first_scores"] = [Visits], ["last_plays"] = [Plays], ["last_players"] = [Plays], ["last_plays_share"] = [Plays],
        ["ended"] = [Visits], ["mobile_visits"] = [Visits], ["seconds_or_zero"] = [Visits], ["drama_visits"] = [Visits], ["bounce_rate"] = [Visits],
        ["mobile_share"] = [Visits], ["visits_growth"] = [Visits], ["growth_percent"] = [Visits], ["odd_score"] = [Visits],
        ["orders"] = [Orders], ["revenue"] = [Orders], ["revenue_twice"] = [Orders], ["mean_amount"] = [Orders], ["median_amount"] = [Orders], ["most_amount"] = [Orders],
        ["extras"] = [Orders], ["weight"] = [Orders], ["mean_weight"] = [Orders], ["vouchers"] = [Orders], ["german_revenue"] = [Orders], ["paid_share"] = [Orders],
        ["orders_per_visit"] = [Orders, Visits], ["revenue_per_visit"] = [Orders, Visits], ["activity"] = [Plays, Orders],
        ["plays"] = [Plays], ["minutes"] = [Plays], ["mean_minutes"] = [Plays], ["players"] = [Plays], ["minutes_change"] = [Plays],
        ["target"] = [Targets], ["attainment"] = [Plays, Targets],
        ["growth_change"] = [Visits], ["order_rate"] = [Visits], ["show_orders"] = [Visits], ["play_rate"] = [Visits, Plays], ["loyal_visits"] = [Visits],
        ["about_visitors"] = [Visits], ["about_visits"] = [Visits], ["about_mobile_visitors"] = [Visits], ["about_amounts"] = [Orders], ["about_days"] = [Plays], ["about_last_players"] = [Plays],
        ["about_median_seconds"] = [Visits], ["about_p90_seconds"] = [Visits], ["about_p90_seconds_28d"] = [Visits], ["about_p25_extras"] = [Orders], ["about_p99_amount"] = [Orders],
        ["visits_per_visitor"] = [Visits], ["about_visitors_growth"] = [Visits], ["about_visitors_28d"] = [Visits], ["about_visits_ytd"] = [Visits],
        ["visits_ever"] = [Visits], ["seconds_28d"] = [Visits], ["mean_seconds_mtd"] = [Visits], ["mobile_visitors_7d"] = [Visits], ["revenue_ytd"] = [Orders], ["plays_2m"] = [Plays],
        ["targets_ever"] = [Targets], ["visits_since_month_start"] = [Visits], ["visits_ever_gain"] = [Visits], ["visits_every_day"] = [Visits], ["plays_every_day"] = [Plays],
        ["late_visits"] = [Visits], ["weekend_seconds"] = [Visits], ["visits_of_known"] = [Visits],
    };

    /// <summary>Metrics moved by the calendar, which no comparison moves by the clock.</summary>
    private static readonly string[] Offsets = ["visits_growth", "growth_percent", "minutes_change", "growth_change", "visits_ever_gain", "about_visitors_growth"];

    /// <summary>Metrics with a value at each moment: asked for by days or longer, over a range with both ends.</summary>
    private static readonly string[] OfMoments =
    [
        "visits_ever", "seconds_28d", "mean_seconds_mtd", "mobile_visitors_7d", "revenue_ytd", "plays_2m", "targets_ever", "visits_since_month_start", "visits_ever_gain",
        "visits_every_day", "plays_every_day", "about_visitors_28d", "about_visits_ytd", "about_p90_seconds_28d",
    ];

    private static readonly Dictionary<string, string[]> Fields = new()
    {
        [Visits] =
        [
            "visit__country", "visit__device", "visit__score", "visit__is_bounce", "visit__customer", "visit__country__name", "visit__country__region", "visit__show",
            "visit__show__genre", "visit__show__title", "visit__show__studio__name", "visit__visitor__plan", "visitor__plan", "visitor__birth_year", "visitor", "visit",
            "visitor__first_seen_at", "visit__ended_at", "visit__at", "visit__started_month", "visitor__tier", "visit__visitor__tier", "channel__slogan", .. ShowFields,
        ],
        [Orders] =
        [
            "order__voucher", "order__is_large", "order__placed_at", "order__show__title", "order", "visit", "visit__country", "visit__device", "visit__score",
            "visit__is_bounce", "visit__customer", "visit__country__region", "visit__country__name", "visit__show", "visit__show__genre", "visit__show__title",
            "visit__show__studio__name", "visit__visitor__plan", "visit__at", "visit__ended_at", .. ShowFields,
        ],
        [Plays] = ["visitor", "visitor__plan", "visitor__birth_year", "visitor__first_seen_at", "visitor__tier", "play__played_on", "play__show__title", .. ShowFields],
        [Targets] = ["aim__for_month", "aim__show__title", .. ShowFields],
    };

    private static readonly string[] Instants = ["visitor__first_seen_at", "visit__ended_at", "visit__at", "order__placed_at"];
    private static readonly string[] Counted = ["visit__at", "visit__ended_at", "order__placed_at", "play__played_on", "aim__for_month"];
    private static readonly string[] Dates = ["show__released_on", "play__played_on"];
    private static readonly string[] Months = ["visit__started_month", "aim__for_month"];

    private static readonly object?[] Countries = ["DE", "FR", "É", "日本", "de", "", "Europa", "XX", null];

    private static readonly string[] Zones =
        ["Europe/Berlin", "UTC", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo", "Pacific/Kiritimati"];

    private static readonly DateOnly[] Days =
    [
        new(2024, 3, 31), new(2024, 3, 30), new(2024, 10, 27), new(2024, 3, 10), new(2024, 11, 3), new(2024, 4, 7), new(2024, 2, 29), new(2024, 2, 28), new(2024, 3, 1),
        new(2023, 2, 28), new(2025, 2, 28), new(2023, 12, 31), new(2024, 1, 1), new(2024, 1, 31), new(2024, 12, 31), new(2025, 1, 1), new(2020, 12, 28), new(2021, 1, 1),
        new(2021, 12, 27), new(2024, 4, 30), new(2024, 5, 31), new(2024, 6, 1), new(2024, 7, 1), new(2023, 1, 1), new(2024, 10, 1), new(2026, 12, 28),
    ];

    private static IEnumerable<string> ShowFields =>
        ["show", "show__title", "show__rating", "show__genre", "show__studio", "show__studio__name", "show__studio__land", "show__studio__land__continent", "show__released_on"];

    /// <summary>Queries of every kind.</summary>
    public static Gen<MetricQuery> Any { get; } = Make([.. Metrics.Keys], null, TimeGrain.Second, 1);

    /// <summary>Queries that a gold table might answer: of its metrics by its fields, mostly in its zone.</summary>
    public static Gen<MetricQuery> Near(GoldTable table, IReadOnlyList<string> fields, ModelCalendar calendar) =>
        from query in Make([.. table.Metrics], [.. fields], table.Grain, 20)
        from isAligned in Gen.Bool
        from day in Gen.Int[0, 330]
        from periods in Gen.Int[1, 3]
        from keepsWhere in Gen.Frequency((1, Gen.Const(false)), (7, Gen.Const(true)))
        from tenant in From("acme", "globex", null, "acme", "globex")
        let first = PartitionPeriod.Containing(new DateOnly(2023, 11, 15).AddDays(day), table.Partition, calendar)
        let last = PartitionPeriod.Containing(first.From.AddDays((periods * (first.To.DayNumber - first.From.DayNumber)) - 1), table.Partition, calendar)
        select query with
        {
            TimeZone = query.TimeZone ?? table.TimeZone,
            TimeRange = isAligned && !query.Fill ? new AbsoluteTimeRange(TimePoint.FromDate(first.From), TimePoint.FromDate(last.To)) : query.TimeRange,
            Where = keepsWhere ? Filter.And(query.Where, table.Where) : query.Where,
            Tenant = table.Audience == Audience.External ? tenant : query.Tenant,
        };

    private static Gen<MetricQuery> Make(string[] pool, string[]? fields, TimeGrain finest, int ownZones) =>
        from isCompared in Gen.Frequency((2, Gen.Const(false)), (1, Gen.Const(true)))
        from isOfMoments in Gen.Frequency((4, Gen.Const(false)), (1, Gen.Const(pool.Intersect(OfMoments).Any())))
        from metrics in MetricNames(pool, isOfMoments)
        let facts = metrics.SelectMany(m => Metrics[m]).Distinct().ToArray()
        from isFilled in Gen.Frequency((3, Gen.Const(false)), (1, Gen.Const(true)))
        // Compared or filled, a time that some metrics count by and others do not is refused.
        let names = Common(facts).Where(f => fields?.Contains(f) ?? true).Where(f => !(isCompared || isFilled) || !Counted.Contains(f)).ToArray()
        let noClock = isOfMoments || (isCompared && metrics.Intersect(Offsets).Any())
        let needsRange = isCompared || isFilled || isOfMoments
        from range in needsRange ? Ranges(facts, noClock) : Gen.Frequency((1, Gen.Const((TimeRange?)null)), (4, Ranges(facts, noClock)))
        from groupBy in GroupBy(facts, names, isOfMoments && finest < TimeGrain.Day ? TimeGrain.Day : isFilled && Narrow(range) > finest ? Narrow(range) : finest, isCompared || isFilled, isOfMoments)
        from compare in isCompared ? Comparisons(facts, noClock, metrics.Contains("targets_ever")) : Gen.Const((Comparison?)null)
        from isAligned in Gen.Bool
        from condition in Gen.Frequency((3, Gen.Const((Filter?)null)), (2, Where(names, 0)))
        let columns = groupBy.Select(g => g.ToString()).Concat(metrics).Concat(isCompared ? metrics.SelectMany(m => Suffixed(m)) : []).ToArray()
        from having in Gen.Frequency((4, Gen.Const((Filter?)null)), (1, Having([.. columns.Skip(groupBy.Length)])))
        from order in Gen.Select(From(columns), Gen.Bool, (c, d) => new QueryOrder(c, d)).Array[0, 3]
        from limit in Gen.Frequency((3, Gen.Const((int?)null)), (1, Gen.Int[0, 12].Select(i => (int?)i)))
        from zone in Gen.Frequency((ownZones, Gen.Const((string?)null)), (3, From(Zones).Select(z => (string?)z)))
        from totals in isOfMoments ? Gen.Const(false) : Gen.Bool
        from tenant in facts.All(f => f is Visits or Orders) ? Gen.Frequency((4, Gen.Const((string?)null)), (1, From("acme", "globex"))) : Gen.Const((string?)null)
        select new MetricQuery
        {
            Metrics = [.. metrics],
            GroupBy = groupBy,
            TimeRange = range,
            Compare = compare is null ? null : compare with { AlignToDate = isAligned && StartsInThePast(range) },
            Where = condition,
            Having = having,
            OrderBy = [.. order.DistinctBy(o => o.Field)],
            Limit = limit,
            TimeZone = zone is null ? null : TimeZoneInfo.FindSystemTimeZoneById(zone),
            // An hour of the clock there may have half an hour, which filling refuses.
            Fill = isFilled && !(zone is "Australia/Lord_Howe" && groupBy.Any(g => g.Grain == TimeGrain.Hour)),
            Totals = totals,
            Tenant = tenant,
            Source = QuerySource.Lake,
        };

    private static bool StartsInThePast(TimeRange? range) => range is not AbsoluteTimeRange absolute || absolute.From!.Value.Local < EngineWorld.Now.DateTime.AddDays(-1);

    /// <summary>What a failing case prints.</summary>
    public static string Print(MetricQuery q) =>
        $"metrics [{string.Join(", ", q.Metrics)}] by [{string.Join(", ", q.GroupBy)}] where {Print(q.Where)} having {Print(q.Having)} range {q.TimeRange} zone {q.TimeZone?.Id} compare {q.Compare} "
        + $"order [{string.Join(", ", q.OrderBy)}] limit {q.Limit} fill {q.Fill} totals {q.Totals} tenant {q.Tenant} source {q.Source}";

    private static string Print(Filter? filter) => filter switch
    {
        null => "-",
        AndFilter and => "(" + string.Join(" and ", and.Filters.Select(Print)) + ")",
        OrFilter or => "(" + string.Join(" or ", or.Filters.Select(Print)) + ")",
        NotFilter not => "not " + Print(not.Inner),
        ComparisonFilter c => $"{c.Field} {c.Operator} [{string.Join(", ", c.Values.Select(v => v is string ? $"'{v}'" : v ?? "null"))}]",
        _ => filter.ToString(),
    };

    private static Gen<T> From<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static IEnumerable<string> Suffixed(string metric) => [metric + "__previous", metric + "__delta", metric + "__ratio"];

    private static Gen<string[]> MetricNames(string[] pool, bool isOfMoments) =>
        isOfMoments
            ? Gen.Select(From([.. pool.Intersect(OfMoments)]).Array[1, 3], From(pool).Array[0, 1], (m, others) => m.Concat(others).Distinct().ToArray())
            : From([.. pool.Except(OfMoments)]).Array[1, 4].Select(m => m.Distinct().ToArray());

    /// <summary>The finest grain whose buckets in a range are few enough to fill.</summary>
    private static TimeGrain Narrow(TimeRange? range)
    {
        var length = range switch
        {
            AbsoluteTimeRange a => a.To!.Value.Local - a.From!.Value.Local,
            _ => TimeSpan.FromDays(800),
        };
        return length.TotalHours < 1.5 ? TimeGrain.Second : length.TotalDays < 1.5 ? TimeGrain.Minute : length.TotalDays < 12 ? TimeGrain.Hour : TimeGrain.Day;
    }

    private static Gen<TimeRange?> Ranges(string[] facts, bool noClock)
    {
        var days =
            from start in From(Days)
            from before in Gen.Int[0, 3]
            from length in From(1, 1, 2, 3, 7, 28, 31, 90, 365, 700)
            let first = start.AddDays(-before)
            select (TimeRange?)new AbsoluteTimeRange(TimePoint.FromDate(first), TimePoint.FromDate(first.AddDays(length)));
        var months =
            from start in From(Days)
            from length in From(1, 1, 2, 3, 12, 24)
            let first = new DateOnly(start.Year, start.Month, 1)
            select (TimeRange?)new AbsoluteTimeRange(TimePoint.FromDate(first), TimePoint.FromDate(first.AddMonths(length)));
        var relative = Gen.OneOf(
            Gen.Select(Gen.Int[1, 14], From(TimeGrain.Day, TimeGrain.Week, TimeGrain.Month), (n, g) => (TimeRange?)new LastTimeRange(new CalendarPeriod(n, g))),
            From(TimeGrain.Day, TimeGrain.Week, TimeGrain.Month, TimeGrain.Quarter, TimeGrain.Year).Select(g => (TimeRange?)new ToDateTimeRange(g)));
        var moments =
            from start in From(Days)
            from seconds in Gen.OneOf(Gen.Int[0, 86_399], Gen.Int[0, 95].Select(q => q * 900))
            from length in From(900, 3600, 7200, 10_000, 86_400, 200_000, 3_000_000)
            from offset in From<TimeSpan?>(null, null, TimeSpan.Zero, TimeSpan.FromHours(-5), TimeSpan.FromMinutes(345))
            let written = start.ToDateTime(TimeOnly.MinValue).AddSeconds(seconds)
            // An hour that a clock leaves out, at night, would be an empty range.
            let begin = offset is null && length <= 3600 && written.Hour <= 3 ? written.AddHours(12) : written
            select (TimeRange?)new AbsoluteTimeRange(new TimePoint(begin, offset), new TimePoint(begin.AddSeconds(length), offset));
        return facts.All(f => f is Visits or Orders) && !noClock ? Gen.Frequency((4, days), (4, months), (1, relative), (3, moments)) : Gen.Frequency((4, days), (4, months), (1, relative));
    }

    private static Gen<ImmutableArray<FieldName>> GroupBy(string[] facts, string[] names, TimeGrain finest, bool isOneGrain, bool needsTime)
    {
        var grains = Enum.GetValues<TimeGrain>().Where(g => g >= finest && (facts.Contains(Targets) ? g >= TimeGrain.Month : !facts.Contains(Plays) || g >= TimeGrain.Day)).ToArray();
        var time = From(grains).Select(g => "metric_time__" + g.ToString().ToLowerInvariant()).Array[needsTime ? 1 : 0, isOneGrain ? 1 : 2];
        var parts = Gen.Frequency((5, Gen.Const(Array.Empty<string>())), (isOneGrain || needsTime ? 0 : 1, From(Parts("metric_time", grains[0]).ToArray()).Array[1, 1]));
        var fields = names.Length == 0 ? Gen.Const(Array.Empty<string>()) : From(names).SelectMany(f => Grained(f, needsTime ? TimeGrain.Day : TimeGrain.Second)).Array[0, 3];
        return Gen.Select(time, fields, parts, Gen.Bool, (t, f, p, timeFirst) =>
            (timeFirst ? t.Concat(f) : f.Concat(t)).Concat(p).Distinct().Select(FieldName.Parse).ToImmutableArray());
    }

    private static IEnumerable<string> Parts(string field, TimeGrain finest) =>
        Enum.GetValues<DatePart>().Where(p => finest < TimeGrain.Month || p is DatePart.Year or DatePart.Quarter or DatePart.Month).Select(p => $"{field}__extract_{p.ToString().ToLowerInvariant()}");

    private static string[] Common(string[] facts) => [.. facts.Select(f => (IEnumerable<string>)Fields[f]).Aggregate((a, b) => a.Intersect(b))];

    private static Gen<string> Grained(string field, TimeGrain least = TimeGrain.Second)
    {
        var finest = Instants.Contains(field) ? TimeGrain.Second : Dates.Contains(field) ? TimeGrain.Day : Months.Contains(field) ? TimeGrain.Month : (TimeGrain?)null;
        return finest is null ? Gen.Const(field)
            : From(Enum.GetValues<TimeGrain>().Where(g => g >= finest && g >= least).Select(g => $"{field}__{g.ToString().ToLowerInvariant()}").Append(field).Concat(least < TimeGrain.Day ? Parts(field, finest.Value) : []).ToArray());
    }

    private static Gen<Comparison?> Comparisons(string[] facts, bool noClock, bool isOfMonths)
    {
        var offsets = new List<CalendarPeriod>
        {
            new(1, TimeGrain.Month), new(3, TimeGrain.Month), new(1, TimeGrain.Year), new(1, TimeGrain.Day), new(7, TimeGrain.Day), new(52, TimeGrain.Week), new(1, TimeGrain.Quarter), new(-1, TimeGrain.Month),
        };
        if (!noClock && facts.All(f => f is Visits or Orders))
        {
            offsets.AddRange([new(1, TimeGrain.Hour), new(36, TimeGrain.Hour), new(90, TimeGrain.Minute)]);
        }

        if (isOfMonths)
        {
            // Values of months are not moved by days.
            return From(offsets.Where(o => o.Grain >= TimeGrain.Month).ToArray()).Select(o => (Comparison?)new Comparison(ComparisonKind.Offset, o));
        }

        return Gen.OneOf(
            Gen.Const((Comparison?)new Comparison(ComparisonKind.PreviousYear)),
            Gen.Const((Comparison?)new Comparison(ComparisonKind.PreviousPeriod)),
            From(offsets.ToArray()).Select(o => (Comparison?)new Comparison(ComparisonKind.Offset, o)));
    }

    private static Gen<Filter?> Where(string[] names, int depth)
    {
        var leaf = From([.. names, "metric_time"]).SelectMany(Condition).Select(f => (Filter?)f);
        if (depth == 3)
        {
            return leaf;
        }

        var inner = Gen.Int[0, 0].SelectMany(_ => Where(names, depth + 1));
        return Gen.Frequency(
            (4, leaf),
            (1, inner.Select(f => (Filter?)new NotFilter(f!))),
            (1, inner.Array[0, 3].Select(f => (Filter?)new AndFilter([.. f.Select(x => x!)]))),
            (2, inner.Array[0, 3].Select(f => (Filter?)new OrFilter([.. f.Select(x => x!)]))));
    }

    private static Gen<ComparisonFilter> Condition(string field)
    {
        var element = field.Split("__")[^1];
        if (field == "metric_time" || Dates.Contains(field) || Months.Contains(field))
        {
            return Ordered(field, From(Days).Select(d => (object?)d.ToString("yyyy-MM-dd", null)));
        }

        if (Instants.Contains(field))
        {
            var moment = Gen.Select(From(Days), Gen.Int[0, 95], From("", "", "Z", "+05:45"), (d, q, o) => (object?)(d.ToDateTime(TimeOnly.MinValue).AddMinutes(15 * q).ToString("yyyy-MM-dd'T'HH:mm:ss", null) + o));
            var date = From(Days).Select(d => (object?)d.ToString("yyyy-MM-dd", null));
            return Gen.OneOf(Ordered(field, moment), Grained(field).SelectMany(f => Ordered(f, f.Contains("__extract_") ? From<object?>(1L, 2L, 4L, 12L, 31L, 2024L, "3") : date)));
        }

        return element switch
        {
            "score" or "birth_year" or "show" or "studio" or "visit" or "order" => Ordered(field, From<object?>(0L, 1L, 2L, 3L, -1L, 1990L, "2", 1.5m, 4L, 2001L)),
            "rating" => Ordered(field, From<object?>(0.25, 1.5m, 2L, 3.75, "4.25", 1.0)),
            "is_bounce" or "is_large" => Gen.OneOf(Unary(field), Equality(field, From<object?>(true, false, "true", null))),
            _ => Text(field),
        };
    }

    private static Gen<ComparisonFilter> Text(string field)
    {
        var values = From<object?>([.. Countries, "mobile", "tv", "Tablet %_'x'", "acme", "globex", "drama", "Krimi „live“", "Tatort", "日本の夏", "Studio 1", "jp", "アジア", "SUMMER", "100%", "v3", "premium", 5L]);
        var parts = From<object?>("o", "Eu", "e", "日", "%", "_", "'", "", "mobile", "1", "É", "T");
        var texts = Gen.Select(
            From(FilterOperator.Contains, FilterOperator.NotContains, FilterOperator.StartsWith, FilterOperator.NotStartsWith, FilterOperator.EndsWith, FilterOperator.NotEndsWith),
            parts.Array[1, 3],
            (op, v) => new ComparisonFilter(FieldName.Parse(field), op, [.. v]));
        var matches = From<object?>("^[A-Z]{2}$", "o", "日.*夏", "e$", "(?i)^MOB", "^$").Array[1, 2].Select(v => new ComparisonFilter(FieldName.Parse(field), FilterOperator.Matches, [.. v]));
        return Gen.OneOf(Unary(field), Equality(field, values), Ordered(field, values.Where(v => v is not null)), texts, matches);
    }

    private static Gen<ComparisonFilter> Unary(string field) =>
        From(FilterOperator.IsSet, FilterOperator.IsNotSet).Select(op => new ComparisonFilter(FieldName.Parse(field), op, []));

    private static Gen<ComparisonFilter> Equality(string field, Gen<object?> values) =>
        Gen.Select(
            From(FilterOperator.Equals, FilterOperator.NotEquals, FilterOperator.In, FilterOperator.NotIn),
            values.Array[1, 3],
            (op, v) => new ComparisonFilter(FieldName.Parse(field), op, [.. v]));

    private static Gen<ComparisonFilter> Ordered(string field, Gen<object?> values) =>
        Gen.OneOf(
            Unary(field),
            Equality(field, values),
            Gen.Select(From(FilterOperator.Gt, FilterOperator.Gte, FilterOperator.Lt, FilterOperator.Lte), values, (op, v) => new ComparisonFilter(FieldName.Parse(field), op, [v])),
            Gen.Select(values, values, (a, b) => new ComparisonFilter(FieldName.Parse(field), FilterOperator.Between, [a, b])));

    private static Gen<Filter?> Having(string[] columns) =>
        From(columns).SelectMany(c => Ordered(c, From<object?>(0L, 1L, 2L, 5L, 10.5m, 0.25, "3", -1L, 100L))).Array[1, 2]
            .Select(f => f.Length == 1 ? (Filter?)f[0] : new OrFilter([.. f]));
}
