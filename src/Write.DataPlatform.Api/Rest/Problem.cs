using System.Collections.Immutable;
using System.Diagnostics;
using System.Text.Json;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.Rest;

/// <summary>The codes of refused requests beside the queries' own; <c>docs/errors.md</c> says what each means.</summary>
internal static class ProblemCodes
{
    public const string BadRequest = "bad_request";
    public const string BadQuery = "bad_query";
    public const string Unanswerable = "unanswerable_query";
    public const string Unauthorized = "unauthorized";
    public const string Forbidden = "forbidden";
    public const string NotFound = "not_found";
    public const string UnknownInsight = "unknown_insight";
    public const string UnknownSavedQuery = "unknown_saved_query";
    public const string UnknownMetric = "unknown_metric";
    public const string UnknownDimension = "unknown_dimension";
    public const string UnknownTable = "unknown_table";
    public const string UnknownRun = "unknown_run";
    public const string UnknownQuery = "unknown_query";
    public const string QueryLost = "query_lost";
    public const string TooManyJobs = "too_many_jobs";
    public const string QueryTimeout = "query_timeout";
    public const string UnknownKey = "unknown_key";
    public const string UnknownAlert = "unknown_alert";
    public const string UnknownReport = "unknown_report";
    public const string UnknownStream = "unknown_stream";
    public const string BadEvents = "bad_events";
    public const string TooManyEvents = "too_many_events";
    public const string MethodNotAllowed = "method_not_allowed";
    public const string NotAcceptable = "not_acceptable";
    public const string Conflict = "conflict";
    public const string BodyTooLarge = "body_too_large";
    public const string UnsupportedMediaType = "unsupported_media_type";
    public const string LakeUnavailable = "lake_unavailable";
    public const string LakeFailed = "lake_failed";
    public const string GoldUnavailable = "gold_unavailable";
    public const string GoldFailed = "gold_failed";
    public const string Unavailable = "unavailable";
    public const string InternalError = "internal_error";
    public const string NotImplemented = "not_implemented";
    public const string PageExpired = "page_expired";
    public const string PreconditionFailed = "precondition_failed";
    public const string RateLimited = "rate_limited";
    public const string QuotaExceeded = "quota_exceeded";
    public const string TooManyQueries = "too_many_queries";
    public const string AnswerTooLarge = "answer_too_large";
}

/// <summary>A refused request as RFC 9457 writes it.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Code">A stable code.</param>
/// <param name="Detail">What is wrong, for people.</param>
internal sealed record Problem(int Status, string Code, string Detail)
{
    public const string ContentType = "application/problem+json";

    public ImmutableArray<QueryProblem> Errors { get; init; } = [];

    /// <summary>Headers that go with the status, such as <c>Retry-After</c>.</summary>
    public ImmutableArray<(string Name, string Value)> Headers { get; init; } = [];

    public static string TraceId(HttpContext context) => Activity.Current?.TraceId.ToString() ?? context.TraceIdentifier;

    public async Task WriteAsync(HttpContext context)
    {
        var response = context.Response;
        response.StatusCode = Status;
        response.ContentType = ContentType;
        response.Headers.CacheControl = "no-store";
        foreach (var (name, value) in Headers)
        {
            response.Headers[name] = value;
        }

        if (HttpMethods.IsHead(context.Request.Method))
        {
            return;
        }

        await using var json = new Utf8JsonWriter(response.BodyWriter, AnswerJson.WriterOptions);
        json.WriteStartObject();
        json.WriteString("type", "urn:write-dataplatform:" + Code);
        json.WriteString("title", Title(Status));
        json.WriteNumber("status", Status);
        json.WriteString("detail", Detail);
        json.WriteString("code", Code);
        if (!Errors.IsEmpty)
        {
            json.WriteStartArray("errors");
            foreach (var error in Errors)
            {
                json.WriteStartObject();
                json.WriteString("code", error.Code);
                json.WriteString("message", error.Message);
                json.WriteString("path", error.Path);
                json.WriteString("suggestion", error.Suggestion);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        json.WriteString("traceId", TraceId(context));
        json.WriteEndObject();
    }

    private static string Title(int status) => status switch
    {
        400 => "The request has mistakes",
        401 => "A key is needed",
        403 => "Not allowed",
        404 => "Not found",
        405 => "Method not allowed",
        406 => "No such format",
        409 => "Conflict",
        410 => "Gone",
        412 => "A precondition does not hold",
        413 => "The request is too large",
        415 => "Unsupported media type",
        422 => "The query cannot be answered correctly",
        429 => "Too many requests",
        501 => "Not supported",
        503 => "Not available now",
        504 => "Too slow",
        _ => status < 500 ? "The request was refused" : "The server failed",
    };
}

/// <summary>A request that a route refuses.</summary>
internal sealed class ProblemException(Problem problem) : Exception(problem.Detail)
{
    public Problem Problem { get; } = problem;

    /// <summary>Something named in the address that does not exist.</summary>
    public static ProblemException NotFound(string code, string detail, string? suggestion) => new(new Problem(StatusCodes.Status404NotFound, code, detail)
    {
        Errors = [new QueryProblem(code, detail, null, suggestion)],
    });
}
