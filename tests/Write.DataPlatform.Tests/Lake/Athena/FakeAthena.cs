using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using Amazon.Runtime;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Write.DataPlatform.Lake.Athena.Client;

namespace Write.DataPlatform.Tests.Lake.Athena;

/// <summary>An answer of the wire, or something that is none.</summary>
internal delegate Task<JsonObject?> FakeCall(HttpContext context, JsonObject request);

/// <summary>The wire alone: what each operation answers is written by the test; the requests are kept.</summary>
internal sealed class FakeAthena : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly ConcurrentDictionary<string, ConcurrentQueue<FakeCall>> _next = new();
    private readonly ConcurrentDictionary<string, string> _tokens = new();
    private readonly ConcurrentDictionary<string, FakeQuery> _queries = new();

    private FakeAthena()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _application = builder.Build();
        _application.Run(AnswerAsync);
    }

    public string Url => _application.Urls.Single();

    /// <summary>All requests so far.</summary>
    public ConcurrentQueue<(string Operation, JsonObject Body)> Calls { get; } = new();

    /// <summary>What a statement gives.</summary>
    public Func<string, FakeQuery> Query { get; set; } = _ => new FakeQuery();

    /// <summary>What tables there are.</summary>
    public Func<string, string, JsonObject?> Table { get; set; } = (_, _) => null;

    public static async Task<FakeAthena> StartAsync()
    {
        var fake = new FakeAthena();
        await fake._application.StartAsync(TestContext.Current.CancellationToken);
        return fake;
    }

    /// <summary>Answers the next call of an operation otherwise.</summary>
    public FakeAthena Next(string operation, params FakeCall[] calls)
    {
        foreach (var call in calls)
        {
            _next.GetOrAdd(operation, _ => new ConcurrentQueue<FakeCall>()).Enqueue(call);
        }

        return this;
    }

    public static FakeCall Error(int status, string type, string message = "as the test wants", params (string Name, string Value)[] more) => async (context, _) =>
    {
        var body = new JsonObject { ["__type"] = type, ["Message"] = message };
        foreach (var (name, value) in more)
        {
            body[name] = value;
        }

        context.Response.StatusCode = status;
        await context.Response.WriteAsync(body.ToJsonString());
        return null;
    };

    /// <summary>A connection that is reset in the middle of the answer.</summary>
    public static async Task<JsonObject?> Cut(HttpContext context, JsonObject _)
    {
        context.Response.ContentLength = 1000;
        await context.Response.WriteAsync("""{"ResultSet":{"Rows":[{"Data":""");
        await context.Response.Body.FlushAsync();
        context.Abort();
        return null;
    }

    /// <summary>The right answer, which the caller does not get.</summary>
    public FakeCall DoneButCut(string operation) => async (context, request) =>
    {
        Answer(operation, request);
        context.Abort();
        await Task.CompletedTask;
        return null;
    };

    public static async Task<JsonObject?> Broken(HttpContext context, JsonObject _)
    {
        await context.Response.WriteAsync("""{"QueryExecution": <html>""");
        return null;
    }

    public int Count(string operation) => Calls.Count(call => call.Operation == operation);

    /// <summary>An answer that comes after a while.</summary>
    public static FakeCall Late(TimeSpan wait) => async (context, _) =>
    {
        await Task.Delay(wait, TimeProvider.System, context.RequestAborted);
        return [];
    };

    public AmazonAthenaClient Client(int retries = 2, TimeSpan? timeout = null) => new(
        new BasicAWSCredentials("key", "secret"),
        new AmazonAthenaConfig { ServiceURL = Url, AuthenticationRegion = "eu-central-1", MaxErrorRetry = retries, Timeout = timeout ?? TimeSpan.FromSeconds(20) });

    public ValueTask DisposeAsync() => _application.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        var operation = context.Request.Headers["X-Amz-Target"].ToString()["AmazonAthena.".Length..];
        var request = (JsonObject)(await JsonNode.ParseAsync(context.Request.Body))!;
        Calls.Enqueue((operation, request));
        context.Response.ContentType = "application/x-amz-json-1.1";
        context.Response.Headers["x-amzn-RequestId"] = "request-" + Calls.Count;
        var answer = _next.TryGetValue(operation, out var queue) && queue.TryDequeue(out var call)
            ? await call(context, request)
            : Answer(operation, request);
        if (answer is not null)
        {
            await context.Response.WriteAsync(answer.ToJsonString());
        }
        else if (!context.Response.HasStarted)
        {
            await Error(400, "MetadataException", "EntityNotFoundException: Entity Not Found")(context, request);
        }
    }

    private JsonObject? Answer(string operation, JsonObject request)
    {
        var id = (string?)request["QueryExecutionId"] ?? "";
        switch (operation)
        {
            case "StartQueryExecution":
                var started = _tokens.GetOrAdd((string)request["ClientRequestToken"]!, _ => Guid.NewGuid().ToString());
                _queries.GetOrAdd(started, _ => Query((string)request["QueryString"]!));
                return new JsonObject { ["QueryExecutionId"] = started };
            case "GetQueryExecution":
                return new JsonObject { ["QueryExecution"] = _queries[id].Poll(id) };
            case "GetQueryResults":
                return _queries[id].Page((string?)request["NextToken"], (int?)request["MaxResults"] ?? 1000);
            case "StopQueryExecution":
                return [];
            case "GetTableMetadata":
                return Table((string)request["DatabaseName"]!, (string)request["TableName"]!) is { } table ? new JsonObject { ["TableMetadata"] = table } : null;
            case "GetWorkGroup":
                return new JsonObject { ["WorkGroup"] = new JsonObject { ["Name"] = (string)request["WorkGroup"]!, ["Configuration"] = new JsonObject() } };
            default:
                return null;
        }
    }
}

/// <summary>A query: the states that it goes through, then its rows.</summary>
internal sealed class FakeQuery
{
    private int _polls;

    /// <summary>One a poll; the last one stays.</summary>
    public string[] States { get; init; } = ["SUCCEEDED"];

    public (string Name, string Type, int Precision, int Scale)[] Columns { get; init; } = [("n", "bigint", 19, 0)];

    public IReadOnlyList<string?[]> Rows { get; init; } = [["1"]];

    public bool HasHeader { get; init; } = true;

    public string StatementType { get; init; } = "DML";

    public long Scanned { get; init; } = 1000;

    public string? Reason { get; init; }

    public JsonObject? Error { get; init; }

    public string? OutputLocation { get; init; }

    public string? Manifest { get; init; }

    public JsonObject Poll(string id)
    {
        var state = States[Math.Min(Interlocked.Increment(ref _polls), States.Length) - 1];
        var status = new JsonObject { ["State"] = state, ["SubmissionDateTime"] = 1764351690.123m };
        if (state is "FAILED" or "CANCELLED")
        {
            status["StateChangeReason"] = Reason;
            status["AthenaError"] = Error?.DeepClone();
        }

        var query = new JsonObject
        {
            ["QueryExecutionId"] = id, ["Query"] = "…", ["StatementType"] = StatementType, ["WorkGroup"] = "primary", ["Status"] = status,
            ["Statistics"] = new JsonObject { ["DataScannedInBytes"] = Scanned, ["DataManifestLocation"] = Manifest },
            ["ANewField"] = new JsonArray(1, 2),
        };
        if (OutputLocation is not null)
        {
            query["ResultConfiguration"] = new JsonObject { ["OutputLocation"] = OutputLocation };
        }

        return query;
    }

    public JsonObject Page(string? token, int max)
    {
        var all = HasHeader ? Rows.Prepend([.. Columns.Select(column => (string?)column.Name)]) : Rows;
        var from = token is null ? 0 : int.Parse(token["page-".Length..], System.Globalization.CultureInfo.InvariantCulture);
        var total = Rows.Count + (HasHeader ? 1 : 0);
        var page = all.Skip(from).Take(max).Select(row => (JsonNode)new JsonObject
        {
            ["Data"] = new JsonArray([.. row.Select(value => (JsonNode)(value is null ? [] : new JsonObject { ["VarCharValue"] = value }))]),
        });
        return new JsonObject
        {
            ["UpdateCount"] = 0,
            ["NextToken"] = from + max < total ? "page-" + (from + max) : null,
            ["ResultSet"] = new JsonObject
            {
                ["Rows"] = new JsonArray([.. page]),
                ["ResultSetMetadata"] = new JsonObject
                {
                    ["ColumnInfo"] = new JsonArray([.. Columns.Select(column => (JsonNode)new JsonObject
                    {
                        ["CatalogName"] = "hive", ["Name"] = column.Name, ["Label"] = column.Name, ["Type"] = column.Type, ["Precision"] = column.Precision, ["Scale"] = column.Scale, ["Nullable"] = "UNKNOWN",
                    })]),
                },
            },
        };
    }
}
