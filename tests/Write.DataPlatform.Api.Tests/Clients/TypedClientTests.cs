using System.Globalization;
using System.Text.Json;
using Write.DataPlatform.Client;

namespace Write.DataPlatform.Api.Tests.Clients;

/// <summary>The generated client against a server.</summary>
[Collection(typeof(ServerCollection))]
public sealed class TypedClientTests(ServerFixture server)
{
    private DataPlatformClient Api { get; } = new(server.Client);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_catalogue_is_typed()
    {
        var metrics = (await Api.ListMetricsAsync(Cancel)).Metrics!;
        Assert.Contains(metrics, m => m.Name == "visits");
        Assert.Equal("visits", (await Api.GetMetricAsync("visits", Cancel)).Name);
        Assert.Equal("Healthy", (await Api.LiveAsync(Cancel)).Status.ToString());
    }

    [Fact]
    public async Task A_query_answers_as_a_statement_by_hand()
    {
        var answer = await Api.QueryAsync(
            new MetricQuery { Metrics = ["visits"], GroupBy = ["visit__country"], TimeRange = new TimeRange { From = "2026-01-01", To = "2026-02-01" } },
            cancellationToken: Cancel);
        var expected = server.Sql("SELECT country, count(*) FROM {visits} WHERE occurred_at >= '2025-12-31 23:00' AND occurred_at < '2026-01-31 23:00' GROUP BY 1");
        Assert.Equal(
            expected.Select(r => string.Create(CultureInfo.InvariantCulture, $"{r[0]} {r[1]}")).Order(StringComparer.Ordinal),
            answer.Rows!.Select(r => $"{r["visit__country"]} {((JsonElement)r["visits"]).GetInt64()}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_condition_is_a_text_or_a_tree()
    {
        Task<Answer> AskAsync(Where where) => Api.QueryAsync(new MetricQuery { Metrics = ["visits"], Where = where, TimeRange = new TimeRange { From = "2026-01-01", To = "2026-02-01" } }, cancellationToken: Cancel);
        var text = await AskAsync("{{ Dimension('visit__country') }} = 'FR'");
        var tree = await AskAsync(new Filter { Field = "visit__country", Op = FilterOp.Equals, Values = ["FR"] });
        Assert.Equal(((JsonElement)text.Rows!.Single()["visits"]).GetInt64(), ((JsonElement)tree.Rows!.Single()["visits"]).GetInt64());
        Assert.True(((JsonElement)text.Rows!.Single()["visits"]).GetInt64() > 0);
    }

    [Fact]
    public async Task An_insight_is_an_operation_of_its_own()
    {
        var answer = await Api.InsightTopShowsAsync(limit: 3, cancellationToken: Cancel);
        Assert.Equal(3, answer.Rows!.Count);
    }

    [Fact]
    public async Task What_is_refused_is_an_exception_with_the_problem()
    {
        var refused = await Assert.ThrowsAsync<DataPlatformException<Problem>>(() => Api.GetMetricAsync("visit", Cancel));
        Assert.Equal((404, "unknown_metric"), (refused.StatusCode, refused.Result.Code));
        refused = await Assert.ThrowsAsync<DataPlatformException<Problem>>(() => Api.QueryAsync(new MetricQuery { Metrics = ["nothing"] }, cancellationToken: Cancel));
        Assert.Equal(400, refused.StatusCode);
    }

    [Fact]
    public async Task Words_are_words_in_a_query_string()
    {
        var answer = await Api.QueryByAddressAsync(metrics: ["visits"], toDate: ToDate.Month, source: Source.Lake, cancellationToken: Cancel);
        Assert.Equal("lake", Assert.Single(answer.Served!.By!).ToString(), ignoreCase: true);
    }

    [Fact]
    public async Task A_value_with_a_comma_is_one_value_and_no_value_is_not_asked()
    {
        await using var small = new SmallServer();
        // The insight has the name of one of the sample's, whose operation asks for it.
        await File.AppendAllTextAsync(
            small.ModelFile,
            """
            insights:
              - name: audience-by-country
                query: { metrics: [visits], group_by: [visit__country], time_range: { from: 2026-01-01, to: 2026-04-01 } }
                parameters: [{ name: country, field: visit__country, multiple: true }]

            """,
            Cancel);
        SmallServer.Sql($"""
            COPY (SELECT 9000000 + i AS id, TIMESTAMP '2026-03-01' AS started_at, ['Korea, Republic of', 'Korea', 'a\b', 'a\,b', 'x,', ' Republic of'][1 + i % 6] AS country, 1::BIGINT AS seconds FROM range(60) AS r(i))
            TO '{Path.GetDirectoryName(small.MonthFile("2026-03-01"))}/b.parquet' (FORMAT parquet)
            """);
        await small.StartAsync();
        var api = new DataPlatformClient(small.Client);
        foreach (var countries in new[] { ["Korea, Republic of"], ["a\\b"], ["a\\,b", "x,"], [" Republic of"], new[] { "C1", "Korea, Republic of", "Korea" } })
        {
            Assert.Equal(countries.Order(StringComparer.Ordinal), (await api.InsightAudienceByCountryAsync(country: countries, cancellationToken: Cancel)).Rows!.Select(r => r.Visit__country).Order(StringComparer.Ordinal));
        }

        Assert.Equal("country", (await Assert.ThrowsAsync<ArgumentException>(() => api.InsightAudienceByCountryAsync(country: [], cancellationToken: Cancel))).ParamName);
        Assert.Equal(11, (await api.InsightAudienceByCountryAsync(cancellationToken: Cancel)).Rows!.Count);
        // Names of a query have no commas but those of MetricFlow's templates, and a list of no names is no list.
        var months = await api.QueryByAddressAsync(metrics: ["visits"], groupBy: ["TimeDimension('metric_time', 'month')"], orderBy: [], cancellationToken: Cancel);
        Assert.Equal(3, months.Rows!.Count);
    }

    [Theory]
    [InlineData("https://metrics.example", "https://metrics.example/v1/metrics")]
    [InlineData("https://metrics.example/prod", "https://metrics.example/prod/v1/metrics")]
    [InlineData("https://metrics.example/prod/", "https://metrics.example/prod/v1/metrics")]
    public async Task A_stage_belongs_to_the_address(string address, string asked)
    {
        using var handler = new Asked();
        using var http = new HttpClient(handler) { BaseAddress = DataPlatformClient.Root(new Uri(address)) };
        await Assert.ThrowsAnyAsync<DataPlatformException>(() => new DataPlatformClient(http).ListMetricsAsync(Cancel));
        Assert.Equal(asked, handler.Address?.ToString());
    }

    private sealed class Asked : HttpMessageHandler
    {
        public Uri? Address { get; private set; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Address = request.RequestUri;
            return Task.FromResult(new HttpResponseMessage(System.Net.HttpStatusCode.NotFound));
        }
    }

    [Fact]
    public async Task A_client_of_an_address_shows_its_key()
    {
        var stranger = DataPlatformClient.Connect(server.Client.BaseAddress!, "wdp_nobody");
        var refused = await Assert.ThrowsAsync<DataPlatformException<Problem>>(() => stranger.ListMetricsAsync(Cancel));
        Assert.Equal((401, "unauthorized"), (refused.StatusCode, refused.Result.Code));
    }
}
