using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;

namespace Write.DataPlatform.Query;

/// <summary>Why a name means nothing where a query uses it, and what may have been meant.</summary>
internal sealed class UnknownFields(MetricModel model, FieldBinder binder)
{
    /// <summary>The problem of a name that is nowhere in the model.</summary>
    public QueryProblem Explain(FieldName name, string path) =>
        AsMetric(name, path) ?? AsTime(name, model.SemanticModels.Values, path)
        ?? Unknown($"There is no dimension {name}.", path, Suggestion.For(name.ToString(), model.SemanticModels.Values.SelectMany(fact => Candidates(fact, name))));

    /// <summary>The problem of a name that cannot be used from a fact.</summary>
    /// <param name="name">The name, spelt.</param>
    /// <param name="fact">What the metrics are counted from.</param>
    /// <param name="fanOut">The path that would have multiplied the fact's rows, if the name walks one.</param>
    /// <param name="metrics">The metrics' names, for the message.</param>
    /// <param name="path">Where the query has the name.</param>
    public QueryProblem Explain(FieldName name, SemanticModel fact, string? fanOut, string metrics, string path)
    {
        if ((fanOut ?? binder.FanOut(fact, binder.Cut(name).Whole)) is { } walked)
        {
            return new QueryProblem(QueryProblems.FanOut, $"{name} cannot be used with {metrics}: the join {walked}, would count rows several times.", path);
        }

        return AsMetric(name, path) ?? AsTime(name, [fact], path)
            ?? Unknown($"{name} is not reachable from {fact.Name}, which {metrics} is counted from.", path, Suggestion.For(name.ToString(), Candidates(fact, name)));
    }

    private QueryProblem? AsMetric(FieldName name, string path) =>
        !model.Metrics.ContainsKey(name.ToString()) ? null
        : path.StartsWith("groupBy", StringComparison.Ordinal) ? Unknown($"{name} is a metric, and no field to group by.", path, "Ask for it in 'metrics'.")
        : Unknown($"{name} is a metric: 'where' chooses the rows that are counted.", path, $"Choose rows of the answer by 'having', or rows by an entity's {name}, as in Metric('{name}', ['entity']).");

    /// <summary>A time whose cut is unknown.</summary>
    private QueryProblem? AsTime(FieldName name, IEnumerable<SemanticModel> facts, string path)
    {
        if (name.Path.Length < 2)
        {
            return null;
        }

        var time = new FieldName(name.Path[..^1], null);
        if (!time.IsMetricTime && !facts.Any(fact => binder.Bind(fact, time, out _) is [{ IsTime: true }]))
        {
            return null;
        }

        var cuts = Enum.GetNames<TimeGrain>().Concat(Enum.GetNames<DatePart>().Select(part => "extract_" + part)).Select(cut => cut.ToLowerInvariant())
            .Concat(model.TimeSpines.Values.SelectMany(s => s.CustomGranularities).Select(g => g.Name)).ToList();
        return Unknown(
            $"{time} has no grain {name.Element}.",
            path,
            Suggestion.Nearest(name.Element, cuts) is { } nearest ? $"Did you mean '{time}__{nearest}'?" : $"Its grains are {string.Join(", ", cuts)}.");
    }

    private IEnumerable<string> Candidates(SemanticModel fact, FieldName name)
    {
        var fields = binder.Reachable(fact).Select(b => b.Name.WithGrain(name.Grain is not null && b.IsTime ? name.Grain : null).ToString()).Append(FieldName.MetricTime);
        return name.Path.Length > 1 && binder.Bind(fact, new FieldName(name.Path[..^1], null), out _) is [{ Dimension: null, Lookup: null }]
            ? fields.Concat(model.Metrics.Keys.Select(metric => new FieldName([.. name.Path[..^1], metric], null).ToString()))
            : fields;
    }

    private static QueryProblem Unknown(string message, string path, string? suggestion) => new(QueryProblems.UnknownDimension, message, path, suggestion);
}
