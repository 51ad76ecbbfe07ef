using System.Text.Json.Nodes;

namespace Write.DataPlatform.AthenaStandIn.Protocol;

/// <summary>A query from its start on; read and written under its own lock.</summary>
internal sealed class QueryExecution
{
    public required string Id { get; init; }

    public required string Query { get; init; }

    public required IReadOnlyList<string> Parameters { get; init; }

    public required string Database { get; init; }

    public required AthenaWorkGroup WorkGroup { get; init; }

    /// <summary>The result's address; null if the service keeps it.</summary>
    public required string? OutputLocation { get; init; }

    public required DateTimeOffset Submitted { get; init; }

    public required JsonNode Request { get; init; }

    public CancellationTokenSource Cancellation { get; } = new();

    public Lock Lock { get; } = new();

    public string State { get; private set; } = "QUEUED";

    public string? Reason { get; private set; }

    public QueryFailedException? Failure { get; private set; }

    public DateTimeOffset? Completed { get; private set; }

    public string StatementType { get; set; } = "DML";

    public string SubstatementType { get; set; } = "SELECT";

    public long BytesScanned { get; set; }

    public bool IsReused { get; set; }

    public string? Manifest { get; set; }

    public QueryResult? Result { get; set; }

    public bool IsActive => State is "QUEUED" or "RUNNING";

    /// <summary>Goes on, unless it has ended.</summary>
    public bool Enter(string state, DateTimeOffset now, string? reason = null, QueryFailedException? failure = null)
    {
        lock (Lock)
        {
            if (!IsActive)
            {
                return false;
            }

            (State, Reason, Failure) = (state, reason, failure);
            if (!IsActive)
            {
                Completed = now;
            }

            return true;
        }
    }

    public JsonObject Describe(DateTimeOffset now)
    {
        lock (Lock)
        {
            static double Seconds(DateTimeOffset time) => time.ToUnixTimeMilliseconds() / 1000.0;
            var status = new JsonObject { ["State"] = State, ["SubmissionDateTime"] = Seconds(Submitted) };
            if (Completed is { } completed)
            {
                status["CompletionDateTime"] = Seconds(completed);
            }

            if (Reason is not null)
            {
                status["StateChangeReason"] = Reason;
            }

            if (Failure is { } failure)
            {
                status["AthenaError"] = new JsonObject
                {
                    ["ErrorCategory"] = failure.Category,
                    ["ErrorType"] = failure.Category == 1 ? 100 : 1000,
                    ["Retryable"] = failure.IsRetryable,
                    ["ErrorMessage"] = failure.Message,
                };
            }

            var elapsed = (long)((Completed ?? now) - Submitted).TotalMilliseconds;
            var statistics = new JsonObject
            {
                ["EngineExecutionTimeInMillis"] = elapsed,
                ["DataScannedInBytes"] = BytesScanned,
                ["TotalExecutionTimeInMillis"] = elapsed,
                ["QueryQueueTimeInMillis"] = 0,
                ["ServiceProcessingTimeInMillis"] = 0,
                ["ResultReuseInformation"] = new JsonObject { ["ReusedPreviousResult"] = IsReused },
            };
            if (Manifest is not null)
            {
                statistics["DataManifestLocation"] = Manifest;
            }

            var described = new JsonObject
            {
                ["QueryExecutionId"] = Id,
                ["Query"] = Query,
                ["StatementType"] = StatementType,
                ["SubstatementType"] = SubstatementType,
                ["ResultConfiguration"] = OutputLocation is null ? new JsonObject() : new JsonObject { ["OutputLocation"] = OutputLocation },
                ["QueryExecutionContext"] = new JsonObject { ["Database"] = Database, ["Catalog"] = "awsdatacatalog" },
                ["Status"] = status,
                ["Statistics"] = statistics,
                ["WorkGroup"] = WorkGroup.Name,
                ["EngineVersion"] = new JsonObject { ["SelectedEngineVersion"] = "AUTO", ["EffectiveEngineVersion"] = "Athena engine version 3" },
            };
            if (Parameters.Count > 0)
            {
                described["ExecutionParameters"] = new JsonArray([.. Parameters.Select(p => (JsonNode)p)]);
            }

            if (WorkGroup.HasManagedResults)
            {
                described["ManagedQueryResultsConfiguration"] = new JsonObject { ["Enabled"] = true };
            }

            return described;
        }
    }
}

/// <summary>A query's rows as the service prints them.</summary>
/// <param name="Columns">The columns.</param>
/// <param name="Rows">The values; null for NULL.</param>
/// <param name="HasHeader">Whether the first row of the first page gives the columns' names.</param>
internal sealed record QueryResult(IReadOnlyList<AthenaColumn> Columns, IReadOnlyList<string?[]> Rows, bool HasHeader)
{
    public static QueryResult Empty { get; } = new([], [], false);
}

/// <summary>A column of a result.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Athena's name of its type, without parameters.</param>
/// <param name="Precision">The digits, or the length.</param>
/// <param name="Scale">The digits after the point.</param>
internal sealed record AthenaColumn(string Name, string Type, int Precision, int Scale)
{
    public JsonObject Describe() => new()
    {
        ["CatalogName"] = "hive",
        ["SchemaName"] = "",
        ["TableName"] = "",
        ["Name"] = Name,
        ["Label"] = Name,
        ["Type"] = Type,
        ["Precision"] = Precision,
        ["Scale"] = Scale,
        ["Nullable"] = "UNKNOWN",
        ["CaseSensitive"] = Type is "varchar" or "char",
    };
}
