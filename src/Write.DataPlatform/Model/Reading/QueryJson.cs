using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Write.DataPlatform.Model.Filters;

namespace Write.DataPlatform.Model.Reading;

/// <summary>Turns queries written in YAML into the JSON of the HTTP contract.</summary>
internal static class QueryJson
{
    /// <summary>An insight's query: snake_case keys become camelCase at any depth, values stay what they are.</summary>
    public static JsonObject Insight(MapReader insight)
    {
        switch (insight.Raw("query"))
        {
            case WrittenMap map:
                var json = (JsonObject)Node(insight, map)!;
                var query = insight.Map("query", "query")!;
                if (map.Entries.Any(e => e.Key.Value == "where" && e.Value is WrittenScalar { IsNull: false } or WrittenList))
                {
                    // The one place where MetricFlow's where strings are welcome beside trees.
                    json["where"] = Where(query, query.Filter("where"));
                }

                return json;
            case null:
                insight.Missing("query");
                return [];
            case var other:
                insight.ReportAt(ModelCode.BadValue, $"'query' must be a mapping and not {other.Kind}.", other.Position);
                return [];
        }
    }

    /// <summary>A saved query's parameters.</summary>
    public static JsonObject SavedQuery(MapReader parameters)
    {
        var json = new JsonObject { ["metrics"] = Array(parameters.Texts("metrics")) };
        if (parameters.Texts("group_by") is { Length: > 0 } groupBy)
        {
            json["groupBy"] = Array(groupBy.Select(g => Field(parameters, "group_by", g)?.Name.ToString() ?? g));
        }

        if (parameters.Filter("where") is { } filter)
        {
            // SQL has no tree and stays the text it is.
            json["where"] = HasSql(filter) ? Array(parameters.Texts("where")) : Where(parameters, filter);
        }

        if (parameters.Texts("order_by") is { Length: > 0 } orderBy)
        {
            json["orderBy"] = new JsonArray([.. orderBy.Select(text => Order(parameters, text))]);
        }

        if (parameters.Integer("limit") is { } limit)
        {
            json["limit"] = limit;
        }

        return json;
    }

    private static bool HasSql(Filter filter) => filter switch
    {
        AndFilter and => and.Filters.Any(HasSql),
        OrFilter or => or.Filters.Any(HasSql),
        NotFilter not => HasSql(not.Inner),
        _ => filter is SqlFilter,
    };

    private static JsonNode Order(MapReader parameters, string text)
    {
        var field = Field(parameters, "order_by", text);
        return new JsonObject { ["field"] = field?.Name.ToString() ?? text.TrimStart('-'), ["descending"] = field?.Descending ?? text.StartsWith('-') };
    }

    private static TemplateField? Field(MapReader parameters, string key, string text)
    {
        try
        {
            return text.Contains('(', StringComparison.Ordinal) ? TemplateField.Parse(text.Trim(), 0) : null;
        }
        catch (FilterException exception)
        {
            parameters.Report(exception.Code, exception.Message + ".", key, exception.Suggestion);
            return null;
        }
    }

    private static JsonNode? Where(MapReader query, Filter? filter)
    {
        switch (filter)
        {
            case null:
                return null;
            case AndFilter and:
                return new JsonObject { ["and"] = new JsonArray([.. and.Filters.Select(f => Where(query, f))]) };
            case OrFilter or:
                return new JsonObject { ["or"] = new JsonArray([.. or.Filters.Select(f => Where(query, f))]) };
            case NotFilter not:
                return new JsonObject { ["not"] = Where(query, not.Inner) };
            case ComparisonFilter comparison:
                return new JsonObject
                {
                    ["field"] = comparison.Field.ToString(),
                    ["op"] = JsonNamingPolicy.CamelCase.ConvertName(comparison.Operator.ToString()),
                    ["values"] = new JsonArray([.. comparison.Values.Select(Value)]),
                };
            default:
                query.Report(ModelCode.NotSupported, "SQL functions and arithmetic cannot be used in a query's 'where'.", "where", "Put the condition into a metric's filter.");
                return null;
        }
    }

    private static JsonNode? Value(object? value) => value switch
    {
        string text => JsonValue.Create(text),
        bool flag => JsonValue.Create(flag),
        long number => JsonValue.Create(number),
        decimal number => JsonValue.Create(number),
        double number => JsonValue.Create(number),
        _ => null,
    };

    private static JsonArray Array(IEnumerable<string> texts) => new([.. texts.Select(t => JsonValue.Create(t))]);

    private static JsonNode? Node(MapReader insight, Written written)
    {
        switch (written)
        {
            case WrittenMap map:
                var json = new JsonObject();
                foreach (var (key, value) in map.Entries)
                {
                    if (!json.TryAdd(Camel(key.Value), Node(insight, value)))
                    {
                        insight.ReportAt(ModelCode.Duplicate, $"The key '{key.Value}' is written twice, in two spellings.", key.Position);
                    }
                }

                return json;
            case WrittenList list:
                return new JsonArray([.. list.Items.Select(i => Node(insight, i))]);
            default:
                return Value(Scalar((WrittenScalar)written));
        }
    }

    /// <summary>A scalar by YAML's own rules: null, a truth value, a number (long, decimal or double) or a text.</summary>
    public static object? Scalar(WrittenScalar scalar) => scalar switch
    {
        { IsNull: true } => null,
        { IsPlain: true, Value: "true" or "True" or "TRUE" } => true,
        { IsPlain: true, Value: "false" or "False" or "FALSE" } => false,
        { IsPlain: true } => long.TryParse(scalar.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer) ? integer
            : decimal.TryParse(scalar.Value, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) ? number
            : IsReal(scalar.Value) && double.TryParse(scalar.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && double.IsFinite(real) ? real
            : scalar.Value,
        _ => scalar.Value,
    };

    private static bool IsReal(string text) => text.Any(char.IsAsciiDigit) && text.All(c => char.IsAsciiDigit(c) || c is '.' or '-' or '+' or 'e' or 'E');

    private static string Camel(string key)
    {
        var parts = key.Split('_', StringSplitOptions.RemoveEmptyEntries);
        return parts.Length < 2 ? key : parts[0] + string.Concat(parts[1..].Select(p => char.ToUpperInvariant(p[0]) + p[1..]));
    }
}
