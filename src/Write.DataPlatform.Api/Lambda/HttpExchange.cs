using Microsoft.AspNetCore.Http.Features;

namespace Write.DataPlatform.Api.Lambda;

/// <summary>One request and its answer, as the application sees them.</summary>
internal sealed class HttpExchange : IDisposable
{
    private readonly Lifetime _lifetime;
    private readonly ResponseFeature _response;
    private readonly BodyFeature _body;

    /// <param name="request">The request.</param>
    /// <param name="id">The invocation.</param>
    /// <param name="sink">Takes the answer's body.</param>
    /// <param name="starting">Is called once, when the headers are settled and before the body.</param>
    /// <param name="aborted">Tells that it must end.</param>
    public HttpExchange(HttpEvent request, string id, Stream sink, Func<IHttpResponseFeature, Task> starting, CancellationToken aborted)
    {
        _lifetime = new Lifetime(aborted);
        _response = new ResponseFeature(starting);

        // What is asked by HEAD has no body.
        _body = new BodyFeature(new ResponseBody(HttpMethods.IsHead(request.Method) ? Stream.Null : sink, _response), _response);
        var size = new BodySize();
        var incoming = new HttpRequestFeature
        {
            Method = request.Method,
            Protocol = request.Protocol,
            Scheme = request.Scheme,
            PathBase = request.PathBase.Value ?? "",
            Path = request.Path.Value ?? "/",
            QueryString = request.Query,
            RawTarget = request.PathBase.ToUriComponent() + request.RawPath + request.Query,
            Headers = request.Headers,
            Body = request.Body.IsEmpty ? Stream.Null : new RequestBody(request.Body, size),
        };
        if (!request.Body.IsEmpty)
        {
            request.Headers.ContentLength = request.Body.Length;
        }

        Features.Set<IHttpRequestFeature>(incoming);
        Features.Set<IHttpRequestBodyDetectionFeature>(new BodyDetection(!request.Body.IsEmpty));
        Features.Set<IHttpMaxRequestBodySizeFeature>(size);
        Features.Set<IHttpRequestIdentifierFeature>(new HttpRequestIdentifierFeature { TraceIdentifier = id });
        Features.Set<IHttpConnectionFeature>(new HttpConnectionFeature { ConnectionId = id, RemoteIpAddress = request.Address });
        Features.Set<IHttpRequestLifetimeFeature>(_lifetime);
        Features.Set<IHttpResponseFeature>(_response);
        Features.Set<IHttpResponseBodyFeature>(_body);
        Features.Set<IItemsFeature>(new ItemsFeature());
    }

    public IFeatureCollection Features { get; } = new FeatureCollection();

    public IHttpResponseFeature Response => _response;

    /// <summary>Whether the application gave the request up.</summary>
    public bool IsAborted => _lifetime.IsAborted;

    /// <summary>Settles what is still open of the answer.</summary>
    public async Task CompleteAsync()
    {
        await _body.CompleteAsync();
        await _response.StartAsync();
    }

    /// <summary>Runs what the application wants to be run behind the answer.</summary>
    public Task EndAsync() => _response.EndAsync();

    public void Dispose() => _lifetime.Dispose();

    private sealed class Lifetime(CancellationToken aborted) : IHttpRequestLifetimeFeature, IDisposable
    {
        private readonly CancellationTokenSource _source = CancellationTokenSource.CreateLinkedTokenSource(aborted);
        private CancellationToken? _token;

        public bool IsAborted { get; private set; }

        public CancellationToken RequestAborted
        {
            get => _token ?? _source.Token;
            set => _token = value;
        }

        public void Abort()
        {
            IsAborted = true;
            _source.Cancel();
        }

        public void Dispose() => _source.Dispose();
    }

    private sealed record BodyDetection(bool CanHaveBody) : IHttpRequestBodyDetectionFeature;

    private sealed class BodySize : IHttpMaxRequestBodySizeFeature
    {
        public bool IsReadOnly { get; set; }

        public long? MaxRequestBodySize { get; set; } = Rest.RestServices.MaxBodyBytes;
    }

    /// <summary>The callbacks of an answer, which the framework's own class leaves out.</summary>
    private sealed class ResponseFeature(Func<IHttpResponseFeature, Task> starting) : HttpResponseFeature
    {
        private readonly Stack<(Func<object, Task> Callback, object State)> _starting = new();
        private readonly Stack<(Func<object, Task> Callback, object State)> _completed = new();
        private bool _hasStarted;

        public override bool HasStarted => _hasStarted;

        public override void OnStarting(Func<object, Task> callback, object state) => _starting.Push((callback, state));

        public override void OnCompleted(Func<object, Task> callback, object state) => _completed.Push((callback, state));

        public async Task StartAsync()
        {
            if (_hasStarted)
            {
                return;
            }

            while (_starting.TryPop(out var next))
            {
                await next.Callback(next.State);
            }

            _hasStarted = true;
            await starting(this);
        }

        public async Task EndAsync()
        {
            while (_completed.TryPop(out var next))
            {
                await next.Callback(next.State);
            }
        }
    }

    private sealed class BodyFeature(Stream stream, ResponseFeature response) : StreamResponseBodyFeature(stream)
    {
        public override async Task StartAsync(CancellationToken cancellationToken = default)
        {
            await response.StartAsync();
            await base.StartAsync(cancellationToken);
        }
    }

    /// <summary>The body that is written; its first byte settles the headers.</summary>
    private sealed class ResponseBody(Stream sink, ResponseFeature response) : WriteOnlyStream
    {
        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await response.StartAsync();
            await sink.WriteAsync(buffer, cancellationToken);
        }

        public override async Task FlushAsync(CancellationToken cancellationToken)
        {
            await response.StartAsync();
            await sink.FlushAsync(cancellationToken);
        }
    }

    /// <summary>The body that is read; refused as the web server does if the route does not take that much.</summary>
    private sealed class RequestBody(ReadOnlyMemory<byte> body, BodySize size) : Stream
    {
        private int _at;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(Span<byte> buffer)
        {
            size.IsReadOnly = true;
            if (body.Length > size.MaxRequestBodySize)
            {
                throw new BadHttpRequestException("Request body too large.", StatusCodes.Status413PayloadTooLarge);
            }

            var part = body.Span[_at..Math.Min(body.Length, _at + buffer.Length)];
            part.CopyTo(buffer);
            _at += part.Length;
            return part.Length;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return ValueTask.FromResult(Read(buffer.Span));
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}

/// <summary>A stream that is written and never waits for it in a thread.</summary>
internal abstract class WriteOnlyStream : Stream
{
    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public abstract override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default);

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new InvalidOperationException("Answers are written asynchronously.");
}
