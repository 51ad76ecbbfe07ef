using System.Text.Json.Nodes;
using Microsoft.OpenApi;
using Write.DataPlatform.Api.Rest;

namespace Write.DataPlatform.Api.Swagger;

/// <summary>The operations of streams.</summary>
internal static class StreamOperations
{
    public static void Describe(Operations to)
    {
        var stream = Operations.Path("stream", "The stream");
        var post = to.Operation("Streams", "sendEvents", "Sends events", "A JSON array of objects, or an object a line. Each is taken or refused for itself. For operators and keys of the role producer.", null, 400, 401, 403, 404, 413, 415, 503);
        post.Parameters = [stream];
        var example = JsonNode.Parse("""[{ "visit_id": 1, "occurred_at": "2026-11-28T10:00:00Z", "country": "FR", "customer": "acme" }]""");
        post.RequestBody = new OpenApiRequestBody
        {
            Required = true,
            Content = new Dictionary<string, IOpenApiMediaType>
            {
                [AnswerJson.ContentType] = new OpenApiMediaType { Schema = Schemas.List(new OpenApiSchema { Type = JsonSchemaType.Object }), Example = example },
                ["application/x-ndjson"] = new OpenApiMediaType { Schema = Schemas.Text("A JSON object a line") },
            },
        };
        post.Responses!["202"] = Operations.Response("What was taken, and why the rest was not", AnswerJson.ContentType, Schemas.Object(
            null, ("accepted", Schemas.Whole("Events that are in the stream")), ("refused", Schemas.Whole("Events that are not")),
            ("errors", Schemas.List(Schemas.Object(null, ("index", Schemas.Whole("The event's place, from 0")), ("code", Schemas.Text()), ("message", Schemas.Text()))))));
        to.Add(HttpMethod.Post, "/v1/events/{stream}", post);

        OpenApiSchema Moment(string description) => Schemas.OrNull(Schemas.Text(description, "date-time"));
        (string, IOpenApiSchema)[] progress =
        [
            ("lagSeconds", Schemas.Number("How long ago an event arrived that is not counted yet")), ("countedTo", Moment("Event time up to which events are counted")),
            ("sealedTo", Moment("Event time before which nothing more is counted")), ("openWindows", Schemas.Whole()), ("events", Schemas.Whole("Counted")),
            ("duplicates", Schemas.Whole("Left out, for they were counted before")), ("deadLetters", Schemas.Whole("Not counted")),
        ];
        var one = to.Named("Stream", Schemas.Object(
            null,
            [
                ("name", Schemas.Text()), ("source", Schemas.Text()), ("semanticModel", Schemas.Text()), ("tables", Schemas.List(Schemas.Text())), ("windowSeconds", Schemas.Number()), ("allowedLatenessSeconds", Schemas.Number()),
                .. progress, ("problems", Schemas.List(Schemas.Text())),
                ("shards", Schemas.List(Schemas.Object(null, [("shard", Schemas.Text()), ("isEnded", Schemas.Flag()), ("position", Schemas.OrNull(Schemas.Text())), .. progress, ("landsInLake", Schemas.Flag("Whether the stream itself writes its events to the lake")), ("at", Schemas.Text(format: "date-time"))]))),
            ]));
        to.Add(HttpMethod.Get, "/v1/streams", to.Operation("Streams", "listStreams", "The streams, how far they are counted", null, Schemas.Object(null, ("streams", Schemas.List(one))), 401, 403, 503));

        var letter = to.Named("DeadLetter", Schemas.Object(
            null, ("id", Schemas.Text()), ("reason", Schemas.Text()), ("message", Schemas.Text()), ("shard", Schemas.Text()), ("sequence", Schemas.Text()), ("partitionKey", Schemas.Text()), ("arrivedAt", Schemas.Text(format: "date-time")),
            ("eventTime", Moment("If it could be read")), ("isInLake", Schemas.Flag("Whether the refresh counts it")), ("bytes", Schemas.Whole()), ("isCut", Schemas.Flag("Whether only the start was kept")), ("data", Schemas.Text("The record"))));
        var letters = to.Operation("Streams", "listDeadLetters", "Records that were not counted, the latest first", null, Schemas.Object(null, ("deadLetters", Schemas.List(letter))), 400, 401, 403, 404, 503);
        var reason = Operations.Query("reason", Schemas.Text(), "Only those of a reason");
        letters.Parameters = [stream, reason, Operations.Query("limit", new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = "1", Maximum = "1000", Default = JsonValue.Create(100) })];
        to.Add(HttpMethod.Get, "/v1/streams/{stream}/dead-letters", letters);
        var replay = to.Operation(
            "Streams", "replayDeadLetters", "Sends records again that were not counted", "What is in the lake, and what was not kept whole, stays.",
            Schemas.Object(null, ("replayed", Schemas.Whole()), ("kept", Schemas.Whole())), 400, 401, 403, 404, 503);
        replay.Parameters = [stream, reason, Operations.Query("id", Schemas.Text(), "Only this one")];
        to.Add(HttpMethod.Post, "/v1/streams/{stream}/dead-letters/replay", replay);
    }
}
