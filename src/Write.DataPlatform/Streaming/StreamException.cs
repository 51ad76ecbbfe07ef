namespace Write.DataPlatform.Streaming;

/// <summary>The stream refused or failed.</summary>
/// <param name="code">A code of <see cref="StreamErrorCodes"/>.</param>
/// <param name="message">What is wrong, for operators.</param>
/// <param name="isTransient">Whether the same call may succeed later.</param>
/// <param name="innerException">The cause.</param>
public sealed class StreamException(string code, string message, bool isTransient, Exception? innerException = null) : Exception(message, innerException)
{
    /// <summary>A code of <see cref="StreamErrorCodes"/>.</summary>
    public string Code { get; } = code;

    /// <summary>Whether the same call may succeed later.</summary>
    public bool IsTransient { get; } = isTransient;
}

/// <summary>The codes of what goes wrong with streams; see docs/errors.md.</summary>
public static class StreamErrorCodes
{
    /// <summary>There is no such stream or shard.</summary>
    public const string NotFound = "stream_not_found";

    /// <summary>The stream cannot be reached or fails.</summary>
    public const string Unavailable = "stream_unavailable";

    /// <summary>More than the stream takes at once.</summary>
    public const string Throttled = "stream_throttled";

    /// <summary>No room is left on the disk of the local log.</summary>
    public const string Full = "stream_full";

    /// <summary>Another process writes the local log.</summary>
    public const string Locked = "stream_locked";

    /// <summary>A file of the local log is damaged in a place that a crash cannot explain.</summary>
    public const string Damaged = "stream_damaged";

    /// <summary>The record has more than <see cref="IEventStream.MaxRecordBytes"/> bytes.</summary>
    public const string RecordTooLarge = "record_too_large";

    /// <summary>The partition key is empty or has more than <see cref="IEventStream.MaxPartitionKeyLength"/> characters.</summary>
    public const string PartitionKeyInvalid = "partition_key_invalid";

    /// <summary>No stream is configured.</summary>
    public const string None = "stream_not_configured";
}
