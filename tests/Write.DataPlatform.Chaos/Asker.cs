using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Write.DataPlatform.Chaos;

/// <summary>An answer as it came.</summary>
/// <param name="Status">Its status.</param>
/// <param name="Body">Its text.</param>
/// <param name="Tag">Its tag.</param>
/// <param name="Location">Where it is said to be.</param>
/// <param name="AskedAt">When it was asked for (UTC).</param>
/// <param name="AnsweredAt">When the last of it was here (UTC).</param>
internal sealed record Answer(HttpStatusCode Status, string Body, string? Tag, string? Location, DateTime AskedAt, DateTime AnsweredAt);

/// <summary>Asks the server, and finds what no answer may have: a failure, a status without its header, another tenant's names.</summary>
internal sealed class Asker(Server server, Findings findings)
{
    /// <summary>Asks once.</summary>
    /// <param name="request">What; it is disposed of.</param>
    /// <param name="tenant">Whose key it shows; null for the operator, who sees all.</param>
    /// <param name="allowed">Statuses that are right here, beside 503 and 429 with Retry-After.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Null if there was none, or one that says to come later.</returns>
    public async Task<Answer?> AskAsync(HttpRequestMessage request, string? tenant, HttpStatusCode[] allowed, CancellationToken cancellationToken)
    {
        var asked = server.Now;
        var what = $"{request.Method} {request.RequestUri}";
        try
        {
            using (request)
            {
                using var response = await server.Client.SendAsync(request, cancellationToken);
                var body = await response.Content.ReadAsStringAsync(cancellationToken);
                findings.Count("answers");
                if (tenant is not null && Place.Tenants.FirstOrDefault(t => t != tenant && body.Contains(t, StringComparison.OrdinalIgnoreCase)) is { } other)
                {
                    findings.Break("leak", $"{what} of {tenant} names {other}: {Short(body[Math.Max(0, body.IndexOf(other, StringComparison.OrdinalIgnoreCase) - 100)..])}");
                }

                if (Array.IndexOf(allowed, response.StatusCode) >= 0)
                {
                    return new Answer(response.StatusCode, body, response.Headers.ETag?.ToString(), response.Headers.Location?.ToString(), asked, server.Now);
                }

                if (response.StatusCode is not (HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests) || response.Headers.RetryAfter is null)
                {
                    findings.Break("status", $"{what} of {tenant ?? "the operator"} at {asked:HH:mm:ss.fff} gets {(int)response.StatusCode}{(response.Headers.RetryAfter is null ? " without Retry-After" : "")}: {Short(body)}");
                    return null;
                }

                findings.Count($"answers put off ({Code(body)})");
                return null;
            }
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            findings.Count("requests without an answer");
            if (!server.WasAway(asked))
            {
                findings.Break("refused", $"{what} at {asked:HH:mm:ss.fff} gets no answer: {exception.Message} {exception.InnerException?.Message}");
            }

            return null;
        }
    }

    /// <summary>A request with a key.</summary>
    public static HttpRequestMessage Get(string path, string? key)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (key is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + key);
        }

        return request;
    }

    /// <inheritdoc cref="Get"/>
    public static HttpRequestMessage Post(string path, JsonNode body, string? key)
    {
        var request = Get(path, key);
        (request.Method, request.Content) = (HttpMethod.Post, new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"));
        return request;
    }

    /// <summary>A JSON answer's rows, held together by what they are grouped by.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="columns">The columns that make the key, in the order of <see cref="Question.KeyOf"/>.</param>
    public Reading Read(Answer answer, params string[] columns)
    {
        var body = JsonNode.Parse(answer.Body)!;
        var served = body["served"]!;
        return new Reading(
            Groups(body["rows"]!.AsArray().Select(r => r!.AsObject()), columns),
            string.Join('+', served["by"]!.AsArray().Select(b => (string)b!).Order(StringComparer.Ordinal)),
            (string?)served["asOf"] is { } asOf ? DateTime.Parse(asOf, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind).ToUniversalTime() : null,
            answer.AskedAt,
            answer.AnsweredAt);
    }

    /// <summary>Rows by their keys; a key that comes twice is counted twice, and told.</summary>
    public Dictionary<string, Sum> Groups(IEnumerable<JsonObject> rows, params string[] columns)
    {
        var groups = new Dictionary<string, Sum>(StringComparer.Ordinal);
        foreach (var row in rows)
        {
            var key = string.Join('|', columns.Select(c => Text(row[c])));
            if (groups.ContainsKey(key))
            {
                findings.Break("double", $"An answer has two rows of {key}.");
            }

            groups[key] = groups.GetValueOrDefault(key) + new Sum(Whole(row["plays"]), Whole(row["amount"]));
        }

        return groups;
    }

    /// <summary>A moment as a part of a key: to the minute.</summary>
    public static string Minute(DateTime time) => time.ToString("yyyy-MM-dd'T'HH:mm", CultureInfo.InvariantCulture);

    public static string Short(string text) => text.Length <= 600 ? text : text[..600] + "…";

    /// <summary>Times to the minute, dates as they are.</summary>
    private static string Text(JsonNode? node) => node is null ? "" : node.GetValueKind() == JsonValueKind.String && (string)node! is var text && text.Length > 10 && text[10] == 'T' ? text[..16] : node.ToString();

    private static long Whole(JsonNode? node) => node is null ? 0 : long.Parse(node.ToString(), NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);

    private static string Code(string body)
    {
        try
        {
            return (string?)JsonNode.Parse(body)?["code"] ?? (string?)JsonNode.Parse(body)?["error"]?["code"] ?? "no code";
        }
        catch (JsonException)
        {
            return "no code";
        }
    }
}
