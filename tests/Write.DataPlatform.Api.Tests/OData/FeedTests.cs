using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using Microsoft.OData.Edm.Csdl;
using Microsoft.OData.Edm.Validation;
using Write.DataPlatform.Api.Tests.Swagger;

namespace Write.DataPlatform.Api.Tests.OData;

[Collection(typeof(ServerCollection))]
public sealed class FeedTests(ServerFixture server)
{
    private const string Set = "/odata/visits_daily";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_service_document_names_the_sets_of_internal_tables_and_metrics()
    {
        var (status, body) = await FeedClient.GetAsync(server.Client, "/odata", ("Accept", FeedClient.PowerQueryAccept));
        Assert.Equal(HttpStatusCode.OK, status);
        var root = server.Client.BaseAddress!.GetLeftPart(UriPartial.Authority) + "/odata";
        Assert.Equal(root + "/$metadata", (string?)body["@odata.context"]);
        var names = body["value"]!.AsArray().Select(s => (string)s!["name"]!).ToList();
        Assert.Equal(["audience_daily", "audience_monthly", "shows_daily", "visits_daily", "metrics", "metrics_page_views", "metrics_steps", "metrics_visits", "metrics_watches"], names);
        Assert.StartsWith("{\"@odata.context\"", body.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_model_is_the_committed_one_and_valid()
    {
        using var response = await FeedClient.SendAsync(server.Client, "/odata/$metadata", ("Accept", FeedClient.PowerQueryAccept));
        Assert.Equal("application/xml", response.Content.Headers.ContentType!.MediaType);
        var actual = (await response.Content.ReadAsStringAsync(Cancel)).ReplaceLineEndings("\n").TrimEnd() + "\n";
        var path = Path.Combine(OpenApiTests.Root(), "tests", "Write.DataPlatform.Api.Tests", "Snapshots", "odata.xml");
        if (Environment.GetEnvironmentVariable("WDP_UPDATE_SNAPSHOTS") == "1")
        {
            await File.WriteAllTextAsync(path, actual, Cancel);
        }

        Assert.Equal(await File.ReadAllTextAsync(path, Cancel), actual);
        var document = XDocument.Parse(actual);
        Assert.Equal("4.0", document.Root!.Attribute("Version")!.Value);
        using var reader = document.CreateReader();
        Assert.True(CsdlReader.TryParse(reader, out var model, out var errors), string.Join('\n', errors));
        model.Validate(out var problems);
        Assert.Empty(problems.Where(p => p.ErrorCode != EdmErrorCode.BadUnresolvedTerm).Select(p => p.ToString()));
    }

    [Theory]
    [InlineData("", "", "application/xml")]
    [InlineData("?$format=json", "", "application/json")]
    [InlineData("?$format=xml", "4.01", "application/xml")]
    [InlineData("", "4.01", "application/json")]
    public async Task The_model_is_XML_unless_JSON_is_named(string query, string version, string expected)
    {
        using var response = await FeedClient.SendAsync(server.Client, "/odata/$metadata" + query, version.Length > 0 ? [("OData-MaxVersion", version), ("Accept", "application/json")] : []);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(expected, response.Content.Headers.ContentType!.MediaType);
        Assert.Equal([version.Length > 0 ? "4.01" : "4.0"], response.Headers.GetValues("OData-Version"));
        if (expected == "application/json")
        {
            Assert.Equal("4.01", (string?)JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!["$Version"]);
        }
    }

    [Theory]
    [InlineData("$filter=nope eq 1", 400, "bad_request")]
    [InlineData("$filter=visits eq", 400, "bad_request")]
    [InlineData("$filter=visits", 400, "bad_request")]
    [InlineData("$filter=visit__country gt 1", 400, "bad_request")]
    [InlineData("$filter=visits eq 1&$filter=visits eq 2", 400, "bad_request")]
    [InlineData("$top=-1", 400, "bad_request")]
    [InlineData("$top=x", 400, "bad_request")]
    [InlineData("$select=nope", 400, "bad_request")]
    [InlineData("$skiptoken=AAAA", 400, "bad_request")]
    [InlineData("$filter=visits mul 9223372036854775807 gt 1", 400, "bad_request")]
    [InlineData("$filter=matchesPattern(visit__country,'(')", 400, "bad_request")]
    [InlineData("$expand=x", 501, "not_implemented")]
    [InlineData("$nope=1", 501, "not_implemented")]
    [InlineData("$deltatoken=1", 501, "not_implemented")]
    [InlineData("$apply=topsum(10,visits)", 501, "not_implemented")]
    [InlineData("$apply=aggregate(visits with sum as visits)", 400, "bad_request")]
    [InlineData("$apply=aggregate(visit__country with sum as x)", 400, "bad_request")]
    [InlineData("$apply=groupby((nope))", 400, "bad_request")]
    [InlineData("$filter=visits in @x", 400, "bad_request")]
    [InlineData("$filter=visits eq 99999999999999999999999999999999999999999", 200, null)]
    [InlineData("nope=1", 200, null)]
    [InlineData("FILTER=visits eq 1", 200, null)]
    [InlineData("$Filter=VISITS eq 1", 200, null)]
    public async Task What_is_not_understood_is_refused_and_never_passed_over(string query, int expected, string? code)
    {
        var (status, body) = await FeedClient.GetAsync(server.Client, $"{Set}?{query.Replace(" ", "%20", StringComparison.Ordinal)}");
        Assert.True(expected == (int)status, body.ToJsonString());
        Assert.Equal(code, (string?)body["error"]?["code"]);
        if (code is not null)
        {
            Assert.NotEmpty((string)body["error"]!["message"]!);
            Assert.NotNull(body["error"]!["details"]!.AsArray());
        }
    }

    [Theory]
    [InlineData("/odata/nope", 404)]
    [InlineData("/odata/visits_daily/nope", 404)]
    [InlineData("/odata/$crossjoin(a,b)", 501)]
    [InlineData("/odata/visits_daily/$filter(1)", 501)]
    [InlineData("/odata/visits_daily('nope')", 404)]
    [InlineData("/odata/visits_daily('2025-01-01~.ZZ~.desktop')", 404)]
    [InlineData("/odata/visits_daily/2025-01-01~.ZZ~.desktop", 404)]
    [InlineData("/odata/visits_daily(@k)", 400)]
    [InlineData("/odata/visits_daily(5)", 400)]
    [InlineData("/odata/visits_daily/$ref", 501)]
    [InlineData("/odata/metrics/x", 404)]
    public async Task A_path_that_is_not_there_is_refused(string path, int expected) =>
        Assert.Equal(expected, (int)(await FeedClient.GetAsync(server.Client, path)).Status);

    /// <summary>What a header asks for and cannot have is refused.</summary>
    [Theory]
    [InlineData("OData-MaxVersion", "3.0", 400)]
    [InlineData("OData-Isolation", "snapshot", 412)]
    [InlineData("Isolation", "snapshot", 412)]
    [InlineData("MaxDataServiceVersion", "3.0", 200)]
    [InlineData("OData-MaxVersion", "4.0", 200)]
    public async Task A_header_is_kept_to_or_refused(string name, string value, int expected) =>
        Assert.Equal(expected, (int)(await FeedClient.GetAsync(server.Client, Set + "?$top=1", (name, value))).Status);

    [Fact]
    public async Task Rows_have_every_column_with_nulls_and_offsets()
    {
        using var response = await FeedClient.SendAsync(server.Client, Set + "?$top=3&$orderby=visit__country", ("Accept", FeedClient.PowerQueryAccept));
        Assert.StartsWith("application/json;odata.metadata=minimal", response.Content.Headers.ContentType!.ToString().Replace(" ", "", StringComparison.Ordinal), StringComparison.Ordinal);
        var text = await response.Content.ReadAsStringAsync(Cancel);
        Assert.StartsWith("{\"@odata.context\":", text, StringComparison.Ordinal);
        var rows = JsonNode.Parse(text)!["value"]!.AsArray();
        Assert.Equal(3, rows.Count);
        Assert.All(rows, r => Assert.True(r!.AsObject().ContainsKey("visit__country") && r["visit__country"] is null));
        Assert.Single(rows.Select(r => string.Join(',', r!.AsObject().Select(c => c.Key))).Distinct());
        Assert.All(rows, r => Assert.EndsWith("Z", (string)r!["loaded_at"]!, StringComparison.Ordinal));

        using var omitted = await FeedClient.SendAsync(server.Client, Set + "?$top=1&$orderby=visit__country", ("Prefer", "omit-values=nulls"));
        Assert.Equal(["omit-values=nulls"], omitted.Headers.GetValues("Preference-Applied"));
        Assert.DoesNotContain("\"visit__country\"", await omitted.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_payload_says_as_much_of_itself_as_is_asked()
    {
        var none = (await FeedClient.GetAsync(server.Client, Set + "?$top=1", ("Accept", "application/json;odata.metadata=none"))).Body.ToJsonString();
        Assert.DoesNotContain("@odata", none, StringComparison.Ordinal);
        var full = (await FeedClient.GetAsync(server.Client, Set + "?$top=1&$select=visits", ("Accept", "application/json;odata.metadata=full"))).Body["value"]![0]!;
        Assert.Equal("#Write.visits_daily", (string?)full["@odata.type"]);
        Assert.Equal("#Int64", (string?)full["visits@odata.type"]);
        var byId = await FeedClient.GetAsync(server.Client, "/odata/" + (string)full["@odata.id"]!);
        Assert.Equal((long)full["visits"]!, (long)byId.Body["visits"]!);
        var exact = (await FeedClient.GetAsync(server.Client, Set + "?$top=1&$select=visits", ("Accept", "application/json;IEEE754Compatible=true"))).Body["value"]![0]!;
        Assert.Equal(full["visits"]!.ToJsonString(), (string?)exact["visits"]);
        Assert.Equal(HttpStatusCode.NotAcceptable, (await FeedClient.GetAsync(server.Client, Set, ("Accept", "application/atom+xml"))).Status);
        Assert.Equal(HttpStatusCode.OK, (await FeedClient.GetAsync(server.Client, Set + "?$top=1", ("Accept", "application/atom+xml, application/json;q=0.1"))).Status);
    }

    [Fact]
    public async Task Single_rows_and_values_are_read_by_key()
    {
        var row = (await FeedClient.RowsAsync(server.Client, Set + "?$top=1&$filter=visit__country%20eq%20'FR'"))[0]!;
        var key = (string)row["row_key"]!;
        var (_, one) = await FeedClient.GetAsync(server.Client, $"{Set}('{key}')");
        Assert.EndsWith("#visits_daily/$entity", (string)one["@odata.context"]!, StringComparison.Ordinal);
        Assert.Equal((string?)row["loaded_at"], (string?)one["loaded_at"]);
        Assert.Equal("FR", (string?)(await FeedClient.GetAsync(server.Client, $"{Set}(row_key='{key}')/visit__country")).Body["value"]);
        Assert.Equal(row["visits"]!.ToJsonString(), await server.TextAsync($"{Set}('{key}')/visits/$value"));

        // The key as a segment of the path or as an alias is the same row.
        Assert.Equal(one.ToJsonString(), (await FeedClient.GetAsync(server.Client, $"{Set}/{key}")).Body.ToJsonString());
        Assert.Equal(row["visits"]!.ToJsonString(), await server.TextAsync($"{Set}/{Uri.EscapeDataString(key)}/visits/$value"));
        Assert.Equal(one.ToJsonString(), (await FeedClient.GetAsync(server.Client, $"{Set}(@k)?@k='{key}'")).Body.ToJsonString());
        Assert.Equal(one.ToJsonString(), (await FeedClient.GetAsync(server.Client, $"{Set}(row_key=@k)?@k='{key}'")).Body.ToJsonString());
        var unknown = (await FeedClient.RowsAsync(server.Client, Set + "?$top=1&$filter=visit__country%20eq%20null"))[0]!;
        using var empty = await FeedClient.SendAsync(server.Client, $"{Set}('{unknown["row_key"]}')/visit__country");
        Assert.Equal(HttpStatusCode.NoContent, empty.StatusCode);
    }

    [Fact]
    public async Task A_tag_saves_the_answer_until_the_table_changes()
    {
        using var first = await FeedClient.SendAsync(server.Client, Set + "?$top=5");
        var tag = first.Headers.ETag!.ToString();
        using var again = await FeedClient.SendAsync(server.Client, Set + "?$top=5", ("If-None-Match", tag));
        Assert.Equal(HttpStatusCode.NotModified, again.StatusCode);
        using var other = await FeedClient.SendAsync(server.Client, Set + "?$top=6", ("If-None-Match", tag));
        Assert.Equal(HttpStatusCode.OK, other.StatusCode);
    }

    /// <summary>Of the same rows others are younger than a day at another moment.</summary>
    [Theory]
    [InlineData("/odata/visits_daily?$filter=metric_time__day gt now() sub duration'P5D'")]
    [InlineData("/odata/visits_daily/$count?$filter=metric_time__day gt @d&@d=now() sub duration'P5D'")]
    [InlineData("/odata/metrics?$apply=groupby((metric_time__day),aggregate(visits))&$filter=metric_time__day gt now() sub duration'P5D'")]
    public async Task A_tag_of_the_present_moment_saves_nothing(string path)
    {
        await using var small = new SmallServer();
        await small.StartAsync();
        await small.RefreshAsync();
        using var first = await FeedClient.SendAsync(small.Client, path);
        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        var before = await first.Content.ReadAsStringAsync(Cancel);
        small.Advance(TimeSpan.FromDays(3));
        using var again = await FeedClient.SendAsync(small.Client, path, ("If-None-Match", first.Headers.ETag?.ToString() ?? "W/\"none\""));
        Assert.Equal(HttpStatusCode.OK, again.StatusCode);
        Assert.NotEqual(before, await again.Content.ReadAsStringAsync(Cancel));
    }

    [Fact]
    public async Task Metrics_by_apply_are_the_metric_querys_own()
    {
        var rows = await FeedClient.RowsAsync(server.Client, "/odata/metrics?$apply=filter(metric_time__day%20ge%202025-06-01%20and%20metric_time__day%20lt%202025-09-01%20and%20visit__device%20ne%20'tv')/groupby((metric_time__month),aggregate(visits,bounce_rate%20as%20rate,unique_visitors))");
        var expected = server.Sql("""
            SELECT CAST(date_trunc('month', timezone('Europe/Berlin', timezone('UTC', occurred_at))) AS DATE), count(*), count(DISTINCT visitor_id)
            FROM {visits} WHERE timezone('Europe/Berlin', timezone('UTC', occurred_at)) >= '2025-06-01' AND timezone('Europe/Berlin', timezone('UTC', occurred_at)) < '2025-09-01' AND device IS DISTINCT FROM 'tv'
            GROUP BY 1 ORDER BY 1
            """);
        Assert.Equal(
            expected.Select(r => string.Create(CultureInfo.InvariantCulture, $"{r[0]:yyyy-MM-dd} {r[1]} {r[2]}")),
            rows.Select(r => $"{r!["metric_time__month"]} {r["visits"]} {r["unique_visitors"]}"));
        Assert.All(rows, r => Assert.InRange((double)r!["rate"]!, 0.1, 0.9));
        Assert.Equal(HttpStatusCode.OK, (await FeedClient.GetAsync(server.Client, "/odata/metrics")).Status);
        Assert.Equal(HttpStatusCode.NotImplemented, (await FeedClient.GetAsync(server.Client, "/odata/metrics?$filter=visit__country%20eq%20'FR'")).Status);
    }

    [Fact]
    public async Task A_ratio_of_a_tables_rows_is_of_their_sums()
    {
        var rows = await FeedClient.RowsAsync(server.Client, Set + "?$apply=groupby((rollup($all,visit__device)),aggregate(bounce_rate,visits%20with%20sum%20as%20v,bounces%20with%20sum%20as%20b,$count%20as%20n))&$orderby=v%20desc");
        Assert.All(rows, r => Assert.Equal((double)r!["b"]! / (double)r["v"]!, (double)r["bounce_rate"]!, 1e-12));
        Assert.Equal((long)rows[0]!["v"]!, rows.Skip(1).Sum(r => (long)r!["v"]!));
        Assert.Equal((long)server.Sql("SELECT count(*) FROM {visits}")[0][0]!, (long)rows[0]!["v"]!);
    }

    [Fact]
    public async Task Power_BI_is_given_the_address_it_came_by()
    {
        using var response = await FeedClient.SendAsync(server.Client, "/powerbi/write.pbids", ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "data.example.com"));
        var body = JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!;
        Assert.Equal("https://data.example.com/odata", (string?)body["connections"]![0]!["details"]!["address"]!["url"]);
        Assert.Equal("0.1", (string?)body["version"]);
    }

    [Theory]
    [InlineData(null, "Basic realm=\"data platform\", charset=\"UTF-8\"")]
    [InlineData("Bearer", "Bearer realm=\"data platform\"")]
    public async Task A_caller_without_a_key_is_told_which_to_send(string? authorization, string expected)
    {
        (string, string)[] headers = [("X-Forwarded-For", "203.0.113.1"), .. authorization is null ? [] : new[] { ("Authorization", authorization) }];
        using var response = await FeedClient.SendAsync(server.Client, Set, headers);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal([expected], response.Headers.GetValues("WWW-Authenticate"));
        Assert.Equal(["4.0"], response.Headers.GetValues("OData-Version"));
        Assert.Equal("unauthorized", (string?)JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!["error"]!["code"]);
    }
}
