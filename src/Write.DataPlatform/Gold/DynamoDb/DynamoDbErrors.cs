using System.Net;
using Amazon.DynamoDBv2.Model;
using Amazon.Runtime;
using Polly.Timeout;

namespace Write.DataPlatform.Gold.DynamoDb;

/// <summary>What went wrong, in the words of whoever can mend it.</summary>
internal static class DynamoDbErrors
{
    /// <summary>Turns the SDK's failures into the store's own; the caller's cancellation and a failed condition stay what they are.</summary>
    public static GoldStoreException? Of(Exception exception, string table, bool isCancelled) => exception switch
    {
        ConditionalCheckFailedException => null,
        GoldStoreException known => known,
        OperationCanceledException when isCancelled => null,
        OperationCanceledException or TimeoutException or TimeoutRejectedException => Make(table, "did not answer in time", true, exception),
        ResourceNotFoundException => Make(
            table, "does not exist in this region and account. Create it (docs/deploy, or start once with --create), or name another with DataPlatform:Gold:DynamoDb:Table", false, exception),
        AmazonServiceException service => Of(service, table),
        HttpRequestException or IOException => Make(table, "cannot be reached", true, exception),
        AmazonClientException client when IsOf<HttpRequestException>(client) || IsOf<IOException>(client) => Make(table, "cannot be reached", true, exception),
        AmazonClientException client when client.Message.Contains("RegionEndpoint", StringComparison.Ordinal) => Make(
            table, "has no region: set AWS:Region or AWS_REGION (or AWS:ServiceURL for a local server)", false, exception),
        AmazonClientException => Make(
            table, "cannot be used without credentials: give the process a role, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", false, exception),
        _ => null,
    };

    /// <summary>Whether the same request may be carried out a moment later.</summary>
    public static bool IsTransient(Exception exception) => Of(exception, "", isCancelled: true) is { IsTransient: true };

    private static GoldStoreException Of(AmazonServiceException exception, string table) => exception.ErrorCode switch
    {
        "ProvisionedThroughputExceededException" or "ThrottlingException" or "Throttling" or "RequestLimitExceeded" or "LimitExceededException" or "TooManyRequestsException" =>
            Make(table, "is throttled: it is asked for more than its capacity. If that lasts, raise the capacity, or use on-demand billing", true, exception),
        "ExpiredTokenException" or "ExpiredToken" =>
            Make(table, "refuses the credentials, for they have expired: sign in again (aws sso login), or give the process a role, whose credentials are renewed", false, exception),
        "UnrecognizedClientException" or "InvalidClientTokenId" or "InvalidSignatureException" or "SignatureDoesNotMatch" or "MissingAuthenticationTokenException" or "MissingAuthenticationToken"
            or "IncompleteSignatureException" or "IncompleteSignature" =>
            Make(table, "refuses the credentials: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE, and this computer's clock", false, exception),
        "AccessDeniedException" or "AccessDenied" =>
            Make(table, "may not be used by this role: allow the action that the message names (docs/gold.md lists what each role needs)", false, exception),
        "InternalServerError" or "InternalFailure" or "ServiceUnavailable" or "ServiceUnavailableException" or "TransactionConflictException" or "ReplicatedWriteConflictException" =>
            Make(table, "failed for a moment", true, exception),
        _ when exception.StatusCode >= HttpStatusCode.InternalServerError || exception is AmazonUnmarshallingException || (exception.Retryable?.Throttling ?? false) =>
            Make(table, "failed for a moment", true, exception),
        _ when exception.StatusCode == 0 => Make(table, "cannot be reached", true, exception),
        _ => Make(table, "refused a request", false, exception),
    };

    private static bool IsOf<T>(Exception? exception) where T : Exception => exception is T || exception is not null && IsOf<T>(exception.InnerException);

    private static GoldStoreException Make(string table, string what, bool isTransient, Exception exception) =>
        new($"The DynamoDB table '{table}' {what}. ({exception.Message.ReplaceLineEndings(" ").Trim()})", isTransient, exception);
}
