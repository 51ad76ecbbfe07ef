namespace Write.DataPlatform.Model.Rules;

/// <summary>
/// Where a gold table is external, every tenant pins the same one dimension to one value: so a row belongs to exactly one tenant and
/// can be stored under it.
/// </summary>
internal sealed class TenantRule : IModelRule
{
    public IEnumerable<ModelProblem> Check(MetricModel model)
    {
        if (model.GoldTables.Values.All(t => t.Audience is not Audience.External))
        {
            yield break;
        }

        var pins = new Dictionary<object, Tenant>();
        FieldName? dimension = null;
        foreach (var tenant in model.Tenants.Values.OrderBy(t => t.Source.File, StringComparer.Ordinal).ThenBy(t => t.Source.Line))
        {
            var position = model.Positions.Find(tenant.Source, "where");
            if (position == tenant.Source || tenant.Where is OrFilter { Filters.IsEmpty: true })
            {
                // Missing, or reported as unreadable.
                continue;
            }

            if (tenant.Where is not ComparisonFilter { Operator: FilterOperator.Equals or FilterOperator.In, Values: [{ } value] } pin)
            {
                yield return new ModelProblem(
                    ModelCode.TenantNotPinned, $"There are external gold tables, and the tenant '{tenant.Name}' does not pin one dimension to one value.", position,
                    $"Write \"{{{{ Dimension('{dimension?.ToString() ?? "visit__customer"}') }}}} = '{tenant.Name}'\".");
                continue;
            }

            dimension ??= pin.Field;
            if (pin.Field != dimension)
            {
                yield return new ModelProblem(
                    ModelCode.TenantNotPinned, $"The tenant '{tenant.Name}' pins '{pin.Field}' and the others '{dimension}'; external gold tables are stored by one dimension.", position);
            }
            else if (!pins.TryAdd(value, tenant))
            {
                yield return new ModelProblem(
                    ModelCode.TenantNotPinned, $"The tenants '{pins[value].Name}' and '{tenant.Name}' pin '{dimension}' to the same value.", position);
            }
        }
    }
}
