using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Api.Sample;
using Write.DataPlatform.Gold;
using Write.DataPlatform.Gold.Tail;
using Write.DataPlatform.Model;
using Write.DataPlatform.Streaming;
using Write.DataPlatform.Streaming.Batches;

namespace Write.DataPlatform.Benchmarks;

/// <summary>From JSON events to states in the tail, and to files in the lake, by one shard.</summary>
internal static class StreamPart
{
    private const string Name = "stream";
    private const int BatchRecords = 10_000;

    public static async Task<IReadOnlyList<Figure>> RunAsync(Scale scale, CancellationToken cancellationToken)
    {
        using var folder = new BenchFolder();
        var lake = folder.Path("lake");
        await World.MakeSampleAsync(lake, 20_000, cancellationToken);
        var events = (int)Math.Min(scale.Events, 400_000);
        var records = Records(events);
        var times = await Measure.InTurnsAsync(
            scale.Rounds,
            cancellationToken,
            () => CountAsync(folder, lake, records, LandingMode.Off, cancellationToken),
            () => CountAsync(folder, lake, records[..(events / 2)], LandingMode.Off, cancellationToken),
            () => CountAsync(folder, lake, records, LandingMode.On, cancellationToken),
            () => OfOneCoreAsync(() => Parse(records)));
        var (seconds, rate) = await StreamFreshness.MeasureAsync(scale, cancellationToken);
        return
        [
            new Figure(Name, $"99 of 100 events are in the answer of a server after; {rate:N0} events/s by POST", "s", seconds, null, Bound.AtMost, 65),
            new Figure(Name, $"{events:N0} JSON events of {records.Average(r => r.Data.Length):0} bytes into four gold tables' windows; the same read by Utf8JsonReader alone", "events a second of a core", events / times[0] * 1000, events / times[3] * 1000, Bound.RatioAtLeast, 0.5),
            new Figure(Name, "the same, and into the lake's files", "events a second of a core", events / times[2] * 1000, events / times[3] * 1000, Bound.RatioAtLeast, 0.5),
            new Figure(Name, $"twice the events; {events / 2:N0} of them", "ms of a core", times[0], times[1], Bound.RatioAtMost, 2.2),
        ];
    }

    /// <summary>Milliseconds of processor time, which say on a machine with other work, too, what one core does.</summary>
    private static async Task<double> OfOneCoreAsync(Func<Task> work)
    {
        var before = Environment.CpuUsage.TotalTime;
        await work();
        return (Environment.CpuUsage.TotalTime - before).TotalMilliseconds;
    }

    /// <summary>Events of the last few minutes, in the order of their times.</summary>
    internal static ImmutableArray<StreamRecord> Records(int events)
    {
        var random = new Random(7);
        var now = TimeProvider.System.GetUtcNow();
        var records = ImmutableArray.CreateBuilder<StreamRecord>(events);
        for (var at = now - TimeSpan.FromMinutes(3); records.Count < events; at += TimeSpan.FromSeconds(180d / (events / 2.5)))
        {
            foreach (var visit in LiveSample.Visits(at, random).Take(events - records.Count))
            {
                // Ids must differ however close the moments are.
                records.Add(new StreamRecord("0", new SequenceNumber(records.Count + 1), "k", at, StreamFreshness.Unique(visit, records.Count)));
            }
        }

        return records.ToImmutable();
    }

    private static Task Parse(ImmutableArray<StreamRecord> records)
    {
        var tokens = 0L;
        foreach (var record in records)
        {
            var reader = new Utf8JsonReader(record.Data.Span);
            while (reader.Read())
            {
                tokens++;
            }
        }

        WrongAnswerException.ThrowIf(tokens < records.Length, "Nothing was read.");
        return Task.CompletedTask;
    }

    /// <summary>Counts events in windows; milliseconds of processor time.</summary>
    internal static async Task<double> CountAsync(BenchFolder folder, string lake, ImmutableArray<StreamRecord> records, LandingMode landing, CancellationToken cancellationToken)
    {
        var data = folder.New();
        try
        {
            await using var app = DataPlatformHost.Build(new HostSettings(new Dictionary<string, string?>
            {
                ["DataPlatform:Data"] = data,
                ["DataPlatform:Lake:Path"] = lake,
                ["DataPlatform:MicroBatches:Landing"] = landing.ToString(),
            }));
            await Startup.PrepareAsync(app.Services, cancellationToken);
            var services = app.Services.GetRequiredService<BatchServices>();
            var plan = BatchConsumers.Plans(app.Services.GetRequiredService<ModelStore>().Current).First();
            var time = await OfOneCoreAsync(async () =>
            {
                await using var batcher = await ShardBatcher.StartAsync(
                    services, plan, new ShardContext("bench", "bench", data, new StreamShard("0", [], false), new ShardCheckpoint(ShardPosition.TrimHorizon), 1, cancellationToken), cancellationToken);
                for (var i = 0; i < records.Length; i += BatchRecords)
                {
                    var batch = records[i..Math.Min(records.Length, i + BatchRecords)];
                    await batcher.ProcessAsync(new ShardBatch(batch, i + BatchRecords >= records.Length ? TimeSpan.Zero : TimeSpan.FromSeconds(1)), cancellationToken);
                }

                await batcher.StopAsync(cancellationToken);
            });
            var progress = await app.Services.GetRequiredService<TailStore>().GetProgressAsync(plan.Stream.Name, fresh: true, cancellationToken);
            WrongAnswerException.ThrowIf(progress.Shards.Single() is var shard && shard.Events != records.Length, $"{shard.Events} of {records.Length} events were counted.");
            return time;
        }
        finally
        {
            foreach (var file in Directory.EnumerateFiles(lake, "landed.*", SearchOption.AllDirectories))
            {
                File.Delete(file);
            }

            ProcessFolder.Delete(data);
        }
    }
}
