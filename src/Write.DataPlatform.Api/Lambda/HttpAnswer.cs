using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace Write.DataPlatform.Api.Lambda;

/// <summary>Writes answers as those who sent the request read them.</summary>
internal static class HttpAnswer
{
    /// <summary>The zeros between the beginning of a streamed answer and its body.</summary>
    private const int Zeros = 8;

    // Text beyond ASCII would become six times as long.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    // They are the sender's own, made of what it really sends.
    private static readonly string[] OfTheWire = [HeaderNames.ContentLength, HeaderNames.TransferEncoding, HeaderNames.Connection, HeaderNames.KeepAlive];

    /// <summary>The most bytes of an answer that is given as a whole.</summary>
    public static int MaxBytes(HttpSource source) => source is HttpSource.Balancer or HttpSource.BalancerMulti ? 1_000_000 : 6_000_000;

    /// <summary>A whole answer.</summary>
    public static ReadOnlyMemory<byte> Whole(HttpSource source, IHttpResponseFeature response, ReadOnlySpan<byte> body)
    {
        var isText = IsText(response.Headers, body);
        var written = new ArrayBufferWriter<byte>(body.Length + 1024);
        using var json = new Utf8JsonWriter(written, Options);
        json.WriteStartObject();
        json.WriteNumber("statusCode", response.StatusCode);
        if (source is HttpSource.Balancer or HttpSource.BalancerMulti)
        {
            json.WriteString("statusDescription", $"{response.StatusCode} {ReasonPhrases.GetReasonPhrase(response.StatusCode)}".TrimEnd());
        }

        WriteHeaders(json, source, response.Headers);
        if (isText)
        {
            json.WriteString("body", body);
        }
        else
        {
            json.WriteBase64String("body", body);
        }

        json.WriteBoolean("isBase64Encoded", !isText);
        json.WriteEndObject();
        json.Flush();
        return written.WrittenMemory;
    }

    /// <summary>What a streamed answer begins with.</summary>
    public static ReadOnlyMemory<byte> Beginning(HttpSource source, IHttpResponseFeature response)
    {
        var written = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(written, Options))
        {
            json.WriteStartObject();
            json.WriteNumber("statusCode", response.StatusCode);
            WriteHeaders(json, source, response.Headers);
            json.WriteEndObject();
        }

        written.Write(stackalloc byte[Zeros]);
        return written.WrittenMemory;
    }

    private static void WriteHeaders(Utf8JsonWriter json, HttpSource source, IHeaderDictionary headers)
    {
        var kept = headers.Where(h => h.Value.Count > 0 && !OfTheWire.Contains(h.Key, StringComparer.OrdinalIgnoreCase)).ToList();
        if (source is HttpSource.Gateway1 or HttpSource.BalancerMulti)
        {
            json.WriteStartObject("multiValueHeaders");
            foreach (var (name, values) in kept)
            {
                json.WriteStartArray(name);
                foreach (var value in values)
                {
                    json.WriteStringValue(value);
                }

                json.WriteEndArray();
            }

            json.WriteEndObject();
            return;
        }

        // Cookies are the one header whose values cannot be put into one.
        var cookies = headers.SetCookie;
        json.WriteStartObject("headers");
        foreach (var (name, values) in kept.Where(h => !h.Key.Equals(HeaderNames.SetCookie, StringComparison.OrdinalIgnoreCase)))
        {
            json.WriteString(name, string.Join(", ", values!));
        }

        if (source == HttpSource.Balancer)
        {
            // A load balancer without multi-value headers takes names in other letters as other headers.
            for (var i = 0; i < cookies.Count; i++)
            {
                json.WriteString(Spelling(HeaderNames.SetCookie, i), cookies[i]);
            }
        }

        json.WriteEndObject();
        if (source == HttpSource.Gateway2 && cookies.Count > 0)
        {
            json.WriteStartArray("cookies");
            foreach (var cookie in cookies)
            {
                json.WriteStringValue(cookie);
            }

            json.WriteEndArray();
        }
    }

    /// <summary>A name with large letters where a number has bits.</summary>
    private static string Spelling(string name, int number)
    {
        var letters = name.ToLowerInvariant().ToCharArray();
        for (var i = 0; i < letters.Length; i++)
        {
            if (char.IsAsciiLetter(letters[i]))
            {
                letters[i] = (number & 1) == 0 ? letters[i] : char.ToUpperInvariant(letters[i]);
                number >>= 1;
            }
        }

        return new string(letters);
    }

    /// <summary>Whether a body can stand in JSON as it is.</summary>
    private static bool IsText(IHeaderDictionary headers, ReadOnlySpan<byte> body)
    {
        if (body.IsEmpty)
        {
            return true;
        }

        var type = headers.ContentType.ToString();
        return headers.ContentEncoding.Count == 0
            && (type.StartsWith("text/", StringComparison.OrdinalIgnoreCase) || type.Contains("json", StringComparison.OrdinalIgnoreCase) || type.Contains("xml", StringComparison.OrdinalIgnoreCase)
                || type.Contains("javascript", StringComparison.OrdinalIgnoreCase))
            && Utf8.IsValid(body);
    }
}
