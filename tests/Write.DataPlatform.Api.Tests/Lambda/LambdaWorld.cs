using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Security;
using Write.DataPlatform.Api.Tests.Serving;

namespace Write.DataPlatform.Api.Tests.Lambda;

/// <summary>The process as a Lambda function over a lake of its own, with a few routes more than it has.</summary>
internal sealed class LambdaWorld : IAsyncDisposable
{
    private readonly SmallServer _files = new();
    private WebApplication? _app;

    public RuntimeEmulator Runtime { get; } = new();

    public IServiceProvider Services => _app!.Services;

    public SmallServer Files => _files;

    public MovableClock Clock { get; } = new(new DateTimeOffset(ServerFixture.Today.ToDateTime(new TimeOnly(15, 0)), TimeSpan.Zero));

    /// <summary>A payload as AWS sends it.</summary>
    public static JsonNode Payload(string name) => JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Lambda", "Payloads", name + ".json")))!;

    /// <summary>A payload of format 2.0 that asks for something.</summary>
    public static JsonNode Request(string sender, string path, string method = "GET")
    {
        var payload = Payload(sender);
        (payload["rawPath"], payload["rawQueryString"], payload["requestContext"]!["http"]!["method"]) = (path, "", method);
        return payload;
    }

    /// <summary>By the function's clock.</summary>
    public DateTimeOffset Now => Services.GetRequiredService<TimeProvider>().GetUtcNow();

    /// <summary>A new key of an analyst.</summary>
    public async Task<string> KeyAsync() =>
        (await Services.GetRequiredService<ApiKeys>().CreateAsync("lambda", KeyRole.Analyst, null, null, KeyGrant.Plain, TestContext.Current.CancellationToken)).Text;

    public async Task StartAsync(Role role, params (string Key, string Value)[] settings)
    {
        await Runtime.StartAsync();
        var configuration = new Dictionary<string, string?>
        {
            ["AWS_LAMBDA_RUNTIME_API"] = Runtime.Address,
            ["DataPlatform:Data"] = _files.Data,
            ["DataPlatform:Models"] = _files.Models,
            ["DataPlatform:Lake:Path"] = _files.Lake,
            ["DataPlatform:Lake:ScanInterval"] = "00:00:00",
            ["DataPlatform:Gold:ManifestMaxAge"] = "00:00:00",
            ["DataPlatform:Answers:LakeMaxAge"] = "00:00:00",
            ["DataPlatform:Stream:Kind"] = "None",
            ["Serilog:MinimumLevel:Default"] = "Fatal",
            ["Serilog:MinimumLevel:Override:Microsoft"] = "Fatal",
        };
        foreach (var (key, value) in settings)
        {
            configuration[key] = value;
        }

        _app = DataPlatformHost.Build(new HostSettings(configuration, role, s => s.TryAddSingleton<TimeProvider>(Clock)));
        MapRoutes(_app);
        await Startup.PrepareAsync(_app.Services);
        await _app.StartAsync();
    }

    /// <summary>Sends a request as one of the senders would.</summary>
    public async Task<JsonNode> SendAsync(JsonNode payload, DateTimeOffset? deadline = null)
    {
        var told = await Runtime.InvokeAsync(payload.ToJsonString(), deadline);
        Assert.False(told.IsError || told.IsBroken, told.Text);
        return JsonNode.Parse(told.Body)!;
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
        {
            await _app.StopAsync(CancellationToken.None);
            await _app.DisposeAsync();
        }

        await Runtime.DisposeAsync();
        await _files.DisposeAsync();
    }

    private static void MapRoutes(WebApplication app)
    {
        app.Map("/echo/{name}", async (HttpContext context, string name) =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted);
            context.Response.Cookies.Append("a", "1");
            context.Response.Cookies.Append("b", "2");
            context.Response.Headers.Append("X-Answer", "yes");
            return Results.Json(new
            {
                name,
                method = context.Request.Method,
                scheme = context.Request.Scheme,
                host = context.Request.Host.Value,
                pathBase = context.Request.PathBase.Value,
                path = context.Request.Path.Value,
                query = context.Request.Query.ToDictionary(q => q.Key, q => q.Value.ToArray()),
                cookies = context.Request.Cookies.ToDictionary(c => c.Key, c => c.Value),
                many = string.Join(",", context.Request.Headers["X-Many"].ToArray()),
                address = context.Connection.RemoteIpAddress?.ToString(),
                body = Convert.ToHexString(body.ToArray()),
            });
        });
        app.MapGet("/bytes", () => Results.Bytes([0, 1, 2, 255], "application/octet-stream"));
        app.MapMethods("/text", ["GET", "HEAD"], () => Results.Text("Grüße, \"Welt\" 😀", "text/plain"));
        app.MapGet("/not-text", () => Results.Bytes([0x66, 0xFF, 0xFE], "text/plain"));
        app.MapGet("/large/{bytes:int}", async (HttpContext context, int bytes) =>
        {
            context.Response.ContentType = "application/octet-stream";
            for (var left = bytes; left > 0; left -= 100_000)
            {
                await context.Response.Body.WriteAsync(new byte[Math.Min(left, 100_000)], context.RequestAborted);
            }
        });
        app.MapGet("/slow", (HttpContext context) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted));
        app.MapGet("/halves", async (HttpContext context) =>
        {
            await context.Response.WriteAsync("first");
            await context.Response.Body.FlushAsync();
            throw new InvalidOperationException("the second half");
        });
    }
}
