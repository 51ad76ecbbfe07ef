using System.Buffers;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Write.DataPlatform.Insights;

/// <summary>An answer in one format: written once and sent as it is, or, if it is large, the rows to write.</summary>
[ImmutableObject(true)]
internal sealed class StoredAnswer
{
    private StoredAnswer(ReadOnlyMemory<byte> body, MetricAnswer? rows, string? next) => (Body, Rows, Next) = (body, rows, next);

    /// <summary>The answer's bytes; empty for one that is to be written.</summary>
    public ReadOnlyMemory<byte> Body { get; }

    /// <summary>The rows of an answer that is too large to be kept; null for one that is written.</summary>
    public MetricAnswer? Rows { get; }

    /// <summary>The cursor of the following rows; null if there are none.</summary>
    public string? Next { get; }

    public static StoredAnswer Written(ReadOnlyMemory<byte> body, string? next) => new(body, null, next);

    public static StoredAnswer ToWrite(MetricAnswer rows) => new(default, rows, rows.Next);
}

/// <summary>
/// Answers as they were sent, in bounded memory. Those who ask the same at once share one piece of work. Failures are not kept. See docs/decisions/0010-what-may-be-cached.md.
/// </summary>
internal sealed class AnswerCache : IAsyncDisposable
{
    /// <summary>An answer with more values (rows times columns) is sent and not kept.</summary>
    public const int MaxKeptValues = 50_000;

    private const int MaxKeptBytes = 4 << 20;

    // The key moves whenever the answer does, so what is not asked for any more is all that this removes.
    private static readonly TimeSpan Kept = TimeSpan.FromHours(1);

    private readonly IOptions<AnswerOptions> _options;
    private readonly TimeProvider _clock;
    private readonly long _began;
    private readonly ServiceProvider? _services;
    private readonly HybridCache? _cache;

    public AnswerCache(IOptions<AnswerOptions> options, TimeProvider clock)
    {
        (_options, _clock, _began) = (options, clock, clock.GetTimestamp());
        if (options.Value.CacheMegabytes == 0)
        {
            return;
        }

        // A memory of its own: its bound is of these answers alone.
        var services = new ServiceCollection();
        services.AddMemoryCache(memory => memory.SizeLimit = options.Value.CacheMegabytes * 1024L * 1024);
        services.AddHybridCache(cache =>
        {
            cache.MaximumPayloadBytes = MaxKeptBytes;
            cache.DefaultEntryOptions = new HybridCacheEntryOptions { Expiration = Kept, LocalCacheExpiration = Kept };
        }).AddSerializer<StoredAnswer, Serializer>();
        _services = services.BuildServiceProvider();
        _cache = _services.GetRequiredService<HybridCache>();
    }

    /// <summary>The name under which an answer is kept; null if it may not be kept, for the lake is asked each time.</summary>
    public string? KeyOf(PlannedQuery planned, string format)
    {
        if (_cache is null)
        {
            return null;
        }

        if (!planned.NeedsLake)
        {
            return planned.Tag + ":" + format;
        }

        // What the lake said is another answer after a while, by name: nobody sees one that is older than the setting, also if the time of day is set back.
        var age = _options.Value.LakeMaxAge;
        return age == TimeSpan.Zero ? null : string.Create(CultureInfo.InvariantCulture, $"{planned.Tag}:{format}:{_clock.GetElapsedTime(_began).Ticks / age.Ticks}");
    }

    /// <summary>The answer of that name, if it is here.</summary>
    public async ValueTask<StoredAnswer?> FindAsync(string key, CancellationToken cancellationToken = default)
    {
        var found = _cache is null ? null : await _cache.GetOrCreateAsync<StoredAnswer?>(key, static _ => default, OnlyRead, cancellationToken: cancellationToken);
        if (found is not null)
        {
            Telemetry.CacheLookups.Add(1, new KeyValuePair<string, object?>("hit", true));
        }

        return found;
    }

    /// <summary>The answer of that name, made if it is not here. Whoever asks for it in the meantime waits for the same work; it is given up when the last of them leaves.</summary>
    /// <param name="key">The name; null for one that is not kept.</param>
    /// <param name="make">Makes it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<StoredAnswer> GetAsync(string? key, Func<CancellationToken, ValueTask<StoredAnswer>> make, CancellationToken cancellationToken = default)
    {
        if (key is null || _cache is null)
        {
            return await make(cancellationToken);
        }

        var isMade = false;
        // The cache runs the work on a thread that knows nothing of the request.
        var activity = Activity.Current;
        try
        {
            return await _cache.GetOrCreateAsync(
                key,
                async token =>
                {
                    (isMade, Activity.Current) = (true, activity);
                    var answer = await make(token);
                    return answer.Rows is null ? answer : throw new TooLargeToKeepException(answer);
                },
                cancellationToken: cancellationToken);
        }
        catch (TooLargeToKeepException large)
        {
            return large.Answer;
        }
        finally
        {
            Telemetry.CacheLookups.Add(1, new KeyValuePair<string, object?>("hit", !isMade));
        }
    }

    public ValueTask DisposeAsync() => _services?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>Goes past the cache, which keeps no failures, to all who wait.</summary>
    private sealed class TooLargeToKeepException(StoredAnswer answer) : Exception
    {
        public StoredAnswer Answer { get; } = answer;
    }

    private static readonly HybridCacheEntryOptions OnlyRead = new() { Flags = HybridCacheEntryFlags.DisableUnderlyingData };

    /// <summary>Says how much memory an answer takes; there is no second place where it would be kept.</summary>
    private sealed class Serializer : IHybridCacheSerializer<StoredAnswer>
    {
        public StoredAnswer Deserialize(ReadOnlySequence<byte> source)
        {
            var bytes = source.ToArray();
            var next = BitConverter.ToInt32(bytes);
            return StoredAnswer.Written(bytes.AsMemory(sizeof(int) + next), next == 0 ? null : Encoding.UTF8.GetString(bytes, sizeof(int), next));
        }

        public void Serialize(StoredAnswer value, IBufferWriter<byte> target)
        {
            var next = Encoding.UTF8.GetBytes(value.Next ?? "");
            target.Write(BitConverter.GetBytes(next.Length));
            target.Write(next);
            target.Write(value.Body.Span);
        }
    }
}
