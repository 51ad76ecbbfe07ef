namespace Write.DataPlatform.Tests.Query;

/// <summary>How many random cases a test tries: few enough to wait for, unless <c>WDP_CASES</c> asks for more.</summary>
internal static class RandomCases
{
    private static readonly long? Asked = long.TryParse(Environment.GetEnvironmentVariable("WDP_CASES"), out var cases) ? cases : null;

    /// <param name="usually">How many without a wish.</param>
    /// <param name="weight">Of how many asked for one is tried, where a case is many queries.</param>
    public static long Of(long usually, long weight = 1) => Asked / weight ?? usually;
}
