using System.Collections.Immutable;
using System.Globalization;
using Microsoft.AspNetCore.Diagnostics;
using Write.DataPlatform.Api.Monitoring;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Query;
using Write.DataPlatform.Refresh;
using Write.DataPlatform.Security;
using Write.DataPlatform.Streaming;

namespace Write.DataPlatform.Api.Rest;

/// <summary>The one place where a failure becomes a status.</summary>
internal sealed class ErrorEdge(RequestDelegate next, ILogger<ErrorEdge> logger)
{
    private const int ClientClosedRequest = 499;
    private const int RetryAfterSeconds = 5;

    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody reads the answer.
            if (!context.Response.HasStarted)
            {
                context.Response.StatusCode = ClientClosedRequest;
            }
        }
        catch (Exception exception) when (!context.Response.HasStarted)
        {
            var problem = Told(exception, context, logger);
            context.Response.Clear();
            await problem.WriteAsync(context);
        }
    }

    /// <summary>What is told to the caller; what is the server's own failure is logged, too.</summary>
    public static Problem Told(Exception exception, HttpContext context, ILogger logger)
    {
        var problem = Of(exception, context);
        if (problem.Status >= StatusCodes.Status500InternalServerError)
        {
            RestLog.Failed(logger, exception, context.Request.Method, LoggedPath.Of(context.Request), problem.Code);
        }

        return problem;
    }

    /// <summary>Gives refusals of the framework itself (no route, wrong method) their body.</summary>
    public static Task DescribeAsync(StatusCodeContext status)
    {
        var context = status.HttpContext;
        var (path, method) = (context.Request.Path.Value ?? "/", context.Request.Method);
        var problem = context.Response.StatusCode switch
        {
            StatusCodes.Status404NotFound => new Problem(404, ProblemCodes.NotFound, $"There is nothing at {path}."),
            StatusCodes.Status405MethodNotAllowed => new Problem(405, ProblemCodes.MethodNotAllowed, $"{path} takes {context.Response.Headers.Allow} and not {method}."),
            StatusCodes.Status415UnsupportedMediaType => new Problem(415, ProblemCodes.UnsupportedMediaType, "The body must be application/json."),
            StatusCodes.Status413PayloadTooLarge => TooLarge(),
            ClientClosedRequest => null,
            var other => new Problem(other, ProblemCodes.BadRequest, "The request was refused."),
        };
        return problem?.WriteAsync(context) ?? Task.CompletedTask;
    }

    public static Problem Of(Exception exception, HttpContext context)
    {
        // Engines name hosts, tables and statements in their messages: for operators alone.
        var isOperator = CallerGate.Of(context)?.IsOperator is true;
        string Told(string message, string other) => isOperator ? message : other;
        switch (exception)
        {
            case ProblemException refused:
                return refused.Problem;
            case QueryException query:
                return Of(query);
            case AccessDeniedException denied:
                return new Problem(403, ProblemCodes.Forbidden, denied.Message);
            case LakeException lake when lake.IsTransient || lake.IsMissing:
                return Retry(ProblemCodes.LakeUnavailable, Told(lake.Message, "The events are not available now."));
            case LakeException lake:
                return new Problem(500, ProblemCodes.LakeFailed, Told(lake.Message, "The events could not be read."));
            case GoldStoreException { IsTransient: true } gold:
                return Retry(ProblemCodes.GoldUnavailable, Told(gold.Message, "The tables are not available now."));
            case GoldStoreException gold:
                return new Problem(500, ProblemCodes.GoldFailed, Told(gold.Message, "The tables could not be read."));
            case TooManyUnknownKeysException unknown:
                return new Problem(429, ProblemCodes.RateLimited, unknown.Message) { Headers = RetryAfter };
            case TooManyJobsException tooMany:
                return new Problem(429, ProblemCodes.TooManyJobs, tooMany.Message) { Headers = RetryAfter };
            case JobTimeoutException slow:
                return new Problem(504, ProblemCodes.QueryTimeout, slow.Message);
            case StreamException { IsTransient: true } stream:
                return Retry(stream.Code, Told(stream.Message, "The stream is not available now."));
            case StreamException stream:
                return new Problem(stream.Code is StreamErrorCodes.NotFound or StreamErrorCodes.None ? 404 : 500, stream.Code, Told(stream.Message, "The stream cannot be used."));
            case RefreshException refresh:
                return new Problem(409, ProblemCodes.Conflict, refresh.Message);
            case BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge }:
                return TooLarge();
            case BadHttpRequestException bad:
                return new Problem(bad.StatusCode, ProblemCodes.BadRequest, bad.Message);
            case OperationCanceledException:
                return Retry(ProblemCodes.Unavailable, "The request was given up; the server is stopping or too slow now.");
            default:
                return new Problem(500, ProblemCodes.InternalError, "The server made a mistake. Its log has the details under the trace id.");
        }
    }

    public static Problem Of(QueryException query)
    {
        var detail = query.Problems.Length == 1 ? query.Problems[0].Message : $"The query has {query.Problems.Length} mistakes.";
        return query.IsUnanswerable
            ? new Problem(422, ProblemCodes.Unanswerable, detail) { Errors = query.Problems }
            : new Problem(400, ProblemCodes.BadQuery, detail) { Errors = query.Problems };
    }

    private static readonly ImmutableArray<(string, string)> RetryAfter = [("Retry-After", RetryAfterSeconds.ToString(CultureInfo.InvariantCulture))];

    private static Problem Retry(string code, string detail) => new(503, code, detail) { Headers = RetryAfter };

    private static Problem TooLarge() =>
        new(413, ProblemCodes.BodyTooLarge, string.Create(CultureInfo.InvariantCulture, $"The body has more than {RestServices.MaxBodyBytes:N0} bytes."));
}

/// <summary>The slice's log messages.</summary>
internal static partial class RestLog
{
    [LoggerMessage(800, LogLevel.Error, "{Method} {Path} failed: {Code}")]
    public static partial void Failed(ILogger logger, Exception exception, string method, string path, string code);
}
