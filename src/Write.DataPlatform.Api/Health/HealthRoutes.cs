using System.Globalization;
using System.Text.Json;
using Write.DataPlatform.Api.Rest;

namespace Write.DataPlatform.Api.Health;

/// <summary>The health routes, which need no key.</summary>
internal static class HealthRoutes
{
    public static IServiceCollection AddHealth(this IServiceCollection services) => services.AddSingleton<GoldStatus>().AddSingleton<StreamStatuses>().AddSingleton<HealthReporter>();

    public static void MapHealth(this WebApplication app)
    {
        app.MapGet("/health", async (HttpContext context, HealthReporter reporter) => await WriteAsync(context, await reporter.CheckAsync(context.RequestAborted)));
        app.MapGet("/health/ready", async (HttpContext context, HealthReporter reporter) => await WriteAsync(context, await reporter.CheckReadyAsync(context.RequestAborted)));
        app.MapGet("/health/live", (HttpContext context) => WriteAsync(context, new HealthReport(TimeSpan.Zero, [])));
    }

    private static async Task WriteAsync(HttpContext context, HealthReport report)
    {
        var isOperator = CallerGate.Of(context)?.IsOperator is true;
        context.Response.StatusCode = report.Status == HealthStatus.Unhealthy ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK;
        context.Response.ContentType = AnswerJson.ContentType;
        context.Response.Headers.CacheControl = "no-store";
        await using var json = new Utf8JsonWriter(context.Response.BodyWriter, AnswerJson.WriterOptions);
        json.WriteStartObject();
        json.WriteString("status", report.Status.ToString());
        json.WriteString("totalDuration", report.Duration.ToString("c", CultureInfo.InvariantCulture));
        json.WriteStartArray("checks");
        foreach (var check in isOperator ? report.Checks : report.WithoutNames().Checks)
        {
            json.WriteStartObject();
            json.WriteString("name", check.Name);
            json.WriteString("status", check.Status.ToString());
            json.WriteString("description", isOperator ? check.Description : null);
            json.WritePropertyName("data");
            JsonSerializer.Serialize(json, isOperator ? check.Data.ToDictionary() : [], AnswerJson.Options);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}
