using System.Text.RegularExpressions;
using Write.DataPlatform.Model.Reading;

namespace Write.DataPlatform.Model.Rules;

/// <summary>Names are snake_case without two underscores in a row and without the words that group-by names reserve; insights are kebab-case.</summary>
internal sealed partial class NameRule : IModelRule
{
    public IEnumerable<ModelProblem> Check(MetricModel model)
    {
        foreach (var (what, name, source, isField) in Names(model))
        {
            var position = model.Positions.Find(source, "name");
            if (name.Length == 0)
            {
                continue;
            }

            if (!Snake().IsMatch(name) || name.Contains("__", StringComparison.Ordinal) || name.EndsWith('_'))
            {
                yield return new ModelProblem(
                    ModelCode.BadName, $"'{name}' is no name of a {what}: small letters, digits and single underscores, a letter first.", position, Mended(name, '_'));
            }
            else if (isField && (name == FieldName.MetricTime || Spelling.IsGrainName(name)))
            {
                yield return new ModelProblem(
                    ModelCode.BadName, $"'{name}' cannot name a {what}: it already means {(name == FieldName.MetricTime ? "the metrics' own time" : "a grain")}.", position, $"Write for example 'visit_{name}' with 'expr: {name}'.");
            }
        }

        var addressed = model.Insights.Values.Select(i => ("an insight", i.Name, i.Source))
            .Concat(model.Alerts.Values.Select(a => ("an alert", a.Name, a.Source)))
            .Concat(model.Reports.Values.Select(r => ("a report", r.Name, r.Source)));
        foreach (var (what, name, source) in addressed)
        {
            if (!Kebab().IsMatch(name))
            {
                yield return new ModelProblem(
                    ModelCode.BadName, $"'{name}' is no name of {what}: it is part of an address, so small letters, digits and single hyphens.",
                    model.Positions.Find(source, "name"), Mended(name, '-'));
            }
        }
    }

    private static IEnumerable<(string What, string Name, SourcePosition Source, bool IsField)> Names(MetricModel model) =>
    [
        .. model.SemanticModels.Values.Select(m => ("semantic model", m.Name, m.Source, false)),
        .. model.SemanticModels.Values.SelectMany(m => m.Entities.Values).Select(e => ("entity", e.Name, e.Source, true)),
        .. model.SemanticModels.Values.SelectMany(m => m.Dimensions.Values).Select(d => ("dimension", d.Name, d.Source, true)),
        .. model.SemanticModels.Values.SelectMany(m => m.Measures.Values).Select(m => ("measure", m.Name, m.Source, true)),
        .. model.Metrics.Values.Select(m => ("metric", m.Name, m.Source, true)),
        .. model.GoldTables.Values.Select(t => ("gold table", t.Name, t.Source, false)),
        .. model.Lookups.Values.Select(l => ("lookup", l.Name, l.Source, false)),
        .. model.Lookups.Values.SelectMany(l => l.Attributes.Select(a => ("lookup's attribute", a, l.Source, true))),
        .. model.Tenants.Values.Where(t => !Kebab().IsMatch(t.Name)).Select(t => ("tenant", t.Name, t.Source, false)),
        .. model.Roles.Values.Where(r => !Kebab().IsMatch(r.Name)).Select(r => ("role", r.Name, r.Source, false)),
        .. model.Streams.Values.Where(s => !Kebab().IsMatch(s.Name)).Select(s => ("stream", s.Name, s.Source, false)),
    ];

    private static string? Mended(string name, char separator)
    {
        var mended = string.Join(separator, Words().Matches(name).Select(m => m.Value.ToLowerInvariant()));
        return mended.Length > 0 && char.IsAsciiLetter(mended[0]) ? $"Write '{mended}'." : null;
    }

    [GeneratedRegex(@"^[a-z][a-z0-9_]*\z")]
    private static partial Regex Snake();

    [GeneratedRegex(@"^[a-z0-9]+(-[a-z0-9]+)*\z")]
    private static partial Regex Kebab();

    [GeneratedRegex("[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")]
    private static partial Regex Words();
}
