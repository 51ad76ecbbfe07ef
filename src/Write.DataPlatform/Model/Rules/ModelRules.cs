using System.Collections.Immutable;

namespace Write.DataPlatform.Model.Rules;

/// <summary>The rules of every model.</summary>
internal static class ModelRules
{
    /// <summary>Each rule.</summary>
    public static ImmutableArray<IModelRule> All { get; } =
    [
        new NameRule(),
        new ReferenceRule(),
        new CyclicMetricRule(),
        new FieldRule(),
        new SemanticModelRule(),
        new MeasureRule(),
        new MetricRule(),
        new GoldTableRule(),
        new TenantRule(),
        new InsightRule(),
        new LookupRule(),
        new TestRule(),
        new AlertRule(),
    ];

    /// <summary>Whether the code says that a name is not known.</summary>
    public static bool IsReference(string code) => code is ModelCode.UnknownMeasure or ModelCode.UnknownMetric or ModelCode.UnknownDimension
        or ModelCode.UnknownEntity or ModelCode.UnknownSemanticModel or ModelCode.UnknownGoldTable or ModelCode.ExternalWithoutTenants or ModelCode.UnknownTestTable;
}
