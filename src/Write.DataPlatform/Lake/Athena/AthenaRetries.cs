using Polly;
using Polly.Retry;

namespace Write.DataPlatform.Lake.Athena;

/// <summary>More patience than the SDK's two seconds for what may be asked twice: how a query is doing, a page, a part of a file.</summary>
internal static class AthenaRetries
{
    public static ResiliencePipeline Create(TimeProvider time) => new ResiliencePipelineBuilder { TimeProvider = time }
        .AddRetry(new RetryStrategyOptions
        {
            MaxRetryAttempts = 4,
            Delay = TimeSpan.FromMilliseconds(500),
            MaxDelay = TimeSpan.FromSeconds(8),
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            ShouldHandle = arguments => ValueTask.FromResult(
                arguments.Outcome.Exception is { } exception && !arguments.Context.CancellationToken.IsCancellationRequested && AthenaErrors.IsTransient(exception)),
        })
        .Build();
}
