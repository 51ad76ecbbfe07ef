using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Insights;

namespace Write.DataPlatform.Api.Tests.OData;

/// <summary>A tenant with its own key, from elsewhere, who tries everything to see what is not its own.</summary>
[Collection(typeof(ServerCollection))]
public sealed class TenantTests(ServerFixture server) : IAsyncLifetime
{
    private const string Set = "/odata/customers_daily";
    private const string Mine = "acme";
    private const string Theirs = "globex";

    private readonly Dictionary<string, string> _keys = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        foreach (var tenant in new[] { Mine, Theirs })
        {
            var (_, body) = await server.PostAsync("/v1/keys", $$"""{"name":"feed of {{tenant}}","tenant":"{{tenant}}"}""");
            _keys[tenant] = (string)body["key"]!;
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>Each of these asks for all visits that there are, in its way.</summary>
    public static TheoryData<string, string, string> Ways => new()
    {
        { "", "visits", "" },
        { "?tenant=globex", "visits", "" },
        { "?$filter=true", "visits", "" },
        { "?$filter=visits ge 0 or not (visits ge 0)", "visits", "" },
        { "?$filter=case(true:true)", "visits", "" },
        { "?$orderby=visits desc,row_key", "visits", "" },
        { "?$search=NOT nothinglikethis", "visits", "" },
        { "?$compute=visits add 0 as v&$select=v", "v", "" },
        { "?$count=true&$select=*", "visits", "" },
        { "?$apply=identity", "visits", "" },
        { "?$apply=aggregate(visits with sum as v)", "v", "" },
        { "?$apply=aggregate(visits)", "visits", "" },
        { "?$apply=groupby((visit__country,visit__device),aggregate(visits with sum as v))", "v", "" },
        { "?$apply=groupby((visit__country),aggregate(visits with sum as v))/concat(filter(v gt 5),filter(v le 5))", "v", "" },
        { "?$apply=filter(visits ge 0)/groupby((row_key),aggregate(visits with sum as v))/orderby(v)", "v", "" },
        { "?$apply=topcount(1000000,visits)", "visits", "" },
        { "?$apply=aggregate(visits)", "visits", "metrics" },
        { "?$apply=aggregate(visits)&tenant=globex", "visits", "metrics" },
        { "?$apply=groupby((visit__country),aggregate(visits))", "visits", "metrics" },
        { "?$apply=groupby((metric_time__month),aggregate(visits))", "visits", "metrics_visits" },
        { "?$apply=filter(visit__country ne 'xx' or visit__country eq null)/aggregate(visits)", "visits", "metrics" },
    };

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Only_its_own_visits_are_in_any_answer(string query, string column, string set)
    {
        var path = (set.Length > 0 ? "/odata/" + set : Set) + query.Replace(" ", "%20", StringComparison.Ordinal);
        Assert.Equal(VisitsOf(Mine), (await AllAsync(Mine, path)).Sum(r => (long?)r[column] ?? 0));
        Assert.Equal(VisitsOf(Theirs), (await AllAsync(Theirs, path)).Sum(r => (long?)r[column] ?? 0));

        // In a batch it is who it is outside, whatever the requests in it say.
        var inner = path["/odata/".Length..];
        var requests = new JsonObject
        {
            ["requests"] = new JsonArray(new[] { "", "X-Tenant", "X-Api-Key", "Authorization" }.Select((h, i) => (JsonNode)new JsonObject
            {
                ["id"] = i.ToString(CultureInfo.InvariantCulture),
                ["method"] = "get",
                ["url"] = inner,
                ["headers"] = h switch
                {
                    "" => [],
                    "X-Tenant" => new JsonObject { [h] = Theirs },
                    "X-Api-Key" => new JsonObject { [h] = _keys[Theirs] },
                    _ => new JsonObject { [h] = "Bearer " + _keys[Theirs] },
                },
            }).ToArray()),
        };
        using var response = await SendAsync(Mine, HttpMethod.Post, "/odata/$batch", new StringContent(requests.ToJsonString(), Encoding.UTF8, "application/json"));
        var answers = JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!["responses"]!.AsArray();
        Assert.Equal(4, answers.Count);
        Assert.All(answers, a => Assert.Equal(VisitsOf(Mine), a!["body"]!["value"]!.AsArray().Sum(r => (long?)r![column] ?? 0)));
    }

    [Theory]
    [InlineData("/odata/visits_daily")]
    [InlineData("/odata/visits_daily/$count")]
    [InlineData("/odata/visits_daily('2025-01-01~.FR~.tv')")]
    [InlineData("/odata/visits_daily/2025-01-01~.FR~.tv/visits/$value")]
    [InlineData("/odata/visits_daily?$apply=aggregate(visits)")]
    [InlineData("/odata/visits_daily?tenant=")]
    [InlineData("/odata/shows_daily?$top=1")]
    public async Task Sets_of_the_company_are_not_there(string path)
    {
        using var response = await SendAsync(Mine, HttpMethod.Get, path);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        using var content = new StringContent($"--b\r\nContent-Type: application/http\r\n\r\nGET {path} HTTP/1.1\r\nAuthorization: Bearer {_keys[Theirs]}\r\nX-Tenant: {Theirs}\r\n\r\n--b--");
        content.Headers.ContentType = System.Net.Http.Headers.MediaTypeHeaderValue.Parse("multipart/mixed; boundary=b");
        using var batch = await SendAsync(Mine, HttpMethod.Post, "/odata/$batch", content);
        var answered = await batch.Content.ReadAsStringAsync(Cancel);
        Assert.True(answered.Contains("HTTP/1.1 404 Not Found", StringComparison.Ordinal), answered);
    }

    [Fact]
    public async Task The_model_has_no_more_than_its_own_sets()
    {
        foreach (var path in new[] { "/odata", "/odata/$metadata", "/odata/$metadata?$format=json" })
        {
            using var response = await SendAsync(Mine, HttpMethod.Get, path);
            var text = await response.Content.ReadAsStringAsync(Cancel);
            Assert.Contains("customers_daily", text, StringComparison.Ordinal);
            Assert.DoesNotContain("visits_daily", text, StringComparison.Ordinal);
            Assert.DoesNotContain(Theirs, text, StringComparison.Ordinal);
        }
    }

    /// <summary>The name of another tenant in a filter finds nothing.</summary>
    [Fact]
    public async Task Another_tenants_name_finds_nothing()
    {
        var rows = await AllAsync(Mine, "/odata/metrics?$apply=filter(visit__customer%20eq%20'globex')/aggregate(visits)");
        Assert.Equal(0, rows.Sum(r => (long?)r["visits"] ?? 0));
    }

    [Fact]
    public async Task A_row_by_key_is_the_callers_own()
    {
        var mine = (await AllAsync(Mine, Set)).ToDictionary(r => (string)r["row_key"]!, r => r.ToJsonString());
        var theirs = (await AllAsync(Theirs, Set)).ToDictionary(r => (string)r["row_key"]!, r => r.ToJsonString());
        var shared = mine.Keys.First(k => theirs.TryGetValue(k, out var other) && other != mine[k]);
        using (var response = await SendAsync(Mine, HttpMethod.Get, $"{Set}('{shared}')"))
        {
            var row = JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!.AsObject();
            row.Remove("@odata.context");
            Assert.Equal(mine[shared], row.ToJsonString());
        }

        using var foreign = await SendAsync(Mine, HttpMethod.Get, $"{Set}('{theirs.Keys.First(k => !mine.ContainsKey(k))}')");
        Assert.Equal(HttpStatusCode.NotFound, foreign.StatusCode);
    }

    [Fact]
    public async Task A_tag_of_one_is_unknown_to_the_other()
    {
        using var mine = await SendAsync(Mine, HttpMethod.Get, Set + "?$top=3");
        var tag = mine.Headers.ETag!.ToString();
        using var again = await SendAsync(Mine, HttpMethod.Get, Set + "?$top=3", null, ("If-None-Match", tag));
        using var other = await SendAsync(Theirs, HttpMethod.Get, Set + "?$top=3", null, ("If-None-Match", tag));
        Assert.Equal((HttpStatusCode.NotModified, HttpStatusCode.OK), (again.StatusCode, other.StatusCode));
    }

    [Theory]
    [InlineData(Set, "")]
    [InlineData(Set, "$orderby=visits desc&")]
    [InlineData(Set, "$apply=groupby((metric_time__day,visit__country),aggregate(visits with sum as v))&")]
    [InlineData("/odata/metrics", "$apply=groupby((metric_time__day),aggregate(visits))&")]
    public async Task A_token_cannot_be_forged(string set, string options)
    {
        var path = $"{set}?{options.Replace(" ", "%20", StringComparison.Ordinal)}";
        var next = await NextAsync(Mine, path);
        Assert.SkipWhen(next is null, "The answer has one page: nothing pins what the lake gave.");
        var at = next!.IndexOf("skiptoken=", StringComparison.Ordinal) + "skiptoken=".Length;
        var (head, token) = (next[..at], next[at..]);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(Mine, next));
        Assert.DoesNotContain("wdp_", next, StringComparison.Ordinal);

        // To another caller, another set, other options, another tenant's view, or changed in any place it is nothing.
        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(Theirs, next));
        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(Mine, $"/odata/customers_daily?$filter=visits%20gt%201&$skiptoken={token}"));
        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(Mine, $"/odata/metrics_visits?$apply=aggregate(visits)&$skiptoken={token}"));
        Assert.NotEqual(HttpStatusCode.OK, (await FeedClient.GetAsync(server.Client, next)).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await FeedClient.GetAsync(server.Client, next + "&tenant=" + Theirs)).Status);
        var random = new Random(7);
        for (var i = 0; i < 60; i++)
        {
            var bytes = System.Buffers.Text.Base64Url.DecodeFromChars(token);
            bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(Mine, head + System.Buffers.Text.Base64Url.EncodeToString(bytes)));
            Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(Mine, head + token[..random.Next(token.Length)]));
        }

        // Signed by the server, but for something else; and a token of the feed is no cursor elsewhere.
        var seal = server.Services.GetRequiredService<CursorSeal>();
        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(Mine, head + seal.Seal([1, 2, 3])));
        using var rest = await SendAsync(Mine, HttpMethod.Get, $"/v1/query?metrics=visits&groupBy=visit__country&limit=1&cursor={token}");
        Assert.Equal(HttpStatusCode.BadRequest, rest.StatusCode);
        using var first = await SendAsync(Mine, HttpMethod.Get, "/v1/query?metrics=visits&groupBy=visit__country&limit=1");
        var cursor = (string)JsonNode.Parse(await first.Content.ReadAsStringAsync(Cancel))!["next"]!;
        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(Mine, head + cursor));
    }

    private long VisitsOf(string tenant) => (long)server.Sql($"SELECT count(*) FROM {{visits}} WHERE customer = '{tenant}'")[0][0]!;

    private async Task<HttpStatusCode> StatusAsync(string tenant, string path)
    {
        using var response = await SendAsync(tenant, HttpMethod.Get, path);
        return response.StatusCode;
    }

    private async Task<string?> NextAsync(string tenant, string path)
    {
        using var response = await SendAsync(tenant, HttpMethod.Get, path, null, ("Prefer", "odata.maxpagesize=10"));
        var body = JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!;
        Assert.True(response.StatusCode == HttpStatusCode.OK, body.ToJsonString());
        return (string?)body["@odata.nextLink"] is { } next ? new Uri(next).PathAndQuery : null;
    }

    private async Task<List<JsonNode>> AllAsync(string tenant, string path)
    {
        var rows = new List<JsonNode>();
        for (string? next = path; next is not null;)
        {
            using var response = await SendAsync(tenant, HttpMethod.Get, next, null, ("Prefer", "odata.maxpagesize=3000"));
            var body = JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!;
            Assert.True(response.StatusCode == HttpStatusCode.OK, body.ToJsonString());
            rows.AddRange(body["value"]!.AsArray().Select(r => r!));
            next = (string?)body["@odata.nextLink"] is { } link ? new Uri(link).PathAndQuery : null;
        }

        return rows;
    }

    /// <summary>Sends a request, and once more where the tenant's rate asks for patience.</summary>
    private async Task<HttpResponseMessage> SendAsync(string tenant, HttpMethod method, string path, HttpContent? content = null, params (string Name, string Value)[] headers)
    {
        while (true)
        {
            var response = await SendOnceAsync(tenant, method, path, content, headers);
            if (response.StatusCode != HttpStatusCode.TooManyRequests)
            {
                return response;
            }

            var wait = response.Headers.RetryAfter?.Delta ?? TimeSpan.FromSeconds(1);
            response.Dispose();
            await Task.Delay(wait, TimeProvider.System, Cancel);
        }
    }

    private Task<HttpResponseMessage> SendOnceAsync(string tenant, HttpMethod method, string path, HttpContent? content, (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(method, path) { Content = content };
        request.Headers.TryAddWithoutValidation("Authorization", "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("x:" + _keys[tenant])));
        request.Headers.Add("X-Forwarded-For", "203.0.113.7");
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return server.Client.SendAsync(request, Cancel);
    }
}
