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

        var tenants = model.Tenants.Values.OrderBy(t => t.Source.File, StringComparer.Ordinal).ThenBy(t => t.Source.Line).ToList();
        var dimension = tenants.Select(t => Pin(t)?.Field).OfType<FieldName>().GroupBy(f => f).MaxBy(g => g.Count())?.Key;
        var pins = new Dictionary<object, Tenant>();
        foreach (var tenant in tenants)
        {
            var position = model.Positions.Find(tenant.Source, "where");
            if (position == tenant.Source || tenant.Where is OrFilter { Filters.IsEmpty: true })
            {
                // Missing, or reported as unreadable.
                continue;
            }

            if (Pin(tenant) is not { Values: [{ } value] } pin)
            {
                yield return new ModelProblem(
                    ModelCode.TenantNotPinned, $"There are external gold tables, and the tenant '{tenant.Name}' does not pin one dimension to one value.", position,
                    $"Write \"{{{{ Dimension('{dimension?.ToString() ?? "visit__customer"}') }}}} = '{tenant.Name}'\".");
            }
            else if (pin.Field != dimension)
            {
                yield return new ModelProblem(
                    ModelCode.TenantNotPinned, $"The tenant '{tenant.Name}' pins '{pin.Field}' and others '{dimension}'; external gold tables are stored by one dimension.", position);
            }
            else if (!pins.TryAdd(value, tenant))
            {
                yield return new ModelProblem(
                    ModelCode.TenantNotPinned, $"The tenants '{pins[value].Name}' and '{tenant.Name}' pin '{dimension}' to the same value.", position);
            }
        }
    }

    private static ComparisonFilter? Pin(Tenant tenant) =>
        tenant.Where is ComparisonFilter { Operator: FilterOperator.Equals or FilterOperator.In, Values: [not null] } pin ? pin : null;
}
