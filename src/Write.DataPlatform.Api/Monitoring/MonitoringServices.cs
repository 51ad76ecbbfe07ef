using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Write.DataPlatform.Api.Rest;
using Write.DataPlatform.Streaming;

namespace Write.DataPlatform.Api.Monitoring;

/// <summary>
/// Traces, metrics and logs as OpenTelemetry has them. The standard variables (<c>OTEL_EXPORTER_OTLP_ENDPOINT</c>, <c>OTEL_SERVICE_NAME</c> and the rest) say where
/// they go; without an endpoint nothing is sent, and traces are not made. <c>GET /metrics</c> is there either way.
/// </summary>
internal static class MonitoringServices
{
    private const string ServiceName = "write-data-platform";
    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    /// <summary>Whether traces, metrics and logs are sent anywhere.</summary>
    public static bool IsExported(IConfiguration configuration) => !string.IsNullOrEmpty(configuration[Endpoint]);

    public static void AddMonitoring(this WebApplicationBuilder builder)
    {
        var monitoring = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource =>
            {
                if (string.IsNullOrEmpty(builder.Configuration["OTEL_SERVICE_NAME"]))
                {
                    resource.AddService(ServiceName, serviceVersion: typeof(MonitoringServices).Assembly.GetName().Version?.ToString());
                }
            })
            .WithMetrics(metrics => metrics
                .AddMeter(Telemetry.Name, StreamMetrics.MeterName, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel")
                .AddRuntimeInstrumentation()
                .AddPrometheusExporter());
        if (!IsExported(builder.Configuration))
        {
            return;
        }

        monitoring.WithTracing(tracing => tracing.AddSource(Telemetry.Name).AddAspNetCoreInstrumentation(options =>
        {
            options.Filter = context => !context.Request.Path.StartsWithSegments("/health") && !context.Request.Path.StartsWithSegments("/metrics");
            options.EnrichWithHttpRequest = (activity, request) =>
            {
                // A key may stand in an address.
                activity.SetTag("url.path", LoggedPath.Of(request));
                activity.SetTag("url.query", null);
            };
        }));
        monitoring.UseOtlpExporter();
        builder.Logging.AddOpenTelemetry(logs =>
        {
            // A request's scope has its path as it came.
            logs.IncludeScopes = false;
            logs.IncludeFormattedMessage = true;
        });
    }

    public static void MapMonitoring(this WebApplication app) => app.MapPrometheusScrapingEndpoint("/metrics").WithMetadata(new AccessMetadata(Access.Operator)).ExcludeFromDescription();
}
