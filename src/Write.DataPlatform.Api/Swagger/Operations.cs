using System.Text.Json.Nodes;
using Microsoft.OpenApi;
using Write.DataPlatform.Api.Charts;
using Write.DataPlatform.Api.Rest;

namespace Write.DataPlatform.Api.Swagger;

/// <summary>Writes operations in a few words.</summary>
internal sealed class Operations(OpenApiDocument document)
{
    private static readonly Dictionary<int, string> Refusals = new()
    {
        [400] = "The request has mistakes; all of them are listed",
        [401] = "A key is needed from this address",
        [403] = "For operators only, or the key's tenant or role does not exist any more",
        [404] = "There is no such thing",
        [410] = "The server process that had it has ended",
        [406] = "None of the formats asked for",
        [409] = "Not in this state",
        [413] = "The body is too large",
        [415] = "The body is not JSON",
        [422] = "The query is well-formed and cannot be answered correctly",
        [429] = "Too many requests; see Retry-After",
        [504] = "The query took longer than it may",
        [503] = "The lake or the gold store is not available; see Retry-After",
    };

    public OpenApiDocument Document => document;

    public IOpenApiSchema Ref(string schema) => new OpenApiSchemaReference(schema, document);

    public void Add(HttpMethod method, string path, OpenApiOperation operation)
    {
        if (!document.Paths.TryGetValue(path, out var item))
        {
            document.Paths.Add(path, item = new OpenApiPathItem());
        }

        if (operation.RequestBody?.Content?.Values.OfType<OpenApiMediaType>().FirstOrDefault() is { } body)
        {
            Name(body, operation.OperationId + "Body");
        }

        foreach (var (status, response) in operation.Responses!)
        {
            if (status.StartsWith('2') && response.Content?.TryGetValue(AnswerJson.ContentType, out var content) is true && content is OpenApiMediaType json)
            {
                Name(json, operation.OperationId + "Answer");
            }

            if ((status.StartsWith('2') || status == "400") && response.Content?.Values.OfType<OpenApiMediaType>().FirstOrDefault(m => m.Example is null) is { } answer)
            {
                // Jobs and mistakes are told alike everywhere.
                var shared = answer.Schema is OpenApiSchemaReference { Reference.Id: Schemas.Job or Schemas.Problem } reference ? reference.Reference.Id : null;
                answer.Example = Examples.Of(shared ?? operation.OperationId!);
            }
        }

        ((OpenApiPathItem)item).AddOperation(method, operation);
    }

    /// <summary>Puts a schema among those that have a name, so that generated clients have one for it, too.</summary>
    public IOpenApiSchema Named(string name, OpenApiSchema schema)
    {
        name = string.Concat(name.Split('-').Select(word => char.ToUpperInvariant(word[0]) + word[1..]));

        // Of top-10 and top10, say.
        while (!document.Components!.Schemas!.TryAdd(name, schema))
        {
            name += "_";
        }

        return Ref(name);
    }

    private void Name(OpenApiMediaType content, string name)
    {
        if (content.Schema is OpenApiSchema { Type: JsonSchemaType.Object, Properties.Count: > 0 } schema)
        {
            content.Schema = Named(name, schema);
        }
    }

    public OpenApiOperation Operation(string tag, string id, string summary, string? description, IOpenApiSchema? body, params IEnumerable<int> refusals)
    {
        var operation = new OpenApiOperation
        {
            OperationId = id,
            Summary = summary,
            Description = description,
            Tags = new HashSet<OpenApiTagReference> { new(tag, document) },
            Parameters = [],
            Responses = [],
        };
        if (body is not null)
        {
            operation.Responses["200"] = Response("The answer", AnswerJson.ContentType, body);
        }

        // Whoever shows a key may be one too often, and its tenant may be gone.
        var statuses = refusals.ToList();
        foreach (var status in statuses.Contains(401) ? statuses.Union([403, 429]) : statuses)
        {
            operation.Responses[status.ToString(System.Globalization.CultureInfo.InvariantCulture)] = Refusal(status);
        }

        return operation;
    }

    public static OpenApiParameter Query(string name, IOpenApiSchema schema, string? description = null, bool required = false) =>
        new() { Name = name, In = ParameterLocation.Query, Schema = schema, Description = description, Required = required };

    public static OpenApiParameter Path(string name, string description) =>
        new() { Name = name, In = ParameterLocation.Path, Schema = Schemas.Text(), Description = description, Required = true };

    /// <summary>What every answer of rows has: format, tenant view, tag.</summary>
    public void AddAnswerParts(OpenApiOperation operation, bool isTagged)
    {
        operation.Parameters!.Add(Query(AnswerFormats.Parameter, Ref(Schemas.Format), "The format; else the Accept header says"));
        operation.Parameters.Add(Query(CallerView.TenantParameter, Schemas.Text(), "For operators: the rows of this tenant alone, as it sees them"));
        operation.Parameters.Add(Query(CallerView.RoleParameter, Schemas.Text(), "For operators: what this role of the model sees"));
        var ok = (OpenApiResponse)operation.Responses!["200"];
        ok.Content![AnswerCsv.ContentType] = new OpenApiMediaType { Schema = Schemas.Text("The rows with a header line (RFC 4180)"), Example = JsonValue.Create("visit__country,visits\r\nFR,1203\r\n") };
        ok.Content[AnswerArrow.ContentType] = new OpenApiMediaType { Schema = Schemas.Text("An Arrow stream; served, totals and next are metadata of its schema", "binary") };
        ok.Content[AnswerFormats.ParquetType] = new OpenApiMediaType { Schema = Schemas.Text("A Parquet file; served, totals and next are metadata of the file", "binary") };
        ok.Content[SvgAnswers.ContentType] = new OpenApiMediaType { Schema = Schemas.Text("A picture of the rows") };
        AddPictureParameters(operation);
        operation.Parameters.Add(new OpenApiParameter
        {
            Name = Preference.Header, In = ParameterLocation.Header, Schema = Schemas.Text(), Example = JsonValue.Create("respond-async, wait=10"),
            Description = "respond-async: an answer that takes longer than wait seconds (1 unless said) becomes a job, 202 with its address in Location",
        });
        operation.Responses!["504"] = Refusal(504);
        operation.Responses["202"] = Response("The query goes on as a job; Location says where to ask for its answer", AnswerJson.ContentType, Ref(Schemas.Job));
        if (!isTagged)
        {
            return;
        }

        operation.Parameters.Add(new OpenApiParameter { Name = "If-None-Match", In = ParameterLocation.Header, Schema = Schemas.Text(), Description = "The ETag of the answer at hand" });
        ok.Headers = new Dictionary<string, IOpenApiHeader> { ["ETag"] = new OpenApiHeader { Schema = Schemas.Text(), Description = "Changes when the answer may; absent if the lake was needed" } };
        operation.Responses["304"] = new OpenApiResponse { Description = "The answer at hand is up to date" };
    }

    /// <summary>How a picture is to be drawn.</summary>
    public void AddPictureParameters(OpenApiOperation operation)
    {
        operation.Parameters!.Add(Query(SvgAnswers.WidthParameter, new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = $"{ChartLook.MinWidth}", Maximum = $"{ChartLook.MaxWidth}", Default = JsonValue.Create(ChartLook.DefaultWidth) }, "Of a picture: its width in pixels"));
        operation.Parameters.Add(Query(SvgAnswers.ThemeParameter, Ref(Schemas.Theme), "Of a picture: its colours; auto goes by the reader's system"));
    }

    public static OpenApiResponse Response(string description, string type, IOpenApiSchema schema, JsonNode? example = null) => new()
    {
        Description = description,
        Content = new Dictionary<string, IOpenApiMediaType> { [type] = new OpenApiMediaType { Schema = schema, Example = example } },
    };

    private OpenApiResponse Refusal(int status)
    {
        var response = Response(Refusals[status], Problem.ContentType, Ref(Schemas.Problem));
        if (status is 429 or 503)
        {
            response.Headers = new Dictionary<string, IOpenApiHeader> { ["Retry-After"] = new OpenApiHeader { Schema = Schemas.Whole("Seconds") } };
        }

        return response;
    }
}
