using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Write.DataPlatform.Api.Tests.Rest;

/// <summary>Keys as operators make them and as callers from other machines show them. A forwarding header makes a caller one of another machine.</summary>
[Collection(typeof(ServerCollection))]
public sealed class KeyRouteTests(ServerFixture server)
{
    private const string Query = "/v1/query?metrics=visits&from=2026-01-01&to=2026-02-01";

    public static TheoryData<string> Ways => ["bearer", "header", "basic", "parameter"];

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_tenants_key_sees_its_rows_alone(string way)
    {
        var (id, key) = await CreateAsync("""{"name":"Acme","tenant":"acme","expires":"30d"}""");
        var (status, body) = await SendAsync(HttpMethod.Get, Query, key, way);
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(server.Sql("SELECT count(*) FROM {visits} WHERE customer = 'acme' AND occurred_at >= TIMESTAMP '2025-12-31 23:00:00' AND occurred_at < TIMESTAMP '2026-01-31 23:00:00'")[0][0], (long)body["rows"]![0]!["visits"]!);

        // Another tenant's view is an operator's to ask for.
        Assert.Equal(body["rows"]!.ToJsonString(), (await SendAsync(HttpMethod.Get, Query + "&tenant=globex", key, way)).Body["rows"]!.ToJsonString());
        Assert.Equal(HttpStatusCode.Forbidden, (await SendAsync(HttpMethod.Get, "/v1/gold", key, way)).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await SendAsync(HttpMethod.Get, "/v1/keys", key, way)).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await SendAsync(HttpMethod.Get, "/v1/audit", key, way)).Status);
        var insights = (await SendAsync(HttpMethod.Get, "/v1/insights", key, way)).Body["insights"]!.AsArray();
        Assert.All(insights, i => Assert.Equal("external", (string)i!["audience"]!));

        Assert.Equal(HttpStatusCode.OK, (await SendAsync(HttpMethod.Delete, "/v1/keys/" + id, null, "")).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await SendAsync(HttpMethod.Get, Query, key, way)).Status);
    }

    [Fact]
    public async Task Analysts_see_all_rows_and_steer_nothing_operators_do()
    {
        var (_, analyst) = await CreateAsync("""{"name":"Ada","role":"analyst"}""");
        var (_, boss) = await CreateAsync("""{"name":"Grace","role":"operator"}""");
        var all = (await server.GetAsync(Query)).Body["rows"]!.ToJsonString();
        Assert.Equal(all, (await SendAsync(HttpMethod.Get, Query, analyst, "bearer")).Body["rows"]!.ToJsonString());
        Assert.Equal(HttpStatusCode.Forbidden, (await SendAsync(HttpMethod.Get, "/v1/runs", analyst, "bearer")).Status);
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(HttpMethod.Get, "/v1/runs", boss, "bearer")).Status);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_wrong_key_is_nobodys_even_on_this_machine(string way)
    {
        var (_, key) = await CreateAsync("""{"name":"Acme","tenant":"acme"}""");
        foreach (var wrong in new[] { "", "x", key[..^1], key + "x", "wdp_0123456789abcdef_" + key[21..] })
        {
            foreach (var isNear in new[] { true, false })
            {
                var (status, body) = await SendAsync(HttpMethod.Get, Query, wrong, way, isNear);
                Assert.Equal(HttpStatusCode.Unauthorized, status);
                Assert.Equal("unauthorized", (string)body["code"]!);
            }
        }
    }

    [Theory]
    [InlineData("""{"tenant":"acme"}""", "bad_name")]
    [InlineData("""{"name":"x"}""", "missing_property")]
    [InlineData("""{"name":"x","role":"king"}""", "unknown_value")]
    [InlineData("""{"name":"x","role":"1"}""", "unknown_value")]
    [InlineData("""{"name":"x","role":"analyst","tenant":"acme"}""", "conflicting_properties")]
    [InlineData("""{"name":"x","role":"customer"}""", "conflicting_properties")]
    [InlineData("""{"name":"x","tenant":"acmee"}""", "unknown_tenant")]
    [InlineData("""{"name":"x","tenant":"acme","expires":"soon"}""", "bad_duration")]
    [InlineData("""{"name":"x","tenant":"acme","expires":"0d"}""", "bad_duration")]
    [InlineData("""{"name":"x","tenant":"acme","expire":"1d"}""", "malformed_json")]
    [InlineData("""{"name":5,"tenant":"acme"}""", "malformed_json")]
    [InlineData("[]", "malformed_json")]
    [InlineData("{", "malformed_json")]
    public async Task Mistakes_are_told(string json, string code)
    {
        var (status, body) = await server.PostAsync("/v1/keys", json);
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Equal(code, (string)Assert.Single(body["errors"]!.AsArray())!["code"]!);
    }

    [Fact]
    public async Task A_key_is_listed_rotated_and_its_life_is_in_the_audit_log()
    {
        var (id, key) = await CreateAsync("""{"name":"Rotating","tenant":"acme","expires":"30d"}""");
        await SendAsync(HttpMethod.Get, Query, key, "header");
        var about = Assert.Single((await server.GetAsync("/v1/keys")).Body["keys"]!.AsArray(), k => (string)k!["id"]! == id)!;
        Assert.Equal(("Rotating", "customer", "acme", "good"), ((string)about["name"]!, (string)about["role"]!, (string)about["tenant"]!, (string)about["state"]!));
        Assert.NotNull(about["lastUsedAt"]);
        var (status, rotated) = await server.PostAsync($"/v1/keys/{id}/rotate?overlap=0s", "");
        Assert.Equal(HttpStatusCode.Created, status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await SendAsync(HttpMethod.Get, Query, key, "header")).Status);
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(HttpMethod.Get, Query, (string)rotated["key"]!, "header")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await server.PostAsync($"/v1/keys/{id}/rotate", "")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await server.PostAsync($"/v1/keys/{id}/rotate?overlap=soon", "")).Status);
        var acts = (await server.GetAsync("/v1/audit?limit=1000")).Body["acts"]!.AsArray();
        Assert.Contains(acts, a => (string)a!["action"]! == "key.rotate" && (string)a["subject"]! == id);
        Assert.Contains(acts, a => (string)a!["action"]! == "key.create" && (string)a["subject"]! == "Rotating");
        Assert.DoesNotContain(key[21..], acts.ToJsonString(), StringComparison.Ordinal);
    }

    /// <summary>As Power BI shows a key: the password of Basic, for which it is asked first.</summary>
    [Fact]
    public async Task The_feed_takes_keys_and_shows_a_tenant_its_own_sets_and_rows()
    {
        var (_, tenant) = await CreateAsync("""{"name":"Acme's Power BI","tenant":"acme"}""");
        var (_, analyst) = await CreateAsync("""{"name":"Power BI","role":"analyst"}""");
        using (var request = new HttpRequestMessage(HttpMethod.Get, "/odata") { Headers = { { "X-Forwarded-For", "203.0.113.9" } } })
        using (var refused = await server.Client.SendAsync(request, TestContext.Current.CancellationToken))
        {
            Assert.Equal((HttpStatusCode.Unauthorized, "Basic"), (refused.StatusCode, Assert.Single(refused.Headers.WwwAuthenticate).Scheme));
        }

        async Task<List<string>> SetsAsync(string key) => [.. (await SendAsync(HttpMethod.Get, "/odata", key, "basic")).Body["value"]!.AsArray().Select(s => (string)s!["name"]!)];
        Assert.Contains("visits_daily", await SetsAsync(analyst));
        var own = await SetsAsync(tenant);
        Assert.Contains("customers_daily", own);
        Assert.DoesNotContain("visits_daily", own);
        Assert.Equal(HttpStatusCode.NotFound, (await SendAsync(HttpMethod.Get, "/odata/visits_daily?$top=1", tenant, "basic")).Status);

        var (status, body) = await SendAsync(HttpMethod.Get, "/odata/customers_daily?$apply=aggregate(visits with sum as n)", tenant, "basic");
        Assert.True(status == HttpStatusCode.OK, body.ToJsonString());
        Assert.Equal(server.Sql("SELECT count(*) FROM {visits} WHERE customer = 'acme'")[0][0], (long)body["value"]![0]!["n"]!);
    }

    [Fact]
    public async Task The_next_page_does_not_carry_the_key()
    {
        var (_, key) = await CreateAsync("""{"name":"Pages","tenant":"acme"}""");
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/query?metrics=visits&groupBy=visit__country&limit=1&apikey={key}");
        request.Headers.Add("X-Forwarded-For", "203.0.113.9");
        using var response = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        var link = Assert.Single(response.Headers.GetValues("Link"));
        Assert.Contains("cursor=", link, StringComparison.Ordinal);
        Assert.DoesNotContain("wdp_", link, StringComparison.Ordinal);
    }

    private async Task<(string Id, string Key)> CreateAsync(string json)
    {
        var (status, body) = await server.PostAsync("/v1/keys", json);
        Assert.Equal(HttpStatusCode.Created, status);
        return ((string)body["about"]!["id"]!, (string)body["key"]!);
    }

    private async Task<(HttpStatusCode Status, JsonNode Body)> SendAsync(HttpMethod method, string path, string? key, string way, bool isNear = false)
    {
        using var request = new HttpRequestMessage(method, way == "parameter" ? path + (path.Contains('?', StringComparison.Ordinal) ? "&" : "?") + "apikey=" + key : path);
        switch (way)
        {
            case "bearer":
                request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + key);
                break;
            case "header":
                request.Headers.TryAddWithoutValidation("X-Api-Key", key);
                break;
            case "basic":
                request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes("anybody:" + key)));
                break;
        }

        if (!isNear && key is not null)
        {
            request.Headers.Add("X-Forwarded-For", "203.0.113.9");
        }

        using var response = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!);
    }
}
