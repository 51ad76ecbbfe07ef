using System.Text.Json.Nodes;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Tests.Lake.Athena;

/// <summary>What goes wrong on the wire: nothing is lost, nothing comes twice, and every error says what to do.</summary>
public sealed class AthenaFaultTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_query_is_started_once_though_its_answer_is_lost()
    {
        await using var world = await AthenaWorld.StartAsync();
        world.Athena.Next("StartQueryExecution", world.Athena.DoneButCut("StartQueryExecution"));
        var started = 0;
        world.Athena.Query = _ =>
        {
            Interlocked.Increment(ref started);
            return new FakeQuery();
        };
        Assert.Equal([[1L]], await world.RowsAsync());
        Assert.Equal((2, 1), (world.Athena.Count("StartQueryExecution"), started));
        var tokens = world.Athena.Calls.Where(call => call.Operation == "StartQueryExecution").Select(call => (string)call.Body["ClientRequestToken"]!).Distinct().ToList();
        Assert.InRange(Assert.Single(tokens).Length, 32, 128);
    }

    [Fact]
    public async Task Too_many_queries_wait_in_line_until_there_is_room()
    {
        await using var world = await AthenaWorld.StartAsync();
        var busy = FakeAthena.Error(400, "TooManyRequestsException", "limit", ("Reason", "CONCURRENT_QUERY_LIMIT_EXCEEDED"));
        world.Athena.Next("StartQueryExecution", [.. Enumerable.Repeat(busy, 9)]);
        Assert.Equal([[1L]], await world.RowsAsync());
        Assert.Equal(10, world.Athena.Count("StartQueryExecution"));
    }

    [Theory]
    [InlineData(400, "ThrottlingException", 20)]
    [InlineData(500, "InternalServerException", 3)]
    public async Task A_start_that_is_refused_for_a_moment_is_tried_again_with_the_same_token(int status, string type, int times)
    {
        await using var world = await AthenaWorld.StartAsync();
        world.Athena.Next("StartQueryExecution", [.. Enumerable.Repeat(FakeAthena.Error(status, type, "Rate exceeded"), times)]);
        Assert.Equal([[1L]], await world.RowsAsync());
        Assert.Single(world.Athena.Calls.Where(call => call.Operation == "StartQueryExecution").Select(call => (string)call.Body["ClientRequestToken"]!).Distinct());
    }

    [Fact]
    public async Task A_start_that_always_fails_ends_in_an_error()
    {
        await using var world = await AthenaWorld.StartAsync();
        world.Athena.Next("StartQueryExecution", [.. Enumerable.Repeat(FakeAthena.Error(500, "InternalServerException"), 100)]);
        Assert.True((await Assert.ThrowsAsync<LakeException>(() => world.RowsAsync())).IsTransient);
    }

    [Fact]
    public async Task No_more_queries_run_at_once_than_allowed()
    {
        await using var world = await AthenaWorld.StartAsync(options => options.Athena.MaxQueries = 3);
        var (running, most) = (0, 0);
        world.Athena.Query = _ =>
        {
            most = Math.Max(most, Interlocked.Increment(ref running));
            return new FakeQuery { States = ["QUEUED", "RUNNING", "SUCCEEDED"] };
        };
        for (var i = 0; i < 20; i++)
        {
            world.Athena.Next("GetQueryResults", async (_, _) =>
            {
                Interlocked.Decrement(ref running);
                await Task.CompletedTask;
                return new FakeQuery().Page(null, 1000);
            });
        }

        var all = await world.PassAsync(Task.WhenAll(Enumerable.Range(0, 20).Select(i => world.ReadAsync("SELECT " + i, Cancel))));
        Assert.Equal(20, all.Length);
        Assert.InRange(most, 1, 6); // a place is free once the query is over, before its rows are read
    }

    [Fact]
    public async Task Throttling_faults_and_resets_while_following_and_reading_lose_nothing()
    {
        await using var world = await AthenaWorld.StartAsync();
        world.Athena.Query = _ => new FakeQuery { States = ["QUEUED", "RUNNING", "QUEUED", "RUNNING", "SUCCEEDED"], Rows = [.. Enumerable.Range(0, 5_000).Select(i => new string?[] { i.ToString(System.Globalization.CultureInfo.InvariantCulture) })] };
        world.Athena.Next("GetQueryExecution", FakeAthena.Error(400, "ThrottlingException"), FakeAthena.Broken, FakeAthena.Error(500, "InternalServerException"), FakeAthena.Error(503, "ServiceUnavailableException"), FakeAthena.Cut);
        world.Athena.Next("GetQueryResults", FakeAthena.Error(500, "InternalServerException"), FakeAthena.Cut, FakeAthena.Cut, FakeAthena.Error(400, "TooManyRequestsException"));
        Assert.Equal(Enumerable.Range(0, 5_000).Select(i => (long)i), (await world.RowsAsync()).Select(row => (long)row[0]!));
        Assert.Equal((1, 0), (world.Athena.Count("StartQueryExecution"), world.Athena.Count("StopQueryExecution")));
    }

    [Fact]
    public async Task Two_hundred_thousand_rows_come_once_each()
    {
        await using var world = await AthenaWorld.StartAsync();
        world.Athena.Query = _ => new FakeQuery { Rows = [.. Enumerable.Range(0, 200_000).Select(i => new string?[] { i.ToString(System.Globalization.CultureInfo.InvariantCulture) })] };
        var rows = await world.RowsAsync();
        Assert.Equal(200_000, rows.Count);
        Assert.Equal(Enumerable.Range(0, 200_000).Select(i => (long)i), rows.Select(row => (long)row[0]!));
        Assert.Equal(201, world.Athena.Count("GetQueryResults"));
    }

    [Fact]
    public async Task Slow_answers_are_asked_for_again()
    {
        await using var world = await AthenaWorld.StartAsync(timeout: TimeSpan.FromSeconds(1));
        var late = FakeAthena.Late(TimeSpan.FromSeconds(30));
        world.Athena.Query = _ => new FakeQuery { States = ["RUNNING", "SUCCEEDED"] };
        world.Athena.Next("StartQueryExecution", late).Next("GetQueryExecution", late, late, late).Next("GetQueryResults", late);
        Assert.Equal([[1L]], await world.RowsAsync());
        Assert.Equal((2, 5, 2), (world.Athena.Count("StartQueryExecution"), world.Athena.Count("GetQueryExecution"), world.Athena.Count("GetQueryResults")));
    }

    [Fact]
    public async Task An_athena_that_stays_away_is_transient()
    {
        await using var world = await AthenaWorld.StartAsync();
        world.Athena.Next("StartQueryExecution", [.. Enumerable.Repeat(FakeAthena.Error(500, "InternalServerException"), 10)]);
        Assert.True((await Assert.ThrowsAsync<LakeException>(() => world.RowsAsync())).IsTransient);
    }

    [Theory]
    [InlineData("ExpiredTokenException", "expired")]
    [InlineData("UnrecognizedClientException", "AWS:Profile")]
    [InlineData("AccessDeniedException", "docs/lake.md")]
    public async Task Credentials_say_what_to_do(string code, string word)
    {
        await using var world = await AthenaWorld.StartAsync();
        world.Athena.Next("StartQueryExecution", [.. Enumerable.Repeat(FakeAthena.Error(400, code), 10)]);
        var error = await Assert.ThrowsAsync<LakeException>(() => world.RowsAsync());
        Assert.Contains(word, error.Message, StringComparison.Ordinal);
        Assert.False(error.IsTransient);
    }

    [Theory]
    [InlineData("Query exhausted resources at this scale factor", true, false)]
    [InlineData("COLUMN_NOT_FOUND: line 1:8: Column 'contry' cannot be resolved", false, false)]
    [InlineData("TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.web.visitz' does not exist", false, true)]
    [InlineData("SCHEMA_NOT_FOUND: line 1:15: Schema 'web' does not exist", false, true)]
    public async Task A_query_that_fails_after_minutes_says_why(string reason, bool retryable, bool missing)
    {
        await using var world = await AthenaWorld.StartAsync();
        var from = world.Time.GetUtcNow();
        world.Athena.Query = _ => new FakeQuery
        {
            States = [.. Enumerable.Repeat("RUNNING", 120), "FAILED"],
            Error = new JsonObject { ["ErrorCategory"] = retryable ? 1 : 2, ["ErrorType"] = 1, ["Retryable"] = retryable, ["ErrorMessage"] = reason },
        };
        var error = await Assert.ThrowsAsync<LakeException>(() => world.RowsAsync());
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Equal((retryable, missing), (error.IsTransient, error.IsMissing));
        Assert.True(world.Time.GetUtcNow() - from > TimeSpan.FromMinutes(2));
        Assert.Equal(0, world.Athena.Count("StopQueryExecution"));
    }

    [Fact]
    public async Task A_limit_of_the_workgroup_is_told()
    {
        await using var world = await AthenaWorld.StartAsync();
        world.Athena.Query = _ => new FakeQuery { States = ["RUNNING", "CANCELLED"], Reason = "Query cancelled! : Bytes scanned limit was exceeded" };
        var error = await Assert.ThrowsAsync<LakeException>(() => world.RowsAsync());
        Assert.Contains("Bytes scanned limit", error.Message, StringComparison.Ordinal);
        Assert.Contains("'primary'", error.Message, StringComparison.Ordinal);
        Assert.False(error.IsTransient);
    }

    [Fact]
    public async Task A_caller_who_goes_away_stops_the_query_once()
    {
        await using var world = await AthenaWorld.StartAsync();
        world.Athena.Query = _ => new FakeQuery { States = ["RUNNING"] };
        using var caller = new CancellationTokenSource();
        var reading = world.ReadAsync("SELECT 1", caller.Token);
        await AthenaWorld.UntilAsync(() => world.Athena.Count("GetQueryExecution") > 0);
        await caller.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        await world.Queries.DisposeAsync();
        Assert.Equal(1, world.Athena.Count("StopQueryExecution"));
    }

    [Fact]
    public async Task A_caller_who_goes_away_while_the_query_starts_stops_it_too()
    {
        await using var world = await AthenaWorld.StartAsync(options => options.Athena.MaxQueries = 1);
        var answer = new TaskCompletionSource();
        world.Athena.Query = _ => new FakeQuery();
        world.Athena.Next("StartQueryExecution", async (_, _) =>
        {
            await answer.Task;
            return new JsonObject { ["QueryExecutionId"] = "late" };
        });
        using var caller = new CancellationTokenSource();
        var reading = world.ReadAsync("SELECT 1", caller.Token);
        await AthenaWorld.UntilAsync(() => world.Athena.Count("StartQueryExecution") > 0);
        await caller.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => world.PassAsync(reading));
        Assert.Equal(0, world.Athena.Count("StopQueryExecution"));
        var next = world.ReadAsync("SELECT 2", Cancel);
        answer.SetResult();
        Assert.Equal([[1L]], await world.PassAsync(next)); // its place was kept until it was stopped
        Assert.Equal("late", (string)world.Athena.Calls.Single(call => call.Operation == "StopQueryExecution").Body["QueryExecutionId"]!);
    }

    [Fact]
    public async Task A_query_that_takes_too_long_is_stopped_and_says_so()
    {
        await using var world = await AthenaWorld.StartAsync(options => options.QueryTimeout = TimeSpan.FromMinutes(5));
        world.Athena.Query = _ => new FakeQuery { States = ["RUNNING"] };
        var error = await Assert.ThrowsAsync<LakeException>(() => world.RowsAsync());
        Assert.Contains("took longer", error.Message, StringComparison.Ordinal);
        await AthenaWorld.UntilAsync(() => world.Athena.Count("StopQueryExecution") == 1);
    }

    [Fact]
    public async Task A_query_that_reads_too_much_is_stopped()
    {
        await using var world = await AthenaWorld.StartAsync(options => options.Athena.MaxBytesScannedPerQuery = 999);
        world.Athena.Query = _ => new FakeQuery { States = ["RUNNING", "SUCCEEDED"] };
        var error = await Assert.ThrowsAsync<LakeException>(() => world.RowsAsync());
        Assert.Contains("MaxBytesScannedPerQuery", error.Message, StringComparison.Ordinal);
        Assert.False(error.IsTransient);
        await AthenaWorld.UntilAsync(() => world.Athena.Count("StopQueryExecution") == 1);
    }

    [Fact]
    public async Task A_days_bytes_are_bounded_and_come_back_at_midnight()
    {
        await using var world = await AthenaWorld.StartAsync(options => options.Athena.MaxBytesScannedPerDay = 2000);
        await world.RowsAsync();
        await world.RowsAsync();
        var error = await Assert.ThrowsAsync<LakeException>(() => world.RowsAsync());
        Assert.Contains("MaxBytesScannedPerDay", error.Message, StringComparison.Ordinal);
        Assert.Equal(2, world.Athena.Count("StartQueryExecution"));
        world.Time.Advance(TimeSpan.FromHours(12));
        Assert.Equal([[1L]], await world.RowsAsync());
    }

    /// <summary>AWS bills what a stopped query has read, so stopping does not get around the day's limit.</summary>
    [Fact]
    public async Task What_a_stopped_query_had_read_counts()
    {
        await using var world = await AthenaWorld.StartAsync(options => options.Athena.MaxBytesScannedPerDay = 900);
        world.Athena.Query = _ => new FakeQuery { States = ["RUNNING"] };
        using var caller = new CancellationTokenSource();
        var reading = world.ReadAsync("SELECT 1", caller.Token);
        await AthenaWorld.UntilAsync(() => world.Athena.Count("GetQueryExecution") > 0);
        await caller.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        var error = await Assert.ThrowsAsync<LakeException>(() => world.RowsAsync());
        Assert.Contains("MaxBytesScannedPerDay", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_tenants_bytes_are_bounded_and_others_go_on()
    {
        await using var world = await AthenaWorld.StartAsync(options => options.Athena.MaxBytesScannedPerTenantPerDay = 1500);
        async Task AskAsync(string? tenant) => await (await world.Lake.QueryAsync(new SqlStatement("SELECT 1") { Tenant = tenant }, TestContext.Current.CancellationToken)).DisposeAsync();
        await AskAsync("acme");
        await AskAsync("acme");
        var error = await Assert.ThrowsAsync<LakeException>(() => AskAsync("acme"));
        Assert.Contains("MaxBytesScannedPerTenantPerDay", error.Message, StringComparison.Ordinal);
        Assert.True(error.IsTransient);
        await AskAsync("globex");
        for (var i = 0; i < 4; i++)
        {
            await AskAsync(null);
        }

        world.Time.Advance(TimeSpan.FromHours(12));
        await AskAsync("acme");
    }

    [Fact]
    public async Task Nulls_empty_texts_and_a_row_like_the_header_are_told_apart()
    {
        await using var world = await AthenaWorld.StartAsync();
        world.Athena.Query = _ => new FakeQuery { Columns = [("a", "varchar", 0, 0), ("b", "varchar", 0, 0)], Rows = [["a", "b"], [null, ""], ["x", null]] };
        Assert.Equal([["a", "b"], [null, ""], ["x", null]], await world.RowsAsync());
        world.Athena.Query = _ => new FakeQuery { Columns = [("a", "varchar", 0, 0)], Rows = [["x"]], HasHeader = false };
        Assert.Equal([["x"]], await world.RowsAsync());
        world.Athena.Query = _ => new FakeQuery { Columns = [("a", "varchar", 0, 0)], Rows = [["a"], ["x"]], HasHeader = false, StatementType = "UTILITY" };
        Assert.Equal([["a"], ["x"]], await world.RowsAsync("SHOW TABLES"));
        world.Athena.Query = _ => new FakeQuery { Rows = [] };
        Assert.Empty(await world.RowsAsync());
    }

    [Fact]
    public async Task Bytes_are_told_and_the_workgroup_database_and_reuse_are_asked_for()
    {
        await using var world = await AthenaWorld.StartAsync(options =>
        {
            options.Athena.Workgroup = "metrics";
            options.Athena.Database = "web";
            options.Athena.OutputLocation = "s3://results/here/";
            options.Athena.ResultReuse = TimeSpan.FromMinutes(5);
        });
        await using var rows = await world.Lake.QueryAsync(new SqlStatement("SELECT ?;", ["it's"]) { MayReuse = true }, Cancel);
        Assert.Equal((1000L, true), (rows.BytesScanned, Guid.TryParse(rows.QueryId, out _)));
        var request = world.Athena.Calls.First(call => call.Operation == "StartQueryExecution").Body;
        Assert.Equal(
            """{"WorkGroup":"metrics","Database":"web","OutputLocation":"s3://results/here/","MaxAgeInMinutes":5,"QueryString":"SELECT 'it''s'"}""",
            new JsonObject
            {
                ["WorkGroup"] = request["WorkGroup"]!.DeepClone(), ["Database"] = request["QueryExecutionContext"]!["Database"]!.DeepClone(), ["OutputLocation"] = request["ResultConfiguration"]!["OutputLocation"]!.DeepClone(),
                ["MaxAgeInMinutes"] = request["ResultReuseConfiguration"]!["ResultReuseByAgeConfiguration"]!["MaxAgeInMinutes"]!.DeepClone(), ["QueryString"] = request["QueryString"]!.DeepClone(),
            }.ToJsonString(new System.Text.Json.JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));
    }

    /// <summary>A refresh compares what it reads with the lake's version of now: an earlier result would be taken for it.</summary>
    [Fact]
    public async Task What_is_not_an_answer_is_never_an_earlier_result()
    {
        await using var world = await AthenaWorld.StartAsync(options => options.Athena.ResultReuse = TimeSpan.FromDays(1));
        await using (await world.Lake.QueryAsync(new SqlStatement("SELECT 1"), Cancel))
        {
        }

        await using (await world.Lake.QueryAsync(new SqlStatement("SELECT 2") { MayReuse = true }, Cancel))
        {
        }

        Assert.Equal([false, true], world.Athena.Calls.Where(call => call.Operation == "StartQueryExecution").Select(call => call.Body["ResultReuseConfiguration"] is not null));
    }
}
