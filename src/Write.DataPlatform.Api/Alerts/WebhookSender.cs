using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Microsoft.Extensions.Options;
using Polly;
using Polly.Retry;

namespace Write.DataPlatform.Api.Alerts;

/// <summary>A message as it is sent.</summary>
/// <param name="Id">Its name, the same at every attempt.</param>
/// <param name="Type">What it is, such as <c>alert.firing</c>.</param>
/// <param name="ContentType">The body's type.</param>
/// <param name="Body">The body.</param>
internal sealed record WebhookMessage(string Id, string Type, string ContentType, ReadOnlyMemory<byte> Body);

/// <summary>Posts messages to channels, signed by Standard Webhooks 1.0. Redirects are not followed; neither address nor secret is in what it says of a failure.</summary>
internal sealed class WebhookSender : IDisposable
{
    private static readonly TimeSpan LongestWish = TimeSpan.FromSeconds(10);

    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5) }) { Timeout = Timeout.InfiniteTimeSpan };
    private readonly IOptionsMonitor<AlertOptions> _options;
    private readonly TimeProvider _clock;
    private readonly ResiliencePipeline<Attempt> _pipeline;

    public WebhookSender(IOptionsMonitor<AlertOptions> options, TimeProvider clock)
    {
        (_options, _clock) = (options, clock);
        _client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("Write.DataPlatform", "1.0"));
        _pipeline = new ResiliencePipelineBuilder<Attempt>
        {
            TimeProvider = clock,
        }
        .AddRetry(new RetryStrategyOptions<Attempt>
        {
            MaxRetryAttempts = 2,
            Delay = TimeSpan.FromSeconds(1),
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            ShouldHandle = arguments => ValueTask.FromResult(arguments.Outcome.Result is { IsTransient: true }),
            DelayGenerator = arguments => ValueTask.FromResult(arguments.Outcome.Result?.RetryAfter is { } wish && wish > TimeSpan.Zero ? wish < LongestWish ? wish : LongestWish : (TimeSpan?)null),
        })
        .Build();
    }

    /// <summary>Whether a channel is configured.</summary>
    public bool Knows(string channel) => _options.CurrentValue.Channels.ContainsKey(channel);

    /// <summary>Sends a message, a few times if need be.</summary>
    /// <returns>Why it was not taken; null if it was.</returns>
    /// <exception cref="OperationCanceledException">The wait was ended.</exception>
    public async Task<string?> SendAsync(string channel, WebhookMessage message, CancellationToken cancellationToken = default)
    {
        var options = _options.CurrentValue;
        return options.Channels.TryGetValue(channel, out var to)
            ? (await _pipeline.ExecuteAsync(async token => await AttemptAsync(to, options.DeliveryTimeout, message, token), cancellationToken)).Problem
            : $"The channel '{channel}' is not configured.";
    }

    public void Dispose() => _client.Dispose();

    private async Task<Attempt> AttemptAsync(ChannelOptions to, TimeSpan timeout, WebhookMessage message, CancellationToken cancellationToken)
    {
        var timestamp = _clock.GetUtcNow().ToUnixTimeSeconds();
        using var request = new HttpRequestMessage(HttpMethod.Post, to.Url) { Content = new ReadOnlyMemoryContent(message.Body) };
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(message.ContentType);
        request.Headers.Add("webhook-id", message.Id);
        request.Headers.Add("webhook-timestamp", timestamp.ToString(CultureInfo.InvariantCulture));
        request.Headers.Add("webhook-signature", WebhookSignature.Of(to.Secret, message.Id, timestamp, message.Body.Span));
        request.Headers.Add("webhook-type", message.Type);
        using var patience = new CancellationTokenSource(timeout, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            var status = (int)response.StatusCode;
            return response.IsSuccessStatusCode ? new Attempt(null, false, null)
                : status is >= 300 and < 400 ? new Attempt($"The receiver answered {status}; redirects are not followed.", false, null)
                : new Attempt($"The receiver answered {status}.", status >= 500 || response.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout, response.Headers.RetryAfter?.Delta);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new Attempt($"The receiver did not answer within {timeout:c}.", false, null);
        }
        catch (HttpRequestException exception)
        {
            return new Attempt($"The receiver could not be reached ({exception.HttpRequestError}).", true, null);
        }
        catch (Exception exception) when (exception is IOException or InvalidOperationException or NotSupportedException)
        {
            return new Attempt($"The message could not be sent ({exception.GetType().Name}).", false, null);
        }
    }

    private sealed record Attempt(string? Problem, bool IsTransient, TimeSpan? RetryAfter);
}
