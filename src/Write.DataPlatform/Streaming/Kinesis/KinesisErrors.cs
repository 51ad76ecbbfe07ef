using System.Net;
using System.Text.Json;
using Amazon.Runtime;
using Write.DataPlatform.Streaming.Kinesis.Client;

namespace Write.DataPlatform.Streaming.Kinesis;

/// <summary>What Kinesis and its SDK have against a call, as a <see cref="StreamException"/>.</summary>
internal static class KinesisErrors
{
    public static bool IsThrottle(string? code) => code is "ProvisionedThroughputExceededException" or "LimitExceededException" or "KMSThrottlingException" or "ThrottlingException";

    /// <summary>Whether an exception is one of a call, and not of a caller that gave up.</summary>
    public static bool IsOfCall(Exception exception, CancellationToken cancellationToken) => exception is not StreamException
        && (exception is AmazonClientException or AmazonServiceException or HttpRequestException or IOException or TimeoutException or JsonException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested));

    public static StreamException From(string stream, Exception exception) => exception switch
    {
        ResourceNotFoundException => new StreamException(StreamErrorCodes.NotFound, $"Kinesis has no stream or shard '{stream}' here: {exception.Message}", isTransient: true, exception),
        AmazonServiceException { ErrorCode: var code } when IsThrottle(code) =>
            new StreamException(StreamErrorCodes.Throttled, $"Kinesis takes no more calls to '{stream}' now: {exception.Message}", isTransient: true, exception),
        AmazonServiceException { StatusCode: HttpStatusCode.Forbidden } or AmazonServiceException { ErrorCode: "AccessDeniedException" or "UnrecognizedClientException" } =>
            new StreamException(StreamErrorCodes.Unavailable, $"Kinesis refused the credentials or the role; allow it what docs/streaming.md lists: {exception.Message}", isTransient: false, exception),
        AmazonServiceException { StatusCode: HttpStatusCode.BadRequest } refused => new StreamException(
            StreamErrorCodes.Unavailable, $"Kinesis refused a call to '{stream}' ({refused.ErrorCode}): {exception.Message}", isTransient: refused is ResourceInUseException, exception),
        _ => new StreamException(StreamErrorCodes.Unavailable, $"Kinesis was not reached or not understood: {exception.Message}", isTransient: true, exception),
    };
}
