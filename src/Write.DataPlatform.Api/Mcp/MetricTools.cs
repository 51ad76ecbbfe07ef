using System.ComponentModel;
using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

namespace Write.DataPlatform.Api.Mcp;

/// <summary>What programs that speak the Model Context Protocol may ask: the catalogue, metric queries and their plans, as the caller's key allows.</summary>
[McpServerToolType]
internal sealed class MetricTools(InnerRequest requests)
{
    private const int DefaultRows = 1_000;
    private const int MaxRows = 10_000;

    [McpServerTool(Name = "list_metrics", Title = "Metrics", ReadOnly = true, Idempotent = true, OpenWorld = false)]
    [Description("Lists the metrics that can be asked, with label, description, unit and the names of their dimensions. With a name: that metric with its dimensions and their grains.")]
    public Task<CallToolResult> ListMetricsAsync([Description("A metric; leave out for all")] string? name = null, CancellationToken cancellationToken = default) =>
        string.IsNullOrEmpty(name)
            ? GetAsync("/v1/metrics", [], [], cancellationToken)
            : GetAsync("/v1/metrics/{name}", new RouteValueDictionary { ["name"] = name }, [], cancellationToken);

    [McpServerTool(Name = "list_dimensions", Title = "Dimensions", ReadOnly = true, Idempotent = true, OpenWorld = false)]
    [Description("Lists the dimensions that can be grouped and filtered by; with metrics, those that all of them share.")]
    public Task<CallToolResult> ListDimensionsAsync([Description("Metrics; leave out for all dimensions")] string[]? metrics = null, CancellationToken cancellationToken = default) =>
        GetAsync("/v1/dimensions", [], [new("metrics", Join(metrics))], cancellationToken);

    [McpServerTool(Name = "list_values", Title = "Values of a dimension", ReadOnly = true, Idempotent = true, OpenWorld = false)]
    [Description("Lists the values of a dimension, to be used in conditions.")]
    public Task<CallToolResult> ListValuesAsync(
        [Description("The dimension, such as visit__country")] string dimension,
        [Description("What the values have in them, in any case")] string? search = null,
        [Description("Only values that these metrics have rows of")] string[]? metrics = null,
        [Description("At most so many, 100 unless said, up to 1000")] int? limit = null,
        CancellationToken cancellationToken = default) =>
        GetAsync(
            "/v1/dimensions/{name}/values",
            new RouteValueDictionary { ["name"] = dimension },
            [new("search", search), new("metrics", Join(metrics)), new("limit", limit?.ToString(System.Globalization.CultureInfo.InvariantCulture))],
            cancellationToken);

    [McpServerTool(Name = "query", Title = "Metric query", ReadOnly = true, Idempotent = true, OpenWorld = false)]
    [Description(
        """
        Answers a metric query with rows. Example: {"metrics":["visits"],"groupBy":["metric_time__month","visit__country"],
        "where":{"field":"visit__device","op":"in","values":["mobile"]},"timeRange":{"last":"P12M"},"compare":{"to":"previousYear"},
        "orderBy":[{"field":"visits","descending":true}],"limit":100}. Grains are suffixes of metric_time: second, minute, hour, day, week, month, quarter, year.
        Without a limit it gives 1,000 rows, and never more than 10,000. The answer's next is the cursor of the following rows. Mistakes come back all at once, each with a suggestion.
        """)]
    public Task<CallToolResult> QueryAsync([Description("The query, as POST /v1/query takes it")] JsonElement query, CancellationToken cancellationToken = default) =>
        SendAsync("POST", "/v1/query", [], [], Limited(query), cancellationToken);

    [McpServerTool(Name = "explain", Title = "Plan of a metric query", ReadOnly = true, Idempotent = true, OpenWorld = false)]
    [Description("Says how a metric query would be answered: which gold tables or the lake serve which part, and why not. For operators.")]
    public Task<CallToolResult> ExplainAsync([Description("The query, as POST /v1/query takes it")] JsonElement query, CancellationToken cancellationToken = default) =>
        SendAsync("POST", "/v1/query/explain", [], [], query.GetRawText(), cancellationToken);

    /// <summary>The query with a limit: an answer of the protocol lies in memory as a whole, and nobody reads a million rows in a talk.</summary>
    private static string Limited(JsonElement query)
    {
        if (query.ValueKind != JsonValueKind.Object || JsonObject.Create(query) is not { } limited)
        {
            return query.GetRawText();
        }

        if (limited["limit"] is not JsonValue given)
        {
            limited["limit"] = DefaultRows;
        }
        else if (given.TryGetValue<long>(out var rows) && rows > MaxRows)
        {
            limited["limit"] = MaxRows;
        }

        return limited.ToJsonString();
    }

    private static string? Join(string[]? names) => names is null ? null : string.Join(',', names);

    private Task<CallToolResult> GetAsync(string pattern, RouteValueDictionary values, IEnumerable<KeyValuePair<string, string?>> query, CancellationToken cancellationToken) =>
        SendAsync("GET", pattern, values, query, null, cancellationToken);

    private async Task<CallToolResult> SendAsync(string method, string pattern, RouteValueDictionary values, IEnumerable<KeyValuePair<string, string?>> query, string? body, CancellationToken cancellationToken)
    {
        var (status, text) = await requests.SendAsync(method, pattern, values, query, body, cancellationToken);
        return new CallToolResult { Content = [new TextContentBlock { Text = text }], IsError = status >= StatusCodes.Status400BadRequest };
    }
}
