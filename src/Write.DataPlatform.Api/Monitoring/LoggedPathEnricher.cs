using Serilog.Core;
using Serilog.Events;

namespace Write.DataPlatform.Api.Monitoring;

/// <summary>Every log event of a request has its path from the framework; it becomes one that may be shown.</summary>
internal sealed class LoggedPathEnricher : ILogEventEnricher
{
    private const string Property = "RequestPath";

    public void Enrich(LogEvent logEvent, ILogEventPropertyFactory propertyFactory)
    {
        if (logEvent.Properties.TryGetValue(Property, out var value) && value is ScalarValue { Value: { } path })
        {
            logEvent.AddOrUpdateProperty(new LogEventProperty(Property, new ScalarValue(LoggedPath.Of(path.ToString() ?? ""))));
        }
    }
}
