using System.Collections.Concurrent;
using CsCheck;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Insights.Blocks;
using Write.DataPlatform.Insights.Slices;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Query.Rows;
using Write.DataPlatform.Query.Sql;
using Write.DataPlatform.Tests.Query;

namespace Write.DataPlatform.Tests.Insights;

/// <summary>Slices out of memory against the statements of DuckDB, digit by digit. That both are right is what brute force says of them in <see cref="GoldTests"/>.</summary>
public sealed class SliceTests(ITestOutputHelper output)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Metrics that are states, or quotients of states, of one table; with decimals and sums of doubles among them.</summary>
    private static readonly HashSet<string> Plain =
    [
        "visits", "late_visits", "weekend_seconds", "visits_of_known", "scored", "visitors", "bounces", "seconds", "last_seconds", "least_seconds", "most_seconds", "mean_seconds", "seconds_or_zero",
        "drama_visits", "mobile_visits", "bounce_rate", "mobile_share", "median_seconds", "p90_seconds", "last_mobile_seconds", "first_scores", "last_ended_seconds", "last_plays", "last_players",
        "orders", "extras", "weight", "mean_weight", "vouchers", "revenue", "mean_amount", "orders_per_visit", "paid_share", "plays", "minutes", "mean_minutes", "players", "target", "attainment",
    ];

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task Slices_are_what_duckdb_gives(int number)
    {
        await using var world = await GoldWorlds.CreateAsync(number);
        await using var other = await GoldWorlds.CreateAsync(number, rowsMegabytes: 0);
        var model = world.World.Model;
        var definitions = GoldDefinitions.Of(model).ByTable.Values.Where(d => d.Table.Grain >= TimeGrain.Day).ToList();
        foreach (var definition in definitions)
        {
            await WarmAsync(world, definition);
        }

        var (slices, before) = (world.Get<SliceReader>(), world.Get<SliceReader>().Answered);
        var answers = new ConcurrentBag<(bool HasRows, int Columns)>();
        await Gen.OneOf([.. definitions.Select(d => QueryGen.Near(d.Table, [.. d.Dimensions, .. d.Attributes], model.Calendar).Select(q => Simple(q, d.Table)))]).CheckAsync(
            async query =>
            {
                var expected = await other.ServeAsync(query);
                var actual = await world.ServeAsync(query);
                Assert.Equal(expected.Columns, actual.Columns);
                Assert.Equal(expected.Rows, actual.Rows);
                Assert.Equal(expected.Next is null, actual.Next is null);
                Assert.Equal(expected.Served.By, actual.Served.By);
                Assert.Equal(expected.Served.Tables, actual.Served.Tables);
                answers.Add((actual.Rows.Count > 0, actual.Columns.Length));
            },
            RandomCases.Of(600),
            print: query => $"world {number}: {QueryGen.Print(query)}");
        output.WriteLine($"{slices.Answered - before} slices of {answers.Count} answers, {answers.Count(a => a.HasRows)} with rows.");

        // Nothing is proved of who never answered.
        Assert.True(slices.Answered - before > answers.Count / 20, $"{slices.Answered - before} slices of {answers.Count} answers.");
        Assert.Equal(0, other.Get<SliceReader>().Answered);
    }

    [Fact]
    public async Task Conditions_are_true_of_the_texts_that_sql_finds()
    {
        string?[] texts = [null, "", "a", "B", "b", "é", "\uFFFD", "😀", "日本", "a ", "null"];
        var field = new FieldName(["text"], null);
        FilterOperator[] operators = [FilterOperator.Equals, FilterOperator.In, FilterOperator.NotEquals, FilterOperator.NotIn, FilterOperator.IsSet, FilterOperator.IsNotSet];
        var value = Gen.Int[0, texts.Length].Select(i => (object?)(i < texts.Length ? texts[i] : "no row's"));
        var comparison = Gen.Select(
            Gen.Int[0, operators.Length - 1].Select(i => operators[i]),
            value.Array[0, 4],
            (op, values) => (Filter)new ComparisonFilter(field, op, op is FilterOperator.IsSet or FilterOperator.IsNotSet ? [] : [.. values]));
        var filters = Gen.Recursive<Filter>((depth, inner) => depth > 3 ? comparison : Gen.Frequency(
            (4, comparison),
            (1, inner.Select(f => (Filter)new NotFilter(f))),
            (1, inner.Array[1, 3].Select(f => (Filter)new AndFilter([.. f]))),
            (1, inner.Array[1, 3].Select(f => (Filter)new OrFilter([.. f])))));

        await using var instance = new DuckDbInstance(new DuckDbSettings { Threads = 1, MaxSessions = 1, MemoryMegabytes = 256 });
        await using var session = await instance.OpenAsync(Cancel);
        await session.ExecuteAsync("CREATE TEMP TABLE rows (number BIGINT, text VARCHAR)", Cancel);
        for (var i = 0; i < 3 * texts.Length; i++)
        {
            await session.QueryAsync(new SqlStatement($"INSERT INTO rows VALUES ({i}, $1)", [texts[i % texts.Length]]), _ => 0, Cancel);
        }

        var block = await session.QueryAsync(
            new SqlStatement("FROM rows ORDER BY number"), reader => RowBlock.Read(reader, [new RowColumn("number", RowType.Int64), new RowColumn("text", RowType.String)], [new RowColumn("number", RowType.Int64)]), Cancel);
        await filters.CheckAsync(
            async filter =>
            {
                var writer = new SqlWriter(DuckDbDialect.Instance);
                var condition = writer.Expression(FilterExpressions.Of(filter, _ => new SqlColumn(null, "text")));
                var expected = await session.QueryAsync(
                    writer.ToStatement($"SELECT number FROM rows WHERE {condition} ORDER BY number"),
                    reader =>
                    {
                        var found = new List<int>();
                        while (reader.Read())
                        {
                            found.Add((int)reader.GetInt64(0));
                        }

                        return found;
                    },
                    Cancel);
                var test = SliceCondition.TryOf(filter, "text")!.Over((TextColumn)block["text"]);
                Assert.Equal(expected, Enumerable.Range(0, block.Count).Where(test.Holds));
                var next = new List<int>();
                for (var row = test.Next(0, block.Count); row < block.Count; row = test.Next(row + 1, block.Count))
                {
                    next.Add(row);
                }

                Assert.Equal(expected, next);
            },
            RandomCases.Of(400),
            threads: 1,
            print: FilterText.Of);
    }

    [Fact]
    public async Task Values_are_in_duckdbs_order()
    {
        await using var instance = new DuckDbInstance(new DuckDbSettings { Threads = 1, MaxSessions = 1, MemoryMegabytes = 256 });
        await using var session = await instance.OpenAsync(Cancel);
        foreach (var (type, values) in new[]
        {
            ("VARCHAR", "(''), ('a'), ('ab'), ('B'), ('z'), ('é'), (chr(65533)), (chr(57344)), ('😀'), ('😁'), ('a😀'), ('a' || chr(65533)), ('日本'), (NULL)"),
            ("BIGINT", "(3), (-9223372036854775808), (9223372036854775807), (0), (NULL)"),
            ("DOUBLE", "('1.5'), ('nan'), ('inf'), ('-inf'), ('0'), ('-2'), (NULL)"),
            ("BOOLEAN", "(true), (false), (NULL)"),
            ("DATE", "('2024-02-29'), ('0001-01-01'), ('2024-03-01'), (NULL)"),
        })
        {
            foreach (var descending in new[] { false, true })
            {
                var expected = await session.QueryAsync(
                    new SqlStatement($"SELECT CAST(v AS {type}) AS v FROM (VALUES {values}) AS t(v) ORDER BY 1 {(descending ? "DESC" : "ASC")} NULLS LAST"), reader => ResultRows.Read(reader, Cancel).Rows.Select(r => r[0]).ToList(), Cancel);
                var sorted = expected.AsEnumerable().Reverse().ToList();
                sorted.Sort((a, b) => SliceOrder.Compare(a, b, descending));
                Assert.Equal(expected, sorted);
            }
        }
    }

    /// <summary>What is left of a query without that which no slice has.</summary>
    private static MetricQuery Simple(MetricQuery query, GoldTable table)
    {
        string[] metrics = [.. query.Metrics.Where(Plain.Contains), .. table.Metrics.Where(Plain.Contains).Take(1)];
        metrics = metrics.Length == 0 ? [.. query.Metrics] : metrics;
        var columns = query.GroupBy.Select(g => g.ToString()).Concat(metrics).ToHashSet();
        return query with
        {
            Metrics = [.. metrics.Distinct()],
            OrderBy = [.. query.OrderBy.Where(o => columns.Contains(o.Field))],
            Fill = false,
            Compare = null,
            Having = null,
            Totals = false,
            Source = QuerySource.Auto,
        };
    }

    /// <summary>Asks for all of a table's partitions until they are in memory.</summary>
    private static async Task WarmAsync(EngineWorld world, GoldDefinition definition)
    {
        var table = definition.Table;
        foreach (var tenant in table.Audience == Audience.External ? world.World.Model.Tenants.Keys.ToList<string?>() : [null])
        {
            for (var i = 0; i < 2; i++)
            {
                await world.ServeAsync(new MetricQuery
                {
                    Metrics = [table.Metrics[0]],
                    GroupBy = [new FieldName([FieldName.MetricTime], table.Grain)],
                    TimeRange = new AbsoluteTimeRange(TimePoint.FromDate(new DateOnly(2023, 10, 1)), TimePoint.FromDate(new DateOnly(2024, 11, 1))),
                    TimeZone = table.TimeZone,
                    Where = table.Where,
                    Tenant = tenant,
                });
                await world.Get<RowBlocks>().SettleAsync();
            }
        }
    }
}
