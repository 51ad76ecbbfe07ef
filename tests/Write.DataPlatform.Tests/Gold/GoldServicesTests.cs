using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Gold;

namespace Write.DataPlatform.Tests.Gold;

public sealed class GoldServicesTests
{
    [Fact]
    public void WrongSettingsAreAllToldAtOnce()
    {
        var error = Assert.Throws<OptionsValidationException>(() => Options(
            ("DataPlatform:Gold:Kind", "7"),
            ("DataPlatform:Gold:Path", " "),
            ("DataPlatform:Gold:TempPath", ""),
            ("DataPlatform:Gold:CacheMegabytes", "1"),
            ("DataPlatform:Gold:LeaseDuration", "00:00:00"),
            ("DataPlatform:Gold:GarbageGrace", "00:00:01"),
            ("DataPlatform:Gold:ManifestMaxAge", "-00:00:01"),
            ("DataPlatform:Gold:RunRetention", "00:01:00")));
        Assert.Equal(8, error.Failures.Count());
        Assert.All(
            new[] { "Kind", "Path", "TempPath", "CacheMegabytes", "LeaseDuration", "GarbageGrace", "ManifestMaxAge", "RunRetention" },
            setting => Assert.Single(error.Failures, failure => failure.StartsWith($"DataPlatform:Gold:{setting} ", StringComparison.Ordinal)));
    }

    [Fact]
    public void WrongSettingsOfDynamoDbAreAllToldAtOnceIfItIsUsed()
    {
        (string, string)[] wrong =
        [
            ("DataPlatform:Gold:DynamoDb:Table", "no/name"), ("DataPlatform:Gold:DynamoDb:ReadCapacity", "0"), ("DataPlatform:Gold:DynamoDb:WriteCapacity", "1000001"),
            ("DataPlatform:Gold:DynamoDb:RequestTimeout", "00:00:00"), ("DataPlatform:Gold:DynamoDb:MaxParallelWrites", "65"),
        ];
        var error = Assert.Throws<OptionsValidationException>(() => Options([("DataPlatform:Gold:Kind", "dynamodb"), .. wrong]));
        Assert.Equal(wrong.Select(w => w.Item1), error.Failures.Select(failure => failure.Split(' ')[0]));
        Assert.Equal(GoldKind.Sqlite, Options(wrong).Kind);
    }

    [Fact]
    public void DefaultsLieInTheDataFolder()
    {
        Assert.Equal((Path.Combine(".data", "gold.db"), Path.Combine(".data", "tmp")), (Options().Path, Options().TempPath));
        Assert.Equal(Path.Combine("/x", "gold.db"), Options(("DataPlatform:Data", "/x")).Path);
        Assert.Equal("/y.db", Options(("DataPlatform:Data", "/x"), ("DataPlatform:Gold:Path", "/y.db")).Path);
    }

    [Fact]
    public async Task EveryServiceCanBeMade()
    {
        using var folder = new TempFolder();
        await using var services = Provider(("DataPlatform:Data", folder.Path));
        await services.GetRequiredService<IGoldStore>().InitializeAsync(TestContext.Current.CancellationToken);
        foreach (var type in new[] { typeof(GoldTables), typeof(SegmentWriter), typeof(ServingDuckDb), typeof(GoldEngine), typeof(Leases), typeof(RunLedger) })
        {
            Assert.NotNull(services.GetRequiredService(type));
        }
    }

    private static GoldOptions Options(params (string Key, string Value)[] settings)
    {
        using var services = Provider(settings);
        return services.GetRequiredService<IOptions<GoldOptions>>().Value;
    }

    private static ServiceProvider Provider(params (string Key, string Value)[] settings) =>
        new ServiceCollection().AddLogging()
            .AddGold(new ConfigurationBuilder().AddInMemoryCollection(settings.ToDictionary(setting => setting.Key, setting => (string?)setting.Value)).Build())
            .BuildServiceProvider();
}
