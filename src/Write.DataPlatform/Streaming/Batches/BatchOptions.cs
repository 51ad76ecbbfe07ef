using Microsoft.Extensions.Options;

namespace Write.DataPlatform.Streaming.Batches;

/// <summary>How events become windows: section <c>DataPlatform:MicroBatches</c>.</summary>
public sealed class BatchOptions
{
    /// <summary>The section's name.</summary>
    public const string Section = "DataPlatform:MicroBatches";

    /// <summary>How often what was counted is written, where events come without a pause; at a pause it is written at once.</summary>
    /// <value>Default: 2 seconds.</value>
    public TimeSpan WriteInterval { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How often events are written to the lake and the checkpoint moves. What came since is read again after a crash.</summary>
    /// <value>Default: 1 minute.</value>
    public TimeSpan LandInterval { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a shard is quiet before the clock moves its watermark.</summary>
    /// <value>Default: 5 seconds.</value>
    public TimeSpan IdleAfter { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How far ahead of its arrival an event's time may be.</summary>
    /// <value>Default: 5 minutes.</value>
    public TimeSpan MaxFuture { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How far behind its arrival an event's time may be; what lies between this and the allowed lateness goes to the lake alone.</summary>
    /// <value>Default: 400 days.</value>
    public TimeSpan MaxAge { get; set; } = TimeSpan.FromDays(400);

    /// <summary>Events of one window and shard that are counted as one; a hot window is counted in several pieces.</summary>
    /// <value>Default: 100,000.</value>
    public int ChunkEvents { get; set; } = 100_000;

    /// <summary>Events of open windows of one shard whose ids are remembered; beyond, the oldest window is closed early.</summary>
    /// <value>Default: 2,000,000.</value>
    public int MaxOpenEvents { get; set; } = 2_000_000;

    /// <summary>The longest text of an event, in bytes of its JSON.</summary>
    /// <value>Default: 65,536.</value>
    public int MaxTextBytes { get; set; } = 65_536;

    /// <summary>The longest event, in bytes.</summary>
    /// <value>Default: 262,144.</value>
    public int MaxEventBytes { get; set; } = 262_144;

    /// <summary>Memory for the open windows of all shards, in MiB; beyond, they spill to disk.</summary>
    /// <value>Default: 512.</value>
    public int MemoryMegabytes { get; set; } = 512;

    /// <summary>Whether events are written to the lake's folder. Automatic: if the lake is a folder and the stream is the local log.</summary>
    /// <value>Default: <see cref="LandingMode.Auto"/>.</value>
    public LandingMode Landing { get; set; }

    /// <summary>The folder for rows on their way; every process makes its own inside.</summary>
    /// <value>Default: <c>work</c> in <c>DataPlatform:Data</c>.</value>
    public string WorkPath { get; set; } = "";
}

/// <summary>Who writes events to the lake.</summary>
public enum LandingMode
{
    /// <summary>The stream, if it is the local log and the lake is a folder; else another.</summary>
    Auto,

    /// <summary>The stream.</summary>
    On,

    /// <summary>Another, as Firehose does.</summary>
    Off,
}

internal sealed class BatchOptionsValidator : IValidateOptions<BatchOptions>
{
    public ValidateOptionsResult Validate(string? name, BatchOptions options)
    {
        List<string> failures = [];
        void Check(bool isGood, string setting, object value, string rule)
        {
            if (!isGood)
            {
                failures.Add($"{BatchOptions.Section}:{setting} is {value}; it must be {rule}.");
            }
        }

        void Span(string setting, TimeSpan value, TimeSpan most) => Check(value >= TimeSpan.Zero && value <= most, setting, value, $"from zero to {most}");
        Span(nameof(options.WriteInterval), options.WriteInterval, TimeSpan.FromMinutes(1));
        Span(nameof(options.LandInterval), options.LandInterval, TimeSpan.FromMinutes(5));
        Span(nameof(options.IdleAfter), options.IdleAfter, TimeSpan.FromMinutes(5));
        Span(nameof(options.MaxFuture), options.MaxFuture, TimeSpan.FromDays(1));
        Check(options.MaxAge >= TimeSpan.FromDays(1), nameof(options.MaxAge), options.MaxAge, "at least a day");
        Check(options.ChunkEvents is >= 1 and <= 1_000_000, nameof(options.ChunkEvents), options.ChunkEvents, "from 1 to 1000000");
        Check(options.MaxOpenEvents >= 1, nameof(options.MaxOpenEvents), options.MaxOpenEvents, "at least 1");
        Check(options.MaxTextBytes >= 1, nameof(options.MaxTextBytes), options.MaxTextBytes, "at least 1");
        Check(options.MaxEventBytes >= 2, nameof(options.MaxEventBytes), options.MaxEventBytes, "at least 2");
        Check(options.MemoryMegabytes >= 64, nameof(options.MemoryMegabytes), options.MemoryMegabytes, "at least 64");
        Check(Enum.IsDefined(options.Landing), nameof(options.Landing), options.Landing, "Auto, On or Off");
        Check(options.WorkPath.Length > 0, nameof(options.WorkPath), "empty", "a folder for temporary files");
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }
}
