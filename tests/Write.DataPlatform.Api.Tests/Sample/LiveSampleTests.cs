using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Write.DataPlatform.Api.Commands;
using Write.DataPlatform.Api.Sample;
using Write.DataPlatform.Model;
using Write.DataPlatform.Streaming;
using Write.DataPlatform.Streaming.Batches;

namespace Write.DataPlatform.Api.Tests.Sample;

/// <summary>The trickle of sample events: when it runs, and that all it sends is taken.</summary>
[Collection(typeof(ServerCollection))]
public sealed class LiveSampleTests(ServerFixture server)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(null, true, "All", true)]
    [InlineData(null, false, "All", false)]
    [InlineData(true, false, "All", true)]
    [InlineData(false, true, "All", false)]
    [InlineData(null, true, "Api", false)]
    [InlineData(null, true, "Worker", false)]
    public async Task It_is_on_for_the_samples_model_unless_it_is_said_otherwise(bool? asked, bool isSample, string role, bool isLive)
    {
        var models = Path.Combine(server.Data, "models-of-another");
        foreach (var file in isSample ? [] : Directory.GetFiles(SampleLake.ModelsDirectory, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(models, Path.GetRelativePath(SampleLake.ModelsDirectory, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy, overwrite: true);
        }

        var settings = new Dictionary<string, string?> { ["DataPlatform:Data"] = server.Data, ["urls"] = "http://127.0.0.1:0" };
        if (!isSample)
        {
            settings["DataPlatform:Models"] = models;
        }

        await using var app = DataPlatformHost.Build(new HostSettings(settings, Enum.Parse<Role>(role)) { IsLive = asked });
        Assert.Equal(isLive, app.Services.GetServices<IHostedService>().Any(s => s is LiveSample));
    }

    [Fact]
    public async Task Every_event_that_it_sends_is_taken_and_is_of_the_last_second()
    {
        var folder = Directory.CreateTempSubdirectory("wdp-live-").FullName;
        var (app, client) = await ServerFixture.StartAsync(folder, Role.Api, ("DataPlatform:Lake:Path", Path.Combine(server.Data, "lake")), ("DataPlatform:MicroBatches:Landing", "Off"));
        try
        {
            var models = app.Services.GetRequiredService<ModelStore>();
            var now = app.Services.GetRequiredService<TimeProvider>().GetUtcNow();
            var random = new Random(5);
            var events = Enumerable.Range(0, 50).SelectMany(_ => LiveSample.Visits(now, random)).Select(e => (ReadOnlyMemory<byte>)e).ToList();
            var result = await app.Services.GetRequiredService<EventIngest>().PutAsync(models.Current, models.Current.Streams[LiveSample.Stream], events, Cancel);
            Assert.Equal((events.Count, 0), (result.Accepted, result.Refused.Length));

            // By a clock of its own, second after second.
            var clock = new FakeTimeProvider(now);
            using var live = new LiveSample(models, app.Services.GetRequiredService<EventIngest>(), clock, NullLogger<LiveSample>.Instance);
            await live.StartAsync(Cancel);
            var log = app.Services.GetRequiredService<IEventStreams>().Get(models.Current.Streams[LiveSample.Stream].StreamSource);
            var count = await CountAsync(log, events.Count + 1, () => clock.Advance(TimeSpan.FromSeconds(1)));
            await live.StopAsync(Cancel);
            Assert.InRange(count, events.Count + 1, int.MaxValue);
        }
        finally
        {
            client.Dispose();
            await app.StopAsync(CancellationToken.None);
            await app.DisposeAsync();
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Counts records from the beginning on until there are so many.</summary>
    private static async Task<int> CountAsync(IEventStream log, int least, Action between)
    {
        var count = 0;
        var readers = new List<IShardReader>();
        foreach (var shard in await log.ListShardsAsync(Cancel))
        {
            readers.Add(await log.OpenAsync(shard.Id, ShardPosition.TrimHorizon, Cancel));
        }

        while (count < least)
        {
            between();
            foreach (var reader in readers)
            {
                count += (await reader.ReadAsync(cancellationToken: Cancel)).Records.Length;
            }
        }

        foreach (var reader in readers)
        {
            await reader.DisposeAsync();
        }

        return count;
    }
}
