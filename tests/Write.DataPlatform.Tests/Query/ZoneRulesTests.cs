using System.Globalization;
using CsCheck;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Sql;
using Calendar = Write.DataPlatform.Query.Calendar;

namespace Write.DataPlatform.Tests.Query;

/// <summary>The clocks of zones in SQL against the same clocks asked moment by moment.</summary>
public sealed class ZoneRulesTests
{
    private static readonly TimeZoneInfo[] Zones =
    [
        .. new[]
        {
            "UTC", "Etc/UTC", "Europe/London", "Europe/Lisbon", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/Caracas", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Tehran", "Australia/Lord_Howe",
            "Pacific/Apia", "Pacific/Chatham", "Pacific/Kiritimati", "Africa/Casablanca", "Antarctica/Troll", "Atlantic/Reykjavik",
        }.Select(TimeZoneInfo.FindSystemTimeZoneById),
    ];

    private static readonly TimeGrain[] Grains = [TimeGrain.Second, TimeGrain.Minute, TimeGrain.Hour];

    private static readonly Gen<(TimeZoneInfo Zone, DateTime From, DateTime To, int Seed)> Ranges = Gen.Select(
        Gen.Int[0, Zones.Length - 1].Select(i => Zones[i]), Gen.Int[0, 10_000], Gen.Frequency((4, Gen.Int[4, 900]), (1, Gen.Int[4, 5_000])), Gen.Int, (zone, day, days, seed) => (zone, Start.AddDays(day), Start.AddDays(day + days), seed));

    private static DateTime Start => new(1999, 1, 1);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Clocks_in_sql_are_those_of_the_zone()
    {
        await using var instance = new DuckDbInstance(new DuckDbSettings { Threads = 1, MaxSessions = 1, MemoryMegabytes = 256 });
        await using var session = await instance.OpenAsync(Cancel);
        await Ranges.CheckAsync(
            async drawn =>
            {
                var (zone, first, last, seed) = drawn;
                DateTime? from = seed % 4 == 0 ? null : first;
                DateTime? to = seed % 3 == 0 ? null : last;
                var moments = Moments(drawn);
                var locals = moments.Select(m => Local(m, zone)).ToList();
                var (utc, local) = (new SqlColumn(null, "utc"), new SqlColumn(null, "local"));
                SqlExpression[] columns = [ZoneRules.ToLocal(utc, zone, from, to), ZoneRules.ToUtc(local, zone, from, to), .. Grains.Select(g => ZoneRules.TruncateUtc(utc, g, zone, from, to))];
                var writer = new SqlWriter(DuckDbDialect.Instance);
                var values = moments.Zip(locals).Select((p, i) => string.Create(CultureInfo.InvariantCulture, $"({i}, TIMESTAMP '{p.First:yyyy-MM-dd HH:mm:ss}', TIMESTAMP '{p.Second:yyyy-MM-dd HH:mm:ss}')"));
                var rows = await session.QueryAsync(
                    writer.ToStatement($"SELECT {string.Join(", ", columns.Select((c, i) => $"{writer.Expression(c)} AS c{i}"))} FROM (VALUES {string.Join(", ", values)}) AS t(i, utc, local) ORDER BY i"),
                    reader => ResultRows.Read(reader, Cancel).Rows,
                    Cancel);
                for (var i = 0; i < moments.Count; i++)
                {
                    DateTime[] expected = [locals[i], Utc(locals[i], zone), .. Grains.Select(g => moments[i].AddTicks(-(locals[i].Ticks % Calendar.Fixed(g).Ticks)))];
                    Assert.Equal(expected, rows[i].Select(v => DateTime.SpecifyKind((DateTime)v!, DateTimeKind.Unspecified)));
                    Assert.Equal(expected[0], ZoneRules.ToLocal(moments[i], zone));
                    Assert.Equal(expected[1], DateTime.SpecifyKind(ZoneRules.ToUtc(locals[i], zone), DateTimeKind.Unspecified));
                }
            },
            RandomCases.Of(200),
            threads: 1,
            print: d => $"{d.Zone.Id} {d.From:u} {d.To:u} {d.Seed}");
    }

    [Fact]
    public Task Whole_hours_are_told_by_every_offset() => Ranges.CheckAsync(
        drawn =>
        {
            var (zone, from, to, _) = drawn;
            var offsets = new List<TimeSpan>();
            for (var time = from; time < to; time = time.AddMinutes(30))
            {
                offsets.Add(Offset(time, zone));
            }

            offsets.Add(Offset(to.AddTicks(-1), zone));
            Assert.Equal(ZoneRules.IsUtc(zone) || offsets.Zip(offsets.Skip(1)).All(p => (p.Second - p.First).Ticks % TimeSpan.TicksPerHour == 0), ZoneRules.KeepsHours(zone, from, to));
            foreach (var grain in Grains)
            {
                Assert.Equal(ZoneRules.IsUtc(zone) || offsets.All(o => o.Ticks % Calendar.Fixed(grain).Ticks == 0), ZoneRules.HasWhole(grain, zone, from, to));
                Assert.Equal(ZoneRules.IsUtc(zone), ZoneRules.HasWhole(grain, zone, null, to));
                Assert.Equal(ZoneRules.IsUtc(zone), ZoneRules.HasWhole(grain, zone, from, null));
            }

            Assert.Equal(zone.Id is "UTC" or "Etc/UTC", ZoneRules.IsUtc(zone));
        },
        RandomCases.Of(200),
        print: d => $"{d.Zone.Id} {d.From:u} {d.To:u}");

    /// <summary>The clock of Caracas was put back by half an hour in 2007 and on again in 2016, that of Singapore put on in 1982.</summary>
    [Theory]
    [InlineData("Europe/Berlin", null, null, true)]
    [InlineData("America/Caracas", null, null, false)]
    [InlineData("America/Caracas", null, "2007-12-09", true)]
    [InlineData("America/Caracas", null, "2007-12-10", false)]
    [InlineData("America/Caracas", "2016-05-01", null, false)]
    [InlineData("America/Caracas", "2016-05-02", null, true)]
    [InlineData("America/Caracas", "0001-01-01", "9999-12-31", false)]
    [InlineData("America/Caracas", "2080-01-01", null, true)]
    [InlineData("Asia/Singapore", null, null, true)]
    [InlineData("Asia/Singapore", "1981-01-01", "2024-01-01", false)]
    [InlineData("Europe/Berlin", "1100-01-01", "1101-01-01", true)]
    public void What_open_bounds_stand_for_is_of_today(string zone, string? from, string? to, bool keepsHours)
    {
        var info = TimeZoneInfo.FindSystemTimeZoneById(zone);
        var (start, end) = (At(from), At(to));
        Assert.Equal(keepsHours, ZoneRules.KeepsHours(info, start, end));
        Assert.False(ZoneRules.HasWhole(TimeGrain.Hour, info, start, end));
    }

    /// <summary>Germany had no summer time in 1960, and has it in 2090 by the rules of today.</summary>
    [Theory]
    [InlineData(null, null, "1960-07-01 12:00:00", "1960-07-01 13:00:00")]
    [InlineData(null, null, "1975-07-01 12:00:00", "1975-07-01 13:00:00")]
    [InlineData(null, null, "2025-07-01 12:00:00", "2025-07-01 14:00:00")]
    [InlineData(null, null, "2090-07-01 12:00:00", "2090-07-01 14:00:00")]
    [InlineData(null, null, "2090-01-01 12:00:00", "2090-01-01 13:00:00")]
    [InlineData(null, "1965-01-01", "1960-07-01 12:00:00", "1960-07-01 13:00:00")]
    [InlineData("2080-01-01", null, "2090-07-01 12:00:00", "2090-07-01 14:00:00")]
    [InlineData("2080-01-01", "2100-01-01", "2090-07-01 12:00:00", "2090-07-01 14:00:00")]
    [InlineData("0001-01-01", "9999-12-31", "1960-07-01 12:00:00", "1960-07-01 13:00:00")]
    [InlineData("0001-01-01", "9999-12-31", "2025-07-01 12:00:00", "2025-07-01 14:00:00")]
    [InlineData("0001-01-01", "9999-12-31", "2090-07-01 12:00:00", "2090-07-01 14:00:00")]
    public async Task Clocks_far_away_are_those_of_the_zone_too(string? from, string? to, string utc, string local)
    {
        await using var instance = new DuckDbInstance(new DuckDbSettings { Threads = 1, MaxSessions = 1, MemoryMegabytes = 256 });
        await using var session = await instance.OpenAsync(Cancel);
        var zone = TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin");
        var writer = new SqlWriter(DuckDbDialect.Instance);
        var column = new SqlColumn(null, "utc");
        SqlExpression[] columns = [ZoneRules.ToLocal(column, zone, At(from), At(to)), ZoneRules.TruncateUtc(column, TimeGrain.Hour, zone, At(from), At(to))];
        var rows = await session.QueryAsync(
            writer.ToStatement($"SELECT {string.Join(", ", columns.Select((c, i) => $"{writer.Expression(c)} AS c{i}"))} FROM (VALUES (TIMESTAMP '{utc}')) AS t(utc)"),
            reader => ResultRows.Read(reader, Cancel).Rows,
            Cancel);
        Assert.Equal([local, utc], rows[0].Select(v => ((DateTime)v!).ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)));
    }

    /// <summary>Athena takes 262,144 bytes, and so many conditions on another time are legal.</summary>
    [Theory]
    [InlineData(2, true)]
    [InlineData(300, false)]
    public void A_statement_without_room_for_the_rules_names_the_zone(int times, bool hasRules)
    {
        var local = ZoneRules.ToLocal(new SqlColumn("t", "ended_at"), TimeZoneInfo.FindSystemTimeZoneById("America/New_York"), null, null);
        var statement = SqlWriter.Write(AthenaDialect.Instance, new SqlSelect([.. Enumerable.Range(0, times).Select(i => new SqlProjection(local, $"c{i}"))], new SqlTable("visits"), "t"));
        Assert.Equal(hasRules, statement.Text.Contains("TIMESTAMP '2025-03-09 07:00:00", StringComparison.Ordinal));
        Assert.Contains("'America/New_York'", statement.Text, StringComparison.Ordinal);
        Assert.True(statement.Text.Length < 64 * 1024, $"{statement.Text.Length}");
    }

    private static DateTime? At(string? day) => day is null ? null : DateTime.Parse(day, CultureInfo.InvariantCulture);

    /// <summary>Moments in a range, more of them about where the clock changes; at its ends the clock may just have been put back, and a time have been shown before.</summary>
    private static List<DateTime> Moments((TimeZoneInfo Zone, DateTime From, DateTime To, int Seed) drawn)
    {
        var (zone, from, to, seed) = drawn;
        var random = new Random(seed);
        var moments = Enumerable.Range(0, 10).Select(_ => from.AddHours(30).AddSeconds(random.NextInt64((long)(to - from).TotalSeconds - 216_000))).ToList();
        for (var time = from; time < to.AddHours(-30); time = time.AddHours(1))
        {
            if (Offset(time, zone) != Offset(time.AddHours(1), zone) && time > from.AddHours(30))
            {
                moments.AddRange([time.AddHours(1), time.AddHours(1).AddSeconds(-1), .. Enumerable.Range(0, 8).Select(_ => time.AddSeconds(random.Next(-7_200, 10_800)))]);
            }
        }

        return moments;
    }

    private static TimeSpan Offset(DateTime utc, TimeZoneInfo zone) => zone.GetUtcOffset(DateTime.SpecifyKind(utc, DateTimeKind.Utc));

    private static DateTime Local(DateTime utc, TimeZoneInfo zone) => utc + Offset(utc, zone);

    /// <summary>The first moment at which the clock shows a time; it was shown, for it was made of a moment.</summary>
    private static DateTime Utc(DateTime local, TimeZoneInfo zone)
    {
        for (var utc = local.AddHours(-15); ; utc = utc.AddMinutes(15))
        {
            if (Local(utc, zone) == local)
            {
                return utc;
            }
        }
    }
}
