using System.Diagnostics;
using System.Text.Json;
using DuckDB.NET.Data;
using Write.DataPlatform.AthenaStandIn;
using Write.DataPlatform.StandIns;

namespace Write.DataPlatform.Tests.Lake.Athena;

/// <summary>The stand-in as AWS's own client sees it.</summary>
public sealed class AthenaServerTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("wdp-athena-").FullName;
    private AthenaServer? _server;
    private NodeProgram? _client;

    private AthenaServer Server => _server!;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(StandIn.Missing is not null, StandIn.Missing ?? "");
        await using (var connection = new DuckDBConnection("DataSource=:memory:"))
        {
            connection.Open();
            Directory.CreateDirectory(Path.Combine(_folder, "lake", "web", "visits", "day=2024-01-01"));
            Directory.CreateDirectory(Path.Combine(_folder, "lake", "web", "visits", "day=2024-01-02"));
            await using var command = connection.CreateCommand();
            command.CommandText = $"""
                COPY (SELECT i AS id, CASE WHEN i % 10 = 0 THEN NULL WHEN i % 10 = 1 THEN '' ELSE 'v"' || i END AS name, CAST(i / 4.0 AS DECIMAL(10,2)) AS amount, i / 8.0::DOUBLE AS share,
                  TIMESTAMP '2024-01-01 00:00:00' + to_milliseconds(i) AS at, i % 2 = 0 AS even FROM range(2500) AS r(i)) TO '{_folder}/lake/web/visits/day=2024-01-01/a.parquet';
                """;
            await command.ExecuteNonQueryAsync();
            File.Copy(Path.Combine(_folder, "lake/web/visits/day=2024-01-01/a.parquet"), Path.Combine(_folder, "lake/web/visits/day=2024-01-02/a.parquet"));
        }

        await StartAsync(new AthenaStandInOptions { LakePath = Path.Combine(_folder, "lake"), Databases = ["web"], OutputPath = Path.Combine(_folder, "s3") });
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Pages_have_a_thousand_rows_with_the_header()
    {
        var id = await StartAsync("SELECT id, name, amount, share, \"at\", even, day FROM web.visits WHERE day = DATE '2024-01-02' ORDER BY id");
        var execution = await FinishAsync(id);
        Assert.Equal("SUCCEEDED", State(execution));
        var first = await OutputAsync("GetQueryResults", new { QueryExecutionId = id, MaxResults = 1000 });
        var columns = first.GetProperty("ResultSet").GetProperty("ResultSetMetadata").GetProperty("ColumnInfo").EnumerateArray().ToList();
        Assert.Equal(["bigint", "varchar", "decimal", "double", "timestamp", "boolean", "date"], columns.Select(c => c.GetProperty("Type").GetString()));
        Assert.Equal((10, 2), (columns[2].GetProperty("Precision").GetInt32(), columns[2].GetProperty("Scale").GetInt32()));
        var pages = new List<List<string?[]>> { Rows(first) };
        Assert.Equal(["id", "name", "amount", "share", "at", "even", "day"], pages[0][0]);
        Assert.Equal(["0", null, "0.00", "0.0", "2024-01-01 00:00:00.000", "true", "2024-01-02"], pages[0][1]);
        Assert.Equal(["1", "", "0.25", "0.125", "2024-01-01 00:00:00.001", "false", "2024-01-02"], pages[0][2]);
        Assert.Equal("v\"2", pages[0][3][1]);
        var token = first.GetProperty("NextToken").GetString();
        while (token is not null)
        {
            var page = await OutputAsync("GetQueryResults", new { QueryExecutionId = id, NextToken = token });
            pages.Add(Rows(page));
            token = page.TryGetProperty("NextToken", out var next) ? next.GetString() : null;
        }

        Assert.Equal([1000, 1000, 501], pages.Select(p => p.Count));
        Assert.Equal(Enumerable.Range(0, 2500).Select(i => i.ToString(null, null)), pages.SelectMany(p => p).Skip(1).Select(r => r[0]));
        Assert.Equal("InvalidRequestException", await ErrorAsync("GetQueryResults", new { QueryExecutionId = id, MaxResults = 1001 }));

        // A partition that is ruled out is not read.
        var files = new DirectoryInfo(Path.Combine(_folder, "lake")).GetFiles("*", SearchOption.AllDirectories);
        Assert.Equal(files[0].Length, execution.GetProperty("Statistics").GetProperty("DataScannedInBytes").GetInt64());

        var csv = await File.ReadAllLinesAsync(Path.Combine(_folder, "s3", execution.GetProperty("ResultConfiguration").GetProperty("OutputLocation").GetString()!["s3://".Length..]), TestContext.Current.CancellationToken);
        Assert.Equal("\"id\",\"name\",\"amount\",\"share\",\"at\",\"even\",\"day\"", csv[0]);
        Assert.Equal("\"0\",,\"0.00\",\"0.0\",\"2024-01-01 00:00:00.000\",\"true\",\"2024-01-02\"", csv[1]);
        Assert.Equal("\"1\",\"\",\"0.25\",\"0.125\",\"2024-01-01 00:00:00.001\",\"false\",\"2024-01-02\"", csv[2]);
        Assert.Contains("\"v\"\"2\"", csv[3], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_starts_one_query()
    {
        var token = new string('t', 32);
        object Request(string sql, string token) => new { QueryString = sql, ClientRequestToken = token, ResultConfiguration = new { OutputLocation = "s3://out/x/" } };
        var first = (await OutputAsync("StartQueryExecution", Request("SELECT 1 AS a", token))).GetProperty("QueryExecutionId").GetString();
        Assert.Equal(first, (await OutputAsync("StartQueryExecution", Request("SELECT 1 AS a", token))).GetProperty("QueryExecutionId").GetString());
        Assert.Equal("InvalidRequestException", await ErrorAsync("StartQueryExecution", Request("SELECT 2 AS a", token)));
        Assert.Equal("InvalidRequestException", await ErrorAsync("StartQueryExecution", Request("SELECT 1 AS a", "short")));
        Assert.Single(Server.Queries);
    }

    [Fact]
    public async Task Wrong_statements_are_refused_and_failing_ones_fail()
    {
        Assert.Equal("InvalidRequestException", await ErrorAsync("StartQueryExecution", new { QueryString = "SELEC 1", ResultConfiguration = new { OutputLocation = "s3://out/x/" } }));
        Assert.Equal("InvalidRequestException", await ErrorAsync("StartQueryExecution", new { QueryString = "SELECT 1" }));
        Assert.Equal("InvalidRequestException", await ErrorAsync("GetQueryExecution", new { QueryExecutionId = Guid.NewGuid() }));
        var execution = await FinishAsync(await StartAsync("SELECT * FROM nothing"));
        Assert.Equal("FAILED", State(execution));
        Assert.StartsWith("TABLE_NOT_FOUND", execution.GetProperty("Status").GetProperty("StateChangeReason").GetString(), StringComparison.Ordinal);
        Assert.False(execution.GetProperty("Status").GetProperty("AthenaError").GetProperty("Retryable").GetBoolean());
        Assert.Equal("InvalidRequestException", await ErrorAsync("GetQueryResults", new { QueryExecutionId = execution.GetProperty("QueryExecutionId").GetString() }));
        Server.Faults.FailQuery(TimeSpan.Zero, "INTERNAL_ERROR_QUERY_ENGINE", retryable: true);
        Assert.True((await FinishAsync(await StartAsync("SELECT 1 AS a"))).GetProperty("Status").GetProperty("AthenaError").GetProperty("Retryable").GetBoolean());
    }

    [Fact]
    public async Task A_query_is_stopped_queued_again_and_cut_off()
    {
        Server.Faults.RunTime = TimeSpan.FromMinutes(5);
        var running = await StartAsync("SELECT 1 AS a");
        Assert.Equal("InvalidRequestException", await ErrorAsync("GetQueryResults", new { QueryExecutionId = running }));
        await OutputAsync("StopQueryExecution", new { QueryExecutionId = running });
        Assert.Equal("CANCELLED", State(await FinishAsync(running)));
        Server.Faults.RunTime = TimeSpan.Zero;
        Server.Faults.QueueAgain(TimeSpan.FromMilliseconds(300));
        var again = await StartAsync("SELECT 1 AS a");
        List<string> states = [];
        await FinishAsync(again, states);
        Assert.Equal("SUCCEEDED", states[^1]);
        Assert.Contains("RUNNING", states.TakeWhile((_, i) => !states.Skip(i).SequenceEqual(["SUCCEEDED"])).ToList());

        await RestartAsync(new AthenaStandInOptions
        {
            LakePath = Path.Combine(_folder, "lake"),
            Databases = ["web"],
            OutputPath = Path.Combine(_folder, "s3"),
            WorkGroups = [new AthenaWorkGroup("small") { BytesScannedCutoff = 1000, OutputLocation = "s3://group/", Enforces = true }, new AthenaWorkGroup("managed") { HasManagedResults = true }],
        });
        var cut = await FinishAsync((await OutputAsync("StartQueryExecution", new { QueryString = "SELECT max(id) AS m FROM web.visits", WorkGroup = "small" })).GetProperty("QueryExecutionId").GetString()!);
        Assert.Equal("CANCELLED", State(cut));
        Assert.Contains("Bytes scanned limit", cut.GetProperty("Status").GetProperty("StateChangeReason").GetString(), StringComparison.Ordinal);
        Assert.StartsWith("s3://group/", cut.GetProperty("ResultConfiguration").GetProperty("OutputLocation").GetString(), StringComparison.Ordinal);
        var managed = await FinishAsync((await OutputAsync("StartQueryExecution", new { QueryString = "SELECT 1 AS a", WorkGroup = "managed" })).GetProperty("QueryExecutionId").GetString()!);
        Assert.False(managed.GetProperty("ResultConfiguration").TryGetProperty("OutputLocation", out _));
        Assert.Equal(1000, (await OutputAsync("GetWorkGroup", new { WorkGroup = "small" })).GetProperty("WorkGroup").GetProperty("Configuration").GetProperty("BytesScannedCutoffPerQuery").GetInt64());
    }

    [Fact]
    public async Task Parameters_and_reuse()
    {
        object Request(string value) => new
        {
            QueryString = "SELECT count(*) AS n FROM web.visits WHERE name = ?",
            ExecutionParameters = new[] { value },
            ResultConfiguration = new { OutputLocation = "s3://out/x/" },
            ResultReuseConfiguration = new { ResultReuseByAgeConfiguration = new { Enabled = true, MaxAgeInMinutes = 10 } },
        };
        async Task<(string? Value, bool IsReused, long Bytes)> CountAsync(string value)
        {
            var id = (await OutputAsync("StartQueryExecution", Request(value))).GetProperty("QueryExecutionId").GetString()!;
            var statistics = (await FinishAsync(id)).GetProperty("Statistics");
            return (Rows(await OutputAsync("GetQueryResults", new { QueryExecutionId = id }))[1][0], statistics.GetProperty("ResultReuseInformation").GetProperty("ReusedPreviousResult").GetBoolean(),
                statistics.GetProperty("DataScannedInBytes").GetInt64());
        }

        Assert.True(await CountAsync("'v\"2'") is ("2", false, > 0));
        Assert.True(await CountAsync("'v\"2'") is ("2", true, 0));
        Assert.True(await CountAsync("'v\"3'") is ("2", false, > 0));
        Assert.Equal("InvalidRequestException", await ErrorAsync("StartQueryExecution", Request("v2")));
    }

    [Fact]
    public async Task Metadata()
    {
        Assert.Equal(["default", "web"], (await OutputAsync("ListDatabases", new { CatalogName = "AwsDataCatalog" })).GetProperty("DatabaseList").EnumerateArray().Select(d => d.GetProperty("Name").GetString()));
        var table = (await OutputAsync("GetTableMetadata", new { CatalogName = "AwsDataCatalog", DatabaseName = "web", TableName = "visits" })).GetProperty("TableMetadata");
        Assert.Equal(["id bigint", "name string", "amount decimal(10,2)", "share double", "at timestamp", "even boolean"], Columns(table, "Columns"));
        Assert.Equal(["day date"], Columns(table, "PartitionKeys"));
        Assert.Equal("MetadataException", await ErrorAsync("GetTableMetadata", new { CatalogName = "AwsDataCatalog", DatabaseName = "web", TableName = "none" }));
        Assert.Single((await OutputAsync("ListTableMetadata", new { CatalogName = "AwsDataCatalog", DatabaseName = "web" })).GetProperty("TableMetadataList").EnumerateArray());
        static IEnumerable<string> Columns(JsonElement table, string name) => table.GetProperty(name).EnumerateArray().Select(c => $"{c.GetProperty("Name").GetString()} {c.GetProperty("Type").GetString()}");
    }

    [Fact]
    public async Task Faults_are_those_that_the_client_knows()
    {
        // Three attempts: two refusals are passed over, three are told.
        foreach (var (fault, name) in new (Action<int>, string)[]
        {
            (n => Server.Faults.Throttle(n), "ThrottlingException"),
            (n => Server.Faults.TooManyRequests(n), "TooManyRequestsException"),
            (n => Server.Faults.Break(n), "InternalServerException"),
        })
        {
            fault(2);
            Assert.Equal("SUCCEEDED", State(await FinishAsync(await StartAsync("SELECT 1 AS a"))));
            fault(3);
            Assert.Equal(name, await ErrorAsync("StartQueryExecution", new { QueryString = "SELECT 1 AS a", ResultConfiguration = new { OutputLocation = "s3://out/x/" } }));
        }

        var before = Server.Queries.Count;
        Server.Faults.Reset(1, "StartQueryExecution", afterWork: true);
        Assert.Equal("SUCCEEDED", State(await FinishAsync(await StartAsync("SELECT 2 AS b"))));
        Assert.Equal(before + 1, Server.Queries.Count);
        Server.Faults.ExpireToken(1);
        Assert.Equal("ExpiredTokenException", await ErrorAsync("GetWorkGroup", new { WorkGroup = "primary" }));
    }

    [Fact]
    public async Task Unload_writes_files_and_their_list_to_S3_and_wants_an_empty_place()
    {
        await using var s3 = await StandIn.StartAsync("s3.results", TestContext.Current.CancellationToken);
        await RestartAsync(new AthenaStandInOptions { LakePath = Path.Combine(_folder, "lake"), Databases = ["web"], S3 = s3.Url });
        const string Unload = "UNLOAD (SELECT id, name, amount, \"at\", day FROM web.visits) TO 's3://results/unloaded/1/' WITH (format = 'PARQUET', compression = 'ZSTD')";
        var done = await FinishAsync(await StartAsync(Unload, "s3://results/queries/"));
        Assert.Equal("SUCCEEDED", State(done));
        Assert.Equal("UNLOAD", done.GetProperty("SubstatementType").GetString());
        using var http = new HttpClient { BaseAddress = s3.Url };
        async Task<byte[]> ReadAsync(string uri) => await http.GetByteArrayAsync("results/" + uri["s3://results/".Length..], TestContext.Current.CancellationToken);
        var manifest = System.Text.Encoding.UTF8.GetString(await ReadAsync(done.GetProperty("Statistics").GetProperty("DataManifestLocation").GetString()!)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, manifest.Length);
        for (var i = 0; i < manifest.Length; i++)
        {
            await File.WriteAllBytesAsync(Path.Combine(_folder, $"u{i}.parquet"), await ReadAsync(manifest[i]), TestContext.Current.CancellationToken);
        }

        await using var connection = new DuckDBConnection("DataSource=:memory:");
        connection.Open();
        await using var command = connection.CreateCommand();
        command.CommandText = $"SELECT count(*) || ' ' || sum(id) || ' ' || sum(amount) || ' ' || count(DISTINCT day) || ' ' || count(name) FROM read_parquet('{_folder}/u*.parquet')";
        Assert.Equal($"5000 {2499L * 2500} 1561875.00 2 4500", (string)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!);
        var again = await FinishAsync(await StartAsync(Unload, "s3://results/queries/"));
        Assert.StartsWith("HIVE_PATH_ALREADY_EXISTS", again.GetProperty("Status").GetProperty("StateChangeReason").GetString(), StringComparison.Ordinal);
    }

    private async Task<string> StartAsync(string sql, string output = "s3://out/x/") =>
        (await OutputAsync("StartQueryExecution", new { QueryString = sql, ResultConfiguration = new { OutputLocation = output } })).GetProperty("QueryExecutionId").GetString()!;

    private async Task<JsonElement> FinishAsync(string id, List<string>? states = null)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var execution = (await OutputAsync("GetQueryExecution", new { QueryExecutionId = id })).GetProperty("QueryExecution");
            states?.Add(State(execution));
            if (State(execution) is not ("QUEUED" or "RUNNING"))
            {
                return execution;
            }

            Assert.True(clock.Elapsed < TimeSpan.FromMinutes(1), "The query does not end.");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }

    private async Task<JsonElement> OutputAsync(string operation, object input)
    {
        var answer = await _client!.AskAsync(new { operation, input }, TestContext.Current.CancellationToken);
        return answer.TryGetProperty("output", out var output) ? output : throw new InvalidOperationException(answer.ToString());
    }

    private async Task<string?> ErrorAsync(string operation, object input)
    {
        var answer = await _client!.AskAsync(new { operation, input }, TestContext.Current.CancellationToken);
        return answer.GetProperty("error").GetProperty("name").GetString();
    }

    private static string State(JsonElement execution) => execution.GetProperty("Status").GetProperty("State").GetString()!;

    private static List<string?[]> Rows(JsonElement results) =>
        [.. results.GetProperty("ResultSet").GetProperty("Rows").EnumerateArray().Select(r => r.GetProperty("Data").EnumerateArray().Select(d => d.TryGetProperty("VarCharValue", out var v) ? v.GetString() : null).ToArray())];

    private async Task StartAsync(AthenaStandInOptions options)
    {
        _server = await AthenaServer.StartAsync(options, cancellationToken: TestContext.Current.CancellationToken);
        _client = NodeProgram.Start("athena-client.mjs", _server.Url.ToString());
    }

    private async Task RestartAsync(AthenaStandInOptions options)
    {
        await StopAsync();
        await StartAsync(options);
    }

    private async Task StopAsync()
    {
        if (_client is not null)
        {
            await _client.DisposeAsync();
        }

        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }
}
