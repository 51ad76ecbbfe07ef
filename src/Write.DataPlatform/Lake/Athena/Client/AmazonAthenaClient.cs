using System.Text.Json;
using System.Text.Json.Serialization;
using Amazon.Runtime;
using Amazon.Runtime.Internal;
using Write.DataPlatform.Aws;

namespace Write.DataPlatform.Lake.Athena.Client;

internal sealed class AmazonAthenaConfig : AwsJsonConfig
{
    public AmazonAthenaConfig()
        : base(AmazonAthenaClient.Facts) =>
        Timeout = TimeSpan.FromSeconds(30); // no call of Athena's waits for a query
}

/// <summary>The protocol alone; waiting, paging and limits are <see cref="AthenaQueries"/>'s.</summary>
internal sealed class AmazonAthenaClient(AWSCredentials credentials, AmazonAthenaConfig config) : AwsJsonClient(credentials, config), IAmazonAthena
{
    internal static readonly AwsJsonService Facts = new("Athena", "athena", "AmazonAthena", "2017-05-18");

    private static readonly AthenaJson Json = AthenaJson.Default;

    private static readonly Operation<StartQueryExecutionRequest, StartQueryExecutionResponse> Start =
        new(Facts, "StartQueryExecution", Json.StartQueryExecutionRequest, Json.StartQueryExecutionResponse, Typed);

    private static readonly Operation<GetQueryExecutionRequest, GetQueryExecutionResponse> Get =
        new(Facts, "GetQueryExecution", Json.GetQueryExecutionRequest, Json.GetQueryExecutionResponse, Typed);

    private static readonly Operation<GetQueryResultsRequest, GetQueryResultsResponse> Results =
        new(Facts, "GetQueryResults", Json.GetQueryResultsRequest, Json.GetQueryResultsResponse, Typed);

    private static readonly Operation<StopQueryExecutionRequest, StopQueryExecutionResponse> Stop =
        new(Facts, "StopQueryExecution", Json.StopQueryExecutionRequest, Json.StopQueryExecutionResponse, Typed);

    private static readonly Operation<GetTableMetadataRequest, GetTableMetadataResponse> Table =
        new(Facts, "GetTableMetadata", Json.GetTableMetadataRequest, Json.GetTableMetadataResponse, Typed);

    private static readonly Operation<GetWorkGroupRequest, GetWorkGroupResponse> Group =
        new(Facts, "GetWorkGroup", Json.GetWorkGroupRequest, Json.GetWorkGroupResponse, Typed);

    public Task<StartQueryExecutionResponse> StartQueryExecutionAsync(StartQueryExecutionRequest request, CancellationToken cancellationToken = default) =>
        CallAsync(Start, request, cancellationToken);

    public Task<GetQueryExecutionResponse> GetQueryExecutionAsync(GetQueryExecutionRequest request, CancellationToken cancellationToken = default) =>
        CallAsync(Get, request, cancellationToken);

    public Task<GetQueryResultsResponse> GetQueryResultsAsync(GetQueryResultsRequest request, CancellationToken cancellationToken = default) =>
        CallAsync(Results, request, cancellationToken);

    public Task<StopQueryExecutionResponse> StopQueryExecutionAsync(StopQueryExecutionRequest request, CancellationToken cancellationToken = default) =>
        CallAsync(Stop, request, cancellationToken);

    public Task<GetTableMetadataResponse> GetTableMetadataAsync(GetTableMetadataRequest request, CancellationToken cancellationToken = default) =>
        CallAsync(Table, request, cancellationToken);

    public Task<GetWorkGroupResponse> GetWorkGroupAsync(GetWorkGroupRequest request, CancellationToken cancellationToken = default) =>
        CallAsync(Group, request, cancellationToken);

    private static AmazonAthenaException Typed(ErrorResponse error, JsonElement body)
    {
        string? Text(string name) => body.ValueKind == JsonValueKind.Object && body.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        return error.Code switch
        {
            "InternalServerException" => new InternalServerException(error),
            "InvalidRequestException" => new InvalidRequestException(error) { AthenaErrorCode = Text("AthenaErrorCode") },
            "MetadataException" => new MetadataException(error),
            "TooManyRequestsException" => new TooManyRequestsException(error) { Reason = Text("Reason") },
            _ => new AmazonAthenaException(error),
        };
    }
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, Converters = [typeof(EpochSeconds)])]
[JsonSerializable(typeof(StartQueryExecutionRequest))]
[JsonSerializable(typeof(StartQueryExecutionResponse))]
[JsonSerializable(typeof(GetQueryExecutionRequest))]
[JsonSerializable(typeof(GetQueryExecutionResponse))]
[JsonSerializable(typeof(GetQueryResultsRequest))]
[JsonSerializable(typeof(GetQueryResultsResponse))]
[JsonSerializable(typeof(StopQueryExecutionRequest))]
[JsonSerializable(typeof(StopQueryExecutionResponse))]
[JsonSerializable(typeof(GetTableMetadataRequest))]
[JsonSerializable(typeof(GetTableMetadataResponse))]
[JsonSerializable(typeof(GetWorkGroupRequest))]
[JsonSerializable(typeof(GetWorkGroupResponse))]
internal sealed partial class AthenaJson : JsonSerializerContext;
