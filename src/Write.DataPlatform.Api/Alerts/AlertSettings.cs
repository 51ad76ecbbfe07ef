using Microsoft.Extensions.Options;

namespace Write.DataPlatform.Api.Alerts;

/// <summary>The channels as they are now. Changed settings that are refused change nothing: the last good ones stay, and <c>/health</c> says so.</summary>
internal sealed class AlertSettings(IOptions<AlertOptions> atStart, IOptionsMonitor<AlertOptions> changing, ILogger<AlertSettings> logger)
{
    private readonly Lock _gate = new();
    private AlertOptions _good = atStart.Value;
    private string? _problem;

    /// <summary>The last good ones.</summary>
    public AlertOptions Current
    {
        get
        {
            lock (_gate)
            {
                string? problem = null;
                try
                {
                    _good = changing.CurrentValue;
                }
                catch (Exception exception) when (exception is OptionsValidationException or InvalidOperationException)
                {
                    // What cannot be bound is told by its place; its text would say the value.
                    problem = exception is OptionsValidationException refused ? string.Join(' ', refused.Failures) : $"{AlertOptions.Section} cannot be read.";
                }

                if (problem is not null && problem != _problem)
                {
                    AlertLog.SettingsRefused(logger, problem);
                }

                _problem = problem;
                return _good;
            }
        }
    }

    /// <summary>Why the latest settings are not in use; null if they are.</summary>
    public string? Problem => Current is not null && _problem is { } problem ? $"The changed settings are refused, the last good ones stay in use. {problem}" : null;
}
