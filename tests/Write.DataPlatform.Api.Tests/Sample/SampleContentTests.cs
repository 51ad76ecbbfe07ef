namespace Write.DataPlatform.Api.Tests.Sample;

/// <summary>Each rule of the sample, as a hand-written query for the rows that break it.</summary>
[Collection<SampleCollection>]
public sealed class SampleContentTests(SampleFixture sample)
{
    [Theory]
    [InlineData("ids are unique", """
        SELECT visit_id FROM visits GROUP BY 1 HAVING count(*) > 1
        UNION ALL SELECT page_view_id FROM page_views GROUP BY 1 HAVING count(*) > 1
        UNION ALL SELECT watch_id FROM watches GROUP BY 1 HAVING count(*) > 1
        UNION ALL SELECT step_id FROM steps GROUP BY 1 HAVING count(*) > 1
        UNION ALL SELECT visitor_id FROM visitors GROUP BY 1 HAVING count(*) > 1
        """)]
    [InlineData("every fact has its visit, of the same customer and visitor", """
        SELECT * FROM (SELECT visit_id, visitor_id, customer FROM page_views UNION ALL SELECT visit_id, visitor_id, customer FROM watches
            UNION ALL SELECT visit_id, visitor_id, customer FROM steps) f
        ANTI JOIN visits v USING (visit_id, visitor_id, customer)
        """)]
    [InlineData("a fact happens within its visit", """
        SELECT * FROM (SELECT visit_id, occurred_at, 0 AS length FROM page_views UNION ALL SELECT visit_id, occurred_at, seconds FROM watches
            UNION ALL SELECT visit_id, occurred_at, 0 FROM steps) f
        JOIN visits v USING (visit_id)
        WHERE f.occurred_at < v.occurred_at OR f.occurred_at + to_seconds(length) > v.occurred_at + to_seconds(duration_seconds)
        """)]
    [InlineData("page_count is the number of page views", """
        SELECT * FROM visits v LEFT JOIN (SELECT visit_id, count(*) AS pages FROM page_views GROUP BY 1) p USING (visit_id)
        WHERE pages IS DISTINCT FROM page_count
        """)]
    [InlineData("the first page is seen when the visit starts", """
        SELECT * FROM visits v JOIN (SELECT visit_id, min(occurred_at) AS first FROM page_views GROUP BY 1) p USING (visit_id)
        WHERE first <> occurred_at
        """)]
    [InlineData("a bounce sees one page and does nothing else", """
        SELECT * FROM visits v WHERE is_bounce IS DISTINCT FROM (page_count = 1
            AND NOT EXISTS (FROM watches w WHERE w.visit_id = v.visit_id) AND NOT EXISTS (FROM steps s WHERE s.visit_id = v.visit_id))
        """)]
    [InlineData("watches of a visit follow each other", """
        SELECT * FROM (SELECT occurred_at, lag(occurred_at + to_seconds(seconds)) OVER (PARTITION BY visit_id ORDER BY watch_id) AS before FROM watches)
        WHERE before > occurred_at
        """)]
    [InlineData("steps of a visit are of one kind, in order, each once, later than the one before", """
        SELECT visit_id FROM steps GROUP BY 1
        HAVING list(step ORDER BY occurred_at) <> ['view_offer', 'choose', 'checkout', 'purchase'][1:count(*)]
            OR count(DISTINCT occurred_at) <> count(*) OR count(DISTINCT kind) <> 1
        """)]
    [InlineData("only a purchase has an amount", "SELECT * FROM steps WHERE (amount IS NULL) = (step = 'purchase') OR amount <= 0")]
    [InlineData("every visitor in use has a row, with the first visit", """
        SELECT * FROM visitors v FULL JOIN (SELECT visitor_id, min(occurred_at) AS first FROM visits GROUP BY 1) u USING (visitor_id)
        WHERE first_seen_at IS DISTINCT FROM first
        """)]
    [InlineData("the partition is the UTC month of the event", """
        SELECT visit_id FROM visits WHERE month <> date_trunc('month', occurred_at)
        UNION ALL SELECT page_view_id FROM page_views WHERE month <> date_trunc('month', occurred_at)
        UNION ALL SELECT watch_id FROM watches WHERE month <> date_trunc('month', occurred_at)
        UNION ALL SELECT step_id FROM steps WHERE month <> date_trunc('month', occurred_at)
        """)]
    [InlineData("files are sorted by time", """
        SELECT * FROM (
            SELECT occurred_at, lag(occurred_at) OVER (PARTITION BY filename ORDER BY file_row_number) AS before FROM page_views
            UNION ALL SELECT occurred_at, lag(occurred_at) OVER (PARTITION BY filename ORDER BY file_row_number) FROM visits
            UNION ALL SELECT occurred_at, lag(occurred_at) OVER (PARTITION BY filename ORDER BY file_row_number) FROM watches
            UNION ALL SELECT occurred_at, lag(occurred_at) OVER (PARTITION BY filename ORDER BY file_row_number) FROM steps)
        WHERE before > occurred_at
        """)]
    [InlineData("nothing is outside the span, nor loaded before it occurred, more than three days later or after the end", """
        SELECT * FROM (SELECT occurred_at, loaded_at FROM visits UNION ALL SELECT occurred_at, loaded_at FROM page_views
            UNION ALL SELECT occurred_at, loaded_at FROM watches UNION ALL SELECT occurred_at, loaded_at FROM steps)
        WHERE occurred_at < TIMESTAMP '2024-01-01' OR loaded_at >= TIMESTAMP '2026-03-16' OR loaded_at < occurred_at OR loaded_at > occurred_at + INTERVAL 3 DAY
        """)]
    [InlineData("values are of the known ones", """
        SELECT visit_id FROM visits WHERE customer NOT IN ('acme', 'globex', 'initech', 'umbrella') OR device NOT IN ('desktop', 'mobile', 'tablet', 'tv')
            OR length(country) <> 2 OR show_id NOT BETWEEN 1 AND 60 OR page_count NOT BETWEEN 1 AND 25 OR duration_seconds <= 0
        UNION ALL SELECT page_view_id FROM page_views WHERE scroll_depth NOT BETWEEN 0 AND 1 OR load_ms NOT BETWEEN 50 AND 60000 OR page IS NULL
        UNION ALL SELECT watch_id FROM watches WHERE seconds NOT BETWEEN 1 AND 5400 OR show_id IS NULL OR completed IS NULL OR quality IS NULL
        UNION ALL SELECT step_id FROM steps WHERE kind NOT IN ('ticket', 'subscription') OR (kind = 'subscription' AND show_id IS NOT NULL)
        UNION ALL SELECT visitor_id FROM visitors WHERE birth_year NOT BETWEEN 1940 AND 2012 OR newsletter IS NULL
        """)]
    public void No_row_breaks_the_rule(string rule, string breaking)
    {
        var rows = sample.Rows($"SELECT * FROM ({breaking}) LIMIT 3");
        Assert.True(rows.Count == 0, $"{rule}: {string.Join("; ", rows.Select(r => string.Join(", ", r)))}");
    }

    [Theory]
    [InlineData("visits", 0.25)]
    [InlineData("page_views", 0.5)]
    [InlineData("watches", 0.18)]
    [InlineData("steps", 0.07)]
    public void Tables_have_their_share_of_the_events(string table, double share) =>
        Assert.InRange(sample.Number($"SELECT count(*) FROM {table}") / 200_000, share * 0.93, share * 1.07);

    [Fact]
    public void One_file_stands_in_each_of_the_27_months_of_each_table()
    {
        foreach (var table in new[] { "visits", "page_views", "watches", "steps" })
        {
            var expected = Enumerable.Range(0, 27).Select(i => $"month={new DateOnly(2024, 1, 1).AddMonths(i):yyyy-MM-dd}");
            var months = Directory.GetDirectories(Path.Combine(sample.Lake, table)).Order(StringComparer.Ordinal).ToArray();
            Assert.Equal(expected, months.Select(Path.GetFileName));
            Assert.All(months, month => Assert.Single(Directory.GetFiles(month)));
            Assert.Equal(27L, sample.Scalar($"SELECT count(DISTINCT month) FROM {table}"));
        }
    }

    [Theory]
    [InlineData("the same eight weeks a year later have 1.2 times the visits", 1.15, 1.25, """
        SELECT count(*) FILTER (occurred_at >= '2025-03-03' AND occurred_at < '2025-04-28') / count(*) FILTER (occurred_at >= '2024-03-04' AND occurred_at < '2024-04-29') FROM visits
        """)]
    [InlineData("December is well above July, growth aside", 1.4, 2.2, """
        SELECT count(*) FILTER (month = '2024-12-01') / count(*) FILTER (month = '2024-07-01') FROM visits
        """)]
    [InlineData("a day of the weekend has more visits than a workday", 1.2, 1.6, """
        SELECT count(*) FILTER (isodow(occurred_at) >= 6) / 2 / (count(*) FILTER (isodow(occurred_at) < 6) / 5) FROM visits
        """)]
    [InlineData("the evening is busier than the night", 4, 12, """
        SELECT count(*) FILTER (hour(occurred_at) = 19) / count(*) FILTER (hour(occurred_at) = 4) FROM visits
        """)]
    [InlineData("late rows", 0.015, 0.025, "SELECT avg((loaded_at > occurred_at + INTERVAL 30 MINUTE)::INT) FROM page_views")]
    [InlineData("some are later than two days", 0.003, 0.01, "SELECT avg((loaded_at > occurred_at + INTERVAL 2 DAY)::INT) FROM page_views")]
    [InlineData("the smallest customer", 0.01, 0.04, "SELECT avg((customer = 'umbrella')::INT) FROM visits")]
    [InlineData("the most seen show over the tenth", 3, 20, """
        SELECT max(n) / min(n) FROM (SELECT count(*) AS n FROM visits WHERE show_id IS NOT NULL GROUP BY show_id ORDER BY n DESC LIMIT 10)
        """)]
    [InlineData("bounces", 0.3, 0.45, "SELECT avg(is_bounce::INT) FROM visits")]
    [InlineData("unknown countries", 0.02, 0.04, "SELECT avg((country IS NULL)::INT) FROM visits")]
    [InlineData("unknown devices", 0.015, 0.04, "SELECT avg((device IS NULL)::INT) FROM visits")]
    [InlineData("unknown durations", 0.01, 0.03, "SELECT avg((duration_seconds IS NULL)::INT) FROM visits")]
    [InlineData("visits beyond midnight", 50, 5_000, """
        SELECT count(*) FROM visits WHERE (occurred_at + to_seconds(duration_seconds))::DATE > occurred_at::DATE
        """)]
    [InlineData("visits from outside ASCII", 0.05, 0.2, "SELECT avg((strlen(referrer) > length(referrer))::INT) FROM visits")]
    public void The_numbers_are_plausible(string what, double low, double high, string sql)
    {
        var value = sample.Number(sql);
        Assert.True(value >= low && value <= high, $"{what}: {value} is not between {low} and {high}");
    }

    [Theory]
    [InlineData("ticket")]
    [InlineData("subscription")]
    public void Each_step_loses_some(string kind)
    {
        var counts = new[] { "view_offer", "choose", "checkout", "purchase" }
            .Select(step => sample.Number($"SELECT count(*) FROM steps WHERE kind = '{kind}' AND step = '{step}'")).ToArray();
        Assert.All(counts.Zip(counts.Skip(1)), pair => Assert.InRange(pair.Second / pair.First, 0.25, 0.75));
    }

    // Draws of one row that moved together would make some combinations missing or far too frequent.
    [Theory]
    [InlineData("device", "referrer")]
    [InlineData("device", "country")]
    [InlineData("show_id % 7", "device")]
    [InlineData("show_id % 7", "minute(occurred_at) // 10")]
    public void Columns_drawn_apart_do_not_depend_on_each_other(string one, string other)
    {
        // Cramér's V: 0 without, 1 with full dependence.
        var v = sample.Number($"""
            WITH cells AS (SELECT {one} AS a, {other} AS b, count(*) AS n FROM visits WHERE a IS NOT NULL AND b IS NOT NULL GROUP BY ALL),
            expected AS (SELECT coalesce(n, 0) AS n, x.m::DOUBLE * y.m / (SELECT sum(n) FROM cells) AS e
                FROM (SELECT a, sum(n) AS m FROM cells GROUP BY a) x CROSS JOIN (SELECT b, sum(n) AS m FROM cells GROUP BY b) y LEFT JOIN cells USING (a, b))
            SELECT sqrt(sum((n - e) ** 2 / e) / sum(n) / least((SELECT count(DISTINCT a) - 1 FROM cells), (SELECT count(DISTINCT b) - 1 FROM cells))) FROM expected
            """);
        Assert.InRange(v, 0, 0.05);
    }
}
