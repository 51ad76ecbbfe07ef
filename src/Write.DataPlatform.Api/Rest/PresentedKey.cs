using System.Net.Http.Headers;
using System.Text;

namespace Write.DataPlatform.Api.Rest;

/// <summary>
/// What a request shows as its key: <c>Authorization: Bearer</c>, <c>X-Api-Key</c>, the password of <c>Authorization: Basic</c> (Power BI, Excel, curl), or
/// <c>?apikey=</c> (Power Query's "Web API" credential), in this order.
/// </summary>
/// <param name="Text">The key, which may be nobody's.</param>
internal readonly record struct PresentedKey(string Text)
{
    public const string Header = "X-Api-Key";
    public const string Parameter = "apikey";

    /// <summary>Null if the request shows none; an empty one is one that is wrong.</summary>
    public static PresentedKey? Of(HttpRequest request)
    {
        if (request.Headers.Authorization is [{ } text, ..])
        {
            return new PresentedKey(AuthenticationHeaderValue.TryParse(text, out var value) ? Secret(value) : "");
        }

        return request.Headers[Header] is [{ } header, ..] ? new PresentedKey(header)
            : request.Query[Parameter] is [{ } parameter, ..] ? new PresentedKey(parameter)
            : null;
    }

    private static string Secret(AuthenticationHeaderValue value)
    {
        if (value.Scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase))
        {
            return value.Parameter ?? "";
        }

        if (!value.Scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase))
        {
            return "";
        }

        Span<byte> bytes = stackalloc byte[1024];
        if (!Convert.TryFromBase64String(value.Parameter ?? "", bytes, out var length))
        {
            return "";
        }

        // The user is of no matter; a key has no colon.
        var text = Encoding.UTF8.GetString(bytes[..length]);
        return text[(text.IndexOf(':', StringComparison.Ordinal) + 1)..];
    }
}
