using System.Globalization;
using System.Text;
using Write.DataPlatform.DuckDb;
using Write.DataPlatform.Insights;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Query;
using Write.DataPlatform.Tests.Model;
using YamlDotNet.Serialization;

namespace Write.DataPlatform.Tests.Query;

/// <summary>
/// Each file in <c>Cases</c> says what it shows, what it adds to the model or changes of its calendar (<c>week_start</c>, <c>year_start</c>), a query, and the SQL that a person would have written for it over the lake's tables,
/// <c>check</c> for its rows and, where it asks for them, <c>totals</c>.
/// </summary>
public sealed class CaseTests(CaseWorld world) : IClassFixture<CaseWorld>
{
    public static TheoryData<string> Cases => [.. CaseWorld.Files.Select(f => Path.GetFileName(f))];

    [Theory]
    [MemberData(nameof(Cases))]
    public Task Engine_gives_what_the_check_query_gives(string file) => SameAsync(world, file);

    internal static async Task SameAsync(CaseWorld world, string file)
    {
        var @case = CaseWorld.Read(file);
        var query = MetricQueryReader.Read(Encoding.UTF8.GetBytes(@case["query"])) with { Source = QuerySource.Lake };
        var actual = await world.Of(@case).AnswerAsync(query);
        var check = await world.CheckAsync(@case["check"]);

        var totals = @case.TryGetValue("totals", out var sql) ? Assert.Single((await world.CheckAsync(sql)).Rows) : null;

        // A case about nothing proves nothing.
        Assert.NotEmpty(check.Rows);
        Answers.Same(new OracleAnswer(actual.Columns, check.Rows, totals), actual);
    }

    [Fact]
    public void There_are_cases() => Assert.True(CaseWorld.Files.Count >= 12);
}

/// <summary>One world that has what every case adds to the model, and a database of its own that sees the same lake.</summary>
public sealed class CaseWorld : IAsyncLifetime
{
    private readonly DuckDbInstance _check = new(new DuckDbSettings { Threads = 1, MaxSessions = 1, MemoryMegabytes = 256 });

    internal static IReadOnlyList<string> Files { get; } =
        [.. Directory.GetFiles(Path.Combine(ModelRuleTests.RepositoryFolder(), "tests", "Write.DataPlatform.Tests", "Cases"), "*.yaml").Order(StringComparer.Ordinal)];

    private readonly Dictionary<(string WeekStart, int YearStart), EngineWorld> _worlds = [];

    internal static Dictionary<string, string> Read(string file) =>
        new DeserializerBuilder().Build().Deserialize<Dictionary<string, string>>(File.ReadAllText(Files.Single(f => Path.GetFileName(f) == file)));

    public ValueTask InitializeAsync() => InitializeAsync(null);

    /// <param name="lakeOf">Makes the lake over its folder; null for DuckDB's.</param>
    internal async ValueTask InitializeAsync(Func<string, ILake>? lakeOf)
    {
        var additions = Files.Select(f => (Path: "cases/" + Path.GetFileName(f), Text: Read(Path.GetFileName(f)).GetValueOrDefault("model")!)).Where(a => a.Text is not null).ToList();
        foreach (var calendar in Files.Select(f => CalendarOf(Read(Path.GetFileName(f)))).Distinct())
        {
            _worlds[calendar] = await EngineWorld.CreateAsync(
                [.. WorldModel.Files(weekStart: calendar.WeekStart, yearStart: calendar.YearStart), .. additions], new WorldData(7).Make(), WorldModel.Tables, lakeOf);
        }

        var world = _worlds.Values.First();
        await using var session = await _check.OpenAsync();
        await session.ExecuteAsync("CREATE SCHEMA shop");
        foreach (var table in WorldModel.Tables.Keys)
        {
            await session.ExecuteAsync($"CREATE VIEW {table} AS SELECT * FROM read_parquet('{Path.Combine(world.LakePath, table.Replace('.', '/') + ".parquet")}')");
        }
    }

    /// <summary>The world with a case's calendar.</summary>
    internal EngineWorld Of(IReadOnlyDictionary<string, string> @case) => _worlds[CalendarOf(@case)];

    private static (string WeekStart, int YearStart) CalendarOf(IReadOnlyDictionary<string, string> @case) =>
        (@case.GetValueOrDefault("week_start") ?? "monday", int.Parse(@case.GetValueOrDefault("year_start") ?? "1", CultureInfo.InvariantCulture));

    internal async Task<ResultRows> CheckAsync(string sql)
    {
        await using var session = await _check.OpenAsync();
        return await session.QueryAsync(new SqlStatement(sql), reader => ResultRows.Read(reader, default));
    }

    public async ValueTask DisposeAsync()
    {
        await _check.DisposeAsync();
        foreach (var world in _worlds.Values)
        {
            await world.DisposeAsync();
        }
    }
}
