using System.Text.RegularExpressions;

namespace Write.DataPlatform.Api.Monitoring;

/// <summary>A request's path as logs and traces may show it: on one line, and without the secret of a key that somebody wrote into it.</summary>
internal static partial class LoggedPath
{
    private const int MaxLength = 500;

    public static string Of(HttpRequest request) => Of(request.Path.Value ?? "/");

    public static string Of(string path) => Unprintable().Replace(Key().Replace(path.Length > MaxLength ? path[..MaxLength] + "…" : path, "wdp_…"), "?");

    // From the prefix on, whatever could be a part of it.
    [GeneratedRegex("wdp_[A-Za-z0-9_-]+", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Key();

    [GeneratedRegex(@"[\p{C}\u2028\u2029]", RegexOptions.CultureInvariant)]
    private static partial Regex Unprintable();
}
