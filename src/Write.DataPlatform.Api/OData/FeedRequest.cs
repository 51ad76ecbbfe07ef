using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http.Features;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.OData;

/// <summary>A request to the feed: its path, public address and preferences.</summary>
internal sealed partial class FeedRequest
{
    public const string Root = "/odata";

    private FeedRequest(HttpContext context, IReadOnlyList<string> segments)
    {
        (Context, Segments) = (context, segments);
        var headers = context.Request.Headers;
        Is401 = Takes401(context.Request);
        foreach (var preference in headers["Prefer"].SelectMany(p => (p ?? "").Split(',', ';')).Select(p => p.Trim().Split('=', 2)))
        {
            var name = preference[0].Trim().ToLowerInvariant();
            var value = preference.Length > 1 ? preference[1].Trim().Trim('"') : "";
            if (name is "odata.maxpagesize" or "maxpagesize" && int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var size) && size > 0)
            {
                MaxPageSize = size;
            }
            else if (name is "omit-values" or "odata.omit-values" && value == "nulls")
            {
                OmitsNulls = true;
            }
        }
    }

    public HttpContext Context { get; }

    /// <summary>The parts of the path behind the feed's root, decoded once.</summary>
    public IReadOnlyList<string> Segments { get; }

    /// <summary>Whether the client understands version 4.01.</summary>
    public bool Is401 { get; }

    public int? MaxPageSize { get; }

    public bool OmitsNulls { get; }

    /// <summary>The feed's root as the caller knows it.</summary>
    public string ServiceRoot => PublicAddress(Context.Request) + Root;

    /// <exception cref="Rest.ProblemException">400: the path cannot be read.</exception>
    public static FeedRequest Read(HttpContext context)
    {
        // The server's own path leaves an encoded slash as it is, and decoding that once more would decode the rest twice.
        var raw = context.Features.Get<IHttpRequestFeature>()?.RawTarget is { Length: > 0 } target && target.StartsWith('/') ? target : context.Request.PathBase.Add(context.Request.Path).ToUriComponent();
        var path = raw.Split('?', 2)[0];
        var at = path.IndexOf(Root, StringComparison.OrdinalIgnoreCase);
        var rest = at < 0 ? "" : path[(at + Root.Length)..].Trim('/');
        try
        {
            return new FeedRequest(context, rest.Length == 0 ? [] : [.. rest.Split('/').Select(Uri.UnescapeDataString)]);
        }
        catch (UriFormatException)
        {
            throw Refusal.Bad($"The path '{QueryForm.Short(path)}' cannot be read.");
        }
    }

    /// <summary>Whether a request's sender understands version 4.01.</summary>
    public static bool Takes401(HttpRequest request) => MaxVersion(request) >= 4.01m;

    /// <summary>The highest version that a request's sender understands, if he says so.</summary>
    public static decimal? MaxVersion(HttpRequest request) =>
        decimal.TryParse(request.Headers["OData-MaxVersion"].FirstOrDefault(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var version) ? version : null;

    /// <summary>Whether a request is the feed's.</summary>
    public static bool IsFeed(HttpRequest request) => request.Path.StartsWithSegments(Root, StringComparison.OrdinalIgnoreCase);

    /// <summary>The scheme, host and base path under which a caller reached the server, through a proxy too. It goes nowhere but into the caller's own answer.</summary>
    public static string PublicAddress(HttpRequest request)
    {
        var scheme = request.Headers["X-Forwarded-Proto"].FirstOrDefault()?.Split(',')[0].Trim().ToLowerInvariant() is ("https" or "http") and var forwarded ? forwarded : request.Scheme;
        var host = request.Headers["X-Forwarded-Host"].FirstOrDefault()?.Split(',')[0].Trim() is { } other && Host().IsMatch(other) ? other : request.Host.ToUriComponent();
        return scheme + "://" + host + request.PathBase.ToUriComponent();
    }

    [GeneratedRegex(@"^[A-Za-z0-9.\-]+(:\d{1,5})?$")]
    private static partial Regex Host();
}
