namespace Write.DataPlatform.Model.Rules;

/// <summary>Every field that a filter, a gold table, a lookup or a parameter names exists; gold tables keep time out of their dimensions.</summary>
internal sealed class FieldRule : IModelRule
{
    public IEnumerable<ModelProblem> Check(MetricModel model)
    {
        var shapes = new FieldShapes(model);
        return Uses(model)
            .Select(use => Problem(shapes, use.Field, use.Position, use.Owner))
            .OfType<ModelProblem>()
            .Concat(model.GoldTables.Values.SelectMany(table => table.GroupBy.Select((field, i) => (table, field, i)))
                .Where(g => g.field.Grain is not null || shapes.IsTime(g.field) is true)
                .Select(g => new ModelProblem(
                    ModelCode.TimeInGroupBy, $"The gold table '{g.table.Name}' groups by the time '{g.field}'.",
                    model.Positions.Find(g.table.Source, $"group_by[{g.i}]", "group_by"), "Its time buckets come from 'grain'; leave it out.")));
    }

    private static IEnumerable<(FieldName Field, SourcePosition Position, string Owner)> Uses(MetricModel model)
    {
        foreach (var metric in model.Metrics.Values)
        {
            var owner = $"metric '{metric.Name}'";
            var filter = model.Positions.Find(metric.Source, "filter");
            foreach (var field in Fields(metric.Filter))
            {
                yield return (field, filter, owner);
            }

            foreach (var field in metric.MeasureInputs.SelectMany(m => Fields(m.Filter)).Concat(metric.Inputs.SelectMany(i => Fields(i.Filter))))
            {
                yield return (field, model.Positions.Find(metric.Source, "type_params"), owner);
            }
        }

        foreach (var table in model.GoldTables.Values)
        {
            for (var i = 0; i < table.GroupBy.Length; i++)
            {
                if (table.GroupBy[i].Grain is null)
                {
                    yield return (table.GroupBy[i], model.Positions.Find(table.Source, $"group_by[{i}]", "group_by"), $"gold table '{table.Name}'");
                }
            }

            foreach (var field in Fields(table.Where))
            {
                yield return (field, model.Positions.Find(table.Source, "where"), $"gold table '{table.Name}'");
            }
        }

        foreach (var field in model.Tenants.Values.SelectMany(t => Fields(t.Where).Select(f => (f, model.Positions.Find(t.Source, "where"), $"tenant '{t.Name}'"))))
        {
            yield return field;
        }

        foreach (var (role, policy) in model.Roles.Values.SelectMany(r => r.Rows.Select(p => (r, p))))
        {
            foreach (var field in policy is ConstantRowPolicy constant ? constant.Where.Fields : [((ClaimRowPolicy)policy).Field])
            {
                yield return (field, model.Positions.Find(policy.Source, "where", "field"), $"role '{role.Name}'");
            }
        }

        foreach (var (insight, parameter) in model.Insights.Values.SelectMany(i => i.Parameters.Select(p => (i, p))))
        {
            if (parameter.Field is { } field)
            {
                yield return (field, model.Positions.Find(parameter.Source, "field"), $"insight '{insight.Name}'");
            }
        }

        foreach (var lookup in model.Lookups.Values.Where(l => l.Dimension.Path is not [""]))
        {
            yield return (lookup.Dimension, model.Positions.Find(lookup.Source, "dimension"), $"lookup '{lookup.Name}'");
        }
    }

    private static IEnumerable<FieldName> Fields(Filter? filter) => filter?.Fields ?? [];

    private static ModelProblem? Problem(FieldShapes shapes, FieldName field, SourcePosition position, string owner)
    {
        if (shapes.IsTime(field) is not null)
        {
            return null;
        }

        if (field.Grain is { } grain && shapes.IsTime(field.WithGrain(null)) is not null)
        {
            return new ModelProblem(
                ModelCode.UnknownDimension, $"'{field.WithGrain(null)}', used by the {owner}, is no time dimension and has no grain '{grain.ToString().ToLowerInvariant()}'.", position);
        }

        return new ModelProblem(
            ModelCode.UnknownDimension, $"The {owner} names the field '{field}', and no semantic model or lookup has it.", position, shapes.Suggest(field.ToString()));
    }
}
