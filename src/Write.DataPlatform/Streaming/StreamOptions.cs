using Microsoft.Extensions.Options;

namespace Write.DataPlatform.Streaming;

/// <summary>The streams' settings: <c>DataPlatform:Stream</c>.</summary>
public sealed class StreamOptions
{
    internal const string Section = "DataPlatform:Stream";

    /// <summary>Where events come from.</summary>
    /// <value>Default <see cref="StreamKind.Local"/>.</value>
    public StreamKind Kind { get; set; } = StreamKind.Local;

    /// <summary>The local log.</summary>
    public LocalLogOptions Local { get; set; } = new();

    /// <summary>Kinesis.</summary>
    public KinesisOptions Kinesis { get; set; } = new();

    /// <summary>Where a consumer begins in a shard that it has no checkpoint of.</summary>
    /// <value>Default <see cref="StreamStart.TrimHorizon"/>.</value>
    public StreamStart Start { get; set; } = StreamStart.TrimHorizon;

    /// <summary>How long a worker that went silent keeps its shards, 2 seconds to 5 minutes. Another takes them after about a third more.</summary>
    /// <value>Default 15 seconds.</value>
    public TimeSpan LeaseDuration { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How often a worker looks for shards and leases, 200 milliseconds to 1 minute, and at most a third of <see cref="LeaseDuration"/>.</summary>
    /// <value>Default 3 seconds.</value>
    public TimeSpan LookInterval { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>The least time between two checkpoints of one shard, 0 to 5 minutes; at the end and when a worker stops one is written at once.</summary>
    /// <value>Default 5 seconds.</value>
    public TimeSpan CheckpointInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The lag from which on <c>/health</c> is Degraded, 1 second to 7 days.</summary>
    /// <value>Default 5 minutes.</value>
    public TimeSpan MaxLag { get; set; } = TimeSpan.FromMinutes(5);
}

/// <summary>The streams there are.</summary>
public enum StreamKind
{
    /// <summary>A log in files of this computer.</summary>
    Local,

    /// <summary>Amazon Kinesis Data Streams.</summary>
    Kinesis,

    /// <summary>None.</summary>
    None,
}

/// <summary>Where a consumer begins that was never there before.</summary>
public enum StreamStart
{
    /// <summary>With the oldest record that is kept.</summary>
    TrimHorizon,

    /// <summary>With what arrives from its first start on.</summary>
    Latest,
}

/// <summary>When the local log makes sure that records are on the disk.</summary>
public enum FlushPolicy
{
    /// <summary>Before they are accepted: they survive a power cut.</summary>
    Always,

    /// <summary>Every <see cref="LocalLogOptions.FlushInterval"/>: they survive a crash of the process, and a power cut takes the last moments.</summary>
    Interval,

    /// <summary>When the operating system likes.</summary>
    Never,
}

/// <summary>The local log's settings: <c>DataPlatform:Stream:Local</c>.</summary>
public sealed class LocalLogOptions
{
    /// <summary>The folder of the logs; a relative path is taken from the working directory.</summary>
    /// <value>Default <c>streams</c> in the data folder (<c>DataPlatform:Data</c>).</value>
    public string? Path { get; set; }

    /// <summary>How many partitions a new log gets, 1 to 256; a log that is there keeps its number.</summary>
    /// <value>Default 4.</value>
    public int Partitions { get; set; } = 4;

    /// <summary>When records are on the disk.</summary>
    /// <value>Default <see cref="FlushPolicy.Always"/>.</value>
    public FlushPolicy Flush { get; set; } = FlushPolicy.Always;

    /// <summary>The interval of <see cref="FlushPolicy.Interval"/>, 10 milliseconds to 1 minute.</summary>
    /// <value>Default 1 second.</value>
    public TimeSpan FlushInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The size from which on a new file is begun, in MiB, 1 to 1024.</summary>
    /// <value>Default 64.</value>
    public int SegmentMegabytes { get; set; } = 64;

    /// <summary>How long records are kept at least, 1 minute to 10 years; whole files are removed.</summary>
    /// <value>Default 7 days.</value>
    public TimeSpan Retention { get; set; } = TimeSpan.FromDays(7);

    /// <summary>The most that one partition may hold, in MiB, twice <see cref="SegmentMegabytes"/> to 1,048,576: the oldest files are removed, however young.</summary>
    /// <value>Default 4096.</value>
    public int MaxMegabytes { get; set; } = 4096;
}

/// <summary>Kinesis' settings: <c>DataPlatform:Stream:Kinesis</c>; region, profile and address are those of the section <c>AWS</c>.</summary>
public sealed class KinesisOptions
{
    /// <summary>How often a shard that has nothing new is asked, 200 milliseconds to 1 minute. A shard takes 5 calls a second of all its readers together.</summary>
    /// <value>Default 1 second.</value>
    public TimeSpan PollInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How often records that Kinesis throttled are put at most, 1 to 20.</summary>
    /// <value>Default 6.</value>
    public int PutAttempts { get; set; } = 6;
}

/// <summary>Reports every wrong setting of <see cref="StreamOptions"/> at once.</summary>
internal sealed class StreamOptionsValidator : IValidateOptions<StreamOptions>
{
    public ValidateOptionsResult Validate(string? name, StreamOptions options)
    {
        var failures = new List<string>();
        Defined("Kind", options.Kind);
        Defined("Start", options.Start);
        Between("LeaseDuration", options.LeaseDuration, TimeSpan.FromSeconds(2), TimeSpan.FromMinutes(5));
        Between("LookInterval", options.LookInterval, TimeSpan.FromMilliseconds(200), TimeSpan.FromMinutes(1));
        Between("CheckpointInterval", options.CheckpointInterval, TimeSpan.Zero, TimeSpan.FromMinutes(5));
        Between("MaxLag", options.MaxLag, TimeSpan.FromSeconds(1), TimeSpan.FromDays(7));
        if (options.LookInterval > options.LeaseDuration / 3)
        {
            failures.Add($"{StreamOptions.Section}:LookInterval is {options.LookInterval}; it must be at most a third of LeaseDuration ({options.LeaseDuration}).");
        }

        var local = options.Local;
        if (options.Kind == StreamKind.Local && string.IsNullOrWhiteSpace(local.Path))
        {
            failures.Add($"{StreamOptions.Section}:Local:Path is empty.");
        }

        Defined("Local:Flush", local.Flush);
        Between("Local:Partitions", local.Partitions, 1, 256);
        Between("Local:FlushInterval", local.FlushInterval, TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(1));
        Between("Local:SegmentMegabytes", local.SegmentMegabytes, 1, 1024);
        Between("Local:Retention", local.Retention, TimeSpan.FromMinutes(1), TimeSpan.FromDays(3653));
        Between("Local:MaxMegabytes", local.MaxMegabytes, 2 * Math.Clamp(local.SegmentMegabytes, 1, 1024), 1_048_576);
        Between("Kinesis:PollInterval", options.Kinesis.PollInterval, TimeSpan.FromMilliseconds(200), TimeSpan.FromMinutes(1));
        Between("Kinesis:PutAttempts", options.Kinesis.PutAttempts, 1, 20);
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);

        void Defined<T>(string setting, T value)
            where T : struct, Enum
        {
            if (!Enum.IsDefined(value))
            {
                failures.Add($"{StreamOptions.Section}:{setting} is '{value}'; it must be {string.Join(" or ", Enum.GetNames<T>())}.");
            }
        }

        void Between<T>(string setting, T value, T min, T max)
            where T : IComparable<T>
        {
            if (value.CompareTo(min) < 0 || value.CompareTo(max) > 0)
            {
                failures.Add($"{StreamOptions.Section}:{setting} is {value}; it must be between {min} and {max}.");
            }
        }
    }
}
