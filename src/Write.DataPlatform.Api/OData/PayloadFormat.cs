using System.Globalization;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using Write.DataPlatform.Query;

namespace Write.DataPlatform.Api.OData;

/// <summary>How much a payload says of itself.</summary>
internal enum MetadataLevel
{
    None,
    Minimal,
    Full,
}

/// <summary>How a payload is written.</summary>
/// <param name="Level">How much it says of itself.</param>
/// <param name="NumbersAsText">Whether whole and decimal numbers are texts, so that no client rounds them.</param>
internal sealed record PayloadFormat(MetadataLevel Level, bool NumbersAsText)
{
    public string ContentType =>
        $"application/json;odata.metadata={Level.ToString().ToLowerInvariant()};odata.streaming=true;IEEE754Compatible={(NumbersAsText ? "true" : "false")};charset=utf-8";

    /// <summary>The best of what is accepted; JSON whatever else would do.</summary>
    /// <exception cref="Rest.ProblemException">406: JSON is not accepted.</exception>
    public static PayloadFormat Of(HttpRequest request, string? format)
    {
        if (format is not null)
        {
            return format.Equals("json", StringComparison.OrdinalIgnoreCase) ? new PayloadFormat(MetadataLevel.Minimal, false)
                : MediaTypeHeaderValue.TryParse(format, out var named) && Quality(named) > 0 ? Of(named)
                : throw Refusal.Format($"Payloads are JSON and not {QueryForm.Short(format)}.");
        }

        if (Ranges(request) is not { } ranges)
        {
            return new PayloadFormat(MetadataLevel.Minimal, false);
        }

        return ranges.Where(r => Quality(r) > 0).MaxBy(r => (Quality(r), r.MatchesAllTypes ? 0 : r.MatchesAllSubTypes ? 1 : 2)) is { } best
            ? Of(best)
            : throw Refusal.Format($"Payloads are JSON and not {QueryForm.Short(request.Headers.Accept.ToString())}.");
    }

    /// <summary>Whether the model is told as JSON: only to those who name it, or to clients of version 4.01 that do not take XML.</summary>
    /// <exception cref="Rest.ProblemException">406: another format is named.</exception>
    public static bool IsJsonModel(HttpRequest request, string? format, bool is401)
    {
        if (format is not null)
        {
            return format.ToLowerInvariant() switch
            {
                "json" or "application/json" => true,
                "xml" or "application/xml" => false,
                _ when MediaTypeHeaderValue.TryParse(format, out var named) && named.MediaType == "application/json" => true,
                _ => throw Refusal.Format($"The model is XML or JSON and not {QueryForm.Short(format)}."),
            };
        }

        return is401 && Ranges(request) is { } ranges && ranges.Any(r => Quality(r) > 0 && !r.MatchesAllTypes)
            && !ranges.Any(r => r.MatchesAllTypes || r.MediaType.Value!.EndsWith("xml", StringComparison.OrdinalIgnoreCase));
    }

    private static IList<MediaTypeHeaderValue>? Ranges(HttpRequest request) =>
        request.Headers.Accept is { Count: > 0 } accept && MediaTypeHeaderValue.TryParseList([.. accept.Select(a => a ?? "")], out var ranges) ? ranges : null;

    private static double Quality(MediaTypeHeaderValue range) =>
        range.MatchesAllTypes || (range.Type.Equals("application", StringComparison.OrdinalIgnoreCase) && (range.MatchesAllSubTypes || range.SubType.Equals("json", StringComparison.OrdinalIgnoreCase)))
            ? range.Quality ?? 1
            : 0;

    private static PayloadFormat Of(MediaTypeHeaderValue range)
    {
        StringSegment? Parameter(params string[] names) =>
            range.Parameters.FirstOrDefault(p => names.Any(n => p.Name.Equals(n, StringComparison.OrdinalIgnoreCase)))?.Value;
        var level = Parameter("odata.metadata", "metadata", "odata")?.ToString().ToLower(CultureInfo.InvariantCulture) switch
        {
            "none" or "nometadata" => MetadataLevel.None,
            "full" or "fullmetadata" => MetadataLevel.Full,
            _ => MetadataLevel.Minimal,
        };
        return new PayloadFormat(level, Parameter("IEEE754Compatible") is { } exact && exact.Equals("true", StringComparison.OrdinalIgnoreCase));
    }
}
