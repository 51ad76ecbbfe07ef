using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.OpenApi;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.Swagger;

/// <summary>The schemas that the operations share, and short forms to write more of them.</summary>
internal static class Schemas
{
    public const string Problem = "Problem";
    public const string Query = "MetricQuery";
    public const string Filter = "Filter";
    public const string Column = "Column";
    public const string Served = "Served";
    public const string Answer = "Answer";
    public const string Metric = "Metric";
    public const string Dimension = "Dimension";
    public const string Insight = "Insight";
    public const string GoldTable = "GoldTable";
    public const string Run = "Run";
    public const string Job = "Job";
    public const string Health = "Health";
    public const string Format = "AnswerFormat";
    public const string Theme = "ChartTheme";

    public static OpenApiSchema Text(string? description = null, string? format = null) => new() { Type = JsonSchemaType.String, Description = description, Format = format };

    public static OpenApiSchema Whole(string? description = null) => new() { Type = JsonSchemaType.Integer, Format = "int64", Description = description };

    public static OpenApiSchema Number(string? description = null) => new() { Type = JsonSchemaType.Number, Description = description };

    public static OpenApiSchema Flag(string? description = null) => new() { Type = JsonSchemaType.Boolean, Description = description };

    public static OpenApiSchema List(IOpenApiSchema items, string? description = null) => new() { Type = JsonSchemaType.Array, Items = items, Description = description };

    public static OpenApiSchema OneOf(string? description, params IEnumerable<string> words) =>
        new() { Type = JsonSchemaType.String, Description = description, Enum = [.. words.Select(w => (JsonNode)JsonValue.Create(w))] };

    public static OpenApiSchema AnyOf(string description, params IEnumerable<IOpenApiSchema> schemas) => new() { Description = description, AnyOf = [.. schemas] };

    public static OpenApiSchema Object(string? description, params IEnumerable<(string Name, IOpenApiSchema Schema)> properties) => new()
    {
        Type = JsonSchemaType.Object,
        Description = description,
        Properties = properties.ToDictionary(p => p.Name, p => p.Schema),
    };

    public static OpenApiSchema OrNull(OpenApiSchema schema)
    {
        schema.Type |= JsonSchemaType.Null;
        return schema;
    }

    public static IEnumerable<string> Words<T>() where T : struct, Enum => Enum.GetValues<T>().Select(v => JsonNamingPolicy.CamelCase.ConvertName(v.ToString()));

    public static Dictionary<string, IOpenApiSchema> Shared(OpenApiDocument document)
    {
        IOpenApiSchema Ref(string name) => new OpenApiSchemaReference(name, document);
        var grains = Words<TimeGrain>();
        return new Dictionary<string, IOpenApiSchema>
        {
            [Problem] = Object(
                "A refused request (RFC 9457). Every mistake is listed at once.",
                ("type", Text(format: "uri")),
                ("title", Text()),
                ("status", Whole()),
                ("detail", Text()),
                ("code", Text("Stable; see docs/errors.md")),
                ("errors", List(Object(null, ("code", Text()), ("message", Text()), ("path", OrNull(Text("Where in the request"))), ("suggestion", OrNull(Text("How to mend it")))))),
                ("traceId", Text("The request's name in the server's log"))),
            [Filter] = Object(
                "A condition: `and`, `or` or `not`, or one comparison; at most 32 levels deep.",
                ("and", List(Ref(Filter))),
                ("or", List(Ref(Filter))),
                ("not", Ref(Filter)),
                ("field", Text("For example visit__country")),
                ("op", OneOf(null, Words<FilterOperator>())),
                ("values", List(new OpenApiSchema { Description = "Text, number, true, false or null" }, "None for isSet and isNotSet, two for between, one for gt, gte, lt and lte, else one or more"))),
            [Query] = Object(
                "A metric query.",
                ("metrics", List(
                    AnyOf(
                        "A metric's name, or a column computed from its values over all groups",
                        Text(),
                        Object(null, ("metric", Text()), ("as", OneOf(null, Words<ModifierKind>())), ("within", List(Text(), "Fields of groupBy whose values each have a total or a ranking of their own")))),
                    "Up to 50; none lists the values of groupBy")),
                ("groupBy", List(Text(), "Up to 30 fields, such as metric_time__month, visit__country or TimeDimension('metric_time', 'month')")),
                ("where", AnyOf(
                    "A tree, or a text such as {{ Dimension('visit__country') }} = 'DE', or a list of texts that all must hold",
                    Ref(Filter),
                    Text(),
                    List(Text()))),
                ("having", Ref(Filter)),
                ("timeRange", Object(
                    "Half-open `from` and `to`, or `last`, or `toDate`.",
                    ("from", Text("A date or an instant")),
                    ("to", Text("A date or an instant, excluded")),
                    ("last", Text("An ISO 8601 duration such as P12M")),
                    ("toDate", OneOf(null, grains.Skip((int)TimeGrain.Day))))),
                ("timeZone", Text("The zone that cuts buckets and reads dates, such as Europe/Berlin")),
                ("compare", Object(
                    "Adds __previous, __delta and __ratio beside each metric.",
                    ("to", new OpenApiSchema { Description = "previousPeriod, previousYear or {\"offset\": \"P1M\"}" }),
                    ("alignToDate", Flag()))),
                ("orderBy", List(AnyOf("A column, or a text with - before it for the greatest first", Object(null, ("field", Text()), ("descending", Flag())), Text()))),
                ("limit", new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = "1", Maximum = MetricQueryReader.MaxLimit.ToString(System.Globalization.CultureInfo.InvariantCulture) }),
                ("cursor", OrNull(Text("The next of the page before; the query must be the same"))),
                ("fill", Flag("Whether every bucket of the range appears")),
                ("totals", Flag()),
                ("source", OneOf("Who may answer", Words<QuerySource>()))),
            [Column] = Object(null, ("name", Text()), ("type", OneOf(null, Enum.GetValues<ColumnKind>().Select(Rest.AnswerJson.TypeName))), ("label", Text()), ("unit", Text()), ("format", Text()), ("approximate", Flag("Set if the values are estimates")), ("error", Number("Of an estimated count the relative standard error, of an estimated percentile the greatest relative error; left out where none can be told"))),
            [Served] = Object(
                "Who answered.",
                ("by", List(OneOf(null, "gold", "tail", "lake"))),
                ("tables", List(Object(null, ("name", Text()), ("revision", Whole())))),
                ("asOf", OrNull(Text("How far the data reaches", "date-time"))),
                ("misses", List(Object("Why a gold table did not serve", ("table", OrNull(Text())), ("code", Text()), ("message", Text())))),
                ("bytesScanned", Whole())),
            [Answer] = AnswerOf(document, AnyRow(), AnyRow("Over all groups, where the query asks for totals")),
            [Dimension] = Object(
                null, ("name", Text()), ("type", OneOf(null, "categorical", "time", "entity", "attribute")), ("label", OrNull(Text())), ("description", OrNull(Text())), ("grains", List(Text()))),
            [Metric] = Object(
                null,
                ("name", Text()),
                ("type", Text()),
                ("label", OrNull(Text())),
                ("description", OrNull(Text())),
                ("unit", OrNull(Text())),
                ("owner", OrNull(Text("Who answers for the definition"))),
                ("format", OrNull(Text())),
                ("isComputed", Flag("Whether this version computes it")),
                ("approximate", Flag("Whether its values are estimates")),
                ("error", OrNull(Number("Of an estimated count the relative standard error, of an estimated percentile the greatest relative error; left out where none can be told"))),
                ("goldTables", List(Text())),
                ("href", OrNull(Text())),
                ("dimensions", List(new OpenApiSchema(), "Names in a list of metrics, whole dimensions for one metric"))),
            [Insight] = Object(
                null,
                ("name", Text()),
                ("description", OrNull(Text())),
                ("audience", OneOf(null, Words<Audience>())),
                ("href", Text()),
                ("parameters", List(Object(
                    null, ("name", Text()), ("description", OrNull(Text())), ("field", OrNull(Text())), ("sets", OrNull(Text())), ("multiple", Flag()), ("required", Flag()), ("default", OrNull(Text())), ("values", List(Text()))))),
                ("query", Ref(Query))),
            [GoldTable] = Object(
                "A precomputed table, or one tenant's part of it.",
                ("name", Text()),
                ("tenant", OrNull(Text())),
                ("description", OrNull(Text())),
                ("audience", OneOf(null, Words<Audience>())),
                ("metrics", List(Text())),
                ("groupBy", List(Text())),
                ("grain", OneOf(null, grains)),
                ("partition", OneOf(null, grains)),
                ("revision", Whole("0: never written")),
                ("partitionCount", Whole()),
                ("rows", Whole()),
                ("bytes", Whole()),
                ("watermark", OrNull(Text("The latest event inside", "date-time"))),
                ("freshness", Object(null, ("objectiveSeconds", OrNull(Number())), ("refreshedAt", OrNull(Text(format: "date-time"))), ("ageSeconds", OrNull(Number())), ("isLate", Flag())))),
            [Run] = Object(
                "A refresh of one gold table.",
                ("id", Text()),
                ("href", Text()),
                ("table", Text()),
                ("trigger", Text()),
                ("state", Text()),
                ("cancelRequested", Flag("Whether it was asked to stop")),
                ("from", OrNull(Text("The first day asked for", "date"))),
                ("to", OrNull(Text("The day after the last asked for", "date"))),
                ("full", Flag("Whether partitions that are as they should be are rebuilt")),
                ("total", Whole("Partitions to refresh")),
                ("done", Whole()),
                ("failed", Whole()),
                ("rows", Whole()),
                ("bytes", Whole()),
                ("bytesScanned", Whole()),
                ("readUnits", OrNull(Number("Read units used of a gold store that is paid by use"))),
                ("writeUnits", OrNull(Number("Write units used of a gold store that is paid by use"))),
                ("attempts", Whole()),
                ("startedAt", Text(format: "date-time")),
                ("endedAt", OrNull(Text(format: "date-time"))),
                ("errors", List(Text()))),
            [Job] = Object(
                "A query that goes on without its caller.",
                ("id", Text()),
                ("href", Text("Where its answer is")),
                ("state", OneOf(null, Words<Insights.QueryJobState>())),
                ("metrics", List(Text())),
                ("groupBy", List(Text())),
                ("tenant", OrNull(Text())),
                ("startedAt", Text(format: "date-time")),
                ("endedAt", OrNull(Text(format: "date-time")))),
            [Format] = OneOf("How an answer is written", Rest.AnswerFormats.Names),
            [Theme] = OneOf("The colours of a picture", Words<Charts.ChartTheme>()),
            [Health] = Object(
                null,
                ("status", OneOf(null, "Healthy", "Degraded", "Unhealthy")),
                ("totalDuration", Text()),
                ("checks", List(Object(null, ("name", Text()), ("status", Text()), ("description", OrNull(Text())), ("data", new OpenApiSchema { Type = JsonSchemaType.Object }))))),
        };
    }

    private static OpenApiSchema AnyRow(string? description = null) =>
        new() { Type = JsonSchemaType.Object, Description = description, AdditionalProperties = new OpenApiSchema { Description = "By column: text, number, true, false or null" } };

    /// <summary>An answer whose rows have a known shape.</summary>
    public static OpenApiSchema AnswerOf(OpenApiDocument document, IOpenApiSchema row, IOpenApiSchema? totals = null) => Object(
        null,
        [
            ("columns", List(new OpenApiSchemaReference(Column, document))),
            ("rows", List(row)),
            .. totals is null ? Array.Empty<(string, IOpenApiSchema)>() : [("totals", totals)],
            ("served", new OpenApiSchemaReference(Served, document)),
            ("next", OrNull(Text("The cursor that gives the following rows of the same query; null if there are none"))),
        ]);
}
