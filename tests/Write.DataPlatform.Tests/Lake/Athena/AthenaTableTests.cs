using System.Globalization;
using System.Text.Json.Nodes;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Lake.Athena;

/// <summary>What the catalog and S3 say of tables.</summary>
public sealed class AthenaTableTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_table_is_described_without_what_has_no_kind()
    {
        await using var world = await AthenaWorld.StartAsync(options => options.Athena.Database = "web");
        world.Athena.Table = (database, table) => (database, table) == ("web", "visits") ? Table("s3://lake/visits", ("id", "int"), ("tags", "array<string>"), ("price", "decimal(10,2)")) : null;
        Assert.Equal(
            [new ResultColumn("id", new ColumnType(ColumnKind.Int64)), new ResultColumn("price", new ColumnType(ColumnKind.Decimal, 10, 2)), new ResultColumn("day", new ColumnType(ColumnKind.String))],
            (await world.Lake.DescribeAsync("visits", Cancel))!.Value);
        Assert.Equal(3, (await world.Lake.DescribeAsync("web.visits", Cancel))!.Value.Length);
        Assert.Null(await world.Lake.DescribeAsync("visitz", Cancel));
        Assert.Null(await world.Lake.DescribeAsync("a.b.c", Cancel));
        world.Athena.Next("GetTableMetadata", FakeAthena.Error(400, "MetadataException", "Rate exceeded for the catalog"));
        await Assert.ThrowsAsync<LakeException>(() => world.Lake.DescribeAsync("visits", Cancel));
    }

    [Theory]
    [InlineData("visits/day=2026-01-14/b", "2026-01-15", "2026-01-16", false)]
    [InlineData("visits/day=2026-01-15/b", "2026-01-15", "2026-01-16", true)]
    [InlineData("visits/day=2026-01-16/b", "2026-01-15", "2026-01-16", false)]
    [InlineData("visits/day=nonsense/b", "2026-01-15", "2026-01-16", true)]
    [InlineData("visits/loose", "2026-01-15", "2026-01-16", true)]
    [InlineData("visits/day=2026-01-15/_temporary/b", "2026-01-15", "2026-01-16", false)]
    [InlineData("visits2/day=2026-01-15/b", "2026-01-15", "2026-01-16", false)]
    public async Task A_version_follows_the_files_of_the_range(string changed, string from, string to, bool changes)
    {
        await using var world = await AthenaWorld.StartAsync();
        world.Athena.Table = (_, _) => Table("s3://lake/visits");
        world.S3.PageSize = 2;
        foreach (var day in new[] { "2026-01-10", "2026-01-12", "2026-01-13" })
        {
            Write(world, $"visits/day={day}/a", day);
        }

        Task<string?> Version() => world.Lake.GetVersionAsync("visits", "day", DateOnly.Parse(from, CultureInfo.InvariantCulture), DateOnly.Parse(to, CultureInfo.InvariantCulture), Cancel);
        var before = await Version();
        Assert.NotNull(before);
        Write(world, changed, "new");
        world.Time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(changes, before != await Version());
    }

    [Fact]
    public async Task Content_of_the_same_size_is_another_version_and_a_listing_is_reused_for_a_moment()
    {
        await using var world = await AthenaWorld.StartAsync();
        world.Athena.Table = (_, _) => Table("s3://lake/visits/");
        Write(world, "visits/day=2026-01-10/a", "one");
        var before = await world.Lake.GetVersionAsync("visits", null, null, null, Cancel);
        Write(world, "visits/day=2026-01-10/a", "two");
        Assert.Equal(before, await world.Lake.GetVersionAsync("visits", null, null, null, Cancel));
        Assert.Single(world.S3.Calls);
        world.Time.Advance(TimeSpan.FromSeconds(2));
        Assert.NotEqual(before, await world.Lake.GetVersionAsync("visits", null, null, null, Cancel));
    }

    /// <summary>Athena reads no partition before it is registered, so what was refreshed before that has to be refreshed again.</summary>
    [Fact]
    public async Task A_partition_that_is_registered_after_its_files_came_is_a_change_of_its_days_alone()
    {
        await using var world = await AthenaWorld.StartAsync(options => options.Athena.Database = "web");
        world.Athena.Table = (_, _) => Table("s3://lake/visits");
        var registered = new List<string> { "day=2026-01-10" };
        world.Athena.Query = sql => sql == "SHOW PARTITIONS `visits`" ? new FakeQuery { Columns = [("partition", "string", 0, 0)], HasHeader = false, Rows = [.. registered.Select(name => new string?[] { name })] } : throw new InvalidOperationException(sql);
        Write(world, "visits/day=2026-01-10/a", "one");
        Write(world, "visits/day=2026-01-11/a", "two");
        async Task<(string? Tenth, string? Eleventh)> Versions() => (
            await world.Lake.GetVersionAsync("visits", "day", new DateOnly(2026, 1, 10), new DateOnly(2026, 1, 11), Cancel),
            await world.Lake.GetVersionAsync("visits", "day", new DateOnly(2026, 1, 11), new DateOnly(2026, 1, 12), Cancel));
        var before = await Versions();
        registered.Add("day=2026-01-11");
        world.Time.Advance(TimeSpan.FromSeconds(2));
        var after = await Versions();
        Assert.Equal(before.Tenth, after.Tenth);
        Assert.NotEqual(before.Eleventh, after.Eleventh);
    }

    [Fact]
    public async Task Callers_at_once_share_one_look()
    {
        await using var world = await AthenaWorld.StartAsync();
        world.Athena.Table = (_, _) => Table("s3://lake/visits");
        Write(world, "visits/day=2026-01-10/a", "one");
        var versions = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(() => world.Lake.GetVersionAsync("visits", null, null, null, Cancel), Cancel)));
        Assert.Single(versions.Distinct());
        Assert.Single(world.S3.Calls);
    }

    [Fact]
    public async Task What_cannot_be_told_is_null()
    {
        await using var world = await AthenaWorld.StartAsync();
        JsonObject Of(string type, params (string, string)[] parameters) => new()
        {
            ["Name"] = "t", ["TableType"] = type, ["Columns"] = new JsonArray(), ["Parameters"] = new JsonObject(parameters.Select(p => KeyValuePair.Create(p.Item1, (JsonNode?)p.Item2))),
        };
        world.Athena.Table = (_, table) => table switch
        {
            "view" => Of("VIRTUAL_VIEW", ("location", "s3://lake/view/")),
            "jdbc" => Of("EXTERNAL_TABLE"),
            "template" => Of("EXTERNAL_TABLE", ("location", "s3://lake/t/"), ("storage.location.template", "s3://other/${day}/")),
            "iceberg" => Of("EXTERNAL_TABLE", ("table_type", "ICEBERG"), ("location", "s3://lake/i"), ("metadata_location", "s3://lake/i/metadata/00007.json")),
            _ => null,
        };
        foreach (var table in new[] { "view", "jdbc", "template" })
        {
            Assert.Null(await world.Lake.GetVersionAsync(table, null, null, null, Cancel));
        }

        Assert.Equal("s3://lake/i/metadata/00007.json", await world.Lake.GetVersionAsync("iceberg", "day", null, null, Cancel));
        Assert.Empty(world.S3.Calls);
        Assert.True((await Assert.ThrowsAsync<LakeException>(() => world.Lake.GetVersionAsync("nowhere", null, null, null, Cancel))).IsMissing);
        world.Options.Athena.TableVersions = false;
        Assert.Null(await world.Lake.GetVersionAsync("iceberg", "day", null, null, Cancel));
    }

    [Fact]
    public void Wrong_options_are_all_reported()
    {
        var options = new LakeOptions { Kind = LakeKind.Athena, WorkPath = "work" };
        Assert.True(new LakeOptionsValidator().Validate(null, options).Succeeded);
        options.Athena.Workgroup = "a b";
        options.Athena.Catalog = "";
        options.Athena.Database = "";
        options.Athena.OutputLocation = "http://results/";
        options.Athena.MaxQueries = 0;
        options.Athena.MaxBytesScannedPerQuery = -1;
        options.Athena.MaxBytesScannedPerDay = -1;
        options.Athena.ResultReuse = TimeSpan.FromSeconds(90);
        options.Athena.PollFrom = TimeSpan.Zero;
        options.Athena.PollTo = TimeSpan.FromHours(1);
        Assert.Equal(10, new LakeOptionsValidator().Validate(null, options).Failures!.Count(failure => failure.StartsWith("DataPlatform:Lake:Athena:", StringComparison.Ordinal)));
    }

    private static JsonObject Table(string location, params (string Name, string Type)[] columns) => new()
    {
        ["Name"] = "visits", ["TableType"] = "EXTERNAL_TABLE", ["CreateTime"] = 1764351690,
        ["Columns"] = new JsonArray([.. columns.Select(column => (JsonNode)new JsonObject { ["Name"] = column.Name, ["Type"] = column.Type })]),
        ["PartitionKeys"] = new JsonArray(new JsonObject { ["Name"] = "day", ["Type"] = "string" }),
        ["Parameters"] = new JsonObject { ["location"] = location, ["classification"] = "parquet" },
    };

    private static void Write(AthenaWorld world, string key, string text)
    {
        var path = world.S3.PathOf("lake", key);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }
}
