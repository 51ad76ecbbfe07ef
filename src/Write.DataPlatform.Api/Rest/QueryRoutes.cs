using System.Collections.Immutable;
using System.Net.Mime;
using System.Text.Json;
using Microsoft.Net.Http.Headers;
using Write.DataPlatform.Api.Charts;
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
    private static readonly string[] OwnParameters = [AnswerFormats.Parameter, CallerView.TenantParameter, CallerView.RoleParameter, PresentedKey.Parameter];

    // A picture's; an insight may have its own of these names beside other formats.
    private static readonly string[] PictureParameters = [SvgAnswers.WidthParameter, SvgAnswers.ThemeParameter];

    /// <summary>The next page of any answer; beside a body, too.</summary>
    public const string CursorParameter = "cursor";

    public static void MapQueries(this RouteGroupBuilder v1)
    {
        v1.MapPost("/query", (HttpContext context, MetricQueryService service, AnswerEndpoint answers) =>
            answers.AnswerAsync(context, async () => new AskedByRoute(await ReadBodyAsync(context, service)))).WithMetadata(new QueryMetadata());
        v1.MapGet("/query", (HttpContext context, MetricQueryService service, AnswerEndpoint answers) =>
            answers.AnswerAsync(context, () => ValueTask.FromResult(new AskedByRoute(Read(context, service, () => MetricQueryReader.ReadQueryString(Parameters(context))))))).WithMetadata(new QueryMetadata());
        v1.MapPost("/query/explain", async (HttpContext context, MetricQueryService service, ModelStore models) =>
        {
            var query = CallerView.Of(context, models.Current).Bind(await ReadBodyAsync(context, service));
            var explanation = await service.ExplainAsync(query, CallerGate.Known(context), context.RequestAborted);
            await WriteJsonAsync(context, explanation);
        }).WithMetadata(new AccessMetadata(Access.Operator), new QueryMetadata());
    }

    /// <summary>The query string without the parameters that every answer has.</summary>
    public static IEnumerable<KeyValuePair<string, ImmutableArray<string>>> Parameters(HttpContext context) =>
        context.Request.Query.Where(p => !OwnParameters.Contains(p.Key) && !(PictureParameters.Contains(p.Key) && AnswerFormats.IsPicture(context.Request))).Select(p => KeyValuePair.Create(p.Key, ImmutableArray.CreateRange(p.Value.Select(v => v ?? ""))));

    /// <summary>The cursor in the query string, which may stand beside a body.</summary>
    /// <exception cref="QueryException">It is given twice.</exception>
    public static string? CursorOf(HttpContext context)
    {
        var given = context.Request.Query[CursorParameter];
        return given.Count switch
        {
            0 => null,
            1 => given[0],
            _ => throw new QueryException([new QueryProblem(QueryFormProblems.RepeatedParameter, $"'{CursorParameter}' is given {given.Count} times and takes one value.", CursorParameter)]),
        };
    }

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
