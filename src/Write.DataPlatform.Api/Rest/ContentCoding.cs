using System.IO.Compression;
using Microsoft.Net.Http.Headers;
using Write.DataPlatform.Insights;

namespace Write.DataPlatform.Api.Rest;

/// <summary>How an answer's bytes are packed: <c>Content-Encoding</c>.</summary>
/// <param name="Name">Its name in headers.</param>
/// <param name="Pack">A stream that packs into another.</param>
internal sealed record ContentCoding(string Name, Func<Stream, Stream> Pack)
{
    private const int LeastBytes = 1_024;

    // An answer is packed once and sent often.
    private static readonly ContentCoding Brotli = new("br", s => new BrotliStream(s, new BrotliCompressionOptions { Quality = 5 }, leaveOpen: true));
    private static readonly ContentCoding Gzip = new("gzip", s => new GZipStream(s, CompressionLevel.Optimal, leaveOpen: true));

    /// <summary>The coding that a request welcomes most; null for none.</summary>
    public static ContentCoding? Of(HttpRequest request)
    {
        if (request.Headers.AcceptEncoding.Count == 0 || !StringWithQualityHeaderValue.TryParseList(request.Headers.AcceptEncoding, out var welcome))
        {
            return null;
        }

        double Quality(ContentCoding coding) => (welcome.FirstOrDefault(w => w.Value.Equals(coding.Name, StringComparison.OrdinalIgnoreCase)) ?? welcome.FirstOrDefault(w => w.Value == "*"))?.QualityOrOne() ?? 0;
        var best = Quality(Brotli) >= Quality(Gzip) ? Brotli : Gzip;
        return Quality(best) > 0 ? best : null;
    }

    /// <summary>Whether packing an answer gains anything.</summary>
    public static bool Pays(AnswerFormat format, StoredAnswer answer) => format.IsText && answer.Body.Length >= LeastBytes;

    public StoredAnswer Packed(StoredAnswer answer)
    {
        using var packed = new MemoryStream();
        using (var stream = Pack(packed))
        {
            stream.Write(answer.Body.Span);
        }

        return StoredAnswer.Written(packed.ToArray(), answer.Next);
    }
}

file static class Qualities
{
    public static double QualityOrOne(this StringWithQualityHeaderValue value) => value.Quality ?? 1;
}
