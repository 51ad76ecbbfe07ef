using Amazon.DynamoDBv2;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Aws;
using Write.DataPlatform.Gold.DynamoDb;
using Write.DataPlatform.Gold.Sqlite;
using Write.DataPlatform.Gold.Tail;

namespace Write.DataPlatform.Gold;

/// <summary>Wires the gold zone.</summary>
internal static class GoldServices
{
    /// <summary>Adds the store, tables, ledger, leases and engine. Initialize <see cref="IGoldStore"/> at start.</summary>
    public static IServiceCollection AddGold(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<GoldOptions>()
            .Bind(configuration.GetSection("DataPlatform:Gold"))
            .PostConfigure(options =>
            {
                var data = configuration["DataPlatform:Data"] is { Length: > 0 } folder ? folder : ".data";
                options.Path ??= Path.Combine(data, "gold.db");
                options.TempPath ??= Path.Combine(data, "tmp");
            })
            .ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<GoldOptions>, GoldOptionsValidator>());
        services.TryAddSingleton(TimeProvider.System);
        services.AddAwsClient<IAmazonDynamoDB>(configuration, "DynamoDB", (client, provider) =>
            DynamoDbAttempts.Configure(client, provider.GetRequiredService<IOptions<GoldOptions>>().Value.DynamoDb.RequestTimeout));
        services.TryAddSingleton<IGoldStore>(provider =>
        {
            var options = provider.GetRequiredService<IOptions<GoldOptions>>().Value;
            var time = provider.GetRequiredService<TimeProvider>();
            return options.Kind == GoldKind.Sqlite
                ? new SqliteGoldStore(options.Path!, time)
                : new DynamoDbGoldStore(provider.GetRequiredService<IAmazonDynamoDB>, options.DynamoDb, time, provider.GetRequiredService<ILogger<DynamoDbGoldStore>>());
        });
        services.TryAddSingleton<GoldTempFolder>();
        services.TryAddSingleton<GoldTables>();
        services.TryAddSingleton<SegmentWriter>();
        services.TryAddSingleton<ServingDuckDb>();
        services.TryAddSingleton<GoldEngine>();
        services.TryAddSingleton<TailStore>();
        services.TryAddSingleton<TailEngine>();
        services.TryAddSingleton<Leases>();
        services.TryAddSingleton<RunLedger>();
        return services;
    }
}
