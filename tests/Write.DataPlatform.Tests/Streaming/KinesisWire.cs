using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using Amazon.Runtime;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Write.DataPlatform.StandIns;
using Write.DataPlatform.Streaming.Kinesis.Client;

namespace Write.DataPlatform.Tests.Streaming;

/// <summary>A wire to a stand-in for Kinesis, on which a test answers some calls itself.</summary>
internal sealed class KinesisWire : IAsyncDisposable
{
    private static readonly Lazy<Task<StandIn>> Kinesalite = new(() => StandIn.StartAsync("kinesis"));
    private static readonly Lazy<Task<StandIn>> KinesisLocal = new(() => StandIn.StartAsync("kinesis2"));

    private readonly WebApplication _application;
    private readonly HttpClient _http = new();
    private readonly Uri _target;
    private readonly ConcurrentDictionary<string, ConcurrentQueue<Func<JsonObject, (int Status, JsonObject Body)>>> _next = new();

    private KinesisWire(Uri target)
    {
        _target = target;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _application = builder.Build();
        _application.Run(AnswerAsync);
    }

    /// <summary>All requests so far.</summary>
    public ConcurrentQueue<(string Operation, JsonObject Body)> Calls { get; } = new();

    /// <summary>A client of one of the two stand-ins.</summary>
    public static async Task<AmazonKinesisClient> ClientAsync(bool isKinesisLocal)
    {
        Assert.SkipWhen(StandIn.Missing is not null, StandIn.Missing ?? "");
        return Client((await (isKinesisLocal ? KinesisLocal : Kinesalite).Value).Url.ToString());
    }

    public static async Task<KinesisWire> StartAsync()
    {
        Assert.SkipWhen(StandIn.Missing is not null, StandIn.Missing ?? "");
        var wire = new KinesisWire((await Kinesalite.Value).Url);
        await wire._application.StartAsync(TestContext.Current.CancellationToken);
        return wire;
    }

    public AmazonKinesisClient Client() => Client(_application.Urls.Single());

    /// <summary>Answers the next calls of an operation otherwise.</summary>
    public void Next(string operation, params Func<JsonObject, (int Status, JsonObject Body)>[] answers)
    {
        foreach (var answer in answers)
        {
            _next.GetOrAdd(operation, _ => new()).Enqueue(answer);
        }
    }

    public static Func<JsonObject, (int Status, JsonObject Body)> Error(string type, int status = 400) => _ => (status, new JsonObject { ["__type"] = type, ["message"] = "as the test wants" });

    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        _http.Dispose();
    }

    private static AmazonKinesisClient Client(string url) => new(
        new BasicAWSCredentials("key", "secret"), new AmazonKinesisConfig { ServiceURL = url, AuthenticationRegion = "us-east-1", MaxErrorRetry = 2 });

    private async Task AnswerAsync(HttpContext context)
    {
        var target = context.Request.Headers["X-Amz-Target"].ToString();
        var operation = target[(target.IndexOf('.', StringComparison.Ordinal) + 1)..];
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        var request = (JsonObject)JsonNode.Parse(body.ToArray())!;
        Calls.Enqueue((operation, request));
        context.Response.ContentType = "application/x-amz-json-1.1";
        if (_next.TryGetValue(operation, out var queue) && queue.TryDequeue(out var answer))
        {
            (context.Response.StatusCode, var json) = answer(request);
            await context.Response.WriteAsync(json.ToJsonString());
            return;
        }

        using var forward = new HttpRequestMessage(HttpMethod.Post, _target) { Content = new ByteArrayContent(body.ToArray()) };
        forward.Content.Headers.TryAddWithoutValidation("Content-Type", context.Request.ContentType);
        foreach (var header in context.Request.Headers.Where(header => header.Key is "Authorization" or "X-Amz-Target" or "X-Amz-Date" or "x-amz-date"))
        {
            forward.Headers.TryAddWithoutValidation(header.Key, header.Value.AsEnumerable());
        }

        using var response = await _http.SendAsync(forward, context.RequestAborted);
        context.Response.StatusCode = (int)response.StatusCode;
        await response.Content.CopyToAsync(context.Response.Body, context.RequestAborted);
    }
}
