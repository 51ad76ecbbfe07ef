using Write.DataPlatform.Model.Reading;

namespace Write.DataPlatform.Model.Rules;

/// <summary>A test's rows are of tables that the model reads, each once; a column's values are of one type, those of a time dates or moments.</summary>
internal sealed class TestRule : IModelRule
{
    public IEnumerable<ModelProblem> Check(MetricModel model) => model.Tests.Values.SelectMany(test => Check(model, test));

    private static IEnumerable<ModelProblem> Check(MetricModel model, ModelTest test)
    {
        HashSet<string> tables = new(StringComparer.Ordinal);
        foreach (var given in test.Given)
        {
            if (given.TableIn(model) is not { } table)
            {
                var known = model.SemanticModels.Keys.Concat(model.SemanticModels.Values.Select(m => m.Table)).Concat(model.TimeSpines.Keys).Distinct();
                yield return new ModelProblem(
                    ModelCode.UnknownTestTable, $"The test '{test.Name}' gives rows of '{given.Name}', which is no semantic model and no table of one.", given.Source, Suggestion.For(given.Name, known));
                continue;
            }

            if (!tables.Add(table))
            {
                yield return new ModelProblem(ModelCode.Duplicate, $"The test '{test.Name}' gives rows of the table '{table}' twice.", given.Source);
            }

            foreach (var column in given.Rows.SelectMany(r => r.Cells).Where(c => c.Value is not null).GroupBy(c => c.Column, StringComparer.OrdinalIgnoreCase))
            {
                var isTime = model.SemanticModels.Values.Any(m => m.Table == table
                    && m.Dimensions.Values.Any(d => d.Type == DimensionType.Time && d.Expr.Equals(column.Key, StringComparison.OrdinalIgnoreCase)));
                var first = Kind(column.First().Value!);
                foreach (var cell in column)
                {
                    if (isTime)
                    {
                        if (Kind(cell.Value!) != "time" && !(cell.Value is string text && TestMoment.Parse(text) is not null))
                        {
                            yield return new ModelProblem(
                                ModelCode.BadTestTime, $"'{cell.Column}' is a time of '{given.Name}', and '{cell.Value}' is none.", cell.Source, "Write 2026-01-31 or 2026-01-31T12:00:00Z.");
                        }
                    }
                    else if (Kind(cell.Value!) is var kind && kind != first)
                    {
                        yield return new ModelProblem(
                            ModelCode.MixedTestColumn, $"The column '{cell.Column}' of '{given.Name}' has a {first} in one row and a {kind} in another.", cell.Source, "Quote what is a text.");
                    }
                }
            }
        }
    }

    private static string Kind(object value) => value switch
    {
        string => "text",
        bool => "truth value",
        DateOnly or DateTime => "time",
        _ => "number",
    };
}
