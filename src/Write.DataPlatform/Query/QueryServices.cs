using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query;

/// <summary>The compiler's part of the composition.</summary>
internal static class QueryServices
{
    public static IServiceCollection AddQuery(this IServiceCollection services)
    {
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IModelRule, GoldTableRule>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IModelRule, RoleRule>());
        return services;
    }
}
