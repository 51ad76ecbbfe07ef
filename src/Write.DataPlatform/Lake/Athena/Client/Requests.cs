using Amazon.Runtime;

namespace Write.DataPlatform.Lake.Athena.Client;

/// <summary>The query to start.</summary>
internal sealed class StartQueryExecutionRequest : AmazonWebServiceRequest
{
    public string? QueryString { get; set; }

    public string? ClientRequestToken { get; set; }

    public QueryExecutionContext? QueryExecutionContext { get; set; }

    public ResultConfiguration? ResultConfiguration { get; set; }

    public string? WorkGroup { get; set; }

    public List<string>? ExecutionParameters { get; set; }

    public ResultReuseConfiguration? ResultReuseConfiguration { get; set; }
}

/// <summary>The query that was started.</summary>
internal sealed class StartQueryExecutionResponse : AmazonWebServiceResponse
{
    public string? QueryExecutionId { get; set; }
}

/// <summary>Which query.</summary>
internal sealed class GetQueryExecutionRequest : AmazonWebServiceRequest
{
    public string? QueryExecutionId { get; set; }
}

/// <summary>How it is doing.</summary>
internal sealed class GetQueryExecutionResponse : AmazonWebServiceResponse
{
    public QueryExecution? QueryExecution { get; set; }
}

/// <summary>Which page of which query.</summary>
internal sealed class GetQueryResultsRequest : AmazonWebServiceRequest
{
    public string? QueryExecutionId { get; set; }

    public string? NextToken { get; set; }

    public int? MaxResults { get; set; }
}

/// <summary>A page of rows.</summary>
internal sealed class GetQueryResultsResponse : AmazonWebServiceResponse
{
    public long? UpdateCount { get; set; }

    public ResultSet? ResultSet { get; set; }

    public string? NextToken { get; set; }
}

/// <summary>Which query.</summary>
internal sealed class StopQueryExecutionRequest : AmazonWebServiceRequest
{
    public string? QueryExecutionId { get; set; }
}

/// <summary>Nothing.</summary>
internal sealed class StopQueryExecutionResponse : AmazonWebServiceResponse;

/// <summary>Which table.</summary>
internal sealed class GetTableMetadataRequest : AmazonWebServiceRequest
{
    public string? CatalogName { get; set; }

    public string? DatabaseName { get; set; }

    public string? TableName { get; set; }

    public string? WorkGroup { get; set; }
}

/// <summary>The table.</summary>
internal sealed class GetTableMetadataResponse : AmazonWebServiceResponse
{
    public TableMetadata? TableMetadata { get; set; }
}

/// <summary>Which workgroup.</summary>
internal sealed class GetWorkGroupRequest : AmazonWebServiceRequest
{
    public string? WorkGroup { get; set; }
}

/// <summary>The workgroup.</summary>
internal sealed class GetWorkGroupResponse : AmazonWebServiceResponse
{
    public WorkGroup? WorkGroup { get; set; }
}
