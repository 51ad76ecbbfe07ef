using System.Net;
using System.Text.Json.Nodes;

namespace Write.DataPlatform.Api.Tests.OData;

/// <summary>Asks the feed as clients do.</summary>
internal static class FeedClient
{
    /// <summary>What Power Query accepts, to the letter.</summary>
    public const string PowerQueryAccept =
        "application/json;odata.metadata=minimal;q=1.0,application/json;odata=minimalmetadata;q=0.9,application/atomsvc+xml;q=0.8,application/atom+xml;q=0.8,application/xml;q=0.7,text/plain;q=0.7";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static async Task<HttpResponseMessage> SendAsync(HttpClient client, string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await client.SendAsync(request, Cancel);
    }

    public static async Task<(HttpStatusCode Status, JsonNode Body)> GetAsync(HttpClient client, string path, params (string Name, string Value)[] headers)
    {
        using var response = await SendAsync(client, path, headers);
        var text = await response.Content.ReadAsStringAsync(Cancel);
        Assert.Equal(["4.0"], response.Headers.GetValues("OData-Version"));
        return (response.StatusCode, JsonNode.Parse(text)!);
    }

    /// <summary>The rows of an address.</summary>
    public static async Task<JsonArray> RowsAsync(HttpClient client, string path, params (string Name, string Value)[] headers)
    {
        var (status, body) = await GetAsync(client, path, headers);
        Assert.True(status == HttpStatusCode.OK, body.ToJsonString());
        return body["value"]!.AsArray();
    }

    /// <summary>The rows of every page.</summary>
    public static async Task<List<JsonNode>> AllAsync(HttpClient client, string path, int pageSize, Func<int, Task>? between = null)
    {
        var rows = new List<JsonNode>();
        var pages = 0;
        for (string? next = path; next is not null;)
        {
            var (status, body) = await GetAsync(client, next, ("Accept", PowerQueryAccept), ("Prefer", $"odata.maxpagesize={pageSize}"));
            Assert.True(status == HttpStatusCode.OK, body.ToJsonString());
            var page = body["value"]!.AsArray();
            Assert.InRange(page.Count, 0, pageSize);
            rows.AddRange(page.Select(r => r!));
            next = (string?)body["@odata.nextLink"];
            Assert.True(next is null || page.Count == pageSize);
            await (between?.Invoke(++pages) ?? Task.CompletedTask);
        }

        return rows;
    }
}
