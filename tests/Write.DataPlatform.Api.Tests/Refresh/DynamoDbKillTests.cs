using Amazon.DynamoDBv2;
using Amazon.Runtime;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.StandIns;

namespace Write.DataPlatform.Api.Tests.Refresh;

/// <summary>The same on DynamoDB, which the workers find by the SDK's own environment variables.</summary>
public sealed class DynamoDbKillTests : KillTests, IAsyncLifetime
{
    private readonly string _tables = $"kill-{Guid.NewGuid():N}-";
    private Uri _url = null!;

    protected override int Kills => 10;

    protected override IReadOnlyList<(string Name, string Value)> Environment =>
    [
        ("AWS_ENDPOINT_URL_DYNAMODB", _url.ToString()), ("AWS_REGION", "eu-west-1"), ("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_EC2_METADATA_DISABLED", "true"),
    ];

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(StandIn.Missing is not null, StandIn.Missing ?? "");
        _url = await StandIn.DynamoDbAsync();
    }

    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    protected override IReadOnlyList<(string Key, string Value)> Settings(string data) =>
        [("DataPlatform:Gold:Kind", "DynamoDb"), ("DataPlatform:Gold:DynamoDb:Table", _tables + data), ("DataPlatform:Gold:DynamoDb:Create", "true")];

    protected override void AddServices(IServiceCollection services) => services.AddSingleton<IAmazonDynamoDB>(
        new AmazonDynamoDBClient(new BasicAWSCredentials("key", "secret"), new AmazonDynamoDBConfig { ServiceURL = _url.ToString() }));
}
