using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Insights;

/// <summary>The read side's part of the composition.</summary>
internal static class InsightsServices
{
    public static IServiceCollection AddInsights(this IServiceCollection services)
    {
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IModelRule, PublishedQueryRule>());
        services.TryAddSingleton<LakeTypes>();
        services.TryAddSingleton<GoldReader>();
        services.TryAddSingleton<CursorSeal>();
        services.TryAddSingleton<GoldRows>();
        services.TryAddSingleton<AnswerRows>();
        services.TryAddSingleton<MetricQueryService>();
        services.TryAddSingleton<ModelTestRunner>();
        services.TryAddSingleton<LakeCheck>();
        return services;
    }
}
