using System.Collections.Immutable;
using System.Globalization;
using CsCheck;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Query;

/// <summary>Percents of totals, ranks and running totals, against what brute force says of the same query by other columns or up to other times.</summary>
public sealed class ModifierTests(GoldWorlds worlds) : IClassFixture<GoldWorlds>
{
    private static readonly long Cases = RandomCases.Of(250, weight: 10);

    [Fact]
    public async Task Modifiers_equal_brute_force_or_are_refused()
    {
        var model = (await worlds.GetAsync(0)).World.Model;
        var near = GoldDefinitions.Of(model).ByTable.Values.Select(d => QueryGen.Near(d.Table, [.. d.Dimensions, .. d.Attributes], model.Calendar)).ToArray();
        var answered = new int[3];
        var refused = new int[3];
        await Gen.Select(Gen.Int[0, 3], Gen.Frequency((1, Gen.OneOf(near)), (2, QueryGen.Any)), Gen.Bool, Gen.Int[0, 2], Gen.Int[0, int.MaxValue]).CheckAsync(
            async drawn =>
            {
                var (number, query, isAuto, kind, dice) = drawn;
                var world = await worlds.GetAsync(number);
                query = Modified(query, (ModifierKind)kind, dice) with { Source = isAuto ? QuerySource.Auto : QuerySource.Lake };
                var (modifier, oracle) = (query.Modifiers[0], new BruteForce(world.World, EngineWorld.Now));
                if (Refusal(world.World.Model, query) is { } code)
                {
                    var exception = await Assert.ThrowsAsync<QueryException>(() => world.AnswerAsync(query));
                    Assert.Equal((code, "metrics[" + modifier.Position + "]"), (Assert.Single(exception.Problems).Code, exception.Problems[0].Path));
                    Interlocked.Increment(ref refused[kind]);
                    return;
                }

                var answer = await world.AnswerAsync(query);
                var plain = query with { Metrics = query.AllMetrics, Modifiers = [] };
                var name = modifier.Metric + (ModifierKind)kind switch { ModifierKind.Rank => "__rank", ModifierKind.PercentOfTotal => "__percent_of_total", _ => "__running_total" };
                var at = answer.Columns.IndexOf(name);
                Answers.Same(oracle.Answer(plain), Without(answer, at), "modified", query.OrderBy);
                var value = answer.Columns.IndexOf(modifier.Metric);
                Assert.True(answer.Totals is null || answer.Totals[at] is null);
                switch ((ModifierKind)kind)
                {
                    case ModifierKind.PercentOfTotal:
                        var totals = ByKey(oracle.Answer(plain with { Metrics = [modifier.Metric], GroupBy = modifier.Within, OrderBy = [], Totals = false, Compare = null }), modifier.Within.Length, modifier.Metric);
                        foreach (var row in answer.Rows)
                        {
                            Same(World.Divide(row[value], totals.GetValueOrDefault(Part(query, row, modifier.Within))), row[at], row);
                        }

                        break;
                    case ModifierKind.Rank:
                        foreach (var partition in answer.Rows.GroupBy(r => Part(query, r, modifier.Within)))
                        {
                            foreach (var row in partition)
                            {
                                Ranked(row, row[value], partition.Select(r => r[value]).ToList(), (long)row[at]!);
                            }
                        }

                        break;
                    default:
                        Running(world.World, query, oracle, answer, at, dice);
                        break;
                }

                Interlocked.Increment(ref answered[kind]);
            },
            Cases,
            print: c => $"world {c.Item1}: {QueryGen.Print(Modified(c.Item2, (ModifierKind)c.Item4, c.Item5))} {Print(Modified(c.Item2, (ModifierKind)c.Item4, c.Item5).Modifiers[0])} auto {c.Item3} dice {c.Item5}");

        // Nothing is proved of what never answered.
        Assert.All(answered, count => Assert.True(count > Cases / 50, $"Answered: {string.Join(", ", answered)}."));
        Assert.All(new[] { ModifierKind.PercentOfTotal, ModifierKind.RunningTotal }, kind => Assert.True(refused[(int)kind] > 0, $"{kind} was never refused."));
    }

    [Fact]
    public async Task Having_order_and_limit_come_after_the_modifiers()
    {
        var world = await worlds.GetAsync(0);
        var country = FieldName.Parse("visit__country");
        var query = new MetricQuery
        {
            Metrics = ["visits"],
            Modifiers = [new MetricModifier("visits", ModifierKind.PercentOfTotal, [], 1), new MetricModifier("visits", ModifierKind.Rank, [], 2)],
            GroupBy = [country],
            Having = new ComparisonFilter(FieldName.Parse("visits__rank"), FilterOperator.Gte, [2L]),
            OrderBy = [new QueryOrder("visits__percent_of_total", true)],
            Limit = 2,
        };
        var counts = world.World.Tables["visits"].Where(r => r["started_at"] is not null).GroupBy(r => (string?)r["country"]).Select(c => (c.Key, Count: (long)c.Count())).ToList();
        var all = counts.Sum(c => c.Count);
        var expected = counts.Select(c => (c.Key, c.Count, Share: (double)c.Count / all, Rank: 1L + counts.Count(o => o.Count > c.Count)))
            .Where(c => c.Rank >= 2).OrderByDescending(c => c.Share).ThenBy(c => c.Key is null).ThenBy(c => c.Key, StringComparer.Ordinal).ToList();
        var (rows, next) = (new List<object?[]>(), (string?)null);
        do
        {
            var page = await world.ServeAsync(query with { Cursor = next });
            Assert.Equal(["visit__country", "visits", "visits__percent_of_total", "visits__rank"], page.Columns.Select(c => c.Name));
            rows.AddRange(page.Rows);
            next = page.Next;
        }
        while (next is not null);
        Assert.Equal(expected.Select(e => (e.Key, e.Count, e.Share, e.Rank)), rows.Select(r => ((string?)r[0], (long)r[1]!, (double)r[2]!, (long)r[3]!)));
    }

    [Fact]
    public async Task Every_mistake_in_modifiers_is_told()
    {
        var world = await worlds.GetAsync(0);
        var query = new MetricQuery
        {
            Metrics = ["visits"],
            Modifiers =
            [
                new MetricModifier("vists", ModifierKind.Rank, [], 0),
                new MetricModifier("visits", ModifierKind.RunningTotal, [], 2),
                new MetricModifier("visits", ModifierKind.Rank, [FieldName.Parse("visit__contry"), FieldName.Parse("show")], 3),
                new MetricModifier("visits", ModifierKind.Rank, [], 4),
            ],
            GroupBy = [FieldName.Parse("visit__country")],
            OrderBy = [new QueryOrder("visits__percent_of_total", true)],
        };
        var refused = await Assert.ThrowsAsync<QueryException>(() => world.AnswerAsync(query));
        Assert.Equal(
            [
                ("metrics[0]", "unknown_metric", true), ("metrics[2]", "metric_time_needed", false), ("metrics[3].within[0]", "unknown_field", true),
                ("metrics[3].within[1]", "unknown_field", false), ("metrics[4]", "duplicate", false), ("orderBy[0].field", "unknown_field", true),
            ],
            refused.Problems.Select(p => (p.Path!, p.Code, p.Suggestion is not null)).OrderBy(p => p.Item1, StringComparer.Ordinal));
    }

    /// <summary>The query with one modifier on one of its metrics, drawn by a number.</summary>
    private static MetricQuery Modified(MetricQuery query, ModifierKind kind, int dice)
    {
        var metric = query.Metrics[dice % query.Metrics.Length];
        var within = kind == ModifierKind.RunningTotal ? [] : query.GroupBy.Where((_, i) => ((dice >> (8 + i)) & 1) == 1).ToImmutableArray();
        var isAlone = (dice & 16) == 16;
        return query with
        {
            Having = null,
            Limit = null,
            Metrics = isAlone ? [.. query.Metrics.Where(m => m != metric)] : query.Metrics,
            Modifiers = [new MetricModifier(metric, kind, within, query.Metrics.Length - (isAlone ? 1 : 0))],
        };
    }

    private static string? Refusal(MetricModel model, MetricQuery query)
    {
        var modifier = query.Modifiers[0];
        var uses = Uses(model, model.Metrics[modifier.Metric], false).ToList();
        var times = query.GroupBy.Where(g => g.IsMetricTime).ToList();
        switch (modifier.As)
        {
            case ModifierKind.RunningTotal when times.Count == 0:
                return "metric_time_needed";
            case ModifierKind.RunningTotal:
                return uses.Exists(u => u.IsOfMoments || u.Measure.NonAdditive is not null || u.Measure.Aggregation is Aggregation.CountDistinct or Aggregation.ApproxCountDistinct or Aggregation.Median or Aggregation.Percentile) ? "no_running_total" : null;
            case ModifierKind.PercentOfTotal:
                return uses.Exists(u => u.IsOfMoments && query.GroupBy.Any(g => IsCounted(model, u.Measure, g) && !modifier.Within.Contains(g))) ? "no_totals" : null;
            default:
                return null;
        }
    }

    private static bool IsCounted(MetricModel model, Measure measure, FieldName field) =>
        field.IsMetricTime || (field.Path is [var entity, var name] && entity == model.SemanticModels[measure.SemanticModel].PrimaryEntity && name == measure.AggTimeDimension);

    private static IEnumerable<(Measure Measure, bool IsOfMoments)> Uses(MetricModel model, Metric metric, bool isOfMoments) => metric switch
    {
        CumulativeMetric cumulative => [(model.Measures[cumulative.Measure.Measure], true)],
        _ => metric.MeasureInputs.Select(i => (model.Measures[i.Measure], isOfMoments))
            .Concat(metric.Inputs.SelectMany(i => Uses(model, model.Metrics[i.Metric], isOfMoments || i.OffsetToGrain is not null))),
    };

    /// <summary>The running total at a few times, as the value of the query up to then.</summary>
    private static void Running(World world, MetricQuery query, BruteForce oracle, OracleAnswer answer, int at, int dice)
    {
        var (modifier, time) = (query.Modifiers[0], query.GroupBy.Where(g => g.IsMetricTime).MinBy(g => g.Grain)!);
        if (time.Grain < TimeGrain.Day || query.AllMetrics.Any(m => m.EndsWith("_every_day", StringComparison.Ordinal)))
        {
            return;
        }

        ImmutableArray<FieldName> others = [.. query.GroupBy.Where(g => !g.Equals(time))];
        var place = query.GroupBy.IndexOf(time);
        var times = answer.Rows.Select(r => r[place]).OfType<DateOnly>().Distinct().Order().ToList();
        foreach (var until in times.Where((_, i) => i == times.Count - 1 || (i + dice) % Math.Max(1, times.Count / 3) == 0))
        {
            var upTo = new ComparisonFilter(time, FilterOperator.Lte, [until.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)]);
            var alone = query with { Metrics = [modifier.Metric], Modifiers = [], OrderBy = [], Totals = false, Compare = null };
            Dictionary<Key, object?> values;
            if (world.Model.Metrics[modifier.Metric] is ConversionMetric conversion)
            {
                // Without the events behind that time, what came after would go to events before it: only its buckets' counts add up.
                values = Sums(conversion with { IsRate = false });
                if (conversion.IsRate)
                {
                    var bases = Sums(new SimpleMetric { Name = conversion.Name, Source = conversion.Source, Filter = conversion.Filter, Measure = conversion.BaseMeasure });
                    values = values.ToDictionary(v => v.Key, v => World.Divide(v.Value, bases.GetValueOrDefault(v.Key)));
                }
            }
            else
            {
                var past = oracle.Answer(alone with { GroupBy = others, Where = Filter.And(query.Where, upTo) });
                var column = past.Columns.IndexOf(modifier.Metric);
                values = past.Rows.ToDictionary(r => new Key(r[..others.Length]), r => r[column]);
            }

            Dictionary<Key, object?> Sums(Metric metric)
            {
                var buckets = new BruteForce(new World(world.Model with { Metrics = world.Model.Metrics.SetItem(metric.Name, metric) }, world.Tables), EngineWorld.Now).Answer(alone);
                var column = buckets.Columns.IndexOf(modifier.Metric);
                return buckets.Rows.Where(r => r[place] is DateOnly date && date <= until).GroupBy(r => Part(query, r, others))
                    .ToDictionary(g => g.Key, g => g.All(r => r[column] is null) ? null : (object?)g.Sum(r => Convert.ToDecimal(r[column], CultureInfo.InvariantCulture)));
            }

            foreach (var row in answer.Rows.Where(r => until.Equals(r[place])))
            {
                // A group that appears only as something to compare with has no past.
                if (values.TryGetValue(Part(query, row, others), out var expected))
                {
                    Same(expected, row[at], row);
                }
            }
        }
    }

    private static void Ranked(object?[] row, object? value, List<object?> all, long rank)
    {
        if (value is null)
        {
            Assert.Equal(1 + all.Count(v => v is not null), rank);
            return;
        }

        // Sums of real numbers differ in their last digits by the order of adding.
        double Number(object v) => Convert.ToDouble(v, CultureInfo.InvariantCulture);
        var (own, slack) = (Number(value), value is double ? 1e-9 * Math.Max(1e-3, Math.Abs(Number(value))) : 0);
        var others = all.Where(v => v is not null).Select(v => Number(v!)).ToList();
        Assert.True(
            rank >= 1 + others.Count(v => v > own + slack) && rank <= Math.Max(1 + others.Count(v => v > own), others.Count(v => v >= own - slack)),
            $"The rank {rank} of {value} among {others.Count}: {string.Join(" | ", row)}");
    }

    private static void Same(object? expected, object? actual, object?[] row)
    {
        var (a, b) = (expected is null ? double.NaN : Convert.ToDouble(expected, CultureInfo.InvariantCulture), actual is null ? double.NaN : Convert.ToDouble(actual, CultureInfo.InvariantCulture));
        Assert.True((double.IsNaN(a) && double.IsNaN(b)) || Math.Abs(a - b) <= 1e-9 * Math.Max(1e-3, Math.Max(Math.Abs(a), Math.Abs(b))), $"{expected ?? "∅"} is expected and {actual ?? "∅"} answered in {string.Join(" | ", row)}");
    }

    private static Dictionary<Key, object?> ByKey(OracleAnswer answer, int keys, string metric) =>
        answer.Rows.ToDictionary(r => new Key(r[..keys]), r => r[answer.Columns.IndexOf(metric)]);

    private static Key Part(MetricQuery query, object?[] row, ImmutableArray<FieldName> fields) => new([.. fields.Select(f => row[query.GroupBy.IndexOf(f)])]);

    private static OracleAnswer Without(OracleAnswer answer, int at)
    {
        T[] Cut<T>(IEnumerable<T> all) => [.. all.Where((_, i) => i != at)];
        return new OracleAnswer([.. Cut(answer.Columns)], [.. answer.Rows.Select(Cut)], answer.Totals is null ? null : Cut(answer.Totals));
    }

    private static string Print(MetricModifier modifier) => $"{modifier.Metric}:{modifier.As}:{string.Join(':', modifier.Within)}";
}
