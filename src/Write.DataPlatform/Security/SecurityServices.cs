using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Write.DataPlatform.Security;

/// <summary>Wires who may ask.</summary>
internal static class SecurityServices
{
    public static IServiceCollection AddSecurity(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<ApiKeys>();
        services.TryAddSingleton<AuditLog>();
        services.TryAddSingleton<DailyQuota>();
        return services;
    }
}

internal static partial class SecurityLog
{
    [LoggerMessage(5001, LogLevel.Warning, "The use of key {KeyId} could not be noted")]
    public static partial void UseNotNoted(ILogger logger, string keyId, Exception exception);
}
