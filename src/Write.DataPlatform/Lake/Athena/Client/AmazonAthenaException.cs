using Amazon.Runtime;
using Amazon.Runtime.Internal;

namespace Write.DataPlatform.Lake.Athena.Client;

/// <summary>Athena refused or failed.</summary>
internal class AmazonAthenaException(ErrorResponse error)
    : AmazonServiceException(error.Message, error.InnerException, error.Type, error.Code, error.RequestId, error.StatusCode);

/// <summary>A fault of Athena's own.</summary>
internal sealed class InternalServerException(ErrorResponse error) : AmazonAthenaException(error);

/// <summary>A request that Athena does not take.</summary>
internal sealed class InvalidRequestException(ErrorResponse error) : AmazonAthenaException(error)
{
    /// <summary>Which mistake.</summary>
    public string? AthenaErrorCode { get; init; }
}

/// <summary>The catalog has no such table or database, or failed.</summary>
internal sealed class MetadataException(ErrorResponse error) : AmazonAthenaException(error);

/// <summary>More requests or queries at once than the account may have.</summary>
internal sealed class TooManyRequestsException(ErrorResponse error) : AmazonAthenaException(error)
{
    /// <summary>Such as <c>CONCURRENT_QUERY_LIMIT_EXCEEDED</c>.</summary>
    public string? Reason { get; init; }

    /// <inheritdoc />
    public override RetryableDetails Retryable { get; } = new(true);
}
