using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Write.DataPlatform.Api.Tests.Alerts;

/// <summary>A receiver of webhooks on a socket of its own, which checks signatures by the specification's own words and answers as it is told.</summary>
internal sealed class Receiver : IAsyncDisposable
{
    public static readonly byte[] Key = [.. Enumerable.Range(7, 32).Select(i => (byte)i)];

    public static readonly string Secret = "whsec_" + Convert.ToBase64String(Key);

    private readonly WebApplication _app;

    private Receiver(WebApplication app) => _app = app;

    /// <summary>The statuses of the next answers; then 204.</summary>
    public ConcurrentQueue<int> Answers { get; } = new();

    /// <summary>What an answer waits for, once its request is noted; null for nothing.</summary>
    public TaskCompletionSource? Gate { get; set; }

    /// <summary>What it says of when it may be asked again.</summary>
    public string? RetryAfter { get; set; }

    /// <summary>Every request, whatever it was answered.</summary>
    public ConcurrentQueue<Received> All { get; } = new();

    /// <summary>What it took.</summary>
    public List<Received> Taken => [.. All.Where(r => r.Status == 204)];

    public string Url => _app.Urls.Single() + "/hook?token=do-not-tell";

    public static async Task<Receiver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var receiver = new Receiver(app);
        app.Run(receiver.TakeAsync);
        await app.StartAsync();
        return receiver;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    private async Task TakeAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        string Header(string name) => context.Request.Headers[name].ToString();
        var signed = Encoding.UTF8.GetBytes($"{Header("webhook-id")}.{Header("webhook-timestamp")}.").Concat(body.ToArray()).ToArray();
        var status = Answers.TryDequeue(out var told) ? told : 204;
        All.Enqueue(new Received(
            Header("webhook-id"), Header("webhook-type"), context.Request.Path, context.Request.ContentType!, Encoding.UTF8.GetString(body.ToArray()),
            Header("webhook-signature") == "v1," + Convert.ToBase64String(HMACSHA256.HashData(Key, signed)), status));
        if (status == 0)
        {
            // Never answers: who waits gives up.
            await Task.Delay(TimeSpan.FromSeconds(20), TimeProvider.System, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
            return;
        }

        await (Gate?.Task ?? Task.CompletedTask).WaitAsync(context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        context.Response.StatusCode = status;
        if (status >= 400 && RetryAfter is { } wish)
        {
            context.Response.Headers.RetryAfter = wish;
        }

        if (status is 302 or 307)
        {
            context.Response.Headers.Location = "/elsewhere";
        }
    }
}

/// <summary>A request that came.</summary>
internal sealed record Received(string Id, string Type, string Path, string ContentType, string Body, bool IsSigned, int Status);
