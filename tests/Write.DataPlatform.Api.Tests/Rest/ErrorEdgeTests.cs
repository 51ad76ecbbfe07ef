using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Query;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Tests.Rest;

public sealed class ErrorEdgeTests
{
    private const string Secret = "SELECT secret FROM hidden_table AT db-host-7";

    public static TheoryData<string, int, string, bool> Failures => new()
    {
        { "lake-transient", 503, "lake_unavailable", true },
        { "lake-missing", 503, "lake_unavailable", true },
        { "lake", 500, "lake_failed", false },
        { "gold-transient", 503, "gold_unavailable", true },
        { "gold", 500, "gold_failed", false },
        { "cancelled", 503, "unavailable", true },
        { "too-large", 413, "body_too_large", false },
        { "bad-request", 400, "bad_request", false },
        { "query", 400, "bad_query", false },
        { "unanswerable", 422, "unanswerable_query", false },
        { "bug", 500, "internal_error", false },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task A_failure_has_one_status_and_code(string failure, int status, string code, bool retry)
    {
        var (context, body) = await FailAsync(Make(failure), Caller.Operator);
        Assert.Equal((status, code), (context.Response.StatusCode, (string)body!["code"]!));
        Assert.Equal(retry, context.Response.Headers.RetryAfter.Count > 0);
        Assert.Equal("application/problem+json", context.Response.ContentType);
    }

    [Theory]
    [InlineData("lake-transient")]
    [InlineData("lake-missing")]
    [InlineData("lake")]
    [InlineData("gold-transient")]
    [InlineData("gold")]
    public async Task Engines_messages_are_for_operators_alone(string failure)
    {
        Assert.Contains(Secret, (await FailAsync(Make(failure), Caller.Operator)).Body!.ToJsonString(), StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", (await FailAsync(Make(failure), new Caller("acme", "acme", false))).Body!.ToJsonString(), StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", (await FailAsync(Make(failure), null)).Body!.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_bug_tells_nobody_anything()
    {
        var (_, body) = await FailAsync(Make("bug"), Caller.Operator);
        Assert.DoesNotContain("hidden", body!.ToJsonString(), StringComparison.Ordinal);
        Assert.NotEmpty((string)body["traceId"]!);
    }

    [Fact]
    public async Task A_caller_that_left_gets_nothing()
    {
        var (context, body) = await FailAsync(new OperationCanceledException(), Caller.Operator, isAborted: true);
        Assert.Equal(499, context.Response.StatusCode);
        Assert.Null(body);
    }

    private static Exception Make(string failure) => failure switch
    {
        "lake-transient" => new LakeException(Secret, isTransient: true),
        "lake-missing" => new LakeException(Secret, isTransient: false) { IsMissing = true },
        "lake" => new LakeException(Secret, isTransient: false),
        "gold-transient" => new GoldStoreException(Secret, isTransient: true),
        "gold" => new GoldStoreException(Secret, isTransient: false),
        "cancelled" => new OperationCanceledException(),
        "too-large" => new BadHttpRequestException("too large", 413),
        "bad-request" => new BadHttpRequestException("bad"),
        "query" => new QueryException([new QueryProblem("x", "m")]),
        "unanswerable" => new QueryException([new QueryProblem("x", "m")], isUnanswerable: true),
        _ => new InvalidOperationException(Secret),
    };

    private static async Task<(HttpContext Context, JsonNode? Body)> FailAsync(Exception exception, Caller? caller, bool isAborted = false)
    {
        using var body = new MemoryStream();
        var context = new DefaultHttpContext { Response = { Body = body }, RequestAborted = new CancellationToken(isAborted) };
        context.Items[typeof(Caller)] = caller;
        await new ErrorEdge(_ => throw exception, NullLogger<ErrorEdge>.Instance).InvokeAsync(context);
        await context.Response.BodyWriter.FlushAsync(TestContext.Current.CancellationToken);
        return (context, body.Length == 0 ? null : JsonNode.Parse(body.ToArray()));
    }
}
