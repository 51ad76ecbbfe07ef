using Write.DataPlatform.Model.Reading;

namespace Write.DataPlatform.Model.Rules;

/// <summary>A semantic model has one primary entity to prefix its dimensions, and its time dimensions say what they hold.</summary>
internal sealed class SemanticModelRule : IModelRule
{
    public IEnumerable<ModelProblem> Check(MetricModel model) => model.SemanticModels.Values.SelectMany(m => Check(model, m));

    private static IEnumerable<ModelProblem> Check(MetricModel model, SemanticModel semanticModel)
    {
        var primaries = semanticModel.Entities.Values.Where(e => e.Type is EntityType.Primary).ToList();
        foreach (var entity in primaries.OrderBy(e => e.Source.Line).Skip(1))
        {
            yield return new ModelProblem(
                ModelCode.SeveralPrimaryEntities, $"The semantic model '{semanticModel.Name}' has several primary entities: {string.Join(", ", primaries.Select(e => e.Name))}.",
                entity.Source, "Make all but one 'unique'.");
        }

        if (string.IsNullOrEmpty(semanticModel.PrimaryEntity) && semanticModel.Dimensions.Count > 0)
        {
            yield return new ModelProblem(
                ModelCode.MissingPrimaryEntity, $"The semantic model '{semanticModel.Name}' has dimensions and no primary entity to prefix their names.",
                semanticModel.Source, "Add an entity of type primary, or 'primary_entity: NAME' where no column is one.");
        }

        foreach (var dimension in semanticModel.Dimensions.Values)
        {
            if (dimension is { Type: DimensionType.Time, Granularity: null })
            {
                yield return new ModelProblem(
                    ModelCode.MissingGranularity, $"The time dimension '{dimension.Name}' does not say what its values are.", dimension.Source, "Add 'type_params: { time_granularity: … }'.");
            }

            if (dimension is { Partitions: not null })
            {
                foreach (var problem in Partitions(model, semanticModel, dimension))
                {
                    yield return problem;
                }
            }
        }

        foreach (var problem in Validity(semanticModel))
        {
            yield return problem;
        }
    }

    private static IEnumerable<ModelProblem> Partitions(MetricModel model, SemanticModel semanticModel, Dimension dimension)
    {
        var position = model.Positions.Find(dimension.Source, "partitions");
        if (!semanticModel.Dimensions.TryGetValue(dimension.Partitions!, out var target) || target.Type is not DimensionType.Time)
        {
            yield return new ModelProblem(
                ModelCode.BadPartition, $"'{dimension.Name}' partitions '{dimension.Partitions}', which is no time dimension of '{semanticModel.Name}'.", position,
                Suggestion.For(dimension.Partitions!, semanticModel.Dimensions.Values.Where(d => d.Type is DimensionType.Time && d != dimension).Select(d => d.Name)));
        }
        else if (!dimension.IsPartition || dimension.Type is not DimensionType.Time)
        {
            yield return new ModelProblem(
                ModelCode.BadPartition, $"'{dimension.Name}' has 'partitions' and is no partition column of type time.", position, "Add 'is_partition: true' and a time granularity.");
        }
        else if (dimension.Granularity < target.Granularity)
        {
            yield return new ModelProblem(ModelCode.BadPartition, $"'{dimension.Name}' is finer than '{target.Name}', which it is to be a bucket of.", position);
        }
    }

    private static IEnumerable<ModelProblem> Validity(SemanticModel semanticModel)
    {
        var starts = semanticModel.Dimensions.Values.Where(d => d.IsValidityStart).ToList();
        var ends = semanticModel.Dimensions.Values.Where(d => d.IsValidityEnd).ToList();
        var natural = semanticModel.Entities.Values.FirstOrDefault(e => e.Type is EntityType.Natural);
        foreach (var dimension in starts.Concat(ends).Where(d => d.Type is not DimensionType.Time))
        {
            yield return new ModelProblem(ModelCode.BadValidity, $"'{dimension.Name}' bounds validity and is no time dimension.", dimension.Source);
        }

        if (starts.Count != ends.Count || starts.Count > 1)
        {
            yield return new ModelProblem(
                ModelCode.BadValidity, $"The semantic model '{semanticModel.Name}' has {starts.Count} validity starts and {ends.Count} ends; it needs one of each, or none.", (starts.Concat(ends).First()).Source);
        }
        else if (starts.Count == 1 && natural is null)
        {
            yield return new ModelProblem(
                ModelCode.BadValidity, $"The semantic model '{semanticModel.Name}' has validity dimensions and no entity of type natural.", starts[0].Source);
        }
        else if (starts.Count == 0 && natural is not null)
        {
            yield return new ModelProblem(
                ModelCode.BadValidity, $"The entity '{natural.Name}' is natural and no dimension says when its rows are valid.", natural.Source, "Mark two time dimensions with 'validity_params'.");
        }
    }
}
