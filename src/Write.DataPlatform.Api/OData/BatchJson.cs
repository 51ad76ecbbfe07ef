using System.Text;
using System.Text.Json;
using Write.DataPlatform.Api.Rest;

namespace Write.DataPlatform.Api.OData;

/// <summary>Batches as JSON.</summary>
internal sealed class BatchJson : IBatchWriter, IDisposable
{
    private readonly MemoryStream _body = new();
    private readonly Utf8JsonWriter _json;

    public BatchJson()
    {
        _json = new Utf8JsonWriter(_body, AnswerJson.WriterOptions);
        _json.WriteStartObject();
        _json.WriteStartArray("responses");
    }

    public string ContentType => "application/json;odata.metadata=minimal;charset=utf-8";

    public bool AnswersAll => true;

    public long Length => _json.BytesCommitted + _json.BytesPending;

    /// <exception cref="ProblemException">400: the body is no batch.</exception>
    public static async Task<IReadOnlyList<BatchRequest>> ReadAsync(HttpContext context)
    {
        try
        {
            using var document = await JsonDocument.ParseAsync(context.Request.Body, cancellationToken: context.RequestAborted);
            var requests = document.RootElement.GetProperty("requests").EnumerateArray().Select(r => new BatchRequest(
                r.GetProperty("id").GetString()!,
                r.GetProperty("method").GetString()!.ToUpperInvariant(),
                r.GetProperty("url").GetString()!,
                r.TryGetProperty("headers", out var headers) ? headers.EnumerateObject().Select(h => KeyValuePair.Create(h.Name, h.Value.ToString())).ToList() : [],
                r.TryGetProperty("dependsOn", out var depends) ? [.. depends.EnumerateArray().Select(d => d.GetString()!)] : [])).ToList();
            return requests.DistinctBy(r => r.Id!).Count() == requests.Count ? requests : throw Refusal.Bad("Each request of a batch has an id of its own.");
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException or NullReferenceException)
        {
            throw Refusal.Bad("The body is no batch: {\"requests\":[{\"id\":\"1\",\"method\":\"get\",\"url\":\"…\"}]}.");
        }
    }

    public void Write(string? id, HttpResponse response, ReadOnlySpan<byte> body)
    {
        _json.WriteStartObject();
        if (id is not null)
        {
            _json.WriteString("id", id);
        }

        _json.WriteNumber("status", response.StatusCode);
        _json.WriteStartObject("headers");
        foreach (var (name, value) in response.Headers)
        {
            _json.WriteString(name.ToLowerInvariant(), value.ToString());
        }

        _json.WriteEndObject();
        if (!body.IsEmpty)
        {
            _json.WritePropertyName("body");
            if (response.ContentType?.StartsWith("application/json", StringComparison.OrdinalIgnoreCase) is true)
            {
                _json.WriteRawValue(body, skipInputValidation: true);
            }
            else
            {
                _json.WriteStringValue(Encoding.UTF8.GetString(body));
            }
        }

        _json.WriteEndObject();
        _json.Flush();
    }

    public ReadOnlyMemory<byte> Complete()
    {
        _json.WriteEndArray();
        _json.WriteEndObject();
        _json.Flush();
        return _body.GetBuffer().AsMemory(0, (int)_body.Length);
    }

    public void Dispose()
    {
        _json.Dispose();
        _body.Dispose();
    }
}
