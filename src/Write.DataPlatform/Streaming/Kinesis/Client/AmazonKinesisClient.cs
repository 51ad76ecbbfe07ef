using System.Text.Json;
using System.Text.Json.Serialization;
using Amazon.Runtime;
using Amazon.Runtime.Internal;
using Write.DataPlatform.Aws;

namespace Write.DataPlatform.Streaming.Kinesis.Client;

internal sealed class AmazonKinesisConfig : AwsJsonConfig
{
    public AmazonKinesisConfig()
        : base(AmazonKinesisClient.Facts) =>
        Timeout = TimeSpan.FromSeconds(30);
}

/// <summary>The protocol alone; paging, waiting and limits are <see cref="KinesisStream"/>'s.</summary>
internal sealed class AmazonKinesisClient(AWSCredentials credentials, AmazonKinesisConfig config) : AwsJsonClient(credentials, config), IAmazonKinesis
{
    internal static readonly AwsJsonService Facts = new("Kinesis", "kinesis", "Kinesis_20131202", "2013-12-02");

    private static readonly KinesisJson Json = KinesisJson.Default;

    private static readonly Operation<ListShardsRequest, ListShardsResponse> List = new(Facts, "ListShards", Json.ListShardsRequest, Json.ListShardsResponse, Typed);

    private static readonly Operation<DescribeStreamSummaryRequest, DescribeStreamSummaryResponse> Describe =
        new(Facts, "DescribeStreamSummary", Json.DescribeStreamSummaryRequest, Json.DescribeStreamSummaryResponse, Typed);

    private static readonly Operation<GetShardIteratorRequest, GetShardIteratorResponse> Iterator =
        new(Facts, "GetShardIterator", Json.GetShardIteratorRequest, Json.GetShardIteratorResponse, Typed);

    private static readonly Operation<GetRecordsRequest, GetRecordsResponse> Get = new(Facts, "GetRecords", Json.GetRecordsRequest, Json.GetRecordsResponse, Typed);

    private static readonly Operation<PutRecordsRequest, PutRecordsResponse> Put = new(Facts, "PutRecords", Json.PutRecordsRequest, Json.PutRecordsResponse, Typed);

    private static readonly Operation<CreateStreamRequest, CreateStreamResponse> Create = new(Facts, "CreateStream", Json.CreateStreamRequest, Json.CreateStreamResponse, Typed);

    private static readonly Operation<DeleteStreamRequest, DeleteStreamResponse> Delete = new(Facts, "DeleteStream", Json.DeleteStreamRequest, Json.DeleteStreamResponse, Typed);

    private static readonly Operation<SplitShardRequest, SplitShardResponse> Split = new(Facts, "SplitShard", Json.SplitShardRequest, Json.SplitShardResponse, Typed);

    private static readonly Operation<MergeShardsRequest, MergeShardsResponse> Merge = new(Facts, "MergeShards", Json.MergeShardsRequest, Json.MergeShardsResponse, Typed);

    public Task<ListShardsResponse> ListShardsAsync(ListShardsRequest request, CancellationToken cancellationToken = default) => CallAsync(List, request, cancellationToken);

    public Task<DescribeStreamSummaryResponse> DescribeStreamSummaryAsync(DescribeStreamSummaryRequest request, CancellationToken cancellationToken = default) =>
        CallAsync(Describe, request, cancellationToken);

    public Task<GetShardIteratorResponse> GetShardIteratorAsync(GetShardIteratorRequest request, CancellationToken cancellationToken = default) =>
        CallAsync(Iterator, request, cancellationToken);

    public Task<GetRecordsResponse> GetRecordsAsync(GetRecordsRequest request, CancellationToken cancellationToken = default) => CallAsync(Get, request, cancellationToken);

    public Task<PutRecordsResponse> PutRecordsAsync(PutRecordsRequest request, CancellationToken cancellationToken = default) => CallAsync(Put, request, cancellationToken);

    public Task<CreateStreamResponse> CreateStreamAsync(CreateStreamRequest request, CancellationToken cancellationToken = default) => CallAsync(Create, request, cancellationToken);

    public Task<DeleteStreamResponse> DeleteStreamAsync(DeleteStreamRequest request, CancellationToken cancellationToken = default) => CallAsync(Delete, request, cancellationToken);

    public Task<SplitShardResponse> SplitShardAsync(SplitShardRequest request, CancellationToken cancellationToken = default) => CallAsync(Split, request, cancellationToken);

    public Task<MergeShardsResponse> MergeShardsAsync(MergeShardsRequest request, CancellationToken cancellationToken = default) => CallAsync(Merge, request, cancellationToken);

    private static AmazonKinesisException Typed(ErrorResponse error, JsonElement body) => error.Code switch
    {
        "ExpiredIteratorException" => new ExpiredIteratorException(error),
        "InvalidArgumentException" => new InvalidArgumentException(error),
        "LimitExceededException" => new LimitExceededException(error),
        "ProvisionedThroughputExceededException" => new ProvisionedThroughputExceededException(error),
        "ResourceInUseException" => new ResourceInUseException(error),
        "ResourceNotFoundException" => new ResourceNotFoundException(error),
        _ => new AmazonKinesisException(error),
    };
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, Converters = [typeof(EpochSeconds)])]
[JsonSerializable(typeof(ListShardsRequest))]
[JsonSerializable(typeof(ListShardsResponse))]
[JsonSerializable(typeof(DescribeStreamSummaryRequest))]
[JsonSerializable(typeof(DescribeStreamSummaryResponse))]
[JsonSerializable(typeof(GetShardIteratorRequest))]
[JsonSerializable(typeof(GetShardIteratorResponse))]
[JsonSerializable(typeof(GetRecordsRequest))]
[JsonSerializable(typeof(GetRecordsResponse))]
[JsonSerializable(typeof(PutRecordsRequest))]
[JsonSerializable(typeof(PutRecordsResponse))]
[JsonSerializable(typeof(CreateStreamRequest))]
[JsonSerializable(typeof(CreateStreamResponse))]
[JsonSerializable(typeof(DeleteStreamRequest))]
[JsonSerializable(typeof(DeleteStreamResponse))]
[JsonSerializable(typeof(SplitShardRequest))]
[JsonSerializable(typeof(SplitShardResponse))]
[JsonSerializable(typeof(MergeShardsRequest))]
[JsonSerializable(typeof(MergeShardsResponse))]
internal sealed partial class KinesisJson : JsonSerializerContext;
