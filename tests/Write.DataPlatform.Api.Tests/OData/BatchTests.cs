using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.WebUtilities;

namespace Write.DataPlatform.Api.Tests.OData;

/// <summary>Several requests in one, in both of OData's forms.</summary>
[Collection(typeof(ServerCollection))]
public sealed class BatchTests(ServerFixture server)
{
    private const string Set = "/odata/visits_daily";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_batch_answers_each_request_by_itself()
    {
        const string Requests = """
            {"requests":[
              {"id":"1","method":"get","url":"visits_daily?$top=1&$select=visits"},
              {"id":"2","method":"GET","url":"/odata/visits_daily/$count"},
              {"id":"3","method":"get","url":"visits_daily?$nope=1"},
              {"id":"4","method":"get","url":"visits_daily?$top=1","dependsOn":["3"]},
              {"id":"5","method":"get","url":"/v1/gold"},
              {"id":"6","method":"delete","url":"visits_daily"},
              {"id":"7","method":"get","url":"$2?$filter=visits%20gt%201"},
              {"id":"8","method":"post","url":"$batch"}]}
            """;
        var answers = await JsonAsync(Requests, ("Prefer", "odata.continue-on-error"));
        Assert.Equal([200, 200, 501, 424, 404, 405, 200, 400], answers.Select(a => (int)a!["status"]!));
        Assert.Equal(await server.TextAsync(Set + "/$count"), (string?)answers[1]!["body"]);
        Assert.Equal(await server.TextAsync(Set + "/$count?$filter=visits%20gt%201"), (string?)answers[6]!["body"]);
        Assert.Single(answers[0]!["body"]!["value"]!.AsArray());
        Assert.All(answers, a => Assert.Equal("4.0", (string?)a!["headers"]!["odata-version"]));

        // Unless it is asked to go on, a batch ends with the first failure.
        Assert.Equal([200, 200, 501, 424, 424, 424, 424, 424], (await JsonAsync(Requests)).Select(a => (int)a!["status"]!));
    }

    /// <summary>Whose eyes an operator looks through in the batch's own address is so for what is in it.</summary>
    [Fact]
    public async Task A_batch_is_through_the_eyes_that_its_address_names()
    {
        const string Query = "customers_daily?$apply=aggregate(visits with sum as v)";
        var content = JsonContent.Create(new { requests = new[] { new { id = "1", method = "get", url = Query } } });
        using var response = await server.Client.PostAsync("/odata/$batch?tenant=acme", content, Cancel);
        var answer = JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!["responses"]![0]!;
        Assert.Equal((long)(await server.GetAsync($"/odata/{Query}&tenant=acme")).Body["value"]![0]!["v"]!, (long)answer["body"]!["value"]![0]!["v"]!);
    }

    [Fact]
    public async Task A_multipart_batch_is_answered_as_multipart()
    {
        var parts = await MultipartAsync(
            Request("GET visits_daily?$top=2&$select=visits HTTP/1.1", "Accept: application/json;odata.metadata=none"),
            Request("GET /odata/visits_daily/$count HTTP/1.1"),
            Request($"GET {server.Client.BaseAddress}odata/shows_daily?$top=1 HTTP/1.1", "OData-MaxVersion: 4.01"));
        Assert.Equal(["HTTP/1.1 200 OK", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK"], parts.Select(p => p.Status));
        Assert.Equal(2, JsonNode.Parse(parts[0].Body)!["value"]!.AsArray().Count);
        Assert.DoesNotContain("@odata", parts[0].Body, StringComparison.Ordinal);
        Assert.Equal(await server.TextAsync(Set + "/$count"), parts[1].Body);
        Assert.Equal(["4.0", "4.0", "4.01"], parts.Select(p => p.Headers["OData-Version"]));
        Assert.Equal(["1", "2", "3"], parts.Select(p => p.Id));
    }

    [Fact]
    public async Task A_failure_ends_a_multipart_batch_unless_it_shall_go_on()
    {
        string[] requests = [Request("GET visits_daily?$top=1 HTTP/1.1"), Request("GET visits_daily?$nope=1 HTTP/1.1"), Request("PATCH visits_daily('x') HTTP/1.1"), Request("GET visits_daily?$top=1 HTTP/1.1")];
        Assert.Equal(["HTTP/1.1 200 OK", "HTTP/1.1 501 Not Implemented"], (await MultipartAsync(requests)).Select(p => p.Status));

        using var content = Body([.. requests, "Content-Type: multipart/mixed; boundary=changes\r\n\r\n--changes\r\nContent-Type: application/http\r\n\r\nDELETE visits_daily('x') HTTP/1.1\r\n\r\n--changes--"]);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/odata/$batch") { Content = content, Headers = { { "Prefer", "continue-on-error=true" } } };
        using var response = await server.Client.SendAsync(request, Cancel);
        var parts = await ReadAsync(response);
        Assert.Equal([200, 501, 405, 200, 405], parts.Select(p => int.Parse(p.Status.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture)));
        Assert.Equal("not_implemented", (string?)JsonNode.Parse(parts[1].Body)!["error"]!["code"]);
    }

    [Fact]
    public async Task A_batch_is_answered_in_the_form_that_is_accepted()
    {
        using var content = Body([Request("GET visits_daily/$count HTTP/1.1")]);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/odata/$batch") { Content = content, Headers = { { "Accept", "application/json" }, { "OData-MaxVersion", "4.01" } } };
        using var response = await server.Client.SendAsync(request, Cancel);
        Assert.Equal(200, (int)JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!["responses"]![0]!["status"]!);
    }

    [Theory]
    [InlineData("application/json", "", 400)]
    [InlineData("application/json", "[]", 400)]
    [InlineData("application/json", """{"requests":[{"id":"1"}]}""", 400)]
    [InlineData("application/json", """{"requests":[{"id":"1","method":"get","url":"x"},{"id":"1","method":"get","url":"x"}]}""", 400)]
    [InlineData("application/json", """{"requests":null}""", 400)]
    [InlineData("text/plain", "x", 415)]
    [InlineData("multipart/mixed", "x", 400)]
    [InlineData("multipart/mixed; boundary=b", "", 400)]
    [InlineData("multipart/mixed; boundary=b", "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--", 400)]
    [InlineData("multipart/mixed; boundary=b", "--b\r\nContent-Type: application/http\r\n\r\n\r\n--b--", 400)]
    [InlineData("multipart/mixed; boundary=b", "--b\r\nContent-Type: application/http\r\n\r\nGET visits_daily HTTP/1.1\r\n", 400)]
    [InlineData("multipart/mixed; boundary=b", "--b\r\nnonsense", 400)]
    public async Task What_is_no_batch_is_refused(string type, string body, int expected)
    {
        using var content = new StringContent(body);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        using var response = await server.Client.PostAsync("/odata/$batch", content, Cancel);
        Assert.Equal(expected, (int)response.StatusCode);
        Assert.NotNull(JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!["error"]!["code"]);
    }

    [Fact]
    public async Task A_batch_takes_POST_and_not_more_requests_than_a_hundred()
    {
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await FeedClient.GetAsync(server.Client, "/odata/$batch")).Status);
        using var content = Body([.. Enumerable.Repeat(Request("GET visits_daily/$count HTTP/1.1"), 101)]);
        using var response = await server.Client.PostAsync("/odata/$batch", content, Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    private async Task<JsonArray> JsonAsync(string requests, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/odata/$batch") { Content = new StringContent(requests, Encoding.UTF8, "application/json") };
        foreach (var (name, value) in headers)
        {
            request.Headers.Add(name, value);
        }

        using var response = await server.Client.SendAsync(request, Cancel);
        return JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!["responses"]!.AsArray();
    }

    private async Task<List<Part>> MultipartAsync(params string[] requests)
    {
        using var content = Body([.. requests.Select((r, i) => r.Replace("\r\n\r\n", $"\r\nContent-ID: {i + 1}\r\n\r\n", StringComparison.Ordinal))]);
        using var response = await server.Client.PostAsync("/odata/$batch", content, Cancel);
        return await ReadAsync(response);
    }

    private static string Request(params string[] lines) => "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n" + string.Join("\r\n", lines) + "\r\n";

    private static StringContent Body(string[] parts)
    {
        var content = new StringContent(string.Concat(parts.Select(p => $"--batch_1\r\n{p}\r\n")) + "--batch_1--\r\n");
        content.Headers.ContentType = MediaTypeHeaderValue.Parse("multipart/mixed; boundary=\"batch_1\"");
        return content;
    }

    /// <summary>By ASP.NET Core's own reader of multipart and by hand, not by what wrote it.</summary>
    private static async Task<List<Part>> ReadAsync(HttpResponseMessage response)
    {
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("multipart/mixed", response.Content.Headers.ContentType!.MediaType);
        var boundary = response.Content.Headers.ContentType.Parameters.Single(p => p.Name == "boundary").Value!;
        var reader = new MultipartReader(boundary.Trim('"'), await response.Content.ReadAsStreamAsync(Cancel));
        var parts = new List<Part>();
        while (await reader.ReadNextSectionAsync(Cancel) is { } section)
        {
            Assert.Equal("application/http", section.ContentType);
            using var text = new StreamReader(section.Body);
            var message = (await text.ReadToEndAsync(Cancel)).Split("\r\n\r\n", 2);
            var lines = message[0].Split("\r\n");
            var headers = lines.Skip(1).Select(l => l.Split(": ", 2)).ToDictionary(h => h[0], h => h[1], StringComparer.OrdinalIgnoreCase);
            Assert.Equal(headers["Content-Length"], Encoding.UTF8.GetByteCount(message[1]).ToString(System.Globalization.CultureInfo.InvariantCulture));
            parts.Add(new Part(section.Headers!.TryGetValue("Content-ID", out var id) ? id.ToString() : "", lines[0], headers, message[1]));
        }

        return parts;
    }

    private sealed record Part(string Id, string Status, Dictionary<string, string> Headers, string Body);
}
