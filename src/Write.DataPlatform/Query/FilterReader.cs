using System.Collections.Immutable;
using System.Text.Json;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Filters;

namespace Write.DataPlatform.Query;

/// <summary>
/// Reads a condition: <c>{"and": […]}</c>, <c>{"or": […]}</c>, <c>{"not": …}</c> or <c>{"field", "op", "values"}</c>; or MetricFlow's where string,
/// or a list of those.
/// </summary>
/// <param name="form">Where mistakes go.</param>
/// <param name="trustsSql">Whether a where string may hold SQL that has no tree: never one of a caller over the network.</param>
internal sealed class FilterReader(QueryForm form, bool trustsSql = false)
{
    /// <summary>How deep a tree may be, its leaves counted.</summary>
    public const int MaxDepth = 32;

    /// <summary>How many values a condition may list.</summary>
    public const int MaxValues = 1_000;

    private const int MaxConditions = 1_000;

    private static readonly IReadOnlyDictionary<string, FilterOperator> Operators = QueryForm.Words<FilterOperator>();

    private static readonly string[] Properties = ["and", "or", "not", "field", "op", "values"];

    private static readonly Filter Unreadable = new AndFilter([]);

    private int _conditions;

    /// <summary>A tree, a where string, or a list of where strings of which all must hold.</summary>
    public Filter? ReadWhere(JsonElement json, string path) => json.ValueKind switch
    {
        JsonValueKind.String => Parse(json, path),
        JsonValueKind.Array when json.EnumerateArray().Any(item => item.ValueKind == JsonValueKind.String) =>
            Filter.And(form.List(json, path, "conditions", MaxConditions).Select(item => Parse(item.Json, item.Path))),
        _ => Read(json, path),
    };

    public Filter? Read(JsonElement json, string path, int depth = 1)
    {
        if (depth > MaxDepth)
        {
            form.Report(QueryFormProblems.TooDeep, $"The condition is deeper than {MaxDepth} levels.", path);
            return null;
        }

        if (++_conditions > MaxConditions)
        {
            if (_conditions == MaxConditions + 1)
            {
                form.Report(QueryFormProblems.TooMany, $"There are more than {MaxConditions} conditions.", path);
            }

            return null;
        }

        if (json.ValueKind == JsonValueKind.Array)
        {
            form.WrongType(json, path, "a condition as an object", "Wrap the list in {\"and\": …}.");
            return null;
        }

        if (form.Object(json, path, "a condition", Properties) is not { } found)
        {
            return null;
        }

        var connectives = found.Keys.Where(k => k is "and" or "or" or "not").ToList();
        if (connectives.Count > 1 || (connectives.Count == 1 && found.Count > 1))
        {
            form.Report(
                QueryFormProblems.ConflictingProperties,
                $"A condition is one of 'and', 'or', 'not' or a comparison, and this one has {string.Join(", ", found.Keys.Select(k => $"'{k}'"))}.",
                path,
                "Nest them: {\"and\": [{…}, {…}]}.");
        }

        // What stands there is read all the same, for its own mistakes.
        Filter? last = null;
        foreach (var name in connectives)
        {
            last = Connective(name, found[name], QueryForm.Join(path, name), depth);
        }

        return connectives.Count > 0 && !found.ContainsKey("field") ? last : Comparison(found, path);
    }

    private Filter? Parse(JsonElement json, string path)
    {
        if (form.Text(json, path, "a condition") is not { } text)
        {
            return null;
        }

        Filter filter;
        try
        {
            filter = FilterParser.Parse(text);
        }
        catch (FilterException exception)
        {
            form.Report(QueryFormProblems.BadWhere, $"{exception.Message} (character {exception.Offset + 1} of the condition).", path, exception.Suggestion);
            return null;
        }

        var leaves = Leaves(filter).ToList();
        _conditions += leaves.Count;
        if (_conditions > MaxConditions || leaves.Exists(l => l is ComparisonFilter { Values.Length: > MaxValues }))
        {
            form.Report(QueryFormProblems.TooMany, $"There are more than {MaxConditions} conditions, or more than {MaxValues} values in one.", path);
            return null;
        }

        if (!trustsSql && leaves.OfType<SqlFilter>().FirstOrDefault() is { } sql)
        {
            form.Report(
                QueryFormProblems.SqlNotAllowed,
                $"'{QueryForm.Short(string.Concat(sql.Parts.Zip(sql.References.Select(f => $"{{{{ {f} }}}}").Append(""), (text, field) => text + field)))}' is SQL beyond comparisons of fields with values, which only model files may hold.",
                path,
                "Compare a field with values, or put the condition into a metric's filter.");
            return null;
        }

        return filter;
    }

    private static IEnumerable<Filter> Leaves(Filter filter) => filter switch
    {
        AndFilter and => and.Filters.SelectMany(Leaves),
        OrFilter or => or.Filters.SelectMany(Leaves),
        NotFilter not => Leaves(not.Inner),
        _ => [filter],
    };

    private Filter? Connective(string name, JsonElement json, string path, int depth)
    {
        if (name == "not")
        {
            return Read(json, path, depth + 1) is { } inner ? new NotFilter(inner) : null;
        }

        var parts = form.List(json, path, "conditions", MaxConditions).Select(item => Read(item.Json, item.Path, depth + 1)).ToList();
        if (json.ValueKind == JsonValueKind.Array && parts.Count == 0)
        {
            form.Report(QueryFormProblems.WrongValueCount, $"'{name}' lists no condition.", path, "Leave it out.");
        }

        // What cannot be read keeps its place, so that mistakes in the names of the others are told at theirs.
        var filters = parts.Select(part => part ?? Unreadable).ToImmutableArray();
        return name == "and" ? new AndFilter(filters) : new OrFilter(filters);
    }

    private ComparisonFilter? Comparison(Dictionary<string, JsonElement> found, string path)
    {
        string? field = null;
        if (!found.TryGetValue("field", out var fieldJson))
        {
            form.Missing(path, "field", "what is compared");
        }
        else
        {
            field = form.NameText(fieldJson, QueryForm.Join(path, "field"), "a field");
        }

        FilterOperator? op = null;
        if (!found.TryGetValue("op", out var opJson))
        {
            form.Missing(path, "op", "how it is compared, such as \"equals\"");
        }
        else
        {
            op = form.Word(opJson, QueryForm.Join(path, "op"), "operator", Operators);
        }

        var values = found.TryGetValue("values", out var valuesJson) ? Values(valuesJson, QueryForm.Join(path, "values"), op) : [];
        if (op is { } known)
        {
            CheckCount(known, found.ContainsKey("values") && valuesJson.ValueKind == JsonValueKind.Array ? valuesJson.GetArrayLength() : found.ContainsKey("values") ? null : 0, path);
        }

        return field is null || op is null ? null : new ComparisonFilter(FieldName.Parse(field), op.Value, values);
    }

    private void CheckCount(FilterOperator op, int? count, string path)
    {
        var (least, most, words) = op switch
        {
            FilterOperator.IsSet or FilterOperator.IsNotSet => (0, 0, "no value"),
            FilterOperator.Between => (2, 2, "two values"),
            FilterOperator.Gt or FilterOperator.Gte or FilterOperator.Lt or FilterOperator.Lte => (1, 1, "one value"),
            _ => (1, int.MaxValue, "at least one value"),
        };
        if (count is { } given && (given < least || given > most))
        {
            form.Report(
                QueryFormProblems.WrongValueCount,
                $"'{JsonNamingPolicy.CamelCase.ConvertName(op.ToString())}' takes {words}, and {given} {(given == 1 ? "is" : "are")} given.",
                QueryForm.Join(path, "values"));
        }
    }

    private ImmutableArray<object?> Values(JsonElement json, string path, FilterOperator? op) =>
        [.. form.List(json, path, "values", MaxValues).Select(item => Value(item.Json, item.Path, op))];

    private object? Value(JsonElement json, string path, FilterOperator? op)
    {
        var isEquality = op is null or FilterOperator.Equals or FilterOperator.NotEquals or FilterOperator.In or FilterOperator.NotIn;
        switch (json.ValueKind)
        {
            case JsonValueKind.Null when isEquality:
                return null;
            case JsonValueKind.Null:
                form.WrongType(json, path, "a value", "Use isSet or isNotSet.");
                return null;
            case JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False when op is { } known && FilterValues.IsText(known):
                form.WrongType(json, path, "text", "Put it in quotes.");
                return null;
            case JsonValueKind.String:
                var text = form.Text(json, path, "a value");
                if (op == FilterOperator.Matches && text is not null)
                {
                    CheckPattern(text, path);
                }

                return text;
            case JsonValueKind.True or JsonValueKind.False:
                return json.GetBoolean();
            case JsonValueKind.Number:
                if (json.TryGetInt64(out var whole))
                {
                    return whole;
                }

                if (json.TryGetDecimal(out var exact) && exact != 0)
                {
                    return exact;
                }

                if (json.TryGetDouble(out var real) && double.IsFinite(real))
                {
                    return real;
                }

                form.Report(QueryFormProblems.OutOfRange, "The number is too large.", path);
                return null;
            default:
                form.WrongType(json, path, "text, a number, true, false or null");
                return null;
        }
    }

    private void CheckPattern(string pattern, string path)
    {
        if (PatternSyntax.WrongIn(pattern) is { } wrong)
        {
            form.Report(QueryFormProblems.BadPattern, $"'{QueryForm.Short(pattern)}' is no regular expression that every engine reads alike: {wrong}", path);
        }
    }
}
