using System.Text.Json;
using Write.DataPlatform.Streaming;

namespace Write.DataPlatform.Api.Lambda;

/// <summary>
/// Counts the events of a Kinesis event source. The invocation says which shard has records and up to which; they are read from the shard itself from its checkpoint on,
/// for the windows that are open yet need those before them, too. What is not counted is told by <c>batchItemFailures</c> and given again.
/// </summary>
internal sealed class KinesisFunction(IEnumerable<IStreamConsumers> consumers, StreamPass pass, ILogger<KinesisFunction> logger) : ILambdaFunction
{
    private const string Source = "aws:kinesis";

    public bool Takes(JsonElement payload) =>
        payload.ValueKind == JsonValueKind.Object && payload.TryGetProperty("Records", out var records) && records.ValueKind == JsonValueKind.Array && records.GetArrayLength() > 0
        && records.EnumerateArray().All(r => r.ValueKind == JsonValueKind.Object && r.TryGetProperty("eventSource", out var source) && source.ValueEquals(Source));

    /// <exception cref="StreamException">The model has no stream of that name: the whole batch is given again.</exception>
    public async Task<ReadOnlyMemory<byte>> RunAsync(JsonElement payload, TimeSpan left, CancellationToken deadline)
    {
        var failed = new List<string>();
        foreach (var shard in Read(payload).GroupBy(r => (r.Stream, r.Shard)))
        {
            // Lambda takes the earliest of those named and gives all from it on again.
            var records = shard.OrderBy(r => r.Sequence).ToList();
            if (await FirstFailedAsync(shard.Key.Stream, shard.Key.Shard, records, deadline) is { } first)
            {
                failed.Add(first.Number);
            }
        }

        return JsonSerializer.SerializeToUtf8Bytes(new { batchItemFailures = failed.Select(f => new { itemIdentifier = f }) });
    }

    private async Task<Given?> FirstFailedAsync(string source, string shard, List<Given> records, CancellationToken deadline)
    {
        var readers = consumers.SelectMany(c => c.Current).Where(c => c.Source == source).ToList();
        if (readers.Count == 0)
        {
            throw new StreamException(StreamErrorCodes.NotFound, $"The model has no stream whose source is '{source}'.", isTransient: false);
        }

        Given? first = null;
        foreach (var consumer in readers)
        {
            Given? failed;
            try
            {
                var taken = await pass.RunAsync(consumer, shard, (records[0].Sequence, records[^1].Sequence), TimeSpan.Zero, deadline);
                failed = records.Find(r => taken is not { } to || to.Number < r.Sequence.Number);
            }
            catch (Exception exception)
            {
                LambdaLog.NotCounted(logger, exception, source);
                failed = records[0];
            }

            first = first is null || failed?.Sequence < first.Sequence ? failed ?? first : first;
        }

        return first;
    }

    /// <exception cref="FormatException">A record lacks what every one has.</exception>
    private static IEnumerable<Given> Read(JsonElement payload)
    {
        foreach (var record in payload.GetProperty("Records").EnumerateArray())
        {
            // arn:aws:kinesis:eu-west-1:123456789012:stream/visits, and shardId-000000000006:4959….
            var stream = Text(record, "eventSourceARN") is { } arn ? arn[(arn.LastIndexOf('/') + 1)..] : null;
            var id = Text(record, "eventID")?.Split(':');
            if (stream is null || id is not [var shard, var number] || !SequenceNumber.TryParse(number, out var sequence))
            {
                throw new FormatException("A record of the payload has no eventSourceARN and eventID such as Kinesis gives.");
            }

            yield return new Given(stream, shard, sequence, number);
        }
    }

    private static string? Text(JsonElement parent, string name) => parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>A record that the invocation names.</summary>
    private sealed record Given(string Stream, string Shard, SequenceNumber Sequence, string Number);
}
