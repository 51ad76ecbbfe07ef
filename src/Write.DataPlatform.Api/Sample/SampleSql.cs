using System.Globalization;

namespace Write.DataPlatform.Api.Sample;

/// <summary>
/// The sample's SQL for DuckDB. Every value is a function of (row id, seed, salt), so a month can be made
/// alone, in any order and on any thread, and still gives the same rows.
/// </summary>
internal static class SampleSql
{
    /// <summary>The fact tables, in the order they are written.</summary>
    public static readonly string[] Facts = ["visits", "page_views", "watches", "steps"];

    /// <summary>Macros, once per database. <c>u</c> is uniform in [0, 1); <c>draw_devices</c> and its like draw a value by weight.</summary>
    public static string Macros(int seed) => string.Create(CultureInfo.InvariantCulture, $"""
        -- One integer a draw: hash(id, salt) with two arguments combines them so weakly that the draws of one id move together.
        CREATE MACRO h(id, salt) AS hash(xor(id * 128 + salt, {SeedBits(seed)}));
        CREATE MACRO u(id, salt) AS (h(id, salt) >> 11)::DOUBLE / 9007199254740992e0;
        {string.Join('\n', SampleWeights.Lists.Select(list => $"CREATE MACRO draw_{list.Key}(id, salt) AS ({list.Value})[1 + (h(id, salt) % {SampleWeights.Slots})::INTEGER];"))}
        -- A power of a uniform number falls off like 1/rank. An eighth goes to the show of the quarter, so that charts move.
        CREATE MACRO show_of(id, salt, day) AS 1 + (CASE WHEN u(id, salt + 1) < 0.125
            THEN (year(day) * 4 + quarter(day)) * 7
            ELSE floor(pow({SampleWeights.Shows + 1}, u(id, salt)))::INTEGER * 17 END % {SampleWeights.Shows})::BIGINT;
        CREATE MACRO show_seconds(which) AS ([1260, 1500, 2700, 3000, 5400, 660])[1 + (which % 6)::INTEGER];
        CREATE MACRO watch_completed(id, which) AS u(id, 40) < 0.22 + 0.4 * ((which * 37) % {SampleWeights.Shows}) / {SampleWeights.Shows};
        CREATE MACRO watch_seconds(id, which) AS greatest(5, CASE WHEN watch_completed(id, which)
            THEN show_seconds(which) * (0.95 + 0.05 * u(id, 41))
            ELSE show_seconds(which) * 0.9 * pow(u(id, 41), 2) END::INTEGER);
        -- Two in a hundred rows arrive late, up to three days; nothing is loaded after the lake's end.
        CREATE MACRO loaded(id, salt, occurred, lake_end) AS least(lake_end - INTERVAL 1 SECOND, occurred + to_seconds(
            CASE WHEN u(id, salt) < 0.02 THEN 3600 + floor(u(id, salt + 1) * 255600) ELSE 5 + floor(u(id, salt + 1) * 90) END::BIGINT));
        """);

    /// <summary>
    /// The visits of the days in <c>days</c> with all that the other tables derive from them.
    /// </summary>
    public static string Core(long visits, DateOnly lakeEnd) => string.Create(CultureInfo.InvariantCulture, $"""
        CREATE OR REPLACE TEMP TABLE core AS
        WITH ids AS (
            SELECT day, first_id + unnest(range(visits)) AS visit_id FROM days
        ), who AS (
            -- The pool of visitors grows with the site; the square makes few visitors come often.
            SELECT *, 1 + floor(({visits} * 0.12 + visit_id * 0.15) * pow(u(visit_id, 1), 2))::BIGINT AS visitor_id FROM ids
        ), whence AS (
            SELECT *,
                CASE WHEN visitor_id % 40 = 7 THEN 'umbrella' WHEN visitor_id % 20 < 11 THEN 'acme'
                     WHEN visitor_id % 20 < 17 THEN 'globex' ELSE 'initech' END AS customer,
                CASE WHEN u(visit_id, 3) >= 0.03 THEN draw_countries(visitor_id, 2) END AS country,
                draw_devices(visit_id, 4) AS device,
                draw_referrers(visit_id, 5) AS referrer,
                CASE WHEN u(visit_id, 6) >= 0.22 THEN show_of(visit_id, 7, day) END AS show_id,
                3600 * CASE WHEN isodow(day) >= 6 THEN draw_weekend_hours(visit_id, 9) ELSE draw_workday_hours(visit_id, 9) END
                    + floor(u(visit_id, 10) * 3600)::INTEGER - 60 * draw_offsets(visitor_id, 2) AS local_second
            FROM who
        ), pages AS (
            SELECT *,
                coalesce(show_id, show_of(visit_id, 12, day)) AS watched_show,
                least(25, 1 + floor(ln(1 - u(visit_id, 14)) / ln(CASE device WHEN 'desktop' THEN 0.54 WHEN 'tv' THEN 0.42 WHEN 'mobile' THEN 0.48 ELSE 0.5 END)))::INTEGER AS page_count
            FROM whence
        ), counts AS (
            SELECT *,
                CASE WHEN u(visit_id, 15) >= CASE WHEN page_count = 1 THEN 0.26 ELSE 0.66 END THEN 0
                     ELSE 1 + (u(visit_id, 16) < 0.42)::INTEGER + (u(visit_id, 16) < 0.16)::INTEGER END AS watch_count,
                CASE WHEN u(visit_id, 17) < 0.3 THEN 'subscription' ELSE 'ticket' END AS step_kind,
                CASE WHEN page_count = 1 OR u(visit_id, 18) >= 0.31 THEN 0 ELSE 1 END AS offered,
                u(visit_id, 19) * CASE WHEN u(visit_id, 17) < 0.3 THEN 1.35 ELSE 0.9 END AS drop_off
            FROM pages
        ), spans AS (
            SELECT *,
                offered * (1 + (drop_off < 0.45)::INTEGER + (drop_off < 0.25)::INTEGER + (drop_off < 0.15)::INTEGER) AS step_count,
                floor(page_count * (20 + 110 * pow(u(visit_id, 20), 2)))::INTEGER AS browse_seconds,
                [CASE WHEN watch_count >= 1 THEN watch_seconds(visit_id * 4, watched_show) ELSE 0 END,
                 CASE WHEN watch_count >= 2 THEN watch_seconds(visit_id * 4 + 1, watched_show) ELSE 0 END,
                 CASE WHEN watch_count >= 3 THEN watch_seconds(visit_id * 4 + 2, watched_show) ELSE 0 END] AS watched
            FROM counts
        ), timed AS (
            SELECT *, browse_seconds + watched[1] + watched[2] + watched[3] AS span FROM spans
        )
        SELECT * EXCLUDE (local_second, drop_off, offered),
            -- The day stays the one drawn, only the hour turns with the country; the last day's visits end before the lake does.
            least(day::TIMESTAMP + to_seconds((local_second + 172800) % 86400), {At(lakeEnd)} - to_seconds(span + 1)) AS occurred_at
        FROM timed;
        """);

    /// <summary>The rows of a fact table that occurred from <paramref name="from"/> to before <paramref name="to"/>, in the file's order.</summary>
    public static string Fact(string table, DateOnly from, DateOnly to, DateOnly lakeEnd, DateTime? until = null)
    {
        var end = At(lakeEnd);
        var (rows, id) = table switch
        {
            "visits" => (string.Create(CultureInfo.InvariantCulture, $"""
                SELECT visit_id, visitor_id, customer, occurred_at, country, device, referrer, show_id, page_count,
                    page_count = 1 AND watch_count = 0 AS is_bounce,
                    CASE WHEN u(visit_id, 21) >= 0.02 THEN span::INTEGER END AS duration_seconds,
                    loaded(visit_id, 22, occurred_at, {end}) AS loaded_at
                FROM core
                """), "visit_id"),

            // The first page is seen when the visit starts, the others spread over it in order.
            "page_views" => ($"""
                SELECT page_view_id, visit_id, visitor_id, customer, occurred_at, page,
                    CASE WHEN page IN ('show', 'player') THEN watched_show END AS show_id,
                    CASE WHEN page <> 'player' AND u(page_view_id, 51) >= 0.06 THEN floor(u(page_view_id, 52) * 101) / 100 END AS scroll_depth,
                    (80 + 160 * exp(3 * pow(u(page_view_id, 53), 2)))::INTEGER AS load_ms,
                    loaded(page_view_id, 54, occurred_at, {end}) AS loaded_at
                FROM (
                    SELECT page_view_id, visit_id, visitor_id, customer, watched_show,
                        occurred_at + to_seconds(CASE WHEN n = 0 THEN 0 ELSE floor(span * (n + 0.8 * u(page_view_id, 50)) / page_count)::BIGINT END) AS occurred_at,
                        CASE WHEN n = 0 AND show_id IS NOT NULL THEN 'show' ELSE draw_pages(page_view_id, 56) END AS page
                    FROM (SELECT *, visit_id * 32 + n AS page_view_id FROM (SELECT *, unnest(range(page_count)) AS n FROM core)))
                """, "page_view_id"),

            // Pages are read between the watches, so a watch never runs past its visit.
            "watches" => ($"""
                SELECT watch_id, visit_id, visitor_id, customer, occurred_at, watched_show AS show_id, seconds,
                    watch_completed(watch_id, watched_show) AS completed,
                    draw_qualities(watch_id, 60) AS quality,
                    loaded(watch_id, 61, occurred_at, {end}) AS loaded_at
                FROM (
                    SELECT visit_id * 4 + n AS watch_id, visit_id, visitor_id, customer, watched_show, watched[n + 1] AS seconds,
                        occurred_at + to_seconds(browse_seconds * (n + 1) // (watch_count + 1)
                            + CASE WHEN n >= 1 THEN watched[1] ELSE 0 END + CASE WHEN n >= 2 THEN watched[2] ELSE 0 END) AS occurred_at
                    FROM (SELECT *, unnest(range(watch_count)) AS n FROM core))
                """, "watch_id"),

            // Gaps of at least a twentieth of a visit of 40 seconds or more keep the steps apart and in order.
            "steps" => ($"""
                SELECT step_id, visit_id, visitor_id, customer, occurred_at, step_kind AS kind,
                    ['view_offer', 'choose', 'checkout', 'purchase'][n + 1] AS step,
                    CASE WHEN n = 3 THEN (0.01::DECIMAL(3, 2) * CASE WHEN step_kind = 'ticket'
                        THEN (850 + 50 * (watched_show % 32)) * (1 + floor(4 * pow(u(step_id, 70), 2)))
                        ELSE [999, 999, 1499, 9900][1 + floor(4 * u(step_id, 70))::INTEGER] END::INTEGER)::DECIMAL(10, 2) END AS amount,
                    CASE WHEN step_kind = 'ticket' THEN watched_show END AS show_id,
                    loaded(step_id, 71, occurred_at, {end}) AS loaded_at
                FROM (
                    SELECT * REPLACE (occurred_at + to_seconds(floor(span * (0.1 + 0.2 * n + 0.15 * u(visit_id * 4 + n, 73)))::BIGINT) AS occurred_at),
                        visit_id * 4 + n AS step_id
                    FROM (SELECT *, unnest(range(step_count)) AS n FROM core))
                """, "step_id"),

            _ => throw new ArgumentOutOfRangeException(nameof(table), table, "Not a fact table of the sample."),
        };
        return $"SELECT * FROM ({rows}) WHERE occurred_at >= {At(from)} AND occurred_at < {At(to)}{(until is { } last ? string.Create(CultureInfo.InvariantCulture, $" AND occurred_at < TIMESTAMP '{last:yyyy-MM-dd HH:mm:ss}'") : "")} ORDER BY occurred_at, {id}";
    }

    /// <summary>A row for each visitor of the given Parquet files of <c>visits</c>.</summary>
    public static string Visitors(string visitFiles) => $"""
        SELECT visitor_id, first_seen_at, draw_plans(visitor_id, 80) AS plan,
            CASE WHEN u(visitor_id, 81) >= 0.3 THEN 1946 + floor(64 * u(visitor_id, 82))::INTEGER END AS birth_year,
            u(visitor_id, 83) < 0.27 AS newsletter
        FROM (SELECT visitor_id, min(occurred_at) AS first_seen_at FROM read_parquet({Text(visitFiles)}, hive_partitioning = false) GROUP BY visitor_id)
        ORDER BY visitor_id
        """;

    public static string Copy(string query, string file) =>
        $"COPY ({query}) TO {Text(file)} (FORMAT parquet, COMPRESSION zstd)";

    public static string Text(string value) => $"'{value.Replace("'", "''", StringComparison.Ordinal)}'";

    // Spread over 62 bits, else neighbouring seeds would share the draws of neighbouring ids.
    private static long SeedBits(int seed) => (long)(((ulong)(uint)seed + 1) * 0x9E3779B97F4A7C15UL >> 2);

    private static string At(DateOnly day) => $"TIMESTAMP '{day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}'";
}
