using ModelContextProtocol.Protocol;
using Write.DataPlatform.Api.Rest;

namespace Write.DataPlatform.Api.Mcp;

/// <summary>The Model Context Protocol's endpoint, <c>/mcp</c>: streamable HTTP without sessions, so that any server answers any request.</summary>
internal static class McpServices
{
    public const string Path = "/mcp";

    public static IServiceCollection AddMcp(this IServiceCollection services)
    {
        services.AddHttpContextAccessor();
        services.AddSingleton<InnerRequest>();
        services.AddMcpServer(options =>
        {
            options.ServerInfo = new Implementation { Name = "write-data-platform", Title = "Write data platform", Version = typeof(McpServices).Assembly.GetName().Version?.ToString() ?? "1" };
            options.ServerInstructions = "Metrics of the data platform, each defined once. List the metrics and their dimensions first, then query; a value that a condition names must be one of the dimension's values.";
        }).WithHttpTransport(options => options.Stateless = true).WithTools<MetricTools>();
        return services;
    }

    public static void MapMcp(this WebApplication app) => app.MapMcp(Path).WithMetadata(new AccessMetadata(Access.Known)).ExcludeFromDescription();
}
