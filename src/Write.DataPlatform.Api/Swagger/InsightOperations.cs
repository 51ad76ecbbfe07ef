using System.Text.Json.Nodes;
using Microsoft.OpenApi;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.Swagger;

/// <summary>One typed operation an insight: its own parameters, and its own columns in the answer.</summary>
internal static class InsightOperations
{
    public static void Describe(Operations operations, MetricModel model, Func<Insight, bool> isVisible)
    {
        foreach (var insight in model.Insights.Values.Where(isVisible))
        {
            var query = InsightBinder.BindDefaults(insight).Query;
            var row = operations.Named($"insight-{insight.Name}-row", Schemas.Object(null, Columns(model, query)));
            var totals = query.Totals ? Schemas.Object(null, Columns(model, query).Skip(query.GroupBy.Length)) : null;
            var operation = operations.Operation(
                "Insights",
                "insight-" + insight.Name,
                insight.Description ?? insight.Name,
                $"Audience: {insight.Audience.ToString().ToLowerInvariant()}. Metrics: {string.Join(", ", query.AllMetrics)}.",
                Schemas.AnswerOf(operations.Document, row, totals),
                400, 401, 404, 406, 422, 429, 503);
            foreach (var parameter in insight.Parameters)
            {
                operation.Parameters!.Add(Parameter(parameter));
            }

            if (insight.Parameters.All(p => p.Name != Rest.QueryRoutes.CursorParameter))
            {
                operation.Parameters!.Add(Operations.Query(Rest.QueryRoutes.CursorParameter, Schemas.Text(), "The next of the page before"));
            }

            operations.AddAnswerParts(operation, isTagged: true);
            var ok = (OpenApiResponse)operation.Responses!["200"];
            ((OpenApiMediaType)ok.Content![Rest.AnswerJson.ContentType]).Example = Example(model, query);
            operations.Add(HttpMethod.Get, "/v1/insights/" + insight.Name, operation);
        }
    }

    private static OpenApiParameter Parameter(InsightParameter parameter)
    {
        var value = parameter.Sets switch
        {
            "limit" => new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = "1", Maximum = MetricQueryReader.MaxLimit.ToString(System.Globalization.CultureInfo.InvariantCulture) },
            "fill" or "totals" or "compare.alignToDate" => Schemas.Flag(),
            "source" => Schemas.OneOf(null, Schemas.Words<QuerySource>()),
            "timeRange.toDate" => Schemas.OneOf(null, Schemas.Words<TimeGrain>().Skip((int)TimeGrain.Day)),
            _ when !parameter.Values.IsEmpty => Schemas.OneOf(null, parameter.Values),
            _ => Schemas.Text(),
        };
        if (parameter.Default is { } given)
        {
            value.Default = value.Type == JsonSchemaType.Integer && long.TryParse(given, out var number) ? JsonValue.Create(number)
                : value.Type == JsonSchemaType.Boolean && bool.TryParse(given, out var flag) ? JsonValue.Create(flag)
                : JsonValue.Create(given);
        }

        var described = Operations.Query(parameter.Name, parameter.Multiple ? Schemas.List(value) : value, parameter.Description, parameter.Required);
        described.Example = parameter.Sets switch
        {
            "timeRange.from" or "timeRange.to" => JsonValue.Create("2026-01-01"),
            "timeRange.last" => JsonValue.Create("P12M"),
            "timeZone" => JsonValue.Create("Europe/Berlin"),
            _ => null,
        };
        if (parameter.Multiple)
        {
            // ?country=FR,DE, the spelling that people write; repetition is understood too.
            described.Description = string.Join(". ", new[] { parameter.Description?.TrimEnd('.'), @"In a value `\,` is a comma, `\\` a backslash, and `\ ` a space at its start or end" }.OfType<string>());
            described.Style = ParameterStyle.Form;
            described.Explode = false;
        }

        return described;
    }

    private static IEnumerable<(string Name, IOpenApiSchema Schema)> Columns(MetricModel model, MetricQuery query)
    {
        foreach (var field in query.GroupBy)
        {
            yield return (field.ToString(), Key(model, field));
        }

        foreach (var metric in query.AllMetrics.Select(name => model.Metrics[name]))
        {
            if (metric is FunnelMetric or RetentionMetric)
            {
                var node = new JourneyNode(metric, []);
                yield return (node.Key, metric is FunnelMetric ? Schemas.Text(node.KeyLabel) : Schemas.Whole(node.KeyLabel));
                foreach (var column in node.Columns)
                {
                    var description = column.Name == metric.Name ? metric.Description : column.Label;
                    yield return (column.Name, Schemas.OrNull(column.Kind == ColumnKind.Int64 ? Schemas.Whole(description) : Schemas.Number(description)));
                }

                continue;
            }

            OpenApiSchema Value(string? description) => Schemas.OrNull(IsWhole(model, metric) ? Schemas.Whole(description) : Schemas.Number(description));
            yield return (metric.Name, Value(string.Join(" ", new[] { metric.Description, metric.Unit is null ? null : $"Unit: {metric.Unit}." }.Where(t => t is not null))));
            if (query.Compare is not null)
            {
                yield return (metric.Name + "__previous", Value("In the period compared with"));
                yield return (metric.Name + "__delta", Value("Now minus before"));
                yield return (metric.Name + "__ratio", Schemas.OrNull(Schemas.Number("The difference as a share of the value before")));
            }

            foreach (var modifier in query.Modifiers.Where(m => m.Metric == metric.Name))
            {
                yield return (ModifierColumn.NameOf(modifier), modifier.As switch
                {
                    ModifierKind.Rank => Schemas.OrNull(Schemas.Whole("One more than how many have a greater value")),
                    ModifierKind.RunningTotal => Value("Up to this time"),
                    _ => Schemas.OrNull(Schemas.Number("As a share of the whole")),
                });
            }
        }
    }

    private static OpenApiSchema Key(MetricModel model, FieldName field)
    {
        var description = MetricCatalog.Of(model).Dimensions.TryGetValue(field.WithGrain(null).ToString(), out var dimension) ? dimension.Description ?? dimension.Label : null;
        return field switch
        {
            { Grain: { } grain } => Schemas.Text(description ?? $"Start of the {grain.ToString().ToLowerInvariant()}", grain >= TimeGrain.Day ? "date" : "date-time"),
            { IsMetricTime: true } => Schemas.Text("Day", "date"),
            _ when dimension?.Type == "time" => Schemas.OrNull(Schemas.Text(description, "date")),
            _ => Schemas.OrNull(Schemas.Text(description)),
        };
    }

    /// <summary>Whether a metric's values are always whole numbers, as far as the model says.</summary>
    private static bool IsWhole(MetricModel model, Metric metric) =>
        metric is SimpleMetric { Measure.Measure: var name }
        && model.Measures[name].Aggregation is Aggregation.Count or Aggregation.CountDistinct or Aggregation.SumBoolean or Aggregation.ApproxCountDistinct;

    /// <summary>One row with made-up values.</summary>
    private static JsonObject Example(MetricModel model, MetricQuery query)
    {
        var row = new JsonObject();
        var columns = new JsonArray();
        foreach (var (name, column) in Columns(model, query))
        {
            var schema = (OpenApiSchema)column;
            var isNumber = schema.Type!.Value.HasFlag(JsonSchemaType.Number);
            var isWhole = schema.Type.Value.HasFlag(JsonSchemaType.Integer);
            row[name] = schema.Format == "date" ? "2026-01-01" : schema.Format == "date-time" ? "2026-01-01T10:00:00Z" : isWhole ? 1203 : isNumber ? 0.25 : "…";
            columns.Add(new JsonObject { ["name"] = name, ["type"] = schema.Format == "date" ? "date" : schema.Format == "date-time" ? "timestamp" : isWhole ? "int64" : isNumber ? "double" : "string" });
        }

        return new JsonObject
        {
            ["columns"] = columns,
            ["rows"] = new JsonArray(row),
            ["served"] = new JsonObject
            {
                ["by"] = new JsonArray("gold"),
                ["tables"] = new JsonArray(new JsonObject { ["name"] = "visits_daily", ["revision"] = 41 }),
                ["asOf"] = "2026-01-31T22:59:00Z",
                ["misses"] = new JsonArray(),
                ["bytesScanned"] = 0,
            },
            ["next"] = null,
        };
    }
}
