using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Write.DataPlatform.Streaming;
using Write.DataPlatform.Streaming.Local;
using Write.DataPlatform.Tests.Gold;

namespace Write.DataPlatform.Tests.Streaming;

/// <summary>A process that writes the local log is killed in the middle, again and again, while another one reads.</summary>
public sealed class LogKillTests
{
    private const int Kills = 6;
    private const string Variable = "WDP_LOG_WRITER";

    private static readonly LocalLogOptions Options = new() { Partitions = 3, SegmentMegabytes = 1 };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>
    /// This assembly, started with a folder in the variable, is the process that writes: it says on its output what was accepted. Its own runner waits meanwhile for a
    /// debugger that never comes.
    /// </summary>
    [ModuleInitializer]
    internal static void BeWriter()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } variable)
        {
            return;
        }

        var (folder, first) = (variable[(variable.IndexOf(' ', StringComparison.Ordinal) + 1)..], int.Parse(variable.Split(' ')[0], CultureInfo.InvariantCulture));
        // Nothing may be awaited here: code of this module runs on other threads only after its initializer.
        _ = Task.Run(async () =>
        {
            await using var log = new LocalStream("log", folder, Options, TimeProvider.System, NullLogger<LocalStream>.Instance);
            for (var id = first; ; id += 10)
            {
                // Of many sizes, so that a kill meets writes of several pages, too.
                var records = Enumerable.Range(id, 10).Select(i => new PutRecord($"key-{i % 11}", Encoding.UTF8.GetBytes($"{i} {new string('x', i * 7919 % 20_000)}"))).ToList();
                var results = await log.PutAsync(records);
                Console.Out.WriteLine(results.All(result => result.IsAccepted) ? $"accepted {id}" : results.First(result => !result.IsAccepted).Error!.Message);
                Console.Out.Flush();
            }
        });
    }

    [Fact]
    public async Task Nothing_that_was_accepted_is_lost_when_the_writer_is_killed()
    {
        using var folder = new TempFolder();
        await using var log = new LocalStream("log", folder.File("log"), Options, TimeProvider.System, NullLogger<LocalStream>.Instance);
        var readers = new List<IShardReader>();
        foreach (var shard in await log.ListShardsAsync(Cancel))
        {
            readers.Add(await log.OpenAsync(shard.Id, ShardPosition.TrimHorizon, Cancel));
        }

        using var enough = new CancellationTokenSource();
        var live = readers.ConvertAll(reader => Task.Run(() => FollowAsync(reader, enough.Token), Cancel));
        List<int> accepted = [];
        var next = 0;
        for (var kill = 0; kill < Kills; kill++)
        {
            var start = new ProcessStartInfo("dotnet", [typeof(LogKillTests).Assembly.Location, "-waitForDebugger"]) { RedirectStandardOutput = true };
            start.Environment[Variable] = $"{next} {folder.File("log")}";
            using var process = Process.Start(start)!;
            for (var lines = 0; lines < 20 + kill * 7;)
            {
                lines += Take(await process.StandardOutput.ReadLineAsync(Cancel) ?? throw new InvalidOperationException("The writer ended."));
            }

            process.Kill();

            // A last line may be cut off with its process.
            var rest = await process.StandardOutput.ReadToEndAsync(Cancel);
            await process.WaitForExitAsync(Cancel);
            Array.ForEach(rest.Split('\n')[..^1], line => Take(line));
            next = accepted[^1] + 1000;
        }

        Assert.True((await log.PutAsync([new PutRecord("key", "-1 last"u8.ToArray())], Cancel)).Single().IsAccepted);
        List<StreamRecord> read = [];
        foreach (var shard in await log.ListShardsAsync(Cancel))
        {
            await using var reader = await log.OpenAsync(shard.Id, ShardPosition.TrimHorizon, Cancel);
            read.AddRange(await FollowAsync(reader, new CancellationToken(canceled: true)));
        }

        await enough.CancelAsync();
        var followed = (await Task.WhenAll(live)).SelectMany(records => records).ToList();
        foreach (var reader in readers)
        {
            await reader.DisposeAsync();
        }

        int Take(string line)
        {
            if (!line.StartsWith("accepted ", StringComparison.Ordinal))
            {
                return 0;
            }

            accepted.Add(int.Parse(line["accepted ".Length..], CultureInfo.InvariantCulture));
            return 1;
        }

        var ids = read.Select(Id).ToHashSet();
        Assert.Equal(read.Count, ids.Count);
        Assert.All(accepted, first => Assert.Superset(Enumerable.Range(first, 10).ToHashSet(), ids));
        Assert.All(read.Where(record => Id(record) >= 0), record => Assert.Equal($"{Id(record)} {new string('x', Id(record) * 7919 % 20_000)}", Encoding.UTF8.GetString(record.Data.Span)));
        Assert.All(read.GroupBy(record => record.PartitionKey), key => Assert.Equal(key.Select(Id).Order(), key.Key == "key" ? key.Select(Id).Order() : key.Select(Id)));

        // Who read all the while saw the same, each record once.
        Assert.Equal(read.Select(record => (record.ShardId, record.Sequence)).Order(), followed.Select(record => (record.ShardId, record.Sequence)).Order());
    }

    /// <summary>Reads until there is nothing more after it was told that this is enough.</summary>
    private static async Task<List<StreamRecord>> FollowAsync(IShardReader reader, CancellationToken enough)
    {
        List<StreamRecord> records = [];
        while (true)
        {
            var isEnough = enough.IsCancellationRequested;
            var batch = await reader.ReadAsync(cancellationToken: Cancel);
            Assert.False(batch.HasGap);
            records.AddRange(batch.Records);
            if (isEnough && batch.Records.IsEmpty)
            {
                return records;
            }
        }
    }

    private static int Id(StreamRecord record) => int.Parse(Encoding.UTF8.GetString(record.Data.Span).Split(' ')[0], CultureInfo.InvariantCulture);
}
