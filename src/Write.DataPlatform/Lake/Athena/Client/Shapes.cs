namespace Write.DataPlatform.Lake.Athena.Client;

/// <summary>Where names without a database are looked up.</summary>
internal sealed class QueryExecutionContext
{
    public string? Database { get; set; }

    public string? Catalog { get; set; }
}

/// <summary>Where results are left.</summary>
internal sealed class ResultConfiguration
{
    public string? OutputLocation { get; set; }
}

/// <summary>Whether an earlier result will do.</summary>
internal sealed class ResultReuseConfiguration
{
    public ResultReuseByAgeConfiguration? ResultReuseByAgeConfiguration { get; set; }
}

/// <summary>How old an earlier result may be.</summary>
internal sealed class ResultReuseByAgeConfiguration
{
    public bool? Enabled { get; set; }

    public int? MaxAgeInMinutes { get; set; }
}

/// <summary>A query.</summary>
internal sealed class QueryExecution
{
    public string? QueryExecutionId { get; set; }

    public string? StatementType { get; set; }

    public string? SubstatementType { get; set; }

    public ManagedQueryResultsConfiguration? ManagedQueryResultsConfiguration { get; set; }

    public ResultConfiguration? ResultConfiguration { get; set; }

    public QueryExecutionStatus? Status { get; set; }

    public QueryExecutionStatistics? Statistics { get; set; }

    public string? WorkGroup { get; set; }
}

/// <summary>Whether results are kept by Athena itself.</summary>
internal sealed class ManagedQueryResultsConfiguration
{
    public bool? Enabled { get; set; }
}

/// <summary>A state: QUEUED, RUNNING, SUCCEEDED, FAILED or CANCELLED.</summary>
internal sealed class QueryExecutionStatus
{
    public string? State { get; set; }

    public string? StateChangeReason { get; set; }

    public DateTime? SubmissionDateTime { get; set; }

    public DateTime? CompletionDateTime { get; set; }

    public AthenaError? AthenaError { get; set; }
}

/// <summary>Why a query failed. Category 1 is the system, 2 the user, 3 another.</summary>
internal sealed class AthenaError
{
    public int? ErrorCategory { get; set; }

    public int? ErrorType { get; set; }

    public bool? Retryable { get; set; }

    public string? ErrorMessage { get; set; }
}

/// <summary>What a query took.</summary>
internal sealed class QueryExecutionStatistics
{
    public long? EngineExecutionTimeInMillis { get; set; }

    public long? DataScannedInBytes { get; set; }

    public string? DataManifestLocation { get; set; }

    public long? TotalExecutionTimeInMillis { get; set; }

    public long? QueryQueueTimeInMillis { get; set; }

    public ResultReuseInformation? ResultReuseInformation { get; set; }
}

/// <summary>Whether an earlier result was given.</summary>
internal sealed class ResultReuseInformation
{
    public bool? ReusedPreviousResult { get; set; }
}

/// <summary>Rows and their columns.</summary>
internal sealed class ResultSet
{
    public List<Row>? Rows { get; set; }

    public ResultSetMetadata? ResultSetMetadata { get; set; }
}

/// <summary>One row.</summary>
internal sealed class Row
{
    public List<Datum>? Data { get; set; }
}

/// <summary>One value as text; without a value it is null.</summary>
internal sealed class Datum
{
    public string? VarCharValue { get; set; }
}

/// <summary>The columns.</summary>
internal sealed class ResultSetMetadata
{
    public List<ColumnInfo>? ColumnInfo { get; set; }
}

/// <summary>One column.</summary>
internal sealed class ColumnInfo
{
    public string? Name { get; set; }

    public string? Label { get; set; }

    public string? Type { get; set; }

    public int? Precision { get; set; }

    public int? Scale { get; set; }

    public string? Nullable { get; set; }
}

/// <summary>A table of the catalog.</summary>
internal sealed class TableMetadata
{
    public string? Name { get; set; }

    public DateTime? CreateTime { get; set; }

    public string? TableType { get; set; }

    public List<Column>? Columns { get; set; }

    public List<Column>? PartitionKeys { get; set; }

    public Dictionary<string, string>? Parameters { get; set; }
}

/// <summary>A column, of one of Hive's types.</summary>
internal sealed class Column
{
    public string? Name { get; set; }

    public string? Type { get; set; }

    public string? Comment { get; set; }
}

/// <summary>A workgroup.</summary>
internal sealed class WorkGroup
{
    public string? Name { get; set; }

    public string? State { get; set; }

    public WorkGroupConfiguration? Configuration { get; set; }
}

/// <summary>A workgroup's settings.</summary>
internal sealed class WorkGroupConfiguration
{
    public ResultConfiguration? ResultConfiguration { get; set; }

    public ManagedQueryResultsConfiguration? ManagedQueryResultsConfiguration { get; set; }

    public bool? EnforceWorkGroupConfiguration { get; set; }

    public long? BytesScannedCutoffPerQuery { get; set; }
}
