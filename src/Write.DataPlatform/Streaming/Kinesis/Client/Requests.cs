using Amazon.Runtime;

namespace Write.DataPlatform.Streaming.Kinesis.Client;

/// <summary>Which page of which stream's shards; a further page is named by its token alone.</summary>
internal sealed class ListShardsRequest : AmazonWebServiceRequest
{
    public string? StreamName { get; set; }

    public string? NextToken { get; set; }

    public int? MaxResults { get; set; }
}

/// <summary>A page of shards.</summary>
internal sealed class ListShardsResponse : AmazonWebServiceResponse
{
    public List<Shard>? Shards { get; set; }

    public string? NextToken { get; set; }
}

/// <summary>Which stream.</summary>
internal sealed class DescribeStreamSummaryRequest : AmazonWebServiceRequest
{
    public string? StreamName { get; set; }
}

/// <summary>The stream.</summary>
internal sealed class DescribeStreamSummaryResponse : AmazonWebServiceResponse
{
    public StreamDescriptionSummary? StreamDescriptionSummary { get; set; }
}

/// <summary>Where in which shard.</summary>
internal sealed class GetShardIteratorRequest : AmazonWebServiceRequest
{
    public string? StreamName { get; set; }

    public string? ShardId { get; set; }

    public string? ShardIteratorType { get; set; }

    public string? StartingSequenceNumber { get; set; }

    public DateTime? Timestamp { get; set; }
}

/// <summary>The place.</summary>
internal sealed class GetShardIteratorResponse : AmazonWebServiceResponse
{
    public string? ShardIterator { get; set; }
}

/// <summary>From where how many, at most 10,000.</summary>
internal sealed class GetRecordsRequest : AmazonWebServiceRequest
{
    public string? ShardIterator { get; set; }

    public int? Limit { get; set; }
}

/// <summary>Records; without a next place the shard is at its end.</summary>
internal sealed class GetRecordsResponse : AmazonWebServiceResponse
{
    public List<Record>? Records { get; set; }

    public string? NextShardIterator { get; set; }

    public long? MillisBehindLatest { get; set; }
}

/// <summary>Records to append.</summary>
internal sealed class PutRecordsRequest : AmazonWebServiceRequest
{
    public string? StreamName { get; set; }

    public List<PutRecordsRequestEntry>? Records { get; set; }
}

/// <summary>What became of each.</summary>
internal sealed class PutRecordsResponse : AmazonWebServiceResponse
{
    public int? FailedRecordCount { get; set; }

    public List<PutRecordsResultEntry>? Records { get; set; }
}

/// <summary>A stream to make.</summary>
internal sealed class CreateStreamRequest : AmazonWebServiceRequest
{
    public string? StreamName { get; set; }

    public int? ShardCount { get; set; }
}

/// <summary>Nothing.</summary>
internal sealed class CreateStreamResponse : AmazonWebServiceResponse;

/// <summary>A stream to delete.</summary>
internal sealed class DeleteStreamRequest : AmazonWebServiceRequest
{
    public string? StreamName { get; set; }
}

/// <summary>Nothing.</summary>
internal sealed class DeleteStreamResponse : AmazonWebServiceResponse;

/// <summary>Which shard, and where the second of the two new ones begins.</summary>
internal sealed class SplitShardRequest : AmazonWebServiceRequest
{
    public string? StreamName { get; set; }

    public string? ShardToSplit { get; set; }

    public string? NewStartingHashKey { get; set; }
}

/// <summary>Nothing.</summary>
internal sealed class SplitShardResponse : AmazonWebServiceResponse;

/// <summary>Which shards.</summary>
internal sealed class MergeShardsRequest : AmazonWebServiceRequest
{
    public string? StreamName { get; set; }

    public string? ShardToMerge { get; set; }

    public string? AdjacentShardToMerge { get; set; }
}

/// <summary>Nothing.</summary>
internal sealed class MergeShardsResponse : AmazonWebServiceResponse;
