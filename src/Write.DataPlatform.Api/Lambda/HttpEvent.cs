using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Primitives;

namespace Write.DataPlatform.Api.Lambda;

/// <summary>Who sent a request to the function, which says how it is written and how its answer must be.</summary>
internal enum HttpSource
{
    /// <summary>API Gateway's HTTP API or a function URL: payload format 2.0.</summary>
    Gateway2,

    /// <summary>API Gateway's REST API, or an HTTP API with payload format 1.0.</summary>
    Gateway1,

    /// <summary>An application load balancer.</summary>
    Balancer,

    /// <summary>An application load balancer whose target group has <c>lambda.multi_value_headers.enabled</c>.</summary>
    BalancerMulti,
}

/// <summary>A request over HTTP as it comes in an invocation.</summary>
internal sealed class HttpEvent
{
    private HttpEvent(HttpSource source) => Source = source;

    public HttpSource Source { get; }

    public string Method { get; private init; } = "";

    public string Protocol { get; private init; } = "HTTP/1.1";

    /// <summary>The part of the path that is not the application's: a stage, or the mapping of a domain.</summary>
    public PathString PathBase { get; private init; }

    /// <summary>The path as it was written, still escaped.</summary>
    public string RawPath { get; private init; } = "/";

    /// <summary>With its question mark; empty for none.</summary>
    public string Query { get; private init; } = "";

    public IHeaderDictionary Headers { get; } = new HeaderDictionary();

    public ReadOnlyMemory<byte> Body { get; private init; }

    /// <summary>Who asks. Never this machine: what comes by Lambda comes from elsewhere, whatever it says.</summary>
    public IPAddress? Address { get; private set; }

    public string Scheme => Headers["X-Forwarded-Proto"] is [{ } scheme, ..] && scheme.Equals("http", StringComparison.OrdinalIgnoreCase) ? "http" : "https";

    public PathString Path => new(Unescape(RawPath));

    /// <summary>The request that a payload is; null if it is none.</summary>
    /// <exception cref="FormatException">It is one, and damaged.</exception>
    public static HttpEvent? Of(JsonElement payload)
    {
        if (payload.ValueKind != JsonValueKind.Object || Object(payload, "requestContext") is not { } context)
        {
            return null;
        }

        try
        {
            var request = Object(context, "http") is { } http ? Gateway2(payload, context, http)
                : Text(payload, "httpMethod") is null ? null
                : context.TryGetProperty("elb", out _) ? Balancer(payload)
                : Gateway1(payload, context);
            return request is null || request.RawPath.StartsWith('/') ? request : throw new FormatException("The payload is a request over HTTP, and its path does not begin with a slash.");
        }
        catch (InvalidOperationException exception)
        {
            throw new FormatException("The payload is a request over HTTP, and one of its properties has the wrong type.", exception);
        }
    }

    private static HttpEvent Gateway2(JsonElement payload, JsonElement context, JsonElement http)
    {
        var raw = Text(payload, "rawPath") is { Length: > 0 } path ? path : "/";

        // A function URL hands the path on as it was written, an HTTP API unescaped.
        raw = Text(context, "domainName") is { } domain && domain.Contains(".lambda-url.", StringComparison.OrdinalIgnoreCase) ? raw : Escape(raw);
        var stage = Text(context, "stage") is { Length: > 0 } name && name != "$default" ? "/" + name : "";

        // Behind a domain of one's own the stage is not in the path.
        var hasStage = stage.Length > 0 && (raw == stage || raw.StartsWith(stage + "/", StringComparison.Ordinal));
        var request = new HttpEvent(HttpSource.Gateway2)
        {
            Method = Text(http, "method") ?? "",
            Protocol = Text(http, "protocol") ?? "HTTP/1.1",
            PathBase = hasStage ? stage : "",
            RawPath = !hasStage ? raw : raw.Length == stage.Length ? "/" : raw[stage.Length..],
            Query = Text(payload, "rawQueryString") is { Length: > 0 } query ? "?" + query : "",
            Body = ReadBody(payload),
            Address = AddressOf(Text(http, "sourceIp")),
        };
        request.ReadSingle(payload);
        if (payload.TryGetProperty("cookies", out var cookies) && cookies.ValueKind == JsonValueKind.Array)
        {
            request.Headers.Cookie = string.Join("; ", cookies.EnumerateArray().Select(c => c.GetString()));
        }

        return request;
    }

    private static HttpEvent Gateway1(JsonElement payload, JsonElement context)
    {
        // An HTTP API tells its payload's version, and hands the path on unescaped; a REST API does neither.
        var isUnescaped = Text(payload, "version") is not null;
        var raw = Text(payload, "path") is { Length: > 0 } path ? isUnescaped ? Escape(path) : path : "/";
        var whole = Text(context, "path") is { } all ? isUnescaped ? Escape(all) : all : raw;

        // With the gateway's own name the stage is in the whole path alone; behind a domain of one's own its mapping is in both.
        var stage = whole.Length > raw.Length && whole.EndsWith(raw, StringComparison.Ordinal) && whole.StartsWith('/') ? whole[..^raw.Length] : "";
        var mapping = MappingOf(payload, raw);
        var request = new HttpEvent(HttpSource.Gateway1)
        {
            Method = Text(payload, "httpMethod")!,
            Protocol = Text(context, "protocol") ?? "HTTP/1.1",
            PathBase = Unescape(stage + mapping),
            RawPath = raw.Length == mapping.Length ? "/" : raw[mapping.Length..],
            Query = ReadQuery(payload, areEscaped: false),
            Body = ReadBody(payload),
            Address = AddressOf(Object(context, "identity") is { } identity ? Text(identity, "sourceIp") : null),
        };
        if (!request.ReadMulti(payload))
        {
            request.ReadSingle(payload);
        }

        return request;
    }

    /// <summary>What a path begins with that is not the resource's: the mapping of a domain. Empty for none, and where the resource does not tell.</summary>
    private static string MappingOf(JsonElement payload, string raw)
    {
        if (Text(payload, "resource") is not ['/', ..] own)
        {
            return "";
        }

        // The parameters are given unescaped.
        foreach (var parameter in Object(payload, "pathParameters")?.EnumerateObject() ?? default)
        {
            own = own.Replace($"{{{parameter.Name}+}}", parameter.Value.GetString(), StringComparison.Ordinal).Replace($"{{{parameter.Name}}}", parameter.Value.GetString(), StringComparison.Ordinal);
        }

        if (own == "/")
        {
            return raw.TrimEnd('/');
        }

        for (var at = 0; at >= 0; at = raw.IndexOf('/', at + 1))
        {
            if (Uri.UnescapeDataString(raw[at..]).TrimEnd('/') == own.TrimEnd('/'))
            {
                return raw[..at];
            }
        }

        return "";
    }

    private static HttpEvent Balancer(JsonElement payload)
    {
        var request = new HttpEvent(Object(payload, "multiValueHeaders") is null ? HttpSource.Balancer : HttpSource.BalancerMulti)
        {
            Method = Text(payload, "httpMethod")!,
            RawPath = Text(payload, "path") is { Length: > 0 } path ? path : "/",

            // The load balancer hands the query on as it was written.
            Query = ReadQuery(payload, areEscaped: true),
            Body = ReadBody(payload),
        };
        if (!request.ReadMulti(payload))
        {
            request.ReadSingle(payload);
        }

        // The last one is what the load balancer saw; those before it are what it was told.
        request.Address = AddressOf(request.Headers["X-Forwarded-For"].LastOrDefault()?.Split(',')[^1].Trim());
        return request;
    }

    private void ReadSingle(JsonElement payload)
    {
        foreach (var header in Object(payload, "headers")?.EnumerateObject() ?? default)
        {
            Headers.Append(header.Name, header.Value.GetString());
        }
    }

    private bool ReadMulti(JsonElement payload)
    {
        if (Object(payload, "multiValueHeaders") is not { } headers)
        {
            return false;
        }

        foreach (var header in headers.EnumerateObject())
        {
            Headers.Append(header.Name, new StringValues([.. header.Value.EnumerateArray().Select(v => v.GetString())]));
        }

        return true;
    }

    private static string ReadQuery(JsonElement payload, bool areEscaped)
    {
        IEnumerable<(string Name, string? Value)> parameters =
            Object(payload, "multiValueQueryStringParameters") is { } multi ? multi.EnumerateObject().SelectMany(p => p.Value.EnumerateArray().Select(v => (p.Name, v.GetString())))
            : Object(payload, "queryStringParameters") is { } single ? single.EnumerateObject().Select(p => (p.Name, p.Value.GetString()))
            : [];
        var text = string.Join('&', parameters.Select(p => areEscaped ? p.Name + "=" + p.Value : Uri.EscapeDataString(p.Name) + "=" + Uri.EscapeDataString(p.Value ?? "")));
        return text.Length == 0 ? "" : "?" + text;
    }

    /// <summary>A path as a client writes it.</summary>
    private static string Escape(string path)
    {
        const string Plain = "-._~!$&'()*+,;=:@/";
        var text = new StringBuilder(path.Length);
        foreach (var rune in path.EnumerateRunes())
        {
            text.Append(rune.IsAscii && (char.IsAsciiLetterOrDigit((char)rune.Value) || Plain.Contains((char)rune.Value)) ? rune.ToString() : Uri.EscapeDataString(rune.ToString()));
        }

        return text.ToString();
    }

    private static byte[] ReadBody(JsonElement payload) =>
        Text(payload, "body") is not { Length: > 0 } text ? []
        : payload.TryGetProperty("isBase64Encoded", out var coded) && coded.ValueKind == JsonValueKind.True ? Convert.FromBase64String(text)
        : Encoding.UTF8.GetBytes(text);

    private static IPAddress? AddressOf(string? text) => IPAddress.TryParse(text, out var address) && !IPAddress.IsLoopback(address) ? address : null;

    /// <summary>As the web server does: an escaped slash stays one, or it would part what it stands in.</summary>
    private static string Unescape(string path) => Uri.UnescapeDataString(path.Replace("%2F", "%252F", StringComparison.OrdinalIgnoreCase));

    private static JsonElement? Object(JsonElement parent, string name) => parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Object ? value : null;

    private static string? Text(JsonElement parent, string name) => parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
