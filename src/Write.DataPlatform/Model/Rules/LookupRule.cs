namespace Write.DataPlatform.Model.Rules;

/// <summary>A lookup's attributes do not hide a dimension or each other.</summary>
internal sealed class LookupRule : IModelRule
{
    public IEnumerable<ModelProblem> Check(MetricModel model)
    {
        var dimensions = model.SemanticModels.Values
            .SelectMany(s => s.Entities.Values.Where(e => e.Type is not EntityType.Foreign).Select(e => e.Name).Append(s.PrimaryEntity ?? "").Distinct()
                .SelectMany(e => s.Dimensions.Values.Select(d => ($"{e}__{d.Name}", $"the dimension at {d.Source}"))));
        var taken = dimensions.GroupBy(d => d.Item1).ToDictionary(g => g.Key, g => g.First().Item2, StringComparer.Ordinal);
        foreach (var lookup in model.Lookups.Values.OrderBy(l => l.Source.File, StringComparer.Ordinal).ThenBy(l => l.Source.Line))
        {
            for (var i = 0; i < lookup.Attributes.Length; i++)
            {
                var field = $"{lookup.Dimension}__{lookup.Attributes[i]}";
                if (!taken.TryAdd(field, $"an attribute of the lookup '{lookup.Name}'"))
                {
                    yield return new ModelProblem(
                        ModelCode.Duplicate, $"The attribute '{field}' of the lookup '{lookup.Name}' is also the name of {taken[field]}.", model.Positions.Find(lookup.Source, $"attributes[{i}]", "attributes"));
                }
            }
        }
    }
}
