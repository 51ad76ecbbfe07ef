using DuckDB.NET.Data;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Lake.DuckDb;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Lake.DuckDb;

/// <summary>The contract over the contract's files as tables of a database.</summary>
public sealed class DatabaseLakeContractTests : LakeContract
{
    protected override Task<ILake> CreateAsync(string folder, string work)
    {
        var database = DatabaseLakeTests.Make(Path.Combine(folder, "web.duckdb"), [
            "CREATE SCHEMA web",
            $"CREATE TABLE web.pages AS FROM '{folder}/web/pages/a.parquet'",
            .. new[] { "visits", "many", "types" }.Select(t => $"CREATE TABLE {t} AS FROM '{folder}/{t}.parquet'")]);
        return Task.FromResult<ILake>(new DuckDbLake(new LakeOptions { Database = database, WorkPath = work, MemoryMegabytes = 256 }, TimeProvider.System));
    }
}

public sealed class DatabaseLakeTests : IAsyncLifetime
{
    private readonly LakeFiles _files = new();
    private DuckDbLake _lake = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Database => Path.Combine(_files.Path, "it's.duckdb");

    private LakeOptions Options => new() { Database = Database, WorkPath = _files.Work, MemoryMegabytes = 256 };

    public ValueTask InitializeAsync()
    {
        _files.Write("other.parquet", "SELECT 1 AS secret");
        Make(Database, ["CREATE SCHEMA web", "CREATE TABLE web.pages AS SELECT 1 AS id", "CREATE TABLE visits AS SELECT i AS id FROM range(5) AS r(i)", $"CREATE VIEW outside AS FROM '{_files.Path}/other.parquet'"]);
        _lake = new DuckDbLake(Options, TimeProvider.System);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _lake.DisposeAsync();
        _files.Dispose();
    }

    [Fact]
    public async Task A_table_that_is_not_there_is_told_with_those_that_are()
    {
        var error = await Assert.ThrowsAsync<LakeException>(() => _lake.QueryAsync(new SqlStatement("SELECT id FROM web.visits"), Cancel));
        Assert.Equal((true, $"The lake has no table 'web.visits'; its database '{Database}' has: outside, visits, web.pages."), (error.IsMissing, error.Message));
        Assert.Null(await _lake.DescribeAsync("pages", Cancel));
        Assert.Equal("id", Assert.Single((await _lake.DescribeAsync("Web.Pages", Cancel))!.Value).Name);
    }

    [Theory]
    [InlineData("SELECT * FROM read_parquet('{0}/other.parquet')")]
    [InlineData("SELECT * FROM outside")]
    [InlineData("INSERT INTO visits SELECT 9")]
    [InlineData("DROP TABLE visits")]
    [InlineData("ATTACH '{0}/new.duckdb'")]
    [InlineData("COPY visits TO '{0}/copy.parquet'")]
    public async Task Nothing_but_the_database_is_read_and_nothing_is_written(string sql)
    {
        await Assert.ThrowsAsync<LakeException>(async () =>
        {
            await using var rows = await _lake.QueryAsync(new SqlStatement(string.Format(System.Globalization.CultureInfo.InvariantCulture, sql, _files.Path)), Cancel);
            await foreach (var _ in rows.ReadAsync(Cancel))
            {
            }
        });
        Assert.Equal(["it's.duckdb", "other.parquet"], Directory.GetFiles(_files.Path).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_version_changes_with_the_file()
    {
        var before = await _lake.GetVersionAsync("visits", null, null, null, Cancel);
        Assert.Equal(before, await _lake.GetVersionAsync("visits", null, null, null, Cancel));
        Make(Database, ["CREATE TABLE more AS SELECT i FROM range(100000) AS r(i)"]);
        Assert.NotEqual(before, await _lake.GetVersionAsync("visits", null, null, null, Cancel));
        File.Delete(Database);
        Assert.True((await Assert.ThrowsAsync<LakeException>(() => _lake.GetVersionAsync("visits", null, null, null, Cancel))).IsMissing);
    }

    [Fact]
    public void Options_say_what_is_wrong_with_the_file()
    {
        string Failure(LakeOptions options) => Assert.Single(new LakeOptionsValidator().Validate(null, options).Failures!);
        LakeOptions With(string database) => new() { Database = database, WorkPath = _files.Work };
        Assert.True(new LakeOptionsValidator().Validate(null, Options).Succeeded);
        Assert.EndsWith("does not exist.", Failure(With(Path.Combine(_files.Path, "none"))), StringComparison.Ordinal);
        Assert.EndsWith("is a folder; it must be a DuckDB database file.", Failure(With(_files.Path)), StringComparison.Ordinal);
        Assert.EndsWith("is no DuckDB database file.", Failure(With(Path.Combine(_files.Path, "other.parquet"))), StringComparison.Ordinal);
        Assert.EndsWith("is no DuckDB database file.", Failure(With(_files.WriteText("short", "DUCK"))), StringComparison.Ordinal);
        Assert.EndsWith("goes with the kind DuckDb alone, not with Athena.", Failure(new LakeOptions { Kind = LakeKind.Athena, Database = Database, WorkPath = _files.Work }), StringComparison.Ordinal);
    }

    /// <summary>Runs statements on a database file, which is made if need be.</summary>
    internal static string Make(string file, IEnumerable<string> statements)
    {
        using var connection = new DuckDBConnection("DataSource=:memory:");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = $"ATTACH '{file.Replace("'", "''", StringComparison.Ordinal)}' AS made; USE made; {string.Join("; ", statements)}; USE memory; DETACH made";
        command.ExecuteNonQuery();
        return file;
    }
}
