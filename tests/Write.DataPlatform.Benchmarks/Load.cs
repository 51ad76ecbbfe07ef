using System.Net;

namespace Write.DataPlatform.Benchmarks;

/// <summary>Requests as fast as a number of connections go, each answer compared with the one it must be.</summary>
internal sealed class Load(TimeSpan duration) : IDisposable
{
    private const int Connections = 8;

    private readonly HttpClient _client = new(new SocketsHttpHandler { MaxConnectionsPerServer = Connections, UseProxy = false, AllowAutoRedirect = false });

    /// <summary>One answer: its body and its tag.</summary>
    public async Task<(byte[] Body, string? Tag)> GetAsync(string url, CancellationToken cancellationToken)
    {
        using var response = await _client.GetAsync(url, cancellationToken);
        var body = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        WrongAnswerException.ThrowIf(response.StatusCode != HttpStatusCode.OK, $"{url} gives {(int)response.StatusCode}: {System.Text.Encoding.UTF8.GetString(body)}");
        return (body, response.Headers.ETag?.ToString());
    }

    /// <summary>Answers a second.</summary>
    /// <param name="url">What is asked.</param>
    /// <param name="tag">Sent as <c>If-None-Match</c>; null for none.</param>
    /// <param name="status">The status that every answer has.</param>
    /// <param name="body">The body that every answer has.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <param name="connections">How many ask at once, at most so many as without it.</param>
    public async Task<double> RateAsync(string url, string? tag, HttpStatusCode status, ReadOnlyMemory<byte> body, CancellationToken cancellationToken, int connections = Connections)
    {
        var start = TimeProvider.System.GetTimestamp();
        var counts = await Task.WhenAll(Enumerable.Range(0, connections).Select(_ => Task.Run(
            async () =>
            {
                var count = 0;
                while (TimeProvider.System.GetElapsedTime(start) < duration)
                {
                    using var request = new HttpRequestMessage(HttpMethod.Get, url);
                    if (tag is not null)
                    {
                        request.Headers.TryAddWithoutValidation("If-None-Match", tag);
                    }

                    using var response = await _client.SendAsync(request, cancellationToken);
                    var got = await response.Content.ReadAsByteArrayAsync(cancellationToken);
                    WrongAnswerException.ThrowIf(response.StatusCode != status || !body.Span.SequenceEqual(got), $"{url} gives {(int)response.StatusCode} and {got.Length} bytes, not {(int)status} and {body.Length} bytes as before.");
                    count++;
                }

                return count;
            },
            cancellationToken)));
        return counts.Sum() / TimeProvider.System.GetElapsedTime(start).TotalSeconds;
    }

    public void Dispose() => _client.Dispose();
}
