using System.Text.Json.Nodes;

namespace Write.DataPlatform.AthenaStandIn.Protocol;

/// <summary>The operations by name, JSON in and JSON out.</summary>
internal sealed class Operations(Executions executions, Catalog catalog, Engine engine, IReadOnlyDictionary<string, AthenaWorkGroup> workGroups, TimeProvider time)
{
    private const int MaxPage = 1000;

    /// <exception cref="AthenaException">What the service answers instead.</exception>
    public JsonObject Run(string operation, JsonObject request) => operation switch
    {
        "StartQueryExecution" => new JsonObject { ["QueryExecutionId"] = executions.Start(request) },
        "GetQueryExecution" => new JsonObject { ["QueryExecution"] = executions.Get(Text(request, "QueryExecutionId")).Describe(time.GetUtcNow()) },
        "BatchGetQueryExecution" => Batch(request),
        "GetQueryResults" => Results(request),
        "StopQueryExecution" => Stop(request),
        "GetWorkGroup" => WorkGroup(request),
        "ListDatabases" => new JsonObject { ["DatabaseList"] = new JsonArray([.. catalog.Databases.Select(d => (JsonNode)new JsonObject { ["Name"] = d })]) },
        "GetDatabase" => Database(request),
        "GetTableMetadata" => new JsonObject { ["TableMetadata"] = Describe(Table(request, Text(request, "TableName"))) },
        "ListTableMetadata" => Tables(request),
        _ => throw new AthenaException("UnknownOperationException", $"The stand-in has no operation {operation}."),
    };

    private JsonObject Batch(JsonObject request)
    {
        var (found, missing) = (new JsonArray(), new JsonArray());
        foreach (var id in (request["QueryExecutionIds"] as JsonArray ?? throw AthenaException.Invalid("QueryExecutionIds is missing")).Select(i => i!.GetValue<string>()))
        {
            if (executions.Find(id) is { } execution)
            {
                found.Add(execution.Describe(time.GetUtcNow()));
            }
            else
            {
                missing.Add(new JsonObject { ["QueryExecutionId"] = id, ["ErrorCode"] = "INVALID_QUERY_EXECUTION_ID", ["ErrorMessage"] = $"QueryExecution {id} was not found" });
            }
        }

        return new JsonObject { ["QueryExecutions"] = found, ["UnprocessedQueryExecutionIds"] = missing };
    }

    private JsonObject Stop(JsonObject request)
    {
        executions.Stop(executions.Get(Text(request, "QueryExecutionId")), "Query cancelled by user");
        return [];
    }

    /// <summary>A page of rows; the first row of the first page is the header, and counts.</summary>
    private JsonObject Results(JsonObject request)
    {
        var execution = executions.Get(Text(request, "QueryExecutionId"));
        var size = request["MaxResults"]?.GetValue<int>() ?? MaxPage;
        if (size is < 1 or > MaxPage)
        {
            throw AthenaException.Invalid($"MaxResults is more than maximum allowed length {MaxPage}.");
        }

        QueryResult result;
        lock (execution.Lock)
        {
            result = execution.State switch
            {
                "SUCCEEDED" => execution.Result!,
                "FAILED" or "CANCELLED" => throw AthenaException.Invalid($"Query did not finish successfully. Final query state: {execution.State}", "INVALID_QUERY_EXECUTION_STATE"),
                _ => throw AthenaException.Invalid($"Query has not yet finished. Current state: {execution.State}", "INVALID_QUERY_EXECUTION_STATE"),
            };
        }

        var header = result.HasHeader ? 1 : 0;
        var from = 0;
        if (request["NextToken"]?.GetValue<string>() is { } token)
        {
            from = token.Split('#') is [var id, var at] && id == execution.Id && int.TryParse(at, out var row) ? row : throw AthenaException.Invalid("The nextToken is invalid", "INVALID_NEXT_TOKEN");
        }

        static JsonNode Row(IEnumerable<string?> values) =>
            new JsonObject { ["Data"] = new JsonArray([.. values.Select(v => (JsonNode)(v is null ? new JsonObject() : new JsonObject { ["VarCharValue"] = v }))]) };
        var all = result.Rows.Count + header;
        var rows = Enumerable.Range(from, Math.Min(size, all - from)).Select(i => Row(i < header ? result.Columns.Select(c => (string?)c.Name) : result.Rows[i - header]));
        var answer = new JsonObject
        {
            ["ResultSet"] = new JsonObject
            {
                ["Rows"] = new JsonArray([.. rows]),
                ["ResultSetMetadata"] = new JsonObject { ["ColumnInfo"] = new JsonArray([.. result.Columns.Select(c => (JsonNode)c.Describe())]) },
            },
            ["UpdateCount"] = 0,
        };
        if (from + size < all)
        {
            answer["NextToken"] = $"{execution.Id}#{from + size}";
        }

        return answer;
    }

    private JsonObject WorkGroup(JsonObject request)
    {
        var name = Text(request, "WorkGroup");
        var group = workGroups.GetValueOrDefault(name) ?? throw AthenaException.Invalid($"WorkGroup {name} is not found.");
        var configuration = new JsonObject
        {
            ["EnforceWorkGroupConfiguration"] = group.Enforces,
            ["PublishCloudWatchMetricsEnabled"] = false,
            ["RequesterPaysEnabled"] = false,
            ["ResultConfiguration"] = group.OutputLocation is null ? new JsonObject() : new JsonObject { ["OutputLocation"] = group.OutputLocation },
            ["EngineVersion"] = new JsonObject { ["SelectedEngineVersion"] = "AUTO", ["EffectiveEngineVersion"] = "Athena engine version 3" },
        };
        if (group.BytesScannedCutoff is { } cutoff)
        {
            configuration["BytesScannedCutoffPerQuery"] = cutoff;
        }

        if (group.HasManagedResults)
        {
            configuration["ManagedQueryResultsConfiguration"] = new JsonObject { ["Enabled"] = true };
        }

        return new JsonObject { ["WorkGroup"] = new JsonObject { ["Name"] = name, ["State"] = "ENABLED", ["Configuration"] = configuration } };
    }

    private JsonObject Database(JsonObject request)
    {
        var name = KnownDatabase(request);
        return new JsonObject { ["Database"] = new JsonObject { ["Name"] = name } };
    }

    private JsonObject Tables(JsonObject request)
    {
        var database = KnownDatabase(request);
        var tables = catalog.Tables(database).Select(t => catalog.Find(database, t)!).Select(Describe).ToArray<JsonNode>();
        return new JsonObject { ["TableMetadataList"] = new JsonArray(tables) };
    }

    private CatalogTable Table(JsonObject request, string name)
    {
        var database = KnownDatabase(request);
        return catalog.Find(database, name) ?? throw new AthenaException("MetadataException", $"EntityNotFoundException: Entity Not Found (Table {name} of {database})");
    }

    private string KnownDatabase(JsonObject request)
    {
        if (Text(request, "CatalogName") is var name && !name.Equals("AwsDataCatalog", StringComparison.OrdinalIgnoreCase))
        {
            throw AthenaException.Invalid($"DataCatalog {name} was not found");
        }

        var database = Text(request, "DatabaseName");
        return catalog.HasDatabase(database) ? database : throw new AthenaException("MetadataException", $"EntityNotFoundException: Database {database} not found.");
    }

    private JsonObject Describe(CatalogTable table)
    {
        try
        {
            return Catalog.Describe(table, engine.Describe(table));
        }
        catch (QueryFailedException exception)
        {
            throw new AthenaException("MetadataException", exception.Message);
        }
    }

    private static string Text(JsonObject request, string name) =>
        request[name]?.GetValue<string>() is { Length: > 0 } value ? value
            : throw AthenaException.Invalid($"1 validation error detected: Value null at '{char.ToLowerInvariant(name[0]) + name[1..]}' failed to satisfy constraint: Member must not be null");
}
