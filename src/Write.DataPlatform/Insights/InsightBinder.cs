using System.Collections.Immutable;
using System.Text;
using System.Text.Json.Nodes;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Insights;

/// <summary>An insight's query with a caller's parameters in it.</summary>
/// <param name="Query">The query to answer.</param>
/// <param name="Paths">For paths of the query, the parameter that put something there.</param>
internal sealed record BoundInsight(MetricQuery Query, ImmutableArray<(string Path, string Parameter)> Paths)
{
    /// <summary>The planner's problems as the caller of the insight knows them: by parameter.</summary>
    public QueryException Translate(QueryException exception) =>
        new([.. exception.Problems.Select(Translate)], exception.IsUnanswerable);

    internal QueryProblem Translate(QueryProblem problem)
    {
        var match = Paths.FirstOrDefault(p => problem.Path is { } path
            && path.StartsWith(p.Path, StringComparison.Ordinal)
            && (path.Length == p.Path.Length || path[p.Path.Length] is '.' or '['));
        return match.Parameter is null ? problem : problem with { Path = match.Parameter };
    }
}

/// <summary>Puts a caller's parameters into an insight's query.</summary>
internal static class InsightBinder
{
    /// <summary>Every value by its parameter's name; a name given several times has several values.</summary>
    /// <exception cref="QueryException">Every mistake in the parameters; the paths are their names.</exception>
    public static BoundInsight Bind(Insight insight, IReadOnlyDictionary<string, ImmutableArray<string>> given) => Bind(insight, given, isCall: true);

    /// <summary>The insight as it is asked without a parameter; required ones are left out.</summary>
    /// <exception cref="QueryException">Its query has mistakes.</exception>
    public static BoundInsight BindDefaults(Insight insight) => Bind(insight, ImmutableDictionary<string, ImmutableArray<string>>.Empty, isCall: false);

    private static BoundInsight Bind(Insight insight, IReadOnlyDictionary<string, ImmutableArray<string>> given, bool isCall)
    {
        var form = new QueryForm();
        var json = (JsonObject)insight.Query.DeepClone();
        var filters = new List<(Filter Filter, string Parameter)>();
        var paths = ImmutableArray.CreateBuilder<(string, string)>();
        foreach (var name in given.Keys.Where(name => insight.Parameters.All(p => p.Name != name)))
        {
            form.Report(
                QueryFormProblems.UnknownParameter,
                $"The insight '{insight.Name}' has no parameter '{QueryForm.Short(name)}'.",
                QueryForm.Short(name),
                Suggestion.For(name, insight.Parameters.Select(p => p.Name))
                    ?? (insight.Parameters.IsEmpty ? "It has none." : $"It has {string.Join(", ", insight.Parameters.Select(p => p.Name))}."));
        }

        foreach (var parameter in insight.Parameters)
        {
            if (Values(form, parameter, given, isCall) is not { IsEmpty: false } values)
            {
                continue;
            }

            if (parameter.Field is { } field)
            {
                filters.Add((new ComparisonFilter(field, parameter.Multiple ? FilterOperator.In : FilterOperator.Equals, [.. values]), parameter.Name));
            }
            else if (parameter.Sets is { Length: > 0 } sets)
            {
                paths.Add((sets, parameter.Name));
                Set(form, json, parameter, sets, values);
            }
        }

        var bound = new BoundInsight(new MetricQuery(), paths.ToImmutable());
        MetricQuery query;
        try
        {
            query = MetricQueryReader.Read(json);
        }
        catch (QueryException exception)
        {
            foreach (var problem in exception.Problems)
            {
                var told = bound.Translate(problem);
                form.Report(told.Code, told.Message, told.Path, told.Suggestion);
            }

            query = bound.Query;
        }

        form.ThrowIfAny();
        query = query with { Where = Filter.And([query.Where, .. filters.Select(f => f.Filter)]) };
        foreach (var (filter, parameter) in filters)
        {
            // The filter's own place in the combined tree, for what the planner says about its values.
            var index = query.Where is AndFilter and ? and.Filters.IndexOf(filter) : -1;
            paths.Add((index < 0 ? "where" : $"where.and[{index}]", parameter));
        }

        return new BoundInsight(query, paths.ToImmutable());
    }

    private static ImmutableArray<string> Values(
        QueryForm form, InsightParameter parameter, IReadOnlyDictionary<string, ImmutableArray<string>> given, bool isCall)
    {
        if (!given.TryGetValue(parameter.Name, out var written))
        {
            if (parameter is { Required: true, Default: null } && isCall)
            {
                form.Report(QueryFormProblems.MissingParameter, $"The parameter '{parameter.Name}' must be given.", parameter.Name, parameter.Description);
            }

            return parameter.Default is not { } value ? [] : parameter.Multiple ? Split([value]) : [value];
        }

        if (!parameter.Multiple && written.Length > 1)
        {
            form.Report(QueryFormProblems.RepeatedParameter, $"'{parameter.Name}' is given {written.Length} times and takes one value.", parameter.Name);
            return [];
        }

        var values = parameter.Multiple ? Split(written) : written;
        if (values.IsEmpty || values.Any(v => v.Length == 0))
        {
            form.Report(QueryFormProblems.EmptyParameter, $"The parameter '{parameter.Name}' has no value.", parameter.Name, "Give it one or leave it out.");
            return [];
        }

        if (values.Length > FilterReader.MaxValues)
        {
            form.Report(QueryFormProblems.TooMany, $"{values.Length} values are given; {FilterReader.MaxValues} are allowed.", parameter.Name);
            return [];
        }

        foreach (var value in values)
        {
            if (value.Contains('\0', StringComparison.Ordinal))
            {
                form.Report(QueryFormProblems.BadText, "The text holds a null character.", parameter.Name);
            }
            else if (!parameter.Values.IsEmpty && !parameter.Values.Contains(value))
            {
                form.Report(
                    QueryFormProblems.UnknownValue,
                    $"'{QueryForm.Short(value)}' is no value of '{parameter.Name}'.",
                    parameter.Name,
                    Suggestion.For(value, parameter.Values) ?? $"One of {string.Join(", ", parameter.Values)}.");
            }
        }

        return values;
    }

    /// <summary>Parts values at commas; <c>\,</c> is a comma in a value, <c>\\</c> a backslash. Spaces around a value are none of its, but those behind a backslash.</summary>
    private static ImmutableArray<string> Split(ImmutableArray<string> values)
    {
        var parts = ImmutableArray.CreateBuilder<string>();
        var part = new StringBuilder();
        var kept = 0;
        foreach (var value in values)
        {
            for (var i = 0; i < value.Length; i++)
            {
                var isEscaped = value[i] == '\\' && i + 1 < value.Length && (value[i + 1] is ',' or '\\' || char.IsWhiteSpace(value[i + 1]));
                if (!isEscaped && value[i] == ',')
                {
                    End();
                }
                else if (isEscaped || part.Length > 0 || !char.IsWhiteSpace(value[i]))
                {
                    part.Append(value[isEscaped ? ++i : i]);
                    kept = isEscaped || !char.IsWhiteSpace(value[i]) ? part.Length : kept;
                }
            }

            End();
        }

        return parts.ToImmutable();

        void End()
        {
            parts.Add(part.ToString(0, kept));
            part.Clear();
            kept = 0;
        }
    }

    /// <summary>Puts a value at a dotted path. A given bound replaces another kind of range, an offset another kind of comparison.</summary>
    private static void Set(QueryForm form, JsonObject json, InsightParameter parameter, string sets, ImmutableArray<string> values)
    {
        var parts = sets.Split('.');
        var target = json;
        foreach (var part in parts[..^1])
        {
            if (target[part] is not JsonObject inner)
            {
                target[part] = inner = [];
            }

            target = inner;
        }

        foreach (var replaced in sets switch
        {
            "timeRange.from" or "timeRange.to" => ["last", "toDate"],
            "timeRange.last" => ["from", "to", "toDate"],
            "timeRange.toDate" => ["from", "to", "last"],
            "compare.to" => ["offset"],
            "compare.offset" => ["to"],
            _ => Array.Empty<string>(),
        })
        {
            target.Remove(replaced);
        }

        var own = new QueryForm();
        target[parts[^1]] = MetricQueryReader.Node(own, parts[^1], values);
        try
        {
            own.ThrowIfAny();
        }
        catch (QueryException exception)
        {
            foreach (var problem in exception.Problems)
            {
                form.Report(problem.Code, problem.Message, parameter.Name, problem.Suggestion);
            }
        }
    }
}
