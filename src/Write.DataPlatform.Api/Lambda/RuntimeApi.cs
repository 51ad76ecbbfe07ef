using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Write.DataPlatform.Api.Lambda;

/// <summary>Lambda's runtime API, over HTTP to the address in <c>AWS_LAMBDA_RUNTIME_API</c>: the next invocation, its answer or its failure, and that the start failed.</summary>
internal sealed class RuntimeApi : IDisposable
{
    private const string Variable = "AWS_LAMBDA_RUNTIME_API";
    private const string RequestId = "Lambda-Runtime-Aws-Request-Id";
    private const string Deadline = "Lambda-Runtime-Deadline-Ms";
    private const string TraceId = "Lambda-Runtime-Trace-Id";
    private const string ErrorType = "Lambda-Runtime-Function-Error-Type";
    private const string ResponseMode = "Lambda-Runtime-Function-Response-Mode";

    private readonly HttpClient _http;

    /// <param name="address">Host and port.</param>
    public RuntimeApi(string address) => _http = new HttpClient(new SocketsHttpHandler { UseProxy = false })
    {
        BaseAddress = new Uri($"http://{address}/2018-06-01/runtime/"),

        // The process may be frozen for hours while it waits for the next invocation.
        Timeout = Timeout.InfiniteTimeSpan,
    };

    /// <summary>The address; null where the process is not run by Lambda.</summary>
    public static string? AddressOf(IConfiguration configuration) => configuration[Variable] is { Length: > 0 } address ? address : null;

    /// <summary>Waits for the next invocation.</summary>
    /// <exception cref="HttpRequestException">The runtime API is gone, which ends the process.</exception>
    public async Task<Invocation> NextAsync(CancellationToken cancellationToken = default)
    {
        using var response = await _http.GetAsync("invocation/next", cancellationToken);
        response.EnsureSuccessStatusCode();
        string? Header(string name) => response.Headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;
        return new Invocation(
            Header(RequestId) ?? throw new HttpRequestException($"The runtime API gave an invocation without {RequestId}."),
            long.TryParse(Header(Deadline), NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds) ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds) : null,
            Header(TraceId),
            await response.Content.ReadAsByteArrayAsync(cancellationToken));
    }

    /// <summary>Gives the answer to an invocation.</summary>
    /// <exception cref="HttpRequestException">It was refused: too large, or the invocation is over.</exception>
    public async Task RespondAsync(string id, ReadOnlyMemory<byte> answer, CancellationToken cancellationToken = default)
    {
        using var content = new ReadOnlyMemoryContent(answer);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var response = await _http.PostAsync(Path(id, "response"), content, cancellationToken);
        response.EnsureSuccessStatusCode();
    }

    /// <summary>Gives the answer to an invocation as it is made.</summary>
    /// <param name="id">The invocation.</param>
    /// <param name="answer">Its beginning of JSON, eight zeros, and the body.</param>
    /// <param name="failure">Is asked at the end why the answer is not whole; it is then broken off, which its reader sees. Null if it is whole.</param>
    /// <param name="cancellationToken">Breaks it off.</param>
    /// <exception cref="HttpRequestException">It was refused or broken off.</exception>
    public async Task StreamAsync(string id, PipeReader answer, Func<Exception?> failure, CancellationToken cancellationToken = default)
    {
        using var content = new PipeContent(answer, failure);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/vnd.awslambda.http-integration-response");
        using var request = new HttpRequestMessage(HttpMethod.Post, Path(id, "response")) { Content = content };
        request.Headers.Add(ResponseMode, "streaming");
        request.Headers.TransferEncodingChunked = true;
        using var response = await _http.SendAsync(request, cancellationToken);
        response.EnsureSuccessStatusCode();
    }

    /// <summary>Tells that an invocation failed.</summary>
    public Task FailAsync(string id, Exception exception, CancellationToken cancellationToken = default) => TellAsync(Path(id, "error"), exception, cancellationToken);

    /// <summary>Tells that the process cannot start; Lambda then starts another.</summary>
    public Task FailStartAsync(Exception exception, CancellationToken cancellationToken = default) => TellAsync("init/error", exception, cancellationToken);

    public void Dispose() => _http.Dispose();

    private static string Path(string id, string what) => $"invocation/{Uri.EscapeDataString(id)}/{what}";

    private async Task TellAsync(string path, Exception exception, CancellationToken cancellationToken)
    {
        // Where it happened is in the log, which only operators read; this goes to whoever invoked the function.
        var type = "WriteDataPlatform." + exception.GetType().Name;
        using var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(new { errorType = type, errorMessage = exception.Message, stackTrace = Array.Empty<string>() }));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/vnd.aws.lambda.error+json");
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
        request.Headers.Add(ErrorType, type);
        using var response = await _http.SendAsync(request, cancellationToken);
        response.EnsureSuccessStatusCode();
    }

    /// <summary>Sends each part at once; the framework's own would collect them.</summary>
    private sealed class PipeContent(PipeReader reader, Func<Exception?> failure) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            try
            {
                await CopyAsync(stream, cancellationToken);
                await reader.CompleteAsync();
            }
            catch (Exception exception)
            {
                // Whoever writes must not wait for one who reads no more.
                await reader.CompleteAsync(exception);
                throw;
            }
        }

        private async Task CopyAsync(Stream stream, CancellationToken cancellationToken)
        {
            while (true)
            {
                var read = await reader.ReadAsync(cancellationToken);
                foreach (var part in read.Buffer)
                {
                    await stream.WriteAsync(part, cancellationToken);
                }

                await stream.FlushAsync(cancellationToken);
                reader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    if (failure() is { } exception)
                    {
                        throw new IOException("The answer was broken off.", exception);
                    }

                    return;
                }
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}

/// <summary>An invocation.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Deadline">When Lambda ends it, UTC; null if not told.</param>
/// <param name="Trace">X-Ray's header; null if not told.</param>
/// <param name="Payload">What it was invoked with, JSON.</param>
internal sealed record Invocation(string Id, DateTimeOffset? Deadline, string? Trace, ReadOnlyMemory<byte> Payload);
