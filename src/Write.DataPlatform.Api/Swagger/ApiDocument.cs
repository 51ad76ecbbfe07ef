using System.Text.Json.Nodes;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;
using Write.DataPlatform.Api.Charts;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Api.Swagger;

/// <summary>The OpenAPI document: the fixed routes, and the insights of the model in use at the moment of asking.</summary>
internal sealed class ApiDocument(ModelStore models, IHttpContextAccessor requests) : IDocumentFilter
{
    private static readonly (string Name, string Description)[] Tags =
    [
        ("Insights", "Published questions, each with its own parameters and columns"),
        ("Queries", "Metric queries of one's own"),
        ("Catalogue", "Metrics, dimensions and their values"),
        ("Gold", "Precomputed tables and their refreshes"),
        ("Streams", "Events in, and how far they are counted"),
        ("Health", "Whether the server lives, is ready, and is well"),
    ];

    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        swaggerDoc.Paths = [];
        swaggerDoc.Components ??= new OpenApiComponents();
        swaggerDoc.Components.Schemas = Schemas.Shared(swaggerDoc);
        swaggerDoc.Tags = Tags.Select(t => new OpenApiTag { Name = t.Name, Description = t.Description }).ToHashSet();
        var operations = new Operations(swaggerDoc);
        Insights(operations);
        Pictures(operations);
        Caller(operations);
        Queries(operations);
        Jobs(operations);
        Catalogue(operations);
        Gold(operations);
        StreamOperations.Describe(operations);
        AlertOperations.Describe(operations);
        Keys(operations);
        Health(operations);
        swaggerDoc.RegisterComponents();
        swaggerDoc.SetReferenceHostDocument();
    }

    private void Insights(Operations to)
    {
        to.Add(HttpMethod.Get, "/v1/insights", to.Operation(
            "Insights", "listInsights", "The published insights", null, Schemas.Object(null, ("insights", Schemas.List(to.Ref(Schemas.Insight)))), 401));

        // The document needs no key, and whoever shows none sees the insights that exist for everybody.
        var model = models.Current;
        var view = requests.HttpContext is { } context ? ViewOf(context, model) : null;
        InsightOperations.Describe(to, model, insight => view is not null ? view.Has(insight)
            : insight.Audience == Audience.External && model.Roles.Values.All(role => PublishedQueries.Exists(model, MemberView.Of(model, role), insight)));
    }

    /// <summary>What the caller sees; null for one who is not known, or may see nothing.</summary>
    public static CallerView? ViewOf(HttpContext context, MetricModel model)
    {
        try
        {
            return CallerGate.Of(context) is null ? null : CallerView.Of(context, model);
        }
        catch (Exception exception) when (exception is AccessDeniedException or ProblemException or QueryException)
        {
            return null;
        }
    }

    private static void Queries(Operations to)
    {
        to.Add(HttpMethod.Get, "/v1/saved-queries", to.Operation(
            "Queries", "listSavedQueries", "The model's saved queries", "For callers that are no tenant's.",
            Schemas.Object(null, ("savedQueries", Schemas.List(to.Named("SavedQuery", Schemas.Object(null, ("name", Schemas.Text()), ("description", Schemas.OrNull(Schemas.Text())), ("href", Schemas.Text()), ("query", to.Ref(Schemas.Query))))))), 401));
        var saved = to.Operation("Queries", "savedQuery", "Answers a saved query", "For callers that are no tenant's.", to.Ref(Schemas.Answer), 400, 401, 404, 406, 422, 503);
        saved.Parameters!.Add(Operations.Path("name", "The saved query"));
        saved.Parameters.Add(Operations.Query(QueryRoutes.CursorParameter, Schemas.Text(), "The next of the page before"));
        to.AddAnswerParts(saved, isTagged: true);
        to.Add(HttpMethod.Get, "/v1/saved-queries/{name}", saved);

        var post = to.Operation("Queries", "query", "Answers a metric query", null, to.Ref(Schemas.Answer), 400, 401, 406, 413, 415, 422, 503);
        post.RequestBody = Body(to);
        to.AddAnswerParts(post, isTagged: false);
        to.Add(HttpMethod.Post, "/v1/query", post);

        var get = to.Operation(
            "Queries", "queryByAddress", "Answers a metric query in the query string",
            "The same names as in the body. Lists by comma or repetition; conditions as JSON, `where` also as MetricFlow's text; `orderBy=-visits,visit__country`; the time range as JSON in `timeRange` or by `from`, `to`, `last`, `toDate`.",
            to.Ref(Schemas.Answer), 400, 401, 406, 422, 503);
        foreach (var (name, schema) in ((OpenApiSchema)Schemas.Shared(to.Document)[Schemas.Query]).Properties!)
        {
            var isList = name is "metrics" or "groupBy" or "orderBy";
            var isTree = name is "where" or "having" or "timeRange" or "compare";
            var parameter = Operations.Query(
                name, isList ? Schemas.List(Schemas.Text()) : isTree ? Schemas.Text(name == "compare" ? "previousPeriod, previousYear, a duration, or JSON" : "JSON") : schema, required: false);
            if (isList)
            {
                parameter.Explode = false;
                parameter.Style = ParameterStyle.Form;
            }

            get.Parameters!.Add(parameter);
        }

        foreach (var name in new[] { "from", "to", "last" })
        {
            get.Parameters!.Add(Operations.Query(name, Schemas.Text(), "A part of the time range"));
        }

        get.Parameters!.Add(Operations.Query("toDate", Schemas.OneOf(null, Schemas.Words<TimeGrain>().Skip((int)TimeGrain.Day)), "A part of the time range"));
        to.AddAnswerParts(get, isTagged: true);
        to.Add(HttpMethod.Get, "/v1/query", get);

        var explain = to.Operation(
            "Queries", "explain", "Says how a query would be answered", "Who serves which part, the statements for each engine, and why gold does not serve what the lake does.",
            new OpenApiSchema { Type = JsonSchemaType.Object }, 400, 401, 403, 413, 415, 422, 503);
        explain.RequestBody = Body(to);
        explain.Parameters!.Add(Operations.Query(CallerView.TenantParameter, Schemas.Text()));
        to.Add(HttpMethod.Post, "/v1/query/explain", explain);
    }

    private static void Pictures(Operations to)
    {
        var picture = to.Operation(
            "Insights", "insightPicture", "An insight as a picture (SVG)", "For mails, wikis and chats; readable from 400 to 1,200 pixels. Takes the insight's own parameters too, and has its policies, limits and ETag.", null, 400, 401, 404, 422, 429, 503);
        picture.Parameters!.Add(Operations.Path("name", "The insight"));
        to.AddPictureParameters(picture);
        picture.Responses!["200"] = Operations.Response("The picture", SvgAnswers.ContentType, Schemas.Text(format: "binary"));
        picture.Responses["304"] = new OpenApiResponse { Description = "The picture at hand is up to date" };
        to.Add(HttpMethod.Get, "/v1/insights/{name}.svg", picture);
    }

    private static void Caller(Operations to)
    {
        var caller = to.Operation("Catalogue", "caller", "Who asks, and how the model counts time", "Needs no key: who is not known is told that alone.", Schemas.Object(
            null, ("isKnown", Schemas.Flag()), ("name", Schemas.Text()), ("tenant", Schemas.OrNull(Schemas.Text())), ("isOperator", Schemas.Flag()), ("timeZone", Schemas.Text("The model's")), ("modelRevision", Schemas.Text("Changes when the model does")),
            ("tenants", Schemas.OrNull(Schemas.List(Schemas.Text(), "For operators: whose rows they may look at")))));
        caller.Security = [];
        to.Add(HttpMethod.Get, CallerRoutes.Path, caller);
    }

    private static void Jobs(Operations to)
    {
        to.Add(HttpMethod.Get, "/v1/queries", to.Operation(
            "Queries", "listJobs", "The caller's queries that go on as jobs, newest first", "An operator sees all.", Schemas.Object(null, ("queries", Schemas.List(to.Ref(Schemas.Job)))), 400, 401));
        var id = Operations.Path("id", "The job, as Location named it");
        var get = to.Operation(
            "Queries", "getJob", "A job's answer, or where it is", "Fails as the query failed. With `Prefer: wait=N` it waits so many seconds for the answer.", to.Ref(Schemas.Answer), 400, 401, 404, 406, 410, 422, 503, 504);
        get.Parameters!.Add(id);
        to.AddAnswerParts(get, isTagged: false);
        to.Add(HttpMethod.Get, "/v1/queries/{id}", get);
        var delete = to.Operation("Queries", "cancelJob", "Stops a job and forgets its answer", null, null, 401, 404, 410);
        delete.Parameters = [id];
        delete.Responses!["204"] = new OpenApiResponse { Description = "It is gone" };
        to.Add(HttpMethod.Delete, "/v1/queries/{id}", delete);
    }

    private static OpenApiRequestBody Body(Operations to) => new()
    {
        Required = true,
        Content = new Dictionary<string, IOpenApiMediaType>
        {
            [AnswerJson.ContentType] = new OpenApiMediaType
            {
                Schema = to.Ref(Schemas.Query),
                Example = JsonNode.Parse(
                    """
                    { "metrics": ["visits", "bounce_rate"], "groupBy": ["metric_time__month", "visit__country"],
                      "where": { "field": "visit__device", "op": "in", "values": ["mobile", "tablet"] },
                      "timeRange": { "last": "P12M" }, "compare": { "to": "previousYear" },
                      "orderBy": [{ "field": "visits", "descending": true }], "limit": 100 }
                    """),
            },
        },
    };

    private static void Catalogue(Operations to)
    {
        to.Add(HttpMethod.Get, "/v1/metrics", to.Operation("Catalogue", "listMetrics", "The metrics", null, Schemas.Object(null, ("metrics", Schemas.List(to.Ref(Schemas.Metric)))), 401));
        Add(to, "/v1/metrics/{name}", to.Operation("Catalogue", "getMetric", "A metric with its dimensions and gold tables", null, to.Ref(Schemas.Metric), 401, 404), Operations.Path("name", "The metric"));
        Add(
            to, "/v1/dimensions",
            to.Operation("Catalogue", "listDimensions", "The dimensions, or those that some metrics share", null, Schemas.Object(null, ("dimensions", Schemas.List(to.Ref(Schemas.Dimension)))), 400, 401),
            Operations.Query("metrics", Schemas.Text(), "Metrics by comma"));
        Add(
            to, "/v1/dimensions/{name}/values",
            to.Operation("Catalogue", "listValues", "The values of a dimension", null, Schemas.Object(null, ("dimension", Schemas.Text()), ("metrics", Schemas.List(Schemas.Text(), "The metrics whose groups they are; none: all values")), ("values", Schemas.List(new OpenApiSchema())), ("isComplete", Schemas.Flag("Whether there are no more"))), 400, 401, 404, 422, 503),
            Operations.Path("name", "The dimension"),
            Operations.Query("prefix", Schemas.Text(), "How the values start, in any case"),
            Operations.Query("search", Schemas.Text(), "What the values have in them, in any case"),
            Operations.Query("limit", new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = "1", Maximum = "1000", Default = JsonValue.Create(100) }),
            Operations.Query("metrics", Schemas.Text(), "Metrics by comma, whose groups are listed"),
            Operations.Query(CallerView.TenantParameter, Schemas.Text()));
    }

    private static void Gold(Operations to)
    {
        var table = Operations.Path("table", "The gold table");
        Add(to, "/v1/gold", to.Operation("Gold", "listGold", "The gold tables with revisions and freshness", null, Schemas.Object(null, ("tables", Schemas.List(to.Ref(Schemas.GoldTable)))), 401, 403, 503));
        Add(to, "/v1/gold/{table}", to.Operation("Gold", "getGold", "A gold table with its partitions, for each tenant that has one", null, new OpenApiSchema { Type = JsonSchemaType.Object }, 401, 403, 404, 503), table);
        var refresh = to.Operation("Gold", "refreshGold", "Begins a refresh", "`from` and `to` restrict it to the partitions that a half-open range of dates touches; `full` rebuilds partitions that are as they should be.", null, 400, 401, 403, 404, 503);
        refresh.Responses!["202"] = Operations.Response("The run has begun; Location says where to follow it", AnswerJson.ContentType, to.Ref(Schemas.Run));
        refresh.Parameters = [table, Operations.Query("from", Schemas.Text(format: "date")), Operations.Query("to", Schemas.Text(format: "date")), Operations.Query("full", Schemas.Flag())];
        to.Add(HttpMethod.Post, "/v1/gold/{table}/refresh", refresh);
        var run = Operations.Path("id", "The run");
        Add(
            to, "/v1/runs", to.Operation("Gold", "listRuns", "The latest runs, newest first", null, Schemas.Object(null, ("runs", Schemas.List(to.Ref(Schemas.Run)))), 400, 401, 403, 503),
            Operations.Query("table", Schemas.Text(), "Only this table's"),
            Operations.Query("limit", new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = "1", Maximum = "1000", Default = JsonValue.Create(50) }));
        Add(to, "/v1/runs/{id}", to.Operation("Gold", "getRun", "A run with its progress", null, Schemas.Object(null, ("run", to.Ref(Schemas.Run)), ("partitions", Schemas.List(new OpenApiSchema { Type = JsonSchemaType.Object })), ("omittedPartitions", Schemas.Whole("Partitions that ended well and are not listed"))), 401, 403, 404, 503), run);
        var cancel = to.Operation("Gold", "cancelRun", "Asks a run to stop", null, null, 401, 403, 404, 409, 503);
        cancel.Parameters = [run];
        cancel.Responses!["202"] = new OpenApiResponse { Description = "The run was asked to stop; it says so when it has" };
        to.Add(HttpMethod.Post, "/v1/runs/{id}/cancel", cancel);
    }

    private static void Keys(Operations to)
    {
        var about = to.Named("ApiKey", Schemas.Object(
            null, ("id", Schemas.Text()), ("name", Schemas.Text()), ("role", Schemas.OneOf(null, Schemas.Words<KeyRole>())), ("tenant", Schemas.OrNull(Schemas.Text())),
            ("policy", Schemas.OrNull(Schemas.Text("The role of the model that says what it sees; null for the one of its kind"))), ("attributes", new OpenApiSchema { Description = "Values for row policies, by name" }),
            ("state", Schemas.OneOf(null, ["good", "expired", "revoked"])), ("createdAt", Schemas.Text(format: "date-time")), ("expiresAt", Schemas.OrNull(Schemas.Text(format: "date-time"))),
            ("revokedAt", Schemas.OrNull(Schemas.Text(format: "date-time"))), ("lastUsedAt", Schemas.OrNull(Schemas.Text(format: "date-time")))));
        OpenApiSchema Made() => Schemas.Object(null, ("key", Schemas.Text("The key itself, this once")), ("about", about));
        to.Add(HttpMethod.Get, "/v1/keys", to.Operation("Keys", "listKeys", "Callers' keys, without their secrets", null, Schemas.Object(null, ("keys", Schemas.List(about))), 401, 403, 503));
        var create = to.Operation("Keys", "createKey", "Makes a key", "Of a tenant, or with the role analyst or operator or one of the model's.", null, 400, 401, 403, 503);
        create.RequestBody = new OpenApiRequestBody
        {
            Required = true,
            Content = new Dictionary<string, IOpenApiMediaType>
            {
                [AnswerJson.ContentType] = new OpenApiMediaType
                {
                    Schema = Schemas.Object(null, ("name", Schemas.Text("Whose it is or what for")), ("tenant", Schemas.Text()), ("role", Schemas.Text("analyst, operator, or a role of the model")), ("expires", Schemas.Text("How long it is good: 90d, 12h")), ("attributes", new OpenApiSchema { Description = "Values for row policies: { \"region\": [\"EMEA\"] }" })),
                    Example = JsonNode.Parse("""{ "name": "Acme's reports", "tenant": "acme", "expires": "365d" }"""),
                },
            },
        };
        create.Responses!["201"] = Operations.Response("The key", AnswerJson.ContentType, Made());
        to.Add(HttpMethod.Post, "/v1/keys", create);
        var id = Operations.Path("id", "The key's id");
        var revoke = to.Operation("Keys", "revokeKey", "Refuses a key from now on", "Every server notices within three seconds.", about, 401, 403, 404, 503);
        revoke.Parameters = [id];
        to.Add(HttpMethod.Delete, "/v1/keys/{id}", revoke);
        var rotate = to.Operation("Keys", "rotateKey", "Makes a key's successor", null, null, 400, 401, 403, 404, 503);
        rotate.Parameters = [id, Operations.Query("overlap", Schemas.Text("How long the old key is good yet: 1d unless said otherwise"))];
        rotate.Responses!["201"] = Operations.Response("The successor", AnswerJson.ContentType, Made());
        to.Add(HttpMethod.Post, "/v1/keys/{id}/rotate", rotate);
        Add(
            to, "/v1/audit", to.Operation("Keys", "listActs", "What operators did, newest first", null, Schemas.Object(null, ("acts", Schemas.List(to.Named("Act", Schemas.Object(
                null, ("at", Schemas.Text(format: "date-time")), ("by", Schemas.Text()), ("keyId", Schemas.OrNull(Schemas.Text())), ("action", Schemas.Text()), ("subject", Schemas.Text()), ("detail", Schemas.OrNull(Schemas.Text()))))))), 400, 401, 403, 503),
            Operations.Query("limit", new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = "1", Maximum = "1000", Default = JsonValue.Create(100) }));
    }

    private static void Health(Operations to)
    {
        foreach (var (path, id, summary) in new[]
        {
            ("/health", "health", "Every check"),
            ("/health/live", "live", "Whether the process answers; touches nothing else"),
            ("/health/ready", "ready", "Whether queries can be answered: model, stores, and every gold table built once"),
        })
        {
            var operation = to.Operation("Health", id, summary, "Needs no key; details for operators only.", to.Ref(Schemas.Health));
            operation.Security = [];
            operation.Responses!["503"] = Operations.Response("Unhealthy", AnswerJson.ContentType, to.Ref(Schemas.Health));
            to.Add(HttpMethod.Get, path, operation);
        }
    }

    private static void Add(Operations to, string path, OpenApiOperation operation, params IEnumerable<OpenApiParameter> parameters)
    {
        foreach (var parameter in parameters)
        {
            operation.Parameters!.Add(parameter);
        }

        to.Add(HttpMethod.Get, path, operation);
    }
}
