using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Write.DataPlatform.Api.Tests.Lambda;

/// <summary>Lambda's runtime API on a socket, as AWS documents it: one invocation at a time, each answered or failed once.</summary>
internal sealed class RuntimeEmulator : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Channel<Given> _given = Channel.CreateUnbounded<Given>();
    private readonly ConcurrentDictionary<string, TaskCompletionSource<Told>> _open = new();
    private readonly TaskCompletionSource<string> _failedStart = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _end = new();
    private readonly WebApplication _app;

    public RuntimeEmulator()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.WebHost.ConfigureKestrel(k => k.Limits.MaxRequestBodySize = null);
        _app = builder.Build();
        _app.MapGet("/2018-06-01/runtime/invocation/next", NextAsync);
        _app.MapPost("/2018-06-01/runtime/invocation/{id}/response", (HttpContext context, string id) => TakeAsync(context, id, isError: false));
        _app.MapPost("/2018-06-01/runtime/invocation/{id}/error", (HttpContext context, string id) => TakeAsync(context, id, isError: true));
        _app.MapPost("/2018-06-01/runtime/init/error", async context =>
        {
            _failedStart.SetResult(Encoding.UTF8.GetString(await BodyAsync(context)));
            context.Response.StatusCode = StatusCodes.Status202Accepted;
        });
    }

    public string Address => new Uri(_app.Urls.Single()).Authority;

    /// <summary>What was told of a start that failed.</summary>
    public Task<string> FailedStart => _failedStart.Task.WaitAsync(Patience);

    public Task StartAsync() => _app.StartAsync(TestContext.Current.CancellationToken);

    /// <summary>Invokes the function.</summary>
    /// <param name="payload">With what.</param>
    /// <param name="deadline">When it is over; a moment long past where none is given, as an emulator that is in use sends it.</param>
    public async Task<Told> InvokeAsync(string payload, DateTimeOffset? deadline = null)
    {
        var id = Guid.NewGuid().ToString();
        var told = _open[id] = new TaskCompletionSource<Told>(TaskCreationOptions.RunContinuationsAsynchronously);
        await _given.Writer.WriteAsync(new Given(id, payload, deadline ?? DateTimeOffset.UnixEpoch));
        return await told.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
        _end.Dispose();
    }

    private async Task NextAsync(HttpContext context)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, _end.Token);
        Given given;
        try
        {
            given = await _given.Reader.ReadAsync(over.Token);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        context.Response.Headers["Lambda-Runtime-Aws-Request-Id"] = given.Id;
        context.Response.Headers["Lambda-Runtime-Deadline-Ms"] = given.Deadline.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);
        context.Response.Headers["Lambda-Runtime-Trace-Id"] = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1";
        context.Response.Headers["Lambda-Runtime-Invoked-Function-Arn"] = "arn:aws:lambda:eu-central-1:123456789012:function:api";
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(given.Payload, over.Token);
    }

    private async Task TakeAsync(HttpContext context, string id, bool isError)
    {
        if (!_open.TryRemove(id, out var told))
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            return;
        }

        var headers = context.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase);
        byte[] body;
        try
        {
            body = await BodyAsync(context);
        }
        catch (Exception exception) when (exception is IOException or BadHttpRequestException or OperationCanceledException)
        {
            told.SetResult(new Told([], headers, isError, IsBroken: true));
            return;
        }

        if (body.Length > 6 * 1024 * 1024 && !headers.ContainsKey("Lambda-Runtime-Function-Response-Mode"))
        {
            context.Response.StatusCode = StatusCodes.Status413PayloadTooLarge;
            return;
        }

        context.Response.StatusCode = StatusCodes.Status202Accepted;
        told.SetResult(new Told(body, headers, isError));
    }

    private static async Task<byte[]> BodyAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        return body.ToArray();
    }

    private sealed record Given(string Id, string Payload, DateTimeOffset Deadline);
}

/// <summary>What became of an invocation.</summary>
internal sealed record Told(byte[] Body, Dictionary<string, string> Headers, bool IsError, bool IsBroken = false)
{
    public string Text => Encoding.UTF8.GetString(Body);
}
