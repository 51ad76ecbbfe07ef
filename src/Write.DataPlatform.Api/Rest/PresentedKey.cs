using System.Net.Http.Headers;
using System.Text;
using Microsoft.Extensions.Primitives;

namespace Write.DataPlatform.Api.Rest;

/// <summary>
/// What a request shows as its key: <c>Authorization: Bearer</c>, <c>X-Api-Key</c>, the password of <c>Authorization: Basic</c> (Power BI, Excel, curl), or
/// <c>?apikey=</c> (Power Query's "Web API" credential). A request that shows two shows none that is good: whoever stands between may have looked at the other.
/// </summary>
/// <param name="Text">The key, which may be nobody's.</param>
/// <param name="IsBearer">Whether it is shown as a bearer token, and so may be one of an identity provider.</param>
internal readonly record struct PresentedKey(string Text, bool IsBearer = false)
{
    public const string Header = "X-Api-Key";
    public const string Parameter = "apikey";

    /// <summary>Null if the request shows none; an empty one is one that is wrong.</summary>
    public static PresentedKey? Of(HttpRequest request)
    {
        StringValues[] shown = [request.Headers.Authorization, request.Headers[Header], request.Query[Parameter]];
        if (shown.Sum(s => s.Count) > 1)
        {
            return new PresentedKey("");
        }

        return shown switch
        {
            [[{ } text], _, _] => AuthenticationHeaderValue.TryParse(text, out var value) ? Secret(value) : new PresentedKey(""),
            [_, [{ } header], _] => new PresentedKey(header),
            [_, _, [{ } parameter]] => new PresentedKey(parameter),
            _ => null,
        };
    }

    private static PresentedKey Secret(AuthenticationHeaderValue value)
    {
        if (value.Scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase))
        {
            return new PresentedKey(value.Parameter ?? "", IsBearer: true);
        }

        Span<byte> bytes = stackalloc byte[1024];
        if (!value.Scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase) || !Convert.TryFromBase64String(value.Parameter ?? "", bytes, out var length))
        {
            return new PresentedKey("");
        }

        // The user is of no matter; a key has no colon.
        var text = Encoding.UTF8.GetString(bytes[..length]);
        return new PresentedKey(text[(text.IndexOf(':', StringComparison.Ordinal) + 1)..]);
    }
}
