using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace Write.DataPlatform.Tests.Gold;

/// <summary>The way to a DynamoDB, on which requests are counted and things go wrong as told.</summary>
internal sealed class DynamoDbNetwork : DelegatingHandler
{
    private int _requests;

    public DynamoDbNetwork()
        : base(new SocketsHttpHandler())
    {
    }

    /// <summary>Goes in place of sending: it may send with the function that it gets, before or after whatever else it does.</summary>
    public Func<DynamoDbCall, Func<Task<HttpResponseMessage>>, Task<HttpResponseMessage>>? Fault { get; set; }

    public int Requests => _requests;

    public static HttpResponseMessage Error(string code, HttpStatusCode status = HttpStatusCode.BadRequest, string message = "told by the test") => Json(
        status, new JsonObject { ["__type"] = "com.amazonaws.dynamodb.v20120810#" + code, ["message"] = message });

    public static HttpResponseMessage Json(HttpStatusCode status, JsonNode body) => new(status) { Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/x-amz-json-1.0") };

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _requests);
        if (Fault is not { } fault)
        {
            return await base.SendAsync(request, cancellationToken);
        }

        var operation = request.Headers.GetValues("X-Amz-Target").Single().Split('.')[1];
        var body = JsonNode.Parse(await request.Content!.ReadAsByteArrayAsync(cancellationToken))!.AsObject();
        return await fault(new DynamoDbCall(operation, body, request, cancellationToken), () => base.SendAsync(request, cancellationToken));
    }
}

/// <summary>A request on its way.</summary>
internal sealed record DynamoDbCall(string Operation, JsonObject Body, HttpRequestMessage Request, CancellationToken Cancellation);
