using Write.DataPlatform.Lake;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Lake;

/// <summary>What every lake must do; a subclass gives one over the same Parquet tables.</summary>
public abstract class LakeContract : IAsyncLifetime
{
    private const string Visits =
        "SELECT * FROM (VALUES (1, 'FR', 1.5::DOUBLE, 12.30::DECIMAL(10,2), true, DATE '2026-01-31', TIMESTAMP '2026-01-31 23:59:59.123456'),"
        + " (2, 'D''É 日本 🎬', 'nan'::DOUBLE, -0.01, false, DATE '2024-02-29', TIMESTAMP '2024-02-29 00:00:00'),"
        + " (3, NULL, NULL, NULL, NULL, NULL, NULL)) AS t(id, country, watched, price, is_new, day, \"at\")";

    private readonly LakeFiles _files = new();

    private ILake Lake { get; set; } = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected abstract Task<ILake> CreateAsync(string folder, string work);

    /// <summary>What stands for a value of a statement.</summary>
    protected virtual string Placeholder(int number) => "$" + number.ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>A moment as this lake keeps it.</summary>
    protected virtual DateTime Kept(DateTime moment) => moment;

    public async ValueTask InitializeAsync()
    {
        _files.Write("visits.parquet", Visits);
        _files.Write("web/pages/a.parquet", "SELECT 1::BIGINT AS id");
        _files.Write("many.parquet", "SELECT i::BIGINT AS i, 'k' || (i % 7) AS k FROM range(20000) t(i)");
        _files.Write(
            "types.parquet",
            "SELECT 1::TINYINT AS a, 2::UINTEGER AS b, 1.5::FLOAT AS d, TIMESTAMPTZ '2026-07-01 02:00:00+02' AS e, TIMESTAMP_S '2026-01-01 00:00:01' AS f,"
            + " TIMESTAMP_NS '2026-01-01 00:00:01.5' AS g, '7d444840-9dc0-11d1-b245-5ffdce74fad2'::UUID AS h, 9223372036854775807::BIGINT AS big, [1, 2] AS list");
        Lake = await CreateAsync(_files.Path, _files.Work);
    }

    public async ValueTask DisposeAsync()
    {
        if (Lake is IAsyncDisposable disposable)
        {
            await disposable.DisposeAsync();
        }

        _files.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Values_come_as_they_were_written()
    {
        var rows = await RowsAsync("""SELECT "id", "country", "watched", "price", "is_new", "day", "at" FROM "visits" ORDER BY "id" """);
        Assert.Equal(
            [
                [1L, "FR", 1.5, 12.30m, true, new DateOnly(2026, 1, 31), Kept(new DateTime(2026, 1, 31, 23, 59, 59, DateTimeKind.Utc).AddTicks(1_234_560))],
                [2L, "D'É 日本 🎬", double.NaN, -0.01m, false, new DateOnly(2024, 2, 29), new DateTime(2024, 2, 29, 0, 0, 0, DateTimeKind.Utc)],
                [3L, null, null, null, null, null, null],
            ],
            rows);
        Assert.Equal(DateTimeKind.Utc, ((DateTime)rows[0][6]!).Kind);
    }

    [Fact]
    public async Task Columns_have_one_of_the_few_kinds()
    {
        await using var rows = await Lake.QueryAsync(new SqlStatement("""SELECT "id", "country", "watched", "price", "is_new", "day", "at", sum("id") OVER () AS "s" FROM "visits" """), Cancel);
        Assert.Equal(
            [
                new ResultColumn("id", new ColumnType(ColumnKind.Int64)), new ResultColumn("country", new ColumnType(ColumnKind.String)),
                new ResultColumn("watched", new ColumnType(ColumnKind.Double)), new ResultColumn("price", new ColumnType(ColumnKind.Decimal, 10, 2)),
                new ResultColumn("is_new", new ColumnType(ColumnKind.Boolean)), new ResultColumn("day", new ColumnType(ColumnKind.Date)),
                new ResultColumn("at", new ColumnType(ColumnKind.Timestamp)), new ResultColumn("s", new ColumnType(ColumnKind.Int64)),
            ],
            rows.Columns);
        Assert.NotEmpty(rows.QueryId);
    }

    [Fact]
    public async Task Other_types_are_narrowed()
    {
        var rows = await RowsAsync("""SELECT "a", "b", "d", "e", "f", "g", "h" FROM "types" """);
        Assert.Equal(
            [
                1L, 2L, 1.5, new DateTime(2026, 7, 1, 0, 0, 0, DateTimeKind.Utc), new DateTime(2026, 1, 1, 0, 0, 1, DateTimeKind.Utc),
                new DateTime(2026, 1, 1, 0, 0, 1, 500, DateTimeKind.Utc), "7d444840-9dc0-11d1-b245-5ffdce74fad2",
            ],
            rows.Single());
    }

    [Fact]
    public async Task A_sum_beyond_64_bits_is_refused_not_rounded()
    {
        var error = await Assert.ThrowsAsync<LakeException>(() => RowsAsync("""SELECT sum("x") AS "s" FROM (SELECT "big" AS "x" FROM "types" UNION ALL SELECT "big" FROM "types") AS "t" """));
        Assert.False(error.IsTransient);
    }

    [Fact]
    public async Task A_type_without_a_place_is_refused_by_the_columns_name()
    {
        var error = await Assert.ThrowsAsync<LakeException>(() => RowsAsync("""SELECT "list" FROM "types" """));
        Assert.Contains("'list'", error.Message, StringComparison.Ordinal);
        Assert.False(error.IsTransient);
    }

    [Fact]
    public async Task Parameters_are_values_never_text_of_the_statement()
    {
        var sql = $"""SELECT "id" FROM "visits" WHERE "country" = {Placeholder(1)} AND "id" > {Placeholder(2)}""";
        Assert.Equal([[2L]], await RowsAsync(sql, "D'É 日本 🎬", 1L));
        Assert.Empty(await RowsAsync(sql, "' OR 1 = 1 --", 0L));
        Assert.Empty(await RowsAsync(sql, null, 0L));
    }

    [Fact]
    public async Task The_order_of_the_statement_is_kept()
    {
        var rows = await RowsAsync("""SELECT "k", sum("i") AS "s", CAST("i" AS INTEGER) AS "n" FROM "many" GROUP BY "k", "i" ORDER BY "k" DESC, "n" """);
        Assert.Equal(Enumerable.Range(0, 20000).OrderByDescending(i => i % 7).ThenBy(i => i).Select(i => (long)i), rows.Select(row => (long)row[2]!));
    }

    [Fact]
    public async Task An_export_holds_the_rows_of_the_query()
    {
        var statement = new SqlStatement(
            $"""SELECT "k", sum("i") AS "s", count(*) AS "n", min(CAST("i" AS DECIMAL(12, 3))) AS "d" FROM "many" WHERE "i" >= {Placeholder(1)} GROUP BY "k" ORDER BY "k" """, [100L]);
        var folder = Path.Combine(_files.Root, "export");
        var export = await Lake.ExportAsync(statement, folder, Cancel);
        Assert.All(export.Files, file => Assert.Equal(folder, Path.GetDirectoryName(file)));
        Assert.Equal(export.Files.Order(), Directory.GetFiles(folder).Order());
        Assert.Equal(7, export.Rows);
        var expected = await RowsAsync(statement);
        Assert.Equal(expected, _files.Read($"SELECT * FROM read_parquet([{string.Join(", ", export.Files.Select(file => $"'{file}'"))}]) ORDER BY k"));
        await using var query = await Lake.QueryAsync(statement, Cancel);
        Assert.Equal(query.Columns, export.Columns);
    }

    [Fact]
    public async Task An_export_without_rows_still_has_its_columns()
    {
        var export = await Lake.ExportAsync(new SqlStatement("""SELECT "k", sum("i") AS "s" FROM "many" WHERE "i" < 0 GROUP BY "k" """), Path.Combine(_files.Root, "export"), Cancel);
        Assert.Equal(0, export.Rows);
        Assert.Equal(["k", "s"], export.Columns.Select(column => column.Name));
        Assert.All(export.Files, file => Assert.True(File.Exists(file)));
    }

    [Fact]
    public async Task An_unknown_table_is_named()
    {
        var error = await Assert.ThrowsAsync<LakeException>(() => RowsAsync("""SELECT 1 AS "one" FROM "web"."visitz" """));
        Assert.Contains("web.visitz", error.Message, StringComparison.Ordinal);
        Assert.False(error.IsTransient);
        Assert.Null(await Lake.DescribeAsync("web.visitz", Cancel));
    }

    [Fact]
    public async Task An_unknown_column_is_named()
    {
        var error = await Assert.ThrowsAsync<LakeException>(() => RowsAsync("""SELECT "contry" FROM "visits" """));
        Assert.Contains("contry", error.Message, StringComparison.Ordinal);
        Assert.False(error.IsTransient);
    }

    [Fact]
    public async Task Tables_of_a_schema_are_found_and_described()
    {
        Assert.Equal([[1L]], await RowsAsync("""SELECT "id" FROM "web"."pages" """));
        Assert.Equal([new ResultColumn("id", new ColumnType(ColumnKind.Int64))], (await Lake.DescribeAsync("web.pages", Cancel))!.Value);
    }

    [Fact]
    public async Task Rows_need_not_be_read_to_the_end()
    {
        for (var i = 0; i < 20; i++)
        {
            await using var rows = await Lake.QueryAsync(new SqlStatement("""SELECT "i" FROM "many" """), Cancel);
            await foreach (var row in rows.ReadAsync(Cancel))
            {
                Assert.IsType<long>(row[0]);
                break;
            }

            await rows.DisposeAsync(); // twice does no harm
        }
    }

    [Fact]
    public async Task Queries_and_exports_are_cancelled()
    {
        // Eight thousand million pairs: minutes of work, were it not stopped.
        var endless = new SqlStatement("""SELECT sum(a."i" * b."i" % 7 + c."i") AS "s" FROM "many" AS a CROSS JOIN "many" AS b CROSS JOIN (SELECT "i" FROM "many" WHERE "i" < 200) AS c""");
        foreach (var run in new Func<CancellationToken, Task>[]
        {
            async token => { await using var rows = await Lake.QueryAsync(endless, token); await foreach (var _ in rows.ReadAsync(token)) { } },
            token => Lake.ExportAsync(endless, Path.Combine(_files.Root, "cancelled"), token),
        })
        {
            using var source = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run(source.Token).WaitAsync(TimeSpan.FromSeconds(30), Cancel));
        }

        Assert.False(Directory.Exists(Path.Combine(_files.Root, "cancelled")) && Directory.EnumerateFiles(Path.Combine(_files.Root, "cancelled")).Any());
        Assert.Equal([[20000L]], await RowsAsync("""SELECT count(*) AS "n" FROM "many" """));
    }

    [Fact]
    public async Task Many_callers_get_their_own_answers()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 24).Select(i => RowsAsync($"""SELECT count(*) AS "n" FROM "many" WHERE "i" < {Placeholder(1)}""", (long)i)));
        Assert.Equal(Enumerable.Range(0, 24).Select(i => (long)i), answers.Select(rows => (long)rows[0][0]!));
    }

    private Task<List<object?[]>> RowsAsync(string sql, params object?[] parameters) => RowsAsync(new SqlStatement(sql, [.. parameters]));

    private async Task<List<object?[]>> RowsAsync(SqlStatement statement)
    {
        await using var rows = await Lake.QueryAsync(statement, Cancel);
        List<object?[]> all = [];
        await foreach (var row in rows.ReadAsync(Cancel))
        {
            all.Add(row);
        }

        return all;
    }
}
