using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using Write.DataPlatform.Api.Charts;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.Tests.Dashboard;

/// <summary>Answers as pictures: the same rows, policies and tags as any other format's.</summary>
[Collection(typeof(ServerCollection))]
public sealed class PictureTests(ServerFixture server)
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/v1/insights/kpi-year-on-year.svg?width=400&theme=light", 400)]
    [InlineData("/v1/insights/purchase-funnel.svg?width=1200&device=mobile", 1200)]
    [InlineData("/v1/insights/returning-visitors?format=svg", 800)]
    [InlineData("/v1/query?metrics=visits&groupBy=visit__country&last=P30D&compare=previousYear&format=svg&theme=dark", 800)]
    public async Task A_picture_is_svg_with_a_policy_of_its_own(string path, int width)
    {
        using var response = await server.Client.GetAsync(path, Cancel);
        var text = await response.Content.ReadAsStringAsync(Cancel);
        Assert.True(response.StatusCode == HttpStatusCode.OK, text);
        Assert.Equal("image/svg+xml", response.Content.Headers.ContentType!.MediaType);
        var policy = response.Headers.GetValues("Content-Security-Policy").Single();
        Assert.StartsWith("default-src 'none'; style-src 'sha256-", policy, StringComparison.Ordinal);
        var root = XDocument.Parse(text).Root!;
        Assert.Equal(Svg + "svg", root.Name);
        Assert.Equal(width, (int)root.Attribute("width")!);
        Assert.NotEmpty(root.Descendants(Svg + "text"));
    }

    [Fact]
    public async Task It_is_asked_for_by_accept_and_has_a_tag()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/query?metrics=visits&groupBy=visit__country&from=2026-01-01&to=2026-02-01&source=gold");
        request.Headers.Accept.ParseAdd("image/avif,image/webp,image/svg+xml,image/*,*/*;q=0.8");
        using var first = await server.Client.SendAsync(request, Cancel);
        Assert.Equal("image/svg+xml", first.Content.Headers.ContentType!.MediaType);
        using var again = new HttpRequestMessage(HttpMethod.Get, request.RequestUri);
        again.Headers.Accept.ParseAdd("image/svg+xml");
        again.Headers.IfNoneMatch.Add(first.Headers.ETag!);
        using var second = await server.Client.SendAsync(again, Cancel);
        Assert.Equal(HttpStatusCode.NotModified, second.StatusCode);

        // A page that is opened in a browser is still JSON, and a picture of other colours is another.
        using var opened = new HttpRequestMessage(HttpMethod.Get, request.RequestUri);
        opened.Headers.Accept.ParseAdd("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8");
        using var json = await server.Client.SendAsync(opened, Cancel);
        Assert.Equal("application/json", json.Content.Headers.ContentType!.MediaType);
        using var dark = await server.Client.GetAsync(request.RequestUri + "&format=svg&theme=dark", Cancel);
        Assert.NotEqual(first.Headers.ETag, dark.Headers.ETag);
    }

    [Fact]
    public async Task A_tenant_is_drawn_its_own_numbers()
    {
        using var made = await server.Client.PostAsJsonAsync("/v1/keys", new { name = "picture", tenant = "acme" }, Cancel);
        var key = (string)JsonNode.Parse(await made.Content.ReadAsStringAsync(Cancel))!["key"]!;
        var expected = server.Sql("SELECT count(*) FROM {visits} WHERE customer = 'acme' AND device = 'mobile' AND occurred_at >= TIMESTAMP '2025-12-31 23:00' AND occurred_at < TIMESTAMP '2026-01-31 23:00'")[0][0];
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/query?metrics=visits&groupBy=visit__device&from=2026-01-01&to=2026-02-01");
        request.Headers.Add("X-Api-Key", key);
        request.Headers.Accept.ParseAdd("image/svg+xml");
        using var response = await server.Client.SendAsync(request, Cancel);
        var texts = XDocument.Parse(await response.Content.ReadAsStringAsync(Cancel)).Descendants(Svg + "text").Select(t => t.Value).ToList();
        Assert.Equal($"{expected:#,0}", texts[texts.IndexOf("mobile") + 1]);
    }

    [Theory]
    [InlineData("/v1/insights/top-shows.svg?width=10", "out_of_range")]
    [InlineData("/v1/insights/top-shows.svg?width=ten", "out_of_range")]
    [InlineData("/v1/insights/top-shows.svg?theme=pink", "wrong_type")]
    [InlineData("/v1/insights/top-shows.svg?nope=1", null)]
    [InlineData("/v1/insights/top-shows?width=400", null)]
    public async Task What_cannot_be_drawn_is_refused(string path, string? code)
    {
        var (status, body) = await server.GetAsync(path);
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.True(code is null || (string)body["errors"]![0]!["code"]! == code, body.ToJsonString());
    }

    [Fact]
    public async Task An_unknown_insight_has_no_picture() => Assert.Equal(HttpStatusCode.NotFound, (await server.GetAsync("/v1/insights/nope.svg")).Status);

    [Fact]
    public void Whatever_a_value_is_the_picture_is_well_formed_and_runs_nothing()
    {
        const string nasty = "</text><script>alert(1)</script>\"'&\u0000\ud800é🙂]]>";
        var answer = new MetricAnswer
        {
            Columns = [new AnswerColumn("a", new ColumnType(ColumnKind.String), nasty) { FullName = "a" }, new AnswerColumn("n", new ColumnType(ColumnKind.Int64), nasty, nasty, "#,0")],
            Rows = [[nasty, 5L], [null, -3L], ["", null]],
            Served = new ServedBy(["lake"], [], null, [], 0),
        };
        var root = XDocument.Parse(AnswerChart.Draw(answer, new ChartLook(400, ChartTheme.Auto), TimeZoneInfo.Utc, ResolvedRange.All)).Root!;
        Assert.Empty(root.Descendants(Svg + "script"));
        Assert.Contains(root.Descendants(Svg + "text"), t => t.Value == "not known");
    }

    [Theory]
    [InlineData("2026-01-10..2026-04-01", "Jan 26 is not whole")]
    [InlineData("2026-01-01..2026-03-10", "Mar 26 is not whole")]
    [InlineData("2026-01-10..2026-03-10", "Jan 26 and Mar 26 are not whole")]
    [InlineData("2026-01-01..2026-04-01", null)]
    public void A_period_that_the_range_cuts_is_dotted_and_said(string range, string? said)
    {
        var answer = new MetricAnswer
        {
            Columns = [new AnswerColumn("metric_time__month", new ColumnType(ColumnKind.Date)) { Grain = TimeGrain.Month, FullName = "metric_time__month" }, new AnswerColumn("n", new ColumnType(ColumnKind.Int64), "N", null, "#,0")],
            Rows = [[new DateOnly(2026, 1, 1), 5L], [new DateOnly(2026, 2, 1), 7L], [new DateOnly(2026, 3, 1), 3L]],
            Served = new ServedBy(["gold"], [], new DateTimeOffset(2026, 6, 1, 0, 0, 0, TimeSpan.Zero), [], 0),
        };
        var ends = range.Split("..").Select(d => TimeBound.FromDate(DateOnly.Parse(d, System.Globalization.CultureInfo.InvariantCulture), TimeZoneInfo.Utc)).ToArray();
        var root = XDocument.Parse(AnswerChart.Draw(answer, new ChartLook(800, ChartTheme.Light), TimeZoneInfo.Utc, new ResolvedRange(ends[0], ends[1]))).Root!;
        Assert.Equal(said, root.Descendants(Svg + "text").Select(t => t.Value).FirstOrDefault(t => t.Contains("whole", StringComparison.Ordinal)));
        Assert.Equal(said is null ? 0 : said.Contains(" and ", StringComparison.Ordinal) ? 2 : 1, root.Descendants(Svg + "path").Count(p => (string?)p.Attribute("class") == "l o"));
    }

    [Fact]
    public void An_unfinished_period_is_dotted_and_ends_in_the_readers_zone()
    {
        MetricAnswer Of(DateTimeOffset asOf) => new()
        {
            Columns = [new AnswerColumn("metric_time__day", new ColumnType(ColumnKind.Date)) { Grain = TimeGrain.Day, FullName = "metric_time__day" }, new AnswerColumn("n", new ColumnType(ColumnKind.Int64), "N", null, "#,0")],
            Rows = [[new DateOnly(2026, 3, 1), 5L], [new DateOnly(2026, 3, 2), 7L], [new DateOnly(2026, 3, 3), 3L]],
            Served = new ServedBy(["gold"], [], asOf, [], 0),
        };

        bool IsDotted(string asOf, string zone) => AnswerChart.Draw(Of(DateTimeOffset.Parse(asOf, null, System.Globalization.DateTimeStyles.AssumeUniversal)), new ChartLook(400, ChartTheme.Light), TimeZoneInfo.FindSystemTimeZoneById(zone), ResolvedRange.All).Contains("class=\"l o\"", StringComparison.Ordinal);
        Assert.True(IsDotted("2026-03-03T22:30:00Z", "Europe/Berlin"));
        Assert.False(IsDotted("2026-03-03T23:30:00Z", "Europe/Berlin"));
        Assert.True(IsDotted("2026-03-03T23:30:00Z", "UTC"));
        Assert.True(IsDotted("2026-03-04T04:30:00Z", "America/New_York"));
    }

    [Fact]
    public void Buckets_that_have_not_begun_are_not_taken_for_the_one_that_is_not_over()
    {
        var answer = new MetricAnswer
        {
            Columns = [new AnswerColumn("metric_time__day", new ColumnType(ColumnKind.Date)) { Grain = TimeGrain.Day, FullName = "metric_time__day" }, new AnswerColumn("n", new ColumnType(ColumnKind.Int64), "N", null, "#,0")],
            Rows = [[new DateOnly(2026, 3, 1), 5L], [new DateOnly(2026, 3, 2), 7L], [new DateOnly(2026, 3, 3), 0L], [new DateOnly(2026, 3, 4), 0L]],
            Served = new ServedBy(["gold"], [], new DateTimeOffset(2026, 3, 2, 10, 0, 0, TimeSpan.Zero), [], 0),
        };
        var root = XDocument.Parse(AnswerChart.Draw(answer, new ChartLook(800, ChartTheme.Light), TimeZoneInfo.Utc, ResolvedRange.All)).Root!;
        Assert.Contains(root.Descendants(Svg + "text"), t => t.Value == "2 Mar is not over yet");
        int Points(string style) => root.Descendants(Svg + "path").Single(e => (string?)e.Attribute("class") == style).Attribute("d")!.Value.Count(c => c is 'M' or 'L');
        Assert.Equal((1, 4), (Points("l"), Points("l o")));
    }

    /// <summary>Cohorts of one group are drawn, and not those of all on top of each other.</summary>
    [Fact]
    public void Cohorts_of_several_groups_are_not_drawn_over_one_another()
    {
        object?[] Row(string country, int month, long period, double rate) => [new DateOnly(2026, month, 1), country, period, (long)(rate * 100), 100L, rate];
        var answer = new MetricAnswer
        {
            Columns =
            [
                new AnswerColumn("metric_time__month", new ColumnType(ColumnKind.Date)) { Grain = TimeGrain.Month, FullName = "metric_time__month" }, new AnswerColumn("country", new ColumnType(ColumnKind.String)) { FullName = "country" },
                new AnswerColumn("kept__period", new ColumnType(ColumnKind.Int64)) { FullName = "kept__period" }, new AnswerColumn("kept", new ColumnType(ColumnKind.Int64), "Kept"), new AnswerColumn("kept__cohort", new ColumnType(ColumnKind.Int64)),
                new AnswerColumn("kept__rate", new ColumnType(ColumnKind.Double), null, null, "0.0%"),
            ],
            Rows = [Row("FR", 1, 0, 1), Row("FR", 1, 1, 0.5), Row("FR", 2, 0, 1), Row("DE", 1, 0, 1), Row("DE", 1, 1, 0.25), Row("DE", 2, 0, 1)],
            Served = new ServedBy(["lake"], [], null, [], 0),
        };
        var texts = XDocument.Parse(AnswerChart.Draw(answer, new ChartLook(800, ChartTheme.Light), TimeZoneInfo.Utc, ResolvedRange.All)).Root!.Descendants(Svg + "text").ToList();
        Assert.Equal(texts.Count, texts.Select(t => ((string?)t.Attribute("x"), (string?)t.Attribute("y"))).Distinct().Count());
        Assert.Contains(texts, t => t.Value == "50%");
        Assert.DoesNotContain(texts, t => t.Value == "25%");
        Assert.Contains(texts, t => t.Value.StartsWith("the first of 2 groups", StringComparison.Ordinal));
    }
}
