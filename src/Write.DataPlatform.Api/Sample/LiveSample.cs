using System.Globalization;
using System.Text.Json;
using Write.DataPlatform.Model;
using Write.DataPlatform.Streaming;
using Write.DataPlatform.Streaming.Batches;

namespace Write.DataPlatform.Api.Sample;

/// <summary>Sends visits as they would be made now to the sample's stream, a few a second, so that today's numbers move.</summary>
internal sealed partial class LiveSample(ModelStore models, EventIngest ingest, TimeProvider time, ILogger<LiveSample> logger) : BackgroundService
{
    /// <summary>The sample's stream.</summary>
    public const string Stream = "visits";

    private const int MostAtOnce = 4;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly string?[] Countries = ["FR", "FR", "DE", "DE", "GB", "US", "ES", "IT", null];
    private static readonly string[] Devices = ["mobile", "mobile", "desktop", "tablet", "tv"];
    private static readonly string[] Referrers = ["direct", "search", "social", "newsletter"];
    private static readonly string[] Customers = ["acme", "acme", "globex", "initech", "umbrella"];

    /// <summary>Some visits that began within the last second.</summary>
    public static IEnumerable<byte[]> Visits(DateTimeOffset now, Random random)
    {
        for (var i = 0; i < random.Next(1, MostAtOnce + 1); i++)
        {
            var began = now - TimeSpan.FromMilliseconds(random.Next(1000));
            var pages = 1 + (int)Math.Floor(-2 * Math.Log(1 - random.NextDouble()));
            yield return JsonSerializer.SerializeToUtf8Bytes(new
            {
                visit_id = now.ToUnixTimeMilliseconds() * 100 + i,
                visitor_id = 1 + (long)(60_000 * Math.Pow(random.NextDouble(), 2)),
                customer = Customers[random.Next(Customers.Length)],
                occurred_at = began.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture),
                country = Countries[random.Next(Countries.Length)],
                device = Devices[random.Next(Devices.Length)],
                referrer = Referrers[random.Next(Referrers.Length)],
                show_id = random.Next(5) == 0 ? (long?)null : random.Next(1, 61),
                page_count = pages,
                is_bounce = pages == 1 && random.Next(2) == 0,
                duration_seconds = pages * random.Next(10, 200),
                loaded_at = now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture),
            });
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var random = new Random();
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                try
                {
                    if (models.Current is var model && model.Streams.TryGetValue(Stream, out var stream))
                    {
                        await ingest.PutAsync(model, stream, [.. Visits(time.GetUtcNow(), random).Select(v => (ReadOnlyMemory<byte>)v)], stoppingToken);
                    }
                }
                catch (StreamException exception)
                {
                    LogNotSent(exception);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    [LoggerMessage(861, LogLevel.Warning, "Sample events could not be sent; it is tried again")]
    private partial void LogNotSent(Exception exception);
}
