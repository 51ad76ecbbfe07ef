namespace Write.DataPlatform.Api.Lambda;

/// <summary>The slice's log messages.</summary>
internal static partial class LambdaLog
{
    [LoggerMessage(950, LogLevel.Critical, "Lambda's runtime API cannot be reached; the process ends")]
    public static partial void NoRuntime(ILogger logger, Exception exception);

    [LoggerMessage(951, LogLevel.Error, "Invocation {Invocation} failed")]
    public static partial void Failed(ILogger logger, Exception exception, string invocation);

    [LoggerMessage(952, LogLevel.Warning, "The failure of invocation {Invocation} could not be told")]
    public static partial void NotTold(ILogger logger, Exception exception, string invocation);

    [LoggerMessage(953, LogLevel.Error, "The answer to invocation {Invocation} broke")]
    public static partial void Broken(ILogger logger, Exception? exception, string invocation);

    [LoggerMessage(954, LogLevel.Information, "{Table} is not due")]
    public static partial void NotDue(ILogger logger, string table);

    [LoggerMessage(956, LogLevel.Error, "The alerts were not looked at; the next look does")]
    public static partial void NotLookedAt(ILogger logger, Exception? exception);

    [LoggerMessage(957, LogLevel.Error, "The refresh failed")]
    public static partial void NotRefreshed(ILogger logger, Exception exception);

    [LoggerMessage(958, LogLevel.Error, "The stream {Source} could not be read; the next tick does")]
    public static partial void NotRead(ILogger logger, Exception exception, string source);

    [LoggerMessage(955, LogLevel.Error, "Events of {Source} could not be counted; they are given again")]
    public static partial void NotCounted(ILogger logger, Exception exception, string source);
}
