using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Write.DataPlatform.Api.Rest;

namespace Write.DataPlatform.Api.Tests.BadInput;

/// <summary>Bodies and addresses that no honest caller sends: refused with a reason, never a mistake of the server.</summary>
[Collection(typeof(ServerCollection))]
public sealed partial class BadQueryTests(ServerFixture server)
{
    private const string Good = """{"field":"visit__country","op":"equals","values":["DE"]}""";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(10_000, "malformed_json")]
    [InlineData(600, "malformed_json")]
    [InlineData(40, "too_deep")]
    [InlineData(30, null)]
    public async Task Nesting_ends_somewhere(int depth, string? code)
    {
        foreach (var (open, close) in new[] { ("{\"not\":", "}"), ("{\"and\":[", "]}") })
        {
            var where = Repeat(open, depth) + Good + Repeat(close, depth);
            var (status, body) = await server.PostAsync("/v1/query", "{\"metrics\":[\"visits\"],\"timeRange\":{\"last\":\"P1M\"},\"where\":" + where + "}");
            AssertRefused(status, body, code);
        }
    }

    [Theory]
    [InlineData("where")]
    [InlineData("having")]
    [InlineData("timeRange")]
    [InlineData("compare")]
    [InlineData("metrics")]
    [InlineData("orderBy")]
    public async Task Nesting_in_an_address_ends_somewhere(string parameter)
    {
        // Around the depth to which JSON is read at all, one level of which may be the query around the parameter.
        foreach (var depth in new[] { 100, 509, 510, 511, 512, 513, 514, 550 })
        {
            foreach (var (open, close) in new[] { ("[", "]"), ("{\"a\":", "}") })
            {
                var value = Repeat(open, depth) + (open == "[" ? "" : "1") + Repeat(close, depth);
                var (status, body) = await server.GetAsync($"/v1/query?{(parameter == "metrics" ? "" : "metrics=visits&")}{parameter}={value}");
                Assert.True(status == HttpStatusCode.BadRequest, $"{parameter} {depth} {open}: {body.ToJsonString()}");
                Assert.NotEmpty(body["errors"]!.AsArray());
            }
        }
    }

    [Fact]
    public async Task A_hundred_thousand_values_are_refused_and_a_thousand_are_not()
    {
        static string Query(int count) =>
            $$$"""{"metrics":["visits"],"timeRange":{"last":"P1M"},"where":{"field":"visit__country","op":"in","values":[{{{string.Join(',', Enumerable.Range(0, count).Select(i => $"\"{i}\""))}}}]}}""";
        var (status, body) = await server.PostAsync("/v1/query", Query(100_000));
        AssertRefused(status, body, "too_many");
        (status, body) = await server.PostAsync("/v1/query", Query(1_000));
        AssertRefused(status, body, null);
    }

    [Theory]
    [InlineData(5_000_000, false)]
    [InlineData(RestServices.MaxBodyBytes, true)]
    public async Task Bodies_that_are_too_large_are_refused(int length, bool isChunked)
    {
        // A length is refused before the body is sent, to a client that waits for leave; without one the body is read up to the limit.
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/query") { Content = new StringContent("{\"metrics\":[\"" + new string('x', length) + "\"]}", Encoding.UTF8, "application/json") };
        request.Headers.ExpectContinue = !isChunked;
        request.Headers.TransferEncodingChunked = isChunked;
        using var response = await server.Client.SendAsync(request, Cancel);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        Assert.Equal("body_too_large", (string)JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!["code"]!);
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/health/live")).Status);
    }

    [Theory]
    [InlineData("visits", 0xFF)]
    [InlineData("visits", 0xC0)]
    [InlineData("visits", 0xED, 0xA0, 0x80)]
    [InlineData("metrics", 0xFF)]
    [InlineData("country", 0xF8)]
    [InlineData("DE", 0x80)]
    [InlineData("P1M", 0xE2, 0x82)]
    public async Task Bytes_that_are_no_text_are_refused(string after, params int[] wrong)
    {
        var text = Encoding.UTF8.GetBytes("""{"metrics":["visits"],"timeRange":{"last":"P1M"},"where":{"field":"visit__country","op":"equals","values":["DE"]}}""");
        var at = text.AsSpan().IndexOf(Encoding.UTF8.GetBytes(after)) + after.Length;
        byte[] body = [.. text[..at], .. wrong.Select(b => (byte)b), .. text[at..]];
        var (status, answer) = await SendAsync(body, "application/json");
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.All(answer["errors"]!.AsArray(), e => Assert.Contains((string)e!["code"]!, new[] { "bad_text", "malformed_json" }));
    }

    [Theory]
    [InlineData("text/plain", 415)]
    [InlineData("application/xml", 415)]
    [InlineData("application/x-www-form-urlencoded", 415)]
    [InlineData("multipart/form-data; boundary=x", 415)]
    [InlineData("nonsense", 415)]
    [InlineData("application/", 415)]
    [InlineData("application/json; charset=utf-16", 200)]
    [InlineData("application/merge-patch+json", 200)]
    [InlineData(null, 200)]
    public async Task The_type_of_a_body_is_looked_at(string? type, int expected)
    {
        var (status, body) = await SendAsync("""{"metrics":["visits"],"timeRange":{"last":"P1M"}}"""u8.ToArray(), type);
        Assert.True(expected == (int)status, body.ToJsonString());
        Assert.Equal(expected == 200 ? null : "unsupported_media_type", (string?)body["code"]);
    }

    [Theory]
    [InlineData("""{"metrics":["visits"],"metrics":["revenue"]}""", "metrics")]
    [InlineData("""{"metrics":["visits"],"metrics":null}""", "metrics")]
    [InlineData("""{"metrics":["visits"],"\u006detrics":["visits"]}""", "metrics")]
    [InlineData("""{"metrics":["visits"],"timeRange":{"last":"P1M","last":"P2M"}}""", "timeRange.last")]
    [InlineData("""{"metrics":["visits"],"where":{"field":"visit__country","field":"visit__device","op":"equals","values":["DE"]}}""", "where.field")]
    [InlineData("""{"metrics":["visits"],"orderBy":[{"field":"visits","field":"visits"}]}""", "orderBy[0].field")]
    public async Task A_key_that_comes_twice_is_told(string query, string path)
    {
        var (status, body) = await server.PostAsync("/v1/query", query);
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains(body["errors"]!.AsArray(), e => ((string)e!["code"]!, (string?)e["path"]) == ("duplicate_property", path));
    }

    [Theory]
    [InlineData("""timeRange={"last":"P1M","last":"P2M"}""", "duplicate_property")]
    [InlineData("""timeRange={"last":"P1M","last":"P2M"}&last=P1M""", "conflicting_properties")]
    [InlineData("""where={"field":"visit__country","field":"visit__device","op":"equals","values":["DE"]}""", "duplicate_property")]
    [InlineData("""orderBy=[{"field":"visits","field":"visits"}]""", "duplicate_property")]
    [InlineData("""compare={"to":"previousYear","to":"previousYear"}""", "duplicate_property")]
    [InlineData("limit=5&limit=6", "repeated_parameter")]
    [InlineData("where=%FF", "malformed_json")]
    [InlineData("limit=%FF%00", "wrong_type")]
    [InlineData("timeZone=%00", "bad_text")]
    [InlineData("%FF=1", "unknown_parameter")]
    public async Task An_address_that_says_odd_things_is_refused(string parameters, string code)
    {
        var (status, body) = await server.GetAsync("/v1/query?metrics=visits&" + parameters.Replace("\"", "%22", StringComparison.Ordinal));
        AssertRefused(status, body, code);
    }

    [Fact]
    public async Task Forty_mistakes_point_each_at_its_place()
    {
        // Every fifth condition is right, so that a place is not merely the mistake's number.
        var conditions = Enumerable.Range(0, 40).Select(i => i % 5 == 4 ? Good : (i % 4) switch
        {
            0 => $$"""{"field":"visit__country","op":"equls{{i}}","values":["DE"]}""",
            1 => """{"field":"visit__contry","op":"equals","values":["DE"]}""",
            2 => """{"field":"visit__country","op":"equals","values":"DE"}""",
            _ => """{"field":"visit__country","op":"equals","values":["DE"],"vlaues":1}""",
        });
        var query = $$$"""
            {"metrics":["visits","vists","revnue"],"groupBy":["visit__contry","visit__device"],"limit":0,"timeZone":"Europe/Berln","fill":"yes","sorce":"gold",
             "timeRange":{"last":"1 month"},"orderBy":[{"field":"visits","descending":1}],"where":{"or":[{{{string.Join(',', conditions)}}}]}}
            """;
        var (status, body) = await server.PostAsync("/v1/query", query);
        Assert.Equal(HttpStatusCode.BadRequest, status);
        var paths = body["errors"]!.AsArray().Select(e => (string)e!["path"]!).ToList();
        var expected = Enumerable.Range(0, 40).Where(i => i % 5 != 4).Select(i => $"where.or[{i}]." + ((i % 4) switch { 0 => "op", 1 => "field", 2 => "values", _ => "vlaues" }))
            .Concat(["metrics[1]", "metrics[2]", "groupBy[0]", "limit", "timeZone", "fill", "sorce", "timeRange.last", "orderBy[0].descending"]);
        Assert.Equal(expected.Order(StringComparer.Ordinal), paths.Order(StringComparer.Ordinal));
        Assert.True(paths.Count > 40);
        var sent = JsonNode.Parse(query)!;
        Assert.All(paths, path => Assert.NotNull(Step().Matches(path).Aggregate(sent, (node, step) => step.Groups[1].Success ? node[int.Parse(step.Groups[1].Value, null)]! : node[step.Value]!)));
        Assert.All(body["errors"]!.AsArray(), e => Assert.NotEmpty((string)e!["message"]!));
    }

    private static void AssertRefused(HttpStatusCode status, JsonNode body, string? code)
    {
        Assert.True(status == (code is null ? HttpStatusCode.OK : HttpStatusCode.BadRequest), body.ToJsonString());
        if (code is not null)
        {
            Assert.Contains(code, body["errors"]!.AsArray().Select(e => (string)e!["code"]!));
        }
    }

    private async Task<(HttpStatusCode Status, JsonNode Body)> SendAsync(byte[] body, string? type)
    {
        using var content = new ByteArrayContent(body);
        if (type is not null)
        {
            content.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        using var response = await server.Client.PostAsync("/v1/query", content, Cancel);
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!);
    }

    private static string Repeat(string text, int times) => new StringBuilder().Insert(0, text, times).ToString();

    [GeneratedRegex(@"\[(\d+)\]|[^.\[\]]+")]
    private static partial Regex Step();
}
