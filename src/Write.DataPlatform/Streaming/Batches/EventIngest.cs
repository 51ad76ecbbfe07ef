using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using System.IO.Hashing;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Lake;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Streaming.Batches;

/// <summary>What became of the events of one request.</summary>
/// <param name="Accepted">How many are in the stream.</param>
/// <param name="Refused">Those that are not.</param>
internal sealed record IngestResult(int Accepted, ImmutableArray<RefusedEvent> Refused);

/// <summary>An event that is not in the stream.</summary>
/// <param name="Index">Its place in the request, from 0.</param>
/// <param name="Code">A code of <see cref="DeadReasons"/> or <see cref="StreamErrorCodes"/>.</param>
/// <param name="Message">What is wrong.</param>
/// <param name="IsTransient">Whether the stream and not the event is at fault, and may take it later.</param>
internal sealed record RefusedEvent(int Index, string Code, string Message, bool IsTransient = false);

/// <summary>Takes events into a stream, each for itself, and sends dead letters again.</summary>
internal sealed class EventIngest(IEventStreams streams, BatchServices services, DeadLetters letters, IOptions<BatchOptions> options, TimeProvider time)
{
    private const int PutAtOnce = 500;

    // A table's columns are asked for again after a while.
    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, (long At, EventParser? Parser)> _parsers = new(StringComparer.Ordinal);

    /// <summary>The events of a body: the elements of a JSON array, or one JSON text a line.</summary>
    /// <exception cref="JsonException">It begins as an array and is none.</exception>
    public static List<ReadOnlyMemory<byte>> Split(ReadOnlyMemory<byte> body)
    {
        var found = new List<ReadOnlyMemory<byte>>();
        var span = body.Span;
        var start = span.IndexOfAnyExcept(" \t\r\n"u8);
        if (start >= 0 && span[start] == (byte)'[')
        {
            var reader = new Utf8JsonReader(span);
            reader.Read();
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                var from = (int)reader.TokenStartIndex;
                reader.Skip();
                found.Add(body[from..(int)reader.BytesConsumed]);
            }

            return reader.Read() ? throw new JsonException("Something follows the array.") : found;
        }

        while (!body.IsEmpty)
        {
            var end = body.Span.IndexOf((byte)'\n');
            var line = end < 0 ? body : body[..end];
            body = end < 0 ? default : body[(end + 1)..];
            if (line.Span.IndexOfAnyExcept(" \t\r"u8) >= 0)
            {
                found.Add(line);
            }
        }

        return found;
    }

    /// <summary>Puts events into a stream of the model. What is no event of it is refused, the others are accepted.</summary>
    /// <exception cref="StreamException">The stream refuses all or cannot be reached; which of them are in it is not known then.</exception>
    public async Task<IngestResult> PutAsync(MetricModel model, StreamDefinition definition, IReadOnlyList<ReadOnlyMemory<byte>> events, CancellationToken cancellationToken = default)
    {
        var plan = StreamPlan.Create(model, definition, out _);
        var parser = plan is null ? null : await ParserAsync(plan, cancellationToken);
        var when = parser is null ? -1 : parser.Columns.ToList().FindIndex(c => c.Name.Equals(plan!.TimeColumn, StringComparison.OrdinalIgnoreCase));
        var refused = ImmutableArray.CreateBuilder<RefusedEvent>();
        var now = time.GetUtcNow().UtcDateTime;
        var good = new List<(int Index, PutRecord Record)>();

        // Without the columns' types the form alone is looked at; the rest is seen when it is counted.
        parser ??= new EventParser([], options.Value.MaxEventBytes, options.Value.MaxTextBytes);
        var row = new EventRows(parser.Columns);

        for (var i = 0; i < events.Count; i++)
        {
            var problem = parser.Parse(events[i].Span, row) ?? (when >= 0 ? EventParser.RefuseTime(plan!.TimeColumn, row.MomentOf(when), now, options.Value) : null);
            if (problem is not null)
            {
                refused.Add(new RefusedEvent(i, problem.Reason, problem.Message));
                continue;
            }

            // An event that is sent again must come to the same shard, so its key depends on nothing but itself: not on whether the lake can say the columns' types.
            var key = plan?.IdColumn is { } id ? IdOf(events[i], id) ?? "" : "";
            key = key.Length is > 0 and <= IEventStream.MaxPartitionKeyLength ? key
                : XxHash3.HashToUInt64(key.Length > 0 ? Encoding.UTF8.GetBytes(key) : events[i].Span).ToString("x16", CultureInfo.InvariantCulture);
            good.Add((i, new PutRecord(key, events[i].ToArray())));
        }

        var accepted = 0;
        foreach (var batch in good.Chunk(PutAtOnce))
        {
            var results = await streams.Get(definition.StreamSource).PutAsync([.. batch.Select(b => b.Record)], cancellationToken);
            foreach (var (result, (index, _)) in results.Zip(batch))
            {
                if (result.Error is { } error)
                {
                    refused.Add(new RefusedEvent(index, error.Code, error.Message, error.IsTransient));
                }
                else
                {
                    accepted++;
                }
            }
        }

        return new IngestResult(accepted, [.. refused.OrderBy(r => r.Index)]);
    }

    /// <summary>Sends dead letters again: those of a reason, or one, or all. What the lake has, and what was not kept whole, stays.</summary>
    /// <returns>How many were sent, and how many stay.</returns>
    /// <exception cref="StreamException">The stream refuses.</exception>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<(int Replayed, int Kept)> ReplayAsync(StreamDefinition definition, string? id, string? reason, CancellationToken cancellationToken = default)
    {
        var (replayed, kept) = (0, 0);
        foreach (var letter in await letters.ListAsync(definition.Name, cancellationToken).Where(l => (id is null || l.Id == id) && (reason is null || l.Reason == reason)).ToListAsync(cancellationToken))
        {
            if (letter.IsInLake || letter.IsCut)
            {
                kept++;
                continue;
            }

            var result = (await streams.Get(definition.StreamSource).PutAsync([new PutRecord(letter.PartitionKey, letter.Data)], cancellationToken))[0];
            if (!result.IsAccepted)
            {
                kept++;
                continue;
            }

            // Should this be lost, it is sent twice, and counts once by its id.
            await letters.RemoveAsync(definition.Name, letter.Id, cancellationToken);
            replayed++;
        }

        return (replayed, kept);
    }

    /// <summary>An event's id as text, the same however it is written; null if it has none.</summary>
    private static string? IdOf(ReadOnlyMemory<byte> data, string column)
    {
        try
        {
            using var document = JsonDocument.Parse(data);
            JsonElement found = default;
            foreach (var property in document.RootElement.EnumerateObject())
            {
                found = property.Name.Equals(column, StringComparison.OrdinalIgnoreCase) ? property.Value : found;
            }

            return found.ValueKind switch
            {
                JsonValueKind.Undefined or JsonValueKind.Null => null,
                JsonValueKind.String => found.GetString(),
                // Divided so, it has no zeros at its end.
                JsonValueKind.Number when found.TryGetDecimal(out var number) => (number / 1.0000000000000000000000000000m).ToString(CultureInfo.InvariantCulture),
                _ => found.GetRawText(),
            };
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair; its shard tells it.
            return null;
        }
    }

    private async Task<EventParser?> ParserAsync(StreamPlan plan, CancellationToken cancellationToken)
    {
        if (_parsers.TryGetValue(plan.Stream.Name, out var known) && time.GetElapsedTime(known.At) < Remembered)
        {
            return known.Parser;
        }

        EventParser? parser = null;
        try
        {
            parser = new EventParser(await services.ColumnsAsync(plan, services.LandsIn(plan), cancellationToken), options.Value.MaxEventBytes, options.Value.MaxTextBytes);
        }
        catch (LakeException)
        {
            // Events are taken while the lake is away.
        }

        _parsers[plan.Stream.Name] = (time.GetTimestamp(), parser);
        return parser;
    }
}
