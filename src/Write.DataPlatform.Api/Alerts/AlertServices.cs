using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Api.Alerts;

/// <summary>The slice's part of the composition.</summary>
internal static class AlertServices
{
    /// <summary>Adds <see cref="AlertRunner"/>; a worker adds <see cref="AlertScheduler"/> as a hosted service beside it.</summary>
    public static IServiceCollection AddAlerts(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<AlertOptions>().Bind(configuration.GetSection(AlertOptions.Section)).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<AlertOptions>, AlertOptionsValidator>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IModelRule, AlertQueryRule>());
        return services.AddSingleton<AlertSettings>().AddSingleton<AlertStore>().AddSingleton<AlertEvaluator>().AddSingleton<AlertMessages>().AddSingleton<WebhookSender>().AddSingleton<AlertOutbox>().AddSingleton<AlertRunner>().AddSingleton<AlertStatuses>().AddSingleton<AlertTests>();
    }
}
