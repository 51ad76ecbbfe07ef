using System.Globalization;
using System.Net;
using Microsoft.Extensions.DependencyInjection;

namespace Write.DataPlatform.Api.Tests.OData;

/// <summary>What Power Query does: looks, reads all pages, and refreshes ranges.</summary>
[Collection(typeof(ServerCollection))]
public sealed class ImportTests(ServerFixture server)
{
    private const string Set = "/odata/visits_daily";

    [Theory]
    [InlineData("")]
    [InlineData("?$orderby=visit__country desc,bounce_rate")]
    [InlineData("?$orderby=loaded_at,visits desc")]
    public async Task All_pages_together_are_all_rows_once(string options)
    {
        var rows = await FeedClient.AllAsync(server.Client, Set + options.Replace(" ", "%20", StringComparison.Ordinal), 1_777);
        Assert.Equal(await server.TextAsync(Set + "/$count"), rows.Count.ToString(CultureInfo.InvariantCulture));
        Assert.Equal(rows.Count, rows.Select(r => (string)r["row_key"]!).Distinct().Count());
        Assert.Equal((long)server.Sql("SELECT count(*) FROM {visits}")[0][0]!, rows.Sum(r => (long?)r["visits"] ?? 0));
    }

    [Fact]
    public async Task Power_querys_requests_one_after_the_other()
    {
        (string, string)[] headers = [("Accept", FeedClient.PowerQueryAccept), ("OData-MaxVersion", "4.0"), ("MaxDataServiceVersion", "3.0"), ("Prefer", "odata.maxpagesize=5000"), ("User-Agent", "Microsoft.Data.Mashup (https://go.microsoft.com/fwlink/?LinkID=304225)")];
        foreach (var path in new[] { "/odata", "/odata/$metadata", "/odata/visits_daily?$top=1000" })
        {
            using var response = await FeedClient.SendAsync(server.Client, path, headers);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal(["4.0"], response.Headers.GetValues("OData-Version"));
        }

        Assert.Equal(1000, (await FeedClient.RowsAsync(server.Client, Set + "?$top=1000", headers)).Count);
        var limited = await FeedClient.AllAsync(server.Client, Set + "?$top=2500&$skip=10&$count=true", 1000);
        var straight = await FeedClient.RowsAsync(server.Client, Set + "?$top=2500&$skip=10");
        Assert.Equal(straight.Select(r => (string)r!["row_key"]!), limited.Select(r => (string)r["row_key"]!));
    }

    [Theory]
    [InlineData("metric_time__day ge 2025-02-01 and metric_time__day lt 2025-03-01")]
    [InlineData("metric_time__day ge 2025-02-01T00:00:00Z and metric_time__day lt 2025-03-01T00:00:00Z")]
    [InlineData("metric_time__day ge 2025-02-01T01:00:00%2B01:00 and metric_time__day lt 2025-03-01T01:00:00%2B01:00")]
    public async Task A_range_of_incremental_refresh_is_that_month(string filter)
    {
        var rows = await FeedClient.RowsAsync(server.Client, $"{Set}?$filter={filter.Replace(" ", "%20", StringComparison.Ordinal)}&$select=metric_time__day,visits");
        var expected = server.Sql("""
            SELECT count(*) FROM {visits} WHERE timezone('Europe/Berlin', timezone('UTC', occurred_at)) >= '2025-02-01' AND timezone('Europe/Berlin', timezone('UTC', occurred_at)) < '2025-03-01'
            """);
        Assert.Equal((long)expected[0][0]!, rows.Sum(r => (long?)r!["visits"] ?? 0));
        Assert.All(rows, r => Assert.StartsWith("2025-02-", (string)r!["metric_time__day"]!, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_tenant_sees_its_own_rows_whatever_it_asks()
    {
        var tenants = server.Services.GetRequiredService<Model.ModelStore>().Current.Tenants.Keys.Take(2).ToList();
        var totals = new List<long>();
        foreach (var tenant in tenants)
        {
            var (_, document) = await FeedClient.GetAsync(server.Client, "/odata?tenant=" + tenant);
            var names = document["value"]!.AsArray().Select(s => (string)s!["name"]!).Where(n => !n.StartsWith("metrics", StringComparison.Ordinal));
            Assert.Equal(["customers_daily"], names);
            Assert.Equal(HttpStatusCode.NotFound, (await FeedClient.GetAsync(server.Client, Set + "?tenant=" + tenant)).Status);
            var rows = await FeedClient.AllAsync(server.Client, "/odata/customers_daily?tenant=" + tenant, 500);
            var sum = rows.Sum(r => (long?)r["visits"] ?? 0);
            var applied = await FeedClient.RowsAsync(server.Client, $"/odata/customers_daily?tenant={tenant}&$apply=aggregate(visits%20with%20sum%20as%20v)");
            Assert.Equal(sum, (long)applied[0]!["v"]!);
            var asked = await FeedClient.RowsAsync(server.Client, $"/odata/metrics?tenant={tenant}&$apply=aggregate(visits)");
            Assert.Equal(sum, (long)asked[0]!["visits"]!);
            totals.Add(sum);
        }

        Assert.True(totals.Sum() < (long)server.Sql("SELECT count(*) FROM {visits}")[0][0]!);
        Assert.Equal(HttpStatusCode.NotFound, (await FeedClient.GetAsync(server.Client, "/odata/customers_daily")).Status);

        // A token of one tenant is nothing to another, nor is one that was changed.
        var (_, page) = await FeedClient.GetAsync(server.Client, "/odata/customers_daily?tenant=" + tenants[0], ("Prefer", "maxpagesize=10"));
        var next = (string)page["@odata.nextLink"]!;
        Assert.Equal(HttpStatusCode.OK, (await FeedClient.GetAsync(server.Client, next)).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await FeedClient.GetAsync(server.Client, next.Replace("tenant=" + tenants[0], "tenant=" + tenants[1], StringComparison.Ordinal))).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await FeedClient.GetAsync(server.Client, next[..^6] + "AAAAAA")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await FeedClient.GetAsync(server.Client, next + "&$filter=visits%20gt%201")).Status);
    }
}
