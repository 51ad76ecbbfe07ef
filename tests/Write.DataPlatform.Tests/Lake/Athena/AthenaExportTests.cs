using System.Globalization;
using System.Text.Json.Nodes;
using DuckDB.NET.Data;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Lake.Athena;

/// <summary>Bulk results: UNLOAD's files, the result file, pages.</summary>
public sealed class AthenaExportTests
{
    private static readonly (string, string, int, int)[] Columns = [("k", "varchar", 0, 0), ("n", "integer", 10, 0)];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public async Task Unloaded_files_are_fetched_in_parts_counted_and_removed(int cuts)
    {
        await using var world = await AthenaWorld.StartAsync(options => options.Athena.OutputLocation = "s3://results/out");
        var folder = Unloads(world, files: 2, withManifest: true, rows: 400_000);
        world.S3.Cuts = cuts;
        var export = await world.PassAsync(world.Lake.ExportAsync(new SqlStatement("SELECT k, n FROM t WHERE k <> ?", ["it's"]), world.Export, Cancel));
        Assert.Equal((800_000, 2, 1000L), (export.Rows, export.Files.Length, export.BytesScanned));
        Assert.Equal([new ResultColumn("k", new ColumnType(ColumnKind.String)), new ResultColumn("n", new ColumnType(ColumnKind.Int64))], export.Columns);
        Assert.Equal(export.Files.Order(), Directory.GetFiles(world.Export).Order());
        Assert.Equal("800000 79999600000", Sql($"SELECT concat_ws(' ', count(*), sum(n)) FROM read_parquet([{string.Join(", ", export.Files.Select(f => $"'{f}'"))}])"));
        Assert.Contains(world.S3.Calls, call => call.Contains(" 8388608-", StringComparison.Ordinal));
        Assert.Empty(world.S3.Keys("results"));
        Assert.Matches("^UNLOAD \\(SELECT c0 AS \"k\", CAST\\(c1 AS BIGINT\\) AS \"n\" FROM \\(SELECT k, n FROM t WHERE k <> 'it''s'\\n\\) AS shaped \\(c0, c1\\)\\) TO 's3://results/out/exports/[0-9a-f]{32}/' WITH", folder.Statement);
    }

    [Fact]
    public async Task What_a_task_left_that_was_tried_twice_is_not_counted()
    {
        await using var world = await AthenaWorld.StartAsync(options => options.Athena.OutputLocation = "s3://results/out/");
        var folder = Unloads(world, files: 1, withManifest: true, rows: 10);
        folder.Extra = true;
        var export = await world.PassAsync(world.Lake.ExportAsync(new SqlStatement("SELECT k, n FROM t"), world.Export, Cancel));
        Assert.Equal((10, 1), (export.Rows, export.Files.Length));
        Assert.Empty(world.S3.Keys("results"));
    }

    [Fact]
    public async Task A_result_without_rows_still_has_a_file_and_its_columns()
    {
        await using var world = await AthenaWorld.StartAsync(options => options.Athena.OutputLocation = "s3://results/out/");
        Unloads(world, files: 0, withManifest: false, rows: 0);
        var export = await world.PassAsync(world.Lake.ExportAsync(new SqlStatement("SELECT k, n FROM t"), world.Export, Cancel));
        Assert.Equal(0, export.Rows);
        Assert.Equal(["k", "n"], export.Columns.Select(column => column.Name));
        Assert.Equal("k VARCHAR,n BIGINT", Sql($"SELECT string_agg(column_name || ' ' || column_type, ',') FROM (DESCRIBE SELECT * FROM '{Assert.Single(export.Files)}')"));
    }

    [Fact]
    public async Task Partitions_of_a_refresh_share_one_description()
    {
        await using var world = await AthenaWorld.StartAsync(options => options.Athena.OutputLocation = "s3://results/out/");
        Unloads(world, files: 1, withManifest: false, rows: 1);
        for (var month = 1; month <= 3; month++)
        {
            await world.PassAsync(world.Lake.ExportAsync(new SqlStatement($"SELECT k, n FROM t WHERE d >= DATE '2026-0{month}-01'"), Path.Combine(world.Export, "m" + month), Cancel));
        }

        Assert.Equal(4, world.Athena.Count("StartQueryExecution"));
    }

    [Fact]
    public async Task What_unload_cannot_write_comes_from_the_result_file()
    {
        await using var world = await AthenaWorld.StartAsync(options => options.Athena.OutputLocation = "s3://results/out/");
        (string, string, int, int)[] columns = [("at", "timestamp", 6, 0), ("t", "varchar", 0, 0)];
        world.Athena.Query = sql => sql.EndsWith("LIMIT 0", StringComparison.Ordinal)
            ? new FakeQuery { Columns = columns, Rows = [] }
            : new FakeQuery { Columns = columns, Rows = [], OutputLocation = Put(world, "out/q.csv", "\"at\",\"t\"\n\"2026-01-31 23:59:59.123456\",\"a \"\"b\"\",\nc\"\n,\n\"2026-01-31 00:00:00.000000\",\"\"\n") };
        var export = await world.PassAsync(world.Lake.ExportAsync(new SqlStatement("SELECT at, t FROM t"), world.Export, Cancel));
        Assert.Equal(3, export.Rows);
        Assert.Equal([Path.Combine(world.Export, "rows.parquet")], Directory.GetFileSystemEntries(world.Export));
        Assert.Equal(
            "[{'at': '2026-01-31 23:59:59.123456', 't': 'a \"b\",\nc'}, {'at': NULL, 't': NULL}, {'at': '2026-01-31 00:00:00', 't': ''}]",
            Sql($"SELECT CAST(list(r) AS VARCHAR) FROM '{export.Files[0]}' AS r"));
        Assert.Empty(world.S3.Keys("results"));
    }

    [Fact]
    public async Task Results_that_Athena_keeps_itself_come_in_pages()
    {
        await using var world = await AthenaWorld.StartAsync();
        world.Athena.Query = sql => sql.EndsWith("LIMIT 0", StringComparison.Ordinal)
            ? new FakeQuery { Columns = Columns, Rows = [] }
            : new FakeQuery { Columns = Columns, Rows = [.. Enumerable.Range(0, 3_000).Select(i => new[] { i % 3 == 0 ? null : "k" + i, i.ToString(CultureInfo.InvariantCulture) })] };
        var export = await world.PassAsync(world.Lake.ExportAsync(new SqlStatement("SELECT k, n FROM t"), world.Export, Cancel));
        Assert.Equal(3_000, export.Rows);
        Assert.Equal("3000 2000 4498500", Sql($"SELECT concat_ws(' ', count(*), count(k), sum(n)) FROM '{export.Files[0]}'"));
        Assert.Empty(world.S3.Calls);
    }

    [Fact]
    public async Task An_export_that_fails_leaves_nothing()
    {
        await using var world = await AthenaWorld.StartAsync(options => options.Athena.OutputLocation = "s3://results/out/");
        world.Athena.Query = sql =>
        {
            if (sql.EndsWith("LIMIT 0", StringComparison.Ordinal))
            {
                return new FakeQuery { Columns = Columns, Rows = [] };
            }

            Put(world, Folder(sql) + "half", "half a file");
            return new FakeQuery { States = ["RUNNING", "FAILED"], Error = new JsonObject { ["ErrorMessage"] = "HIVE_WRITER_CLOSE_ERROR", ["Retryable"] = true } };
        };
        var error = await Assert.ThrowsAsync<LakeException>(() => world.PassAsync(world.Lake.ExportAsync(new SqlStatement("SELECT k, n FROM t"), world.Export, Cancel)));
        Assert.True(error.IsTransient);
        Assert.Empty(world.S3.Keys("results"));
        Assert.Empty(Directory.GetFileSystemEntries(world.Export));
    }

    [Theory]
    [InlineData("map", "'n'")]
    [InlineData("time", "'n'")]
    public async Task A_type_without_a_place_is_refused_before_anything_is_read(string type, string word)
    {
        await using var world = await AthenaWorld.StartAsync();
        world.Athena.Query = _ => new FakeQuery { Columns = [("n", type, 0, 0)], Rows = [] };
        var error = await Assert.ThrowsAsync<LakeException>(() => world.PassAsync(world.Lake.ExportAsync(new SqlStatement("SELECT n FROM t"), world.Export, Cancel)));
        Assert.Contains(word, error.Message, StringComparison.Ordinal);
        Assert.Equal(1, world.Athena.Count("StartQueryExecution"));
    }

    private sealed class Unloaded
    {
        public string Statement { get; set; } = "";

        public bool Extra { get; set; }
    }

    /// <summary>Lets UNLOAD write files whose rows count from 0, together.</summary>
    private static Unloaded Unloads(AthenaWorld world, int files, bool withManifest, int rows)
    {
        var unloaded = new Unloaded();
        world.Athena.Query = sql =>
        {
            if (sql.EndsWith("LIMIT 0", StringComparison.Ordinal))
            {
                return new FakeQuery { Columns = Columns, Rows = [] };
            }

            unloaded.Statement = sql;
            List<string> written = [];
            for (var i = 0; i < files + (unloaded.Extra ? 1 : 0); i++)
            {
                var key = Folder(sql) + "part" + i;
                Directory.CreateDirectory(Path.GetDirectoryName(world.S3.PathOf("results", key))!);

                // Random texts do not shrink, so that a file has more than one part.
                Sql($"COPY (SELECT md5(CAST(r AS VARCHAR)) AS k, r // 2 AS n FROM range({rows}) AS t(r)) TO '{world.S3.PathOf("results", key)}' (FORMAT parquet)");
                written.Add("s3://results/" + key);
            }

            return new FakeQuery
            {
                Columns = [("rows", "bigint", 19, 0)],
                Rows = [],
                Manifest = withManifest ? Put(world, "out/q-manifest.csv", string.Concat(written.Take(files).Select(uri => uri + "\n"))) : null,
            };
        };
        return unloaded;
    }

    private static string Folder(string unload) => unload[(unload.IndexOf(" TO 's3://results/", StringComparison.Ordinal) + " TO 's3://results/".Length)..].Split('\'')[0];

    private static string Put(AthenaWorld world, string key, string text)
    {
        var path = world.S3.PathOf("results", key);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return "s3://results/" + key;
    }

    private static string Sql(string sql)
    {
        using var connection = new DuckDBConnection("DataSource=:memory:;threads=1");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return Convert.ToString(command.ExecuteScalar(), CultureInfo.InvariantCulture)!;
    }
}
