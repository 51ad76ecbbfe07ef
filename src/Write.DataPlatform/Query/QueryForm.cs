using System.Collections.Immutable;
using System.Text.Json;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Filters;
using Write.DataPlatform.Model.Reading;

namespace Write.DataPlatform.Query;

/// <summary>The codes of mistakes in a query's form; <c>docs/errors.md</c> says what each means.</summary>
internal static class QueryFormProblems
{
    public const string MalformedJson = "malformed_json";
    public const string WrongType = "wrong_type";
    public const string UnknownProperty = "unknown_property";
    public const string DuplicateProperty = "duplicate_property";
    public const string MissingProperty = "missing_property";
    public const string ConflictingProperties = "conflicting_properties";
    public const string UnknownValue = "unknown_value";
    public const string WrongValueCount = "wrong_value_count";
    public const string TooMany = "too_many";
    public const string TooDeep = "too_deep";
    public const string OutOfRange = "out_of_range";
    public const string BadText = "bad_text";
    public const string BadName = "bad_name";
    public const string BadWhere = "bad_where";
    public const string SqlNotAllowed = "sql_not_allowed";
    public const string BadTime = "bad_time";
    public const string BadPattern = "bad_pattern";
    public const string BadDuration = "bad_duration";
    public const string UnknownTimeZone = "unknown_time_zone";
    public const string CursorNotSupported = "cursor_not_supported";
    public const string UnknownParameter = "unknown_parameter";
    public const string MissingParameter = "missing_parameter";
    public const string EmptyParameter = "empty_parameter";
    public const string RepeatedParameter = "repeated_parameter";
    public const string TooManyProblems = "too_many_problems";
}

/// <summary>Reads the parts of a query's JSON and collects every mistake in it, each with its path.</summary>
internal sealed class QueryForm
{
    private const int MaxProblems = 500;
    private const int MaxTextLength = 10_000;
    private const int MaxNameLength = 300;

    private readonly ImmutableArray<QueryProblem>.Builder _problems = ImmutableArray.CreateBuilder<QueryProblem>();

    public bool HasProblems => _problems.Count > 0;

    public void Report(string code, string message, string? path, string? suggestion = null)
    {
        if (_problems.Count < MaxProblems)
        {
            _problems.Add(new QueryProblem(code, message, path, suggestion));
        }
        else if (_problems.Count == MaxProblems)
        {
            _problems.Add(new QueryProblem(QueryFormProblems.TooManyProblems, $"The query has more than {MaxProblems} mistakes; the others are not listed."));
        }
    }

    /// <param name="readable">What could be read nevertheless.</param>
    /// <exception cref="QueryException">Something was reported.</exception>
    public void ThrowIfAny(MetricQuery? readable = null)
    {
        if (HasProblems)
        {
            throw new QueryException(_problems.ToImmutable()) { Readable = readable };
        }
    }

    /// <summary>The properties of an object whose value is not null; unknown and repeated ones are reported. Null if it is no object.</summary>
    public Dictionary<string, JsonElement>? Object(JsonElement json, string path, string what, params ReadOnlySpan<string> known)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            WrongType(json, path, what + " as an object");
            return null;
        }

        var found = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var property in json.EnumerateObject())
        {
            if (Name(property) is not { } name)
            {
                Report(QueryFormProblems.BadText, "A property's name is no valid text.", Root(path));
            }
            else if (!known.Contains(name))
            {
                var shown = name.Length > 60 ? name[..60] + "…" : name;
                Report(
                    QueryFormProblems.UnknownProperty,
                    $"There is no property '{shown}' here.",
                    Join(path, shown),
                    Suggestion.For(name, known.ToArray()) ?? $"Known are {string.Join(", ", known)}.");
            }
            else if (!seen.Add(name))
            {
                Report(QueryFormProblems.DuplicateProperty, $"'{name}' is given twice.", Join(path, name));
            }
            else if (property.Value.ValueKind != JsonValueKind.Null)
            {
                found[name] = property.Value;
            }
        }

        return found;
    }

    /// <summary>The items of a list of 0 to <paramref name="most"/> items, each with its path.</summary>
    public List<(JsonElement Json, string Path)> List(JsonElement json, string path, string what, int most)
    {
        if (json.ValueKind != JsonValueKind.Array)
        {
            WrongType(json, path, "a list of " + what, json.ValueKind is JsonValueKind.String or JsonValueKind.Object or JsonValueKind.Number ? "Put it in [ ]." : null);
            return [];
        }

        var length = json.GetArrayLength();
        if (length > most)
        {
            Report(QueryFormProblems.TooMany, $"{length} {what} are given; {most} are allowed.", path);
        }

        return [.. json.EnumerateArray().Take(most).Select((item, i) => (item, $"{path}[{i}]"))];
    }

    public string? Text(JsonElement json, string path, string what)
    {
        if (json.ValueKind != JsonValueKind.String)
        {
            WrongType(json, path, what + " as text");
            return null;
        }

        string? text;
        try
        {
            text = json.GetString()!;
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair, escaped: legal JSON and no text.
            text = null;
        }

        if (text is null || text.Contains('\0', StringComparison.Ordinal) || text.Any(char.IsSurrogate) && !IsWhole(text))
        {
            Report(QueryFormProblems.BadText, "The text holds a null character or half a character.", path);
            return null;
        }

        if (text.Length > MaxTextLength)
        {
            Report(QueryFormProblems.TooMany, $"The text has {text.Length} characters; {MaxTextLength} are allowed.", path);
            return null;
        }

        return text;
    }

    /// <summary>A metric's, field's or column's name; whether there is one the planner knows.</summary>
    public string? NameText(JsonElement json, string path, string what) => Text(json, path, what) is { } name ? Name(name, path) : null;

    private string? Name(string name, string path)
    {
        if (IsName(name))
        {
            return name;
        }

        var trimmed = name.Trim();
        Report(
            QueryFormProblems.BadName,
            name.Length > MaxNameLength ? $"The name has more than {MaxNameLength} characters." : $"'{name}' is no name: letters, digits and underscores.",
            path,
            trimmed.Length > 0 && trimmed != name && trimmed.Length < MaxNameLength ? $"Did you mean '{trimmed}'?" : null);
        return null;
    }

    /// <summary>A field's name, in one of MetricFlow's spellings: <c>visit__country</c>, <c>TimeDimension('metric_time', 'month')</c>.</summary>
    public TemplateField? Field(JsonElement json, string path, string what) => Text(json, path, what) is { } text ? Field(text, path) : null;

    /// <summary>The same, of a text that holds nothing unreadable.</summary>
    public TemplateField? Field(string text, string path)
    {
        if (!text.Contains('(', StringComparison.Ordinal))
        {
            return Name(text, path) is { } name ? new TemplateField("Dimension", FieldName.Parse(name), Descending: false) : null;
        }

        try
        {
            var field = TemplateField.Parse(text.Trim(), 0);
            if (field.Kind != "Metric" && field.Name.Path.All(IsName))
            {
                return field;
            }

            Report(QueryFormProblems.BadName, $"'{Short(text)}' names no field.", path);
        }
        catch (FilterException exception)
        {
            Report(QueryFormProblems.BadName, exception.Message + ".", path, exception.Suggestion);
        }

        return null;
    }

    public bool? Flag(JsonElement json, string path)
    {
        if (json.ValueKind is JsonValueKind.True or JsonValueKind.False)
        {
            return json.GetBoolean();
        }

        WrongType(json, path, "true or false");
        return null;
    }

    /// <summary>One of some words, in the case they are written in.</summary>
    public T? Word<T>(JsonElement json, string path, string what, IReadOnlyDictionary<string, T> words) where T : struct
    {
        if (Text(json, path, what) is not { } text)
        {
            return null;
        }

        if (words.TryGetValue(text, out var value))
        {
            return value;
        }

        Report(
            QueryFormProblems.UnknownValue,
            $"'{Short(text)}' is no {what}.",
            path,
            Suggestion.For(text, words.Keys) ?? $"One of {string.Join(", ", words.Keys)}.");
        return null;
    }

    public void WrongType(JsonElement json, string path, string expected, string? suggestion = null) =>
        Report(QueryFormProblems.WrongType, $"Expected {expected}, found {Kind(json)}.", Root(path), suggestion);

    public void Missing(string path, string name, string what) =>
        Report(QueryFormProblems.MissingProperty, $"'{name}' is missing: {what}.", Join(path, name));

    public static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

    /// <summary>The words of an enum as JSON spells them.</summary>
    public static IReadOnlyDictionary<string, T> Words<T>() where T : struct, Enum =>
        Enum.GetValues<T>().ToDictionary(v => JsonNamingPolicy.CamelCase.ConvertName(v.ToString()), StringComparer.Ordinal);

    public static string Short(string text) => text.Length > 60 ? text[..60] + "…" : text;

    private static bool IsName(string text) => text.Length is > 0 and <= MaxNameLength && text.All(c => char.IsLetterOrDigit(c) || c is '_');

    private static string? Root(string path) => path.Length == 0 ? null : path;

    private static string? Name(JsonProperty property)
    {
        try
        {
            return IsWhole(property.Name) ? property.Name : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private static bool IsWhole(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsSurrogate(text[i]))
            {
                if (!char.IsHighSurrogate(text[i]) || i + 1 == text.Length || !char.IsLowSurrogate(text[i + 1]))
                {
                    return false;
                }

                i++;
            }
        }

        return true;
    }

    private static string Kind(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "text",
        JsonValueKind.Number => "a number",
        JsonValueKind.True or JsonValueKind.False => "true or false",
        _ => "null",
    };
}
