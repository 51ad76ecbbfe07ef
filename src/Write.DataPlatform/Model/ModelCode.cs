namespace Write.DataPlatform.Model;

/// <summary>The stable codes of a model's mistakes; <c>docs/errors.md</c> lists each, and a test compares.</summary>
internal static class ModelCode
{
    // Reading
    public const string MalformedYaml = "M001";
    public const string TooLarge = "M002";
    public const string UnknownKey = "M003";
    public const string BadValue = "M004";
    public const string MissingKey = "M005";
    public const string Duplicate = "M006";
    public const string UnreadableFile = "M007";
    public const string BadFilter = "M008";
    public const string NotSupported = "M009";
    public const string UnknownTimeZone = "M010";
    public const string BadName = "M011";

    // References
    public const string UnknownMeasure = "M020";
    public const string UnknownMetric = "M021";
    public const string UnknownDimension = "M022";
    public const string UnknownEntity = "M023";
    public const string UnknownSemanticModel = "M024";
    public const string UnknownGoldTable = "M025";
    public const string CyclicMetrics = "M026";

    // Semantic models
    public const string MissingAggTime = "M030";
    public const string DuplicateMeasure = "M031";
    public const string MissingPrimaryEntity = "M032";
    public const string SeveralPrimaryEntities = "M033";
    public const string BadPercentile = "M034";
    public const string BadNonAdditive = "M035";
    public const string BadValidity = "M036";
    public const string BadPartition = "M037";
    public const string MissingGranularity = "M038";

    // Metrics
    public const string BadInputs = "M040";
    public const string UnknownIdentifier = "M041";
    public const string BadCumulative = "M042";
    public const string BadFunnel = "M043";
    public const string BadRetention = "M044";

    // Gold tables and tenants
    public const string BadGrains = "M050";
    public const string TimeInGroupBy = "M051";
    public const string ExternalWithoutTenants = "M052";
    public const string TenantNotPinned = "M053";
    public const string BadCron = "M054";
    public const string NegativeLookBack = "M055";
    public const string BadPolicy = "M056";

    // Insights and lookups
    public const string BadParameter = "M060";
    public const string LookupFile = "M061";
    public const string LookupColumn = "M062";
    public const string LookupKey = "M063";

    // Tests
    public const string UnknownTestTable = "M070";
    public const string MixedTestColumn = "M071";
    public const string BadTestTime = "M072";

    // Alerts and reports
    public const string BadAlert = "M080";
}
