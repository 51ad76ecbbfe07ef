using System.Globalization;
using Microsoft.Extensions.Primitives;

namespace Write.DataPlatform.Api.Rest;

/// <summary>What a caller prefers (RFC 7240): <c>Prefer: respond-async, wait=N</c>.</summary>
/// <param name="RespondAsync">Whether it may be told to come back for the answer.</param>
/// <param name="Wait">How long it waits before that.</param>
internal readonly record struct Preference(bool RespondAsync, TimeSpan Wait)
{
    public const string Header = "Prefer";
    public const string Applied = "Preference-Applied";

    /// <summary>The longest wait; no proxy between is to lose its patience.</summary>
    public static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan DefaultWait = TimeSpan.FromSeconds(1);

    /// <summary>Preferences that are not known, or whose values cannot be read, are no mistakes.</summary>
    public static Preference Of(HttpRequest request)
    {
        var (isAsync, wait) = (false, (TimeSpan?)null);
        foreach (var preference in request.Headers[Header].SelectMany(text => (text ?? "").Split(',')))
        {
            var parts = preference.Split(';')[0].Split('=', 2, StringSplitOptions.TrimEntries);
            isAsync |= parts[0].Equals("respond-async", StringComparison.OrdinalIgnoreCase);
            if (parts is [var name, var value] && name.Equals("wait", StringComparison.OrdinalIgnoreCase) && double.TryParse(value.Trim('"'), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
            {
                wait ??= TimeSpan.FromSeconds(Math.Min(seconds, MaxWait.TotalSeconds));
            }
        }

        return new Preference(isAsync, wait ?? DefaultWait);
    }

    /// <summary>What is said of it in the answer.</summary>
    public StringValues Told => string.Create(CultureInfo.InvariantCulture, $"respond-async, wait={Wait.TotalSeconds:0}");
}
