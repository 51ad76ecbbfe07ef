using System.Collections.Concurrent;
using System.Globalization;
using System.Net;

namespace Write.DataPlatform.Api.Tests.OData;

/// <summary>Whatever is asked, the server answers or refuses; it never fails.</summary>
[Collection(typeof(ServerCollection))]
public sealed class FuzzTests(ServerFixture server)
{
    private static readonly HttpStatusCode[] Allowed =
        [HttpStatusCode.OK, HttpStatusCode.NoContent, HttpStatusCode.BadRequest, HttpStatusCode.NotFound, HttpStatusCode.NotAcceptable, HttpStatusCode.UnprocessableEntity, HttpStatusCode.NotImplemented];

    private static readonly string[] Tokens =
    [
        "visits", "visit__country", "visit__device", "metric_time__day", "bounce_rate", "loaded_at", "row_key", "nope", "1", "-1", "1.5", "1e5", "99999999999999999999", "0", "null", "true", "false", "'FR'", "'it''s'", "''",
        "2025-01-01", "2025-01-01T00:00:00Z", "duration'PT1H'", "INF", "NaN", "@a", "$count", "$it", "$all", "*", " eq ", " ne ", " gt ", " lt ", " le ", " ge ", " and ", " or ", " not ", " in ", " add ", " sub ", " mul ",
        " div ", " mod ", " divby ", " has ", " as ", " with ", " from ", " desc", " asc", "sum", "average", "min", "max", "countdistinct", "contains(", "startswith(", "substring(", "concat(", "year(", "date(", "round(",
        "cast(", "isof(", "case(", "now()", "length(", "indexof(", "matchesPattern(", "any(", "all(", "filter(", "groupby(", "aggregate(", "compute(", "topcount(", "bottomcount(", "orderby(", "skip(", "top(", "identity",
        "rollup(", "search(", "topsum(", "expand(", "join(", "(", ")", "((", "))", "[", "]", "{", "}", ",", "/", ":", ";", "'", "\"", "%", "%00", "\\", "+", "=", "é", "🙂", "\t", "\n", "--", "/*", "x", "_", " ", ".",
        "Edm.String", "Edm.Int64",
    ];

    private static readonly string[] Names =
        ["$filter", "$orderby", "$select", "$apply", "$compute", "$search", "$top", "$skip", "$count", "$format", "$skiptoken", "$expand", "filter", "@a", "$nope", "x", "tenant", "$FILTER"];

    private static readonly string[] Paths = ["visits_daily", "visits_daily", "visits_daily", "shows_daily", "metrics", "visits_daily/$count", "visits_daily('x')", "visits_daily(@a)", "visits_daily/2025-01-01~.FR~.tv/visits", "$metadata", "", "nope", "metrics_visits/$count"];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>How many addresses are tried, unless <c>WDP_FUZZ</c> asks for more.</summary>
    private static int Addresses => int.TryParse(Environment.GetEnvironmentVariable("WDP_FUZZ"), NumberStyles.None, CultureInfo.InvariantCulture, out var addresses) ? addresses : 1_000;

    [Fact]
    public async Task Any_address_is_answered_or_refused()
    {
        var failed = new ConcurrentQueue<string>();
        var statuses = new ConcurrentDictionary<HttpStatusCode, int>();
        await Parallel.ForEachAsync(Enumerable.Range(0, Addresses), new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = Cancel }, async (seed, cancellation) =>
        {
            var address = Address(new Random(seed));
            using var response = await server.Client.GetAsync(address, cancellation);
            var body = await response.Content.ReadAsStringAsync(cancellation);
            statuses.AddOrUpdate(response.StatusCode, 1, (_, n) => n + 1);
            if (!Allowed.Contains(response.StatusCode) || !response.Headers.TryGetValues("OData-Version", out var versions) || versions.Single() != "4.0")
            {
                failed.Enqueue($"seed {seed}: {(int)response.StatusCode} {Uri.UnescapeDataString(address)}\n{body[..Math.Min(body.Length, 300)]}");
            }
        });
        Assert.True(failed.IsEmpty, $"{failed.Count} of {Addresses}:\n{string.Join('\n', failed.Take(15))}");

        // Noise alone would be refused at the door.
        Assert.True(statuses.GetValueOrDefault(HttpStatusCode.OK) > Addresses / 20, string.Join(", ", statuses.Select(s => $"{s.Key} {s.Value}")));
    }

    private static string Address(Random random)
    {
        var options = Enumerable.Range(0, random.Next(1, 4)).Select(_ => Pick(random, Names)).Distinct().Select(name => (name, Value: Value(random, name)));
        return $"/odata/{Pick(random, Paths)}?" + string.Join('&', options.Select(o => Uri.EscapeDataString(o.name) + "=" + Uri.EscapeDataString(o.Value)).Append("$top=3").Distinct());
    }

    private static string Value(Random random, string name)
    {
        if (random.Next(4) == 0)
        {
            return Noise(random);
        }

        return name.TrimStart('$').ToLowerInvariant() switch
        {
            "filter" => Mutated(random, Condition(random, 3)),
            "orderby" => Mutated(random, Number(random, 2) + (random.Next(2) == 0 ? " desc" : "") + (random.Next(3) == 0 ? "," + Field(random) : "")),
            "select" => Mutated(random, Field(random) + "," + Field(random)),
            "compute" => Mutated(random, Number(random, 2) + " as c" + random.Next(3)),
            "apply" => Mutated(random, string.Join('/', Enumerable.Range(0, random.Next(1, 4)).Select(_ => Step(random)))),
            "top" or "skip" => random.Next(-2, 20).ToString(CultureInfo.InvariantCulture),
            "count" => random.Next(2) == 0 ? "true" : "false",
            "tenant" => "",
            _ => Noise(random),
        };
    }

    private static string Step(Random random) => random.Next(11) switch
    {
        0 => $"filter({Condition(random, 2)})",
        1 => $"groupby(({Field(random)}),aggregate({Aggregate(random)}))",
        2 => $"groupby((visit__country,visit__device),aggregate({Aggregate(random)},{Aggregate(random)}))",
        3 => $"aggregate({Aggregate(random)})",
        4 => $"compute({Number(random, 2)} as k{random.Next(3)})",
        5 => $"topcount({random.Next(5)},{Number(random, 1)})",
        6 => $"orderby({Number(random, 1)} desc)",
        7 => $"top({random.Next(5)})",
        8 => $"concat({(random.Next(2) == 0 ? "identity" : "top(1)")},aggregate({Aggregate(random)}))",
        9 => $"groupby((rollup($all,visit__country,visit__device)),aggregate({Aggregate(random)}))",
        _ => "identity",
    };

    private static string Aggregate(Random random) => random.Next(4) switch
    {
        0 => "$count as a" + random.Next(3),
        1 => "visits",
        2 => "bounce_rate as r" + random.Next(3),
        _ => $"{Number(random, 1)} with {Pick(random, ["sum", "min", "max", "average", "countdistinct", "x.y"])} as b{random.Next(3)}",
    };

    private static string Condition(Random random, int depth) => depth > 0 && random.Next(2) == 0
        ? random.Next(3) switch
        {
            0 => $"({Condition(random, depth - 1)} and {Condition(random, depth - 1)})",
            1 => $"({Condition(random, depth - 1)} or {Condition(random, depth - 1)})",
            _ => $"not ({Condition(random, depth - 1)})",
        }
        : random.Next(8) switch
        {
            6 => $"isof({Pick(random, ["visits", "visit__country", "metric_time__day"])},{Pick(random, ["Edm.Int64", "Edm.String", "Edm.Date", "Edm.Nope"])})",
            7 => $"case({Condition(random, depth - 1)}:{Pick(random, ["true", "visits gt 1", "null", "1"])},true:false)",
            0 => $"contains(visit__country,'{(char)random.Next('A', 'Z')}')",
            1 => "visit__device in ('tv','mobile',null)",
            2 => $"metric_time__day ge 2025-{random.Next(1, 14):00}-01",
            3 => $"visit__country {Pick(random, ["eq", "ne", "gt"])} {Pick(random, ["null", "'FR'", "visit__device", "1"])}",
            4 => $"year(metric_time__day) eq {random.Next(2020, 2030)}",
            _ => $"{Number(random, 2)} {Pick(random, ["eq", "ne", "lt", "le", "gt", "ge"])} {Number(random, 2)}",
        };

    private static string Number(Random random, int depth) => depth > 0 && random.Next(2) == 0
        ? random.Next(6) switch
        {
            4 => $"case({Condition(random, depth - 1)}:{Number(random, depth - 1)},{Pick(random, ["true", "visits gt 2", "time(loaded_at) lt 10:20:30"])}:{Number(random, depth - 1)})",
            5 => $"cast({Pick(random, ["visits", "bounce_rate", "'1.5'", "visit__country", "loaded_at"])},{Pick(random, ["Edm.Int64", "Edm.Int32", "Edm.Double", "Edm.Decimal", "Edm.String"])})",
            0 => $"round({Number(random, depth - 1)})",
            1 => $"length({Pick(random, ["visit__country", "row_key", "'x'"])})",
            _ => $"({Number(random, depth - 1)} {Pick(random, ["add", "sub", "mul", "div", "divby", "mod"])} {Number(random, depth - 1)})",
        }
        : Pick(random, ["visits", "bounces", "bounce_rate", "watch_seconds", "1", "0", "-3", "2.5", "1e300", "9223372036854775807", "null", "0.000000000000000000001"]);

    private static string Field(Random random) => Pick(random, ["visits", "visit__country", "visit__device", "metric_time__day", "bounce_rate", "loaded_at", "row_key", "metric_time__month"]);

    private static string Mutated(Random random, string text) => random.Next(5) switch
    {
        0 => text[..random.Next(text.Length + 1)],
        1 => text.Insert(random.Next(text.Length + 1), Pick(random, Tokens)),
        _ => text,
    };

    private static string Noise(Random random) => string.Concat(Enumerable.Range(0, random.Next(0, 12)).Select(_ => Pick(random, Tokens)));

    private static string Pick(Random random, string[] of) => of[random.Next(of.Length)];
}
