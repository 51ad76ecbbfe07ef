using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;

namespace Write.DataPlatform.Query;

/// <summary>
/// Reads a query in the HTTP contract's JSON form, or in a query string of the same names, and reports every mistake of form at once.
/// Whether its names exist is the planner's to say.
/// </summary>
internal static class MetricQueryReader
{
    public const int MaxMetrics = 50;
    public const int MaxGroupBy = 30;
    public const int MaxLimit = 1_000_000;

    /// <summary>The properties of a query.</summary>
    public static readonly ImmutableArray<string> Properties =
    [
        "metrics", "groupBy", "where", "having", "timeRange", "timeZone", "compare", "orderBy", "limit", "cursor", "fill", "totals", "source",
    ];

    private static readonly ImmutableArray<string> CommandProperties = ["name", "start", "end", "minMax"];

    // In a query string a range's parts may stand on their own.
    private static readonly string[] RangeParts = ["from", "to", "last", "toDate"];

    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    private static readonly IReadOnlyDictionary<string, QuerySource> Sources = QueryForm.Words<QuerySource>();

    // A tree of depth 32 has two levels of JSON a level and is told to be too deep before JSON itself is.
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 512 };

    // A parameter's value lies one level deep in the query that is made of it.
    private static readonly JsonDocumentOptions ParameterOptions = new() { MaxDepth = Options.MaxDepth - 1 };

    /// <summary>Reads JSON text.</summary>
    /// <exception cref="QueryException">Every mistake of form; <c>malformed_json</c> with line and position if it is no JSON.</exception>
    public static MetricQuery Read(ReadOnlyMemory<byte> utf8)
    {
        using var document = Parse(utf8);
        return Read(document.RootElement);
    }

    /// <summary>Reads JSON text of the operator's own, whose where strings may hold SQL, and which may have what MetricFlow's queries have besides.</summary>
    /// <exception cref="QueryException">Every mistake of form; <c>malformed_json</c> with line and position if it is no JSON.</exception>
    public static CommandQuery ReadCommand(ReadOnlyMemory<byte> utf8)
    {
        using var document = Parse(utf8);
        var form = new QueryForm();
        if (form.Object(document.RootElement, "", "a query", [.. Properties, .. CommandProperties]) is not { } found)
        {
            form.ThrowIfAny();
            throw new InvalidOperationException("What is no object was reported.");
        }

        string? Text(string name) => found.TryGetValue(name, out var json) ? form.Text(json, name, "a value") : null;
        if ((found.ContainsKey("start") || found.ContainsKey("end")) && found.ContainsKey("timeRange"))
        {
            form.Report(QueryFormProblems.ConflictingProperties, "'timeRange' and 'start' or 'end' are given; one of both is enough.", "timeRange");
        }

        var query = Read(form, found, trustsSql: true) with { MinMax = found.TryGetValue("minMax", out var flag) && form.Flag(flag, "minMax") is true };
        var command = new CommandQuery(query, Text("name"), Text("start"), Text("end"));
        form.ThrowIfAny(query);
        return command;
    }

    /// <summary>Reads a JSON tree.</summary>
    /// <exception cref="QueryException">Every mistake of form.</exception>
    public static MetricQuery Read(JsonNode json)
    {
        using var document = JsonDocument.Parse(json.ToJsonString(), Options);
        return Read(document.RootElement);
    }

    /// <summary>Reads a JSON element.</summary>
    /// <exception cref="QueryException">Every mistake of form.</exception>
    public static MetricQuery Read(JsonElement json)
    {
        var form = new QueryForm();
        var query = Read(form, json);
        form.ThrowIfAny(query);
        return query;
    }

    /// <summary>
    /// Reads a query string: the properties by their names (lists by comma or by repetition, trees as JSON, <c>orderBy=-visits,country</c>),
    /// and <c>from</c>, <c>to</c>, <c>last</c>, <c>toDate</c> for the time range.
    /// </summary>
    /// <exception cref="QueryException">Every mistake of form; the paths are the parameters' names.</exception>
    public static MetricQuery ReadQueryString(IEnumerable<KeyValuePair<string, ImmutableArray<string>>> parameters)
    {
        var form = new QueryForm();
        var json = new JsonObject();
        var range = new JsonObject();
        foreach (var (name, values) in parameters)
        {
            if (RangeParts.Contains(name))
            {
                range[name] = Node(form, name, values);
            }
            else if (Properties.Contains(name))
            {
                json[name] = Node(form, name, values);
            }
            else
            {
                form.Report(
                    QueryFormProblems.UnknownParameter,
                    $"There is no parameter '{QueryForm.Short(name)}'.",
                    QueryForm.Short(name),
                    Suggestion.For(name, [.. Properties, .. RangeParts]) ?? $"Known are {string.Join(", ", Properties.Concat(RangeParts))}.");
            }
        }

        if (range.Count > 0 && json["timeRange"] is not null)
        {
            form.Report(QueryFormProblems.ConflictingProperties, $"'timeRange' and {string.Join(", ", range.Select(p => $"'{p.Key}'"))} are given; one of both is enough.", "timeRange");
        }
        else if (range.Count > 0)
        {
            json["timeRange"] = range;
        }

        using var document = JsonDocument.Parse(json.ToJsonString(), Options);
        var query = Read(form, document.RootElement);
        try
        {
            form.ThrowIfAny(query);
        }
        catch (QueryException exception)
        {
            throw new QueryException([.. exception.Problems.Select(p => range.Count > 0 && p.Path?.StartsWith("timeRange.", StringComparison.Ordinal) is true ? p with { Path = p.Path["timeRange.".Length..] } : p)]) { Readable = query };
        }

        return query;
    }

    /// <summary>A query-string value as the JSON that the property wants; what cannot be turned stays text, for the reader to refuse.</summary>
    public static JsonNode? Node(QueryForm form, string name, ImmutableArray<string> values)
    {
        if (name is "metrics" or "groupBy" or "orderBy")
        {
            return values is [['[', ..]] && Parse(form, name, values[0]) is { } list
                ? list
                : new JsonArray([.. values.SelectMany(Items).Select(v => (JsonNode)JsonValue.Create(v))]);
        }

        if (values.Length > 1)
        {
            form.Report(QueryFormProblems.RepeatedParameter, $"'{name}' is given {values.Length} times and takes one value.", name);
        }

        var value = values.Length == 0 ? "" : values[0];
        return name switch
        {
            "where" when IsWhereText(value) => JsonValue.Create(value),
            "where" or "having" => Parse(form, name, value),
            "timeRange" => Parse(form, name, value),
            "compare" => value.StartsWith('{') ? Parse(form, name, value) : value.StartsWith('P') ? new JsonObject { ["offset"] = value } : new JsonObject { ["to"] = value },
            "limit" when long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => JsonValue.Create(number),
            "fill" or "totals" or "alignToDate" when value is "true" or "false" => JsonValue.Create(value == "true"),
            _ => JsonValue.Create(value),
        };
    }

    /// <summary>The items of a list by comma; a comma within brackets or quotes is none of the list's: <c>TimeDimension('metric_time', 'month')</c>.</summary>
    public static IEnumerable<string> Items(string list)
    {
        var (start, depth, quote) = (0, 0, '\0');
        var items = new List<string>();
        for (var i = 0; i <= list.Length; i++)
        {
            if (i == list.Length || (list[i] == ',' && depth == 0 && quote == '\0'))
            {
                items.Add(list[start..i].Trim());
                start = i + 1;
            }
            else if (quote != '\0')
            {
                quote = list[i] == quote ? '\0' : quote;
            }
            else if (list[i] is '\'' or '"')
            {
                quote = list[i];
            }
            else
            {
                depth += list[i] is '(' ? 1 : list[i] is ')' ? -1 : 0;
            }
        }

        return items.Where(i => i.Length > 0);
    }

    /// <summary>A where string and no JSON: no JSON has a template in it outside of a text.</summary>
    private static bool IsWhereText(string value) =>
        value.Contains("{{", StringComparison.Ordinal) && (value.TrimStart() is not ['{' or '[' or '"', ..] || value.TrimStart().StartsWith("{{", StringComparison.Ordinal));

    private static JsonDocument Parse(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            return JsonDocument.Parse(utf8.Span.StartsWith(ByteOrderMark) ? utf8[ByteOrderMark.Length..] : utf8, Options);
        }
        catch (JsonException exception)
        {
            throw new QueryException([Malformed(exception, null)]);
        }
    }

    private static MetricQuery Read(QueryForm form, JsonElement json) =>
        form.Object(json, "", "a query", Properties.AsSpan()) is { } found ? Read(form, found, trustsSql: false) : new MetricQuery();

    private static MetricQuery Read(QueryForm form, Dictionary<string, JsonElement> found, bool trustsSql)
    {
        var time = new TimeReader(form);
        if (found.ContainsKey("cursor"))
        {
            form.Report(QueryFormProblems.CursorNotSupported, "Cursors are not supported yet.", "cursor", "Leave it out, and ask for narrower time ranges.");
        }

        return new MetricQuery
        {
            Metrics = found.TryGetValue("metrics", out var metrics) ? Names(form, metrics, "metrics", "metrics", MaxMetrics) : [],
            GroupBy = found.TryGetValue("groupBy", out var groupBy) ? [.. form.List(groupBy, "groupBy", "fields", MaxGroupBy).Select(item => form.Field(item.Json, item.Path, "a name")?.Name).OfType<FieldName>()] : [],
            Where = found.TryGetValue("where", out var where) ? new FilterReader(form, trustsSql).ReadWhere(where, "where") : null,
            Having = found.TryGetValue("having", out var having) ? new FilterReader(form).Read(having, "having") : null,
            TimeRange = found.TryGetValue("timeRange", out var range) ? time.Range(range, "timeRange") : null,
            TimeZone = found.TryGetValue("timeZone", out var zone) ? time.Zone(zone, "timeZone") : null,
            Compare = found.TryGetValue("compare", out var compare) ? time.Compare(compare, "compare") : null,
            OrderBy = found.TryGetValue("orderBy", out var orderBy) ? Order(form, orderBy) : [],
            Limit = found.TryGetValue("limit", out var limit) ? Limit(form, limit) : null,
            Fill = found.TryGetValue("fill", out var fill) && form.Flag(fill, "fill") is true,
            Totals = found.TryGetValue("totals", out var totals) && form.Flag(totals, "totals") is true,
            Source = found.TryGetValue("source", out var source) ? form.Word(source, "source", "source", Sources) ?? QuerySource.Auto : QuerySource.Auto,
        };
    }

    private static ImmutableArray<string> Names(QueryForm form, JsonElement json, string path, string what, int most) =>
        [.. form.List(json, path, what, most).Select(item => form.NameText(item.Json, item.Path, "a name")).OfType<string>()];

    private static ImmutableArray<QueryOrder> Order(QueryForm form, JsonElement json)
    {
        var order = ImmutableArray.CreateBuilder<QueryOrder>();
        foreach (var (item, path) in form.List(json, "orderBy", "keys", MaxMetrics + MaxGroupBy))
        {
            if (item.ValueKind == JsonValueKind.String)
            {
                // With a minus before it, the greatest comes first.
                if (form.Text(item, path, "a key") is { } written && Order(form, written.TrimStart('-'), path, written.StartsWith('-')) is { } short_)
                {
                    order.Add(short_);
                }

                continue;
            }

            if (form.Object(item, path, "a key", "field", "descending") is not { } found)
            {
                continue;
            }

            var descending = found.TryGetValue("descending", out var flag) && form.Flag(flag, path + ".descending") is true;
            if (!found.TryGetValue("field", out var field))
            {
                form.Missing(path, "field", "a column of the answer");
            }
            else if (form.Text(field, path + ".field", "a column") is { } text && Order(form, text, path + ".field", descending) is { } key)
            {
                order.Add(key);
            }
        }

        return order.ToImmutable();
    }

    private static QueryOrder? Order(QueryForm form, string text, string path, bool isDescending) =>
        form.Field(text, path) is not { } column ? null
            // A bare name may be a metric's, which is no field's even if it ends like a grain.
            : new QueryOrder(text.Contains('(', StringComparison.Ordinal) ? column.Name.ToString() : text, isDescending || column.Descending);

    private static int? Limit(QueryForm form, JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Number)
        {
            form.WrongType(json, "limit", "a whole number");
            return null;
        }

        if (json.TryGetInt32(out var limit) && limit is >= 1 and <= MaxLimit)
        {
            return limit;
        }

        form.Report(QueryFormProblems.OutOfRange, string.Create(CultureInfo.InvariantCulture, $"The limit is a whole number from 1 to {MaxLimit:N0}."), "limit");
        return null;
    }

    private static JsonNode? Parse(QueryForm form, string name, string value)
    {
        try
        {
            return JsonNode.Parse(Encoding.UTF8.GetBytes(value), null, ParameterOptions);
        }
        catch (JsonException exception)
        {
            var problem = Malformed(exception, name);
            form.Report(problem.Code, problem.Message, problem.Path, problem.Suggestion);
            return null;
        }
    }

    private static QueryProblem Malformed(JsonException exception, string? path)
    {
        var message = exception.Message;
        var cut = message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        return new QueryProblem(
            QueryFormProblems.MalformedJson,
            $"This is no JSON: line {exception.LineNumber + 1}, position {exception.BytePositionInLine + 1}: {(cut < 0 ? message : message[..cut])}",
            path);
    }
}

/// <summary>A query as the command line takes it.</summary>
/// <param name="Query">The query, without what follows.</param>
/// <param name="Name">What its answer is known by.</param>
/// <param name="Start">The first day or moment, as written.</param>
/// <param name="End">The last, included, as written.</param>
internal sealed record CommandQuery(MetricQuery Query, string? Name, string? Start, string? End);
