using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.RegularExpressions;
using Amazon.Runtime;
using DuckDB.NET.Data;
using Write.DataPlatform.Lake.Athena.Client;

namespace Write.DataPlatform.Lake.Athena;

/// <summary>What went wrong, in one line for people, what to do about it, and whether it may pass.</summary>
internal static partial class AthenaErrors
{
    public static LakeException From(Exception exception) => exception switch
    {
        LakeException known => known,
        TooManyRequestsException busy => new LakeException(
            $"Athena takes no more requests now ({busy.Reason ?? "too many"}): {OneLine(busy.Message)}", isTransient: true, busy),
        AmazonUnmarshallingException => new LakeException("AWS was not understood: " + OneLine(exception.Message), isTransient: true, exception),
        AmazonServiceException refused => FromService(refused),
        AmazonClientException client when client.Message.Contains("region", StringComparison.OrdinalIgnoreCase) => new LakeException(
            $"No AWS region is configured: set AWS:Region or the environment's AWS_REGION. {OneLine(client.Message)}", isTransient: false, client),
        AmazonClientException client when IsAboutCredentials(client.Message) => new LakeException(
            $"No AWS credentials were found: log in, name a profile in AWS:Profile, or give this process a role. {OneLine(client.Message)}", isTransient: false, client),
        AmazonClientException client => new LakeException("AWS was not reached or not understood: " + OneLine(client.Message), isTransient: true, client),
        HttpRequestException or HttpIOException or IOException { InnerException: SocketException } or TimeoutException or OperationCanceledException or JsonException =>
            new LakeException("AWS did not answer: " + OneLine(exception.Message), isTransient: true, exception),
        IOException or UnauthorizedAccessException => new LakeException("The work folder cannot be used: " + OneLine(exception.Message), isTransient: true, exception),
        DuckDBException duck => new LakeException(
            OneLine(duck.Message), duck.Message.StartsWith("IO Error", StringComparison.Ordinal) || duck.Message.StartsWith("Out of Memory Error", StringComparison.Ordinal), duck),
        _ => new LakeException(OneLine(exception.Message), isTransient: false, exception),
    };

    /// <summary>A query that ended without rows.</summary>
    public static LakeException From(QueryExecution query)
    {
        var status = query.Status!;
        var reason = OneLine(status.AthenaError?.ErrorMessage ?? status.StateChangeReason ?? "no reason was given");
        var name = $"Athena query {query.QueryExecutionId}";
        return status.State == "CANCELLED"
            ? new LakeException(
                reason.Contains("scanned", StringComparison.OrdinalIgnoreCase)
                    ? $"{name} was cancelled at a limit of the workgroup '{query.WorkGroup}': {reason} Ask for less, or raise the workgroup's limit."
                    : $"{name} was cancelled by another: {reason}",
                isTransient: false)
            : new LakeException(
                $"{name} failed: {reason}",
                isTransient: status.AthenaError is { } error && (error.Retryable ?? error.ErrorCategory == 1))
            {
                IsMissing = MissingTable().IsMatch(reason),
            };
    }

    /// <summary>Whether AWS takes no more requests for the moment, of which it has not begun any.</summary>
    public static bool IsThrottled(Exception exception) => exception is TooManyRequestsException
        or AmazonServiceException { ErrorCode: "ThrottlingException" or "Throttling" or "RequestLimitExceeded" or "SlowDown" } or AmazonServiceException { StatusCode: HttpStatusCode.TooManyRequests };

    public static bool IsTransient(Exception exception) => From(exception).IsTransient;

    private static LakeException FromService(AmazonServiceException refused)
    {
        var message = OneLine(refused.Message);
        return refused.ErrorCode switch
        {
            "ExpiredToken" or "ExpiredTokenException" or "RequestExpired" => new LakeException(
                $"The AWS credentials have expired: log in again or renew the session, then try again. {message}", isTransient: false, refused),
            "UnrecognizedClientException" or "InvalidClientTokenId" or "InvalidAccessKeyId" or "InvalidSignatureException" or "SignatureDoesNotMatch" or "MissingAuthenticationTokenException" =>
                new LakeException($"AWS does not know the credentials or their region: check AWS:Profile and AWS:Region. {message}", isTransient: false, refused),
            "AccessDeniedException" or "AccessDenied" or "AllAccessDisabled" => new LakeException(
                $"The AWS role may not do this: allow it what docs/lake.md lists. {message}", isTransient: false, refused),
            "ThrottlingException" or "Throttling" or "RequestLimitExceeded" or "SlowDown" or "RequestTimeout" => new LakeException(
                $"AWS asks for patience ({refused.ErrorCode}): {message}", isTransient: true, refused),
            _ when refused is MetadataException => new LakeException(
                "The data catalog: " + message, isTransient: false, refused) { IsMissing = MissingTable().IsMatch(message) },
            _ when refused.StatusCode is HttpStatusCode.Forbidden => new LakeException(
                $"AWS refused the credentials or the role ({refused.ErrorCode ?? "403"}): allow it what docs/lake.md lists. {message}", isTransient: false, refused),
            _ => new LakeException(
                $"AWS answered {refused.ErrorCode ?? ((int)refused.StatusCode).ToString(System.Globalization.CultureInfo.InvariantCulture)}: {message}",
                refused.Retryable is not null || (int)refused.StatusCode >= 500 || refused.StatusCode is HttpStatusCode.TooManyRequests || (refused.StatusCode == 0 && refused.InnerException is not null), refused),
        };
    }

    private static bool IsAboutCredentials(string message) =>
        message.Contains("credential", StringComparison.OrdinalIgnoreCase) || message.Contains("security token", StringComparison.OrdinalIgnoreCase);

    private static string OneLine(string message) =>
        string.Join(' ', message.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));

    [GeneratedRegex(@"^(TABLE|SCHEMA|CATALOG)_NOT_FOUND|\b(Table|Schema|Catalog|Database)\b.*(does not exist|not found)|EntityNotFoundException", RegexOptions.IgnoreCase)]
    private static partial Regex MissingTable();
}
