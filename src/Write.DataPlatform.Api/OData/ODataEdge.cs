using System.Text.Json;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Api.Monitoring;
using Write.DataPlatform.Api.Rest;

namespace Write.DataPlatform.Api.OData;

/// <summary>What every answer of the feed has, whoever refuses it: one version header, and errors as OData writes them.</summary>
internal sealed class ODataEdge(RequestDelegate next, IOptions<ODataOptions> settings, ILogger<ODataEdge> logger)
{
    private const string VersionHeader = "OData-Version";

    public async Task InvokeAsync(HttpContext context)
    {
        if (!FeedRequest.IsFeed(context.Request))
        {
            await next(context);
            return;
        }

        try
        {
            Prepare(context);
            await next(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception exception) when (!context.Response.HasStarted)
        {
            var problem = ErrorEdge.Of(exception, context);
            if (problem.Status >= StatusCodes.Status500InternalServerError && problem.Status != StatusCodes.Status501NotImplemented)
            {
                RestLog.Failed(logger, exception, context.Request.Method, LoggedPath.Of(context.Request), problem.Code);
            }

            context.Response.Clear();
            Prepare(context);
            await WriteAsync(context, problem, settings.Value);
        }
    }

    /// <summary>Headers of every answer.</summary>
    public static void Prepare(HttpContext context)
    {
        context.Response.Headers[VersionHeader] = FeedRequest.Takes401(context.Request) ? "4.01" : "4.0";
        context.Response.Headers.CacheControl = "private, no-cache";
        context.Response.Headers.Vary = "Accept, Authorization, X-Api-Key, Prefer, OData-MaxVersion, " + CallerView.TenantHeader + ", " + CallerView.RoleHeader;
    }

    public static async Task WriteAsync(HttpContext context, Problem problem, ODataOptions settings)
    {
        var response = context.Response;
        response.StatusCode = problem.Status;
        response.ContentType = "application/json;odata.metadata=minimal;charset=utf-8";
        response.Headers.CacheControl = "no-store";
        foreach (var (name, value) in problem.Headers)
        {
            response.Headers[name] = value;
        }

        if (problem.Status == StatusCodes.Status401Unauthorized)
        {
            // An empty bearer token asks where to sign in; anyone else may send the key as a password.
            var isBearer = context.Request.Headers.Authorization.ToString().StartsWith("Bearer", StringComparison.OrdinalIgnoreCase);
            response.Headers.WWWAuthenticate = !isBearer ? "Basic realm=\"data platform\", charset=\"UTF-8\""
                : settings.AuthorizationUri is { } uri ? $"Bearer authorization_uri={uri}"
                : "Bearer realm=\"data platform\"";
        }

        if (HttpMethods.IsHead(context.Request.Method))
        {
            return;
        }

        await using var json = new Utf8JsonWriter(response.BodyWriter, AnswerJson.WriterOptions);
        json.WriteStartObject();
        json.WriteStartObject("error");
        json.WriteString("code", problem.Code);
        json.WriteString("message", problem.Detail);
        json.WriteStartArray("details");
        foreach (var error in problem.Errors)
        {
            json.WriteStartObject();
            json.WriteString("code", error.Code);
            json.WriteString("message", error.Suggestion is null ? error.Message : error.Message + " " + error.Suggestion);
            json.WriteString("target", error.Path);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
