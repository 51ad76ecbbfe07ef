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

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private static readonly List<KeySchemaElement> Keys = [new(DynamoDbItem.Pk, KeyType.HASH), new(DynamoDbItem.Sk, KeyType.RANGE)];

    /// <summary>Waits until the table can be used, and makes it before that if that was asked for.</summary>
    /// <exception cref="GoldStoreException">There is none, or another kind of table has its name, or it did not become ready.</exception>
    /// <exception cref="AmazonClientException">DynamoDB failed.</exception>
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        var isMade = false;
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
                isMade = isMade || await CreateAsync(cancellationToken);
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

        if (isMade)
        {
            LogMade(logger, options.Table, options.BillingMode);
            await ProtectAsync("time to live", token => client.UpdateTimeToLiveAsync(
                new UpdateTimeToLiveRequest { TableName = options.Table, TimeToLiveSpecification = new TimeToLiveSpecification { AttributeName = DynamoDbItem.RemoveAt, Enabled = true } }, token), cancellationToken);
            await ProtectAsync("point-in-time recovery", token => client.UpdateContinuousBackupsAsync(
                new UpdateContinuousBackupsRequest { TableName = options.Table, PointInTimeRecoverySpecification = new PointInTimeRecoverySpecification { PointInTimeRecoveryEnabled = true } }, token), cancellationToken);
        }
    }

    private static GlobalSecondaryIndexDescription? Index(TableDescription table) => table.GlobalSecondaryIndexes?.FirstOrDefault(i => i.IndexName == KeysIndex);

    private static bool HasKeys(List<KeySchemaElement>? keys) =>
        keys?.Count == 2 && keys.All(key => Keys.Any(known => known.AttributeName == key.AttributeName && known.KeyType == key.KeyType));

    private async Task<bool> CreateAsync(CancellationToken cancellationToken)
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
            return true;
        }
        catch (ResourceInUseException)
        {
            // Another process makes it.
            return false;
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

        if (!HasKeys(Index(table)?.KeySchema))
        {
            throw new GoldStoreException(
                $"The DynamoDB table '{options.Table}' lacks the index '{KeysIndex}' with the table's own keys, which includes {DynamoDbItem.Revision}, {DynamoDbItem.Bytes} and {DynamoDbItem.ExpiresAt}. Add it, or name another table with DataPlatform:Gold:DynamoDb:Table.", isTransient: false);
        }
    }

    /// <summary>Gold works without these, and some servers and roles do not know or allow them.</summary>
    private async Task ProtectAsync(string what, Func<CancellationToken, Task> setUp, CancellationToken cancellationToken)
    {
        try
        {
            await setUp(cancellationToken);
        }
        catch (AmazonServiceException exception)
        {
            LogNotSetUp(logger, options.Table, what, exception.Message);
        }
    }

    [LoggerMessage(3111, LogLevel.Information, "The DynamoDB table {Table} was made ({Billing})")]
    private static partial void LogMade(ILogger logger, string table, DynamoDbBilling billing);

    [LoggerMessage(3112, LogLevel.Warning, "The DynamoDB table {Table} was made without {What}: {Reason}")]
    private static partial void LogNotSetUp(ILogger logger, string table, string what, string reason);
}
