using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using Write.DataPlatform.Api.Health;
using Write.DataPlatform.Model;
using Write.DataPlatform.Model.Reading;
using Write.DataPlatform.Query;
using Write.DataPlatform.Security;
using Write.DataPlatform.Streaming;
using Write.DataPlatform.Streaming.Batches;

namespace Write.DataPlatform.Api.Rest;

/// <summary>Events in; and, for operators, how far streams are and what they did not count.</summary>
internal static class EventRoutes
{
    /// <summary>The largest body of events.</summary>
    public const int MaxBodyBytes = 8_000_000;

    /// <summary>The most events of one request.</summary>
    public const int MaxEvents = 10_000;

    private const int DefaultLetters = 100;
    private const int MaxLetters = 1_000;

    public static void MapEvents(this WebApplication app)
    {
        app.MapPost("/v1/events/{stream}", PostAsync).WithMetadata(new AccessMetadata(Access.Producer));
        var streams = app.MapGroup("/v1/streams").WithMetadata(new AccessMetadata(Access.Operator));
        streams.MapGet("/", async (HttpContext context, StreamStatuses statuses, ModelStore models) =>
        {
            QueryRoutes.RefuseUnknownParameters(context);
            await QueryRoutes.WriteJsonAsync(context, new { streams = (await statuses.GetAsync(models.Current, context.RequestAborted)).Select(s => s.Describe()) });
        });
        streams.MapGet("/{stream}/dead-letters", async (HttpContext context, string stream, DeadLetters letters, ModelStore models) =>
        {
            Find(models.Current, stream);
            var form = new QueryForm();
            var given = QueryRoutes.OnlyKnown(context, form, "limit", "reason");
            var limit = DefaultLetters;
            if (given.TryGetValue("limit", out var text) && (text is not [var one] || !int.TryParse(one, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MaxLetters))
            {
                form.Report(QueryFormProblems.OutOfRange, $"The limit is a whole number from 1 to {MaxLetters}.", "limit");
            }

            form.ThrowIfAny();
            var reason = given.TryGetValue("reason", out var reasons) ? reasons[0] : null;
            var found = await letters.ListAsync(stream, context.RequestAborted).Where(l => reason is null || l.Reason == reason).Take(limit).Select(Describe).ToListAsync(context.RequestAborted);
            await QueryRoutes.WriteJsonAsync(context, new { deadLetters = found });
        });
        streams.MapPost("/{stream}/dead-letters/replay", async (HttpContext context, string stream, EventIngest ingest, ModelStore models, AuditLog audit) =>
        {
            var definition = Find(models.Current, stream);
            var form = new QueryForm();
            var given = QueryRoutes.OnlyKnown(context, form, "id", "reason");
            form.ThrowIfAny();
            string? One(string name) => given.TryGetValue(name, out var values) ? values[0] : null;
            await audit.AddAsync(CallerGate.Known(context), "stream.replay", stream, context.Request.QueryString.HasValue ? QueryForm.Short($"{One("id")} {One("reason")}".Trim()) : null, context.RequestAborted);
            var (replayed, kept) = await ingest.ReplayAsync(definition, One("id"), One("reason"), context.RequestAborted);
            await QueryRoutes.WriteJsonAsync(context, new { replayed, kept });
        });
    }

    /// <summary>A dead letter as operators see it.</summary>
    public static object Describe(DeadLetter letter) => new
    {
        id = letter.Id,
        reason = letter.Reason,
        message = letter.Message,
        shard = letter.Shard,
        sequence = letter.Sequence,
        partitionKey = letter.PartitionKey,
        arrivedAt = letter.ArrivedAt,
        eventTime = letter.EventTime,
        isInLake = letter.IsInLake,
        bytes = letter.Bytes,
        isCut = letter.IsCut,
        data = System.Text.Encoding.UTF8.GetString(letter.Data),
    };

    /// <exception cref="ProblemException">There is no such stream.</exception>
    public static StreamDefinition Find(MetricModel model, string stream) => model.Streams.TryGetValue(stream, out var found)
        ? found
        : throw ProblemException.NotFound(ProblemCodes.UnknownStream, $"There is no stream '{QueryForm.Short(stream)}'.", Suggestion.For(stream, model.Streams.Keys));

    private static async Task PostAsync(HttpContext context, string stream, EventIngest ingest, ModelStore models)
    {
        var model = models.Current;
        var definition = Find(model, stream);
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = MaxBodyBytes;
        }

        var type = context.Request.ContentType?.Split(';')[0].Trim();
        if (type is not (null or "application/json" or "application/x-ndjson" or "application/ndjson" or "application/jsonl" or "text/plain"))
        {
            throw new ProblemException(new Problem(415, ProblemCodes.UnsupportedMediaType, $"Events are a JSON array (application/json) or a JSON object a line (application/x-ndjson), and not {QueryForm.Short(type)}."));
        }

        using var body = new MemoryStream();
        try
        {
            await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        }
        catch (BadHttpRequestException exception) when (exception.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            throw new ProblemException(new Problem(413, ProblemCodes.BodyTooLarge, string.Create(CultureInfo.InvariantCulture, $"The body has more than {MaxBodyBytes:N0} bytes; send the events in several requests.")));
        }

        List<ReadOnlyMemory<byte>> events;
        try
        {
            events = EventIngest.Split(body.GetBuffer().AsMemory(0, (int)body.Length));
        }
        catch (JsonException exception)
        {
            throw new ProblemException(new Problem(400, ProblemCodes.BadEvents, $"The body is no JSON array: {exception.Message}"));
        }

        if (events.Count > MaxEvents)
        {
            throw new ProblemException(new Problem(413, ProblemCodes.TooManyEvents, string.Create(CultureInfo.InvariantCulture, $"The body has {events.Count:N0} events; {MaxEvents:N0} are taken at once.")));
        }

        var result = await ingest.PutAsync(model, definition, events, context.RequestAborted);
        if (result is { Accepted: 0, Refused.IsEmpty: false })
        {
            // A producer that is told 400 need not send them again.
            if (result.Refused.FirstOrDefault(r => r.IsTransient) is { } passing)
            {
                throw new StreamException(passing.Code, passing.Message, isTransient: true);
            }

            throw new ProblemException(new Problem(400, ProblemCodes.BadEvents, "None of the events is one of the stream's.")
            {
                Errors = [.. result.Refused.Take(100).Select(r => new QueryProblem(r.Code, r.Message, string.Create(CultureInfo.InvariantCulture, $"[{r.Index}]")))],
            });
        }

        await QueryRoutes.WriteJsonAsync(
            context,
            new { accepted = result.Accepted, refused = result.Refused.Length, errors = result.Refused.Select(r => new { index = r.Index, code = r.Code, message = r.Message }) },
            StatusCodes.Status202Accepted);
    }
}
