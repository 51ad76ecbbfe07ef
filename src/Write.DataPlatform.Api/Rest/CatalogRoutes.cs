using System.Collections.Immutable;
using System.Globalization;
using Write.DataPlatform.Api.Limits;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.Rest;

/// <summary>What can be asked: metrics, dimensions and the dimensions' values.</summary>
internal static class CatalogRoutes
{
    private const int DefaultValues = 100;
    private const int MaxValues = 1_000;

    public static void MapCatalog(this RouteGroupBuilder v1)
    {
        v1.MapGet("/metrics", (HttpContext context, ModelStore models) =>
            QueryRoutes.WriteJsonAsync(context, new { metrics = CallerView.Of(context, models.Current).Catalog.Metrics.Values.Select(m => Describe(m, withDimensions: false)) }));
        v1.MapGet("/metrics/{name}", (HttpContext context, string name, ModelStore models) =>
        {
            var metrics = CallerView.Of(context, models.Current).Catalog.Metrics;
            return metrics.TryGetValue(name, out var metric)
                ? QueryRoutes.WriteJsonAsync(context, Describe(metric, withDimensions: true))
                : throw ProblemException.NotFound(ProblemCodes.UnknownMetric, $"There is no metric '{QueryForm.Short(name)}'.", Suggestion.For(name, metrics.Keys));
        });
        v1.MapGet("/dimensions", (HttpContext context, ModelStore models) =>
        {
            var form = new QueryForm();
            var parameters = QueryRoutes.OnlyKnown(context, form, "metrics");
            var catalog = CallerView.Of(context, models.Current).Catalog;
            var metrics = Lists(parameters, "metrics");
            for (var i = 0; i < metrics.Length; i++)
            {
                CheckMetric(form, catalog, metrics[i], $"metrics[{i}]");
            }

            form.ThrowIfAny();
            return QueryRoutes.WriteJsonAsync(context, new { dimensions = metrics.IsEmpty ? catalog.Dimensions.Values : catalog.DimensionsOf(metrics) });
        });
        v1.MapGet("/dimensions/{name}/values", ValuesAsync).WithMetadata(new QueryMetadata());
    }

    /// <summary>The values of a dimension: those that some metrics have over all time, or all there are.</summary>
    private static async Task ValuesAsync(HttpContext context, string name, MetricQueryService service, ModelStore models)
    {
        var model = models.Current;
        var view = CallerView.Of(context, model);
        var catalog = view.Catalog;
        if (!catalog.Dimensions.TryGetValue(name, out var dimension))
        {
            throw ProblemException.NotFound(ProblemCodes.UnknownDimension, $"There is no dimension '{QueryForm.Short(name)}'.", Suggestion.For(name, catalog.Dimensions.Keys));
        }

        var form = new QueryForm();
        var parameters = QueryRoutes.OnlyKnown(context, form, "prefix", "search", "metrics", "limit");
        var limit = DefaultValues;
        if (parameters.TryGetValue("limit", out var limits)
            && (limits.Length != 1 || !int.TryParse(limits[0], NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MaxValues))
        {
            form.Report(QueryFormProblems.OutOfRange, $"The limit is a whole number from 1 to {MaxValues}.", "limit");
        }

        if (dimension.Type == "time")
        {
            form.Report(QueryProblems.NotATimeDimension, $"'{name}' is a time, whose values are not listed.", null, "Group a metric by it.");
        }

        var metrics = Lists(parameters, "metrics");
        for (var i = 0; i < metrics.Length; i++)
        {
            CheckMetric(form, catalog, metrics[i], $"metrics[{i}]");
            if (catalog.Metrics.ContainsKey(metrics[i]) && model.Metrics[metrics[i]] is FunnelMetric or RetentionMetric)
            {
                form.Report(QueryProblems.MetricTypeNotSupported, $"{metrics[i]} has several rows a group; values are listed for metrics that have one.", $"metrics[{i}]");
            }
        }

        var field = FieldName.Parse(name);
        var query = view.Bind(new MetricQuery
        {
            Metrics = metrics,
            GroupBy = [field],
            Where = Filter.And(Matching(form, parameters, "prefix", field, "^"), Matching(form, parameters, "search", field, "")),
            Limit = limit,
        });
        form.ThrowIfAny();
        MetricAnswer answer;
        try
        {
            answer = await service.AnswerAsync(query, CallerGate.Known(context), context.RequestAborted);
        }
        catch (QueryException refused) when (metrics.IsEmpty && refused.Problems.All(p => p.Code == QueryProblems.CannotList) && Lister(model, catalog, name, query.Tenant) is { } lister)
        {
            query = query with { Metrics = [lister] };
            answer = await service.AnswerAsync(query, CallerGate.Known(context), context.RequestAborted);
        }

        var values = answer.Rows.Select(r => r[0] is { } v and not (string or bool or long or double or decimal) ? AnswerJson.Text(v) : r[0]);
        await QueryRoutes.WriteJsonAsync(context, new { dimension = name, metrics = query.Metrics, values, isComplete = answer.Next is null });
    }

    /// <summary>The values that have a text in them, whatever its case.</summary>
    private static ComparisonFilter? Matching(QueryForm form, Dictionary<string, ImmutableArray<string>> parameters, string name, FieldName field, string anchor)
    {
        if (!parameters.TryGetValue(name, out var texts))
        {
            return null;
        }

        if (texts.Length > 1)
        {
            form.Report(QueryFormProblems.RepeatedParameter, $"'{name}' is given {texts.Length} times and takes one value.", name);
        }

        if (texts[0].Contains('\0', StringComparison.Ordinal))
        {
            form.Report(QueryFormProblems.BadText, "The text holds a null character.", name);
        }

        // A backslash makes a sign of itself; letters, digits and the underscore are themselves.
        var pattern = string.Concat(texts[0].Select(c => char.IsAscii(c) && !char.IsAsciiLetterOrDigit(c) && c != '_' ? "\\" + c : c.ToString()));
        return pattern.Length == 0 ? null : new ComparisonFilter(field, FilterOperator.Matches, ["(?i)" + anchor + pattern]);
    }

    /// <summary>
    /// The metric that lists a dimension's values best: one that looks at every row of its fact, that a gold table holds together with
    /// the dimension, and that is cheap.
    /// </summary>
    private static string? Lister(MetricModel model, MetricCatalog catalog, string dimension, string? tenant)
    {
        bool IsUnfiltered(string name) => model.Metrics[name] is SimpleMetric { Filter: null, Measure.Filter: null };
        bool IsCounted(string name) => model.Metrics[name] is SimpleMetric { Measure.Measure: var measure } && model.Measures[measure].Aggregation is Aggregation.Sum or Aggregation.Count;
        bool IsHeld(MetricDescription metric) => MetricCatalog.Of(model).Metrics[metric.Name].GoldTables.Select(t => model.GoldTables[t])
            .Any(t => (t.Audience == Audience.Internal || tenant is not null) && t.Where is null && t.GroupBy.Any(g => g.ToString() == dimension));
        return catalog.Metrics.Values
            .Where(m => m.IsComputed && m.Dimensions.Any(d => d.Name == dimension))
            .OrderByDescending(m => IsUnfiltered(m.Name))
            .ThenByDescending(IsHeld)
            .ThenByDescending(m => IsCounted(m.Name))
            .ThenBy(m => m.Name, StringComparer.Ordinal)
            .FirstOrDefault()?.Name;
    }

    private static object Describe(MetricDescription metric, bool withDimensions) => new
    {
        name = metric.Name,
        type = metric.Type,
        label = metric.Label,
        description = metric.Description,
        unit = metric.Unit,
        owner = metric.Owner,
        format = metric.Format,
        isComputed = metric.IsComputed,
        approximate = metric.Approximation is not null,
        error = metric.Approximation?.Error,
        goldTables = metric.GoldTables,
        href = withDimensions ? null : "/v1/metrics/" + metric.Name,
        dimensions = withDimensions ? metric.Dimensions : (object)metric.Dimensions.Select(d => d.Name),
    };

    private static void CheckMetric(QueryForm form, MetricCatalog catalog, string metric, string path)
    {
        if (!catalog.Metrics.ContainsKey(metric))
        {
            form.Report(QueryProblems.UnknownMetric, $"There is no metric '{QueryForm.Short(metric)}'.", path, Suggestion.For(metric, catalog.Metrics.Keys));
        }
    }

    private static ImmutableArray<string> Lists(Dictionary<string, ImmutableArray<string>> parameters, string name) =>
        parameters.TryGetValue(name, out var values) ? [.. values.SelectMany(v => v.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))] : [];
}
