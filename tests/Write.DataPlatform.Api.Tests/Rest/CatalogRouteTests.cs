using System.Net;

namespace Write.DataPlatform.Api.Tests.Rest;

[Collection(typeof(ServerCollection))]
public sealed class CatalogRouteTests(ServerFixture server)
{
    [Fact]
    public async Task Metrics_are_described()
    {
        var (_, all) = await server.GetAsync("/v1/metrics");
        Assert.Equal(21, all["metrics"]!.AsArray().Count);
        var (_, one) = await server.GetAsync("/v1/metrics/bounce_rate");
        Assert.Equal(("ratio", "Bounce rate", "0.0 %"), ((string)one["type"]!, (string)one["label"]!, (string)one["format"]!));
        Assert.Contains("visits_daily", one["goldTables"]!.AsArray().Select(t => (string)t!));
        Assert.Contains("visit__country", one["dimensions"]!.AsArray().Select(d => (string)d!["name"]!));
    }

    [Fact]
    public async Task What_is_estimated_says_so_with_its_error()
    {
        var (_, one) = await server.GetAsync("/v1/metrics/approximate_visitors");
        Assert.Equal((true, 1.04 / 64), ((bool)one["approximate"]!, (double)one["error"]!));
        var (_, exact) = await server.GetAsync("/v1/metrics/unique_visitors");
        Assert.Equal((false, null), ((bool)exact["approximate"]!, exact["error"]));
        var (_, answer) = await server.PostAsync(
            "/v1/query", """{"metrics":["approximate_visitors","visits"],"timeRange":{"from":"2026-03-01","to":"2026-04-01"},"compare":{"to":"previousPeriod"}}""");
        Assert.Equal(
            [("approximate_visitors", true, 1.04 / 64), ("approximate_visitors__previous", true, 1.04 / 64), ("approximate_visitors__delta", true, null), ("approximate_visitors__ratio", true, null)],
            answer["columns"]!.AsArray().Where(c => c!["approximate"] is not null).Select(c => ((string)c!["name"]!, (bool)c["approximate"]!, (double?)c["error"])));
    }

    [Fact]
    public async Task Shared_dimensions_are_those_of_every_metric()
    {
        var (_, both) = await server.GetAsync("/v1/dimensions?metrics=visits,purchases");
        var names = both["dimensions"]!.AsArray().Select(d => (string)d!["name"]!).ToList();
        Assert.Contains("visit__country", names);
        Assert.DoesNotContain("step__kind", names);
        var (status, _) = await server.GetAsync("/v1/dimensions?metrics=visits,purchase");
        Assert.Equal(HttpStatusCode.BadRequest, status);
    }

    [Theory]
    [InlineData("visit__device", "SELECT DISTINCT device FROM {visits} ORDER BY 1 NULLS LAST", "")]
    [InlineData("visit__country", "SELECT DISTINCT country FROM {visits} WHERE country LIKE 'F%' ORDER BY 1", "?prefix=F")]
    [InlineData("visit__country", "SELECT DISTINCT country FROM {visits} WHERE country LIKE 'F%' ORDER BY 1", "?prefix=f")]
    [InlineData("visit__device", "SELECT DISTINCT device FROM {visits} WHERE device LIKE '%b%' ORDER BY 1", "?search=B")]
    [InlineData("visit__device", "SELECT DISTINCT device FROM {visits} WHERE device LIKE 't%b%' ORDER BY 1", "?search=B&prefix=T&metrics=visits,bounce_rate")]
    [InlineData("visit__device", "SELECT 1 WHERE false", "?search=.")]
    [InlineData("visit__device", "SELECT DISTINCT device FROM {visits} WHERE customer = 'acme' AND device LIKE '%b%' ORDER BY 1", "?search=b&tenant=acme")]
    [InlineData("visit__country", "SELECT DISTINCT country FROM {visits} ORDER BY 1 NULLS LAST LIMIT 3", "?limit=3")]
    [InlineData("visit__country", "SELECT DISTINCT country FROM {visits} WHERE customer = 'acme' ORDER BY 1 NULLS LAST", "?tenant=acme")]
    public async Task Values_of_a_dimension_are_listed(string dimension, string sql, string parameters)
    {
        var (status, body) = await server.GetAsync($"/v1/dimensions/{dimension}/values{parameters}");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(server.Sql(sql).Select(r => (string?)r[0]), body["values"]!.AsArray().Select(v => (string?)v));
    }

    [Fact]
    public async Task Times_are_not_listed()
    {
        var (status, body) = await server.GetAsync("/v1/dimensions/visit__occurred_at/values?limit=0");
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Equal(2, body["errors"]!.AsArray().Count);
    }
}
