namespace Write.DataPlatform.AthenaStandIn.Protocol;

/// <summary>An error as the service answers it.</summary>
internal sealed class AthenaException(string type, string message, string? code = null, int status = 400) : Exception(message)
{
    public string Type { get; } = type;

    /// <summary>AthenaErrorCode, or the Reason of TooManyRequestsException.</summary>
    public string? Code { get; } = code;

    public int Status { get; } = status;

    public static AthenaException Invalid(string message, string? code = null) => new("InvalidRequestException", message, code);
}

/// <summary>A query that fails while it runs.</summary>
/// <param name="message">The reason.</param>
/// <param name="category">1 for the system's fault, 2 for the user's.</param>
/// <param name="isRetryable">What AthenaError says of it.</param>
internal sealed class QueryFailedException(string message, int category = 2, bool isRetryable = false) : Exception(message)
{
    public int Category { get; } = category;

    public bool IsRetryable { get; } = isRetryable;
}
