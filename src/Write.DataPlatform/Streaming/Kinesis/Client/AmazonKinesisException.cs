using Amazon.Runtime;
using Amazon.Runtime.Internal;

namespace Write.DataPlatform.Streaming.Kinesis.Client;

/// <summary>Kinesis refused or failed.</summary>
internal class AmazonKinesisException(ErrorResponse error)
    : AmazonServiceException(error.Message, error.InnerException, error.Type, error.Code, error.RequestId, error.StatusCode);

/// <summary>The iterator is older than five minutes.</summary>
internal sealed class ExpiredIteratorException(ErrorResponse error) : AmazonKinesisException(error);

/// <summary>A request that Kinesis does not take.</summary>
internal sealed class InvalidArgumentException(ErrorResponse error) : AmazonKinesisException(error);

/// <summary>More calls, or more open shards, than the account may have.</summary>
internal sealed class LimitExceededException(ErrorResponse error) : AmazonKinesisException(error)
{
    /// <inheritdoc />
    public override RetryableDetails Retryable { get; } = new(true);
}

/// <summary>More than the shard takes or gives in a second.</summary>
internal sealed class ProvisionedThroughputExceededException(ErrorResponse error) : AmazonKinesisException(error)
{
    /// <inheritdoc />
    public override RetryableDetails Retryable { get; } = new(true);
}

/// <summary>The stream is being made or changed.</summary>
internal sealed class ResourceInUseException(ErrorResponse error) : AmazonKinesisException(error);

/// <summary>There is no such stream or shard.</summary>
internal sealed class ResourceNotFoundException(ErrorResponse error) : AmazonKinesisException(error);
