using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Streaming;
using static Microsoft.Playwright.Assertions;

namespace Write.DataPlatform.Api.Tests.Dashboard;

/// <summary>The page in a real browser, its numbers against statements written by hand over the raw files.</summary>
[Collection(typeof(DashboardCollection))]
public sealed class PageTests(DashboardFixture fixture)
{
    // The server's clock stands in March 2026; the last twelve months began in April 2025, in Berlin.
    private const string Year = "occurred_at >= TIMESTAMP '2025-03-31 22:00' AND occurred_at < TIMESTAMP '2026-03-31 22:00'";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static string Whole(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private string Count(string where) => Whole((long)fixture.Server.Sql($"SELECT count(*) FROM {{visits}} WHERE {where} AND {Year}")[0][0]!);

    [Fact]
    public async Task The_overview_shows_the_headline_metrics_against_a_year_before()
    {
        await using var reader = await fixture.OpenAsync("/");
        var card = reader.Page.Locator(".kpi").Filter(new() { HasText = "Visits" });
        await Expect(card.Locator(".figure")).ToHaveAttributeAsync("title", Count("true"));
        await Reader.ReadsAsync(card, "a year before");
        await Reader.ReadsAsync(card.Locator(".delta"), "%");
        Assert.Equal(5, await reader.Page.Locator(".kpi").CountAsync());

        // March is not over: dotted, and said.
        Assert.Equal(1, await reader.Page.Locator(".plot .line.open").CountAsync());
        await Reader.ReadsAsync(reader.Page.Locator(".legend"), "Mar 2026 is not over");

        await reader.Page.Locator(".kpi").Filter(new() { HasText = "Bounce rate" }).ClickAsync();
        await Reader.ReadsAsync(reader.Page.Locator(".chart .legend"), "Bounce rate");
        Assert.Contains("metric=bounce_rate", reader.Page.Url, StringComparison.Ordinal);
        reader.AssertQuiet();
    }

    [Fact]
    public async Task Explore_finds_compares_drills_sorts_and_shares()
    {
        await using var reader = await fixture.OpenAsync("/?view=explore");
        var page = reader.Page;
        await page.GetByLabel("Search metrics").FillAsync("pages seen");
        await Expect(page.Locator(".metrics li:visible")).ToHaveCountAsync(1);
        await page.GetByLabel("Search metrics").FillAsync("visits started");
        await page.Locator("[data-keep=metric-visits]").ClickAsync();
        await reader.SettledAsync();
        await Reader.ReadsAsync(page.Locator(".definition"), "Audience team");
        await Reader.ReadsAsync(page.Locator(".definition"), "Visits that started in the period.");

        await page.GetByLabel("Compare with").SelectOptionAsync("previousPeriod");
        await reader.SettledAsync();
        await Reader.ReadsAsync(page.Locator(".sum"), "the period before");

        await page.GetByLabel("Break down by").SelectOptionAsync("visit__device");
        await reader.SettledAsync();
        await page.Locator(".bars button").Filter(new() { HasText = "mobile" }).ClickAsync();
        await reader.SettledAsync();
        await Expect(page.Locator(".sum strong")).ToHaveAttributeAsync("title", Count("device = 'mobile'"));
        await Reader.ReadsAsync(page.Locator(".chips"), "Device: mobile");

        await page.GetByLabel("Break down by").SelectOptionAsync("visit__country");
        await reader.SettledAsync();
        await page.Locator(".sort").Filter(new() { HasText = "Change in %" }).ClickAsync();
        await reader.SettledAsync();
        await Expect(page.Locator("th[aria-sort]")).ToContainTextAsync("Change in %");
        var shares = (await page.Locator(".wide tbody tr td:last-child").AllTextContentsAsync()).Where(t => t != "–").Select(t => double.Parse(t.Replace('−', '-').Replace("±", "", StringComparison.Ordinal).TrimEnd('%'), CultureInfo.InvariantCulture)).ToList();
        Assert.True(shares.Count > 5);
        Assert.Equal(shares.OrderDescending(), shares);

        // Whoever gets the address sees the same.
        var row = await page.Locator(".wide tbody tr").First.TextContentAsync();
        await using var other = await fixture.OpenAsync(page.Url);
        Assert.Equal(row, await other.Page.Locator(".wide tbody tr").First.TextContentAsync());
        await Reader.ReadsAsync(other.Page.Locator(".chips"), "Device: mobile");
        await Reader.ReadsAsync(other.Page.Locator(".sum"), "the period before");

        await page.Locator(".chip").ClickAsync();
        await reader.SettledAsync();
        await Expect(page.Locator(".sum strong")).ToHaveAttributeAsync("title", Count("true"));
        await page.GoBackAsync();
        await Reader.ReadsAsync(page.Locator(".chips"), "Device: mobile");
        reader.AssertQuiet();
        other.AssertQuiet();
    }

    [Fact]
    public async Task A_custom_range_a_grain_and_a_zone_are_what_they_say()
    {
        await using var reader = await fixture.OpenAsync("/?view=explore&metric=visits&range=2026-01-01..2026-01-15&grain=day&zone=UTC&compare=none");
        var expected = fixture.Server.Sql("SELECT count(*) FROM {visits} WHERE occurred_at >= TIMESTAMP '2026-01-01' AND occurred_at < TIMESTAMP '2026-01-15'")[0][0];
        await Expect(reader.Page.Locator(".sum strong")).ToHaveAttributeAsync("title", Whole((long)expected!));
        Assert.Equal("2026-01-14", await reader.Page.GetByLabel("To, included").InputValueAsync());
        Assert.Equal("UTC", await reader.Page.GetByLabel("Time zone").InputValueAsync());
        Assert.Equal(0, await reader.Page.Locator(".line.open").CountAsync());

        // The arrow keys read each value.
        await reader.Page.Locator(".plot").FocusAsync();
        await reader.Page.Keyboard.PressAsync("Home");
        var first = fixture.Server.Sql("SELECT count(*) FROM {visits} WHERE occurred_at >= TIMESTAMP '2026-01-01' AND occurred_at < TIMESTAMP '2026-01-02'")[0][0];
        await Reader.ReadsAsync(reader.Page.Locator(".tip"), Whole((long)first!));
        reader.AssertQuiet();
    }

    [Fact]
    public async Task A_month_that_the_range_cuts_is_dotted_and_said()
    {
        await using var reader = await fixture.OpenAsync("/?view=explore&metric=visits&range=2025-10-10..2026-01-15&grain=month&compare=none");
        await Reader.ReadsAsync(reader.Page.Locator(".legend"), "Oct 2025 and Jan 2026 are not whole");
        Assert.Equal(2, await reader.Page.Locator(".line.open").CountAsync());
        await reader.GoAsync("/?view=explore&metric=visits&range=2025-10-01..2026-02-01&grain=month&compare=none");
        await Expect(reader.Page.Locator(".legend")).Not.ToContainTextAsync("whole");
        Assert.Equal(0, await reader.Page.Locator(".line.open").CountAsync());
        reader.AssertQuiet();
    }

    [Fact]
    public async Task A_retention_without_a_time_is_one_cohort()
    {
        await using var reader = await fixture.OpenAsync("/?view=api&metric=returning_visitors&grain=auto");
        var rows = reader.Page.Locator("table.cohorts tbody tr");
        await Expect(rows).ToHaveCountAsync(1, new() { Timeout = 30_000 });
        await Reader.ReadsAsync(rows, "The whole period");
        await Reader.ReadsAsync(rows, "%");
        reader.AssertQuiet();
    }

    [Fact]
    public async Task Addresses_that_an_operator_copies_name_the_tenant()
    {
        await using var reader = await fixture.OpenAsync("/?view=insights&tenant=acme");
        var tile = reader.Page.Locator("section.card").Filter(new() { HasText = "/v1/insights/kpi-year-on-year" });
        var csv = await tile.GetByText("CSV").GetAttributeAsync("href");
        var own = await fixture.Server.Client.GetStringAsync(csv, Cancel);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/insights/kpi-year-on-year") { Headers = { { "X-Tenant", "acme" }, { "Accept", "text/csv" } } };
        using var expected = await fixture.Server.Client.SendAsync(request, Cancel);
        Assert.Equal(await expected.Content.ReadAsStringAsync(Cancel), own);
        Assert.NotEqual(await fixture.Server.Client.GetStringAsync("/v1/insights/kpi-year-on-year?format=csv", Cancel), own);
        Assert.Contains("tenant=acme", await tile.GetByText("Picture (SVG)").GetAttributeAsync("href"), StringComparison.Ordinal);
        reader.AssertQuiet();
    }

    [Fact]
    public async Task Another_revision_of_the_model_renews_what_the_page_remembers()
    {
        await using var reader = await fixture.OpenAsync("/?view=explore");
        var page = reader.Page;
        var asked = 0;
        page.Request += (_, request) => asked += request.Url.EndsWith("/v1/metrics", StringComparison.Ordinal) ? 1 : 0;
        await page.RunAndWaitForResponseAsync(() => page.Locator("[data-keep=metric-bounce_rate]").ClickAsync(), "**/v1/caller");
        await reader.SettledAsync();
        Assert.Equal(0, asked);

        // The server says another revision from now on.
        await page.RouteAsync("**/v1/caller", async route =>
        {
            var answer = await route.FetchAsync();
            var caller = JsonNode.Parse(await answer.TextAsync())!;
            Assert.NotNull(caller["modelRevision"]);
            caller["modelRevision"] = "another";
            await route.FulfillAsync(new() { Response = answer, Body = caller.ToJsonString() });
        });
        await page.RunAndWaitForRequestAsync(() => page.Locator("[data-keep=metric-visits]").ClickAsync(), "**/v1/metrics");
        await reader.SettledAsync();
        Assert.Equal(1, asked);
        reader.AssertQuiet();
    }

    [Fact]
    public async Task The_table_is_saved_as_csv_with_all_rows()
    {
        await using var reader = await fixture.OpenAsync("/?view=explore&metric=visits&by=visit__country");
        var download = await reader.Page.RunAndWaitForDownloadAsync(() => reader.Page.GetByText("Download CSV").ClickAsync());
        var path = await download.PathAsync();
        var lines = await File.ReadAllLinesAsync(path, Cancel);
        var countries = (long)fixture.Server.Sql($"SELECT count(*) FROM (SELECT country FROM {{visits}} WHERE {Year} GROUP BY country)")[0][0]!;
        Assert.StartsWith("visit__country,visits,visits__previous", lines[0], StringComparison.Ordinal);
        Assert.True(lines.Length - 1 >= countries);
        reader.AssertQuiet();
    }

    [Fact]
    public async Task The_query_is_shown_in_ways_that_work()
    {
        await using var reader = await fixture.OpenAsync("/?view=explore&metric=visits&by=visit__device&compare=none&is=visit__country:DE&tenant=acme");
        var page = reader.Page;
        await page.GetByText("Show the query").ClickAsync();
        await page.Locator("details .tabs").First.GetByText("Break-down").ClickAsync();
        var curl = await page.Locator("details pre").TextContentAsync();
        var address = Regex.Match(curl!, "'(http[^']+)'").Groups[1].Value;
        Assert.Contains("tenant=acme", address, StringComparison.Ordinal);
        var rest = JsonNode.Parse(await fixture.Server.Client.GetStringAsync(address, Cancel))!["rows"]!.AsArray();

        await page.GetByRole(AriaRole.Button, new() { Name = "OData" }).ClickAsync();
        var feed = JsonNode.Parse(await fixture.Server.Client.GetStringAsync((await page.Locator("details pre").TextContentAsync())!.Trim(), Cancel))!["value"]!.AsArray();

        // The browser's clock is not the server's, so the feed is asked for other days; the shape is the same.
        Assert.Equal("visits", rest[0]!.AsObject().Select(p => p.Key).Last());
        Assert.All(feed, r => Assert.True(r!.AsObject().ContainsKey("visits") && r.AsObject().ContainsKey("visit__device")));

        foreach (var (way, word) in new[] { ("C#", "HttpClient"), ("Python", "urllib.request"), ("Power Query", "OData.Feed") })
        {
            await page.GetByRole(AriaRole.Button, new() { Name = way, Exact = true }).ClickAsync();
            await Reader.ReadsAsync(page.Locator("details pre"), word);
        }

        await page.GetByRole(AriaRole.Button, new() { Name = "SQL and who served it" }).ClickAsync();
        await Reader.ReadsAsync(page.Locator("details"), "Served by");
        await Reader.ReadsAsync(page.Locator("details pre").First, "SELECT");
        reader.AssertQuiet();
    }

    [Fact]
    public async Task A_refresh_by_hand_shows_its_progress_to_its_end()
    {
        var before = (long)(await fixture.Server.GetAsync("/v1/gold/visits_daily")).Body["tables"]![0]!["table"]!["revision"]!;
        await using var reader = await fixture.OpenAsync("/?view=operations");
        var row = reader.Page.GetByRole(AriaRole.Region, new() { Name = "Gold tables" }).Locator("tr").Filter(new() { HasText = "visits_daily" });
        await row.GetByRole(AriaRole.Button, new() { Name = "Rebuild visits_daily" }).ClickAsync();
        await Expect(row.Locator(".run")).ToContainTextAsync(new Regex("waiting|\\d+ of \\d+ partitions"), new() { Timeout = 30_000 });
        await Expect(row.Locator(".run")).ToContainTextAsync("succeeded", new() { Timeout = 60_000 });
        await reader.SettledAsync();
        var after = (long)(await fixture.Server.GetAsync("/v1/gold/visits_daily")).Body["tables"]![0]!["table"]!["revision"]!;
        Assert.True(after > before);
        await Reader.ReadsAsync(row, after.ToString(CultureInfo.InvariantCulture));
        await Reader.ReadsAsync(reader.Page.GetByRole(AriaRole.Region, new() { Name = "Runs" }), "manual");
        await Reader.ReadsAsync(reader.Page.Locator(".operations"), "Dead letters");
        reader.AssertQuiet();
    }

    [Fact]
    public async Task A_run_is_cancelled_from_the_page()
    {
        var ledger = fixture.Server.Services.GetRequiredService<RunLedger>();
        var now = fixture.Server.Services.GetRequiredService<TimeProvider>().GetUtcNow();
        var run = new RefreshRun { Id = ledger.NewId(), Table = "shows_daily", Trigger = RunTrigger.Manual, State = RunState.Running, StartedAt = now, Basis = now };
        await ledger.CreateAsync(run, Cancel);
        try
        {
            await using var reader = await fixture.OpenAsync("/?view=operations");
            var row = reader.Page.GetByRole(AriaRole.Region, new() { Name = "Runs" }).Locator("tr").Filter(new() { HasText = "shows_daily" }).Filter(new() { Has = reader.Page.GetByText("Cancel") });
            var answer = await reader.Page.RunAndWaitForResponseAsync(() => row.GetByRole(AriaRole.Button).ClickAsync(), $"**/v1/runs/{run.Id}/cancel");
            Assert.Equal(202, answer.Status);
            Assert.True((await ledger.GetAsync(run.Id, Cancel))!.CancelRequested);
            await Reader.ReadsAsync(reader.Page.Locator("#said"), "asked to stop");
            await Reader.ReadsAsync(reader.Page.GetByRole(AriaRole.Region, new() { Name = "Runs" }), "stopping");
            reader.AssertQuiet();
        }
        finally
        {
            await ledger.UpdateAsync(run.Id, r => r with { State = RunState.Cancelled, EndedAt = now }, Cancel);
        }
    }

    [Fact]
    public async Task Dead_letters_are_read_and_sent_again_from_the_page()
    {
        Assert.SkipWhen(DashboardFixture.Missing is not null, DashboardFixture.Missing ?? "");
        // A server of its own: once a stream counts, what it has not sent is no event of its time, whatever the sample's files say.
        await using var server = new ServerFixture();
        await server.InitializeAsync();
        // Straight into the stream: HTTP would refuse it.
        var put = await server.Services.GetRequiredService<IEventStreams>().Get("visits").PutAsync([new PutRecord("key", "{ no event"u8.ToArray())], Cancel);
        Assert.All(put, result => Assert.True(result.IsAccepted, result.Error?.Message));
        for (var tries = 0; (await server.GetAsync("/v1/streams/visits/dead-letters")).Body["deadLetters"]!.AsArray().Count == 0; tries++)
        {
            Assert.True(tries < 600, "The record is no dead letter.");
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Cancel);
        }

        await using var reader = await fixture.OpenAsync("/?view=operations", server: server);
        var page = reader.Page;
        await page.GetByText("Dead letters: 1").ClickAsync();
        var letters = page.GetByRole(AriaRole.Region, new() { Name = "Dead letters of visits" });
        await Reader.ReadsAsync(letters, "invalid_json");
        await Reader.ReadsAsync(letters, "{ no event");
        var answer = await page.RunAndWaitForResponseAsync(() => page.GetByRole(AriaRole.Button, new() { Name = "Count them again" }).ClickAsync(), "**/dead-letters/replay");
        var told = JsonNode.Parse(await answer.TextAsync())!;
        Assert.Equal((1L, 0L), ((long)told["replayed"]!, (long)told["kept"]!));
        await Reader.ReadsAsync(page.Locator(".operations"), "1 was sent again, 0 are kept.");
        reader.AssertQuiet();
    }

    [Fact]
    public async Task A_tenant_signs_in_with_its_key_and_sees_its_own_only()
    {
        using var made = await fixture.Server.Client.PostAsJsonAsync("/v1/keys", new { name = "page", tenant = "acme" }, Cancel);
        var key = (string)JsonNode.Parse(await made.Content.ReadAsStringAsync(Cancel))!["key"]!;
        await using var reader = await fixture.OpenAsync("/", proxied: true);
        var page = reader.Page;
        await page.GetByLabel("Key").FillAsync("wdp_wrong");
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Reader.ReadsAsync(page.Locator(".problem"), "not known");
        await page.GetByLabel("Key").FillAsync(key);
        var answer = await page.RunAndWaitForResponseAsync(() => page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync(), "**/v1/caller?signed-in");
        Assert.Contains("acme", await answer.TextAsync(), StringComparison.Ordinal);
        await Reader.ReadsAsync(page.Locator("#session"), "Tenant acme");
        await reader.SettledAsync();
        await Expect(page.Locator(".kpi").Filter(new() { HasText = "Visits" }).Locator(".figure")).ToHaveAttributeAsync("title", Count("customer = 'acme'"));
        await Expect(page.Locator("#views")).Not.ToContainTextAsync("Operations");

        // The key is this tab's: it lasts as long, and is in no address.
        await page.ReloadAsync();
        await Reader.ReadsAsync(page.Locator("#session"), "Tenant acme");
        Assert.DoesNotContain(key, page.Url, StringComparison.Ordinal);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await Reader.SeesAsync(page.GetByLabel("Key"));
        await reader.AssertAccessibleAsync();
        reader.AssertQuiet();
    }

    [Fact]
    public async Task The_explorer_builds_a_query_by_clicks()
    {
        await using var reader = await fixture.OpenAsync("/?view=api");
        var page = reader.Page;
        await page.GetByLabel("Page views", new() { Exact = true }).CheckAsync();
        await reader.SettledAsync();
        await page.GetByLabel("Device", new() { Exact = true }).CheckAsync();
        await reader.SettledAsync();
        await Reader.ReadsAsync(page.Locator("details pre").First, "metrics=visits,page_views");
        await Reader.ReadsAsync(page.Locator("details pre").First, "groupBy=visit__device");
        await Reader.ReadsAsync(page.GetByRole(AriaRole.Region, new() { Name = "Rows" }), "tablet");
        await page.GetByLabel("Visitors on the way to a purchase").CheckAsync();
        await reader.SettledAsync();
        await Reader.ReadsAsync(page.Locator(".funnel").First, "drop-off");
        reader.AssertQuiet();
    }

    [Fact]
    public async Task Everything_is_reached_by_the_keyboard_alone()
    {
        await using var reader = await fixture.OpenAsync("/");
        await reader.TabToAsync("nav a:nth-child(2)");
        await reader.Page.Keyboard.PressAsync("Enter");
        await reader.SettledAsync();
        await reader.TabToAsync(".metrics button");
        await reader.TabToAsync(".bars li:first-child button");
        await reader.Page.Keyboard.PressAsync("Enter");
        await reader.SettledAsync();
        await Reader.SeesAsync(reader.Page.Locator(".chip"));
        await reader.TabToAsync(".sort");
        await reader.TabToAsync("summary");
        await reader.Page.Keyboard.PressAsync("Enter");
        await Reader.ReadsAsync(reader.Page.Locator("details pre"), "curl");
        reader.AssertQuiet();
    }

    [Theory]
    [InlineData(1280, ColorScheme.Light)]
    [InlineData(390, ColorScheme.Dark)]
    public async Task Every_view_is_accessible_fits_and_is_quiet(int width, ColorScheme theme)
    {
        await using var reader = await fixture.OpenAsync("/", width, theme);
        foreach (var view in new[] { "overview", "explore", "insights", "operations", "api" })
        {
            await reader.GoAsync($"/?view={view}");
            await reader.AssertAccessibleAsync();
            Assert.True(await reader.Page.EvaluateAsync<int>("() => document.documentElement.scrollWidth - innerWidth") <= 0, $"{view} is wider than the window.");
            Assert.Empty(await reader.CollisionsAsync(".plot svg"));
        }

        reader.AssertQuiet();
    }

    [Fact]
    public async Task A_period_without_data_and_a_refusal_are_said()
    {
        await using var reader = await fixture.OpenAsync("/?view=explore&metric=visits&range=2001-01-01..2001-02-01&compare=none");
        await Reader.ReadsAsync(reader.Page.Locator(".columns"), "Nothing happened in this period");
        reader.AssertQuiet();

        await reader.Page.GotoAsync("/?view=explore&metric=visits&range=2001-02-01..2001-01-01");
        await Reader.ReadsAsync(reader.Page.Locator(".state.error").First, "The request was refused.");
        await Reader.SeesAsync(reader.Page.GetByText("Try again"));
    }

    [Theory]
    [InlineData(400)]
    [InlineData(1200)]
    public async Task Pictures_are_readable_at_their_widths(int width)
    {
        await using var reader = await fixture.OpenAsync("/?view=api");
        foreach (var insight in new[] { "kpi-year-on-year", "top-shows", "audience-by-country", "conversion", "purchase-funnel", "returning-visitors" })
        {
            await reader.Page.GotoAsync($"/v1/insights/{insight}.svg?width={width}&theme=dark");
            Assert.Empty(await reader.CollisionsAsync("svg"));
            Assert.Equal("rgb(231, 237, 243)", await reader.Page.EvaluateAsync<string>("() => getComputedStyle(document.querySelector('.t')).fill"));
        }

        reader.AssertQuiet();
    }
}
