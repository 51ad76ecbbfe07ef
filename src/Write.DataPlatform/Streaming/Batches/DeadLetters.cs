using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Streaming.Batches;

/// <summary>A record that is not counted in the stream, and why.</summary>
internal sealed record DeadLetter
{
    /// <summary>Its name among the stream's dead letters.</summary>
    public required string Id { get; init; }

    /// <summary>A code of <see cref="DeadReasons"/>.</summary>
    public required string Reason { get; init; }

    /// <summary>What is wrong.</summary>
    public required string Message { get; init; }

    public required string Shard { get; init; }

    public required string Sequence { get; init; }

    public required string PartitionKey { get; init; }

    /// <summary>When the stream took it, UTC.</summary>
    public required DateTimeOffset ArrivedAt { get; init; }

    /// <summary>Its event time, UTC, if it could be read.</summary>
    public DateTimeOffset? EventTime { get; init; }

    /// <summary>Whether it is in the lake, from where the refresh counts it, so that nothing needs to be done.</summary>
    public bool IsInLake { get; init; }

    /// <summary>Its bytes in all.</summary>
    public required int Bytes { get; init; }

    /// <summary>Its content, the first <see cref="DeadLetters.MaxKeptBytes"/> of it.</summary>
    public required byte[] Data { get; init; }

    public bool IsCut => Bytes > Data.Length;
}

/// <summary>The records that are not counted, kept for operators to look at and to send again.</summary>
internal sealed class DeadLetters(IGoldStore store)
{
    /// <summary>How much of a record is kept.</summary>
    public const int MaxKeptBytes = 65_536;

    /// <summary>How long a record is kept.</summary>
    public static readonly TimeSpan Retention = TimeSpan.FromDays(30);

    private const int Batch = 24;

    /// <summary>A letter's id follows from its record alone, so that it is kept once however often the record is read.</summary>
    public static string IdOf(StreamRecord record, string shard) => string.Create(
        CultureInfo.InvariantCulture, $"{record.ArrivedAt.UtcDateTime:yyyyMMdd'T'HHmmssfff}~{Uri.EscapeDataString(shard)}~{record.Sequence.ToString().Replace('/', '_')}");

    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task AddAsync(string stream, IReadOnlyCollection<DeadLetter> letters, CancellationToken cancellationToken = default)
    {
        var pk = GoldKeys.DeadLetters(stream);
        foreach (var batch in letters.DistinctBy(l => l.Id).Chunk(Batch))
        {
            await store.PutAsync([.. batch.Select(letter => Item(pk, letter))], cancellationToken);
        }
    }

    /// <summary>A stream's letters, the latest first.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async IAsyncEnumerable<DeadLetter> ListAsync(string stream, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var item in store.QueryAsync(GoldKeys.DeadLetters(stream), "", descending: true, cancellationToken))
        {
            yield return JsonSerializer.Deserialize(item.Body.Span, BatchJson.Default.DeadLetter)!;
        }
    }

    /// <exception cref="GoldStoreException">The store failed.</exception>
    public async Task<DeadLetter?> GetAsync(string stream, string id, CancellationToken cancellationToken = default) =>
        await store.GetAsync(GoldKeys.DeadLetters(stream), GoldKeys.Escape(id), cancellationToken) is { } item ? JsonSerializer.Deserialize(item.Body.Span, BatchJson.Default.DeadLetter) : null;

    /// <summary>Removes a letter that was sent again.</summary>
    /// <exception cref="GoldStoreException">The store failed.</exception>
    public Task RemoveAsync(string stream, string id, CancellationToken cancellationToken = default) =>
        store.DeleteAsync(GoldKeys.DeadLetters(stream), [GoldKeys.Escape(id)], cancellationToken);

    private static GoldItem Item(string pk, DeadLetter letter) =>
        new(pk, GoldKeys.Escape(letter.Id), 1, JsonSerializer.SerializeToUtf8Bytes(letter, BatchJson.Default.DeadLetter), letter.ArrivedAt + Retention);
}
