namespace Write.DataPlatform.Tests.Query;

/// <summary>Rows made of a number: small tables with nulls, dangling keys, equal moments, and moments around every edge of the calendar.</summary>
internal sealed class WorldData(int seed)
{
    private static readonly DateTime[] Edges =
    [
        Utc(2024, 3, 31, 1), Utc(2024, 10, 27, 1), Utc(2023, 3, 26, 1), Utc(2023, 10, 29, 1), // Berlin
        Utc(2024, 3, 10, 7), Utc(2024, 11, 3, 6), // New York
        Utc(2024, 4, 6, 15), Utc(2024, 10, 5, 15), // Lord Howe, by half an hour
        Utc(2024, 2, 29, 12), Utc(2024, 2, 28, 23), Utc(2023, 2, 28, 12), Utc(2024, 3, 1, 0), Utc(2025, 2, 28, 22),
        Utc(2023, 12, 31, 23), Utc(2024, 12, 31, 23), Utc(2021, 1, 1, 0), Utc(2020, 12, 30, 12), Utc(2021, 1, 3, 23), Utc(2021, 12, 29, 5), Utc(2027, 1, 2, 3),
        Utc(2024, 1, 31, 22), Utc(2024, 4, 30, 18), Utc(2024, 5, 31, 8), Utc(2024, 6, 30, 22),
    ];

    private static readonly string[] Countries = ["DE", "FR", "JP", "É", "XX", "日本", "de", ""];
    private static readonly string[] Devices = ["mobile", "desktop", "tv", "Tablet %_'x'"];
    private static readonly string[] Customers = ["acme", "globex", "ünïcode"];

    private readonly Random _random = new(seed);

    /// <summary>Every table; some worlds have none or few rows of a fact.</summary>
    public Dictionary<string, List<Row>> Make()
    {
        var visitors = Many(8, i => new Row
        {
            ["visitor_id"] = "v" + i,
            ["plan"] = Null(0.3, () => Pick("basic", "premium", "famille é")),
            ["first_seen_at"] = Null(0.3, () => (object)Moment()),
            ["birth_year"] = Null(0.3, () => (object)(long)Pick(1970, 1990, 2001)),
        });
        var lands = new List<Row> { new() { ["code"] = "de", ["continent"] = "Europa" }, new() { ["code"] = "jp", ["continent"] = "アジア" }, new() { ["code"] = "aq", ["continent"] = null } };
        var studios = Many(3, i => new Row { ["studio_id"] = (long)i, ["name"] = Null(0.2, () => "Studio " + i), ["land_code"] = Null(0.2, () => Pick("de", "jp", "aq", "zz")) });
        var shows = Many(5, i => new Row
        {
            ["id"] = (long)i,
            ["title"] = Null(0.2, () => Pick("Tatort", "日本の夏", "News")),
            ["studio_id"] = Null(0.2, () => (object)(long)_random.Next(5)),
            ["released_on"] = Null(0.2, () => (object)DateOnly.FromDateTime(Moment())),
            ["rating"] = Null(0.3, () => (object)(_random.Next(20) / 4.0)),
        });
        var visits = Many(Size(), i =>
        {
            var start = Null(0.03, () => (object)Moment());
            return new Row
            {
                ["visit_id"] = (long)i,
                ["visitor_id"] = Null(0.1, () => "v" + _random.Next(10)),
                ["show_id"] = Null(0.2, () => (object)(long)_random.Next(7)),
                ["started_at"] = start,
                ["ended_at"] = start is DateTime at ? Null(0.2, () => (object)at.AddSeconds(_random.Next(100_000))) : null,
                ["month"] = start is DateTime t ? new DateOnly(t.Year, t.Month, 1) : null,
                ["country"] = Null(0.15, () => Pick(Countries)),
                ["device"] = Null(0.15, () => Pick(Devices)),
                ["score"] = Null(0.2, () => (object)(long)_random.Next(-1, 5)),
                ["is_bounce"] = Null(0.2, () => (object)(_random.Next(2) == 0)),
                ["customer"] = Null(0.15, () => Pick(Customers)),
                ["seconds"] = Null(0.2, () => (object)(long)_random.Next(-50, 5000)),
            };
        });
        var orders = Many(Size(), i => new Row
        {
            ["order_id"] = Null(0.05, () => (object)(long)i),
            ["visit_id"] = Null(0.15, () => (object)(long)_random.Next(220)),
            ["show_id"] = Null(0.2, () => (object)(long)_random.Next(7)),
            ["placed_at"] = Null(0.03, () => (object)Moment()),
            ["amount"] = Null(0.15, () => (object)(_random.Next(-500, 9999) / 100m)),
            ["quantity"] = Null(0.2, () => (object)(long)_random.Next(1, 9)),
            ["voucher"] = Null(0.5, () => Pick("SUMMER", "Été", "summer", "100%")),
            ["weight"] = Null(0.2, () => (object)(_random.Next(4000) / 8.0)),
        });
        var plays = Many(Size(), _ => new Row
        {
            ["show_id"] = Null(0.15, () => (object)(long)_random.Next(7)),
            ["visitor_id"] = Null(0.15, () => "v" + _random.Next(10)),
            ["played_on"] = Null(0.03, () => (object)DateOnly.FromDateTime(Moment())),
            ["plays"] = Null(0.15, () => (object)(long)_random.Next(1, 40)),
            ["minutes"] = Null(0.15, () => (object)(_random.Next(900) / 4.0)),
        });
        var targets = Many(Size() / 4, _ => new Row
        {
            ["show_id"] = Null(0.15, () => (object)(long)_random.Next(7)),
            ["month"] = Null(0.03, () => (object)new DateOnly(_random.Next(2023, 2026), _random.Next(1, 13), 1)),
            ["target"] = Null(0.15, () => (object)(long)_random.Next(0, 60)),
        });
        return new Dictionary<string, List<Row>>
        {
            ["visits"] = visits, ["shop.orders"] = orders, ["plays"] = plays, ["targets"] = targets,
            ["memberships"] = [.. Memberships()], ["campaigns"] = [.. Campaigns()],
            ["shows"] = shows, ["studios"] = studios, ["lands"] = lands, ["visitors"] = visitors,
        };
    }

    /// <summary>Periods of a visitor that follow each other, with and without a gap, the last often without an end; one visitor has none.</summary>
    private IEnumerable<Row> Memberships()
    {
        for (var i = 0; i < 9; i++)
        {
            var day = new DateOnly(2023, 1, 1).AddDays(_random.Next(300));
            for (var left = i == 3 ? 0 : 1 + _random.Next(4); left > 0; left--)
            {
                var until = _random.Next(3) == 0 ? DateOnly.FromDateTime(Pick(Edges)) : day.AddDays(_random.Next(1, 400));
                until = until > day ? until : day.AddDays(31);
                yield return new Row
                {
                    ["visitor_id"] = "v" + i, ["tier"] = Null(0.1, () => Pick("gold", "silver", "né")), ["studio_id"] = (long)_random.Next(4),
                    ["since"] = day, ["until"] = left == 1 ? Null(0.6, () => until) : until,
                };
                day = _random.Next(3) == 0 ? until.AddDays(_random.Next(60)) : until;
            }
        }
    }

    private IEnumerable<Row> Campaigns()
    {
        foreach (var device in Devices[..3])
        {
            foreach (var (from, to) in Edges.Order().Zip(Edges.Order().Skip(1)).Where(_ => _random.Next(3) > 0))
            {
                yield return new Row { ["device"] = device, ["slogan"] = Pick("Sommer", "冬", "%"), ["started_at"] = from, ["stopped_at"] = to };
            }

            yield return new Row { ["device"] = device, ["slogan"] = "now", ["started_at"] = Utc(2027, 1, 2, 3), ["stopped_at"] = null };
        }
    }

    private static DateTime Utc(int year, int month, int day, int hour) => new(year, month, day, hour, 0, 0, DateTimeKind.Utc);

    private DateTime Moment() => _random.Next(20) switch
    {
        < 11 => Pick(Edges).AddSeconds(_random.Next(-20_000, 20_000)),
        < 13 => Pick(Edges).AddMinutes(15 * _random.Next(-16, 16)),
        < 18 => Utc(2023, 6, 1, 0).AddSeconds(_random.Next(2 * 365 * 86_400)),
        18 => Utc(2024, 3, 1, 0).AddTicks(10L * _random.Next()).AddDays(_random.Next(60)),
        _ => Utc(_random.Next(1975, 2069), _random.Next(1, 13), 28, 0).AddHours(_random.Next(96)),
    };

    private int Size() => _random.Next(8) switch { 0 => 0, 1 => 3, 2 => 30, _ => 200 };

    private static List<Row> Many(int count, Func<int, Row> make) => [.. Enumerable.Range(0, count).Select(make)];

    private object? Null(double share, Func<object?> otherwise) => _random.NextDouble() < share ? null : otherwise();

    private T Pick<T>(params T[] values) => values[_random.Next(values.Length)];
}
