using System.Text;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Query;

/// <summary>Years from February, with answers that were worked out by hand: visits on 29, 30 and 31 January and 28 February 2026, and the last week of 2020 and of 2021.</summary>
public sealed class FiscalYearTests(FiscalWorld world) : IClassFixture<FiscalWorld>
{
    private const string Clamp = """ "where":{"field":"visit__country","op":"equals","values":["clamp"]},"timeZone":"UTC" """;

    private const string Weeks = """ "where":{"field":"visit__country","op":"equals","values":["weeks"]},"timeZone":"UTC" """;

    public static TheoryData<string, string, string> Cases { get; } = new()
    {
        { "a year starts in February", $$"""{"metrics":["visits"],"groupBy":["metric_time__year"],{{Clamp}}}""", "2025-02-01|3; 2026-02-01|1" },
        { "quarters are counted from there", $$"""{"metrics":["visits"],"groupBy":["metric_time__quarter"],{{Clamp}}}""", "2025-11-01|3; 2026-02-01|1" },
        { "the part of a date is the calendar's", $$"""{"metrics":["visits"],"groupBy":["metric_time__extract_year"],{{Clamp}}}""", "2026|4" },
        { "and so is its quarter", $$"""{"metrics":["visits"],"groupBy":["metric_time__extract_quarter"],{{Weeks}}}""", "4|4" },
        {
            "buckets without rows are filled",
            $$"""{"metrics":["visits"],"groupBy":["metric_time__quarter"],"fill":true,"timeRange":{"from":"2025-10-31","to":"2026-08-01"},{{Clamp}}}""",
            "2025-08-01|0; 2025-11-01|3; 2026-02-01|1; 2026-05-01|0"
        },
        {
            "a year is compared with the fiscal year before",
            $$"""{"metrics":["visits"],"groupBy":["metric_time__year"],"timeRange":{"from":"2021-02-01","to":"2022-02-01"},"compare":{"to":"previousYear"},{{Weeks}}}""",
            "2021-02-01|1|3|-2|-0.6666666666666666"
        },
        {
            "the year to date starts with the fiscal year", // it is 27 October 2024
            """{"metrics":["visits"],"timeRange":{"toDate":"year"},"timeZone":"UTC","where":{"field":"visit__country","op":"equals","values":["leap"]}}""",
            "3"
        },
        {
            "the last two years are fiscal ones",
            """{"metrics":["visits"],"groupBy":["metric_time__year"],"timeRange":{"last":"P2Y"},"timeZone":"UTC","where":{"field":"visit__country","op":"equals","values":["leap"]}}""",
            "2023-02-01|1; 2024-02-01|3"
        },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Case(string name, string query, string expected)
    {
        var answer = await world.World.AnswerAsync(MetricQueryReader.Read(Encoding.UTF8.GetBytes(query)) with { Source = QuerySource.Lake });
        Assert.True(expected == EdgeCaseTests.Text(answer), $"{name}: expected {expected}\nactual {EdgeCaseTests.Text(answer)}");
    }
}

/// <summary>The rows of the edge cases in a model whose years start in February.</summary>
public sealed class FiscalWorld : EdgeWorld
{
    private protected override int YearStart => 2;
}
