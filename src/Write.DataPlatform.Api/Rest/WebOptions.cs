using Microsoft.Extensions.Options;

namespace Write.DataPlatform.Api.Rest;

/// <summary>The settings of the server's face to the web: <c>DataPlatform:Web</c>. A change of the file is taken over at once.</summary>
internal sealed class WebOptions
{
    public const string Section = "DataPlatform:Web";

    /// <summary>The origins whose pages may call, such as <c>https://reports.example</c>; <c>*</c> for all. Cookies are never used, so a page can only use a key that it has.</summary>
    /// <value>Default none.</value>
    public string[] Origins { get; set; } = [];

    /// <summary>Whether a caller on this machine who shows no key is the operator. Behind a proxy on this machine it must be false: every call looks local there.</summary>
    /// <value>Default: true if every address that the server listens on is of this machine.</value>
    public bool? LocalOperator { get; set; }

    /// <summary>How long a server that is told to stop says that it is not ready and still answers, so that load balancers turn away first; 0 to 5 minutes.</summary>
    /// <value>Default 0.</value>
    public TimeSpan DrainDelay { get; set; }
}

/// <summary>Reports every wrong setting of <see cref="WebOptions"/> at once.</summary>
internal sealed class WebOptionsValidator : IValidateOptions<WebOptions>
{
    public ValidateOptionsResult Validate(string? name, WebOptions options)
    {
        var failures = options.Origins.Where(o => o != "*" && !IsOrigin(o)).Select(o => $"{WebOptions.Section}:Origins has '{o}'; an origin is a scheme, a host and perhaps a port: https://reports.example.").ToList();
        if (options.DrainDelay < TimeSpan.Zero || options.DrainDelay > TimeSpan.FromMinutes(5))
        {
            failures.Add($"{WebOptions.Section}:DrainDelay is {options.DrainDelay}; it must be between 0 and 5 minutes.");
        }

        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    private static bool IsOrigin(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri) && (uri.Scheme is "http" or "https") && uri.GetLeftPart(UriPartial.Authority) == text;
}
