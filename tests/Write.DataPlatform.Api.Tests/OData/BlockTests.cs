using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Api.OData;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Insights.Blocks;
using Write.DataPlatform.Query.Rows;
using Write.DataPlatform.Refresh;

namespace Write.DataPlatform.Api.Tests.OData;

/// <summary>Pages out of memory against those of DuckDB, and conditions over blocks against an evaluator in C#.</summary>
public sealed class BlockTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 15, 12, 0, 0, TimeSpan.Zero);

    /// <summary>What keys, JSON and orders trip over.</summary>
    private const string Countries = "['a', 'B', 'a!b~c', '~', '!t', '!', '', 'é\"\\', '😀', 'z<&>''+', chr(10) || 'x', NULL, 'ab', 'ä']";

    private const string Model = """
        model: { time_zone: UTC }
        semantic_models:
          - name: visits
            model: ref('visits')
            defaults: { agg_time_dimension: started_at }
            entities: [{ name: visit, type: primary, expr: id }]
            dimensions:
              - { name: started_at, type: time, type_params: { time_granularity: second } }
              - { name: partition_start, type: time, expr: month, is_partition: true, partitions: started_at, type_params: { time_granularity: month } }
              - { name: country, type: categorical }
              - { name: place, type: categorical }
              - { name: is_new, type: categorical }
            measures:
              - { name: visits, agg: count, expr: 1 }
              - { name: seconds, agg: sum }
              - { name: price, agg: sum }
              - { name: weight, agg: max }
        metrics:
          - { name: visits, type: simple, type_params: { measure: visits } }
          - { name: seconds, type: simple, type_params: { measure: seconds } }
          - { name: price, type: simple, type_params: { measure: price } }
          - { name: weight, type: simple, type_params: { measure: weight } }
          - { name: mean, type: ratio, type_params: { numerator: seconds, denominator: visits } }
        gold_tables:
          - name: visits_daily
            metrics: [visits, seconds, price, weight, mean]
            group_by: [visit__country, visit__place, visit__is_new]
            grain: day
            partition: month
            refresh: { cron: "0 4 1 1 *" }
          - name: visits_hourly
            metrics: [visits, price]
            group_by: [visit__country]
            grain: hour
            partition: month
            refresh: { cron: "0 4 1 1 *" }
        """;

    private static readonly string[] Options =
    [
        "",
        "$orderby=metric_time__day",
        "$orderby=metric_time__day,visit__country&$top=33",
        "$filter=visit__country eq 'a!b~c'",
        "$filter=visit__country in ('~','',null) and metric_time__day ge 2026-01-20 and metric_time__day lt 2026-03-02T00:00:00Z",
        "$filter=visit__place gt 1 and visit__is_new ne true",
        "$filter=not (visit__country lt 'a') or seconds le 2&$skip=3&$top=40",
        "$filter=metric_time__day eq 2026-02-03&$count=true",
        "$skip=70&$top=45&$count=true",
        "$select=weight,row_key,price",
        "$format=application/json;odata.metadata=none",
        "$filter=metric_time__day gt 2027-01-01",
        "$filter=visits eq 1 and visit__country ne null&$select=mean,visit__country",
    ];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public void Random_comparisons_hold_for_the_rows_that_they_are_true_for()
    {
        for (var seed = 0; seed < 400; seed++)
        {
            var random = new RandomRows(900_000 + seed);
            var rows = random.Rows(70);
            var block = BlockOf(rows);
            var (text, value) = random.Plain(3);
            var condition = new ExpressionReader(RandomRows.Columns, Now).Filter(text);
            Assert.True(BlockTest.Takes(condition, RandomRows.Columns.ToDictionary(c => c.Name, c => c.Type)), $"seed {seed}: {text}");
            var test = BlockTest.Of(condition, block);
            var found = new List<int>();
            for (var row = test.Next(0, block.Count); row < block.Count; row = test.Next(row + 1, block.Count))
            {
                found.Add(row);
            }

            var expected = Enumerable.Range(0, rows.Count).Where(i => value(rows[i]) is true).ToList();
            Assert.True(expected.SequenceEqual(found), $"seed {seed}: {text}\nexpected {string.Join(',', expected)}\nfound    {string.Join(',', found)}");
            Assert.Equal(expected, Enumerable.Range(0, rows.Count).Where(test.Holds));
            Assert.All(rows.Select((r, i) => (r, i)), p => Assert.Equal(p.r, RandomRows.Columns.Select(c => block[c.Name].Value(p.i))));
        }
    }

    /// <summary>What is null, computed, cast or of another kind is DuckDB's.</summary>
    [Theory]
    [InlineData("n gt 1.5")]
    [InlineData("d gt 1")]
    [InlineData("b")]
    [InlineData("contains(s,'a')")]
    [InlineData("n add 1 eq 2")]
    [InlineData("n eq id")]
    [InlineData("n eq 1 and tolower(s) eq 'a'")]
    [InlineData("n in (1,2.5)")]
    public void What_is_no_comparison_of_a_column_with_a_constant_is_not_taken(string filter) =>
        Assert.False(BlockTest.Takes(new ExpressionReader(RandomRows.Columns, Now).Filter(filter), RandomRows.Columns.ToDictionary(c => c.Name, c => c.Type)));

    [Fact]
    public async Task Pages_are_the_same_as_those_of_duckdb_and_go_on_as_them()
    {
        await using var small = new SmallServer();
        await File.WriteAllTextAsync(small.ModelFile, Model, Cancel);
        foreach (var (month, seed) in SmallServer.Months.Select((m, i) => (m, i)))
        {
            SmallServer.Sql($"""
                COPY (SELECT i AS id, TIMESTAMP '{month}' + to_minutes((hash(i, {seed}) % 38000)::BIGINT) AS started_at, {Countries}[1 + (hash(i, 1, {seed}) % 14)::INTEGER] AS country,
                    [1, -20, NULL, 3000000000][1 + (hash(i, 2) % 4)::INTEGER]::BIGINT AS place, [true, false, NULL][1 + (hash(i, 3) % 3)::INTEGER] AS is_new,
                    (hash(i, 4) % 5)::BIGINT AS seconds, ((hash(i, 5) % 100000) / 100)::DECIMAL(18, 2) AS price, CASE WHEN i % 3 > 0 THEN (hash(i, 6) % 1000) / 7 END AS weight FROM range(90) AS r(i))
                TO '{small.MonthFile(month)}' (FORMAT parquet)
                """);
        }

        string[] paths = [.. Options.Select(o => "/odata/visits_daily?" + o), .. Options.Where(o => !o.Contains("place", StringComparison.Ordinal) && !o.Contains("seconds", StringComparison.Ordinal) && !o.Contains("weight", StringComparison.Ordinal) && !o.Contains("mean", StringComparison.Ordinal))
            .Select(o => "/odata/visits_hourly?" + o.Replace("metric_time__day", "metric_time__hour", StringComparison.Ordinal))];
        await small.StartAsync();
        foreach (var table in new[] { "visits_daily", "visits_hourly" })
        {
            var run = await small.Services.GetRequiredService<RefreshService>().RunAsync(table, new RefreshRange(), RunTrigger.Manual, null, Cancel);
            Assert.Equal(RunState.Succeeded, run.State);
        }

        var blocks = small.Services.GetRequiredService<RowBlocks>();
        for (var i = 0; i < 2; i++)
        {
            await PagesAsync(small, paths[0], 1_000);
            await PagesAsync(small, paths[Options.Length], 1_000);
            await blocks.SettleAsync();
        }

        Assert.Equal(6, blocks.Remembered.Blocks);
        var fromBlocks = new Dictionary<(string, int), (List<string> Pages, string? Second)>();
        foreach (var path in paths)
        {
            foreach (var size in new[] { 11, 1_000 })
            {
                fromBlocks[(path, size)] = await PagesAsync(small, path, size, areBlocks: size == 11 ? true : null);
            }
        }

        Assert.Equal(6, blocks.Remembered.Blocks);
        await small.StopAsync();
        await small.StartAsync(settings: [("DataPlatform:Gold:RowsMegabytes", "0")]);
        foreach (var ((path, size), (pages, second)) in fromBlocks)
        {
            var (others, _) = await PagesAsync(small, path, size, areBlocks: false);
            Assert.True(others.SequenceEqual(pages), $"{path} by {size}\nDuckDB {string.Join("\n", others)}\nblocks {string.Join("\n", pages)}");

            // The second page goes on behind the first, whoever gave that.
            Assert.Equal(pages.Skip(1), second is null ? [] : (await PagesAsync(small, second, size)).Pages);
        }

        Assert.Equal((0, 0L), small.Services.GetRequiredService<RowBlocks>().Remembered);
    }

    /// <summary>DuckDB reads stretches of time for pages that are small beside a partition: the rows lie on some days, or within an hour, and far apart.</summary>
    [Fact]
    public async Task Small_pages_of_duckdb_are_the_rows_of_the_whole()
    {
        await using var small = new SmallServer();
        await File.WriteAllTextAsync(small.ModelFile, Model, Cancel);
        foreach (var (month, seed) in SmallServer.Months.Select((m, i) => (m, i)))
        {
            SmallServer.Sql($"""
                COPY (SELECT i AS id, TIMESTAMP '{month}' + to_minutes(CASE WHEN i < 30 THEN 5 WHEN i = 30 THEN 16000 ELSE 37000 + i * 20 END::BIGINT) AS started_at, {Countries}[1 + (hash(i, 1, {seed}) % 14)::INTEGER] AS country,
                    i AS place, true AS is_new, 1::BIGINT AS seconds, 1::DECIMAL(18, 2) AS price, 1.0::DOUBLE AS weight FROM range(80) AS r(i))
                TO '{small.MonthFile(month)}' (FORMAT parquet)
                """);
        }

        await small.StartAsync(settings: [("DataPlatform:Gold:RowsMegabytes", "0")]);
        foreach (var (table, time) in new[] { ("visits_daily", "metric_time__day"), ("visits_hourly", "metric_time__hour") })
        {
            var run = await small.Services.GetRequiredService<RefreshService>().RunAsync(table, new RefreshRange(), RunTrigger.Manual, null, Cancel);
            Assert.Equal(RunState.Succeeded, run.State);
            foreach (var options in new[] { "", $"$filter={time} gt 2026-01-01", $"$filter={time} gt 2026-01-12T02:00:00Z and {time} le 2026-02-26T16:00:00Z", $"$orderby={time},visit__country desc", $"$orderby={time} desc", "$top=100" })
            {
                var path = $"/odata/{table}?{options}";
                var (whole, none) = await PagesAsync(small, path, 1_000, areBlocks: false);
                Assert.Null(none);
                Assert.NotEmpty(JsonNode.Parse(Rows(whole))!.AsArray());
                foreach (var size in new[] { 1, 2, 5, 30, 100 })
                {
                    Assert.Equal(Rows(whole), Rows((await PagesAsync(small, path, size, areBlocks: false)).Pages));
                }
            }
        }

        static string Rows(List<string> pages) => $"[{string.Join(',', pages.Select(p => p[(p.IndexOf('[', StringComparison.Ordinal) + 1)..^1]))}]";
    }

    [Fact]
    public async Task Blocks_beyond_the_bound_are_forgotten_and_what_is_too_large_is_none()
    {
        await using var small = new SmallServer();
        await small.StartAsync();
        await small.RefreshAsync();
        var gold = small.Services.GetRequiredService<GoldRows>();
        var definition = Query.GoldDefinitions.Of(small.Services.GetRequiredService<Model.ModelStore>().Current).ByTable[SmallServer.Table];
        var set = (await gold.FindAsync(definition, null, Cancel))!;
        await using var blocks = new RowBlocks(gold, Microsoft.Extensions.Options.Options.Create(new GoldOptions { RowsMegabytes = 1 }), TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger<RowBlocks>.Instance);
        Assert.True(blocks.Takes(set));
        Assert.False(blocks.IsReady(set, set.Partitions, 1));
        await blocks.SettleAsync();
        Assert.Equal(0, blocks.Remembered.Blocks);

        // Whoever asks again has it read; whoever needs the most of it has it read at once.
        Assert.False(blocks.IsReady(set, set.Partitions, 1));
        await blocks.SettleAsync();
        Assert.True(blocks.IsReady(set, set.Partitions, 1));
        Assert.Equal(3, blocks.Remembered.Blocks);
        var counted = await Task.WhenAll(set.Partitions.Select(p => blocks.GetAsync(set, p, Cancel)));
        Assert.Equal(set.Partitions.Select(p => (int)p.Partition.Rows), counted.Select(b => b.Count));
        Assert.Equal(counted.Sum(b => b.Bytes), blocks.Remembered.Bytes);
        await using var none = new RowBlocks(gold, Microsoft.Extensions.Options.Options.Create(new GoldOptions { RowsMegabytes = 0 }), TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger<RowBlocks>.Instance);
        Assert.False(none.Takes(set));

        // A version that is no more is told, and asked for again the next time.
        var lost = set.Partitions[0] with { Partition = set.Partitions[0].Partition with { Version = "20200101T000000000-00000000" } };
        var lostSet = set with { Partitions = [lost] };
        await Assert.ThrowsAsync<GoldStoreException>(() => blocks.GetAsync(lostSet, lost, Cancel));
        await blocks.SettleAsync();
        Assert.Equal(3, blocks.Remembered.Blocks);
    }

    /// <summary>Every page's rows as they were sent, and the address of the second.</summary>
    private static async Task<(List<string> Pages, string? Second)> PagesAsync(SmallServer small, string path, int size, bool? areBlocks = null)
    {
        var (pages, second) = (new List<string>(), (string?)null);
        for (string? next = path; next is not null;)
        {
            using var response = await FeedClient.SendAsync(small.Client, next, ("Prefer", string.Create(CultureInfo.InvariantCulture, $"odata.maxpagesize={size}")));
            var text = await response.Content.ReadAsStringAsync(Cancel);
            Assert.True(response.StatusCode == HttpStatusCode.OK, text);
            // What DuckDB gives is sent before its length is known, and of blocks what is large.
            Assert.True(areBlocks is null || areBlocks != response.Headers.TransferEncodingChunked.GetValueOrDefault(), path);
            var body = JsonNode.Parse(text)!;
            next = (string?)body["@odata.nextLink"] is { } link ? new Uri(link).PathAndQuery : null;
            second ??= next;
            var at = text.IndexOf("\"value\":[", StringComparison.Ordinal);
            pages.Add($"{body["@odata.count"]} {response.Content.Headers.ContentType} {text[at..(text.LastIndexOf(']') + 1)]}");
        }

        return (pages, second);
    }

    private static RowBlock BlockOf(List<object?[]> rows)
    {
        using var table = new System.Data.DataTable();
        foreach (var column in RandomRows.Columns)
        {
            table.Columns.Add(column.Name, column.Type.Kind switch
            {
                RowKind.Int64 => typeof(long), RowKind.Double => typeof(double), RowKind.Decimal => typeof(decimal), RowKind.Date => typeof(DateOnly),
                RowKind.Timestamp => typeof(DateTime), RowKind.Boolean => typeof(bool), _ => typeof(string),
            });
        }

        table.Columns["z"]!.DateTimeMode = System.Data.DataSetDateTime.Utc;
        foreach (var row in rows)
        {
            table.Rows.Add([.. row.Select(v => v ?? DBNull.Value)]);
        }

        using var reader = table.CreateDataReader();
        return RowBlock.Read(reader, RandomRows.Columns, [RandomRows.Columns[0]]);
    }
}
