using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Insights;

/// <summary>The read side's part of the composition.</summary>
internal static class InsightsServices
{
    public static IServiceCollection AddInsights(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<AnswerOptions>().Bind(configuration.GetSection(AnswerOptionsValidator.Section)).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<AnswerOptions>, AnswerOptionsValidator>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IModelRule, PublishedQueryRule>());
        services.TryAddSingleton<LakeTypes>();
        services.TryAddSingleton<GoldReader>();
        services.TryAddSingleton<AnswerReach>();
        services.TryAddSingleton<CursorSeal>();
        services.TryAddSingleton<GoldRows>();
        services.TryAddSingleton<Blocks.RowBlocks>();
        services.TryAddSingleton<Slices.SliceReader>();
        services.TryAddSingleton<AnswerRows>();
        services.TryAddSingleton<ParquetAnswers>();
        services.TryAddSingleton<MetricQueryService>();
        services.TryAddSingleton<AnswerCache>();
        services.TryAddSingleton<QueryJobs>();
        services.TryAddSingleton<ModelTestRunner>();
        services.TryAddSingleton<LakeCheck>();
        return services;
    }
}
