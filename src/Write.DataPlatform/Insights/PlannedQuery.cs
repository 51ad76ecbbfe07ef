using System.Globalization;
using Write.DataPlatform.Model;
using Write.DataPlatform.Query;
using Write.DataPlatform.Security;

namespace Write.DataPlatform.Insights;

/// <summary>A query that is planned and not answered yet.</summary>
/// <param name="Plan">Who answers which part.</param>
/// <param name="Totals">The plan of totals that do not follow from the same pieces; null if they do or are not asked for.</param>
/// <param name="Snapshots">The gold tables as they were seen.</param>
/// <param name="Query">The query within what its caller may see.</param>
/// <param name="Caller">Who asks.</param>
/// <param name="Now">The moment that relative ranges end at.</param>
internal sealed record PlannedQuery(QueryPlan Plan, QueryPlan? Totals, IReadOnlyList<GoldSnapshot> Snapshots, MetricQuery Query, Caller Caller, DateTimeOffset Now)
{
    private string? _tag;

    public MetricModel Model => Plan.Resolved.Model;

    /// <summary>Those of the rows and those of the totals.</summary>
    public IEnumerable<LeafPlan> Leaves => Totals is null ? Plan.Leaves : Plan.Leaves.Concat(Totals.Leaves);

    /// <summary>Whether the caller may know what is behind the answer: it sees all rows and all names.</summary>
    public bool SeesAll => Caller.IsOperator || (Caller.Tenant is null && Query.Scope is null);

    /// <summary>Whether the lake is asked, whose changes cannot be seen.</summary>
    public bool NeedsLake => Leaves.Any(l => l.NeedsLake);

    /// <summary>
    /// Changes when the answer may, if the lake is not asked: a hash of who may see it, the query, the model's revision, the times it is about and the gold
    /// tables' revisions.
    /// </summary>
    public string Tag => _tag ??= MakeTag();

    /// <summary>
    /// Until when, as far as the clock alone goes, the same query has the same plan, excluded. Times end at grains, the finest of which is the second, and only
    /// the last so many seconds end at one; days begin at whole minutes in every zone.
    /// </summary>
    public DateTimeOffset PlanEnds
    {
        get
        {
            var step = Query.TimeRange is LastTimeRange { Length.Grain: TimeGrain.Second } ? TimeSpan.TicksPerSecond : TimeSpan.TicksPerMinute;
            return new DateTimeOffset(Now.UtcTicks - (Now.UtcTicks % step) + step, TimeSpan.Zero);
        }
    }

    /// <summary>Whether a stream goes on behind one of the tables, so that the answer may change with each of its windows.</summary>
    public bool IsStreamed => Leaves.SelectMany(l => l.Pieces).Any(p => p.Gold is { } gold && Model.Streams.Values.Any(s => s.Tables.Contains(gold.Definition.Table.Name)));

    /// <summary>Changes with a tail's rows and with how far it is counted, which an answer tells.</summary>
    private static string TagOf(GoldCandidateTail? tail) => tail is null ? "" : string.Create(CultureInfo.InvariantCulture, $"+{tail.Stream}@{tail.Tag}@{tail.Counted.Ticks}");

    private string MakeTag()
    {
        var served = Leaves.SelectMany(l => l.Pieces.Select(p => p.Gold is { } gold ? $"{gold.Definition.Table.Name}@{gold.Tenant}@{gold.Revision}{TagOf(l.TailOf(p))}" : "lake")).Distinct();
        // A comparison up to today has another range every day.
        var ranges = Leaves.Select(l => l.Leaf.Range.ToString()).Distinct();
        var resolved = Plan.Resolved;
        return FilterText.Fingerprint(string.Join(
            '\n',
            [SeesAll ? "all" : "", resolved.Model.Revision, resolved.Zone.Id, resolved.Range.ToString(), QueryText.Of(resolved.Query), resolved.Query.Cursor ?? "", .. ranges, .. served]));
    }
}
