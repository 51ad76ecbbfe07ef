using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Write.DataPlatform.Streaming.Kinesis;
using Write.DataPlatform.Streaming.Kinesis.Client;
using Write.DataPlatform.Streaming.Local;

namespace Write.DataPlatform.Streaming;

/// <summary>The streams of the settings' kind; disposed of, it closes the local logs.</summary>
internal sealed partial class EventStreams(IOptions<StreamOptions> options, Func<IAmazonKinesis> kinesis, TimeProvider time, ILogger<LocalStream> logger) : IEventStreams, IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, Lazy<IEventStream>> _streams = new(StringComparer.Ordinal);

    public IEventStream Get(string name)
    {
        if (!Name().IsMatch(name) || name is "." or "..")
        {
            throw new StreamException(StreamErrorCodes.NotFound, $"'{name}' cannot be a stream's name: 1 to 128 letters, digits, '_', '.' and '-'.", isTransient: false);
        }

        return _streams.GetOrAdd(name, n => new Lazy<IEventStream>(() => Make(n))).Value;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var stream in _streams.Values)
        {
            if (stream is { IsValueCreated: true, Value: IAsyncDisposable log })
            {
                await log.DisposeAsync();
            }
        }
    }

    private IEventStream Make(string name)
    {
        var settings = options.Value;
        return settings.Kind switch
        {
            StreamKind.Local => new LocalStream(name, Path.Combine(Path.GetFullPath(settings.Local.Path!), name), settings.Local, time, logger),
            StreamKind.Kinesis => new KinesisStream(kinesis, name, settings.Kinesis, time),
            _ => throw new StreamException(StreamErrorCodes.None, $"No stream is configured: set {StreamOptions.Section}:Kind to Local or Kinesis.", isTransient: false),
        };
    }

    [GeneratedRegex("^[A-Za-z0-9_.-]{1,128}$", RegexOptions.CultureInvariant)]
    private static partial Regex Name();
}
