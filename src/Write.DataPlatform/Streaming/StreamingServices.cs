using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Aws;
using Write.DataPlatform.Model;
using Write.DataPlatform.Streaming.Batches;
using Write.DataPlatform.Streaming.Kinesis.Client;
using Write.DataPlatform.Streaming.Local;

namespace Write.DataPlatform.Streaming;

/// <summary>Wires the streams.</summary>
internal static class StreamingServices
{
    /// <summary>Adds <see cref="IEventStreams"/>; a worker adds <see cref="StreamWorkers"/> as a hosted service beside it, which runs all <see cref="IStreamConsumers"/>.</summary>
    public static IServiceCollection AddStreaming(this IServiceCollection services, IConfiguration configuration)
    {
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<StreamOptions>, StreamOptionsValidator>());
        services.AddOptions<StreamOptions>()
            .Bind(configuration.GetSection(StreamOptions.Section))
            .PostConfigure(options => options.Local.Path ??= Path.Combine(configuration["DataPlatform:Data"] is { Length: > 0 } folder ? folder : ".data", "streams"))
            .ValidateOnStart();
        services.TryAddSingleton(TimeProvider.System);
        services.AddAwsClient<IAmazonKinesis>(configuration, "Kinesis");
        services.TryAddSingleton<IEventStreams>(provider => new EventStreams(
            provider.GetRequiredService<IOptions<StreamOptions>>(),
            provider.GetRequiredService<IAmazonKinesis>,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<LocalStream>>()));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<BatchOptions>, BatchOptionsValidator>());
        services.AddOptions<BatchOptions>()
            .Bind(configuration.GetSection(BatchOptions.Section))
            .PostConfigure(options => options.WorkPath = Path.GetFullPath(
                options.WorkPath.Length == 0 ? Path.Combine(configuration["DataPlatform:Data"] is { Length: > 0 } folder ? folder : ".data", "work") : options.WorkPath))
            .ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IModelRule, StreamRule>());
        services.TryAddSingleton<DeadLetters>();
        services.TryAddSingleton<BatchServices>();
        services.TryAddSingleton<EventIngest>();
        services.TryAddSingleton<IStreamConsumers, BatchConsumers>();
        services.TryAddSingleton<StreamCheckpoints>();
        services.TryAddSingleton<StreamWorkers>();
        return services;
    }
}
