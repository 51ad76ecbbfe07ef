using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Write.DataPlatform.Api.Tests.Swagger;

namespace Write.DataPlatform.Api.Tests.OData;

/// <summary>Asks what <c>docs/odata.md</c> says of the feed, line by line.</summary>
[Collection(typeof(ServerCollection))]
public sealed partial class ConformanceTests(ServerFixture server)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<string, string, int> Lines()
    {
        var lines = new TheoryData<string, string, int>();
        foreach (var line in File.ReadLines(Path.Combine(OpenApiTests.Root(), "docs", "odata.md")))
        {
            if (Line().Match(line) is { Success: true } match)
            {
                lines.Add(match.Groups["method"].Value, match.Groups["path"].Value, int.Parse(match.Groups["status"].Value, CultureInfo.InvariantCulture));
            }
        }

        return lines;
    }

    [Fact]
    public void The_page_has_its_tables() => Assert.InRange(Lines().Count, 80, 200);

    [Theory]
    [MemberData(nameof(Lines))]
    public async Task The_page_says_what_the_feed_does(string method, string path, int status)
    {
        if (path.Contains("{key}", StringComparison.Ordinal))
        {
            path = path.Replace("{key}", (string)(await FeedClient.RowsAsync(server.Client, "/odata/visits_daily?$top=1&$filter=visits%20ge%201"))[0]!["row_key"]!, StringComparison.Ordinal);
        }

        using var request = new HttpRequestMessage(new HttpMethod(method), path.Replace(" ", "%20", StringComparison.Ordinal));
        if (method == "POST")
        {
            request.Content = new StringContent("""{"requests":[{"id":"1","method":"get","url":"visits_daily/$count"}]}""", Encoding.UTF8, "application/json");
        }

        using var response = await server.Client.SendAsync(request, Cancel);
        var body = await response.Content.ReadAsStringAsync(Cancel);
        Assert.True(status == (int)response.StatusCode, $"{(int)response.StatusCode}: {body[..Math.Min(body.Length, 300)]}");
        Assert.Equal(["4.0"], response.Headers.GetValues("OData-Version"));
        Assert.Equal(status >= 400, body.Contains("\"error\":{\"code\"", StringComparison.Ordinal));
    }

    [GeneratedRegex(@"^\|.*\| `(?<method>GET|POST|DELETE) (?<path>/odata[^`]*)` \| (?<status>\d{3}) \|$")]
    private static partial Regex Line();
}
