using Microsoft.Extensions.Options;

namespace Write.DataPlatform.Api.Rest;

/// <summary>Settings as the files say now; while they are wrong, as they were last right.</summary>
/// <typeparam name="T">The settings, which were right when the server started.</typeparam>
internal sealed partial class ReloadedOptions<T>(IOptionsMonitor<T> monitor, ILogger<ReloadedOptions<T>> logger)
    where T : class
{
    private T _last = monitor.CurrentValue;
    private string? _told;

    public T Value
    {
        get
        {
            try
            {
                var value = monitor.CurrentValue;
                _told = null;
                return _last = value;
            }
            catch (Exception exception) when (exception is OptionsValidationException or InvalidOperationException)
            {
                // Values that may not be, and texts that are no values at all.
                if (_told != exception.Message)
                {
                    _told = exception.Message;
                    Refused(logger, exception.Message);
                }

                return _last;
            }
        }
    }

    [LoggerMessage(801, LogLevel.Error, "The changed settings are refused, and the last good ones stay in use: {Problems}")]
    private static partial void Refused(ILogger logger, string problems);
}
