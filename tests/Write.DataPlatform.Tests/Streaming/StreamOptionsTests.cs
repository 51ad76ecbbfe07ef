using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Write.DataPlatform.StandIns;
using Write.DataPlatform.Streaming;
using Write.DataPlatform.Streaming.Kinesis;
using Write.DataPlatform.Streaming.Local;
using Write.DataPlatform.Tests.Gold;

namespace Write.DataPlatform.Tests.Streaming;

public sealed class StreamOptionsTests
{
    [Fact]
    public void All_that_is_wrong_is_told_at_once()
    {
        using var services = Services(
            ("LeaseDuration", "00:00:01"),
            ("LookInterval", "00:00:10"),
            ("CheckpointInterval", "-00:00:01"),
            ("Local:Path", " "),
            ("Local:Partitions", "0"),
            ("Local:SegmentMegabytes", "64"),
            ("Local:MaxMegabytes", "100"),
            ("Kinesis:PutAttempts", "0"));
        var failures = Assert.Throws<OptionsValidationException>(() => services.GetRequiredService<IOptions<StreamOptions>>().Value).Failures;
        Assert.Equal(
            ["CheckpointInterval", "Kinesis:PutAttempts", "LeaseDuration", "Local:MaxMegabytes", "Local:Partitions", "Local:Path", "LookInterval"],
            failures.Select(failure => failure.Split(' ')[0][(StreamOptions.Section.Length + 1)..]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_kind_says_what_streams_are()
    {
        using var folder = new TempFolder();
        await using (var services = Services(("Local:Path", folder.Path)))
        {
            var streams = services.GetRequiredService<IEventStreams>();
            Assert.Same(Assert.IsType<LocalStream>(streams.Get("visits")), streams.Get("visits"));
            Assert.All(["", "..", "a/b", new string('x', 129)], name => Assert.Equal(StreamErrorCodes.NotFound, Assert.Throws<StreamException>(() => streams.Get(name)).Code));
        }

        await using (var services = Services(("Kind", "Kinesis")))
        {
            Assert.IsType<KinesisStream>(services.GetRequiredService<IEventStreams>().Get("visits"));
        }

        await using (var services = Services(("Kind", "None")))
        {
            Assert.Equal(StreamErrorCodes.None, Assert.Throws<StreamException>(() => services.GetRequiredService<IEventStreams>().Get("visits")).Code);
        }
    }

    [Fact]
    public async Task Every_code_is_documented_and_every_documented_code_exists()
    {
        var text = await File.ReadAllTextAsync(Path.Combine(StandIn.Folder, "..", "..", "docs", "streaming.md"), TestContext.Current.CancellationToken);
        var table = text[text.IndexOf("| error | meaning |", StringComparison.Ordinal)..].Split('\n').Skip(2).TakeWhile(line => line.StartsWith('|')).Select(line => line.Split('`')[1]);
        Assert.Equal(
            typeof(StreamErrorCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (string)field.GetRawConstantValue()!).Order(StringComparer.Ordinal),
            table.Order(StringComparer.Ordinal));
    }

    private static ServiceProvider Services(params (string Name, string Value)[] settings)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings.ToDictionary(s => $"{StreamOptions.Section}:{s.Name}", s => (string?)s.Value)).Build();
        return new ServiceCollection().AddLogging().AddStreaming(configuration).BuildServiceProvider();
    }
}
