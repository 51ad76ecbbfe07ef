using System.Runtime.CompilerServices;
using Amazon.DynamoDBv2;
using Amazon.DynamoDBv2.Model;
using Microsoft.Extensions.Logging;
using Polly;
using Polly.Retry;

namespace Write.DataPlatform.Gold.DynamoDb;

/// <summary>The gold store in one DynamoDB table, which any number of processes may use at once.</summary>
/// <remarks>
/// <see cref="GetAsync"/> reads consistently: manifests, leases and runs are decided on by what was written last. Other reads may be a moment behind, for half the
/// price: <see cref="GetManyAsync"/> asks again, consistently, for what it did not find. <see cref="ListAsync"/> reads an index without bodies,
/// for a query is paid by the size of whole items, whatever it projects.
/// The clock only says what is expired: waits are the network's, in real time.
/// What fails for a moment is tried again for about a second; batches of writes go on for some twenty, which a table that grows with its load needs.
/// </remarks>
internal sealed class DynamoDbGoldStore(Func<IAmazonDynamoDB> connect, DynamoDbGoldOptions options, TimeProvider timeProvider, ILogger<DynamoDbGoldStore> logger) : IGoldStore
{
    // BatchGetItem gives at most 16 MB at once and 100 items, BatchWriteItem takes at most 16 MB as sent (a third more than the bodies) and 25 items.
    private const int ReadItems = 24;
    private const int DeleteItems = 25;
    private const int WriteItems = 25;
    private const int WriteBytes = 4 << 20;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly ResiliencePipeline _briefly = Retries(4, options.RequestTimeout * 2);
    private readonly ResiliencePipeline _patiently = Retries(10, Patience);

    /// <summary>The table.</summary>
    public string Table => options.Table;

    /// <summary>The SDK's client, which cannot be made of wrong settings; that is told as this store's failure.</summary>
    private IAmazonDynamoDB Client
    {
        get
        {
            try
            {
                return connect();
            }
            catch (Exception exception) when (exception is ArgumentException or FormatException)
            {
                throw new GoldStoreException($"The DynamoDB table '{Table}' cannot be used, for a setting of the section AWS is wrong: {exception.Message}", isTransient: false, exception);
            }
        }
    }

    public Task InitializeAsync(CancellationToken cancellationToken = default) =>
        CallAsync(
            ResiliencePipeline.Empty,
            async token =>
            {
                await new DynamoDbTable(Client, options, logger).PrepareAsync(token);
                return true;
            },
            cancellationToken);

    public async Task<GoldItem?> GetAsync(string pk, string sk, CancellationToken cancellationToken = default)
    {
        GoldKeys.Validate(pk, sk);
        var item = await ReadAsync(pk, sk, null, cancellationToken);
        return item is not null && DynamoDbItem.IsVisible(item, timeProvider.GetUtcNow()) ? DynamoDbItem.Decode(item) : null;
    }

    public async IAsyncEnumerable<GoldItem> GetManyAsync(
        string pk, IReadOnlyCollection<string> sks, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        foreach (var sk in sks)
        {
            GoldKeys.Validate(pk, sk);
        }

        var missing = sks.ToHashSet(StringComparer.Ordinal);
        foreach (var isConsistent in new[] { false, true })
        {
            foreach (var batch in missing.ToArray().Chunk(ReadItems))
            {
                await foreach (var item in ReadBatchAsync(pk, batch, isConsistent, cancellationToken))
                {
                    missing.Remove(item[DynamoDbItem.Sk].S);
                    if (DynamoDbItem.IsVisible(item, timeProvider.GetUtcNow()))
                    {
                        yield return DynamoDbItem.Decode(item);
                    }
                }
            }
        }
    }

    public async IAsyncEnumerable<GoldItem> QueryAsync(
        string pk, string skPrefix, bool descending = false, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var item in PagesAsync(pk, skPrefix, descending, null, cancellationToken))
        {
            yield return DynamoDbItem.Decode(item);
        }
    }

    /// <summary>Global secondary indexes follow their table by themselves, and are never read consistently.</summary>
    public bool ListsLate => true;

    public async IAsyncEnumerable<GoldKey> ListAsync(string pk, string skPrefix, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var item in PagesAsync(pk, skPrefix, false, DynamoDbTable.KeysIndex, cancellationToken))
        {
            yield return DynamoDbItem.DecodeKey(item);
        }
    }

    public async Task<bool> TryPutAsync(GoldItem item, long? expectedRevision, CancellationToken cancellationToken = default)
    {
        item.Validate();
        var writeId = Guid.NewGuid();
        var attempts = DynamoDbAttempts.Begin();
        try
        {
            await CallAsync(
                async token =>
                {
                    var request = new PutItemRequest { TableName = Table, Item = DynamoDbItem.Encode(item, writeId), ReturnConsumedCapacity = ReturnConsumedCapacity.TOTAL };
                    (request.ConditionExpression, request.ExpressionAttributeValues) = Condition(expectedRevision);
                    return Wrote((await Client.PutItemAsync(request, token)).ConsumedCapacity);
                },
                cancellationToken);
            return true;
        }
        catch (ConditionalCheckFailedException exception)
        {
            return attempts.MayHaveBeenDone && await WasWrittenAsync(item, writeId, exception, cancellationToken);
        }
    }

    public Task PutAsync(IReadOnlyCollection<GoldItem> items, CancellationToken cancellationToken = default)
    {
        foreach (var item in items)
        {
            item.Validate();
        }

        // A batch may name a key only once; of several the last counts.
        var last = new Dictionary<(string, string), GoldItem>();
        foreach (var item in items)
        {
            last[(item.Pk, item.Sk)] = item;
        }

        return WriteAllAsync(Batches(last.Values), item => new WriteRequest { PutRequest = new PutRequest { Item = DynamoDbItem.Encode(item) } }, cancellationToken);
    }

    public Task DeleteAsync(string pk, IReadOnlyCollection<string> sks, CancellationToken cancellationToken = default)
    {
        foreach (var sk in sks)
        {
            GoldKeys.Validate(pk, sk);
        }

        return WriteAllAsync(
            sks.Distinct(StringComparer.Ordinal).Chunk(DeleteItems), sk => new WriteRequest { DeleteRequest = new DeleteRequest { Key = DynamoDbItem.Key(pk, sk) } }, cancellationToken);
    }

    public async Task<bool> TryDeleteAsync(string pk, string sk, long expectedRevision, CancellationToken cancellationToken = default)
    {
        GoldKeys.Validate(pk, sk);
        var attempts = DynamoDbAttempts.Begin();
        try
        {
            await CallAsync(
                async token =>
                {
                    var request = new DeleteItemRequest { TableName = Table, Key = DynamoDbItem.Key(pk, sk), ReturnConsumedCapacity = ReturnConsumedCapacity.TOTAL };
                    (request.ConditionExpression, request.ExpressionAttributeValues) = Condition(expectedRevision);
                    return Wrote((await Client.DeleteItemAsync(request, token)).ConsumedCapacity);
                },
                cancellationToken);
            return true;
        }
        catch (ConditionalCheckFailedException exception)
        {
            // What is gone does not say who removed it.
            return attempts.MayHaveBeenDone ? throw Unknown(pk, sk, exception) : false;
        }
    }

    private static ResiliencePipeline Retries(int attempts, TimeSpan patience) => new ResiliencePipelineBuilder()
        .AddTimeout(patience)
        .AddRetry(new RetryStrategyOptions
        {
            MaxRetryAttempts = attempts,
            Delay = TimeSpan.FromMilliseconds(50),
            MaxDelay = TimeSpan.FromSeconds(5),
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            ShouldHandle = arguments => ValueTask.FromResult(arguments.Outcome.Exception is { } exception && DynamoDbErrors.IsTransient(exception)),
        })
        .Build();

    private static IEnumerable<IReadOnlyCollection<GoldItem>> Batches(IEnumerable<GoldItem> items)
    {
        var batch = new List<GoldItem>();
        var bytes = 0;
        foreach (var item in items)
        {
            if (batch.Count == WriteItems || batch.Count > 0 && bytes + item.Body.Length > WriteBytes)
            {
                yield return batch;
                batch = [];
                bytes = 0;
            }

            batch.Add(item);
            bytes += item.Body.Length;
        }

        if (batch.Count > 0)
        {
            yield return batch;
        }
    }

    private (string Condition, Dictionary<string, AttributeValue> Values) Condition(long? expectedRevision)
    {
        var now = DynamoDbItem.Number(timeProvider.GetUtcNow().ToUnixTimeMilliseconds());
        return expectedRevision is { } revision
            ? ($"{DynamoDbItem.Revision} = :revision AND (attribute_not_exists({DynamoDbItem.ExpiresAt}) OR {DynamoDbItem.ExpiresAt} > :now)", new() { [":revision"] = DynamoDbItem.Number(revision), [":now"] = now })
            : ($"attribute_not_exists({DynamoDbItem.Pk}) OR {DynamoDbItem.ExpiresAt} <= :now", new() { [":now"] = now });
    }

    /// <summary>Whether an earlier attempt of the same call, whose answer was lost, is what made the condition fail.</summary>
    private async Task<bool> WasWrittenAsync(GoldItem item, Guid writeId, Exception exception, CancellationToken cancellationToken)
    {
        var stored = await ReadAsync(item.Pk, item.Sk, $"{DynamoDbItem.WriteId}, {DynamoDbItem.Revision}", cancellationToken);
        if (stored is not null && DynamoDbItem.IsWrittenBy(stored, writeId))
        {
            return true;
        }

        // Revisions rise. Where another write has this one's number, this one never had it; where it is passed, nobody knows.
        return stored is not null && DynamoDbItem.Long(stored, DynamoDbItem.Revision) == item.Revision ? false : throw Unknown(item.Pk, item.Sk, exception);
    }

    private GoldStoreException Unknown(string pk, string sk, Exception exception) => new(
        $"The DynamoDB table '{Table}' did not answer, and '{pk}' / '{sk}' was changed meanwhile: whether this change was made is unknown. Look again.", isTransient: true, exception);

    private Task<Dictionary<string, AttributeValue>?> ReadAsync(string pk, string sk, string? projection, CancellationToken cancellationToken) =>
        CallAsync(
            async token =>
            {
                var response = await Client.GetItemAsync(
                    new GetItemRequest
                    {
                        TableName = Table, Key = DynamoDbItem.Key(pk, sk), ConsistentRead = true, ProjectionExpression = projection, ReturnConsumedCapacity = ReturnConsumedCapacity.TOTAL,
                    },
                    token);
                Read(response.ConsumedCapacity);
                return response.IsItemSet ? response.Item : null;
            },
            cancellationToken);

    private async IAsyncEnumerable<Dictionary<string, AttributeValue>> ReadBatchAsync(
        string pk, IEnumerable<string> sks, bool isConsistent, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var left = sks.Select(sk => DynamoDbItem.Key(pk, sk)).ToList();
        while (left.Count > 0)
        {
            var read = await CallAsync(
                async token =>
                {
                    var response = await Client.BatchGetItemAsync(
                        new BatchGetItemRequest
                        {
                            RequestItems = new() { [Table] = new KeysAndAttributes { Keys = left, ConsistentRead = isConsistent } }, ReturnConsumedCapacity = ReturnConsumedCapacity.TOTAL,
                        },
                        token);
                    response.ConsumedCapacity?.ForEach(Read);
                    var items = response.Responses?.GetValueOrDefault(Table) ?? [];
                    left = response.UnprocessedKeys?.GetValueOrDefault(Table)?.Keys ?? [];

                    // Some for now is progress, for a response is full at 16 MB; none is a table that is asked too much.
                    return items.Count == 0 && left.Count > 0 ? throw Throttled("gave none of the items asked for") : items;
                },
                cancellationToken);
            foreach (var item in read)
            {
                yield return item;
            }
        }
    }

    private async IAsyncEnumerable<Dictionary<string, AttributeValue>> PagesAsync(
        string pk, string skPrefix, bool descending, string? index, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        GoldKeys.ValidatePrefix(pk, skPrefix);
        var values = new Dictionary<string, AttributeValue> { [":pk"] = DynamoDbItem.Text(pk) };
        if (skPrefix.Length > 0)
        {
            values[":prefix"] = DynamoDbItem.Text(skPrefix);
        }

        Dictionary<string, AttributeValue>? from = null;
        do
        {
            var page = await CallAsync(
                async token =>
                {
                    var response = await Client.QueryAsync(
                        new QueryRequest
                        {
                            TableName = Table,
                            IndexName = index,
                            KeyConditionExpression = $"{DynamoDbItem.Pk} = :pk{(skPrefix.Length > 0 ? $" AND begins_with({DynamoDbItem.Sk}, :prefix)" : "")}",
                            ExpressionAttributeValues = values,
                            ScanIndexForward = !descending,
                            ExclusiveStartKey = from,
                            ReturnConsumedCapacity = ReturnConsumedCapacity.TOTAL,
                        },
                        token);
                    Read(response.ConsumedCapacity);
                    return response;
                },
                cancellationToken);
            from = page.LastEvaluatedKey is { Count: > 0 } last ? last : null;
            var now = timeProvider.GetUtcNow();
            foreach (var item in page.Items ?? [])
            {
                if (DynamoDbItem.IsVisible(item, now))
                {
                    yield return item;
                }
            }
        }
        while (from is not null);
    }

    private Task WriteAllAsync<T>(IEnumerable<IReadOnlyCollection<T>> batches, Func<T, WriteRequest> write, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return Parallel.ForEachAsync(
            batches,
            new ParallelOptions { MaxDegreeOfParallelism = options.MaxParallelWrites, CancellationToken = cancellationToken },
            async (batch, token) =>
            {
                var left = batch.Select(write).ToList();
                for (var before = int.MaxValue; left.Count > 0;)
                {
                    try
                    {
                        before = left.Count;
                        await CallAsync(
                            _patiently,
                            async one =>
                            {
                                var response = await Client.BatchWriteItemAsync(
                                    new BatchWriteItemRequest { RequestItems = new() { [Table] = left }, ReturnConsumedCapacity = ReturnConsumedCapacity.TOTAL }, one);
                                response.ConsumedCapacity?.ForEach(capacity => Wrote(capacity));
                                left = response.UnprocessedItems?.GetValueOrDefault(Table) ?? [];
                                return left.Count == 0 ? true : throw Throttled($"left {left.Count} items unwritten");
                            },
                            token);
                    }
                    catch (GoldStoreException exception) when (exception.IsTransient && left.Count < before)
                    {
                        // A slow table that takes some of them each time takes them all.
                    }
                }
            });
    }

    private GoldStoreException Throttled(string what) =>
        new($"The DynamoDB table '{Table}' is throttled: it {what}. If that lasts, raise the capacity, or use on-demand billing.", isTransient: true);

    private Task<T> CallAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken) => CallAsync(_briefly, call, cancellationToken);

    private async Task<T> CallAsync<T>(ResiliencePipeline pipeline, Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            return await pipeline.ExecuteAsync(async token => await call(token), cancellationToken);
        }
        catch (Exception exception) when (DynamoDbErrors.Of(exception, Table, cancellationToken.IsCancellationRequested) is { } failure)
        {
            throw failure;
        }
    }

    private static void Read(ConsumedCapacity? capacity) => GoldUsage.Add(capacity?.CapacityUnits ?? 0, 0);

    private static bool Wrote(ConsumedCapacity? capacity)
    {
        GoldUsage.Add(0, capacity?.CapacityUnits ?? 0);
        return true;
    }
}
