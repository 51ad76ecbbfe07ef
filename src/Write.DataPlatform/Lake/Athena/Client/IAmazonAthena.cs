using Amazon.Runtime;

namespace Write.DataPlatform.Lake.Athena.Client;

/// <summary>Amazon Athena, of AWS's own names as far as they are needed: its package can take the place of this folder.</summary>
internal interface IAmazonAthena : IAmazonService, IDisposable
{
    static ClientConfig IAmazonService.CreateDefaultClientConfig() => new AmazonAthenaConfig();

    static IAmazonService IAmazonService.CreateDefaultServiceClient(AWSCredentials awsCredentials, ClientConfig clientConfig) =>
        new AmazonAthenaClient(awsCredentials, (AmazonAthenaConfig)clientConfig);

    /// <summary>Starts a query. Without a <see cref="StartQueryExecutionRequest.ClientRequestToken"/> it may be started twice.</summary>
    Task<StartQueryExecutionResponse> StartQueryExecutionAsync(StartQueryExecutionRequest request, CancellationToken cancellationToken = default);

    /// <summary>How a query is doing.</summary>
    Task<GetQueryExecutionResponse> GetQueryExecutionAsync(GetQueryExecutionRequest request, CancellationToken cancellationToken = default);

    /// <summary>One page of the rows of a query that has succeeded.</summary>
    Task<GetQueryResultsResponse> GetQueryResultsAsync(GetQueryResultsRequest request, CancellationToken cancellationToken = default);

    /// <summary>Stops a query; one that is over stays as it is.</summary>
    Task<StopQueryExecutionResponse> StopQueryExecutionAsync(StopQueryExecutionRequest request, CancellationToken cancellationToken = default);

    /// <summary>A table's columns and properties.</summary>
    Task<GetTableMetadataResponse> GetTableMetadataAsync(GetTableMetadataRequest request, CancellationToken cancellationToken = default);

    /// <summary>A workgroup's settings.</summary>
    Task<GetWorkGroupResponse> GetWorkGroupAsync(GetWorkGroupRequest request, CancellationToken cancellationToken = default);
}
