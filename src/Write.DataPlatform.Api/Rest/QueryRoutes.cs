using System.Collections.Immutable;
using System.Net.Mime;
using System.Text.Json;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using Write.DataPlatform.Api.Limits;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.Rest;

/// <summary>Ad-hoc metric queries.</summary>
internal static class QueryRoutes
{
    // Not the query's own.
    private static readonly string[] OwnParameters = [AnswerFormat.Parameter, CallerView.TenantParameter, CallerView.RoleParameter, PresentedKey.Parameter];

    /// <summary>The next page of any answer; beside a body, too.</summary>
    public const string CursorParameter = "cursor";

    public static void MapQueries(this RouteGroupBuilder v1)
    {
        v1.MapPost("/query", async (HttpContext context, MetricQueryService service, ModelStore models) =>
            await AnswerAsync(context, service, models, await ReadBodyAsync(context, service), null)).WithMetadata(new QueryMetadata());
        v1.MapGet("/query", (HttpContext context, MetricQueryService service, ModelStore models) =>
            AnswerAsync(context, service, models, Read(context, service, () => MetricQueryReader.ReadQueryString(Parameters(context))), null)).WithMetadata(new QueryMetadata());
        v1.MapPost("/query/explain", async (HttpContext context, MetricQueryService service, ModelStore models) =>
        {
            var query = CallerView.Of(context, models.Current).Bind(await ReadBodyAsync(context, service));
            var explanation = await service.ExplainAsync(query, CallerGate.Known(context), context.RequestAborted);
            await WriteJsonAsync(context, explanation);
        }).WithMetadata(new AccessMetadata(Access.Operator), new QueryMetadata());
    }

    /// <summary>Answers a query in the format asked for, or says that the caller has the answer already.</summary>
    /// <param name="context">The request.</param>
    /// <param name="service">The read side.</param>
    /// <param name="models">The model.</param>
    /// <param name="query">The query, without its tenant.</param>
    /// <param name="translate">Turns what is said about the query into what the caller knows.</param>
    public static async Task AnswerAsync(
        HttpContext context, MetricQueryService service, ModelStore models, MetricQuery query, Func<QueryException, QueryException>? translate)
    {
        var cancellation = context.RequestAborted;
        var caller = CallerGate.Known(context);
        var format = AnswerFormat.Of(context.Request);
        query = CallerView.Of(context, models.Current).Bind(query) with { Cursor = query.Cursor ?? CursorOf(context) };
        try
        {
            // The tag comes before the answer: should a table be refreshed between them, the caller only asks once more than needed.
            var isGet = !HttpMethods.IsPost(context.Request.Method);
            var tag = isGet && await service.GetETagAsync(query, caller, cancellation) is { } hash ? new EntityTagHeaderValue($"\"{hash}-{format.Name}\"") : null;
            var headers = context.Response.GetTypedHeaders();
            headers.CacheControl = new CacheControlHeaderValue { Private = true, NoCache = true };
            context.Response.Headers.Vary = $"Accept, Authorization, {PresentedKey.Header}, {CallerView.TenantHeader}, {CallerView.RoleHeader}";
            headers.ETag = tag;
            if (tag is not null && context.Request.GetTypedHeaders().IfNoneMatch.Any(known => known.Equals(EntityTagHeaderValue.Any) || known.Compare(tag, useStrongComparison: false)))
            {
                context.Response.StatusCode = StatusCodes.Status304NotModified;
                return;
            }

            var answer = await service.AnswerAsync(query, caller, cancellation);
            if (answer.Next is { } next)
            {
                context.Response.Headers.Link = $"<{NextPage(context.Request, next)}>; rel=\"next\"";
            }

            if (!HttpMethods.IsHead(context.Request.Method))
            {
                await format.WriteAsync(context, answer, cancellation);
            }
        }
        catch (QueryException exception) when (translate is not null)
        {
            throw translate(exception);
        }
    }

    /// <summary>The query string without the parameters that every answer has.</summary>
    public static IEnumerable<KeyValuePair<string, ImmutableArray<string>>> Parameters(HttpContext context) =>
        context.Request.Query.Where(p => !OwnParameters.Contains(p.Key)).Select(p => KeyValuePair.Create(p.Key, ImmutableArray.CreateRange(p.Value.Select(v => v ?? ""))));

    private static string? CursorOf(HttpContext context)
    {
        var given = context.Request.Query[CursorParameter];
        return given.Count switch
        {
            0 => null,
            1 => given[0],
            _ => throw new QueryException([new QueryProblem(QueryFormProblems.RepeatedParameter, $"'{CursorParameter}' is given {given.Count} times and takes one value.", CursorParameter)]),
        };
    }

    /// <summary>The same address with the next page's cursor; a request with a body sends that again.</summary>
    private static string NextPage(HttpRequest request, string cursor) =>
        QueryHelpers.AddQueryString(
            request.PathBase.Add(request.Path).ToUriComponent(),
            request.Query.Where(p => p.Key is not (CursorParameter or PresentedKey.Parameter)).Append(KeyValuePair.Create(CursorParameter, new StringValues(cursor))));

    /// <summary>The query string's parameters beside those of every answer.</summary>
    /// <exception cref="QueryException">It has one that the route does not have.</exception>
    public static void RefuseUnknownParameters(HttpContext context, params string[] known)
    {
        var form = new QueryForm();
        OnlyKnown(context, form, known);
        form.ThrowIfAny();
    }

    /// <summary>The query string; parameters that a route does not have are reported.</summary>
    public static Dictionary<string, ImmutableArray<string>> OnlyKnown(HttpContext context, QueryForm form, params string[] known)
    {
        var parameters = Parameters(context).ToDictionary();
        foreach (var name in parameters.Keys.Except(known))
        {
            form.Report(
                QueryFormProblems.UnknownParameter, $"There is no parameter '{QueryForm.Short(name)}'.", QueryForm.Short(name), Suggestion.For(name, known) ?? $"Known are {string.Join(", ", known)}.");
        }

        return parameters;
    }

    public static async Task WriteJsonAsync<T>(HttpContext context, T value, int status = StatusCodes.Status200OK)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = AnswerJson.ContentType;
        context.Response.Headers.CacheControl = "no-cache";
        await JsonSerializer.SerializeAsync(context.Response.BodyWriter, value, AnswerJson.Options, context.RequestAborted);
    }

    private static async Task<MetricQuery> ReadBodyAsync(HttpContext context, MetricQueryService service)
    {
        var request = context.Request;
        if (request.ContentType is not null
            && !(MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
                && (type.MediaType.Equals(MediaTypeNames.Application.Json, StringComparison.OrdinalIgnoreCase) || type.Suffix.Equals("json", StringComparison.OrdinalIgnoreCase))))
        {
            throw new ProblemException(new Problem(415, ProblemCodes.UnsupportedMediaType, $"The body must be application/json and not {QueryForm.Short(request.ContentType)}."));
        }

        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body, context.RequestAborted);
        return Read(context, service, () => MetricQueryReader.Read(body.GetBuffer().AsMemory(0, (int)body.Length)));
    }

    private static MetricQuery Read(HttpContext context, MetricQueryService service, Func<MetricQuery> read)
    {
        try
        {
            return read();
        }
        catch (QueryException form)
        {
            throw service.WithNames(form, CallerGate.Known(context));
        }
    }
}
