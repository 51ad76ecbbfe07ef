using System.Collections.Concurrent;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Swagger;

/// <summary>The document as it was written, for all who see the same of the same model: it needs no key, and making it again for each stranger is work.</summary>
internal sealed class DocumentMemo(RequestDelegate next, ModelStore models)
{
    private const string Folder = "/swagger";

    private static readonly string[] Names = ["/swagger.json", "/swagger.yaml", "/swagger.yml"];

    private const int MaxKept = 100;

    private readonly ConcurrentDictionary<(string Model, string Seen, string PathBase), (string? ContentType, byte[] Body)> _kept = new();

    public async Task InvokeAsync(HttpContext context)
    {
        if (!HttpMethods.IsGet(context.Request.Method) || !IsDocument(context.Request.Path))
        {
            await next(context);
            return;
        }

        var model = models.Current;
        var name = (model.Revision, SeenBy(context, model), context.Request.PathBase.Value + context.Request.Path.Value);
        if (!_kept.TryGetValue(name, out var document))
        {
            var (output, body) = (context.Response.Body, new MemoryStream());
            context.Response.Body = body;
            try
            {
                await next(context);
            }
            finally
            {
                context.Response.Body = output;
            }

            document = (context.Response.ContentType, body.ToArray());
            if (context.Response.StatusCode != StatusCodes.Status200OK)
            {
                if (body.Length > 0)
                {
                    await output.WriteAsync(document.Body, context.RequestAborted);
                }

                return;
            }

            if (ReferenceEquals(model, models.Current))
            {
                if (_kept.Count >= MaxKept)
                {
                    _kept.Clear();
                }

                _kept[name] = document;
            }
        }

        context.Response.ContentType = document.ContentType;
        context.Response.ContentLength = document.Body.Length;
        await context.Response.Body.WriteAsync(document.Body, context.RequestAborted);
    }

    private static bool IsDocument(PathString path) =>
        path.StartsWithSegments(Folder, StringComparison.OrdinalIgnoreCase) && Names.Any(n => path.Value!.EndsWith(n, StringComparison.OrdinalIgnoreCase));

    /// <summary>What differs in the document between callers.</summary>
    private static string SeenBy(HttpContext context, MetricModel model)
    {
        try
        {
            return CallerGate.Of(context) is { } caller ? $"{caller.IsOperator} {CallerView.Of(context, model).Text}" : "";
        }
        catch (Exception exception) when (exception is AccessDeniedException or ProblemException or QueryException)
        {
            return "";
        }
    }
}
