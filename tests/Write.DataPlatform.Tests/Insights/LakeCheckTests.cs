using Write.DataPlatform.Insights;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Lake.DuckDb;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Tests.Lake;
using Write.DataPlatform.Tests.Model;

namespace Write.DataPlatform.Tests.Insights;

public sealed class LakeCheckTests : IAsyncDisposable
{
    private const string Good = """
        semantic_models:
          - name: visits
            model: ref('visits')
            defaults: { agg_time_dimension: started_at }
            entities:
              - { name: visit, type: primary, expr: id }
              - { name: show, type: foreign, expr: show_id }
              - { name: host, type: foreign, expr: host_id }
            dimensions:
              - { name: started_at, type: time, type_params: { time_granularity: second } }
              - { name: born, type: time, type_params: { time_granularity: day } }
              - { name: started_day, type: time, expr: started_at, type_params: { time_granularity: day } }
              - { name: month_start, type: time, expr: month, is_partition: true, partitions: started_at, type_params: { time_granularity: month } }
              - { name: country, type: categorical }
              - { name: land, type: categorical, expr: upper(country) }
              - { name: customer, type: categorical }
              - { name: score, type: categorical }
            measures:
              - { name: visits, agg: count, expr: 1 }
              - { name: seconds, agg: sum }
              - { name: price, agg: average, expr: price * 2 }
              - { name: bounces, agg: sum_boolean, expr: bounced }
              - { name: mode, agg: percentile, expr: country, agg_params: { percentile: 0.5, use_discrete_percentile: true } }
          - name: shows
            model: ref('shows')
            entities:
              - { name: show, type: primary, expr: id }
              - { name: host, type: unique, expr: host }
            dimensions:
              - { name: genre, type: categorical }
        metrics:
          - { name: visits, type: simple, type_params: { measure: visits } }
          - { name: tv, type: simple, type_params: { measure: visits }, filter: "{{ Dimension('visit__score') }} > 3 AND {{ Dimension('show__genre') }} = 'drama'" }
          - { name: tv_twice, type: derived, type_params: { expr: tv * 2, metrics: [{ name: tv, filter: "{{ Dimension('visit__customer') }} = 'acme'" }] } }
          - { name: wild, type: simple, type_params: { measure: visits }, filter: "length({{ Dimension('visit__country') }}) = 2" }
        lookups:
          - { name: countries, path: countries.csv, key: code, dimension: visit__country, attributes: [region] }
          - { name: shows, path: countries.csv, key: code, dimension: show, attributes: [area] }
        gold_tables:
          - { name: daily, metrics: [tv], group_by: [], grain: day, partition: month, where: "lower({{ Dimension('visit__country') }}) = 'fr'" }
        tenants:
          - { name: acme, where: "{{ Dimension('visit__customer') }} = 'acme'" }
        insights:
          - { name: some, query: { metrics: [visits, tv], where: "{{ Dimension('visit__customer') }} = 'acme'" } }

        """;

    private readonly LakeFiles _files = new();
    private readonly DuckDbLake _lake;

    public LakeCheckTests()
    {
        _files.Write(
            "visits/month=2026-01-01/a.parquet",
            "SELECT 1 AS id, 'x' AS show_id, 5::DECIMAL(9,2) AS host_id, TIMESTAMP '2026-01-01' AS started_at, DATE '2000-01-01' AS born, 'FR' AS country, 'acme' AS customer, 3.5::DOUBLE AS score,"
                + " 7 AS seconds, 1.5::DECIMAL(9,2) AS price, true AS bounced, [1] AS list");
        _files.Write("shows.parquet", "SELECT 'x' AS id, 5 AS host, 'drama' AS genre, 'south' AS area, 'south' AS region");
        _lake = new DuckDbLake(new LakeOptions { Path = _files.Path, WorkPath = _files.Work, MemoryMegabytes = 256 }, TimeProvider.System);
    }

    /// <summary>One change of the model that the lake holds, and the only problem that it must give, at the changed line.</summary>
    public static TheoryData<string, string, string, string> Changes => new()
    {
        { "ref('shows')", "ref('series')", "L001", "'series'" },
        { "expr: id }\n      - { name: show, type: foreign", "expr: idd }\n      - { name: show, type: foreign", "L002", "Did you mean 'id'?" },
        { "name: genre, type: categorical", "name: genre, type: categorical, expr: nothing(id)", "L002", "nothing" },
        { "expr: price * 2", "expr: price * country", "L002", "price" },
        { "expr: upper(country)", "expr: list", "L002", "cast it" },
        { "expr: upper(country)", "expr: 'country, score'", "L002", "" },
        { "name: started_at, type: time", "name: started_at, type: time, expr: born", "L003", "needs a timestamp" },
        { "name: born, type: time", "name: born, type: time, expr: country", "L003", "needs a date or a timestamp" },
        { "agg: sum }", "agg: sum, expr: country }", "L004", "needs a number" },
        { "expr: price * 2", "expr: started_at", "L004", "TIMESTAMP" },
        { "expr: bounced", "expr: seconds", "L004", "sum_boolean" },
        { "use_discrete_percentile: true", "use_discrete_percentile: false", "L004", "VARCHAR" },
        { "expr: show_id", "expr: score", "L005 L006", "joined" },
        { "dimension: visit__country", "dimension: visit__score", "L006", "DOUBLE" },
        { "dimension: visit__country", "dimension: visit__land", "", "" },
        { "}} > 3 AND", "}} = 'three' AND", "L007", "metric 'tv'" },
        { "length(", "lengthy(", "L007", "metric 'wild'" },
        { "lower(", "lowest(", "L007", "gold table 'daily'" },
        { "where: \"{{ Dimension('visit__customer') }} = 'acme'\" }\ninsights", "where: \"{{ Dimension('visit__score') }} = 'acme'\" }\ninsights", "L007", "tenant 'acme'" },
        { "where: \"{{ Dimension('visit__customer') }} = 'acme'\" } }", "where: \"{{ Dimension('visit__score') }} = 'acme'\" } }", "L007", "insight 'some'" },
    };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_model_that_fits_has_no_problem() => Assert.Empty(await CheckAsync(Good));

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task A_misfit_is_reported_once_at_its_line(string from, string to, string codes, string says)
    {
        var parts = Good.Split(from);
        Assert.Equal(2, parts.Length);
        var problems = await CheckAsync(parts[0] + to + parts[1]);
        Assert.True(codes == string.Join(" ", problems.Select(p => p.Code)), string.Join("\n", problems));
        Assert.All(problems.Take(1), p => Assert.Equal(("model.yaml", parts[0].Split('\n').Length), (p.Position!.File, p.Position.Line)));
        Assert.All(problems.Take(1), p => Assert.Contains(says, p.Message + " " + p.Suggestion, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_partition_column_that_only_prunes_may_be_a_text()
    {
        var text = Good.Replace("expr: month,", "expr: \"strftime(month, '%Y-%m-%d')\",", StringComparison.Ordinal);
        Assert.Empty(await CheckAsync(text));
        Assert.Equal("L003", Assert.Single(await CheckAsync(text.Replace("is_partition: true, partitions: started_at, ", "", StringComparison.Ordinal))).Code);
    }

    [Fact]
    public async Task All_misfits_are_reported_at_once()
    {
        var text = Good.Replace("expr: id }\n      - { name: show, type: foreign", "expr: idd }\n      - { name: show, type: foreign", StringComparison.Ordinal)
            .Replace("expr: upper(country)", "expr: uppr(country)", StringComparison.Ordinal)
            .Replace("agg: sum }", "agg: sum, expr: country }", StringComparison.Ordinal)
            .Replace("expr: bounced", "expr: bouncd", StringComparison.Ordinal)
            .Replace("name: genre, type: categorical", "name: genre, type: categorical, expr: gnre", StringComparison.Ordinal);
        Assert.Equal(["L002", "L002", "L004", "L002", "L002"], (await CheckAsync(text)).Select(p => p.Code));
    }

    [Fact]
    public async Task A_lake_that_is_not_there_is_no_misfit()
    {
        await using var gone = new DuckDbLake(new LakeOptions { Path = _files.Path + "-gone", WorkPath = _files.Work, MemoryMegabytes = 256 }, TimeProvider.System);
        await Assert.ThrowsAsync<LakeException>(() => new LakeCheck(gone, TimeProvider.System).CheckAsync(Load(Good), Cancel));
    }

    [Fact]
    public async Task A_check_reads_no_row()
    {
        // The file's head is whole and its pages are not: whoever reads a row fails.
        var file = Directory.GetFiles(_files.Path, "a.parquet", SearchOption.AllDirectories).Single();
        var bytes = await File.ReadAllBytesAsync(file, Cancel);
        var footer = BitConverter.ToInt32(bytes.AsSpan(bytes.Length - 8, 4));
        Array.Clear(bytes, 4, bytes.Length - 12 - footer);
        await File.WriteAllBytesAsync(file, bytes, Cancel);
        await Assert.ThrowsAsync<LakeException>(async () =>
        {
            await using var rows = await _lake.QueryAsync(new SqlStatement("SELECT count(DISTINCT country), max(started_at) FROM visits"), Cancel);
            await foreach (var row in rows.ReadAsync(Cancel))
            {
                Assert.NotNull(row);
            }
        });
        Assert.Empty(await CheckAsync(Good));
    }

    public async ValueTask DisposeAsync()
    {
        await _lake.DisposeAsync();
        _files.Dispose();
    }

    private async Task<IReadOnlyList<ModelProblem>> CheckAsync(string text) => await new LakeCheck(_lake, TimeProvider.System).CheckAsync(Load(text), Cancel);

    private static MetricModel Load(string text) => ModelFolder.LoadGood(("model.yaml", text), ("countries.csv", "code,region,area\nFR,west,south\n"));
}
