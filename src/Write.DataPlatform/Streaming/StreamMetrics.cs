using System.Collections.Immutable;
using System.Diagnostics.Metrics;

namespace Write.DataPlatform.Streaming;

/// <summary>The streams' instruments, each with the tags <c>stream</c> and <c>shard</c>, most also <c>consumer</c>.</summary>
internal static class StreamMetrics
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "Write.DataPlatform.Streaming";

    private static readonly Meter Meter = new(MeterName);

    private static readonly Counter<long> RecordsRead = Meter.CreateCounter<long>("wdp.stream.records", "{record}", "Records given to a processor.");

    private static readonly Counter<long> BytesRead = Meter.CreateCounter<long>("wdp.stream.bytes", "By", "Their data.");

    private static readonly Counter<long> CheckpointsWritten = Meter.CreateCounter<long>("wdp.stream.checkpoints", "{checkpoint}", "Checkpoints written.");

    private static readonly Counter<long> Gaps = Meter.CreateCounter<long>("wdp.stream.gaps", "{gap}", "Times that retention removed records before they were read.");

    private static readonly Counter<long> Failures = Meter.CreateCounter<long>("wdp.stream.failures", "{failure}", "Times that a shard's reading or processing failed and was tried again.");

    private static readonly Counter<long> Throttles = Meter.CreateCounter<long>("wdp.stream.throttles", "{throttle}", "Reads that the stream refused as too many.");

    private static readonly Counter<long> RecordsPut = Meter.CreateCounter<long>("wdp.stream.put.records", "{record}", "Records put, with the tag outcome: accepted, or the error's code.");

    private static readonly Gauge<double> IteratorAge = Meter.CreateGauge<double>("wdp.stream.iterator_age", "s", "How far the last batch was behind the shard's tip.");

    public static void Read(string consumer, string stream, ShardBatch batch, string shard)
    {
        var tags = Tags(consumer, stream, shard);
        IteratorAge.Record(batch.Behind.TotalSeconds, tags);
        if (batch.HasGap)
        {
            Gaps.Add(1, tags);
        }

        if (batch.Records.Length > 0)
        {
            RecordsRead.Add(batch.Records.Length, tags);
            BytesRead.Add(batch.Records.Sum(record => (long)record.Data.Length), tags);
        }
    }

    public static void Checkpointed(string consumer, string stream, string shard) => CheckpointsWritten.Add(1, Tags(consumer, stream, shard));

    public static void Failed(string consumer, string stream, string shard) => Failures.Add(1, Tags(consumer, stream, shard));

    public static void Throttled(string stream, string shard) => Throttles.Add(1, new KeyValuePair<string, object?>("stream", stream), new KeyValuePair<string, object?>("shard", shard));

    /// <summary>Counts what became of records that were put, all of which have a result now.</summary>
    public static ImmutableArray<PutResult> Put(string stream, PutResult?[] results)
    {
        foreach (var outcome in results.CountBy(result => result!.Error?.Code ?? "accepted"))
        {
            RecordsPut.Add(outcome.Value, new KeyValuePair<string, object?>("stream", stream), new KeyValuePair<string, object?>("outcome", outcome.Key));
        }

        return [.. results.Select(result => result!)];
    }

    private static KeyValuePair<string, object?>[] Tags(string consumer, string stream, string shard) => [new("consumer", consumer), new("stream", stream), new("shard", shard)];
}
