using System.Collections.Immutable;
using Write.DataPlatform.Model;

namespace Write.DataPlatform.Query;

/// <summary>
/// Conversions of a leaf's events, MetricFlow's conversion metrics: each row of another fact goes to the latest event of the same entity that is not later than it
/// and within the window; where several are, to the one whose primary key, then whose dimensions by name come first.
/// </summary>
/// <param name="Events">The other fact's rows: their model, time and filter.</param>
/// <param name="Measure">What is measured of them.</param>
/// <param name="Entity">The entity that both have.</param>
/// <param name="Window">A conversion counts after an event and less than this later; null for ever.</param>
/// <param name="Properties">SQL over the event's table and over the conversion's that must be equal.</param>
/// <param name="Order">SQL over the event's table that tells events of one moment apart.</param>
internal sealed record Conversion(
    Leaf Events, Measure Measure, string Entity, CalendarPeriod? Window, ImmutableArray<(string Event, string Conversion)> Properties, ImmutableArray<string> Order)
{
    /// <summary>Whether both facts' times are instants; else both are compared as dates on the model's clock.</summary>
    /// <param name="events">The leaf of the base events.</param>
    public bool IsByInstant(Leaf events) => Leaf.IsInstant(events.AggTime) && Leaf.IsInstant(Events.AggTime);
}
