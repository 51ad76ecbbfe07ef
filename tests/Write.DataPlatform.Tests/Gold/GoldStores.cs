using Amazon.DynamoDBv2;
using Amazon.Runtime;
using Microsoft.Extensions.Logging.Abstractions;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Gold.DynamoDb;
using Write.DataPlatform.Gold.Sqlite;
using Write.DataPlatform.StandIns;

namespace Write.DataPlatform.Tests.Gold;

/// <summary>Marks a class of tests whose worlds keep their gold in DynamoDB.</summary>
public interface IOnDynamoDb;

/// <summary>The gold stores of the tests' worlds: SQLite, or DynamoDB for tests that say so.</summary>
internal static class GoldStores
{
    private static readonly Lazy<AmazonDynamoDBClient> Shared = new(() =>
    {
        var config = new AmazonDynamoDBConfig { ServiceURL = StandIn.DynamoDbAsync().GetAwaiter().GetResult().ToString() };
        DynamoDbAttempts.Configure(config, TimeSpan.FromSeconds(20));
        return new AmazonDynamoDBClient(new BasicAWSCredentials("key", "secret"), config);
    });

    /// <summary>A store of its own.</summary>
    /// <param name="path">SQLite's file.</param>
    /// <param name="clock">The clock of expiry.</param>
    /// <param name="maxPages">The most pages that SQLite's file may have; 0 for no limit.</param>
    public static IGoldStore Open(string path, TimeProvider clock, int maxPages = 0)
    {
        if (TestContext.Current.TestClassInstance is not IOnDynamoDb)
        {
            return new SqliteGoldStore(path, clock) { MaxPages = maxPages };
        }

        Assert.SkipWhen(StandIn.Missing is not null, StandIn.Missing ?? "");
        Assert.SkipWhen(maxPages > 0, "DynamoDB has no file that could be full.");
        var store = new DynamoDbGoldStore(
            () => Shared.Value, new DynamoDbGoldOptions { Table = $"world-{Guid.NewGuid():N}", Create = true }, clock, NullLogger<DynamoDbGoldStore>.Instance);
        store.InitializeAsync().GetAwaiter().GetResult();
        return store;
    }
}
