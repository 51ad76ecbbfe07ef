using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using Write.DataPlatform.Api.Rest;

namespace Write.DataPlatform.Api.OData;

/// <summary>Batches as <c>multipart/mixed</c>, each part one HTTP message.</summary>
internal sealed class BatchMultipart : IBatchWriter, IDisposable
{
    private const string Mixed = "multipart/mixed";
    private const string PartType = "application/http";
    private const string IdHeader = "Content-ID";
    private const int MaxBoundaryLength = 70;

    private readonly MemoryStream _body = new();
    private readonly string _boundary = "batchresponse_" + Guid.NewGuid().ToString("N");

    public string ContentType => $"{Mixed}; boundary={_boundary}";

    public bool AnswersAll => false;

    public long Length => _body.Length;

    /// <summary>The requests; a change set is one that asks to write, and is answered once.</summary>
    /// <exception cref="ProblemException">400: the body is no batch.</exception>
    public static async Task<IReadOnlyList<BatchRequest>> ReadAsync(HttpContext context)
    {
        var boundary = MediaTypeHeaderValue.TryParse(context.Request.ContentType, out var type) ? HeaderUtilities.RemoveQuotes(type.Boundary).ToString() : "";
        if (boundary.Length is 0 or > MaxBoundaryLength)
        {
            throw Refusal.Bad("The batch has no boundary, or one of more than 70 characters.");
        }

        var requests = new List<BatchRequest>();
        try
        {
            var reader = new MultipartReader(boundary, context.Request.Body);
            while (await reader.ReadNextSectionAsync(context.RequestAborted) is { } section && requests.Count <= Batch.MaxRequests)
            {
                requests.Add(await ReadAsync(section, context.RequestAborted));
            }
        }
        catch (Exception exception) when (exception is InvalidDataException || (exception is IOException and not BadHttpRequestException))
        {
            throw Refusal.Bad("The body is no multipart batch: " + exception.Message);
        }

        return requests;
    }

    public void Write(string? id, HttpResponse response, ReadOnlySpan<byte> body)
    {
        Line("--" + _boundary);
        Line("Content-Type: " + PartType);
        Line("Content-Transfer-Encoding: binary");
        if (id is not null)
        {
            Line($"{IdHeader}: {id}");
        }

        Line("");
        Line(string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {response.StatusCode} {ReasonPhrases.GetReasonPhrase(response.StatusCode)}"));
        foreach (var (name, value) in response.Headers.Where(h => !h.Key.Equals("Content-Length", StringComparison.OrdinalIgnoreCase)))
        {
            Line($"{name}: {value}");
        }

        Line(string.Create(CultureInfo.InvariantCulture, $"Content-Length: {body.Length}"));
        Line("");
        _body.Write(body);
        Line("");
    }

    public ReadOnlyMemory<byte> Complete()
    {
        Line($"--{_boundary}--");
        return _body.GetBuffer().AsMemory(0, (int)_body.Length);
    }

    public void Dispose() => _body.Dispose();

    private void Line(string text) => _body.Write(Encoding.UTF8.GetBytes(text + "\r\n"));

    private static async Task<BatchRequest> ReadAsync(MultipartSection section, CancellationToken cancellationToken)
    {
        var id = section.Headers?.TryGetValue(IdHeader, out var named) is true ? named.ToString() : null;
        if (section.ContentType?.StartsWith(Mixed, StringComparison.OrdinalIgnoreCase) is true)
        {
            // A change set: whatever is in it, the feed takes no changes.
            return new BatchRequest(id, "POST", "/odata", [], []);
        }

        if (section.ContentType?.StartsWith(PartType, StringComparison.OrdinalIgnoreCase) is not true)
        {
            throw Refusal.Bad($"A part of a batch is {PartType}.");
        }

        using var text = new StreamReader(section.Body, Encoding.UTF8);
        var lines = (await text.ReadToEndAsync(cancellationToken)).ReplaceLineEndings("\n").TrimStart('\n').Split('\n');
        var words = lines[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length is not (2 or 3) || (words.Length == 3 && !words[2].StartsWith("HTTP/", StringComparison.OrdinalIgnoreCase)))
        {
            throw Refusal.Bad("A part of a batch begins with 'GET address HTTP/1.1'.");
        }

        var headers = lines.Skip(1).TakeWhile(l => l.Length > 0).Select(l => l.Split(':', 2)).Where(h => h.Length == 2)
            .Select(h => KeyValuePair.Create(h[0].Trim(), h[1].Trim())).ToList();
        return new BatchRequest(id, words[0].ToUpperInvariant(), words[1], headers, []);
    }
}
