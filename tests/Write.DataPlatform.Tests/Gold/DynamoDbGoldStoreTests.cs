using Amazon.DynamoDBv2;
using Amazon.DynamoDBv2.Model;
using Amazon.Runtime;
using Microsoft.Extensions.Logging.Abstractions;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Gold.DynamoDb;
using Write.DataPlatform.StandIns;

namespace Write.DataPlatform.Tests.Gold;

/// <summary>The store on dynalite, in a table of the test's own.</summary>
public sealed class DynamoDbGoldStoreTests : GoldStoreContract, IAsyncLifetime
{
    private readonly string _table = $"gold-{Guid.NewGuid():N}";
    private readonly List<AmazonDynamoDBClient> _clients = [];
    private Uri _url = null!;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(StandIn.Missing is not null, StandIn.Missing ?? "");
        _url = await StandIn.DynamoDbAsync();
        await Open(options => options.Create = true).InitializeAsync(Cancel);
    }

    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task AMissingTableIsToldAndMadeOnlyOnRequest()
    {
        var other = Open(options => options.Table = _table + "-other");
        foreach (var call in new Func<Task>[] { () => other.InitializeAsync(Cancel), () => other.GetAsync("p", "s", Cancel), () => other.PutAsync([Item("p", "s", 1, "x")], Cancel) })
        {
            var error = await Assert.ThrowsAsync<GoldStoreException>(call);
            Assert.False(error.IsTransient);
            Assert.Contains(_table + "-other", error.Message, StringComparison.Ordinal);
            Assert.Contains("--create", error.Message, StringComparison.Ordinal);
        }

        var makers = Enumerable.Range(0, 3).Select(_ => Open(options => (options.Table, options.Create) = (_table + "-other", true))).ToArray();
        await Task.WhenAll(makers.Select(store => store.InitializeAsync(Cancel)));
        await other.InitializeAsync(Cancel);
        await other.PutAsync([Item("p", "s", 1, "x")], Cancel);
        Assert.Equal("x", Text(await other.GetAsync("p", "s", Cancel)));
    }

    [Fact]
    public async Task AProvisionedTableHasTheCapacityAskedFor()
    {
        var name = _table + "-provisioned";
        await Open(options => (options.Table, options.Create, options.BillingMode, options.ReadCapacity, options.WriteCapacity) = (name, true, DynamoDbBilling.Provisioned, 7, 9)).InitializeAsync(Cancel);
        var table = (await Client().DescribeTableAsync(name, Cancel)).Table;
        Assert.Equal((7L, 9L), (table.ProvisionedThroughput.ReadCapacityUnits, table.ProvisionedThroughput.WriteCapacityUnits));
        var index = Assert.Single(table.GlobalSecondaryIndexes);
        Assert.Equal(("keys", 7L, 9L), (index.IndexName, index.ProvisionedThroughput.ReadCapacityUnits, index.ProvisionedThroughput.WriteCapacityUnits));
    }

    [Theory]
    [InlineData("id", "sk", "its keys must be pk")]
    [InlineData("pk", "sk", "lacks the index 'keys'")]
    public async Task ATableOfAnotherLayoutIsRefused(string hash, string range, string expected)
    {
        var name = _table + "-foreign";
        await Client().CreateTableAsync(
            new CreateTableRequest
            {
                TableName = name,
                AttributeDefinitions = [new(hash, ScalarAttributeType.S), new(range, ScalarAttributeType.S)],
                KeySchema = [new(hash, KeyType.HASH), new(range, KeyType.RANGE)],
                BillingMode = BillingMode.PAY_PER_REQUEST,
            },
            Cancel);
        var error = await Assert.ThrowsAsync<GoldStoreException>(() => Open(options => (options.Table, options.Create) = (name, true)).InitializeAsync(Cancel));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.False(error.IsTransient);
    }

    [Fact]
    public async Task AnItemLiesInTheTableAsDocumented()
    {
        var expires = new DateTimeOffset(2026, 3, 2, 0, 0, 0, 1, TimeSpan.Zero);
        await Open().TryPutAsync(new GoldItem("p", "s", 7, new byte[] { 1, 2, 3 }, expires), null, Cancel);
        await Open().PutAsync([new GoldItem("p", "bare", 1, ReadOnlyMemory<byte>.Empty)], Cancel);
        var items = (await Client().ScanAsync(new ScanRequest(_table), Cancel)).Items.OrderBy(item => item["sk"].S).ToArray();
        Assert.Equal(["n", "pk", "r", "sk"], items[0].Keys.Order());
        Assert.Equal(["b", "n", "pk", "r", "sk", "t", "w", "x"], items[1].Keys.Order());
        Assert.Equal(("p", "s", "7", "3"), (items[1]["pk"].S, items[1]["sk"].S, items[1]["r"].N, items[1]["n"].N));
        Assert.Equal([1, 2, 3], items[1]["b"].B.ToArray());
        Assert.Equal((expires.ToUnixTimeMilliseconds().ToString(null as IFormatProvider), "1772409601"), (items[1]["x"].N, items[1]["t"].N));
    }

    [Fact]
    public async Task AForeignItemIsNotTakenForGold()
    {
        await Client().PutItemAsync(new PutItemRequest(_table, new() { ["pk"] = new("p"), ["sk"] = new("s"), ["name"] = new("x") }), Cancel);
        await Client().PutItemAsync(new PutItemRequest(_table, new() { ["pk"] = new("p"), ["sk"] = new("t"), ["r"] = new() { N = "1" }, ["n"] = new() { N = "5" } }), Cancel);
        foreach (var sk in new[] { "s", "t" })
        {
            var error = await Assert.ThrowsAsync<GoldStoreException>(() => Open().GetAsync("p", sk, Cancel));
            Assert.Contains("not written by this program", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task WhatIsUsedIsCounted()
    {
        var store = Open();
        var outer = GoldUsage.Begin();
        await store.PutAsync([new GoldItem("p", "a", 1, new byte[10_000]), new GoldItem("p", "b", 1, new byte[20_000])], Cancel);
        await UseAsync();

        // Ten and twenty thousand bytes; dynalite does not count the unit that each costs in the index.
        Assert.Equal(30, outer.WriteUnits);

        async Task UseAsync()
        {
            var inner = GoldUsage.Begin();
            await store.GetManyAsync("p", ["a", "b"], Cancel).ToArrayAsync(Cancel);
            Assert.Equal((4, 0, 1), (inner.ReadUnits, inner.WriteUnits, inner.Requests));
            await store.GetAsync("p", "a", Cancel);
            Assert.Equal((7, 0, 2), (inner.ReadUnits, inner.WriteUnits, inner.Requests));

            // The bodies are not paid for.
            await store.ListAsync("p", "", Cancel).ToArrayAsync(Cancel);
            Assert.Equal((7.5, 0, 3), (inner.ReadUnits, inner.WriteUnits, inner.Requests));
        }
    }

    public override void Dispose() => _clients.ForEach(client => client.Dispose());

    protected override IGoldStore Open() => Open(null);

    private DynamoDbGoldStore Open(Action<DynamoDbGoldOptions>? configure)
    {
        var options = new DynamoDbGoldOptions { Table = _table };
        configure?.Invoke(options);
        var client = Client();
        return new DynamoDbGoldStore(() => client, options, Clock, NullLogger<DynamoDbGoldStore>.Instance);
    }

    private AmazonDynamoDBClient Client()
    {
        var config = new AmazonDynamoDBConfig { ServiceURL = _url.ToString() };
        DynamoDbAttempts.Configure(config, TimeSpan.FromSeconds(10));
        var client = new AmazonDynamoDBClient(new BasicAWSCredentials("key", "secret"), config);
        _clients.Add(client);
        return client;
    }
}
