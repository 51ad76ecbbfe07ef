using Microsoft.Extensions.Options;

namespace Write.DataPlatform.Refresh;

/// <summary>How gold tables are refreshed: section <c>DataPlatform:Refresh</c>.</summary>
public sealed class RefreshOptions
{
    /// <summary>The section's name.</summary>
    public const string Section = "DataPlatform:Refresh";

    /// <summary>Tables refreshed at once.</summary>
    /// <value>Default: 1.</value>
    public int MaxTables { get; set; } = 1;

    /// <summary>Partitions of one table refreshed at once.</summary>
    /// <value>Default: 2.</value>
    public int MaxPartitions { get; set; } = 2;

    /// <summary>How often a partition is tried before the run counts it as failed.</summary>
    /// <value>Default: 5.</value>
    public int MaxAttempts { get; set; } = 5;

    /// <summary>The wait before the second try; it doubles with each, with some jitter.</summary>
    /// <value>Default: 2 seconds.</value>
    public TimeSpan RetryDelay { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>The most partitions that a table may have from its first event to now; more mean a wrong time in the lake.</summary>
    /// <value>Default: 5000.</value>
    public int MaxPeriods { get; set; } = 5000;

    /// <summary>Memory for sorting and encoding rows, in MiB.</summary>
    /// <value>Default: 512.</value>
    public int MemoryMegabytes { get; set; } = 512;

    /// <summary>How long after a stream has sealed event time the lake has its events, where another than the stream lands them (Firehose buffers them).</summary>
    /// <value>Default: 15 minutes.</value>
    public TimeSpan LandingDelay { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>The folder for rows on their way; every process makes its own inside.</summary>
    /// <value>Default: <c>work</c> in <c>DataPlatform:Data</c>.</value>
    public string WorkPath { get; set; } = "";
}

internal sealed class RefreshOptionsValidator : IValidateOptions<RefreshOptions>
{
    public ValidateOptionsResult Validate(string? name, RefreshOptions options)
    {
        List<string> failures = [];
        void Check(bool isGood, string setting, object value, string rule)
        {
            if (!isGood)
            {
                failures.Add($"{RefreshOptions.Section}:{setting} is {value}; it must be {rule}.");
            }
        }

        Check(options.MaxTables is >= 1 and <= 64, nameof(options.MaxTables), options.MaxTables, "from 1 to 64");
        Check(options.MaxPartitions is >= 1 and <= 64, nameof(options.MaxPartitions), options.MaxPartitions, "from 1 to 64");
        Check(options.MaxAttempts is >= 1 and <= 100, nameof(options.MaxAttempts), options.MaxAttempts, "from 1 to 100");
        Check(options.RetryDelay > TimeSpan.Zero && options.RetryDelay <= TimeSpan.FromHours(1), nameof(options.RetryDelay), options.RetryDelay, "longer than zero and at most an hour");
        Check(options.MaxPeriods >= 1, nameof(options.MaxPeriods), options.MaxPeriods, "at least 1");
        Check(options.MemoryMegabytes >= 64, nameof(options.MemoryMegabytes), options.MemoryMegabytes, "at least 64");
        Check(options.LandingDelay >= TimeSpan.Zero && options.LandingDelay <= TimeSpan.FromHours(1), nameof(options.LandingDelay), options.LandingDelay, "from zero to an hour");
        Check(options.WorkPath.Length > 0, nameof(options.WorkPath), "empty", "a folder for temporary files");
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }
}
