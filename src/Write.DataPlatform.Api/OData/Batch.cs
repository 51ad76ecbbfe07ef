using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Api.Limits;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.OData;

/// <summary>A request of a batch.</summary>
/// <param name="Id">Its name in the batch, if it has one.</param>
/// <param name="Method">The method.</param>
/// <param name="Url">Relative to the feed, to the host, or absolute; or <c>$id/…</c>, relative to what an earlier request asked for.</param>
/// <param name="Headers">Its own headers.</param>
/// <param name="DependsOn">The ids of requests without whose success it is not done.</param>
internal sealed record BatchRequest(string? Id, string Method, string Url, IReadOnlyList<KeyValuePair<string, string>> Headers, IReadOnlyList<string> DependsOn);

/// <summary>A batch's answers as they are written.</summary>
internal interface IBatchWriter
{
    string ContentType { get; }

    /// <summary>Whether requests that were not done any more are answered, too.</summary>
    bool AnswersAll { get; }

    /// <summary>How many bytes are written so far.</summary>
    long Length { get; }

    void Write(string? id, HttpResponse response, ReadOnlySpan<byte> body);

    /// <summary>The whole text.</summary>
    ReadOnlyMemory<byte> Complete();
}

/// <summary>Several requests in one, as JSON or as multipart; each is answered as if it had come alone, by the same caller.</summary>
internal sealed class Batch(CallLimits limits, IOptions<ODataOptions> settings)
{
    public const int MaxRequests = 100;
    private const long MaxBytes = 64 << 20;

    // What a request has of the batch where it says nothing itself.
    private static readonly string[] Inherited = ["X-Forwarded-Proto", "X-Forwarded-Host", "OData-MaxVersion"];

    /// <exception cref="ProblemException">The batch itself cannot be read.</exception>
    public async Task AnswerAsync(HttpContext context)
    {
        if (!HttpMethods.IsPost(context.Request.Method))
        {
            throw new ProblemException(new Problem(405, ProblemCodes.MethodNotAllowed, "$batch takes POST.") { Headers = [("Allow", "POST")] });
        }

        var type = context.Request.ContentType ?? "";
        var isJson = type.StartsWith("application/json", StringComparison.OrdinalIgnoreCase);
        var requests = isJson ? await BatchJson.ReadAsync(context)
            : type.StartsWith("multipart/mixed", StringComparison.OrdinalIgnoreCase) ? await BatchMultipart.ReadAsync(context)
            : throw new ProblemException(new Problem(415, ProblemCodes.UnsupportedMediaType, "The body must be application/json or multipart/mixed."));
        if (requests.Count > MaxRequests)
        {
            throw Refusal.Bad($"A batch has at most {MaxRequests} requests.");
        }

        // Answered as it was asked, unless the caller would have it otherwise; 4.0 has no JSON for batches, and its clients accept JSON for what is in them.
        var accept = context.Request.Headers.Accept.ToString();
        var asJson = isJson
            ? !accept.Contains("multipart/mixed", StringComparison.OrdinalIgnoreCase)
            : FeedRequest.Takes401(context.Request) && accept.Contains("application/json", StringComparison.OrdinalIgnoreCase);
        using IDisposable writer = asJson ? new BatchJson() : new BatchMultipart();
        using var place = await limits.TakeAsync(Work.Batch, CallerGate.Known(context), context.RequestAborted);
        await RunAsync(context, requests, (IBatchWriter)writer);
        context.Response.ContentType = ((IBatchWriter)writer).ContentType;
        await limits.InTimeAsync(context, end => AnswerEndpoint.SendAsync(context.Response.BodyWriter, ((IBatchWriter)writer).Complete(), end));
    }

    private async Task RunAsync(HttpContext context, IReadOnlyList<BatchRequest> requests, IBatchWriter writer)
    {
        var goesOn = GoesOn(context);
        var failed = new HashSet<string>(StringComparer.Ordinal);
        var paths = new Dictionary<string, string>(StringComparer.Ordinal);
        var hasFailed = false;
        foreach (var request in requests)
        {
            if (hasFailed && !goesOn && !writer.AnswersAll)
            {
                return;
            }

            using var answer = new MemoryStream();
            var why = hasFailed && !goesOn ? "A request before this one failed; with 'Prefer: continue-on-error' the others are done."
                : request.DependsOn.Any(failed.Contains) ? "A request that this one depends on failed."
                : null;
            var inner = await RunAsync(context, request, answer, paths, why);
            if (inner.Response.StatusCode >= 400)
            {
                hasFailed = true;
                if (request.Id is { } id)
                {
                    failed.Add(id);
                }
            }

            writer.Write(request.Id, inner.Response, answer.GetBuffer().AsSpan(0, (int)answer.Length));
            if (writer.Length > MaxBytes)
            {
                throw new ProblemException(new Problem(413, ProblemCodes.BodyTooLarge, "The answers of the batch are too large together; ask for smaller pages."));
            }
        }
    }

    private async Task<HttpContext> RunAsync(HttpContext context, BatchRequest request, MemoryStream answer, Dictionary<string, string> paths, string? skipped)
    {
        var inner = new DefaultHttpContext { RequestServices = context.RequestServices, RequestAborted = context.RequestAborted };
        inner.Items[typeof(Caller)] = CallerGate.Of(context);
        inner.Response.Body = answer;
        inner.Request.Method = request.Method;
        inner.Request.Scheme = context.Request.Scheme;
        inner.Request.Host = context.Request.Host;
        inner.Request.PathBase = context.Request.PathBase;
        foreach (var name in Inherited)
        {
            if (context.Request.Headers.TryGetValue(name, out var value))
            {
                inner.Request.Headers[name] = value;
            }
        }

        CallerView.Pass(context, inner);
        foreach (var (name, value) in request.Headers.Where(h => !h.Key.Equals(CallerView.TenantHeader, StringComparison.OrdinalIgnoreCase) && !h.Key.Equals(CallerView.RoleHeader, StringComparison.OrdinalIgnoreCase)))
        {
            inner.Request.Headers[name] = value;
        }

        try
        {
            if (skipped is not null)
            {
                throw new ProblemException(new Problem(StatusCodes.Status424FailedDependency, ProblemCodes.BadRequest, skipped));
            }

            var (path, query) = Target(context, Resolved(request.Url, paths));
            if (request.Id is { } id)
            {
                paths[id] = path;
            }

            inner.Request.Path = Uri.UnescapeDataString(path);
            inner.Request.QueryString = new QueryString(query);
            inner.Features.Get<IHttpRequestFeature>()!.RawTarget = path + query;
            ODataEdge.Prepare(inner);
            if (path.EndsWith("/$batch", StringComparison.OrdinalIgnoreCase))
            {
                throw Refusal.Bad("A batch in a batch is none.");
            }

            limits.CountRequest(context, CallerGate.Known(context));
            await ODataServices.AnswerAsync(inner);
        }
        catch (Exception exception) when (!context.RequestAborted.IsCancellationRequested)
        {
            answer.SetLength(0);
            inner.Response.Headers.Clear();
            ODataEdge.Prepare(inner);
            await ODataEdge.WriteAsync(inner, ErrorEdge.Of(exception, context), settings.Value);
        }

        await inner.Response.BodyWriter.FlushAsync(context.RequestAborted);
        return inner;
    }

    /// <summary>Whether requests behind one that fails are done, too: if the caller prefers so.</summary>
    private static bool GoesOn(HttpContext context) => context.Request.Headers["Prefer"].SelectMany(p => (p ?? "").Split(',')).Select(p => p.Split('=', 2)).Any(p =>
        p[0].Trim().ToLowerInvariant() is "continue-on-error" or "odata.continue-on-error" && (p.Length == 1 || p[1].Trim().Trim('"').Equals("true", StringComparison.OrdinalIgnoreCase)));

    /// <summary>An address with what an earlier request asked for in the place of <c>$id</c>.</summary>
    private static string Resolved(string url, Dictionary<string, string> paths)
    {
        if (!url.StartsWith('$'))
        {
            return url;
        }

        var end = url.IndexOfAny(['/', '?']) is var at and >= 0 ? at : url.Length;
        return paths.TryGetValue(url[1..end], out var path) ? path + url[end..] : url;
    }

    /// <summary>A path and a query string from an address that is relative to the feed, to the host, or absolute.</summary>
    private static (string Path, string Query) Target(HttpContext context, string url)
    {
        if (Uri.TryCreate(url, UriKind.Absolute, out var absolute) && absolute.Scheme is "http" or "https")
        {
            url = absolute!.PathAndQuery;
        }

        var parts = url.Split('?', 2);
        var path = parts[0].StartsWith('/') ? parts[0] : FeedRequest.Root + "/" + parts[0];
        var prefix = context.Request.PathBase.ToUriComponent();
        path = prefix.Length > 0 && path.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) ? path[prefix.Length..] : path;
        return path.Equals(FeedRequest.Root, StringComparison.OrdinalIgnoreCase) || path.StartsWith(FeedRequest.Root + "/", StringComparison.OrdinalIgnoreCase)
            ? (path, parts.Length == 2 ? "?" + parts[1] : "")
            : throw Refusal.Unknown("There is nothing of the feed at this address.");
    }
}
