using Amazon.DynamoDBv2;
using Amazon.DynamoDBv2.Model;
using Amazon.Runtime;
using Microsoft.Extensions.Logging;

namespace Write.DataPlatform.Gold.DynamoDb;

/// <summary>The table itself: made on request, looked at on every start.</summary>
internal sealed partial class DynamoDbTable(IAmazonDynamoDB client, DynamoDbGoldOptions options, ILogger logger)
{
    /// <summary>The index that has every item's keys, revision, size and expiry.</summary>
    public const string KeysIndex = "keys";

    private const int MaxAttempts = 8;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private static readonly List<KeySchemaElement> Keys = [new(DynamoDbItem.Pk, KeyType.HASH), new(DynamoDbItem.Sk, KeyType.RANGE)];

    /// <summary>Waits until the table can be used, and makes it before that if that was asked for.</summary>
    /// <exception cref="GoldStoreException">There is none, or another kind of table has its name, or it did not become ready.</exception>
    /// <exception cref="AmazonClientException">DynamoDB failed.</exception>
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (true)
        {
            TableDescription table;
            try
            {
                table = (await client.DescribeTableAsync(new DescribeTableRequest { TableName = options.Table }, cancellationToken)).Table;
            }
            catch (ResourceNotFoundException) when (options.Create)
            {
                await CreateAsync(cancellationToken);
                await Task.Delay(Pause, TimeProvider.System, cancellationToken);
                continue;
            }

            Check(table);
            if ((table.TableStatus == TableStatus.ACTIVE || table.TableStatus == TableStatus.UPDATING) && Index(table)!.IndexStatus == IndexStatus.ACTIVE)
            {
                break;
            }

            if (TimeProvider.System.GetElapsedTime(started) > Patience)
            {
                throw new GoldStoreException($"The DynamoDB table '{options.Table}' is {table.TableStatus} after {Patience.TotalMinutes} minutes.", isTransient: true);
            }

            await Task.Delay(Pause, TimeProvider.System, cancellationToken);
        }

        // Whoever made the table may have died before these.
        if (options.Create)
        {
            await ProtectAsync("time to live", ExpireAsync, cancellationToken);
            await ProtectAsync("point-in-time recovery", BackUpAsync, cancellationToken);
        }
    }

    private static GlobalSecondaryIndexDescription? Index(TableDescription table) => table.GlobalSecondaryIndexes?.FirstOrDefault(i => i.IndexName == KeysIndex);

    private static bool HasKeys(List<KeySchemaElement>? keys) =>
        keys?.Count == 2 && keys.All(key => Keys.Any(known => known.AttributeName == key.AttributeName && known.KeyType == key.KeyType));

    private static bool HasAttributes(Projection? projection) =>
        projection?.ProjectionType == ProjectionType.ALL || new[] { DynamoDbItem.Revision, DynamoDbItem.Bytes, DynamoDbItem.ExpiresAt }.All(name => projection?.NonKeyAttributes?.Contains(name) == true);

    private async Task ExpireAsync(CancellationToken cancellationToken)
    {
        var known = (await client.DescribeTimeToLiveAsync(new DescribeTimeToLiveRequest { TableName = options.Table }, cancellationToken)).TimeToLiveDescription?.TimeToLiveStatus;
        if (known != TimeToLiveStatus.ENABLED && known != TimeToLiveStatus.ENABLING)
        {
            await client.UpdateTimeToLiveAsync(
                new UpdateTimeToLiveRequest { TableName = options.Table, TimeToLiveSpecification = new TimeToLiveSpecification { AttributeName = DynamoDbItem.RemoveAt, Enabled = true } }, cancellationToken);
        }
    }

    private async Task BackUpAsync(CancellationToken cancellationToken)
    {
        var known = (await client.DescribeContinuousBackupsAsync(new DescribeContinuousBackupsRequest { TableName = options.Table }, cancellationToken))
            .ContinuousBackupsDescription?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus;
        if (known != PointInTimeRecoveryStatus.ENABLED)
        {
            await client.UpdateContinuousBackupsAsync(
                new UpdateContinuousBackupsRequest { TableName = options.Table, PointInTimeRecoverySpecification = new PointInTimeRecoverySpecification { PointInTimeRecoveryEnabled = true } }, cancellationToken);
        }
    }

    private async Task CreateAsync(CancellationToken cancellationToken)
    {
        var isOnDemand = options.BillingMode == DynamoDbBilling.OnDemand;
        var capacity = isOnDemand ? null : new ProvisionedThroughput(options.ReadCapacity, options.WriteCapacity);
        try
        {
            await client.CreateTableAsync(
                new CreateTableRequest
                {
                    TableName = options.Table,
                    AttributeDefinitions = [new(DynamoDbItem.Pk, ScalarAttributeType.S), new(DynamoDbItem.Sk, ScalarAttributeType.S)],
                    KeySchema = Keys,
                    GlobalSecondaryIndexes =
                    [
                        new GlobalSecondaryIndex
                        {
                            IndexName = KeysIndex,
                            KeySchema = Keys,
                            Projection = new Projection { ProjectionType = ProjectionType.INCLUDE, NonKeyAttributes = [DynamoDbItem.Revision, DynamoDbItem.Bytes, DynamoDbItem.ExpiresAt] },
                            ProvisionedThroughput = capacity,
                        },
                    ],
                    BillingMode = isOnDemand ? BillingMode.PAY_PER_REQUEST : BillingMode.PROVISIONED,
                    ProvisionedThroughput = capacity,
                },
                cancellationToken);
            LogMade(logger, options.Table, options.BillingMode);
        }
        catch (ResourceInUseException)
        {
            // Another process makes it.
        }
    }

    /// <summary>Items of another layout must not be taken for gold, nor gold be written among them.</summary>
    private void Check(TableDescription table)
    {
        if (!HasKeys(table.KeySchema))
        {
            throw new GoldStoreException(
                $"The DynamoDB table '{options.Table}' is not one for gold: its keys must be {DynamoDbItem.Pk} (hash) and {DynamoDbItem.Sk} (range), both strings. Name another with DataPlatform:Gold:DynamoDb:Table.", isTransient: false);
        }

        if (!HasKeys(Index(table)?.KeySchema) || !HasAttributes(Index(table)?.Projection))
        {
            throw new GoldStoreException(
                $"The DynamoDB table '{options.Table}' lacks the index '{KeysIndex}' with the table's own keys, which includes {DynamoDbItem.Revision}, {DynamoDbItem.Bytes} and {DynamoDbItem.ExpiresAt}. Add it, or name another table with DataPlatform:Gold:DynamoDb:Table.", isTransient: false);
        }
    }

    /// <summary>Gold works without these, and some servers and roles do not know or allow them.</summary>
    private async Task ProtectAsync(string what, Func<CancellationToken, Task> setUp, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await setUp(cancellationToken);
                return;
            }
            catch (ContinuousBackupsUnavailableException) when (attempt < MaxAttempts)
            {
                // A table that has just been made has no backups yet.
                await Task.Delay(Pause * (1 << attempt), TimeProvider.System, cancellationToken);
            }
            catch (AmazonServiceException exception)
            {
                LogNotSetUp(logger, options.Table, what, exception.Message);
                return;
            }
        }
    }

    [LoggerMessage(3111, LogLevel.Information, "The DynamoDB table {Table} was made ({Billing})")]
    private static partial void LogMade(ILogger logger, string table, DynamoDbBilling billing);

    [LoggerMessage(3112, LogLevel.Warning, "The DynamoDB table {Table} is without {What}: {Reason}")]
    private static partial void LogNotSetUp(ILogger logger, string table, string what, string reason);
}
