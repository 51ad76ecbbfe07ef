using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using Write.DataPlatform.AthenaStandIn.Sql;

namespace Write.DataPlatform.AthenaStandIn.Protocol;

/// <summary>The queries that were started.</summary>
internal sealed class Executions(
    Engine engine, Catalog catalog, IReadOnlyDictionary<string, AthenaWorkGroup> workGroups, AthenaFaults faults, int maxActive, TimeProvider time) : IAsyncDisposable
{
    private const int MaxQueryBytes = 262_144;

    private readonly ConcurrentDictionary<string, QueryExecution> _all = new();
    private readonly ConcurrentDictionary<string, QueryExecution> _byToken = new();
    private readonly ConcurrentDictionary<string, Task> _running = new();
    private readonly Lock _starting = new();

    public IEnumerable<QueryExecution> All => _all.Values;

    public QueryExecution? Find(string id) => _all.GetValueOrDefault(id);

    public QueryExecution Get(string id) => Find(id) ?? throw AthenaException.Invalid($"QueryExecution {id} was not found", "INVALID_QUERY_EXECUTION_ID");

    /// <summary>Starts a query, or gives that of the same token.</summary>
    public string Start(JsonObject request)
    {
        var query = request["QueryString"]?.GetValue<string>() is { Length: > 0 } text ? text : throw Constraint("queryString", "Member must not be null");
        if (Encoding.UTF8.GetByteCount(query) > MaxQueryBytes)
        {
            throw AthenaException.Invalid($"Query string length exceeds the maximum allowed length of {MaxQueryBytes} bytes");
        }

        var token = request["ClientRequestToken"]?.GetValue<string>() ?? throw Constraint("clientRequestToken", "Member must not be null");
        if (token.Length is < 32 or > 128)
        {
            throw Constraint("clientRequestToken", "Member must have length between 32 and 128");
        }

        var name = request["WorkGroup"]?.GetValue<string>() ?? "primary";
        var group = workGroups.GetValueOrDefault(name) ?? throw AthenaException.Invalid($"WorkGroup {name} is not found.");
        lock (_starting)
        {
            if (_byToken.TryGetValue(token, out var known))
            {
                return JsonNode.DeepEquals(known.Request, request) ? known.Id : throw AthenaException.Invalid("Idempotent parameters do not match", "IDEMPOTENT_PARAMETERS_MISMATCH");
            }

            if (_all.Values.Count(e => e.IsActive) >= maxActive)
            {
                throw new AthenaException(
                    "TooManyRequestsException",
                    "You have exceeded the limit for the number of queries you can run concurrently. Please reduce the number of concurrent queries submitted by this account.",
                    "CONCURRENT_QUERY_LIMIT_EXCEEDED");
            }

            var execution = Create(request, query, group);
            _all[execution.Id] = _byToken[token] = execution;
            _running[execution.Id] = Task.Run(() => RunAsync(execution));
            return execution.Id;
        }
    }

    public void Stop(QueryExecution execution, string reason)
    {
        execution.Enter("CANCELLED", time.GetUtcNow(), reason);
        execution.Cancellation.Cancel();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var execution in _all.Values)
        {
            Stop(execution, "The stand-in stops");
        }

        await Task.WhenAll(_running.Values);
    }

    private QueryExecution Create(JsonObject request, string query, AthenaWorkGroup group)
    {
        var id = Guid.NewGuid().ToString();
        var asked = request["ResultConfiguration"]?["OutputLocation"]?.GetValue<string>();
        string? output = null;
        if (!group.HasManagedResults)
        {
            output = (group.Enforces ? group.OutputLocation : asked ?? group.OutputLocation) ?? throw AthenaException.Invalid(
                "No output location provided. An output location is required either through the Workgroup result configuration setting or as an API input.");
            try
            {
                OutputStore.Split(output);
            }
            catch (FormatException exception)
            {
                throw AthenaException.Invalid("outputLocation is not a valid S3 path. " + exception.Message);
            }

            output = output.TrimEnd('/') + "/" + id + ".csv";
        }

        List<string> parameters = [.. (request["ExecutionParameters"] as JsonArray ?? []).Select(p => p!.GetValue<string>())];
        TrinoStatement statement;
        try
        {
            statement = TrinoStatement.Parse(query, parameters);
            TrinoTranslator.Check(statement.Select);
        }
        catch (TrinoSyntaxException exception)
        {
            throw AthenaException.Invalid(exception.Message, "MALFORMED_QUERY");
        }

        var database = request["QueryExecutionContext"]?["Database"]?.GetValue<string>() ?? Catalog.Default;
        return new QueryExecution
        {
            Id = id,
            Query = query,
            Parameters = parameters,
            Database = database,
            WorkGroup = group,
            OutputLocation = output,
            Submitted = time.GetUtcNow(),
            Request = request.DeepClone(),
            SubstatementType = statement.UnloadTo is null ? "SELECT" : "UNLOAD",
        };
    }

    private async Task RunAsync(QueryExecution execution)
    {
        var cancellation = execution.Cancellation.Token;
        try
        {
            await Task.Delay(faults.QueueTime, time, cancellation);
            execution.Enter("RUNNING", time.GetUtcNow());
            if (faults.TakeQuery() is { } fault)
            {
                await Task.Delay(fault.After, time, cancellation);
                if (fault.IsQueuedAgain)
                {
                    execution.Enter("QUEUED", time.GetUtcNow());
                    await Task.Delay(fault.After, time, cancellation);
                    execution.Enter("RUNNING", time.GetUtcNow());
                }
                else
                {
                    throw new QueryFailedException(fault.Message!, category: fault.IsRetryable ? 1 : 2, isRetryable: fault.IsRetryable);
                }
            }

            await Task.Delay(faults.RunTime, time, cancellation);
            if (!catalog.HasDatabase(execution.Database))
            {
                throw new QueryFailedException($"SCHEMA_NOT_FOUND: line 1:1: Schema '{execution.Database}' does not exist");
            }

            if (Reusable(execution) is { } earlier)
            {
                execution.IsReused = true;
                execution.Result = earlier.Result;
                execution.Enter("SUCCEEDED", time.GetUtcNow());
                return;
            }

            await engine.RunAsync(execution, bytes =>
            {
                if (execution.WorkGroup.BytesScannedCutoff is { } cutoff && bytes > cutoff)
                {
                    execution.Enter("CANCELLED", time.GetUtcNow(), "Query exhausted resources: Bytes scanned limit was exceeded");
                    return false;
                }

                return true;
            });
            execution.Enter("SUCCEEDED", time.GetUtcNow());
        }
        catch (OperationCanceledException)
        {
            execution.Enter("CANCELLED", time.GetUtcNow(), "Query cancelled by user");
        }
        catch (QueryFailedException exception)
        {
            execution.Enter("FAILED", time.GetUtcNow(), exception.Message, exception);
        }
        catch (Exception exception)
        {
            execution.Enter("FAILED", time.GetUtcNow(), "INTERNAL_ERROR: " + exception.Message, new QueryFailedException("INTERNAL_ERROR: " + exception, category: 1));
        }
    }

    /// <summary>A finished query with the same text whose result may be given again.</summary>
    private QueryExecution? Reusable(QueryExecution execution)
    {
        var byAge = execution.Request["ResultReuseConfiguration"]?["ResultReuseByAgeConfiguration"];
        if (byAge?["Enabled"]?.GetValue<bool>() is not true || execution.SubstatementType != "SELECT")
        {
            return null;
        }

        var oldest = time.GetUtcNow().AddMinutes(-(byAge["MaxAgeInMinutes"]?.GetValue<int>() ?? 60));
        return _all.Values.Where(e => e.State == "SUCCEEDED" && !e.IsReused && e.SubstatementType == "SELECT" && e.Query == execution.Query && e.Database == execution.Database
            && e.WorkGroup.Name == execution.WorkGroup.Name && e.Parameters.SequenceEqual(execution.Parameters) && e.Completed >= oldest).MaxBy(e => e.Completed);
    }

    private static AthenaException Constraint(string member, string constraint) =>
        AthenaException.Invalid($"1 validation error detected: Value at '{member}' failed to satisfy constraint: {constraint}");
}
