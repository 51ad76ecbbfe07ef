using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Write.DataPlatform;

/// <summary>The names under which the platform tells what it does: activities (traces) and meters, all in this place.</summary>
internal static class Telemetry
{
    /// <summary>The name of the platform's activity source and of its meter.</summary>
    public const string Name = "Write.DataPlatform";

    public static readonly ActivitySource Activities = new(Name);

    public static readonly Meter Meter = new(Name);

    /// <summary>How long the work of an answer took, in seconds, by who served it (<c>gold</c>, <c>gold+tail</c>, <c>lake</c>, <c>gold+lake</c>, <c>gold+lake+tail</c>) and by outcome.</summary>
    public static readonly Histogram<double> AnswerDuration = Meter.CreateHistogram<double>("dataplatform.answer.duration", "s", "How long the work of an answer took; answers of the cache are not work.");

    /// <summary>Answers that were asked of the cache, by <c>hit</c>.</summary>
    public static readonly Counter<long> CacheLookups = Meter.CreateCounter<long>("dataplatform.answer_cache.lookups", "{lookup}", "Answers asked of the cache; hit says whether it had them.");

    /// <summary>Requests that were told that they have the answer already.</summary>
    public static readonly Counter<long> NotModified = Meter.CreateCounter<long>("dataplatform.answer.not_modified", "{answer}", "Answers that the caller had already (304).");

    /// <summary>Bytes that the lake read for answers.</summary>
    public static readonly Counter<long> LakeBytes = Meter.CreateCounter<long>("dataplatform.lake.scanned", "By", "Bytes that the lake read for answers.");

    /// <summary>Queries that run as jobs now.</summary>
    public static readonly UpDownCounter<long> Jobs = Meter.CreateUpDownCounter<long>("dataplatform.jobs.running", "{job}", "Queries that run as jobs now.");
}
