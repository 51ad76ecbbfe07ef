namespace Write.DataPlatform.Api.Alerts;

/// <summary>What alerts log: names and outcomes, never addresses, secrets or values.</summary>
internal static partial class AlertLog
{
    [LoggerMessage(971, LogLevel.Error, "Alerts could not be looked after; it is tried again")]
    public static partial void PassFailed(ILogger logger, Exception exception);

    [LoggerMessage(976, LogLevel.Error, "{Kind} {Name} failed for a reason that was not foreseen")]
    public static partial void Unforeseen(ILogger logger, Exception exception, RuleKind kind, string name);

    [LoggerMessage(977, LogLevel.Error, "The stored state {Key} cannot be read")]
    public static partial void Unreadable(ILogger logger, Exception exception, string key);

    [LoggerMessage(978, LogLevel.Error, "Messages to {Channel} could not be looked after; it is tried again")]
    public static partial void ChannelFailed(ILogger logger, Exception exception, string channel);

    [LoggerMessage(979, LogLevel.Error, "The changed settings of alerts are refused, the last good ones stay in use: {Problem}")]
    public static partial void SettingsRefused(ILogger logger, string problem);

    [LoggerMessage(972, LogLevel.Warning, "{Kind} {Name} failed: {Error}")]
    public static partial void RuleFailed(ILogger logger, RuleKind kind, string name, string error);

    [LoggerMessage(973, LogLevel.Information, "{Name}: {Event} for {Groups} groups")]
    public static partial void Told(ILogger logger, string name, AlertEvent @event, int groups);

    [LoggerMessage(974, LogLevel.Warning, "Message {Id} was not delivered to {Channel}: {Problem}")]
    public static partial void NotDelivered(ILogger logger, string id, string channel, string problem);

    [LoggerMessage(975, LogLevel.Error, "Message {Id} to {Channel} is given up: {Problem}")]
    public static partial void GivenUp(ILogger logger, string id, string channel, string problem);
}
