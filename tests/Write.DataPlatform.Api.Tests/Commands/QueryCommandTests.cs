using System.Text.Json.Nodes;
using Write.DataPlatform.Api.Tests.Rest;

namespace Write.DataPlatform.Api.Tests.Commands;

/// <summary>Queries over a model folder and a database file, with statements by hand over the same file as the oracle.</summary>
public sealed class QueryCommandTests(RentalWorld world) : IClassFixture<RentalWorld>
{
    public static TheoryData<string, string> Queries => new()
    {
        // Metrics, conditions, order.
        {
            "--metrics bookings,booking_value --group-by listing__country_latest",
            "SELECT country, count(*), sum(amount) FROM rent.fct_bookings b LEFT JOIN rent.dim_listings l ON b.listing_id = l.listing_id GROUP BY 1 ORDER BY 1 NULLS LAST"
        },
        {
            "--metrics bookings --where \"{{ Dimension('listing__country_latest') }} = 'us' and {{ TimeDimension('metric_time', 'month') }} >= '2020-01-01'\" --where \"not {{ Dimension('booking__is_instant') }}\"",
            "SELECT count(*) FROM rent.fct_bookings b JOIN rent.dim_listings l ON b.listing_id = l.listing_id WHERE country = 'us' AND ds >= DATE '2020-01-01' AND NOT is_instant"
        },
        {
            "--metrics bookings --group-by booking__is_instant --where \"length({{ Dimension('listing__country_latest') }}) + 1 = 3\" --order-by -bookings",
            "SELECT is_instant, count(*) FROM rent.fct_bookings b JOIN rent.dim_listings l ON b.listing_id = l.listing_id WHERE length(country) = 2 GROUP BY 1 ORDER BY 2 DESC"
        },
        {
            "--metrics bookings --group-by \"TimeDimension('metric_time', 'month'),Dimension('listing__is_lux_latest')\" --order-by -metric_time__MONTH,listing__is_lux_latest --limit 4",
            "SELECT strftime(date_trunc('month', ds), '%Y-%m-%d'), is_lux, count(*) FROM rent.fct_bookings b LEFT JOIN rent.dim_listings l ON b.listing_id = l.listing_id GROUP BY 1, 2 ORDER BY 1 DESC, 2 NULLS LAST LIMIT 4"
        },
        { "--metrics bookings --group-by metric_time --order-by -metric_time__day --limit 3", "SELECT strftime(ds, '%Y-%m-%d'), count(*) FROM rent.fct_bookings GROUP BY 1 ORDER BY 1 DESC LIMIT 3" },

        { "--metrics bookings --where \"booking__is_instant and CAST(metric_time__month AS TIMESTAMP) >= CAST('2020-01-01' AS TIMESTAMP)\"", "SELECT count(*) FROM rent.fct_bookings WHERE is_instant AND ds >= DATE '2020-01-01'" },
        { "--metrics bookings --where \"{{ Dimension('country_latest', entity_path=('listing',)) }} = 'us'\"", "SELECT count(*) FROM rent.fct_bookings b JOIN rent.dim_listings l ON b.listing_id = l.listing_id WHERE country = 'us'" },

        // Time constraints.
        { "--metrics bookings --group-by metric_time --start 2020-01-05 --end 2020-01-06", "SELECT strftime(ds, '%Y-%m-%d'), count(*) FROM rent.fct_bookings WHERE ds BETWEEN DATE '2020-01-05' AND DATE '2020-01-06' GROUP BY 1 ORDER BY 1" },
        { "--metrics bookings --group-by metric_time__week --start 2020-01-15 --end 2020-01-22", "SELECT strftime(date_trunc('week', ds), '%Y-%m-%d'), count(*) FROM rent.fct_bookings WHERE ds BETWEEN DATE '2020-01-13' AND DATE '2020-01-26' GROUP BY 1 ORDER BY 1" },
        { "--metrics bookings --group-by metric_time__month,metric_time__day --start 2020-01-15 --end 2020-01-15", "SELECT '2020-01-01', '2020-01-15', count(*) FROM rent.fct_bookings WHERE ds = DATE '2020-01-15'" },
        { "--metrics bookings --group-by metric_time__month --start 2020-01-15", "SELECT strftime(date_trunc('month', ds), '%Y-%m-%d'), count(*) FROM rent.fct_bookings WHERE ds >= DATE '2020-01-01' GROUP BY 1 ORDER BY 1" },
        { "--metrics bookings --end 2020-01-15", "SELECT count(*) FROM rent.fct_bookings WHERE ds <= DATE '2020-01-15'" },
        { "--metrics reviews --start 2020-01-15 --end 2020-02-15", "SELECT count(*) FROM rent.fct_reviews WHERE filed_in BETWEEN DATE '2020-01-01' AND DATE '2020-02-01'" },
        { "--metrics bookings,reviews --start 2020-01-15 --end 2020-01-15", "SELECT (SELECT count(*) FROM rent.fct_bookings WHERE ds BETWEEN DATE '2020-01-01' AND DATE '2020-01-31'), (SELECT count(*) FROM rent.fct_reviews WHERE filed_in = DATE '2020-01-01')" },
        { "--metrics logins --start 2020-01-02 --end 2020-01-03", "SELECT count(*) FROM rent.fct_reviews WHERE login >= TIMESTAMP '2020-01-02' AND login < TIMESTAMP '2020-01-04'" },
        { "--metrics logins --group-by metric_time__hour --start \"2020-01-02 02:00:25\" --end \"2020-01-02 05:00:53\"", "SELECT strftime(date_trunc('hour', login), '%Y-%m-%dT%H:%M:%SZ'), count(*) FROM rent.fct_reviews WHERE login >= TIMESTAMP '2020-01-02 02:00:00' AND login < TIMESTAMP '2020-01-02 06:00:00' GROUP BY 1 ORDER BY 1" },
        { "--metrics logins --start \"2020-01-02 02:37:00\" --end \"2020-01-02 05:42:00\"", "SELECT count(*) FROM rent.fct_reviews WHERE login BETWEEN TIMESTAMP '2020-01-02 02:37:00' AND TIMESTAMP '2020-01-02 05:42:00'" },

        // Shares, ranks, running totals.
        { "--metrics bookings:rank,bookings:percentOfTotal --group-by booking__is_instant --order-by bookings__rank", "SELECT is_instant, count(*), rank() OVER (ORDER BY count(*) DESC), count(*) / sum(count(*)) OVER () FROM rent.fct_bookings GROUP BY 1 ORDER BY 3, 1 NULLS LAST" },
        { "--metrics booking_value:runningTotal --group-by metric_time__month", "SELECT strftime(m, '%Y-%m-%d'), n, sum(n) OVER (ORDER BY m) FROM (SELECT date_trunc('month', ds) AS m, sum(amount) AS n FROM rent.fct_bookings GROUP BY 1) ORDER BY 1" },

        // Saved queries.
        {
            "--saved short_countries",
            "SELECT strftime(date_trunc('month', ds), '%Y-%m-%d'), b.listing_id, count(*) FROM rent.fct_bookings b JOIN rent.dim_listings l ON b.listing_id = l.listing_id WHERE length(country) = 2 GROUP BY ALL ORDER BY 3 DESC, 1, 2 LIMIT 3"
        },

        // Values.
        { "--group-by listing__country_latest", "SELECT DISTINCT country FROM rent.dim_listings ORDER BY 1 NULLS LAST" },
        { "--group-by listing", "SELECT listing_id FROM rent.dim_listings ORDER BY 1" },
        { "--group-by \"Entity('listing')\" --order-by -listing --limit 2", "SELECT listing_id FROM rent.dim_listings ORDER BY 1 DESC LIMIT 2" },
        { "--group-by listing__created__month", "SELECT DISTINCT strftime(date_trunc('month', created_at), '%Y-%m-%d') AS m FROM rent.dim_listings ORDER BY 1 NULLS LAST" },
        { "--group-by booking__is_instant,listing__is_lux_latest --where \"not {{ Dimension('booking__is_instant') }}\"", "SELECT DISTINCT is_instant, is_lux FROM rent.fct_bookings b LEFT JOIN rent.dim_listings l ON b.listing_id = l.listing_id WHERE NOT is_instant ORDER BY 1, 2 NULLS LAST" },
        { "--group-by user__home_state_latest,listing__is_lux_latest", "SELECT DISTINCT home_state, is_lux FROM rent.dim_listings l FULL JOIN rent.dim_users u ON l.user_id = u.user_id ORDER BY 1 NULLS LAST, 2 NULLS LAST" },
        { "--group-by user__home_state_latest --where \"{{ Dimension('listing__country_latest') }} = 'us'\"", "SELECT DISTINCT home_state FROM rent.dim_listings l LEFT JOIN rent.dim_users u ON l.user_id = u.user_id WHERE country = 'us' ORDER BY 1 NULLS LAST" },
        { "--group-by metric_time__week", "SELECT DISTINCT strftime(date_trunc('week', ds), '%Y-%m-%d') FROM rent.spine ORDER BY 1" },
        { "--group-by metric_time --start 2020-01-03 --end 2020-01-04", "SELECT strftime(ds, '%Y-%m-%d') FROM rent.spine WHERE ds BETWEEN DATE '2020-01-03' AND DATE '2020-01-04' ORDER BY 1" },
        { "--group-by user__home_state_latest,listing__country_latest,metric_time__day --start 2020-01-03 --end 2020-01-03", "SELECT DISTINCT home_state, country, strftime(ds, '%Y-%m-%d') FROM rent.dim_listings l CROSS JOIN rent.spine s FULL JOIN rent.dim_users u ON l.user_id = u.user_id WHERE ds = DATE '2020-01-03' ORDER BY 1 NULLS LAST, 2 NULLS LAST" },
        { "--group-by metric_time__month,user__home_state_latest,listing__is_lux_latest", "SELECT DISTINCT strftime(date_trunc('month', ds), '%Y-%m-%d'), home_state, is_lux FROM rent.dim_listings l CROSS JOIN rent.spine s FULL JOIN rent.dim_users u ON l.user_id = u.user_id ORDER BY 1 NULLS LAST, 2 NULLS LAST, 3 NULLS LAST" },

        // Ends.
        { "--group-by listing__country_latest --min-max", "SELECT min(country), max(country) FROM rent.dim_listings" },
        { "--group-by listing__created__month --min-max", "SELECT strftime(date_trunc('month', min(created_at)), '%Y-%m-%d'), strftime(date_trunc('month', max(created_at)), '%Y-%m-%d') FROM rent.dim_listings" },
        { "--group-by metric_time --min-max", "SELECT strftime(min(ds), '%Y-%m-%d'), strftime(max(ds), '%Y-%m-%d') FROM rent.spine" },
        { "--group-by listing__created --min-max --where \"{{ Dimension('listing__country_latest') }} = 'xx'\"", "SELECT NULL, NULL" },
    };

    [Theory]
    [MemberData(nameof(Queries))]
    public async Task Answers_are_those_of_the_statement_by_hand(string options, string sql)
    {
        var expected = world.Sql(sql);
        var (code, csv, error) = await CommandTests.RunAsync("", ["query", .. Split(options), "--csv", .. world.Lake]);
        Assert.Equal((0, ""), (code, error));
        var rows = CsvCells.Parse(csv).Skip(1).Select(r => string.Join('|', r)).ToList();
        Assert.NotEmpty(rows);
        Assert.Equal(expected.Select(Plain), rows.Select(Plain));
    }

    [Theory]
    [InlineData("--metrics bookings --group-by metric_time,listing__is_lux_latest", "metric_time__day,listing__is_lux_latest,bookings")]
    [InlineData("--metrics bookings --group-by metric_time__week,metric_time__extract_month", "metric_time__week,metric_time__extract_month,bookings")]
    [InlineData("--metrics bookings --group-by user__home_state_latest", "listing__user__home_state_latest,bookings")]
    [InlineData("--group-by user__home_state_latest", "user__home_state_latest")]
    [InlineData("--group-by metric_time --min-max", "metric_time__day__min,metric_time__day__max")]
    [InlineData("--group-by listing__created --min-max", "listing__created__day__min,listing__created__day__max")]
    public async Task Fields_are_named_by_their_path_and_grain_as_metricflow_does(string options, string header)
    {
        var (code, csv, error) = await CommandTests.RunAsync("", ["query", .. Split(options), "--csv", .. world.Lake]);
        Assert.Equal((0, "", header), (code, error, csv.Split('\n')[0].TrimEnd('\r')));
    }

    [Theory]
    [InlineData("us", "user__home_state_latest", "SELECT DISTINCT home_state FROM rent.dim_listings l LEFT JOIN rent.dim_users u ON l.user_id = u.user_id WHERE country = 'us' ORDER BY 1")]
    [InlineData("us", "listing", "SELECT listing_id FROM rent.dim_listings WHERE country = 'us' ORDER BY 1")]
    [InlineData("us", "booking__is_instant", "SELECT DISTINCT is_instant FROM rent.fct_bookings b JOIN rent.dim_listings l ON b.listing_id = l.listing_id WHERE country = 'us' ORDER BY 1 NULLS LAST")]
    [InlineData("nowhere", "user__home_state_latest", "SELECT DISTINCT home_state FROM rent.dim_listings l LEFT JOIN rent.dim_users u ON l.user_id = u.user_id WHERE country IS NULL")]
    [InlineData("instant", "listing__country_latest", "SELECT DISTINCT country FROM rent.fct_bookings b LEFT JOIN rent.dim_listings l ON b.listing_id = l.listing_id WHERE is_instant ORDER BY 1 NULLS LAST")]
    [InlineData("us", "listing__created,metric_time__month", "SELECT DISTINCT strftime(created_at, '%Y-%m-%d'), strftime(date_trunc('month', ds), '%Y-%m-%d') FROM rent.dim_listings l CROSS JOIN rent.spine WHERE country = 'us' ORDER BY 1, 2")]
    public async Task A_tenant_sees_the_values_among_its_own_rows(string tenant, string groupBy, string sql)
    {
        var expected = world.Sql(sql);
        var (code, csv, error) = await CommandTests.RunAsync("", ["query", "--group-by", groupBy, "--tenant", tenant, "--csv", .. world.Lake]);
        Assert.Equal((0, ""), (code, error));
        Assert.Equal(expected.Select(Plain), CsvCells.Parse(csv).Skip(1).Select(r => Plain(string.Join('|', r))));
    }

    [Theory]
    [InlineData("instant", "review__login", "tells which rows are the tenant's")]
    [InlineData("us", "metric_time", "no rows of the tenant")]
    public async Task What_cannot_be_told_to_be_a_tenants_is_refused(string tenant, string groupBy, string told)
    {
        var (code, output, error) = await CommandTests.RunAsync("", ["query", "--group-by", groupBy, "--tenant", tenant, .. world.Lake]);
        Assert.Equal((1, ""), (code, output));
        Assert.Contains(told, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Columns_are_named_as_asked_and_ends_after_the_field()
    {
        var (_, csv, _) = await CommandTests.RunAsync("", ["query", "--group-by", "listing__created__MONTH", "--min-max", "--csv", .. world.Lake]);
        Assert.StartsWith("listing__created__month__min,listing__created__month__max\r\n", csv, StringComparison.Ordinal);
        (_, csv, _) = await CommandTests.RunAsync("", ["query", "--group-by", "Dimension('listing__created').grain('year'), listing__country_latest", "--csv", .. world.Lake]);
        Assert.StartsWith("listing__created__year,listing__country_latest\r\n", csv, StringComparison.Ordinal);
        Assert.Contains("2020-01-01,\"de, fr\"\r\n", csv, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Hundreds_of_queries_are_answered_line_by_line_and_a_bad_one_stops_none()
    {
        var good = Enumerable.Range(0, 200).Select(i => $$"""{"name":"q{{i}}","metrics":["bookings"],"groupBy":["Dimension('booking__is_instant')"],"where":"{{"{{"}} Entity('listing') {{"}}"}} = {{i % 7}}","orderBy":["-booking__is_instant"],"start":"2020-01-01","end":"2020-01-31"}""").ToList();
        string[] lines =
        [
            .. good,
            """{"name":"unknown","metrics":["bookigns"]}""",
            "no json",
            "",
            """{"name":"values","groupBy":["listing__country_latest"],"where":["{{ Dimension('listing__is_lux_latest') }}"],"limit":5}""",
            """{"name":"ends","groupBy":["metric_time__month"],"minMax":true}""",
            """{"name":"twice","metrics":["bookings"],"metrics":["reviews"]}""",
            """{"name":"when","metrics":["bookings"],"start":"yesterday"}""",
        ];
        var expected = Enumerable.Range(0, 7).Select(listing => world.Sql($"SELECT is_instant, count(*) FROM rent.fct_bookings WHERE listing_id = {listing} AND ds BETWEEN DATE '2020-01-01' AND DATE '2020-01-31' GROUP BY 1 ORDER BY 1 DESC NULLS LAST")).ToList();
        var (code, output, error) = await CommandTests.RunAsync(string.Join('\n', lines), ["query", "--ndjson", .. world.Lake]);
        Assert.Equal((1, ""), (code, error));
        var answers = output.TrimEnd().Split('\n').Select(l => JsonNode.Parse(l)!).ToList();
        Assert.Equal(lines.Length - 1, answers.Count);
        for (var i = 0; i < good.Count; i++)
        {
            Assert.Equal($"q{i}", (string?)answers[i]["name"]);
            Assert.Equal("""["booking__is_instant","bookings"]""", answers[i]["columns"]!.ToJsonString());
            Assert.Equal(expected[i % 7].Select(Plain), answers[i]["rows"]!.AsArray().Select(r => Plain(string.Join('|', r!.AsArray().Select(v => v?.ToJsonString())))));
        }

        Assert.Contains("unknown_metric", (string?)answers[200]["error"], StringComparison.Ordinal);
        Assert.Contains("Did you mean 'bookings'?", (string?)answers[200]["error"], StringComparison.Ordinal);
        Assert.Equal(("", "malformed_json"), ((string?)answers[201]["name"] ?? "", ((string?)answers[201]["error"])!.Split(':')[0]));
        Assert.Equal("""{"name":"values","columns":["listing__country_latest"],"rows":[["us"],[null]]}""", answers[202].ToJsonString());
        Assert.Equal("""{"name":"ends","columns":["metric_time__month__min","metric_time__month__max"],"rows":[["2019-12-01","2020-02-01"]]}""", answers[203].ToJsonString());
        Assert.Contains("duplicate_property", (string?)answers[204]["error"], StringComparison.Ordinal);
        Assert.Contains("bad_time", (string?)answers[205]["error"], StringComparison.Ordinal);
        Assert.Equal("when", (string?)answers[205]["name"]);

        var file = Path.Combine(Path.GetDirectoryName(world.Database)!, "lines.ndjson");
        await File.WriteAllLinesAsync(file, good[..3], TestContext.Current.CancellationToken);
        (code, output, _) = await CommandTests.RunAsync("", ["query", "--ndjson", file, .. world.Lake]);
        Assert.Equal((0, string.Join('\n', answers[..3].Select(a => a.ToJsonString()))), (code, output.TrimEnd().ReplaceLineEndings("\n")));
    }

    [Theory]
    [InlineData("--metrics bookings --group-by metric_time__hour", "grain_too_fine")]
    [InlineData("--group-by metric_time__hour", "no_time_spine")]
    [InlineData("--group-by booking__is_instant,review__login", "cannot_list")]
    [InlineData("--group-by listing__country_latest --start 2020-01-01", "cannot_list")]
    [InlineData("--group-by listing__contry_latest", "Did you mean 'listing__country_latest'?")]
    [InlineData("--group-by listing__country_latest,listing --min-max", "min_max_needs_one_field")]
    [InlineData("--metrics bookings --min-max", "min_max_needs_one_field")]
    [InlineData("--metrics bookings --where \"{{ Dimension('listing__country_latest' }} = 'us'\"", "bad_where")]
    [InlineData("--metrics bookings --where \"country = 'us'\"", "bare column")]
    [InlineData("--metrics bookings --group-by \"Metric('bookings')\"", "bad_name")]
    [InlineData("--metrics bookings --order-by -reviews", "unknown_field")]
    [InlineData("--saved short_country", "Did you mean 'short_countries'?")]
    [InlineData("--metrics bookings:runningTotal", "metric_time_needed")]
    [InlineData("--metrics bookings:total", "unknown_value")]
    public async Task What_cannot_be_answered_is_refused(string options, string told)
    {
        var (code, output, error) = await CommandTests.RunAsync("", ["query", .. Split(options), .. world.Lake]);
        Assert.Equal((1, ""), (code, output));
        Assert.Contains(told, error, StringComparison.Ordinal);
        Assert.DoesNotContain("made a mistake", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_that_is_none_is_told_before_anything_begins()
    {
        var none = Path.Combine(world.Models, "none.duckdb");
        var (code, _, error) = await CommandTests.RunAsync("", "query", "--metrics", "bookings", "--models", world.Models, "--lake-db", none);
        Assert.Equal((1, $"error: DataPlatform:Lake:Database '{none}' does not exist."), (code, error.Trim()));
        var yaml = Path.Combine(world.Models, "rent.yaml");
        (code, _, error) = await CommandTests.RunAsync("", "query", "--metrics", "bookings", "--models", world.Models, "--lake-db", yaml);
        Assert.Equal((1, $"error: DataPlatform:Lake:Database '{yaml}' is no DuckDB database file."), (code, error.Trim()));
        (code, _, error) = await CommandTests.RunAsync("", "query", "--metrics", "bookings", "--models", world.Models, "--lake-db", world.Models);
        Assert.Equal((1, $"error: DataPlatform:Lake:Database '{world.Models}' is a folder; it must be a DuckDB database file."), (code, error.Trim()));
    }

    [Theory]
    [InlineData("query", "-", "--metrics", "bookings")]
    [InlineData("query", "--ndjson", "--metrics", "bookings")]
    [InlineData("query", "--ndjson", "--csv")]
    [InlineData("query", "--limit", "many")]
    [InlineData("query", "--tenant", "acme")]
    [InlineData("explain")]
    public async Task Bad_usage_is_2(params string[] args)
    {
        var (code, output, error) = await CommandTests.RunAsync("", [.. args, .. world.Lake]);
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith("error: ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_is_left_behind_and_the_database_stays_as_it_is()
    {
        var before = await File.ReadAllBytesAsync(world.Database, TestContext.Current.CancellationToken);
        var folders = Directory.GetDirectories(Path.GetTempPath(), "wdp-query-*");
        var (code, _, _) = await CommandTests.RunAsync("", ["query", "--metrics", "bookings", .. world.Lake]);
        Assert.Equal(0, code);
        Assert.Equal(before, await File.ReadAllBytesAsync(world.Database, TestContext.Current.CancellationToken));
        Assert.Equal([world.Database], Directory.GetFiles(Path.GetDirectoryName(world.Database)!, "*.duckdb*"));
        Assert.Empty(Directory.GetDirectories(Path.GetTempPath(), "wdp-query-*").Except(folders));
        Assert.False(Directory.Exists(".data"));
        var (explained, text, _) = await CommandTests.RunAsync("", ["explain", "--group-by", "listing__country_latest", .. world.Lake]);
        Assert.Equal(0, explained);
        Assert.Contains("dim_listings", text, StringComparison.Ordinal);
    }

    /// <summary>Numbers and flags however they are spelt.</summary>
    private static string Plain(string row) => string.Join('|', row.Split('|').Select(c =>
        decimal.TryParse(c, System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture, out var number) ? (number / 1.0000000000m).ToString("G29", System.Globalization.CultureInfo.InvariantCulture) : c is "True" or "False" ? c.ToLowerInvariant() : c));

    /// <summary>A command line as a shell cuts it at blanks and double quotes.</summary>
    private static IEnumerable<string> Split(string options) =>
        options.Split('"').SelectMany((part, i) => i % 2 == 1 ? [part] : part.Split(' ', StringSplitOptions.RemoveEmptyEntries));
}
