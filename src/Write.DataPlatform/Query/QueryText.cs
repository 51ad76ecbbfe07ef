namespace Write.DataPlatform.Query;

/// <summary>A query as one text: the same question, the same text.</summary>
internal static class QueryText
{
    /// <summary>The query as it was asked, the tenant with it, without its cursor.</summary>
    public static string Of(MetricQuery query) => string.Join(
        '\n',
        string.Join(',', query.Metrics),
        string.Join(',', query.Modifiers.Select(m => $"{m.Metric}:{m.As}:{string.Join(':', m.Within)}")),
        string.Join(',', query.GroupBy),
        FilterText.Of(query.Where),
        FilterText.Of(query.Having),
        query.TimeRange?.ToString() ?? "",
        query.TimeZone?.Id ?? "",
        query.Compare?.ToString() ?? "",
        string.Join(',', query.OrderBy),
        $"{query.Limit} {query.Fill} {query.Totals} {query.Source} {query.MinMax}",
        query.Tenant ?? "",
        query.Scope?.Text ?? "");
}
