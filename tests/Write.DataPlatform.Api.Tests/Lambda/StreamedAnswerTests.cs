using System.Text;
using System.Text.Json.Nodes;
using Write.DataPlatform.Api.Commands;

namespace Write.DataPlatform.Api.Tests.Lambda;

/// <summary>Answers that are sent as they are made.</summary>
public sealed class StreamedAnswerTests
{
    [Fact]
    public async Task A_streamed_answer_begins_with_its_headers_and_may_be_larger_than_a_whole_one()
    {
        await using var world = new LambdaWorld();
        await world.StartAsync(Role.Api, ("DataPlatform:Lambda:ResponseStreaming", "true"));
        var told = await world.Runtime.InvokeAsync(Get("/large/9000001"));
        Assert.Equal("streaming", told.Headers["Lambda-Runtime-Function-Response-Mode"]);
        Assert.Equal("application/vnd.awslambda.http-integration-response", told.Headers["Content-Type"]);
        var (head, body) = Split(told.Body);
        Assert.Equal((200, "application/octet-stream", 9_000_001), ((int)head["statusCode"]!, (string)head["headers"]!["Content-Type"]!, body.Length));

        (head, body) = Split((await world.Runtime.InvokeAsync(Get("/echo/x"))).Body);
        Assert.Equal(["a=1; path=/", "b=2; path=/"], head["cookies"]!.AsArray().Select(c => (string)c!));
        Assert.Equal("x", (string)JsonNode.Parse(body)!["name"]!);

        // One without a body, and one that is refused.
        (head, body) = Split((await world.Runtime.InvokeAsync(Get("/v1/nothing"))).Body);
        Assert.Equal((404, "not_found"), ((int)head["statusCode"]!, (string)JsonNode.Parse(body)!["code"]!));
        (head, body) = Split((await world.Runtime.InvokeAsync(Get("/text", "HEAD"))).Body);
        Assert.Equal((200, 0), ((int)head["statusCode"]!, body.Length));

        // The time runs out before it was begun: its caller hears of it.
        (head, body) = Split((await world.Runtime.InvokeAsync(Get("/slow"), world.Now.AddSeconds(2))).Body);
        Assert.Equal((504, "query_timeout"), ((int)head["statusCode"]!, (string)JsonNode.Parse(body)!["code"]!));

        // One that breaks is not taken for whole, and the function goes on.
        Assert.True((await world.Runtime.InvokeAsync(Get("/halves"))).IsBroken);
        var balancer = LambdaWorld.Payload("balancer");
        balancer["path"] = "/text";
        Assert.Equal("Grüße, \"Welt\" 😀", (string)(await world.SendAsync(balancer))["body"]!);
    }

    private static string Get(string path, string method = "GET") => LambdaWorld.Request("function-url", path, method).ToJsonString();

    private static (JsonNode Head, byte[] Body) Split(byte[] answer)
    {
        var zeros = answer.AsSpan().IndexOf(new byte[8]);
        return (JsonNode.Parse(Encoding.UTF8.GetString(answer, 0, zeros))!, answer[(zeros + 8)..]);
    }
}
