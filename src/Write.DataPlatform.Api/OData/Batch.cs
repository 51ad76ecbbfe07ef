using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Api.Limits;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.OData;

/// <summary>Several requests in one, as JSON; each is answered as if it had come alone, by the same caller.</summary>
internal sealed class Batch(CallLimits limits, IOptions<ODataOptions> settings)
{
    private const int MaxRequests = 100;
    private const long MaxBytes = 64 << 20;

    /// <exception cref="ProblemException">The batch itself cannot be read.</exception>
    public async Task AnswerAsync(HttpContext context)
    {
        if (!HttpMethods.IsPost(context.Request.Method))
        {
            throw new ProblemException(new Problem(405, ProblemCodes.MethodNotAllowed, "$batch takes POST.") { Headers = [("Allow", "POST")] });
        }

        if (context.Request.ContentType?.StartsWith("application/json", StringComparison.OrdinalIgnoreCase) is not true)
        {
            throw context.Request.ContentType?.StartsWith("multipart/", StringComparison.OrdinalIgnoreCase) is true
                ? Refusal.Unsupported("Batches are JSON here: application/json.")
                : new ProblemException(new Problem(415, ProblemCodes.UnsupportedMediaType, "The body must be application/json."));
        }

        var requests = await ReadAsync(context);
        context.Response.ContentType = "application/json;odata.metadata=minimal;charset=utf-8";
        using var body = new MemoryStream();
        await using (var json = new Utf8JsonWriter(body, AnswerJson.WriterOptions))
        {
            json.WriteStartObject();
            json.WriteStartArray("responses");
            var failed = new HashSet<string>(StringComparer.Ordinal);
            foreach (var request in requests)
            {
                using var answer = new MemoryStream();
                var inner = await RunAsync(context, request, answer, request.DependsOn.Any(failed.Contains));
                if (inner.Response.StatusCode >= 400)
                {
                    failed.Add(request.Id);
                }

                WriteAnswer(json, request.Id, inner.Response, answer);
                if (body.Length + json.BytesPending > MaxBytes)
                {
                    throw new ProblemException(new Problem(413, ProblemCodes.BodyTooLarge, "The answers of the batch are too large together; ask for smaller pages."));
                }
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        await context.Response.Body.WriteAsync(body.GetBuffer().AsMemory(0, (int)body.Length), context.RequestAborted);
    }

    private async Task<HttpContext> RunAsync(HttpContext context, Part part, MemoryStream answer, bool isSkipped)
    {
        var inner = new DefaultHttpContext { RequestServices = context.RequestServices, RequestAborted = context.RequestAborted };
        inner.Items[typeof(Caller)] = CallerGate.Of(context);
        inner.Response.Body = answer;
        inner.Request.Method = part.Method;
        inner.Request.Scheme = context.Request.Scheme;
        inner.Request.Host = context.Request.Host;
        inner.Request.PathBase = context.Request.PathBase;
        foreach (var name in new[] { "X-Forwarded-Proto", "X-Forwarded-Host", CallerView.TenantHeader, CallerView.RoleHeader, "OData-MaxVersion", "Accept" })
        {
            if (context.Request.Headers.TryGetValue(name, out var value))
            {
                inner.Request.Headers[name] = value;
            }
        }

        foreach (var (name, value) in part.Headers.Where(h => !h.Key.Equals(CallerView.TenantHeader, StringComparison.OrdinalIgnoreCase) && !h.Key.Equals(CallerView.RoleHeader, StringComparison.OrdinalIgnoreCase)))
        {
            inner.Request.Headers[name] = value;
        }

        try
        {
            if (isSkipped)
            {
                throw new ProblemException(new Problem(424, ProblemCodes.BadRequest, "A request that this one depends on failed."));
            }

            var (path, query) = Target(context, part.Url);
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

    private static void WriteAnswer(Utf8JsonWriter json, string id, HttpResponse response, MemoryStream answer)
    {
        json.WriteStartObject();
        json.WriteString("id", id);
        json.WriteNumber("status", response.StatusCode);
        json.WriteStartObject("headers");
        foreach (var (name, value) in response.Headers)
        {
            json.WriteString(name.ToLowerInvariant(), value.ToString());
        }

        json.WriteEndObject();
        if (answer.Length > 0)
        {
            var body = answer.GetBuffer().AsSpan(0, (int)answer.Length);
            json.WritePropertyName("body");
            if (response.ContentType?.StartsWith("application/json", StringComparison.OrdinalIgnoreCase) is true)
            {
                json.WriteRawValue(body, skipInputValidation: true);
            }
            else
            {
                json.WriteStringValue(Encoding.UTF8.GetString(body));
            }
        }

        json.WriteEndObject();
    }

    private static async Task<List<Part>> ReadAsync(HttpContext context)
    {
        try
        {
            using var document = await JsonDocument.ParseAsync(context.Request.Body, cancellationToken: context.RequestAborted);
            var parts = document.RootElement.GetProperty("requests").EnumerateArray().Select(r => new Part(
                r.GetProperty("id").GetString()!,
                r.GetProperty("method").GetString()!.ToUpperInvariant(),
                r.GetProperty("url").GetString()!,
                r.TryGetProperty("headers", out var headers) ? headers.EnumerateObject().Select(h => KeyValuePair.Create(h.Name, h.Value.ToString())).ToList() : [],
                r.TryGetProperty("dependsOn", out var depends) ? [.. depends.EnumerateArray().Select(d => d.GetString()!)] : [])).ToList();
            return parts.Count <= MaxRequests && parts.Select(p => p.Id).Distinct().Count() == parts.Count
                ? parts
                : throw Refusal.Bad($"A batch has at most {MaxRequests} requests, each with an id of its own.");
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException or NullReferenceException)
        {
            throw Refusal.Bad("The body is no batch: {\"requests\":[{\"id\":\"1\",\"method\":\"get\",\"url\":\"…\"}]}.");
        }
    }

    private sealed record Part(string Id, string Method, string Url, List<KeyValuePair<string, string>> Headers, List<string> DependsOn);
}
