using System.Globalization;
using System.Text;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Tests.Model;

namespace Write.DataPlatform.Tests.Query;

/// <summary>
/// The SQL of typical questions to the sample model, kept in <c>Snapshots</c> so that a change of it is seen and read.
/// Set <c>WDP_SNAPSHOTS=write</c> to make them anew.
/// </summary>
public sealed class SnapshotTests
{
    internal static readonly DateTimeOffset Now = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);

    internal static readonly Lazy<MetricModel> Sample = new(() =>
    {
        var result = new ModelLoader([]).Load(Path.Combine(ModelRuleTests.RepositoryFolder(), "src", "Write.DataPlatform.Api", "Sample", "Models"));
        return result.Model ?? throw new InvalidOperationException(ModelLoadException.Print(result.Problems));
    });

    public static TheoryData<string, string> Queries { get; } = new()
    {
        {
            "year_on_year",
            """{"metrics":["visits","bounce_rate"],"groupBy":["metric_time__month"],"timeRange":{"last":"P12M"},"compare":{"to":"previousYear"},"totals":true}"""
        },
        {
            "iso_weeks",
            """{"metrics":["visits"],"groupBy":["metric_time__week"],"timeRange":{"from":"2026-09-07","to":"2026-10-05"},"compare":{"to":"previousYear"}}"""
        },
        {
            "top_shows",
            """
            {"metrics":["watch_seconds","completion_rate"],"groupBy":["visit__show__title"],"timeRange":{"last":"P30D"},"compare":{"to":"previousPeriod"},
             "where":{"field":"visit__show__genre","op":"in","values":["drama","news"]},"orderBy":[{"field":"watch_seconds","descending":true}],"limit":20}
            """
        },
        {
            "audience_by_country",
            """{"metrics":["visits","unique_visitors"],"groupBy":["visit__country","visit__country__region"],"timeRange":{"from":"2026-10-01","to":"2026-11-01"},"where":{"not":{"field":"visit__device","op":"equals","values":["tv",null]}}}"""
        },
        {
            "filled_hours",
            """{"metrics":["page_views"],"groupBy":["metric_time__hour"],"timeRange":{"from":"2026-10-25","to":"2026-10-26"},"fill":true}"""
        },
        {
            "two_facts_of_a_tenant",
            """
            {"metrics":["revenue_per_visit","conversion_rate"],"groupBy":["visit__country","metric_time__day"],"timeRange":{"from":"2026-11-01","to":"2026-11-24"},
             "having":{"field":"revenue_per_visit","op":"gt","values":[0.5]}}
            """
        },
    };

    [Theory]
    [MemberData(nameof(Queries))]
    public void Lake_and_finish(string name, string json)
    {
        var query = MetricQueryReader.Read(Encoding.UTF8.GetBytes(json)) with { Source = QuerySource.Lake, Tenant = name.EndsWith("tenant", StringComparison.Ordinal) ? "acme" : null };
        Same(name, Print(QueryPlan.Create(Sample.Value, query, FieldTypes.Unknown, [], Now)));
    }

    [Fact]
    public void Gold_in_the_middle_and_the_lake_around_it()
    {
        var plan = OverGold("""{"metrics":["visits","average_visit_seconds"],"groupBy":["metric_time__month","visit__country__region"],"timeRange":{"from":"2026-02-15","to":"2026-07-02"}}"""u8);
        Assert.Equal([false, true, false], plan.Leaves.Single().Pieces.Select(p => p.Gold is not null));
        Same("gold_between_lake", Print(plan));
    }

    [Fact]
    public void Gold_alone_is_grouped_once()
    {
        var plan = OverGold("""{"metrics":["visits","pages_per_visit"],"groupBy":["metric_time__day"],"where":{"field":"visit__country","op":"equals","values":["DE"]},"timeRange":{"from":"2026-03-10","to":"2026-07-01"}}"""u8);
        Assert.All(plan.Leaves.SelectMany(l => l.Pieces), piece => Assert.NotNull(piece.Gold));
        Same("gold_alone", Print(plan));
    }

    private static QueryPlan OverGold(ReadOnlySpan<byte> json)
    {
        var definition = GoldDefinitions.Of(Sample.Value).ByTable["visits_daily"];
        var months = Enumerable.Range(3, 4).Select(m => new DateOnly(2026, m, 1)).Select(d => new GoldCandidatePartition(d.ToString("yyyy-MM", CultureInfo.InvariantCulture), d, d.AddMonths(1), 1000));
        return QueryPlan.Create(Sample.Value, MetricQueryReader.Read(json.ToArray()), FieldTypes.Unknown, [new GoldCandidate(definition, null, 7, [.. months], false)], Now);
    }

    [Theory]
    [InlineData("visits_daily")]
    [InlineData("audience_monthly")]
    [InlineData("customers_daily")]
    public void Refresh(string table)
    {
        var definition = GoldDefinitions.Of(Sample.Value).ByTable[table];
        var text = new StringBuilder();
        Append(text, "lake", definition.CompileLake(DuckDbDialect.Instance, new DateOnly(2026, 10, 1), new DateOnly(2026, 11, 1)));
        Append(text, "store", new SqlStatement(definition.CompileStore("lake_rows")));
        Same("refresh_" + table, text.ToString());
    }

    [Fact]
    public void No_snapshot_is_left_over() =>
        Assert.Equal(
            Queries.Select(q => q.Data.Item1).Concat(["gold_alone", "gold_between_lake", "refresh_visits_daily", "refresh_audience_monthly", "refresh_customers_daily"]).Order(StringComparer.Ordinal),
            Directory.GetFiles(Folder, "*.sql").Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal));

    internal static string Folder => Path.Combine(ModelRuleTests.RepositoryFolder(), "tests", "Write.DataPlatform.Tests", "Snapshots");

    private static string Print(QueryPlan plan)
    {
        var text = new StringBuilder();
        foreach (var leaf in plan.Leaves)
        {
            foreach (var piece in leaf.Pieces.Where(p => p.Gold is null))
            {
                Append(text, $"lake: {leaf.Leaf.Fact.Name} {piece.Range}", QueryPlan.CompileLake(leaf, piece, DuckDbDialect.Instance));
            }
        }

        string Source(LeafPlan leaf, LeafPiece piece) => piece.Gold is { } gold ? gold.Definition.Table.Name : $"lake_{leaf.Leaf.Index}_{leaf.Pieces.IndexOf(piece)}";
        Append(text, "finish", FinishCompiler.Compile(plan.Resolved, plan.Leaves, Source));
        if (plan.Resolved.Query.Totals)
        {
            Append(text, "totals", FinishCompiler.CompileTotals(plan.Resolved, plan.Leaves, Source));
        }

        return text.ToString();
    }

    internal static void Append(StringBuilder text, string title, SqlStatement statement)
    {
        text.Append("-- ").Append(title).Append('\n').Append(statement.Text).Append(";\n");
        for (var i = 0; i < statement.Parameters.Length; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"-- ${i + 1} = {statement.Parameters[i]}\n");
        }

        text.Append('\n');
    }

    internal static void Same(string name, string actual)
    {
        var file = Path.Combine(Folder, name + ".sql");
        if (Environment.GetEnvironmentVariable("WDP_SNAPSHOTS") == "write")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, actual);
        }

        Assert.True(File.Exists(file), $"{file} is missing; run the tests with WDP_SNAPSHOTS=write and read what they made.");
        Assert.Equal(File.ReadAllText(file).ReplaceLineEndings("\n"), actual.ReplaceLineEndings("\n"));
    }
}
