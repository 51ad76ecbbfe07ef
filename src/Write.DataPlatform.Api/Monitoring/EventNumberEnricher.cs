using Serilog.Core;
using Serilog.Events;

namespace Write.DataPlatform.Api.Monitoring;

/// <summary>The number by which the runbook names a log message, as <c>Event</c>; a dash for a message without one.</summary>
internal sealed class EventNumberEnricher : ILogEventEnricher
{
    private const string Property = "Event";
    private const string None = "-";

    public void Enrich(LogEvent logEvent, ILogEventPropertyFactory propertyFactory)
    {
        var number = logEvent.Properties.TryGetValue("EventId", out var value) && value is StructureValue id ? id.Properties.FirstOrDefault(p => p.Name == "Id")?.Value.ToString() : null;
        logEvent.AddPropertyIfAbsent(new LogEventProperty(Property, new ScalarValue(number ?? None)));
    }
}
