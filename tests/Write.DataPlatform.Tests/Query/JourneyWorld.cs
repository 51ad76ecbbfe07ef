using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Query;

/// <summary>The rows of a fact that are an event: all of them, or those of some kinds.</summary>
internal sealed record EventOf(string Fact, string[]? Kinds)
{
    public static readonly IReadOnlyDictionary<string, (string Entity, string Time)> Facts = new Dictionary<string, (string, string)>
    {
        ["clicks"] = ("click", "clicked_at"),
        ["buys"] = ("buy", "bought_at"),
        ["notes"] = ("note", "noted_on"),
    };

    public bool IsDate => Fact == "notes";

    public string Entity => Facts[Fact].Entity;

    public bool Matches(Row row) => Kinds is null || (row["kind"] is string kind && Kinds.Contains(kind));

    public string Yaml => $"{{ name: {Entity}_rows{(Kinds is null ? "" : $", filter: \"{{{{ Dimension('{Entity}__kind') }}}} in ({string.Join(", ", Kinds.Select(k => $"'{k}'"))})\"")} }}";
}

/// <summary>A funnel as the tests see it.</summary>
internal sealed record FunnelOf(string Name, EventOf[] Steps, EventOf[] Exclusions, CalendarPeriod? Window, bool IsStrict);

/// <summary>A retention as the tests see it.</summary>
internal sealed record RetentionOf(string Name, EventOf Cohort, EventOf[] Returns, TimeGrain Period, bool IsFirst);

/// <summary>A question about one of them.</summary>
internal sealed record JourneyCase(object Metric, MetricQuery Query);

/// <summary>Facts of a few people at a few moments, so that many events share one, and many funnels and retentions over them.</summary>
internal static class JourneyWorld
{
    private static readonly string[] Kinds = ["a", "b", "c", "d"];
    private static readonly string[] Zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"];

    public static IReadOnlyDictionary<string, (string Name, string Type)[]> Tables { get; } = new Dictionary<string, (string, string)[]>
    {
        ["clicks"] = [("who", "BIGINT"), ("clicked_at", "TIMESTAMP"), ("kind", "VARCHAR"), ("country", "VARCHAR")],
        ["buys"] = [("who", "BIGINT"), ("bought_at", "TIMESTAMP"), ("kind", "VARCHAR"), ("country", "VARCHAR")],
        ["notes"] = [("who", "BIGINT"), ("noted_on", "DATE"), ("kind", "VARCHAR"), ("country", "VARCHAR")],
        ["people"] = [("id", "BIGINT"), ("plan", "VARCHAR"), ("team", "VARCHAR")],
    };

    public static ImmutableArray<FunnelOf> Funnels { get; } = [.. Enumerable.Range(0, 60).Select(Funnel)];

    public static ImmutableArray<RetentionOf> Retentions { get; } = [.. Enumerable.Range(0, 30).Select(Retention)];

    public static (string Path, string Text)[] Model(string weekStart)
    {
        var yaml = new StringBuilder($$"""
            model: { time_zone: Europe/Berlin, week_start: {{weekStart}} }
            tenants:
              - { name: acme, where: "{{ '{' }}{ Dimension('person__team') }{{ '}' }} = 'acme'" }
            semantic_models:
              - name: people
                model: ref('people')
                entities:
                  - { name: person, type: primary, expr: id }
                dimensions:
                  - { name: plan, type: categorical }
                  - { name: team, type: categorical }

            """);
        foreach (var (fact, (entity, time)) in EventOf.Facts)
        {
            yaml.Append(CultureInfo.InvariantCulture, $$"""
              - name: {{fact}}
                model: ref('{{fact}}')
                primary_entity: {{entity}}
                defaults: { agg_time_dimension: {{time}} }
                entities:
                  - { name: person, type: foreign, expr: who }
                dimensions:
                  - { name: {{time}}, type: time, type_params: { time_granularity: {{(fact == "notes" ? "day" : "second")}} } }
                  - { name: kind, type: categorical }
                  - { name: country, type: categorical }
                measures:
                  - { name: {{entity}}_rows, agg: count, expr: 1 }

            """);
        }

        yaml.Append("metrics:\n");
        foreach (var funnel in Funnels)
        {
            yaml.Append(CultureInfo.InvariantCulture, $"  - name: {funnel.Name}\n    type: funnel\n    type_params:\n      entity: person\n      strict: {(funnel.IsStrict ? "true" : "false")}\n");
            yaml.Append(funnel.Window is { } window ? $"      window: {window}\n" : "");
            yaml.Append("      steps:\n").AppendJoin("", funnel.Steps.Select((s, i) => $"        - {{ name: \"step {9 - i}\", measure: {s.Yaml} }}\n"));
            yaml.Append(funnel.Exclusions.Length == 0 ? "" : "      exclusions:\n").AppendJoin("", funnel.Exclusions.Select(e => $"        - {e.Yaml}\n"));
        }

        foreach (var retention in Retentions)
        {
            yaml.Append(CultureInfo.InvariantCulture, $"  - name: {retention.Name}\n    type: retention\n    type_params:\n      entity: person\n      period: {retention.Period.ToString().ToLowerInvariant()}\n");
            yaml.Append(CultureInfo.InvariantCulture, $"      first_occurrence_only: {(retention.IsFirst ? "true" : "false")}\n      cohort: {retention.Cohort.Yaml}\n      returns:\n");
            yaml.AppendJoin("", retention.Returns.Select(e => $"        - {e.Yaml}\n"));
        }

        return [("model.yaml", yaml.ToString())];
    }

    public static Dictionary<string, List<Row>> Rows(int seed)
    {
        var random = new Random(seed);
        T? Null<T>(double share, Func<T> value) where T : class => random.NextDouble() < share ? null : value();
        List<Row> Fact(string time, Func<object> moment) => [.. Enumerable.Range(0, random.Next(0, 90)).Select(_ => new Row
        {
            ["who"] = Null(0.08, () => (object)(long)random.Next(7)),
            [time] = Null(0.05, moment),
            ["kind"] = Null(0.08, () => random.GetItems(Kinds, 1)[0]),
            ["country"] = Null(0.2, () => random.GetItems(["DE", "FR"], 1)[0]),
        })];

        // Around the nights in which Berlin's and New York's clocks go back, and a month later.
        DateTime Day() => new DateTime(2024, 10, 25, 0, 0, 0, DateTimeKind.Unspecified).AddDays(random.NextDouble() < 0.6 ? random.Next(4) : random.Next(45));
        DateTime Moment() => Day().AddHours(random.GetItems([0, 0, 1, 2, 6, 12, 23], 1)[0]).AddMinutes(random.GetItems([0, 0, 30], 1)[0]).AddMicroseconds(random.Next(20) == 0 ? 250_001 : 0);
        return new()
        {
            ["clicks"] = Fact("clicked_at", () => Moment()),
            ["buys"] = Fact("bought_at", () => Moment()),
            ["notes"] = Fact("noted_on", () => DateOnly.FromDateTime(Day())),
            ["people"] = [.. Enumerable.Range(0, 5).Select(i => new Row { ["id"] = (long)i, ["plan"] = Null(0.3, () => i % 2 == 0 ? "basic" : "pro"), ["team"] = Null(0.2, () => i < 3 ? "acme" : "globex") })],
        };
    }

    /// <summary>A question by its number.</summary>
    public static JourneyCase Case(int number)
    {
        var random = new Random(number);
        var isFunnel = random.Next(3) > 0;
        object metric = isFunnel ? Funnels[random.Next(Funnels.Length)] : Retentions[random.Next(Retentions.Length)];
        var (name, first, events) = metric switch
        {
            FunnelOf f => (f.Name, f.Steps[0], f.Steps),
            RetentionOf r => (r.Name, r.Cohort, (EventOf[])[r.Cohort, .. r.Returns]),
            _ => throw new InvalidOperationException(),
        };
        var fields = new[] { $"{first.Entity}__country", "person__plan", first.IsDate ? "metric_time__week" : "metric_time__hour", "metric_time__day", "metric_time__month" };
        var groupBy = random.GetItems(fields, random.Next(4)).Distinct().Select(FieldName.Parse).ToImmutableArray();
        TimePoint Point()
        {
            var date = new DateTime(2024, 10, 24).AddDays(random.NextDouble() < 0.7 ? random.Next(7) : random.Next(50));
            return events.Any(e => e.IsDate) || random.Next(3) > 0 ? new TimePoint(date, null) : new TimePoint(date.AddHours(random.Next(24)).AddMinutes(30 * random.Next(2)), null);
        }

        TimePoint? from = random.Next(3) == 0 ? null : Point();
        TimePoint? to = random.Next(3) == 0 ? null : Point();
        if (from is { } a && to is { } b)
        {
            (from, to) = a.Local < b.Local ? (a, b) : b.Local < a.Local ? (b, a) : (a, new TimePoint(a.Local.AddDays(3), null));
        }

        Filter? where = random.Next(4) switch
        {
            0 => new ComparisonFilter(FieldName.Parse($"{first.Entity}__country"), FilterOperator.Equals, random.Next(2) == 0 ? ["DE"] : ["FR", null]),
            1 => new ComparisonFilter(FieldName.Parse("person__plan"), FilterOperator.NotEquals, ["pro"]),
            _ => null,
        };
        return new JourneyCase(metric, new MetricQuery
        {
            Metrics = [name],
            GroupBy = groupBy,
            Where = where,
            TimeRange = from is null && to is null ? null : new AbsoluteTimeRange(from, to),
            TimeZone = TimeZoneInfo.FindSystemTimeZoneById(random.GetItems(Zones, 1)[0]),
            Tenant = random.Next(4) == 0 ? "acme" : null,
            Source = QuerySource.Lake,
        });
    }

    private static EventOf Event(Random random, string[] facts) =>
        new(random.GetItems(facts, 1)[0], random.Next(5) == 0 ? null : [.. random.GetItems(Kinds, random.Next(1, 3)).Distinct().Order()]);

    private static FunnelOf Funnel(int number)
    {
        var random = new Random(1000 + number);
        string[] facts = number % 5 == 0 ? ["notes"] : number % 2 == 0 ? ["clicks"] : ["clicks", "buys"];
        var isDate = facts[0] == "notes";
        EventOf[] Some(int count) => [.. Enumerable.Range(0, count).Select(_ => Event(random, facts))];
        CalendarPeriod? window = random.Next(8) switch
        {
            0 or 1 => null,
            2 when !isDate => new CalendarPeriod(30, TimeGrain.Minute),
            3 when !isDate => new CalendarPeriod(24, TimeGrain.Hour),
            4 => new CalendarPeriod(1, TimeGrain.Week),
            5 => new CalendarPeriod(1, TimeGrain.Month),
            6 => new CalendarPeriod(2, TimeGrain.Day),
            _ => new CalendarPeriod(1, TimeGrain.Day),
        };
        return new FunnelOf($"funnel_{number}", Some(random.Next(2, 6)), random.Next(3) == 0 ? Some(random.Next(1, 3)) : [], window, random.Next(3) == 0);
    }

    private static RetentionOf Retention(int number)
    {
        var random = new Random(2000 + number);
        string[] facts = ["clicks", "clicks", "buys", "notes"];
        return new RetentionOf(
            $"retention_{number}", Event(random, facts), [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Event(random, facts))],
            random.GetItems([TimeGrain.Day, TimeGrain.Week, TimeGrain.Month], 1)[0], number % 2 == 0);
    }
}
