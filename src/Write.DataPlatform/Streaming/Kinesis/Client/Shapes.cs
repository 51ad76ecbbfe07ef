namespace Write.DataPlatform.Streaming.Kinesis.Client;

/// <summary>A shard.</summary>
internal sealed class Shard
{
    public string? ShardId { get; set; }

    public string? ParentShardId { get; set; }

    public string? AdjacentParentShardId { get; set; }

    public HashKeyRange? HashKeyRange { get; set; }

    public SequenceNumberRange? SequenceNumberRange { get; set; }
}

/// <summary>The hashes of partition keys (MD5 as a number) that a shard takes, both ends included.</summary>
internal sealed class HashKeyRange
{
    public string? StartingHashKey { get; set; }

    public string? EndingHashKey { get; set; }
}

/// <summary>A shard's numbers; without an end it is open.</summary>
internal sealed class SequenceNumberRange
{
    public string? StartingSequenceNumber { get; set; }

    public string? EndingSequenceNumber { get; set; }
}

/// <summary>A stream.</summary>
internal sealed class StreamDescriptionSummary
{
    public string? StreamName { get; set; }

    public string? StreamStatus { get; set; }

    public int? RetentionPeriodHours { get; set; }

    public DateTime? StreamCreationTimestamp { get; set; }

    public int? OpenShardCount { get; set; }
}

/// <summary>A record.</summary>
internal sealed class Record
{
    public string? SequenceNumber { get; set; }

    public DateTime? ApproximateArrivalTimestamp { get; set; }

    public ReadOnlyMemory<byte>? Data { get; set; }

    public string? PartitionKey { get; set; }
}

/// <summary>A record to append.</summary>
internal sealed class PutRecordsRequestEntry
{
    public ReadOnlyMemory<byte>? Data { get; set; }

    public string? PartitionKey { get; set; }
}

/// <summary>Its place, or why there is none.</summary>
internal sealed class PutRecordsResultEntry
{
    public string? SequenceNumber { get; set; }

    public string? ShardId { get; set; }

    public string? ErrorCode { get; set; }

    public string? ErrorMessage { get; set; }
}
