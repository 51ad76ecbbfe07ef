using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Api.Limits;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.OData;

/// <summary>The slice's part of the composition, and its routes.</summary>
internal static class ODataServices
{
    public static IServiceCollection AddOData(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<ODataOptions>().Bind(configuration.GetSection("DataPlatform:OData")).ValidateOnStart();
        services.AddSingleton<IValidateOptions<ODataOptions>, ODataOptionsValidator>();
        services.AddSingleton<FeedCatalog>();
        services.AddSingleton<FeedReader>();
        services.AddSingleton<BlockPages>();
        services.AddSingleton<RowReader>();
        services.AddSingleton<Batch>();
        return services;
    }

    public static void MapOData(this WebApplication app)
    {
        app.Map(FeedRequest.Root + "/{**path}", AnswerAsync).WithMetadata(new AccessMetadata(Access.Known)).ExcludeFromDescription();

        // No key is needed for a file that holds nothing but the address that it was fetched from.
        app.MapGet("/powerbi/write.pbids", async (HttpContext context) =>
        {
            context.Response.ContentType = "application/json; charset=utf-8";
            context.Response.Headers.ContentDisposition = "attachment; filename=\"write.pbids\"";
            await context.Response.WriteAsync(
                JsonSerializer.Serialize(new
                {
                    version = "0.1",
                    connections = new[] { new { details = new { protocol = "odata", address = new { url = FeedRequest.PublicAddress(context.Request) + FeedRequest.Root } }, mode = "Import" } },
                }),
                context.RequestAborted);
        }).ExcludeFromDescription();
    }

    /// <summary>Answers one request, also one of a batch.</summary>
    public static async Task AnswerAsync(HttpContext context)
    {
        var services = context.RequestServices;
        var request = FeedRequest.Read(context);
        var model = services.GetRequiredService<ModelStore>().Current;
        if (request.Segments is ["$batch"])
        {
            await services.GetRequiredService<Batch>().AnswerAsync(context);
            return;
        }

        RefuseHeaders(context.Request);
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
        {
            context.Response.Headers.Allow = "GET, HEAD";
            throw new ProblemException(new Problem(405, ProblemCodes.MethodNotAllowed, "The feed is read only: it takes GET and HEAD.") { Headers = [("Allow", "GET, HEAD")] });
        }

        var options = FeedOptions.Read(context.Request.QueryString.Value);
        switch (request.Segments)
        {
            case []:
                await AnswerDocumentAsync(request, options, model);
                break;
            case ["$metadata"]:
                await AnswerModelAsync(request, options, model);
                break;
            case [['$', ..] name, ..]:
                throw Refusal.Unsupported($"This feed has no {QueryForm.Short(name)}.");
            default:
                await services.GetRequiredService<CallLimits>().RunQueryAsync(context, CallerGate.Known(context), () => services.GetRequiredService<FeedReader>().AnswerAsync(request, options, model));
                break;
        }
    }

    /// <summary>A header that cannot be kept to is refused and not passed over.</summary>
    private static void RefuseHeaders(HttpRequest request)
    {
        if (FeedRequest.MaxVersion(request) < 4)
        {
            throw Refusal.Bad("The feed is OData 4.0 and 4.01; OData-MaxVersion asks for less.");
        }

        if (request.Headers.ContainsKey("Isolation") || request.Headers.ContainsKey("OData-Isolation"))
        {
            throw new ProblemException(new Problem(
                412, ProblemCodes.PreconditionFailed, "The feed has no isolation over several requests; the pages of one set are of one revision without being asked."));
        }
    }

    private static async Task AnswerDocumentAsync(FeedRequest request, FeedOptions options, MetricModel model)
    {
        var context = request.Context;
        Only(options, "format");
        var format = PayloadFormat.Of(context.Request, options.Format);
        var sets = await ListAsync(context, model);
        context.Response.ContentType = format.ContentType;
        await using var json = new Utf8JsonWriter(context.Response.BodyWriter, AnswerJson.WriterOptions);
        json.WriteStartObject();
        if (format.Level != MetadataLevel.None)
        {
            json.WriteString("@odata.context", request.ServiceRoot + "/$metadata");
        }

        json.WriteStartArray("value");
        foreach (var set in sets)
        {
            json.WriteStartObject();
            json.WriteString("name", set.Name);
            json.WriteString("kind", "EntitySet");
            json.WriteString("url", set.Name);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static async Task AnswerModelAsync(FeedRequest request, FeedOptions options, MetricModel model)
    {
        var context = request.Context;
        Only(options, "format");
        var isJson = PayloadFormat.IsJsonModel(context.Request, options.Format, request.Is401);
        var sets = await ListAsync(context, model);
        var isOpen = context.RequestServices.GetRequiredService<IOptions<ODataOptions>>().Value.OpenTypes;
        var body = isJson ? FeedModel.WriteJson(sets, isOpen) : FeedModel.WriteXml(sets, isOpen);
        context.Response.ContentType = isJson ? "application/json" : "application/xml";
        context.Response.ContentLength = body.Length;
        await context.Response.Body.WriteAsync(body, context.RequestAborted);
    }

    private static Task<System.Collections.Immutable.ImmutableArray<FeedSet>> ListAsync(HttpContext context, MetricModel model) =>
        context.RequestServices.GetRequiredService<FeedCatalog>().ListAsync(CallerView.Of(context, model), context.RequestAborted);

    private static void Only(FeedOptions options, params string[] names)
    {
        if (options.HasOthersThan(names))
        {
            throw Refusal.Bad(string.Create(CultureInfo.InvariantCulture, $"Here only ${string.Join(", $", names)} can be given."));
        }
    }
}
