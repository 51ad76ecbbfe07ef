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
        await using var world = await GoldWorlds.CreateAsync(number, rowsMegabytes: 64);
        await using var other = await GoldWorlds.CreateAsync(number);
        var model = world.World.Model;
        var definitions = GoldDefinitions.Of(model).ByTable.Values.Where(d => d.Table.Grain >= TimeGrain.Day && d.Table.Metrics.Any(Plain.Contains)).ToList();
        foreach (var definition in definitions)
        {
            await WarmAsync(world, definition, other);
        }

        var slices = new ConcurrentDictionary<string, int>();
        var count = 0;
        var queries = definitions.Select(d => QueryGen.Near(d.Table, [.. d.Dimensions, .. d.Attributes], model.Calendar).Select(q => (d.Table, Query: Simple(q, d.Table)))).ToArray();
        await Gen.OneOf(queries).CheckAsync(
            async drawn =>
            {
                var by = await SameAsync(world, other, drawn.Query);
                Interlocked.Increment(ref count);
                if (by)
                {
                    slices.AddOrUpdate(drawn.Table.Name, 1, (_, n) => n + 1);
                }
            },
            RandomCases.Of(500, weight: 6),
            threads: 1,
            print: drawn => $"world {number}: {QueryGen.Print(drawn.Query)}");
        output.WriteLine($"{slices.Values.Sum()} slices of {count} answers: {string.Join(", ", slices.OrderBy(s => s.Key).Select(s => $"{s.Key} {s.Value}"))}");

        // Nothing is proved of who never answered.
        Assert.True(slices.Values.Sum() > count / 20, $"{slices.Values.Sum()} slices of {count} answers.");
        Assert.True(slices.Count > Math.Min(3, count / 150), "Few tables were sliced.");
        Assert.Equal(0, other.Get<SliceReader>().Answered);
    }

    /// <summary>Numbers at the ends of their types, in groups of one row and of several.</summary>
    [Fact]
    public async Task Slices_of_odd_numbers_are_what_duckdb_gives()
    {
        await using var world = await OddWorld.CreateAsync(rowsMegabytes: 64);
        await using var other = await OddWorld.CreateAsync(rowsMegabytes: 0);
        foreach (var definition in GoldDefinitions.Of(world.World.Model).ByTable.Values)
        {
            await WarmAsync(world, definition, other);
        }

        string[] metrics = ["rows", "whole", "whole_or_5", "whole_mean", "least", "most", "real", "real_or_5", "real_least", "per_row", "per_real", "big_per_real", "all_big"];
        string[] fields = ["odd__name", "odd__kind", "odd__number", "odd__flag", "metric_time__day", "metric_time__week", "metric_time__month", "metric_time__quarter", "metric_time__year"];
        string?[] names = [null, "", "a", "B", "é", "\uFFFD", "😀", "no row's"];
        Gen<T> From<T>(T[] of) => Gen.Int[0, of.Length - 1].Select(i => of[i]);
        var operators = new[] { FilterOperator.Equals, FilterOperator.In, FilterOperator.NotEquals, FilterOperator.NotIn, FilterOperator.IsSet, FilterOperator.IsNotSet };
        var condition = Gen.Select(From(operators), From(names).Array[1, 3], (op, values) =>
            (Filter)new ComparisonFilter(FieldName.Parse("odd__name"), op, op is FilterOperator.IsSet or FilterOperator.IsNotSet ? [] : [.. op is FilterOperator.Equals or FilterOperator.NotEquals ? values[..1] : values]));
        var queries =
            from chosen in From(metrics).Array[1, 4]
            from groupBy in From(fields).Array[0, 3]
            from first in Gen.Int[0, 100]
            from length in Gen.Int[0, 100]
            from open in Gen.Int[0, 3]
            from conditions in condition.Array[0, 2]
            from sorting in Gen.Select(From([.. groupBy, .. chosen]), Gen.Bool, (field, isDown) => new QueryOrder(field, isDown)).Array[0, 3]
            from limit in Gen.Frequency((1, Gen.Const((int?)null)), (1, Gen.Int[0, 5].Select(i => (int?)i)))
            let start = new DateOnly(2024, 1, 1).AddDays(first)
            select new MetricQuery
            {
                Metrics = [.. chosen.Distinct()],
                GroupBy = [.. groupBy.Distinct().Select(FieldName.Parse)],
                TimeRange = open == 0 ? null : new AbsoluteTimeRange(open == 1 ? null : TimePoint.FromDate(start), open == 2 ? null : TimePoint.FromDate(start.AddDays(length))),
                Where = Filter.And([.. conditions]),
                OrderBy = [.. sorting.DistinctBy(o => o.Field)],
                Limit = limit,
                Source = QuerySource.Gold,
            };
        var (count, slices) = (0, 0);
        await queries.CheckAsync(
            async query =>
            {
                count++;
                slices += await SameAsync(world, other, query) ? 1 : 0;
            },
            RandomCases.Of(1500, weight: 2),
            threads: 1,
            print: QueryGen.Print);
        output.WriteLine($"{slices} slices of {count} answers.");
        Assert.True(slices > count / 5, $"{slices} slices of {count} answers.");
    }

    /// <summary>What needs more rows than a slice may is DuckDB's, with and without a condition.</summary>
    [Theory]
    [InlineData(Slice.MaxRows, true)]
    [InlineData(Slice.MaxRows + 1, false)]
    public async Task A_slice_has_so_many_rows_at_most(int rows, bool isSlice)
    {
        await using var world = await OddWorld.CreateAsync(rowsMegabytes: 64, rows);
        MetricQuery Of(Filter? where) => new() { Metrics = ["rows"], GroupBy = [FieldName.Parse("metric_time__day")], Where = where, Source = QuerySource.Gold };
        Filter[] conditions = [new ComparisonFilter(FieldName.Parse("odd__name"), FilterOperator.NotEquals, ["none"])];
        foreach (var query in new[] { Of(null), Of(conditions[0]) })
        {
            MetricAnswer? answer = null;
            for (var i = 0; i < 3; i++)
            {
                answer = await world.ServeAsync(query);
                await world.Get<RowBlocks>().SettleAsync();
            }

            var before = world.Get<SliceReader>().Answered;
            Assert.Equal(rows, (await world.ServeAsync(query)).Rows.Sum(r => (long)r[1]!));
            Assert.Equal(isSlice, world.Get<SliceReader>().Answered > before);
            Assert.Equal(isSlice || query.Where is not null, world.Get<RowBlocks>().Remembered.Blocks > 0);
            Assert.Equal(rows, answer!.Rows.Sum(r => (long)r[1]!));
        }
    }

    [Fact]
    public async Task Conditions_are_true_of_the_texts_that_sql_finds()
    {
        string?[] texts = [null, "", "a", "B", "b", "é", "\uFFFD", "😀", "日本", "a ", "null"];
        var field = new FieldName(["text"], null);
        FilterOperator[] operators = [FilterOperator.Equals, FilterOperator.In, FilterOperator.NotEquals, FilterOperator.NotIn, FilterOperator.IsSet, FilterOperator.IsNotSet];
        var value = Gen.Int[0, texts.Length].Select(i => (object?)(i < texts.Length ? texts[i] : "no row's"));
        var filters = Gen.Select(
            Gen.Int[0, operators.Length - 1].Select(i => operators[i]),
            value.Array[0, 4],
            (op, values) => new ComparisonFilter(field, op, op is FilterOperator.IsSet or FilterOperator.IsNotSet ? [] : [.. values]));

        await using var instance = new DuckDbInstance(new DuckDbSettings { Threads = 1, MaxSessions = 1, MemoryMegabytes = 256 });
        await using var session = await instance.OpenAsync(Cancel);
        await session.ExecuteAsync("CREATE TEMP TABLE rows (number BIGINT, text VARCHAR)", Cancel);
        for (var i = 0; i < 3 * texts.Length; i++)
        {
            await session.QueryAsync(new SqlStatement($"INSERT INTO rows VALUES ({i}, $1)", [texts[i % texts.Length]]), _ => 0, Cancel);
        }

        var number = new RowColumn("number", RowType.Int64);
        var block = await session.QueryAsync(new SqlStatement("FROM rows ORDER BY number"), reader => RowBlock.Read(reader, [number, new RowColumn("text", RowType.String)], [number]), Cancel);
        await filters.CheckAsync(
            async filter =>
            {
                var writer = new SqlWriter(DuckDbDialect.Instance);
                var condition = writer.Expression(FilterExpressions.Of(filter, _ => new SqlColumn(null, "text")));
                var expected = await session.QueryAsync(
                    writer.ToStatement($"SELECT number FROM rows WHERE {condition} ORDER BY number"), reader => ResultRows.Read(reader, Cancel).Rows.Select(r => (int)(long)r[0]!).ToList(), Cancel);
                var test = SliceCondition.TryOf(filter, _ => "text")!.Over((TextColumn)block["text"]);
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

    /// <summary>Asks both, and compares all that an answer has, to the bit.</summary>
    /// <returns>Whether the world's answer was a slice.</returns>
    private static async Task<bool> SameAsync(EngineWorld world, EngineWorld other, MetricQuery query)
    {
        var before = world.Get<SliceReader>().Answered;
        var expected = await AnswerAsync(other);
        var actual = await AnswerAsync(world);
        Assert.Equal(expected, actual);
        return world.Get<SliceReader>().Answered > before;

        async Task<string> AnswerAsync(EngineWorld of)
        {
            try
            {
                var answer = await of.ServeAsync(query);
                var rows = answer.Rows.Select(r => string.Join(" | ", r.Select(v => v switch { null => "null", double d => $"{d:R} {BitConverter.DoubleToInt64Bits(d):x}", _ => $"{v} {v.GetType().Name}" })));
                return string.Join('\n', [string.Join(" | ", answer.Columns), .. rows, $"next {answer.Next is not null}", string.Join(',', answer.Served.By.Concat(answer.Served.Tables.Select(t => t.ToString())))]);
            }
            catch (QueryException refused)
            {
                return refused.Message;
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
    private static async Task WarmAsync(EngineWorld world, GoldDefinition definition, EngineWorld other)
    {
        var table = definition.Table;
        foreach (var tenant in table.Audience == Audience.External ? world.World.Model.Tenants.Keys.ToList<string?>() : [null])
        {
            for (var i = 0; i < 2; i++)
            {
                await SameAsync(world, other, new MetricQuery
                {
                    Metrics = [table.Metrics.FirstOrDefault(Plain.Contains) ?? table.Metrics[0]],
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
