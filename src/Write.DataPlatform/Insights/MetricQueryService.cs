using Write.DataPlatform.Query;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Insights;

internal sealed class MetricQueryService
{
    public Task<MetricAnswer> AnswerAsync(MetricQuery query, Caller caller, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<QueryExplanation> ExplainAsync(MetricQuery query, Caller caller, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<string?> GetETagAsync(MetricQuery query, Caller caller, CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
