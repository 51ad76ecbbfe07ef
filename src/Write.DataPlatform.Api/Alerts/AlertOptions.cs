using Microsoft.Extensions.Options;

namespace Write.DataPlatform.Api.Alerts;

/// <summary>Where alerts and reports are sent. What they are is in the model.</summary>
internal sealed class AlertOptions
{
    /// <summary>The section's name.</summary>
    public const string Section = "DataPlatform:Alerts";

    /// <summary>The channels, by the name that alerts and reports use.</summary>
    /// <value>Default: none.</value>
    public Dictionary<string, ChannelOptions> Channels { get; set; } = new(StringComparer.Ordinal);

    /// <summary>How long one attempt of a delivery may take.</summary>
    /// <value>Default: 15 seconds.</value>
    public TimeSpan DeliveryTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a message is tried before it is given up, which its rule's history then says.</summary>
    /// <value>Default: 3 days.</value>
    public TimeSpan GiveUpAfter { get; set; } = TimeSpan.FromDays(3);

    /// <summary>How long the query of an alert or a report may take.</summary>
    /// <value>Default: 2 minutes.</value>
    public TimeSpan QueryTimeout { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>How long after its start a process looks at its rules for the first time.</summary>
    /// <value>Default: 20 seconds.</value>
    public TimeSpan StartDelay { get; set; } = TimeSpan.FromSeconds(20);
}

/// <summary>A receiver of messages.</summary>
internal sealed class ChannelOptions
{
    /// <summary>Where messages are posted; http or https. It is told to nobody: it may hold a secret.</summary>
    /// <value>Required.</value>
    public string Url { get; set; } = "";

    /// <summary>What messages are signed with: <c>whsec_</c> and 24 to 64 bytes in Base64, as Standard Webhooks has it.</summary>
    /// <value>Required.</value>
    public string Secret { get; set; } = "";
}

internal sealed class AlertOptionsValidator : IValidateOptions<AlertOptions>
{
    public ValidateOptionsResult Validate(string? name, AlertOptions options)
    {
        List<string> failures = [];
        void Check(bool isGood, string failure)
        {
            if (!isGood)
            {
                failures.Add($"{AlertOptions.Section}:{failure}");
            }
        }

        // What is wrong with an address or a secret is said without it.
        foreach (var (channel, settings) in options.Channels)
        {
            Check(Uri.TryCreate(settings.Url, UriKind.Absolute, out var url) && url.Scheme is "http" or "https", $"Channels:{channel}:Url must be an absolute http or https address.");
            Check(WebhookSignature.IsSecret(settings.Secret), $"Channels:{channel}:Secret must be whsec_ and 24 to 64 bytes in Base64.");
        }

        Check(options.DeliveryTimeout > TimeSpan.Zero && options.DeliveryTimeout <= TimeSpan.FromMinutes(5), $"DeliveryTimeout is {options.DeliveryTimeout:c}; it must be positive and at most 5 minutes.");
        Check(options.GiveUpAfter > TimeSpan.Zero && options.GiveUpAfter <= TimeSpan.FromDays(30), $"GiveUpAfter is {options.GiveUpAfter:c}; it must be positive and at most 30 days.");
        Check(options.QueryTimeout > TimeSpan.Zero && options.QueryTimeout <= TimeSpan.FromHours(1), $"QueryTimeout is {options.QueryTimeout:c}; it must be positive and at most an hour.");
        Check(options.StartDelay >= TimeSpan.Zero && options.StartDelay <= TimeSpan.FromHours(1), $"StartDelay is {options.StartDelay:c}; it must not be negative, and at most an hour.");
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }
}
