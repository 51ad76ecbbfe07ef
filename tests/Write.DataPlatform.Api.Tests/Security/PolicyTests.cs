using System.Collections.Immutable;
using System.Net;
using System.Text.Json.Nodes;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Tests.Security;

/// <summary>Roles of the model: names that do not exist, and rows that do not count, by the rows of a statement and by a server that never had them.</summary>
[Collection(typeof(TwinCollection))]
public sealed class PolicyTests(TwinServers servers)
{
    public static TheoryData<string, string, string?> Hidden => new()
    {
        { "POST", "/v1/query", """{"metrics":["revenue"]}""" },
        { "POST", "/v1/query", """{"metrics":["visits","margin"],"groupBy":["visit__echelon","metric_time__day"]}""" },
        { "POST", "/v1/query", """{"metrics":["visits"],"groupBy":["show__budget"]}""" },
        { "POST", "/v1/query", """{"metrics":["visits"],"groupBy":["visit__show__budget","visit__show__genre"]}""" },
        { "POST", "/v1/query", """{"groupBy":["show__budget"]}""" },
        { "POST", "/v1/query", """{"groupBy":["visit__echelon"]}""" },
        { "POST", "/v1/query", """{"metrics":["visits"],"where":{"field":"visit__echelon","op":"equals","values":["platinum"]}}""" },
        { "POST", "/v1/query", """{"metrics":["visits"],"groupBy":["show"],"where":{"field":"show__revenue","op":"gt","values":[1]}}""" },
        { "POST", "/v1/query", """{"metrics":["visits"],"groupBy":["show"],"where":{"field":"show__revenu","op":"gt","values":[1]}}""" },
        { "POST", "/v1/query", """{"metrics":["visits"],"groupBy":["revenue"]}""" },
        { "POST", "/v1/query", """{"metrics":["visits"],"orderBy":[{"field":"revenue"}],"having":{"field":"revenue","op":"gt","values":[1]}}""" },
        { "POST", "/v1/query", """{"metrics":["visits"],"groupBy":["visit__echelo"]}""" },
        { "POST", "/v1/query", """{"metrics":["revenu"]}""" },
        { "POST", "/v1/query", """{"metrics":["revenue"],"limit":"x"}""" },
        { "POST", "/v1/query", """{"metrics":["revenue"],"cursor":"x"}""" },
        { "POST", "/v1/query", """{"metrics":["visits"],"groupBy":["visit__device"],"source":"gold"}""" },
        { "GET", "/v1/query?metrics=revenue&groupBy=visit__echelon&where=%7B%7B%20Dimension('visit__echelon')%20%7D%7D%20%3D%201", null },
        { "GET", "/v1/query?metrics=visits&where=%7B%7B%20Metric('revenue',%20%5B'show'%5D)%20%7D%7D%20%3E%201", null },
        { "GET", "/v1/metrics", null },
        { "GET", "/v1/metrics/revenue", null },
        { "GET", "/v1/metrics/visits", null },
        { "GET", "/v1/dimensions", null },
        { "GET", "/v1/dimensions?metrics=visits,revenue", null },
        { "GET", "/v1/dimensions/visit__echelon/values", null },
        { "GET", "/v1/dimensions/show__budget/values", null },
        { "GET", "/v1/dimensions/visit__country/values?metrics=revenue", null },
        { "GET", "/v1/dimensions/visit__country/values", null },
        { "GET", "/v1/dimensions/show__genre/values", null },
        { "GET", "/v1/insights", null },
        { "GET", "/v1/insights/by-country", null },
        { "GET", "/v1/insights/by-country?by=visit__echelon", null },
        { "GET", "/v1/insights/inner-circle", null },
        { "GET", "/v1/insights/revenue-report", null },
        { "GET", "/v1/insights/by-echelon?echelon=platinum", null },
        { "GET", "/v1/insights/by-budget", null },
        { "GET", "/v1/insights/inside", null },
        { "GET", "/v1/saved-queries", null },
        { "GET", "/v1/saved-queries/plain", null },
        { "GET", "/swagger/v1/swagger.json", null },
        { "GET", "/odata", null },
        { "GET", "/odata/$metadata", null },
        { "GET", "/odata/visits_by_s", null },
        { "GET", "/odata/visits_daily", null },
        { "GET", "/odata/customers_daily?$top=5&$count=true", null },
        { "GET", "/odata/customers_daily?$apply=aggregate(revenue)", null },
        { "GET", "/odata/metrics?$apply=aggregate(revenue)", null },
        { "GET", "/odata/metrics?$apply=groupby((visit__echelon),aggregate(visits))", null },
        { "GET", "/odata/metrics?$apply=filter(visit__echelon eq 'x')/groupby((visit__country),aggregate(visits))", null },
        { "GET", "/odata/metrics?$apply=groupby((visit__country),aggregate(visits))", null },
    };

    [Theory]
    [MemberData(nameof(Hidden))]
    public async Task What_a_role_hides_is_as_if_it_did_not_exist(string method, string path, string? body)
    {
        var full = await TwinServers.SendAsync(servers.Full, servers.FullKey, new HttpMethod(method), path, body);
        var twin = await TwinServers.SendAsync(servers.Twin, servers.TwinKey, new HttpMethod(method), path, body);
        Assert.Equal(TwinServers.Comparable(twin.Body), TwinServers.Comparable(full.Body));
        Assert.Equal(twin.Status, full.Status);
    }

    [Fact]
    public async Task A_tenants_own_role_is_that_of_its_keys_that_name_none()
    {
        var key = await servers.KeyAsync(0, KeyGrant.Plain, "initech");
        Assert.Equal(HttpStatusCode.OK, (await servers.AskAsync(key, """{"metrics":["revenue"],"groupBy":["visit__echelon"]}""")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await servers.AskAsync(key, """{"metrics":["margin"]}""")).Status);
    }

    /// <summary>The countries of the key's claim, in a table that gold holds and in one that it does not, and in what is computed apart.</summary>
    [Theory]
    [InlineData("""{"metrics":["visits"],"groupBy":["visit__country"]}""", "SELECT country, count(*) FROM {0} WHERE country IN ('FR', 'DE') GROUP BY 1 ORDER BY 1")]
    [InlineData("""{"metrics":["visits"]}""", "SELECT count(*) FROM {0} WHERE country IN ('FR', 'DE')")]
    [InlineData("""{"metrics":["visits","revenue"],"groupBy":["show__genre"]}""", "SELECT 'genre' || (show_id[2:]::INT % 3), count(*), sum(revenue)::DOUBLE FROM {0} WHERE country IN ('FR', 'DE') GROUP BY 1 ORDER BY 1")]
    [InlineData("""{"metrics":["visits"],"where":{"or":[{"field":"visit__country","op":"equals","values":["IT"]},{"field":"visit__country","op":"isSet"}]}}""", "SELECT count(*) FROM {0} WHERE country IN ('FR', 'DE')")]
    public async Task A_roles_rows_are_those_of_the_callers_claims(string query, string sql)
    {
        var key = await servers.KeyAsync(0, Grant("regional", ("countries", ["FR", "DE"])), tenant: null);
        var (status, body) = await servers.AskAsync(key, query);
        Assert.True(status == HttpStatusCode.OK, body.ToJsonString());
        var expected = SmallServer.Sql(string.Format(System.Globalization.CultureInfo.InvariantCulture, sql, servers.FullFiles)).Select(r => string.Join(' ', r.Select(v => Convert.ToString(v, System.Globalization.CultureInfo.InvariantCulture))));
        Assert.Equal(expected, body["rows"]!.AsArray().Select(r => string.Join(' ', r!.AsObject().Select(c => c.Value!.ToString()))));
    }

    [Fact]
    public async Task A_row_policy_that_gold_does_not_hold_goes_to_the_lake_and_is_refused_where_gold_alone_is_asked()
    {
        var key = await servers.KeyAsync(0, Grant("premium"), tenant: null);
        var (status, body) = await servers.AskAsync(key, """{"metrics":["visits"],"groupBy":["visit__country"]}""");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(["lake"], body["served"]!["by"]!.AsArray().Select(b => (string)b!));
        Assert.Equal(SmallServer.Sql($"SELECT count(*) FROM {servers.FullFiles} WHERE echelon = 'platinum'")[0][0], body["rows"]!.AsArray().Sum(r => (long)r!["visits"]!));
        Assert.DoesNotContain("echelon", body.ToJsonString(), StringComparison.Ordinal);

        (status, body) = await servers.AskAsync(key, """{"metrics":["visits"],"source":"gold"}""");
        Assert.Equal((HttpStatusCode.UnprocessableEntity, "not_in_gold"), (status, (string)body["errors"]![0]!["code"]!));
        Assert.DoesNotContain("echelon", body.ToJsonString(), StringComparison.Ordinal);

        // Stored rows cannot be told apart, and the feed has none of them for this caller.
        var (_, sets, _) = await TwinServers.SendAsync(servers.Full, key, HttpMethod.Get, "/odata");
        Assert.DoesNotContain("_daily", sets, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, (await TwinServers.SendAsync(servers.Full, key, HttpMethod.Get, "/odata/visits_daily")).Status);
        var (_, feed, _) = await TwinServers.SendAsync(servers.Full, key, HttpMethod.Get, "/odata/metrics?$apply=aggregate(visits)");
        Assert.Equal(SmallServer.Sql($"SELECT count(*) FROM {servers.FullFiles} WHERE echelon = 'platinum'")[0][0], (long)JsonNode.Parse(feed)!["value"]![0]!["visits"]!);
    }

    [Theory]
    [InlineData("2", HttpStatusCode.OK)]
    [InlineData("2 OR 1=1", HttpStatusCode.UnprocessableEntity)]
    [InlineData("'; DROP TABLE visits; --", HttpStatusCode.UnprocessableEntity)]
    public async Task A_claims_text_is_a_value_of_the_fields_type_and_never_sql(string claim, HttpStatusCode expected)
    {
        var key = await servers.KeyAsync(0, Grant("devices", ("device", [claim])), tenant: null);
        var (status, body) = await servers.AskAsync(key, """{"metrics":["visits"]}""");
        Assert.True(status == expected, body.ToJsonString());
        if (status == HttpStatusCode.OK)
        {
            Assert.Equal(SmallServer.Sql($"SELECT count(*) FROM {servers.FullFiles} WHERE device <= 2")[0][0], (long)body["rows"]![0]!["visits"]!);
        }
        else
        {
            Assert.Equal("policy_not_applicable", (string)body["errors"]![0]!["code"]!);
            Assert.DoesNotContain("device", body.ToJsonString(), StringComparison.Ordinal);
        }

        var injected = await servers.KeyAsync(0, Grant("regional", ("countries", ["x') OR ('1'='1"])), tenant: null);
        Assert.All((await servers.AskAsync(injected, """{"metrics":["visits"]}""")).Body["rows"]!.AsArray(), r => Assert.Null(r!["visits"]));
    }

    [Fact]
    public async Task Who_lacks_a_claim_or_whose_role_is_gone_is_refused_everywhere()
    {
        foreach (var grant in new[] { Grant("regional"), Grant("devices", ("device", ["1", "2"])), Grant("gone") })
        {
            foreach (var tenant in new[] { null, "acme" })
            {
                var key = await servers.KeyAsync(0, grant, tenant);
                foreach (var path in new[] { "/v1/metrics", "/v1/query?metrics=visits", "/v1/insights", "/odata", "/odata/metrics", "/v1/dimensions/visit__country/values" })
                {
                    Assert.Equal(HttpStatusCode.Forbidden, (await TwinServers.SendAsync(servers.Full, key, HttpMethod.Get, path)).Status);
                }
            }
        }
    }

    [Fact]
    public async Task Only_operators_look_through_others_eyes()
    {
        var analyst = await servers.KeyAsync(0, KeyGrant.Plain, tenant: null);
        Assert.Equal(HttpStatusCode.Forbidden, (await TwinServers.SendAsync(servers.Full, analyst, HttpMethod.Get, "/v1/query?metrics=visits&tenant=globex")).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await TwinServers.SendAsync(servers.Full, analyst, HttpMethod.Get, "/v1/metrics", null, ("X-Role", "open"))).Status);

        var own = await TwinServers.SendAsync(servers.Full, servers.FullKey, HttpMethod.Get, "/v1/query?metrics=visits,shows_seen&groupBy=visit__country");
        var seen = await TwinServers.SendAsync(servers.Full, null, HttpMethod.Get, "/v1/query?metrics=visits,shows_seen&groupBy=visit__country&tenant=acme");
        Assert.Equal(JsonNode.Parse(own.Body)!["rows"]!.ToJsonString(), JsonNode.Parse(seen.Body)!["rows"]!.ToJsonString());
        Assert.Equal(HttpStatusCode.BadRequest, (await TwinServers.SendAsync(servers.Full, null, HttpMethod.Get, "/v1/query?metrics=revenue&tenant=acme")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await TwinServers.SendAsync(servers.Full, null, HttpMethod.Get, "/v1/query?metrics=margin&role=open")).Status);
        Assert.Equal(HttpStatusCode.OK, (await TwinServers.SendAsync(servers.Full, null, HttpMethod.Get, "/v1/query?metrics=revenue&role=open")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await TwinServers.SendAsync(servers.Full, null, HttpMethod.Get, "/v1/query?metrics=visits&role=king")).Status);
        var plan = await TwinServers.SendAsync(servers.Full, null, HttpMethod.Post, "/v1/query/explain?role=premium", """{"metrics":["visits"]}""");
        Assert.Contains("echelon", plan.Body, StringComparison.Ordinal);
    }

    private static KeyGrant Grant(string role, params (string Name, string[] Values)[] attributes) =>
        new(role, attributes.ToImmutableSortedDictionary(a => a.Name, a => a.Values.ToImmutableArray(), StringComparer.Ordinal));
}
