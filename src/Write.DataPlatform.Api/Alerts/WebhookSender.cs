using System.Globalization;
using System.Net.Http.Headers;

namespace Write.DataPlatform.Api.Alerts;

/// <summary>A message as it is sent.</summary>
/// <param name="Id">Its name, the same at every attempt.</param>
/// <param name="Type">What it is, such as <c>alert.firing</c>.</param>
/// <param name="ContentType">The body's type.</param>
/// <param name="Body">The body.</param>
internal sealed record WebhookMessage(string Id, string Type, string ContentType, ReadOnlyMemory<byte> Body);

/// <summary>What sending a message came to.</summary>
/// <param name="Problem">Why it was not taken; null if it was.</param>
/// <param name="IsRefused">Whether its receiver will hardly take it another time: 3xx, and 4xx but for 408, 425 and 429.</param>
/// <param name="RetryAfter">How long the receiver wants to be left alone; null if it does not say.</param>
internal sealed record SendOutcome(string? Problem, bool IsRefused = false, TimeSpan? RetryAfter = null);

/// <summary>Posts messages to channels, signed by Standard Webhooks 1.0. Redirects are not followed; neither address nor secret is in what it says of a failure.</summary>
internal sealed class WebhookSender : IDisposable
{
    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5) }) { Timeout = Timeout.InfiniteTimeSpan };
    private readonly AlertSettings _settings;
    private readonly TimeProvider _clock;

    public WebhookSender(AlertSettings settings, TimeProvider clock)
    {
        (_settings, _clock) = (settings, clock);
        _client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("Write.DataPlatform", "1.0"));
    }

    /// <summary>Whether a channel is configured.</summary>
    public bool Knows(string channel) => _settings.Current.Channels.ContainsKey(channel);

    /// <summary>Sends a message once.</summary>
    /// <exception cref="OperationCanceledException">The wait was ended.</exception>
    public async Task<SendOutcome> SendAsync(string channel, WebhookMessage message, CancellationToken cancellationToken = default)
    {
        var options = _settings.Current;
        return options.Channels.TryGetValue(channel, out var to) ? await SendAsync(to, options.DeliveryTimeout, message, cancellationToken) : new SendOutcome("Its channel is not configured (DataPlatform:Alerts:Channels).");
    }

    public void Dispose() => _client.Dispose();

    private async Task<SendOutcome> SendAsync(ChannelOptions to, TimeSpan timeout, WebhookMessage message, CancellationToken cancellationToken)
    {
        var timestamp = _clock.GetUtcNow().ToUnixTimeSeconds();
        using var patience = new CancellationTokenSource(timeout, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, to.Url) { Content = new ReadOnlyMemoryContent(message.Body) };
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(message.ContentType);
            request.Headers.Add("webhook-id", message.Id);
            request.Headers.Add("webhook-timestamp", timestamp.ToString(CultureInfo.InvariantCulture));
            request.Headers.Add("webhook-signature", WebhookSignature.Of(to.Secret, message.Id, timestamp, message.Body.Span));
            request.Headers.Add("webhook-type", message.Type);
            using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            var status = (int)response.StatusCode;
            return response.IsSuccessStatusCode ? new SendOutcome(null)
                : status is >= 300 and < 400 ? new SendOutcome($"The receiver answered {status}; redirects are not followed.", IsRefused: true)
                : new SendOutcome($"The receiver answered {status}.", status is >= 400 and < 500 and not (408 or 425 or 429), Wish(response.Headers.RetryAfter));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new SendOutcome($"The receiver did not answer within {timeout:c}.");
        }
        catch (HttpRequestException exception)
        {
            return new SendOutcome($"The receiver could not be reached ({exception.HttpRequestError}).");
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return new SendOutcome($"The message could not be sent ({exception.GetType().Name}).");
        }
    }

    private TimeSpan? Wish(RetryConditionHeaderValue? after) => after?.Delta ?? after?.Date - _clock.GetUtcNow();
}
