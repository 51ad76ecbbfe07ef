using System.Text;
using Write.DataPlatform.Api.Limits;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Mcp;

/// <summary>
/// Asks a route of the API on behalf of the caller of another: what is admitted, hidden, limited and refused there is so here, and in the same words.
/// </summary>
internal sealed class InnerRequest(IHttpContextAccessor contexts, IEnumerable<EndpointDataSource> routes, CallLimits limits, ILogger<InnerRequest> logger)
{
    /// <summary>The route's answer: its status and its body.</summary>
    /// <param name="method">The method.</param>
    /// <param name="pattern">The route as it was mapped, such as <c>/v1/dimensions/{name}/values</c>.</param>
    /// <param name="values">The values of the route's names.</param>
    /// <param name="query">The query string's parameters; those without a value are left out.</param>
    /// <param name="body">The body, JSON; null for none.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<(int Status, string Body)> SendAsync(
        string method, string pattern, RouteValueDictionary values, IEnumerable<KeyValuePair<string, string?>> query, string? body, CancellationToken cancellationToken)
    {
        var outer = contexts.HttpContext ?? throw new InvalidOperationException("There is no request to answer.");
        var route = routes.SelectMany(r => r.Endpoints).OfType<RouteEndpoint>()
            .First(e => "/" + e.RoutePattern.RawText?.Trim('/') == pattern && e.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods.Contains(method) is true);
        using var answer = new MemoryStream();
        var inner = new DefaultHttpContext { RequestServices = outer.RequestServices, RequestAborted = cancellationToken };
        inner.Items[typeof(Caller)] = CallerGate.Of(outer);
        inner.Connection.RemoteIpAddress = outer.Connection.RemoteIpAddress;
        inner.TraceIdentifier = outer.TraceIdentifier;
        inner.Response.Body = answer;
        inner.Request.Method = method;
        inner.Request.Scheme = outer.Request.Scheme;
        inner.Request.Host = outer.Request.Host;
        inner.Request.Path = pattern;
        inner.Request.QueryString = QueryString.Create(query.Where(p => !string.IsNullOrEmpty(p.Value)));
        inner.Request.RouteValues = values;
        CallerView.Pass(outer, inner);
        if (body is not null)
        {
            inner.Request.ContentType = AnswerJson.ContentType;
            inner.Request.Body = new MemoryStream(Encoding.UTF8.GetBytes(body));
        }

        inner.SetEndpoint(route);
        try
        {
            CallerGate.Admit(inner, route);
            await (route.Metadata.GetMetadata<QueryMetadata>() is null
                ? route.RequestDelegate!(inner)
                : limits.RunQueryAsync(inner, CallerGate.Known(inner), () => route.RequestDelegate!(inner)));
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            answer.SetLength(0);
            inner.Response.Headers.Clear();
            await ErrorEdge.Told(exception, inner, logger).WriteAsync(inner);
        }

        await inner.Response.BodyWriter.FlushAsync(cancellationToken);
        return (inner.Response.StatusCode, Encoding.UTF8.GetString(answer.GetBuffer(), 0, (int)answer.Length));
    }
}
