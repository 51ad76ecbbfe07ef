using System.IO.Pipelines;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Refresh;

namespace Write.DataPlatform.Api.Lambda;

/// <summary>
/// The web server where the process is a Lambda function: takes one invocation after another from the runtime API. Requests over HTTP go to the application as they
/// would from any server; other payloads go to the <see cref="ILambdaFunction"/> that takes them.
/// </summary>
/// <remarks>
/// Between two invocations the process is frozen, so all that was begun is ended before the next one is asked for: refreshes that a request started, and what is
/// measured and not yet sent. The caller has its answer by then.
/// </remarks>
internal sealed class LambdaServer(RuntimeApi api, IServiceProvider services, IHostApplicationLifetime lifetime, TimeProvider clock, ILogger<LambdaServer> logger) : IServer
{
    private const string TraceVariable = "_X_AMZN_TRACE_ID";
    private const int FlushMilliseconds = 2_000;

    private static readonly Problem Late = new(504, ProblemCodes.QueryTimeout, "The request takes longer than the function may run.");

    private readonly CancellationTokenSource _stop = new();

    // Asked for at the start: the server is made before the settings and the model are looked at.
    private readonly Lazy<LambdaOptions> _options = new(() => services.GetRequiredService<IOptions<LambdaOptions>>().Value);
    private readonly Lazy<RefreshService> _refreshes = new(services.GetRequiredService<RefreshService>);
    private readonly Lazy<List<ILambdaFunction>> _functions = new(() => [.. services.GetServices<ILambdaFunction>()]);
    private Task _loop = Task.CompletedTask;

    public IFeatureCollection Features { get; } = new FeatureCollection();

    public Task StartAsync<TContext>(IHttpApplication<TContext> application, CancellationToken cancellationToken) where TContext : notnull
    {
        _loop = Task.Run(() => RunAsync(application), CancellationToken.None);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await _loop.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Dispose() => _stop.Dispose();

    private async Task RunAsync<TContext>(IHttpApplication<TContext> application) where TContext : notnull
    {
        try
        {
            while (!_stop.IsCancellationRequested)
            {
                await AnswerAsync(application, await api.NextAsync(_stop.Token));
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
        }
        catch (Exception exception)
        {
            // Lambda starts another process.
            LambdaLog.NoRuntime(logger, exception);
            lifetime.StopApplication();
        }
    }

    private async Task AnswerAsync<TContext>(IHttpApplication<TContext> application, Invocation invocation) where TContext : notnull
    {
        // AWS's own libraries look for it there.
        Environment.SetEnvironmentVariable(TraceVariable, invocation.Trace);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);

        // One that has passed before the invocation is here is none; an emulator sends such.
        var left = Timeout.InfiniteTimeSpan;
        if (invocation.Deadline - clock.GetUtcNow() is { } given && given > TimeSpan.Zero)
        {
            left = given > _options.Value.DeadlineMargin ? given - _options.Value.DeadlineMargin : TimeSpan.Zero;
            deadline.CancelAfter(left);
        }

        try
        {
            using var payload = JsonDocument.Parse(invocation.Payload);
            if (HttpEvent.Of(payload.RootElement) is { } request)
            {
                await (_options.Value.ResponseStreaming && request.Source is (HttpSource.Gateway1 or HttpSource.Gateway2)
                    ? StreamAsync(application, invocation.Id, request, deadline.Token)
                    : RespondAsync(application, invocation.Id, request, deadline.Token));
            }
            else
            {
                var function = _functions.Value.Find(f => f.Takes(payload.RootElement)) ?? throw new FormatException("The payload is nothing that this function takes.");
                await api.RespondAsync(invocation.Id, await function.RunAsync(payload.RootElement, left, deadline.Token), CancellationToken.None);
            }
        }
        catch (Exception exception)
        {
            LambdaLog.Failed(logger, exception, invocation.Id);
            await FailAsync(invocation.Id, exception);
        }

        await _refreshes.Value.WaitAsync(deadline.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        services.GetService<MeterProvider>()?.ForceFlush(FlushMilliseconds);
        services.GetService<TracerProvider>()?.ForceFlush(FlushMilliseconds);
    }

    private async Task FailAsync(string id, Exception exception)
    {
        try
        {
            await api.FailAsync(id, exception);
        }
        catch (HttpRequestException refused)
        {
            // The invocation is over, one way or the other.
            LambdaLog.NotTold(logger, refused, id);
        }
    }

    /// <summary>Gives an answer once it is whole. What breaks before that is an answer of its own and never half of one.</summary>
    private async Task RespondAsync<TContext>(IHttpApplication<TContext> application, string id, HttpEvent request, CancellationToken deadline) where TContext : notnull
    {
        var most = HttpAnswer.MaxBytes(request.Source);
        using var buffer = new AnswerBuffer(most);
        using var exchange = new HttpExchange(request, id, buffer, _ => Task.CompletedTask, deadline);
        var error = await ProcessAsync(application, exchange);
        ReadOnlyMemory<byte> answer = default;

        // One that was whole when the time ran out is an answer yet; what the application gave up says nothing.
        if (error is null && !exchange.IsAborted && !IsGivenUp(exchange.Response, deadline))
        {
            answer = HttpAnswer.Whole(request.Source, exchange.Response, buffer.Content);
        }

        if (buffer.IsOverfull || answer.Length > most)
        {
            answer = await ProblemAsync(request.Source, id, new Problem(422, ProblemCodes.AnswerTooLarge, $"The answer has more than {most:N0} bytes, which is the most that can be sent here. Ask for fewer rows, or page by page."));
        }
        else if (answer.IsEmpty && deadline.IsCancellationRequested)
        {
            answer = await ProblemAsync(request.Source, id, Late);
        }
        else if (answer.IsEmpty)
        {
            LambdaLog.Broken(logger, error, id);
            answer = await ProblemAsync(request.Source, id, new Problem(500, ProblemCodes.InternalError, "The server made a mistake. Its log has the details under the trace id."));
        }

        await api.RespondAsync(id, answer, CancellationToken.None);
    }

    /// <summary>Gives an answer as it is made. One that breaks is broken off, which its reader sees.</summary>
    private async Task StreamAsync<TContext>(IHttpApplication<TContext> application, string id, HttpEvent request, CancellationToken deadline) where TContext : notnull
    {
        var pipe = new Pipe();
        var sending = Task.CompletedTask;
        Exception? error = null;
        var isLate = false;
        await using var sink = pipe.Writer.AsStream(leaveOpen: true);
        using var exchange = new HttpExchange(
            request,
            id,
            sink,
            // What the application gave up when the time ran out says nothing.
            response => (isLate = IsGivenUp(response, deadline)) ? Task.CompletedTask : BeginAsync(response),
            deadline);
        error = await ProcessAsync(application, exchange);
        if (isLate)
        {
            var (late, body) = await WriteAsync(id, Late);
            await BeginAsync(late);
            await pipe.Writer.WriteAsync(body, CancellationToken.None);
            await pipe.Writer.CompleteAsync();
            await sending;
            return;
        }

        if (!exchange.Response.HasStarted)
        {
            throw error ?? new InvalidOperationException("The answer was never begun.");
        }

        error ??= exchange.IsAborted || deadline.IsCancellationRequested ? new IOException("The answer was broken off.") : null;
        await pipe.Writer.CompleteAsync();
        try
        {
            await sending;
        }
        catch (Exception) when (error is not null)
        {
            // As it should: the connection was cut, and what was sent is not taken for the whole.
            LambdaLog.Broken(logger, error, id);
        }

        async Task BeginAsync(IHttpResponseFeature response)
        {
            sending = api.StreamAsync(id, pipe.Reader, () => error, CancellationToken.None);
            await pipe.Writer.WriteAsync(HttpAnswer.Beginning(request.Source, response), CancellationToken.None);
        }
    }

    private static bool IsGivenUp(IHttpResponseFeature response, CancellationToken deadline) =>
        deadline.IsCancellationRequested && response.StatusCode == StatusCodes.Status499ClientClosedRequest;

    private async Task<Exception?> ProcessAsync<TContext>(IHttpApplication<TContext> application, HttpExchange exchange) where TContext : notnull
    {
        var context = application.CreateContext(exchange.Features);
        Exception? error = null;
        try
        {
            await application.ProcessRequestAsync(context);
            await exchange.CompleteAsync();
        }
        catch (Exception exception)
        {
            error = exception;
        }

        try
        {
            await exchange.EndAsync();
        }
        catch (Exception exception)
        {
            LambdaLog.Broken(logger, exception, "");
        }

        application.DisposeContext(context, error);
        return error;
    }

    private static async Task<ReadOnlyMemory<byte>> ProblemAsync(HttpSource source, string id, Problem problem)
    {
        var (response, body) = await WriteAsync(id, problem);
        return HttpAnswer.Whole(source, response, body.Span);
    }

    private static async Task<(IHttpResponseFeature Response, ReadOnlyMemory<byte> Body)> WriteAsync(string id, Problem problem)
    {
        using var body = new MemoryStream();
        var context = new DefaultHttpContext { TraceIdentifier = id };
        context.Response.Body = body;
        await problem.WriteAsync(context);
        await context.Response.BodyWriter.FlushAsync();
        return (context.Features.GetRequiredFeature<IHttpResponseFeature>(), body.ToArray());
    }
}
