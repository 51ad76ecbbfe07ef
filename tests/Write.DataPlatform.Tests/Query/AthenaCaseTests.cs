using System.Collections.Immutable;
using System.Text;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.StandIns;
using Write.DataPlatform.Tests.Lake.Athena;

namespace Write.DataPlatform.Tests.Query;

/// <summary>The cases' world, whose lake takes Athena's SQL alone.</summary>
public sealed class AthenaCaseWorld : IAsyncLifetime
{
    internal CaseWorld Cases { get; } = new();

    public ValueTask InitializeAsync() => Cases.InitializeAsync(path => new TrinoLake(path, "shop"));

    public ValueTask DisposeAsync() => Cases.DisposeAsync();
}

/// <summary>Every case by Athena's SQL: its answer, its text in both dialects as kept in <c>Snapshots</c>, and that Trino's grammar has nothing against it.</summary>
public sealed class AthenaCaseTests(AthenaCaseWorld world) : IClassFixture<AthenaCaseWorld>
{
    [Theory]
    [MemberData(nameof(CaseTests.Cases), MemberType = typeof(CaseTests))]
    public Task Engine_gives_what_the_check_query_gives(string file) => CaseTests.SameAsync(world.Cases, file);

    [Theory]
    [MemberData(nameof(CaseTests.Cases), MemberType = typeof(CaseTests))]
    public void Lake_sql_of_both_dialects(string file)
    {
        var text = new StringBuilder();
        foreach (var dialect in new SqlDialect[] { DuckDbDialect.Instance, AthenaDialect.Instance })
        {
            foreach (var (title, statement) in Statements(file, dialect))
            {
                SnapshotTests.Append(text, $"{dialect.Name}: {title}", statement);
            }
        }

        SnapshotTests.Same(Path.Combine("cases", Path.GetFileNameWithoutExtension(file)), text.ToString());
    }

    [Fact]
    public void No_snapshot_is_left_over() => Assert.Equal(
        CaseWorld.Files.Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal),
        Directory.GetFiles(Path.Combine(SnapshotTests.Folder, "cases")).Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal));

    [Fact]
    public async Task Trinos_grammar_has_nothing_against_it()
    {
        Assert.SkipWhen(StandIn.Missing is not null, StandIn.Missing ?? "");
        var statements = CaseWorld.Files.SelectMany(f => Statements(Path.GetFileName(f), AthenaDialect.Instance)).Concat(Sample()).Select(s => s.Statement.Text).ToList();
        string[] wrong = ["SELECT x::int FROM t", "SELECT x FROM t QUALIFY row_number() OVER () = 1", "SELECT sum(x) FROM t GROUP BY ALL", "SELECT list_transform([1], lambda x: x)", "SELECT $1 FROM t"];
        var errors = await NodeProgram.ParseTrinoAsync(statements.Concat(wrong), TestContext.Current.CancellationToken);
        Assert.True(statements.Count > 50, $"only {statements.Count} statements");
        Assert.Empty(statements.Zip(errors).Where(p => p.Second is not null).Select(p => p.Second + "\n" + p.First));
        Assert.All(errors.Skip(statements.Count), Assert.NotNull);
    }

    /// <summary>The questions to the sample's model, and its gold tables' statements.</summary>
    private static IEnumerable<(string Title, SqlStatement Statement)> Sample()
    {
        foreach (var query in SnapshotTests.Queries.Select(q => MetricQueryReader.Read(Encoding.UTF8.GetBytes(q.Data.Item2)) with { Source = QuerySource.Lake }))
        {
            foreach (var statement in Of(QueryPlan.Create(SnapshotTests.Sample.Value, query, FieldTypes.Unknown, [], SnapshotTests.Now), AthenaDialect.Instance))
            {
                yield return statement;
            }
        }

        foreach (var definition in GoldDefinitions.Of(SnapshotTests.Sample.Value).ByTable.Values)
        {
            yield return (definition.Table.Name, definition.CompileLake(AthenaDialect.Instance, new DateOnly(2026, 10, 1), new DateOnly(2026, 11, 1)));
        }
    }

    private IEnumerable<(string Title, SqlStatement Statement)> Statements(string file, SqlDialect dialect)
    {
        var @case = CaseWorld.Read(file);
        var model = world.Cases.Of(@case).World.Model;
        var query = MetricQueryReader.Read(Encoding.UTF8.GetBytes(@case["query"])) with { Source = QuerySource.Lake };
        return Of(QueryPlan.Create(model, query, Types(model), [], EngineWorld.Now), dialect);
    }

    private static IEnumerable<(string Title, SqlStatement Statement)> Of(QueryPlan plan, SqlDialect dialect) =>
        plan.Leaves.SelectMany(leaf => leaf.Pieces.Select(piece => ($"{leaf.Leaf.Fact.Name} {piece.Range}", QueryPlan.CompileLake(leaf, piece, dialect))));

    /// <summary>The types of the columns that are elements by their name alone.</summary>
    private static FieldTypes Types(MetricModel model) => new(model.SemanticModels.Values.Where(m => WorldModel.Tables.ContainsKey(m.Table))
        .SelectMany(m => m.Dimensions.Values.Select(d => (d.Name, d.Expr)).Concat(m.Entities.Values.Select(e => (e.Name, e.Expr))).DistinctBy(e => e.Name)
            .Select(e => (Key: FieldTypes.Key(m.Name, e.Name), WorldModel.Tables[m.Table].FirstOrDefault(c => c.Name == e.Expr).Type)))
        .Where(e => e.Type is not null)
        .ToImmutableDictionary(e => e.Key, e => e.Type switch
        {
            "BIGINT" => ColumnKind.Int64,
            "VARCHAR" => ColumnKind.String,
            "BOOLEAN" => ColumnKind.Boolean,
            "DOUBLE" => ColumnKind.Double,
            "DATE" => ColumnKind.Date,
            "TIMESTAMP" => ColumnKind.Timestamp,
            _ => ColumnKind.Decimal,
        }));
}
