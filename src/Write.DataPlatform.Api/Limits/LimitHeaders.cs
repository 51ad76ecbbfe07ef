using System.Globalization;

namespace Write.DataPlatform.Api.Limits;

/// <summary>
/// The headers that tell a caller its limits and what is left of them, on refusals too, as the IETF's draft names them (draft-ietf-httpapi-ratelimit-headers):
/// <c>RateLimit-Policy: "tenant";q=50;w=1</c> and <c>RateLimit: "tenant";r=49;t=1</c>.
/// </summary>
internal sealed class LimitHeaders
{
    private readonly List<(string Policy, long Quota, long Window, long Left, long Reset)> _limits = [];

    private LimitHeaders()
    {
    }

    public static LimitHeaders Of(HttpContext context)
    {
        if (context.Items[typeof(LimitHeaders)] is LimitHeaders known)
        {
            return known;
        }

        var headers = new LimitHeaders();
        context.Items[typeof(LimitHeaders)] = headers;
        // What fails starts its answer anew, without the headers written before.
        context.Response.OnStarting(() =>
        {
            headers.Write(context.Response.Headers);
            return Task.CompletedTask;
        });
        return headers;
    }

    /// <summary>Says a limit and what is left of it.</summary>
    /// <param name="policy">The limit's name.</param>
    /// <param name="quota">How many in a window.</param>
    /// <param name="window">The window.</param>
    /// <param name="left">How many are left of it.</param>
    /// <param name="reset">When all are there again.</param>
    public void Set(string policy, long quota, TimeSpan window, long left, TimeSpan reset)
    {
        _limits.RemoveAll(l => l.Policy == policy);
        _limits.Add((policy, quota, Seconds(window), Math.Max(0, left), Seconds(reset)));
    }

    private void Write(IHeaderDictionary headers)
    {
        headers["RateLimit-Policy"] = string.Join(", ", _limits.Select(l => string.Create(CultureInfo.InvariantCulture, $"\"{l.Policy}\";q={l.Quota};w={l.Window}")));
        headers["RateLimit"] = string.Join(", ", _limits.Select(l => string.Create(CultureInfo.InvariantCulture, $"\"{l.Policy}\";r={l.Left};t={l.Reset}")));
    }

    private static long Seconds(TimeSpan time) => Math.Max(1, (long)Math.Ceiling(time.TotalSeconds));
}
