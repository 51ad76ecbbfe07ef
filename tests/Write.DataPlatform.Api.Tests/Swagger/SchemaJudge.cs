using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Write.DataPlatform.Api.Tests.Swagger;

/// <summary>Holds values against the document's schemas.</summary>
internal static class SchemaJudge
{
    private static JsonNode Resolve(JsonNode document, JsonNode schema) => (string?)schema["$ref"] is { } name ? document["components"]!["schemas"]![name.Split('/')[^1]]! : schema;

    /// <summary>Where a value is none of its schema's: properties that are not named, wrong types, words, formats.</summary>
    public static IEnumerable<string> Misfits(JsonNode document, JsonNode? value, JsonNode written, string path)
    {
        var schema = Resolve(document, written);
        if (schema["anyOf"] is JsonArray any)
        {
            return any.Any(s => !Misfits(document, value, s!, path).Any()) ? [] : [$"{path}: none of its schemas"];
        }

        if (value is null)
        {
            return (bool?)schema["nullable"] is true || schema["type"] is null ? [] : [$"{path}: is null"];
        }

        var kind = value.GetValueKind();
        switch ((string?)schema["type"])
        {
            case "object" when value is JsonObject map:
                var known = schema["properties"]?.AsObject();
                return map.SelectMany(p => known is not null && known.TryGetPropertyValue(p.Key, out var own) ? Misfits(document, p.Value, own!, $"{path}/{p.Key}")
                    : known is null || schema["additionalProperties"] is not null ? [] : new[] { $"{path}/{p.Key}: is not named" });
            case "array" when value is JsonArray list:
                return list.SelectMany(item => Misfits(document, item, schema["items"]!, path + "[]"));
            case "string" when kind == JsonValueKind.String:
                var text = (string)value!;
                return (schema["enum"] is not JsonArray words || words.Any(w => (string?)w == text)) && (string?)schema["format"] switch
                {
                    "date" => DateOnly.TryParseExact(text, "yyyy-MM-dd", out _),
                    "date-time" => DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, out _),
                    _ => true,
                } ? [] : [$"{path}: '{text}' is no {schema["format"]} or word of it"];
            case "integer" when kind == JsonValueKind.Number && !value.ToJsonString().Contains('.', StringComparison.Ordinal):
            case "number" when kind == JsonValueKind.Number:
            case "boolean" when kind is JsonValueKind.True or JsonValueKind.False:
            case null:
                return [];
            case var type:
                return [$"{path}: is {kind} and no {type}"];
        }
    }
}
