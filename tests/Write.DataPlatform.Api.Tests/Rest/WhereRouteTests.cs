using System.Net;
using System.Text.Json.Nodes;

namespace Write.DataPlatform.Api.Tests.Rest;

/// <summary>What MetricFlow's spellings mean over HTTP, where callers are not trusted; and values without a metric.</summary>
[Collection(typeof(ServerCollection))]
public sealed class WhereRouteTests(ServerFixture server)
{
    [Fact]
    public async Task A_where_string_is_the_tree_that_it_says()
    {
        const string text = "{{ Dimension('visit__device') }} in ('mobile', 'tablet')";
        const string rest = """ "metrics":["visits","revenue"],"timeRange":{"from":"2026-01-01","to":"2026-03-01"},"limit":5 """;
        var (_, tree) = await server.PostAsync("/v1/query", $$"""{{{rest}},"groupBy":["visit__country"],"where":{"field":"visit__device","op":"in","values":["mobile","tablet"]},"orderBy":[{"field":"visits","descending":true}]}""");
        Assert.Equal(5, tree["rows"]!.AsArray().Count);
        foreach (var where in new[] { $"\"{text}\"", $"[\"{text}\"]" })
        {
            var (posted, body) = await server.PostAsync("/v1/query", $$"""{{{rest}},"groupBy":["Dimension('visit__country')"],"where":{{where}},"orderBy":["-visits"]}""");
            Assert.Equal((HttpStatusCode.OK, tree["rows"]!.ToJsonString()), (posted, body["rows"]!.ToJsonString()));
        }

        var (got, address) = await server.GetAsync("/v1/query?metrics=visits,revenue&groupBy=Dimension('visit__country')&from=2026-01-01&to=2026-03-01&orderBy=-visits&limit=5&where=" + Uri.EscapeDataString(text));
        Assert.Equal((HttpStatusCode.OK, tree["rows"]!.ToJsonString()), (got, address["rows"]!.ToJsonString()));
    }

    [Theory]
    [InlineData("{{ Dimension('visit__device') }} = 'tv' or 1 = 1")]
    [InlineData("{{ Dimension('visit__device') }} in (select customer from visits)")]
    [InlineData("{{ Dimension('visit__device') }} = (select min(customer) from visits)")]
    [InlineData("exists (select 1 from visits where customer = {{ Dimension('visit__device') }})")]
    [InlineData("{{ Dimension('visit__device') }} = 'x') or (true")]
    [InlineData("{{ Dimension('visit__device') }} = 'x' -- and")]
    [InlineData("{{ Dimension('visit__device') }} = 'x' /* */ or true")]
    [InlineData("lower({{ Dimension('visit__device') }}) = 'tv'")]
    [InlineData("{{ Dimension('visit__device') }} = 'x'; select 1")]
    [InlineData("{{ Dimension('visit__device\") }} = 1")]
    [InlineData("case when {{ Dimension('visit__device') }} = 'x' then true end")]
    [InlineData("not (not ({{ Dimension('visit__device') }} || '' = 'x'))")]
    [InlineData("customer = 'globex' or {{ Dimension('visit__device') }} = 'x'")]
    [InlineData("true")]
    public async Task Sql_of_a_caller_is_refused(string where)
    {
        var (status, body) = await server.PostAsync("/v1/query?tenant=acme", new JsonObject { ["metrics"] = new JsonArray("visits"), ["where"] = where }.ToJsonString());
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains((string)Assert.Single(body["errors"]!.AsArray())!["code"]!, new[] { "sql_not_allowed", "bad_where" });
        (status, body) = await server.GetAsync("/v1/query?metrics=visits&tenant=acme&where=" + Uri.EscapeDataString(where));
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains((string)body["errors"]![0]!["code"]!, new[] { "sql_not_allowed", "bad_where", "malformed_json", "wrong_type" });
    }

    [Fact]
    public async Task Quotes_within_a_text_end_nothing()
    {
        var (status, body) = await server.PostAsync("/v1/query", new JsonObject { ["metrics"] = new JsonArray("visits"), ["groupBy"] = new JsonArray("visit__device"), ["where"] = "{{ Dimension('visit__device') }} = 'x'' or 1=1 --'" }.ToJsonString());
        Assert.Equal((HttpStatusCode.OK, 0), (status, body["rows"]!.AsArray().Count));
    }

    [Theory]
    [InlineData("visit__device", "SELECT DISTINCT device FROM {visits} WHERE customer = 'acme' ORDER BY 1 NULLS LAST")]
    [InlineData("visitor__plan", "SELECT DISTINCT plan FROM {visits} v LEFT JOIN {visitors} u ON v.visitor_id = u.visitor_id WHERE customer = 'acme' ORDER BY 1 NULLS LAST")]
    public async Task Values_without_a_metric_are_those_of_the_tenants_rows(string field, string sql)
    {
        var (status, body) = await server.PostAsync("/v1/query?tenant=acme", $$"""{"groupBy":["{{field}}"]}""");
        Assert.Equal(HttpStatusCode.OK, status);
        var expected = server.Sql(sql.Replace("{visitors}", $"read_parquet('{server.Data}/lake/visitors/*.parquet')", StringComparison.Ordinal));
        Assert.Equal(expected.Select(r => (string?)r[0]), body["rows"]!.AsArray().Select(r => (string?)r![field]));
        Assert.Equal("lake", (string)Assert.Single(body["served"]!["by"]!.AsArray())!);
        (status, body) = await server.GetAsync($"/v1/query?groupBy={field}&source=gold");
        Assert.Equal((HttpStatusCode.UnprocessableEntity, "not_in_gold"), (status, (string)body["errors"]![0]!["code"]!));
    }

    [Theory]
    [InlineData("{}", 400, "no_metrics")]
    [InlineData("""{"groupBy":["visit__device"],"totals":true}""", 400, "no_metrics")]
    [InlineData("""{"groupBy":["visit__device"],"minMax":true}""", 400, "unknown_property")]
    [InlineData("""{"groupBy":["metric_time"]}""", 422, "no_time_spine")]
    [InlineData("""{"groupBy":["visit__device"],"timeRange":{"last":"P1M"}}""", 422, "cannot_list")]
    [InlineData("""{"groupBy":["page_view__page","step__kind"]}""", 422, "cannot_list")]
    [InlineData("""{"groupBy":["show__title"]}""", 422, "cannot_list")]
    public async Task Values_that_cannot_be_listed_are_refused(string query, int expected, string code)
    {
        var (status, body) = await server.PostAsync("/v1/query", query);
        Assert.Equal((expected, code), ((int)status, (string)body["errors"]![0]!["code"]!));
    }
}
